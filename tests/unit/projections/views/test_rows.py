"""Rows and the published state keep to their models: every member, in order, of its type."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from pydantic import TypeAdapter
from pydantic_core import to_json

from events import AnyEvent
from projections import views
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame_builder import FrameBuilder, frame_state
from projections.views.gaps import ChartRow, GapsRow, chart, gaps
from projections.views.merge_patch import apply_patch
from projections.views.published import PublishedState, row_of
from projections.views.row_schema import json_schema
from projections.views.rows import Row, RowModel, member_names
from tests.builders import opened
from tests.scenarios import alms_2012, mosport_2008, petit_le_mans_2012
from tests.unit.projections.random_races import races

RACES = (petit_le_mans_2012, alms_2012, mosport_2008)

VIEWS: dict[str, tuple[type[RowModel], Callable[[Race], Sequence[Row]]]] = {
    **{name: (views.MODELS[name], view) for name, view in views.VIEWS.items()},
    "messages": (views.MessagesRow, views.messages),
    "session": (views.SessionRow, lambda race: [views.session_line(race)]),
    "gaps": (GapsRow, lambda race: gaps(race) if race.order.cars() else []),
    "chart": (ChartRow, chart),
}
ROWS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(list[model])  # type: ignore[valid-type]
    for name, (model, _) in VIEWS.items()
}
STATE = jsonschema.Draft202012Validator(json_schema(PublishedState))


def moments(events: Sequence[AnyEvent], parts: int) -> Iterator[tuple[Race, Sequence[AnyEvent]]]:
    """The race after each of so many parts of its events, and those events."""
    timeline = Timeline()
    ends = [len(events) * part // parts for part in range(parts + 1)]
    for start, end in pairwise(ends):
        timeline.add(events[start:end])
        yield timeline.race, events[start:end]


def check_rows(race: Race) -> None:
    for name, (model, view) in VIEWS.items():
        rows = view(race)
        ROWS[name].validate_json(to_json(rows), strict=True)
        assert all(tuple(row) == member_names(model) for row in rows), name


def check_state(state: Any) -> None:
    STATE.validate(json.loads(to_json(state)))
    PublishedState.model_validate_json(to_json(state), strict=True)


def test_the_start_has_no_digits_too_many() -> None:
    """Milliseconds where it has them, microseconds only where those are."""
    for written in ("T11:15:00", "T11:15:44.575", "T11:15:44.575250"):
        text = f"2007-10-06{written}-04:00"
        story = opened("1", starts_at=datetime.fromisoformat(text))
        assert views.session_line(story.race())["starts_at"] == text


@pytest.mark.parametrize("story", RACES)
def test_the_rows_of_a_race(story: Callable[[], list[AnyEvent]]) -> None:
    """Of every view, before, during and after the race."""
    check_rows(Race())
    for race, _ in moments(story(), 4):
        check_rows(race)


@given(races())
def test_the_rows_of_any_race(events: list[AnyEvent]) -> None:
    """Corrections and all."""
    for race, _ in moments(events, 1):
        check_rows(race)
        check_state(frame_state(race))


@pytest.mark.parametrize("story", RACES)
def test_frames_keep_to_their_schema(story: Callable[[], list[AnyEvent]]) -> None:
    """The state of a snapshot, and that after each delta."""
    builder, state = FrameBuilder(), frame_state(Race())
    check_state(state)
    for race, _ in moments(story(), 12):
        state = apply_patch(state, builder.advance(race))
        check_state(state)
    assert state == builder.state


@pytest.mark.parametrize("story", RACES)
def test_published_rows_are_the_rows_of_the_view(story: Callable[[], list[AnyEvent]]) -> None:
    """Nothing is lost on the way to a subscriber and back."""
    for race, _ in moments(story(), 3):
        state = frame_state(race)
        for row in views.standings(race):
            again = row_of(views.StandingsRow, state["standings"][row["car"]], race.session.lines)
            lines = len(race.session.lines)
            for name in ("last_sectors_ms", "best_sectors_ms"):
                assert row[name] == again.pop(name)[: len(row[name])]
                assert len(row[name]) <= lines
            assert again == {name: row[name] for name in again}
        if race.session.ended_at is not None:
            for row in views.results(race):
                assert row_of(views.ResultsRow, state["results"][row["car"]]) == row
