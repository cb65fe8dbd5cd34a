"""One run of an RMonitor feed, from records to events.

**Time.** ``at`` is the race time of the feed, in ms: of a crossing the total time that
``$J`` and ``$G`` give, to the millisecond; of a flag, an entry or a retirement the race
time of the last ``$F``, in whole seconds, and never before a crossing that the feed told
earlier in the same second. ``$L`` gives a time of day, which is set against the race time
by the finish line crossings that both tell of. Before the start it is 0.

What each kind of record comes to is told in the modules of laps, entries and clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from events.base import Event
from events.corrections import LapAmended
from events.formats.rmonitor import (
    BestLap,
    ClassNamed,
    Competitor,
    CompetitorMore,
    Corrected,
    Crossing,
    Heartbeat,
    Passing,
    PastLap,
    Received,
    Record,
    RunNamed,
    Setting,
    Standing,
)
from events.formats.rmonitor_clock import Clock
from events.formats.rmonitor_entries import Entries, Wishes
from events.formats.rmonitor_laps import Laps
from events.formats.rmonitor_told import AT_THE_LINE_MS, Told
from events.running import PitEntered, PitExited
from events.session import SessionEnded

AboutCar = BestLap | Passing | Standing | PastLap | Corrected | Crossing


@dataclass(slots=True)
class Run:
    """A run: what the feed says of it, and what was told of that."""

    told: Told
    entries: Entries
    clock: Clock
    laps: Laps
    refused: int = 0
    """How many records held what no event can hold, such as a car number of 40 letters."""

    _received: datetime | None = None
    _lines: dict[str, Crossing] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Told, entries: Entries) -> Run:
        """A run that was told so far, or that begins."""
        return cls(told, entries, Clock(told, entries), Laps(told))

    @classmethod
    def taken_up(cls, wishes: Wishes, told: Told) -> Run:
        """A run that was told up to some moment, or not at all."""
        told.clock = told.newest
        return cls.of(told, Entries.taken_up(told, wishes))

    def begun_again(self) -> Run:
        """A new run with the entries and names of this one, whose clock began anew."""
        told = Told()
        run = Run.of(told, self.entries.again(told))
        run._received = self._received
        return run

    def take(self, record: Record) -> list[Event]:
        """The events that a record tells, those that are new."""
        try:
            self._take(record)
        except ValidationError:
            self.refused += 1
        return self.told.take_news()

    def settle(self) -> list[Event]:
        """The events that open the session, or bring its entries up to date."""
        self.entries.settle()
        return self.told.take_news()

    def end(self) -> list[Event]:
        """The feed has gone on to another run: a race that took the flag is over."""
        if self.told.flag == "chequered" and not self.told.ended:
            self.told.tell_now(SessionEnded, reason="the timing went on to another run")
        return self.told.take_news()

    def _take(self, record: Record) -> None:
        entries = self.entries
        match record:
            case Received(at=at):
                self._received = at
            case RunNamed(run=run, name=name):
                entries.run, entries.name, entries.unsettled = run, name, True
            case ClassNamed(class_id=class_id, name=name):
                entries.class_named(class_id, name)
            case Setting(name=name, value=value):
                entries.setting(name, value)
            case Competitor() | CompetitorMore():
                entries.competitor(record)
            case Heartbeat():
                self._heartbeat(record)
            case Crossing(car=reg):
                self._about_car(reg, record)
            case BestLap() | Passing() | Standing() | PastLap() | Corrected():
                self._about_car(record.reg, record)
            case _:
                pass  # what else there is only concerns other screens

    def _heartbeat(self, beat: Heartbeat) -> None:
        before = self.told.clock
        if self.clock.heartbeat(beat, self._received):
            if self.told.clock < before:
                self.laps.clock_set_back(self.told.clock)
            self.entries.settle()
            self.clock.show_flag(beat)

    def _about_car(self, reg: str, record: AboutCar) -> None:
        self.entries.settle()
        car = self.entries.car(reg)
        if car is None:
            self.refused += 1
            return
        match record:
            case BestLap(lap=lap):
                self.laps.best_laps[car] = lap or 0
            case Passing():
                self.laps.passing(car, record)
            case Standing():
                self.laps.standing(car, record)
            case PastLap():
                self.laps.past_lap(car, record)
            case Corrected():
                self.laps.corrected(car, record)
            case Crossing():
                self._crossing(car, record)
        self._set_clock(car)

    # -- Lines ($L, in IMSA's enhanced form) -------------------------------------------

    def _crossing(self, car: str, crossing: Crossing) -> None:
        told = self.told
        if crossing.kind.startswith("SF"):
            self._lines[car] = crossing
            self._set_clock(car)
        at = self.clock.race_time(crossing.time_of_day_ms)
        if at is None:
            return
        if crossing.kind == "PIP" and car not in told.in_lane:
            told.tell(PitEntered, at, car=car)
        elif crossing.kind == "POP" and car in told.in_lane:
            told.tell(PitExited, at, car=car)
        elif crossing.kind == "SFP":
            self._finish_line_in_lane(car, at)

    def _finish_line_in_lane(self, car: str, at: int) -> None:
        """A lap ends in the lane: the next, or the one that was told just now."""
        self.laps.in_lane_at[car] = at
        last = self.told.last(car)
        if last and abs(last.at - at) <= AT_THE_LINE_MS and not last.in_pit_lane:
            reason = "the finish line was crossed in the lane"
            self.told.tell_now(LapAmended, car=car, lap=last.lap, in_pit_lane=True, reason=reason)

    def _set_clock(self, car: str) -> None:
        """Where a crossing is told by time of day and by race time, the two clocks are set."""
        crossing, last = self._lines.get(car), self.told.last(car)
        if crossing is None or last is None or crossing.time_of_day_ms is None:
            return
        crossed = self.clock.race_time(crossing.time_of_day_ms)
        if crossed is not None and abs(crossed - last.at) <= AT_THE_LINE_MS:
            self.clock.set_by(crossing.time_of_day_ms, last.at)
            del self._lines[car]
