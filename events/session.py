"""Events of the session itself: opening, entries, grid, end, declared results."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from events.base import (
    MAX_ROUND,
    Basis,
    BoundedTuple,
    CarNumber,
    Count,
    Duration,
    Event,
    EventPart,
    Name,
    RoundNumber,
    Text,
)

SessionKind = Literal["race", "qualifying", "practice"]
FINISH_LINE = "FL"


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _read_instant(value: object) -> object:
    """Parse text strictly: reject numbers of seconds and incomplete dates."""
    if not isinstance(value, str):
        return value
    if _RFC_3339.fullmatch(value) is None:
        raise ValueError("not a date, time and offset such as 2007-10-06T11:15:00-04:00")
    return datetime.fromisoformat(value)


def _with_fixed_offset(value: datetime) -> datetime:
    """Return the same instant with a fixed offset, so that JSON preserves it exactly."""
    offset = value.utcoffset() or timedelta(0)
    if offset % timedelta(minutes=1):
        raise ValueError("its offset from UTC is not a whole number of minutes")
    return value.replace(tzinfo=timezone(offset), fold=0)


Instant = Annotated[
    AwareDatetime, BeforeValidator(_read_instant), AfterValidator(_with_fixed_offset)
]
"""A wall-clock time with its offset from UTC."""


class Driver(EventPart):
    """A driver of a car. ``number`` is the seat in the crew, from 1."""

    number: Annotated[int, Field(ge=1, le=99)]
    name: Name
    short: Annotated[str, Field(max_length=8)] | None = None
    country: Annotated[str, Field(max_length=3)] | None = None
    rating: Annotated[str, Field(max_length=16)] | None = None


class SessionOpened(Event):
    """The session: limits, classes in order, timing lines, rules.

    ``timing_lines`` are in the order of a lap and end with the finish line ``FL``;
    ``drive_through_ms`` is the time from pit entry to pit exit without stopping, if known;
    ``starts_at`` is the wall-clock time of session clock 0 with its UTC offset, ``zone`` the
    name of its time zone; ``rules`` names the regulation pack.
    """

    type: Literal["session_opened"] = "session_opened"
    title: Name
    series: Name | None = None
    season: Annotated[str, Field(max_length=64)] | None = None
    round: Annotated[int, Field(ge=0, le=MAX_ROUND)] | None = None
    kind: SessionKind
    circuit: Name | None = None
    circuit_length_m: Annotated[int, Field(gt=0, le=100_000)] | None = None
    classes: BoundedTuple[Name] = ()
    timing_lines: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)] = (FINISH_LINE,)
    distance_limit_m: Annotated[int, Field(gt=0, le=100_000_000)] | None = None
    laps_limit: Annotated[int, Field(gt=0, le=100_000)] | None = None
    time_limit_ms: Annotated[int, Field(gt=0, le=2**53)] | None = None
    drive_through_ms: Duration | None = None
    rules: Annotated[str, Field(max_length=64)] | None = None
    starts_at: Instant | None = None
    zone: Annotated[str, Field(max_length=64)] | None = None
    provenance: Text | None = None


EntryRole = Literal["competitor", "safety_car", "course_car"]


class EntryAdded(Event):
    """A car of the entry list. ``car_class`` is ``None`` for a car outside every class.

    ``subclass`` is a group within the class, such as ``P/A`` (Pro-Am); it has no order of its own.
    A missing ``role`` means ``competitor``. A car with another role may have a transponder,
    but is in no order, chart or result, from this event's time on (at 0: the whole session).
    """

    VERSION: ClassVar[int] = 2

    v: Annotated[int, Field(ge=2, le=2)] = 2
    type: Literal["entry_added"] = "entry_added"
    car: CarNumber
    car_class: Name | None = None
    subclass: Name | None = None
    team: Name | None = None
    vehicle: Name | None = None
    manufacturer: Name | None = None
    drivers: BoundedTuple[Driver] = ()
    championships: BoundedTuple[Name] | None = None
    role: EntryRole | None = None


class EntryAmended(Event):
    """Changed members of an entry; absent members stay unchanged."""

    VERSION: ClassVar[int] = 2

    v: Annotated[int, Field(ge=2, le=2)] = 2
    type: Literal["entry_amended"] = "entry_amended"
    car: CarNumber
    car_class: Name | None = None
    subclass: Name | None = None
    team: Name | None = None
    vehicle: Name | None = None
    manufacturer: Name | None = None
    drivers: BoundedTuple[Driver] | None = None
    championships: BoundedTuple[Name] | None = None
    role: EntryRole | None = None
    reason: Text | None = None


class GridSet(Event):
    """The starting order, pole first."""

    type: Literal["grid_set"] = "grid_set"
    order: BoundedTuple[CarNumber]


class SessionEnded(Event):
    """Nothing more is timed in this session."""

    type: Literal["session_ended"] = "session_ended"
    reason: Text | None = None


class DataDoubted(Event):
    """A value of the source contradicts what is known; nothing that counts rests on it.

    ``file``, ``line`` and ``column`` say where it is, as far as the source has them; ``value``
    is what it says, ``reason`` why it is doubtful, ``treatment`` what was made of it. ``at`` is
    the session time that it belongs to, 0 for the session as a whole.
    """

    type: Literal["data_doubted"] = "data_doubted"
    file: Name | None = None
    line: Annotated[int, Field(ge=1, le=2**53)] | None = None
    column: Name | None = None
    car: CarNumber | None = None
    value: Text | None = None
    reason: Text
    treatment: Text


class SegmentStarted(Event):
    """A segment of qualifying or practice begins: Q2, Hyperpole, the session of a class.

    A lap belongs to the segment in which it is completed. Every car runs again, also those that
    took the chequered flag of the segment before. ``classes`` are those it is for; none means all.
    What segments mean for the order is a rule of the pack.
    """

    type: Literal["segment_started"] = "segment_started"
    name: Name
    classes: BoundedTuple[Name] = ()


class SessionResumed(Event):
    """Race control resumes a session that was over: the chequered flag, or its end, is revoked.

    What was timed before stays as it is; every car runs again from here on.
    """

    type: Literal["session_resumed"] = "session_resumed"
    reason: Text | None = None


class RulesSwitched(Event):
    """Another regulation pack applies to the session, or to a season ``from_round`` on.

    ``rules`` names a built-in pack. What was timed and decided stays as it is; results and points
    follow from the new rules. In a season, rules about the whole of it (drops, ties) are those of
    the last switch.
    """

    type: Literal["rules_switched"] = "rules_switched"
    rules: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", max_length=64)]
    from_round: RoundNumber | None = None
    reason: Text | None = None


class ShortestLapSet(Event):
    """No lap of the session can be shorter than ``lap_time_ms``, from this event's time on.

    A crossing sooner after the car's last is a double read, and does not count. None: no limit.
    """

    type: Literal["shortest_lap_set"] = "shortest_lap_set"
    lap_time_ms: Annotated[int, Field(gt=0, le=2**53)] | None = None
    reason: Text | None = None


ResultStatus = Literal[
    "classified", "not_classified", "retired", "not_started", "disqualified", "withdrawn"
]


class ResultRow(EventPart):
    """One car of a declared result; times in milliseconds."""

    position: Annotated[int, Field(ge=1, le=10_000)]
    car: CarNumber
    car_class: Name | None = None
    status: ResultStatus
    laps: Count
    total_ms: Duration | None = None
    best_lap_ms: Duration | None = None
    best_lap: Count | None = None


class ResultDeclared(Event):
    """A result as declared by the officials; ``rests_on`` is its source.

    It is kept beside the computed classification, which never depends on it.
    """

    type: Literal["result_declared"] = "result_declared"
    status: Literal["provisional", "amended", "final"]
    rows: BoundedTuple[ResultRow]
    rests_on: Text
    rows_basis: Basis = "published"


class PointsAdjusted(Event):
    """Points added or (negative) deducted by decision, outside the scale.

    ``championship`` is ``drivers``, ``teams`` or ``manufacturers``. Without a class the
    adjustment applies in every class in which the name took part; without a round it counts
    from the first round on.
    """

    VERSION: ClassVar[int] = 2

    v: Annotated[int, Field(ge=2, le=2)] = 2
    type: Literal["points_adjusted"] = "points_adjusted"
    championship: Name
    car_class: Name | None = None
    round: RoundNumber | None = None
    name: Name
    points: (
        Annotated[int, Field(ge=-10_000, le=10_000)]
        | Annotated[float, Field(ge=-10_000, le=10_000)]
    )
    reason: Text
