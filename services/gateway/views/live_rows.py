"""Rows of views, made from a snapshot of the published state alone.

Views that need more than that are folded from the log (``services.queries.race_cache``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from projections.views import (
    CautionsRow,
    MessagesRow,
    PenaltiesRow,
    PitsRow,
    SessionRow,
    StandingsRow,
)
from projections.views.merge_patch import State
from projections.views.published import row_of
from projections.views.session_line import is_over
from services.gateway.live.frame_buffer import Snapshot
from services.queries.tables import race_tables
from services.queries.tables.columns import Row, Table


def session_line(snapshot: Snapshot) -> dict[str, Any]:
    """The session line, as ``projections.views.session_line`` has it."""
    session = snapshot.state["session"]
    line = row_of(SessionRow, session)
    line["clock_ms"] = snapshot.clock_at
    limit = session.get("time_limit_ms")
    to_go = 0 if is_over(session) else (limit or 0) - snapshot.clock_at
    line["time_to_go_ms"] = None if limit is None else max(0, to_go)
    return line


def standings(state: State) -> list[Row]:
    """The running order."""
    lines = state["session"].get("timing_lines", ())
    rows = [row_of(StandingsRow, car, lines) for car in state["standings"].values()]
    rows.sort(key=lambda row: row["position"])
    return list(rows)


def cautions(state: State) -> list[Row]:
    """The caution ledger."""
    by_number = sorted(state["cautions"].items(), key=lambda item: _numbers(item[0]))
    return [row_of(CautionsRow, row) for _, row in by_number]


def _numbers(key: str) -> tuple[int, ...]:
    return tuple(map(int, key.split(".")))


def penalties(state: State) -> list[Row]:
    """The penalty list."""
    rows = [row_of(PenaltiesRow, row) for row in state["penalties"].values()]
    return sorted(rows, key=lambda row: (row["imposed_at"], row["penalty_id"]))


def messages(state: State) -> list[Row]:
    """The race-control messages, in order."""
    by_number = sorted(state["messages"].items(), key=lambda item: int(item[0]))
    return [row_of(MessagesRow, row) for _, row in by_number]


def pits(state: State) -> list[Row]:
    """Every visit to the pit lane."""
    rows = [
        row_of(PitsRow, visit)
        | {
            "car": car,
            "class": state["standings"].get(car, {}).get("class"),
            "visit": int(number),
        }
        for car, visits in state["pits"].items()
        for number, visit in visits.items()
    ]
    return sorted(rows, key=lambda row: (row["entered_ms"], row["car"]))


LIVE_VIEWS: dict[str, tuple[Table, Callable[[State], list[Row]]]] = {
    "standings": (race_tables.STANDINGS, standings),
    "cautions": (race_tables.CAUTIONS, cautions),
    "penalties": (race_tables.PENALTIES_TABLE, penalties),
    "messages": (race_tables.MESSAGES, messages),
    "pits": (race_tables.PITS, pits),
}
"""The views that the published state has the rows of."""
