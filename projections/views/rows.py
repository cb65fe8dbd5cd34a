"""Models of rows: one pydantic model lists what a row holds.

From a model come the JSON Schema, the columns of the command line, the components of OpenAPI,
the shape of the published state (``published``) and the screen's types. Rows themselves are
plain dicts with the members of their model in its order: they are made for each frame, where
validation would cost more than the fold. The tests validate them.

A field is annotated with what its values are and, where people see it, its heading::

    best_lap_ms: Annotated[TimeMs | None, Heading("Best", rank=1)]
"""

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from events import Flag

Row = dict[str, Any]
"""A row by its members, as JSON has it."""


# -- What a field says of itself ------------------------------------------------------------


class Heading(NamedTuple):
    """The heading of a column that people see; without one a member is for programs only.

    Where there is no room for all columns, those of the highest ``rank`` are left out first;
    those of rank 0 never are. An ``optional`` column is left out where no row has a value.
    """

    text: str
    rank: int = 0
    optional: bool = False


class DisplayFormat(NamedTuple):
    """How values are written for people, by a name that ``services.queries.tables`` knows."""

    name: str


class KeyedBy(NamedTuple):
    """By what a list is an object in the published state.

    ``line``: times by the timing line that they end at. ``id``: rows by their member ``id``.
    """

    key: Literal["line", "id"]


# -- Kinds of values ------------------------------------------------------------------------

ClockMs = Annotated[
    int, Field(description="milliseconds on the session clock"), DisplayFormat("clock")
]
MomentMs = Annotated[
    int, Field(description="milliseconds on the session clock"), DisplayFormat("moment")
]
"""A clock that people read to the second."""
TimeMs = Annotated[int, Field(description="milliseconds"), DisplayFormat("time")]
Points = Annotated[int | float, DisplayFormat("points")]
FlagName = Annotated[Flag, DisplayFormat("flag")]
WallClock = Annotated[str, DisplayFormat("wall_clock")]
"""A wall-clock time in ISO 8601, in UTC; people read it to the minute."""
Title = Annotated[str, DisplayFormat("title")]
Identifier = Annotated[str, DisplayFormat("identifier")]
"""What has to be typed again, and is never cut."""
Outcome = Literal[
    "classified",
    "not_classified",
    "retired",
    "running",
    "not_started",
    "disqualified",
    "withdrawn",
]


class RowModel(BaseModel):
    """The base of all rows."""

    # Built at first use: a command that answers in 0.2 s has no time for forty models.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class GapValue(RowModel):
    """Whole laps or milliseconds; the leader's are 0.

    Neither is known before the car's first crossing, nor where a car is behind by a decision
    alone.
    """

    laps: int | None
    ms: int | None


class CarPenalty(RowModel):
    """A penalty of a car that stands."""

    id: str
    kind: str
    amount: int | None
    status: Literal["imposed", "served", "converted"]


class SectorFlag(RowModel):
    """A local flag that stands, and since when."""

    flag: FlagName
    since_ms: ClockMs


SectorTimes = Annotated[
    list[int | None],
    Field(description="milliseconds, null where a loop was missed"),
    DisplayFormat("times"),
]
TimesByLine = Annotated[SectorTimes, KeyedBy("line")]
CarPenalties = Annotated[list[CarPenalty], DisplayFormat("penalties"), KeyedBy("id")]
SectorFlags = Annotated[
    dict[str, SectorFlag],
    Field(description="local flags that stand, by sector"),
    DisplayFormat("sector_flags"),
]


# -- What can be read from a model ----------------------------------------------------------


class RowField(NamedTuple):
    """A member of a row: its name in JSON and in the model, and what its annotation says.

    ``type`` is that of its values if not null; ``nullable`` says whether they may be.
    """

    name: str
    attribute: str
    type: Any
    nullable: bool
    format: str
    heading: Heading | None
    keyed_by: str | None


@cache
def row_fields(model: type[BaseModel]) -> tuple[RowField, ...]:
    """The members of a row in their order."""
    return tuple(_row_field(name, info) for name, info in model.model_fields.items())


def _row_field(name: str, info: FieldInfo) -> RowField:
    inner, nullable = _without_null(info.annotation)
    marks = list(info.metadata)
    while get_origin(inner) is Annotated:
        inner, *more = get_args(inner)
        marks += more
    found = {type(mark): mark for mark in reversed(marks)}
    form, keyed = found.get(DisplayFormat), found.get(KeyedBy)
    return RowField(
        info.alias or name,
        name,
        inner,
        nullable,
        form.name if form else _default_format(inner),
        found.get(Heading),
        keyed.key if keyed else None,
    )


def _without_null(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = get_args(annotation)
    others = tuple(one for one in kinds if one is not NoneType)
    return (others[0] if len(others) == 1 else Union[others]), len(others) < len(kinds)  # noqa: UP007


def _default_format(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "word"
    if get_origin(annotation) is list and get_args(annotation) == (str,):
        return "texts"
    return {int: "count", bool: "yes", str: "text", GapValue: "gap"}.get(annotation, "text")


@cache
def member_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of a row's members in their order, as JSON has them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def members_keyed_by(key: Literal["line", "id"], model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the lists that are objects, keyed so, in the published state."""
    return tuple(field.name for field in row_fields(model) if field.keyed_by == key)


def fields_of(model: type[BaseModel], *names: str, **headings: str) -> dict[str, Any]:
    """Fields of a model, for another that has them, too; all of them if none is named.

    ``names`` are those in JSON; ``headings`` replace that of the model.
    """
    fields = {field.name: field for field in row_fields(model)}
    return {
        fields[name].attribute: _field_again(
            model.model_fields[fields[name].attribute], name, headings
        )
        for name in names or fields
    }


def _field_again(info: FieldInfo, name: str, headings: Mapping[str, str]) -> tuple[Any, FieldInfo]:
    marks = list(info.metadata)
    if name in headings:
        marks = [mark for mark in marks if not isinstance(mark, Heading)]
        marks.append(Heading(headings[name]))
    kind = Annotated[info.annotation, *marks] if marks else info.annotation
    if info.description:
        return kind, Field(alias=info.alias, description=info.description)
    return kind, Field(alias=info.alias)


def row_model(name: str, about: str, module: str, **fields: Any) -> type[RowModel]:
    """A model of rows that is made from the fields of others; ``about`` is its docstring."""
    return create_model(name, __base__=RowModel, __doc__=about, __module__=module, **fields)
