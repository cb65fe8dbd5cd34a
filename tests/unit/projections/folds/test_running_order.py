"""The running order and its gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from projections.folds.running_order import Gap, natural
from tests.builders import Story, opened


def cars(story: Story) -> list[str]:
    return story.race().order.cars()


def test_more_laps_then_earlier_at_the_line():
    """More laps is ahead; on equal laps the car that completed them first."""
    story = opened("1", "2", "3").laps("3", 2).laps("1", 1).lap("2", 1, 59_000)
    assert cars(story) == ["3", "2", "1"]


def test_a_sector_line_decides_within_a_lap():
    """A car that has crossed S1 since is ahead of one that has not."""
    story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 61_000).line("2", "S1", 2, 80_000)
    assert cars(story) == ["2", "1"]


def test_a_missed_sector_line_is_made_good_at_the_next():
    """A loop that missed a car leaves the order right at the next line it crosses."""
    story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 61_000)
    story.line("2", "S1", 2, 81_000).line("1", "S2", 2, 100_000).line("2", "S2", 2, 101_000)
    assert cars(story) == ["1", "2"]
    story.lap("1", 2, 120_000).lap("2", 2, 121_000)
    assert story.race().order.gap("1", "2", 121_000) == Gap(None, 1_000)


def test_lap_lines_alone_are_enough():
    """The order is right in a session without any sector line."""
    story = opened("1", "2", lines=("FL",)).laps("1", 3).laps("2", 3, ms=61_000)
    assert cars(story) == ["1", "2"]


def test_before_any_crossing_the_grid_then_the_number():
    """Cars that have crossed nothing stand on the grid's order, then by number, last."""
    story = opened("12", "3", "7", "07")
    assert cars(story) == ["3", "07", "7", "12"]
    story.add(ev.GridSet, 0, order=("12", "7"))
    assert cars(story) == ["12", "7", "3", "07"]
    story.line("07", "S1", 1, 20_000)
    assert cars(story) == ["07", "12", "7", "3"]


def test_car_numbers_are_text():
    """1, 01 and 007 are three cars."""
    story = opened("1", "01", "007").lap("01", 1, 1).lap("007", 1, 2).lap("1", 1, 3)
    assert cars(story) == ["01", "007", "1"]
    assert sorted(["10", "007", "7", "01", "X"], key=natural) == ["01", "007", "7", "10", "X"]


def test_two_cars_on_one_millisecond():
    """With nothing else to tell them apart, cars on the same millisecond are ordered by number."""
    story = opened("2", "10").lap("2", 1, 60_000).lap("10", 1, 60_000)
    assert cars(story) == ["2", "10"]
    assert story.race().order.gap("2", "10", 60_000) == Gap(None, 0)


def test_a_lap_read_twice_counts_once():
    """The same lap told by two sources counts once, and earlier lines do not count back."""
    story = opened("1").lap("1", 1, 60_000).lap("1", 1, 60_004).line("1", "S2", 1, 60_010)
    race = story.race()
    assert race.order.laps == {"1": 1}
    assert len(race.laps.laps["1"]) == 1


def test_the_race_of_a_car_ends_at_the_flag():
    """Laps driven after taking the chequered flag count for nothing."""
    story = opened("1", "2").laps("1", 2).lap("2", 1, 61_000).flag("chequered", 120_000)
    story.lap("2", 2, 122_000).lap("1", 3, 190_000).lap("2", 3, 191_000).line("2", "S1", 4, 195_000)
    race = story.race()
    assert race.order.laps == {"1": 2, "2": 2}
    assert race.order.finished == {"1": 120_000, "2": 122_000}


def test_a_flag_shown_by_mistake_lets_the_race_go_on():
    """Green after a chequered flag that no car took: cars run on and are scored."""
    story = (
        opened("1").laps("1", 1).flag("chequered", 60_001).flag("green", 61_000).lap("1", 2, 9**6)
    )
    assert story.race().order.laps == {"1": 2}
    assert story.race().order.finished == {}


class TestGaps:
    """Gaps are measured where the trailing car last crossed a line."""

    def test_neither_collapses_nor_jumps_at_a_lap_boundary(self):
        """As the leader starts another lap the gap stays what it was."""
        story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 65_000)
        before = story.race().order.gap("1", "2", 65_000)
        story.line("1", "S1", 2, 80_000).line("2", "S1", 2, 85_000).line("1", "S2", 2, 100_000)
        story.line("2", "S2", 2, 105_000).lap("1", 2, 120_000)
        after = story.race().order.gap("1", "2", 120_000)
        assert before == after == Gap(None, 5_000)

    def test_a_whole_lap_is_reported_in_laps(self):
        """A car that was lapped is a lap down at its own last line."""
        story = opened("1", "2").laps("1", 3).lap("2", 1, 100_000).lap("2", 2, 200_000)
        assert story.race().order.gap("1", "2", 200_000) == Gap(1, None)

    def test_just_under_a_lap_is_reported_in_time(self):
        """The leader is not yet past the trailing car's line a lap later."""
        story = opened("1", "2", lines=("FL",)).laps("1", 2).lap("2", 1, 119_000)
        assert story.race().order.gap("1", "2", 120_000) == Gap(None, 60_000 - 1_000)

    def test_a_stopped_car_falls_back(self):
        """A car that crosses nothing loses laps as the leader goes round."""
        story = opened("1", "2").lap("2", 1, 60_500).laps("1", 9)
        assert story.race().order.gap("1", "2", 540_000) == Gap(7, None)

    def test_an_overdue_car_falls_back_in_time(self):
        """Less than a lap late at its next line, the gap is what the clock says at least."""
        story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 61_000).line("1", "S1", 2, 80_000)
        race = story.race()
        assert race.order.gap("1", "2", 80_500) == Gap(None, 1_000)
        assert race.order.gap("1", "2", 95_000) == Gap(None, 15_000)

    def test_before_the_first_crossing_there_is_none(self):
        """A car that has crossed nothing has no gap."""
        assert opened("1", "2").lap("1", 1, 60_000).race().order.gap("1", "2", 60_000) is None

    def test_of_a_retired_car_once_the_leader_has_finished(self):
        """It stands still, at the laps that the leader completed more: as in the result."""
        story = opened("1", "2", "3").laps("1", 9).laps("2", 4).laps("3", 3)
        story.line("2", "S1", 5, 260_000).retired("2", 300_000).retired("3", 300_000)
        assert story.race().order.gap("1", "2", 540_000) == Gap(4, None)
        story.flag("chequered", 600_000).lap("1", 10, 600_000)
        order = story.race().order
        assert order.gap("1", "2", 600_000) == order.gap("1", "2", 10**7) == Gap(6, None)
        assert order.gap("2", "3", 10**7) == Gap(1, None)


def test_sector_times_and_bests():
    """Sectors are the times between lines; one with a missed line is unknown."""
    story = opened("1")
    story.line("1", "S1", 1, 20_000).line("1", "S2", 1, 45_000).lap("1", 1, 60_000)
    story.line("1", "S2", 2, 104_000).lap("1", 2, 118_000, 58_000)
    order = story.race().order
    assert order.sectors("1", 1) == (20_000, 25_000, 15_000)
    assert order.sectors("1", 2) == (None, None, 14_000)
    assert order.best_sectors["1"] == (20_000, 25_000, 14_000)
    assert order.last_sectors("1") == (None, None, 14_000)
    assert order.sectors_done("1") == 0
    story.line("1", "S1", 3, 139_000)
    order = story.race().order
    assert order.last_sectors("1") == (21_000, None, 14_000)
    assert order.sectors_done("1") == 1
    assert order.sectors_done("2") == 0


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4000)), min_size=1, max_size=60),
)
def test_the_order_is_the_definition(steps: list[tuple[int, int]]):
    """Laps, then lines since, then the earlier time: against the definition itself."""
    story = opened("0", "1", "2")
    done = {0: 0, 1: 0, 2: 0}
    at, last = 0, {}
    for car, later in steps:
        at += later
        done[car] += 1
        lap, line = divmod(done[car] - 1, 3)
        last[car] = at
        if line == 2:
            story.lap(str(car), lap + 1, at)
        else:
            story.line(str(car), ("S1", "S2")[line], lap + 1, at)
    expected = sorted(done, key=lambda car: (-done[car], last.get(car, 0), car))
    assert cars(story) == [str(car) for car in expected]


@pytest.mark.parametrize("sector", [1, 3])
def test_a_flag_with_a_sector_does_not_end_the_race(sector: int):
    """A local flag changes nothing for the order."""
    story = opened("1").flag("chequered", 1_000, sector=sector).laps("1", 2)
    assert story.race().order.finished == {}
