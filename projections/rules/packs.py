"""Regulation packs: the rules of a series as data.

A pack is a TOML file in ``projections/rules/`` or of the user. A session names its pack;
scoring it under another pack is a query that leaves the log unchanged.

Every rule has a source or is marked as assumed: a table's ``source`` applies to all its
rules, ``sources`` to single ones, and ``assumed`` lists rules that no known document
confirms. A rule with neither is refused, so that no assumption passes for a fact.

Rules may differ by round, class or length of race: a table may have conditions, and of
several applicable tables the last prevails.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from importlib.resources import files
from itertools import pairwise
from math import ceil, floor
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from events import Contest
from events.errors import BadRules, UnknownRules
from events.session import ResultStatus

Number = int | float
"""Points: whole, or fractions where a pack awards them."""

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[int, Field(ge=0, le=10**6)]
Hours = Annotated[float, Field(ge=0, le=1000)]
PointsGiven = Annotated[int | float, Field(ge=0, le=10_000)]
ScaleOfPoints = Annotated[tuple[PointsGiven, ...], Field(min_length=1)]
Word = Annotated[str, Field(min_length=1, max_length=500)]

MS_PER_HOUR = 3_600_000


class RuleScope(NamedTuple):
    """The round, class and race length that select rules; None where unknown."""

    round: int | None = None
    car_class: str | None = None
    time_limit_ms: int | None = None


class RuleTable(BaseModel):
    """A table of rules, each with a source or marked as assumed."""

    # Built when the first pack is read: most programs that import this read none.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    source: Word | None = None
    sources: dict[str, Word] = {}
    assumed: tuple[str, ...] = ()

    def rules(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the rules of this table, without those of nested tables."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in self.model_fields_set - _METADATA and not _tables_in(name, value):
                yield name, value

    def source_of(self, rule: str) -> str | None:
        """Return the source of a rule of this table; None if assumed."""
        return self.sources.get(rule, None if rule in self.assumed else self.source)


_METADATA = frozenset({"source", "sources", "assumed", "name"})


class ConditionalTable(RuleTable):
    """A table that may apply to some rounds, classes or lengths of race only."""

    rounds: tuple[int, ...] = ()
    classes: tuple[Word, ...] = ()
    from_hours: Hours | None = None
    over_hours: Hours | None = None

    def applies(self, where: RuleScope) -> bool:
        """Whether the table applies. An unknown value meets no condition."""
        hours = None if where.time_limit_ms is None else where.time_limit_ms / MS_PER_HOUR
        return (
            (not self.rounds or where.round in self.rounds)
            and (not self.classes or where.car_class in self.classes)
            and (self.from_hours is None or (hours is not None and hours >= self.from_hours))
            and (self.over_hours is None or (hours is not None and hours > self.over_hours))
        )


class DistanceRules(RuleTable):
    """The share of the winner's distance that a car must cover (0: none)."""

    minimum_distance: Share
    minimum_distance_in: dict[str, Share] = {}
    reference: Literal["overall", "class"]
    rounding: Literal["ceil", "floor", "nearest"]

    def required_laps(self, winner_laps: int, car_class: str | None = None) -> int:
        """Return the required laps, given those of the winner of race or class (``reference``)."""
        share = self.minimum_distance_in.get(car_class or "", self.minimum_distance)
        exact = Fraction(str(share)) * winner_laps  # 0.7 * 30 as floats is more than 21
        match self.rounding:
            case "ceil":
                return ceil(exact)
            case "floor":
                return floor(exact)
            case "nearest":
                return floor(exact + Fraction(1, 2))


class ClassificationRules(DistanceRules):
    """Which cars are classified, and the places of the others.

    ``retirements`` and ``not_classified`` cars (those that took the flag with too few laps)
    keep their place ``on_laps`` or follow the finishers, retirements last. Cars without a lap
    come ``last`` or are ``absent``. ``red_flag_countback`` is the number of laps by which the
    result is taken back when a red flag ends the race; 0 is none. A crossing less than
    ``shortest_lap_s`` after the last is a double read, unless the session has its own limit.
    """

    must_take_flag: bool
    retirements: Literal["on_laps", "after_finishers"]
    not_classified: Literal["on_laps", "after_finishers"]
    no_laps: Literal["last", "absent"]
    red_flag_countback: Annotated[int, Field(ge=0, le=5)]
    shortest_lap_s: Seconds | None = None


class PenaltyRules(RuleTable):
    """The value of penalties that were not, or could not be, served in the race.

    Seconds are added to the race time; a stop and hold adds its own seconds to
    ``stop_and_hold_s``. With ``time_to_retired`` time is added to retired cars as well;
    ``back_of_class`` is the order of several cars there; ``places`` is the order in which
    places are dropped.
    """

    drive_through_s: Seconds
    stop_and_go_s: Seconds
    stop_and_hold_s: Seconds
    time_to_retired: bool
    back_of_class: Literal["as_imposed", "on_laps"]
    places: Literal["class", "overall"]
    decided_by: Word


class QualifyingRules(RuleTable):
    """The order of qualifying and practice, beyond the best lap.

    With ``segments`` of ``all_times`` a car's best lap of any of them counts (groups by class); in
    a ``knock_out`` the quickest of each segment go on to the next, where their times count anew,
    and the others stand behind them. ``advance`` is how many go on from the first segment, the
    second and so on, overall or in each class (``advance_in``). Cars slower than
    ``within_percent`` of the best time (of a knock-out: that of the first segment), overall or of
    their class (``within_of``), are not classified. Cars whose times were all withdrawn stand among
    the cars without a time ``by_number``, or ``last``.
    """

    segments: Literal["all_times", "knock_out"] = "all_times"
    advance: tuple[Annotated[int, Field(gt=0, le=1000)], ...] = ()
    advance_in: Literal["overall", "class"] = "overall"
    within_percent: Annotated[int, Field(ge=100, le=1000)] | None = None
    within_of: Literal["overall", "class"] = "overall"
    withdrawn: Literal["by_number", "last"] = "by_number"


class DriveLimit(ConditionalTable):
    """Limits of a driver's time at the wheel, in seconds; ``window_s`` is the rolling window."""

    minimum_s: Seconds | None = None
    maximum_s: Seconds | None = None
    window_s: Seconds | None = None
    maximum_in_window_s: Seconds | None = None


class DriveLimits(NamedTuple):
    """The applicable limits of a driver, in seconds, and the key of the minimum's rule."""

    minimum_s: int | None = None
    maximum_s: int | None = None
    window_s: int | None = None
    maximum_in_window_s: int | None = None
    minimum_rule: str = "drive_time.limits"


class DriveTimeRules(RuleTable):
    """Limits of time at the wheel, and the consequence of missing them."""

    limits: tuple[DriveLimit, ...] = ()
    counts_stops: bool
    reduced_after_red_flag: bool
    consequence: Literal["no_driver_points", "back_of_class", "none"]

    def limits_at(self, where: RuleScope) -> DriveLimits:
        """Return the applicable limits: each from the last applicable table that has it."""
        found: dict[str, Any] = {}
        for index, limit in enumerate(self.limits):
            if not limit.applies(where):
                continue
            for name in _FIGURES & limit.model_fields_set:
                found[name] = getattr(limit, name)
                if name == "minimum_s":
                    found["minimum_rule"] = f"drive_time.limits.{index}.minimum_s"
        return DriveLimits(**found)


_FIGURES = {"minimum_s", "maximum_s", "window_s", "maximum_in_window_s"}


class CautionRules(RuleTable):
    """The procedure under caution. Pass-around and wave-by decide who is eligible for them."""

    pits_close: bool
    pits_open_by_class: bool
    pass_around: bool
    wave_by: bool
    wave_by_from_hours: Hours | None = None
    wave_by_after_minutes: Annotated[int, Field(ge=0)] | None = None
    wave_by_every_minutes: Annotated[int, Field(ge=0)] | None = None
    no_wave_by_in_last_minutes: Annotated[int, Field(ge=0)] | None = None
    slow_zones: bool = False
    neutral_speed_kmh: Annotated[int, Field(gt=0)] | None = None


class Scale(ConditionalTable):
    """Points by place, ``points[0]`` for the first; ``rest`` for all places behind them.

    A scale that is used ``by_name`` applies only to results that name it, and to shortened
    races.
    """

    name: Word = "qualifying"
    points: ScaleOfPoints
    rest: PointsGiven = 0
    by_name: bool = False

    def at(self, place: int) -> Number:
        """The points of a place."""
        return self.points[place - 1] if place <= len(self.points) else self.rest


class ReducedPoints(RuleTable):
    """The points of a race of which less than ``below_percent`` was run.

    It concerns races on the scales ``of_scales`` only; none named: all races.
    """

    of_scales: tuple[Word, ...] = ()
    below_percent: Annotated[int, Field(gt=0, le=100)]
    scale: Word | None = None
    factor: Share = 1.0


class FastestLap(RuleTable):
    """Points for the fastest lap of a class.

    Only a car placed ``within`` so many has them, and only one with a status of ``statuses``
    (empty: any that scores). The lap of an excluded car counts for nobody: the points are
    ``passed_on`` to the next fastest, either only ``if_excluded`` (disqualified or withdrawn),
    or ``always`` to the fastest car that may have them, or ``never``. Of equal laps the earlier
    counts, or ``shared`` each of them.
    """

    points: PointsGiven
    within: Annotated[int, Field(gt=0)] | None = None
    statuses: tuple[ResultStatus, ...] = ()
    passed_on: Literal["if_excluded", "always", "never"] = "if_excluded"
    shared: bool = False


class MostLapsLed(RuleTable):
    """Points for leading the most laps of a class; of equal numbers the better placed car."""

    points: PointsGiven


class SeasonPart(RuleTable):
    """A part of a season, by its ``rounds``, of which only the ``best`` so many results count."""

    rounds: tuple[int, ...]
    best: Annotated[int, Field(ge=0, le=100)]


class EntrantRules(RuleTable):
    """How teams or manufacturers score.

    ``unit`` is what counts as a contender. With ``best_only`` only the best placed car of a
    contender scores, with ``closed_up`` by its place among the contenders' best cars instead
    of its place in the class. ``without`` are classes that have no such championship.
    """

    unit: Literal["team", "car", "manufacturer"]
    best_only: bool
    closed_up: bool
    without: tuple[Word, ...] = ()


class CupMarks(RuleTable):
    """The times at which a cup awards points in a race of ``race_hours``, in hours."""

    race_hours: Hours
    at_hours: tuple[Hours, ...]


class Cup(RuleTable):
    """A cup within the championship, which awards points at marks during the race."""

    name: Word
    points: ScaleOfPoints
    rest: PointsGiven = 0
    marks: tuple[CupMarks, ...] = ()

    def marks_ms(self, time_limit_ms: int) -> tuple[int, ...]:
        """Return the marks of a race of that length, in ms from its start; empty if none."""
        for marks in self.marks:
            if marks.race_hours * MS_PER_HOUR == time_limit_ms:
                return tuple(round(hours * MS_PER_HOUR) for hours in marks.at_hours)
        return ()


class PointsRules(DistanceRules):
    """The points of places, and who gets them.

    The minimum distance is that for points. ``statuses`` are those that score. ``ineligible``
    entries (guests) are ``invisible``, so that the cars behind them move up, or
    ``keep_place``. ``reduced_by`` is the measure of a shortened race: the ``time`` or
    ``distance`` scheduled; without it a race is shortened if neither was reached.

    The worst ``drops`` rounds of a season do not count, or only the ``best`` so many rounds, or
    of each of its ``parts`` only the best. A missed round is a dropped one. Rounds that
    ``must_count`` are never dropped.
    """

    statuses: tuple[ResultStatus, ...]
    ineligible: Literal["invisible", "keep_place"]
    drops: Annotated[int, Field(ge=0, le=100)]
    scales: Annotated[tuple[Scale, ...], Field(min_length=1)]
    qualifying: Scale | None = None
    fastest_lap: FastestLap | None = None
    most_laps_led: MostLapsLed | None = None
    best: Annotated[int, Field(ge=0, le=100)] | None = None
    parts: tuple[SeasonPart, ...] = ()
    must_count: tuple[int, ...] = ()
    reduced_by: Literal["time", "distance"] | None = None
    reduced: tuple[ReducedPoints, ...] = ()
    teams: EntrantRules
    manufacturers: EntrantRules
    cups: tuple[Cup, ...] = ()

    def scale(self, where: RuleScope) -> Scale:
        """Return the scale of a race: the last that applies, else the first of all."""
        usual = [scale for scale in self.scales if not scale.by_name]
        applying = [scale for scale in usual if scale.applies(where)]
        return applying[-1] if applying else self.scales[0]

    def contested(self, of: Contest, car_class: str) -> bool:
        """Whether the class has a championship of drivers, teams or manufacturers."""
        match of:
            case "drivers":
                return True
            case "teams":
                return car_class not in self.teams.without
            case "manufacturers":
                return car_class not in self.manufacturers.without

    @property
    def has_drops(self) -> bool:
        """Whether results can be dropped."""
        return bool(self.drops or self.parts) or self.best is not None

    def scale_named(self, name: str) -> Scale | None:
        """The scale of that name."""
        return next((scale for scale in self.scales if scale.name == name), None)

    def reductions(self, scale: str) -> tuple[ReducedPoints, ...]:
        """Return the reductions that concern races on a scale."""
        return tuple(one for one in self.reduced if not one.of_scales or scale in one.of_scales)

    def reduction(self, percent_run: int, scale: str) -> ReducedPoints | None:
        """Return the strictest applicable reduction for a race of which so much was run."""
        holding = [tier for tier in self.reductions(scale) if percent_run < tier.below_percent]
        return min(holding, key=lambda tier: tier.below_percent, default=None)


class TieRules(RuleTable):
    """Equal points: by ``countback`` of wins, second places, ...; if still equal, shared.

    After two that share first place the next is third (``skip``) or second (``dense``).
    """

    countback: bool
    shared_rank: Literal["skip", "dense"]


class RegulationPack(BaseModel):
    """The rules of one series in one season."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    format: Annotated[int, Field(ge=1, le=1)]
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    version: Annotated[int, Field(ge=1)]
    title: Word
    series: Word
    classification: ClassificationRules
    penalties: PenaltyRules
    drive_time: DriveTimeRules
    cautions: CautionRules
    points: PointsRules
    ties: TieRules
    qualifying: QualifyingRules | None = None

    def has_rule(self, rule: str) -> bool:
        """Whether the pack has a rule of that dotted key."""
        return rule in rules_of(self)

    def source_of(self, rule: str) -> str | None:
        """Return the source of a rule by its dotted key; None if assumed or unknown."""
        return rules_of(self).get(rule, (None, None))[1]


# -- Reading packs -----------------------------------------------------------------------


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in packs."""
    return tuple(
        sorted(
            file.name.removesuffix(".toml")
            for file in files("projections").joinpath("rules").iterdir()
            if file.name.endswith(".toml")
        )
    )


@cache
def builtin_pack(name: str) -> RegulationPack:
    """Return the built-in pack of that name. Raises UnknownRules, which lists all names."""
    if name not in builtin_names():
        raise UnknownRules(name, builtin_names())
    file = files("projections").joinpath("rules", f"{name}.toml")
    return parse_pack(file.read_text(encoding="utf-8"), file.name)


@cache
def shortest_lap_ms(name: str) -> int:
    """Return the shortest possible lap (ms) of a built-in pack; 0 if it sets none, or is none.

    A pack that sets none is not parsed: folding a session does not take its other rules.
    """
    if _PACK_NAME.fullmatch(name) is None:
        return 0
    file = files("projections").joinpath("rules", f"{name}.toml")
    if not file.is_file() or "shortest_lap_s" not in file.read_text(encoding="utf-8"):
        return 0
    return 1000 * (builtin_pack(name).classification.shortest_lap_s or 0)


_PACK_NAME = re.compile("[a-z0-9-]{1,64}")


def parse_pack(text: str, file: str) -> RegulationPack:
    """Parse a pack from TOML; ``file`` is its name in errors.

    Raises BadRules, with file and key, for the first error.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRules(file, None, f"not TOML: {error}") from None
    try:
        # Strict validation accepts an array as a tuple only in JSON.
        as_json = to_json(values, inf_nan_mode="constants")
        pack = RegulationPack.model_validate_json(as_json)
    except ValidationError as invalid:
        fault = invalid.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(step) for step in fault["loc"])
        raise BadRules(file, key, _what_is_wrong(fault["msg"], fault["input"])) from None
    _refuse_unknown_sources(pack, file)
    _refuse_bad_scales(pack, file)
    return pack


def _what_is_wrong(message: str, value: object) -> str:
    return message if isinstance(value, dict) else f"{message}, with {value!r}"


def _refuse_unknown_sources(pack: RegulationPack, file: str) -> None:
    for path, table in tables(pack):
        stated = dict(table.rules())
        for name in sorted({*table.sources, *table.assumed} - stated.keys()):
            raise BadRules(file, f"{path}.{name}", "has a source or is assumed, but is not there")
        for name in stated:
            if table.source_of(name) is None and name not in table.assumed:
                raise BadRules(
                    file,
                    f"{path}.{name}",
                    f"neither a source nor assumed: add `source` to [{path}], or list it there "
                    "under `assumed`",
                )


def _refuse_bad_scales(pack: RegulationPack, file: str) -> None:
    rules = pack.points
    for key, named in (("scales", rules.scales), ("cups", rules.cups)):
        names = [table.name for table in named]
        for name in names:
            if names.count(name) > 1:
                raise BadRules(file, f"points.{key}", f"two of them named {name!r}")
    for index, tier in enumerate(rules.reduced):
        if tier.scale is not None and rules.scale_named(tier.scale) is None:
            key, names = f"points.reduced.{index}.scale", [scale.name for scale in rules.scales]
            raise BadRules(file, key, f"no scale {tier.scale!r}; there are {', '.join(names)}")
        for name in tier.of_scales:
            if rules.scale_named(name) is None:
                key, names = f"points.reduced.{index}.of_scales", [one.name for one in rules.scales]
                raise BadRules(file, key, f"no scale {name!r}; there are {', '.join(names)}")
    for path, table in tables(pack):
        if isinstance(table, Scale | Cup):
            worths = (*table.points, table.rest)
            if any(worse > better for better, worse in pairwise(worths)):
                raise BadRules(file, f"{path}.points", "a worse place scores more than a better")


# -- Listing and comparing packs ---------------------------------------------------------


def tables(pack: RegulationPack) -> Iterator[tuple[str, RuleTable]]:
    """Iterate over all tables of a pack with their dotted paths; list items by name or index."""
    for section in _SECTIONS:
        table: RuleTable | None = getattr(pack, section)
        if table is not None:
            yield from _tables_under(section, table)


def rules_of(pack: RegulationPack) -> dict[str, tuple[Any, str | None]]:
    """Return every rule by its dotted key: its value, and its source or None if assumed."""
    return {
        f"{path}.{name}": (_plain(value), table.source_of(name))
        for path, table in tables(pack)
        for name, value in table.rules()
    }


def pack_rows(pack: RegulationPack) -> list[dict[str, Any]]:
    """Return the pack as rows ``{key, value, source}``; assumed rules have source "assumed"."""
    return [
        {"key": key, "value": value, "source": source or "assumed"}
        for key, (value, source) in rules_of(pack).items()
    ]


def compare_packs(a: RegulationPack, b: RegulationPack) -> list[dict[str, Any]]:
    """Return the rules in which two packs differ, as rows ``{key, a, b}``; None if missing."""
    of_a, of_b = rules_of(a), rules_of(b)
    absent = (None, None)
    return [
        {"key": key, "a": of_a.get(key, absent)[0], "b": of_b.get(key, absent)[0]}
        for key in dict.fromkeys([*of_a, *of_b])
        if of_a.get(key, absent)[0] != of_b.get(key, absent)[0]
    ]


_SECTIONS = (
    *("classification", "qualifying", "penalties", "drive_time"),
    *("cautions", "points", "ties"),
)


def _tables_under(path: str, table: RuleTable) -> Iterator[tuple[str, RuleTable]]:
    yield path, table
    for name in type(table).model_fields:
        for step, inner in _tables_in(name, getattr(table, name)):
            yield from _tables_under(f"{path}.{step}", inner)


def _tables_in(name: str, value: Any) -> list[tuple[str, RuleTable]]:
    if isinstance(value, RuleTable):
        return [(name, value)]
    if not isinstance(value, tuple):
        return []
    return [
        (f"{name}.{getattr(inner, 'name', index)}", inner)
        for index, inner in enumerate(value)
        if isinstance(inner, RuleTable)
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
