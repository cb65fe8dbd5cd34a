"""Recordings: races that can be shown at any moment, and played on from there.

A recording is a sequence of events, each with the place where it falls due. A place is

- in `RecordingAsHappened` a session time (ms); events come in effective order;
- in `RecordingAsShown` a wall-clock time (ms since 1970); events come in the order of the
  log, late ones late, and corrections when they were made.

A cursor is a race somewhere along the recording.

Cost: a recording as it happened is folded once, with a mark every MARK_EVERY events; a mark
is O(cars), about 30 KB at 60 cars, and a cursor anywhere folds fewer events than lie between
two. An event recorded late changes what was folded before it, so a recording as it was shown
keeps whole timelines along its way, KEPT_TIMELINES at most, of some 30 bytes for each event
that they have folded; a cursor forks one and takes in what was recorded since.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from events import AnyEvent
from events.errors import LapstreamError
from projections.engine.state import Mark
from projections.race import Race
from projections.timeline import Timeline
from projections.views.session_line import clock_running

MARK_EVERY = 512
KEPT_TIMELINES = 16

IN_ONE_GO = 10
"""A log that was learned more than this many times as fast as it happened was imported."""


class NotAsShown(LapstreamError):
    """A log that was imported in one go: when its events were shown is unknown.

    The message leaves out how long the race was, which its viewers are not to know yet.
    """

    def __init__(self, session: str, learned_ms: int, happened_ms: int) -> None:
        self.session = session
        self.learned_ms = learned_ms
        self.happened_ms = happened_ms
        super().__init__(
            f"session {session!r} cannot be replayed as it was shown: its log was imported in "
            f"one go (learned more than {IN_ONE_GO} times as fast as it happened)"
        )


class Cursor(Protocol):
    """A race in which the first ``index`` events of a recording have been handed over."""

    index: int

    @property
    def race(self) -> Race:
        """The race so far."""

    def play(self, index: int) -> None:
        """Hand over the events up to ``index``, which lies ahead or here."""

    def move(self, index: int) -> None:
        """Be where the first ``index`` events have been handed over, ahead or back."""

    def race_at(self, at: int) -> Race:
        """The race as it stood at ``at`` (ms), as far as is known here; a race of its own."""


class Recording(Protocol):
    """What a playhead moves along. Places are in ms."""

    whole: Race
    events: Sequence[AnyEvent]
    times: Sequence[int]

    @property
    def start(self) -> int:
        """The place where it begins."""

    @property
    def end(self) -> int:
        """The place of the last event."""

    def cursor(self, index: int) -> Cursor:
        """The race after the first ``index`` events."""

    def place_of(self, at: int) -> int:
        """The place where what happened at ``at`` (ms on the session clock) is first shown."""

    def place_at_clock(self, at: int) -> int:
        """The place where the session clock shows ``at`` (ms)."""

    def clock_at(self, cursor: Cursor, place: int) -> int:
        """What the session clock shows at a place, in ms."""


class RecordingAsHappened:
    """A race as it happened. ``events`` are in effective order and are not changed."""

    def __init__(self, events: Sequence[AnyEvent]) -> None:
        self.events = events
        self.times: Sequence[int] = [event.at for event in events]
        self.whole = Race()
        self._marks: list[Mark] = []
        for first in range(0, len(events), MARK_EVERY):
            self._marks.append(self.whole.mark())
            self.whole.apply_all(events[first : first + MARK_EVERY])

    @property
    def start(self) -> int:
        """Session clock 0, or before it where a formation lap was timed."""
        return min(0, self.times[0]) if self.times else 0

    @property
    def end(self) -> int:
        """The session clock of the last event."""
        return self.times[-1] if self.times else 0

    def cursor(self, index: int) -> CursorAsHappened:
        """The race after the first ``index`` events."""
        cursor = CursorAsHappened(self)
        cursor.move(index)
        return cursor

    def mark_before(self, index: int) -> tuple[int, Mark | None]:
        """The last mark at ``index`` or before it, and where that lies."""
        if not self._marks:
            return 0, None
        number = min(index // MARK_EVERY, len(self._marks) - 1)
        return number * MARK_EVERY, self._marks[number]

    def place_of(self, at: int) -> int:
        """The place is the time."""
        return at

    def place_at_clock(self, at: int) -> int:
        """The place is the time."""
        return at

    def clock_at(self, _: Cursor, place: int) -> int:
        """The time is the place."""
        return place


class CursorAsHappened:
    """A race as it had happened."""

    def __init__(self, recording: RecordingAsHappened) -> None:
        self.index = 0
        self.race = Race()
        self._recording = recording

    def play(self, index: int) -> None:
        """Hand over the events up to ``index``."""
        self.race.apply_all(self._recording.events[self.index : index])
        self.index = index

    def move(self, index: int) -> None:
        """Go by way of the last mark before, unless this is on the way from there."""
        marked, mark = self._recording.mark_before(index)
        if mark is not None and not marked <= self.index <= index:
            self.race.copy_from(self._recording.whole, mark)
            self.index = marked
        self.play(index)

    def race_at(self, at: int) -> Race:
        """The race as it stood at ``at``, or here if that lies ahead."""
        return self._recording.cursor(min(self.index, handed_over(self._recording, at))).race


class ShownTimes:
    """When screens came to show what: ``happened`` has each event's time on the session clock
    (ms), ``learned`` its wall-clock time (ms), in the order in which they were learned.

    Raises NotAsShown for a log imported in one go.
    """

    def __init__(self, session: str, happened: Sequence[int], learned: Sequence[int]) -> None:
        if happened:
            spans = learned[-1] - learned[0], max(happened) - min(happened)
            if spans[0] * IN_ONE_GO < spans[1]:
                raise NotAsShown(session, *spans)
        self.times = learned
        self._newest = list(accumulate(happened, max))

    @property
    def start(self) -> int:
        """When the first event was learned."""
        return self.times[0] if self.times else 0

    @property
    def end(self) -> int:
        """When the last event was learned."""
        return self.times[-1] if self.times else 0

    def place_of(self, at: int) -> int:
        """When the first event of that time or a later one was learned."""
        index = bisect_left(self._newest, at)
        return self.times[index] if index < len(self.times) else self.end

    def place_at_clock(self, at: int) -> int:
        """When the clock, run on since the newest event was learned, came to that time."""
        index = bisect_left(self._newest, at)
        if index == 0:
            return self.start
        newest = self._newest[index - 1]
        return min(self._learned(newest) + at - newest, self.place_of(at))

    def _learned(self, newest: int) -> int:
        """When the first event of this time was learned, behind which none was until then."""
        return self.times[bisect_left(self._newest, newest)]


class RecordingAsShown(ShownTimes):
    """A race as it came to be known: ``learned`` has each event's wall-clock time (ms).

    Raises NotAsShown for a log imported in one go.
    """

    def __init__(self, session: str, events: Sequence[AnyEvent], learned: Sequence[int]) -> None:
        super().__init__(session, [event.at for event in events], learned)
        self.events = events
        self._every = max(MARK_EVERY, -(-len(events) // KEPT_TIMELINES))
        self._kept = [Timeline()]
        timeline = Timeline()
        for first in range(0, len(events), self._every):
            if first:
                self._kept.append(timeline.fork())
            timeline.add(events[first : first + self._every])
        self.whole = timeline.race

    def cursor(self, index: int) -> CursorAsShown:
        """The race folded from the first ``index`` entries."""
        cursor = CursorAsShown(self)
        cursor.move(index)
        return cursor

    def kept_before(self, index: int) -> tuple[int, Timeline]:
        """The last timeline that is kept at ``index`` or before it, and where that lies.

        It is not to be changed.
        """
        number = min(index // self._every, len(self._kept) - 1)
        return number * self._every, self._kept[number]

    def clock_at(self, cursor: Cursor, place: int) -> int:
        """The clock of the newest event, run on since it was learned if the clock runs."""
        race = cursor.race
        if cursor.index == 0 or not clock_running(race):
            return race.at
        return race.at + max(0, place - self._learned(self._newest[cursor.index - 1]))


class CursorAsShown:
    """A race as far as it was known."""

    def __init__(self, recording: RecordingAsShown) -> None:
        self.index = 0
        self._timeline = Timeline()
        self._recording = recording

    @property
    def race(self) -> Race:
        """The fold of what was known, in effective order."""
        return self._timeline.race

    def play(self, index: int) -> None:
        """Take in the entries up to ``index``."""
        self._timeline.add(self._recording.events[self.index : index])
        self.index = index

    def move(self, index: int) -> None:
        """Fork the last kept timeline before ``index``, unless the cursor lies between the two."""
        at, kept = self._recording.kept_before(index)
        if not at <= self.index <= index:
            self._timeline, self.index = kept.fork(), at
        self.play(index)

    def race_at(self, at: int) -> Race:
        """The race as it stood at ``at``, with what is known here."""
        return self._timeline.race_at(at)


def handed_over(recording: Recording, place: float) -> int:
    """How many events have fallen due at a place."""
    return bisect_right(recording.times, place)
