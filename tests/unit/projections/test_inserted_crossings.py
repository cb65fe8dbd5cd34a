"""What must hold wherever a crossing is put in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import events as ev
from events import AnyEvent
from projections import views
from projections.race import Race
from projections.results.classification import classify
from projections.timeline import Timeline
from tests.builders import LINES, Story, opened, race_of

SHORTEST = 40_000
CARS = ("1", "2", "3")

_lap_times = st.lists(st.integers(SHORTEST, 90_000), min_size=2, max_size=6)


@st.composite
def timed(draw: st.DrawFn) -> tuple[Story, dict[str, list[int]]]:
    """A race as its feed counts it, and each car's crossings: some missed, some read twice."""
    lines = draw(st.sampled_from([LINES, ("FL",)]))
    story, crossings = opened(*CARS, lines=lines, laps_limit=20), dict[str, list[int]]()
    for car in CARS:
        at, before, lap = 0, 0, 0
        for number, ms in enumerate(draw(_lap_times)):
            at += ms
            missed = number and draw(st.sampled_from(["", "", "", "", "", "unknown", "known"]))
            if missed:
                lap += missed == "known"
                continue
            for part, line in enumerate(lines[:-1], start=1):
                story.line(car, line, lap + 1, before + (at - before) * part // len(lines))
            lap += 1
            story.lap(car, lap, at, at - before)
            crossings.setdefault(car, []).append(at)
            before = at
            if draw(st.integers(0, 9)) == 0:
                lap, before = lap + 1, at + draw(st.integers(1, 9_000))
                story.lap(car, lap, before, before - at)
    return story, crossings


def shortest(at: int = -1) -> AnyEvent:
    """The limit of a lap."""
    return ev.ShortestLapSet(at=at, source="limit", source_seq=0, lap_time_ms=SHORTEST)


def put_in(at: int, car: str = "1", seq: int = 0) -> AnyEvent:
    """A crossing put in."""
    return ev.CrossingInserted(
        at=10**6, source="steward", source_seq=seq, car=car, completed_at=at, reason="a test"
    )


def sporting(race: Race) -> dict[str, Any]:
    """What a race comes to: order, laps, chart, result, what is to go."""
    return {
        "order": race.order.cars(),
        "counts": dict(race.order.laps),
        "laps": {car: list(laps) for car, laps in race.laps.laps.items()},
        "best": dict(race.laps.best),
        "leaders": list(race.chart.leaders),
        "result": classify(race),
        "to go": views.session_line(race)["laps_to_go"],
    }


@given(timed(), st.integers(0, 5), st.integers(1 - SHORTEST, SHORTEST - 1), st.booleans())
def test_within_the_shortest_lap_it_changes_nothing(drawn, crossing, off, twice):
    """Before or after a timed crossing: no lap, order, best lap or result; it is listed."""
    story, crossings = drawn
    recorded = [*story, shortest()]
    at = crossings["1"][crossing % len(crossings["1"])] + off
    assume(off and at >= 0)
    before = race_of(recorded)
    inserted = [put_in(at), *([put_in(at + 1, seq=1)] if twice and off < SHORTEST - 1 else [])]
    after = race_of([*recorded, *inserted])
    assert sporting(after) == sporting(before)
    out = [one for one in after.order.double_reads if one.source == "steward"]
    assert len(out) == len(inserted)


@given(
    timed(),
    st.lists(st.tuples(st.sampled_from(CARS), st.integers(1, 400_000)), max_size=4, unique=True),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_the_projections_agree(drawn, inserted, limited, random):
    """Order, laps, chart, result and laps to go, in any order of arrival; voids undo it."""
    story, crossings = drawn
    newest = {car: max(ends) for car, ends in crossings.items()}
    inserted = [(car, at) for car, at in inserted if at < newest[car]]
    recorded = [*story, *([shortest()] if limited else [])]
    decided = [put_in(at, car, seq) for seq, (car, at) in enumerate(inserted)]
    race = race_of([*recorded, *decided])
    shuffled = [*recorded, *decided]
    random.shuffle(shuffled)
    timeline = Timeline()
    for event in shuffled:
        timeline.add([event])
    assert timeline.race.state_hash() == race.state_hash()
    laps = {car: of_car[-1].lap for car, of_car in race.laps.laps.items()}
    assert dict(race.order.laps) == laps
    assert {row.car: row.laps for row in classify(race)} == laps
    assert [row.car for row in classify(race)] == race.order.cars()
    assert race.chart.leader_lap() == max(laps.values())
    assert race.order.laps[race.order.cars()[0]] == max(laps.values())
    assert views.session_line(race)["laps_to_go"] == 20 - max(laps.values())
    for of_car in race.laps.laps.values():
        ends = [(one.lap, one.at) for one in of_car]
        assert all(one < then and at < end for (one, at), (then, end) in pairwise(ends))
    voids = [
        ev.EventVoided(
            at=2 * 10**6,
            source="steward",
            source_seq=100 + one.source_seq,
            voided_source="steward",
            voided_seq=one.source_seq,
            reason="a test",
        )
        for one in decided
    ]
    timeline.add(voids)
    assert timeline.race.state_hash() == race_of(recorded).state_hash()


@given(timed(), st.integers(1, 400_000))
def test_without_a_shortest_lap_it_is_a_lap(drawn, at):
    """However near to a timed crossing: no timed crossing is lost, and the laps add up."""
    story, crossings = drawn
    assume(at < max(crossings["1"]))
    before, after = race_of(story), race_of([*story, put_in(at)])
    was, now = ([one.at for one in race.laps.laps["1"]] for race in (before, after))
    assert now == sorted({*was, at})
    known = len(was) == before.order.laps["1"]
    assert not known or after.order.laps["1"] == len(now)


HUNDREDS = [(n, n * 100_000, 100_000) for n in range(1, 5)]
NEAR = [
    (199_500, [(2, 199_500, 99_500), (3, 200_000, 500)]),
    (200_500, [(2, 200_000, 100_000), (3, 200_500, 500)]),
]


@pytest.mark.parametrize("limit", [None, 71_000])
@pytest.mark.parametrize(("at", "split"), NEAR)
@pytest.mark.parametrize("arrives", ["last", "before the crossing"])
def test_half_a_second_from_a_crossing(limit, at, split, arrives):
    """It splits the lap; it is a double read where no lap can be so short."""
    story = opened("1", lines=("FL",))
    for lap in (1, 2, 3, 4):
        story.lap("1", lap, lap * 100_000, 100_000)
    if limit:
        story.add(ev.ShortestLapSet, 0, lap_time_ms=limit)
    index = len(story.events) if arrives == "last" else story.events.index(story.events[-4])
    story.events.insert(index, put_in(at))
    timeline = Timeline()
    for event in story:
        timeline.add([event])
    laps = [(one.lap, one.at, one.lap_time_ms) for one in timeline.race.laps.laps["1"]]
    rest = 300_000 - split[-1][1]
    expected = [HUNDREDS[0], *split, (4, 300_000, rest), (5, 400_000, 100_000)]
    assert laps == (HUNDREDS if limit else expected)
    texts = [one.text for one in timeline.race.control.items if one.kind == "lap"]
    where = "0.500 before the next" if at < 200_000 else "0.500 after the last"
    assert [where in text for text in texts] == ([True] if limit else [])


@pytest.mark.parametrize("at", [at for at, _ in NEAR])
def test_it_counts_after_all_by_decision(at):
    """A crossing put in that was counted out counts; voided, it is out again."""
    story = opened("1", lines=("FL",)).laps("1", 4, 100_000)
    story.add(ev.ShortestLapSet, 0, lap_time_ms=71_000)
    story.events.append(put_in(at))
    before = story.race().state_hash()
    named: dict[str, Any] = {"counted_source": "steward", "counted_seq": 0, "reason": "seen"}
    counted = story.add(ev.CrossingCounted, 400_000, **named)
    assert at in {one.at for one in story.race().laps.laps["1"]}
    assert race_of(reversed(story.events)).state_hash() == story.race().state_hash()
    story.void(counted)
    assert story.race().state_hash() == before


def test_the_limit_may_come_and_go():
    """A limit set after the crossing counts it out, its end counts it again."""
    story = opened("1", lines=("FL",)).laps("1", 4, 100_000)
    timeline = Timeline()
    timeline.add([*story, put_in(199_500)])
    before = timeline.race.state_hash()
    timeline.add([shortest()])
    assert timeline.race.order.laps == {"1": 4}
    void: dict[str, Any] = {"voided_source": "limit", "voided_seq": 0, "reason": "a test"}
    timeline.add([ev.EventVoided(at=0, source="x", source_seq=0, **void)])
    assert timeline.race.state_hash() == before
