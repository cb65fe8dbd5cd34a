"""Recordings and what steers them, with time as an argument."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import replay.recording
from events import AnyEvent
from events.errors import BadMoment
from projections.race import Race
from projections.timeline import Timeline
from replay.recording import (
    NotAsShown,
    Recording,
    RecordingAsHappened,
    RecordingAsShown,
    handed_over,
)
from replay.steering import COMMANDS, Pause, Play, Player, Seek, SetSpeed, Step
from tests.builders import Story, opened
from tests.profiles import examples

MINUTE = 60_000
START = 1_700_000_000_000


@pytest.fixture(autouse=True)
def _marks_close_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small races have several marks, too."""
    monkeypatch.setattr(replay.recording, "MARK_EVERY", 4)


def a_race() -> Story:
    """Two cars, ten laps of a minute, a caution from 3:30 to 5:30 and one from 8:00 on."""
    story = opened("1", "2", lines=("FL",)).laps("1", 10)
    story.laps("2", 10, ms=MINUTE + 500)
    story.pit("2", 250_000, 280_000)
    return story.flag("fcy", 210_000).flag("green", 330_000).flag("safety_car", 480_000)


def recording_of(story: Story) -> RecordingAsHappened:
    timeline = Timeline()
    timeline.add(story)
    return RecordingAsHappened(timeline.events)


def shown_live(story: Story, delay_ms: int = 0) -> RecordingAsShown:
    """Each event learned as long after it happened."""
    events = sorted(story.events, key=lambda event: event.at)
    return RecordingAsShown("live", events, [START + event.at + delay_ms for event in events])


def straight(recording: Recording, index: int) -> Race:
    """The fold of the first events, of a recording of things as they happened."""
    race = Race()
    race.apply_all(recording.events[:index])
    return race


MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 35)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=examples(60))
@given(MOVES)
def test_a_cut_is_the_straight_fold_however_it_came_there(moves: list[tuple[bool, int]]) -> None:
    """Moved ahead and back, or played on, a race is the fold of the events handed over."""
    recording = recording_of(a_race())
    cursor = recording.cursor(0)
    for by_play, index in moves:
        index = min(index, len(recording.times))
        if by_play and index >= cursor.index:
            cursor.play(index)
        else:
            cursor.move(index)
        assert cursor.index == index
        assert cursor.race.state_hash() == straight(recording, index).state_hash()
    assert recording.whole.state_hash() == straight(recording, len(recording.times)).state_hash()


@settings(deadline=None, max_examples=examples(60))
@given(MOVES)
def test_as_it_was_shown_a_cut_is_what_was_known(moves: list[tuple[bool, int]]) -> None:
    """Also where the order of learning is not that of happening, and where laps are taken away."""
    story = a_race()
    for lap in (story.events[9], story.events[4]):
        story.void(lap, at=700_000)
    events = [*story.events[12:24], *story.events[:12], *story.events[24:]]
    recording = RecordingAsShown(
        "live", events, [START + 50 * MINUTE * i for i in range(len(events))]
    )
    cursor = recording.cursor(0)
    for _, index in moves:
        index = min(index, len(events))
        cursor.move(index)
        known = Timeline()
        known.add(events[:index])
        assert cursor.race.state_hash() == known.race.state_hash()


def test_going_back_as_it_was_shown_folds_little_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than lies between two timelines that are kept on the way, wherever it goes."""
    monkeypatch.setattr(replay.recording, "MARK_EVERY", 4)
    recording = shown_live(a_race())
    folded: list[int] = []
    add = Timeline.add

    def counted(timeline: Timeline, events: Sequence[AnyEvent]) -> object:
        folded.append(len(events))
        return add(timeline, events)

    monkeypatch.setattr(Timeline, "add", counted)
    cursor = recording.cursor(len(recording.events))
    for index in (len(recording.events) - 1, 3, 17, 0, len(recording.events)):
        cursor.move(index)
    recording.cursor(20)
    assert max(folded) < 4


class Steering:
    """A player under random commands, checked after each."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.player = Player(recording)

    def check(self) -> None:
        """What was handed over is what lies at or before the playhead, and it is folded."""
        player = self.player
        index = player.index
        assert index <= handed_over(self.recording, player.playhead.at)
        assert index == 0 or self.recording.times[index - 1] <= player.playhead.at
        assert self.recording.start <= player.playhead.at <= self.recording.end


MOMENTS = st.sampled_from(
    ["0:03:30", "lap:4", "caution:1", "caution:2", "restart:1", "+1:00", "-2:00", "caution:7"]
)
COMMAND = st.one_of(
    st.just(Play()),
    st.just(Pause()),
    st.builds(SetSpeed, speed=st.sampled_from([0.1, 1.0, 20.0, "max"])),
    st.builds(Seek, to=MOMENTS),
    st.builds(
        Step,
        to=st.sampled_from(["event", "lap", "caution", "restart", "lead_change"]),
        back=st.booleans(),
    ),
)


@settings(deadline=None, max_examples=examples(100))
@given(st.lists(st.one_of(COMMAND, st.integers(0, 200_000)), max_size=20), st.booleans())
def test_any_steering_shows_the_fold_of_what_lies_behind(todo: list[Any], as_shown: bool) -> None:
    """Time or commands, in any order: nothing ahead of the playhead is ever handed over."""
    recording: Recording = shown_live(a_race(), 700) if as_shown else recording_of(a_race())
    steering = Steering(recording)
    for one in todo:
        if isinstance(one, int):
            steering.player.advance(one, most=5)
        else:
            before = steering.player.index
            try:
                steering.player.execute(one)
            except BadMoment:
                assert steering.player.index == before
        steering.check()
        expected = Timeline()
        expected.add(recording.events[: steering.player.index])
        assert steering.player.race.state_hash() == expected.race.state_hash()


def test_a_race_that_nobody_holds_is_gone_at_once() -> None:
    """Without the garbage collector: each is as long as what it has folded."""
    recording = recording_of(a_race())
    gc.disable()
    try:
        gone = weakref.ref(recording.cursor(20).race)
        assert gone() is None
    finally:
        gc.enable()


def test_a_jump_has_a_reason() -> None:
    """Going ahead by time or step has none; a seek says where it went."""
    player = Player(recording_of(a_race()))
    assert player.execute(Step(to="lap")) is None
    assert player.execute(Seek(to="caution:1")) == "seek to caution 1"
    assert player.clock_at == 210_000
    assert player.execute(Seek(to="restart:1")) == "seek to restart 1"
    assert player.execute(Seek(to="0:01:00")) == "seek to 0:01:00.000"
    assert player.execute(Seek(to="-0:30")) == "seek to 0:00:30.000"
    assert player.execute(Step(to="caution")) is None
    assert player.execute(Step(to="lap", back=True)) == "step back to 0:03:00.000"


@pytest.mark.parametrize("to", ["lap:99", "caution:7", "penalty:1", "9:59:59"])
def test_a_refusal_does_not_reveal_the_end(to: str) -> None:
    """How long the race was, and what is to come in it, is not told to who asks beyond."""
    player = Player(recording_of(a_race()), playing=False)
    with pytest.raises(BadMoment) as refused:
        player.execute(Seek(to=to))
    assert str(refused.value) == f"{to!r}: there is no such moment in this race"
    with pytest.raises(BadMoment, match="takes a number"):
        player.execute(Seek(to="lap:x"))


def test_events_of_one_moment_are_stepped_through() -> None:
    """Each by itself, ahead and back; playing on hands over the rest."""
    story = opened("1", "2", lines=("FL",)).laps("1", 3).laps("2", 3)
    player = Player(recording_of(story))
    first = player.index
    player.execute(Step())
    assert (player.index, player.clock_at) == (first + 1, MINUTE)
    player.execute(Step())
    assert (player.index, player.clock_at) == (first + 2, MINUTE)
    player.execute(Step(back=True))
    assert (player.index, player.clock_at) == (first + 1, MINUTE)
    player.execute(Play())
    assert player.due_in() == 0
    assert player.advance(1, most=10)
    assert player.index == first + 2


def test_no_more_than_so_many_are_handed_over_at_a_time() -> None:
    """As fast as possible, the playhead waits where the next event is due."""
    player = Player(recording_of(a_race()), speed="max")
    while not player.ended:
        before = player.index
        assert player.advance(1, most=3)
        assert player.index <= before + 3
        assert player.clock_at == player.recording.times[player.index - 1]
    assert not player.advance(1, most=3)
    assert player.due_in() == math.inf


def test_when_the_next_event_is_due() -> None:
    """In the viewer's milliseconds, at the speed; never while paused."""
    player = Player(recording_of(a_race()), speed=2.0)
    assert player.due_in() == MINUTE / 2
    player.execute(Pause())
    assert player.due_in() == math.inf
    assert not player.clock_running


def test_as_it_was_shown_the_clock_runs_on_from_the_newest_event() -> None:
    """Whatever the latency of the feed was; a lap is shown when it was learned."""
    player = Player(shown_live(a_race(), 700))
    player.execute(Seek(to="0:02:30"))
    assert player.clock_at == 150_000
    assert player.place == START + 150_700
    player.execute(Seek(to="lap:3"))
    assert (player.place, player.clock_at) == (START + 180_700, 180_000)
    player.execute(Step(to="caution"))
    assert (player.place, player.clock_at) == (START + 210_700, 210_000)


def test_a_log_imported_in_one_go_has_not_been_shown() -> None:
    """The error knows how fast it was learned, and does not say how long the race was."""
    events = a_race().events
    with pytest.raises(NotAsShown, match="imported in one go") as refused:
        RecordingAsShown("imported", events, [START + index * 20 for index in range(len(events))])
    assert (refused.value.happened_ms, refused.value.learned_ms) == (605_000, 560)
    assert "0:10:05" not in str(refused.value)


def test_an_empty_log_can_be_played() -> None:
    """It has ended where it begins."""
    for recording in (RecordingAsHappened([]), RecordingAsShown("empty", [], [])):
        player = Player(recording)
        assert player.ended
        assert not player.advance(1000, most=5)
        with pytest.raises(BadMoment):
            player.execute(Step())


@pytest.mark.parametrize(
    "command",
    [
        {"do": "speed", "speed": 0},
        {"do": "speed", "speed": 20_000},
        {"do": "speed", "speed": "fast"},
        {"do": "step", "to": "moon"},
        {"do": "seek"},
        {"do": "seek", "to": ""},
        {"do": "dance"},
        {"do": "play", "speed": 2},
    ],
)
def test_what_is_no_command(command: dict[str, Any]) -> None:
    """Is refused before it is sent."""
    with pytest.raises(ValidationError):
        COMMANDS.validate_python(command)


@given(COMMAND)
def test_commands_survive_the_store(command: Any) -> None:
    """What is read is what was sent."""
    assert COMMANDS.validate_json(command.model_dump_json()) == command
