"""The pit lane: visits, and the stints between stops."""

from typing import Annotated, Literal

from pydantic import Field

from projections.folds.pits import Visit
from projections.race import Race
from projections.results.session_order import session_order
from projections.views.rows import FlagName, Heading, MomentMs, Row, RowModel, TimeMs


class PitsRow(RowModel):
    """A visit to the pit lane; `lap` is the lap that the car was on."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    visit: Annotated[int, Heading("Visit")]
    lap: Annotated[int, Heading("Lap")]
    entered_ms: Annotated[MomentMs, Heading("In")]
    exited_ms: Annotated[MomentMs | None, Heading("Out")]
    lane_ms: Annotated[TimeMs | None, Heading("In the lane")]
    stationary_ms: Annotated[TimeMs | None, Heading("Standing", rank=2)]
    kind: Annotated[Literal["stop", "drive_through", "stoppage"], Heading("Kind")]
    flag: Annotated[FlagName | None, Heading("Flag")]
    driver_changed: Annotated[bool, Heading("New driver")]


def pits(race: Race, car: str | None = None) -> list[Row]:
    """Every visit to the lane, of one car or of all, in the order they began."""
    rows = []
    for one in _of(race, car):
        visits = list(race.pits.visits.get(one, ()))
        if one in race.pits.current:
            visits.append(race.pits.current[one])
        for number, visit in enumerate(visits, start=1):
            which = {"car": one, "class": race.session.car_class(one), "visit": number}
            rows.append(which | visit_row(visit))
    rows.sort(key=lambda row: (row["entered_ms"], row["car"]))
    return rows


def visit_row(visit: Visit) -> Row:
    """A visit, without the car and the number by which it is known."""
    return {
        "lap": visit.lap,
        "entered_ms": visit.entered_ms,
        "exited_ms": visit.exited_ms,
        "lane_ms": visit.lane_ms,
        "stationary_ms": visit.stationary_ms,
        "kind": visit.kind,
        "flag": visit.flag,
        "driver_changed": visit.driver_changed,
    }


class StintsRow(RowModel):
    """The laps of a car from the start or a stop to the next stop."""

    car: Annotated[str, Heading("Car")]
    number: Annotated[int, Heading("Stint")]
    first_lap: Annotated[int, Heading("From")]
    last_lap: Annotated[int, Heading("To")]
    start_ms: Annotated[MomentMs, Heading("Start")]
    end_ms: Annotated[MomentMs | None, Heading("End")]
    laps: Annotated[int, Heading("Laps")]


def stints(race: Race, car: str | None = None) -> list[Row]:
    """The stints of one car or of all, those still going on included (``end_ms`` None)."""
    return [
        {"car": one, **stint._asdict(), "laps": stint.laps}
        for one in _of(race, car)
        for stint in race.pits.stints(one)
    ]


def _of(race: Race, car: str | None) -> list[str]:
    return session_order(race) if car is None else [car]
