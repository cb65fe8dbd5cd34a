"""Laps led, places gained, places under cautions, and the queue behind the safety car."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from projections import views
from projections.views.race_progress import order_at
from tests.builders import Story

LAP = 60_000
HOUR = 3_600_000


def of(rows: list[views.Row], *members: str, **wanted: Any) -> dict[str, Any]:
    """The members of each row by its car."""
    return {
        row["car"]: tuple(row[name] for name in members)
        for row in rows
        if all(row[name] == value for name, value in wanted.items())
    }


def story(**members: Any) -> Story:
    """#1 and #2 of GTP, #3 and #4 of GTD; #2 passes #1 on lap 3, #4 passes #3 on lap 2."""
    recorded = Story().opened(lines=("FL",), car_class="GTP", **{"rules": "imsa-2024", **members})
    for car, name in (("1", "GTP"), ("2", "GTP"), ("3", "GTD"), ("4", "GTD")):
        recorded.entry(car, name)
    order = {1: "1234", 2: "1243", 3: "2143", 4: "2143"}
    for lap, cars in order.items():
        for place, car in enumerate(cars):
            recorded.lap(car, lap, lap * LAP + place * 1_000)
    return recorded


def test_laps_led_and_places_gained() -> None:
    """Overall and in class; without a grid since the end of the first lap."""
    rows = views.progress(story().race())
    assert of(rows, "laps_led", "class_laps_led", "gained", "class_gained", "since") == {
        "2": (2, 2, 1, 1, "lap 1"),
        "1": (2, 2, -1, -1, "lap 1"),
        "4": (0, 3, 1, 1, "lap 1"),
        "3": (0, 1, -1, -1, "lap 1"),
    }


def test_places_gained_since_the_grid() -> None:
    """The grid decides where it is known; a car that was not on it has gained nothing."""
    recorded = story()
    recorded.add(ev.GridSet, 0, order=("4", "3", "1"))
    rows = views.progress(recorded.race())
    assert of(rows, "grid", "gained", "class_grid", "class_gained") == {
        "2": (None, None, None, None),
        "1": (3, 1, 1, -1),
        "4": (1, -2, 1, 0),
        "3": (2, -2, 2, 0),
    }


def test_no_places_are_gained_in_qualifying() -> None:
    """There is nobody to pass."""
    assert views.progress(story(kind="qualifying").race()) == []


def test_leaders_of_a_class() -> None:
    """The spells in the lead of the class alone."""
    race = story().race()
    assert [(row["car"], row["first_lap"]) for row in views.leaders(race)] == [("1", 1), ("2", 3)]
    spells = [(row["car"], row["first_lap"], row["last_lap"]) for row in views.leaders(race, "GTD")]
    assert spells == [("3", 1, 1), ("4", 2, 4)]


def test_places_won_and_lost_under_a_caution() -> None:
    """By who stood where when it began and when it ended; nobody is listed who kept both."""
    recorded = story().flag("fcy", 2 * LAP + 30_000).flag("green", 3 * LAP + 30_000)
    recorded.pit("1", 2 * LAP + 40_000)
    rows = views.caution_places(recorded.race())
    assert of(rows, "number", "gained", "class_gained", "pitted", "net_winner") == {
        "2": (1, 1, 1, False, True),
        "1": (1, -1, -1, True, False),
    }


def test_a_caution_that_lasts() -> None:
    """Its places are those of now; kinds that follow each other are one caution."""
    recorded = story().flag("fcy", LAP + 30_000).flag("safety_car", 3 * LAP + 500)
    rows = views.caution_places(recorded.race())
    assert set(of(rows, "number")) == {"1", "2", "3", "4"}
    assert of(rows, "number", net_winner=True) == {"2": (1,), "4": (1,)}


def test_no_places_are_won_under_a_stop_of_qualifying() -> None:
    """Laps are no distance there."""
    recorded = (
        story(kind="qualifying").flag("red", 2 * LAP + 30_000).flag("green", 3 * LAP + 30_000)
    )
    assert views.caution_places(recorded.race()) == []


def test_places_then_of_cars_on_one_millisecond() -> None:
    """Who was ahead at the line before was ahead then, whoever is now."""
    recorded = Story().opened("1", "2", "3", lines=("FL",))
    for lap, first, second in ((1, "1", "2"), (3, "2", "1")):
        recorded.lap(first, lap, lap * LAP).lap(second, lap, lap * LAP + 1_000)
    recorded.lap("1", 2, 2 * LAP + 1_000).lap("2", 2, 2 * LAP + 1_000)
    assert order_at(recorded.race(), 2 * LAP + 2_000) == ["1", "2"]


def queue_story(at: int, length: int | None = 6 * HOUR, **members: Any) -> Story:
    """A caution at ``at``. #5 is a lap behind its class leader #3, #4 just ahead of it on the road.

    The leader #1 crosses the line every minute, #3 20 s behind; #4 10 s behind, a lap down on
    #3; #5 40 s behind, two laps down.
    """
    recorded = Story().opened(
        lines=("FL",), car_class="GTP", time_limit_ms=length, **{"rules": "imsa-2024", **members}
    )
    recorded.entry("1", "GTP")
    for car in ("3", "4", "5"):
        recorded.entry(car, "GTD")
    laps = at // LAP
    for car, behind, fewer in (("1", 0, 0), ("3", 20_000, 0), ("4", 10_000, 1), ("5", 40_000, 2)):
        for lap in range(1, laps - fewer):
            recorded.lap(car, lap, (lap + fewer) * LAP + behind)
    return recorded.flag("fcy", at)


def test_the_queue_and_who_passes_around() -> None:
    """A car between the safety car and its class leader passes around; a lapped one is waved by."""
    rows = views.queue(queue_story(2 * HOUR).race())
    assert [row["car"] for row in rows] == ["1", "4", "3", "5"]
    assert of(rows, "pass_around", "wave_by", "reason") == {
        "1": (False, False, "on the lap of its class leader"),
        "4": (True, False, None),
        "3": (False, False, "on the lap of its class leader"),
        "5": (False, True, None),
    }


@pytest.mark.parametrize(
    ("at", "length", "rules", "reason"),
    [
        (30 * 60_000, 6 * HOUR, "imsa-2024", "no wave-by in the first 60 min"),
        (2 * HOUR, 2 * HOUR, "imsa-2024", "no wave-by in races under 2.5 h"),
        (6 * HOUR - 20 * 60_000, 6 * HOUR, "imsa-2024", "no wave-by in the last 30 min"),
        (2 * HOUR, None, "imsa-2024", "the scheduled length of the race is unknown"),
        (2 * HOUR, 6 * HOUR, "wec-2024", "the pack has no wave-by"),
        (2 * HOUR, 6 * HOUR, None, "the session names no regulation pack"),
    ],
)
def test_when_nobody_is_waved_by(
    at: int, length: int | None, rules: str | None, reason: str
) -> None:
    """The pack's limits, each with its reason."""
    rows = views.queue(queue_story(at, length, rules=rules).race())
    ((waved, why),) = of(rows, "wave_by", "reason", car="5").values()
    assert (waved, why.startswith(reason)) == (False, True)


def test_a_title_may_state_the_length_on_which_the_wave_by_depends() -> None:
    """As for points and limits of drive time."""
    recorded = queue_story(2 * HOUR, None, title="6 Hours of Somewhere")
    assert of(views.queue(recorded.race()), "wave_by", car="5") == {"5": (True,)}


def test_once_in_ninety_minutes() -> None:
    """A wave-by given an hour ago bars the next one; one that long ago does not."""
    for ago, waved in ((HOUR, False), (91 * 60_000, True)):
        recorded = queue_story(3 * HOUR)
        recorded.add(ev.WaveByGiven, 3 * HOUR - ago, cars=("5",))
        assert of(views.queue(recorded.race()), "wave_by", car="5") == {"5": (waved,)}


def test_a_car_that_stopped_is_not_waved_by() -> None:
    """Under this caution; the lane is closed for its class alone."""
    recorded = queue_story(2 * HOUR)
    recorded.pit("5", 2 * HOUR + 1_000, 2 * HOUR + 30_000)
    recorded.add(ev.PitLaneClosed, 2 * HOUR + 1_000, classes=("GTD",))
    rows = views.queue(recorded.race())
    assert of(rows, "wave_by", "reason", "pit_lane", car="5") == {
        "5": (False, "stopped under this caution", "closed")
    }
    assert of(rows, "pit_lane", car="1") == {"1": ("open",)}


def test_no_queue_under_green() -> None:
    """Nobody is eligible for anything."""
    assert views.queue(story().race()) == []
