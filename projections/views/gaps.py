"""Gaps from any car to any car: now, and lap by lap as they were.

Rules: the gap between two cars after a lap is that at the moment when the later of them
completed it, as the running order had it then. So it is known only once both have; and
``behind_ms`` compares both at the line of the same lap, however many laps lie between.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from events.errors import UnknownCar
from projections.folds.laps import Lap
from projections.folds.running_order import Gap
from projections.race import Race
from projections.results.session_order import session_order
from projections.views.laps import lap_positions
from projections.views.places import GapsBetween
from projections.views.rows import DisplayFormat, GapValue, Heading, Row, RowModel

LapColumn = Annotated[
    list[int | None],
    Field(description="one a lap, null for one that was not timed"),
    DisplayFormat("times"),
]


class GapsRow(RowModel):
    """The gap of a car to another.

    `side` is where the car is, seen from the other; the gap is compared where the one behind
    last crossed a line.
    """

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    position: Annotated[int, Heading("Pos")]
    to: Annotated[str, Heading("To")]
    side: Annotated[Literal["ahead", "behind", "same"], Heading("Side")]
    gap: Annotated[GapValue, Heading("Gap")]


class ChartRow(RowModel):
    """The laps of a car as columns that begin with `first_lap`."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    to: Annotated[str | None, Heading("To")]
    first_lap: Annotated[int, Heading("From")]
    at_ms: Annotated[LapColumn, Heading("At")]
    lap_time_ms: Annotated[LapColumn, Heading("Times")]
    positions: Annotated[LapColumn, Heading("Positions")]
    behind_ms: Annotated[LapColumn, Heading("Behind")]
    behind_laps: Annotated[LapColumn, Heading("Laps behind")]
    pit_laps: Annotated[LapColumn, Heading("In the pits")]


def gaps(race: Race, to: str | None = None) -> list[Row]:
    """The gap of every car to one of them (None: to the leader), in the running order.

    ``side`` is where the car is, seen from the other: ``ahead``, ``behind`` or ``same``;
    ``gap`` is ``{laps, ms}`` as in the standings. Raises UnknownCar.
    """
    order = session_order(race)
    other = _reference(order, to)
    place, between = order.index(other) if other is not None else 0, GapsBetween(race)
    return [
        {
            "car": car,
            "class": race.session.car_class(car),
            "position": position,
            "to": other,
            "side": "same" if car == other else "ahead" if position <= place else "behind",
            "gap": _gap(race, between, car, other, is_behind=position > place),
        }
        for position, car in enumerate(order, start=1)
    ]


def _reference(order: Sequence[str], to: str | None) -> str | None:
    if to is not None and to not in order:
        raise UnknownCar(to, tuple(order))
    return to or (order[0] if order else None)


def _gap(race: Race, gaps: GapsBetween, car: str, other: str | None, *, is_behind: bool) -> Row:
    if car == other or other is None:
        known = car in (race.order.passings if race.session.is_race else race.laps.best)
        return {"laps": 0, "ms": 0} if known else {"laps": None, "ms": None}
    ahead, behind = (other, car) if is_behind else (car, other)
    return _members(gaps.between(ahead, behind))


def _members(gap: Gap | None) -> Row:
    return gap._asdict() if gap else {"laps": None, "ms": None}


class _Line(NamedTuple):
    """When laps were completed: their numbers, which only grow, and the times (ms)."""

    laps: Sequence[int]
    ats: Sequence[int]

    def at(self, lap: int) -> int | None:
        """When that lap was completed; None if it was not timed, or not yet."""
        index = bisect_left(self.laps, lap)
        return self.ats[index] if index < len(self.laps) and self.laps[index] == lap else None

    def completed(self, at: int) -> int:
        """How many laps were completed by then."""
        index = bisect_right(self.ats, at)
        return self.laps[index - 1] if index else 0


def _line_of(race: Race, car: str | None) -> _Line:
    """The laps of a car, or (None) of whoever was first to complete each."""
    car_laps = race.chart.leaders if car is None else race.laps.laps.get(car, ())
    return _Line([one.lap for one in car_laps], [one.at for one in car_laps])


def _reference_line(race: Race, to: str | None) -> _Line:
    """The laps that others are compared with; none outside a race, where laps are no distance."""
    return _line_of(race, to) if race.session.is_race else _Line((), ())


def chart(race: Race, to: str | None = None, since_ms: int = 0) -> list[Row]:
    """The laps of each car as columns, for charts: a row a car, in the running order.

    The columns begin with ``first_lap`` and go on to the car's last; None stands for what
    was not timed. ``positions`` are the places in which the car completed each lap.
    ``behind_ms`` is how much later than ``to`` (None: than whoever was first) it did so,
    negative for earlier; ``behind_laps`` the whole laps between them then. ``pit_laps`` has the
    numbers of the laps on which the car was in the lane. In qualifying and practice
    ``positions`` are those by best lap, and nobody is behind anybody on laps. With ``since_ms``
    only those laps are listed of which something became known at or after that time (ms on the
    session clock).
    Raises UnknownCar. Costs O(laps).
    """
    order = session_order(race)
    if to is not None:
        _reference(order, to)
    lines, other = {car: _line_of(race, car) for car in order}, _reference_line(race, to)
    car_laps = {
        car: race.laps.laps[car][_first_since(lines[car], other, since_ms) :]
        for car in order
        if lines[car].laps
    }
    places = _places(race, lines, {lap.lap for laps in car_laps.values() for lap in laps})
    return [
        {
            "car": car,
            "class": race.session.car_class(car),
            "to": to,
            **_columns(car, laps, lines[car], other, places),
        }
        for car, laps in car_laps.items()
        if laps
    ]


def _places(
    race: Race, lines: Mapping[str, _Line], laps: Iterable[int]
) -> dict[tuple[str, int], int]:
    """The places in which cars completed these laps, as the lap chart has them."""
    if not race.session.is_race:
        return lap_positions(race)
    places = {}
    for lap in laps:
        crossed = [(at, car) for car, line in lines.items() if (at := line.at(lap)) is not None]
        key = race.order.precedence(lap)
        crossed.sort(key=lambda one: (one[0], key(one[1])))
        for place, (_, car) in enumerate(crossed, start=1):
            places[car, lap] = place
    return places


def _columns(
    car: str,
    car_laps: Sequence[Lap],
    own: _Line,
    other: _Line,
    places: Mapping[tuple[str, int], int],
) -> Row:
    first_lap, length = car_laps[0].lap, car_laps[-1].lap - car_laps[0].lap + 1
    columns: dict[str, list[int | None]] = {
        name: [None] * length
        for name in ("at_ms", "lap_time_ms", "positions", "behind_ms", "behind_laps")
    }
    for lap in car_laps:
        index, theirs = lap.lap - first_lap, other.at(lap.lap)
        columns["at_ms"][index] = lap.at
        columns["lap_time_ms"][index] = lap.lap_time_ms
        columns["positions"][index] = places[car, lap.lap]
        if theirs is not None:
            columns["behind_ms"][index] = lap.at - theirs
            columns["behind_laps"][index] = _laps_between(own, other, lap.lap, lap.at, theirs)
    return {"first_lap": first_lap, **columns, "pit_laps": [lap.lap for lap in car_laps if lap.pit]}


def _first_since(own: _Line, other: _Line, since_ms: int) -> int:
    """The first lap, by its index, of which something became known since then.

    That is the car's first lap since, or an earlier one that the other completed since.
    """
    mine = bisect_left(own.ats, since_ms)
    theirs = bisect_left(other.ats, since_ms)
    if theirs == len(other.laps):
        return mine
    return min(mine, bisect_left(own.laps, other.laps[theirs]))


def _laps_between(own: _Line, other: _Line, lap: int, at: int, theirs: int) -> int:
    """Whole laps between both when the later one completed ``lap``; below 0 for a lead."""
    if at >= theirs:
        return other.completed(at) - lap
    return lap - own.completed(theirs)
