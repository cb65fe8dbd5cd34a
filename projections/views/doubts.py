"""Doubts about the data."""

from typing import Annotated

from projections.race import Race
from projections.views.rows import Heading, MomentMs, Row, RowModel


class DoubtsRow(RowModel):
    """A value that contradicts what is known, and what was made of it."""

    at_ms: Annotated[MomentMs, Heading("At", rank=1)]
    file: Annotated[str | None, Heading("File", rank=2)]
    line: Annotated[int | None, Heading("Line")]
    column: Annotated[str | None, Heading("Column")]
    car: Annotated[str | None, Heading("Car")]
    value: Annotated[str | None, Heading("Value")]
    reason: Annotated[str, Heading("Doubt")]
    treatment: Annotated[str, Heading("Made of it")]


def doubts(race: Race) -> list[Row]:
    """The doubts, by file and line; those without a line by session time."""
    rows = [
        {
            "at_ms": doubt.at,
            "file": doubt.file,
            "line": doubt.line,
            "column": doubt.column,
            "car": doubt.car,
            "value": doubt.value,
            "reason": doubt.reason,
            "treatment": doubt.treatment,
        }
        for doubt in race.doubts.doubted
    ]
    return sorted(rows, key=lambda row: (row["file"] or "", row["line"] or 0, row["at_ms"]))
