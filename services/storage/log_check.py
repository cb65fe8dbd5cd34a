"""Checking a session's log: whether anything of it was taken away, changed, or cannot be read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from events import decode
from events.errors import BadSessionId, UndecodableEvent
from replay.archive import ArchiveFile
from replay.entries import LogEntry, check_session_id
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.identity_search import raw_identity
from services.storage.keys import SESSIONS, key, log_key

RANGES_NAMED = 5
"""Ranges of missing numbers that are named."""


class LogCheck(NamedTuple):
    """A log, how many entries it has, and what is wrong with it, a line each.

    ``is_stored`` is false of an archive whose session the store does not have.
    """

    session: str
    entries: int
    faults: Sequence[str]
    is_stored: bool = True


NO_LOG = "it is listed as a session, but has no log: all of it is lost, or it never had an entry"


async def logs_of(store: Store) -> tuple[list[str], list[str]]:
    """The sessions of the store, and those of them that have a log without being listed."""
    listed, found = set(), set()
    with store.translated_errors():
        members: Any = await store.redis.smembers(SESSIONS)
        for name in members:
            listed |= _session(name)
        async for name in store.redis.scan_iter(match="{*}:log", count=1000):
            found |= _session(name.removeprefix(b"{").removesuffix(b"}:log"))
    return sorted(listed | found), sorted(found - listed)


async def check_log(store: Store, session: str, *, accept_missing: bool = False) -> LogCheck:
    """Check the log of a session.

    ``accept_missing``: events that are missing are accepted from now on where they are sent again,
    which would else be taken for duplicates.
    """
    faults: list[str] = []
    with store.translated_errors():
        try:
            info: Any = await store.redis.xinfo_stream(log_key(session))
        except ResponseError as error:
            if "no such key" in str(error):
                listed: Any = await store.redis.sismember(SESSIONS, session)
                missing = await _missing(store, session, {}, accept_missing)
                return LogCheck(session, 0, missing or ([NO_LOG] if listed else []))
            return LogCheck(session, 0, [f"its log is no stream ({error})"])
    deleted = int(info["entries-added"]) - int(info["length"])
    if deleted:
        faults.append(f"{deleted} entries were taken out of its log")
    read = _ReadLog()
    async for batch in Log(store).read(session):
        for entry in batch:
            read.add(entry)
    faults += read.faults()
    faults += await _missing(store, session, read.numbers, accept_missing)
    return LogCheck(session, int(info["length"]), faults)


async def check_archive(store: Store, archive: ArchiveFile) -> LogCheck:
    """Check an archive, and whether the log of its session has what it has. Raises BadArchive.

    A session that is not in the store has nothing to be compared with.
    """
    manifest = archive.check()
    session = manifest.session
    if not await Log(store).exists(session):
        return LogCheck(session, manifest.entries, [], is_stored=False)
    there: dict[str, int] = {}
    async for batch in Log(store).read(session):
        there.update((entry.position, hash(tuple(entry.fields))) for entry in batch)
    missing, changed = [], []
    for entries in archive.batches():
        for position, fields in entries:
            if position not in there:
                missing.append(position)
            elif there[position] != hash(tuple(fields)):
                changed.append(position)
    faults = [
        f"{len(found)} of its {manifest.entries} entries {what} the log of the store, the first "
        f"at {found[0]}"
        for found, what in ((missing, "are not in"), (changed, "are others in"))
        if found
    ]
    return LogCheck(session, manifest.entries, faults)


class _ReadLog:
    """What the entries of a log are found to be."""

    def __init__(self) -> None:
        self.numbers: dict[str, set[int]] = defaultdict(set)
        self._unreadable: list[str] = []
        self._repeated: list[str] = []

    def add(self, entry: LogEntry) -> None:
        try:
            source, number = decode(entry.payload).identity
        except UndecodableEvent as error:
            self._unreadable.append(f"{entry.position}: {' '.join(str(error).split())}")
            if (identity := raw_identity(entry)) is not None:  # as of a newer version
                self.numbers[identity[0]].add(identity[1])
            return
        if number in self.numbers[source]:
            self._repeated.append(entry.position)
        self.numbers[source].add(number)

    def faults(self) -> list[str]:
        """What is wrong, a line each."""
        lines = []
        if self._unreadable:
            count = len(self._unreadable)
            lines.append(f"{count} entries are no events, the first at {self._unreadable[0]}")
        if self._repeated:
            count = len(self._repeated)
            lines.append(
                f"{count} events have the number of one before them, and do not count; the first "
                f"at {self._repeated[0]}"
            )
        return lines


async def _missing(
    store: Store,
    session: str,
    numbers: dict[str, set[int]],
    accept: bool,
) -> list[str]:
    """Events that were acknowledged, by the numbers noted of each source, and are not there."""
    prefix = key(session, "seen:")
    lines = []
    with store.translated_errors():
        names = [name async for name in store.redis.scan_iter(match=f"{prefix}*", count=1000)]
        for name in sorted(names):
            source = name.decode().removeprefix(prefix)
            pairs: Any = await store.redis.zrange(name, 0, -1, withscores=True)
            noted = [(int(first), int(last)) for first, last in pairs]
            missing = _without(noted, sorted(numbers.get(source, ())))
            count = sum(last - first + 1 for first, last in missing)
            if count:
                lines.append(
                    f"{count} acknowledged events of {source} are missing: numbers "
                    f"{_named(missing)}"
                )
                if accept:
                    await _note_again(store, name, _minus(noted, missing))
                    lines[-1] += "; they are accepted if they are sent again"
    return lines


async def _note_again(store: Store, name: bytes, intervals: Sequence[tuple[int, int]]) -> None:
    """Replace the numbers noted of a source."""
    async with store.redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(name)
        if intervals:
            pipeline.zadd(name, {str(first): last for first, last in intervals})
        await pipeline.execute()


def _minus(
    intervals: Iterable[tuple[int, int]], missing: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The intervals without the parts of them that are missing."""
    ends = dict(missing)
    kept = []
    for first, last in intervals:
        begin = first
        for lost in sorted(one for one in ends if first <= one <= last):
            if lost > begin:
                kept.append((begin, lost - 1))
            begin = ends[lost] + 1
        if begin <= last:
            kept.append((begin, last))
    return kept


def _without(intervals: Iterable[tuple[int, int]], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The parts of the intervals in which none of the numbers lies."""
    found = []
    for first, last in intervals:
        begin = first
        for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]:
            if number > begin:
                found.append((begin, number - 1))
            begin = number + 1
        if begin <= last:
            found.append((begin, last))
    return found


def _named(ranges: Sequence[tuple[int, int]]) -> str:
    parts = [
        f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:RANGES_NAMED]
    ]
    more = len(ranges) - RANGES_NAMED
    return ", ".join(parts) + (f" and {more} more ranges" if more > 0 else "")


def _session(name: bytes) -> set[str]:
    try:
        return {check_session_id(name.decode())}
    except (UnicodeDecodeError, BadSessionId):
        return set()
