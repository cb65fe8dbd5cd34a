"""Tables as they leave the command line: JSON, CSV, or columns for the eye.

A table is declared once, as columns; the order of the members in JSON, the columns of
the CSV file, the JSON Schema that both keep to, and what is shown are all made from that.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from events import Flag
from events.clock import format_clock, format_lap_time
from services.formatting import (
    clock_text,
    on_one_line,
    show_flag,
    show_gap,
    show_penalty,
    show_sectors,
    spaced,
)

Row = Mapping[str, Any]
Schema = dict[str, Any]


class Kind(NamedTuple):
    """What the values of a column are: in JSON Schema, to the eye, and as cells of CSV.

    ``spread`` makes the CSV cells by the column's name, and of None gives them empty.
    ``whole`` says that the text is never cut so that a table fits; other text is cut to
    ``shortest`` signs at most.
    """

    schema: Schema
    show: Callable[[Any], str]
    right: bool = False
    whole: bool = True
    shortest: int = 8
    spread: Callable[[str, Any], dict[str, Any]] = lambda name, value: {name: value}


class Column(NamedTuple):
    """A column: its member in JSON, what its values are, and its heading if it is shown.

    ``null`` says that a value may be missing. Where there is no room for all columns,
    those of the highest ``rank`` are left out first; those of rank 0 never are.
    """

    name: str
    kind: Kind
    heading: str | None = None
    null: bool = False
    rank: int = 0


class Table(NamedTuple):
    """A table by its name, what its rows are, and its columns in order.

    ``upright`` shows the one row it has as lines of name and value.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    upright: bool = False

    def schema(self) -> Schema:
        """The JSON Schema of the JSON output."""
        members = {column.name: _column_schema(column) for column in self.columns}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"lapstream {self.name} --format json",
            "description": self.about,
            "type": "array",
            "items": {
                "type": "object",
                "properties": members,
                "required": list(members),
                "additionalProperties": False,
            },
        }

    def json(self, rows: Iterable[Row]) -> str:
        """A JSON array, a line a row."""
        names = [column.name for column in self.columns]
        lines = (
            json.dumps({name: row[name] for name in names}, ensure_ascii=False) for row in rows
        )
        body = ",\n".join(lines)
        return f"[\n{body}\n]" if body else "[]"

    def csv(self, rows: Iterable[Row]) -> str:
        """CSV with a header, a line a row, nested values spread over columns of their own."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.cells(None)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(self.cells, rows))
        return text.getvalue().rstrip("\n")

    def cells(self, row: Row | None) -> dict[str, Any]:
        """The CSV cells of a row by their column's name; of None, empty ones."""
        return {
            name: _csv_cell(cell)
            for column in self.columns
            for name, cell in column.kind.spread(column.name, row and row[column.name]).items()
        }

    def lines(self, rows: Sequence[Row], width: int | None = None) -> list[str]:
        """Heading and rows as columns for the eye; ``width`` is the room that there is."""
        drawn = [_Drawn.of(column, rows) for column in self.columns if column.heading]
        if width is not None:
            drawn = _fitting(drawn, width)
        headings = "  ".join(one.cell(one.column.heading or "") for one in drawn)
        body = zip(*(one.cells for one in drawn), strict=True)
        return [
            headings.rstrip(),
            *(
                "  ".join(one.cell(text) for one, text in zip(drawn, texts, strict=True)).rstrip()
                for texts in body
            ),
        ]

    def upright_lines(self, row: Row) -> list[str]:
        """One row as lines of name and value; what is missing is left out."""
        headings = {column.heading or "": column for column in self.columns if column.heading}
        width = max(map(len, headings))
        told = {heading: _cell(one, row[one.name]) for heading, one in headings.items()}
        return [f"{heading:<{width}}  {text}" for heading, text in told.items() if text]


class _Drawn(NamedTuple):
    """A column with its cells as text, and how wide it is drawn."""

    column: Column
    cells: list[str]
    width: int

    @classmethod
    def of(cls, column: Column, rows: Iterable[Row]) -> _Drawn:
        """The column of these rows, as wide as it needs to be."""
        cells = [_cell(column, row[column.name]) for row in rows]
        return cls(column, cells, max(map(len, [column.heading or "", *cells])))

    @property
    def shortest(self) -> int:
        """How narrow it can be drawn."""
        if self.column.kind.whole:
            return self.width
        return min(self.width, max(self.column.kind.shortest, len(self.column.heading or "")))

    def cell(self, text: str) -> str:
        """The text in the column's width."""
        if len(text) > self.width:
            text = text[: self.width - 1] + "…"
        return text.rjust(self.width) if self.column.kind.right else text.ljust(self.width)


def _fitting(drawn: list[_Drawn], width: int) -> list[_Drawn]:
    """The columns that fit, those that are too long for it cut."""

    def missing(needed: Callable[[_Drawn], int]) -> int:
        return sum(needed(one) + 2 for one in drawn) - 2 - width

    while missing(lambda one: one.shortest) > 0:
        last = max(drawn, key=lambda one: (one.column.rank, drawn.index(one)))
        if last.column.rank == 0:
            break
        drawn = [one for one in drawn if one is not last]
    while (more := missing(lambda one: one.width)) > 0:
        longest = max(drawn, key=lambda one: one.width - one.shortest)
        cut = min(more, longest.width - longest.shortest)
        if cut == 0:
            break
        at = drawn.index(longest)
        drawn[at] = longest._replace(width=longest.width - cut)
    return drawn


def _column_schema(column: Column) -> Schema:
    schema = column.kind.schema
    if not column.null:
        return schema
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return schema  # it allows for null by itself


def _cell(column: Column, value: Any) -> str:
    return "" if value is None else on_one_line(column.kind.show(value))


def _csv_cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


# -- Kinds of values -----------------------------------------------------------------------


def _spread_gap(name: str, gap: Row | None) -> dict[str, Any]:
    gap = gap or {}
    return {f"{name}_laps": gap.get("laps"), f"{name}_ms": gap.get("ms")}


def _show_penalties(penalties: Sequence[Row]) -> str:
    return ", ".join(
        f"{show_penalty(one['kind'], one['amount'])} ({one['status']})" for one in penalties
    )


def _joined(show: Callable[[Any], str]) -> Callable[[str, Any], dict[str, Any]]:
    return lambda name, values: {name: None if values is None else show(values)}


def _times(values: Sequence[int | None]) -> str:
    return " ".join("-" if one is None else format_lap_time(one) for one in values)


def choice(*values: str) -> Kind:
    """One of these words."""
    return Kind({"enum": list(values)}, spaced)


TEXT = Kind({"type": "string"}, str, whole=False)
COUNT = Kind({"type": "integer"}, str, right=True)
NAME = TEXT._replace(whole=True)
"""What has to be typed again."""
TITLE = TEXT._replace(shortest=60)
WALL_CLOCK = Kind({"type": "string"}, lambda iso: f"{iso[:10]} {iso[11:16]} UTC")
"""A wall-clock time in ISO 8601, which is in UTC; read to the minute."""
YES = Kind({"type": "boolean"}, lambda yes: "yes" if yes else "")
CLOCK = Kind(
    {"type": "integer", "description": "milliseconds on the session clock"},
    format_clock,
    right=True,
)
MOMENT = CLOCK._replace(show=clock_text)
"""A clock that is read to the second."""
TIME = Kind({"type": "integer", "description": "milliseconds"}, format_lap_time, right=True)
TEXTS = Kind(
    {"type": "array", "items": {"type": "string"}},
    " ".join,
    whole=False,
    spread=_joined(" ".join),
)
TIMES = Kind(
    {
        "type": "array",
        "items": {"type": ["integer", "null"]},
        "description": "milliseconds, null where a loop was missed",
    },
    _times,
    spread=_joined(lambda values: " ".join("-" if one is None else str(one) for one in values)),
)
GAP = Kind(
    {
        "type": "object",
        "description": "whole laps or milliseconds, the other null; the leader's are 0; "
        "both null before the car's first crossing, and behind by a decision alone",
        "properties": {
            "laps": {"type": ["integer", "null"]},
            "ms": {"type": ["integer", "null"]},
        },
        "required": ["laps", "ms"],
        "additionalProperties": False,
    },
    show_gap,
    right=True,
    spread=_spread_gap,
)
PENALTIES = Kind(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "kind": {"type": "string"},
                "amount": {"type": ["integer", "null"]},
                "status": {"enum": ["imposed", "served", "converted"]},
            },
            "required": ["id", "kind", "amount", "status"],
            "additionalProperties": False,
        },
    },
    _show_penalties,
    whole=False,
    spread=_joined(_show_penalties),
)
POINTS = Kind({"type": "number"}, str, right=True)
FLAG = choice(*get_args(Flag))._replace(show=show_flag)
SECTORS = Kind(
    {
        "type": "object",
        "description": "local flags that stand, by sector",
        "additionalProperties": {
            "type": "object",
            "properties": {"flag": FLAG.schema, "since_ms": CLOCK.schema},
            "required": ["flag", "since_ms"],
            "additionalProperties": False,
        },
    },
    show_sectors,
    spread=_joined(show_sectors),
)
