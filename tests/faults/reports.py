"""The report of a part of the fault suite: its figures, what broke a promise, and a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil


@dataclass
class Report:
    """The figures of one part; ``faults`` has a line for each promise that did not hold."""

    part: str
    figures: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    rows: list[Mapping[str, object]] = field(default_factory=list)

    def require(self, holds: bool, otherwise: str) -> None:
        """Record a fault unless the promise holds."""
        if not holds:
            self.faults.append(otherwise)

    def line(self) -> str:
        """The report as one line of JSON."""
        return json.dumps({"faults_of": self.part, **self.figures, "faults": self.faults})

    def text(self) -> str:
        """The table, where there is one, and the line."""
        return "\n".join([*table(self.rows), self.line()])


def table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The rows in columns, numbers to the right, under the names of their members."""
    if not rows:
        return []
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns, *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that ``share`` of the values do not exceed; None without any."""
    ranked = sorted(values)
    if not ranked:
        return None
    return round(ranked[max(0, ceil(share * len(ranked)) - 1)], 3)
