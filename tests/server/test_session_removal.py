"""Sessions leave the store by command: into a verified archive, or for good."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from events.errors import PositionConflict
from services.cli.app import app
from services.gateway import state as gateway_state
from services.projector import app as projector_app
from services.projector import faststream_adapter
from services.storage import session_removal
from services.storage.client import open_store
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore
from services.storage.keys import SESSIONS, key, log_key
from services.storage.output_store import Output, OutputStore
from services.storage.replay_store import Replays
from services.storage.session_removal import SessionInUse, remove_session, uses_of
from tests.builders import Story, opened
from tests.server.gateways import serving
from tests.server.projecting import (
    append_and_wait,
    check_frames,
    eventually,
    projecting,
    stopped,
    until_projected,
)

PAYLOADS = Path(__file__).parents[1] / "payloads"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(faststream_adapter, "BLOCK_MS", 20)
    monkeypatch.setattr(gateway_state, "REMOVED_SECONDS", 0.01)
    monkeypatch.setattr(projector_app, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(session_removal, "LEASE_MS", 200)


def a_race(laps: int = 3) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


async def keys_of(log: Log, session: str) -> list[Any]:
    """All keys of a session but the lease, which expires by itself."""
    found: Any = await log.store.redis.keys(key(session, "*"))
    return [name for name in found if not name.endswith(b":lease")]


async def test_a_removed_session_is_gone_everywhere(store, log, session):
    """Projector and gateway let go of it, no key stays, and another of its name begins anew."""
    story, again = a_race(), a_race(2)
    async with serving(store, projector=True) as url:
        client = httpx.AsyncClient(base_url=url, timeout=30)
        async with client:
            await append_and_wait(log, store, session, story.events)
            path = f"/sessions/{session}/laps"
            assert len((await client.get(path)).json()["rows"]) == 6
            position = await log.last_position(session)
            await remove_session(log, session, position)
            assert await keys_of(log, session) == []

            async def forgotten() -> bool:
                return (await client.get(path)).status_code == 404

            await eventually(forgotten, "the gateway forgets it")

            async def without_keys() -> bool:
                return not await store.redis.keys(key(session, "*"))

            await eventually(without_keys, "the projector gives up its lease")
            await log.append(session, again.events)
            await until_projected(store, session, await log.last_position(session))
            await check_frames(store, session, again)
            assert len((await client.get(path)).json()["rows"]) == 4


async def test_a_lease_that_expired_unseen(store, log, session, monkeypatch):
    """A projector that did not see its lease taken by the removal lets go all the same."""
    again = a_race(2)
    monkeypatch.setattr(projector_app, "RENEW_SECONDS", 3600)
    async with projecting(store, session):
        await append_and_wait(log, store, session, a_race().events)
        await remove_session(log, session, await log.last_position(session))
        await store.redis.delete(key(session, "lease"))
        await log.append(session, again.events)
        await until_projected(store, session, await log.last_position(session))
        await check_frames(store, session, again)


async def test_a_stopped_session_begins_anew(store, log, session):
    """One that could not be folded, removed and imported again, is projected."""
    again = a_race(2)
    unknown = b'{"type":"car_abducted","at":1,"source":"x","source_seq":1}'
    async with projecting(store, session):
        await log.append(session, a_race().events)
        await store.redis.xadd(log_key(session), {"event": unknown})
        await stopped(store, session)
        await remove_session(log, session, await log.last_position(session))
        await log.append(session, again.events)
        await until_projected(store, session, await log.last_position(session))
        await check_frames(store, session, again)


async def test_another_log_of_the_name_at_once(store, log, session):
    """The gateway mixes no folded race with what was appended before it looked again."""
    async with serving(store) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        await log.append(session, a_race().events)
        path = f"/sessions/{session}/laps"
        assert len((await client.get(path)).json()["rows"]) == 6
        await remove_session(log, session, await log.last_position(session))
        await log.append(session, a_race(2).events)

        async def is_new() -> bool:
            return len((await client.get(path)).json()["rows"]) == 4

        await eventually(is_new, "the gateway folds the new log")


async def test_what_rests_on_a_session_is_named(store, log, session):
    """Replays and outputs; a feed that is followed into it."""
    position = (await log.append(session, a_race().events)).position
    replay = await Replays(store).start(session, playing=False)
    outputs = OutputStore(store)
    name = f"out-{session}"[:64]
    await outputs.put(Output(name=name, session=session, view="standings"))
    assert await uses_of(log, session) == [f"replay {replay!r}", f"output {name!r}"]
    await Replays(store).stop(replay)
    await outputs.remove(name)
    assert await uses_of(log, session) == []
    await store.redis.set(key(session, "feed:lease"), "x")
    with pytest.raises(SessionInUse, match="a feed"):
        await remove_session(log, session, position)
    await store.redis.delete(key(session, "feed:lease"))


async def test_a_feed_that_starts_meanwhile_waits(store, log, session, monkeypatch):
    """It has the lease once nothing of the session is left; a removal that fails gives it back."""
    position = (await log.append(session, a_race().events)).position
    feed = FeedStore(store, session, "a feed", 5000)
    delete_log, taken = session_removal._delete_log, []

    async def while_it_starts(*arguments: Any) -> None:
        taken.append(await feed.take())
        await delete_log(*arguments)

    monkeypatch.setattr(session_removal, "_delete_log", while_it_starts)
    with pytest.raises(PositionConflict):
        await remove_session(log, session, "5-0")
    await remove_session(log, session, position)
    assert taken == [False, False]
    assert await keys_of(log, session) == []
    assert await feed.take()
    await feed.release()


async def test_a_season_rests_on_the_sessions_it_scored(store, log, session):
    """A season is named, whatever else is in its log."""
    season = f"{session}-season"
    for name in ("season_opened.v2", "round_scored.v2"):
        payload = json.loads((PAYLOADS / f"{name}.json").read_text())
        if "session" in payload:
            payload["session"] = session
        await log.append(season, [payload])
    await log.append(session, a_race().events)
    assert await uses_of(log, session) == [f"season {season!r}"]
    await remove_session(log, season, await log.last_position(season))
    assert await uses_of(log, session) == []


async def test_what_was_appended_meanwhile_is_not_removed(store, log, session):
    """The session stays as it is."""
    await log.append(session, a_race().events)
    with pytest.raises(PositionConflict):
        await remove_session(log, session, "5-0")
    assert await store.redis.sismember(SESSIONS, session)
    assert await log.length(session) == len(a_race().events)


def test_the_commands(shared_data: Path, session: str, tmp_path: Path) -> None:
    """An archive brings back what it was; a removal asks first, and names what is in the way."""
    story, file = a_race(), tmp_path / "race.jsonl.gz"

    async def within(work: Any) -> Any:
        async with open_store(data=shared_data) as store:
            return await work(Log(store))

    def lapstream(*arguments: str, **more: Any) -> Any:
        return CliRunner().invoke(app, [*arguments, "--data", str(shared_data)], **more)

    asyncio.run(within(lambda log: log.append(session, story.events)))
    replay = asyncio.run(within(lambda log: Replays(log.store).start(session, playing=False)))
    refused = lapstream("session", "archive", session, str(file))
    assert refused.exit_code == 1
    assert f"in use by replay {replay!r}" in refused.stderr
    asyncio.run(within(lambda log: Replays(log.store).stop(replay)))
    done = lapstream("session", "archive", session, str(file))
    assert done.exit_code == 0, done.output
    assert not asyncio.run(within(lambda log: log.exists(session)))
    assert asyncio.run(within(lambda log: keys_of(log, session))) == []
    assert lapstream("session", "archive", session, str(file)).exit_code == 2  # the file exists
    assert lapstream("import", "archive", str(file)).exit_code == 0
    assert asyncio.run(within(lambda log: log.length(session))) == len(story.events)
    assert lapstream("session", "remove", session, input="n\n").exit_code == 1
    assert asyncio.run(within(lambda log: log.exists(session)))
    removed = lapstream("session", "remove", session, "--yes")
    assert removed.exit_code == 0, removed.output
    assert not asyncio.run(within(lambda log: log.exists(session)))
    assert lapstream("session", "remove", session, "--yes").exit_code == 1
