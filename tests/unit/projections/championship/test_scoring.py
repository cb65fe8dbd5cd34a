"""What a season's log is told of a session."""

from __future__ import annotations

from typing import Any

from events import (
    AnyEvent,
    Driver,
    EventVoided,
    PenaltyImposed,
    PenaltyRescinded,
    PointsAdjusted,
    ResultDeclared,
    ResultRow,
    RoundScored,
)
from projections.championship.scoring import missing_events, session_results
from projections.championship.season import Season, season_of
from projections.timeline import Timeline
from tests.builders import Story
from tests.scoring import SOURCE, opened

HOUR = 3_600_000


def race(**members: Any) -> Story:
    """#1 ahead of #2 in GT, and a car of a class that the season does not have."""
    story = Story().opened(lines=("FL",), series="S", **members)
    for place, car in enumerate(("1", "2")):
        story.entry(car, team=f"T{car}", drivers=(Driver(number=1, name=f"D{car}"),))
        for lap in (1, 2):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.entry("9", "GT4")
    return story.lap("9", 1, 90_000)


def timeline_of(story: Story) -> Timeline:
    """The session as it was recorded."""
    timeline = Timeline()
    timeline.add(story)
    return timeline


def add(log: list[AnyEvent], story: Story) -> list[AnyEvent]:
    """Score the session as round 1, and keep in the log what that tells."""
    season, timeline = season_of(log), timeline_of(story)
    results = session_results(season, timeline, 1, "race-1")
    events = missing_events(season, timeline.race, results, "race-1")
    at = len(log)
    head = {"at": at, "source": "season"}
    stamped = [
        event.model_copy(update={**head, "source_seq": 100 * at + index})
        for index, event in enumerate(events)
    ]
    log += stamped
    return stamped


def points(log: list[AnyEvent], of: str = "drivers") -> dict[str, float]:
    """The points of everyone in GT."""
    rows = season_of(log).standings(of=of, car_class="GT")  # type: ignore[arg-type]
    return {row["name"]: row["points"] for row in rows}


def test_the_result_of_each_of_the_season_s_classes() -> None:
    """Rows say who, where and how far; the session is named, other classes left out."""
    (result,) = session_results(season_of([opened()]), timeline_of(race()), 1, "race-1")
    assert (result.car_class, result.session, result.part, result.segment) == (
        *("GT", "race-1", "race"),
        None,
    )
    assert [(row.position, row.car, row.laps) for row in result.rows] == [(1, "1", 2), (2, "2", 2)]


def test_what_is_known_is_not_repeated() -> None:
    """Scored twice, the season has the result once; after a decision it has the new one."""
    log: list[AnyEvent] = [opened()]
    story = race()
    assert len(add(log, story)) == 1
    assert add(log, story) == []
    story.add(PenaltyImposed, 200_000, penalty_id="p", car="1", kind="time", amount=30)
    (again,) = add(log, story)
    assert isinstance(again, RoundScored)
    assert [row.car for row in again.rows] == ["2", "1"]
    assert points(log) == {"D2": 20, "D1": 16}


def test_points_that_were_taken_are_adjustments() -> None:
    """Those of driver and team, once; and given back when the penalty is rescinded."""
    log: list[AnyEvent] = [opened()]
    story = race()
    story.add(PenaltyImposed, 200_000, penalty_id="p", car="1", kind="points", amount=5)
    kinds = [type(event) for event in add(log, story)]
    assert kinds == [RoundScored, PointsAdjusted, PointsAdjusted]
    assert points(log) == {"D2": 16, "D1": 15}
    assert points(log, "teams") == {"T2": 16, "T1": 15}
    assert add(log, story) == []
    story.add(PenaltyRescinded, 210_000, penalty_id="p")
    assert [type(event) for event in add(log, story)] == [EventVoided, EventVoided]
    assert points(log) == {"D1": 20, "D2": 16}
    assert add(log, story) == []


def test_a_cup_takes_stock_during_the_race() -> None:
    """At each mark the order of that moment counts, at the last the result."""
    story = Story().opened(lines=("FL",), series="S", time_limit_ms=6 * HOUR)
    story.entry("1").entry("2")
    story.lap("1", 1, HOUR).lap("2", 1, 2 * HOUR)
    story.lap("2", 2, 4 * HOUR).lap("1", 2, 5 * HOUR).flag("chequered", 6 * HOUR)
    story.lap("2", 3, 6 * HOUR + 1).lap("1", 3, 6 * HOUR + 2)
    results = session_results(season(rules="imsa-2024"), timeline_of(story), 1, "race-1")
    orders = {one.segment: [row.car for row in one.rows] for one in results}
    assert orders == {None: ["2", "1"], 1: ["1", "2"], 2: ["2", "1"]}


def test_a_cup_before_its_next_mark() -> None:
    """What a race has not come to is not told."""
    story = Story().opened(lines=("FL",), series="S", time_limit_ms=6 * HOUR)
    story.entry("1").lap("1", 1, HOUR)
    results = session_results(season(rules="imsa-2024"), timeline_of(story), 1, "race-1")
    assert [one.segment for one in results] == [None]


def season(rules: str) -> Season:
    """A season whose rounds have no length of their own."""
    return season_of([opened(rules).model_copy(update={"rounds": ()})])


def test_a_session_of_which_only_the_result_is_known() -> None:
    """It scores by what was declared, and says that this was published."""
    story = Story()
    story.opened(lines=("FL",), series="S")
    story.entry("1", team="T1").entry("2", team="T2")
    story.add(
        ResultDeclared,
        100,
        status="final",
        rests_on="a paper",
        rows=tuple(
            ResultRow(position=place, car=car, car_class="GT", status="classified", laps=9)
            for place, car in enumerate(("2", "1"), start=1)
        ),
    )
    log: list[AnyEvent] = [opened()]
    (result,) = add(log, story)
    assert isinstance(result, RoundScored)
    assert (result.basis, result.overall_laps) == ("published", 9)
    assert points(log, "teams") == {"T2": 20, "T1": 16}
    assert result.source != SOURCE


def test_practice_scores_nothing() -> None:
    """It tells a season nothing at all."""
    assert add([opened()], race(kind="practice")) == []
