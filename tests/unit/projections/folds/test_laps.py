"""Laps, bests, pace, leaders, drivers."""

from __future__ import annotations

import pytest

import events as ev
from projections import views
from projections.race import Race
from tests.builders import Story, opened


def drive_time(race: Race, until: int) -> dict[str, int]:
    return {name: driven.ms for name, driven in race.drivers.drive_time("1", until).items()}


def test_best_lap_is_the_first_of_equal_ones():
    """A lap as quick as the best does not replace it."""
    story = (
        opened("1").lap("1", 1, 60_000).lap("1", 2, 119_000, 59_000).lap("1", 3, 178_000, 59_000)
    )
    assert story.race().laps.best["1"][:2] == (59_000, 2)


def test_a_deleted_lap_time_leaves_the_lap():
    """Track limits: the lap counts, the next best time stands in."""
    story = opened("1").lap("1", 1, 60_000).lap("1", 2, 121_000, 61_000)
    story.lap("1", 3, 179_000, 58_000).add(ev.LapTimeDeleted, 180_000, car="1", lap=3)
    race = story.race()
    assert race.order.laps["1"] == 3
    assert race.laps.best["1"].ms == 61_000
    assert [row["deleted"] for row in views.laps(race, "1")] == [False, False, True]


def test_the_best_that_is_left_is_the_first_of_equal_ones():
    """The lap before the report of it, whose driver is unknown, and before a later equal one."""
    story = opened("1", kind="practice").lap("1", 2, 120_000, 59_000, driver="Ann")
    for lap, at in ((2, 120_000), (1, 130_000)):
        story.add(ev.BestLapReported, at, car="1", lap=lap, lap_time_ms=59_000)
    story.lap("1", 3, 180_000, 58_000).add(ev.LapTimeDeleted, 180_001, car="1", lap=3)
    assert story.race().laps.best["1"] == (59_000, 2, 120_000, "Ann")


@pytest.mark.parametrize(
    ("kind", "first_at", "laps", "best"),
    [
        # Quicker than any other lap, from the start and not from the line.
        ("race", 58_000, 3, 2),
        ("race", 58_000, 1, None),
        # Timed from the crossing of the line at the start, 5 s after the session began.
        ("race", 63_000, 3, 1),
        ("qualifying", 58_000, 3, 1),
        ("practice", 58_000, 1, 1),
    ],
)
def test_the_first_lap_of_a_race_is_no_best_lap(kind, first_at, laps, best):
    """The first lap of a race begins at the start, not at the line."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="A session", kind=kind)
    story.lap("1", 1, first_at, 58_000)
    for lap in range(2, laps + 1):
        story.lap("1", lap, first_at + 60_000 * (lap - 1), 60_000)
    found = story.race().laps.best.get("1")
    assert (found and found.lap) == best
    story.add(ev.LapTimeDeleted, 900_000, car="1", lap=2)
    again = story.race().laps.best.get("1")
    assert (again and again.lap) == (3 if best == 2 else best)


def test_pace_is_of_green_laps_without_a_visit():
    """Caution laps, in-laps and out-laps do not slow the pace; five laps at most count."""
    story = opened("1").laps("1", 6)
    story.flag("fcy", 361_000).lap("1", 7, 480_000, 120_000).flag("green", 481_000)
    story.lap("1", 8, 550_000, 70_000)
    story.pit("1", 600_000, 640_000).lap("1", 9, 605_000, 55_000, in_pit_lane=True)
    story.lap("1", 10, 700_000, 95_000).lap("1", 11, 765_000, 65_000)
    laps = story.race().laps
    assert laps.green["1"] == (60_000,) * 4 + (65_000,)
    assert laps.pace("1") == 61_000


def test_a_lap_without_a_time_counts():
    """A feed may not tell a lap's time."""
    story = opened("1").lap("1", 1, 60_000, None)
    race = story.race()
    assert race.order.laps["1"] == 1
    assert race.laps.best == {}


def test_lead_changes():
    """A lead change is another car first to complete the next lap, wherever it passed."""
    story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 60_500)
    story.lap("2", 2, 119_000).lap("1", 2, 119_500).lap("2", 3, 180_000).lap("1", 3, 181_000)
    race = story.race()
    assert race.chart.changes == 1
    assert [(row["car"], row["first_lap"], row["last_lap"]) for row in views.leaders(race)] == [
        ("1", 1, 1),
        ("2", 2, 3),
    ]
    assert views.lap_positions(race)["1", 3] == 2


def test_drive_time_runs_through_stops_and_ends_at_the_flag():
    """A change during the stop splits the time; the flag stops the clock."""
    story = opened("1").lap("1", 1, 60_000, driver="A")
    story.pit("1", 110_000)
    story.add(ev.DriverChanged, 130_000, car="1", driver="B")
    story.add(ev.PitExited, 140_000, car="1")
    story.lap("1", 2, 200_000, 140_000, driver="B")
    race = story.race()
    assert drive_time(race, 210_000) == {"A": 130_000, "B": 80_000}
    story.flag("chequered", 250_000).lap("1", 3, 260_000, driver="B").flag("chequered", 900_000)
    assert drive_time(story.race(), 900_000) == {"A": 130_000, "B": 130_000}


def test_a_driver_without_a_change():
    """A lap in another driver's name moves the wheel at the start of that lap."""
    story = opened("1").lap("1", 1, 60_000, driver="A").lap("1", 2, 125_000, 65_000, driver="B")
    assert drive_time(story.race(), 130_000) == {"A": 60_000, "B": 70_000}


def test_a_retired_car_stops_the_drivers_clock():
    """Nobody drives a car that stands."""
    story = opened("1", "2").lap("1", 1, 60_000, driver="A")
    story.add(ev.CarRetired, 240_000, car="1")
    story.laps("2", 10)
    assert drive_time(story.race(), 600_000) == {"A": 60_000}
    story.add(ev.CarReturned, 610_000, car="1")
    assert drive_time(story.race(), 620_000) == {"A": 620_000}
