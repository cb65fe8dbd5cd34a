"""Removing a session from the store, with every key of it, on all servers of a Cluster.

The log is deleted only if it still ends where it did. The lease is taken from the projector at
work, and expires by itself, so that the projector notices and writes nothing more; one that was
late for that notices the removal's id. The lease of a
feed is held until all is deleted. Replays, outputs and seasons that rest on the session are found
before.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from events import RoundScored, SeasonOpened, decode
from events.errors import LapstreamError, PositionConflict, UndecodableEvent
from replay.entries import START
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.feed_store import FEED_LEASE
from services.storage.keys import REMOVED, SESSIONS, key, log_key
from services.storage.leases import Leases
from services.storage.output_store import OutputStore, UnreadableOutput
from services.storage.replay_errors import NoSuchReplay, UnreadableReplay
from services.storage.replay_store import Replays
from services.storage.scripts import Script

LEASE_MS = 5000
"""How long the removal keeps the session's lease: the projectors' own are renewed each second."""

_DELETE_LOG = Script("""
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = newest and newest[1] or '0-0'
if last ~= ARGV[1] then return last end
redis.call('DEL', KEYS[1])
return 'done'
""")


class SessionInUse(LapstreamError):
    """Something rests on a session that is to be removed, or works on it."""

    def __init__(self, session: str, uses: list[str], hint: str = "; --force removes it") -> None:
        self.session = session
        self.uses = uses
        super().__init__(f"session {session!r} is in use by {', '.join(uses)}{hint}")


async def uses_of(log: Log, session: str) -> list[str]:
    """The replays, outputs and seasons of the store that rest on a session or season."""
    uses: list[str] = []
    replays = Replays(log.store)
    for name in await replays.names():
        try:
            if (await replays.state(name)).source == session:
                uses.append(f"replay {name!r}")
        except (NoSuchReplay, UnreadableReplay):
            continue
    for name, stored in (await OutputStore(log.store).all()).items():
        if isinstance(stored, UnreadableOutput):
            continue
        settings = (stored.output, stored.effective)
        if any(session in (one.session, one.season) for one in settings):
            uses.append(f"output {name!r}")
    uses += [f"season {name!r}" for name in await _seasons_with(log, session)]
    return uses


async def remove_session(log: Log, session: str, position: str) -> int:
    """Remove the session, whose log ends at ``position``; how many keys it had.

    Raises SessionInUse while a feed is followed into it, and PositionConflict where something was
    appended meanwhile.
    """
    store = log.store
    # A feed that starts meanwhile waits for the lease: it would make the session anew.
    feed = Leases(store, f"removal-{uuid4().hex}", LEASE_MS, FEED_LEASE)
    if not await feed.take(session):
        raise SessionInUse(session, ["a feed that is followed into it"], "")
    try:
        await _delete_log(store, session, position)
        with store.translated_errors():
            await store.redis.set(key(session, "lease"), "removed", px=LEASE_MS)
        deleted = 1 + await _delete_others(store, session)
        with store.translated_errors():  # last: a removal that ended early can be repeated
            await store.redis.hset(REMOVED, session, uuid4().hex)
            await store.redis.srem(SESSIONS, session)
    finally:
        await feed.release(session)
    return deleted


async def removals(store: Store) -> dict[bytes, bytes]:
    """By session, the id of its last removal. Raises StoreError.

    Another log may have its name by now, with positions of the one that was removed.
    """
    with store.translated_errors():
        found: dict[bytes, bytes] = await cast("Any", store.redis).hgetall(REMOVED)
    return found


async def removal_of(store: Store, session: str) -> bytes | None:
    """The id of the session's last removal, None for none. Raises StoreError."""
    with store.translated_errors():
        found: bytes | None = await cast("Any", store.redis).hget(REMOVED, session)
    return found


async def _delete_log(store: Store, session: str, position: str) -> None:
    with store.translated_errors():
        if await store.redis.type(log_key(session)) not in {b"stream", b"none"}:
            await store.redis.delete(log_key(session))  # overwritten: nothing in it is a log
            return
        answer = await _DELETE_LOG(store.redis, [log_key(session)], [position])
    if answer != b"done":
        raise PositionConflict(session, position, answer.decode())


async def _delete_others(store: Store, session: str) -> int:
    """Delete all keys of the session; how many there were."""
    deleted = 0
    with store.translated_errors():
        names: list[Any] = [
            name async for name in store.redis.scan_iter(match=key(session, "*"), count=1000)
        ]
        kept = {key(session, lease).encode() for lease in ("lease", FEED_LEASE)}
        for name in names:
            if name not in kept:
                deleted += await store.redis.delete(name)
    return deleted


async def _seasons_with(log: Log, session: str) -> list[str]:
    """The seasons in which the session is scored."""
    found: list[str] = []
    for summary in await log.sessions():
        if summary.length and summary.session != session:
            async for entries in log.read(summary.session, count=50):
                opened = any(isinstance(_event(entry), SeasonOpened) for entry in entries)
                break
            else:
                continue
            if opened and await _scores(log, summary.session, session):
                found.append(summary.session)
    return found


async def _scores(log: Log, season: str, session: str) -> bool:
    async for entries in log.read(season, START):
        for entry in entries:
            event = _event(entry)
            if isinstance(event, RoundScored) and event.session == session:
                return True
    return False


def _event(entry: Any) -> Any:
    try:
        return decode(entry.payload)
    except UndecodableEvent:
        return None
