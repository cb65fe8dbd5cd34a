"""The highest speed of each car."""

from __future__ import annotations

import events as ev
from projections import views
from services.queries.tables import race_tables
from tests.builders import Story, opened


def speeds(story: Story) -> list[tuple[str, float | None]]:
    """Each car of the table of fastest laps with its speed."""
    return [(row["car"], row["top_speed_kph"]) for row in views.fastest_laps(story.race())]


def raced() -> Story:
    """Two cars with two laps."""
    story = opened("7", "8", lines=("FL",))
    for lap in (1, 2):
        story.lap("7", lap, lap * 60_000).lap("8", lap, lap * 61_000, ms=61_000)
    return story


def test_the_highest_counts() -> None:
    """In any order, and not below what was measured before."""
    story = raced()
    for lap, speed in ((2, 301.5), (1, 280.0)):
        story.add(ev.TopSpeedMeasured, lap * 60_000, car="7", lap=lap, speed_kph=speed)
    assert speeds(story) == [("7", 301.5), ("8", None)]
    assert story.race().speeds.top["7"].lap == 2


def test_not_after_the_finish() -> None:
    """The lap that ends the race counts, what comes after it does not."""
    story = raced().flag("chequered", 100_000)
    story.add(ev.TopSpeedMeasured, 120_000, car="7", lap=2, speed_kph=290.0)
    story.add(ev.TopSpeedMeasured, 180_000, car="7", lap=3, speed_kph=310.0)
    assert speeds(story)[0] == ("7", 290.0)


def test_a_column_without_values_is_left_out() -> None:
    """A printed table has the column only where a speed trap measured."""
    story = raced()
    table, rows = race_tables.FASTEST_LAPS, views.fastest_laps(story.race())
    assert "km/h" not in table.lines(rows)[0]
    assert '"top_speed_kph": null' in table.json(rows)
    story.add(ev.TopSpeedMeasured, 60_000, car="7", lap=1, speed_kph=280.0)
    heading, first, _ = table.lines(views.fastest_laps(story.race()))
    assert heading.split()[-1] == "km/h"
    assert first.split()[-1] == "280.0"
