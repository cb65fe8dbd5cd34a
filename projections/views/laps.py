"""Laps: all of them, the best of each car, and who led which."""

from bisect import bisect_left, insort
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from projections.folds.laps import BestLap
from projections.folds.running_order import natural
from projections.race import Race
from projections.results.official_result import official_bests
from projections.results.session_order import session_order
from projections.views.rows import (
    ClockMs,
    FlagName,
    Heading,
    MomentMs,
    Row,
    RowModel,
    SectorTimes,
    TimeMs,
)


class LapsRow(RowModel):
    """A lap of a car."""

    car: Annotated[str, Heading("Car")]
    lap: Annotated[int, Heading("Lap")]
    at_ms: Annotated[ClockMs, Heading("At")]
    lap_time_ms: Annotated[TimeMs | None, Heading("Time")]
    sectors_ms: Annotated[SectorTimes, Heading("Sectors", rank=1)]
    driver: Annotated[str | None, Heading("Driver")]
    position: Annotated[
        int, Heading("Pos"), Field(description="the place in which the car completed the lap")
    ]
    in_pit_lane: Annotated[bool, Field(description="whether the lap ended in the pit lane")]
    pit: Annotated[
        bool, Heading("Pit"), Field(description="whether the car was in the lane during the lap")
    ]
    flag: Annotated[FlagName | None, Heading("Flag", rank=1)]
    deleted: Annotated[bool, Heading("Deleted", rank=2)]


def laps(race: Race, car: str | None = None) -> list[Row]:
    """Every lap of one car or of all, with its sectors and its overall position at the line."""
    positions = lap_positions(race)
    lines = race.order.lines_per_lap
    return [
        {
            "car": one,
            "lap": lap.lap,
            "at_ms": lap.at,
            "lap_time_ms": lap.lap_time_ms,
            "sectors_ms": list(race.order.sectors(one, lap.lap)) if lines > 1 else [],
            "driver": lap.driver,
            "position": positions[one, lap.lap],
            "in_pit_lane": lap.in_pit_lane,
            "pit": lap.pit,
            "flag": lap.flag,
            "deleted": lap.lap in race.laps.deleted.get(one, ()),
        }
        for one in (session_order(race) if car is None else [car])
        for lap in race.laps.laps.get(one, ())
    ]


def lap_positions(race: Race) -> dict[tuple[str, int], int]:
    """The lap chart: (car, lap) to the place in which the car completed that lap.

    In qualifying and practice that is the place by best lap once the lap was completed.
    """
    if not race.session.is_race:
        return _places_by_time(race)
    crossings = [(lap.lap, lap.at, car) for car, of_car in race.laps.laps.items() for lap in of_car]
    crossings.sort()
    tied = {one[:2] for one, after in pairwise(crossings) if one[:2] == after[:2]}
    if tied:  # rare, and comparing cars costs more than the chart
        precedence = race.order.precedence
        crossings.sort(
            key=lambda one: (*one[:2], precedence(one[0])(one[2]) if one[:2] in tied else 0)
        )
    chart: dict[tuple[str, int], int] = {}
    line, place = 0, 0
    for lap, _, car in crossings:
        place = place + 1 if lap == line else 1
        line = lap
        chart[car, lap] = place
    return chart


def _places_by_time(race: Race) -> dict[tuple[str, int], int]:
    """The place by best lap with which each lap left its car; O(laps log cars) and a shift."""
    order = [car for car in race.order.cars() if race.laps.laps.get(car)]
    untimed = sorted(map(natural, race.order.cars()))
    timed: list[tuple[int, int, tuple[int, str]]] = []
    bests: dict[str, tuple[int, int, tuple[int, str]]] = {}
    chart: dict[tuple[str, int], int] = {}
    driven = sorted((lap.at, car, lap) for car in order for lap in race.laps.laps[car])
    for at, car, lap in driven:
        number, ms, best = natural(car), lap.lap_time_ms, bests.get(car)
        counts = ms is not None and lap.lap not in race.laps.deleted.get(car, ())
        if ms is not None and counts and (best is None or ms < best[0]):
            if best is None:
                del untimed[bisect_left(untimed, number)]
            else:
                del timed[bisect_left(timed, best)]
            best = bests[car] = (ms, at, number)
            insort(timed, best)
        before = len(timed) + bisect_left(untimed, number)
        chart[car, lap.lap] = 1 + (before if best is None else bisect_left(timed, best))
    return chart


class LeadersRow(RowModel):
    """A spell in the lead; `at_ms` is the end of its first lap."""

    car: Annotated[str, Heading("Car")]
    team: Annotated[str | None, Heading("Team")]
    first_lap: Annotated[int, Heading("From")]
    last_lap: Annotated[int, Heading("To")]
    at_ms: Annotated[MomentMs, Heading("First led at")]


def leaders(race: Race, car_class: str | None = None) -> list[Row]:
    """The spells in the lead of a race, or of a class: who led from which lap to which."""
    spells: list[Row] = []
    in_class = race.chart.class_leaders
    for led in race.chart.leaders if car_class is None else in_class.get(car_class, ()):
        if spells and spells[-1]["car"] == led.car:
            spells[-1]["last_lap"] = led.lap
        else:
            entry = race.session.entries.get(led.car)
            spells.append(
                {
                    "car": led.car,
                    "team": entry.team if entry else None,
                    "first_lap": led.lap,
                    "last_lap": led.lap,
                    "at_ms": led.at,
                }
            )
    return spells


class FastestLapsRow(RowModel):
    """The best lap of a car."""

    rank: Annotated[int, Heading("Rank")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    lap_time_ms: Annotated[TimeMs, Heading("Time")]
    lap: Annotated[
        int, Heading("Lap"), Field(description="0 where an official result has no number of it")
    ]
    driver: Annotated[str | None, Heading("Driver")]
    top_speed_kph: Annotated[
        float | None,
        Heading("km/h", rank=1, optional=True),
        Field(description="the car's highest speed at the speed trap, on whichever lap"),
    ]


def fastest_laps(race: Race) -> list[Row]:
    """Each car's best lap, the quickest first."""
    return [
        {"rank": rank} | best_lap_row(race, car, best) | {"top_speed_kph": _top_speed(race, car)}
        for rank, (car, best) in enumerate(quickest(race), start=1)
    ]


def _top_speed(race: Race, car: str) -> float | None:
    top = race.speeds.top.get(car)
    return top.kph if top else None


def quickest(race: Race) -> list[tuple[str, BestLap]]:
    """Each car with its best lap, quickest first; by the official result if nothing is timed."""
    return official_bests(race) or race.laps.fastest()


def best_lap_row(race: Race, car: str, best: BestLap) -> Row:
    """The best lap of a car, without its rank."""
    return {
        "car": car,
        "class": race.session.car_class(car),
        "lap_time_ms": best.ms,
        "lap": best.lap,
        "driver": best.driver,
    }
