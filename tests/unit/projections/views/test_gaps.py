"""Gaps from any car to any car, now and lap by lap."""

from __future__ import annotations

import pytest

from events.errors import UnknownCar
from projections import views
from projections.views import gaps
from projections.views.rows import Row
from tests.builders import Story, opened
from tests.races import petit_le_mans_2007_timeline

OFTEN = (3, 60, 150, 240, 300)
"""Laps of the leader at which every pair of cars is looked at."""


def duel() -> Story:
    """#1 laps in 60 s, #2 in 61 s from lap 3 on, #3 in 100 s; #2 leads the first two laps."""
    story = opened("1", "2", "3", lines=("FL",))
    for lap in range(1, 7):
        story.lap("1", lap, lap * 60_000 + 500)
        story.lap("2", lap, lap * 60_000 + max(0, lap - 2) * 1000)
    return story.laps("3", 3, 100_000)


def rows(story: Story, to: str | None, since_ms: int = 0) -> dict[str, Row]:
    """The chart by car."""
    return {row["car"]: row for row in gaps.chart(story.race(), to, since_ms)}


def test_now_to_any_car() -> None:
    """Ahead and behind are told apart; the gap is that of the running order."""
    race = duel().race()
    found = {row["car"]: (row["side"], row["gap"]) for row in gaps.gaps(race, "2")}
    assert found["1"] == ("ahead", {"laps": None, "ms": 3500})
    assert found["2"] == ("same", {"laps": 0, "ms": 0})
    assert found["3"] == ("behind", race.order.gap("2", "3", race.at)._asdict())  # type: ignore[union-attr]


def test_without_a_car_it_is_the_leader() -> None:
    """The gaps to the leader are those of the standings."""
    race = duel().race()
    standings = {row["car"]: row["gap"] for row in views.standings(race)}
    assert {row["car"]: row["gap"] for row in gaps.gaps(race)} == standings
    assert {row["to"] for row in gaps.gaps(race)} == {"1"}


def test_before_the_start() -> None:
    """Cars that have crossed nothing have no gap, and nobody has a chart."""
    race = opened("1", "2").race()
    nothing = {"laps": None, "ms": None}
    assert [row["gap"] for row in gaps.gaps(race)] == [nothing, nothing]
    assert gaps.chart(race) == []
    assert gaps.gaps(Story().opened().race()) == []


def test_lap_by_lap() -> None:
    """A gap changes its sign with the lead; whole laps are counted when the later one came."""
    found = rows(duel(), "1")
    assert found["2"]["behind_ms"] == [-500, -500, 500, 1500, 2500, 3500]
    assert found["2"]["behind_laps"] == [0] * 6
    assert found["3"]["behind_ms"] == [39_500, 79_500, 119_500]
    assert found["3"]["behind_laps"] == [0, 1, 1]
    assert rows(duel(), "3")["1"]["behind_laps"][:3] == [0, -1, -1]
    assert rows(duel(), "3")["1"]["behind_ms"][3:] == [None] * 3


def test_to_whoever_was_first() -> None:
    """Without a car each lap is compared with the first to complete it."""
    found = rows(duel(), None)
    assert found["2"]["behind_ms"] == [0, 0, 500, 1500, 2500, 3500]
    assert found["1"]["behind_ms"] == [500, 500, 0, 0, 0, 0]
    assert found["1"]["positions"] == [2, 2, 1, 1, 1, 1]


def test_a_lap_that_was_not_timed_is_a_hole() -> None:
    """Columns stay in line with the laps."""
    story = opened("1", "2", lines=("FL",)).laps("1", 4)
    story.lap("2", 1, 61_000).lap("2", 3, 182_000, None, in_pit_lane=True)
    row = rows(story, None)["2"]
    assert row["at_ms"] == [61_000, None, 182_000]
    assert row["lap_time_ms"] == [60_000, None, None]
    assert row["behind_ms"] == [1000, None, 2000]
    assert row["pit_laps"] == [3]


def test_since_a_time() -> None:
    """Going on from a time gives all that became known since, and what was before as it was."""
    whole = rows(duel(), "2")
    for since in (0, 60_000, 125_000, 300_500, 10**9):
        later = rows(duel(), "2", since)
        for car, row in later.items():
            skipped = row["first_lap"] - 1
            for name in ("at_ms", "lap_time_ms", "positions", "behind_ms", "behind_laps"):
                assert row[name] == whole[car][name][skipped:]
        for car, row in whole.items():
            known_before = later[car]["first_lap"] - 1 if car in later else len(row["at_ms"])
            assert all(at < since for at in row["at_ms"][:known_before])
    assert rows(duel(), "2", 10**9) == {}


def test_an_unknown_car() -> None:
    """A car that is not there is an error that names it."""
    with pytest.raises(UnknownCar):
        gaps.gaps(duel().race(), "9")
    with pytest.raises(UnknownCar):
        gaps.chart(duel().race(), "9")


def test_as_the_running_order_reported_it_then() -> None:
    """After each lap the gap is that of the standings when the later car completed it; places
    are those of the lap chart."""
    timeline = petit_le_mans_2007_timeline()
    leader = timeline.race.order.cars()[0]
    charted = gaps.chart(timeline.race, leader)
    reference = next(row for row in charted if row["car"] == leader)
    places = views.lap_positions(timeline.race)
    assert places == {
        (row["car"], row["first_lap"] + index): place
        for row in charted
        for index, place in enumerate(row["positions"])
        if place is not None
    }
    for row in charted[1:6]:
        for lap in OFTEN:
            later = max(row["at_ms"][lap - 1], reference["at_ms"][lap - 1])
            race = timeline.race_at(later)
            ahead, behind = leader, row["car"]
            if row["behind_ms"][lap - 1] < 0:
                ahead, behind = behind, ahead
            gap = race.order.gap(ahead, behind, later)
            assert gap is not None
            laps = abs(row["behind_laps"][lap - 1])
            found = (laps, None) if laps else (None, abs(row["behind_ms"][lap - 1]))
            assert gap == found
