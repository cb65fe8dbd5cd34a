"""One car on its way round the track: driving and stopping, no decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from replay.petit_le_mans_2007.plans import CarPlan, Stop
from replay.petit_le_mans_2007.reference import lap_at, time_at

PIT_ENTRY = 0.968
BOX = 1.011
PIT_EXIT = 1.058
"""Where the lane lies, in laps: it passes the finish line, and most boxes lie beyond it."""

TO_BOX_MS, FROM_BOX_MS = 10_500.0, 11_500.0
"""At the lane's speed limit of 60 km/h."""


class PitVisit(NamedTuple):
    """A way through the lane in ms; ``lap`` is the lap finished in it."""

    entered: float
    exited: float
    lap: int
    left_box: float
    stationary: float
    stop: Stop


@dataclass(slots=True)
class Drive:
    """A car on its way: where it is (reference lap ``at``, own progress) and how it came there.

    ``knots`` are pairs of session clock (ms) and progress (laps), straight lines between.
    """

    plan: CarPlan
    car_class: str
    at: float = 0.0
    progress: float = 0.0
    fuel: float = 0.0
    pace: float = 0.0
    knots: list[tuple[float, float]] = field(default_factory=list)
    visits: list[PitVisit] = field(default_factory=list)

    @property
    def deficit(self) -> float:
        """Reference laps behind the reference."""
        return self.at - self.progress

    @property
    def running(self) -> bool:
        """Whether it has not retired."""
        return self.plan.retires is None or self.progress < self.plan.laps

    def mark(self) -> None:
        """Note where the car is."""
        self.knots.append((time_at(self.at), self.progress))

    def run(self, to: float, pace: float, burn: float = 1.0) -> None:
        """Drive to reference lap ``to``, losing ``pace`` and burning ``burn`` of a lap in each."""
        if to > self.at:
            self.progress += (to - self.at) * (1.0 - pace)
            self.fuel += (to - self.at) * burn
            self.at = to
            self.mark()

    def stop(self, stop: Stop, pace: float) -> None:
        """Drive on to the pit entry, stop, and come back to the track."""
        lap = int(self.progress + 1.0 - PIT_ENTRY) + 1
        self.run(self.at + (lap - 1 + PIT_ENTRY - self.progress) / (1.0 - pace), pace)
        entered, lane = time_at(self.at), stop.lane_s * 1000.0
        exited = entered + lane
        left_box, stationary = exited - FROM_BOX_MS, lane - TO_BOX_MS - FROM_BOX_MS
        self.visits.append(PitVisit(entered, exited, lap, left_box, stationary, stop))
        self.knots += [
            (entered + TO_BOX_MS, lap - 1 + BOX),
            (left_box, lap - 1 + BOX),
        ]
        self.at, self.progress = lap_at(exited), lap - 1 + PIT_EXIT
        self.fuel = 0.0
        self.mark()
