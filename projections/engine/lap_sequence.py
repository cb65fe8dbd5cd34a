"""The laps of one car under corrections: their numbers and times follow from the crossings.

Rules:

- a lap runs from crossing to crossing of the finish line. A crossing taken away merges its lap
  with the next: the times add up, and later laps move down by one number. A crossing put in
  splits a lap, and later laps move up by one, however near to another crossing it is, unless
  it is a double read (``projections.engine.double_reads``);
- a crossing timed just after one that was put in is the same one, missed and sent late, if the
  timing has the number of its lap once more, later;
- a source numbers laps by the crossings that it counted. Later numbers move only if they are of
  the source that counted the crossing taken away, and if no other crossing has its number: a
  lap that was voided and sent again keeps its number;
- a lap amended to end earlier or later is as much shorter or longer, and the next the other
  way;
- a lap time changes only if it was measured from a crossing that moved: a feed that corrects
  itself sends times that are right already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from events import AnyEvent, CrossingInserted, LapCompleted, LinePassed
from events.base import MAX_DURATION_MS
from events.running import MOST_LAPS
from projections.engine.double_reads import CrossingCountedOut, ShortestLaps, sort_out

Identity = tuple[str, int]

MEASURED_MS = 2000
"""A lap time was measured from a crossing if it agrees with it by this much (ms): feeds round to
whole seconds."""

SAME_CROSSING_MS = 1000
"""A crossing timed this soon after one that was put in may be the same (ms)."""


def _duration(ms: int) -> int:
    """Return the span of time, within what an event can hold."""
    return min(max(0, ms), MAX_DURATION_MS)


class _Crossing(NamedTuple):
    """A crossing of the finish line: as recorded, and when it counts (ms); None: not at all."""

    recorded_at: int
    at: int | None
    lap_time_ms: int | None


def lap_sequence(
    crossings: Iterable[AnyEvent],
    insertions: Sequence[CrossingInserted],
    voided: Collection[Identity],
    changes: Callable[[int], Mapping[str, Any]],
    shortest: ShortestLaps | None = None,
) -> LapSequence:
    """Return what the crossings of a car count as; ``changes`` are the amendments of a lap.

    ``crossings`` are the car's lines and laps, voided ones included. Of the ``insertions`` those
    that are double reads by the ``shortest`` laps are counted out. Costs O(n log n).
    """
    crossings = list(crossings)
    sequence = LapSequence(changes)
    if insertions and shortest:
        timed = lap_sequence(crossings, (), voided, changes)
        laps = [timed.altered.get(one.identity, one) for one in crossings]
        sorted_out = sort_out(
            [one for one in insertions if one.completed_at >= 0],
            [one for one in laps if type(one) is LapCompleted and one.identity not in voided],
            shortest,
        )
        insertions = sorted_out.counting
        sequence.counted_out = sorted_out.counted_out
        sequence.open = sorted_out.newest
    events: list[LinePassed | LapCompleted | CrossingInserted] = [
        event for event in crossings if type(event) is LinePassed or type(event) is LapCompleted
    ]
    for event in events:
        if type(event) is LapCompleted and event.identity not in voided:
            sequence.number(event)
    since_start = [one for one in insertions if one.completed_at >= 0]  # formation laps are none
    if since_start or any(before.at >= after.at for before, after in pairwise(events)):
        events = sorted([*events, *since_start], key=_in_time)
    for event in events[sequence.skip_unaltered(events, voided) :]:
        if type(event) is LinePassed:
            sequence.line(event)
        elif type(event) is CrossingInserted:
            sequence.insert(event)
        elif type(event) is LapCompleted:
            if event.identity in voided:
                sequence.take_away(event)
            else:
                sequence.lap(event)
    if events:
        sequence.newest = _in_time(events[-1])
    return sequence


InTime = tuple[int, bool, str, int]


def _in_time(event: LinePassed | LapCompleted | CrossingInserted) -> InTime:
    at = event.completed_at if type(event) is CrossingInserted else event.at
    return (at, type(event) is not LinePassed, event.source, event.source_seq)


class LapSequence:
    """The crossings of a car so far, in order of time.

    ``altered`` has those that count otherwise than recorded, ``inserted`` the laps put in,
    and ``counted_out`` the crossings put in that are double reads.
    """

    def __init__(self, changes: Callable[[int], Mapping[str, Any]]) -> None:
        self.altered: dict[Identity, AnyEvent] = {}
        self.inserted: dict[Identity, LapCompleted] = {}
        self.counted_out: dict[Identity, CrossingCountedOut] = {}
        self.open = False
        """Whether the next lap may show that a crossing put in is a double read."""
        self.numbers: dict[int, int] = {}
        """When the last crossing of each number was timed (ms)."""
        self._split_near: set[int] = set()
        """The numbers that a later crossing may show to have been timed twice."""
        self.newest: InTime | None = None
        self._changes = changes
        self._vacated: set[tuple[int, str]] = set()
        self._gained = 0
        self._awaited: tuple[int, int, int] | None = None
        """The numbers of the first and the last of the laps that were put in one after the other
        and that the timing may not have counted, and when the last ended."""
        self._last = 0
        self._since: list[_Crossing] = []
        """The crossing that the current lap runs from, then those taken away since."""
        self._untimed: LapCompleted | None = None
        """A lap put in whose start is not known yet."""

    def extend(self, event: LinePassed | LapCompleted) -> AnyEvent | None:
        """Pass a new crossing; return what it counts as, in O(1).

        None, and nothing is changed, where other laps may follow from it: the sequence has to
        be worked out again.
        """
        in_time = _in_time(event)
        if self.newest is None or in_time <= self.newest or self._untimed is not None:
            return None
        if any(lap == event.lap for lap, _ in self._vacated) or event.lap in self._split_near:
            return None
        if self.open and isinstance(event, LapCompleted):
            return None
        self.newest = in_time
        if isinstance(event, LinePassed):
            self.line(event)
        else:
            self.number(event)
            self.lap(event)
        return self.altered.get(event.identity, event)

    def number(self, event: LapCompleted) -> None:
        """Note the number of a lap that counts."""
        self.numbers[event.lap] = max(event.at, self.numbers.get(event.lap, event.at))

    def skip_unaltered(
        self,
        events: Sequence[LinePassed | LapCompleted | CrossingInserted],
        voided: Collection[Identity],
    ) -> int:
        """Pass what counts as recorded, up to the first correction; return how much that is."""
        for index, event in enumerate(events):
            if type(event) is LinePassed:
                continue
            if type(event) is not LapCompleted or event.identity in voided:
                return index
            lap = event.lap
            if self._changes(lap):
                return index
            if lap > self._last:  # a repeated crossing ends no lap
                self._last = lap
                self._since = [_Crossing(event.at, event.at, event.lap_time_ms)]
        return len(events)

    def take_away(self, event: LapCompleted) -> None:
        """Pass a voided crossing of the finish line."""
        if event.at >= 0 and event.lap not in self.numbers:
            self._vacated.add((event.lap, event.source))
        if event.lap_time_ms is not None:
            self._time_the_untimed(event.at - event.lap_time_ms)
        self._since.append(_Crossing(event.at, None, event.lap_time_ms))

    def insert(self, event: CrossingInserted) -> None:
        """Pass a crossing that was put in."""
        lap, at = min(self._last + 1, MOST_LAPS), event.completed_at
        start = self._start()
        completed = LapCompleted(
            at=at,
            source=event.source,
            source_seq=event.source_seq,
            by=event.by,
            basis=event.basis,
            car=event.car,
            lap=lap,
            lap_time_ms=_duration(at - start) if start is not None and at > start else None,
            driver=event.driver,
            in_pit_lane=event.in_pit_lane,
        )
        completed = completed.model_copy(update=self._amended(completed))
        self.inserted[event.identity] = completed
        if completed.lap_time_ms is None:
            self._untimed = completed
        self._awaited = (self._awaited[0] if self._awaited else lap, lap, at)
        self._last = lap
        # What is timed next was measured from the crossing before.
        before = [one._replace(at=None) for one in self._since]
        self._since = [_Crossing(at, completed.at, completed.lap_time_ms), *before]

    def line(self, event: LinePassed) -> None:
        """Pass an intermediate line."""
        lap = self._number(event)
        if lap != event.lap:
            self.altered[event.identity] = event.model_copy(update={"lap": lap})

    def lap(self, event: LapCompleted) -> None:
        """Pass a crossing of the finish line that counts."""
        lap = self._number(event)
        time = self._lap_time(event)
        counts = event
        if lap != event.lap or time != event.lap_time_ms:
            counts = event.model_copy(update={"lap": lap, "lap_time_ms": time})
        amended = self._amended(counts)
        if amended:
            counts = counts.model_copy(update=amended)
        if counts is not event:
            self.altered[event.identity] = counts
        if lap > self._last:  # a repeated crossing ends no lap
            self._last = lap
            # The next may have been measured from one that this one replaces.
            replaced = [one for one in self._since if one.at is None]
            replaced = [one for one in replaced if one.recorded_at > self._since[0].recorded_at]
            self._since = [_Crossing(event.at, counts.at, counts.lap_time_ms), *replaced]
            self._untimed = None

    def _number(self, event: LinePassed | LapCompleted) -> int:
        if not self._vacated and not self._gained and self._awaited is None:
            return event.lap
        down = sum(lap < event.lap and source == event.source for lap, source in self._vacated)
        lap = event.lap - down + self._gained
        if self._awaited is not None and lap >= self._awaited[0]:
            _, last, at = self._awaited
            if lap <= last and self._is_same(event, at):
                self._gained += last - lap
                return last
            self._awaited = None
            if lap <= last:
                self._gained += last + 1 - lap
                lap = last + 1
        return lap if lap == event.lap else min(max(1, lap), MOST_LAPS)

    def _is_same(self, event: LinePassed | LapCompleted, at: int) -> bool:
        """Whether a crossing is the one put in ``at`` (ms): sent late, and its number used again.

        Otherwise it is a crossing of its own, however soon it came.
        """
        if event.at - at > SAME_CROSSING_MS:
            return False
        self._split_near.add(event.lap)
        return event.at == at or self.numbers.get(event.lap, at) - at > SAME_CROSSING_MS

    def _start(self) -> int | None:
        """Return when the current lap began (ms), as far as it is known."""
        if not self._since:
            return None
        first = self._since[0]
        if first.at is not None:
            return first.at
        return None if first.lap_time_ms is None else first.recorded_at - first.lap_time_ms

    def _lap_time(self, event: LapCompleted) -> int | None:
        """Return the lap time, from where the lap began instead of where it was measured from."""
        time = event.lap_time_ms
        if time is None or not self._since:
            return time
        measured = event.at - time
        start = self._start()
        if self._time_the_untimed(measured) and start is not None:
            return _duration(event.at - start)
        if len(self._since) == 1 and self._since[0].recorded_at == start:
            return time
        ends = [one.recorded_at for one in self._since] + ([] if start is None else [start])
        nearest = min(ends, key=lambda at: (abs(at - measured), at != start))
        if nearest == start or abs(nearest - measured) > MEASURED_MS:
            return time
        if start is None:
            return None
        moved = time + nearest - start
        return _duration(moved) if moved > 0 else time

    def _time_the_untimed(self, measured: int) -> bool:
        """Time a lap put in by what the next crossing was measured from (ms), if before it."""
        lap = self._untimed
        if lap is None or measured >= lap.at:
            return False
        time = _duration(lap.at - measured)
        self.inserted[lap.identity] = lap.model_copy(update={"lap_time_ms": time})
        self._untimed = None
        return True

    def _amended(self, lap: LapCompleted) -> dict[str, Any]:
        """Return the amendments of a lap; one that ends later is as much longer."""
        changes = dict(self._changes(lap.lap))
        moved = changes.get("at", lap.at) - lap.at
        if moved and lap.lap_time_ms is not None and "lap_time_ms" not in changes:
            changes["lap_time_ms"] = _duration(lap.lap_time_ms + moved)
        return changes
