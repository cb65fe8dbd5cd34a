"""The drivers: laps, and time at the wheel."""

from typing import Annotated

from pydantic import Field

from projections.race import Race
from projections.results.session_order import session_order
from projections.views.rows import ClockMs, Heading, Row, RowModel


class DriversRow(RowModel):
    """A driver of a car."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    driver: Annotated[str, Heading("Driver")]
    drive_time_ms: Annotated[ClockMs, Heading("Drive time")]
    laps: Annotated[int, Heading("Laps")]
    at_wheel: Annotated[bool, Heading("At the wheel")]


def drivers(race: Race) -> list[Row]:
    """Each driver's laps and time at the wheel, by car in the running order."""
    return [row for car in session_order(race) for row in _crew(race, car)]


def _crew(race: Race, car: str) -> list[Row]:
    entry = race.session.entries.get(car)
    times = race.drivers.drive_time(car, race.at)
    wheel = race.drivers.at_wheel.get(car)
    entered = [one.name for one in entry.drivers] if entry else []
    return [
        {
            "car": car,
            "class": race.session.car_class(car),
            "driver": name,
            "drive_time_ms": times[name].ms if name in times else 0,
            "laps": times[name].laps if name in times else 0,
            "at_wheel": wheel is not None and wheel.driver == name,
        }
        for name in [*entered, *(name for name in times if name not in entered)]
    ]
