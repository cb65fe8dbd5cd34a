"""Decisions by command: what is appended, what they change, what cannot be decided."""

from __future__ import annotations

from itertools import pairwise

import pytest

import events as ev
from tests.builders import Story
from tests.unit.services.commands import Commands

RACE = "short"


@pytest.fixture
def race(lapstream: Commands) -> Commands:
    """A race that is over: #1, #2 and #3 a second apart, under IMSA rules."""
    story = Story().opened("1", "2", "3", lines=("FL",), rules="imsa-2024")
    for place, car in enumerate(("1", "2", "3")):
        for lap in (1, 2, 3):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.flag("chequered", 240_000)
    for place, car in enumerate(("1", "2", "3")):
        story.lap(car, 4, 240_000 + place * 1_000)
    lapstream.hold(RACE, story.ended(250_000))
    return lapstream


def order(race: Commands, *options: str) -> list[str]:
    """The cars in the order of the result."""
    return [row["car"] for row in race.rows("results", "results", RACE, *options)]


def test_a_penalty_is_one_event_with_who_and_when(race: Commands) -> None:
    """It is decided now unless said otherwise, and named by its number."""
    race.output("penalty", "impose", RACE, "1", "time", "5", "--reason", "contact", "--by", "Ann")
    imposed = race.events(RACE)[-1]
    assert imposed == ev.PenaltyImposed(
        at=250_000,
        source="race-control",
        source_seq=0,
        by="Ann",
        penalty_id="race-control-0",
        car="1",
        kind="time",
        amount=5,
        reason="contact",
    )
    race.output("penalty", "impose", RACE, "2", "drive-through", "--at", "lap:2")
    later = race.events(RACE)[-1]
    assert isinstance(later, ev.PenaltyImposed)
    assert (later.at, later.source_seq, later.by, later.kind) == (
        *(120_000, 1, "a steward"),
        "drive_through",
    )


def test_what_a_penalty_changes_is_reported(race: Commands) -> None:
    """The cars whose place, time or points change, before and after."""
    rows = race.rows("whatif", "penalty", "impose", RACE, "1", "time", "5")
    assert [
        (row["car"], row["position_now"], row["position_then"], row["points_then"]) for row in rows
    ] == [("2", 2, 1, 350), ("3", 3, 2, 320), ("1", 1, 3, 300)]
    text = race.output("penalty", "serve", RACE, "race-control-0")
    assert text.startswith("race-control 1 at ")
    assert "penalty race-control-0 served" in text
    assert order(race) == ["1", "2", "3"]


def test_a_penalty_from_its_imposition_to_its_end(race: Commands) -> None:
    """Imposed, converted, rescinded: each counts at once, and each result is still there."""
    race.output("penalty", "impose", RACE, "1", "drive-through")
    assert order(race) == ["2", "3", "1"]
    race.output("penalty", "convert", RACE, "race-control-0", "places", "1")
    assert order(race) == ["2", "1", "3"]
    race.output("penalty", "rescind", RACE, "race-control-0", "--reason", "appeal")
    assert order(race) == ["1", "2", "3"]
    assert [order(race, "--revision", str(n)) for n in (1, 2, 3, 4)] == [
        ["1", "2", "3"],
        ["2", "3", "1"],
        ["2", "1", "3"],
        ["1", "2", "3"],
    ]


def test_cars_that_only_move_overall_are_counted(race: Commands) -> None:
    """Of another class, with the same place in it and the same points."""
    story = Story().opened("1", "2", lines=("FL",)).entry("8", "P").entry("9", "P")
    for place, car in enumerate(("1", "8", "9", "2")):
        story.laps(car, 1, 60_000 + place)
    race.hold("mixed", story)
    arguments = ("penalty", "impose", "mixed", "1", "time", "5", "--dry-run")
    assert len(race.rows("whatif", *arguments)) == 4
    *_, first, second, others = race.output(*arguments).splitlines()
    assert (first.split()[0], second.split()[0]) == ("2", "1")
    assert others == "2 more move overall, not in class"


def test_a_dry_run_appends_nothing(race: Commands) -> None:
    """It shows the same, and the log is as it was."""
    before = race.events(RACE)
    text = race.output("penalty", "impose", RACE, "1", "time", "5", "--dry-run")
    assert text.startswith("would be decided: #1: 5 s added to its time")
    assert race.events(RACE) == before


def test_a_decision_without_effect_says_so(race: Commands) -> None:
    """A warning is in the book and changes nothing."""
    text = race.output("penalty", "impose", RACE, "3", "warning")
    assert text.endswith("nothing in the order changes\n")


def test_an_event_is_voided(race: Commands) -> None:
    """It is named by its identity, and counts no more."""
    race.output("penalty", "impose", RACE, "1", "disqualification")
    assert order(race) == ["2", "3", "1"]
    race.output("void", RACE, "race-control", "0", "--reason", "typing error")
    assert order(race) == ["1", "2", "3"]
    assert isinstance(race.events(RACE)[-1], ev.EventVoided)


def test_an_event_is_voided_by_its_position(race: Commands) -> None:
    """As `explain` prints it."""
    race.output("penalty", "impose", RACE, "1", "disqualification")
    text = race.output("explain", RACE, "1")
    (line,) = [below for above, below in pairwise(text.splitlines()) if "was disqualified" in above]
    race.output("void", RACE, line.strip(" []"), "--reason", "the wrong car")
    assert order(race) == ["1", "2", "3"]
    rests_on = [row["rests_on"] for row in race.rows("revisions", "revisions", RACE)]
    assert rests_on[1:] == [
        "#1: disqualification",
        "#1: disqualification, voided: the wrong car",
    ]


def test_a_result_is_declared(race: Commands) -> None:
    """It is kept as it was then; what is decided later amends what is computed beside it."""
    race.output("declare", RACE, "final", "--rests-on", "bulletin 7", "--by", "Ann")
    race.output("penalty", "impose", RACE, "1", "time", "5")
    rows = race.rows("revisions", "revisions", RACE)
    assert [(row["status"], row["declared"], row["rests_on"]) for row in rows] == [
        ("provisional", False, "the laps as timed"),
        ("final", True, "bulletin 7"),
        ("amended", False, "#1: 5 s added to its time"),
    ]
    assert order(race, "--revision", "2") == ["1", "2", "3"]
    assert race.rows("differences", "results", RACE, "--diff", "1", "2") == []
    changed = race.rows("differences", "results", RACE, "--diff", "2", "3")
    assert {row["car"]: row["points_after"] for row in changed} == {"2": 350, "3": 320, "1": 300}
    race.output("void", RACE, "race-control", "0", "--reason", "too early")
    assert race.rows("revisions", "revisions", RACE)[1]["rests_on"] == "bulletin 7 (voided)"


def test_no_result_before_the_flag(race: Commands) -> None:
    """What still runs has none."""
    race.hold("running", Story().opened("1", lines=("FL",)).laps("1", 3))
    text = race.refused("declare", "running", "final", "--rests-on", "bulletin 7")
    assert "the race is not over" in text


def test_points_taken_are_a_revision_of_their_own(race: Commands) -> None:
    """No place changes, but what the result is worth does; so with a best lap deleted."""
    race.output("penalty", "impose", RACE, "1", "points", "20", "--reason", "conduct")
    race.output("amend", "lap", RACE, "2", "1", "--time", "59", "--reason", "transponder")
    race.output("delete-time", RACE, "2", "1", "--reason", "track limits")
    rows = race.rows("revisions", "revisions", RACE)
    assert [row["rests_on"] for row in rows] == [
        "the laps as timed",
        "#1: 20 points taken away (conduct)",
        "#2: lap 1 amended: transponder",
        "#2: time of lap 1 deleted",
    ]
    (row,) = race.rows("differences", "results", RACE, "--diff", "1", "2")
    assert (row["car"], row["position_after"], row["points_before"], row["points_after"]) == (
        *("1", 1, 350),
        330,
    )


def test_a_lap_is_amended(race: Commands) -> None:
    """What is given changes, and everything that follows from it."""
    race.output(
        *("amend", "lap", RACE, "3", "4", "--completed-at", "0:03:59.5", "--driver", "Cy"),
        *("--time", "59.5", "--in-pit-lane", "--reason", "photo finish"),
    )
    assert order(race) == ["3", "1", "2"]
    amended = race.events(RACE)[-1]
    assert isinstance(amended, ev.LapAmended)
    assert (amended.completed_at, amended.lap_time_ms, amended.driver, amended.in_pit_lane) == (
        *(239_500, 59_500, "Cy"),
        True,
    )


def test_a_lap_time_is_deleted(race: Commands) -> None:
    """The lap counts, its time does not."""
    race.output("delete-time", RACE, "2", "1", "--reason", "track limits")
    (row,) = race.rows("laps", "laps", RACE, "--car", "2")[:1]
    assert (row["lap"], row["deleted"]) == (1, True)


def test_crossings_are_given_to_another_car(race: Commands) -> None:
    """For a span of time, or from a moment on always; one way or swapped."""
    race.output("reassign", RACE, "1", "3", "--from", "lap:3", "--swap", "--reason", "transponders")
    assert order(race) == ["3", "2", "1"]
    moved = race.events(RACE)[-1]
    assert isinstance(moved, ev.CrossingsReassigned)
    assert (moved.start, moved.end, moved.swap) == (180_000, 2**53, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("penalty", "impose", RACE, "9", "time", "5"), "no car '9' in this session; there are 1"),
        (("penalty", "impose", RACE, "1", "time"), "time takes an amount, as in 66 time 30"),
        (("penalty", "impose", RACE, "1", "warning", "5"), "warning takes no amount"),
        (("penalty", "impose", RACE, "1", "fun"), "KIND one of drive-through"),
        (("penalty", "serve", RACE, "p"), "no penalty 'p' in this session; there are none"),
        (("void", RACE, "x", "1", "--reason", "y"), "no event 1 of source 'x' in this log"),
        (("delete-time", RACE, "1", "9"), "car '1' has no lap 9; it completed 4"),
        (("amend", "lap", RACE, "9", "1", "--driver", "A", "--reason", "y"), "no car '9'"),
        (("reassign", RACE, "1", "8", "--reason", "y"), "no car '8' in this session"),
        (("penalty", "impose", RACE, "1", "time", "5", "--at", "lap:9"), "the last was lap 4"),
        (("penalty", "impose", "alms-2007", "1", "time", "5"), "'alms-2007' is a season"),
        (("penalty", "impose", RACE, "1", "time", "5", "--rules", "x"), "no regulation pack 'x'"),
        (("penalty", "impose", RACE, "", "time", "5"), "car: String should match pattern"),
        (("penalty", "impose", RACE, "1", "time", "0"), "the amount is 0"),
        (("penalty", "impose", RACE, "1", "time", "5", "--reason", "x" * 2001), "reason: String"),
        (("penalty", "impose", RACE, "1", "time", "5", "--by", "x" * 201), "by: String should"),
        (("penalty", "impose", "none", "1", "time", "5"), "no session 'none' in this store"),
        (("penalty", "serve", RACE, ""), "penalty_id: String should have at least 1"),
        (("void", RACE, "17", "--reason", "y"), "event: no event at position '17'"),
        (("void", RACE, "test", str(2**60), "--reason", "y"), "voided_seq: Input should be less"),
        (
            ("amend", "lap", RACE, "3", "2", "--time", "0", "--reason", "y"),
            "a lap time is greater than 0",
        ),
        (("amend", "lap", RACE, "3", "2", "--time", "3:00", "--reason", "y"), "no longer than the"),
        (
            ("amend", "lap", RACE, "3", "2", "--completed-at", "1:02", "--reason", "y"),
            "completed_at: must be after lap 1, which ended at 0:01:02.000",
        ),
        (
            ("amend", "lap", RACE, "3", "2", "--completed-at", "3:02", "--reason", "y"),
            "completed_at: must be before lap 3, which ended at 0:03:02.000",
        ),
    ],
)
def test_what_cannot_be_decided(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """One line says why, and nothing is appended."""
    before = race.events(RACE)
    assert says in race.refused(*arguments)
    assert race.events(RACE) == before


def test_a_penalty_is_not_served_before_it_is_imposed(race: Commands) -> None:
    """Nor does anything else become of it before it was last changed."""
    race.output("penalty", "impose", RACE, "1", "drive-through", "--at", "lap:2")
    before = race.events(RACE)
    assert "at: not before 0:02:00.000, when penalty 'race-control-0' was imposed" in race.refused(
        "penalty", "serve", RACE, "race-control-0", "--at", "lap:1"
    )
    assert race.events(RACE) == before
    race.output("penalty", "convert", RACE, "race-control-0", "time", "5", "--at", "lap:3")
    assert "when penalty 'race-control-0' was converted" in race.refused(
        "penalty", "rescind", RACE, "race-control-0", "--at", "lap:2"
    )


def test_what_is_over_cannot_be_changed(race: Commands) -> None:
    """A penalty is served once; taken back it is gone."""
    race.output("penalty", "impose", RACE, "1", "time", "5")
    race.output("penalty", "serve", RACE, "race-control-0")
    assert "is served already" in race.refused("penalty", "serve", RACE, "race-control-0")
    race.output("penalty", "rescind", RACE, "race-control-0")
    assert "is rescinded already" in race.refused("penalty", "rescind", RACE, "race-control-0")
    assert "there are race-control-0" in race.refused("penalty", "serve", RACE, "p")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("amend", "lap", RACE, "1", "1", "--reason", "y"), "nothing to amend"),
        (("amend", "lap", RACE, "1", "1", "--time", "x", "--reason", "y"), "'x' is not a time"),
        (("reassign", RACE, "1", "1", "--reason", "y"), "FROM and TO must be two cars"),
        (("void", RACE, "x", "1"), "Missing option '--reason'"),
        (("penalty", "impose", RACE), "Missing argument 'CAR'"),
    ],
)
def test_wrong_usage(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what would be right."""
    assert says in race.misused(*arguments)
