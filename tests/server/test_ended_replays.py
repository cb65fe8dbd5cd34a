"""A replay that is ended: whoever watches it is told so, and comes no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from services import client as client_of_gateways
from services.client import (
    StateFollower,
    SubscriptionRefused,
    output_url,
    stream_url,
    subscribe,
    subscribe_output,
)
from services.gateway.live import transport
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.replay_store import Replays
from tests.builders import opened
from tests.server.gateways import serving, sse
from tests.server.projecting import eventually
from tests.server.test_outputs import SETTINGS, at_desk
from tests.server.test_replay_routes import asking
from tests.server.test_replayer import forget, replaying

SECONDS = 60


async def begin(store: Store, source: str, replay: str) -> None:
    """Begin a replay that stands; a busy machine may take its time."""
    await Replays(store).begin(source, name=replay, begin="lap:2", playing=False, seconds=SECONDS)


@pytest.fixture
async def replay(store: Store, session: str) -> AsyncIterator[str]:
    """A replay that stands at the second lap of a short race."""
    source = f"{session}-source"
    await Log(store).append(source, list(opened("7", "1").laps("7", 3)))
    async with replaying(store):
        await begin(store, source, session)
        try:
            yield session
        finally:
            await forget(store, session)


async def test_a_subscriber_is_refused_from_then_on(store: Store, replay: str) -> None:
    """By WebSocket with a code and a reason, and a client goes on no more."""
    async with serving(store) as url, asyncio.timeout(SECONDS):
        messages = subscribe(url, replay)
        await anext(messages)
        async with connect(stream_url(url, replay), proxy=None) as connection:
            await connection.recv()
            await Replays(store).stop(replay)  # by another process, as it were
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == transport.NOT_FOUND == client_of_gateways.NOT_FOUND
        assert replay in closed.value.rcvd.reason
        with pytest.raises(SubscriptionRefused) as refused:
            await anext(messages)
        assert refused.value.status == 404


async def test_an_event_stream_ends(store: Store, replay: str) -> None:
    """And whoever comes again is answered 404."""
    async with (
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
        asyncio.timeout(SECONDS),
    ):
        messages = sse(client, url, replay, StateFollower())
        await anext(messages)
        await Replays(store).stop(replay)
        assert [shown.kind async for shown in messages if shown.kind != "heartbeat"] == []
        assert (await client.get(f"/sessions/{replay}/stream")).status_code == 404


async def test_whoever_asks_ends_it_at_once(store: Store, replay: str) -> None:
    """The gateway that is asked to end a replay need not look for it."""
    async with asking(store) as client:
        await client.get(f"/sessions/{replay}/standings")
        gateway = client._transport.app.state.gateway  # type: ignore[attr-defined]
        (tail,) = gateway.tail_pool.all()
        assert (await client.delete(f"/replays/{replay}")).status_code == 204
        assert tail.removal_reason is not None
        assert gateway.tail_pool.all() == []


@pytest.mark.slow
async def test_an_output_of_it_says_so_once(store: Store, replay: str) -> None:
    """Its picture stays, its subscribers too; the log has one line of that, and no more."""
    async with at_desk(store, replay) as (desk, url), asyncio.timeout(SECONDS):
        await desk.ask("PUT", json={"session": replay, "rows": 1})
        await desk.shows(2)
        shown = subscribe_output(url, replay)
        await anext(shown)
        with capture_logs() as logs:
            await Replays(store).stop(replay)

            async def is_stale() -> bool:
                return (await desk.rows())[0]["session_stale"] == "true"

            await eventually(is_stale, "the picture marked as stale")
            await asyncio.sleep(1.6)  # it looks every half second
        message = [one for one in logs if one["event"] == "output source unavailable"]
        assert len(message) == 1
        assert (await desk.rows())[0]["laps"] == "2"
        async with connect(output_url(url, replay), proxy=None) as connection:
            assert (
                StateFollower().apply(await connection.recv()).state["session"]["leader_lap"] == 2
            )
        await shown.aclose()
