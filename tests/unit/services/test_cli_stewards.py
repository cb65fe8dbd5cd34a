"""Decisions by command: what is appended, what they change, what cannot be decided."""

from __future__ import annotations

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


def order(race: Commands, *asked: str) -> list[str]:
    """The cars in the order of the result."""
    return [row["car"] for row in race.rows("results", "results", RACE, *asked)]


def test_a_penalty_is_one_event_with_who_and_when(race: Commands) -> None:
    """It is decided now unless said otherwise, and named by its number."""
    race.told("penalty", "impose", RACE, "1", "time", "5", "--reason", "contact", "--by", "Ann")
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
    race.told("penalty", "impose", RACE, "2", "drive-through", "--at", "lap:2")
    later = race.events(RACE)[-1]
    assert isinstance(later, ev.PenaltyImposed)
    assert (later.at, later.source_seq, later.by, later.kind) == (
        *(120_000, 1, "a steward"),
        "drive_through",
    )


def test_what_a_penalty_changes_is_told(race: Commands) -> None:
    """The cars whose place, time or points change, before and after."""
    rows = race.rows("whatif", "penalty", "impose", RACE, "1", "time", "5")
    assert [
        (row["car"], row["position_now"], row["position_then"], row["points_then"]) for row in rows
    ] == [("2", 2, 1, 350), ("3", 3, 2, 320), ("1", 1, 3, 300)]
    said = race.told("penalty", "serve", RACE, "race-control-0")
    assert said.startswith("race-control 1 at ")
    assert "penalty race-control-0 served" in said
    assert order(race) == ["1", "2", "3"]


def test_a_penalty_from_its_imposition_to_its_end(race: Commands) -> None:
    """Imposed, converted, rescinded: each counts at once, and each result is still there."""
    race.told("penalty", "impose", RACE, "1", "drive-through")
    assert order(race) == ["2", "3", "1"]
    race.told("penalty", "convert", RACE, "race-control-0", "places", "1")
    assert order(race) == ["2", "1", "3"]
    race.told("penalty", "rescind", RACE, "race-control-0", "--reason", "appeal")
    assert order(race) == ["1", "2", "3"]
    assert [order(race, "--revision", str(n)) for n in (1, 2, 3, 4)] == [
        ["1", "2", "3"],
        ["2", "3", "1"],
        ["2", "1", "3"],
        ["1", "2", "3"],
    ]


def test_a_dry_run_appends_nothing(race: Commands) -> None:
    """It shows the same, and the log is as it was."""
    before = race.events(RACE)
    said = race.told("penalty", "impose", RACE, "1", "time", "5", "--dry-run")
    assert said.startswith("would be decided: #1: 5 s added to its time")
    assert race.events(RACE) == before


def test_a_decision_without_effect_says_so(race: Commands) -> None:
    """A warning is in the book and changes nothing."""
    said = race.told("penalty", "impose", RACE, "3", "warning")
    assert said.endswith("nothing in the order changes\n")


def test_an_event_is_voided(race: Commands) -> None:
    """It is named by its identity, and counts no more."""
    race.told("penalty", "impose", RACE, "1", "disqualification")
    assert order(race) == ["2", "3", "1"]
    race.told("void", RACE, "race-control", "0", "--reason", "typing error")
    assert order(race) == ["1", "2", "3"]
    assert isinstance(race.events(RACE)[-1], ev.EventVoided)


def test_a_lap_is_amended(race: Commands) -> None:
    """What is given changes, and everything that follows from it."""
    race.told(
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
    race.told("delete-time", RACE, "2", "1", "--reason", "track limits")
    (row,) = race.rows("laps", "laps", RACE, "--car", "2")[:1]
    assert (row["lap"], row["deleted"]) == (1, True)


def test_crossings_are_given_to_another_car(race: Commands) -> None:
    """For a span of time, or from a moment on always; one way or swapped."""
    race.told("reassign", RACE, "1", "3", "--from", "lap:3", "--swap", "--reason", "transponders")
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
        (("penalty", "impose", RACE, "1", "fun"), "KIND one of drive_through"),
        (("penalty", "serve", RACE, "p"), "no penalty 'p' in this session; there are none"),
        (("void", RACE, "x", "1", "--reason", "y"), "no event 1 of source 'x' in this log"),
        (("delete-time", RACE, "1", "9"), "car '1' has no lap 9; it completed 4"),
        (("amend", "lap", RACE, "9", "1", "--driver", "A", "--reason", "y"), "no car '9'"),
        (("reassign", RACE, "1", "8", "--reason", "y"), "no car '8' in this session"),
        (("penalty", "impose", RACE, "1", "time", "5", "--at", "lap:9"), "the last was lap 4"),
        (("penalty", "impose", "alms-2007", "1", "time", "5"), "'alms-2007' is a season"),
        (("penalty", "impose", RACE, "1", "time", "5", "--rules", "x"), "no regulation pack 'x'"),
    ],
)
def test_what_cannot_be_decided(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """One line says why, and nothing is appended."""
    before = race.events(RACE)
    assert says in race.refused(*arguments)
    assert race.events(RACE) == before


def test_what_is_over_cannot_be_changed(race: Commands) -> None:
    """A penalty is served once; taken back it is gone."""
    race.told("penalty", "impose", RACE, "1", "time", "5")
    race.told("penalty", "serve", RACE, "race-control-0")
    assert "is served already" in race.refused("penalty", "serve", RACE, "race-control-0")
    race.told("penalty", "rescind", RACE, "race-control-0")
    assert "is rescinded already" in race.refused("penalty", "rescind", RACE, "race-control-0")
    assert "there are race-control-0" in race.refused("penalty", "serve", RACE, "p")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("amend", "lap", RACE, "1", "1", "--reason", "y"), "nothing to amend"),
        (("amend", "lap", RACE, "1", "1", "--time", "x", "--reason", "y"), "'x' is not a time"),
        (("reassign", RACE, "1", "1", "--reason", "y"), "FROM and TO are two cars"),
        (("void", RACE, "x", "1"), "Missing option '--reason'"),
        (("penalty", "impose", RACE), "Missing argument 'CAR'"),
    ],
)
def test_wrong_usage(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what would be right."""
    assert says in race.misused(*arguments)
