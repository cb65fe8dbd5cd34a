"""Who led each lap, overall and in class, and how often the lead changed.

Rule: the leader of a lap is the car first to complete it; a lead change is another car
first to complete the next lap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import LapCompleted
from projections.engine.state import Handlers, Histories, History, Projection, of, row, sibling
from projections.folds.session import Session


class Led(NamedTuple):
    """A lap, the car first to complete it, and when (ms)."""

    lap: int
    car: str
    at: int


_led = row(Led)


@dataclass(slots=True)
class LapChart(Projection):
    """The leader of each lap. A lap that no one was timed on has no entry."""

    NAME: ClassVar[str] = "chart"
    VERSION: ClassVar[int] = 1

    session: Session = sibling()
    led: History[Led] = of(_led, History)
    led_in_class: Histories[Led] = of(_led, Histories)
    changes: int = 0
    class_changes: dict[str, int] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {}

    def lap_completed(self, event: LapCompleted) -> bool:
        """Note the lap; True where it is the overall leader's."""
        car, lap = event.car, event.lap
        name = self.session.car_class(car)
        if name is not None:
            in_class = self.led_in_class[name]
            if not in_class or lap > in_class[-1].lap:
                if in_class and in_class[-1].car != car:
                    self.class_changes[name] = self.class_changes.get(name, 0) + 1
                in_class.append(Led(lap, car, event.at))
        led = self.led
        if led and lap <= led[-1].lap:
            return False
        if led and led[-1].car != car:
            self.changes += 1
        led.append(Led(lap, car, event.at))
        return True

    def lead_changes(self) -> list[Led]:
        """The first lap of each new leader, after the first."""
        return [
            led
            for before, led in zip(self.led, self.led[1:], strict=False)
            if before.car != led.car
        ]
