"""The pit lane: visits, stops, stints."""

from __future__ import annotations

import events as ev
from projections.folds.pits import Stint, Visit
from tests.builders import opened


def test_second_read_at_pit_entry():
    """Reading a transponder twice at pit entry changes nothing."""
    story = opened("7").pit("7", 50_000)
    once = story.race().pits.current
    story.pit("7", 50_003)
    assert story.race().pits.current == once
    assert story.race().pits.in_lane_since("7") == 50_000


def test_a_visit_is_a_stop_and_ends_the_stint():
    """Laps since the stop count from the lap the car came in on."""
    story = opened("7").laps("7", 3).pit("7", 239_000, 290_000)
    story.lap("7", 4, 241_000, in_pit_lane=True).lap("7", 5, 330_000)
    pits = story.race().pits
    assert pits.visits["7"] == [Visit(239_000, 290_000, 4, "stop", None, "green", False)]
    assert pits.visits["7"][0].lane_ms == 51_000
    assert (pits.stops["7"], pits.last_pit_lap["7"], pits.stint_laps("7")) == (1, 4, 1)
    assert pits.stints("7") == [Stint(1, 1, 4, 0, 239_000), Stint(2, 5, 5, 290_000, None)]


def test_a_drive_through_is_a_lane_pass_but_no_stop():
    """Serving a drive-through leaves the stint as it was."""
    story = opened("7").laps("7", 1)
    story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="7", kind="drive_through")
    story.pit("7", 110_000)
    story.add(ev.PenaltyServed, 120_000, penalty_id="p")
    story.add(ev.PitExited, 140_000, car="7")
    pits = story.race().pits
    assert [visit.kind for visit in pits.visits["7"]] == ["drive_through"]
    assert "7" not in pits.stops


def test_a_visit_as_short_as_driving_through_is_no_stop():
    """To 5 % of what the lane takes without stopping; unless the car stood or changed driver."""
    story = opened("7", drive_through_ms=30_000).laps("7", 1)
    story.pit("7", 70_000, 101_500).pit("7", 200_000, 231_501)
    story.pit("7", 300_000)
    story.add(ev.DriverChanged, 310_000, car="7", driver="B")
    story.add(ev.PitExited, 331_000, car="7")
    story.pit("7", 400_000)
    story.add(ev.PitStopped, 410_000, car="7", stationary_ms=1_000)
    story.add(ev.PitExited, 430_000, car="7")
    pits = story.race().pits
    kinds = [visit.kind for visit in pits.visits["7"]]
    assert kinds == ["drive_through", "stop", "stop", "stop"]
    assert pits.stops["7"] == 3


def test_waiting_for_a_restart_in_the_lane_is_no_stop():
    """A visit during which the race stands is a stoppage, not a stop."""
    story = opened("7").laps("7", 1).pit("7", 70_000).flag("red", 80_000).flag("green", 900_000)
    story.add(ev.PitExited, 910_000, car="7")
    assert [visit.kind for visit in story.race().pits.visits["7"]] == ["stoppage"]


def test_standing_times_add_up():
    """Two stops in one way through the lane add up; a driver change is noted."""
    story = opened("7").pit("7", 10_000)
    story.add(ev.PitStopped, 40_000, car="7", stationary_ms=20_000)
    story.add(ev.DriverChanged, 41_000, car="7", driver="B")
    story.add(ev.PitStopped, 60_000, car="7", stationary_ms=5_000)
    story.add(ev.PitExited, 65_000, car="7")
    (visit,) = story.race().pits.visits["7"]
    assert (visit.stationary_ms, visit.driver_changed) == (25_000, True)


def test_an_exit_without_an_entry_is_no_visit():
    """What is not known is not made up."""
    assert opened("7").race().pits.visits == {}
    story = opened("7")
    story.add(ev.PitExited, 10_000, car="7")
    assert story.race().pits.visits == {}


def test_a_stop_before_the_line():
    """Back on the track on the lap of the stop, a car has a stint of no laps."""
    story = opened("7").laps("7", 2).pit("7", 130_000, 150_000)
    assert story.race().pits.stint_laps("7") == 0
    assert story.lap("7", 3, 190_000).race().pits.stint_laps("7") == 0
    assert story.lap("7", 4, 250_000).race().pits.stint_laps("7") == 1
