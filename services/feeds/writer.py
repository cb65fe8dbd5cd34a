"""Writing a feed to the store: its events to the log, its lines to the feed recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter

import structlog

from events import Event, decode
from events.errors import IdentityTaken, LapstreamError, StoreUnfit, UndecodableEvent
from events.formats.rmonitor import Reader, Received, Record, Unreadable
from events.formats.rmonitor_events import RunEvent, Translator
from events.formats.rmonitor_recorded import SOURCE
from services.feeds.address import run_session
from services.feeds.connection import LARGEST_CHUNK, Chunk
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore, ReceivedLines

LINES_AT_ONCE = 256
"""Entries of the feed recording written with one command."""

logger = structlog.get_logger(__name__)


EVENTS_AT_ONCE = 500
"""Events appended with one command, so that other sessions' commands are not held up."""

MOST_JUNK = 1 << 16
"""Bytes without a single readable record after which a feed is cut off."""

MOST_RUNS = 500
"""Runs of one feed, far more than a season of weekends has."""

NEW_RUNS = 20
NEW_RUNS_WITHIN = timedelta(minutes=10)
"""How many runs a feed may begin within that time: a busy day has some twenty."""


class FeedCutOff(LapstreamError):
    """What the feed sends is not worth following for now: junk, or runs without end."""


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
        self._junk = 0
        self._begun: deque[datetime] = deque(maxlen=NEW_RUNS + 1)
        self._runs_known = len(translator.recorded)

    def translate(self, chunks: Sequence[Chunk]) -> None:
        """Translate what was received; ``write`` writes it. Raises FeedCutOff."""
        for chunk in chunks:
            self._check_junk(chunk)
            self._add_lines(chunk)
            records: list[Record] = [Received(chunk.at, connected=chunk.began)]
            if chunk.began:
                self._reader = Reader()
            records += self._reader.end() if chunk.ended else self._reader.feed(chunk.data)
            self.records += len(records) - 1
            if any(not isinstance(record, Received | Unreadable) for record in records):
                self._junk = 0
            events = self.translator.take(records)
            self._check_runs(chunk.at, events)
            self._unsaved_events += events

    def _check_junk(self, chunk: Chunk) -> None:
        self._junk = len(chunk.data) + (0 if chunk.began else self._junk)
        if self._junk > MOST_JUNK:
            raise FeedCutOff(f"cut off: {MOST_JUNK} bytes without an RMonitor record")

    def _check_runs(self, at: datetime, events: Sequence[RunEvent]) -> None:
        """Count the runs that begin with these events."""
        for event in events:
            if event.run < self._runs_known:
                continue
            self._runs_known = event.run + 1
            self._begun.append(at)
            if event.run >= MOST_RUNS:
                raise FeedCutOff(f"cut off: more than {MOST_RUNS} runs")
            if len(self._begun) > NEW_RUNS and at - self._begun[0] < NEW_RUNS_WITHIN:
                minutes = NEW_RUNS_WITHIN // timedelta(minutes=1)
                raise FeedCutOff(f"cut off: more than {NEW_RUNS} runs within {minutes} minutes")

    async def write(self) -> None:
        """Write everything not yet written. May be called again after it raised.

        Raises StoreError, and ForeignEvents if another process uses the same numbers.
        """
        while self._unsaved_events:
            run, news = next(groupby(self._unsaved_events, key=attrgetter("run")))
            events = [one.event for one in islice(news, EVENTS_AT_ONCE)]
            await self._append(run, events)
            del self._unsaved_events[: len(events)]
        while self._unsaved_lines:
            try:
                await self._store.save(self._unsaved_lines[:LINES_AT_ONCE])
            except StoreUnfit as error:  # the events are in the log: the race goes on
                logger.error("feed not recorded", session=self._session, reason=str(error))
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
