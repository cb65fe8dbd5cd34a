"""Qualifying and practice in the order of their best laps, while they run."""

from __future__ import annotations

import pytest

import events as ev
from events.errors import NoSuchMoment
from projections.race import Race
from projections.results.classification import classify
from projections.results.session_order import first_of, session_order
from projections.views import (
    cautions,
    control,
    fastest_laps,
    lap_positions,
    leaders,
    markers,
    session_line,
    standings,
)
from projections.views.frame_builder import FrameBuilder, frame_state
from projections.views.gaps import chart, gaps
from projections.views.moments import moment_of
from replay.reconciling import reconcile
from tests.builders import Story, opened, race_of


def qualifying(*cars: str, **members: object) -> Story:
    """A story of a qualifying session with these cars."""
    return opened(*cars, **{"kind": "qualifying", "title": "Qualifying", **members})


def gap_ms(row: dict[str, object], member: str) -> int | None:
    """A gap of a row, which has no laps but the zero of the first."""
    gap = row[member]
    assert isinstance(gap, dict)
    assert not gap["laps"]
    ms: int | None = gap["ms"]
    return ms


# -- The order -----------------------------------------------------------------------------


def without_a_time() -> Story:
    """#25 has left the pits and has no time, #5 has not left them."""
    story = qualifying("24", "7", "5", "25")
    story.lap("24", 1, 150_000, None).lap("7", 1, 151_000, None).lap("25", 1, 93_000, None)
    return story.lap("24", 2, 243_895, 93_895).lap("7", 2, 245_280, 94_280)


def equal_times() -> Story:
    """Two cars with one best lap: #8 was first to set it; of the others #9 is before #10."""
    story = qualifying("10", "9", "3", "8")
    story.lap("8", 1, 100_000, 90_000).lap("3", 1, 99_000, 91_000)
    return story.lap("3", 2, 189_000, 90_000).lap("10", 1, 120_000, None)


def time_taken_away() -> Story:
    """The time of #1 is deleted: it stands among the cars without one, before #2 and #11."""
    story = qualifying("2", "11", "1", "6")
    story.lap("1", 1, 80_000, 80_000).lap("6", 1, 90_000, 90_000).lap("2", 1, 95_000, None)
    story.add(ev.LapTimeDeleted, 100_000, car="1", lap=1, reason="track limits")
    return story


CASES = [
    (without_a_time, ["24", "7", "5", "25"]),
    (equal_times, ["8", "3", "9", "10"]),
    (time_taken_away, ["6", "1", "2", "11"]),
]


@pytest.mark.parametrize(("story", "order"), CASES, ids=lambda one: getattr(one, "__name__", ""))
def test_order_by_best_lap(story: object, order: list[str]) -> None:
    """By best lap, then who set it first; cars without a time by number: live and classified."""
    race = story().race()  # type: ignore[operator]
    assert session_order(race) == order
    assert [row["car"] for row in standings(race)] == order
    assert [row.car for row in classify(race)] == order
    assert first_of(race) == order[0]
    state = frame_state(race)["standings"]
    assert sorted(state, key=lambda car: state[car]["position"]) == order


def test_official_result_with_cars_without_a_time() -> None:
    """The official order of cars without a time is explained without a decision."""
    story = without_a_time()
    rows = (("24", 93_895, 2), ("7", 94_280, 2), ("5", None, 0), ("25", None, 1))
    declared = ev.ResultDeclared(
        at=900_000,
        source="test",
        source_seq=99,
        status="final",
        rests_on="a test",
        rows=tuple(
            ev.ResultRow(position=n, car=car, status="classified", laps=laps, best_lap_ms=ms)
            for n, (car, ms, laps) in enumerate(rows, start=1)
        ),
    )
    found = reconcile(story, declared)
    assert (found.decisions, found.unreconciled) == ((), ())


def test_a_car_sent_to_the_back_is_before_those_that_did_not_run() -> None:
    """A decision moves a car behind those of its class that ran; a disqualified one is last."""
    story = without_a_time().lap("5", 1, 250_000, None).entry("30")
    for number, (car, kind) in enumerate((("24", "back_of_class"), ("7", "disqualification"))):
        story.add(ev.PenaltyImposed, 300_000, penalty_id=str(number), car=car, kind=kind)
    assert [row.car for row in classify(story.race())] == ["5", "25", "24", "30", "7"]


# -- Gaps ----------------------------------------------------------------------------------


def two_classes() -> Race:
    """Two classes, of which the slower has driven more laps."""
    story = Story()
    story.add(
        ev.SessionOpened, 0, title="Q", kind="qualifying", classes=("GTP", "GTD"),
        timing_lines=("FL",),
    )  # fmt: skip
    for car, name in (("7", "GTP"), ("6", "GTP"), ("57", "GTD"), ("12", "GTD"), ("99", "GTD")):
        story.entry(car, name)
    story.flag("green", 0)
    story.lap("57", 1, 80_000, 80_100).lap("57", 2, 160_000, 80_000).lap("12", 1, 90_000, 80_400)
    story.lap("6", 1, 170_000, 70_300).lap("7", 1, 171_000, 70_000)
    return story.race()


def test_gaps_to_the_best_time() -> None:
    """Gaps are differences of best laps, whoever has driven how many; never laps."""
    rows = {row["car"]: row for row in standings(two_classes())}
    assert [row["car"] for row in rows.values()] == ["7", "6", "57", "12", "99"]
    assert [gap_ms(row, "gap") for row in rows.values()] == [0, 300, 10_000, 10_400, None]
    assert [gap_ms(row, "interval") for row in rows.values()] == [0, 300, 9_700, 400, None]
    assert [gap_ms(row, "class_gap") for row in rows.values()] == [0, 300, 0, 400, None]
    assert [gap_ms(row, "class_interval") for row in rows.values()] == [0, 300, 0, 400, None]
    assert [row["class_position"] for row in rows.values()] == [1, 2, 1, 2, 3]


def test_gaps_to_a_chosen_car() -> None:
    """To any car, ahead and behind."""
    rows = gaps(two_classes(), to="57")
    assert [(row["car"], row["side"], row["gap"]["ms"]) for row in rows] == [
        ("7", "ahead", 10_000),
        ("6", "ahead", 9_700),
        ("57", "same", 0),
        ("12", "behind", 400),
        ("99", "behind", None),
    ]


def test_frames_follow_the_best_laps() -> None:
    """A builder that is kept up has the places and gaps of one that is made anew."""
    story = qualifying("1", "2", "3", lines=("FL",))
    builder, race = FrameBuilder(), Race()
    race.apply_all(story.events)
    builder.advance(race)
    for car, lap, at, ms in (
        ("1", 1, 90, 90),
        ("2", 1, 95, 88),
        ("3", 1, 97, 89),
        ("1", 2, 177, 87),
    ):
        event = ev.LapCompleted(
            at=at * 1000, source="x", source_seq=at, car=car, lap=lap, lap_time_ms=ms * 1000
        )
        race.apply(event)
        builder.advance(race, {car})
        assert builder.state == frame_state(race)
    assert builder.state["standings"]["3"]["interval"] == {"ms": 1000}


# -- What a race has and they have not -----------------------------------------------------


@pytest.mark.parametrize("kind", ["qualifying", "practice"])
def test_no_leader_on_the_road(kind: str) -> None:
    """No leader's laps, no lead changes, no laps to go, no spells in the lead."""
    story = opened("1", "2", kind=kind, laps_limit=20)
    story.lap("1", 1, 90_000, 90_000).lap("2", 1, 95_000, 89_000).lap("2", 2, 184_000, 89_000)
    story.flag("red", 185_000).lap("1", 2, 186_000, 96_000).flag("green", 200_000)
    race = story.race()
    line = session_line(race)
    assert (line["leader"], line["leader_lap"], line["lead_changes"]) == ("2", 0, 0)
    assert line["laps_to_go"] is None
    assert leaders(race) == []
    assert {row["kind"] for row in markers(race)} == {"caution", "restart", "flag"}
    assert {row["lap"] for row in control(race)} == {0}
    (red,) = cautions(race)
    assert (red["first_lap"], red["leader_before"]) == (None, None)
    assert frame_state(race)["session"]["leader_lap"] == 0
    with pytest.raises(NoSuchMoment, match=f"{kind} has no leader's laps"):
        moment_of("lap:1", race)


def test_places_lap_by_lap() -> None:
    """A lap's place is the one by best lap that it left its car in; nobody is laps behind."""
    race = two_classes()
    assert lap_positions(race) == {
        ("57", 1): 1,
        ("12", 1): 2,
        ("57", 2): 1,
        ("6", 1): 1,
        ("7", 1): 1,
    }
    rows = {row["car"]: row for row in chart(race)}
    assert rows["57"]["positions"] == [1, 1]
    assert rows["12"]["behind_ms"] == [None]
    assert [row["car"] for row in fastest_laps(race)] == ["7", "6", "57", "12"]


def test_untimed_laps_leave_a_car_by_its_number() -> None:
    """A car without a time yet is placed among those without."""
    race = race_of(qualifying("9", "10", "4").lap("10", 1, 1000, None).lap("9", 1, 2000, 99_000))
    assert lap_positions(race) == {("10", 1): 3, ("9", 1): 1}
