"""The projector on a real server: frames follow from the log, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import random
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from faststream import FastStream
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

import events as ev
from bench.synthetic import synthetic_race
from events import AnyEvent, encode
from events.errors import BadSessionId, StoreUnavailable
from projections.views.frame import ClientState, Frame, Token
from projections.views.frame_builder import frame_state
from replay.entries import START
from services.projector import app as projector_app
from services.projector import schedule, session_projection
from services.projector.app import Projector
from services.projector.schedule import LEASE_MS
from services.projector.session_fold import BYTES_PER_SESSION, SessionFold
from services.storage import frame_reader, projection_store
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.frame_ids import TokenTooLarge, frame_id
from services.storage.frame_reader import HISTORY_IS_GONE, frames, published_state
from services.storage.keys import SESSIONS, key, log_key
from services.storage.leases import Leases
from services.storage.projection_store import (
    DERIVED,
    Commit,
    Parked,
    ProjectionStore,
    TakenOver,
    health,
)
from tests.builders import Story, opened, race_of
from tests.profiles import examples
from tests.server.processes import kill_server, server_of
from tests.server.projecting import (
    ProjectorProcess,
    all_frames,
    check_every_frame,
    check_frames,
    eventually,
    projecting,
    state_of,
    stopped,
    until_projected,
)
from tests.unit.projections.random_races import races

_examples = count()


@pytest.fixture
def _checkpoints_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint with every commit."""
    monkeypatch.setattr(schedule, "CHECKPOINT_ENTRIES", 1)
    monkeypatch.setattr(schedule, "CHECKPOINT_SECONDS", 0.0)


@pytest.fixture
def _snapshots_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot as often as its size allows."""
    monkeypatch.setattr(schedule, "SNAPSHOT_SECONDS", 0.0)


def a_race(laps: int = 5) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


async def append_and_project(log: Log, store: Store, session: str, events: list[AnyEvent]) -> str:
    """Append the events and wait until the frames tell of them."""
    position = (await log.append(session, events)).position
    await until_projected(store, session, position)
    return position


# -- Frames follow from the log ------------------------------------------------------------


async def test_a_log_becomes_frames(store, log, session):
    """What is appended is on screen, from an empty session to the last event."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[:5])
        await append_and_project(log, store, session, story.events[5:])
        frames_published = await check_frames(store, session, story)
    assert [frame.kind for frame in frames_published] == ["snapshot", "delta"]
    assert frames_published[0].reason == "the session's first frame"
    assert (await health(store, session))["state"] == "folding"


@settings(max_examples=examples(15, few=5), deadline=None)
@given(races(max_size=40), st.randoms(use_true_random=False), st.lists(st.integers(1, 60)))
def test_snapshot_and_deltas_are_the_state_at_every_position(shared_data, events, chance, cuts):
    """Late, doubled, voided: at each frame's position its state is that of the log so far."""
    chance.shuffle(events)

    async def run() -> None:
        async with open_store(data=shared_data) as store:
            log, session = Log(store), f"every-position-{next(_examples)}"
            async with projecting(store, session):
                for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True):
                    if events[start:end]:
                        await append_and_project(log, store, session, events[start:end])
            await check_every_frame(store, session)
            shown = await published_state(store, session)
            assert shown is not None
            assert shown.state == state_of(events)

    asyncio.run(run())


async def test_an_event_sent_again_past_the_log_counts_once(store, log, session):
    """A raw XADD of an event that is there moves the position, and nothing else."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
        again = await store.redis.xadd(log_key(session), {"event": encode(story.last)})
        await until_projected(store, session, again.decode())
        frames_published = await check_frames(store, session, story)
    assert frames_published[-1].data == {}


async def test_all_listed_sessions_are_projected(tmp_path, session):
    """A projector that is told no names finds the sessions, also those that come later."""
    story, later = a_race(), f"{session}-later"
    async with open_store(data=tmp_path) as store:  # in which there are no other sessions
        log = Log(store)
        await log.append(session, story.events)
        working = Projector(store)
        app = FastStream(logger=None)
        working.attach(app)
        async with app:
            await until_projected(store, session, await log.last_position(session))
            await store.redis.sadd(SESSIONS, "No Session", b"\xff")
            await append_and_project(log, store, later, story.events)
        await check_frames(store, later, story)


async def test_120_sessions_at_once(shared_data, store, log, session):
    """More sessions than the client library has connections, all going on."""
    names = [f"{session}-{number}" for number in range(120)]
    story = a_race()
    async with projecting(store, *names):
        for part in (story.events[:8], story.events[8:]):
            positions = [(await log.append(name, part)).position for name in names]
            for name, position in zip(names, positions, strict=True):
                await until_projected(store, name, position)

        async def all_wait() -> bool:
            clients: Any = await store.redis.info("clients")
            return bool(clients["blocked_clients"] >= 120)

        await eventually(all_wait, "a reader of each session that waits for more")
    for name in names:
        await check_frames(store, name, story)


async def test_the_session_limit_is_kept(shared_data, store, log, session):
    """A projector takes on no more sessions than it has readers for: the newest."""
    names = [f"{session}-{number}" for number in range(3)]
    for name in names:
        await log.append(name, a_race().events)
    working = Projector(store, names, limit=2)
    app = FastStream(logger=None)
    working.attach(app)
    async with app:
        for name in names[1:]:
            await until_projected(store, name, await log.last_position(name))
        assert await ProjectionStore(store, names[0]).token() is None


async def test_the_newest_sessions_come_first(store, log, session, monkeypatch):
    """Beyond the limit a session waits, listed and logged, until it has the newest event."""
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(projector_app, "CHOOSE_SECONDS", 0.0)
    monkeypatch.setattr(projector_app, "QUIET_SECONDS", 0.0)
    names = [f"{session}-{letter}" for letter in "cab"]  # not in the order of their names
    for name in names:
        await log.append(name, a_race().events)
    working = Projector(store, names, limit=2)
    app = FastStream(logger=None)
    working.attach(app)
    oldest = names[0]

    async def waits() -> bool:
        return (await health(store, oldest)).get("state") == "waiting"

    with capture_logs() as lines:
        async with app:
            for name in names[1:]:
                await until_projected(store, name, await log.last_position(name))
            await eventually(waits, "the oldest session waits")
            assert await ProjectionStore(store, oldest).token() is None
            more = Story("more").add(ev.RaceControlMessage, 10**6, text="back")
            await append_and_project(log, store, oldest, [more])
            assert (await health(store, oldest))["state"] == "folding"
    printed = next(line for line in lines if line["event"].startswith("more sessions"))
    assert (printed["limit"], printed["sessions"]) == (2, [oldest])


# -- ProjectionStore -------------------------------------------------------------------------------


def commit(before: Token | None, after: Token, **more: Any) -> Commit:
    """A commit of a frame without news."""
    frame = Frame(after, 1, 0, True, "snapshot" if before is None else "delta", {})
    return Commit(before, after, frame.encode(), **more)


async def everything(store: Store, session: str) -> dict[bytes, Any]:
    """All that the server keeps of a session but its lease."""
    keys: Any = await store.redis.keys(f"{{{session}}}:*")
    return {name: await store.redis.dump(name) for name in keys if not name.endswith(b":lease")}


async def test_a_stale_writer_is_refused(store, session):
    """A commit that follows another token than the saved one changes nothing."""
    writing = ProjectionStore(store, session)
    await writing.commit(commit(None, Token(1, "1-0")))
    await writing.commit(commit(Token(1, "1-0"), Token(1, "5-0")))
    before = await everything(store, session)
    for stale in (
        commit(None, Token(1, "2-0")),
        commit(Token(1, "1-0"), Token(1, "3-0"), parked=[Parked("3-0", "bad", b"x")]),
        commit(Token(2, "5-0"), Token(2, "6-0")),
    ):
        with pytest.raises(TakenOver, match="stands at 1:5-0"):
            await writing.commit(stale)
    assert await everything(store, session) == before


async def test_each_epoch_is_noted_beside_the_keys_of_the_session(store, session):
    """Also one that keeps what was parked: after the loss of all keys, none comes twice."""
    writing = ProjectionStore(store, session)
    await writing.commit(commit(None, Token(1, "1-0"), new_epoch=True))
    await writing.commit(commit(Token(1, "1-0"), Token(2, "2-0")))
    await store.redis.delete(*(key(session, name) for name in DERIVED))
    assert await writing.last_epoch() == 2


async def test_a_commit_sent_twice_counts_once(store, session):
    """Finding its own result there is success, and nothing is written again."""
    writing = ProjectionStore(store, session)
    first = commit(None, Token(1, "1-0"), snapshot=b"{}")
    second = commit(Token(1, "1-0"), Token(1, "2-0"), parked=[Parked("2-0", "bad", b"x")])
    for one in (first, second):
        assert await writing.commit(one)
        before = await everything(store, session)
        assert await writing.commit(one)
        assert await everything(store, session) == before


async def test_a_commit_says_that_the_snapshot_is_gone(store, session):
    """A snapshot may be deleted: the projector is told, and writes another."""
    writing = ProjectionStore(store, session)
    assert await writing.commit(commit(None, Token(1, "1-0"), snapshot=b"{}"))
    await store.redis.delete(key(session, "snapshot"))
    assert not await writing.commit(commit(Token(1, "1-0"), Token(1, "2-0")))


def test_frame_ids_follow_epoch_and_position():
    """Ids grow with the epoch, then with the position, up to the largest there can be."""
    tokens = [Token(1, "5-7"), Token(1, "5-8"), Token(1, "6-0"), Token(2, "0-1")]
    ids = [tuple(map(int, frame_id(token).split("-"))) for token in tokens]
    assert ids == sorted(set(ids))
    largest = Token(2**16 - 1, f"{2**48 - 1}-{2**64 - 1}")
    assert frame_id(largest) == f"{2**64 - 1}-{2**64 - 1}"
    for beyond in (Token(2**16, "1-0"), Token(1, f"{2**48}-0")):
        with pytest.raises(TokenTooLarge):
            frame_id(beyond)


async def test_a_lease_is_one_projectors(store, session):
    """Of two projectors one has the lease, until it lets go."""
    one, other = Leases(store, "one", 60_000), Leases(store, "other", 60_000)
    assert await one.take(session)
    assert await one.take(session)
    assert not await other.take(session)
    assert await other.renew([session, f"{session}-2"]) == [session]
    await other.release(session)
    assert not await other.take(session)
    await one.release(session)
    assert await other.take(session)


# -- Restarts ------------------------------------------------------------------------------


@pytest.mark.usefixtures("_checkpoints_often", "_snapshots_often")
async def test_a_restart_goes_on_in_the_same_epoch(store, log, session, monkeypatch):
    """A restarted projector tells on from where the last one stopped, from its checkpoint."""
    race = synthetic_race(cars=5, hours=1)
    read, begun = Log.read, []

    def noted(self: Log, session: str, after: str, *more: Any) -> Any:
        begun.append(after)
        return read(self, session, after, *more)

    for start in range(0, len(race), 60):
        async with projecting(store, session):
            await append_and_project(log, store, session, race[start : start + 60])
        monkeypatch.setattr(Log, "read", noted)
    assert begun
    assert START not in begun, "a restart folded the whole log"
    frames_published = await check_frames(store, session, race)
    assert {frame.token.epoch for frame in frames_published} == {1}
    assert await hash_after_restart(store, session) == race_of(race).state_hash()


def _older(data: bytes) -> bytes:
    return data.replace(b'"version":1', b'"version":0', 1)


def _wrong_hash(data: bytes) -> bytes:
    stored = json.loads(data)
    stored["about"]["hash"] = "0" * 32
    return json.dumps(stored).encode()


def _ahead(data: bytes) -> bytes:
    stored = json.loads(data)
    stored["about"]["position"] = "99999999999999-0"
    return json.dumps(stored).encode()


@pytest.mark.usefixtures("_checkpoints_often")
@pytest.mark.parametrize(
    "damage",
    [
        None,
        _wrong_hash,
        lambda _: b"{}",
        *(
            pytest.param(damage, marks=pytest.mark.slow)
            for damage in (_older, _ahead, lambda _: b"[1", lambda data: data[:-9])
        ),
    ],
)
async def test_a_checkpoint_is_only_a_cache(store, log, session, damage):
    """Deleted, damaged, of another version: the log is folded from its start instead."""
    story = a_race(laps=80)
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[:150])
    stored: Any = await store.redis.get(key(session, "checkpoint"))
    if damage is None:
        await store.redis.delete(key(session, "checkpoint"))
    else:
        await store.redis.set(key(session, "checkpoint"), damage(stored))
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[150:])
    frames_published = await check_frames(store, session, story)
    assert {frame.token.epoch for frame in frames_published} == {1}


@pytest.mark.usefixtures("_checkpoints_often")
async def test_lost_blocks_are_only_a_cache(store, log, session):
    """A checkpoint whose histories were deleted is of no use, and does no harm."""
    story = a_race(laps=80)
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[:150])
    assert await store.redis.delete(key(session, "blocks"))
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[150:])
    await check_frames(store, session, story)


@pytest.mark.usefixtures("_checkpoints_often")
@pytest.mark.slow
async def test_a_correction_after_a_restart_reaches_behind_the_checkpoint(store, log, session):
    """A lap of long ago is voided: the whole log is folded again, in the same epoch."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
    async with projecting(store, session):
        await append_and_project(log, store, session, [story.void(story.events[5])])
        assert not await store.redis.exists(key(session, "checkpoint"))
        story.lap("7", 6, 360_000)
        await append_and_project(log, store, session, story.events[-1:])
    frames_published = await check_frames(store, session, story)
    assert {frame.token.epoch for frame in frames_published} == {1}


@pytest.mark.parametrize("lost", ["snapshot", "token", "frames"])
async def test_a_session_is_made_anew_where_its_frames_are_lost(store, log, session, lost):
    """What follows from the log may be deleted: the next projector begins a new epoch."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[:6])
        await append_and_project(log, store, session, story.events[6:9])
    await store.redis.delete(key(session, lost))
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[9:])
    shown = await published_state(store, session)
    assert shown is not None
    assert shown.newest is not None
    assert shown.newest.token.epoch == 2
    assert shown.state == state_of(story)


async def test_another_log_under_the_same_name_is_made_anew(store, log, session):
    """A log that was deleted and filled again does not go on from the old one's frames."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
    await store.redis.delete(log_key(session), f"{{{session}}}:seen:test")
    last = (await log.append(session, story.events[:6])).position
    async with projecting(store, session):
        await until_projected(store, session, last)
    newest = (await all_frames(store, session))[-1]
    assert newest.token.epoch == 2
    shown = await published_state(store, session)
    assert shown is not None
    assert shown.state == state_of(story.events[:6])


async def test_frames_that_do_not_follow_from_the_log_are_made_anew(store, log, session):
    """Another version of the program told something else: a new epoch says so."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
    raw: Any = await store.redis.get(key(session, "snapshot"))
    published_before = Frame.decode(raw)
    published_before.data["standings"]["7"]["laps"] = 99
    await store.redis.set(key(session, "snapshot"), published_before.encode())
    async with projecting(store, session):
        await eventually(lambda: _in_epoch(store, session, 2), "a second epoch")
    newest = (await all_frames(store, session))[-1]
    assert newest.kind == "snapshot"
    assert newest.reason == "rebuilt from the log"
    assert newest.data == state_of(story)


async def _in_epoch(store: Store, session: str, epoch: int) -> bool:
    token = await ProjectionStore(store, session).token()
    return token is not None and token.epoch == epoch


async def test_a_deleted_snapshot_is_written_again(store, log, session):
    """While the projector runs, the next commits bring the snapshot back."""
    story = a_race()
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
        await store.redis.delete(key(session, "snapshot"))

        async def is_back() -> bool:
            await log.append(session, [story.add(ev.RaceControlMessage, 10**6, text="Hello")])
            return bool(await store.redis.exists(key(session, "snapshot")))

        await eventually(is_back, "the snapshot")
        await until_projected(store, session, await log.last_position(session))
    await check_frames(store, session, story)


# -- Kills ---------------------------------------------------------------------------------


async def append_slowly(log: Log, session: str, race: list[AnyEvent], size: int) -> None:
    """Append a race in batches with a little time between them, whatever happens meanwhile."""
    for start in range(0, len(race), size):
        while True:
            try:
                await log.append(session, race[start : start + size])
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_projectors_killed_at_random_moments(shared_data, store, log, session):
    """Kill -9, again and again: no frame is missing, none is told twice, the state is right."""
    chance = random.Random(7)
    race = synthetic_race(cars=30, hours=4)
    part = len(race) // 3 + 1
    for start in range(0, len(race), part):
        process = ProjectorProcess(shared_data, session)
        try:
            await process.at_work(store, session)
            appending = append_slowly(log, session, race[start : start + part], 40)
            appended = asyncio.create_task(appending)
            await asyncio.sleep(chance.random())
        finally:
            process.kill()
        await appended
    process = ProjectorProcess(shared_data, session)
    try:
        await until_projected(store, session, await log.last_position(session))
        process.leave()
        async with asyncio.timeout(30):  # given back, or run out
            while await store.redis.exists(key(session, "lease")):  # noqa: ASYNC110 - in the store
                await asyncio.sleep(0.05)
    finally:
        process.kill()
    frames_published = await all_frames(store, session)
    assert {frame.token.epoch for frame in frames_published} == {1}
    shown = await published_state(store, session)
    assert shown is not None
    assert shown.state == state_of(race)
    assert await hash_after_restart(store, session) == race_of(race).state_hash()


async def hash_after_restart(store: Store, session: str) -> str:
    """The state hash that a projector would go on from."""
    data, blocks = await ProjectionStore(store, session).checkpoint()
    fold = (SessionFold.from_checkpoint(data, blocks) if data else None) or SessionFold()
    async for entries in Log(store).read(session, fold.position):
        fold.fold_published(entries)
    return fold.timeline.race.state_hash()


@pytest.mark.slow
async def test_another_projector_takes_over_from_a_dead_one(shared_data, store, log, session):
    """Of two projectors the one at work is killed; the other goes on once the lease ends."""
    story = a_race()
    await log.append(session, story.events[:9])
    processes = [ProjectorProcess(shared_data, session) for _ in range(2)]
    try:
        await until_projected(store, session, await log.last_position(session))
        at_work = (await health(store, session))["projector"].partition("-")[0]
        assert await store.redis.pttl(key(session, "lease")) <= LEASE_MS
        for process in processes:
            if str(process.pid) == at_work:
                process.kill()
        await append_and_project(log, store, session, story.events[9:])
    finally:
        for process in processes:
            process.kill()
    await check_frames(store, session, story)


async def test_two_projectors_contend_for_one_session(store, log, session, monkeypatch):
    """Without leases both fold the same session: frames stay without gap or repeat."""

    async def everybody_has_it(_: Leases, __: object) -> list[str]:
        return []

    monkeypatch.setattr(Leases, "renew", everybody_has_it)
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    race = synthetic_race(cars=10, hours=0.5)
    async with projecting(store, session), projecting(store, session):
        await append_slowly(log, session, race, 20)
        await until_projected(store, session, await log.last_position(session))
    frames_published = await check_frames(store, session, race)
    assert {frame.token.epoch for frame in frames_published} == {1}


@pytest.mark.slow
async def test_the_server_is_killed_while_a_race_is_folded(tmp_path: Path, session: str):
    """The server ends and comes back: nothing that was acknowledged is missing on screen."""
    race = synthetic_race(cars=20, hours=2)
    async with open_store(data=tmp_path) as store:
        log = Log(store)
        async with projecting(store, session):
            appending = asyncio.create_task(append_slowly(log, session, race, 20))
            for _ in range(2):
                await asyncio.sleep(0.3)
                kill_server(tmp_path, await server_of(store))
            await appending
            await until_projected(store, session, await log.last_position(session))
        await check_frames(store, session, race)


# -- What cannot be folded -----------------------------------------------------------------


async def test_garbage_next_to_good_entries_is_parked_once(store, log, session):
    """Bytes that are no event are put aside with the reason; the rest of the batch counts."""
    story = a_race()
    pipeline = store.redis.pipeline()
    stream = log_key(session)
    for event in story.events[:6]:
        pipeline.xadd(stream, {"event": encode(event)})
    pipeline.xadd(stream, {"event": b"{not json"})
    pipeline.xadd(stream, {"lap": b"12", "car": b"7"})
    pipeline.xadd(stream, {"event": b'{"type":"pit_entered","car":7}'})
    pipeline.execute_command("XADD", stream, "*", "event", b"a", "event", encode(story.last))
    for event in story.events[6:]:
        pipeline.xadd(stream, {"event": encode(event)})
    positions = [position.decode() for position in await pipeline.execute()]
    for _ in range(2):
        async with projecting(store, session):
            await until_projected(store, session, positions[-1])
    await check_frames(store, session, story)
    parked: Any = await store.redis.xrange(key(session, "parked"))
    assert [position.decode() for position, _ in parked] == positions[6:10]
    assert "not JSON" in parked[0][1][b"reason"].decode()
    assert parked[0][1][b"raw"] == b"{not json"
    assert (await health(store, session))["parked"] == "4"


async def test_a_new_epoch_reads_parked_entries_again(store, log, session):
    """Told anew, a session has each parked entry once, and no more than there are."""
    await log.append(session, a_race().events)
    await store.redis.xadd(log_key(session), {"event": b"garbage"})
    last = await log.last_position(session)
    async with projecting(store, session):
        await until_projected(store, session, last)
    await store.redis.xadd(key(session, "parked"), {"reason": "it is an event by now"})
    await store.redis.delete(key(session, "snapshot"))
    async with projecting(store, session):
        await eventually(lambda: _in_epoch(store, session, 2), "a second epoch")
    parked: Any = await store.redis.xrange(key(session, "parked"))
    assert [position.decode() for position, _ in parked] == [last]


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (b'{"type":"car_abducted","at":1,"source":"x","source_seq":1}', "car_abducted"),
        (b'{"v":9,"type":"pit_entered","at":1,"source":"x","source_seq":1}', "version 9"),
    ],
)
async def test_an_unknown_event_stops_its_session_alone(store, log, session, raw, printed):
    """The session stands before the entry and says why; the other goes on."""
    story, other = a_race(), f"{session}-other"
    async with projecting(store, session, other):
        last_good = (await log.append(session, story.events[:7])).position
        unknown = (await store.redis.xadd(log_key(session), {"event": raw})).decode()
        await log.append(session, story.events[7:])
        reported_health = await stopped(store, session)
        assert printed in reported_health["reason"]
        assert reported_health["position"] == unknown
        await append_and_project(log, store, other, story.events[:9])
        await append_and_project(log, store, other, story.events[9:])
    await check_frames(store, other, story)
    token = await ProjectionStore(store, session).token()
    assert token is not None
    assert token.position == last_good
    await check_frames(store, session, story.events[:7])


async def test_a_fault_of_the_fold_stops_its_session_alone(store, log, session, monkeypatch):
    """A mistake in the program is told in the health, and nothing of the batch is told."""
    story, other = a_race(), f"{session}-other"
    fold = SessionFold.fold

    def mistaken(self: SessionFold, entries: Any, first_epoch: int = 1) -> Any:
        if b"cursed" in entries[-1][1][1]:
            raise ZeroDivisionError("a mistake")
        return fold(self, entries, first_epoch)

    monkeypatch.setattr(SessionFold, "fold", mistaken)
    async with projecting(store, session, other):
        last_good = await append_and_project(log, store, session, story.events)
        cursed = Story("cursed")
        await log.append(session, [cursed.add(ev.RaceControlMessage, 10**6, text="cursed")])
        assert (await stopped(store, session))["reason"] == "ZeroDivisionError: a mistake"
        await append_and_project(log, store, other, story.events)
    token = await ProjectionStore(store, session).token()
    assert token == Token(1, last_good)


async def test_a_key_that_is_no_log_stops_its_session_alone(store, log, session, monkeypatch):
    """What the server refuses is told in the health, and tried again after a rest."""
    monkeypatch.setattr(projector_app, "UNFIT_SECONDS", 0.05)
    story, other = a_race(), f"{session}-other"
    await store.redis.set(log_key(session), "no stream")
    async with projecting(store, session, other):
        assert "WRONGTYPE" in (await stopped(store, session))["reason"]
        await append_and_project(log, store, other, story.events)
        await store.redis.delete(log_key(session))
        await append_and_project(log, store, session, story.events)
    await check_frames(store, session, story)


async def test_a_session_that_cannot_be_named_is_refused(store):
    """A projector that is given no session's name says so before it begins."""
    with pytest.raises(BadSessionId):
        Projector(store, ["no session"])


async def test_a_stopped_session_goes_on_with_another_program(store, log, session):
    """A projector that can read the entry takes the session up where it stopped."""
    story = a_race()
    await log.append(session, story.events[:7])
    stream = log_key(session)
    unknown = await store.redis.xadd(
        stream, {"event": b'{"type":"car_abducted","at":1,"source":"x","source_seq":1}'}
    )
    async with projecting(store, session):
        await stopped(store, session)
    await store.redis.xdel(stream, unknown)  # as if it could be read now
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events[7:])
    await check_frames(store, session, story)
    assert set(await health(store, session)) == {"state", "projector", "parked", "epoch"}


# -- Snapshots and readers -----------------------------------------------------------------


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_snapshots_are_a_second_apart(store, log, session):
    """However much is told, no second snapshot comes before the clock has moved on."""
    clock, story = HandClock(), a_race()
    working = Projector(store, [session], clock=clock)
    app = FastStream(logger=None)
    working.attach(app)

    async def newest() -> Token:
        raw: Any = await store.redis.get(key(session, "snapshot"))
        return Frame.decode(raw).token

    async with app:
        first = await append_and_project(log, store, session, story.events)
        for lap in range(6, 40):
            await append_and_project(log, store, session, [story.lap("7", lap, lap * 60_000).last])
        assert await newest() == Token(1, first)
        clock.now += 1.0
        second = await append_and_project(log, store, session, [story.lap("7", 40, 2_400_000).last])
        assert await newest() == Token(1, second)
    raw: Any = await store.redis.get(key(session, "snapshot"))
    assert Frame.decode(raw).data == state_of(story)


async def test_an_idle_session_leaves_memory_and_comes_back(store, log, session, monkeypatch):
    """A session without entries is suspended over the budget; the next entry, a late one and
    a correction find it as if it had stayed."""
    monkeypatch.setattr(projector_app, "MEMORY_BUDGET", 0)
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    clock, story = HandClock(), a_race()
    working = Projector(store, [session], clock=clock)
    app = FastStream(logger=None)
    working.attach(app)

    async def suspended() -> None:
        clock.now += projector_app.IDLE_SECONDS + 1
        async with asyncio.timeout(20):
            while working.memory:  # noqa: ASYNC110 - a figure, not an event
                await asyncio.sleep(0.01)

    async with app:
        await append_and_project(log, store, session, story.events)
        assert working.memory > 0
        await suspended()
        await append_and_project(log, store, session, [story.lap("7", 6, 360_000).last])
        assert working.memory > 0
        await suspended()
        await append_and_project(log, store, session, [story.void(story.last, at=361_000)])
    await check_frames(store, session, story)


async def test_a_session_is_not_suspended_while_it_is_loaded(store, log, session, monkeypatch):
    """However long loading takes: half a log would become frames of another race."""
    story = a_race()
    async with projecting(store, session):
        last = await append_and_project(log, store, session, story.events)
    monkeypatch.setattr(projector_app, "MEMORY_BUDGET", 0)
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(session_projection, "BATCH", 2)
    hours = count(step=3600.0)

    def clock() -> float:
        return next(hours) if working.memory > BYTES_PER_SESSION else 0.0  # from the first batch on

    working = Projector(store, [session], clock=clock)
    app = FastStream(logger=None)
    working.attach(app)
    async with app:
        await eventually(partial(is_suspended, store, session, working), "suspended")
    assert str(await ProjectionStore(store, session).token()) == f"1:{last}"
    await check_frames(store, session, story)


async def is_suspended(store: Store, session: str, working: Projector) -> bool:
    """Whether the projector loaded the session, and then suspended it."""
    return (await health(store, session)).get("projector") == working.name and not working.memory


async def test_a_suspended_session_whose_frames_were_deleted_is_folded_again(
    store, log, session, monkeypatch
):
    """Derived keys may be deleted at any time, also while nobody holds the race in memory."""
    monkeypatch.setattr(projector_app, "MEMORY_BUDGET", 0)
    monkeypatch.setattr(projector_app, "POLL_SECONDS", 0.01)
    clock, story = HandClock(), a_race()
    working = Projector(store, [session], clock=clock)
    app = FastStream(logger=None)
    working.attach(app)
    async with app:
        await append_and_project(log, store, session, story.events)
        clock.now += projector_app.IDLE_SECONDS + 1
        await eventually(partial(is_suspended, store, session, working), "suspended")
        for name in ("token", "frames", "snapshot", "checkpoint", "blocks"):
            await store.redis.delete(key(session, name))
        await append_and_project(log, store, session, [story.lap("7", 6, 360_000).last])
    await check_frames(store, session, story)


@pytest.mark.usefixtures("_snapshots_often")
async def test_frames_are_trimmed_behind_a_snapshot(store, log, session, monkeypatch):
    """Old frames go, and what is left still leads from a snapshot to the state."""
    monkeypatch.setattr(projection_store, "RETAINED_FRAMES", 5)
    story = opened("7")
    async with projecting(store, session):
        await append_and_project(log, store, session, story.events)
        for number in range(50):
            message = story.add(ev.RaceControlMessage, number, text=f"{number} " + 1500 * "x")
            await append_and_project(log, store, session, [message])
    kept = await all_frames(store, session)
    assert 5 <= len(kept) < 51
    shown = await published_state(store, session)
    assert shown is not None
    assert shown.state == state_of(story)
    raw: Any = await store.redis.get(key(session, "snapshot"))
    assert kept[0].token.position <= Frame.decode(raw).token.position


async def read_until(store: Store, session: str, position: str, after: Token | None) -> list[Frame]:
    """The frames that a reader gets, up to a position."""
    read = []
    async with asyncio.timeout(60):
        async for frame in frames(store, session, after):
            read.append(frame)
            if frame.token.position == position:
                return read
    raise AssertionError("unreachable")


async def test_a_reader_beside_the_projector(store, shared_data, log, session, monkeypatch):
    """It gets frames without reading the store, and reads there once another process commits."""
    story = a_race()
    read = frame_reader._read
    from_the_store: list[str] = []

    async def counted(*arguments, **options):
        stored = await read(*arguments, **options)
        from_the_store.extend(one.frame.token.position for one in stored)
        return stored

    got: asyncio.Queue[Frame] = asyncio.Queue()

    async def follow(after: Token) -> None:
        async for frame in frames(store, session, after):
            got.put_nowait(frame)

    async with projecting(store, session):
        first = await append_and_project(log, store, session, story.events[:5])
        following = asyncio.create_task(follow(Token(1, first)))
        await append_and_project(log, store, session, story.events[5:6])
        await asyncio.wait_for(got.get(), 60)
        monkeypatch.setattr(frame_reader, "_read", counted)
        for event in story.events[6:9]:
            position = await append_and_project(log, store, session, [event])
            assert (await asyncio.wait_for(got.get(), 60)).token.position == position
        assert from_the_store == []
    async with open_store(data=shared_data) as elsewhere, projecting(elsewhere, session):
        for event in story.events[9:]:
            position = await append_and_project(log, store, session, [event])
            assert (await asyncio.wait_for(got.get(), 60)).token.position == position
            assert from_the_store.pop() == position
    following.cancel()
    await check_frames(store, session, story)


async def test_a_reader_gets_the_snapshot_and_what_follows(store, log, session):
    """A reader that waits for the session's first frame shows every state on the way."""
    story = a_race()
    last = (await log.append(session, story.events[:5])).position
    reading = asyncio.create_task(read_until(store, session, last, None))
    async with projecting(store, session):
        assert [frame.kind for frame in await reading] == ["snapshot"]
        last = await append_and_project(log, store, session, story.events[5:])
        read = await read_until(store, session, last, None)
    shown = ClientState()
    for frame in read:
        shown.apply(frame)
    assert shown.state == state_of(story)


async def test_a_reader_takes_up_where_it_stopped(store, log, session):
    """With a token a reader gets only what came since."""
    story = a_race()
    async with projecting(store, session):
        middle = await append_and_project(log, store, session, story.events[:5])
        last = await append_and_project(log, store, session, story.events[5:])
    read = await read_until(store, session, last, Token(1, middle))
    assert [(frame.kind, str(frame.token)) for frame in read] == [("delta", f"1:{last}")]


@pytest.mark.parametrize("token", [Token(1, "1-0"), Token(9, "1-0"), Token(2**20, "1-0")])
async def test_a_reader_whose_history_is_gone_gets_a_snapshot(store, log, session, token):
    """A token of which nothing is known is answered with the newest snapshot, which says so."""
    story = a_race()
    async with projecting(store, session):
        last = await append_and_project(log, store, session, story.events)
    read = await read_until(store, session, last, token)
    assert [(frame.kind, frame.reason) for frame in read] == [("snapshot", HISTORY_IS_GONE)]


async def test_a_reader_that_lost_frames_gets_a_snapshot(store, log, session):
    """Frames trimmed under a reader are noticed; it is never shown a wrong state."""
    story = a_race()
    async with projecting(store, session):
        first = await append_and_project(log, store, session, story.events[:5])
        await append_and_project(log, store, session, story.events[5:8])
        last = await append_and_project(log, store, session, story.events[8:])
    entries: Any = await store.redis.xrange(key(session, "frames"))
    await store.redis.xdel(key(session, "frames"), entries[1][0])
    reading = frames(store, session, Token(1, first))
    frame = await anext(reading)
    assert (frame.kind, frame.token, frame.reason) == (
        "snapshot",
        Token(1, first),
        HISTORY_IS_GONE,
    )
    assert await published_state(store, session) is None
    assert last
    await reading.aclose()


async def test_a_reader_follows_into_a_new_epoch(store, log, session):
    """The snapshot of a new epoch replaces what was shown, with its reason."""
    story = a_race()
    async with projecting(store, session):
        first = await append_and_project(log, store, session, story.events)
    await store.redis.delete(key(session, "token"))
    async with projecting(store, session):
        await eventually(lambda: _in_epoch(store, session, 2), "a second epoch")
    reading = frames(store, session, Token(1, first))
    frame = await anext(reading)
    assert (frame.kind, frame.token.epoch) == ("snapshot", 2)
    assert frame.data == frame_state(story.race())
    await reading.aclose()
