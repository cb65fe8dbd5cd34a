"""The weather as it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from events import WeatherMeasured
from projections.engine.state import Handlers, History, Projection, model, of


@dataclass(slots=True)
class Weather(Projection):
    """Every measurement, in effective order."""

    NAME: ClassVar[str] = "weather"
    VERSION: ClassVar[int] = 1

    measured: History[WeatherMeasured] = of(model(WeatherMeasured), History)

    def handlers(self) -> Handlers:
        return {WeatherMeasured: self._measured}

    def _measured(self, event: WeatherMeasured) -> None:
        self.measured.append(event)
