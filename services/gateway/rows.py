"""Tables from a picture: the rows of ``projections.views``, as the frames tell them.

In a picture absent members mean null and lists are objects; here they are rows again, with
every member of their table. The views that need more than a picture are folded from the
log (``services.gateway.folds``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from projections.frames import State
from projections.views import GAPS
from services.cli import shapes
from services.cli.tables import MOMENT, TEXT, Column, Row, Table, choice
from services.gateway.reel import Shot

MESSAGES = Table(
    "messages",
    "What race control told everyone, in order.",
    (
        Column("at_ms", MOMENT, "At"),
        Column("text", TEXT, "Message"),
        Column("car", TEXT, "Car", null=True),
        Column("basis", choice("recorded", "published", "reconstructed"), "Basis"),
    ),
)

NOT_OF_THE_PICTURE = ("session", "cars", "events", "unreadable", "state_hash", "learned_at")
TICKING = ("clock_ms", "time_to_go_ms")


def session_line(shot: Shot) -> dict[str, Any]:
    """The line above every table, as ``projections.views.session_line`` has it."""
    told = shot.state["session"]
    line = {
        column.name: told.get(column.name)
        for column in shapes.SESSION.columns
        if column.name not in NOT_OF_THE_PICTURE and column.name != "position"
    }
    line["clock_ms"] = shot.clock_at
    limit = told.get("time_limit_ms")
    line["time_to_go_ms"] = None if limit is None else max(0, limit - shot.clock_at)
    return line


def _whole(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: row.get(column.name) for column in table.columns}


def standings(state: State) -> list[Row]:
    """The running order."""
    lines = state["session"].get("timing_lines", ())
    rows = []
    for told in state["standings"].values():
        row = _whole(shapes.STANDINGS, told)
        for name in GAPS:
            gap = told.get(name, {})
            row[name] = {"laps": gap.get("laps"), "ms": gap.get("ms")}
        for name in ("last_sectors_ms", "best_sectors_ms"):
            row[name] = [told.get(name, {}).get(line) for line in lines]
        row["penalties"] = [
            {"id": name, "kind": one["kind"], "amount": one.get("amount"), "status": one["status"]}
            for name, one in told["penalties"].items()
        ]
        rows.append(row)
    rows.sort(key=lambda row: row["position"])
    return list(rows)


def cautions(state: State) -> list[Row]:
    """The caution ledger."""
    by_place = sorted(state["cautions"].items(), key=lambda item: _numbers(item[0]))
    return [_whole(shapes.CAUTIONS, row) for _, row in by_place]


def _numbers(key: str) -> tuple[int, ...]:
    return tuple(map(int, key.split(".")))


def penalties(state: State) -> list[Row]:
    """The stewards' book."""
    rows = [_whole(shapes.PENALTIES_TABLE, row) for row in state["penalties"].values()]
    return sorted(rows, key=lambda row: (row["imposed_at"], row["penalty_id"]))


def messages(state: State) -> list[Row]:
    """Race control's words."""
    by_number = sorted(state["messages"].items(), key=lambda item: int(item[0]))
    return [_whole(MESSAGES, row) for _, row in by_number]


def pits(state: State) -> list[Row]:
    """Every visit to the lane."""
    rows = [
        {
            **_whole(shapes.PITS, visit),
            "car": car,
            "class": state["standings"].get(car, {}).get("class"),
            "visit": int(number),
        }
        for car, visits in state["pits"].items()
        for number, visit in visits.items()
    ]
    return sorted(rows, key=lambda row: (row["entered_ms"], row["car"]))


PICTURED: dict[str, tuple[Table, Callable[[State], list[Row]]]] = {
    "standings": (shapes.STANDINGS, standings),
    "cautions": (shapes.CAUTIONS, cautions),
    "penalties": (shapes.PENALTIES_TABLE, penalties),
    "messages": (MESSAGES, messages),
    "pits": (shapes.PITS, pits),
}
"""The tables that a picture gives."""
