"""Results by command: under which rules, as they once were, what changed between two."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from tests.builders import Story
from tests.rules import text_of
from tests.unit.services.commands import Commands
from tests.unit.services.memory import FIRST_LEARNED

RACE = "short"


def a_story(**members: Any) -> Story:
    """#1 ahead of #2 by a second at the flag, #3 after two laps of ten."""
    story = Story().opened("1", "2", "3", lines=("FL",), **members)
    story.laps("1", 9).lap("3", 1, 70_000)
    for lap in range(1, 10):
        story.lap("2", lap, lap * 60_000 + 100)
    story.flag("chequered", 600_000).lap("1", 10, 600_000).lap("2", 10, 601_000)
    return story.lap("3", 2, 602_000).ended(603_000)


@pytest.fixture
def race(lapstream: Commands) -> Commands:
    """The race, then a penalty, then the official result, which knows of none."""
    story = a_story(rules="alms-2007")
    story.add(ev.PenaltyImposed, 603_000, penalty_id="p", car="1", kind="time", amount=5)
    rows = (("1", 10, 600_000), ("2", 10, 601_000), ("3", 2, 602_000))
    story.add(
        ev.ResultDeclared,
        603_000,
        status="final",
        rests_on="the paper on the wall",
        rows=tuple(
            ev.ResultRow(
                position=place, car=car, car_class="GT", status="classified", laps=laps, total_ms=ms
            )
            for place, (car, laps, ms) in enumerate(rows, start=1)
        ),
    )
    lapstream.hold(RACE, story)
    return lapstream


def shown(race: Commands, *arguments: str) -> list[tuple[object, ...]]:
    """Car, status and points of each row."""
    rows = race.rows("results", "results", RACE, *arguments)
    return [(row["car"], row["status"], row["points"]) for row in rows]


def test_by_the_session_s_rules_or_others(race: Commands, tmp_path) -> None:
    """The race's log is not touched; a pack of one's own is named by its path."""
    assert shown(race) == [("2", "classified", 20), ("1", "classified", 16), *not_classified()]
    assert shown(race, "--rules", "imsa-2024")[2] == ("3", "classified", 300)
    own = tmp_path / "club.toml"
    own.write_text(text_of("alms-2007").replace("[20, 16", "[21, 16"))
    assert shown(race, "--rules", str(own))[0] == ("2", "classified", 21)


def not_classified() -> list[tuple[object, ...]]:
    return [("3", "not_classified", 0)]


def test_without_a_pack_there_are_no_points(lapstream: Commands) -> None:
    """Every car stands on its laps."""
    lapstream.hold(RACE, a_story())
    assert shown(lapstream)[2] == ("3", "classified", None)


def test_a_pack_that_is_not_built_in_has_to_be_given(lapstream: Commands, tmp_path) -> None:
    """A result by other rules than the session's would be a wrong one."""
    lapstream.hold(RACE, a_story(rules="club"))
    assert "no regulation pack 'club'" in lapstream.refused("results", RACE)
    bad = tmp_path / "bad.toml"
    bad.write_text("format = 1\n")
    assert f"{bad}, name" in lapstream.refused("results", RACE, "--rules", str(bad))
    bad.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in lapstream.refused("results", RACE, "--rules", str(bad))


def test_the_results_as_they_followed_each_other(race: Commands) -> None:
    """Each with its status, what it rests on, and the log position at which it was known."""
    rows = race.rows("revisions", "revisions", RACE)
    assert [(row["status"], row["declared"], row["rests_on"]) for row in rows] == [
        ("provisional", False, "the laps as timed"),
        ("amended", False, "#1: 5 s added to its time"),
        ("final", True, "the paper on the wall"),
    ]
    count = len(race.events(RACE))
    assert rows[1]["position"] == f"{FIRST_LEARNED + 1000 * (count - 2)}-0"


def test_a_result_as_it_once_was(race: Commands) -> None:
    """By its number, and the same by what was known then."""
    assert shown(race, "--revision", "1")[0] == ("1", "classified", 20)
    assert shown(race, "--revision", "2")[0] == ("2", "classified", 20)
    assert shown(race, "--revision", "3") == [
        ("1", "classified", 20),
        ("2", "classified", 16),
        ("3", "classified", 0),
    ]
    first = race.rows("revisions", "revisions", RACE)[0]["position"]
    assert shown(race, "--known-at", first) == shown(race, "--revision", "1")
    printed = race.output("results", RACE, "--revision", "2")
    assert "Revision 2 (amended): #1: 5 s added to its time" in printed


def test_what_changed_between_two(race: Commands) -> None:
    """Positions, times and points of the cars that differ, in the later order."""
    rows = race.rows("differences", "results", RACE, "--diff", "1", "2")
    assert [
        (row["car"], row["position_before"], row["position_after"], row["points_after"])
        for row in rows
    ] == [("2", 2, 1, 20), ("1", 1, 2, 16)]
    assert (rows[1]["total_ms_before"], rows[1]["total_ms_after"]) == (600_000, 605_000)
    assert race.rows("differences", "results", RACE, "--diff", "2", "2") == []
    only = race.rows("differences", "results", RACE, "--diff", "1", "2", "--car", "1")
    assert [row["car"] for row in only] == ["1"]


def test_a_session_of_which_only_the_result_is_known(lapstream: Commands) -> None:
    """One that nobody published, and that rests on no lap, is only shown as declared."""
    story = Story().opened("1", lines=("FL",))
    row = ev.ResultRow(position=1, car="1", car_class="GT", status="classified", laps=5)
    story.add(
        ev.ResultDeclared, 9, status="final", rests_on="a paper", rows=(row,), rows_basis="recorded"
    )
    lapstream.hold(RACE, story.ended(9))
    assert "no lap was timed in 'short'" in lapstream.refused("results", RACE)
    assert shown(lapstream, "--revision", "1") == [("1", "classified", None)]
    assert len(lapstream.rows("revisions", "revisions", RACE)) == 1


def test_before_the_flag_there_is_no_revision(lapstream: Commands) -> None:
    """The order of a race that runs is no result yet."""
    lapstream.hold(RACE, Story().opened("1", lines=("FL",)).laps("1", 3))
    assert lapstream.rows("revisions", "revisions", RACE) == []
    assert "none before the chequered flag" in lapstream.refused("results", RACE, "--revision", "1")


def test_what_cannot_be_shown(race: Commands) -> None:
    """A revision that there is not, and questions that exclude each other."""
    assert "no revision 4 of the result; there are 1 to 3" in race.refused(
        "results", RACE, "--revision", "4"
    )
    assert "choose one of --at, --revision and --diff" in race.misused(
        "results", RACE, "--revision", "1", "--diff", "1", "2"
    )
