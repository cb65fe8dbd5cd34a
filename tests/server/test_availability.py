"""A store that hangs, takes no writes, or no longer keeps them: what the gateway answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from events import encode
from events.errors import StoreUnavailable
from services.client import stream_url
from services.gateway import store_deadline
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage import monitor
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.monitor import StoreMonitor
from tests.builders import opened
from tests.server.conftest import StartServer
from tests.server.gateways import serving

SECRET, LINE = new_token("control", Role.CONTROL)
SETTINGS = GatewaySettings(tokens=Tokens([LINE]))
BEARER = {"Authorization": f"Bearer {SECRET}"}
EVENT = encode(opened("7").events[0])


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter times, in the same proportions."""
    monkeypatch.setattr(monitor, "CHECK_SECONDS", 0.4)
    monkeypatch.setattr(monitor, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(monitor, "HUNG_SECONDS", 0.3)
    monkeypatch.setattr(store_deadline, "GRACE_SECONDS", 0.05)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that is stopped: it accepts connections, and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
async def foreign(start_server: StartServer) -> AsyncIterator[tuple[Store, Redis]]:
    """A store of its own, and a client that may configure it."""
    async with open_store(start_server("--appendfsync", "always")) as store:
        yield store, store.redis


async def pid_of(redis: Redis) -> int:
    return int((await redis.info("server"))["process_id"])


@pytest.mark.slow
async def test_a_store_that_hangs(foreign: tuple[Store, Redis], brisk: None) -> None:
    """Whatever waits for it is answered, with 503 and one line; then all goes on."""
    store, redis = foreign
    async with serving(store, SETTINGS) as url, httpx.AsyncClient(base_url=url) as client:
        posted = client.post("/sessions/race/events", content=EVENT, headers=BEARER)
        assert (await posted).json()["added"] == 1
        line = await client.get("/sessions/race/laps")
        assert line.status_code == 200
        with stopped(await pid_of(redis)):
            again = client.post("/sessions/race/events", content=EVENT, headers=BEARER)
            waiting = asyncio.create_task(again)
            began = time.monotonic()
            ready = await client.get("/readyz", headers=BEARER)
            assert ready.status_code == 503
            assert ready.json()["detail"].endswith("no reply within 0.4 s")
            anonymous = (await client.get("/readyz")).json()["detail"]
            assert anonymous == "the store does not answer"
            refused = await waiting
            assert refused.status_code == 503
            assert refused.headers["Retry-After"] == "2"
            assert "send it again as it was" in refused.json()["detail"]
            listing = await client.get("/sessions")
            assert (listing.status_code, listing.json()) == (503, refused.json())
            with pytest.raises(InvalidStatus) as denied:
                async with connect(stream_url(url, "other"), proxy=None):
                    pass
            assert denied.value.response.status_code == 503
            assert (await client.get("/healthz")).status_code == 200
            assert time.monotonic() - began < 20
        for _ in range(200):
            if (await client.get("/readyz")).status_code == 200:
                break
            await asyncio.sleep(0.02)
        repeated = await client.post("/sessions/race/events", content=EVENT, headers=BEARER)
        assert (repeated.json()["added"], repeated.json()["duplicates"]) == (0, 1)


def test_the_times_keep_the_promise() -> None:
    """``/readyz`` within two seconds, every answer within five."""
    assert monitor.CHECK_SECONDS < 2
    worst = monitor.HUNG_SECONDS + 2 * monitor.CHECK_SECONDS + monitor.INTERVAL_SECONDS
    assert worst + store_deadline.GRACE_SECONDS <= 5


REFUSING = {
    "out of memory": ({"maxmemory": "1mb"}, "used memory > 'maxmemory'"),
    "persistence switched off": ({"appendonly": "no"}, "it keeps no append-only file"),
    "fsync left to chance": ({"appendfsync": "no"}, "it is unknown when an event is on disk"),
    "evicting": ({"maxmemory-policy": "allkeys-lru"}, "it evicts logs when memory is short"),
    "too few replicas": ({"min-replicas-to-write": "1"}, "Not enough good replicas to write"),
}


@pytest.mark.parametrize("name", REFUSING)
async def test_a_store_that_takes_or_keeps_nothing(foreign: tuple[Store, Redis], name: str) -> None:
    """It is not ready, and the reason is given without a token, too; then it is ready again."""
    store, redis = foreign
    settings, reason = REFUSING[name]
    before = {key: str((await redis.config_get(key))[key]) for key in settings}
    async with serving(store, SETTINGS) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/readyz")).status_code == 200
        for key, value in settings.items():
            await redis.config_set(key, value)
        for headers in ({}, BEARER):
            ready = await client.get("/readyz", headers=headers)
            assert ready.status_code == 503
            assert reason in ready.json()["detail"]
            assert "\n" not in ready.json()["detail"]
        for key, value in before.items():
            await redis.config_set(key, value)
        assert (await client.get("/readyz")).status_code == 200


async def test_a_store_that_became_a_replica(foreign: tuple[Store, Redis]) -> None:
    """A replica takes no writes."""
    store, redis = foreign
    async with serving(store, SETTINGS) as url, httpx.AsyncClient(base_url=url) as client:
        await redis.replicaof("127.0.0.1", "1")
        ready = await client.get("/readyz")
        assert (ready.status_code, "it is a replica" in ready.json()["detail"]) == (503, True)
        refused = await client.post("/sessions/race/events", content=EVENT, headers=BEARER)
        assert (refused.status_code, "it rejected a command" in refused.json()["detail"]) == (
            503,
            True,
        )
        await redis.replicaof("NO", "ONE")
        assert (await client.get("/readyz")).status_code == 200


async def test_a_check_leaves_nothing(store: Store, log: Log) -> None:
    """Callers at the same time share a check, and it writes no key."""
    found = StoreMonitor(store)
    await asyncio.gather(*(found.check() for _ in range(5)))
    assert not await store.redis.exists(monitor.PROBE)
    assert not found.is_hung
    await found.close()


@pytest.mark.slow
async def test_an_embedded_server_that_hangs(tmp_path: Path, brisk: None) -> None:
    """The same for the server of a data folder."""
    async with (
        open_store(data=tmp_path) as store,
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        with stopped(int((tmp_path / "server.pid").read_text())):
            assert (await client.get("/readyz")).status_code == 503
            refused = await client.post("/sessions/race/events", content=EVENT, headers=BEARER)
            assert refused.status_code == 503


async def test_a_busy_process_is_no_silent_store(store: Store, brisk: None) -> None:
    """A check that found no time to read the answer says nothing about the store."""
    found = StoreMonitor(store)
    await found.check()
    checking = asyncio.create_task(found.check())
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        time.sleep(0.15)  # noqa: ASYNC251 - the loop is to be held up
        await asyncio.sleep(0)
    with contextlib.suppress(StoreUnavailable):
        await checking
    await asyncio.sleep(0)
    assert not found._silent
    await found.close()
