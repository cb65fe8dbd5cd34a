"""An RMonitor feed to the events of its sessions.

Each run of a feed (``$B``) is a session of its own. A feed tells a run's cars before the
run, so what it says behind a cleared board (``$I``), or at the beginning of a connection,
waits until it is clear which run is meant. A board that is cleared, and filled again, is
no new run, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from events.base import Event
from events.formats.rmonitor import (
    BestLap,
    BoardCleared,
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
    Unreadable,
)
from events.formats.rmonitor_entries import Wishes
from events.formats.rmonitor_run import Run
from events.formats.rmonitor_told import Told

LONGEST_WAIT = 5000
"""Records that wait for the first run to be named, at most."""

BEATS_TO_WAIT = 10
"""Heartbeats, and so seconds, that a connection may take to name its run again."""

BEATS_TO_FOLLOW = 2
"""Heartbeats after which all names that go with a run, or with a cleared board, are there."""

NAMES = (RunNamed, ClassNamed, Setting, Competitor, CompetitorMore)
"""Records that name things. They belong to the run that is named with them."""

TELLING = (Standing, BestLap, Passing, PastLap, Corrected, Crossing)
"""Records that come when all names are there."""


class News(NamedTuple):
    """An event, and of which run: 0 is the first of which there was something to tell."""

    run: int
    event: Event


@dataclass(slots=True)
class _Held:
    """Records that wait until it is known which run they belong to.

    At the beginning of a connection they wait for its first heartbeat, too: it has the
    clock.
    """

    needs_run: bool
    needs_beat: bool
    beats: int
    needs_more: bool = True
    records: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> bool:
        """Keep a record; True where the waiting is over."""
        self.records.append(record)
        if isinstance(record, RunNamed):
            self.needs_run, self.needs_more = False, True  # its names follow
            self.beats = min(self.beats, BEATS_TO_FOLLOW)
        elif isinstance(record, Heartbeat):
            self.needs_beat = False
            self.beats -= 1
        elif isinstance(record, TELLING):
            self.needs_more = False
        known = not (self.needs_run or self.needs_beat or self.needs_more)
        return known or self.beats <= 0 or len(self.records) >= LONGEST_WAIT

    def in_order(self) -> list[Record]:
        """The run, the names that go with it, the first heartbeat, then the rest."""
        names = [record for record in self.records if isinstance(record, NAMES)]
        others = [record for record in self.records if not isinstance(record, NAMES)]
        return [*sorted(names, key=_by_run_first), *_first_beat(others), *others]


def _by_run_first(record: Record) -> bool:
    return not isinstance(record, RunNamed)


def _first_beat(records: Sequence[Record]) -> list[Record]:
    """The first heartbeat, behind the time it was received."""
    received: list[Record] = []
    for record in records:
        if isinstance(record, Heartbeat):
            return [*received, record]
        if isinstance(record, Received):
            received = [record]
    return []


class Translator:
    """Follows a feed through its runs.

    ``logs`` are the events of the runs that were told already, by this feed in an earlier
    process: what they hold is not told again.
    """

    def __init__(self, wishes: Wishes | None = None, logs: Sequence[Iterable[Event]] = ()) -> None:
        self._wishes = wishes or Wishes()
        self._runs = [Run.taken_up(self._wishes, Told.of(events)) for events in logs]
        self._runs = self._runs or [Run.taken_up(self._wishes, Told())]
        self._current = len(self._runs) - 1
        self._numbers = {number: number for number in range(len(logs))}
        self._held: _Held | None = _Held(
            needs_run=True, needs_beat=True, beats=BEATS_TO_WAIT if logs else LONGEST_WAIT
        )
        self.unreadable = 0

    @property
    def refused(self) -> int:
        """How many records held what no event can hold."""
        return sum(run.refused for run in self._runs)

    def take(self, records: Iterable[Record]) -> list[News]:
        """What these records tell that is new."""
        news: list[News] = []
        for record in records:
            if isinstance(record, Unreadable):
                self.unreadable += 1
                continue
            self._begin_waiting(record)
            if self._held is None:
                news += self._tell(record)
            elif self._held.add(record):
                news += self._release()
        return news

    def end(self) -> list[News]:
        """What waits still, once there is nothing more to come."""
        return self._release() + self._news(self._runs[self._current].settle())

    def _begin_waiting(self, record: Record) -> None:
        if isinstance(record, Received) and record.connected:
            if self._held is None:
                self._held = _Held(needs_run=True, needs_beat=True, beats=BEATS_TO_WAIT)
            self._held.needs_run = True
        elif isinstance(record, BoardCleared) and self._held is None:
            self._held = _Held(needs_run=False, needs_beat=False, beats=BEATS_TO_FOLLOW)

    def _release(self) -> list[News]:
        held, self._held = self._held, None
        records = held.in_order() if held else []
        return [news for record in records for news in self._tell(record)]

    # -- Runs --------------------------------------------------------------------------

    def _tell(self, record: Record) -> list[News]:
        news: list[News] = []
        if isinstance(record, RunNamed):
            news += self._go_to(record.run)
        current = self._runs[self._current]
        news += self._news(current.take(record))
        if current.clock.restarted:
            current.clock.restarted = False
            news += self._begin(current.begun_again())
            news += self._news(self._runs[self._current].take(record))
        return news

    def _go_to(self, name: str) -> list[News]:
        """Follow the run of that id: one that was told before, or a new one."""
        current = self._runs[self._current]
        if current.entries.run in (None, name):
            return []
        for number in reversed(range(len(self._runs))):
            if self._runs[number].entries.run == name:
                self._current = number
                return []
        return self._begin(Run.taken_up(self._wishes, Told()))

    def _begin(self, run: Run) -> list[News]:
        news = self._news(self._runs[self._current].end())
        self._runs.append(run)
        self._current = len(self._runs) - 1
        return news

    def _news(self, events: Iterable[Event]) -> list[News]:
        told = list(events)
        if not told:
            return []
        number = self._numbers.setdefault(self._current, len(self._numbers))
        return [News(number, event) for event in told]
