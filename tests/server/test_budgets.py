"""Where memory or time are short, clients without a token are refused first."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.client import stream_url
from services.gateway import state
from services.gateway.live import tail_pool
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.tail_pool import TailPool
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from tests.builders import opened
from tests.server.gateways import serving
from tests.server.projecting import projecting, until_projected
from tests.unit.services.gateway.short_race import STEP_MS, frames

SECRET, LINE = new_token("viewer", Role.VIEWER)
SETTINGS = GatewaySettings(tokens=Tokens([LINE]))
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
async def client(store: Store, log: Log, session: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a race of three laps."""
    result = await log.append(session, opened("7", "1").laps("7", 3).events)
    async with (
        projecting(store, session),
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        await until_projected(store, session, result.position)
        yield client


async def is_served(client: httpx.AsyncClient, path: str) -> tuple[bool, bool]:
    """Whether it is served without a token, and with one."""
    found = []
    for headers in ({}, BEARER):
        answer = await client.get(path, headers=headers)
        assert answer.status_code in (200, 429)
        found.append(answer.status_code == 200)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["detail"].endswith("try again, or send a token")
    return found[0], found[1]


async def test_delays(
    client: httpx.AsyncClient, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer delay than is kept already needs a token once the budget is used up."""
    path = f"/sessions/{session}/standings"
    assert await is_served(client, f"{path}?delay_ms=1000") == (True, True)
    monkeypatch.setattr(tail_pool, "SNAPSHOT_BYTES", 0)
    assert await is_served(client, path) == (True, True)
    address = stream_url(str(client.base_url), session, delay_ms=500_000)
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, proxy=None):
            pass
    assert refused.value.response.status_code == 429
    longer = f"{path}?delay_ms=600000"
    assert await is_served(client, longer) == (False, True)
    assert await is_served(client, longer) == (True, True)  # it is kept by now


def test_outputs_count() -> None:
    """What an output keeps is of the budget, too, and goes when there is too much."""
    pool = TailPool.__new__(TailPool)
    pool._by_session = {}
    source, shown = Tail("a", 0).buffer, FrameBuffer()
    snapshot = None
    while (snapshot := source.after(snapshot)) is not None:
        shown.append(snapshot)
    assert source.bytes / 2 < shown.bytes < source.bytes * 2
    pool.output_buffers = lambda: {"tower": shown}
    assert pool.memory == shown.bytes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail_pool, "SNAPSHOT_BYTES", 0)
        pool.shed()
    newest = source.newest
    assert newest is not None
    assert shown.newest is not None
    assert shown.newest.token == newest.token
    assert shown.after(None) is shown.newest


async def test_folds(
    client: httpx.AsyncClient, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions about the past are answered to those with a token where many wait."""
    for query in ("laps", "standings?at=lap:2", "picture"):
        path = f"/sessions/{session}/{query}"
        assert await is_served(client, path) == (True, True)
        monkeypatch.setattr(state, "MOST_FOLDS_WAITING", 0)
        assert await is_served(client, path) == (False, True)
        monkeypatch.undo()


class Tail:
    """A tail of a session, as far as the pool's budget looks at it."""

    def __init__(self, session: str, known_ms: int) -> None:
        self.session = session
        self.buffer = FrameBuffer()
        for frame in frames():
            self.buffer.apply(frame)
        self.buffer.retain_ms, self.buffer.retain_known_ms = 60 * STEP_MS, known_ms


def test_shedding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What those without a token had kept goes first, and the delays of the others last."""
    monkeypatch.setattr(tail_pool, "MIN_SNAPSHOTS", 2)
    monkeypatch.setattr(tail_pool, "FEWEST_SNAPSHOTS", 1)
    pool = TailPool.__new__(TailPool)
    anonymous, known = Tail("a", 0), Tail("b", 30 * STEP_MS)
    pool._by_session = {"a": anonymous, "b": known}  # type: ignore[dict-item]
    whole = known.buffer.bytes
    monkeypatch.setattr(tail_pool, "SNAPSHOT_BYTES", whole + whole // 4 * 3)
    pool.shed()
    kept = [tail.buffer.retain_ms for tail in (anonymous, known)]
    assert kept == [0, 60 * STEP_MS]
    monkeypatch.setattr(tail_pool, "SNAPSHOT_BYTES", pool.memory - 1)
    pool.shed()
    assert known.buffer.retain_ms == 30 * STEP_MS
    monkeypatch.setattr(tail_pool, "SNAPSHOT_BYTES", 0)
    pool.shed()
    assert (known.buffer.retain_ms, anonymous.buffer.retain_ms) == (0, 0)
    assert known.buffer.newest is not None
