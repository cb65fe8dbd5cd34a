"""Tables as they leave the command line: JSON, CSV, or columns for people.

A table is made from the model of its rows: the order of the members in JSON, the columns of the
CSV file, the JSON Schema that both keep to, and what people see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from projections.views.rows import RowModel, member_names, row_fields
from replay.csv_text import csv_text
from services.formatting import on_one_line
from services.queries.tables.displays import DISPLAYS, Display

Row = Mapping[str, Any]


class Column(NamedTuple):
    """A column: its member in JSON, how its values are written, and its heading if it has one.

    Where there is no room for all columns, those of the highest ``rank`` are left out first;
    those of rank 0 never are. An ``optional`` column is left out where no row has a value.
    """

    name: str
    display: Display
    heading: str | None
    rank: int
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table by its name, what its rows are, and the model of a row.

    ``upright`` shows the one row it has as lines of name and value.
    """

    name: str
    about: str
    row: type[RowModel]
    upright: bool = False

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns in their order."""
        return tuple(
            Column(
                field.name,
                DISPLAYS[field.format],
                field.heading.text if field.heading else None,
                field.heading.rank if field.heading else 0,
                optional=bool(field.heading and field.heading.optional),
            )
            for field in row_fields(self.row)
        )

    @property
    def members(self) -> tuple[str, ...]:
        """The names of a row's members in their order."""
        return member_names(self.row)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the JSON output."""
        from projections.views.row_schema import json_schema  # slow to load, and rarely needed

        row = json_schema(self.row)
        definitions = row.pop("$defs", None)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"lapstream {self.name} --format json",
            "description": self.about,
            "type": "array",
            "items": row,
            **({"$defs": definitions} if definitions else {}),
        }

    def json(self, rows: Iterable[Row]) -> str:
        """A JSON array, a line a row."""
        lines = (
            json.dumps({name: row[name] for name in self.members}, ensure_ascii=False)
            for row in rows
        )
        body = ",\n".join(lines)
        return f"[\n{body}\n]" if body else "[]"

    def csv(self, rows: Iterable[Row]) -> str:
        """CSV with a header, a line a row, nested values spread over columns of their own."""
        header = list(self.cells(None))
        return csv_text(header, (self.cells(row).values() for row in rows)).rstrip("\n")

    def cells(self, row: Row | None) -> dict[str, Any]:
        """The CSV cells of a row by their column's name; of None, empty ones."""
        return {
            name: _flat_cell(cell)
            for column in self.columns
            for name, cell in column.display.spread(column.name, row and row[column.name]).items()
        }

    def lines(self, rows: Sequence[Row], width: int | None = None) -> list[str]:
        """Heading and rows as columns for the eye; ``width`` is the room that there is."""
        drawn = [_Drawn.of(column, rows) for column in self.columns if column.heading]
        drawn = [one for one in drawn if not one.column.optional or any(one.cells)]
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
        texts = {heading: _cell(one, row[one.name]) for heading, one in headings.items()}
        return [f"{heading:<{width}}  {text}" for heading, text in texts.items() if text]


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
        if self.column.display.whole:
            return self.width
        return min(self.width, max(self.column.display.shortest, len(self.column.heading or "")))

    def cell(self, text: str) -> str:
        """The text in the column's width."""
        if len(text) > self.width:
            text = text[: self.width - 1] + "…"
        return text.rjust(self.width) if self.column.display.right else text.ljust(self.width)


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


def _cell(column: Column, value: Any) -> str:
    return "" if value is None else on_one_line(column.display.show(value))


def _flat_cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
