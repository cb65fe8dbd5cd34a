"""What is kept of a timing feed beside the log of its session ``s``.

- ``{s}:feed``         a stream of what came over the wire, in whole lines: ``raw``, and
  ``connected`` where a connection began. An entry's id is when it was received. It can be
  read again by a better reader (``recording``), and keeps the last ``KEPT`` entries, more
  than a race of 24 hours has;
- ``{s}:feed:health``  a hash: how the feed fares (``feed_health``);
- ``{s}:feed:lease``   who follows it.

Only the feed's first run has a lease and keeps what was received; the health stands with
each run's session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from events.errors import LapstreamError
from replay.entries import START, check_session_id, parse_position
from services.storage.client import Store, StoreCommand
from services.storage.projection_store import key
from services.storage.scripts import Script

KEPT = 400_000
BATCH = 1000

# Entries come as id, name, value. A command that was sent again after a lost answer finds
# its own; another's entry that is as new or newer (a clock was ahead) keeps none out.
_KEEP = Script("""
local function add(id, name, value)
    return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], id, name, value)
end
for i = 2, #ARGV, 3 do
    local id, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local added = add(id, name, value)
    if type(added) == 'table' and #redis.call('XRANGE', KEYS[1], id, id) == 0 then
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', name, value)
    end
end
return 'ok'
""")

_LEASE = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")

_RELEASE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
""")


class NoRecording(LapstreamError):
    """Nothing of a feed was kept with that session."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"nothing of a feed was kept with session {session!r}: it is kept with the session "
            "of the feed's first run"
        )


class Kept(NamedTuple):
    """Whole lines as they were received at once; without any, a connection that began."""

    at: datetime
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed fares.

    ``state`` is ``connecting``, ``live``, ``silent``, ``down`` (with ``reason``),
    ``standby`` (another process follows it) or ``ended``; ``followed`` says that a process
    is at work on it. ``age_s`` is how long ago it was last heard, None if never.
    """

    state: str
    feed: str
    session: str
    followed: bool
    age_s: float | None
    reason: str | None
    records: int
    unreadable: int
    refused: int
    events: int
    connections: int


class FeedStore:
    """The keys of one feed. All methods raise StoreError."""

    def __init__(self, store: Store, session: str, name: str, lasts_ms: int) -> None:
        self.session = session
        self._store = store
        self._redis = store.redis
        self._name = name
        self._lasts_ms = lasts_ms

    async def take(self) -> bool:
        """Take the lease, or hold on to it. False where another process has it."""
        with self._store.translated_errors():
            keys = [key(self.session, "feed:lease")]
            return bool(await _LEASE(self._redis, keys, [self._name, self._lasts_ms]))

    async def release(self) -> None:
        """Leave the feed to whoever comes."""
        with self._store.translated_errors():
            await _RELEASE(self._redis, [key(self.session, "feed:lease")], [self._name])

    async def keep(self, received: Sequence[Kept]) -> None:
        """Keep what was received, each at its time."""
        told: list[str | bytes | int] = [KEPT]
        for at, number, raw in received:
            told.append(f"{int(at.timestamp() * 1000)}-{number}")
            told += ["raw", raw] if raw else ["connected", b"1"]
        with self._store.translated_errors():
            await _KEEP(self._redis, [key(self.session, "feed")], told)

    async def report(self, session: str, health: Mapping[str, str | int]) -> None:
        """Write how the feed fares, to its first session and to the one of its run."""
        mapping: Any = {"reason": "", **health, "session": session}
        with self._store.translated_errors():
            for name in {self.session, session}:
                await self._redis.hset(key(name, "feed:health"), mapping=mapping)


async def feed_health(store: Store, session: str, now: datetime) -> FeedHealth | None:
    """How the feed of a session fares, None where it has none. Raises StoreError."""
    with store.translated_errors():
        raw: Any = await store.redis.hgetall(key(session, "feed:health"))
        if not raw:
            return None
        told = _decoded(raw)
        lease = await store.redis.exists(key(told["first"], "feed:lease"))
    return _health(told, now, followed=bool(lease))


async def feeds_health(
    store: Store, sessions: Sequence[str], now: datetime
) -> dict[str, FeedHealth]:
    """How the feeds of those sessions fare that have one; one round trip, and one for leases.

    Of those whose server does not answer, nothing is known. Raises StoreError.
    """
    with store.translated_errors():
        asked = await store.execute_each(store.redis, [_hgetall(one) for one in sessions])
        pairs = zip(sessions, asked, strict=True)
        told = {one: _decoded(raw) for one, raw in pairs if raw and isinstance(raw, dict)}
        leases = await store.execute_each(
            store.redis, [_exists(one["first"]) for one in told.values()]
        )
    return {
        session: _health(one, now, followed=lease == 1)
        for (session, one), lease in zip(told.items(), leases, strict=True)
    }


def _hgetall(session: str) -> StoreCommand:
    return lambda on: cast("Awaitable[Any]", on.hgetall(key(session, "feed:health")))


def _exists(session: str) -> StoreCommand:
    return lambda on: on.exists(key(session, "feed:lease"))


def _decoded(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in raw.items()}


def _health(told: Mapping[str, str], now: datetime, *, followed: bool) -> FeedHealth:
    received = int(told["received_at"])
    return FeedHealth(
        state=told["state"],
        feed=told["feed"],
        session=told["session"],
        followed=followed,
        age_s=max(0.0, now.timestamp() - received / 1000) if received else None,
        reason=told["reason"] or None,
        records=int(told["records"]),
        unreadable=int(told["unreadable"]),
        refused=int(told["refused"]),
        events=int(told["events"]),
        connections=int(told["connections"]),
    )


async def recording(store: Store, session: str) -> AsyncIterator[bytes]:
    """What a feed said, as a recording that can be imported again.

    Raises StoreError and BadSessionId.
    """
    check_session_id(session)
    after = START
    while True:
        with store.translated_errors():
            batch: Any = await store.redis.xrange(
                key(session, "feed"), f"({after}", "+", count=BATCH
            )
        for position, fields in batch:
            after = position.decode()
            at = datetime.fromtimestamp(parse_position(after)[0] / 1000, UTC)
            told = f"##{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
            mark = " connected" if b"connected" in fields else ""
            yield f"{told}{mark}\n".encode() + fields.get(b"raw", b"")
        if len(batch) < BATCH:
            return
