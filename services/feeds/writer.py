"""Writing a feed to the store: its events to the log, its lines to the feed recording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import structlog

from events import Event, decode
from events.errors import IdentityTaken, LapstreamError, UndecodableEvent
from events.formats.rmonitor import Reader, Received, Record
from events.formats.rmonitor_events import RunEvent, Translator
from events.formats.rmonitor_recorded import SOURCE
from services.feeds.address import run_session
from services.feeds.connection import LARGEST_CHUNK, Chunk
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore, ReceivedLines

LINES_AT_ONCE = 256
"""Entries of the feed recording written with one command."""

logger = structlog.get_logger(__name__)


class ForeignEvents(LapstreamError):
    """Another process appends events with the numbers of this feed."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(f"another process appends to {session!r} as {SOURCE!r}")


async def recorded_events(log: Log, session: str) -> list[Event]:
    """The events of a session's log that came from a feed."""
    events: list[Event] = []
    async for batch in log.read(session):
        for entry in batch:
            try:
                event = decode(entry.payload)
            except UndecodableEvent:
                continue  # not of a feed, in any case
            if event.source == SOURCE:
                events.append(event)
    return events


async def recorded_runs(log: Log, session: str) -> list[list[Event]]:
    """The recorded events of each run of a session's feed, in the order of the runs."""
    runs: list[list[Event]] = []
    while events := await recorded_events(log, run_session(session, len(runs))):
        runs.append(events)
    return runs


class FeedWriter:
    """Translates chunks to events, and writes these and the lines received.

    ``records`` counts the records read, ``events`` the events appended; ``run`` is the
    current run.
    """

    def __init__(
        self, log: Log, feed_store: FeedStore, session: str, translator: Translator
    ) -> None:
        self.translator = translator
        self.records = 0
        self.events = 0
        self.run = 0
        self._log = log
        self._store = feed_store
        self._session = session
        self._reader = Reader()
        self._rest = b""
        self._unsaved_lines: list[ReceivedLines] = []
        self._unsaved_events: list[RunEvent] = []
        self._newest = (0, 0)

    def translate(self, chunks: Sequence[Chunk]) -> None:
        """Translate what was received; ``write`` writes it."""
        for chunk in chunks:
            self._add_lines(chunk)
            records: list[Record] = [Received(chunk.at, connected=chunk.began)]
            if chunk.began:
                self._reader = Reader()
            records += self._reader.end() if chunk.ended else self._reader.feed(chunk.data)
            self.records += len(records) - 1
            self._unsaved_events += self.translator.take(records)

    async def write(self) -> None:
        """Write everything not yet written. May be called again after it raised.

        Raises StoreError, and ForeignEvents if another process uses the same numbers.
        """
        while self._unsaved_events:
            run, news = next(groupby(self._unsaved_events, key=attrgetter("run")))
            await self._append(run, events := [one.event for one in news])
            del self._unsaved_events[: len(events)]
        while self._unsaved_lines:
            await self._store.save(self._unsaved_lines[:LINES_AT_ONCE])
            del self._unsaved_lines[:LINES_AT_ONCE]

    async def _append(self, run: int, events: list[Event]) -> None:
        session = run_session(self._session, run)
        if run != self.run:
            logger.info("feed began another run", session=session)
        self.run = run
        try:
            await self._log.append(session, events)  # type: ignore[arg-type]
        except IdentityTaken:
            raise ForeignEvents(session) from None
        self.events += len(events)

    def _add_lines(self, chunk: Chunk) -> None:
        """Note the whole lines received: a recording has lines of its own in between."""
        if chunk.began:
            self._unsaved_lines.append(self._numbered(chunk.at, b""))
        received = self._rest + chunk.data
        ends = max(received.rfind(b"\n"), received.rfind(b"\r")) + 1
        if (chunk.ended and received) or len(received) - ends > LARGEST_CHUNK:
            received += b"\n"
            ends = len(received)
        self._rest = received[ends:]
        if ends:
            self._unsaved_lines.append(self._numbered(chunk.at, received[:ends]))

    def _numbered(self, at: datetime, raw: bytes) -> ReceivedLines:
        """The lines with their number within the millisecond."""
        ms = int(at.timestamp() * 1000)
        self._newest = (ms, self._newest[1] + 1 if ms == self._newest[0] else 0)
        return ReceivedLines(at, self._newest[1], raw)
