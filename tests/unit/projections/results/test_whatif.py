"""What would be if, and that nothing was touched."""

from __future__ import annotations

import pytest

from events.errors import BadHypothesis, UnknownCar, UnknownLap
from projections.results.classification import ON_LAPS, Convention
from projections.results.whatif import (
    Hypothesis,
    SupposedPenalty,
    WithdrawnTime,
    effects_of,
    parse_penalty,
    parse_withdrawn,
    what_if,
)
from projections.rules.packs import builtin_pack
from tests.builders import Story, opened


def race() -> Story:
    """Three cars a second apart, with laps to go."""
    story = opened("1", "2", "3")
    for place, car in enumerate(("1", "2", "3")):
        for lap in (1, 2, 3):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    return story


def test_a_supposed_penalty_moves_the_order_and_nothing_else():
    """The order then beside the order now; the race is as it was."""
    present = race().race()
    before = present.state_hash()
    changes = what_if(present, Hypothesis((SupposedPenalty("1", "time", 30),)))
    assert [(c.car, c.position_now, c.position_then, c.gained) for c in changes] == [
        ("2", 2, 1, 1),
        ("3", 3, 2, 1),
        ("1", 1, 3, -2),
    ]
    assert changes[2].total_ms_then == 210_000
    assert present.state_hash() == before


def test_stopping_now_and_retiring():
    """Finish now: running cars count as finished where they last completed a lap."""
    hypothesis = Hypothesis(retire=("1",), finish_now=True)
    le_mans = Convention.of(builtin_pack("wec-2024"))
    changes = what_if(race().race(), hypothesis, le_mans)
    assert [(c.car, c.status_then) for c in changes] == [
        ("2", "classified"),
        ("3", "classified"),
        ("1", "retired"),
    ]


def test_other_rules():
    """The same race under another convention: a car that it does not list is told."""
    present = race().entry("9").race()
    changes = what_if(
        present, Hypothesis(), convention_then=Convention.of(builtin_pack("wec-2024"))
    )
    assert (changes[-1].car, changes[-1].position_then) == ("9", None)
    assert changes[-1].status_then == "not_listed"


def test_penalties_as_they_are_typed():
    """CAR KIND [AMOUNT]."""
    assert parse_penalty("66 time 30") == SupposedPenalty("66", "time", 30)
    assert parse_penalty("7 drive-through") == SupposedPenalty("7", "drive_through", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("66", "write CAR KIND"),
        ("66 slap 3", "one of drive-through"),
        ("66 time", "takes an amount"),
        ("66 time x", "not a whole number: x"),
        ("66 fine 3", "takes no amount"),
    ],
)
def test_a_penalty_that_is_none(text: str, says: str):
    """One line says what would be right."""
    with pytest.raises(BadHypothesis, match=says):
        parse_penalty(text)


def test_an_unknown_car():
    """A supposition about nobody is refused."""
    with pytest.raises(UnknownCar):
        what_if(race().race(), Hypothesis(retire=("99",)))


def test_the_kinds_are_the_events_own():
    """A supposed penalty is imposed as the event it would be."""
    for kind in ("back_of_class", "disqualification"):
        changes = what_if(race().race(), Hypothesis((parse_penalty(f"1 {kind}"),)))
        assert changes[-1].car == "1"


def qualifying() -> Story:
    """Two cars with two times each, and one without."""
    story = opened("1", "2", "3", kind="qualifying", lines=("FL",))
    for car, times in (("1", (61_000, 60_000, 62_000)), ("2", (61_500, 60_500))):
        at = 0
        for lap, ms in enumerate(times, start=1):
            at += ms
            story.lap(car, lap, at, ms)
    return story


@pytest.mark.parametrize(
    ("withdrawn", "order", "texts"),
    [
        (
            [("1", 2)],
            [("2", 60_500), ("1", 61_000), ("3", None)],
            ["#1: time of lap 2 withdrawn: placed by 1:01.000 of lap 1, no longer by 1:00.000"],
        ),
        (
            [("1", 3), ("1", 2), ("1", 1)],
            [("2", 60_500), ("1", None), ("3", None)],
            [
                "#1: time of lap 3 withdrawn: changes no order, as it is not placed by that lap",
                "#1: time of lap 2 withdrawn: placed by 1:01.000 of lap 1, no longer by 1:00.000",
                "#1: time of lap 1 withdrawn: placed by no time, no longer by 1:01.000",
            ],
        ),
        (
            [("2", 1)],
            [("1", 60_000), ("2", 60_500), ("3", None)],
            ["#2: time of lap 1 withdrawn: changes no order, as it is not placed by that lap"],
        ),
    ],
)
def test_withdrawn_times(
    withdrawn: list[tuple[str, int]], order: list[tuple[str, int | None]], texts: list[str]
):
    """In qualifying the order is that of the times that are left, and the session is as it was."""
    present = qualifying().race()
    before = present.state_hash()
    hypothesis = Hypothesis(withdrawn=tuple(WithdrawnTime(*one) for one in withdrawn))
    changes = what_if(present, hypothesis)
    assert [(one.car, one.best_lap_ms_then) for one in changes] == order
    assert [one.text for one in effects_of(present, hypothesis, ON_LAPS)] == texts
    assert present.state_hash() == before


def test_withdrawn_times_of_a_race():
    """They change no order of a race; a lap that was not completed is refused."""
    hypothesis = Hypothesis(withdrawn=(WithdrawnTime("1", 2),))
    assert [one.gained for one in what_if(race().race(), hypothesis)] == [0, 0, 0]
    (effect,) = effects_of(race().race(), hypothesis, ON_LAPS)
    assert effect.text == "#1: time of lap 2 withdrawn: changes no order of a race"
    with pytest.raises(UnknownLap, match="car '1' has no lap 9; it completed 3"):
        what_if(race().race(), Hypothesis(withdrawn=(WithdrawnTime("1", 9),)))


@pytest.mark.parametrize("text", ["31", "31 x", "31 0", "31 8 9", ""])
def test_a_withdrawn_time_that_is_none(text: str):
    """CAR LAP, with a lap from 1."""
    assert parse_withdrawn("31 8") == WithdrawnTime("31", 8)
    with pytest.raises(BadHypothesis, match=r"31 8|from 1"):
        parse_withdrawn(text)
