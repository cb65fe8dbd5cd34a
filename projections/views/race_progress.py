"""What came of a race so far: laps led, places gained since the start, places under cautions.

Rules:

- the place at the start is that on the grid, overall and in class; without a grid it is that at
  the end of the first lap;
- a lap is led by the first car to complete it, overall and in its class;
- places under a caution are those of the running order when it began and when it ended (or now),
  cars that had not crossed a line left out. Kinds that follow each other are one caution. What a
  car won less what it lost is its net gain; the net winners are the cars that gained the most
  places in their class.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from projections.race import Race
from projections.results.session_order import session_order
from projections.views.rows import Heading, Row, RowModel


class ProgressRow(RowModel):
    """A car's laps in the lead, and its places now and at the start."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    grid: Annotated[int | None, Heading("Grid")]
    position: Annotated[int, Heading("Pos")]
    gained: Annotated[int | None, Heading("+/-"), Field(description="positive for places won")]
    class_grid: Annotated[int | None, Heading("In class")]
    class_position: Annotated[int, Heading("now")]
    class_gained: Annotated[int | None, Heading("+/-")]
    laps_led: Annotated[int, Heading("Led")]
    class_laps_led: Annotated[int, Heading("In class")]
    since: Annotated[
        Literal["grid", "lap 1"],
        Heading("Since"),
        Field(description="what the places at the start are of"),
    ]


def progress(race: Race) -> list[Row]:
    """Laps led and places gained since the start, by car in the order of the race."""
    if not race.session.is_race:
        return []
    now = _places(race, session_order(race))
    grid = [car for car in race.session.grid if car in now]
    start = _places(race, grid or _first_lap(race))
    led = Counter(one.car for one in race.chart.leaders)
    led_in_class = Counter(
        one.car for leaders in race.chart.class_leaders.values() for one in leaders
    )
    return [
        {
            "car": car,
            "class": race.session.car_class(car),
            "grid": was[0] if was else None,
            "position": place,
            "gained": was[0] - place if was else None,
            "class_grid": was[1] if was else None,
            "class_position": class_place,
            "class_gained": was[1] - class_place if was else None,
            "laps_led": led[car],
            "class_laps_led": led_in_class[car],
            "since": "grid" if grid else "lap 1",
        }
        for car, (place, class_place) in now.items()
        for was in [start.get(car)]
    ]


def _first_lap(race: Race) -> list[str]:
    """The cars in the order in which they completed the first lap."""
    ends = {
        car: laps[0].at
        for car in session_order(race)
        if (laps := race.laps.laps.get(car)) and laps[0].lap == 1
    }
    key = race.order.precedence(1)
    return sorted(ends, key=lambda car: (ends[car], key(car)))


class CautionPlacesRow(RowModel):
    """A car that won or lost places in its class or overall under a caution."""

    number: Annotated[int, Heading("No.")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    position_before: Annotated[int, Heading("Before")]
    position_after: Annotated[int, Heading("After")]
    gained: Annotated[int, Heading("+/-"), Field(description="positive for places won")]
    class_position_before: Annotated[int, Heading("In class")]
    class_position_after: Annotated[int, Heading("after")]
    class_gained: Annotated[int, Heading("+/-")]
    pitted: Annotated[bool, Heading("Pitted")]
    net_winner: Annotated[bool, Heading("Net winner")]


def caution_places(race: Race) -> list[Row]:
    """The places won and lost under each caution of a race, by car in the order after it."""
    if not race.session.is_race:
        return []
    return [row for number in _cautions(race) for row in _places_under(race, number)]


def _cautions(race: Race) -> list[int]:
    return list(dict.fromkeys(one.number for one in race.track.cautions()))


def _places_under(race: Race, number: int) -> Iterator[Row]:
    parts = [one for one in race.track.cautions() if one.number == number]
    end = parts[-1].end_ms
    before = _places(race, order_at(race, parts[0].start_ms))
    after = _places(race, order_at(race, race.at if end is None else end))
    pitted = {car for one in parts for car in one.pitted}
    gains: dict[str | None, dict[str, int]] = {}
    for car, (_, place) in after.items():
        if car in before:
            name = race.session.car_class(car)
            gains.setdefault(name, {})[car] = before[car][1] - place
    for car, (place, class_place) in after.items():
        if car not in before or before[car] == (place, class_place):
            continue
        name = race.session.car_class(car)
        won = gains[name][car]
        yield {
            "number": number,
            "car": car,
            "class": name,
            "position_before": before[car][0],
            "position_after": place,
            "gained": before[car][0] - place,
            "class_position_before": before[car][1],
            "class_position_after": class_place,
            "class_gained": won,
            "pitted": car in pitted,
            "net_winner": won > 0 and won == max(gains[name].values()),
        }


def order_at(race: Race, at: int) -> list[str]:
    """Return the running order at a session time (ms) of the cars that had crossed a line."""
    then = []
    for car in session_order(race):
        passings = race.order.passings.get(car) or ()
        crossed = bisect_right(passings, at)
        if crossed:
            then.append((-crossed, passings[crossed - 1], car))
    then.sort(key=lambda one: (one[0], one[1], race.order.precedence_at(-one[0])(one[2])))
    return [car for _, _, car in then]


def _places(race: Race, cars: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return each car's place overall and in class."""
    counts: Counter[str | None] = Counter()
    places = {}
    for place, car in enumerate(cars, start=1):
        name = race.session.car_class(car)
        counts[name] += 1
        places[car] = (place, counts[name])
    return places
