"""The part of a session's state that a subscriber receives: topics, classes, cars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from projections.views.merge_patch import Patch, State
from projections.views.published import FORECAST_TOPIC, TOPICS

BY_CAR = ("standings", "pits", "drivers", "results")
"""Topics with rows keyed by car."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Topics, and the classes and cars of their rows; an empty set stands for all.

    A row must match both classes and cars, whatever the case; rows of no car match always. A
    fastest lap is included while one of the cars holds it. The topic ``session`` is always
    included: a screen needs flag and clock. Subscriptions with equal filters share a channel.
    """

    topics: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    cars: frozenset[str] = frozenset()

    @property
    def of_rows(self) -> bool:
        """Whether it filters rows, and not only topics."""
        return bool(self.classes or self.cars)

    def has(self, topic: str) -> bool:
        """Whether the topic is included."""
        return not self.topics or topic in self.topics or topic == "session"

    @property
    def of_forecasts(self) -> bool:
        """Whether forecasts are included, which are sent to those only who name them."""
        return FORECAST_TOPIC in self.topics

    def choose_forecast(self, forecast: State) -> State:
        """The included cars of a forecast, whose rows have their class."""
        return {**forecast, "cars": self._rows(forecast["cars"])}

    def choose(self, state: State) -> State:
        """The included part of a state. Whole topics and rows are shared, not copied."""
        chosen = {topic: rows for topic, rows in state.items() if self.has(topic)}
        if not self.of_rows:
            return chosen
        # Only the standings have the class of a car.
        cars = self._cars(state.get("standings", {}))
        for topic in BY_CAR:
            if topic in chosen:
                rows = chosen[topic]
                chosen[topic] = {car: rows[car] for car in rows if car in cars}
        if "penalties" in chosen:
            chosen["penalties"] = {
                name: row for name, row in chosen["penalties"].items() if row.get("car") in cars
            }
        for topic in ("messages", "control"):
            if topic in chosen:
                chosen[topic] = {
                    name: row
                    for name, row in chosen[topic].items()
                    if "car" not in row or row["car"] in cars
                }
        if "fastest" in chosen:
            chosen["fastest"] = self._fastest(chosen["fastest"])
        return chosen

    def choose_patch(self, patch: Patch) -> Patch:
        """The included part of a patch, for a filter of topics only."""
        # A patch does not say of which class a car is, so a filter of rows compares two states.
        return {topic: change for topic, change in patch.items() if self.has(topic)}

    def _cars(self, standings: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(self._rows(standings))

    def _rows(self, rows: Mapping[str, Any]) -> State:
        cars, classes = casefolded(self.cars), casefolded(self.classes)
        return {
            car: row
            for car, row in rows.items()
            if (not cars or car.casefold() in cars)
            and (not classes or (row.get("class") or "").casefold() in classes)
        }

    def _fastest(self, fastest: State) -> State:
        # Keyed by class, with the car in the row, and the overall best beside the classes.
        cars, classes = casefolded(self.cars), casefolded(self.classes)

        def is_wanted(best: Mapping[str, Any] | None) -> bool:
            return best is not None and (not cars or best["car"].casefold() in cars)

        chosen = {
            **fastest,
            "classes": {
                name: best
                for name, best in fastest.get("classes", {}).items()
                if (not classes or name.casefold() in classes) and is_wanted(best)
            },
        }
        if not is_wanted(chosen.get("overall")):
            chosen.pop("overall", None)
        return chosen


def casefolded(names: Iterable[str]) -> frozenset[str]:
    """The names without regard to case."""
    return frozenset(name.casefold() for name in names)


def unknown_topics(topics: frozenset[str]) -> list[str]:
    """The topics that there are not."""
    return sorted(topics.difference(TOPICS, {FORECAST_TOPIC}))
