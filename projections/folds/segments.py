"""The segments of qualifying or practice (Q1 to Q3, groups by class), and each car's best in each.

Rules: a segment lasts from its start to that of the next one; a lap belongs to the segment in which
it was completed. Times set before the first segment that was started are a segment of their own.
A best lap that only the timing reported belongs to the segment in which it was reported, unless the
car had completed a lap of that number before it began. What segments mean for the order is the
pack's (``projections.results.session_order``).

Folding a lap costs O(1), starting a segment O(cars), a deleted lap time O(laps) of its car; without
segments nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from events import BestLapReported, LapTimeDeleted, SegmentStarted
from projections.engine.state import Handlers, History, Projection, of, row, sibling
from projections.folds.laps import BestLap, Laps
from projections.folds.session import Session


class Segment(NamedTuple):
    """A segment: its name, when it began (ms), and the classes it is for (none: all)."""

    name: str
    at: int
    classes: tuple[str, ...]


SegmentBests = tuple[BestLap | None, ...]
"""The best laps of a car, one for each segment."""

_segment = row(Segment)
_best = row(BestLap)


def _bests(values: Any) -> SegmentBests:
    return tuple(None if one is None else _best(one) for one in values)


@dataclass(slots=True)
class Segments(Projection):
    """The segments in turn, and the best laps of each car in them."""

    NAME: ClassVar[str] = "segments"
    VERSION: ClassVar[int] = 1

    session: Session = sibling()
    laps: Laps = sibling()
    started: History[Segment] = of(_segment, History)
    bests: dict[str, SegmentBests] = of(_bests, dict)

    def handlers(self) -> Handlers:
        return {
            SegmentStarted: self._started,
            LapTimeDeleted: self._deleted,
            BestLapReported: self._reported,
        }

    @property
    def current(self) -> Segment | None:
        """The segment under way, or the last one."""
        return self.started[-1] if self.started else None

    def lap_completed(self, car: str) -> None:
        """Fold a lap that counts, once ``laps`` has."""
        lap = self.laps.last(car)
        if lap is not None and lap.lap_time_ms is not None and self.laps.is_timed(car, lap):
            best = BestLap(lap.lap_time_ms, lap.lap, lap.at, lap.driver)
            self._take(car, best, len(self.started) - 1)

    def of_car(self, car: str) -> SegmentBests:
        """Return the car's best lap in each segment so far."""
        bests = self.bests.get(car, ())
        return bests + (None,) * (len(self.started) - len(bests))

    def _started(self, event: SegmentStarted) -> None:
        if self.session.is_race:
            return
        if not self.started and self.laps.best:
            first = Segment(BEFORE, 0, ())
            self.started.append(first)
            self.bests = {car: (best,) for car, best in self.laps.best.items()}
        self.started.append(Segment(event.name, event.at, event.classes))

    def _take(self, car: str, lap: BestLap, index: int) -> None:
        bests = self.of_car(car)
        best = bests[index]
        if best is None or lap.ms < best.ms:
            self.bests[car] = (*bests[:index], lap, *bests[index + 1 :])

    def _reported(self, event: BestLapReported) -> None:
        if not self.started:
            return
        reported = self.laps.reported[event.car][-1]
        if not self.laps.is_deleted(event.car, reported.lap):
            self._take_reported(event.car, reported)

    def _take_reported(self, car: str, lap: BestLap) -> None:
        index = self._index_at(lap.at)
        began_at = self.started[index].at
        laps = self.laps.laps.get(car, ())
        if index and any(one.lap >= lap.lap for one in laps if one.at < began_at):
            return
        self._take(car, lap, index)

    def _deleted(self, event: LapTimeDeleted) -> None:
        if not self.started:
            return
        car = event.car
        self.bests.pop(car, None)
        for lap in self.laps.laps.get(car, ()):
            if lap.lap_time_ms is not None and self.laps.is_timed(car, lap):
                best = BestLap(lap.lap_time_ms, lap.lap, lap.at, lap.driver)
                self._take(car, best, self._index_at(lap.at))
        for reported in self.laps.reported.get(car, ()):
            if not self.laps.is_deleted(car, reported.lap):
                self._take_reported(car, reported)

    def _index_at(self, at: int) -> int:
        """Return the index of the segment under way at a session time (ms)."""
        begun = sum(segment.at <= at for segment in self.started)
        return max(0, begun - 1)


BEFORE = "before"
"""The name of what came before the first segment that was started."""
