"""Voids, amendments and reassigned crossings."""

from __future__ import annotations

import pytest

import events as ev
from events import AnyEvent
from projections.engine.corrections import Corrections
from projections.timeline import Timeline
from tests.builders import opened, race_of
from tests.unit.projections.reference_corrections import what_counts


def test_a_voided_lap_does_not_count():
    """The race is as if it had never been timed."""
    story = opened("1").laps("1", 2)
    voided = story.last
    story.void(voided)
    assert story.race().order.laps == {"1": 1}


def test_a_void_can_come_first():
    """A void that arrives before what it voids holds all the same."""
    story = opened("1").laps("1", 2)
    voided = story.last
    void = story.void(voided)
    early = [void, *(event for event in story if event is not void)]
    assert race_of(early).state_hash() == story.race().state_hash()


def test_a_voided_void_restores():
    """Undo is another event."""
    story = opened("1").laps("1", 2)
    first = story.void(story.last, at=500_000)
    story.void(first, at=600_000)
    assert story.race().order.laps == {"1": 2}


def test_an_amended_lap():
    """Everything that rests on the lap follows its amendment."""
    story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 61_000, 61_000)
    story.lap("1", 2, 120_000, 60_000).lap("2", 2, 122_000, 61_000)
    story.add(
        ev.LapAmended,
        700_000,
        car="2",
        lap=2,
        completed_at=119_000,
        lap_time_ms=59_000,
        reason="transponder",
    )
    race = story.race()
    assert race.order.cars() == ["2", "1"]
    assert race.laps.best["2"].ms == 59_000
    assert race.chart.leaders[-1].car == "2"


def test_swapped_transponders():
    """From the swap on each car has the other's crossings, its laps counted on."""
    story = opened("1", "2", lines=("FL",)).laps("1", 3).laps("2", 2, ms=90_000)
    story.lap("1", 4, 270_000, 90_000).lap("2", 3, 240_000).lap("2", 4, 300_000)
    assert story.race().order.cars() == ["1", "2"]
    story.add(
        ev.CrossingsReassigned,
        400_000,
        from_car="1",
        to_car="2",
        start=200_000,
        end=390_000,
        swap=True,
        reason="transponders swapped",
    )
    race = story.race()
    assert race.order.laps == {"1": 5, "2": 3}
    assert race.order.passings["1"] == [60_000, 120_000, 180_000, 240_000, 300_000]
    assert race.order.passings["2"] == [90_000, 180_000, 270_000]


def test_a_late_lap_before_a_swap_renumbers_what_came_after():
    """How many laps a car had before the swap is settled from all that is known."""
    story = opened("1", "2", lines=("FL",)).laps("1", 2).lap("1", 3, 180_000).laps("2", 1)
    late = story.events[-2]
    moved = story.add(
        ev.CrossingsReassigned,
        400_000,
        from_car="2",
        to_car="1",
        start=200_000,
        end=390_000,
        reason="wrong transponder",
    )
    story.lap("2", 2, 240_000)
    in_order = story.race()
    arrival = [event for event in story if event is not late]
    assert in_order.order.laps == {"1": 4, "2": 1}
    assert race_of([*arrival, late]).state_hash() == in_order.state_hash()
    story.void(moved)
    assert story.race().order.laps == {"1": 3, "2": 2}


def test_the_later_of_two_amendments_in_one_millisecond_prevails():
    """Decisions after the flag share a millisecond: the tenth of a source follows the ninth."""
    story = opened("1", lines=("FL",)).lap("1", 1, 60_000)
    for driver in ("Ann", "Art"):
        while len(story.events) % 10 != 9 and driver == "Ann":
            story.add(ev.RaceControlMessage, 0, text="said")
        story.add(ev.LapAmended, 90_000, car="1", lap=1, driver=driver, reason="paper")
    assert [event.source_seq % 10 for event in story.events[-2:]] == [9, 0]
    lap = story.race().laps.last("1")
    assert lap is not None
    assert lap.driver == "Art"


def test_a_correction_looks_at_what_it_concerns(monkeypatch: pytest.MonkeyPatch):
    """Of a long race a correction looks again at what it names, and at what follows from it."""
    story = opened("1", "2", "3", lines=("FL",)).laps("1", 300).laps("2", 300).laps("3", 300)
    timeline = Timeline()
    timeline.add(story.events)
    looked_at: list[AnyEvent] = []
    effective = Corrections.effective

    def noted(corrections: Corrections, one: AnyEvent) -> object:
        looked_at.append(one)
        return effective(corrections, one)

    monkeypatch.setattr(Corrections, "effective", noted)

    def concerned(correction: AnyEvent) -> list[tuple[str, int]]:
        looked_at.clear()
        timeline.add([correction])
        found = [one for one in looked_at if isinstance(one, ev.LapCompleted | ev.LinePassed)]
        assert found == looked_at
        return [(one.car, one.lap) for one in found]

    amend = {"car": "1", "lap": 200, "lap_time_ms": 61_000, "reason": "photocell"}
    assert concerned(story.add(ev.LapAmended, 10**9, **amend)) == [("1", 200)]
    void = story.void(next(one for one in story if one.at == 100 * 60_000))
    renumbered = [("1", lap) for lap in range(100, 301)]
    assert concerned(void) == renumbered
    assert concerned(story.void(void)) == renumbered
    moved = story.add(
        ev.CrossingsReassigned,
        10**9,
        from_car="1",
        to_car="2",
        start=298 * 60_000,
        end=10**9,
        reason="wrong transponder",
    )
    assert concerned(moved) == [
        ("1", 298),
        ("1", 299),
        ("1", 300),
        *[("2", 298), ("2", 299)],
        ("2", 300),
    ]
    assert timeline.events == what_counts(story)


@pytest.mark.parametrize("cars", [("7", None), (None, "7"), (None, None)])
def test_messages_of_one_millisecond(cars):
    """A message about a car and one about none have an order, the same however they arrive."""
    story = opened("7").laps("7", 2)
    messages = [
        story.add(ev.RaceControlMessage, 120_000, text=f"to {car}", car=car) for car in cars
    ]
    story.add(ev.SessionEnded, 120_000)
    either = race_of(story.events).state_hash()
    swapped = [event for event in story if event not in messages] + messages[::-1]
    assert race_of(swapped).state_hash() == either
