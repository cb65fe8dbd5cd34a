"""How long a field can be silent, and what is said of data of an age."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from projections.race import Race
from projections.views import session_line
from projections.views.freshness import QUIET_MS, STANDING_MS, freshness, patience_ms, ran_on_ms
from tests.builders import Story
from tests.display import display_cases

LINES = ("S1", "S2", "FL")


def field(cars: int, lap_ms: int, flag: str = "green") -> Story:
    """Cars on a circuit of three lines, each of which has driven a lap, under a flag."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="Field", kind="race", timing_lines=LINES)
    for number in range(cars):
        story.entry(str(number)).lap(str(number), 1, lap_ms, lap_ms)
    return story.flag(flag, lap_ms + 1)


def patience(cars: int, lap_ms: int, flag: str = "green") -> int:
    """The patience (ms) of such a field."""
    return patience_ms(field(cars, lap_ms, flag).race())


def test_a_train_is_silent_from_line_to_line():
    """Behind the safety car as long as from line to line, and as long again."""
    assert patience(31, 150_000, "safety_car") == 100_000
    assert patience(60, 150_000, "fcy") == 100_000


def test_many_cars_are_heard_more_often_than_few():
    """Under green nobody is alarmed before half a minute, and later of a small field."""
    assert patience(60, 230_000) == 30_000
    assert patience(5, 75_000) == 40_000


def test_cars_that_stand_say_nothing_for_long():
    """Under a red flag, and before anyone has a lap time."""
    assert patience(31, 75_000, "red") == STANDING_MS
    assert patience(0, 75_000) == STANDING_MS
    assert patience_ms(Race()) == STANDING_MS


def test_only_cars_on_the_track_are_waited_for():
    """One in the lane, and one that retired, say nothing of how long the others take."""
    story = field(2, 60_000, "fcy").entry("slow").lap("slow", 1, 400_000, 400_000)
    assert patience_ms(story.race()) > 100_000
    retired = field(2, 60_000, "fcy").entry("slow").lap("slow", 1, 400_000, 400_000)
    assert patience_ms(retired.retired("slow", 500_000).race()) == 40_000
    story.add(ev.PitEntered, 410_000, car="slow")
    assert patience_ms(story.race()) == 40_000


def test_it_changes_in_steps():
    """It is told in whole five seconds, rounded up, and never less than what is quiet."""
    assert patience(31, 70_001, "fcy") == patience(31, 71_000, "fcy") == 50_000
    assert patience(60, 3_000, "fcy") == QUIET_MS


def test_it_is_reported_with_the_session():
    """Whoever shows the race need not know how it is made."""
    assert session_line(field(31, 150_000, "safety_car").race())["patience_ms"] == 100_000


@pytest.mark.parametrize("case", display_cases("freshness"), ids=str)
def test_freshness(case: dict[str, Any]):
    """Data is first quiet, then stale, and the clock stops there: the web pages' cases too."""
    running, age, patience = case["running"], case["age_ms"], case.get("patience_ms")
    silent = case.get("silent", False)
    assert freshness(running, age, patience, silent=silent) == case["state"]
    assert ran_on_ms(running, age, patience) == case["ran_on_ms"]
