"""Why a car has its odds, in sentences."""

from __future__ import annotations

import pytest

import events as ev
from events.errors import UnknownCar
from projections.forecast.causes import explain_forecast, lap_range, percent, seconds
from projections.forecast.race_forecast import Quantiles, situation_of_race
from tests.builders import Story
from tests.unit.projections.forecast.test_race_forecast import LENGTH_MS, a_race


def why(story: Story, car: str) -> list[str]:
    """The sentences for a car."""
    return explain_forecast(situation_of_race(story.race()), car)


def slower(by_ms: int, laps: int = 30) -> Story:
    """A car that leads by two seconds, and one whose laps are so much slower."""
    story = Story().opened("1", "2", lines=("FL",), time_limit_ms=LENGTH_MS)
    for lap in range(1, laps + 1):
        story.lap("1", lap, lap * 60_000).lap("2", lap, lap * 60_000 + 2_000, 60_000 + by_ms)
    return story


def test_the_gap_is_a_cause_for_the_one_and_against_the_other() -> None:
    """The same gap in two sentences, from either side, and whom the car is compared with."""
    race = a_race("1", "2", gap_ms=20_000)
    ahead, behind = why(race, "1"), why(race, "2")
    assert ahead[0].startswith("Forecast: #1, 1st now, wins GT with a probability of ")
    assert ahead[1].startswith("It is compared with #2, its closest rival with ")
    assert "It is 20 s ahead of #2 on the road: for it." in ahead
    assert behind[1].startswith("It is compared with #1, the favourite with ")
    assert "It is 20 s behind #1 on the road: against it." in behind


def test_the_larger_cause_comes_first() -> None:
    """A second a lap over half an hour is more than a gap of two seconds."""
    pace, gap = why(slower(1_000), "2")[2:4]
    assert "slower than those of #1" in pace
    assert pace.endswith("until the flag: against it.")
    assert gap == "It is 2 s behind #1 on the road: against it."


def test_what_is_alike_is_no_cause() -> None:
    """Cars side by side have no causes between them, only what may come."""
    sentences = why(a_race("1", "2", gap_ms=100), "1")
    assert not any("on the road" in one or "faster" in one for one in sentences)
    assert "cautions are still to come (0 so far)" in sentences[-1]
    assert sentences[-2].startswith("0:29:59 are left, ")


def test_a_car_that_has_finished_is_not_overdue() -> None:
    """What is left of the race, and whether the car may be out, is no question then."""
    race = a_race("1", "2").flag("red", 31 * 60_000).ended(40 * 60_000)
    *_, last = why(race, "1")
    assert last == "It has finished, and nothing is left of the race for it."
    assert not any("overdue" in one or "are left" in one for one in why(race, "1"))


def test_a_car_that_is_out_has_no_odds_to_explain() -> None:
    """It is said in one sentence."""
    race = a_race("1", "2")
    race.add(ev.CarRetired, 1_810_000, car="2")
    assert why(race, "2") == ["Forecast: #2 is out, and keeps its laps and about its place."]


def test_a_car_in_the_lane_has_a_sentence() -> None:
    """How long it has been there is a sentence."""
    race = a_race("1", "2").pit("2", 1_803_000)
    race.add(ev.RaceControlMessage, 1_833_000, text="x")
    assert "It has been in the pit lane for 30 s." in why(race, "2")


def test_an_unknown_car_is_refused() -> None:
    """With the cars that there are."""
    with pytest.raises(UnknownCar):
        why(a_race("1", "2"), "99")


def test_the_same_moment_has_the_same_sentences() -> None:
    """As the odds, they follow from the state alone."""
    assert why(slower(100), "2") == why(slower(100), "2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(0.001), "less than 1 %"),
        (percent(0.62), "62 %"),
        (percent(0.999), "more than 99 %"),
        (seconds(-430, digits=2), "0.43 s"),
        (seconds(92_000), "1:32 min"),
        (seconds(3_725_000), "1:02:05 h"),
        (lap_range(Quantiles(1, 1, 1)), "1 lap"),
        (lap_range(Quantiles(58, 60, 62)), "58 to 62 laps"),
    ],
)
def test_words(text: str, expected: str) -> None:
    """Probabilities, times and laps as they are read out."""
    assert text == expected
