"""The example archives: as they are told, and what they are examples of."""

from __future__ import annotations

import shlex

import pytest

from replay.archive import read_archive
from tests import scenarios
from tests.documents import commands_in
from tests.scenarios import EXAMPLES, SCENARIOS
from tests.unit.services.commands import Commands

PETIT, ALMS, MOSPORT = "petit-le-mans-2012", "alms-2012", "mosport-2008"


@pytest.fixture
def past(lapstream: Commands) -> Commands:
    """A store with the examples, each entry at its position."""
    for name in SCENARIOS:
        lapstream.log.logs[name] = scenarios.entries(name)
    return lapstream


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_archive_is_what_is_reported(name: str) -> None:
    """`python -m tests.scenarios` writes the archives anew."""
    manifest, entries = read_archive(EXAMPLES / f"{name}.jsonl.gz")
    assert manifest.session == name
    assert [(one.position, one.payload) for one in entries] == [
        (one.position, one.payload) for one in scenarios.entries(name)
    ]


def test_the_commands_of_the_page(lapstream: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command that the README shows does something, one after the other."""
    monkeypatch.chdir(EXAMPLES)
    commands = [
        shlex.split(line)
        for line in commands_in((EXAMPLES / "README.md").read_text("utf-8"))
        if line.startswith("lapstream ")
    ]
    assert len(commands) > 10
    for command in commands:
        assert lapstream.output(*command[1:]).strip()


def order(past: Commands, *arguments: str) -> list[str]:
    """The cars of a result, in order."""
    return [row["car"] for row in past.rows("results", "results", *arguments)]


def test_a_place_taken_away_after_the_race(past: Commands) -> None:
    """Third is inherited; the earlier revision, and what was known then, are still there."""
    gt2 = (MOSPORT, "--class", "GT2")
    assert order(past, *gt2) == ["00", "87", "45", "71", "44"]
    before = ["00", "87", "71", "45", "44"]
    assert order(past, *gt2, "--revision", "1") == before
    assert order(past, *gt2, "--known-at", "2008-08-24T18:30:00-04:00") == before
    first, second = past.rows("revisions", "revisions", MOSPORT)
    assert (first["status"], second["status"]) == ("provisional", "amended")
    assert second["rests_on"] == "#71: 1 place dropped (too hard an attack on #45)"
    rows = past.rows("differences", "results", MOSPORT, "--diff", "1", "2")
    assert [(row["car"], row["points_before"], row["points_after"]) for row in rows] == [
        ("45", 10, 13),
        ("71", 13, 10),
    ]
    for car, says in (
        ("71", "#71 was put back 1 place after the flag (too hard an attack on #45). Without it"),
        ("45", "Without the penalty of #71 it would be 15th overall, 4th in GT2."),
    ):
        rows = past.rows("explain", "explain", MOSPORT, car)
        (message,) = [row for row in rows if row["about"] == "penalty"]
        assert message["text"].startswith(says)
        assert message["events"][0]["source"] == "stewards"


def test_a_car_that_stops_on_its_last_lap_keeps_its_place(past: Commands) -> None:
    """#7 is out of fuel, and sixth of its class all the same."""
    row = next(row for row in past.rows("results", "results", MOSPORT) if row["car"] == "7")
    assert (row["class_position"], row["status"], row["points"]) == (6, "retired", 6)


def test_a_guest_wins_outside_the_points(past: Commands) -> None:
    """The winner has none; the next of the championship has those of a first place."""
    rows = past.rows("results", "results", PETIT)
    assert [(row["car"], row["class"], row["points"]) for row in rows[:7]] == [
        ("12", "P1", 0),
        ("95", "P2", 24),
        ("37", "P2", 20),
        ("055", "P2", 17),
        ("46", "P2", 0),
        ("0", None, None),
        ("16", "P1", 24),
    ]
    other = past.rows(
        *("points", "points", PETIT, "--series", "European Le Mans Series", "--of", "teams")
    )
    assert [(row["name"], row["points"]) for row in other] == [("Thiriet by TDS Racing", 24)]


def test_a_title_by_finishing(past: Commands) -> None:
    """Before the race second is enough; it is won when the car takes the flag with its laps."""
    arguments = ("clinch", ALMS, "--of", "drivers")
    leaders, chasers = past.rows("clinch", *arguments)
    assert (leaders["names"], leaders["clinches_from"]) == (["Klaus Graf", "Lucas Luhr"], 2)
    assert chasers["sentence"] == (
        "Chris Dyson and Guy Smith must score, and need Klaus Graf and Lucas Luhr not to score."
    )
    (won,) = past.rows("clinch-when", *arguments, "--session", PETIT, "--when")
    assert (won["names"], won["happened"]) == (
        ["Klaus Graf", "Lucas Luhr"],
        "#6 took the flag",
    )
    final = past.rows("championship", "championship", ALMS, "--session", PETIT)
    assert [(row["name"], row["points"]) for row in final] == [
        ("Klaus Graf", 188),
        ("Lucas Luhr", 188),
        ("Chris Dyson", 180),
        ("Guy Smith", 180),
    ]


def test_the_title_that_too_few_laps_would_have_lost(past: Commands) -> None:
    """With 27 laps, of which 28 are needed, the points of the race would be missing."""
    rows = past.rows(
        "whatif-title",
        *("whatif", PETIT, "--penalty", "6 laps 4", "--season", ALMS, "--class", "P1"),
    )
    assert [
        (row["name"], row["rank_now"], row["rank_then"], row["points_then"]) for row in rows
    ] == [
        ("Chris Dyson", 3, 1, 180),
        ("Guy Smith", 3, 1, 180),
        ("Klaus Graf", 1, 3, 168),
        ("Lucas Luhr", 1, 3, 168),
    ]
