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
from services.words import show_flag, show_gap, show_penalty, spaced

Row = Mapping[str, Any]
Schema = dict[str, Any]


class Kind(NamedTuple):
    """What the values of a column are: in JSON Schema, to the eye, and as cells of CSV.

    ``spread`` makes the CSV cells by the column's name, and of None gives them empty.
    """

    schema: Schema
    show: Callable[[Any], str]
    right: bool = False
    spread: Callable[[str, Any], dict[str, Any]] = lambda name, value: {name: value}


class Column(NamedTuple):
    """A column: its member in JSON, what its values are, and its heading if it is shown.

    ``null`` says that a value may be missing, ``wide`` that the column is shown only
    where there is room.
    """

    name: str
    kind: Kind
    heading: str | None = None
    null: bool = False
    wide: bool = False


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
        header = [name for column in self.columns for name in column.kind.spread(column.name, None)]
        text = io.StringIO()
        writer = csv.DictWriter(text, header, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: _csv_cell(cell)
                    for column in self.columns
                    for name, cell in column.kind.spread(column.name, row[column.name]).items()
                }
            )
        return text.getvalue().rstrip("\n")

    def cells(self, rows: Sequence[Row], *, wide: bool) -> tuple[list[Column], list[list[str]]]:
        """The columns that are shown, and their cells as text, row by row."""
        shown = [one for one in self.columns if one.heading and (wide or not one.wide)]
        return shown, [[_cell(column, row[column.name]) for column in shown] for row in rows]


def _column_schema(column: Column) -> Schema:
    schema = column.kind.schema
    if not column.null:
        return schema
    return (
        {**schema, "type": [schema["type"], "null"]}
        if "enum" not in schema
        else {"enum": [*schema["enum"], None]}
    )


def _cell(column: Column, value: Any) -> str:
    return "" if value is None else column.kind.show(value)


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


TEXT = Kind({"type": "string"}, str)
COUNT = Kind({"type": "integer"}, str, right=True)
YES = Kind({"type": "boolean"}, lambda yes: "yes" if yes else "")
CLOCK = Kind(
    {"type": "integer", "description": "milliseconds on the session clock"},
    format_clock,
    right=True,
)
TIME = Kind({"type": "integer", "description": "milliseconds"}, format_lap_time, right=True)
TEXTS = Kind({"type": "array", "items": {"type": "string"}}, " ".join, spread=_joined(" ".join))
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
        "both null before the car's first crossing",
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
    spread=_joined(_show_penalties),
)
FLAG = choice(*get_args(Flag))._replace(show=show_flag)
