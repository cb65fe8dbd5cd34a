"""The playhead: pace, pause and seek, with time as an argument."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.timeline import Timeline
from replay.playhead import MAX, SPEEDS, EventQueue, Playhead, RacePlayback
from tests.builders import Story, opened
from tests.profiles import examples

MINUTE = 60_000


def a_race() -> Story:
    """Two cars, ten laps of a minute, a caution from 3:30 to 5:30 and one from 8:00 on."""
    story = opened("1", "2", lines=("FL",)).laps("1", 10)
    story.laps("2", 10, ms=MINUTE + 500)
    return story.flag("fcy", 210_000).flag("green", 330_000).flag("safety_car", 480_000)


def replay_of(story: Story) -> RacePlayback:
    timeline = Timeline()
    timeline.add(story)
    return RacePlayback(timeline)


def test_the_clock_runs_at_the_speed() -> None:
    """At sixty times, a second of the viewer is a minute of the race."""
    playhead = Playhead(0, 600_000, speed=60.0)
    playhead.advance(1000)
    assert playhead.at == MINUTE


def test_nothing_moves_while_it_is_paused() -> None:
    """Time that passes in a pause is not made up for."""
    playhead = Playhead(0, 600_000)
    playhead.toggle()
    playhead.advance(5000)
    playhead.toggle()
    playhead.advance(1000)
    assert playhead.at == 1000


def test_it_stays_between_its_ends() -> None:
    """Neither playing nor skipping leads out of the race."""
    playhead = Playhead(0, 10_000)
    playhead.skip(-MINUTE)
    assert playhead.at == 0
    playhead.advance(20_000)
    assert (playhead.at, playhead.ended) == (10_000, True)


def test_as_fast_as_possible_is_at_the_end_at_once() -> None:
    """At MAX whatever time passes is enough."""
    playhead = Playhead(0, 10_000, MAX)
    playhead.advance(1)
    assert playhead.ended


def test_faster_and_slower_step_through_the_speeds() -> None:
    """Each step is the next speed; at the ends it stays."""
    playhead = Playhead(0, 10_000, speed=280.0)
    playhead.faster()
    assert playhead.speed == 300.0
    playhead.slower()
    assert playhead.speed == 120.0
    for _ in SPEEDS:
        playhead.slower()
    assert playhead.speed == SPEEDS[0]
    for _ in SPEEDS:
        playhead.faster()
    assert playhead.speed == SPEEDS[-1]


def test_an_event_is_handed_over_once() -> None:
    """What was due before is not due again; what shares the millisecond comes along."""
    story = opened("1", lines=("FL",)).laps("1", 3)
    queue = EventQueue(story.events)
    assert [event.at for event in queue.due(MINUTE)] == [0, 0, 0, MINUTE]
    assert not queue.due(MINUTE)
    assert [event.at for event in queue.due(MAX)] == [2 * MINUTE, 3 * MINUTE]
    assert queue.ended


def test_at_most_so_many_are_handed_over_at_a_time() -> None:
    """The rest stays due."""
    queue = EventQueue(opened("1", lines=("FL",)).laps("1", 3).events)
    assert len(queue.due(MAX, most=4)) == 4
    assert len(queue.due(MAX, most=4)) == 2


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.integers(0, 700_000), min_size=1, max_size=12))
def test_however_one_gets_there_the_race_is_the_same(places: list[int]) -> None:
    """Played on or sought, forwards or backwards, a moment has one state hash."""
    replay = replay_of(a_race())
    for at in places:
        assert replay.race_at(at).state_hash() == replay.timeline.race_at(at).state_hash()


@settings(deadline=None, max_examples=examples(50))
@given(st.integers(5_000, 90_000))
def test_any_speed_leads_to_the_same_race(step: int) -> None:
    """Played to the end in steps of any length, the race is the fold of the whole log."""
    replay = replay_of(a_race())
    for at in range(0, replay.end + step, step):
        replay.race_at(min(at, replay.end))
    assert replay.race.state_hash() == replay.timeline.race.state_hash()


def test_cautions_are_found_from_anywhere() -> None:
    """Next and previous name where cautions begin, previous the one before just after one."""
    replay = replay_of(a_race())
    assert replay.next_caution(0) == 210_000
    assert replay.next_caution(210_000) == 480_000
    assert replay.next_caution(480_000) is None
    assert replay.previous_caution(500_000) == 480_000
    assert replay.previous_caution(480_500) == 210_000
    assert replay.previous_caution(100_000) is None


def test_a_formation_lap_is_part_of_the_replay() -> None:
    """What happened before session clock 0 can be played, too."""
    story = opened("1", lines=("FL",))
    story.flag("yellow", -5_000)
    replay = replay_of(story)
    assert replay.start == -5_000
    assert replay.race_at(-5_000).track.flag == "yellow"
    assert replay.race_at(0).track.flag == "green"


def test_an_empty_log_can_be_played() -> None:
    """It ends where it begins."""
    replay = RacePlayback(Timeline())
    assert (replay.start, replay.end) == (0, 0)
