"""One run of an RMonitor feed: records in, events out.

**Time.** ``at`` is the feed's race time in ms. For a crossing it is the total time of ``$J``
and ``$G``, exact to the millisecond. For a flag, an entry or a retirement it is the race time
of the last ``$F``, in whole seconds, and never before a crossing that the feed sent earlier
in the same second. ``$L`` has a time of day, which is converted by the offset between the two
clocks, taken from finish line crossings known in both. Before the start ``at`` is 0.

How each record is interpreted is documented in ``rmonitor_laps``, ``rmonitor_bests``,
``rmonitor_entries`` and ``rmonitor_clock``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from events.base import Event
from events.corrections import LapAmended
from events.formats.rmonitor import (
    ClassNamed,
    Competitor,
    CompetitorDetails,
    CorrectedTime,
    Crossing,
    Heartbeat,
    Passing,
    PastLap,
    QualifyingInformation,
    RaceInformation,
    Received,
    Record,
    RunNamed,
    Setting,
    SortMode,
)
from events.formats.rmonitor_bests import RunBests
from events.formats.rmonitor_clock import RunClock
from events.formats.rmonitor_entries import Entries, RunOptions
from events.formats.rmonitor_laps import RunLaps
from events.formats.rmonitor_recorded import AT_THE_LINE_MS, RecordedRun
from events.running import PitEntered, PitExited
from events.session import SessionEnded

CarRecord = QualifyingInformation | Passing | RaceInformation | PastLap | CorrectedTime | Crossing


@dataclass(slots=True)
class Run:
    """The state of a run, and the part of it that is recorded in events."""

    recorded: RecordedRun
    entries: Entries
    clock: RunClock
    laps: RunLaps
    bests: RunBests
    refused: int = 0
    """The number of records with values that no event can hold, such as a 40-letter number."""

    _received: datetime | None = None
    _lines: dict[str, Crossing] = field(default_factory=dict)

    @classmethod
    def of(cls, recorded: RecordedRun, entries: Entries) -> Run:
        """Return a run with new clocks and laps."""
        clock = RunClock(recorded, entries)
        return cls(recorded, entries, clock, RunLaps(recorded), RunBests(recorded))

    @classmethod
    def resumed(cls, options: RunOptions, recorded: RecordedRun) -> Run:
        """Return a run that is partly recorded, or not at all."""
        recorded.clock = recorded.newest
        return cls.of(recorded, Entries.resumed(recorded, options))

    def restarted(self) -> Run:
        """Return a new run with this run's entries and names, after its clock restarted."""
        recorded = RecordedRun()
        run = Run.of(recorded, self.entries.carried_over(recorded))
        run._received = self._received
        return run

    def take(self, record: Record) -> list[Event]:
        """Return the new events that follow from a record."""
        try:
            self._take(record)
        except ValidationError:
            self.refused += 1
        return self.recorded.take_events()

    def settle(self) -> list[Event]:
        """Return the events that what is still held gives, at the end of the feed."""
        self.entries.settle()
        self.bests.end()
        return self.recorded.take_events()

    def end(self) -> list[Event]:
        """End the run because the feed switched to another: a race after its flag is over."""
        self.bests.end()
        if self.recorded.over and not self.recorded.ended:
            self.recorded.record_now(SessionEnded, reason="the timing went on to another run")
        return self.recorded.take_events()

    def _take(self, record: Record) -> None:
        entries = self.entries
        match record:
            case Received(at=at):
                self._received = at
            case RunNamed(run=run, name=name):
                entries.named(run, name)
            case SortMode(mode=mode):
                entries.sorted_by(mode)
            case ClassNamed(class_id=class_id, name=name):
                entries.class_named(class_id, name)
            case Setting(name=name, value=value):
                entries.setting(name, value)
            case Competitor() | CompetitorDetails():
                entries.competitor(record)
            case Heartbeat():
                self._heartbeat(record)
            case Crossing(car=reg):
                self._car_record(reg, record)
            case (
                QualifyingInformation()
                | Passing()
                | RaceInformation()
                | PastLap()
                | CorrectedTime()
            ):
                self._car_record(record.reg, record)
            case _:
                pass  # the remaining records only serve displays

    def _heartbeat(self, beat: Heartbeat) -> None:
        before = self.recorded.clock
        if self.clock.heartbeat(beat, self._received):
            if self.recorded.clock < before:
                self.laps.clock_set_back(self.recorded.clock)
            self.entries.settle()
            self.clock.show_flag(beat)
            if self.clock.restarted:
                self.bests.forget()
            self.bests.heartbeat()

    def _car_record(self, reg: str, record: CarRecord) -> None:
        self.entries.settle()
        car = self.entries.car(reg)
        if car is None:
            self.refused += 1
            return
        match record:
            case QualifyingInformation(lap=lap):
                self.laps.best_laps[car] = lap or 0
                self.bests.take(car, record)
            case Passing():
                self.laps.passing(car, record)
            case RaceInformation():
                self.laps.race_information(car, record)
                self.bests.standing(car, record)
            case PastLap():
                self.laps.past_lap(car, record)
            case CorrectedTime():
                self.laps.corrected(car, record)
            case Crossing():
                self._crossing(car, record)
        self._set_clock(car)

    # -- Lines ($L, in IMSA's enhanced form) -------------------------------------------

    def _crossing(self, car: str, crossing: Crossing) -> None:
        recorded = self.recorded
        if crossing.kind.startswith("SF"):
            self._lines[car] = crossing
            self._set_clock(car)
        at = self.clock.race_time(crossing.time_of_day_ms)
        if at is None:
            return
        if crossing.kind == "PIP" and car not in recorded.in_lane:
            recorded.record(PitEntered, at, car=car)
        elif crossing.kind == "POP" and car in recorded.in_lane:
            recorded.record(PitExited, at, car=car)
        elif crossing.kind == "SFP":
            self._finish_line_in_lane(car, at)

    def _finish_line_in_lane(self, car: str, at: int) -> None:
        """Mark a lap as ended in the lane: the next one, or the one recorded just now."""
        self.laps.in_lane_at[car] = at
        last = self.recorded.last(car)
        if last and abs(last.at - at) <= AT_THE_LINE_MS and not last.in_pit_lane:
            reason = "the finish line was crossed in the lane"
            self.recorded.record_now(
                LapAmended, car=car, lap=last.lap, in_pit_lane=True, reason=reason
            )

    def _set_clock(self, car: str) -> None:
        """Set the clock offset by a crossing that is known in both times."""
        crossing, last = self._lines.get(car), self.recorded.last(car)
        if crossing is None or last is None or crossing.time_of_day_ms is None:
            return
        crossed = self.clock.race_time(crossing.time_of_day_ms)
        if crossed is not None and abs(crossed - last.at) <= AT_THE_LINE_MS:
            self.clock.set_by(crossing.time_of_day_ms, last.at)
            del self._lines[car]
