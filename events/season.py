"""Events of a season, in the season's own log. ``at`` counts from the season's opening."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Count, Event, Name, Part, Text
from events.session import ResultStatus


class SeasonOpened(Event):
    """A championship season: its rounds, its classes and its regulation pack."""

    type: Literal["season_opened"] = "season_opened"
    title: Name
    series: Name
    rules: Annotated[str, Field(max_length=64)]
    classes: tuple[Name, ...]
    rounds: tuple[Name, ...]
    provenance: Text | None = None


class ScoredRow(Part):
    """A car's place in its class in one round, and who takes the points for it."""

    position: Annotated[int, Field(ge=1, le=10_000)]
    car: CarNumber
    status: ResultStatus = "classified"
    team: Name | None = None
    manufacturer: Name | None = None
    drivers: tuple[Name, ...] = ()
    points: Count | None = None


class RoundScored(Event):
    """The finishing order of one class in one round (or, ``part``, its qualifying)."""

    type: Literal["round_scored"] = "round_scored"
    round: Annotated[int, Field(ge=1, le=100)]
    part: Literal["race", "qualifying"] = "race"
    session: Name | None = None
    car_class: Name
    scale: Name | None = None
    rows: tuple[ScoredRow, ...]
    reason: Text | None = None
