"""The lap chart: the leader of each lap, overall and in class, and the lead changes.

Rules: the leader of a lap is the first car to complete it; a lead change is another car being
the first to complete the next lap. Only a race has leaders: in qualifying and practice nobody is
ahead of anybody by laps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import LapCompleted
from projections.engine.state import Handlers, Histories, History, Projection, of, row, sibling
from projections.folds.session import Session


class LapLeader(NamedTuple):
    """A lap, the car first to complete it, and when (ms)."""

    lap: int
    car: str
    at: int


_lap_leader = row(LapLeader)


@dataclass(slots=True)
class LapChart(Projection):
    """The leader of each lap. Laps without any timed car are missing."""

    NAME: ClassVar[str] = "chart"
    VERSION: ClassVar[int] = 2

    session: Session = sibling()
    leaders: History[LapLeader] = of(_lap_leader, History)
    class_leaders: Histories[LapLeader] = of(_lap_leader, Histories)
    changes: int = 0
    class_changes: dict[str, int] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {}

    def lap_completed(self, event: LapCompleted) -> bool:
        """Fold a lap; return True if it is the overall leader's."""
        if not self.session.is_race:
            return False
        car, lap = event.car, event.lap
        name = self.session.car_class(car)
        if name is not None:
            in_class = self.class_leaders[name]
            if not in_class or lap > in_class[-1].lap:
                if in_class and in_class[-1].car != car:
                    self.class_changes[name] = self.class_changes.get(name, 0) + 1
                in_class.append(LapLeader(lap, car, event.at))
        leaders = self.leaders
        if leaders and lap <= leaders[-1].lap:
            return False
        if leaders and leaders[-1].car != car:
            self.changes += 1
        leaders.append(LapLeader(lap, car, event.at))
        return True

    def lead_changes(self) -> list[LapLeader]:
        """The first lap of each new leader, after the first."""
        return [
            leader
            for before, leader in zip(self.leaders, self.leaders[1:], strict=False)
            if before.car != leader.car
        ]
