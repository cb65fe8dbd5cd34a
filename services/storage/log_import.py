"""Filling an empty log with entries that keep their positions: all or nothing, and in pieces.

The entries are written beside the log, batch by batch, so that neither this process nor the server
holds them all at once, or stands still for long. At the end one script makes them the log. Until
then nobody sees them, and they expire if the import ends early:

- ``{s}:import:<id>:log``            the entries so far;
- ``{s}:import:<id>:seen:<source>``  the numbers of a source, as in ``{s}:seen:<source>``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import uuid4

from events import decode
from events.errors import (
    AppendRefused,
    SessionNotEmpty,
    StoreError,
    StoreUnavailable,
    UndecodableEvent,
)
from replay.entries import LogEntry, parse_position
from services.storage.client import Store
from services.storage.keys import key, log_key, seen_key
from services.storage.scripts import Script
from services.storage.seen_numbers import INTERVALS

MOST_PARTS = 7000
"""Maximum names and values of an imported entry: Lua's stack holds 8,000."""

MOST_SOURCES = 10_000
"""Maximum sources of an import. A race has a handful."""

LASTS_SECONDS = 3600
"""How long the keys of an import that ended early are kept."""

# A batch that is sent again after a lost reply finds the entries behind `before`.
_ADD = Script(
    INTERVALS
    + """
local log, before = KEYS[1], tonumber(ARGV[1])
local length = redis.call('XLEN', log)
if length ~= before then return length end
local i = 3
while i <= #ARGV do
    local id, key, number = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local parts = tonumber(ARGV[i + 3])
    redis.call('XADD', log, id, unpack(ARGV, i + 4, i + 3 + parts))
    if key > 0 then note_new(KEYS[key], number) end
    i = i + 4 + parts
end
write_intervals()
for _, name in ipairs(KEYS) do redis.call('EXPIRE', name, ARGV[2]) end
return redis.call('XLEN', log)
"""
)

# An import that is sent again after a lost reply finds its own id. KEYS: the log, the id of its
# import, then pairs of a key that was written beside and the key that it becomes.
_FINISH = Script("""
local log, imported, id, count = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', log) == 1 then
    return redis.call('GET', imported) == id and 'ok' or 'not empty'
end
if redis.call('XLEN', KEYS[3]) ~= count then return 'lost' end
redis.call('SET', imported, id)
for i = 3, #KEYS, 2 do
    if redis.call('EXISTS', KEYS[i]) == 1 then
        redis.call('RENAME', KEYS[i], KEYS[i + 1])
        redis.call('PERSIST', KEYS[i + 1])
    end
end
return 'ok'
""")


class LogImport:
    """One import into a session that has no log yet."""

    def __init__(self, store: Store, session: str) -> None:
        self._store = store
        self._redis = store.redis
        self._session = session
        self._id = uuid4().hex
        self._log = key(session, f"import:{self._id}:log")
        self._sources: dict[str, str] = {}  # by the key written to, the one that it becomes
        self._count = 0
        self._before = (0, 0)

    @contextlib.asynccontextmanager
    async def undone_unless_finished(self) -> AsyncIterator[None]:
        """Remove what was written if the context is left by an error."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(StoreError), self._store.translated_errors():
                await self._redis.unlink(self._log, *self._sources)
            raise

    async def write(self, batches: Iterator[Sequence[LogEntry]]) -> None:
        """Write the batches beside the log. The batches are made in a thread, one at a time.

        Raises SessionNotEmpty, AppendRefused and StoreError, and what ``batches`` raises.
        """
        with self._store.translated_errors():
            is_there = await self._redis.exists(log_key(self._session))
        if is_there:
            raise SessionNotEmpty(self._session)
        while (batch := await asyncio.to_thread(self._next, batches)) is not None:
            await self._add(*batch)

    def _next(
        self, batches: Iterator[Sequence[LogEntry]]
    ) -> tuple[int, list[str], list[bytes | str | int]] | None:
        """The next batch: how many entries, the script's keys, and its arguments."""
        entries = next(batches, None)
        if entries is None:
            return None
        keys = {self._log: 1}
        arguments: list[bytes | str | int] = []
        for entry in entries:
            self._check(entry)
            identity = _identity(entry)
            source_key = 0
            if identity is not None:
                source_key = keys.setdefault(self._source(identity[0]), len(keys) + 1)
            number = identity[1] if identity else 0
            arguments += (entry.position, source_key, number, len(entry.fields), *entry.fields)
        return len(entries), list(keys), arguments

    def _check(self, entry: LogEntry) -> None:
        if not 2 <= len(entry.fields) <= MOST_PARTS or len(entry.fields) % 2:
            raise AppendRefused(f"the entry at {entry.position} has no fields, or too many")
        position = parse_position(entry.position)
        if position <= self._before:
            raise AppendRefused("positions do not increase at {}-{}".format(*position))
        self._before = position

    def _source(self, source: str) -> str:
        name = key(self._session, f"import:{self._id}:seen:{source}")
        self._sources[name] = seen_key(self._session, source)
        if len(self._sources) > MOST_SOURCES:
            raise AppendRefused(f"its events are of more than {MOST_SOURCES} sources")
        return name

    async def _add(self, count: int, keys: list[str], arguments: list[bytes | str | int]) -> None:
        with self._store.translated_errors():
            length = await _ADD(self._redis, keys, [self._count, LASTS_SECONDS, *arguments])
        self._count += count
        if length != self._count:
            raise self._lost()

    async def finish(self) -> int:
        """Make what was written the log; the number of entries. Raises SessionNotEmpty."""
        log = log_key(self._session)
        renamed = [self._log, log, *(name for pair in self._sources.items() for name in pair)]
        keys = [log, key(self._session, "imported"), *renamed]
        with self._store.translated_errors():
            answer = await _FINISH(self._redis, keys, [self._id, self._count])
        if answer == b"not empty":
            raise SessionNotEmpty(self._session)
        if answer == b"lost":
            raise self._lost()
        return self._count

    def _lost(self) -> StoreUnavailable:
        return StoreUnavailable(self._store.name, "it lost a part of the import: import it again")


def _identity(entry: LogEntry) -> tuple[str, int] | None:
    try:
        return decode(entry.payload).identity
    except UndecodableEvent:
        return None
