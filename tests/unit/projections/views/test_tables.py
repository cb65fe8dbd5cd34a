"""The result as rows: by which pack, with which points."""

from __future__ import annotations

from typing import Any

from events import ResultDeclared, ResultRow
from projections import views
from projections.rules.packs import builtin_pack
from tests.builders import Story


def race(**members: Any) -> Story:
    """#1 wins by a second from #2; #3 took the flag after one lap of ten."""
    story = Story().opened("1", "2", "3", lines=("FL",), **members)
    story.laps("1", 9).lap("3", 1, 70_000)
    for lap in range(1, 10):
        story.lap("2", lap, lap * 60_000 + 100)
    story.flag("chequered", 600_000)
    return story.lap("1", 10, 600_000).lap("2", 10, 601_000).lap("3", 2, 602_000)


def in_short(rows: list[views.Row]) -> list[tuple[object, ...]]:
    return [(row["car"], row["status"], row["points"]) for row in rows]


def test_without_a_pack_there_are_no_points() -> None:
    """Every car stands on its laps."""
    assert in_short(views.results(race().race())) == [
        ("1", "classified", None),
        ("2", "classified", None),
        ("3", "classified", None),
    ]


def test_the_session_s_own_pack_or_another() -> None:
    """ALMS wants 70 % of the distance, IMSA does not."""
    own = race(rules="alms-2007").race()
    assert in_short(views.results(own))[2] == ("3", "not_classified", 0)
    other = views.results(own, builtin_pack("imsa-2024"))
    assert in_short(other) == [
        ("1", "classified", 350),
        ("2", "classified", 320),
        ("3", "classified", 300),
    ]


def test_a_declared_result_has_the_same_shape() -> None:
    """With gaps, places in class and points, all from what was declared."""
    story = race(rules="imsa-2024")
    rows = (("2", 10, 599_000), ("1", 10, 600_000), ("3", 2, 602_000))
    declared = story.add(
        ResultDeclared,
        700_000,
        status="final",
        rests_on="a paper",
        rows=tuple(
            ResultRow(
                position=place, car=car, car_class="GT", status="classified", laps=laps, total_ms=ms
            )
            for place, (car, laps, ms) in enumerate(rows, start=1)
        ),
    )
    assert isinstance(declared, ResultDeclared)
    found = views.declared_results(story.race(), declared)
    assert found[0].keys() == views.results(story.race())[0].keys()
    assert [(row["car"], row["class_position"], row["points"]) for row in found] == [
        ("2", 1, 350),
        ("1", 2, 320),
        ("3", 3, 300),
    ]
    assert [row["gap"] for row in found] == [
        {"laps": 0, "ms": 0},
        {"laps": None, "ms": 1_000},
        {"laps": 8, "ms": None},
    ]
