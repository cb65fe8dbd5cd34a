"""What the commands print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from events.clock import format_clock
from services.cli.options import Format
from services.cli.tables import Row, Table
from services.words import show_flag

ANY_WIDTH = 100_000
"""Columns where no terminal limits them."""
WIDE = 130
"""From this many columns on, the wide columns are shown too."""


def give_out(table: Table, rows: Sequence[Row], form: Format, heading: str | None = None) -> None:
    """Print the rows; the heading only above columns for the eye."""
    if form is Format.JSON:
        typer.echo(table.json(rows))
    elif form is Format.CSV:
        typer.echo(table.csv(rows))
    else:
        show(table, rows, heading)


def show(table: Table, rows: Sequence[Row], heading: str | None = None) -> None:
    """Print the rows as columns for the eye, as wide as the terminal allows."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    console = Console(width=None if on_terminal else ANY_WIDTH, highlight=False)
    if heading:
        console.print(heading, style="bold", markup=False)
    if not rows:
        console.print(f"no {table.name.replace('-', ' ')}", style="dim")
    elif table.upright:
        _show_upright(console, table, rows[0])
    else:
        wide = not on_terminal or console.width >= WIDE
        console.print(_columns(table, rows, wide=wide))


def _show_upright(console: Any, table: Table, row: Row) -> None:
    columns, (cells,) = table.cells([row], wide=True)
    width = max(len(column.heading or "") for column in columns)
    for column, cell in zip(columns, cells, strict=True):
        if cell:
            console.print(f"{column.heading or '':<{width}}  {cell}", markup=False)


def _columns(table: Table, rows: Sequence[Row], *, wide: bool) -> Any:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    columns, body = table.cells(rows, wide=wide)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(
            column.heading or "",
            justify="right" if column.kind.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for cells in body:
        grid.add_row(*(Text(cell) for cell in cells))
    return grid


def session_heading(line: Mapping[str, Any]) -> str:
    """Title, clock, flag, leader: what stands above every table."""
    parts = [format_clock(line["clock_ms"])]
    if line["flag"]:
        flag = show_flag(line["flag"])
        parts.append(f"{flag} (caution {line['caution']})" if line["caution"] else flag)
    if line["leader"] is not None:
        parts.append(f"car {line['leader']} leads on lap {line['leader_lap']}")
    return f"{line['title']}\n{' · '.join(parts)}\n"
