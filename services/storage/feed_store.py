"""The keys of a timing feed, beside the log of its session ``s``.

- ``{s}:feed``         the feed recording: a stream of the lines received (``raw``), and a
  mark where a connection began (``connected``). An entry's id is the time of receipt. It
  can be imported again with ``recording``, and keeps the last ``RETAINED_ENTRIES`` entries,
  more than a race of 24 hours has;
- ``{s}:feed:health``  a hash: the feed's health (``feed_health``);
- ``{s}:feed:lease``   the process that follows the feed.

Lease and recording belong to the session of the feed's first run; the health is written to
the session of each run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from events.errors import BadSessionId, LapstreamError
from replay.entries import START, check_session_id, parse_position
from services.storage.client import Store, StoreCommand
from services.storage.keys import key
from services.storage.leases import Leases
from services.storage.scripts import Script

RETAINED_ENTRIES = 400_000
BATCH = 1000

FEED_LEASE = "feed:lease"
"""The key, in a session, of the lease of the feed whose first run it is."""

# ARGV: the maximum length, then id, name, value of each entry. An id that is too small is
# either that of an entry sent again after a lost reply, which is then found, or another
# process's clock was ahead: then the server chooses the id.
_SAVE = Script("""
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


class NoRecording(LapstreamError):
    """The session has no feed recording."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"session {session!r} has no feed recording: it is kept with the session of the "
            "feed's first run"
        )


class ReceivedLines(NamedTuple):
    """Whole lines received at once; empty where a connection began.

    ``number`` distinguishes what was received within the same millisecond.
    """

    at: datetime
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """The health of a feed.

    ``state`` is ``connecting``, ``live``, ``silent``, ``down`` (with ``reason``),
    ``standby`` (another process follows it) or ``ended``; ``followed``: a process follows
    it. ``age_s``: seconds since something was received, None if nothing was.
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
    """The keys of one feed. All methods raise StoreError.

    ``name`` identifies the process, ``lasts_ms`` is the duration of its lease.
    """

    def __init__(self, store: Store, session: str, name: str, lasts_ms: int) -> None:
        self.session = session
        self._store = store
        self._redis = store.redis
        self._leases = Leases(store, name, lasts_ms, FEED_LEASE)

    async def take(self) -> bool:
        """Take the lease, or renew it. False where another process holds it."""
        return await self._leases.take(self.session)

    async def release(self) -> None:
        """Give up the lease."""
        await self._leases.release(self.session)

    async def save(self, received: Sequence[ReceivedLines]) -> None:
        """Append to the feed recording, each at its time of receipt."""
        arguments: list[str | bytes | int] = [RETAINED_ENTRIES]
        for at, number, raw in received:
            arguments.append(f"{int(at.timestamp() * 1000)}-{number}")
            arguments += ["raw", raw] if raw else ["connected", b"1"]
        with self._store.translated_errors():
            await _SAVE(self._redis, [key(self.session, "feed")], arguments)

    async def report(self, session: str, health: Mapping[str, str | int]) -> None:
        """Write the feed's health, to the sessions of its first run and of its current one."""
        mapping: Any = {"reason": "", **health, "session": session}
        with self._store.translated_errors():
            for name in {self.session, session}:
                await self._redis.hset(key(name, "feed:health"), mapping=mapping)


async def feed_health(store: Store, session: str, now: datetime) -> FeedHealth | None:
    """The health of a session's feed, None where it has none. Raises StoreError."""
    with store.translated_errors():
        raw: Any = await store.redis.hgetall(key(session, "feed:health"))
        fields = _decoded(raw)
        if not _is_health(fields):
            return None
        lease = await store.redis.exists(key(fields["first"], FEED_LEASE))
    return _health(fields, now, followed=bool(lease))


async def feeds_health(
    store: Store, sessions: Sequence[str], now: datetime
) -> dict[str, FeedHealth]:
    """The health of those of the sessions that have a feed, in two round trips.

    A session whose server does not answer is left out. Raises StoreError.
    """
    with store.translated_errors():
        replies = await store.execute_each(store.redis, [_hgetall(one) for one in sessions])
        pairs = zip(sessions, replies, strict=True)
        decoded = {one: _decoded(raw) for one, raw in pairs if raw and isinstance(raw, dict)}
        feeds = {one: fields for one, fields in decoded.items() if _is_health(fields)}
        leases = await store.execute_each(
            store.redis, [_exists(one["first"]) for one in feeds.values()]
        )
    return {
        session: _health(one, now, followed=lease == 1)
        for (session, one), lease in zip(feeds.items(), leases, strict=True)
    }


def _hgetall(session: str) -> StoreCommand:
    return lambda on: cast("Awaitable[Any]", on.hgetall(key(session, "feed:health")))


def _exists(session: str) -> StoreCommand:
    return lambda on: on.exists(key(session, FEED_LEASE))


def _decoded(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {
        name.decode(errors="replace"): value.decode(errors="replace") for name, value in raw.items()
    }


def _is_health(fields: Mapping[str, str]) -> bool:
    """Whether these are the fields of a feed's health: not where another program wrote them."""
    try:
        check_session_id(fields["first"])
        _health(fields, datetime.now(UTC), followed=False)
    except (LookupError, ValueError, OverflowError, BadSessionId):
        return False
    return fields["state"] in STATES


STATES = frozenset({"connecting", "live", "silent", "down", "standby", "ended"})
"""The states of a feed."""


def _health(fields: Mapping[str, str], now: datetime, *, followed: bool) -> FeedHealth:
    received = int(fields["received_at"])
    return FeedHealth(
        state=fields["state"],
        feed=fields["feed"],
        session=fields["session"],
        followed=followed,
        age_s=max(0.0, now.timestamp() - received / 1000) if received else None,
        reason=fields["reason"] or None,
        records=int(fields["records"]),
        unreadable=int(fields["unreadable"]),
        refused=int(fields["refused"]),
        events=int(fields["events"]),
        connections=int(fields["connections"]),
    )


async def recording(store: Store, session: str) -> AsyncIterator[bytes]:
    """A feed recording as text, which can be imported again.

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
            time = f"##{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
            mark = " connected" if b"connected" in fields else ""
            yield f"{time}{mark}\n".encode() + fields.get(b"raw", b"")
        if len(batch) < BATCH:
            return
