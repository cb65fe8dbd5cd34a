"""How good forecasts were: proper scores against what then happened.

- ``skill``: one less the ratio of the ranked probability score to that of "it ends as it stands",
  whose score is its mean absolute error in places: 1 is perfect, 0 no better than the order;
- ``winner``: the geometric mean of the probability given to those that won their class;
- ``calibration_error``: of what is called p, a share p should happen; the mean difference over
  wins, in ten bins;
- ``held`` against ``claimed``: the share of cars whose place lay within the shortest interval of
  at least 80 %, and the probability that those intervals claimed;
- ``laps_within_1``: the share of class leaders whose laps to the flag were within one of the
  median;
- ``stop_error``: the mean error (laps) of a next stop forecast to be at most ten laps away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from projections.forecast.race_forecast import CarForecast, RaceForecast
from projections.race import Race

LEAST_PROBABILITY = 0.0005
"""What a winner is taken to have been given at least."""

INTERVAL = 0.8
BINS = 10
NEAR_STOP_LAPS = 10
SMALLEST_CLASS = 3


class Truth(NamedTuple):
    """What happened: each class in its final order, and each car's laps and in-laps."""

    classes: Mapping[str, Sequence[str]]
    laps: Mapping[str, int]
    in_laps: Mapping[str, Sequence[int]]


class Score(NamedTuple):
    """The scores of some forecasts; None where there was nothing to score."""

    forecasts: int
    skill: float | None
    winner: float | None
    calibration_error: float | None
    held: float | None
    claimed: float | None
    laps_within_1: float | None
    stop_error: float | None


def truth_of(race: Race) -> Truth:
    """What happened in a race that is over, by laps and time, without penalties."""
    classes: dict[str, list[str]] = {}
    for car in race.order.cars():
        if race.order.laps.get(car):
            classes.setdefault(race.session.car_class(car) or "", []).append(car)
    return Truth(
        classes,
        dict(race.order.laps),
        {car: [lap.lap for lap in laps if lap.in_pit_lane] for car, laps in race.laps.laps.items()},
    )


@dataclass
class Scores:
    """Forecasts as they are scored, one after another."""

    ranked: list[float] = field(default_factory=list)
    order: list[float] = field(default_factory=list)
    winners: list[float] = field(default_factory=list)
    wins: list[tuple[float, bool]] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    claimed: list[float] = field(default_factory=list)
    laps: list[bool] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    forecasts: int = 0

    def add(self, forecast: RaceForecast, laps: Mapping[str, int], truth: Truth) -> None:
        """Score a forecast that was made when the cars had completed ``laps``."""
        self.forecasts += 1
        made: dict[str, list[CarForecast]] = {}
        for one in forecast.cars:
            made.setdefault(one.car_class or "", []).append(one)
        ranked, order = [], []
        for name, cars in truth.classes.items():
            if len(cars) < SMALLEST_CLASS:
                continue
            known = {one.car: one for one in made.get(name, ())}
            for place, car in enumerate(cars, start=1):
                own = known.get(car)
                ranked.append(_ranked_score(own.places if own else (), place))
                order.append(abs((own.class_position if own else len(cars)) - place))
                if own is not None:
                    self._add_car(own, place)
            self._add_leader(made.get(name, ()), laps, truth)
        for one in forecast.cars:
            self._add_stop(one, laps, truth)
        if ranked:
            self.ranked.append(fmean(ranked))
            self.order.append(fmean(order))

    def extend(self, other: Scores) -> None:
        """Add what another has scored."""
        for name in ("ranked", "order", "winners", "wins", "held", "claimed", "laps", "stops"):
            getattr(self, name).extend(getattr(other, name))
        self.forecasts += other.forecasts

    def _add_car(self, one: CarForecast, place: int) -> None:
        self.wins.append((one.places[0], place == 1))
        if place == 1:
            self.winners.append(max(one.places[0], LEAST_PROBABILITY))
        first, last, mass = _interval(one.places)
        self.held.append(first <= place <= last)
        self.claimed.append(mass)

    def _add_leader(
        self, cars: Sequence[CarForecast], laps: Mapping[str, int], truth: Truth
    ) -> None:
        leader = next((one for one in cars if one.class_position == 1), None)
        if leader is not None:
            left = truth.laps.get(leader.car, 0) - laps.get(leader.car, 0)
            self.laps.append(abs(leader.laps_left.p50 - left) <= 1)

    def _add_stop(self, one: CarForecast, laps: Mapping[str, int], truth: Truth) -> None:
        if one.next_stop is None or one.next_stop.p50 > NEAR_STOP_LAPS:
            return
        done = laps.get(one.car, 0)
        later = next((lap - done for lap in truth.in_laps.get(one.car, ()) if lap > done), None)
        if later is not None:
            self.stops.append(abs(one.next_stop.p50 - later))

    def score(self) -> Score:
        """The scores of all that were added."""
        order = fmean(self.order) if self.order else 0
        return Score(
            self.forecasts,
            1 - fmean(self.ranked) / order if order else None,
            math.exp(fmean(map(math.log, self.winners))) if self.winners else None,
            _calibration_error(self.wins) if self.wins else None,
            _mean(self.held),
            _mean(self.claimed),
            _mean(self.laps),
            _mean(self.stops),
        )


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return fmean(listed) if listed else None


def _ranked_score(places: Sequence[float], place: int) -> float:
    """The ranked probability score: the squared differences of the cumulated probabilities."""
    reached, score = 0.0, 0.0
    for number, probability in enumerate(places, start=1):
        reached += probability
        score += (reached - (number >= place)) ** 2
    return score


def _interval(places: Sequence[float]) -> tuple[int, int, float]:
    """The shortest interval of places that has at least ``INTERVAL``: first, last, probability."""
    best = (len(places), 1, len(places))
    for first in range(len(places)):
        mass = 0.0
        for last in range(first, len(places)):
            mass += places[last]
            if mass >= INTERVAL - 1e-9:
                best = min(best, (last - first + 1, first + 1, last + 1))
                break
    # The places are rounded, so that their sum may be a little more than 1.
    return best[1], best[2], min(1.0, sum(places[best[1] - 1 : best[2]]))


class Calibration(NamedTuple):
    """The wins that were forecast with a probability from ``low`` to ``high``.

    Of so many ``forecasts`` the mean probability was ``forecast``, and a share ``won`` was won.
    """

    low: float
    high: float
    forecasts: int
    forecast: float
    won: float


def calibration(wins: Sequence[tuple[float, bool]]) -> list[Calibration]:
    """The forecasts of wins by their probability, where there are any."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for probability, won in wins:
        bins[min(BINS - 1, int(probability * BINS))].append((probability, won))
    return [
        Calibration(
            number / BINS,
            (number + 1) / BINS,
            len(one),
            fmean(p for p, _ in one),
            fmean(won for _, won in one),
        )
        for number, one in enumerate(bins)
        if one
    ]


def _calibration_error(wins: Sequence[tuple[float, bool]]) -> float:
    return sum(abs(one.forecast - one.won) * one.forecasts / len(wins) for one in calibration(wins))
