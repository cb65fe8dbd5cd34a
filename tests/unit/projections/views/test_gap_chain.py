"""Gaps that add up, whatever happens between two lines."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.race import Race
from projections.views import standings
from projections.views.frame_builder import FrameBuilder, cars_of, frame_state
from projections.views.gaps import gaps
from projections.views.rows import Row
from services.gateway.outputs.derived import battle
from tests.builders import Story, opened, race_of

LINES = ("S1", "S2", "FL")


def drive(story: Story, car: str, *ats: int) -> Story:
    """The crossings of a car, in seconds, line after line from its first on."""
    for number, at in enumerate(ats):
        lap, line = number // 3 + 1, LINES[number % 3]
        if line == "FL":
            story.lap(car, lap, at * 1000, None)
        else:
            story.line(car, line, lap, at * 1000)
    return story


def closing_up() -> Story:
    """#1 is slow behind the safety car; #2 has closed up to it, #3 and #4 are yet to be seen."""
    story = opened("1", "2", "3", "4")
    drive(story, "1", 30, 60, 90, 170)
    drive(story, "2", 60, 90, 120, 175)
    drive(story, "3", 62, 92, 122)
    return drive(story, "4", 80, 110, 140)


def stopped() -> Story:
    """#2 stands after S1 of its second lap; #3 has crossed that line 70 s later."""
    story = opened("1", "2", "3", "4")
    drive(story, "1", 30, 60, 90, 120, 150, 180)
    drive(story, "2", 32, 62, 92, 122)
    drive(story, "3", 102, 132, 162, 192)
    return drive(story, "4", 104, 134, 164, 194)


def all_overdue() -> Story:
    """Nobody but the leader has crossed a line for a long time."""
    story = opened("1", "2", "3", "4")
    drive(story, "1", 30, 60)
    for behind, car in enumerate(("2", "3", "4"), start=1):
        drive(story, car, 30 + 2 * behind)
    return story.flag("fcy", 75_000)


def of_two_classes() -> Story:
    """The second class is a lap down, but its cars are within a lap of each other."""
    story = opened("1", "2").entry("57", "GTD").entry("12", "GTD").entry("99", "GTD")
    drive(story, "1", 30, 60, 90, 120, 150, 180, 210)
    drive(story, "2", 31, 61, 91, 121, 151, 181, 211)
    drive(story, "57", 50, 100, 150)
    drive(story, "12", 51, 102, 155)
    return drive(story, "99", 53, 104, 158)


def apart(rows: list[Row], gap: str, interval: str) -> int:
    """By how much (ms) the gaps of neighbours and the intervals between them differ at most."""
    worst = 0
    for before, row in pairwise(rows):
        if before[gap]["ms"] is not None and row[gap]["ms"] is not None:
            worst = max(worst, abs(row[gap]["ms"] - before[gap]["ms"] - row[interval]["ms"]))
    return worst


def check(race: Race) -> None:
    """Gaps add up, overall and in each class, and grow from car to car."""
    rows, classes = standings(race), defaultdict(list)
    for row in rows:
        classes[row["class"]].append(row)
    assert apart(rows, "gap", "interval") == 0
    shown = [row["gap"]["ms"] for row in rows if row["gap"]["ms"] is not None]
    assert shown == sorted(shown)
    for name, of_class in classes.items():
        assert apart(of_class, "class_gap", "class_interval") == 0, name


@pytest.mark.parametrize("story", [closing_up, stopped, all_overdue, of_two_classes])
def test_gaps_add_up(story: object) -> None:
    """Under caution, behind a car that stopped, with cars overdue, and in classes a lap down."""
    check(story().race())  # type: ignore[operator]


def test_a_field_closes_up_as_a_whole() -> None:
    """Cars not seen since keep their intervals; they do not stay where they were on green."""
    rows = {row["car"]: row for row in standings(closing_up().race())}
    assert rows["2"]["gap"]["ms"] == 5000
    assert 2000 <= rows["3"]["gap"]["ms"] - rows["2"]["gap"]["ms"] < 2500  # 32 s by itself
    assert 18_000 <= rows["4"]["gap"]["ms"] - rows["3"]["gap"]["ms"] < 21_000
    assert rows["4"]["gap"]["ms"] < 40_000  # 50 s by itself


def test_behind_a_car_that_stopped() -> None:
    """A car keeps its own gap to the leader: the car ahead falls back to it, alone."""
    rows = {row["car"]: row for row in standings(stopped().race())}
    assert rows["2"]["gap"]["ms"] == 44_000
    assert rows["3"]["gap"]["ms"] == 72_000
    assert rows["4"]["interval"]["ms"] == 2000


def test_no_two_cars_have_the_leaders_time() -> None:
    """Of cars that are overdue at one line only the first grows to the time since the leader."""
    rows = standings(all_overdue().race())
    assert [row["gap"]["ms"] for row in rows] == [0, 15_000, 17_000, 19_000]


def test_a_pair_has_one_interval() -> None:
    """Overall, in class, in a battle and measured from a car it is the same figure."""
    race = of_two_classes().race()
    rows = {row["car"]: row for row in standings(race)}
    assert rows["12"]["interval"] == rows["12"]["class_interval"]
    assert rows["57"]["gap"]["laps"] == 1
    fight = battle(race, ("57", "12", "99"))
    measured = {row["car"]: row["gap"] for row in gaps(race, to="57")}
    for car in ("12", "99"):
        assert fight[car]["gap"]["ms"] == measured[car]["ms"] == rows[car]["class_gap"]["ms"]


TIMES = st.lists(st.integers(20, 60), min_size=1, max_size=14)


@given(st.lists(TIMES, min_size=2, max_size=6))
@example([[20], [22], [20, 20], [20, 20], [20]])  # a car is overdue from this millisecond on
def test_any_field(field: list[list[int]]) -> None:
    """Gaps add up in any race, and a builder that is kept up has those of a new one."""
    story = opened(*map(str, range(len(field))))
    for car, sectors in enumerate(field):
        at, ats = car, []
        for seconds in sectors:
            at += seconds
            ats.append(at)
        drive(story, str(car), *ats)
    events = sorted(story.events, key=lambda event: event.at)
    race, builder = Race(), FrameBuilder()
    for event in events:
        race.apply(event)
        builder.advance(race, cars_of([event]))
    check(race)
    assert builder.state["standings"] == frame_state(race_of(story))["standings"]
