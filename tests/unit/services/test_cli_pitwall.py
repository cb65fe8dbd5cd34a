"""What the pit wall asks: progress, places under cautions, the queue, leaders of a class."""

from __future__ import annotations

import events as ev
from tests.builders import Story
from tests.unit.services.commands import Commands

LAP = 60_000
HOUR = 3_600_000


def race() -> Story:
    """#2 passes #1 and #4 passes #3 under the caution of lap 3, which lasts."""
    story = Story().opened(
        lines=("FL",), car_class="GTP", rules="imsa-2024", time_limit_ms=10 * HOUR
    )
    for car, name in (("1", "GTP"), ("2", "GTP"), ("3", "GTD"), ("4", "GTD")):
        story.entry(car, name, drivers=(ev.Driver(number=1, name=f"D{car}"),))
    for lap, order in enumerate(("1234", "1234", "2143", "2143"), start=1):
        for place, car in enumerate(order):
            story.lap(car, lap, lap * LAP + place * 1_000)
    return story.flag("fcy", 2 * LAP + 30_000)


def test_tables_of_a_running_caution(lapstream: Commands) -> None:
    """Each keeps to its schema, and can be narrowed by class and car."""
    lapstream.hold("r", race())
    rows = lapstream.rows("caution-places", "caution-places", "r")
    assert [(row["car"], row["class_gained"]) for row in rows] == [
        ("2", 1),
        ("1", -1),
        ("4", 1),
        ("3", -1),
    ]
    rows = lapstream.rows("progress", "progress", "r", "--class", "gtd")
    assert [(row["car"], row["class_laps_led"]) for row in rows] == [("4", 2), ("3", 2)]
    rows = lapstream.rows("queue", "queue", "r")
    assert [row["car"] for row in rows] == ["2", "1", "4", "3"]
    assert "Pass-around" in lapstream.output("queue", "r")
    assert lapstream.rows("queue", "queue", "r", "--at", "0:02:29") == []
    assert len(lapstream.rows("queue", "queue", "r", "--at", "0:02:31")) == 4


def test_leaders_of_a_class(lapstream: Commands) -> None:
    """The spells in the lead of the class; a car narrows them further."""
    lapstream.hold("r", race())
    rows = lapstream.rows("leaders", "leaders", "r", "--class", "gtd")
    assert [(row["car"], row["first_lap"], row["last_lap"]) for row in rows] == [
        ("3", 1, 2),
        ("4", 3, 4),
    ]


def test_limits_that_cannot_be_computed(lapstream: Commands) -> None:
    """The reason stands above the table, once, and in each row of the JSON."""
    story = Story().opened("1", lines=("FL",), rules="wec-2024")
    story.entry("1", drivers=(ev.Driver(number=1, name="D1"),))
    story.lap("1", 1, LAP)
    lapstream.hold("r", story)
    reason = "limits of wec-2024 depend on the scheduled length of the race, which is unknown"
    assert lapstream.output("drive-times", "r").count(reason) == 1
    assert reason in lapstream.rows("drive-times", "drive-times", "r")[0]["no_limits"]
