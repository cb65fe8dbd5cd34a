"""Forecasts: honest odds of a race, from what was known and nothing else."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from events.errors import NoForecast
from projections.forecast.race_forecast import CarForecast, race_forecast
from projections.race import Race
from projections.timeline import Timeline
from tests.builders import Story
from tests.unit.projections.random_races import races

HOUR_MS = 3_600_000
LENGTH_MS = HOUR_MS
RUNS = 60


def a_race(*cars: str, laps: int = 30, gap_ms: int = 2_000, **members) -> Story:
    """Cars a little apart, on laps of a minute, in a race of an hour."""
    story = Story().opened(*cars, lines=("FL",), **{"time_limit_ms": LENGTH_MS, **members})
    for place, car in enumerate(cars):
        for lap in range(1, laps + 1):
            story.lap(car, lap, lap * 60_000 + place * gap_ms)
    return story


def forecast(race: Race, runs: int = 200) -> dict[str, CarForecast]:
    """The forecast of each car."""
    return {one.car: one for one in race_forecast(race, runs=runs).cars}


class TestOdds:
    """Probabilities, and what they rest on."""

    def test_they_are_a_distribution(self):
        """Of each car over its places, and of the first place over the cars."""
        made = forecast(a_race("1", "2", "3", "4").race())
        for one in made.values():
            assert sum(one.places) == pytest.approx(1, abs=1e-6)
            assert len(one.places) == 4
            assert one.place_p10 <= one.expected_place <= one.place_p90 or one.place_p10 == 1
        assert sum(one.win for one in made.values()) == pytest.approx(1, abs=1e-3)

    def test_a_lead_is_worth_something_and_the_more_the_later(self):
        """The leader of two is the favourite, and nearly certain a lap before the end."""
        early, late = (
            forecast(a_race("1", "2", laps=laps, gap_ms=20_000).race()) for laps in (10, 59)
        )
        assert 0.5 < early["1"].win < late["1"].win
        assert late["1"].win > 0.95

    def test_laps_are_counted_to_the_flag(self):
        """A car on laps of a minute with half an hour to go completes thirty, less its stop."""
        laps = forecast(a_race("1", "2").race())["1"].laps_left
        assert laps.p10 <= laps.p50 <= laps.p90
        assert 22 <= laps.p50 <= 31

    def test_no_laps_beyond_the_distance(self):
        """A race by laps ends with the last of them, whatever the pace."""
        made = forecast(a_race("1", "2", laps=7, time_limit_ms=None, laps_limit=10).race())
        assert [tuple(one.laps_left) for one in made.values()] == [(3, 3, 3)] * 2

    @pytest.mark.parametrize("ended", [False, True])
    def test_no_laps_after_the_finish(self, ended: bool):
        """Who has taken the flag completes none; the others complete theirs, if they are timed."""
        story = a_race("1", "2", laps=59).lap("1", 60, 3_600_000)
        story.flag("chequered", 3_600_000).lap("1", 61, 3_660_000)
        if ended:
            story.add(ev.SessionEnded, 3_661_000)
        made = forecast(story.race())
        assert {car: one.laps_left.p50 for car, one in made.items()} == {"1": 0, "2": 1 - ended}
        assert {one.stops_left for one in made.values()} == {0}

    def test_a_car_that_retired_is_behind_those_that_run(self):
        """And completes no lap any more."""
        story = a_race("1", "2", "3", laps=40).retired("1", 2_401_000)
        made = forecast(story.race())
        assert made["1"].expected_place > 2.9
        assert made["1"].laps_left.p90 == 0
        assert made["1"].next_stop is None

    def test_a_stop_that_is_owed(self):
        """The car that has not stopped leads, and is behind in net order."""
        story = Story().opened("1", "2", lines=("FL",), time_limit_ms=100 * 60_000)
        for lap in range(1, 61):
            story.lap("1", lap, lap * 60_000)
            story.lap("2", lap, lap * 60_000 + (500 if lap < 55 else 30_000))
            if lap == 54:
                story.pit("2", 54 * 60_000 + 10_000, 54 * 60_000 + 70_000)
        made = forecast(story.race())
        assert made["1"].class_position == 1
        assert made["1"].stops_left > made["2"].stops_left
        assert made["1"].net_position == 2
        assert made["1"].latest_stop is not None

    def test_a_stint_that_is_not_over(self):
        """Ten minutes into a race of three hours nobody is due: a tank goes at least so far."""
        made = forecast(a_race("1", "2", "3", "4", laps=10, time_limit_ms=3 * HOUR_MS).race())
        assert all(one.next_stop and one.next_stop.p50 > 30 for one in made.values())

    def test_a_stoppage_is_no_retirement(self):
        """Cars that have not crossed the line since the race was stopped are not out."""
        story = a_race("1", "2", "3", "4", time_limit_ms=3 * HOUR_MS)
        story.flag("fcy", 1_810_000)
        for car, at in (("1", 4_800_000), ("2", 4_802_000)):
            story.lap(car, 31, at)
        made = forecast(story.race())
        assert all(one.laps_left.p10 > 10 for one in made.values())
        assert made["3"].expected_place < 3.5

    @pytest.mark.parametrize(
        ("kind", "amount"), [("drive_through", None), ("stop_and_hold", 20), ("time", 30)]
    )
    def test_a_penalty_that_is_not_served(self, kind: str, amount: int | None):
        """It costs the leader its odds, until it is served or rescinded."""
        story = a_race("1", "2", laps=55, gap_ms=10_000)
        imposed = {"penalty_id": "p1", "car": "1", "kind": kind, "amount": amount}
        before = forecast(story.race())["1"].win
        story.add(ev.PenaltyImposed, 3_311_000, **imposed)
        after = forecast(story.race())["1"].win
        assert before > 0.7
        assert after < 0.3
        story.add(ev.PenaltyRescinded, 3_312_000, penalty_id="p1")
        assert forecast(story.race())["1"].win > 0.7

    def test_it_is_certain_when_the_race_is_over(self):
        """Every car is where it is."""
        story = a_race("1", "2", "3", laps=60).flag("chequered", LENGTH_MS)
        for place, car in enumerate(("1", "2", "3")):
            story.lap(car, 61, LENGTH_MS + 60_000 + place * 2_000)
        made = forecast(story.race())
        assert [one.places.index(1.0) for one in made.values()] == [0, 1, 2]

    def test_a_race_by_laps(self):
        """What is left follows from the leader's pace."""
        made = forecast(a_race("1", "2", time_limit_ms=None, laps_limit=40).race())
        assert 8 <= made["1"].laps_left.p50 <= 12

    def test_classes_are_apart(self):
        """A car's places are among those of its class."""
        story = Story().opened(lines=("FL",), classes=("P", "GT"), time_limit_ms=LENGTH_MS)
        for place, (car, name) in enumerate((("1", "P"), ("2", "P"), ("50", "GT"))):
            story.entry(car, name)
            story.laps(car, 20, ms=60_000 + place * 5_000)
        made = race_forecast(story.race(), runs=RUNS).cars
        assert [(one.car_class, len(one.places)) for one in made] == [("P", 2), ("P", 2), ("GT", 1)]


@pytest.mark.parametrize(
    ("members", "laps", "reason"),
    [
        ({"kind": "practice"}, 5, "only races"),
        ({"time_limit_ms": None}, 5, "scheduled length of the race is unknown"),
        ({}, 0, "has not begun"),
    ],
)
def test_what_cannot_be_forecast(members, laps, reason):
    """And why, in a line."""
    with pytest.raises(NoForecast, match=reason):
        race_forecast(a_race("1", "2", laps=laps, **members).race())


@cache
def _timed(seconds: int) -> ev.SessionOpened:
    return ev.SessionOpened(
        at=0, source="test", source_seq=0, title="A race", kind="race", time_limit_ms=seconds * 1000
    )


@given(races(corrected=False), st.integers(1, 7_000))
def test_it_knows_nothing_of_what_came_later(events, at):
    """Asked at a moment, it answers to the digit as a log that ends there."""
    events = [_timed(20)] + [event for event in events if event.type != "session_opened"]
    whole = Timeline()
    whole.add(events)
    then = whole.race_at(at)
    then.at = at
    cut = Timeline()
    cut.add([event for event in events if event.at <= at])
    cut.race.at = at
    try:
        expected = race_forecast(cut.race, runs=RUNS)
    except NoForecast as error:
        with pytest.raises(NoForecast, match=error.reason[:10]):
            race_forecast(then, runs=RUNS)
        return
    assert race_forecast(then, runs=RUNS) == expected
    assert race_forecast(then, runs=RUNS) == expected
