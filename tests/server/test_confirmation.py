"""Appends that are acknowledged once a replica has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from redis.asyncio import Redis

from events import encode
from events.errors import NotConfirmed, StoreUnfit
from replay.entries import LogEntry
from services.cli.shell import with_store
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage import confirmation
from services.storage.client import Store, open_store
from services.storage.decision_log import RACE_CONTROL, decide
from services.storage.event_log import Log
from services.storage.keys import key, log_key
from tests.builders import opened
from tests.server.clusters import free_ports
from tests.server.command import batch
from tests.server.conftest import StartServer
from tests.server.gateways import serving

SECRET, LINE = new_token("control", Role.CONTROL)
BEARER = {"Authorization": f"Bearer {SECRET}"}


class Pair(NamedTuple):
    """A server whose replica is asked for, and clients that may configure both."""

    store: Store
    primary: Redis
    replica: Redis


@pytest.fixture
async def pair(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """A primary and its replica, which has all that it has."""
    monkeypatch.setattr(confirmation, "CONFIRM_MS", 60_000)
    (port,) = free_ports(1)
    fit = ("--appendfsync", "always", "--repl-diskless-sync-delay", "0")
    url = start_server(*fit, "--port", str(port), "--bind", "127.0.0.1")
    other = start_server(*fit, "--replicaof", f"127.0.0.1 {port}")
    async with (
        open_store(url, replicas=1) as store,
        Redis.from_url(other) as replica,
        Redis.from_url(url) as primary,
    ):
        await primary.set("first", "1")
        await primary.execute_command("WAIT", 1, 60_000)
        yield Pair(store, primary, replica)


async def cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the replica go."""
    await pair.replica.replicaof("NO", "ONE")
    await pair.primary.client_kill_filter(_type="replica")
    monkeypatch.setattr(confirmation, "CONFIRM_MS", 1)


async def test_a_replica_has_what_is_acknowledged(pair: Pair) -> None:
    """Events, events sent again, decisions and imports."""
    log = Log(pair.store)
    assert pair.store.durability.endswith("is on disk, and has been confirmed by 1 replica")
    result = await log.append("race", batch("x", 0, 3))
    assert await pair.replica.xlen(log_key("race")) == result.added == 3
    again = await log.append("race", batch("x", 0, 3))
    assert (again.added, again.duplicates) == (0, 3)
    await decide(log, "race", RACE_CONTROL, lambda number: batch(RACE_CONTROL, number, 1))
    assert await pair.replica.xlen(log_key("race")) == 4
    entry = LogEntry("5-0", [b"event", encode(batch("y", 0, 1)[0])])
    await log.append_at_positions("imported", [entry])
    assert await pair.replica.xlen(log_key("imported")) == 1


async def test_without_its_replica(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append is refused as unavailable, also when it is sent again; then it counts once."""
    log, events = Log(pair.store), batch("x", 0, 2)
    await log.append("race", events[:1])
    await cut_off(pair, monkeypatch)
    for _ in range(2):
        with pytest.raises(NotConfirmed, match="ask again with the same source number"):
            await log.append("race", events)
    settings = GatewaySettings(tokens=Tokens([LINE]))
    async with (
        serving(pair.store, settings) as url,
        httpx.AsyncClient(base_url=url, headers=BEARER) as client,
    ):
        content = b"[%b]" % encode(opened("7").events[0])
        refused = await client.post("/sessions/race/events", content=content)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "(0 of 1 within 1 ms)" in refused.json()["detail"]
    async with open_store(pair.store.url) as without:
        result = await Log(without).append("race", events)
    assert (result.added, result.duplicates) == (0, 2)


async def test_a_server_that_took_over(pair: Pair) -> None:
    """An entry that the log no longer has is not confirmed, whatever the replica has."""
    result = await Log(pair.store).append("race", batch("x", 0, 2))
    await pair.primary.xdel(log_key("race"), result.position)
    with pytest.raises(NotConfirmed, match="another server took over without it"):
        await confirmation.confirm(pair.store, "race", result.position)


async def test_a_server_that_refuses_without_replicas(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOREPLICAS is a store that is unavailable: nothing is recorded, and it may be sent again."""
    await cut_off(pair, monkeypatch)
    await pair.primary.config_set("min-replicas-to-write", 1)
    async with open_store(pair.store.url) as store:
        for events in (batch("x", 0, 1), batch("x", 0, 1)):
            with pytest.raises(NotConfirmed, match="NOREPLICAS"):
                await Log(store).append("race", events)
        await pair.primary.config_set("min-replicas-to-write", 0)
        assert (await Log(store).append("race", batch("x", 0, 1))).added == 1


async def test_without_the_setting(store: Store, log: Log, session: str) -> None:
    """Nothing is written beside the log."""
    await log.append(session, batch("x", 0, 1))
    assert not await store.redis.exists(key(session, "confirmed"))


async def test_the_embedded_server(tmp_path: Path) -> None:
    """It has no replicas."""
    with pytest.raises(StoreUnfit, match="unset LAPSTREAM_REPLICAS"):
        async with open_store(data=tmp_path, replicas=1):
            pass


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands take the setting from the environment."""
    monkeypatch.setenv("LAPSTREAM_REPLICAS", "1")
    with pytest.raises(StoreUnfit, match="unset LAPSTREAM_REPLICAS"):
        with_store(None, tmp_path, lambda _: asyncio.sleep(0))
