"""Why a car has its odds: the largest causes, in sentences.

A car is compared with its strongest rival for the win of the class: what each cause is worth is
the time that it makes between the two until the flag, without chance. The sentences follow from
the situation and the forecast alone, so the same moment always gives the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from events.clock import format_clock
from events.errors import UnknownCar
from projections.forecast.model import ForecastModel, fitted_model
from projections.forecast.race_forecast import CarForecast, Quantiles, RaceForecast, forecast_of
from projections.forecast.simulation import ranges
from projections.forecast.situation import HOUR_MS, Situation
from projections.wording import ordinal

LEAST_MS = 1_000
"""A cause that is worth less is no cause."""

FEW_LAPS = 8
"""On fewer green laps than this the pace of a car is not known."""


class Cause(NamedTuple):
    """What is for a car against its rival (ms, positive) or against it, and how to say it."""

    worth_ms: float
    text: str


def explain_forecast(
    now: Situation, car: str, classes: Sequence[str] = (), model: ForecastModel | None = None
) -> list[str]:
    """Return why ``car`` has its odds, the largest causes first.

    Raises UnknownCar for a car that has not crossed a line.
    """
    if car not in now.cars:
        raise UnknownCar(car, now.cars)
    model = model or fitted_model()
    forecast = forecast_of(now, model, classes=classes)
    return list(_sentences(now, forecast, model, car))


def _sentences(
    now: Situation, forecast: RaceForecast, model: ForecastModel, car: str
) -> Iterator[str]:
    own = next(one for one in forecast.cars if one.car == car)
    others = [one for one in forecast.cars if one.car_class == own.car_class and one.car != car]
    place = now.cars.index(car)
    if now.retired[place]:
        yield f"Forecast: #{car} is out, and keeps its laps and about its place."
        return
    yield _odds(own)
    if others:
        rival = max(others, key=lambda one: (one.win, -one.class_position))
        yield f"It is compared with #{rival.car}, {_as_rival(rival, own)}."
        found = _causes(now, model, own, rival)
        for cause in sorted(found, key=lambda one: -abs(one.worth_ms)):
            yield cause.text
    if now.most_laps[place] == 0:
        yield "It has finished, and nothing is left of the race for it."
        return
    yield from _doubts(now, place)
    yield _rest(forecast, own)
    yield _cautions(now, model)


def _odds(own: CarForecast) -> str:
    name = own.car_class or "the race"
    first, last = ordinal(own.place_p10), ordinal(own.place_p90)
    places = first if first == last else f"{first} to {last}"
    return (
        f"Forecast: #{own.car}, {ordinal(own.class_position)} now, wins {name} with a "
        f"probability of {percent(own.win)}; eight times of ten it ends {places}."
    )


def _as_rival(rival: CarForecast, own: CarForecast) -> str:
    odds = percent(rival.win)
    return (
        f"the favourite with {odds}" if rival.win >= own.win else f"its closest rival with {odds}"
    )


def _causes(
    now: Situation, model: ForecastModel, own: CarForecast, rival: CarForecast
) -> Iterator[Cause]:
    """The causes that are worth something, in no order."""
    one, other = now.cars.index(own.car), now.cars.index(rival.car)
    for cause in (
        _by_gap(now, one, other, rival.car),
        _by_pace(now, model, one, other, rival.car),
        _by_stops(now, model, own, rival, one),
    ):
        if abs(cause.worth_ms) >= LEAST_MS:
            yield cause


def _by_gap(now: Situation, one: int, other: int, rival: str) -> Cause:
    ahead = float(now.deficit[other] - now.deficit[one])
    laps = abs(ahead) / float(now.pace[one])
    far = f" (about {laps:.1f} laps)" if laps >= 1 else ""
    side, verdict = ("ahead of", "for it") if ahead > 0 else ("behind", "against it")
    return Cause(ahead, f"It is {seconds(ahead)}{far} {side} #{rival} on the road: {verdict}.")


def _by_pace(now: Situation, model: ForecastModel, one: int, other: int, rival: str) -> Cause:
    expected = now.expected_pace(model)
    share = float(expected[other] - expected[one])
    pace = float(now.pace[one])
    worth = share * now.left_ms
    faster, verdict = ("faster", "for it") if share > 0 else ("slower", "against it")
    laps = int(now.own_pace[one][1])
    known = "" if laps >= FEW_LAPS else f", though from {laps} green laps only"
    text = (
        f"Its laps are expected to be {seconds(share * pace, digits=2)} {faster} than those of "
        f"#{rival}{known}, up to {seconds(worth)} until the flag: {verdict}."
    )
    return Cause(worth, text)


def _by_stops(
    now: Situation, model: ForecastModel, own: CarForecast, rival: CarForecast, one: int
) -> Cause:
    cost = float(ranges(now, model).cost[one])
    worth = (rival.stops_left - own.stops_left) * cost
    verdict = "for it" if worth > 0 else "against it"
    text = (
        f"It owes {stops(own.stops_left)} to the flag and #{rival.car} {rival.stops_left}, each "
        f"of about {seconds(cost)}: {verdict}."
    )
    return Cause(worth, text)


def _doubts(now: Situation, place: int) -> Iterator[str]:
    if now.in_lane_ms[place] > 0:
        yield f"It has been in the pit lane for {seconds(float(now.in_lane_ms[place]))}."
    elif now.overdue_ms[place] > now.pace[place]:
        overdue = seconds(float(now.overdue_ms[place]))
        yield f"It is {overdue} overdue at the next line, and may be out."


def _rest(forecast: RaceForecast, own: CarForecast) -> str:
    left = format_clock(forecast.left_ms).split(".")[0]
    stop = ""
    if own.next_stop is not None:
        stop = f" It stops next in {lap_range(own.next_stop)}"
        stop += f", in {own.latest_stop} at the latest." if own.latest_stop is not None else "."
    return (
        f"{left} are left, {lap_range(own.laps_left)} for it: the more, the more can change.{stop}"
    )


def _cautions(now: Situation, model: ForecastModel) -> str:
    expected = now.cautions_an_hour(model) * now.left_ms / HOUR_MS
    so_far = f"{now.cautions} so far"
    if now.caution:
        so_far += ", one of them now"
    return (
        f"About {expected:.1f} cautions are still to come ({so_far}): each closes the field up, "
        "which makes leads worth less."
    )


def percent(probability: float) -> str:
    """A probability; neither ``0 %`` nor ``100 %``, which no forecast can say."""
    whole = round(100 * probability)
    return "less than 1 %" if whole < 1 else "more than 99 %" if whole > 99 else f"{whole} %"


def seconds(ms: float, digits: int = 0) -> str:
    """A time without its sign: ``12 s``, ``1:05 min``."""
    whole = round(abs(ms) / 1000)
    if whole < 60:
        return f"{abs(ms) / 1000:.{digits}f} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02} h" if hours else f"{minutes}:{whole % 60:02} min"


def stops(number: int) -> str:
    """``1 stop``, ``2 stops``."""
    return f"{number} {'stop' if number == 1 else 'stops'}"


def lap_range(laps: Quantiles) -> str:
    """``58 to 62 laps``; ``1 lap``."""
    low, high = int(np.floor(laps.p10 + 0.5)), int(np.floor(laps.p90 + 0.5))
    if low == high:
        return f"{low} {'lap' if low == 1 else 'laps'}"
    return f"{low} to {high} laps"
