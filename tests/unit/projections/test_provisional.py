"""A session as a round of its season."""

from __future__ import annotations

from events import CarRetired, Driver, RoundScored
from projections.championship import season_of
from projections.classification import classify
from projections.provisional import rounds_scored
from tests.builders import Story
from tests.scoring import opened as season_opened


def crew(*names: str) -> tuple[Driver, ...]:
    return tuple(Driver(number=seat, name=name) for seat, name in enumerate(names, start=1))


def race(**members: object) -> Story:
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
        story.lap("3", lap, lap * 61_500, 61_000)
    story.lap("0", 1, 90_000, 90_000)
    return story


def scored(story: Story, number: int | None = None) -> dict[str, RoundScored]:
    told = story.race()
    return {one.car_class: one for one in rounds_scored(told, classify(told), number)}


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


def test_a_retirement_is_told() -> None:
    """What became of a car is for the pack to judge."""
    story = race()
    story.flag("chequered", 200_000)
    story.lap("2", 4, 244_000, 61_000)
    story.tell(CarRetired, 250_000, car="3")
    assert [row.status for row in scored(story)["GT"].rows] == ["classified", "retired"]


def test_other_sessions() -> None:
    """Qualifying is scored as such, practice not at all; the round can be given."""
    assert scored(race(kind="qualifying"), 7)["GT"].part == "qualifying"
    assert scored(race(kind="qualifying"), 7)["GT"].round == 7
    assert scored(race(round=None))["GT"].round == 1
    assert scored(race(kind="practice")) == {}


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
    assert {row["name"]: row["points"] for row in over.standings()} == {"Cy": 16}
    assert {row["name"]: row["points"] for row in over.standings(of="teams")} == {
        "A": 20,
        "B": 20,
        "C": 16,
    }
