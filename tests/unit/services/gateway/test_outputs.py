"""Outputs without a server: their rows, their clock, their tokens."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from events import (
    PitExited,
    RoundScored,
    ScoredRow,
    SeasonOpened,
    SeasonRound,
)
from events.clock import format_clock
from projections.championship.season import Season
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from projections.views.published import SubscribedState
from replay.csv_text import csv_text
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot, token_order
from services.gateway.outputs import derived
from services.gateway.outputs.content import (
    EPOCHS,
    TOPICS,
    OutputContent,
    clock_of,
    filter_of,
    frame_of,
    token_of,
)
from services.gateway.outputs.derived import DERIVED, battle, championship, forecast
from services.gateway.outputs.flat_output import output_rows, rows_etag
from services.gateway.outputs.rows import JUST_OUT_MS, OUTPUT_VIEWS
from services.queries.forecasts import forecast_task, forecast_topic
from services.storage.output_store import Output
from services.storage.output_views import OutputView
from tests.builders import Story, opened
from tests.unit.projections.forecast.test_race_forecast import a_race
from tests.unit.services.gateway.short_race import frames

WEB = Path(__file__).parents[4] / "web" / "src" / "graphics"
WITHOUT_TEMPLATE = {"results", "drivers", "messages"}
"""Views for other programs: no page of ours draws them."""

TOWER = Output(name="tower", session="petit", view="standings", rows=12)


def newest() -> Snapshot:
    """The last picture of the race."""
    buffer = FrameBuffer()
    for frame in frames():
        buffer.apply(frame)
    assert buffer.newest is not None
    return buffer.newest


def content_of(
    output: Output = TOWER, after_ms: float = 120, failed: bool = False
) -> OutputContent:
    """What an output shows so long after its newest event was learned."""
    snapshot = newest()
    at = snapshot.at + after_ms
    return OutputContent(output, snapshot, at - output.delay_ms, at, at, failed)


def test_each_view_is_registered() -> None:
    """A new view has topics, rows and, unless it is for other programs, a template."""
    views = set(get_args(OutputView))
    assert TOPICS.keys() == views, "services/gateway/outputs/content.py"
    assert OUTPUT_VIEWS.keys() == views, "services/gateway/outputs/rows.py"
    source = (WEB / "parameters.ts").read_text()
    (templates,) = re.findall(r"TEMPLATE_OF[^{]*\{(.*?)\}", source, re.DOTALL)
    drawn = set(re.findall(r"(\w+):", templates))
    assert drawn == views - WITHOUT_TEMPLATE, "web/src/graphics/parameters.ts"
    stage = (WEB / "Stage.svelte").read_text()
    named = set(re.findall(r'graphic\.template === "(\w+)"', stage))
    assert named == set(re.findall(r'"(\w+)"', templates)), "web/src/graphics/Stage.svelte"


def test_each_derived_topic_is_published() -> None:
    """A topic that frames lack is derived, and is a member of what subscribers receive."""
    members = SubscribedState.model_fields.keys()
    assert members >= set().union(*TOPICS.values()), "projections/views/published.py"
    assert members >= DERIVED.keys(), "projections/views/published.py"
    assert all(view in TOPICS[view] for view in DERIVED), "services/gateway/outputs/content.py"


@pytest.mark.parametrize("view", get_args(OutputView))
@pytest.mark.parametrize("count", [1, 200])
def test_as_many_rows_as_wanted(view: OutputView, count: int) -> None:
    """Each with the same keys, all of them text, in JSON as in CSV."""
    keys, rows = output_rows(content_of(TOWER.model_copy(update={"view": view, "rows": count})))
    assert len(rows) == count
    assert all(list(row) == keys for row in rows)
    assert all(isinstance(cell, str) for row in rows for cell in row.values())
    assert list(csv.DictReader(io.StringIO(csv_text(keys, (row.values() for row in rows))))) == rows


def test_rows_and_pushes_choose_alike() -> None:
    """The cars in the rows are those in the state that subscribers are sent."""
    output = TOWER.model_copy(update={"classes": ("GT2",), "rows": 100})
    _, rows = output_rows(content_of(output))
    sent = filter_of(output).choose(newest().state)
    assert set(sent) == {"session", "standings", "fastest"}
    assert {row["car"] for row in rows} - {""} == set(sent["standings"])
    assert 0 < len(sent["standings"]) < len(newest().state["standings"])


def shown_of(output: Output, story: Story, after_ms: int = 0) -> list[dict[str, str]]:
    """The rows of a picture of a story, so long after its newest event was learned."""
    race = story.race()
    snapshot = Snapshot(1, Token(1, "1000-0"), 1000, race.at, True, frame_state(race))
    if output.view == "battle":
        snapshot = snapshot._replace(state={**snapshot.state, "battle": battle(race, output.cars)})
    if output.view == "championship":
        rows_by_car = championship(race, None, output)
        snapshot = snapshot._replace(state={**snapshot.state, "championship": rows_by_car})
    if output.view == "forecast":
        topic = forecast(forecast_topic(forecast_task(race)), output)
        snapshot = snapshot._replace(state={**snapshot.state, "forecast": topic})
    moment = snapshot.at + after_ms
    return output_rows(OutputContent(output, snapshot, moment, moment, moment, failed=False))[1]


def test_a_forecast_says_so_in_each_row() -> None:
    """Its rows are labelled, in the net order, and of the chosen cars."""
    output = Output(name="f", session="x", view="forecast", cars=("1", "2"), rows=2)
    rows = shown_of(output, a_race("1", "2", "7"))
    assert [(row["label"], row["car"], row["net_position"]) for row in rows] == [
        ("FORECAST", "1", "1"),
        ("FORECAST", "2", "2"),
    ]
    assert float(rows[0]["win"]) > float(rows[1]["win"])


def test_a_race_that_is_over_is_not_forecast() -> None:
    """Nor is one without a length: the reason stands in place of rows."""
    for story, reason in (
        (a_race("1", "2").flag("chequered", 1_900_000), "the race is over"),
        (opened("1").laps("1", 3), "no forecast: the length of the race is unknown"),
    ):
        task = derived._forecast_task(story.race())
        assert isinstance(task, str)
        assert task.startswith(reason[:11])


def test_a_battle_is_reported_among_its_cars() -> None:
    """Gaps are to the first of those chosen and to the next ahead of them, not to the field."""
    story = opened("1", "2", "7", "9").laps("1", 3, 60_000).laps("2", 3, 61_000)
    story = story.laps("7", 3, 62_000).laps("9", 2, 90_000)
    rows = shown_of(Output(name="b", session="x", view="battle", cars=("9", "7", "2")), story)
    assert [(row["car"], row["overall"]) for row in rows[:4]] == [
        ("2", "2"),
        ("7", "3"),
        ("9", "4"),
        ("", ""),
    ]
    assert [(row["gap_ms"], row["gap_laps"], row["interval_ms"]) for row in rows[:3]] == [
        ("", "", ""),
        ("3000", "", "3000"),
        ("58000", "", "56000"),
    ]


def test_the_lane_is_timed_and_then_reported_for_a_while() -> None:
    """The time runs while a car is in; what it took stays for some seconds, and no longer."""
    story = opened("1", "2").lap("1", 1, 60_000).lap("2", 1, 61_000)
    story.pit("1", 70_000)
    output = Output(name="l", session="x", view="lane", rows=2)
    row, empty = shown_of(output, story, after_ms=2500)
    assert (row["car"], row["in_lane"], row["lane_ms"]) == ("1", "true", "2500")
    assert empty["car"] == ""
    story.add(PitExited, 101_500, car="1")
    row, _ = shown_of(output, story, after_ms=2500)
    assert (row["car"], row["in_lane"], row["lane_ms"]) == ("1", "false", "31500")
    story.lap("2", 2, 101_500 + JUST_OUT_MS)
    assert shown_of(output, story, after_ms=1)[0]["car"] == ""


def test_the_flag_has_one_row() -> None:
    """With what it is, how long it has lasted by now, and the number of the caution."""
    story = opened("1").flag("fcy", 10_000).lap("1", 1, 60_000)
    row, empty = shown_of(Output(name="f", session="x", view="flag", rows=2), story, 1500)
    assert (row["flag"], row["caution"], row["lasts_ms"]) == ("fcy", "1", "51500")
    assert row["session_flag"] == empty["session_flag"] == "fcy"
    assert empty["flag"] == ""


def test_points_as_they_stand_without_a_season() -> None:
    """By the rules that the session names, of this session alone; without rules there are none."""
    story = Story().opened(rules="alms-2007", title="A race")
    for car in ("1", "2"):
        story.entry(car, "GT", team=f"Team {car}").laps(car, 3, 60_000 + int(car))
    output = Output(name="c", session="x", view="championship", of="teams", rows=3)
    rows = shown_of(output, story)
    assert [(row["rank"], row["name"], row["points"]) for row in rows] == [
        ("1", "Team 1", "20"),
        ("2", "Team 2", "16"),
        ("", "", ""),
    ]
    plain = opened("1").laps("1", 2)
    assert {row["name"] for row in shown_of(output, plain)} == {""}


def test_what_a_race_changes_in_a_season() -> None:
    """Places and points before the race stand beside those as it stands, and what it brings;
    rounds behind this one are not looked at."""
    rows = tuple(
        ScoredRow(position=place, car=str(place), status="classified", team=f"Team {place}")
        for place in (1, 2)
    )
    season = Season()
    members: dict[str, Any] = {"source": "season", "source_seq": 1}
    races = tuple(SeasonRound(name=name) for name in ("One", "Two", "Three"))
    season.apply(
        SeasonOpened(
            at=0,
            **members,
            title="Season",
            series="ALMS",
            rules="alms-2007",
            classes=("GT",),
            rounds=races,
        )
    )
    for number in (1, 3):
        season.apply(
            RoundScored(at=0, **members, round=number, part="race", car_class="GT", rows=rows)
        )
    story = Story().opened(rules="alms-2007", round=2)
    for car, ms in (("2", 60_000), ("1", 60_001)):
        story.entry(car, "GT", team=f"Team {car}").laps(car, 3, ms)
    output = Output(name="c", session="x", view="championship", of="teams", season="s")
    rows_by_car = championship(story.race(), season, output)["rows"]
    assert {
        row["name"]: (row["rank"], row["before"], row["points"], row["gained"])
        for row in rows_by_car.values()
    } == {"Team 1": (1, 1, 36, 16), "Team 2": (1, 2, 36, 20)}


def test_a_car_that_is_not_there_is_no_error() -> None:
    """Its rows are empty, and still have the session line."""
    _, rows = output_rows(content_of(TOWER.model_copy(update={"cars": ("999",)})))
    assert {row["car"] for row in rows} == {""}
    assert {row["session_title"] for row in rows} == {newest().state["session"]["title"]}


def test_the_clock_is_that_of_the_delay() -> None:
    """A delayed output's clock is behind by its delay, which is no part of its age."""
    output = TOWER.model_copy(update={"delay_ms": 4000})
    row = output_rows(content_of(output, after_ms=5000))[1][0]
    clock = newest().clock_at + 1000
    assert row["session_clock"] == format_clock(clock - clock % 1000).removesuffix(".000")
    assert (row["session_age_ms"], row["session_stale"]) == ("1000", "false")


def test_stale() -> None:
    """A picture is stale once its source is silent for long, not counting the delay, or gone."""
    late = TOWER.model_copy(update={"delay_ms": 60_000})
    patience = newest().state["session"]["patience_ms"]
    assert not content_of(after_ms=patience).stale
    assert content_of(after_ms=patience + 1).stale
    assert not content_of(late, after_ms=60_000 + patience).stale
    assert content_of(late, after_ms=60_001 + patience).stale
    assert content_of(failed=True).stale
    stopped = content_of(after_ms=10**9)
    assert not stopped._replace(snapshot=newest()._replace(clock_running=False)).stale


def test_a_frozen_picture_grows_older() -> None:
    """Its clock stands where it was frozen; the rows say how old it is by now."""
    output = TOWER.model_copy(update={"delay_ms": 4000})
    frozen = content_of(output, after_ms=4500)
    patience = newest().state["session"]["patience_ms"]
    later = frozen._replace(now=frozen.now + patience)
    (first, *_), (row, *_) = output_rows(frozen)[1], output_rows(later)[1]
    assert row["session_clock"] == first["session_clock"]
    assert (first["session_age_ms"], row["session_age_ms"]) == ("500", str(500 + patience))
    assert (first["session_stale"], row["session_stale"]) == ("false", "true")


def test_the_clock_stops_with_a_silent_source() -> None:
    """It runs on with a moment, never back, and not away from what is not heard of."""
    snapshot = newest()
    assert clock_of(snapshot, snapshot.at + 700) == snapshot.clock_at + 700
    assert clock_of(snapshot, snapshot.at - 700) == snapshot.clock_at
    patience = snapshot.state["session"]["patience_ms"]
    assert clock_of(snapshot, snapshot.at + patience) == snapshot.clock_at + patience
    assert clock_of(snapshot, snapshot.at + patience + 1) == snapshot.clock_at + patience
    assert clock_of(snapshot._replace(clock_running=False), snapshot.at + 700) == snapshot.clock_at


def test_the_same_picture_has_the_same_etag() -> None:
    """Whatever its age; staleness, another clock and another form have others."""
    stopped = content_of()._replace(snapshot=newest()._replace(clock_running=False))
    rows, later = (
        output_rows(stopped)[1],
        output_rows(stopped._replace(moment=stopped.moment + 5000, now=stopped.now + 5000))[1],
    )
    assert rows != later
    assert rows_etag(rows, "json") == rows_etag(later, "json")
    others = [output_rows(content_of(after_ms=3000))[1], output_rows(content_of(failed=True))[1]]
    tags = {rows_etag(rows, "csv"), *(rows_etag(one, "json") for one in [rows, *others])}
    assert len(tags) == 4


def test_tokens_grow_with_revision_epoch_and_position() -> None:
    """So a subscriber goes on from one at another gateway, and never back."""
    snapshot = newest()
    ahead = snapshot._replace(token=Token(snapshot.token.epoch, "1760000000000-9"))
    anew = snapshot._replace(token=Token(EPOCHS - 1, "1-0"))
    order = [token_of(ahead, 1), token_of(snapshot, 1), token_of(anew, 1), token_of(ahead, 2)]
    assert sorted(order, key=token_order) == order
    assert len(set(order)) == 4


def test_a_picture_of_another_recording() -> None:
    """It is the next one, numbered here, and found by its token."""
    buffer, snapshot = FrameBuffer(), newest()
    first = buffer.append(snapshot._replace(token=Token(1, "1-0")))
    second = buffer.append(snapshot)
    assert (first.number, second.number, second.patch) == (1, 2, None)
    assert (buffer.newest, buffer.after(first), buffer.find(snapshot.token)) == (
        second,
        second,
        second,
    )
    assert frame_of(second).data is snapshot.state
