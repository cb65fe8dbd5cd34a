"""Events of a season, in the season's own log. ``at`` is ms since the season's opening.

The log holds the results, never the points: these follow from the results and the regulation
pack, so a season can be scored again under another pack, and every point can be explained.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import (
    BoundedTuple,
    CarNumber,
    Count,
    Duration,
    Event,
    EventPart,
    Milliseconds,
    Name,
    RoundNumber,
    Text,
)
from events.session import ResultStatus

Date = Annotated[str, Field(max_length=10, pattern=r"^\d{4}-\d\d-\d\d$")]
RaceLength = Annotated[int, Field(gt=0, le=2**53)]

Contest = Literal["drivers", "teams", "manufacturers"]
"""The contenders of a championship."""


class SeasonRound(EventPart):
    """A round of the calendar; its time limit selects the points scale of the pack.

    ``classes`` are the classes that run in it; empty means all. ``races`` has the points scale of
    each of its races if there are several (a sprint, a double-header): a name of the pack's.
    """

    name: Name
    circuit: Name | None = None
    date: Date | None = None
    time_limit_ms: RaceLength | None = None
    classes: BoundedTuple[Name] = ()
    races: Annotated[tuple[Name, ...], Field(max_length=10)] = ()


class Alias(EventPart):
    """A variant of a name, as some table prints it, and the name it stands for."""

    of: Contest
    name: Name
    means: Name


class SeasonOpened(Event):
    """A championship season: rounds, classes, regulation pack and aliases.

    ``series`` is the name by which entries state that they are eligible. ``rounds`` are in
    order, starting with round 1.
    """

    VERSION: ClassVar[int] = 2

    v: Annotated[int, Field(ge=2, le=2)] = 2
    type: Literal["season_opened"] = "season_opened"
    title: Name
    series: Name
    rules: Annotated[str, Field(max_length=64)]
    classes: BoundedTuple[Name]
    rounds: BoundedTuple[SeasonRound]
    aliases: BoundedTuple[Alias] = ()
    provenance: Text | None = None


class RoundAmended(Event):
    """A change of the calendar: a round cancelled, reinstated, moved, renamed or added.

    ``round`` is its number; one more than the last adds a round, which needs a ``name``. Absent
    members stay unchanged. A cancelled round keeps its number: no race of it is left, and it
    counts neither as a round nor as a dropped result. Results scored in it before stay.
    """

    type: Literal["round_amended"] = "round_amended"
    round: RoundNumber
    cancelled: bool | None = None
    name: Name | None = None
    circuit: Name | None = None
    date: Date | None = None
    time_limit_ms: RaceLength | None = None
    classes: BoundedTuple[Name] | None = None
    races: Annotated[tuple[Name, ...], Field(max_length=10)] | None = None
    reason: Text | None = None


class ScoredDriver(EventPart):
    """A driver of a scored car; ``drive_ms`` is the time at the wheel, None if unknown."""

    name: Name
    drive_ms: Duration | None = None


class ScoredRow(EventPart):
    """A car's place in its class in one round, and everything its points depend on.

    ``car`` and ``laps`` are None if unknown. ``championships`` are those the entry is eligible
    for, by series ("ALMS") or by series and contest ("ALMS drivers"); None means all.
    ``fastest_lap`` marks the fastest of the class, of equal ones the earlier. ``best_lap_ms`` is
    the car's best lap, ``best_lap_at`` the session time (ms) at which it ended, ``laps_led`` the
    laps at whose end the car led its class.
    """

    position: Annotated[int, Field(ge=1, le=10_000)]
    car: CarNumber | None = None
    status: ResultStatus = "classified"
    laps: Count | None = None
    team: Name | None = None
    manufacturer: Name | None = None
    drivers: BoundedTuple[ScoredDriver] = ()
    championships: BoundedTuple[Name] | None = None
    fastest_lap: bool = False
    best_lap_ms: Duration | None = None
    best_lap_at: Milliseconds | None = None
    laps_led: Count | None = None


class RoundScored(Event):
    """The finishing order of one class in one round, or in its qualifying.

    A later event for the same round, race, part, segment and class replaces it. ``race`` is which
    of several races of the round it is, or the qualifying of which, from 1; ``segment`` the
    part of the race, from 1, at whose end a cup awards points. ``scale`` names a scale of the
    pack other than the usual one; ``overall_laps`` are the laps of the overall winner;
    ``percent_run`` is the percentage of the scheduled race that was run if it was cut short.
    ``time_limit_ms`` is the scheduled length as the session has it, where the round has none.
    """

    VERSION: ClassVar[int] = 2

    v: Annotated[int, Field(ge=2, le=2)] = 2
    type: Literal["round_scored"] = "round_scored"
    round: RoundNumber
    part: Literal["race", "qualifying"] = "race"
    race: Annotated[int, Field(ge=1, le=10)] | None = None
    segment: Annotated[int, Field(ge=1, le=100)] | None = None
    session: Name | None = None
    car_class: Name
    scale: Name | None = None
    overall_laps: Count | None = None
    percent_run: Annotated[int, Field(ge=0, le=100)] | None = None
    time_limit_ms: RaceLength | None = None
    rows: BoundedTuple[ScoredRow]
    reason: Text | None = None
