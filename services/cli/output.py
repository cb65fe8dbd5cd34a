"""Printing rows as a table, JSON or CSV."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from events.clock import format_clock
from projections.views.session_line import is_over
from projections.wording import OVER, flag_name
from services.cli.console import echo, echo_json
from services.cli.options import OutputFormat
from services.formatting import on_one_line
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row, Table


def print_rows(
    table: Table, rows: Sequence[Row], form: OutputFormat, heading: str | None = None
) -> None:
    """Print the rows; the heading only above a table."""
    if form is OutputFormat.JSON:
        echo_json(table.json(rows))
    elif form is OutputFormat.CSV:
        echo(table.csv(rows))
    else:
        print_table(table, rows, heading)


def print_table(table: Table, rows: Sequence[Row], heading: str | None = None) -> None:
    """Print the rows as columns, as wide as the terminal if there is one."""
    if heading:
        echo(heading, bold=True)
    if not rows:
        echo(f"no {table.name.replace('-', ' ')}")
    elif table.upright:
        echo("\n".join(table.upright_lines(rows[0])))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        headings, *body = table.lines(rows, width)
        echo(headings, underline=True)
        echo("\n".join(body))


def print_changes(
    rows: Sequence[Row], form: OutputFormat, heading: str, *, is_race: bool = True
) -> None:
    """Print the cars whose place would be another; outside a race people see their best laps."""
    by_time = form is OutputFormat.TABLE and not is_race
    table = sporting_tables.WHATIF_BY_TIME if by_time else sporting_tables.WHATIF
    print_rows(table, rows, form, heading)


def session_heading(line: Mapping[str, Any]) -> str:
    """The lines above every table: title, clock, flag, leader."""
    parts, race = [format_clock(line["clock_ms"])], line["kind"] == "race"
    over = is_over(line)
    if over:
        parts.append(OVER.lower())
    elif line["flag"]:
        flag = flag_name(line["flag"])
        parts.append(f"{flag} (caution {line['caution']})" if line["caution"] and race else flag)
    if line["leader"] is not None:
        leads = "first after {} laps" if over else "leads on lap {}"
        stands = leads.format(line["leader_lap"]) if race else "is quickest"
        parts.append(f"car {line['leader']} {stands}")
    return f"{on_one_line(line['title'])}\n{' · '.join(parts)}\n"
