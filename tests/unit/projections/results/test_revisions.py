"""Results that follow each other, and what changed from one to the next."""

from __future__ import annotations

import events as ev
from projections.results.revisions import Revision, differences, revisions
from tests.builders import Story, opened


def race() -> Story:
    """Three cars, one lap, the flag."""
    story = opened("1", "2", "3").flag("chequered", 60_000)
    for place, car in enumerate(("1", "2", "3")):
        story.lap(car, 1, 60_000 + place * 1_000)
    return story


def log(story: Story) -> list[tuple[str, ev.AnyEvent]]:
    return [(f"{position}-0", event) for position, event in enumerate(story, start=1)]


def order(revision: Revision) -> list[str]:
    return [row.car for row in revision.rows]


def test_a_race_without_decisions_has_one_result():
    """The provisional one."""
    (one,) = revisions(log(race()))
    assert (one.status, one.declared, order(one)) == ("provisional", False, ["1", "2", "3"])


def test_a_penalty_after_the_race_amends_it_and_its_end_restores_it():
    """Every result that was ever known is there, with what it rests on."""
    story = race()
    story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind="places", amount=1)
    story.add(ev.PenaltyRescinded, 80_000, penalty_id="p", reason="appeal upheld")
    found = revisions(log(story))
    assert [(one.status, order(one)) for one in found] == [
        ("provisional", ["1", "2", "3"]),
        ("amended", ["2", "1", "3"]),
        ("amended", ["1", "2", "3"]),
    ]
    assert found[1].rests_on == "#1: 1 place dropped"
    assert found[1].position == f"{len(story.events) - 1}-0"


def test_a_shortest_lap_set_after_the_race_amends_it():
    """It counts a double read out; the result rests on it, not on the laps as timed."""
    story = opened("1", "2", lines=("FL",)).flag("chequered", 180_000)
    story.laps("1", 3).laps("2", 2).lap("2", 3, 124_000, 4_000).lap("2", 4, 184_000)
    story.add(ev.ShortestLapSet, 0, lap_time_ms=40_000)
    found = revisions(log(story))
    assert [order(one) for one in found] == [["2", "1"], ["1", "2"]]
    assert found[1].rests_on == "shortest lap 40.000"


def test_a_decision_without_effect_makes_no_revision():
    """A fine changes no result."""
    story = race()
    story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind="fine")
    assert len(revisions(log(story))) == 1


def test_a_declared_result_is_kept_as_declared():
    """Declared and computed stand side by side; the declared one moves nothing."""
    story = race()
    rows = (ev.ResultRow(position=1, car="3", status="classified", laps=1, total_ms=62_000),)
    story.add(ev.ResultDeclared, 90_000, status="final", rows=rows, rests_on="bulletin 7")
    computed, declared = revisions(log(story))
    assert (declared.status, declared.declared, declared.rests_on) == ("final", True, "bulletin 7")
    assert order(computed) == ["1", "2", "3"]
    assert order(declared) == ["3"]


def test_before_the_flag_there_is_no_result():
    """A penalty during the race makes no revision."""
    story = opened("1").laps("1", 1)
    story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind="time", amount=5)
    assert revisions(log(story)) == []


def test_what_changed_between_two():
    """Only the cars that changed, with both values."""
    story = race()
    story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind="time", amount=2)
    before, after = revisions(log(story))
    changed = differences(before.rows, after.rows)
    assert [(one.car, one.position_before, one.position_after) for one in changed] == [
        ("2", 2, 1),
        ("1", 1, 2),
    ]
    assert (changed[1].total_ms_before, changed[1].total_ms_after) == (60_000, 62_000)
    assert differences(before.rows, before.rows) == []


def test_voids_that_name_each_other_or_themselves_are_described():
    """What they name is not followed in a circle."""
    story = race()
    mutual = len(story.events)
    for at, seq in ((70_000, mutual + 1), (71_000, mutual), (72_000, mutual + 2)):
        story.add(ev.EventVoided, at, voided_source="test", voided_seq=seq, reason="a slip")
    assert len(revisions(log(story))) == 1
