"""Segments of qualifying: a knock-out, groups by class, and what packs say of slow cars."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from projections.race import Race
from projections.results.classification import ON_LAPS, Convention, classify
from projections.results.session_order import by_best_lap, ranking_laps, session_order
from projections.rules.packs import QualifyingRules, builtin_pack
from projections.views import control, session_line, standings
from projections.views.frame_builder import FrameBuilder, cars_of, frame_state
from projections.views.session_line import is_over
from services.terminal.tower import plain_lines
from services.terminal.tower_state import TowerOptions, TowerState
from tests.builders import Story, opened, race_of

KNOCK_OUT = QualifyingRules(segments="knock_out", advance=(3, 2))


def lap(story: Story, car: str, at: int, ms: int, number: int) -> Story:
    """A timed lap; ``at`` in seconds."""
    return story.lap(car, number, at * 1000, ms)


def q1(**members: object) -> Story:
    """Q1 of five cars; the last of them is quickest, on a lap begun before the flag."""
    story = opened(*"12345", **{"kind": "qualifying", "title": "Qualifying", **members})
    for place, car in enumerate("12345"):
        lap(story, car, 100 + place, 80_000 + 100 * place, 1)
    story.flag("chequered", 200_000)
    return lap(story, "5", 210, 79_900, 2)


def q3(**members: object) -> Story:
    """In Q2, in the wet, 2 and 5 are quickest of three; in Q3 only 5 has a time yet."""
    story = q1(**members)
    story.add(ev.SegmentStarted, 300_000, name="Q2")
    story.flag("green", 300_000)
    for car, at, ms in (("1", 400, 91_000), ("2", 405, 90_000), ("5", 410, 90_500)):
        lap(story, car, at, ms, 3)
    story.add(ev.SegmentStarted, 500_000, name="Q3")
    return lap(story, "5", 600, 92_000, 4)


def test_a_knock_out() -> None:
    """Who went on is ahead, with a time in the segment or not; the others stand as they were."""
    race = q3().race()
    cars = race.order.cars()
    assert by_best_lap(race, cars, KNOCK_OUT) == ["5", "2", "1", "3", "4"]
    ranked = {car: best.ms for car, best in ranking_laps(race, KNOCK_OUT).items()}
    assert ranked == {"5": 92_000, "1": 91_000, "3": 80_200, "4": 80_300}
    rows = classify(race, Convention(ON_LAPS.classification, ON_LAPS.penalties, KNOCK_OUT))
    assert [row.car for row in rows] == ["5", "2", "1", "3", "4"]
    assert [row.best_lap_ms for row in rows] == [92_000, None, 91_000, 80_200, 80_300]


def test_all_times_count_where_the_pack_does_not_knock_out() -> None:
    """Without such a rule the best lap of any segment counts."""
    race = q3().race()
    assert session_order(race) == ["5", "1", "2", "3", "4"]
    assert session_line(race)["segment"] == "Q3"
    assert [row["text"] for row in control(race) if "begins" in row["text"]] == [
        "Q3 begins",
        "Q2 begins",
    ]


def test_segments_of_classes_in_a_pack() -> None:
    """The WEC's Hyperpole: times count anew in each class; gaps are within the segment."""
    story = q1(rules="wec-2024", classes=("GT",))
    story.add(ev.SegmentStarted, 300_000, name="Hyperpole", classes=("GT",))
    for car, at, ms in (("3", 400, 79_000), ("1", 405, 79_300)):
        lap(story, car, at, ms, 3)
    rows = standings(story.race())
    assert [row["car"] for row in rows] == ["3", "1", "5", "2", "4"]
    assert [row["best_lap_ms"] for row in rows] == [79_000, 79_300, None, None, None]
    assert [row["gap"]["ms"] for row in rows] == [0, 300, None, None, None]


def by_classes(*, started: bool) -> Story:
    """Qualifying and Hyperpole of GT, then of the twelve cars of PROTO, the last the quickest.

    Without ``started`` the first of GT is not told of.
    """
    story = opened("91", "92", kind="qualifying", rules="wec-2024", classes=("PROTO", "GT"))
    prototypes = [str(number) for number in range(1, 13)]
    for car in prototypes:
        story.entry(car, "PROTO")
    if started:
        story.add(ev.SegmentStarted, 0, name="Qualifying GT", classes=("GT",))
    for car, at in (("91", 100), ("92", 105)):
        lap(story, car, at, 80_000 + at, 1)
    story.add(ev.SegmentStarted, 300_000, name="Hyperpole GT", classes=("GT",))
    for car, at in (("92", 400), ("91", 405)):
        lap(story, car, at, 79_000 + at, 2)
    story.add(ev.SegmentStarted, 500_000, name="Qualifying PROTO", classes=("PROTO",))
    for place, car in enumerate(reversed(prototypes)):
        lap(story, car, 600 + place, 70_000 + place, 1)
    return story


@pytest.mark.parametrize("started", [True, False])
def test_a_segment_of_one_class_knocks_out_no_other(started: bool) -> None:
    """Each class has its own: all twelve are placed by their times, and ten go on."""
    story = by_classes(started=started)
    in_order = [str(number) for number in range(12, 0, -1)]
    assert session_order(story.race()) == [*in_order, "92", "91"]
    story.add(ev.SegmentStarted, 900_000, name="Hyperpole PROTO", classes=("PROTO",))
    lap(story, "2", 1_000, 69_500, 2)  # the 11th
    race = lap(story, "3", 1_010, 69_900, 2).race()
    assert session_order(race) == ["3", *in_order[:9], "2", "1", "92", "91"]
    assert ranking_laps(race)["2"].ms == 70_010


def test_107_percent_of_the_first_segment_of_the_class() -> None:
    """A class whose qualifying comes later is measured by it."""
    rules = QualifyingRules(
        segments="knock_out", advance=(10,), within_percent=107, within_of="class"
    )
    race = by_classes(started=True).race()
    rows = classify(race, Convention(ON_LAPS.classification, ON_LAPS.penalties, rules))
    assert {row.status for row in rows} == {"classified"}


def test_gaps_of_those_who_did_not_go_on() -> None:
    """They are measured in the segment that the car came to."""
    story = Story()
    story.add(
        ev.SessionOpened, 0, title="Q", kind="qualifying", timing_lines=("FL",), rules="wec-2024"
    )
    for number in range(1, 13):
        story.entry(str(number), "GT")
        lap(story, str(number), 100 + number, 80_000 + 10 * number, 1)
    story.add(ev.SegmentStarted, 300_000, name="Hyperpole")
    lap(story, "2", 400, 81_000, 2)
    rows = {row["car"]: row for row in standings(story.race())}
    assert (rows["2"]["position"], rows["1"]["position"]) == (1, 2)
    assert (rows["11"]["position"], rows["12"]["position"]) == (11, 12)
    assert rows["11"]["gap"]["ms"] == 90  # to the time of 2 in qualifying
    assert rows["12"]["interval"]["ms"] == 10


def test_frames_follow_segments() -> None:
    """A builder that is kept up has the rows of one that is made anew."""
    events = sorted(q3(rules="wec-2024").events, key=lambda event: event.at)
    race, builder = Race(), FrameBuilder()
    for event in events:
        race.apply(event)
        builder.advance(race, cars_of([event]))
        assert builder.state == frame_state(race)
    assert builder.state["session"]["segment"] == "Q3"


def test_a_deleted_time_counts_in_no_segment() -> None:
    """The next best of the segment counts, or none."""
    story = q3()
    story.add(ev.LapTimeDeleted, 700_000, car="5", lap=2, reason="track limits")
    story.add(ev.LapTimeDeleted, 700_001, car="5", lap=4, reason="track limits")
    race = story.race()
    assert [best and best.ms for best in race.segments.of_car("5")] == [80_400, 90_500, None]


def test_the_next_segment_runs_again() -> None:
    """A car that took the flag of a segment runs again in the next; a race has none."""
    story = q1()
    story.add(ev.SegmentStarted, 300_000, name="Q2")
    assert story.race().finish.cars == {}
    of_race = opened("1").flag("chequered", 100_000).lap("1", 1, 110_000)
    of_race.add(ev.SegmentStarted, 120_000, name="Q2")
    race = race_of(of_race)
    assert (set(race.finish.cars), session_line(race)["segment"]) == ({"1"}, None)


@pytest.mark.parametrize(
    ("rules", "statuses"),
    [
        (QualifyingRules(), ["classified"] * 3),
        (QualifyingRules(within_percent=107), ["classified"] * 2 + ["not_classified"]),
        (QualifyingRules(within_percent=100), ["classified"] + ["not_classified"] * 2),
    ],
)
def test_107_percent(rules: QualifyingRules, statuses: list[str]) -> None:
    """Cars that are too slow keep their place and are not classified."""
    story = opened("1", "2", "3", "4", kind="qualifying")
    for car, ms in (("1", 80_000), ("2", 85_600), ("3", 85_601)):
        lap(story, car, 200, ms, 1)
    rows = classify(story.race(), Convention(ON_LAPS.classification, ON_LAPS.penalties, rules))
    assert [row.car for row in rows] == ["1", "2", "3", "4"]
    assert [row.status for row in rows] == [*statuses, "not_started"]


@pytest.mark.parametrize(
    ("within_of", "outside"),
    [("overall", [None, None, 107, None]), ("class", [None, None, None, None])],
)
def test_107_percent_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, within_of: str, outside: list[int | None]
) -> None:
    """Standings, frames and towers have it; another car's time puts a car outside."""
    rules = QualifyingRules(within_percent=107, within_of=within_of)  # type: ignore[arg-type]
    monkeypatch.setattr("projections.results.session_order._rules_named", lambda _: rules)
    story = (
        opened("1", "2", kind="qualifying", rules="imsa-2024").entry("3", "GT3").entry("4", "GT3")
    )
    for car, ms in (("3", 85_601), ("2", 85_600)):
        lap(story, car, 200, ms, 1)
    race, builder = story.race(), FrameBuilder()
    builder.advance(race)
    assert [row["outside_percent"] for row in standings(race)] == [None] * 4
    race.apply(ev.LapCompleted(**lapped("1", 300_000, 80_000)))
    builder.advance(race, {"1"})
    assert [row["car"] for row in standings(race)] == ["1", "2", "3", "4"]
    assert [row["outside_percent"] for row in standings(race)] == outside
    assert builder.state == frame_state(race)
    tower = TowerState.of(builder.state, 300_000)
    text = plain_lines(tower, TowerOptions(), 120, 12)
    assert ("1:25.601%" in "".join(text)) == (within_of == "overall")


def lapped(car: str, at: int, ms: int) -> dict[str, Any]:
    """The members of a lap."""
    return {"source": "t", "source_seq": at, "car": car, "lap": 1, "at": at, "lap_time_ms": ms}


@pytest.mark.parametrize("flag", ["green", "chequered"])
def test_a_segment_begins_under_green(flag: str) -> None:
    """The chequered flag of the segment before does not stand in the next; a race keeps its."""
    story = q1().flag(flag, 290_000)
    story.add(ev.SegmentStarted, 300_000, name="Q2")
    line = session_line(story.race())
    assert (line["flag"], line["segment"], is_over(line)) == ("green", "Q2", False)
    of_race = opened("1").flag("chequered", 100_000)
    of_race.add(ev.SegmentStarted, 120_000, name="Q2")
    assert is_over(session_line(of_race.race()))


@pytest.mark.parametrize(("withdrawn", "order"), [("by_number", "2134"), ("last", "2341")])
def test_withdrawn_times(withdrawn: str, order: str) -> None:
    """A car whose times were all withdrawn stands by its number, or last."""
    story = opened("1", "2", "3", "4", kind="qualifying")
    lap(story, "1", 200, 80_000, 1)
    lap(story, "2", 200, 81_000, 1)
    story.add(ev.LapTimeDeleted, 300_000, car="1", lap=1, reason="ride height")
    race = story.race()
    rules = QualifyingRules(withdrawn=withdrawn)  # type: ignore[arg-type]
    assert by_best_lap(race, race.order.cars(), rules) == list(order)


def test_packs_have_their_rules() -> None:
    """Each with a source, or marked as assumed."""
    rules = builtin_pack("wec-2024").qualifying
    assert rules is not None
    assert (rules.segments, rules.advance, rules.source_of("advance")) == ("knock_out", (10,), None)
    assert builtin_pack("imsa-2024").source_of("qualifying.segments")
