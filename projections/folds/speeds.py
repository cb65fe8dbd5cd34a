"""The highest speed of each car, measured by a speed trap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from events import TopSpeedMeasured
from projections.engine.state import Handlers, Projection, of, row, sibling
from projections.folds.finish import Finish


class TopSpeed(NamedTuple):
    """A speed in km/h, and the lap on which it was measured."""

    kph: float
    lap: int


@dataclass(slots=True)
class Speeds(Projection):
    """The highest speed of each car until it finished; of equal ones the first."""

    NAME: ClassVar[str] = "speeds"
    VERSION: ClassVar[int] = 1

    finish: Finish = sibling()
    top: dict[str, TopSpeed] = of(row(TopSpeed), dict)

    def handlers(self) -> Handlers:
        return {TopSpeedMeasured: self._measured}

    def _measured(self, event: TopSpeedMeasured) -> None:
        car, before = event.car, self.top.get(event.car)
        if self.finish.ending and self.finish.has_finished(car, event.at):
            return
        if before is None or event.speed_kph > before.kph:
            self.top[car] = TopSpeed(event.speed_kph, event.lap)
