"""Frames: what screens are sent."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import events as ev
from events import AnyEvent
from projections import timeline as timelines
from projections import views
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame import ClientState, Frame, Token
from projections.views.frame_builder import FEW, FrameBuilder, cars_of, frame_state
from projections.views.merge_patch import apply_patch, merge_patch
from projections.views.session_line import clock_running
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races
from tests.unit.projections.views.test_gap_chain import drive


@pytest.fixture(autouse=True)
def _close_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints every few events, so that short races are rewound part of the way."""
    monkeypatch.setattr(timelines, "CHECKPOINT_EVERY", 3)


names = st.sampled_from(["a", "b", "c"])
leaves = (
    st.integers(0, 2) | st.booleans() | st.sampled_from(["x", ""]) | st.lists(st.integers(0, 1))
)
objects = st.recursive(
    st.dictionaries(names, leaves),
    lambda inner: st.dictionaries(names, inner | leaves),
    max_leaves=20,
)


def nulls_in(value: Any) -> bool:
    """Whether there is a null anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(map(nulls_in, value.values()))
    return any(map(nulls_in, value)) if isinstance(value, list) else value is None


# -- Patches -------------------------------------------------------------------------------


@given(objects, objects)
def test_a_patch_makes_one_state_of_the_other(before, after):
    """The patch between two states, applied to the first, gives exactly the second."""
    kept = json.dumps(before)
    result = apply_patch(before, merge_patch(before, after))
    assert json.dumps(result, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert json.dumps(before) == kept


@given(objects)
def test_equal_states_have_an_empty_patch(state):
    """Nothing changed, nothing is told, also where the objects are not the same ones."""
    assert merge_patch(state, json.loads(json.dumps(state))) == {}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_patches_are_those_of_the_standard(target, patch, result):
    """The examples of RFC 7396, appendix A, whose target and patch are objects."""
    assert apply_patch(target, patch) == result


def test_what_did_not_change_is_shared():
    """A subscriber may keep an earlier state: a patch copies only what it changes."""
    before = {"a": {"x": 1}, "b": {"y": 1}}
    after = apply_patch(before, {"a": {"x": 2}})
    assert after == {"a": {"x": 2}, "b": {"y": 1}}
    assert before == {"a": {"x": 1}, "b": {"y": 1}}
    assert after["b"] is before["b"]


# -- States --------------------------------------------------------------------------------


@given(races(max_size=80), st.randoms(use_true_random=False), st.integers(1, 9))
def test_the_patches_add_up_to_the_state(events, random, size):
    """However a race's events arrive, late, voided and all, patch by patch is the state."""
    random.shuffle(events)
    timeline, builder = Timeline(), FrameBuilder()
    state = builder.state
    for start in range(0, len(events), size):
        timeline.add(events[start : start + size])
        state = apply_patch(state, json.loads(json.dumps(builder.advance(timeline.race))))
        expected = frame_state(timeline.race)
        assert builder.state == expected
        assert state == expected
        assert not nulls_in(state)


@given(races(corrected=False, max_size=80), st.integers(1, 9))
def test_only_the_cars_of_the_events_are_looked_at(events, size):
    """What is told of the cars that something happened to is all that there is to tell."""
    race, builder, timeline = Race(), FrameBuilder(), Timeline()
    timeline.add(events)
    for start in range(0, len(timeline), size):
        batch = timeline.events[start : start + size]
        race.apply_all(batch)
        builder.advance(race, cars_of(batch))
        assert builder.state == frame_state(race)


SESSIONS = st.sampled_from(
    [{}, {}, {"kind": "qualifying"}, {"kind": "qualifying", "rules": "wec-2024"}]
)


def compare_as_time_passes(events: list[AnyEvent], size: int, wait: int) -> None:
    """Fold batches, and let time pass between them: a builder kept up agrees with a new one.

    Among the moments are the very milliseconds up to which gaps hold, and those beside them.
    """
    race, builder, timeline = Race(), FrameBuilder(), Timeline()
    timeline.add(events)
    for start in range(0, len(timeline), size):
        batch = timeline.events[start : start + size]
        race.apply_all(batch)
        builder.advance(race, cars_of(batch))
        assert builder.state == frame_state(race)
        following = timeline.events[start + size : start + size + 1]
        end = following[0].at if following else race.at + 10 * wait
        held = {place.until + ms for place in builder._places.values() for ms in (-1, 0, 1)}
        for moment in sorted({*held, race.at + wait, end}):
            if race.at < moment <= end:
                race.at = moment
                builder.advance(race, frozenset())
                assert builder.state == frame_state(race)


@given(races(corrected=False, max_size=40), SESSIONS, st.integers(1, 5), st.integers(1, 60))
def test_what_time_alone_changes(events, session, size, wait):
    """Between the events of any session nothing is out of date."""
    events[0] = events[0].model_copy(update=session)
    compare_as_time_passes(events, size, wait)


@given(
    st.lists(st.lists(st.integers(20, 60), min_size=1, max_size=14), min_size=2, max_size=6),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 60),
)
@example([[20], [22], [20, 20], [20, 20], [20]], 1, 1, 1)
def test_what_time_alone_changes_in_a_field(field, classes, size, wait):
    """Nor in a field of some classes, where many cars are overdue at one line."""
    story = opened(*map(str, range(len(field))))
    for number, sectors in enumerate(field):
        story.add(ev.EntryAmended, 0, car=str(number), car_class=f"C{number % classes}")
        drive(story, str(number), *itertools.accumulate([number + sectors[0], *sectors[1:]]))
    compare_as_time_passes(story.events, size, wait * 1000)


def test_the_first_crossing_ends_an_official_result():
    """The rows of all cars rested on it, not only that of the car that crossed a line."""
    recorded = opened("1", "2", lines=("FL",))
    rows = tuple(
        ev.ResultRow(position=place, car=car, status="classified", laps=9, total_ms=600_000 + place)
        for place, car in enumerate(("1", "2"), start=1)
    )
    recorded.add(ev.ResultDeclared, 0, status="final", rows=rows, rests_on="r.csv")
    timeline, builder = Timeline(), FrameBuilder()
    timeline.add(recorded.events)
    builder.advance(timeline.race)
    crossing = recorded.lap("1", 1, 60_000).last
    timeline.add([crossing])
    builder.advance(timeline.race, cars_of([crossing]))
    assert builder.state == frame_state(timeline.race)


def test_an_event_of_the_track_may_concern_any_car():
    """Only what the cars do, in a batch small enough to ask, is known to concern few."""
    story = opened("7").pit("7", 10_000, 40_000).lap("8", 1, 60_000)
    running = story.events[-3:]
    assert cars_of(running) == {"7", "8"}
    assert cars_of([*running, story.add(ev.FlagShown, 70_000, flag="red")]) is None
    assert cars_of(running * FEW) is None


@given(races(max_size=40))
def test_nothing_new_is_an_empty_patch(events):
    """A race that stands where it stood changes nothing on screen."""
    race, builder = race_of(events), FrameBuilder()
    builder.advance(race)
    assert builder.advance(race) == {}


def a_race() -> Story:
    """Two cars, two laps each; number 7 stopped once and has a penalty."""
    story = opened("7", "8", time_limit_ms=600_000)
    story.line("7", "S1", 1, 20_000).lap("7", 1, 60_000, driver="Dumas")
    story.line("8", "S1", 1, 21_000).lap("8", 1, 61_000, 61_000, driver="McNish")
    story.pit("7", 70_000, 95_000)
    story.lap("8", 2, 121_000, driver="McNish").lap("7", 2, 150_000, 90_000, driver="Dumas")
    story.add(ev.PenaltyImposed, 151_000, penalty_id="p1", car="7", kind="time", amount=5)
    story.add(ev.RaceControlMessage, 152_000, text="Car 7: 5 s")
    return story


def test_rows_are_keyed_and_dense():
    """Rows by car, order as a member, sectors by line, penalties by id, no nulls."""
    state = frame_state(a_race().race())
    seven = state["standings"]["7"]
    assert seven["position"] == 2
    assert seven["gap"] == {"ms": 29_000}
    assert seven["best_sectors_ms"] == {"S1": 20_000}
    assert seven["penalties"] == {
        "p1": {"id": "p1", "kind": "time", "amount": 5, "status": "imposed"}
    }
    assert "team" not in seven
    assert state["standings"]["8"]["penalties"] == {}


def test_the_rows_are_those_of_the_views():
    """A frame says of a car what the standings view says."""
    race = a_race().race()
    rows = frame_state(race)["standings"]
    for view in views.standings(race):
        for name in ("position", "laps", "last_lap_ms", "status", "stops", "class_position"):
            assert rows[view["car"]][name] == view[name]


def test_histories_are_keyed_by_number():
    """Visits to the lane by car from 1, messages from 0."""
    state = frame_state(a_race().race())
    assert state["pits"]["7"]["1"]["lane_ms"] == 25_000
    assert set(state["pits"]) == {"7"}
    assert state["messages"]["0"]["at_ms"] == 152_000


def test_a_caution_of_two_kinds_has_two_rows():
    """Kinds that follow each other without green share the number."""
    story = opened("7").flag("fcy", 1000).flag("safety_car", 2000).flag("green", 3000)
    rows = frame_state(story.flag("red", 4000).race())["cautions"]
    assert {key: row["kind"] for key, row in rows.items()} == {
        "1.0": "fcy",
        "1.1": "safety_car",
        "2.0": "red",
    }
    assert "end_ms" not in rows["2.0"]


def test_a_visit_is_reported_as_it_goes_on():
    """The visit under way is row 1, and stays row 1 when it is over."""
    timeline, builder = Timeline(), FrameBuilder()
    story = opened("7").pit("7", 10_000)
    timeline.add(story)
    assert builder.advance(timeline.race)["pits"]["7"]["1"]["entered_ms"] == 10_000
    timeline.add([story.add(ev.PitExited, 40_000, car="7")])
    assert builder.advance(timeline.race)["pits"] == {
        "7": {"1": {"exited_ms": 40_000, "lane_ms": 30_000}}
    }


def test_a_voided_visit_disappears():
    """What never happened is taken off the screen, the car's last row with its key."""
    timeline, builder = Timeline(), FrameBuilder()
    story = opened("7").pit("7", 10_000)
    timeline.add(story)
    builder.advance(timeline.race)
    timeline.add([story.void(story.last)])
    assert builder.advance(timeline.race)["pits"] == {"7": None}
    assert builder.state["pits"] == {}


def test_time_alone_changes_no_session_line():
    """An event that says nothing but the time changes no topic: nothing ticks in frames."""
    timeline, builder = Timeline(), FrameBuilder()
    story = a_race()
    timeline.add(story)
    builder.advance(timeline.race)
    timeline.add([story.add(ev.OutputFrozen, 153_000, output="tower")])
    assert builder.advance(timeline.race) == {}


def test_local_flags_in_the_session_line():
    """By sector with their beginning; null where none stands, in frames absent."""
    story = opened("7").flag("yellow", 10_000, sector=10).flag("slow_zone", 20_000, sector=2)
    line = views.session_line(story.race())
    recorded = {
        "2": {"flag": "slow_zone", "since_ms": 20_000},
        "10": {"flag": "yellow", "since_ms": 10_000},
    }
    assert (line["sector_flags"], list(line["sector_flags"])) == (recorded, ["2", "10"])
    assert frame_state(story.race())["session"]["sector_flags"] == recorded
    story.flag("green", 30_000)
    assert views.session_line(story.race())["sector_flags"] is None
    assert "sector_flags" not in frame_state(story.race())["session"]


def test_time_at_the_wheel_is_reported_by_its_beginning():
    """Spells that are over add up; the one that lasts has a since, until the car stops."""
    story = opened("7").lap("7", 1, 60_000, driver="Dumas")
    story.add(ev.DriverChanged, 70_000, car="7", driver="Bernhard")
    story.lap("7", 2, 120_000, driver="Bernhard")
    assert frame_state(story.race())["drivers"]["7"] == {
        "Dumas": {"drive_time_ms": 70_000, "laps": 1},
        "Bernhard": {"drive_time_ms": 0, "laps": 1, "at_wheel_since_ms": 70_000},
    }
    story.add(ev.CarRetired, 130_000, car="7")
    assert frame_state(story.race())["drivers"]["7"]["Bernhard"] == {
        "drive_time_ms": 50_000,
        "laps": 1,
    }


def test_results_come_with_the_chequered_flag():
    """The classification is told once the race is over, and taken back with the flag."""
    story = a_race()
    assert frame_state(story.race())["results"] == {}
    story.flag("chequered", 160_000)
    assert frame_state(story.race())["results"]["8"]["position"] == 1
    story.flag("green", 161_000)
    assert frame_state(story.race())["results"] == {}


def test_the_clock_runs_from_the_first_flag_to_the_end():
    """Before it and after it the session clock stands."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="A race", kind="race")
    assert not clock_running(story.race())
    assert clock_running(story.flag("green", 10).race())
    story.add(ev.SessionEnded, 20)
    assert not clock_running(story.race())


# -- Frames --------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, "the session's first frame"])
def test_a_frame_comes_back_from_its_json(reason):
    """What is encoded is decoded, and the JSON is as it is documented."""
    frame = Frame(Token(3, "7-1"), 7, 1000, True, "delta", {"session": {"flag": "red"}}, reason)
    assert Frame.decode(frame.encode()) == frame
    recorded = json.loads(frame.encode())
    assert recorded.pop("reason", None) == reason
    assert recorded == {
        "epoch": 3,
        "position": "7-1",
        "at": 7,
        "clock": {"at": 1000, "running": True},
        "kind": "delta",
        "data": {"session": {"flag": "red"}},
    }


def test_a_token_comes_back_from_its_text():
    """A token is its epoch and its position."""
    assert Token.parse(str(Token(12, "1190000000000-3"))) == Token(12, "1190000000000-3")


@pytest.mark.parametrize("text", ["", "1", "1:", "1:2", ":1-2", "x:1-2", "1:1-x", "1:-2", "1:²-1"])
def test_a_bad_token_is_refused(text):
    """A token that is none is told apart from one whose history is gone."""
    with pytest.raises(ValueError, match="is not a token"):
        Token.parse(text)


def test_a_client_has_the_newest_state():
    """A snapshot replaces what was shown, a delta changes it."""
    client = ClientState()
    client.apply(Frame(Token(1, "1-0"), 1, 0, True, "snapshot", {"a": {"x": 1}}))
    client.apply(Frame(Token(1, "2-0"), 2, 9, True, "delta", {"a": {"x": None, "y": 2}}))
    assert client.state == {"a": {"y": 2}}
    assert client.newest is not None
    assert client.newest.token == Token(1, "2-0")


@pytest.mark.parametrize("epochs", [(2,), (1, 2)])
def test_a_delta_needs_its_snapshot(epochs):
    """A delta of another epoch, or with nothing before it, is never applied."""
    client = ClientState()
    for epoch in epochs[:-1]:
        client.apply(Frame(Token(epoch, "1-0"), 1, 0, True, "snapshot", {}))
    with pytest.raises(ValueError, match="follows no snapshot"):
        client.apply(Frame(Token(epochs[-1], "2-0"), 2, 0, True, "delta", {}))
