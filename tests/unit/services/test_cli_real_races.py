"""Real races by command: imported, explained by penalties, equal to the official result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.formats.alkamel import parse_results
from tests.data import DATA, needs_data
from tests.unit.services.commands import Commands

pytestmark = needs_data

IMSA = sorted(DATA.glob("imsa/*/*/*-race-laps.csv"))
LONG_BEACH = "imsa/2024/06-long-beach-street-circuit"
DISAGREE: dict[str, list[str]] = {}
"""Races in which something of the official result is not explained; there is none."""


def name_of(laps: Path) -> str:
    """The race's folder and file, short."""
    return str(laps.relative_to(DATA))


def bring_in(lapstream: Commands, laps: Path, session: str, *more: str) -> str:
    """Import a race with its official result; what is said of it."""
    results = str(laps).replace("-laps", "-results")
    arguments = ("--results", results, "--session", session, "--rules", "imsa-2024", *more)
    return lapstream.told("import", "alkamel", str(laps), *arguments)


@pytest.mark.parametrize("laps", IMSA, ids=name_of)
def test_the_result_is_the_official_one(lapstream: Commands, laps: Path) -> None:
    """Position, laps, total time of every car, and the best lap wherever it is printed."""
    said = bring_in(lapstream, laps, "race")
    assert [line for line in said.splitlines() if line.startswith("not explained")] == (
        DISAGREE.get(name_of(laps), [])
    )
    official = Path(str(laps).replace("-laps", "-results"))
    printed = [line.row for line in parse_results(official.read_text("utf-8"), "x").lines]
    rows = lapstream.rows("results", "results", "race")
    assert [(row["car"], row["position"], row["laps"], row["total_ms"]) for row in rows] == [
        (row.car, place, row.laps, row.total_ms or None) for place, row in enumerate(printed, 1)
    ]
    bests = {row["car"]: row["best_lap_ms"] for row in rows}
    told = {row.car: row.best_lap_ms for row in printed if row.best_lap_ms}
    assert {car: bests[car] for car in told} == told
    penalties = lapstream.rows("penalties", "penalties", "race")
    assert all(row["basis"] == "published" for row in penalties)
    assert all("inferred from the official result" in row["reason"] for row in penalties)


# -- A penalty, from before the flag to after it -------------------------------------------


class Race:
    """Long Beach 2024 as the only round of a season, before its last laps."""

    def __init__(self, lapstream: Commands) -> None:
        self.lapstream = lapstream
        laps = next(path for path in IMSA if name_of(path).startswith(LONG_BEACH))
        bring_in(lapstream, laps, "race", "--length", "1:40")
        lapstream.told(
            *("season", "new", "season", "--title", "One race", "--series", "IMSA"),
            *("--rules", "alms-2007", "--classes", "GTP,GTD", "--rounds", "Long Beach 1:40"),
        )

    def order(self, query: str, *asked: str) -> list[str]:
        """The first cars of GTP in a table of the race."""
        rows = self.lapstream.rows(query, query, "race", "--class", "GTP", *asked)
        return [row["car"] for row in rows][:4]

    def points(self, *asked: str) -> dict[str, float]:
        """What the first places are worth."""
        rows = self.lapstream.rows("results", "results", "race", "--class", "GTP", *asked)
        return {row["car"]: row["points"] for row in rows[:3]}

    def title(self, *asked: str) -> dict[str, str]:
        """Who can still win the only round, and so the season."""
        rows = self.lapstream.rows(
            "clinch",
            *("clinch", "season", "--session", "race", "--class", "GTP", "--of", "teams", *asked),
        )
        return {row["names"][0]: row["status"] for row in rows if row["status"] != "out"}

    def decide(self, *decision: str) -> str:
        """Make a decision; the log's position after it."""
        self.lapstream.told("penalty", *decision)
        return self.lapstream.log.logs["race"][-1].position


@pytest.fixture
def race(lapstream: Commands) -> Race:
    """A real race, and a season that it decides."""
    return Race(lapstream)


def test_a_penalty_in_a_real_race(race: Race) -> None:
    """Imposed, served, rescinded, and imposed after the flag; and what was on screen before."""
    winner, second, third, _ = before = race.order("results")
    assert race.points() == {winner: 350, second: 320, third: 300}
    teams = {
        row["car"]: row["team"] for row in race.lapstream.rows("standings", "standings", "race")
    }
    assert race.title() == {teams[winner]: "clinched"}
    known = race.lapstream.log.logs["race"][-1].position
    moment = ("--at", "1:30:00")
    standings = race.order("standings", *moment)

    race.decide("impose", "race", standings[0], "stop-and-hold", "60", *moment)
    assert race.order("standings", *moment) == standings
    (row,) = race.lapstream.rows("standings", "standings", "race", *moment, "--car", standings[0])
    assert [one["status"] for one in row["penalties"]] == ["imposed"]
    assert race.order("results") != before

    race.decide("serve", "race", "race-control-0", "--at", "1:35:00")
    assert race.order("results") == before

    after_flag = race.decide("impose", "race", winner, "time", "600", "--reason", "contact")
    assert race.order("results")[0] == second
    assert race.points()[second] == 350
    assert race.title() == {teams[second]: "clinched"}
    assert race.order("results", "--known-at", known) == before
    assert race.points("--known-at", known)[winner] == 350
    assert race.title("--known-at", known) == {teams[winner]: "clinched"}

    race.decide("rescind", "race", "race-control-2", "--reason", "appeal")
    assert race.order("results") == before
    assert race.order("results", "--known-at", after_flag)[0] == second
    rows: list[dict[str, Any]] = race.lapstream.rows("revisions", "revisions", "race")
    assert [row["declared"] for row in rows].count(True) == 1
    numbers = [str(row["number"]) for row in rows if not row["declared"]]
    assert race.order("results", "--revision", numbers[0]) == before
    assert race.order("results", "--revision", numbers[-2])[0] == second
    changed = race.lapstream.rows(
        "differences", "results", "race", "--diff", numbers[-2], numbers[-1]
    )
    (moved,) = [row for row in changed if row["car"] == winner]
    assert (moved["position_after"], moved["points_after"]) == (1, 350)
    assert moved["total_ms_before"] - moved["total_ms_after"] == 600_000
