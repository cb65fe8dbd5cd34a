"""The classification and what penalties make of it."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from projections.results.classification import ON_LAPS, Convention, classify
from projections.rules.packs import builtin_pack
from tests.builders import Story, opened

LE_MANS = Convention.of(builtin_pack("wec-2024"))


def order(story: Story, convention: Convention = ON_LAPS) -> list[str]:
    return [row.car for row in classify(story.race(), convention)]


def finished(*cars: str) -> Story:
    """Ten laps each, a second apart in the order given, all under the flag."""
    story = opened(*cars)
    for place, car in enumerate(cars):
        for lap in range(1, 10):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.flag("chequered", 600_000)
    for place, car in enumerate(cars):
        story.lap(car, 10, 600_000 + place * 1_000)
    return story


def penalty(story: Story, car: str, kind: str, amount: int | None = None, **members: Any) -> Story:
    """A penalty imposed after the race."""
    story.add(
        ev.PenaltyImposed,
        700_000 + len(story.events),
        penalty_id=f"{car}-{kind}",
        car=car,
        kind=kind,
        amount=amount,
        **members,
    )
    return story


def test_laps_then_time():
    """The classification of a race without penalties."""
    story = finished("1", "2", "3").entry("9")
    rows = classify(story.race())
    assert [(row.car, row.status, row.laps, row.gap_ms) for row in rows] == [
        ("1", "classified", 10, 0),
        ("2", "classified", 10, 1_000),
        ("3", "classified", 10, 2_000),
        ("9", "not_started", 0, None),
    ]


def test_a_time_penalty_counts_at_once_and_within_the_lap():
    """Seconds are added to the time; they do not reach a car with fewer laps."""
    story = finished("1", "2", "3")
    story.laps("4", 9, ms=66_000)
    penalty(story, "1", "time", 30)
    rows = classify(story.race())
    assert [row.car for row in rows] == ["2", "3", "1", "4"]
    assert (rows[2].total_ms, rows[2].penalty_ms) == (630_000, 30_000)


def test_a_served_or_rescinded_penalty_adds_nothing():
    """What was served on track is in the times already."""
    story = penalty(finished("1", "2"), "1", "time", 30)
    story.add(ev.PenaltyServed, 800_000, penalty_id="1-time")
    assert order(story) == ["1", "2"]
    story = penalty(finished("1", "2"), "1", "time", 30)
    assert order(story) == ["2", "1"]
    story.add(ev.PenaltyRescinded, 800_000, penalty_id="1-time", reason="appeal upheld")
    assert order(story) == ["1", "2"]


def test_a_converted_penalty_counts_as_what_it_became():
    """A drive-through that could not be served becomes seconds."""
    story = penalty(finished("1", "2"), "1", "drive_through")
    assert order(story) == ["1", "2"]
    story.add(ev.PenaltyConverted, 800_000, penalty_id="1-drive_through", kind="time", amount=25)
    assert order(story) == ["2", "1"]


def test_a_penalty_repeated_counts_once():
    """The same decision from two sources is one penalty."""
    story = penalty(penalty(finished("1", "2"), "1", "time", 1), "1", "time", 1)
    assert classify(story.race())[0].penalty_ms in (0, 1_000)
    assert [row.penalty_ms for row in classify(story.race())] == [1_000, 0]


def test_laps_taken_away():
    """A lap less is a lap less, whatever the time."""
    story = penalty(finished("1", "2", "3"), "1", "laps", 1)
    assert order(story) == ["2", "3", "1"]
    assert classify(story.race())[2].laps == 9


def test_places_are_of_the_class():
    """Two places are two cars of the class; cars of other classes do not count."""
    story = finished("1", "2", "3", "4")
    story.entry("2", "P")
    penalty(story, "1", "places", 2)
    assert order(story) == ["2", "3", "4", "1"]
    assert order(penalty(finished("1", "2"), "1", "places", 9)) == ["2", "1"]


def test_back_of_class_in_the_order_imposed():
    """Cars sent back stand behind their class's last, in the order of the decisions."""
    story = finished("1", "2", "3", "4", "5")
    story.entry("5", "P")
    penalty(penalty(story, "3", "back_of_class"), "1", "back_of_class")
    assert order(story) == ["2", "4", "3", "1", "5"]
    assert [row.laps for row in classify(story.race())] == [10] * 5


def test_the_tenth_sent_back_stands_behind_the_ninth():
    """Penalties of one millisecond are in the order of their numbers, not of their digits."""
    story = finished("1", "2", "3")
    for number, car in ((10, "1"), (9, "2")):
        name = f"inferred-{number}"
        story.add(ev.PenaltyImposed, 700_000, penalty_id=name, car=car, kind="back_of_class")
    assert order(story) == ["3", "2", "1"]


def test_what_became_of_a_penalty_is_in_the_order_of_the_decisions():
    """Served after it was converted, all in one millisecond, it adds nothing."""
    story = penalty(finished("1", "2"), "1", "stop_and_go")
    at = story.last.at
    story.add(ev.PenaltyConverted, at, penalty_id="1-stop_and_go", kind="time", amount=40)
    assert order(story) == ["2", "1"]
    story.add(ev.PenaltyServed, at, penalty_id="1-stop_and_go")
    assert order(story) == ["1", "2"]


def test_a_disqualified_winner_is_no_measure_of_the_distance():
    """The minimum distance is a share of the laps of whoever wins instead."""
    story = opened("1", "2", "3").laps("1", 9).laps("2", 7).laps("3", 5)
    story.flag("chequered", 600_000)
    for car, lap in (("1", 10), ("2", 8), ("3", 6)):
        story.lap(car, lap, 600_000 + lap)
    assert [row.status for row in classify(story.race(), LE_MANS)][2] == "not_classified"
    rows = classify(penalty(story, "1", "disqualification").race(), LE_MANS)
    assert [(row.car, row.status) for row in rows] == [
        ("2", "classified"),
        ("3", "classified"),
        ("1", "disqualified"),
    ]


def test_a_disqualified_car_stands_last():
    """Everyone behind it moves up."""
    rows = classify(penalty(finished("1", "2", "3"), "1", "disqualification").race())
    assert [(row.position, row.car, row.status) for row in rows] == [
        (1, "2", "classified"),
        (2, "3", "classified"),
        (3, "1", "disqualified"),
    ]
    gaps = [(row.gap_laps, row.gap_ms) for row in rows]
    assert gaps == [(0, 0), (None, 1_000), (None, None)]


def test_a_retired_car_keeps_its_place_on_laps_and_its_penalty():
    """ALMS and IMSA: a retirement ahead on laps is ahead; seconds are added to it, too."""
    story = finished("1", "2")
    story.laps("3", 9).laps("4", 8)
    story.add(ev.CarRetired, 650_000, car="3")
    penalty(story, "3", "time", 97)
    story.add(ev.SessionEnded, 900_000)
    rows = classify(story.race())
    assert [(row.car, row.status, row.total_ms) for row in rows] == [
        ("1", "classified", 600_000),
        ("2", "classified", 601_000),
        ("3", "retired", 540_000 + 97_000),
        ("4", "classified", 480_000),
    ]


class TestLeMans:
    """Who takes the flag stands first; too few laps are not enough; the rest follow."""

    @pytest.fixture
    def story(self) -> Story:
        """Two finishers, one of them short of distance, and a car that stopped on nine laps."""
        story = opened("1", "2", "3").entry("9")
        story.laps("1", 9).laps("3", 9, ms=61_000).laps("2", 5, ms=100_000)
        story.flag("chequered", 600_000).lap("1", 10, 600_000).lap("2", 6, 610_000)
        story.add(ev.CarRetired, 620_000, car="3")
        story.add(ev.SessionEnded, 900_000)
        return story

    def test_groups(self, story: Story):
        """Six of ten laps under the flag is not classified, and ahead of every retirement."""
        rows = classify(story.race(), LE_MANS)
        assert [(row.car, row.status) for row in rows] == [
            ("1", "classified"),
            ("2", "not_classified"),
            ("3", "retired"),
        ]

    def test_six_of_ten_is_enough_where_six_tenths_are_required(self, story: Story):
        """The distance is rounded up to whole laps, and reaching it suffices."""
        rules = LE_MANS.classification.model_copy(update={"minimum_distance": 0.6})
        short = Convention(rules, LE_MANS.penalties)
        assert classify(story.race(), short)[1].status == "classified"


def test_a_penalty_never_served_becomes_time_at_the_flag():
    """A drive-through still open at the flag is added as the pack's seconds, not before."""
    pack = builtin_pack("wec-2024")
    story = opened("1", "2").laps("1", 1).lap("2", 1, 61_000)
    story.add(ev.PenaltyImposed, 62_000, penalty_id="p", car="1", kind="drive_through")
    assert classify(story.race(), LE_MANS)[0].penalty_ms == 0
    story.flag("chequered", 120_000).lap("1", 2, 120_000).lap("2", 2, 122_000)
    rows = classify(story.race(), LE_MANS)
    assert [row.car for row in rows] == ["2", "1"]
    assert rows[1].penalty_ms == pack.penalties.drive_through_s * 1000
    story.add(ev.PenaltyServed, 110_000, penalty_id="p")
    assert [row.car for row in classify(story.race(), LE_MANS)] == ["1", "2"]


def test_a_red_flag_that_ends_the_race_takes_the_result_back():
    """The result is that of the end of the lap before the one in which red was shown."""
    story = opened("1", "2", "3")
    story.lap("1", 1, 60_000).lap("2", 1, 61_000).lap("3", 1, 62_000)
    story.lap("2", 2, 121_000).lap("1", 2, 122_000).lap("3", 2, 123_000)
    story.flag("red", 130_000)
    assert order(story, LE_MANS) == ["2", "1", "3"]
    story.add(ev.SessionEnded, 400_000)
    rows = classify(story.race(), LE_MANS)
    assert [(row.car, row.status, row.laps) for row in rows] == [
        ("2", "classified", 2),
        ("1", "classified", 2),
        ("3", "classified", 2),
    ]
    story.lap("1", 3, 131_000)  # under the red flag: it counts for nothing
    assert order(story, LE_MANS) == ["2", "1", "3"]
    assert order(story) == ["1", "2", "3"]
    assert classify(story.race(), LE_MANS)[1].laps == 2


def test_a_race_that_goes_on_after_red_is_not_taken_back():
    """Only the red flag that ends the race counts back."""
    story = opened("1", "2").laps("1", 2).laps("2", 2, ms=61_000).flag("red", 125_000)
    story.flag("green", 200_000).lap("2", 3, 260_000).lap("1", 3, 261_000)
    story.flag("chequered", 320_000).lap("2", 4, 320_000).lap("1", 4, 321_000)
    assert order(story, LE_MANS) == ["2", "1"]


def test_qualifying_is_by_best_lap():
    """The quickest first, of equal ones the earlier; a deleted time is none."""
    story = opened("1", "2", "3", "4", kind="qualifying")
    story.lap("2", 1, 70_000, 60_000).lap("1", 1, 71_000, 60_000).lap("3", 1, 72_000, 59_000)
    story.lap("3", 2, 131_500, 59_500)
    story.add(ev.LapTimeDeleted, 140_000, car="3", lap=1)
    rows = classify(story.race())
    assert [(row.car, row.best_lap_ms, row.gap_ms) for row in rows] == [
        ("3", 59_500, 0),
        ("2", 60_000, 500),
        ("1", 60_000, 500),
        ("4", None, None),
    ]


def test_on_the_first_lap_all_stand_as_they_run():
    """Nobody has completed a lap, and nobody has retired by that; at the end they have."""
    story = opened("1", "2", "3", "4").line("3", "S1", 1, 20_000).line("1", "S1", 1, 21_000)
    story.line("2", "S1", 1, 22_000).retired("2", 23_000)
    rows = classify(story.race())
    assert [(row.car, row.status) for row in rows] == [
        ("3", "running"),
        ("1", "running"),
        ("2", "retired"),
        ("4", "not_started"),
    ]
    assert order(story, LE_MANS) == ["3", "1"]
    rows = classify(story.ended(30_000).race())
    assert [(row.car, row.status) for row in rows] == [
        ("1", "retired"),
        ("2", "retired"),
        ("3", "retired"),
        ("4", "not_started"),
    ]
    assert order(story, LE_MANS) == []


def test_while_the_race_runs_all_stand_on_laps():
    """Before the flag nobody has failed to take it."""
    story = opened("1", "2").laps("1", 3).laps("2", 2)
    rows = classify(story.race(), LE_MANS)
    assert [(row.car, row.status) for row in rows] == [("1", "running"), ("2", "running")]
