"""Crossings put in that are double reads: too soon before or after a crossing that was timed.

Rules:

- where the shortest possible lap is limited, a crossing put in (CrossingInserted) less than that
  after a crossing that counts, or before a timed one, is counted out, so that it changes no lap;
- a timed crossing prevails over one put in; of two put in the first prevails;
- a crossing put in that CrossingCounted names counts all the same.

Which timed crossings count is decided as in ``projections.folds.running_order``, without those
put in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from events import CrossingInserted, LapCompleted, SessionOpened, ShortestLapSet
from events.base import CarNumber, Event
from projections.rules.packs import shortest_lap_ms

Identity = tuple[str, int]


class CrossingCountedOut(Event):
    """A crossing put in that is a double read, as an event for the fold.

    It is never in a log; its identity is that of the crossing. ``after_ms`` is the time since
    the crossing before; negative: until the next.
    """

    type: Literal["crossing_counted_out"] = "crossing_counted_out"
    car: CarNumber
    after_ms: int


class ShortestLaps:
    """The shortest possible lap over the session, from the events that set it."""

    def __init__(
        self, setting: Iterable[SessionOpened | ShortestLapSet], counted: Collection[Identity]
    ) -> None:
        """``setting`` are in effective order; ``counted`` are crossings that count by decision."""
        self.counted = counted
        self._since: list[int] = []
        self._limits: list[int] = []
        is_set = False
        for event in setting:
            if isinstance(event, ShortestLapSet):
                is_set, limit = True, event.lap_time_ms or 0
            elif is_set:
                continue
            else:
                limit = shortest_lap_ms(event.rules) if event.rules else 0
            self._since.append(event.at)
            self._limits.append(limit)

    def __bool__(self) -> bool:
        return any(self._limits)

    def at(self, moment: int) -> int:
        """Return the limit at a session time (ms); 0 for none."""
        index = bisect_right(self._since, moment)
        return self._limits[index - 1] if index else 0


class Sorted(NamedTuple):
    """The crossings put in, by whether they count."""

    counting: list[CrossingInserted]
    counted_out: dict[Identity, CrossingCountedOut]
    newest: bool
    """Whether no timed crossing that counts is later than one put in that does."""


def sort_out(
    insertions: Iterable[CrossingInserted], laps: Iterable[LapCompleted], shortest: ShortestLaps
) -> Sorted:
    """Sort out the crossings put in that are double reads; ``laps`` are the timed ones."""
    timed = _counting(sorted(laps, key=_in_time), shortest)
    counting: list[CrossingInserted] = []
    counted_out: dict[Identity, CrossingCountedOut] = {}
    last = None
    for one in sorted(insertions, key=_put_in):
        at = one.completed_at
        index = bisect_right(timed, at)
        earlier = timed[max(0, index - 1) : index] + ([] if last is None else [last])
        before = max(earlier, default=None)
        after = timed[index] if index < len(timed) else None
        apart = None
        if before is not None and at - before < shortest.at(at):
            apart = at - before
        elif after is not None and after - at < shortest.at(after):
            apart = at - after
        if apart is None or one.identity in shortest.counted:
            counting.append(one)
            last = at
        else:
            counted_out[one.identity] = CrossingCountedOut(
                at=at, source=one.source, source_seq=one.source_seq, car=one.car, after_ms=apart
            )
    return Sorted(counting, counted_out, last is not None and (not timed or timed[-1] <= last))


def _counting(laps: Sequence[LapCompleted], shortest: ShortestLaps) -> list[int]:
    """Return when the timed crossings were that are neither double reads nor repeated."""
    done, times = 0, list[int]()
    miscounts = Counter[str]()
    for lap in laps:
        at, source = lap.at, lap.source
        if at < 0:
            continue
        number = lap.lap - miscounts[source] if lap.lap > miscounts[source] else lap.lap
        soon = bool(times) and at - times[-1] < shortest.at(at)
        if number <= done:
            if lap.lap != done + 1 or soon:
                continue
            del miscounts[source]
            number = lap.lap
        if soon and lap.identity not in shortest.counted:
            miscounts[source] += number == done + 1
            continue
        done = number
        times.append(at)
    return times


def _in_time(lap: LapCompleted) -> tuple[int, str, int]:
    return (lap.at, lap.source, lap.source_seq)


def _put_in(one: CrossingInserted) -> tuple[int, str, int]:
    return (one.completed_at, one.source, one.source_seq)
