"""The rows of outputs: what graphics show, made from a snapshot alone.

Beside the views that a snapshot has anyhow these are made for graphics: of a battle, the track,
the pit lane. Times that run are computed for the session clock of the output, so that those of a
frozen output stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from projections.views import FastestLapsRow, ResultsRow, StandingsRow
from projections.views.merge_patch import State
from projections.views.published import row_of
from projections.views.rows import (
    ClockMs,
    FlagName,
    Heading,
    MomentMs,
    Points,
    RowModel,
    TimeMs,
    fields_of,
    row_model,
)
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.views.live_rows import LIVE_VIEWS
from services.queries.tables import race_tables
from services.queries.tables.columns import Row, Table
from services.queries.tables.sporting_tables import ContenderRow
from services.storage.output_views import OutputView

JUST_OUT_MS = 15_000
"""How long a car that left the pit lane is still listed, with the time that it took."""


def _of_car(*members: str) -> dict[str, Any]:
    """Columns of the standings."""
    return fields_of(StandingsRow, *members)


BattleRow = row_model(
    "BattleRow",
    "A car of a battle.",
    __name__,
    position=Annotated[int, Heading("No.")],
    **_of_car("car", "class"),
    overall=Annotated[int, Heading("Pos")],
    **_of_car("class_position", "team", "vehicle", "driver", "driver_short", "laps"),
    **_of_car("gap", "interval", "last_lap_ms", "best_lap_ms", "stint_laps", "stops", "status"),
)

BATTLE = Table(
    "battle",
    "Chosen cars in the running order: `gap` is to the first of them, `interval` to the one of "
    "them ahead.",
    BattleRow,
)


class TrackFlagRow(RowModel):
    """The flag for the whole track, and the caution."""

    flag: Annotated[FlagName | None, Heading("Flag")]
    since_ms: Annotated[ClockMs | None, Heading("Since")]
    lasts_ms: Annotated[ClockMs | None, Heading("For")]
    caution: Annotated[int | None, Heading("Caution")]
    caution_lasts_ms: Annotated[ClockMs | None, Heading("For")]
    safety_car: Annotated[bool, Heading("Safety car")]
    pit_lane_closed: Annotated[list[str] | None, Heading("Pit lane closed for")]


TRACK_FLAG = Table(
    "flag",
    "How the track stands: the flag, since when and for how long, and the caution by number.",
    TrackFlagRow,
)

LaneRow = row_model(
    "LaneRow",
    "A car in the pit lane, or just out of it.",
    __name__,
    **_of_car("car", "class", "position", "class_position", "team", "driver"),
    in_lane=Annotated[bool, Heading("In")],
    entered_ms=Annotated[MomentMs, Heading("Since")],
    lane_ms=Annotated[TimeMs, Heading("In the lane")],
    **_of_car("stops"),
)

LANE = Table(
    "lane",
    "The cars in the pit lane, the first to come in first, then those that have just left it. "
    "`lane_ms` runs while a car is in.",
    LaneRow,
)

FastestRow = row_model(
    "FastestRow",
    "The fastest lap, overall or of a class.",
    __name__,
    of=Annotated[str, Heading("Of")],
    **_of_car("car", "class", "team", "driver"),
    **fields_of(FastestLapsRow, "lap_time_ms", "lap"),
)

FASTEST = Table(
    "fastest",
    "The fastest lap of all, then that of each class; `of` is `overall` or the class.",
    FastestRow,
)


class LiveChampionshipRow(ContenderRow):
    """A contender as the championship would stand if the session ended now."""

    before: Annotated[int | None, Heading("Before")]
    gained: Annotated[Points | None, Heading("Gained")]


CHAMPIONSHIP = Table(
    "championship",
    "The championship as it would stand if the session ended now. `before` is the rank before "
    "the session, `gained` what it has brought; null without a season.",
    LiveChampionshipRow,
)


class ForecastOutputRow(RowModel):
    """How a car may end: a forecast, which says so in each row."""

    label: Annotated[Literal["FORECAST"], Heading("")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    class_position: Annotated[int, Heading("Now")]
    net_position: Annotated[int, Heading("Net")]
    expected_place: Annotated[float, Heading("Expected")]
    place_p10: Annotated[int, Heading("From")]
    place_p90: Annotated[int, Heading("To")]
    win: Annotated[float, Heading("Win")]
    podium: Annotated[float, Heading("Podium")]
    stops_left: Annotated[int, Heading("Stops")]
    team: Annotated[str | None, Heading("Team")]
    driver: Annotated[str | None, Heading("Driver")]


FORECAST_OUTPUT = Table(
    "forecast",
    "How each car may end, class by class in the net order, which is that if all had made the "
    "stops they owe. Each row is labelled FORECAST: these are no standings.",
    ForecastOutputRow,
)


def _forecast(snapshot: Snapshot, _: int) -> list[Row]:
    cars = snapshot.state["standings"]
    classes = snapshot.state["session"].get("classes", [])
    rows = snapshot.state.get("forecast", {}).get("rows", {}).values()
    order = {name: number for number, name in enumerate(classes)}
    return [
        {
            **row_of(ForecastOutputRow, row),
            "label": "FORECAST",
            **{name: cars.get(row["car"], {}).get(name) for name in ("team", "driver")},
        }
        for row in sorted(
            rows,
            key=lambda row: (
                order.get(row.get("class"), len(order)),
                row["net_position"],
                row["class_position"],
            ),
        )
    ]


def _battle(snapshot: Snapshot, _: int) -> list[Row]:
    cars = snapshot.state["standings"]
    rows = []
    for car, place in snapshot.state.get("battle", {}).items():
        if car not in cars:  # of another class than those chosen
            continue
        gaps = {name: place.get(name) for name in ("gap", "interval")}
        row = {**cars[car], **gaps, "position": place["position"]}
        rows.append(row_of(BattleRow, {**row, "overall": cars[car]["position"]}))
    return sorted(rows, key=lambda row: row["position"])


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
    for car, standing in snapshot.state["standings"].items():
        row = row_of(LaneRow, standing)
        since = standing.get("in_pit_since_ms")
        visits = snapshot.state["pits"].get(car, {})
        last = visits[max(visits, key=int)] if visits else {}
        if since is not None:
            ms = max(0, clock_ms - since)
            inside.append({**row, "in_lane": True, "entered_ms": since, "lane_ms": ms})
        elif "lane_ms" in last and 0 <= clock_ms - last["exited_ms"] <= JUST_OUT_MS:
            times = {name: last[name] for name in ("entered_ms", "lane_ms")}
            just_out.append((-last["exited_ms"], {**row, **times, "in_lane": False}))
    inside.sort(key=lambda row: (row["entered_ms"], row["car"]))
    just_out.sort(key=lambda one: (one[0], one[1]["car"]))
    return [*inside, *(row for _, row in just_out)]


def _fastest(snapshot: Snapshot, _: int) -> list[Row]:
    fastest, cars = snapshot.state["fastest"], snapshot.state["standings"]
    bests = {"overall": fastest.get("overall"), **fastest.get("classes", {})}
    return [
        {**row_of(FastestRow, best), "of": of, "team": cars.get(best["car"], {}).get("team")}
        for of, best in bests.items()
        if best is not None
    ]


def _championship(snapshot: Snapshot, _: int) -> list[Row]:
    rows = snapshot.state.get("championship", {}).get("rows", {}).values()
    return [
        row_of(LiveChampionshipRow, row) for row in sorted(rows, key=lambda row: row["position"])
    ]


def _results(snapshot: Snapshot, _: int) -> list[Row]:
    rows = [row_of(ResultsRow, row) for row in snapshot.state["results"].values()]
    return sorted(rows, key=lambda row: row["position"])


def _drivers(snapshot: Snapshot, clock_ms: int) -> list[Row]:
    crews, cars = snapshot.state["drivers"], snapshot.state["standings"]
    return [
        {
            "car": car,
            "class": cars[car].get("class"),
            "driver": name,
            "drive_time_ms": driver["drive_time_ms"]
            + max(0, clock_ms - driver.get("at_wheel_since_ms", clock_ms)),
            "laps": driver["laps"],
            "at_wheel": "at_wheel_since_ms" in driver,
        }
        for car in sorted(cars, key=lambda car: cars[car]["position"])
        for name, driver in crews.get(car, {}).items()
    ]


def _without_clock(view: Callable[[State], list[Row]]) -> Callable[[Snapshot, int], list[Row]]:
    return lambda snapshot, _: view(snapshot.state)


_LIVE: tuple[OutputView, ...] = ("standings", "pits", "penalties", "cautions", "messages")

OUTPUT_VIEWS: dict[OutputView, tuple[Table, Callable[[Snapshot, int], list[Row]]]] = {
    **{name: (LIVE_VIEWS[name][0], _without_clock(LIVE_VIEWS[name][1])) for name in _LIVE},
    "battle": (BATTLE, _battle),
    "flag": (TRACK_FLAG, _flag),
    "lane": (LANE, _lane),
    "fastest": (FASTEST, _fastest),
    "championship": (CHAMPIONSHIP, _championship),
    "forecast": (FORECAST_OUTPUT, _forecast),
    "results": (race_tables.RESULTS, _results),
    "drivers": (race_tables.DRIVERS, _drivers),
}
"""The tables of outputs, made of a snapshot and the session clock (ms) that goes with it."""
