"""What a stop costs, and where it would put a car."""

from __future__ import annotations

import pytest

from events.errors import NotARace
from projections.results.rejoin import Cost, deficits, rejoins, stop_costs
from tests.builders import Story, opened

LAP = 60_000


def race_with_a_stop(lines: tuple[str, ...] = ("FL",)) -> Story:
    """Cars 10 s apart; car 3 stopped on lap 6 and lost 30 s; 45 s in the lane."""
    story = opened("1", "2", "3", lines=lines)
    for lap in range(1, 11):
        story.lap("1", lap, lap * LAP, LAP)
        story.lap("2", lap, lap * LAP + 10_000, LAP)
        lost = 0 if lap < 6 else 5_000 if lap == 6 else 30_000
        ms = LAP + (5_000 if lap == 6 else 25_000 if lap == 7 else 0)
        story.lap("3", lap, lap * LAP + 20_000 + lost, ms)
    return story.pit("3", 6 * LAP + 15_000, 7 * LAP)


def test_time_behind_the_leader_counts_laps_too():
    """A car's deficit is measured where it last crossed a line."""
    story = opened("1", "2", "3", lines=("FL",)).laps("1", 5).laps("2", 3, ms=90_000)
    story.lap("3", 1, 61_000).pit("3", 100_000)
    assert deficits(story.race()) == {"1": 0, "2": 90_000}


def test_a_stop_costs_what_its_two_laps_took_longer():
    """In-lap and out-lap against the pace before."""
    assert stop_costs(race_with_a_stop().race()) == {("green", None): Cost(30_000, 1, None)}


def test_under_caution_the_field_is_slower_beside_the_lane():
    """The lane time less twice the stretch, where a caution lap takes twice as long."""
    story = race_with_a_stop().flag("fcy", 601_000)
    for car, at in (("1", 720_000), ("2", 730_000)):
        story.lap(car, 11, at, 2 * LAP).lap(car, 12, at + 2 * LAP, 2 * LAP)
    story.pit("3", 650_000, 690_000)
    cost = stop_costs(story.race())["caution", None]
    assert cost == Cost(40_000 - 2 * (45_000 - 30_000), 1, None)


@pytest.mark.parametrize("lines", [("FL",), ("S1", "FL")])
def test_a_stop_under_caution_against_the_cars_beside_the_lane(lines: tuple[str, ...]):
    """Whoever stopped took 70 s longer than the cars that stayed out: so much it costs.

    With a line between it is compared from the last line before the lane to the first behind it.
    """
    story = race_with_a_stop(lines).flag("fcy", 645_000)
    for car, behind in (("1", 0), ("2", 10_000), ("3", 50_000)):
        for lap in (11, 12, 13):
            end = 600_000 + behind + (lap - 10) * 120_000
            end += 70_000 if car == "3" and lap > 11 else 0
            if len(lines) == 2:
                story.line(car, "S1", lap, end - 60_000)
            story.lap(car, lap, end, 120_000)
    story.pit("3", 720_000, 840_000)
    assert stop_costs(story.race())["caution", None] == Cost(70_000, 1, None)


def test_a_stop_under_caution_never_costs_more_than_the_lane():
    """Where the way in and out of it cost more than the lane takes, the stretch counts nothing."""
    story = race_with_a_stop().flag("fcy", 601_000)
    story.pit("2", 7 * LAP + 1_000, 7 * LAP + 11_000)
    for car, at in (("1", 720_000), ("2", 730_000)):
        story.lap(car, 11, at, 2 * LAP).lap(car, 12, at + 2 * LAP, 2 * LAP)
    story.pit("3", 650_000, 690_000)
    assert stop_costs(story.race())["caution", None].ms <= 40_000


def test_the_place_after_a_stop():
    """The leader would come back 20 s behind the second car, and 20 s ahead of the third."""
    first, second, _ = rejoins(race_with_a_stop().race())
    assert (first.car, first.position, first.ahead, first.ahead_ms) == ("1", 2, "2", 20_000)
    assert (first.behind, first.behind_ms) == ("3", 20_000)
    assert (second.car, second.position, second.class_behind_ms) == ("2", 2, 10_000)


def test_without_stops_nothing_is_known():
    """No figure is made up before a stop was seen."""
    assert rejoins(opened("1").laps("1", 3).race()) == []


@pytest.mark.parametrize("kind", ["qualifying", "practice"])
def test_a_session_without_places_on_the_road(kind: str):
    """One line says why there is nothing to rejoin."""
    race = opened("1", "2", kind=kind, lines=("FL",)).laps("1", 5).laps("2", 5).race()
    with pytest.raises(NotARace, match=f"this is {kind}, not a race: its order is by best lap"):
        rejoins(race)
