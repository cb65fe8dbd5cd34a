"""The shortest possible lap: a crossing sooner is a double read, counted out and reported."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

import events as ev
from projections import views
from projections.race import Race
from projections.rules import packs
from projections.timeline import Timeline
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races

S = 1000


def read_twice(limit: int | None = 40 * S, at: int = 0) -> Story:
    """Car 2 is read again 4 s after the end of lap 2, and its feed counts on."""
    story = opened("1", "2", lines=("FL",), laps_limit=20).laps("1", 6)
    if limit is not None:
        story.add(ev.ShortestLapSet, at, lap_time_ms=limit)
    ends = (61, 122, 126, 183, 244, 305, 366)
    for lap, (before, end) in enumerate(zip((0, *ends), ends, strict=False), start=1):
        story.lap("2", lap, end * S, (end - before) * S)
    return story


def laps(race: Race) -> list[tuple[int, int, int | None]]:
    """The laps of car 2: number, end and time in seconds."""
    return [
        (lap.lap, lap.at // S, lap.lap_time_ms and lap.lap_time_ms // S)
        for lap in race.laps.laps["2"]
    ]


def ghost(story: Story) -> ev.AnyEvent:
    """The second reading."""
    return next(event for event in story if event.at == 126 * S)


RIGHT = [(n, 61 * n, 61) for n in range(1, 7)]


def test_it_is_counted_out_and_later_laps_move_down():
    """Numbers, times, order and best lap are those of six laps."""
    race = read_twice().race()
    assert laps(race) == RIGHT
    assert race.order.cars() == ["1", "2"]
    assert race.laps.best["2"].ms == 61 * S
    assert views.session_line(race)["laps_to_go"] == 14


def test_it_is_reported():
    """In race control's list, with how soon it came."""
    (text,) = (item.text for item in read_twice().race().control.items if item.kind == "lap")
    assert text.startswith("Car 2: crossing at 0:02:06.000 counted out, 4.000 after the last; ")
    assert text.endswith("no lap is shorter than 40.000")


def test_it_is_as_if_it_had_been_voided():
    """Both ways to the same laps."""
    story = read_twice(limit=None)
    story.void(ghost(story))
    assert laps(story.race()) == laps(read_twice().race())


def test_it_counts_after_all_by_decision():
    """Seven laps again; and six, once the decision is voided."""
    story = read_twice()
    before = story.race().state_hash()
    named = {"counted_source": "test", "counted_seq": ghost(story).source_seq}
    decided = story.add(ev.CrossingCounted, 400 * S, **named, reason="a short cut")
    assert laps(story.race()) == laps(read_twice(limit=None).race())
    assert story.race().order.double_reads == []
    assert race_of(reversed(story.events)).state_hash() == story.race().state_hash()
    story.void(decided)
    assert story.race().state_hash() == before


@pytest.mark.parametrize("arrives", ["before", "after"])
def test_the_decision_may_come_first(arrives):
    """The order of arrival does not matter."""
    story = read_twice()
    twice = ghost(story)
    decided = ev.CrossingCounted(
        at=1,
        source="x",
        source_seq=0,
        counted_source="test",
        counted_seq=twice.source_seq,
        reason="",
    )
    timeline = Timeline()
    others = [event for event in story if event is not twice]
    for event in [decided, *others, twice] if arrives == "before" else [*others, twice, decided]:
        timeline.add([event])
    assert timeline.race.order.laps["2"] == 7


def test_from_when_it_is_set():
    """What came before counts as it was timed; no limit lifts it."""
    assert len(laps(read_twice(at=150 * S).race())) == 7
    story = read_twice()
    story.add(ev.ShortestLapSet, 100 * S, lap_time_ms=None)
    assert len(laps(story.race())) == 7


def test_a_source_that_takes_its_double_read_back():
    """It sends the number again, for the lap that was driven."""
    story = opened("2", lines=("FL",))
    story.add(ev.ShortestLapSet, 0, lap_time_ms=40 * S)
    story.lap("2", 1, 61 * S).lap("2", 2, 65 * S).lap("2", 2, 122 * S, 61 * S)
    story.lap("2", 3, 183 * S, 61 * S)
    assert [lap[:2] for lap in laps(story.race())] == [(1, 61), (2, 122), (3, 183)]


def test_a_repeated_reading_is_none():
    """The same lap sent again by another source is ignored, as ever."""
    story = read_twice()
    other = Story("other").lap("2", 2, 122_010).lap("2", 4, 244_010)
    race = race_of([*story, *other])
    assert laps(race) == RIGHT
    assert len(race.order.double_reads) == 1


def test_with_sector_lines():
    """Lines after it have the numbers of the laps as they count."""
    story = opened("2").lap("2", 1, 61 * S).lap("2", 2, 65 * S, 4 * S)
    story.add(ev.ShortestLapSet, 0, lap_time_ms=40 * S)
    story.line("2", "S1", 3, 82 * S).line("2", "S2", 3, 102 * S).lap("2", 3, 122 * S, 57 * S)
    race = story.race()
    assert race.order.sectors("2", 2) == (21 * S, 20 * S, 20 * S)
    assert laps(race)[1] == (2, 122, 61)


def test_it_takes_no_flag():
    """A car that is read again just after the chequered flag has not taken it."""
    story = opened("2", lines=("FL",))
    story.add(ev.ShortestLapSet, 0, lap_time_ms=40 * S)
    story.lap("2", 1, 61 * S).flag("chequered", 62 * S).lap("2", 2, 63 * S)
    assert story.race().order.finished == {}
    story.lap("2", 3, 122 * S, 59 * S)
    assert story.race().order.finished == {"2": 122 * S}
    assert story.race().order.laps == {"2": 2}


def test_a_pack_may_set_it(monkeypatch: pytest.MonkeyPatch):
    """The session's own limit goes before that of its pack."""
    limits = {"sprint": 40 * S}
    monkeypatch.setattr("projections.folds.session.shortest_lap_ms", lambda name: limits[name])
    story = read_twice(limit=None)
    story.events[0] = story.events[0].model_copy(update={"rules": "sprint"})
    assert laps(story.race()) == RIGHT
    story.add(ev.ShortestLapSet, 0, lap_time_ms=1 * S)
    assert len(laps(story.race())) == 7


@pytest.mark.parametrize("name", ["wec-2024", "no-such-pack", "../secrets"])
def test_packs_without_one(name):
    """No built-in pack knows the circuit, and a name is no path."""
    assert packs.shortest_lap_ms(name) == 0


@given(races())
def test_no_lap_that_counts_is_shorter(events):
    """Between two laps that count lies the shortest possible lap, where one is set throughout."""
    kept = [
        event for event in events if not isinstance(event, ev.ShortestLapSet | ev.CrossingCounted)
    ]
    limit = ev.ShortestLapSet(at=-100, source="limit", source_seq=0, lap_time_ms=50)
    race = race_of([*kept, limit])
    for of_car in race.laps.laps.values():
        ends = [lap.at for lap in of_car]
        assert all(after - before >= 50 for before, after in pairwise(ends))
