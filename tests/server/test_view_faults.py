"""A view that fails is that view's error: the session, its other views and cars go on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from projections import views
from projections.race import Race
from projections.views import frame_builder
from projections.views.frame_builder import FrameBuilder
from services.gateway.views import view_query
from services.projector import app as projector_app
from services.projector import faststream_adapter
from services.storage.projection_store import health
from tests.builders import Story, opened, race_of
from tests.server.gateways import serving
from tests.server.projecting import all_frames, append_and_wait, projecting


def a_race(laps: int = 5) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


def fail(*_: Any, **__: Any) -> Any:
    """A view with a mistake."""
    raise ZeroDivisionError("a mistake")


@pytest.fixture
def _fails_for_7(monkeypatch: pytest.MonkeyPatch) -> None:
    made = views.car_row

    def car_row(race: Race, car: str, *more: Any) -> Any:
        return fail() if car == "7" else made(race, car, *more)

    monkeypatch.setattr(views, "car_row", car_row)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(faststream_adapter, "BLOCK_MS", 20)


@pytest.mark.parametrize(
    "maker", ["_cautions", "_results", "_fastest", "_session", "visit_row", "official_result"]
)
def test_a_topic_that_fails_stays_as_it_was(monkeypatch, maker):
    """The others follow the race; the session line says which failed, and that it is well again."""
    story = a_race()
    race = race_of(story.events[:-1])
    builder = FrameBuilder()
    builder.advance(race)
    before = builder.state
    with monkeypatch.context() as patch:
        patch.setattr(frame_builder, maker, fail)
        race.apply_all([Story("flags").flag("fcy", story.last.at).last, story.last])
        change = builder.advance(race)
        assert builder.state["standings"]["8"]["laps"] == 5
    for topic, why in builder.faults.items():
        assert "ZeroDivisionError: a mistake" in why
        if topic != "session":
            assert builder.state[topic] == before[topic]
            assert change["session"]["faults"][topic] == why
    builder.advance(race)
    assert builder.faults == {}
    assert builder.state == frame_builder.frame_state(race)


@pytest.mark.usefixtures("_fails_for_7")
def test_a_car_that_fails_leaves_the_others():
    """Its own row stays as it was, also where later events concern other cars only."""
    story = a_race()
    race = race_of(story)
    builder = FrameBuilder()
    builder.advance(race)
    assert builder.faults == {"standings": "car 7: ZeroDivisionError: a mistake"}
    assert builder.state["standings"]["7"]["position"] == 1
    builder.advance(race, frozenset({"8"}))
    assert builder.faults == {"standings": "car 7: ZeroDivisionError: a mistake"}
    assert builder.state["standings"]["8"]["laps"] == 5


async def test_a_session_goes_on_with_a_view_that_fails(store, log, session, monkeypatch):
    """Log and health name session, view and event; a restart keeps what was shown."""
    story = a_race()
    with capture_logs() as lines:
        async with projecting(store, session):
            await append_and_wait(log, store, session, story.events[:-2])
            monkeypatch.setattr(frame_builder, "_results", fail)
            await append_and_wait(log, store, session, story.events[-2:])
        async with projecting(store, session):
            more = Story("more").add(type(story.last), 900_000, car="7", lap=6, lap_time_ms=60_000)
            position = await append_and_wait(log, store, session, [more])
    assert (await health(store, session))["state"] == "folding"
    first = next(line for line in lines if line["event"] == "view failed")
    assert (first["session"], first["view"]) == (session, "results")
    last = story.last
    assert f"({last.type} {last.source_seq} of '{last.source}')" in first["reason"]
    frames = await all_frames(store, session)
    assert {frame.kind for frame in frames[1:]} == {"delta"}  # a restart begins no epoch
    assert position == frames[-1].token.position


async def test_questions_name_view_session_and_event(store, log, session, monkeypatch):
    """A view of a request fails with 500, and the next one is answered."""
    story = a_race()
    position = (await log.append(session, story.events)).position
    monkeypatch.setitem(view_query._RACE_VIEWS, "laps", fail)
    async with serving(store) as url, httpx.AsyncClient(base_url=url) as client:
        failed = await client.get(f"/sessions/{session}/laps")
        assert failed.status_code == 500
        last = story.last
        assert failed.json()["detail"] == (
            f"the view 'laps' of session {session!r} failed at {position} ({last.type} "
            f"{last.source_seq} of {last.source!r}): ZeroDivisionError: a mistake"
        )
        assert (await client.get(f"/sessions/{session}/leaders")).status_code == 200
