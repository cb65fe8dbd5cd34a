"""What would be if, and that nothing was touched."""

from __future__ import annotations

import pytest

from events.errors import BadHypothesis, UnknownCar
from projections.results.classification import Convention
from projections.results.whatif import Hypothesis, SupposedPenalty, parse_penalty, what_if
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
