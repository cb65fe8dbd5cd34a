"""The pit lane: cars in it, visits, stops and stints.

Rules: every pass through the lane is a visit. A visit is a stop unless the car only drove
through or the race was stopped (red flag) meanwhile. A car drove through if it served such a
penalty, or if the visit took no longer than the session's drive-through time (+5 %), if that
is known; a visit in which the car stood or the driver changed is a stop in any case. A stint
runs from the start or a stop to the next stop. A car that completes a later lap on the track
has left the lane, even if the pit-exit line missed it; the time of its exit is unknown. What a
car does in the lane after it has finished (``projections.folds.finish``) is no visit, and does
not change the visit in which it finished.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import (
    DriverChanged,
    FlagShown,
    LapCompleted,
    PenaltyImposed,
    PenaltyServed,
    PitEntered,
    PitExited,
    PitStopped,
)
from projections.engine.state import Handlers, Histories, Projection, of, row, sibling
from projections.folds.finish import Finish
from projections.folds.running_order import RunningOrder
from projections.folds.session import Session
from projections.folds.track import Track


class Visit(NamedTuple):
    """A visit to the pit lane; times in ms, ``exited_ms`` None while unknown.

    ``lap`` is the car's lap at pit entry. ``kind`` is ``stop``, ``drive_through`` or
    ``stoppage`` (under a red flag).
    """

    entered_ms: int
    exited_ms: int | None
    lap: int
    kind: str
    stationary_ms: int | None
    flag: str | None
    driver_changed: bool

    @property
    def lane_ms(self) -> int | None:
        """Time from lane entry to lane exit."""
        return None if self.exited_ms is None else self.exited_ms - self.entered_ms


class Stint(NamedTuple):
    """Laps between two stops: ``first_lap`` to ``last_lap``, times in ms."""

    number: int
    first_lap: int
    last_lap: int
    start_ms: int
    end_ms: int | None

    @property
    def laps(self) -> int:
        """How many laps the stint has so far."""
        return self.last_lap - self.first_lap + 1


_visit = row(Visit)


@dataclass(slots=True)
class Pits(Projection):
    """The cars in the lane, and the visits of each car."""

    NAME: ClassVar[str] = "pits"
    VERSION: ClassVar[int] = 2

    session: Session = sibling()
    finish: Finish = sibling()
    order: RunningOrder = sibling()
    track: Track = sibling()
    current: dict[str, Visit] = of(_visit, dict)
    visits: Histories[Visit] = of(_visit, Histories)
    stops: dict[str, int] = field(default_factory=dict)
    last_pit_lap: dict[str, int] = field(default_factory=dict)
    stint_from: dict[str, int] = field(default_factory=dict)
    drive_throughs: dict[str, str] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {
            PitEntered: self._entered,
            PitStopped: self._stopped,
            PitExited: self._exited,
            DriverChanged: self._driver_changed,
            FlagShown: self._flag_shown,
            PenaltyImposed: self._penalty_imposed,
            PenaltyServed: self._penalty_served,
        }

    def in_lane_since(self, car: str) -> int | None:
        """When the car entered the lane it is in (ms), or None."""
        visit = self.current.get(car)
        return visit.entered_ms if visit else None

    def on_pit_lap(self, car: str, start_ms: int) -> bool:
        """Whether the car has been in the lane at any time since ``start_ms``."""
        if car in self.current:
            return True
        visits = self.visits.get(car)
        if not visits:
            return False
        exited = visits[-1].exited_ms
        return exited is not None and exited > start_ms

    def stints(self, car: str) -> list[Stint]:
        """The car's stints so far, oldest first; the last one is not over (``end_ms`` None)."""
        stints: list[Stint] = []
        first_lap, start = 1, 0
        for visit in self.visits.get(car, ()):
            if visit.kind != "stop":
                continue
            stints.append(Stint(len(stints) + 1, first_lap, visit.lap, start, visit.entered_ms))
            first_lap = visit.lap + 1
            start = visit.entered_ms if visit.exited_ms is None else visit.exited_ms
        laps = self.order.laps.get(car, 0)
        if laps >= first_lap or not stints:
            stints.append(Stint(len(stints) + 1, first_lap, laps, start, None))
        return stints

    def stint_laps(self, car: str) -> int:
        """Laps completed since the last stop; none on the rest of the lap on which it was made."""
        return max(0, self.order.laps.get(car, 0) - self.stint_from.get(car, 0))

    def _visit_of(self, car: str, at: int) -> Visit | None:
        """Return the visit under way of a car that has not finished."""
        visit = self.current.get(car)
        return None if visit is None or self.finish.has_finished(car, at) else visit

    def _entered(self, event: PitEntered) -> None:
        car = event.car
        if car in self.current or car in self.session.apart:
            return  # read twice at pit entry, or not a competitor's transponder
        if self.finish.has_finished(car, event.at):
            return
        kind = "stoppage" if self.track.flag == "red" else "stop"
        lap = self.order.laps.get(car, 0) + 1
        self.current[car] = Visit(event.at, None, lap, kind, None, self.track.flag, False)
        self.last_pit_lap[car] = lap

    def lap_in_lane(self, event: LapCompleted) -> None:
        """Fold a finish line crossing in the lane: the in-lap ends, the visit continues."""
        self.last_pit_lap[event.car] = event.lap

    def lap_on_track(self, event: LapCompleted) -> None:
        """Fold a lap completed on the track: if after the in-lap, pit exit missed the car."""
        visit = self.current.get(event.car)
        if visit is not None and event.lap > visit.lap:
            del self.current[event.car]
            self._count(event.car, visit)

    def _stopped(self, event: PitStopped) -> None:
        visit = self._visit_of(event.car, event.at)
        if visit is not None:
            stood = (visit.stationary_ms or 0) + event.stationary_ms
            self.current[event.car] = visit._replace(stationary_ms=stood)

    def _exited(self, event: PitExited) -> None:
        visit = self._visit_of(event.car, event.at)
        if visit is None:
            return  # an exit without an entry: nothing is known of the visit
        del self.current[event.car]
        visit = visit._replace(exited_ms=event.at)
        if visit.kind == "stop" and self._drove_through(visit):
            visit = visit._replace(kind="drive_through")
        self._count(event.car, visit)

    def _drove_through(self, visit: Visit) -> bool:
        through = self.session.opened.drive_through_ms
        if through is None or visit.lane_ms is None:
            return False
        stood = visit.stationary_ms is not None or visit.driver_changed
        return not stood and visit.lane_ms * 100 <= through * 105

    def _count(self, car: str, visit: Visit) -> None:
        self.visits[car].append(visit)
        if visit.kind == "stop":
            self.stops[car] = self.stops.get(car, 0) + 1
            self.stint_from[car] = visit.lap

    def _driver_changed(self, event: DriverChanged) -> None:
        visit = self._visit_of(event.car, event.at)
        if visit is not None:
            self.current[event.car] = visit._replace(driver_changed=True)

    def _flag_shown(self, event: FlagShown) -> None:
        if event.flag == "red" and event.sector is None and not self.finish.over:
            for car, visit in self.current.items():
                self.current[car] = visit._replace(kind="stoppage")

    def _penalty_imposed(self, event: PenaltyImposed) -> None:
        if event.kind == "drive_through":
            self.drive_throughs[event.penalty_id] = event.car

    def _penalty_served(self, event: PenaltyServed) -> None:
        car = self.drive_throughs.get(event.penalty_id)
        visit = self._visit_of(car, event.at) if car else None
        if car and visit is not None:
            self.current[car] = visit._replace(kind="drive_through")
