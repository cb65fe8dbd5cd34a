"""What can be decided, how it is taken back, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from events.errors import (
    AlreadyVoided,
    BadDecision,
    BadHypothesis,
    LapstreamError,
    PenaltyNotInForce,
    RaceNotOver,
    UnknownCar,
    UnknownClass,
    UnknownEvent,
    UnknownLap,
    UnknownPenalty,
)
from projections.results.classification import ON_LAPS
from projections.results.decisions import check, describe, lap_event, result_rows, state_of, undo_of
from projections.timeline import Timeline
from tests.builders import Story


def story() -> Story:
    """Two cars and three laps each, ten seconds apart."""
    recorded = Story().opened("1", "2", lines=("FL",))
    for lap in (1, 2, 3):
        recorded.lap("1", lap, lap * 60_000).lap("2", lap, lap * 60_000 + 10_000)
    return recorded


def timeline(recorded: Story) -> Timeline:
    """The race so far."""
    folded = Timeline()
    folded.add(recorded)
    return folded


def decision(model: type[ev.Event], **members: Any) -> ev.AnyEvent:
    """An event of the desk's."""
    return model(at=200_000, source="desk", source_seq=0, **members)  # type: ignore[return-value]


SPAN = {"start": 0, "end": 1, "reason": "y"}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (decision(ev.PenaltyImposed, penalty_id="p", car="9", kind="warning"), UnknownCar),
        (decision(ev.PenaltyImposed, penalty_id="p", car="1", kind="time"), BadHypothesis),
        (decision(ev.PenaltyServed, penalty_id="p"), UnknownPenalty),
        (decision(ev.PenaltyConverted, penalty_id="p", kind="warning"), UnknownPenalty),
        (decision(ev.PenaltyRescinded, penalty_id="p"), UnknownPenalty),
        (decision(ev.LapTimeDeleted, car="1", lap=4), UnknownLap),
        (decision(ev.LapAmended, car="1", lap=3, reason="y"), BadDecision),
        (decision(ev.LapAmended, car="1", lap=4, driver="A", reason="y"), UnknownLap),
        (decision(ev.CrossingsReassigned, from_car="1", to_car="1", **SPAN), BadDecision),
        (decision(ev.CrossingsReassigned, from_car="1", to_car="8", **SPAN), UnknownCar),
        (decision(ev.EventVoided, voided_source="x", voided_seq=1, reason="y"), UnknownEvent),
        (decision(ev.WaveByGiven, cars=()), BadDecision),
        (decision(ev.PassAroundGiven, cars=("9",)), UnknownCar),
        (decision(ev.RaceControlMessage, text="slow", car="9"), UnknownCar),
        (decision(ev.PitLaneClosed, classes=("LMP9",)), UnknownClass),
        (decision(ev.ResultDeclared, status="final", rows=(), rests_on="y"), RaceNotOver),
    ],
    ids=lambda one: one.type if isinstance(one, ev.Event) else one.__name__,
)
def test_what_is_not_there_cannot_be_decided(
    event: ev.AnyEvent, error: type[LapstreamError]
) -> None:
    """Each decision that speaks of nothing is refused, by name."""
    with pytest.raises(error):
        check(timeline(story()), event)


@pytest.mark.parametrize(
    "event",
    [
        decision(ev.FlagShown, flag="safety_car"),
        decision(ev.SafetyCarDeployed),
        decision(ev.PitLaneOpened),
        decision(ev.PitLaneClosed, classes=("GT",)),
        decision(ev.WaveByGiven, cars=("1", "2")),
        decision(ev.RaceControlMessage, text="track is slippery"),
        decision(ev.PenaltyImposed, penalty_id="p", car="1", kind="time", amount=5),
        decision(ev.LapTimeDeleted, car="2", lap=3),
        decision(ev.LapAmended, car="2", lap=3, driver="A", reason="y"),
        decision(ev.CrossingsReassigned, from_car="1", to_car="2", **SPAN),
        decision(ev.EventVoided, voided_source="test", voided_seq=3, reason="y"),
    ],
    ids=lambda one: one.type,
)
def test_what_can_be_decided(event: ev.AnyEvent) -> None:
    """What speaks of cars, laps, classes and events that are there is accepted."""
    check(timeline(story()), event)


def test_a_void_is_taken_back_by_a_void() -> None:
    """What is voided cannot be voided again; the void can, and then the event counts."""
    recorded = story()
    lap = lap_event(timeline(recorded), "1", 3)
    void = recorded.void(lap)
    folded = timeline(recorded)
    assert (state_of(folded, lap), state_of(folded, void)) == ("voided", "in force")
    assert undo_of(folded, lap) is None
    with pytest.raises(AlreadyVoided):
        check(folded, recorded.void(lap))
    back = undo_of(folded, void)
    assert back == {
        "type": "event_voided",
        "voided_source": void.source,
        "voided_seq": void.source_seq,
    }
    recorded = story()
    void = recorded.void(lap_event(timeline(recorded), "1", 3))
    again = recorded.void(void)
    folded = timeline(recorded)
    assert folded.race.order.laps["1"] == 3
    assert describe(folded, again).startswith("taken back: #1: lap 3 voided")


def test_a_penalty_is_rescinded() -> None:
    """It stays in the book; what became of it is voided instead."""
    recorded = story()
    imposed = recorded.add(
        ev.PenaltyImposed, 190_000, penalty_id="p", car="2", kind="time", amount=5, reason="contact"
    )
    folded = timeline(recorded)
    assert state_of(folded, imposed) == "in force"  # it counts without being served
    assert undo_of(folded, imposed) == {"type": "penalty_rescinded", "penalty_id": "p"}
    served = recorded.add(ev.PenaltyServed, 195_000, penalty_id="p")
    folded = timeline(recorded)
    assert (state_of(folded, imposed), state_of(folded, served)) == ("served", "in force")
    assert describe(folded, served) == "#2: 5 s added to its time served"
    with pytest.raises(PenaltyNotInForce):
        check(folded, served)
    rescinded = recorded.add(ev.PenaltyRescinded, 199_000, penalty_id="p", reason="appeal")
    folded = timeline(recorded)
    assert (state_of(folded, imposed), undo_of(folded, imposed)) == ("rescinded", None)
    assert describe(folded, rescinded) == "#2: 5 s added to its time rescinded (appeal)"


@pytest.mark.parametrize(
    ("kind", "amount", "state"),
    [
        ("drive_through", None, "owed"),
        ("stop_and_hold", 30, "owed"),
        ("time", 5, "in force"),
        ("laps", 1, "in force"),
        ("warning", None, "in force"),
    ],
)
@pytest.mark.parametrize("converted", [False, True])
def test_only_what_is_to_be_served_is_owed(
    kind: str, amount: int | None, state: str, converted: bool
) -> None:
    """Also in the form that a penalty was converted to."""
    recorded = story()
    given = ("laps", 2) if converted else (kind, amount)
    imposed = recorded.add(
        ev.PenaltyImposed, 190_000, penalty_id="p", car="2", kind=given[0], amount=given[1]
    )
    if converted:
        recorded.add(ev.PenaltyConverted, 191_000, penalty_id="p", kind=kind, amount=amount)
    owed = "converted" if converted and state == "owed" else state
    assert state_of(timeline(recorded), imposed) == owed


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (decision(ev.FlagShown, flag="code_60"), "Code 60 flag"),
        (decision(ev.FlagShown, flag="yellow", sector=2), "yellow flag, sector 2"),
        (decision(ev.PitLaneOpened, classes=("GT", "LMP1")), "pit lane opened for GT, LMP1"),
        (decision(ev.PassAroundGiven, cars=("1", "2")), "pass-around: 1, 2"),
        (decision(ev.RaceControlMessage, text="rain"), "message: rain"),
        (decision(ev.OutputFrozen, output="tower"), "output tower frozen"),
        (decision(ev.LapTimeDeleted, car="1", lap=2), "#1: time of lap 2 deleted"),
        (decision(ev.PenaltyServed, penalty_id="q"), "penalty q served"),
        (decision(ev.CarRetired, car="1"), "car retired"),
    ],
    ids=lambda one: one.type if isinstance(one, ev.Event) else "",
)
def test_words(event: ev.AnyEvent, words: str) -> None:
    """What was decided, as race control would say it."""
    assert describe(timeline(story()), event) == words


def test_the_result_to_declare() -> None:
    """It is the classification as it stands, once the race is over."""
    recorded = story()
    with pytest.raises(RaceNotOver):
        result_rows(timeline(recorded).race, ON_LAPS)
    recorded.flag("chequered", 185_000).lap("1", 4, 240_000, 58_000)
    rows = result_rows(timeline(recorded).race, ON_LAPS)
    assert [(row.position, row.car, row.status, row.laps) for row in rows] == [
        (1, "1", "classified", 4),
        (2, "2", "classified", 3),
    ]
    assert (rows[0].best_lap_ms, rows[0].best_lap) == (58_000, 4)


def test_a_fork_goes_its_own_way() -> None:
    """What would be is folded beside the timeline, which stays as it is; corrections, too."""
    recorded = story()
    folded = timeline(recorded)
    before = folded.race.state_hash()
    lap = lap_event(folded, "1", 3)
    fork = folded.fork()
    void = ev.EventVoided(
        at=200_000,
        source="what-if",
        source_seq=0,
        voided_source=lap.source,
        voided_seq=lap.source_seq,
        reason="y",
    )
    fork.add([void])
    assert fork.race.order.laps["1"] == 2
    assert (folded.race.state_hash(), folded.voided) == (before, set())
    whole = timeline(recorded)
    whole.add([void])
    assert fork.race.state_hash() == whole.race.state_hash()
    folded.add([void])
    assert folded.race.state_hash() == whole.race.state_hash()
