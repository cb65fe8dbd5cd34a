"""Each kind of key in the store, damaged: shown as such or made anew, and no other is blocked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import events as ev
from projections.views.frame import ClientState
from services.projector import app as projector_app
from services.projector import faststream_adapter
from services.queries.listings import season_rows, session_rows
from services.replayer import app as replayer_app
from services.storage.frame_reader import frames, published_state
from services.storage.keys import SESSIONS, key, log_key
from services.storage.projection_store import DERIVED, ProjectionStore
from services.storage.replay_creation import REPLAYS
from services.storage.replay_errors import NoSuchReplay
from services.storage.replay_store import Replays
from tests.builders import Story, opened
from tests.server.gateways import serving
from tests.server.projecting import append_and_wait, eventually, projecting, state_of
from tests.server.test_replayer import replaying

JUNK = (b"", b"junk", b"{}", b"[1]", b"\xff\xfe", b'{"version": 99, "about": {"version": 99}}')
KINDS = pytest.mark.parametrize("kind", ["type", *JUNK], ids=lambda kind: repr(kind)[:12])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (projector_app, replayer_app):
        monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(faststream_adapter, "BLOCK_MS", 20)


def a_race(laps: int = 5) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


async def damage(store: Any, name: str, kind: bytes | str) -> None:
    """Overwrite a key: ``kind`` is another type, or the bytes in place of its own."""
    held = await store.redis.type(name)
    if kind == "type":
        await store.redis.delete(name)
        if held == b"hash":
            await store.redis.set(name, "x")
        else:
            await store.redis.hset(name, "x", "y")
    elif held == b"hash":
        for field in await store.redis.hkeys(name):
            await store.redis.hset(name, field, kind)
    elif held == b"stream":
        await store.redis.xadd(name, {"frame": kind, "follows": kind})
    else:
        await store.redis.set(name, kind)


@KINDS
async def test_derived_keys_are_made_anew(store, log, session, kind):
    """Whatever another program made of them: after a restart all is as the log says."""
    story, after = a_race(), Story("after")
    async with projecting(store, session):
        await append_and_wait(log, store, session, story.events)
    for name in DERIVED:
        if await store.redis.exists(key(session, name)):
            await damage(store, key(session, name), kind)
    await damage(store, key(session, "lease"), kind)
    await store.redis.pexpire(key(session, "lease"), 50)
    keys = ProjectionStore(store, session)

    async def mended() -> bool:
        held: Any = await store.redis.type(key(session, "token"))
        return held == b"string" and await keys.token() is not None

    async with projecting(store, session):
        await eventually(mended, "a token")
        more = after.add(ev.RaceControlMessage, 10**6, text="after")
        await append_and_wait(log, store, session, [more])
    shown = await published_state(store, session)
    assert shown is not None
    assert shown.newest is not None
    assert shown.state == state_of([*story.events, more])
    client = ClientState()
    async for frame in frames(store, session):
        client.apply(frame)
        if frame.token == shown.newest.token:
            break
    assert client.state == shown.state


async def test_a_reader_passes_over_what_is_no_frame(store, log, session):
    """An entry of another program among the frames holds nobody up."""
    story = a_race()
    async with projecting(store, session):
        await append_and_wait(log, store, session, story.events[:-1])
        await store.redis.xadd(key(session, "frames"), {"frame": b"junk", "follows": b"junk"})
        await store.redis.xadd(key(session, "frames"), {"other": b"junk"})
        await append_and_wait(log, store, session, story.events[-1:])
        client = ClientState()
        async for frame in frames(store, session):
            client.apply(frame)
            if client.state == state_of(story):
                break


UNKNOWN = b'{"type":"season_abolished","at":0,"source":"x","source_seq":9}'


@KINDS
async def test_a_damaged_session_or_season_blocks_no_other(store, log, session, kind):
    """Logs, health of sessions and feeds: listed, and the others are answered for."""
    good, bad, season = f"{session}-good", f"{session}-bad", f"{session}-season"
    far = f"{session}-far"
    story = a_race()
    for name in (good, bad):
        await log.append(name, story.events)
    await log.append(season, [_season()])
    await store.redis.xadd(log_key(season), {"event": UNKNOWN})
    await store.redis.hset(key(bad, "health"), mapping={"state": "junk", "parked": "junk"})
    await store.redis.hset(key(bad, "feed:health"), mapping={"first": "junk", "state": "junk"})
    for name in ("health", "feed:health"):
        await damage(store, key(bad, name), kind)
    await damage(store, log_key(bad), kind)
    await store.redis.xadd(log_key(far), {"event": b"x"}, id="99999999999999999-0")
    await store.redis.sadd(SESSIONS, far)
    async with serving(store) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        listed = await client.get("/sessions")
        assert {good, bad} <= {one["session"] for one in listed.json()}
        for path in ("/readyz", "/metrics", f"/sessions/{good}/laps", f"/sessions/{good}/health"):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.get(f"/sessions/{bad}/health")).status_code in {200, 503}
        assert (await client.get(f"/sessions/{bad}/laps")).status_code in {200, 503}
    (row,) = [one for one in await season_rows(log) if one["season"] == season]
    assert "season_abolished" in row["fault"]
    assert {one["session"] for one in await session_rows(log)} >= {good, bad, far}
    for name in (bad, season, far):
        await store.redis.delete(log_key(name), key(name, "health"), key(name, "feed:health"))
        await store.redis.srem(SESSIONS, name)


def _season() -> ev.AnyEvent:
    return Story("season").add(
        ev.SeasonOpened,
        0,
        title="A season",
        series="S",
        rules="alms-2007",
        classes=("GT",),
        rounds=(ev.SeasonRound(name="One"),),
    )


@KINDS
async def test_a_damaged_replay_blocks_no_other(store, log, session, kind):
    """It is listed as unreadable and can be stopped; another one plays meanwhile."""
    await log.append(session, a_race().events)
    replays = Replays(store)
    good, bad = [await replays.start(session, playing=False) for _ in range(2)]
    await store.redis.sadd(REPLAYS, b"\xff", b"No Replay")
    await damage(store, key(bad, "replay"), kind)
    await store.redis.hset(key(bad, "token"), "x", "y")
    async with replaying(store):

        async def plays() -> bool:
            return bool((await replays.describe(good))["state"] == "folding")

        await eventually(plays, "the good one plays")
        described = {name: await replays.describe(name) for name in await replays.names()}
        assert described[bad]["state"] == "unreadable"
        assert described[bad]["reason"]
        async with serving(store) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
            assert (await client.get("/replays")).status_code == 200
            assert (await client.get(f"/replays/{good}")).json()["state"] == "folding"
    for name in (good, bad):
        await replays.stop(name)
        with pytest.raises(NoSuchReplay):
            await replays.state(name)
    await store.redis.srem(REPLAYS, b"\xff", b"No Replay")


async def test_an_epoch_after_the_last_one_known(store, log, session):
    """Token and frames are lost: gateways know the epoch, and follow a later one alone."""
    story = a_race()
    later = ev.PitEntered(at=400_000, source="later", source_seq=0, car="7")
    await ProjectionStore(store, session).report("a projector")
    await store.redis.set(key(session, "token"), "")
    await store.redis.hset(key(session, "health"), "epoch", "4")
    async with projecting(store, session):
        await append_and_wait(log, store, session, story.events)
    token = await ProjectionStore(store, session).token()
    assert token is not None
    assert token.epoch == 5
    for name in ("token", "frames"):
        await store.redis.delete(key(session, name))
    async with projecting(store, session):
        await append_and_wait(log, store, session, [later])
    token = await ProjectionStore(store, session).token()
    assert token is not None
    assert token.epoch == 6
    for name in ("token", "frames", "health", "snapshot", "checkpoint", "blocks", "parked"):
        await store.redis.delete(key(session, name))  # all that is derived
    last = ev.PitExited(at=430_000, source="later", source_seq=1, car="7")
    async with projecting(store, session):
        await append_and_wait(log, store, session, [last])
    token = await ProjectionStore(store, session).token()
    assert token is not None
    assert token.epoch == 7


@pytest.mark.parametrize("saved", [b"", b"junk", b"-1", b"65535", b"999999999999", b"\xff"])
async def test_an_epoch_that_no_frame_can_have(store, session, saved):
    """It counts as none."""
    await store.redis.hset(key(session, "health"), "epoch", saved)
    assert await ProjectionStore(store, session).last_epoch() == 0


async def test_the_derived_keys_are_all_that_a_projector_writes(store, log, session):
    """A new key of a session has to be in the table, and so in these tests."""
    async with projecting(store, session):
        await append_and_wait(log, store, session, a_race().events)
    names: Any = await store.redis.keys(key(session, "*"))
    found = {name.decode().partition(":")[2].partition(":")[0] for name in names}
    assert found <= {*DERIVED, "log", "seen", "lease"}
    assert await ProjectionStore(store, session).discard_damaged() == []
