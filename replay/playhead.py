"""The playhead: the position of a replay on the session clock, and the events due there.

Nothing here reads a clock: the elapsed milliseconds are an argument. Speed, pause and seek
decide only *when* the next event is folded; the fold is the same as live.
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
"""The speeds that ``faster`` and ``slower`` step through."""

MAX = math.inf
"""As fast as possible."""

BACK_AGAIN = 3000
"""Less than this (ms) after a caution's start, the previous caution is the one before it."""


@dataclass(slots=True)
class Playhead:
    """A session time between ``start`` and ``end`` (ms), and a speed.

    ``speed`` is session milliseconds per elapsed millisecond, or ``MAX``.
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
        """Whether the playhead is at the end."""
        return self.at >= self.end

    def advance(self, elapsed_ms: float) -> None:
        """Advance by this much elapsed time (ms)."""
        if self.paused or elapsed_ms <= 0:
            return
        if self.speed == MAX:
            self.at = self.end
        else:
            self.seek(self.at + elapsed_ms * self.speed)

    def seek(self, at: float) -> None:
        """Go to a session time (ms), or to the nearest in range."""
        self.at = min(max(at, self.start), self.end)

    def skip(self, ms: int) -> None:
        """Go ahead, or (negative) back, by ``ms`` on the session clock."""
        self.seek(self.at + ms)

    def toggle(self) -> None:
        """Pause or resume."""
        self.paused = not self.paused

    def faster(self) -> None:
        """Set the next higher speed."""
        above = bisect_right(SPEEDS, self.speed)
        if above < len(SPEEDS):
            self.speed = SPEEDS[above]

    def slower(self) -> None:
        """Set the next lower speed."""
        below = bisect_left(SPEEDS, self.speed)
        if below > 0:
            self.speed = SPEEDS[below - 1]


class EventQueue:
    """Events in order of time, each returned once when it falls due."""

    def __init__(self, events: Sequence[AnyEvent]) -> None:
        self._events = events
        self._times = [event.at for event in events]
        self.next = 0
        """The index of the first event not returned yet."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def ended(self) -> bool:
        """Whether every event was returned."""
        return self.next == len(self._events)

    def due(self, at: float, most: int | None = None) -> Sequence[AnyEvent]:
        """Return the events due by ``at`` (ms), at most ``most`` of them."""
        first, last = self.next, bisect_right(self._times, at, self.next)
        if most is not None:
            last = min(last, first + most)
        self.next = last
        return self._events[first:last]

    def seek(self, at: float) -> None:
        """Move to ``at`` (ms): all events up to it count as returned, and no later ones."""
        self.next = bisect_right(self._times, at)


class RacePlayback:
    """A race played from its timeline, forwards and backwards, through the folds."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.race = Race()
        self._queue = EventQueue(timeline.events)
        self._at = -math.inf

    @property
    def start(self) -> int:
        """The start, in ms on the session clock."""
        events = self.timeline.events
        return min(0, events[0].at) if events else 0

    @property
    def end(self) -> int:
        """The end, in ms on the session clock."""
        events = self.timeline.events
        return events[-1].at if events else 0

    def race_at(self, at: float) -> Race:
        """Return the race as it stood at ``at`` (ms); folds only new events when going ahead."""
        if at >= self._at:
            self.race.apply_all(self._queue.due(at))
        else:
            self._queue.seek(at)
            self.race = self.timeline.race_at(math.floor(at))
        self._at = at
        return self.race

    def next_event(self, at: float) -> int | None:
        """Return the time of the next event (ms)."""
        events = self.timeline.events
        index = bisect_right(events, at, key=attrgetter("at"))
        return events[index].at if index < len(events) else None

    def next_caution(self, at: float) -> int | None:
        """Return the start of the next caution (ms)."""
        return next((start for start in self._caution_starts() if start > at), None)

    def previous_caution(self, at: float) -> int | None:
        """Return the start of the previous caution (ms)."""
        before = [start for start in self._caution_starts() if start < at - BACK_AGAIN]
        return before[-1] if before else None

    def _caution_starts(self) -> list[int]:
        starts: dict[int, int] = {}
        for caution in self.timeline.race.track.cautions():
            starts.setdefault(caution.number, caution.start_ms)
        return list(starts.values())
