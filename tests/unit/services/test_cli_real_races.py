"""Real races by command: imported, explained by penalties, equal to the official result."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from events import LapCompleted
from events.clock import parse_clock
from events.formats.alkamel_results import parse_results
from tests.data import DATA, needs_data
from tests.unit.services.commands import Commands

pytestmark = needs_data

IMSA = sorted(DATA.glob("imsa/*/*/*-race-laps.csv"))
LONG_BEACH = "imsa/2024/06-long-beach-street-circuit"
Given = tuple[str, str, int | None]
BACK_AT_THE_GLEN = ("36", "25", "32", "57", "42", "1", "99", "59", "12")
PENALTIES: dict[str, list[Given]] = {
    "2022/08": [("74", "time", 29)],
    "2022/11": [(car, "back_of_class", None) for car in BACK_AT_THE_GLEN],
    "2022/15": [("79", "time", 23)],
    "2022/19": [("5", "time", 97), ("62", "back_of_class", None)],
    "2024/05": [("77", "time", 35)],
    "2024/08": [("78", "time", 30)],
    "2024/12": [("70", "time", 35)],
    "2024/15": [("27", "back_of_class", None)],
}
"""What explains the official results that the laps alone do not give: car, kind, seconds."""


def name_of(laps: Path) -> str:
    """The race's folder and file, short."""
    return str(laps.relative_to(DATA))


def bring_in(lapstream: Commands, laps: Path, session: str, *more: str) -> str:
    """Import a race with its official result; what is said of it."""
    results = str(laps).replace("-laps", "-results")
    arguments = ("--results", results, "--session", session, "--rules", "imsa-2024", *more)
    return lapstream.output("import", "alkamel", str(laps), *arguments)


def laps_alone(lapstream: Commands, session: str) -> list[tuple[str, int]]:
    """The cars with their laps in the order of these, then of the time at the line."""
    last = {
        event.car: (-event.lap, event.at)
        for event in lapstream.events(session)
        if isinstance(event, LapCompleted)
    }
    return [(car, -last[car][0]) for car in sorted(last, key=lambda car: last[car])]


def quick_or_slow(laps: Path) -> Any:
    """A race as a parameter: of those that penalties explain a short one is tried each time."""
    marks = [] if name_of(laps).startswith(("imsa/2024/06", "imsa/2024/08")) else [pytest.mark.slow]
    return pytest.param(laps, marks=marks, id=name_of(laps))


@pytest.mark.parametrize("laps", list(map(quick_or_slow, IMSA)))
def test_the_result_is_the_official_one(lapstream: Commands, laps: Path) -> None:
    """Position, laps, total time of every car, and the best lap wherever it is printed.

    The penalties that explain it are events; without them the laps alone decide.
    """
    message = bring_in(lapstream, laps, "race")
    assert "not explained" not in message
    official = Path(str(laps).replace("-laps", "-results"))
    printed = [line.row for line in parse_results(official.read_text("utf-8"), "x").lines]
    rows = lapstream.rows("results", "results", "race")
    assert [(row["car"], row["position"], row["laps"], row["total_ms"]) for row in rows] == [
        (row.car, place, row.laps, row.total_ms or None) for place, row in enumerate(printed, 1)
    ]
    bests = {row["car"]: row["best_lap_ms"] for row in rows}
    printed_text = {row.car: row.best_lap_ms for row in printed if row.best_lap_ms}
    assert {car: bests[car] for car in printed_text} == printed_text
    penalties = lapstream.rows("penalties", "penalties", "race")
    given = PENALTIES.get(name_of(laps).removeprefix("imsa/")[:7], [])
    assert [(row["car"], row["kind"], row["amount"]) for row in penalties] == given
    assert all(row["basis"] == "published" for row in penalties)
    assert all("inferred from the official result" in row["reason"] for row in penalties)
    if not penalties:
        return
    for number in range(len(penalties)):
        lapstream.output("void", "race", "inferred", str(number), "--reason", "the laps alone")
    rows = lapstream.rows("results", "results", "race")
    alone = [(row["car"], row["laps"]) for row in rows if row["laps"]]
    assert alone == laps_alone(lapstream, "race") != [(row.car, row.laps) for row in printed]


def test_the_races_are_there() -> None:
    """None of the 22 is missing, and each that penalties explain is among them."""
    assert len(IMSA) == 22
    names = {name_of(laps).removeprefix("imsa/")[:7] for laps in IMSA}
    assert names >= PENALTIES.keys()


@pytest.mark.slow
def test_le_mans_2024_is_the_official_result(lapstream: Commands) -> None:
    """Positions, laps, times and status from the laps alone, under the rules of Le Mans.

    The flag taken and 70 %: classified; the flag taken with less: not classified; the
    rest did not finish, by laps, then time; reserves are absent.
    """
    laps = DATA / "wec/2024-le-mans-24h-laps.csv"
    lapstream.output("import", "alkamel", str(laps), "--session", "race", "--rules", "wec-2024")
    rows = lapstream.rows("results", "results", "race")
    text = (DATA / "wec/2024-le-mans-24h-official.csv").read_text(encoding="utf-8-sig")
    printed = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    listed = [row for row in printed if row["Pos"] != "RES"]
    assert len(listed) < len(printed)
    status = {"NC": "not_classified", "DNF": "retired"}
    assert [(row["car"], row["laps"], row["status"]) for row in rows] == [
        (row["No"], int(row["Laps"]), status.get(row["Pos"], "classified")) for row in listed
    ]
    timed = {row["No"]: parse_clock(row["Time"]) for row in listed if row["Time"]}
    assert timed == {row["car"]: row["total_ms"] for row in rows if row["car"] in timed}
    assert len(timed) > 40
    assert lapstream.rows("penalties", "penalties", "race") == []


# -- A penalty, from before the flag to after it -------------------------------------------


class Race:
    """Long Beach 2024 as the only round of a season, before its last laps."""

    def __init__(self, lapstream: Commands) -> None:
        self.lapstream = lapstream
        laps = next(path for path in IMSA if name_of(path).startswith(LONG_BEACH))
        bring_in(lapstream, laps, "race", "--length", "1:40")
        lapstream.output(
            *("season", "new", "season", "--title", "One race", "--series", "IMSA"),
            *("--rules", "alms-2007", "--classes", "GTP,GTD", "--rounds", "Long Beach 1:40"),
        )

    def order(self, query: str, *options: str) -> list[str]:
        """The first cars of GTP in a table of the race."""
        rows = self.lapstream.rows(query, query, "race", "--class", "GTP", *options)
        return [row["car"] for row in rows][:4]

    def points(self, *options: str) -> dict[str, float]:
        """What the first places are worth."""
        rows = self.lapstream.rows("results", "results", "race", "--class", "GTP", *options)
        return {row["car"]: row["points"] for row in rows[:3]}

    def title(self, *options: str) -> dict[str, str]:
        """Who can still win the only round, and so the season."""
        rows = self.lapstream.rows(
            "clinch",
            *("clinch", "season", "--session", "race", "--class", "GTP", "--of", "teams", *options),
        )
        return {row["names"][0]: row["status"] for row in rows if row["status"] != "out"}

    def decide(self, *decision: str) -> str:
        """Make a decision; the log's position after it."""
        self.lapstream.output("penalty", *decision)
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
