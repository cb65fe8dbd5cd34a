"""The age of data where the store's clock was set back."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from events import encode
from services import clocks
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import key
from tests.builders import opened
from tests.server.gateways import serving
from tests.server.projecting import eventually, projecting

TWO_HOURS = 7_200_000
SILENCE = 45.0


async def test_silence_is_noticed_where_the_stamps_are_in_the_future(
    store: Store, log: Log, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a step back of two hours: 45 s of silence are 45 s, in every view."""
    ahead = int(time.time() * 1000) + TWO_HOURS
    past = [0.0]
    clock = clocks.SteadyClock(lambda: time.time() + past[0], lambda: time.monotonic() + past[0])
    monkeypatch.setattr(clocks, "_CLOCK", clock)
    await log.append(session, opened("7", "1").events[:1])
    for number, event in enumerate(opened("7", "1").laps("7", 3).events[1:]):
        payload = encode(event)
        await store.redis.xadd(key(session, "log"), {b"event": payload}, f"{ahead}-{number}")
    async with (
        projecting(store, session),
        serving(store) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):

        async def line() -> dict[str, Any]:
            found: dict[str, Any] = (await client.get(f"/sessions/{session}")).json()
            return found

        async def folded() -> dict[str, Any]:
            found = (await client.get(f"/sessions/{session}/laps")).json()
            session_line: dict[str, Any] = found["session"]
            return session_line

        async def read_to_the_end() -> bool:
            return bool((await line())["position"].startswith(str(ahead)))

        async def fresh() -> bool:
            return bool((await line())["freshness"] == "fresh")

        await eventually(read_to_the_end, "the newest position")
        await folded()
        past[0] = SILENCE
        for seen in (await line(), await folded()):
            assert SILENCE <= seen["age_ms"] / 1000 < SILENCE + 30
            assert seen["freshness"] != "fresh"
        lap = encode(opened("7", "1").laps("7", 4).events[-1])
        await store.redis.xadd(key(session, "log"), {b"event": lap}, f"{ahead}-999")
        await eventually(fresh, "new data")
        assert (await folded())["age_ms"] < SILENCE * 1000
