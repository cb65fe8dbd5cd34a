"""Every lap of every car: times, bests, pace.

Rule: the first lap of a race begins at the start, not at the line, so its time is no best lap.
Official results agree: in 2,057 rows of IMSA results FL_LAPNUM is never 1. Where a feed times the
crossing at the start, the first lap begins there, later than the session, and counts (RMonitor:
a first passing with a lap time of zero).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from events import BestLapReported, LapCompleted, LapTimeDeleted
from projections.engine.state import Handlers, Histories, Projection, of, row, sibling
from projections.folds.pits import Pits
from projections.folds.running_order import natural
from projections.folds.session import Session
from projections.folds.track import Track

PACE_LAPS = 5
ROUNDING_MS = 2
"""Tolerance between a lap time and the session clock, each of which was rounded on its own."""


class Lap(NamedTuple):
    """A completed lap; times in ms. ``pit`` is True if the car was in the lane during it."""

    lap: int
    at: int
    lap_time_ms: int | None
    driver: str | None
    in_pit_lane: bool
    pit: bool
    flag: str | None
    green: bool


class BestLap(NamedTuple):
    """A best lap: its time (ms), its number, when it ended and who drove."""

    ms: int
    lap: int
    at: int
    driver: str | None


_lap = row(Lap)
_best = row(BestLap)


def _bests(values: Any) -> tuple[BestLap, ...]:
    return tuple(_best(one) for one in values)


@dataclass(slots=True)
class Laps(Projection):
    """The laps of each car, its best lap, its deleted lap times, and its last green laps.

    ``reported`` has best laps that the timing reported and that are not among the laps.
    """

    NAME: ClassVar[str] = "laps"
    VERSION: ClassVar[int] = 2

    session: Session = sibling()
    track: Track = sibling()
    pits: Pits = sibling()
    laps: Histories[Lap] = of(_lap, Histories)
    best: dict[str, BestLap] = of(_best, dict)
    green: dict[str, tuple[int, ...]] = field(default_factory=dict)
    deleted: dict[str, tuple[int, ...]] = field(default_factory=dict)
    reported: dict[str, tuple[BestLap, ...]] = of(_bests, dict)

    def handlers(self) -> Handlers:
        return {BestLapReported: self._reported, LapTimeDeleted: self._deleted}

    def lap_completed(self, event: LapCompleted) -> None:
        """Fold a lap that counts."""
        car, ms, at, in_pit_lane = event.car, event.lap_time_ms, event.at, event.in_pit_lane
        start = at if ms is None else at - ms
        pit = in_pit_lane or self.pits.on_pit_lap(car, start)
        track = self.track  # green for all of the lap: asked here, as this is the hot path
        green = track.current is None and (track.green_since is None or track.green_since <= start)
        values = (event.lap, at, ms, event.driver, in_pit_lane, pit, track.flag, green)
        lap = tuple.__new__(Lap, values)  # in half the time of Lap(...)
        self.laps[car].append(lap)
        if ms is None:
            return
        best = self.best.get(car)
        if (best is None or ms < best.ms) and self._counts(car, lap):
            self.best[car] = BestLap(ms, lap.lap, at, lap.driver)
        if green and not pit:
            before = self.green.get(car, ())
            self.green[car] = (*before[1 - PACE_LAPS :], ms)

    def pace(self, car: str) -> int | None:
        """The mean of the last five green laps without a pit visit, in ms."""
        laps = self.green.get(car)
        return round(sum(laps) / len(laps)) if laps else None

    def last(self, car: str) -> Lap | None:
        """The lap the car completed last."""
        laps = self.laps.get(car)
        return laps[-1] if laps else None

    def fastest(self) -> list[tuple[str, BestLap]]:
        """Return each car's best lap, quickest first; of equal ones the earlier first."""
        return sorted(
            self.best.items(), key=lambda item: (item[1].ms, item[1].at, natural(item[0]))
        )

    def is_timed(self, car: str, lap: Lap) -> bool:
        """Whether the lap has a time that can be the car's best."""
        return lap.lap_time_ms is not None and self._counts(car, lap)

    def _counts(self, car: str, lap: Lap) -> bool:
        """Whether a lap's time can be the car's best."""
        if lap.lap == 1 and self.session.opened.kind == "race":
            began_at = lap.at - (lap.lap_time_ms or 0)
            if began_at <= ROUNDING_MS:
                return False
        return not self.is_deleted(car, lap.lap)

    def is_deleted(self, car: str, lap: int) -> bool:
        """Whether the time of a lap was deleted."""
        return lap in self.deleted.get(car, ())

    def _reported(self, event: BestLapReported) -> None:
        car = event.car
        reported = BestLap(event.lap_time_ms, event.lap, event.at, None)
        self.reported[car] = (*self.reported.get(car, ()), reported)
        best = self.best.get(car)
        if (best is None or reported.ms < best.ms) and not self.is_deleted(car, reported.lap):
            self.best[car] = reported

    def _deleted(self, event: LapTimeDeleted) -> None:
        car = event.car
        self.deleted[car] = tuple(sorted({*self.deleted.get(car, ()), event.lap}))
        timed = [
            BestLap(lap.lap_time_ms, lap.lap, lap.at, lap.driver)
            for lap in self.laps.get(car, ())
            if lap.lap_time_ms is not None and self._counts(car, lap)
        ]
        reported = self.reported.get(car, ())
        timed += [best for best in reported if not self.is_deleted(car, best.lap)]
        if timed:
            self.best[car] = min(timed, key=lambda best: (best.ms, best.at))
        else:
            self.best.pop(car, None)
