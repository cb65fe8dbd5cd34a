"""A session's fold: entries in, steps out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from events import AnyEvent, encode
from projections.timeline import ForgottenPast
from projections.views.frame import ClientState, Token
from projections.views.frame_builder import frame_state
from replay.quarantine import CannotFold
from services.projector.session_fold import FoldStep, RawEntry, SessionFold
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races

UNKNOWN = b'{"type":"car_abducted","at":1,"source":"x","source_seq":1}'


def entries_of(*events: AnyEvent | bytes, first: int = 1) -> list[RawEntry]:
    """Entries at the positions 1-0, 2-0 and so on, of events or of other bytes."""
    lines = (one if isinstance(one, bytes) else encode(one) for one in events)
    return [(b"%d-0" % (first + n), [b"event", line]) for n, line in enumerate(lines)]


def shown_after(steps: list[FoldStep]) -> Any:
    """The state that the steps' frames lead to."""
    shown = ClientState()
    for step in steps:
        shown.apply(step.frame)
    return shown.state


def taken(fold: SessionFold, entries: Sequence[RawEntry]) -> FoldStep:
    """The step of a batch that has news."""
    step = fold.fold(entries)
    assert step is not None
    return step


def test_the_first_step_is_a_snapshot():
    """Nothing was told before: the first frame is the whole state, and says so."""
    story = opened("7").lap("7", 1, 60_000)
    step = taken(SessionFold(), entries_of(*story))
    assert step.before is None
    assert step.frame.token == Token(1, "4-0")
    assert (step.frame.kind, step.frame.at, step.frame.clock_at) == ("snapshot", 4, 60_000)
    assert step.frame.data == frame_state(story.race())


def test_a_step_follows_the_one_before():
    """Each delta names the token that it is a patch on."""
    story, fold = opened("7").lap("7", 1, 60_000), SessionFold()
    entries = entries_of(*story)
    first, second = taken(fold, entries[:2]), taken(fold, entries[2:])
    assert second.before == first.frame.token
    assert second.frame.kind == "delta"
    assert shown_after([first, second]) == frame_state(story.race())


@given(races(max_size=40), st.lists(st.integers(0, 45), max_size=5), st.integers(0, 45))
def test_entries_delivered_again_change_nothing(events, cuts, again):
    """However entries are batched and repeated, the steps lead to the same state."""
    entries, fold, steps = entries_of(*events), SessionFold(), []
    done = 0
    for cut in [*sorted(cuts), len(entries)]:
        step = fold.fold(entries[max(0, done - again) : cut])
        steps += [step] if step is not None else []
        done = max(done, min(cut, len(entries)))
    assert shown_after(steps) == frame_state(race_of(events))
    assert fold.fold(entries) is None


@given(races(corrected=False, max_size=16))
def test_late_events_change_what_a_new_builder_has(events):
    """After each event, however late, the state is that of the race looked at anew."""
    fold = SessionFold()
    for entry in entries_of(*events):
        fold.fold([entry])
        assert fold.state == frame_state(fold.timeline.race)


def test_a_late_lap_leaves_a_car_without_a_driver():
    """The lap that named the driver does not count any more: an earlier one has its number."""
    story, fold = opened("7").lap("7", 1, 106_000, driver="A").lap("7", 2, 67_000), SessionFold()
    steps = [taken(fold, [entry]) for entry in entries_of(*story)]
    assert fold.timeline.race.drivers.at_wheel == {}
    assert shown_after(steps) == fold.state == frame_state(story.race())


@pytest.mark.parametrize("what", [ev.PitEntered, ev.LapCompleted])
def test_another_car_settles_that_a_session_goes_on(what):
    """A green flag that stands begins a segment: cars that had finished run again."""
    story, fold = Story(), SessionFold()
    story.add(ev.SessionOpened, 0, title="A qualifying", kind="qualifying")
    story.flag("chequered", 31_000).lap("6", 1, 37_000).flag("green", 53_000)
    story.add(what, 79_000, car="2", **({"lap": 1} if what is ev.LapCompleted else {}))
    steps = [taken(fold, [entry]) for entry in entries_of(*story)]
    shown = shown_after(steps)
    assert shown["standings"]["6"]["status"] == "running"
    assert shown == fold.state == frame_state(story.race())


def test_nothing_is_reported_of_no_entries():
    """An empty batch, or one that was folded, makes no step."""
    fold = SessionFold()
    assert fold.fold([]) is None
    entries = entries_of(*opened("7"))
    taken(fold, entries)
    assert fold.fold(entries) is None


def test_entries_that_are_no_events_are_parked():
    """They are put aside at their positions, each with the reason, and the rest counts."""
    story = opened("7").lap("7", 1, 60_000)
    entries = entries_of(*story.events[:2], b"garbage", *story.events[2:])
    entries += [(b"9-0", [b"lap", b"1"]), (b"9-1", [b"event", b"{}", b"event", b"{}"])]
    step = taken(SessionFold(), entries)
    assert [(parked.position, parked.raw) for parked in step.parked] == [
        ("3-0", b"garbage"),
        ("9-0", b"lap 1"),
        ("9-1", b"event {} event {}"),
    ]
    assert all(parked.reason for parked in step.parked)
    assert step.frame.token == Token(1, "9-1")
    assert step.frame.data == frame_state(story.race())


def test_a_batch_of_garbage_moves_the_position():
    """Even where nothing counts the entries are done with."""
    fold = SessionFold()
    taken(fold, entries_of(*opened("7")))
    step = taken(fold, entries_of(b"garbage", first=10))
    assert (step.frame.token, step.frame.data) == (Token(1, "10-0"), {})
    assert len(step.parked) == 1


def test_a_fault_ends_the_step_before_it():
    """What came before the unknown event is told; the fault names the entry."""
    story, fold = opened("7").lap("7", 1, 60_000), SessionFold()
    entries = entries_of(*story.events[:2], b"garbage", UNKNOWN, *story.events[2:])
    step = taken(fold, entries)
    assert step.frame.token == Token(1, "3-0")
    assert len(step.parked) == 1
    assert step.fault is not None
    assert step.fault.position == "4-0"
    assert "car_abducted" in str(step.fault)


def test_a_fault_at_the_very_first_entry_is_raised():
    """There is nothing to be told before it."""
    with pytest.raises(CannotFold) as caught:
        SessionFold().fold(entries_of(UNKNOWN))
    assert caught.value.position == "1-0"


def test_recalled_entries_are_not_reported():
    """After a restart the fold stands where it stood, and goes on with a delta."""
    story = opened("7").lap("7", 1, 60_000)
    entries, before, after = entries_of(*story), SessionFold(), SessionFold()
    first = taken(before, entries[:3])
    after.fold_published(entries[:3])
    assert after.resume_at(first.frame.token, first.frame.data) is None
    assert taken(after, entries[3:]) == taken(before, entries[3:])


@pytest.mark.parametrize("found", [None, {"session": {}}])
def test_what_does_not_follow_from_the_log_is_made_anew(found):
    """Where screens hold something else, or nobody knows what, a new epoch begins."""
    entries, fold = entries_of(*opened("7"), b"garbage"), SessionFold()
    fold.fold_published(entries)
    step = fold.resume_at(Token(3, "4-0"), found)
    assert step is not None
    assert step.before == Token(3, "4-0")
    assert (step.frame.token, step.frame.kind) == (Token(4, "4-0"), "snapshot")
    assert step.frame.data == fold.state
    assert [parked.position for parked in step.parked] == ["4-0"]


def test_recalling_a_fault_stops():
    """An older program does not skip what a newer one has told."""
    with pytest.raises(CannotFold):
        SessionFold().fold_published(entries_of(*opened("7"), UNKNOWN))


# -- Checkpoints ---------------------------------------------------------------------------


def stored(fold: SessionFold) -> tuple[bytes, dict[bytes, bytes]]:
    """A checkpoint and its blocks, as they come back from the server."""
    checkpoint = fold.checkpoint(())
    assert checkpoint is not None
    return checkpoint.data, {name.encode(): data for name, data in checkpoint.blocks.items()}


def test_a_checkpoint_is_taken_up_where_it_was():
    """The restored fold is at its position, knows its identities and goes on alike."""
    story = opened("7", "8").laps("7", 90).laps("8", 90, 60_001)
    story.events.sort(key=lambda event: event.at)
    entries, before = entries_of(*story), SessionFold()
    token = taken(before, entries[:150]).frame.token
    data, blocks = stored(before)
    assert blocks
    after = SessionFold.from_checkpoint(data, blocks)
    assert after is not None
    assert after.position == "150-0"
    assert after.resume_at(token, before.state) is None
    again = [(b"%d-0" % (1000 + n), entry[1]) for n, entry in enumerate(entries[100:])]
    assert taken(after, again) == taken(before, again)
    assert after.timeline.race.state_hash() == race_of(story).state_hash()


def test_blocks_that_are_stored_are_not_given_again():
    """A later checkpoint brings only the blocks that are new."""
    story, fold = opened("7").laps("7", 200), SessionFold()
    entries = entries_of(*story)
    taken(fold, entries[:150])
    first = fold.checkpoint(())
    taken(fold, entries[150:])
    assert first is not None
    second = fold.checkpoint(first.blocks)
    assert second is not None
    assert first.blocks
    assert second.blocks
    assert not first.blocks.keys() & second.blocks.keys()
    assert fold.checkpoint(first.blocks | second.blocks) == second._replace(blocks={})


def test_a_corrected_race_has_no_checkpoint():
    """What a correction in force speaks of is told by the whole log only."""
    story, fold = opened("7").lap("7", 1, 60_000), SessionFold()
    story.void(story.last)
    taken(fold, entries_of(*story))
    assert fold.checkpoint(()) is None


def test_a_resumed_fold_says_when_only_the_whole_log_will_do():
    """An event from before the checkpoint cannot be put in its place."""
    story, before = opened("7").lap("7", 1, 60_000), SessionFold()
    taken(before, entries_of(*story))
    after = SessionFold.from_checkpoint(*stored(before))
    assert after is not None
    with pytest.raises(ForgottenPast):
        after.fold(entries_of(story.add(ev.PitEntered, 30_000, car="7"), first=99))


def changed(data: bytes, **about: Any) -> bytes:
    """A checkpoint that says something else of itself."""
    found = json.loads(data)
    found["about"] |= about
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"null",
        lambda data: b'{"about":[]}',
        lambda data: data[:-1],
        lambda data: changed(data, version=0),
        lambda data: changed(data, hash="0" * 32),
        lambda data: changed(data, position="here"),
        lambda data: changed(data, identities={"test": 7}),
        lambda data: re.sub(rb'"order":\d+', b'"order":0', data),
    ],
)
def test_a_damaged_checkpoint_is_none(damage):
    """Whatever is wrong with it, the log is the truth."""
    fold = SessionFold()
    taken(fold, entries_of(*opened("7").laps("7", 90)))
    data, blocks = stored(fold)
    assert SessionFold.from_checkpoint(data, blocks) is not None
    assert damage(data) != data
    assert SessionFold.from_checkpoint(damage(data), blocks) is None
    assert SessionFold.from_checkpoint(data, {}) is None


@pytest.mark.parametrize("resumed", [False, True])
def test_an_audit_is_no_data(resumed: bool) -> None:
    """Holding an output makes a silent source no younger, also after a restart."""
    *before, last = opened("7").lap("7", 1, 60_000).lap("7", 2, 120_000)
    found: list[AnyEvent] = [
        *before,
        ev.OutputFrozen(at=60_000, source="outputs", source_seq=1, by="me", output="tower"),
        ev.OutputReleased(at=60_001, source="outputs", source_seq=2, by="me", output="tower"),
        last,
    ]
    entries, fold = entries_of(*found), SessionFold()
    taken(fold, entries[:5])
    if resumed:
        kept = fold.checkpoint(())
        assert kept is not None
        blocks = {name.encode(): block for name, block in kept.blocks.items()}
        again = SessionFold.from_checkpoint(kept.data, blocks)
        assert again is not None
        again.resume_at(Token(1, kept.position), fold.state)
        fold = again
    frame = taken(fold, entries[5:6]).frame
    assert (frame.token, frame.at) == (Token(1, "6-0"), 4)
    assert taken(fold, entries[6:]).frame.at == 7


def test_a_switch_of_a_session_without_rules():
    """It begins an epoch as well, and so does taking it back, which leaves no pack to name."""
    story = Story().opened(lines=("FL",)).entry("7").lap("7", 1, 60_000)
    fold = SessionFold()
    taken(fold, entries_of(*story))
    first = len(story.events) + 1
    switched = ev.RulesSwitched(at=0, source="rc", source_seq=0, rules="wec-2024")
    void = ev.EventVoided(
        at=0, source="rc", source_seq=1, voided_source="rc", voided_seq=0, reason="no"
    )
    made = taken(fold, entries_of(switched, first=first)).frame
    back = taken(fold, entries_of(void, first=first + 1)).frame
    assert (made.token.epoch, made.reason) == (2, "rules switched to wec-2024")
    assert (back.token.epoch, back.reason) == (3, "switch to wec-2024 taken back")


def test_a_switch_of_rules_begins_an_epoch():
    """Made and taken back: a snapshot with the reason each time, and the race as it was before."""
    story = Story().opened(lines=("FL",), rules="alms-2007").entry("7").lap("7", 1, 60_000)
    fold = SessionFold()
    steps = [taken(fold, entries_of(*story))]
    before, race = fold.state, fold.timeline.race.state_hash()
    first = len(story.events) + 1
    switched = ev.RulesSwitched(at=0, source="rc", source_seq=0, rules="wec-2024")
    void = ev.EventVoided(
        at=60_000, source="rc", source_seq=1, voided_source="rc", voided_seq=0, reason="no"
    )
    steps.append(taken(fold, entries_of(switched, first=first)))
    assert fold.timeline.race.session.opened.rules == "wec-2024"
    steps.append(taken(fold, entries_of(void, first=first + 1)))
    assert [(step.frame.token.epoch, step.frame.kind) for step in steps] == [
        (1, "snapshot"),
        (2, "snapshot"),
        (3, "snapshot"),
    ]
    assert steps[1].before == steps[0].frame.token
    assert "wec-2024" in (steps[1].frame.reason or "")
    assert not any(step.rebuilt for step in steps[1:])
    assert shown_after(steps) == fold.state
    assert fold.state["standings"] == before["standings"]
    assert fold.state["session"]["rules"] == "alms-2007"
    assert fold.timeline.race.state_hash() == race
