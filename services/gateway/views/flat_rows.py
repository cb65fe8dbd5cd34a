"""Rows of text with stable keys, for graphics and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from events.clock import format_clock
from projections.views.freshness import ran_on_ms
from services.formatting import show_sectors
from services.gateway.views.view_query import ViewResult
from services.queries.tables.columns import Table

MAX_ROWS = 500

SESSION_CELLS = (
    "title",
    "clock",
    "time_to_go",
    "laps_to_go",
    "flag",
    "flag_since",
    "caution",
    "leader",
    "leader_lap",
    "age_ms",
    "stale",
    "sector_flags",
)
"""The cells of the session line, which every flat row has as ``session_...``."""


def flat_rows(result: ViewResult, now: float, count: int | None = None) -> list[dict[str, str]]:
    """The rows as text by key; with ``count`` exactly so many, those beyond the field empty.

    Every row has the session line, because a graphic reads a single row.
    """
    session = _session_cells(result.session(now))
    rows = [{**_texts(result.table.cells(row)), **session} for row in result.rows[:count]]
    empty = {**_texts(result.table.cells(None)), **session}
    return rows + [empty] * ((count or 0) - len(rows))


def flat_keys(table: Table) -> list[str]:
    """The keys of flat rows, in order."""
    return [*table.cells(None), *(f"session_{name}" for name in SESSION_CELLS)]


def etag_content(rows: Sequence[Mapping[str, str]]) -> bytes:
    """What an entity tag of flat rows covers: everything but the age of the data."""
    return to_json([{**row, "session_age_ms": ""} for row in rows])


def _texts(cells: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if cell is None else str(cell) for name, cell in cells.items()}


def _session_cells(session: Mapping[str, Any]) -> dict[str, str]:
    def clock(ms: int | None) -> str:
        return "" if ms is None else format_clock(ms - ms % 1000).removesuffix(".000")

    ran_on = ran_on_ms(session["clock_running"], session["age_ms"], session["patience_ms"])
    to_go = session["time_to_go_ms"]
    cells = {
        **session,
        "clock": clock(session["clock_ms"] + ran_on),
        "time_to_go": clock(None if to_go is None else max(0, to_go - ran_on)),
        "flag_since": clock(session["flag_since_ms"]),
        # Without an event the age would be the time since 1970.
        "age_ms": session["age_ms"] if session["learned_at_ms"] else None,
        "stale": str(session["stale"]).lower(),
        "sector_flags": show_sectors(session["sector_flags"]),
    }
    return _texts({f"session_{name}": cells[name] for name in SESSION_CELLS})
