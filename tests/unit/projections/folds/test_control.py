"""Race control's feed."""

from __future__ import annotations

import itertools

import events as ev
from events import AnyEvent
from projections import views
from projections.results.revisions import revisions
from projections.timeline import Timeline
from projections.views.explain import explain
from projections.views.frame_builder import NEWEST_OF_CONTROL, FrameBuilder, frame_state
from replay.playhead import RacePlayback
from tests.builders import Story, opened, race_of


def feed(story: Story) -> list[str]:
    """What the feed says, the oldest first, without the start."""
    return [entry.text for entry in story.race().control.items][1:]


def decided(story: Story, model: type[ev.Event], at: int, **members: object) -> AnyEvent:
    """A correction that somebody answers for."""
    return story.add(model, at, by="race control", **members)


def void(story: Story, event: AnyEvent, at: int) -> AnyEvent:
    """A void that somebody answers for."""
    named = {"voided_source": event.source, "voided_seq": event.source_seq}
    return decided(story, ev.EventVoided, at, reason="a test", **named)


def test_the_track_in_the_feed() -> None:
    """Flags, local ones too, safety car and pit lane; a flag shown again is no news."""
    story = opened("1").flag("yellow", 10, sector=2).flag("yellow", 20, sector=2)
    story.flag("safety_car", 30).flag("safety_car", 40)
    story.add(ev.SafetyCarDeployed, 50, reason="debris")
    story.add(ev.PitLaneClosed, 60)
    story.add(ev.PitLaneOpened, 70, classes=("GT", "P"))
    story.add(ev.SafetyCarWithdrawn, 80)
    story.flag("green", 90, sector=2).flag("green", 100, sector=2).flag("green", 110)
    story.flag("slow_zone", 120, sector=3).flag("green", 130).flag("green", 140)
    assert feed(story) == [
        "Sector 2: yellow",
        "Safety car",
        "Safety car deployed: debris",
        "Pit lane closed",
        "Pit lane open: GT, P",
        "Safety car is in",
        "Sector 2: clear",
        "Green flag",
        "Sector 3: slow zone",
        "Green flag",
    ]


def test_penalties_and_their_fate() -> None:
    """Each as it stood before; of one that is not there nothing is told."""
    story = opened("7")
    members = {"car": "7", "kind": "drive_through", "reason": "pit speed"}
    story.add(ev.PenaltyImposed, 10, penalty_id="p", **members)
    story.add(ev.PenaltyImposed, 15, penalty_id="p", **members)
    story.add(ev.PenaltyConverted, 20, penalty_id="p", kind="time", amount=30)
    story.add(ev.PenaltyServed, 30, penalty_id="p")
    story.add(ev.PenaltyRescinded, 40, penalty_id="p", reason="appeal")
    story.add(ev.PenaltyServed, 50, penalty_id="q")
    assert feed(story) == [
        "Car 7: a drive-through (pit speed)",
        "Car 7: a drive-through, becomes 30 s added to its time",
        "Car 7: 30 s added to its time, served",
        "Car 7: 30 s added to its time, rescinded (appeal)",
    ]


def test_laps_results_retirements_and_words() -> None:
    """With the lap that the leader had completed, and the car that it concerns."""
    story = opened("7").laps("7", 2)
    story.add(ev.LapTimeDeleted, 130_000, car="7", lap=2, reason="track limits")
    story.add(ev.RaceControlMessage, 131_000, text="Track clear")
    story.add(ev.CarReturned, 131_500, car="7")
    story.retired("7", 132_000)
    story.add(ev.CarReturned, 133_000, car="7")
    story.add(ev.ResultDeclared, 140_000, status="provisional", rows=(), rests_on="the laps")
    rows = views.control(story.race())
    assert [(row["kind"], row["text"], row["car"], row["lap"]) for row in rows] == [
        ("result", "Result declared provisional: the laps", None, 2),
        ("retirement", "Car 7 is back", "7", 2),
        ("retirement", "Car 7 retired", "7", 2),
        ("message", "Track clear", None, 2),
        ("lap", "Car 7: time of lap 2 deleted (track limits)", "7", 2),
        ("flag", "Green flag", None, 0),
    ]


def test_a_correction_is_reported_and_what_was_voided_is_not() -> None:
    """In place of the flag the feed has that it was taken back."""
    story = opened("7", "8").laps("7", 3)
    flag = story.flag("yellow", 150_000, sector=2).last
    void(story, flag, 190_000)
    void(story, story.events[5], 200_000)
    amended = {"car": "7", "lap": 3, "lap_time_ms": 59_000, "reason": "photocell"}
    decided(story, ev.LapAmended, 210_000, **amended)
    moved = {"from_car": "7", "to_car": "8", "start": 170_000, "end": 180_001, "reason": "loop"}
    decided(story, ev.CrossingsReassigned, 220_000, **moved)
    assert feed(story) == [
        "Sector 2: yellow, taken back (a test)",
        "Car 7: lap 2 voided (a test)",
        "Car 7: lap 3 amended (photocell)",
        "Crossings of car 7 moved to car 8 from 0:02:50 (loop)",
    ]


def test_a_void_of_a_void_brings_back() -> None:
    """The flag is in the feed again, and that it counts again; the first void is gone."""
    story = opened("7").flag("fcy", 10)
    first = void(story, story.last, 20)
    second = void(story, first, 30)
    assert feed(story) == ["Full course yellow", "Full course yellow, counts again (a test)"]
    void(story, second, 40)
    assert feed(story) == [
        "Full course yellow, taken back (a test)",
        "Full course yellow, taken back (a test)",
    ]


def test_a_feed_that_puts_its_own_words_right_is_not_reported() -> None:
    """A correction without ``by`` is the timing's own."""
    story = opened("7").laps("7", 1)
    story.void(story.last, at=70_000)
    assert feed(story) == []


def test_a_correction_may_come_before_what_it_corrects() -> None:
    """In any order of arrival the feed is the same, voids of what nobody told left out."""
    story = opened("7").flag("fcy", 10)
    flag = story.last
    void(story, void(story, flag, 20), 30)
    expected = race_of(story.events)
    rest = story.events[:-3]
    for order in itertools.permutations(story.events[-3:]):
        timeline = Timeline()
        timeline.add(rest)
        for event in order:
            timeline.add([event])
        assert timeline.race.state_hash() == expected.state_hash()
        assert timeline.fork().race.state_hash() == expected.state_hash()
    timeline = Timeline()
    timeline.add(event for event in story if event is not flag)
    assert [entry.text for entry in timeline.race.control.items] == ["Green flag"]


def test_a_correction_does_not_move_the_clock() -> None:
    """One that takes back an event from far ahead, decided by that clock, brings it back."""
    story = opened("7").laps("7", 2)
    slip = story.lap("7", 3, 36_000_000).last
    void(story, slip, 36_000_000)
    assert story.race().at == 120_000
    assert feed(story) == ["Car 7: lap 3 voided (a test)"]
    story.lap("7", 3, 180_000)
    assert story.race().at == 180_000


def test_a_moment_and_a_replay_know_nothing_beyond() -> None:
    """A lap is gone at once, as everything is corrected; that it was voided is told in time."""
    story = opened("7").laps("7", 3)
    void(story, story.last, 200_000)
    story.flag("red", 210_000)
    timeline = Timeline()
    timeline.add(story)
    replay = RacePlayback(timeline)
    found = {
        150_000: ["Green flag"],
        199_999: ["Green flag"],
        205_000: ["Green flag", "Car 7: lap 3 voided (a test)"],
        210_000: ["Green flag", "Car 7: lap 3 voided (a test)", "Red flag"],
    }
    for at in (205_000, 150_000, 199_999, 210_000):
        for race in (replay.race_at(at), timeline.race_at(at)):
            assert [entry.text for entry in race.control.items] == found[at]
    assert replay.race_at(replay.end).state_hash() == timeline.race.state_hash()


def test_a_replay_ends_with_what_was_decided_last() -> None:
    """A correction after the last event is played, too."""
    story = opened("7").laps("7", 3)
    void(story, story.last, 400_000)
    timeline = Timeline()
    timeline.add(story)
    replay = RacePlayback(timeline)
    assert replay.race_at(replay.end).state_hash() == timeline.race.state_hash()


def test_what_a_replay_has_shown_can_be_queried() -> None:
    """Its events are those that counted, and that there were corrections: no correction again."""
    story = opened("7", "8", lines=("FL",)).laps("7", 3).laps("8", 2, ms=80_000)
    moved = {"from_car": "7", "to_car": "8", "start": 170_000, "end": 180_001, "reason": "loop"}
    decided(story, ev.CrossingsReassigned, 190_000, swap=True, **moved)
    void(story, story.events[4], 195_000)
    story.flag("chequered", 200_000)
    timeline = Timeline()
    timeline.add(story)
    shown = [(f"{place}-0", event) for place, event in enumerate(timeline.events, start=1)]
    again = race_of(event for _, event in shown)
    assert again.state_hash() == timeline.race.state_hash()
    assert len(revisions(shown)) == 1
    first, *_ = explain(timeline.race, timeline.events, "8")
    assert first.text == explain(timeline.race, story, "8")[0].text


def test_frames_have_the_newest_entries() -> None:
    """By their number in the whole feed, so that a key stays with its entry."""
    story = opened("7")
    for number in range(NEWEST_OF_CONTROL + 4):
        story.add(ev.RaceControlMessage, 10 + number, text=f"said {number}")
    timeline, builder = Timeline(), FrameBuilder()
    timeline.add(story)
    builder.advance(timeline.race)
    assert [int(key) for key in builder.state["control"]] == list(range(5, NEWEST_OF_CONTROL + 5))
    timeline.add([story.flag("yellow", 500, sector=1).last])
    patch = builder.advance(timeline.race)["control"]
    assert patch.pop("5") is None
    assert patch == {
        str(NEWEST_OF_CONTROL + 5): {
            "at_ms": 500,
            "kind": "local_flag",
            "text": "Sector 1: yellow",
            "flag": "yellow",
            "sector": 1,
            "lap": 0,
            "basis": "recorded",
        }
    }
    timeline.add([story.void(story.last)])
    assert builder.advance(timeline.race)["control"].keys() == {"5", str(NEWEST_OF_CONTROL + 5)}
    assert builder.state == frame_state(timeline.race)
