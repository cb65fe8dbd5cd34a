"""Qualifying by command: nothing that it prints reads like a race."""

from __future__ import annotations

import re

import pytest

import events as ev
from tests.builders import Story, opened
from tests.unit.services.commands import Commands

RACE_WORDS = re.compile(
    r"\bleads?\b|lead change|leader's laps|first after|laps to go|\d L\b", re.IGNORECASE
)


def qualifying() -> Story:
    """Three cars with other laps and times, a red flag and a visit to the pits; it is over."""
    story = opened("7", "10", "25", kind="qualifying", title="Qualifying", rules="imsa-2024")
    story.lap("7", 1, 150_000, None).lap("10", 1, 151_000, None).lap("7", 2, 240_000, 90_000)
    story.flag("red", 245_000).flag("green", 300_000).pit("7", 310_000, 330_000)
    story.lap("10", 2, 400_000, 89_600).lap("7", 3, 420_000, 180_000)
    story.add(ev.LapTimeDeleted, 430_000, car="10", lap=2, reason="track limits")
    return story.flag("chequered", 500_000).lap("10", 3, 510_000, 91_000).ended(520_000)


@pytest.mark.parametrize("at", [(), ("--at", "0:04:10")])
@pytest.mark.parametrize(
    "command",
    [
        *("session show", "standings", "laps", "leaders", "progress", "caution-places", "queue"),
        *("fastest-laps", "pits", "stints", "drivers", "penalties", "cautions", "markers"),
        *("results", "points", "drive-times", "tower", "explain", "whatif"),
    ],
)
def test_no_word_of_a_race(lapstream: Commands, command: str, at: tuple[str, ...]) -> None:
    """No leader's laps, no lead changes, no gaps in laps, while it runs and after it."""
    lapstream.hold("q", qualifying())
    more = {"explain": ("7",), "whatif": ("--delete-time", "7 2")}.get(command, ())
    printed = lapstream.output(*command.split(), "q", *more, *at)
    assert RACE_WORDS.findall(printed) == []


def test_the_place_after_a_stop(lapstream: Commands) -> None:
    """One line says that there is none."""
    lapstream.hold("q", qualifying())
    refusal = "this is qualifying, not a race: its order is by best lap"
    assert refusal in lapstream.refused("rejoin", "q")


def test_a_withdrawn_time(lapstream: Commands) -> None:
    """The table compares best laps, and a line says by which the car would be placed."""
    lapstream.hold("q", qualifying())
    printed = lapstream.output("whatif", "q", "--delete-time", "7 2")
    assert "#7: time of lap 2 withdrawn: placed by 3:00.000 of lap 3" in printed
    assert "1:30.000" in printed
    assert "Best" in printed
    rows = lapstream.rows("whatif", "whatif", "q", "--delete-time", "7 2")
    assert [(row["car"], row["gained"]) for row in rows] == [("10", 1), ("7", -1), ("25", 0)]
    assert "car '7' has no lap 9" in lapstream.refused("whatif", "q", "--delete-time", "7 9")


def test_segments(lapstream: Commands) -> None:
    """A segment begins by command, for all classes or for some; the order says which it is."""
    story = opened("7", "10", kind="qualifying", title="Qualifying").lap("7", 1, 90_000, 90_000)
    lapstream.hold("q", story.flag("chequered", 100_000))
    begin = ("session", "segment", "q")
    assert "would be decided: Q2 begun" in lapstream.output(*begin, "Q2", "--dry-run")
    assert "Q2 begun" in lapstream.output(*begin, "Q2")
    assert "Q3 begun for GT" in lapstream.output(*begin, "Q3", "--class", "GT")
    (row,) = lapstream.rows("session", "session", "q")
    assert (row["segment"], row["flag"]) == ("Q3", "green")


def test_equal_best_laps(lapstream: Commands) -> None:
    """The later car is 0.000 behind; the first has no gap."""
    story = opened("7", "10", kind="qualifying", title="Qualifying", lines=("FL",))
    lapstream.hold("q", story.lap("7", 1, 90_000, 90_000).lap("10", 1, 91_000, 90_000))
    first, second = lapstream.output("standings", "q").splitlines()[-2:]
    assert ("+0.000" in first, second.count("+0.000")) == (False, 3)
