"""Translation of an RMonitor feed to the events of its runs.

Each run of a feed (``$B``) becomes a session. Ids are used again (67 is ``Saturday 8 Hour`` in
one real feed and ``7 Hour`` in another): the same run has the same id and the same name. Feeds
send a run's cars and sort mode before the run itself, so records after a cleared board
(``$I``), after a sort mode or at the beginning of a connection are held until it is known
which run they belong to. A board that is cleared and filled again is not a new run and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from events.base import Event
from events.formats.rmonitor import (
    BoardCleared,
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
    Unreadable,
)
from events.formats.rmonitor_clock import RESTARTED_MS
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_recorded import RecordedRun
from events.formats.rmonitor_run import Run

LONGEST_WAIT = 5000
"""The most records held until the first run is named."""

BEATS_TO_WAIT = 10
"""Heartbeats (one per second) that a new connection may take to name its run."""

BEATS_TO_FOLLOW = 2
"""Heartbeats after which all names of a run or a cleared board have been received."""

NAMES = (RunNamed, SortMode, ClassNamed, Setting, Competitor, CompetitorDetails)
"""Records with names and the sort mode, which belong to the run that is named with them."""

TIMING_RECORDS = (RaceInformation, QualifyingInformation, Passing, PastLap, CorrectedTime, Crossing)
"""Records that feeds send only after all names."""


class RunEvent(NamedTuple):
    """An event and the number of its run; 0 is the first run that has events."""

    run: int
    event: Event


@dataclass(slots=True)
class _HeldRecords:
    """Records held until it is known which run they belong to.

    At the beginning of a connection they also wait for the first heartbeat, which has the
    clock.
    """

    needs_run: bool
    needs_beat: bool
    beats: int
    needs_more: bool = True
    records: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> bool:
        """Hold a record; return True when the records can be released."""
        self.records.append(record)
        if isinstance(record, RunNamed):
            self.needs_run, self.needs_more = False, True  # its names follow
            self.beats = min(self.beats, BEATS_TO_FOLLOW)
        elif isinstance(record, Heartbeat):
            self.needs_beat = False
            self.beats -= 1
        elif isinstance(record, TIMING_RECORDS):
            self.needs_more = False
        known = not (self.needs_run or self.needs_beat or self.needs_more)
        return known or self.beats <= 0 or len(self.records) >= LONGEST_WAIT

    def clocks(self) -> list[int]:
        """Return the race times of the heartbeats since the run was named last."""
        clocks: list[int] = []
        for record in self.records:
            if isinstance(record, RunNamed):
                clocks = []
            elif isinstance(record, Heartbeat) and record.race_time_ms is not None:
                clocks.append(record.race_time_ms)
        return clocks

    def in_order(self) -> list[Record]:
        """Return the run, its names, the first heartbeat, and then the other records."""
        names = [record for record in self.records if isinstance(record, NAMES)]
        others = [record for record in self.records if not isinstance(record, NAMES)]
        return [*sorted(names, key=_by_run_first), *_first_beat(others), *others]


def _by_run_first(record: Record) -> bool:
    return not isinstance(record, RunNamed)


def _first_beat(records: Sequence[Record]) -> list[Record]:
    """Return the first heartbeat, preceded by its reception time."""
    received: list[Record] = []
    for record in records:
        if isinstance(record, Heartbeat):
            return [*received, record]
        if isinstance(record, Received):
            received = [record]
    return []


class Translator:
    """Translator of a feed's records to events, run by run.

    ``logs`` are the events of the runs that an earlier process recorded from this feed; facts
    in them are not recorded again.
    """

    def __init__(
        self, options: RunOptions | None = None, logs: Sequence[Iterable[Event]] = ()
    ) -> None:
        self._options = options or RunOptions()
        self._runs = [Run.resumed(self._options, RecordedRun.of(events)) for events in logs]
        self._runs = self._runs or [Run.resumed(self._options, RecordedRun())]
        self._current = len(self._runs) - 1
        self._numbers = {number: number for number in range(len(logs))}
        self.recorded = range(len(logs))
        """The numbers of the runs that were recorded before."""
        self._held: _HeldRecords | None = _HeldRecords(
            needs_run=True, needs_beat=True, beats=BEATS_TO_WAIT if logs else LONGEST_WAIT
        )
        self.unreadable = 0

    @property
    def refused(self) -> int:
        """The number of records with values that no event can hold."""
        return sum(run.refused for run in self._runs)

    def take(self, records: Iterable[Record]) -> list[RunEvent]:
        """Return the new events that follow from these records."""
        events: list[RunEvent] = []
        for record in records:
            if isinstance(record, Unreadable):
                self.unreadable += 1
                continue
            self._begin_waiting(record)
            if self._held is None:
                events += self._translate(record)
            elif self._held.add(record) and self._clock_is_known(self._held):
                events += self._release()
        return events

    def end(self) -> list[RunEvent]:
        """Return the events of records still held, at the end of the feed."""
        return self._release() + self._numbered(self._runs[self._current].settle())

    def _begin_waiting(self, record: Record) -> None:
        if isinstance(record, Received) and record.connected:
            if self._held is None:
                self._held = _HeldRecords(needs_run=True, needs_beat=True, beats=BEATS_TO_WAIT)
            self._held.needs_run = True
        elif isinstance(record, BoardCleared | SortMode) and self._held is None:
            self._held = _HeldRecords(needs_run=False, needs_beat=False, beats=BEATS_TO_FOLLOW)

    def _release(self) -> list[RunEvent]:
        held, self._held = self._held, None
        if held is None:
            return []
        events = self._begin_again(held)
        return events + [event for one in held.in_order() for event in self._translate(one)]

    def _clock_is_known(self, held: _HeldRecords) -> bool:
        """Whether the held heartbeats are of a run started again, not of a stopped clock."""
        clocks = held.clocks()
        run = self._held_run(held)
        if run is None or len(clocks) != 1 or len(held.records) >= LONGEST_WAIT:
            return True
        return run.recorded.newest - clocks[0] <= RESTARTED_MS

    def _begin_again(self, held: _HeldRecords) -> list[RunEvent]:
        """Begin the run anew if its clock runs from the start again: its cars may be others."""
        run, clocks = self._held_run(held), held.clocks()
        if run is None or len(clocks) < 2 or clocks[-1] <= clocks[-2]:
            return []
        if run.recorded.newest - clocks[-1] <= RESTARTED_MS:
            return []
        entered = any(isinstance(one, Competitor | CompetitorDetails) for one in held.records)
        new = Run.resumed(self._options, RecordedRun()) if entered else run.restarted()
        return self._begin(new)

    def _held_run(self, held: _HeldRecords) -> Run | None:
        """The recorded run that the held records belong to; None if it is a new one."""
        named = [one for one in held.records if isinstance(one, RunNamed)]
        current = self._runs[self._current]
        if not named or current.entries.run is None or current.entries.is_run(*named[-1]):
            return current
        runs = reversed(self._runs)
        return next((run for run in runs if run.entries.is_run(*named[-1])), None)

    # -- Runs --------------------------------------------------------------------------

    def _translate(self, record: Record) -> list[RunEvent]:
        events: list[RunEvent] = []
        if isinstance(record, RunNamed):
            events += self._go_to(record.run, record.name)
        current = self._runs[self._current]
        events += self._numbered(current.take(record))
        if current.clock.restarted:
            current.clock.restarted = False
            events += self._begin(current.restarted())
            events += self._numbered(self._runs[self._current].take(record))
        return events

    def _go_to(self, run: str, name: str) -> list[RunEvent]:
        """Switch to the run of that id and name: a recorded one, or a new one."""
        current = self._runs[self._current].entries
        if current.run is None or current.is_run(run, name):
            return []
        for number in reversed(range(len(self._runs))):
            if self._runs[number].entries.is_run(run, name):
                self._current = number
                return []
        return self._begin(Run.resumed(self._options, RecordedRun()))

    def _begin(self, run: Run) -> list[RunEvent]:
        events = self._numbered(self._runs[self._current].end())
        self._runs.append(run)
        self._current = len(self._runs) - 1
        return events

    def _numbered(self, events: Iterable[Event]) -> list[RunEvent]:
        events = list(events)
        if not events:
            return []
        number = self._numbers.setdefault(self._current, len(self._numbers))
        return [RunEvent(number, event) for event in events]
