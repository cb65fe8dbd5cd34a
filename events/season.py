"""Events of a season, in the season's own log. ``at`` counts from the season's opening.

What is scored is kept, never the points: they follow from it and the regulation pack, so
a season can be scored again under another pack, and every point can be explained.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Count, Duration, Event, Name, Part, Several, Text
from events.session import ResultStatus

RoundNumber = Annotated[int, Field(ge=1, le=100)]

Contest = Literal["drivers", "teams", "manufacturers"]
"""Who a championship is for."""


class SeasonRound(Part):
    """A round of the calendar; its time limit decides which scale of a pack it has.

    ``classes`` are those that run in it, none named: all.
    """

    name: Name
    circuit: Name | None = None
    date: Annotated[str, Field(max_length=10, pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    time_limit_ms: Annotated[int, Field(gt=0, le=2**53)] | None = None
    classes: Several[Name] = ()


class Alias(Part):
    """A name as some table writes it, and the name it stands for in this season."""

    of: Contest
    name: Name
    means: Name


class SeasonOpened(Event):
    """A championship season: its rounds, its classes, its regulation pack and its names.

    ``series`` is what entries name that are eligible for it. ``rounds`` are in order, the
    first is round 1.
    """

    type: Literal["season_opened"] = "season_opened"
    title: Name
    series: Name
    rules: Annotated[str, Field(max_length=64)]
    classes: Several[Name]
    rounds: Several[SeasonRound]
    aliases: Several[Alias] = ()
    provenance: Text | None = None


class ScoredDriver(Part):
    """A driver of a scored car; ``drive_ms`` is the time at the wheel, None if not known."""

    name: Name
    drive_ms: Duration | None = None


class ScoredRow(Part):
    """A car's place in its class in one round, and all that its points depend on.

    ``car`` and ``laps`` are None where they are not known. ``championships`` are those
    the entry is eligible for, by series ("ALMS") or by series and contest ("ALMS
    drivers"); None is all of them.
    """

    position: Annotated[int, Field(ge=1, le=10_000)]
    car: CarNumber | None = None
    status: ResultStatus = "classified"
    laps: Count | None = None
    team: Name | None = None
    manufacturer: Name | None = None
    drivers: Several[ScoredDriver] = ()
    championships: Several[Name] | None = None
    fastest_lap: bool = False


class RoundScored(Event):
    """The finishing order of one class in one round, or in its qualifying.

    Told again for the same round, part, segment and class, the later one prevails.
    ``segment`` is the part of the race, 1 for the first, at whose end a cup took stock.
    ``scale`` names a scale of the pack where another than the usual one was used;
    ``overall_laps`` are the laps of the overall winner; ``percent_run`` is how much of the
    scheduled race was run, in full per cent, where it was cut short.
    """

    type: Literal["round_scored"] = "round_scored"
    round: RoundNumber
    part: Literal["race", "qualifying"] = "race"
    segment: Annotated[int, Field(ge=1, le=100)] | None = None
    session: Name | None = None
    car_class: Name
    scale: Name | None = None
    overall_laps: Count | None = None
    percent_run: Annotated[int, Field(ge=0, le=100)] | None = None
    rows: Several[ScoredRow]
    reason: Text | None = None
