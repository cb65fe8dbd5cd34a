"""Penalties of a running race: where the time is lost, and which order changes."""

from __future__ import annotations

import pytest

import events as ev
from events.stewards import PenaltyKind
from projections.results.classification import Convention, classify
from projections.results.time_lost import effects, lost_on_road, road_order
from projections.results.whatif import Hypothesis, SupposedPenalty, parse_penalty, what_if
from projections.rules.packs import builtin_pack
from tests.builders import Story, opened

LAP = 60_000
IMSA = Convention.of(builtin_pack("imsa-2024"))
BEHIND = {"1": 0, "2": 12_000, "3": 24_000, "4": 36_000, "5": 75_000}
"""How long after the leader each car crosses the line; #5 is a lap down."""


def running(until: int, until_lap: int = 40, *, drive_through: bool = False) -> Story:
    """Five cars with two timing lines; those that crossed a line by ``until`` are there."""
    story = opened(*BEHIND, drive_through_ms=30_000 if drive_through else None)
    for car, behind in BEHIND.items():
        for lap in range(1, until_lap + 1):
            start = (lap - 1) * LAP + behind
            for line, share in (("S1", 20_000), ("S2", 40_000)):
                if start + share <= until:
                    story.line(car, line, lap, start + share)
            if start + LAP <= until:
                story.lap(car, lap, start + LAP, LAP)
    story.add(ev.RaceControlMessage, until, text="now")
    return story


@pytest.mark.parametrize("into_the_lap", [0, 5_000, 13_000, 25_000, 37_000, 50_000, 59_999])
@pytest.mark.parametrize(
    ("seconds", "order"),
    [(11, "12345"), (13, "21345"), (30, "23145"), (40, "23415"), (80, "23415")],
)
def test_added_time_wherever_on_the_lap(into_the_lap: int, seconds: int, order: str) -> None:
    """The leader stands behind those within that time, never behind a car a lap down."""
    race = running(20 * LAP + into_the_lap).race()
    changes = what_if(race, Hypothesis((SupposedPenalty("1", "time", seconds),)), IMSA)
    assert "".join(one.car for one in changes) == order
    assert race.order.cars()[0] == "1"


@pytest.mark.parametrize(
    ("penalties", "order"),
    [
        (("1 time 30", "2 time 30"), "31425"),
        (("1 time 30", "3 time 10"), "21345"),
        (("4 time 30",), "12345"),
        (("1 laps 1",), "23415"),
    ],
)
def test_several_penalties(penalties: tuple[str, ...], order: str) -> None:
    """Between two cars with added time the difference counts; a lap taken away is one."""
    race = running(20 * LAP + 25_000).race()
    hypothesis = Hypothesis(tuple(map(parse_penalty, penalties)))
    assert "".join(one.car for one in what_if(race, hypothesis, IMSA)) == order


def test_a_car_that_passed_since_the_line() -> None:
    """A car that is ahead on the road by now is ahead of one with added time, by however little."""
    story = opened("1", "2", lines=("S1", "FL")).laps("1", 3)
    story.lap("2", 1, 61_000).lap("2", 2, 121_000).lap("2", 3, 181_000)
    story.line("2", "S1", 4, 200_000)
    assert [row.car for row in classify(story.race(), IMSA)] == ["1", "2"]
    changes = what_if(story.race(), Hypothesis((SupposedPenalty("1", "time", 1),)), IMSA)
    assert [one.car for one in changes] == ["2", "1"]


def test_a_real_penalty_counts_in_the_classification() -> None:
    """As in the result, so in the classification of the running race; not on the road."""
    story = running(20 * LAP + 5_000)
    story.add(
        ev.PenaltyImposed,
        20 * LAP + 5_000,
        penalty_id="p",
        car="1",
        kind="time",
        amount=30,
    )
    race = story.race()
    assert [row.car for row in classify(race, IMSA)] == ["2", "3", "1", "4", "5"]
    assert race.order.cars() == ["1", "2", "3", "4", "5"]


def test_a_drive_through_costs_a_lane_pass() -> None:
    """By the session's time for it: the car comes back behind those within 30 s."""
    race = running(20 * LAP + 25_000, drive_through=True).race()
    hypothesis = Hypothesis((parse_penalty("1 drive-through"),))
    (effect,) = effects(race, IMSA.penalties, hypothesis.penalties)
    assert (effect.order, effect.ms) == ("road", 30_000)
    assert effect.text == (
        "#1: a drive-through, to be served: costs about 30.0 s in the lane (by the session's time "
        "for a drive-through), and changes the order on the road, and so the classified one"
    )
    assert road_order(race, lost_on_road([effect])) == ["2", "3", "1", "4", "5"]
    assert [one.car for one in what_if(race, hypothesis, IMSA)] == ["2", "3", "1", "4", "5"]


def test_what_is_measured_comes_first() -> None:
    """A drive-through of this race cost 25 s: 5 s on the way in, 20 s on the way out."""
    story = opened("1", "2", lines=("FL",), drive_through_ms=20_000)
    for lap in range(1, 10):
        story.lap("1", lap, lap * LAP, LAP)
    for lap in range(1, 10):
        lost = 0 if lap < 6 else 5_000 if lap == 6 else 25_000
        ms = LAP + (5_000 if lap == 6 else 20_000 if lap == 7 else 0)
        story.lap("2", lap, lap * LAP + 10_000 + lost, ms)
    story.pit("2", 6 * LAP + 5_000, 6 * LAP + 25_000)
    (effect,) = effects(story.race(), IMSA.penalties, [("1", "stop_and_hold", 60)])
    assert effect.ms == 85_000
    assert "measured, 1 drive-through of this race" in effect.text


@pytest.mark.parametrize(
    ("penalty", "order", "says"),
    [
        ("1 time 30", "classified", "changes the classified order only"),
        ("1 disqualification", "classified", "counts without being served"),
        ("1 warning", None, "changes no order"),
        ("1 points 5", None, "changes no order"),
        ("1 drive-through", "road", "how long that takes in this race is unknown"),
    ],
)
def test_which_order(penalty: str, order: str | None, says: str) -> None:
    """It is said of every kind."""
    race = running(20 * LAP).race()
    (effect,) = effects(race, Convention.of(None).penalties, [parse_penalty(penalty)])
    assert effect.order == order
    assert says in effect.text


@pytest.mark.parametrize("kind", ["drive_through", "stop_and_hold", "time", "laps"])
def test_neither_time_nor_laps_change_an_order_of_best_laps(kind: PenaltyKind) -> None:
    """Nothing is lost on the road in qualifying."""
    race = opened("1", "2", kind="qualifying").laps("1", 2, 60_000).laps("2", 2, 61_000).race()
    (found,) = effects(race, IMSA.penalties, [("1", kind, 30)])
    assert (found.order, found.ms) == (None, None)
    assert found.text.endswith("changes no order of best laps")


def test_after_a_published_result() -> None:
    """A penalty that cannot be served is added to the time that was printed."""
    story = opened("1", "2")
    rows = (
        ev.ResultRow(position=1, car="1", status="classified", laps=9, total_ms=600_000),
        ev.ResultRow(position=2, car="2", status="retired", laps=8, total_ms=540_000),
    )
    story.add(ev.ResultDeclared, 600_000, status="final", rows=rows, rests_on="r.csv")
    race = story.ended(600_001).race()
    found = effects(race, IMSA.penalties, [(car, "drive_through", None) for car in ("1", "2")])
    assert [(one.order, one.ms) for one in found] == [("classified", 30_000), (None, None)]


def test_after_the_flag() -> None:
    """What can no longer be served is added by the pack's value, in the classification."""
    story = running(20 * LAP).flag("chequered", 20 * LAP + 1)
    story.lap("1", 21, 21 * LAP, LAP)
    (effect,) = effects(story.race(), IMSA.penalties, [("1", "drive_through", None)])
    assert effect.order == "classified"
    assert "can no longer be served" in effect.text
