"""The race that is built in, asked for over HTTP and WebSocket in a store that lacks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from events import AnyEvent
from events.errors import StoreUnfit
from services.client import SubscriptionRefused, subscribe
from services.storage.client import Store, open_store
from services.storage.event_log import AppendResult, Log
from services.storage.replay_store import Replays
from tests.builders import opened
from tests.server.gateways import serving

RACE = "petit-le-mans-2007"
VIEW = f"/sessions/{RACE}/standings"


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Store]:
    """A store without anything in it."""
    async with open_store(data=tmp_path) as store:
        yield store


@pytest.mark.slow
async def test_it_is_put_in_once(new: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all who ask at once, over whatever, one has it put in; what is not built in is not."""
    appended: list[int] = []
    append = Log.append

    async def counted(
        log: Log, session: str, events: Sequence[AnyEvent], **more: Any
    ) -> AppendResult:
        appended.append(len(events))
        return await append(log, session, events, **more)

    monkeypatch.setattr(Log, "append", counted)
    async with serving(new, projector=True) as url, httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(f"{url}/sessions")).json() == []
        unknown = await client.get(f"{url}/sessions/petit-le-mans-2008/standings")
        assert (unknown.status_code, "no sessions yet" in unknown.text) == (404, True)
        messages = subscribe(url, RACE)
        answers, _ = await asyncio.gather(
            asyncio.gather(*(client.get(url + VIEW) for _ in range(8))), anext(messages)
        )
        await messages.aclose()
        assert {one.status_code for one in answers} == {200}
        assert len(answers[0].json()["rows"]) == 31
        assert [row["session"] for row in (await client.get(f"{url}/sessions")).json()] == [RACE]
    assert len(appended) == 1


async def test_a_name_that_is_taken_is_left_alone(new: Store) -> None:
    """Neither a session nor a replay of that name becomes another one."""
    log = Log(new)
    await log.append("mine", list(opened("1").laps("1", 2)))
    async with serving(new) as url, httpx.AsyncClient(timeout=60) as client:
        await Replays(new).start("mine", name=RACE)
        assert (await client.get(url + VIEW)).status_code == 503  # nobody has shown it yet
        await Replays(new).stop(RACE)
        await log.append(RACE, list(opened("1").laps("1", 2)))
        assert len((await client.get(url + VIEW)).json()["rows"]) == 1
    assert await log.length(RACE) == await log.length("mine")


async def test_a_store_that_takes_no_writes(new: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the race is not; whoever asks is told so."""

    async def refuse(*_: object, **__: object) -> None:
        raise StoreUnfit("a store", "it rejected a command (READONLY)")

    monkeypatch.setattr(Log, "append", refuse)
    async with serving(new) as url, httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(url + VIEW)
        assert (answer.status_code, "no session" in answer.text) == (404, True)
        with pytest.raises(SubscriptionRefused) as refused:
            await anext(subscribe(url, RACE))
        assert refused.value.status == 404
