"""A car as it stands in a race, and the events behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projections.race import Race
from projections.results.classification import Classified, Convention
from projections.results.official_result import official_result
from projections.views.explain.record import Record
from projections.views.explain.statements import Identity
from projections.wording import ordinal


@dataclass(slots=True)
class Case:
    """A car to explain, with the classification it stands in."""

    race: Race
    rows: Sequence[Classified]
    row: Classified
    convention: Convention
    record: Record

    @property
    def car(self) -> str:
        """Its number."""
        return self.row.car

    @property
    def is_race(self) -> bool:
        """Whether the session is a race."""
        return self.race.session.is_race

    @property
    def is_over(self) -> bool:
        """Whether the chequered flag was shown, or the session ended."""
        return self.race.finish.over

    def row_of(self, car: str) -> Classified:
        return next(row for row in self.rows if row.car == car)

    def last_of(self, car: str, running: bool) -> tuple[Identity, ...]:
        return self.record.last_crossing(car) if running else self.last_lap(car)

    def last_lap(self, car: str) -> tuple[Identity, ...]:
        """The last lap that counts in the result; of qualifying, the best."""
        official = official_result(self.race)
        if official is not None:
            return (official.identity,)
        row = self.row_of(car)
        if not self.is_race:
            return self.best_lap_event(car)
        return self.record.lap(car, row.laps + row.penalty_laps)

    def best_lap_event(self, car: str) -> tuple[Identity, ...]:
        official = official_result(self.race)
        if official is not None:
            return (official.identity,)
        best = self.race.laps.best.get(car)
        return self.record.timed_lap(car, best.lap) if best else ()

    def places(self, position: int, class_position: int) -> str:
        in_class = f", {ordinal(class_position)} in {self.row.car_class}"
        return f"{ordinal(position)} overall{in_class if self.row.car_class else ''}"

    def car_class(self, car: str) -> str | None:
        """Its class in the result, which may list cars that are not entered."""
        listed = next((row.car_class for row in self.rows if row.car == car), None)
        return listed or self.race.session.car_class(car)
