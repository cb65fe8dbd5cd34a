"""The lap chart: the leader of each lap, overall and in class, and the lead changes.

Rules: the leader of a lap is the first car to complete it, of those in the same millisecond the
one that the running order puts ahead; a lead change is another car being the first to complete
the next lap. Only a race has leaders: in qualifying and practice nobody is
ahead of anybody by laps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, NamedTuple

from events import LapCompleted
from projections.engine.state import Handlers, Histories, History, Projection, of, row, sibling
from projections.folds.running_order import RunningOrder
from projections.folds.session import Session


class LapLeader(NamedTuple):
    """A lap, the car first to complete it, and when (ms)."""

    lap: int
    car: str
    at: int


_lap_leader = row(LapLeader)
NOBODY = LapLeader(0, "", 0)


@dataclass(slots=True)
class LapChart(Projection):
    """The leader of each lap. Laps without any timed car are missing.

    ``first_across`` has, of cars that completed a lap in the same millisecond, each that took
    precedence over those before it: a history only grows.
    """

    NAME: ClassVar[str] = "chart"
    VERSION: ClassVar[int] = 3

    session: Session = sibling()
    order: RunningOrder = sibling()
    first_across: History[LapLeader] = of(_lap_leader, History)
    first_in_class: Histories[LapLeader] = of(_lap_leader, Histories)
    ties: int = 0
    class_ties: dict[str, int] = field(default_factory=dict)
    changes: int = 0
    class_changes: dict[str, int] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {}

    @property
    def leaders(self) -> Sequence[LapLeader]:
        """The overall leader of each lap, oldest first."""
        return self.first_across if not self.ties else _one_a_lap(self.first_across)

    @property
    def class_leaders(self) -> Mapping[str, Sequence[LapLeader]]:
        """The leader of each lap by class."""
        if not self.class_ties:
            return self.first_in_class
        return {name: _one_a_lap(leaders) for name, leaders in self.first_in_class.items()}

    def leader_lap(self) -> int:
        """The last lap that the overall leader completed, 0 before the first."""
        return self.first_across[-1].lap if self.first_across else 0

    def lap_completed(self, event: LapCompleted) -> bool:
        """Fold a lap; return True if it is the overall leader's."""
        if not self.order.finish.is_race:
            return False
        car, lap, at = event.car, event.lap, event.at
        entry = self.session.entries.get(car)
        name = entry.car_class if entry else None
        if name is not None:
            leaders = self.first_in_class[name]
            newest = leaders[-1] if leaders else NOBODY
            if lap > newest.lap:
                if leaders and newest.car != car:
                    self.class_changes[name] = self.class_changes.get(name, 0) + 1
                leaders.append(LapLeader(lap, car, at))
            elif at == newest.at and self._takes_precedence(event, newest):
                changes = self.class_changes.get(name, 0) + _moved(leaders, car)
                if changes != self.class_changes.get(name, 0):
                    self.class_changes[name] = changes
                self.class_ties[name] = self.class_ties.get(name, 0) + 1
                leaders.append(LapLeader(lap, car, at))
        leaders = self.first_across
        newest = leaders[-1] if leaders else NOBODY
        if lap <= newest.lap:
            if at != newest.at or not self._takes_precedence(event, newest):
                return False
            self.changes += _moved(leaders, car)
            self.ties += 1
        elif leaders and newest.car != car:
            self.changes += 1
        leaders.append(LapLeader(lap, car, at))
        return True

    def _takes_precedence(self, event: LapCompleted, leader: LapLeader) -> bool:
        """Whether the car, level with the leader of a lap, completed that lap ahead of it."""
        return event.lap == leader.lap and self.order.is_ahead(event.car, leader.car)

    def lead_changes(self) -> list[LapLeader]:
        """The first lap of each new leader, after the first."""
        return [leader for before, leader in pairwise(self.leaders) if before.car != leader.car]


def _one_a_lap(leaders: Sequence[LapLeader]) -> list[LapLeader]:
    """The leader of each lap: the last of those in the same millisecond."""
    return list({leader.lap: leader for leader in leaders}.values())


def _moved(leaders: Sequence[LapLeader], car: str) -> int:
    """By how much the lead changes are more or fewer if ``car`` has led the newest lap instead."""
    newest = leaders[-1]
    before = next((one.car for one in reversed(leaders) if one.lap < newest.lap), None)
    if before is None:
        return 0
    return (car != before) - (newest.car != before)
