"""A gateway that has just begun: it shows nothing old while it reads what was told already."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from projections.views.frame import Frame, Token
from services.client import StateFollower, StateUpdate, output_url, stream_url, subscribe
from services.gateway.live import session_tail
from services.storage import frame_reader
from services.storage.client import Store
from services.storage.keys import key
from services.storage.output_store import OUTPUTS, Output, OutputStore
from tests.builders import Story
from tests.server.gateways import serving
from tests.server.projecting import eventually, projecting
from tests.server.test_outputs import append, at_desk

LAPS = 8


class Gate:
    """Frames that come as far as the first, and no further until the gate is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._opened = asyncio.Event()
        monkeypatch.setattr(session_tail, "frames", self._held_back)

    def open(self) -> None:
        """Let them come."""
        self._opened.set()

    async def _held_back(
        self, store: Store, session: str, after: Token | None = None
    ) -> AsyncIterator[Frame]:
        first = True
        async for frame in frame_reader.frames(store, session, after):
            yield frame
            if first:
                await self._opened.wait()
            first = False


@pytest.fixture
async def race(store: Store, session: str) -> str:
    """A race with a snapshot of long ago in the store, and deltas behind it: first 7 leads."""
    story = Story().opened("7", "1", rules="alms-2007")
    async with projecting(store, session):
        await append(store, session, story.lap("7", 1, 60_000).lap("1", 1, 61_000))
        old = await store.redis.get(key(session, "snapshot"))
        assert old is not None
        for lap in range(2, LAPS + 1):
            story.lap("1", lap, 60_000 * lap).lap("7", lap, 60_000 * lap + 1000)
            await append(store, session, story)
    await store.redis.set(key(session, "snapshot"), old)  # as within its second
    return session


async def first_of(address: str) -> StateUpdate:
    """What a newcomer is shown first."""
    async with connect(address, proxy=None) as connection:
        return StateFollower().apply(await connection.recv())


MORE_VIEWS = ("battle", "championship")


@pytest.mark.parametrize("options", [{}, {"max_hz": 50.0}, {"delay_ms": 1}])
async def test_subscribers_wait(
    store: Store, race: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """The first that they are sent is how it stands, and no picture on the way there."""
    gate = Gate(monkeypatch)
    async with serving(store) as url:
        coming = asyncio.create_task(first_of(stream_url(url, race, **options)))
        await asyncio.sleep(0.5)
        assert not coming.done()
        gate.open()
        shown = await coming
    assert shown.state["session"]["leader"] == "1"
    assert shown.state["standings"]["1"]["laps"] == LAPS


async def test_views_show_nothing_from_long_ago(
    store: Store, race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the frames take, a view is of now: of the log, where they have not come."""
    Gate(monkeypatch)
    async with serving(store) as url, httpx.AsyncClient(timeout=30) as client:
        found = (await client.get(f"{url}/sessions/{race}/standings")).json()
    assert [(row["car"], row["laps"]) for row in found["rows"]] == [("1", LAPS), ("7", LAPS)]


@pytest.mark.parametrize(
    "view", ["standings", *(pytest.param(view, marks=pytest.mark.slow) for view in MORE_VIEWS)]
)
async def test_an_output_begins_with_what_it_showed(
    store: Store, race: str, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """What was on air stays there while a gateway that began anew reads the frames."""
    name = race  # sessions and outputs have names of their own
    wanted = {"session": race, "view": view, "rows": 1}
    async with at_desk(store, name) as (desk, _):
        await desk.ask("PUT", json=wanted | ({"cars": ["1", "7"]} if view == "battle" else {}))
        good = (await desk.rows())[0]
        assert good["session_leader_lap"] == str(LAPS)
        await eventually(lambda: store.redis.hexists(f"{OUTPUTS}:shown", name), "remembered")
    gate = Gate(monkeypatch)
    async with at_desk(store, name) as (desk, url):
        first = await first_of(output_url(url, name))
        assert first.state["session"]["leader_lap"] == LAPS
        for _ in range(5):
            assert still((await desk.rows())[0]) == still(good)
            await asyncio.sleep(0.1)
        gate.open()
        await asyncio.sleep(0.7)
        assert still((await desk.rows())[0]) == still(good)


def still(row: dict[str, str]) -> dict[str, str]:
    """A row without what time alone changes."""
    ticking = ("session_age_ms", "session_clock", "session_stale")
    return {name: cell for name, cell in row.items() if name not in ticking}


async def test_an_output_that_showed_nothing_waits(
    store: Store, race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows nothing until there is what is to be shown."""
    gate = Gate(monkeypatch)
    monkeypatch.setattr(session_tail, "CATCH_UP_SECONDS", 60.0)  # on a busy machine, too
    async with at_desk(store, race) as (desk, _):
        wanted = {"session": race, "view": "battle", "cars": ["1", "7"], "rows": 1}
        await desk.ask("PUT", json=wanted)
        await desk.ask("GET", "/rows", 503)
        gate.open()
        await desk.shows(LAPS)
        assert (await desk.rows())[0]["car"] == "1"


async def test_what_is_remembered_is_of_this_output(store: Store, session: str) -> None:
    """A gateway that has not heard of a change keeps nothing of the output as it was."""
    outputs = OutputStore(store)
    shown = Frame(Token(1, "1-0"), 1, 0, False, "snapshot", {"session": {}})
    before = Output(name=session, session="a-race", view="battle", cars=("1", "7"))
    for changed, is_kept in (({"rows": 3}, True), ({"cars": ("1", "2")}, False)):
        await outputs.put(before)
        after = before.model_copy(update=changed)
        await outputs.put(after)
        await outputs.save_snapshot(before, shown)
        assert (await outputs.saved_snapshot(session) is not None) == is_kept
    await outputs.remove(session)
    await outputs.save_snapshot(before, shown)
    assert await outputs.saved_snapshot(session) is None


async def test_frames_that_are_gone_are_not_waited_for(
    store: Store, race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the store tells of more than its frames give, what they give is shown after a while."""
    monkeypatch.setattr(session_tail, "CATCH_UP_SECONDS", 0.5)
    later = "1:9999999999999-0"
    await store.redis.set(key(race, "token"), later)
    async with serving(store) as url:
        messages = subscribe(url, race)
        async with contextlib.aclosing(messages), asyncio.timeout(20):
            shown = await anext(messages)
    assert shown.state["standings"]["1"]["laps"] == LAPS
