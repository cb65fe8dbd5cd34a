"""Penalties inferred from an official result."""

from __future__ import annotations

import events as ev
from events import ResultDeclared, ResultRow
from replay.reconciling import Reconciliation, reconcile
from tests.builders import Story, opened


def declared(story: Story, *rows: tuple[str, int, int]) -> ResultDeclared:
    """An official result: car, laps and total time (ms), in order."""
    result = story.add(
        ev.ResultDeclared,
        700_000,
        status="final",
        rests_on="a test",
        rows=tuple(
            ResultRow(position=place, car=car, status="classified", laps=laps, total_ms=ms)
            for place, (car, laps, ms) in enumerate(rows, start=1)
        ),
    )
    assert isinstance(result, ResultDeclared)
    return result


def race() -> Story:
    """Three cars a second apart after two laps."""
    story = opened("1", "2", "3")
    for place, car in enumerate(("1", "2", "3")):
        story.lap(car, 1, 60_000 + place * 500).lap(car, 2, 120_000 + place * 1_000)
    return story


def penalties(found: Reconciliation) -> list[tuple[str, str, int | None]]:
    return [(p.car, p.kind, p.amount) for p in found.decisions if isinstance(p, ev.PenaltyImposed)]


def test_a_result_that_agrees_needs_none():
    """Nothing is inferred where the laps explain the result."""
    story = race()
    found = reconcile(
        story, declared(story, ("1", 2, 120_000), ("2", 2, 121_000), ("3", 2, 122_000))
    )
    assert found == Reconciliation((), ())


def test_whole_seconds_are_a_time_penalty():
    """The time and the place it costs are both explained."""
    story = race()
    found = reconcile(
        story, declared(story, ("2", 2, 121_000), ("3", 2, 122_000), ("1", 2, 125_000))
    )
    assert penalties(found) == [("1", "time", 5)]
    assert found.unreconciled == ()
    assert found.decisions[0].basis == "published"
    assert "inferred" in (found.decisions[0].reason or "")


def test_other_times_are_not_explained():
    """A difference of part of a second is listed, not turned into a penalty."""
    story = race()
    found = reconcile(
        story, declared(story, ("1", 2, 120_400), ("2", 2, 121_000), ("3", 2, 122_000))
    )
    assert penalties(found) == []
    assert [tuple(one) for one in found.unreconciled] == [("1", "total_ms", "120000", "120400")]


def test_cars_at_the_back_in_another_order_were_sent_there():
    """Two cars behind one that they beat, in the order of their penalties."""
    story = race()
    found = reconcile(
        story, declared(story, ("3", 2, 122_000), ("2", 2, 121_000), ("1", 2, 120_000))
    )
    assert penalties(found) == [("2", "back_of_class", None), ("1", "back_of_class", None)]
    assert found.unreconciled == ()


def test_laps_that_differ_are_not_explained():
    """Laps are never inferred away."""
    story = race()
    found = reconcile(
        story, declared(story, ("1", 1, 60_000), ("2", 2, 121_000), ("3", 2, 122_000))
    )
    assert ("1", "laps", "2", "1") in [tuple(one) for one in found.unreconciled]


def test_deleted_lap_times_of_qualifying():
    """Laps quicker than the best that is printed were deleted."""
    story = opened("1", "2", kind="qualifying").lap("1", 1, 60_000).lap("1", 2, 118_000, 58_000)
    story.lap("2", 1, 61_000, 59_000)
    rows = (
        ResultRow(position=1, car="2", status="classified", laps=1, best_lap_ms=59_000),
        ResultRow(position=2, car="1", status="classified", laps=2, best_lap_ms=60_000),
    )
    result = story.add(ev.ResultDeclared, 700_000, status="final", rests_on="a test", rows=rows)
    assert isinstance(result, ResultDeclared)
    found = reconcile(story, result)
    assert [
        (one.car, one.lap) for one in found.decisions if isinstance(one, ev.LapTimeDeleted)
    ] == [("1", 2)]
    assert found.unreconciled == ()


def test_a_car_that_only_one_side_lists():
    """A car that one side does not know is named."""
    story = race()
    found = reconcile(story, declared(story, ("1", 2, 120_000), ("2", 2, 121_000)))
    assert [tuple(one) for one in found.unreconciled] == [("3", "listed", "yes", "no")]
