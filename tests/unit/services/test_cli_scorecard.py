"""The scores of forecasts, of one race and of all races of a store."""

from __future__ import annotations

import pytest

from tests.builders import Story
from tests.unit.projections.forecast.test_race_forecast import LENGTH_MS, a_race
from tests.unit.services.commands import Commands


def over(*cars: str) -> Story:
    """A race that was run to its end, in the same order throughout."""
    story = a_race(*cars, laps=60).flag("chequered", LENGTH_MS + 1)
    for place, car in enumerate(cars):
        story.lap(car, 61, 61 * 60_000 + place * 2_000)
    return story


@pytest.fixture
def store(lapstream: Commands) -> Commands:
    """Two races that are over, one that runs, and a practice session."""
    lapstream.hold("spa", over("1", "2", "3"))
    lapstream.hold("monza", over("1", "2", "3", "4"))
    lapstream.hold("fuji", a_race("1", "2", "3"))
    lapstream.hold("friday", Story().opened("1", kind="practice").laps("1", 3))
    return lapstream


def test_all_races_and_what_they_say_together(store: Commands) -> None:
    """A row for each race that is over, and one of all; what has no score is named on stderr."""
    answer = store.run("predict", "--score", "--all", "--format", "json")
    rows = store.rows("predict-scorecard", "predict", "--score", "--all")
    assert [row["session"] for row in rows] == ["monza", "spa", None]
    assert rows[-1]["forecasts"] == sum(row["forecasts"] for row in rows[:-1])
    assert "fuji is left out: no forecast: forecasts are scored when the race is over" in (
        answer.stderr
    )
    assert "friday" not in answer.stderr


def test_people_see_how_well_probabilities_hold(store: Commands) -> None:
    """Below the races stand the wins by the probability that they were forecast with."""
    text = store.run("predict", "--score", "--all").stdout
    assert "all races" in text
    assert "Wins by the probability that they were forecast with" in text


def test_a_race_that_was_cut_short(lapstream: Commands) -> None:
    """Nothing is scored behind its end, where all would be right."""
    cut = a_race("1", "2", "3", laps=30).flag("red", 31 * 60_000).ended(40 * 60_000)
    lapstream.hold("spa", cut)
    rows = lapstream.rows("predict-score", "predict", "spa", "--score")
    assert [row["share"] for row in rows] == [0.1, 0.25, 0.5, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a session, or --score --all"),
        (("spa", "--score", "--all"), "without a session"),
        (("--all",), "goes with --score alone"),
    ],
)
def test_what_does_not_go_together(
    store: Commands, arguments: tuple[str, ...], message: str
) -> None:
    """A session, or all of them with their scores."""
    assert message in store.misused("predict", *arguments)
