"""The published state of a session: one JSON object of topics, which frames carry.

Its rows are those of the views with these differences: rows are objects keyed by car, id or
number, and order is the member ``position``. An absent member means null. Sectors are keyed by
the timing line at which they end, penalties by their id. Nothing ticks: a time that runs is
given by when it began (``..._since_ms``), for the frame carries the session clock beside its
data.

The models here are made from those of the views, so that a new member of a row is published, and
described, without being listed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field, create_model

from projections.views.cautions import CautionsRow
from projections.views.control import ControlRow, MessagesRow
from projections.views.drivers import DriversRow
from projections.views.laps import FastestLapsRow
from projections.views.merge_patch import State
from projections.views.penalties import PenaltiesRow
from projections.views.pits import PitsRow
from projections.views.results import ResultsRow
from projections.views.rows import ClockMs, Row, RowField, RowModel, TimeMs, row_fields
from projections.views.session_line import SessionRow
from projections.views.standings import StandingsRow

TICKING = ("clock_ms", "time_to_go_ms")
"""What of the session line is left out: it follows from the clock and the time limit."""


def published(name: str, model: type[RowModel], *without: str, **more: Any) -> type[RowModel]:
    """The model of a row as it is published; ``without`` some members, with ``more`` of them."""
    fields: dict[str, Any] = {}
    for field in row_fields(model):
        if field.name in without:
            continue
        declared = model.model_fields[field.attribute]
        about = declared.description
        kind: Any = declared.annotation
        if field.nullable:
            kind = next(one for one in get_args(kind) if one is not type(None))
        if field.keyed_by == "line":
            kind, about = dict[str, int], "milliseconds by the timing line that they end at"
        elif field.keyed_by == "id":
            (row,) = get_args(field.type)
            kind, about = _by_key(_published_type(row)), "by id"
        else:
            kind = _published_type(kind)
        described: Any = {"description": about} if about else {}
        default = None if field.nullable else ...
        fields[field.attribute] = (kind, Field(default, alias=declared.alias, **described))
    return create_model(
        name,
        __base__=RowModel,
        __module__=__name__,
        __doc__=model.__doc__,
        **fields,
        **more,
    )


def _published_type(kind: Any) -> Any:
    """A type with the rows in it as they are published."""
    if get_origin(kind) is Annotated:
        inner, *marks = get_args(kind)
        return Annotated[_published_type(inner), *marks]
    if _is_row(kind):
        return _published_row(kind)
    return kind


@cache
def _published_row(model: type[RowModel]) -> type[RowModel]:
    return published(f"Published{model.__name__}", model)


def row_of(model: type[RowModel], part: Mapping[str, Any], lines: Sequence[str] = ()) -> Row:
    """The row as views have it, of a row as it is published; ``lines`` are the timing lines.

    Members that are not there are None.
    """
    names, nested = _members(model)
    row = {name: part.get(name) for name in names}
    for field in nested:
        value = row[field.name]
        if field.keyed_by == "line":
            times = value or {}
            row[field.name] = [times.get(line) for line in lines]
        elif field.keyed_by == "id":
            (inner,) = get_args(field.type)
            row[field.name] = [row_of(inner, one) for one in (value or {}).values()]
        elif value is not None or not field.nullable:
            row[field.name] = row_of(field.type, value or {})
    return row


@cache
def _members(model: type[RowModel]) -> tuple[tuple[str, ...], tuple[RowField, ...]]:
    """The names of a row's members, and those that are published in another shape."""
    fields = row_fields(model)
    nested = (field for field in fields if field.keyed_by or _is_row(field.type))
    return tuple(field.name for field in fields), tuple(nested)


def _is_row(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, RowModel)


def dense(row: Mapping[str, Any]) -> State:
    """The row without its nulls."""
    return {name: value for name, value in row.items() if value is not None}


# -- Topics ---------------------------------------------------------------------------------


def _absent(kind: Any, about: str | None = None) -> Any:
    return (kind, Field(None, description=about))


def _by_key(kind: Any) -> Any:
    return dict[str, kind]


def _keyed(kind: Any, about: str) -> Any:
    return (_by_key(kind), Field(description=about))


PublishedSession = published(
    "PublishedSession",
    SessionRow,
    *TICKING,
    time_limit_ms=_absent(TimeMs, "the length of the session by time"),
    faults=_absent(dict[str, str], "topics that cannot be made, and stay as they were: why"),
)
PublishedStandingsRow = published("PublishedStandingsRow", StandingsRow)
PublishedCaution = published("PublishedCaution", CautionsRow)
PublishedPenalty = published("PublishedPenalty", PenaltiesRow)
PublishedMessage = published("PublishedMessage", MessagesRow)
PublishedControlItem = published("PublishedControlItem", ControlRow)
PublishedResult = published("PublishedResult", ResultsRow)
PublishedVisit = published("PublishedVisit", PitsRow, "car", "class", "visit")
PublishedDriver = published(
    "PublishedDriver",
    DriversRow,
    *("car", "class", "driver", "at_wheel"),
    at_wheel_since_ms=_absent(ClockMs, "of who is at the wheel, beside the time of earlier stints"),
)
PublishedFastestLap = published("PublishedFastestLap", FastestLapsRow, "rank", "top_speed_kph")
FastestTopic: Any = create_model(
    "FastestTopic",
    __base__=RowModel,
    __doc__="The fastest lap overall, and of each class.",
    overall=_absent(PublishedFastestLap),
    classes=_keyed(PublishedFastestLap, "by class"),
)

_TOPICS: dict[str, Any] = {
    "session": (PublishedSession, ...),
    "standings": _keyed(PublishedStandingsRow, "by car"),
    "cautions": _keyed(PublishedCaution, "by number and place within it: `1.0`, then `1.1`, `2.0`"),
    "penalties": _keyed(PublishedPenalty, "by id"),
    "messages": _keyed(PublishedMessage, "by number, 0 for the first"),
    "fastest": (FastestTopic, ...),
    "pits": _keyed(_by_key(PublishedVisit), "by car, then by number of the visit, from 1"),
    "drivers": _keyed(_by_key(PublishedDriver), "by car, then by driver"),
    "results": _keyed(PublishedResult, "by car, once the session is over; empty before"),
    "control": _keyed(
        PublishedControlItem, "the newest control items by number, 0 for the first of all"
    ),
}

TOPICS = tuple(_TOPICS)

FORECAST_TOPIC = "forecast"
"""What subscribers may request besides: messages of their own, for no state contains a forecast."""

PublishedState = create_model(
    "PublishedState",
    __base__=RowModel,
    __doc__="The state of a session, by topic. An absent member means null.",
    **_TOPICS,
)

SubscribedState = create_model(
    "SubscribedState",
    __base__=RowModel,
    __doc__="The topics of a session's state that a subscriber chose; the session's is always one.",
    **{
        topic: _absent(field.annotation, field.description)
        for topic, field in PublishedState.model_fields.items()
    },
    battle=_absent(dict[str, Any], "of an output for it: places and gaps by car"),
    championship=_absent(dict[str, Any], "of an output for it: its title and rows"),
    forecast=_absent(dict[str, Any], "of an output for it: rows by car, or the reason for none"),
)
