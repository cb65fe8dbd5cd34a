"""The log: one append-only stream of events for each session, from which all else follows.

An entry of the stream has one field, ``event``, with the event's JSON. Its position is the id
that the server gives it, and so its recorded time. The set ``lapstream:sessions`` lists the
sessions; a session is listed before its first entry, so a listed session without a log is
empty. Programs in other languages append in the same two steps: SADD, then XADD.

**Appending** is one Lua script, so all or nothing, for readers and across a restart of the
server: the writes of a script are one transaction in the append-only file. An event is not
appended twice, by its identity (``source``, ``source_seq``), whatever the order and the gaps
in which a producer's numbers arrive. So a batch may be sent again after a lost reply, which
redis-py does by itself. The numbers appended from each source are kept as disjoint intervals
in the sorted set ``{s}:seen:<source>`` (member: first number, score: last number): a producer
that counts needs one interval, one that skips numbers one for each gap.

An identity belongs to one event. Intervals do not say which, so only when the script meets a
number that was appended before, it writes nothing and names it; the log is then searched for
the event of that number (``identity_search``). The same event was sent again and counts as a
duplicate; another one is refused, and the batch with it. Batches of new events pay nothing for
this, and it needs no key that logs of earlier versions lack.

A plain XADD bypasses this check, so the fold, too, ignores an identity that it has seen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from events import AnyEvent, Event, check_names, decode, decode_payload, encode
from events.errors import (
    AppendRefused,
    BadSessionId,
    IdentityTaken,
    PositionConflict,
    UnknownSession,
)
from replay.entries import START, LogEntry, check_session_id, parse_position
from services.storage.client import Store, StoreCommand
from services.storage.confirmation import confirm
from services.storage.identity_search import IdentitySearch, raw_identity
from services.storage.keys import SESSIONS, key, log_key, next_number_key, seen_key
from services.storage.log_import import LogImport
from services.storage.scripts import Script
from services.storage.seen_numbers import INTERVALS

BATCH = 1000
"""Entries that are read at a time."""

LONGEST_WAIT_MS = 20_000
"""The longest wait of one XREAD: a longer one would exceed the client's socket timeout."""

# Everything is read before anything is written, as a script is not rolled back.
_APPEND = Script(
    INTERVALS
    + """
local log, expected = KEYS[1], ARGV[1]
local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
local before = newest and newest[1] or '0-0'

local to_add = {}
local any = false
local unchecked = {'seen'}  -- then the indices, from 0, of events whose number was seen before
for i = 2, #ARGV, 3 do
    local key = tonumber(ARGV[i])  -- negative: the log is known to have this very event
    local add = note_new(KEYS[math.abs(key)], tonumber(ARGV[i + 1]))
    if add == nil and key > 0 then unchecked[#unchecked + 1] = #to_add end
    to_add[#to_add + 1] = add or false
    any = any or add
end
-- A batch without a new event is one that was sent twice, whatever was appended after it.
if any and expected ~= '' and expected ~= before then return {'conflict', before} end
if #unchecked > 1 then return unchecked end

local reply = {before, before}  -- the position before, the position now, and each event's
for i = 1, #to_add do
    if to_add[i] then
        reply[2] = redis.call('XADD', log, '*', 'event', ARGV[i * 3 + 1])
        reply[i + 2] = reply[2]
    else
        reply[i + 2] = false
    end
end
write_intervals()
return reply
"""
)

# The next number of a source: neither one that was appended nor one given out before.
_NEXT_NUMBERS = Script(
    """
local seen = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local next = tonumber(redis.call('GET', KEYS[2]) or '0')
if seen[2] then next = math.max(next, tonumber(seen[2]) + 1) end
redis.call('SET', KEYS[2], string.format('%.0f', next + tonumber(ARGV[1])))
return string.format('%.0f', next)
"""
)


@dataclass(frozen=True, slots=True)
class AppendResult:
    """The result of an append.

    ``positions`` has one for each event of the batch, and None for an event that the log
    already held (its position is not looked up). ``position`` is the log's last.
    """

    positions: tuple[str | None, ...]
    position: str

    @property
    def added(self) -> int:
        """How many events were added."""
        return sum(position is not None for position in self.positions)

    @property
    def duplicates(self) -> int:
        """How many events the log already held."""
        return len(self.positions) - self.added


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A listed session and the extent of its log; ``0-0`` for positions of an empty one."""

    session: str
    length: int
    first: str
    last: str


class Log:
    """The logs of a store.

    Every method raises BadSessionId for a name that no session can have,
    StoreUnavailable and StoreUnfit where the store does not answer or refuses. What appends
    raises NotConfirmed where the replicas that the store asks for do not have it in time.
    """

    def __init__(self, store: Store) -> None:
        self.store = self._store = store
        self._redis = store.redis
        self._raw = store.raw
        self._listed: set[str] = set()
        self._search = IdentitySearch(store)

    # -- Writing -----------------------------------------------------------------------

    async def append(
        self,
        session: str,
        events: Sequence[AnyEvent | Mapping[str, Any]],
        *,
        expected: str | None = None,
    ) -> AppendResult:
        """Append a batch, all or nothing, leaving out events that the log already holds.

        With ``expected`` the log must be at that position (``0-0`` for an empty one),
        unless it already holds the whole batch. Every event is validated before anything
        is sent. Raises PositionConflict, IdentityTaken for an event whose identity another
        event has, UndecodableEvent for an invalid event, and UnfitName.
        """
        return await self.append_validated(
            session, list(map(_validated, events)), expected=expected
        )

    async def append_validated(
        self, session: str, events: Sequence[AnyEvent], *, expected: str | None = None
    ) -> AppendResult:
        """Like `append`, for events that `decode` and `check_names` have accepted."""
        log = log_key(session)
        if expected is not None:
            parse_position(expected)
        keys = {log: 1}
        arguments: list[bytes | str | int] = [expected or ""]
        payloads: dict[tuple[str, int], bytes] = {}
        for index, event in enumerate(events):
            source, number = identity = event.identity
            source_key = keys.setdefault(seen_key(session, source), len(keys) + 1)
            payload = encode(event)
            if payloads.setdefault(identity, payload) != payload:
                raise IdentityTaken(session, identity, None, payloads[identity], payload, index)
            arguments += (source_key, number, payload)
        if len(arguments) == 1:
            return AppendResult((), await self.last_position(session))
        await self._list(session)
        while True:
            with self._store.translated_errors():
                before, *rest = await _APPEND(self._redis, list(keys), arguments)
            if before == b"conflict":
                raise PositionConflict(session, expected or START, rest[0].decode())
            if before != b"seen":
                break
            await self._check_identities(session, events, rest)
            for index in rest:
                arguments[1 + 3 * index] = -abs(int(arguments[1 + 3 * index]))
        position, *positions = rest
        await confirm(self._store, session, position.decode())
        if before == b"0-0":  # a server that lost its last second may have lost the listing
            await self._list(session, again=True)
        return AppendResult(
            tuple(None if added is None else added.decode() for added in positions),
            position.decode(),
        )

    async def _check_identities(
        self, session: str, events: Sequence[AnyEvent], indices: Sequence[int]
    ) -> None:
        """Raise IdentityTaken unless the log has these very events.

        A number that is marked as appended, but that no event of the log has, counts as the
        same event: the log lost it, and it has never been another one.
        """
        sent = {events[index].identity: index for index in indices}
        payloads = {identity: encode(events[index]) for identity, index in sent.items()}
        others = await self._search.others(session, payloads)
        for identity, entry in others.items():
            raise IdentityTaken(
                session,
                identity,
                entry.position,
                entry.payload,
                payloads[identity],
                sent[identity],
            )

    async def next_free_number(self, session: str, source: str) -> int:
        """The number that follows every one of the source, appended or given out.

        For producers that lost their counter. Nothing is reserved: a source is one producer.
        The log is read, as events that other programs append to it are in no other key.
        """
        keys = seen_key(session, source), next_number_key(session, source)
        with self._store.translated_errors():
            seen: Any = await self._redis.zrange(keys[0], -1, -1, withscores=True)
            given = await self._redis.get(keys[1])
        last = max([int(given or 0) - 1, *(int(last) for _, last in seen)])
        async for batch in self.read(session):
            for entry in batch:
                found = raw_identity(entry)
                if found is not None and found[0] == source:
                    last = max(last, found[1])
        return last + 1

    async def next_number(self, session: str, source: str, count: int = 1) -> int:
        """The first of ``count`` numbers (``source_seq``) reserved for the caller.

        For decisions, which several processes may append at once without knowing the end of
        the log. A number that is not used leaves a gap.
        """
        keys = [seen_key(session, source), next_number_key(session, source)]
        with self._store.translated_errors():
            return int(await _NEXT_NUMBERS(self._redis, keys, [count]))

    async def append_at_positions(self, session: str, entries: Sequence[LogEntry]) -> None:
        """Fill an empty session with entries that keep their positions, all or nothing.

        Entries are written as they are, unreadable ones too. Raises SessionNotEmpty, and
        AppendRefused for positions that do not increase.
        """
        batches = (entries[at : at + BATCH] for at in range(0, len(entries), BATCH))
        await self.append_batches(session, batches)

    async def append_batches(self, session: str, batches: Iterator[Sequence[LogEntry]]) -> int:
        """As ``append_at_positions``, of entries in batches; their number.

        The batches are made in a thread, one at a time, and what ``batches`` raises is raised.
        """
        await self.refuse_replay(session)
        importing = LogImport(self._store, session)
        async with importing.undone_unless_finished():
            await importing.write(batches)
            await self._list(session)
            count = await importing.finish()
        if count:
            await confirm(self._store, session, await self.last_position(session))
        return count

    async def refuse_replay(self, session: str) -> None:
        """Raise AppendRefused for a replay, which has no log."""
        with self._store.translated_errors():
            if await self._redis.exists(key(session, "replay")):
                raise AppendRefused(f"{session!r} is a replay: append to the session that it plays")

    async def _list(self, session: str, *, again: bool = False) -> None:
        """List the session before its first entry. Raises AppendRefused for a replay."""
        if session in self._listed and not again:
            return
        await self.refuse_replay(session)
        with self._store.translated_errors():
            await self._redis.sadd(SESSIONS, session)
        self._listed.add(session)

    # -- Reading -----------------------------------------------------------------------

    async def read(
        self, session: str, after: str = START, upto: str | None = None, count: int = BATCH
    ) -> AsyncIterator[list[LogEntry]]:
        """The log's entries after a position, in batches of at most ``count``.

        ``upto`` is the last position to read, or a recorded time in ms since 1970.
        """
        log = log_key(session)
        while True:
            with self._store.translated_errors():
                batch = _entries(await self._raw.xrange(log, f"({after}", upto or "+", count))
            if batch:
                yield batch
                after = batch[-1].position
            if len(batch) < count:
                return

    async def tail(
        self, session: str, after: str = START, *, block_ms: int = 2000, count: int = BATCH
    ) -> AsyncGenerator[list[LogEntry], None]:
        """The log's entries after a position, for ever, as they are appended.

        An empty batch means that none was appended for ``block_ms``. Takes one connection.
        """
        log = log_key(session)
        block = max(1, min(block_ms, LONGEST_WAIT_MS))
        while True:
            with self._store.translated_errors():
                reply = await self._raw.xread({log: after}, count, block)
            batch = _entries(next(iter(dict(reply).values()))) if reply else []
            if batch:
                after = batch[-1].position
            yield batch

    async def entries_before(self, session: str, position: str, count: int) -> list[LogEntry]:
        """The last ``count`` entries up to a position, that of the position first."""
        log = log_key(session)
        with self._store.translated_errors():
            return _entries(await self._raw.xrevrange(log, position, "-", count))

    async def length(self, session: str) -> int:
        """How many entries the log has."""
        log = log_key(session)
        with self._store.translated_errors():
            return await self._redis.xlen(log)

    async def last_position(self, session: str) -> str:
        """The position of the last entry, ``0-0`` for an empty log."""
        log = log_key(session)
        with self._store.translated_errors():
            return _first_position(await self._raw.xrevrange(log, count=1))

    async def is_begun(self, session: str) -> bool:
        """Whether there is a log of the session, be it listed or not."""
        with self._store.translated_errors():
            return bool(await self._redis.exists(log_key(session)))

    async def exists(self, session: str) -> bool:
        """Whether the session is listed, or has a log without being listed."""
        log = log_key(session)
        with self._store.translated_errors():
            # The log first: the list may be on another node, which may be down.
            return bool(await self._redis.exists(log)) or bool(
                await self._redis.sismember(SESSIONS, session)
            )

    async def require(self, session: str) -> None:
        """Raise UnknownSession, which lists the existing sessions, unless it exists."""
        if not await self.exists(session):
            raise UnknownSession(session, tuple(await self._listed_sessions()))

    async def listed(self) -> set[str]:
        """The names of the listed sessions."""
        return set(await self._listed_sessions())

    async def sessions(self) -> list[SessionSummary]:
        """The listed sessions in the order of their names.

        A log whose key holds no stream (another program overwrote it) counts as empty here;
        reading it raises the error.
        """
        names = await self._listed_sessions()
        with self._store.translated_errors():
            replies = await self._store.execute_each(
                self._raw, [command for name in names for command in _extent(log_key(name))]
            )
            for reply in replies:
                if isinstance(reply, BaseException) and not isinstance(reply, ResponseError):
                    raise reply
        summaries = zip(names, replies[::3], replies[1::3], replies[2::3], strict=True)
        return [
            SessionSummary(name, 0, START, START)
            if isinstance(length, ResponseError)
            else SessionSummary(name, length, _first_position(first), _first_position(last))
            for name, length, first, last in summaries
        ]

    async def _listed_sessions(self) -> list[str]:
        with self._store.translated_errors():
            names = await self._redis.smembers(SESSIONS)
        return sorted(name for name in map(_decoded, names) if name is not None)


def _validated(event: AnyEvent | Mapping[str, Any]) -> AnyEvent:
    """The event, validated as if it were read from the log. Raises UndecodableEvent, UnfitName."""
    # A model can be made without validation (``model_copy``, ``model_construct``).
    valid = decode(encode(event)) if isinstance(event, Event) else decode_payload(event)
    check_names(valid)
    return valid


def _extent(log: str) -> tuple[StoreCommand, StoreCommand, StoreCommand]:
    """The commands that return the length of a log, its first entry and its last."""
    return (
        lambda on: on.xlen(log),
        lambda on: on.xrange(log, count=1),
        lambda on: on.xrevrange(log, count=1),
    )


def _decoded(name: Any) -> str | None:
    """A session's id; None for a member that is none, which another program added."""
    try:
        return check_session_id(name.decode())
    except (UnicodeDecodeError, BadSessionId):
        return None


def _entries(reply: Any) -> list[LogEntry]:
    """Entries of a reply: positions, each with its fields and values in turn."""
    return [LogEntry(position.decode(), fields) for position, fields in reply]


def _first_position(reply: Any) -> str:
    return _entries(reply)[0].position if reply else START
