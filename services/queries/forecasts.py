"""Forecasts of a race as rows.

The arrays they are computed with take long to load, so that a command that makes none loads none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from events.errors import LapstreamError, NoForecast
from projections.race import Race
from projections.results.scheduled_length import UNKNOWN_LENGTH, scheduled_length
from projections.timeline import Timeline
from services.queries.listings import session_rows
from services.queries.sessions import SessionQuestion, read_session
from services.queries.tables.columns import Row
from services.storage.event_log import Log

if TYPE_CHECKING:
    from projections.forecast.race_forecast import CarForecast, RaceForecast
    from projections.forecast.scores import Scores
    from projections.forecast.situation import Situation

TOPIC_DIGITS = 4
"""The digits of probabilities in messages, which are sent every second."""

SCORED_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""At which shares of its length the forecasts of a race are scored."""


def forecast_of_race(race: Race) -> RaceForecast:
    """How the race may end. Raises NoForecast."""
    from projections.forecast.race_forecast import race_forecast

    return race_forecast(race)


def forecast_rows(race: Race) -> list[Row]:
    """A row for each car, class by class in running order. Raises NoForecast."""
    return list(map(forecast_row, forecast_of_race(race).cars))


def forecast_row(forecast: CarForecast) -> Row:
    """How a car may end, as a row."""
    row = forecast._asdict()
    row["class"] = row.pop("car_class")
    stop = forecast.next_stop
    return {
        **row,
        "places": list(forecast.places),
        "laps_left": forecast.laps_left._asdict(),
        "next_stop": None if stop is None else stop._asdict(),
    }


class ForecastTask(NamedTuple):
    """All that the forecast of a race is computed from; it can be pickled.

    ``leader`` is the car that leads overall, and ``laps`` how many it has completed.
    """

    situation: Situation
    classes: tuple[str, ...]
    leader: str
    laps: int


def forecast_task(race: Race) -> ForecastTask:
    """Read a race for its forecast, which may then be computed elsewhere. Raises NoForecast."""
    from projections.forecast.race_forecast import situation_of_race

    now = situation_of_race(race)
    leader = race.order.leader() or now.cars[0]
    classes = tuple(race.session.opened.classes)
    return ForecastTask(now, classes, leader, race.order.laps.get(leader, 0))


def forecast_topic(task: ForecastTask) -> Row:
    """The forecast as subscribers receive it: rows by car, and the leader's laps to the flag."""
    from projections.forecast.model import fitted_model
    from projections.forecast.race_forecast import forecast_of

    forecast = forecast_of(task.situation, fitted_model(), classes=task.classes)
    rows = {one.car: _short(forecast_row(one)) for one in forecast.cars}
    to_go = rows[task.leader]["laps_left"]
    return {
        "at_ms": forecast.at,
        "left_ms": forecast.left_ms,
        "fitted_on": forecast.model.fitted_on,
        "leader": task.leader,
        "laps_to_go": to_go,
        "last_lap": {name: task.laps + laps for name, laps in to_go.items()},
        "cars": rows,
    }


def _short(row: Row) -> Row:
    return {**row, "places": [round(one, TOPIC_DIGITS) for one in row["places"]]}


def score_rows(timeline: Timeline) -> list[Row]:
    """The scores of the forecasts of a race that is over, by share of its scheduled length.

    The last row is of all of them. Raises NoForecast for a race that is not over, or whose length
    is unknown.
    """
    from projections.forecast.scores import Scores

    of_all = Scores()
    rows: list[Row] = []
    for share, at, scores in _scores(timeline):
        of_all.extend(scores)
        rows.append({"share": share, "at_ms": at, **scores.score()._asdict()})
    return [*rows, {"share": None, "at_ms": None, **of_all.score()._asdict()}]


def _scores(timeline: Timeline) -> Iterator[tuple[float, int, Scores]]:
    """The scores of the forecasts at each share of a race's length, and the moments."""
    from projections.forecast.race_forecast import race_forecast
    from projections.forecast.scores import Scores, truth_of

    race = timeline.race
    if not race.finish.over:
        raise NoForecast("forecasts are scored when the race is over")
    length = scheduled_length(race).ms
    if length is None:
        raise NoForecast(UNKNOWN_LENGTH)
    truth = truth_of(race)
    for share in SCORED_SHARES:
        then = timeline.race_at(int(share * length))
        then.at = int(share * length)
        if then.finish.over:  # it was cut short, or run by laps: nothing was left to forecast
            continue
        scores = Scores()
        scores.add(race_forecast(then), then.order.laps, truth)
        yield share, then.at, scores


class Scorecard(NamedTuple):
    """The scores of all races of a store that are over, and what they say together.

    ``races`` has a row for each race, the last one of all; ``calibration`` a row for each range of
    probabilities. ``left_out`` are races without a score, with the reason.
    """

    races: Sequence[Row]
    calibration: Sequence[Row]
    left_out: Sequence[tuple[str, str]]


async def scorecard(log: Log) -> Scorecard:
    """Score the forecasts of every race of the store; a race of a day takes seconds."""
    from projections.forecast.scores import Scores, calibration

    of_all, rows, left_out = Scores(), [], []
    for listed in await session_rows(log):
        name = listed["session"]
        if listed["kind"] != "race" or not listed["entries"]:
            continue
        try:
            timeline = (await read_session(log, SessionQuestion(name))).timeline
            of_race = Scores()
            for _, _, scores in _scores(timeline):
                of_race.extend(scores)
        except LapstreamError as error:
            left_out.append((name, str(error)))
            continue
        of_all.extend(of_race)
        rows.append({"session": name, "title": listed["title"], **of_race.score()._asdict()})
    if rows:
        rows.append({"session": None, "title": "all races", **of_all.score()._asdict()})
    bins = [one._asdict() for one in calibration(of_all.wins)]
    return Scorecard(rows, bins, left_out)
