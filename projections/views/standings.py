"""The running order: a row a car.

To add a column, add its field to ``StandingsRow`` and its value to ``car_row``; if that reads
something of the race that it did not read before, add it to ``car_facts``, too.
"""

from typing import Annotated, Literal

from pydantic import Field

from events import EntryAdded
from projections.folds.laps import BestLap
from projections.folds.running_order import NEVER, Gap
from projections.folds.stewards import Penalty
from projections.race import Race
from projections.results.official_result import official_best, official_row
from projections.results.session_order import ranking_laps
from projections.views.driver_names import three_letters
from projections.views.places import places
from projections.views.rows import (
    CarPenalties,
    ClockMs,
    GapValue,
    Heading,
    Row,
    RowModel,
    TimeMs,
    TimesByLine,
)

GAPS = ("gap", "interval", "class_gap", "class_interval")
"""To the leader, the car ahead, the class leader and the car ahead in class."""

CarStatus = Literal["not_started", "running", "pit", "retired", "finished"]


class StandingsRow(RowModel):
    """A car in the running order."""

    position: Annotated[int, Heading("Pos")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    class_position: Annotated[int, Heading("Cl")]
    team: Annotated[str | None, Heading("Team")]
    vehicle: str | None
    driver: Annotated[str | None, Heading("Driver")]
    driver_short: Annotated[str | None, Field(description="three letters, for narrow columns")]
    laps: Annotated[int, Heading("Laps")]
    gap: Annotated[GapValue, Heading("Gap"), Field(description="to the leader")]
    interval: Annotated[GapValue, Heading("Int", rank=1), Field(description="to the car ahead")]
    class_gap: Annotated[
        GapValue, Heading("Class gap", rank=2), Field(description="to the leader of the class")
    ]
    class_interval: Annotated[GapValue, Field(description="to the car ahead in the class")]
    last_lap_ms: Annotated[TimeMs | None, Heading("Last")]
    best_lap_ms: Annotated[TimeMs | None, Heading("Best", rank=1)]
    pace_ms: Annotated[
        TimeMs | None,
        Heading("Pace", rank=2),
        Field(description="milliseconds, the mean of the last laps under green"),
    ]
    status: Annotated[CarStatus, Heading("Status")]
    in_pit: bool
    stops: Annotated[int, Heading("Stops", rank=1)]
    last_pit_lap: int | None
    stint_laps: Annotated[int, Heading("Stint", rank=2)]
    penalties: Annotated[CarPenalties, Heading("Penalties", rank=2)]
    manufacturer: str | None
    best_lap: Annotated[int | None, Field(description="the number of the best lap")]
    last_sectors_ms: TimesByLine
    best_sectors_ms: TimesByLine
    sectors_done: Annotated[
        int, Field(description="how many of the last sectors are of the lap under way")
    ]
    in_pit_since_ms: ClockMs | None
    last_seen_ms: ClockMs | None
    outside_percent: Annotated[
        int | None,
        Field(
            description="of qualifying whose rules have one: the per cent of the best time, such "
            "as 107, that the car's is not within; it keeps its place and is not classified"
        ),
    ]


def standings(race: Race) -> list[Row]:
    """The running order: a row a car, leader first.

    ``gap`` and ``interval`` are ``{laps, ms}``, one of them None, both None before the
    car's first crossing. ``position`` is None for nobody: every entered car has one.
    """
    penalties, ranked = race.stewards.standing(), ranking_laps(race)
    rows = []
    for car, place in places(race).items():
        row = car_row(race, car, penalties.get(car, ()), ranked.get(car))
        row.update(place._asdict())
        for member in GAPS:
            gap: Gap | None = row[member]
            row[member] = {"laps": gap and gap.laps, "ms": gap and gap.ms}
        rows.append(row)
    return rows


def car_row(race: Race, car: str, penalties: tuple[Penalty, ...], best: BestLap | None) -> Row:
    """A car's row without its place and gaps (``places``): what the car did by itself.

    ``best`` is the lap by which it is placed in qualifying and practice, else its best lap.
    """
    entry, last = race.session.entries.get(car), race.laps.last(car)
    official = official_row(race, car)
    if official is not None:
        best = official_best(race, official)
    wheel = race.drivers.at_wheel.get(car)
    driver = wheel.driver if wheel else None
    in_lane = race.pits.in_lane_since(car)
    return {
        "position": 0,
        "car": car,
        "class": entry.car_class if entry else None,
        "class_position": 0,
        "team": entry.team if entry else None,
        "vehicle": entry.vehicle if entry else None,
        "driver": driver,
        "driver_short": short_name(entry, driver),
        "laps": official.laps if official else race.order.laps.get(car, 0),
        "gap": None,
        "interval": None,
        "class_gap": None,
        "class_interval": None,
        "last_lap_ms": last.lap_time_ms if last else None,
        "best_lap_ms": best.ms if best else None,
        "pace_ms": race.laps.pace(car),
        "status": status(race, car),
        "in_pit": in_lane is not None,
        "stops": race.pits.stops.get(car, 0),
        "last_pit_lap": race.pits.last_pit_lap.get(car),
        "stint_laps": race.pits.stint_laps(car),
        "penalties": [
            {"id": p.penalty_id, "kind": p.kind, "amount": p.amount, "status": p.status}
            for p in penalties
        ],
        "manufacturer": entry.manufacturer if entry else None,
        "best_lap": (best.lap or None) if best else None,
        "last_sectors_ms": list(race.order.last_sectors(car)),
        "best_sectors_ms": _best_sectors(race, car),
        "sectors_done": race.order.sectors_done(car),
        "in_pit_since_ms": in_lane,
        "last_seen_ms": race.order.last_seen(car),
        "outside_percent": None,
    }


def car_facts(
    race: Race, car: str, penalties: tuple[Penalty, ...], best: BestLap | None
) -> tuple[object, ...]:
    """All that ``car_row`` reads: as long as it is equal, the row is not made again."""
    order, laps, pits = race.order, race.laps, race.pits
    passings = order.passings.get(car, ())
    return (
        race.session.opened,
        race.session.entries.get(car),
        official_row(race, car),
        order.laps.get(car),
        len(passings),
        tuple(passings[-order.lines_per_lap - 1 :]),
        order.best_sectors.get(car),
        car in order.finished,
        car in order.retired,
        laps.last(car),
        best,
        laps.green.get(car),
        race.drivers.at_wheel.get(car),
        pits.current.get(car),
        pits.stops.get(car),
        pits.last_pit_lap.get(car),
        pits.stint_from.get(car),
        penalties,
    )


def _best_sectors(race: Race, car: str) -> list[int | None]:
    bests = race.order.best_sectors.get(car, (NEVER,) * race.order.lines_per_lap)
    return [None if ms == NEVER else ms for ms in bests]


def short_name(entry: EntryAdded | None, driver: str | None) -> str | None:
    """The three letters of a driver for a narrow column: given, else from the family name."""
    if driver is None:
        return None
    for one in entry.drivers if entry else ():
        if one.name == driver and one.short:
            return one.short
    return three_letters(driver)


_OFFICIAL_STATUS: dict[str, CarStatus] = {
    "retired": "retired",
    "not_started": "not_started",
    "withdrawn": "not_started",
}


def status(race: Race, car: str) -> CarStatus:
    """What a car is doing."""
    official = official_row(race, car)
    if official is not None:
        return _OFFICIAL_STATUS.get(official.status, "finished")
    if car in race.order.finished:
        return "finished"
    if car in race.order.retired:
        return "retired"
    if race.pits.in_lane_since(car) is not None:
        return "pit"
    return "running" if car in race.order.passings else "not_started"
