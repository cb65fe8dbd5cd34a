"""The rows of outputs: what graphics are told, made of a picture alone.

Beside the tables that a picture gives anyhow these are views made for air: of a battle, the
track, the pit lane. Times that run are told for the session clock that is shown with them, so
that a frozen output's stand still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from projections.views.merge_patch import State
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.views.live_rows import PICTURED
from services.queries.tables import race_tables
from services.queries.tables.columns import (
    CLOCK,
    COUNT,
    FLAG,
    GAP,
    MOMENT,
    POINTS,
    TEXT,
    TEXTS,
    TIME,
    YES,
    Column,
    Row,
    Table,
)
from services.queries.tables.sporting_tables import RANKED
from services.storage.output_views import OutputView

JUST_OUT_MS = 15_000
"""How long a car that left the pit lane is still told of, with the time that it took."""

BATTLE = Table(
    "battle",
    "Chosen cars in the running order: `gap` is to the first of them, `interval` to the one of "
    "them ahead.",
    (
        Column("position", COUNT, "No."),
        race_tables.CAR,
        race_tables.CLASS,
        Column("overall", COUNT, "Pos"),
        race_tables.CLASS_POSITION,
        Column("team", TEXT, "Team", null=True),
        Column("vehicle", TEXT, null=True),
        Column("driver", TEXT, "Driver", null=True),
        Column("driver_short", TEXT, null=True),
        race_tables.LAPS,
        Column("gap", GAP, "Gap"),
        Column("interval", GAP, "Int"),
        Column("last_lap_ms", TIME, "Last", null=True),
        Column("best_lap_ms", TIME, "Best", null=True),
        Column("stint_laps", COUNT, "Stint"),
        Column("stops", COUNT, "Stops"),
        Column("status", TEXT, "Status"),
    ),
)

FLAG_SHOWN = Table(
    "flag",
    "How the track stands: the flag, since when and for how long, and the caution by number.",
    (
        Column("flag", FLAG, "Flag", null=True),
        Column("since_ms", CLOCK, "Since", null=True),
        Column("lasts_ms", CLOCK, "For", null=True),
        Column("caution", COUNT, "Caution", null=True),
        Column("caution_lasts_ms", CLOCK, "For", null=True),
        Column("safety_car", YES, "Safety car"),
        Column("pit_lane_closed", TEXTS, "Pit lane closed for", null=True),
    ),
)

LANE = Table(
    "lane",
    "The cars in the pit lane, the first to come in first, then those that have just left it. "
    "`lane_ms` runs while a car is in.",
    (
        race_tables.CAR,
        race_tables.CLASS,
        race_tables.POSITION,
        race_tables.CLASS_POSITION,
        Column("team", TEXT, "Team", null=True),
        Column("driver", TEXT, "Driver", null=True),
        Column("in_lane", YES, "In"),
        Column("entered_ms", MOMENT, "Since"),
        Column("lane_ms", TIME, "In the lane"),
        Column("stops", COUNT, "Stops"),
    ),
)

FASTEST = Table(
    "fastest",
    "The fastest lap of all, then that of each class; `of` is `overall` or the class.",
    (
        Column("of", TEXT, "Of"),
        race_tables.CAR,
        race_tables.CLASS,
        Column("team", TEXT, "Team", null=True),
        Column("driver", TEXT, "Driver", null=True),
        Column("lap_time_ms", TIME, "Time"),
        Column("lap", COUNT, "Lap"),
    ),
)

CHAMPIONSHIP = Table(
    "championship",
    "The championship as it would stand if the session ended now. `before` is the rank before "
    "the session, `gained` what it has brought; null without a season.",
    (
        *RANKED,
        Column("before", COUNT, "Before", null=True),
        Column("gained", POINTS, "Gained", null=True),
    ),
)


def _battle(snapshot: Snapshot, _: int) -> list[Row]:
    cars = snapshot.state["standings"]
    rows = []
    for car, told in snapshot.state.get("battle", {}).items():
        if car not in cars:  # of another class than those chosen
            continue
        gaps = {name: _gap(told.get(name, {})) for name in ("gap", "interval")}
        row = {**cars[car], **gaps, "position": told["position"], "overall": cars[car]["position"]}
        rows.append(_whole(BATTLE, row))
    return sorted(rows, key=lambda row: row["position"])


def _gap(told: Mapping[str, Any]) -> Row:
    return {"laps": told.get("laps"), "ms": told.get("ms")}


def _flag(snapshot: Snapshot, clock_ms: int) -> list[Row]:
    session = snapshot.state["session"]

    def lasts(since: int | None) -> int | None:
        return None if since is None else max(0, clock_ms - since)

    since = session.get("flag_since_ms")
    return [
        {
            "flag": session.get("flag"),
            "since_ms": since,
            "lasts_ms": lasts(since),
            "caution": session.get("caution"),
            "caution_lasts_ms": lasts(session.get("caution_since_ms")),
            "safety_car": "safety_car_since_ms" in session,
            "pit_lane_closed": session.get("pit_lane_closed"),
        }
    ]


def _lane(snapshot: Snapshot, clock_ms: int) -> list[Row]:
    inside, just_out = [], []
    for car, told in snapshot.state["standings"].items():
        row = _whole(LANE, told)
        since = told.get("in_pit_since_ms")
        visits = snapshot.state["pits"].get(car, {})
        last = visits[max(visits, key=int)] if visits else {}
        if since is not None:
            ms = max(0, clock_ms - since)
            inside.append({**row, "in_lane": True, "entered_ms": since, "lane_ms": ms})
        elif "lane_ms" in last and 0 <= clock_ms - last["exited_ms"] <= JUST_OUT_MS:
            told_of = {name: last[name] for name in ("entered_ms", "lane_ms")}
            just_out.append((-last["exited_ms"], {**row, **told_of, "in_lane": False}))
    inside.sort(key=lambda row: (row["entered_ms"], row["car"]))
    just_out.sort(key=lambda one: (one[0], one[1]["car"]))
    return [*inside, *(row for _, row in just_out)]


def _fastest(snapshot: Snapshot, _: int) -> list[Row]:
    told, cars = snapshot.state["fastest"], snapshot.state["standings"]
    bests = {"overall": told.get("overall"), **told.get("classes", {})}
    return [
        {**_whole(FASTEST, best), "of": of, "team": cars.get(best["car"], {}).get("team")}
        for of, best in bests.items()
        if best is not None
    ]


def _championship(snapshot: Snapshot, _: int) -> list[Row]:
    rows = snapshot.state.get("championship", {}).get("rows", {}).values()
    return [_whole(CHAMPIONSHIP, row) for row in sorted(rows, key=lambda row: row["position"])]


def _results(snapshot: Snapshot, _: int) -> list[Row]:
    rows = [
        {**_whole(race_tables.RESULTS, row), "gap": _gap(row["gap"])}
        for row in snapshot.state["results"].values()
    ]
    return sorted(rows, key=lambda row: row["position"])


def _drivers(snapshot: Snapshot, clock_ms: int) -> list[Row]:
    crews, cars = snapshot.state["drivers"], snapshot.state["standings"]
    return [
        {
            "car": car,
            "class": cars[car].get("class"),
            "driver": name,
            "drive_time_ms": told["drive_time_ms"]
            + max(0, clock_ms - told.get("at_wheel_since_ms", clock_ms)),
            "laps": told["laps"],
            "at_wheel": "at_wheel_since_ms" in told,
        }
        for car in sorted(cars, key=lambda car: cars[car]["position"])
        for name, told in crews.get(car, {}).items()
    ]


def _whole(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: row.get(column.name) for column in table.columns}


def _as_pictured(view: Callable[[State], list[Row]]) -> Callable[[Snapshot, int], list[Row]]:
    return lambda snapshot, _: view(snapshot.state)


_PICTURED: tuple[OutputView, ...] = ("standings", "pits", "penalties", "cautions", "messages")

AIRED: dict[OutputView, tuple[Table, Callable[[Snapshot, int], list[Row]]]] = {
    **{name: (PICTURED[name][0], _as_pictured(PICTURED[name][1])) for name in _PICTURED},
    "battle": (BATTLE, _battle),
    "flag": (FLAG_SHOWN, _flag),
    "lane": (LANE, _lane),
    "fastest": (FASTEST, _fastest),
    "championship": (CHAMPIONSHIP, _championship),
    "results": (race_tables.RESULTS, _results),
    "drivers": (race_tables.DRIVERS, _drivers),
}
"""The tables of outputs, made of a picture and the session clock (ms) that is shown with it."""
