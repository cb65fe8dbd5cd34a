"""A session as a round of its season."""

from __future__ import annotations

from typing import Any

from events import CarRetired, Driver, RoundScored
from projections.championship.season import season_of
from projections.championship.single_session import season_of_session
from projections.results.classification import classify
from projections.results.provisional import (
    own_pack,
    place_awards,
    points_by_car,
    rounds_scored,
)
from projections.rules.packs import builtin_pack
from tests.builders import Story
from tests.scoring import opened as season_opened


def crew(*names: str) -> tuple[Driver, ...]:
    return tuple(Driver(number=seat, name=name) for seat, name in enumerate(names, start=1))


def race(**members: Any) -> Story:
    """Two GT cars and a prototype that leads, three laps of a minute and more in."""
    story = Story()
    story.opened(lines=("FL",), **{"round": 2, **members})
    story.entry("1", "LMP", team="A", manufacturer="Audi", drivers=crew("Ann", "Art"))
    story.entry("2", "GT", team="B", drivers=crew("Bea", "Ben"), championships=("S",))
    story.entry("3", "GT", team="C", drivers=crew("Cy"))
    story.entry("0", None)
    for lap in range(1, 4):
        story.lap("1", lap, lap * 60_000, 60_000, driver="Ann")
        story.lap("2", lap, lap * 61_000, 61_000, driver="Bea" if lap < 3 else "Ben")
        story.lap("3", lap, lap * 61_500, 61_500 if lap == 1 else 61_000)
    story.lap("0", 1, 90_000, 90_000)
    return story


def scored(story: Story, number: int | None = None) -> dict[str, RoundScored]:
    recorded = story.race()
    return {one.car_class: one for one in rounds_scored(recorded, classify(recorded), number)}


def test_each_class_as_it_stands() -> None:
    """A race still running is scored as if it ended now; cars without a class are left out."""
    rounds = scored(race())
    assert set(rounds) == {"LMP", "GT"}
    gt = rounds["GT"]
    assert (gt.round, gt.part, gt.overall_laps) == (2, "race", 3)
    assert [(r.position, r.car, r.status, r.laps, r.team) for r in gt.rows] == [
        (1, "2", "classified", 3, "B"),
        (2, "3", "classified", 3, "C"),
    ]
    assert gt.rows[0].championships == ("S",)
    assert rounds["LMP"].rows[0].manufacturer == "Audi"


def test_time_at_the_wheel() -> None:
    """After the race each of the crew has the time driven, a driver who never drove none.

    It is not known where nobody was seen at the wheel.
    """
    rounds = scored(race().flag("chequered", 190_000))
    assert times(rounds["GT"], 0) == [("Bea", 122_000), ("Ben", 68_000)]
    assert times(rounds["GT"], 1) == [("Cy", None)]
    assert times(rounds["LMP"], 0) == [("Ann", 190_000), ("Art", 0)]


def times(one: RoundScored, index: int) -> list[tuple[str, int | None]]:
    return [(driver.name, driver.drive_ms) for driver in one.rows[index].drivers]


def test_time_at_the_wheel_bars_nobody_before_the_end() -> None:
    """While the race is on whoever is short of the minimum may still drive."""
    assert times(scored(race())["GT"], 0) == [("Bea", None), ("Ben", None)]


def test_the_fastest_lap_is_the_earlier_of_equal_ones() -> None:
    """Two cars of a class lapped in 1:01.000: the one that did it first has the fastest lap."""
    assert [row.fastest_lap for row in scored(race())["GT"].rows] == [True, False]


def test_a_retirement_is_reported() -> None:
    """What became of a car is for the pack to judge."""
    story = race()
    story.flag("chequered", 200_000)
    story.lap("2", 4, 244_000, 61_000)
    story.add(CarRetired, 250_000, car="3")
    assert [row.status for row in scored(story)["GT"].rows] == ["classified", "retired"]


def test_other_sessions() -> None:
    """Qualifying is scored as such, practice not at all; the round can be given."""
    assert scored(race(kind="qualifying"), 7)["GT"].part == "qualifying"
    assert scored(race(kind="qualifying"), 7)["GT"].round == 7
    assert scored(race(round=None))["GT"].round == 1
    assert scored(race(kind="practice")) == {}


def test_the_share_run_where_the_title_states_the_length() -> None:
    """A red flag ended two hours after one."""
    recorded = race(title="2 Hours of Somewhere").flag("red", 3_600_000).ended(3_600_001)
    assert {one.percent_run for one in scored(recorded).values()} == {50}


def test_a_race_that_was_over_before_its_start() -> None:
    """A clock below zero: nothing of it was run, and no less."""
    recorded = Story().opened(time_limit_ms=7_200_000).entry("1", "GT").ended(-1)
    assert [one.percent_run for one in scored(recorded).values()] == [0]


def test_the_title_as_it_stands() -> None:
    """A season with the race now run; after the flag the minimum at the wheel counts."""
    before = season_of([season_opened(series="S")])
    live = before.with_scored(scored(race()).values())
    assert {row["name"]: row["points"] for row in live.standings()} == {
        "Ann": 20,
        "Art": 20,
        "Bea": 20,
        "Ben": 20,
        "Cy": 16,
    }
    over = before.with_scored(scored(race().flag("chequered", 190_000)).values())
    assert {row["name"]: row["points"] for row in over.standings()} == {
        "Ann": 0,
        "Bea": 0,
        "Ben": 0,
        "Cy": 16,
    }  # the others took part, but not for long enough
    assert {row["name"]: row["points"] for row in over.standings(of="teams")} == {
        "A": 20,
        "B": 20,
        "C": 16,
    }


# -- The session by itself -----------------------------------------------------------------


def test_the_pack_that_a_session_names() -> None:
    """None where it names none, and none where that is not built in."""
    named = own_pack(race(rules="imsa-2024").race())
    assert named is not None
    assert named.name == "imsa-2024"
    assert own_pack(race().race()) is None
    assert own_pack(race(rules="my-club").race()) is None


def test_what_each_car_s_place_is_worth() -> None:
    """Of two cars of a team each has its own worth; without a pack there is none."""
    recorded = race().race()
    rounds = rounds_scored(recorded, classify(recorded))
    assert points_by_car(recorded, rounds, builtin_pack("alms-2007")) == {"1": 20, "2": 20, "3": 16}
    assert points_by_car(recorded, rounds, None) == {}


def test_only_the_cars_that_are_eligible() -> None:
    """A car of another series scores nothing, and those behind it move up."""
    recorded = race().race()
    rounds = rounds_scored(recorded, classify(recorded))
    awards = place_awards(recorded, rounds, builtin_pack("alms-2007"), series="T")
    assert {car: (award.place, award.points) for car, award in awards.items()} == {
        "1": (1, 20),
        "2": (None, 0),
        "3": (1, 20),
    }


def test_a_session_as_a_season_of_its_own() -> None:
    """Its points by driver and team are those of one round, of the length that it has."""
    story = race(time_limit_ms=10 * 3_600_000, series="S")
    recorded = story.race()
    season = season_of_session(
        recorded, rounds_scored(recorded, classify(recorded)), builtin_pack("alms-2007")
    )
    rows = season.standings(of="teams")
    points = {row["name"]: row["points"] for row in rows}
    assert points == {"A": 26, "B": 26, "C": 22}


def test_time_at_the_wheel_between_the_ends_of_time() -> None:
    """Times further apart than an event can hold are still scored."""
    story = Story().opened(lines=("FL",))
    story.entry("1", drivers=crew("Ann"))
    story.lap("1", 1, -(2**53), driver="Ann").lap("1", 2, 2**53, driver="Ann")
    story.flag("chequered", 2**53)
    found = story.race()
    (scored,) = rounds_scored(found, classify(found))
    assert scored.rows[0].drivers[0].drive_ms == 2**53
