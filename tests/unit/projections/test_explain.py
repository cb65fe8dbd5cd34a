"""Explanations: the sentence, the events and the rule behind each figure."""

from __future__ import annotations

import pytest

import events as ev
from events.errors import UnknownCar
from projections.classification import Convention
from projections.explain import Statement, explain, explain_points, ordinal
from projections.packs import builtin_pack
from tests.builders import Story, opened


def race() -> Story:
    """Two cars over two laps, the flag, a penalty for the winner."""
    story = opened("1", "2").laps("1", 1).lap("2", 1, 61_000).flag("chequered", 120_000)
    story.lap("1", 2, 120_000, driver="A").lap("2", 2, 121_500, 60_500)
    story.tell(
        ev.PenaltyImposed,
        130_000,
        penalty_id="p",
        car="1",
        kind="time",
        amount=5,
        reason="short-cut",
    )
    return story


def told(story: Story, car: str, about: str) -> list[Statement]:
    return [one for one in explain(story.race(), story, car) if one.about == about]


def test_the_place_names_its_lap_and_its_rule():
    """Second after a penalty: laps and time are those of the lap named."""
    story = race()
    (place,) = told(story, "1", "position")
    assert place.text == "#1 is 2nd overall, 2nd in GT with 2 laps in 0:02:05.000."
    assert "laps completed" in (place.rule or "")
    last_lap = next(e for e in story if isinstance(e, ev.LapCompleted) and e.at == 120_000)
    assert place.events == (last_lap.identity,)


def test_gaps_to_the_cars_around():
    """Who is ahead, by how much, after penalties."""
    assert [one.text for one in told(race(), "1", "gap")] == ["#1 stands behind #2 by 3.500 s."]


def test_penalties_and_what_became_of_them():
    """A penalty names its decision, and its rescission when there is one."""
    story = race()
    (one,) = told(story, "1", "penalty")
    assert one.text == "#1 was given 5 s added to its time (short-cut)."
    imposed = story.last
    rescinded = story.tell(ev.PenaltyRescinded, 140_000, penalty_id="p", reason="appeal")
    (one,) = told(story, "1", "penalty")
    assert one.text.endswith("It was rescinded, and counts no more.")
    assert one.events == (imposed.identity, rescinded.identity)


def test_corrections_of_the_car_alone():
    """A voided lap is told for its car, not for the other."""
    story = race()
    doubled = story.lap("2", 3, 122_000).last
    void = story.void(doubled)
    (one,) = told(story, "2", "correction")
    assert one.text == "A lap completed at 0:02:02.000 was voided: a test."
    assert one.events == (void.identity, doubled.identity)
    assert told(story, "1", "correction") == []


def test_a_retirement_cites_the_rule_of_the_pack():
    """Where a retired car stands is the pack's rule, with its source."""
    story = opened("1", "2").laps("1", 3).laps("2", 1)
    story.tell(ev.CarRetired, 400_000, car="2", reason="gearbox")
    story.flag("chequered", 500_000).lap("1", 4, 500_000)
    convention = Convention.of(builtin_pack("wec-2024"))
    statements = explain(story.race(), story, "2", convention, lambda key: f"source of {key}")
    (one,) = [one for one in statements if one.about == "status"]
    assert one.text == "#2 did not finish (gearbox) and stands behind those that took the flag."
    assert one.rule == "source of classification.retirements"


def test_an_unknown_car_lists_the_cars():
    """A wrong number is answered with the right ones."""
    with pytest.raises(UnknownCar, match="there are 1, 2"):
        explain(race().race(), race(), "9")


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_ordinals(number: int, text: str):
    """As they are read out."""
    assert ordinal(number) == text


def crewed() -> Story:
    """Two cars under ALMS rules, of the first a driver who drove a minute only."""
    story = Story().opened(lines=("FL",), rules="alms-2007")
    crew = (ev.Driver(number=1, name="Ann"), ev.Driver(number=2, name="Art"))
    story.entry("1", drivers=crew).entry("2")
    for lap in range(1, 61):
        story.lap("1", lap, lap * 60_000, driver="Ann" if lap < 60 else "Art")
        story.lap("2", lap, lap * 61_000)
    return story.flag("chequered", 3_600_000).lap("1", 61, 3_660_000, driver="Art")


def test_points_by_the_rules_of_the_pack():
    """What the place is worth, who does not get it, each with its rule."""
    said = explain_points(crewed().race(), "1", builtin_pack("alms-2007"))
    assert [(one.text, one.rule) for one in said] == [
        ("Points for #1: 1st in GT: 20 points.", "points.scales.short.points"),
        (
            "None for Art: 0:01:00 at the wheel, 0:45:00 needed for points.",
            "drive_time.limits.0.minimum_s",
        ),
    ]


def test_points_that_the_stewards_took():
    """They are told apart from what the place is worth."""
    story = crewed()
    story.tell(ev.PenaltyImposed, 3_700_000, penalty_id="p", car="1", kind="points", amount=3)
    said = explain_points(story.race(), "1", builtin_pack("alms-2007"))
    assert said[-1].text == "Points for #1: 3 points taken away by the stewards."


def test_a_car_outside_every_class_has_no_points():
    """Nothing is said of what it cannot score."""
    story = opened("1").entry("0", None).lap("0", 1, 60_000)
    assert explain_points(story.race(), "0", builtin_pack("alms-2007")) == []


def test_a_gap_between_cars_that_race_is_the_one_on_screen():
    """When one has just completed a lap, the other is not a lap behind."""
    story = opened("1", "2", lines=("FL",)).laps("1", 3).lap("2", 1, 62_000).lap("2", 2, 122_000)
    (one,) = told(story, "1", "gap")
    assert one.text == "#2 stands behind #1 by 2.000 s."
