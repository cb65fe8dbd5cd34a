"""A store in memory, as far as the commands that ask need one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from events import AnyEvent, decode, encode
from events.errors import IdentityTaken, PositionConflict, SessionNotEmpty
from replay.entries import EVENT_FIELD, START, LogEntry, parse_position
from services.storage.event_log import AppendResult, SessionSummary

FIRST_LEARNED = 1_700_000_000_000
"""The wall-clock time at which the first entry is learned; each next one a second later."""


class NoHealth:
    """A store in which no projector has worked on any session."""

    redis = None
    translated_errors = staticmethod(contextlib.nullcontext)

    async def execute_each(self, _: object, commands: Sequence[Any]) -> list[Any]:
        return [{} for _ in commands]


class MemoryLog:
    """The reading side of ``services.storage.event_log.Log``, and a plain append, on lists."""

    store = NoHealth()

    def __init__(self) -> None:
        self.logs: dict[str, list[LogEntry]] = {}

    def __call__(self, _: object) -> MemoryLog:
        """Stand for the class Log, called with a store."""
        return self

    @contextlib.asynccontextmanager
    async def opened(self, *_: object, **__: object) -> AsyncIterator[MemoryLog]:
        """Stand for ``open_store``."""
        yield self

    def hold(self, session: str, payloads: Iterable[bytes]) -> None:
        """Put entries into a session."""
        entries = self.logs.setdefault(session, [])
        for payload in payloads:
            position = f"{FIRST_LEARNED + 1000 * len(entries)}-0"
            entries.append(LogEntry(position, (EVENT_FIELD, payload)))

    async def append(
        self, session: str, events: Sequence[AnyEvent], *, expected: str | None = None
    ) -> AppendResult:
        known = {decode(entry.payload).identity: entry for entry in self.logs.get(session, [])}
        new = any(event.identity not in known for event in events)
        if expected == START and self.logs.get(session) and new:
            raise PositionConflict(session, START, self.logs[session][-1].position)
        for index, event in enumerate(events):
            there = known.get(event.identity)
            if there is not None and there.payload != encode(event):
                sent = encode(event)
                raise IdentityTaken(
                    session, event.identity, there.position, there.payload, sent, index
                )
        positions: list[str | None] = []
        for event in events:
            if event.identity in known:
                positions.append(None)
                continue
            self.hold(session, [encode(event)])
            positions.append(self.logs[session][-1].position)
        return AppendResult(tuple(positions), self.logs[session][-1].position)

    async def append_batches(self, session: str, batches: Iterator[Sequence[LogEntry]]) -> int:
        if self.logs.get(session):
            raise SessionNotEmpty(session)
        self.logs[session] = [entry for batch in batches for entry in batch]
        return len(self.logs[session])

    async def next_number(self, session: str, source: str, count: int = 1) -> int:
        events = (decode(entry.payload) for entry in self.logs.get(session, []))
        return 1 + max((one.source_seq for one in events if one.source == source), default=-1)

    next_free_number = next_number

    async def read(
        self, session: str, after: str = START, upto: str | None = None, **_: Any
    ) -> AsyncIterator[list[LogEntry]]:
        entries = self.logs.get(session, [])
        if upto is not None:
            last = parse_position(upto if "-" in upto else f"{upto}-{2**64 - 1}")
            entries = [entry for entry in entries if parse_position(entry.position) <= last]
        if entries:
            yield entries

    async def exists(self, session: str) -> bool:
        return session in self.logs

    async def last_position(self, session: str) -> str:
        entries = self.logs.get(session)
        return entries[-1].position if entries else START

    async def length(self, session: str) -> int:
        return len(self.logs.get(session, []))

    async def sessions(self) -> list[SessionSummary]:
        return [
            SessionSummary(
                name,
                len(entries),
                entries[0].position if entries else START,
                entries[-1].position if entries else START,
            )
            for name, entries in sorted(self.logs.items())
        ]
