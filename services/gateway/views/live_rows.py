"""Tables from a picture: the rows of ``projections.views``, as the frames tell them.

In a picture absent members mean null and lists are objects; here they are rows again, with
every member of their table. The views that need more than a picture are folded from the
log (``services.gateway.views.fold_cache``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from projections.folds.control import KINDS
from projections.views import GAPS
from projections.views.merge_patch import State
from services.gateway.live.frame_buffer import Snapshot
from services.queries.tables import race_tables
from services.queries.tables.columns import (
    COUNT,
    FLAG,
    GAP,
    MOMENT,
    TEXT,
    TIMES,
    Column,
    Row,
    Table,
    choice,
)

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

CONTROL = Table(
    "control",
    "Race control's feed, the newest first: flags, safety car, pit lane, penalties and what "
    "becomes of them, deleted and voided laps, corrections, declared results, retirements, "
    "messages. `lap` is the leader's by then. Pictures have its newest entries as a topic.",
    (
        Column("at_ms", MOMENT, "At"),
        Column("kind", choice(*KINDS), "Kind"),
        Column("text", TEXT, "What"),
        Column("car", TEXT, "Car", null=True),
        Column("flag", FLAG, "Flag", null=True),
        Column("sector", COUNT, "Sector", null=True),
        Column("lap", COUNT, "Lap"),
        Column("basis", choice("recorded", "published", "reconstructed"), "Basis"),
    ),
)

NUMBERS = TIMES._replace(
    schema={**TIMES.schema, "description": "one a lap, null for one that was not timed"}
)
SIDE = choice("ahead", "behind", "same")

DISTANCES = Table(
    "gaps",
    "The gap of every car to one of them, in the running order. `side` is where the car is, "
    "seen from that one (`to`); `gap` is compared where the one behind last crossed a line.",
    (
        Column("car", TEXT, "Car"),
        Column("class", TEXT, "Class", null=True),
        Column("position", COUNT, "Pos"),
        Column("to", TEXT, "To"),
        Column("side", SIDE, "Side"),
        Column("gap", GAP, "Gap"),
    ),
)

CHART = Table(
    "chart",
    "The laps of each car as columns, for charts, a row a car in the running order. The columns "
    "begin with `first_lap`. `positions` are the places in which the laps were completed; "
    "`behind_ms` is how much later than `to` (null: than whoever was first) each was, negative "
    "for earlier; `behind_laps` the whole laps between both then. `pit_laps` are the numbers of "
    "the laps on which the car was in the lane.",
    (
        Column("car", TEXT, "Car"),
        Column("class", TEXT, "Class", null=True),
        Column("to", TEXT, "To", null=True),
        Column("first_lap", COUNT, "From"),
        Column("at_ms", NUMBERS, "At"),
        Column("lap_time_ms", NUMBERS, "Times"),
        Column("positions", NUMBERS, "Positions"),
        Column("behind_ms", NUMBERS, "Behind"),
        Column("behind_laps", NUMBERS, "Laps behind"),
        Column("pit_laps", NUMBERS, "In the pits"),
    ),
)

NOT_OF_THE_PICTURE = ("session", "cars", "events", "unreadable", "state_hash", "learned_at")
TICKING = ("clock_ms", "time_to_go_ms")


def session_line(snapshot: Snapshot) -> dict[str, Any]:
    """The line above every table, as ``projections.views.session_line`` has it."""
    told = snapshot.state["session"]
    line = {
        column.name: told.get(column.name)
        for column in race_tables.SESSION.columns
        if column.name not in NOT_OF_THE_PICTURE and column.name != "position"
    }
    line["clock_ms"] = snapshot.clock_at
    limit = told.get("time_limit_ms")
    line["time_to_go_ms"] = None if limit is None else max(0, limit - snapshot.clock_at)
    return line


def _whole(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: row.get(column.name) for column in table.columns}


def standings(state: State) -> list[Row]:
    """The running order."""
    lines = state["session"].get("timing_lines", ())
    rows = []
    for told in state["standings"].values():
        row = _whole(race_tables.STANDINGS, told)
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
    return [_whole(race_tables.CAUTIONS, row) for _, row in by_place]


def _numbers(key: str) -> tuple[int, ...]:
    return tuple(map(int, key.split(".")))


def penalties(state: State) -> list[Row]:
    """The stewards' book."""
    rows = [_whole(race_tables.PENALTIES_TABLE, row) for row in state["penalties"].values()]
    return sorted(rows, key=lambda row: (row["imposed_at"], row["penalty_id"]))


def messages(state: State) -> list[Row]:
    """Race control's words."""
    by_number = sorted(state["messages"].items(), key=lambda item: int(item[0]))
    return [_whole(MESSAGES, row) for _, row in by_number]


def pits(state: State) -> list[Row]:
    """Every visit to the lane."""
    rows = [
        {
            **_whole(race_tables.PITS, visit),
            "car": car,
            "class": state["standings"].get(car, {}).get("class"),
            "visit": int(number),
        }
        for car, visits in state["pits"].items()
        for number, visit in visits.items()
    ]
    return sorted(rows, key=lambda row: (row["entered_ms"], row["car"]))


PICTURED: dict[str, tuple[Table, Callable[[State], list[Row]]]] = {
    "standings": (race_tables.STANDINGS, standings),
    "cautions": (race_tables.CAUTIONS, cautions),
    "penalties": (race_tables.PENALTIES_TABLE, penalties),
    "messages": (MESSAGES, messages),
    "pits": (race_tables.PITS, pits),
}
"""The tables that a picture gives."""
