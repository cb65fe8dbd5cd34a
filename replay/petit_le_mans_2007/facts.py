"""The published facts, read from ``replay/races/petit_le_mans_2007.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from events import Basis, Driver

SOURCE = "petit-le-mans-2007"


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """A car of the entry list; ``class_position`` None for a car without points.

    ``basis`` is ``reconstructed`` where the car's number rests on no source.
    """

    car: str
    car_class: str
    class_position: int | None
    team: str
    vehicle: str
    manufacturer: str
    drivers: tuple[Driver, ...]
    basis: Basis


@dataclass(frozen=True, slots=True)
class Facts:
    """The published facts; times in milliseconds. ``tables`` has all tables of the file."""

    entries: tuple[EntryFacts, ...]
    starts_at: datetime
    laps: dict[str, int]
    """Laps of the first fourteen, winner first."""
    winner_minutes: int
    margin_ms: int
    fastest_lap_ms: int
    fastest_lap_driver: str
    tables: dict[str, Any]

    def entry(self, car: str) -> EntryFacts:
        """The entry of a car. Raises KeyError for a car that was not entered."""
        found = next((entry for entry in self.entries if entry.car == car), None)
        if found is None:
            raise KeyError(car)
        return found


@cache
def published() -> Facts:
    """The facts of the race."""
    text = resources.files("replay.races").joinpath("petit_le_mans_2007.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return Facts(
        entries=tuple(_entry(row) for row in tables["entries"]),
        starts_at=tables["race"]["starts_at"],
        laps={row["car"]: row["laps"] for row in tables["result"]["first_fourteen"]},
        winner_minutes=tables["winner"]["time_minutes"],
        margin_ms=tables["winner"]["margin_ms"],
        fastest_lap_ms=tables["fastest_lap"]["ms"],
        fastest_lap_driver=tables["fastest_lap"]["driver"],
        tables=tables,
    )


def _entry(row: dict[str, Any]) -> EntryFacts:
    crew = tuple(Driver(number=seat, **driver) for seat, driver in enumerate(row["drivers"], 1))
    return EntryFacts(
        car=row["car"],
        car_class=row["class"],
        class_position=row.get("class_position"),
        team=row["team"],
        vehicle=row["vehicle"],
        manufacturer=row["manufacturer"],
        drivers=crew,
        basis="reconstructed" if row["number_source"] == "K" else "published",
    )
