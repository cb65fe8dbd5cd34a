"""Decisions in a real race by command: each kind of penalty and of correction, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events import AnyEvent, LapCompleted, decode
from projections.engine.state import canonical, digest
from projections.timeline import Timeline
from projections.views import VIEWS
from replay.entries import LogEntry
from tests.data import DATA, needs_data
from tests.unit.services.commands import Commands

pytestmark = needs_data

LONG_BEACH = DATA / "imsa/2024/06-long-beach-street-circuit"
RACE, LIVE = "race", "live"
NOW = 5_400_000
"""How far the race that is still running has come: an hour and a half."""

WINNER, RETIRED = "01", "25"
"""Of GTP: #01 wins from #31, #7, #6, #5, #24, #85 and #10; #25 retires after 61 laps, ninth
of its class, and #40 after 30."""


@pytest.fixture(scope="module")
def recorded_log() -> Iterator[list[LogEntry]]:
    """The log of Long Beach 2024, as an import leaves it."""
    with pytest.MonkeyPatch.context() as patch:
        lapstream = Commands().used_by(patch)
        (laps,) = LONG_BEACH.glob("*-race-laps.csv")
        results = str(laps).replace("-laps", "-results")
        lapstream.output(
            *("import", "alkamel", str(laps), "--results", results, "--session", RACE),
            *("--rules", "imsa-2024", "--length", "1:40"),
        )
        yield lapstream.log.logs[RACE]


@pytest.fixture
def race(lapstream: Commands, recorded_log: list[LogEntry]) -> Commands:
    """The race, over, and the same while it still runs."""
    lapstream.log.logs[RACE] = list(recorded_log)
    lapstream.log.logs[LIVE] = [one for one in recorded_log if decode(one.payload).at <= NOW]
    return lapstream


def results(race: Commands, *arguments: str, session: str = RACE) -> dict[str, dict[str, Any]]:
    """The rows of the result, by car."""
    return {row["car"]: row for row in race.rows("results", "results", session, *arguments)}


def last_position(race: Commands, session: str = RACE) -> str:
    """The last position of the log."""
    return race.log.logs[session][-1].position


# -- Penalties -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("car", "kind", "amount", "place", "laps", "added_s", "points"),
    [
        (WINNER, "time", "3", 4, 68, 3, 280),
        (WINNER, "drive-through", None, 8, 68, 30, 230),
        (WINNER, "stop-and-go", None, 8, 68, 40, 230),
        (WINNER, "stop-and-hold", "15", 8, 68, 45, 230),
        (WINNER, "laps", "1", 8, 67, 0, 230),
        (WINNER, "laps", "8", 9, 60, 0, 220),
        (WINNER, "places", "2", 3, 68, 0, 300),
        (WINNER, "back-of-class", None, 10, 68, 0, 210),
        (WINNER, "points", "25", 1, 68, 0, 325),
        (WINNER, "disqualification", None, 10, 68, 0, 0),
        (WINNER, "fine", None, 1, 68, 0, 350),
        (WINNER, "warning", None, 1, 68, 0, 350),
        (WINNER, "reprimand", None, 1, 68, 0, 350),
        (RETIRED, "time", "60", 9, 61, 60, 220),
        (RETIRED, "drive-through", None, 9, 61, 0, 220),
        (RETIRED, "laps", "32", 10, 29, 0, 210),
        (RETIRED, "places", "1", 10, 61, 0, 210),
        (RETIRED, "back-of-class", None, 10, 61, 0, 210),
        (RETIRED, "points", "25", 9, 61, 0, 195),
        (RETIRED, "disqualification", None, 10, 61, 0, 0),
    ],
)
def test_each_kind_of_penalty(
    race: Commands,
    car: str,
    kind: str,
    amount: str | None,
    place: int,
    laps: int,
    added_s: int,
    points: int,
) -> None:
    """It counts at once, what was known before stays, and rescinded it has never been."""
    before, known = results(race), last_position(race)
    race.output("penalty", "impose", RACE, car, kind, *filter(None, [amount]), "--reason", "a test")
    then = results(race)
    row = then[car]
    assert (row["class_position"], row["laps"], row["points"]) == (place, laps, points)
    assert row["total_ms"] - before[car]["total_ms"] == row["penalty_ms"] == added_s * 1_000
    assert (row["status"] == "disqualified") == (kind == "disqualification")
    assert sorted(one["position"] for one in then.values()) == list(range(1, len(then) + 1))
    others = [one for one in then if one != car]
    assert others == [one for one in before if one != car]
    assert results(race, "--known-at", known) == before
    race.output("penalty", "rescind", RACE, "race-control-0", "--reason", "a test")
    assert results(race) == before


def test_while_the_race_runs(race: Commands) -> None:
    """Added time counts at once in the result as it stands, and no more once it was served.

    The running order does not change by it; it shows what is owed. What can still be
    driven is no time yet.
    """
    before = results(race, session=LIVE)
    order = [row["car"] for row in race.rows("standings", "standings", LIVE)]
    race.output("penalty", "impose", LIVE, WINNER, "time", "3", "--reason", "contact")
    race.output("penalty", "impose", LIVE, "40", "time", "20", "--reason", "unsafe release")
    race.output("penalty", "impose", LIVE, "31", "drive-through", "--reason", "pit-lane speed")
    then = results(race, session=LIVE)
    assert [car for car, row in then.items() if row["class"] == "GTP"][:3] == ["31", WINNER, "7"]
    assert (then[WINNER]["penalty_ms"], then[WINNER]["points"]) == (3_000, 320)
    assert then["40"]["total_ms"] == before["40"]["total_ms"] + 20_000
    assert then["31"]["penalty_ms"] == 0
    rows = race.rows("standings", "standings", LIVE)
    assert [row["car"] for row in rows] == order
    owed = {row["car"]: row["penalties"] for row in rows if row["penalties"]}
    assert {car: [(one["kind"], one["status"]) for one in book] for car, book in owed.items()} == {
        WINNER: [("time", "imposed")],
        "31": [("drive_through", "imposed")],
        "40": [("time", "imposed")],
    }
    race.output("penalty", "serve", LIVE, "race-control-0")
    race.output("penalty", "rescind", LIVE, "race-control-1")
    assert results(race, session=LIVE) == before


def test_not_served_before_the_flag(race: Commands) -> None:
    """It becomes the seconds of the pack, unless it is converted to something else."""
    at = ("--at", "1:30:00")
    race.output("penalty", "impose", RACE, WINNER, "drive-through", "--at", "1:20:00")
    assert results(race, *at)[WINNER]["penalty_ms"] == 0
    assert results(race)[WINNER]["penalty_ms"] == 30_000
    race.output("penalty", "convert", RACE, "race-control-0", "time", "1", "--reason", "appeal")
    converted = results(race)
    assert (converted[WINNER]["class_position"], converted[WINNER]["penalty_ms"]) == (2, 1_000)
    race.output("penalty", "serve", RACE, "race-control-0")
    assert results(race)[WINNER]["class_position"] == 1
    assert [row["status"] for row in race.rows("penalties", "penalties", RACE)] == ["served"]


# -- Corrections ---------------------------------------------------------------------------


def state(race: Commands) -> dict[str, Any]:
    """The whole state, and all that is shown of it, but race control's feed.

    That says what was decided, and that it was taken back.
    """
    timeline = Timeline()
    timeline.add(race.events(RACE))
    summary = timeline.race.summary()
    del summary["state"]["control"]
    views = {name: view(timeline.race) for name, view in VIEWS.items() if name != "control"}
    return {"hash": digest(canonical(summary)), **views}


def of_others(state: dict[str, Any], view: str, *cars: str) -> list[dict[str, Any]]:
    """What a view tells of the other cars, without the places, which may be others' now."""
    return [
        {name: value for name, value in row.items() if name not in ("position", "rank")}
        for row in sorted(state[view], key=lambda row: (row["car"], row.get("lap") or 0))
        if row["car"] not in cars
    ]


def lap_of(events: list[AnyEvent], car: str, lap: int) -> LapCompleted:
    """The event of a lap."""
    return next(
        event
        for event in events
        if isinstance(event, LapCompleted) and (event.car, event.lap) == (car, lap)
    )


def took(state: dict[str, Any], car: str, lap: int) -> dict[str, Any]:
    """What is shown of a lap."""
    return next(row for row in state["laps"] if (row["car"], row["lap"]) == (car, lap))


def place_of(state: dict[str, Any], car: str) -> tuple[int, int]:
    """A car's place and laps in the result."""
    return next((row["position"], row["laps"]) for row in state["results"] if row["car"] == car)


def take_back(race: Commands, before: dict[str, Any]) -> None:
    """Void the correction: everything is as it was, and the feed says so."""
    assert state(race) != before
    race.output("void", RACE, last_position(race), "--reason", "second thoughts")
    assert state(race) == before
    timeline = Timeline()
    timeline.add(race.events(RACE))
    assert VIEWS["control"](timeline.race)[0]["text"].endswith("(second thoughts)")


def test_a_void(race: Commands) -> None:
    """The last lap of #31 is gone: it falls behind all that completed it."""
    before = state(race)
    lap = lap_of(race.events(RACE), "31", 68)
    race.output("void", RACE, lap.source, str(lap.source_seq), "--reason", "read twice")
    after = state(race)
    assert (place_of(before, "31"), place_of(after, "31")) == ((2, 68), (8, 67))
    for view in ("laps", "pits", "stints", "drivers", "fastest-laps"):
        assert of_others(after, view, "31") == of_others(before, view, "31")
    take_back(race, before)


def test_an_amended_lap(race: Commands) -> None:
    """#31 crossed the line first: with its time, its sector, its gap and the leader's lap."""
    before = state(race)
    race.output(
        *("amend", "lap", RACE, "31", "68", "--completed-at", "1:40:07.300"),
        *("--time", "1:12.5", "--reason", "photo finish"),
    )
    after = state(race)
    assert place_of(after, "31") == (1, 68)
    assert took(after, "31", 68)["lap_time_ms"] == 72_500
    assert after["leaders"][-1]["car"] == "31"
    assert next(row for row in after["results"] if row["car"] == WINNER)["gap"] == {
        "laps": None,
        "ms": 18,
    }
    assert after["fastest-laps"][0]["car"] == "31"
    for view in ("laps", "pits", "drivers", "fastest-laps"):
        assert of_others(after, view, "31") == of_others(before, view, "31")
    take_back(race, before)


def test_reassigned_crossings(race: Commands) -> None:
    """#5 and #24 had each other's transponder from half-time on."""
    before = state(race)
    race.output(
        *("reassign", RACE, "5", "24", "--swap", "--from", "0:50:00"),
        *("--reason", "transponders swapped"),
    )
    after = state(race)
    assert (place_of(after, "5"), place_of(after, "24")) == (
        place_of(before, "24"),
        place_of(before, "5"),
    )
    half = next(row["lap"] for row in before["laps"] if row["car"] == "5" and row["at_ms"] > 3e6)
    for lap in (half - 2, half + 2):
        mine = "5" if lap < half else "24"
        assert took(after, "5", lap)["at_ms"] == took(before, mine, lap)["at_ms"]
    for view in ("laps", "pits", "stints", "drivers", "fastest-laps"):
        assert of_others(after, view, "5", "24") == of_others(before, view, "5", "24")
    take_back(race, before)


def test_a_deleted_lap_time(race: Commands) -> None:
    """The fastest lap of the race is no more: the lap counts, its time does not."""
    before = state(race)
    fastest = before["fastest-laps"][0]
    car, lap = fastest["car"], fastest["lap"]
    race.output("delete-time", RACE, car, str(lap), "--reason", "track limits")
    after = state(race)
    assert took(after, car, lap)["deleted"]
    assert place_of(after, car) == place_of(before, car)
    assert after["fastest-laps"][0]["car"] != car
    for view in ("laps", "pits", "stints", "drivers", "fastest-laps"):
        assert of_others(after, view, car) == of_others(before, view, car)
    take_back(race, before)
