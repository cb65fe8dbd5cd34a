"""How a race may end: a row for each car, from many runs of the rest of it.

A forecast is one, and says so: it is never part of the standings. The same race at the same moment
gives the same forecast, live, in a replay and years later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from events.errors import NoForecast
from projections.folds.finish import laps_of_distance
from projections.forecast.model import ForecastModel, fitted_model
from projections.forecast.simulation import Array, Ranges, Runs, ranges, simulate
from projections.forecast.situation import Ints, Situation, situation
from projections.race import Race
from projections.results.scheduled_length import UNKNOWN_LENGTH, scheduled_length

RUNS = 400
PODIUM = 3


class Quantiles(NamedTuple):
    """Of ten runs one is at most ``p10``, five ``p50``, nine ``p90``."""

    p10: float
    p50: float
    p90: float


QUANTILES = (0.1, 0.5, 0.9)
NO_LAPS = Quantiles(0.0, 0.0, 0.0)


class CarForecast(NamedTuple):
    """How a car may end.

    ``places`` are the probabilities of its places in class, the first one first. ``laps_left`` are
    laps that it still completes, ``next_stop`` in how many of its laps it comes in next (None:
    probably not again), ``latest_stop`` in how many it must (None: it can reach the flag).
    ``net_position`` is its place in class if all had made the stops they owe; ``gap_at_flag_ms``
    the median time behind the winner of its class.
    """

    car: str
    car_class: str | None
    class_position: int
    places: tuple[float, ...]
    expected_place: float
    place_p10: int
    place_p90: int
    win: float
    podium: float
    gains: float
    laps_left: Quantiles
    stops_left: int
    next_stop: Quantiles | None
    latest_stop: int | None
    net_position: int
    gap_at_flag_ms: int


class RaceForecast(NamedTuple):
    """The cars of a race, class by class in running order, and the model that was used."""

    at: int
    left_ms: int
    model: ForecastModel
    cars: tuple[CarForecast, ...]


def race_forecast(race: Race, model: ForecastModel | None = None, runs: int = RUNS) -> RaceForecast:
    """Return how the race may end. Raises NoForecast where nothing can be said."""
    now = situation_of_race(race)
    return forecast_of(now, model or fitted_model(), runs, race.session.opened.classes)


def situation_of_race(race: Race) -> Situation:
    """Return the situation from which the race is forecast. Raises NoForecast."""
    now = situation(race, _left_ms(race))
    if not now.cars:
        raise NoForecast("the race has not begun: no car has crossed a line")
    return now


def forecast_of(
    now: Situation, model: ForecastModel, runs: int = RUNS, classes: Sequence[str] = ()
) -> RaceForecast:
    """Return how the race of a situation may end; its classes in this order, then others."""
    outcome = simulate(now, model, runs, now.seed)
    order = {name: number for number, name in enumerate(classes)}
    blocks = sorted(now.blocks, key=lambda block: order.get(now.class_at(block.start), len(order)))
    reach = ranges(now, model)
    unknown = model.trouble.unknown if now.left_ms else 0.0
    cars = tuple(one for block in blocks for one in _of_class(now, outcome, reach, unknown, block))
    return RaceForecast(now.at, now.left_ms, model, cars)


def _left_ms(race: Race) -> int:
    """What is left of the race by its clock (ms); by its leader's pace where it goes by laps."""
    if not race.session.is_race:
        raise NoForecast(
            f"this is a {race.session.opened.kind} session, and only races are forecast"
        )
    if race.finish.over:
        return 0
    limit = scheduled_length(race).ms
    by_clock = None if limit is None else max(0, limit - race.at)
    laps = laps_of_distance(race.session.opened)
    leader = race.order.leader()
    if laps is None or leader is None:
        if by_clock is None:
            raise NoForecast(UNKNOWN_LENGTH)
        return by_clock
    pace = race.laps.pace(leader) or _mean_lap(race, leader)
    by_laps = max(0, (laps - race.order.laps.get(leader, 0)) * pace)
    return by_laps if by_clock is None else min(by_laps, by_clock)


def _mean_lap(race: Race, car: str) -> int:
    return race.at // max(1, race.order.laps.get(car, 0))


def _of_class(
    now: Situation, outcome: Runs, reach: Ranges, unknown: float, block: slice
) -> Iterator[CarForecast]:
    """The forecasts of the cars of a class, in running order."""
    size = block.stop - block.start
    owed = _owed(now, reach)[block]
    net = now.deficit[block] + owed * reach.cost[block]
    net = np.where(now.retired[block], np.inf, net)
    retired = np.isinf(net)
    rest = reach.last[block] / now.pace[block] - now.stint[block]
    behind = outcome.behind[:, block]
    gaps = np.median(behind - behind.min(axis=1, keepdims=True), axis=0)
    laps, stops = (
        np.sort(outcome.laps[:, block], axis=0),
        np.sort(outcome.next_stop[:, block], axis=0),
    )
    for index in range(size):
        counted = np.bincount(outcome.rank[:, block.start + index], minlength=size) / len(behind)
        places = (1 - unknown) * counted + unknown / size
        places /= places.sum()
        reached = np.cumsum(places)
        position = index + 1
        expected = float((places * np.arange(1, size + 1)).sum())
        ahead = int((net < net[index]).sum())
        yield CarForecast(
            car=now.cars[block.start + index],
            car_class=now.class_at(block.start) or None,
            class_position=position,
            places=tuple(round(float(one), 9) for one in places),
            expected_place=round(expected, 2),
            place_p10=int(np.searchsorted(reached, 0.1 - 1e-9)) + 1,
            place_p90=int(np.searchsorted(reached, 0.9 - 1e-9)) + 1,
            win=round(float(places[0]), 4),
            podium=round(float(places[:PODIUM].sum()), 4),
            gains=round(position - expected, 2),
            laps_left=_quantiles(laps[:, index]) or NO_LAPS,
            stops_left=int(owed[index]),
            next_stop=_quantiles(stops[:, index]),
            latest_stop=max(0, int(rest[index])) if owed[index] else None,
            net_position=position if retired[index] else ahead + 1,
            gap_at_flag_ms=int(gaps[index]),
        )


def _owed(now: Situation, reach: Ranges) -> Ints:
    """How many stops each car still owes to reach the flag."""
    run = now.stint * now.pace + now.left_ms
    owed = np.where(run > reach.last, np.ceil((run - reach.last) / reach.stint), 0)
    return np.where(now.retired | (now.most_laps == 0), 0, owed).astype(int)


def _quantiles(ordered: Array) -> Quantiles | None:
    """The quantiles of laps in ascending order; None where half of the runs have none."""
    low, middle, high = (float(ordered[int(share * (len(ordered) - 1))]) for share in QUANTILES)
    if not np.isfinite(middle):
        return None
    if not np.isfinite(high):
        high = float(ordered[int(np.isfinite(ordered).sum()) - 1])
    return Quantiles(low, middle, high)
