"""Scores of forecasts: what is perfect, what is worth nothing, and what is honest."""

from __future__ import annotations

import pytest

from projections.forecast.model import fitted_model
from projections.forecast.race_forecast import CarForecast, Quantiles, RaceForecast
from projections.forecast.scores import Calibration, Scores, Truth, calibration, truth_of
from tests.builders import Story

TRUTH = Truth({"GT": ("1", "2", "3")}, {"1": 60, "2": 60, "3": 59}, {"1": [40], "2": [], "3": [35]})
LAPS = {"1": 30, "2": 30, "3": 30}


def car(name: str, position: int, places: tuple[float, ...], left: float = 30, stop=None):
    """A car's forecast with these probabilities."""
    return CarForecast(
        car=name,
        car_class="GT",
        class_position=position,
        places=places,
        expected_place=0,
        place_p10=1,
        place_p90=3,
        win=places[0],
        podium=1,
        gains=0,
        laps_left=Quantiles(left, left, left),
        stops_left=0,
        next_stop=stop and Quantiles(stop, stop, stop),
        latest_stop=None,
        net_position=position,
        gap_at_flag_ms=0,
    )


def scored(*cars: CarForecast):
    """The score of one forecast of these cars."""
    scores = Scores()
    scores.add(RaceForecast(0, 0, fitted_model(), cars), LAPS, TRUTH)
    return scores.score()


def test_the_truth_is_perfect():
    """And its certainty is kept."""
    score = scored(
        car("2", 1, (0, 1, 0)), car("1", 2, (1, 0, 0), stop=10), car("3", 3, (0, 0, 1), 29)
    )
    assert (score.skill, score.winner, score.calibration_error) == (1, 1, 0)
    assert (score.held, score.claimed) == (1, 1)
    assert score.laps_within_1 == 1
    assert score.stop_error == 0


def test_the_order_as_it_stands_has_no_skill():
    """Its score is its mean absolute error in places."""
    score = scored(car("2", 1, (1, 0, 0)), car("1", 2, (0, 1, 0)), car("3", 3, (0, 0, 1)))
    assert score.skill == 0
    assert score.winner == pytest.approx(0.0005)
    assert score.held == pytest.approx(1 / 3)


def test_doubt_is_worth_more_than_a_wrong_certainty():
    """Half and half between the two that changed places."""
    score = scored(car("2", 1, (0.5, 0.5, 0)), car("1", 2, (0.5, 0.5, 0)), car("3", 3, (0, 0, 1)))
    assert score.skill == pytest.approx(0.75)
    assert score.winner == pytest.approx(0.5)


def test_the_truth_is_laps_then_time():
    """With the laps that ended in the lane."""
    story = Story().opened("1", "2", "3", lines=("FL",))
    story.laps("2", 3).laps("1", 2)
    story.lap("1", 3, 181_000, in_pit_lane=True)
    assert truth_of(story.race()) == Truth(
        {"GT": ["2", "1"]}, {"1": 3, "2": 3}, {"1": [3], "2": []}
    )


def test_calibration_sets_what_was_forecast_beside_what_was_won():
    """By ranges of the probability; ranges without a forecast are left out."""
    wins = [(0.625, True), (0.6875, False), (0.0625, False), (1.0, True)]
    assert calibration(wins) == [
        Calibration(0.0, 0.1, 1, 0.0625, 0.0),
        Calibration(0.6, 0.7, 2, 0.65625, 0.5),
        Calibration(0.9, 1.0, 1, 1.0, 1.0),
    ]
