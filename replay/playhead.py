"""The playhead: where a replay stands on the session clock, and what falls due there.

Nothing here knows the time of day: how many milliseconds have passed on the viewer's
clock is an argument. Speed, pause and seek choose only *when* the next event is handed
over; what it does to the race is the fold's business, the same as live.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from events import AnyEvent
from projections.race import Race
from projections.timeline import Timeline

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""What faster and slower step through."""

MAX = math.inf
"""As fast as possible."""

BACK_AGAIN = 3000
"""Going to the previous caution less than this (ms) after one began goes to the one before."""


@dataclass(slots=True)
class Playhead:
    """A place between ``start`` and ``end`` (ms on the session clock), and its speed there.

    ``speed`` is session milliseconds for each millisecond of the viewer, or ``MAX``.
    """

    start: int
    end: int
    speed: float = 1.0
    paused: bool = False
    at: float = -math.inf

    def __post_init__(self) -> None:
        self.seek(max(self.at, self.start))

    @property
    def ended(self) -> bool:
        """Whether there is nothing further to play."""
        return self.at >= self.end

    def advance(self, elapsed_ms: float) -> None:
        """Let this much of the viewer's time pass."""
        if self.paused or elapsed_ms <= 0:
            return
        if self.speed == MAX:
            self.at = self.end
        else:
            self.seek(self.at + elapsed_ms * self.speed)

    def seek(self, at: float) -> None:
        """Go to a place, or to the nearest there is."""
        self.at = min(max(at, self.start), self.end)

    def skip(self, ms: int) -> None:
        """Go this far ahead, or (negative) back, on the session clock."""
        self.seek(self.at + ms)

    def toggle(self) -> None:
        """Pause, or go on."""
        self.paused = not self.paused

    def faster(self) -> None:
        """The next speed above."""
        above = bisect_right(SPEEDS, self.speed)
        if above < len(SPEEDS):
            self.speed = SPEEDS[above]

    def slower(self) -> None:
        """The next speed below."""
        below = bisect_left(SPEEDS, self.speed)
        if below > 0:
            self.speed = SPEEDS[below - 1]


class EventQueue:
    """Events in the order of their time, each handed over once as it falls due."""

    def __init__(self, events: Sequence[AnyEvent]) -> None:
        self._events = events
        self._times = [event.at for event in events]
        self.next = 0
        """The index of the first event that was not handed over yet."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def ended(self) -> bool:
        """Whether every event was handed over."""
        return self.next == len(self._events)

    def due(self, at: float, most: int | None = None) -> Sequence[AnyEvent]:
        """The events that have fallen due by ``at`` (ms), ``most`` of them at a time."""
        first, last = self.next, bisect_right(self._times, at, self.next)
        if most is not None:
            last = min(last, first + most)
        self.next = last
        return self._events[first:last]

    def seek(self, at: float) -> None:
        """Go to where everything up to ``at`` (ms), and nothing else, was handed over."""
        self.next = bisect_right(self._times, at)


class RacePlayback:
    """A recorded race that is played again, forwards and backwards, through the folds."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.race = Race()
        self._queue = EventQueue(timeline.events)
        self._at = -math.inf

    @property
    def start(self) -> int:
        """Where it begins, in ms on the session clock."""
        events = self.timeline.events
        return min(0, events[0].at) if events else 0

    @property
    def end(self) -> int:
        """Where it ends, in ms on the session clock."""
        events = self.timeline.events
        return events[-1].at if events else 0

    def race_at(self, at: float) -> Race:
        """The race as it stood at ``at`` (ms); it is brought there, not made anew, if ahead."""
        if at >= self._at:
            self.race.apply_all(self._queue.due(at))
        else:
            self._queue.seek(at)
            self.race = self.timeline.race_at(math.floor(at))
        self._at = at
        return self.race

    def next_event(self, at: float) -> int | None:
        """When something happens next (ms)."""
        events = self.timeline.events
        index = bisect_right(events, at, key=attrgetter("at"))
        return events[index].at if index < len(events) else None

    def next_caution(self, at: float) -> int | None:
        """Where the next caution begins (ms)."""
        return next((start for start in self._caution_starts() if start > at), None)

    def previous_caution(self, at: float) -> int | None:
        """Where the caution before began (ms)."""
        before = [start for start in self._caution_starts() if start < at - BACK_AGAIN]
        return before[-1] if before else None

    def _caution_starts(self) -> list[int]:
        starts: dict[int, int] = {}
        for caution in self.timeline.race.track.cautions():
            starts.setdefault(caution.number, caution.start_ms)
        return list(starts.values())
