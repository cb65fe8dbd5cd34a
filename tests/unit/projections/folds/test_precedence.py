"""Cars on the same millisecond: one rule, the same in every order."""

from __future__ import annotations

import pytest
from hypothesis import given

import events as ev
from projections import views
from projections.race import Race
from projections.results.classification import classify
from projections.views.gaps import chart as chart_of
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races

LEVEL = 120_000


def by_the_line_before() -> Story:
    """Car 9 led at the end of lap 1; both complete lap 2 together."""
    story = opened("10", "9", lines=("FL",)).lap("9", 1, 60_000).lap("10", 1, 60_200)
    return story.lap("10", 2, LEVEL).lap("9", 2, LEVEL)


def by_the_last_sector() -> Story:
    """Car 10 led at the end of lap 1, car 9 at the sector line before the flag."""
    story = opened("10", "9").lap("10", 1, 60_000).lap("9", 1, 60_200)
    story.line("9", "S2", 2, 100_000).line("10", "S2", 2, 100_100)
    return story.lap("10", 2, LEVEL).lap("9", 2, LEVEL)


def by_a_line_that_neither_missed() -> Story:
    """The loop at S2 missed car 10, so that S1 decides."""
    story = opened("10", "9")
    story.line("9", "S1", 1, 20_000).line("10", "S1", 1, 20_100).line("9", "S2", 1, 40_000)
    return story.lap("10", 1, LEVEL).lap("9", 1, LEVEL)


def by_the_grid() -> Story:
    """Nothing was timed before: the better place on the grid."""
    story = opened("10", "9", lines=("FL",))
    story.add(ev.GridSet, 0, order=("9", "10"))
    return story.lap("10", 1, LEVEL).lap("9", 1, LEVEL)


def by_the_number() -> Story:
    """9 before 10."""
    return opened("10", "9", lines=("FL",)).lap("10", 1, LEVEL).lap("9", 1, LEVEL)


CASES = [
    by_the_line_before,
    by_the_last_sector,
    by_a_line_that_neither_missed,
    by_the_grid,
    by_the_number,
]


@pytest.mark.parametrize("case", CASES)
def test_equal_times_are_ordered_alike_everywhere(case):
    """Running order, leader, result, lap chart and gaps have the same car ahead."""
    race: Race = case().race()
    lap = race.order.laps["9"]
    assert race.order.cars() == ["9", "10"]
    assert race.order.leader() == "9"
    assert [row.car for row in classify(race)] == ["9", "10"]
    assert race.chart.leaders[-1].car == "9"
    assert race.chart.class_leaders["GT"][-1].car == "9"
    assert [leader.lap for leader in race.chart.leaders] == list(range(1, lap + 1))[-lap:]
    assert views.lap_positions(race)["9", lap] == 1
    places = {row["car"]: row["positions"][-1] for row in chart_of(race)}
    assert places == {"9": 1, "10": 2}
    assert views.session_line(race)["leader"] == "9"


def test_a_tie_is_no_lead_change():
    """Which of two cars on one millisecond is folded first does not count as a lead."""
    race = by_the_line_before().race()
    assert (race.chart.changes, race.chart.class_changes) == (0, {"GT": 0})
    assert race.chart.lead_changes() == []
    story = by_the_line_before().lap("10", 3, 180_000).lap("9", 3, 180_000)
    assert story.race().chart.changes == 0
    story.lap("10", 4, 239_000).lap("9", 4, 240_000)
    assert story.race().chart.changes == 1


def test_of_equal_totals_with_penalties_the_car_ahead_at_the_line():
    """Five seconds make them level in the result; on the road car 10 was ahead."""
    story = opened("9", "10", lines=("FL",)).flag("chequered", 60_000)
    story.lap("10", 1, 60_000).lap("9", 1, 65_000)
    story.add(ev.PenaltyImposed, 61_000, penalty_id="p", car="10", kind="time", amount=5)
    assert [row.car for row in classify(story.race())] == ["10", "9"]


@given(races(corrected=False))
def test_one_leader_a_lap_the_first_in_the_lap_chart(events):
    """However many cars share a millisecond, and however their laps arrive."""
    race = race_of(events)
    leaders = race.chart.leaders
    laps = [leader.lap for leader in leaders]
    assert laps == sorted(set(laps))
    assert len(race.chart.lead_changes()) == race.chart.changes
