"""Follows an RMonitor feed into the log, for as long as it takes.

The feed's first run goes into the given session, later ones into ``s-2``, ``s-3``... One
process at a time follows a feed; any other stands by, and takes over within five seconds. A
process that begins reads the recorded events first, so that no event is appended twice.

Nothing that a feed does ends this: unreadable lines are counted, and a connection that breaks
or is silent for a minute is made again. While the store does not answer, what is received is
buffered up to a bound; beyond it, TCP's flow control stops the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from events.errors import AppendRefused, StoreError
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import Translator
from events.formats.rmonitor_recorded import SOURCE
from services.feeds.address import LAST_RUN, Address, run_session
from services.feeds.connection import (
    Chunk,
    ChunkQueue,
    FeedConnection,
    FeedTimeouts,
    FollowStatus,
    Now,
)
from services.feeds.writer import FeedCutOff, FeedWriter, ForeignEvents, recorded_runs
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore

LEASE_MS = 5000
RENEW_SECONDS = 1.0
REPORT_SECONDS = 0.5
RETRY_SECONDS = 1.0
BUFFERED_CHUNKS = 4096
BUFFERED_BYTES = 8 << 20
CHUNKS_AT_ONCE = 256

LONGEST_CUT_OFF = 300.0
"""The longest time (s) that a feed is left alone after it was cut off."""

FORGIVEN_SECONDS = 3600.0
"""How long after a feed was cut off the next time counts as the first again."""

PIECE = 1024
"""Bytes that are translated before others have a turn."""

SHORT_SECONDS = 0.0005
"""A piece that took longer is followed by a pause as long, so that a flood of lines takes half of
the process's time at most."""

logger = structlog.get_logger(__name__)


class Feed:
    """An RMonitor feed that is followed into a session, and the sessions of its later runs.

    ``options`` are facts that the feed does not send; ``now`` is the wall clock.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        address: Address,
        options: RunOptions | None = None,
        *,
        timeouts: FeedTimeouts | None = None,
        now: Now = lambda: datetime.now(UTC),
    ) -> None:
        run_session(session, LAST_RUN)
        self.session = session
        self.address = address
        self._options = options or RunOptions()
        self._timeouts = timeouts or FeedTimeouts()
        self._log = Log(store)
        name = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self._store = FeedStore(store, session, name, LEASE_MS)
        self._logger = logger.bind(session=session, feed=str(address))
        self._stop = asyncio.Event()
        self._status = FollowStatus()
        self._connection = FeedConnection(address, self._status, self._timeouts, now, self._logger)
        self._writer: FeedWriter | None = None
        self._cut_offs = 0
        self._cut_off_at = 0.0

    def stop(self) -> None:
        """Stop following, after what was received is written."""
        self._stop.set()

    async def check(self) -> None:
        """Raise AppendRefused for a session that cannot take a feed."""
        await self._log.refuse_replay(self.session)

    async def follow(self) -> None:
        """Follow the feed until it is stopped."""
        while not self._stop.is_set():
            try:
                await self._follow_leased()
            except* StoreError as errors:
                self._logger.error("store unavailable", reason=str(errors.exceptions[0]))
                await self._pause(RETRY_SECONDS)
            except* ForeignEvents as errors:
                self._logger.error("reloading feed", reason=str(errors.exceptions[0]))
                await self._pause(RETRY_SECONDS)
            except* FeedCutOff as errors:
                await self._cut_off(str(errors.exceptions[0]))
            except* AppendRefused as errors:  # a replay has taken the session's name
                self._status.state, self._status.reason = "down", str(errors.exceptions[0])
                self._logger.error("session takes no feed", reason=self._status.reason)
                await self._pause(self._timeouts.longest_pause)

    async def _cut_off(self, reason: str) -> None:
        """Leave the feed alone for a while, longer each time until it sends what it should."""
        now = time.monotonic()
        if now - self._cut_off_at > FORGIVEN_SECONDS:
            self._cut_offs = 0
        self._cut_off_at = now
        wait = min(LONGEST_CUT_OFF, self._timeouts.longest_pause * 2**self._cut_offs)
        self._cut_offs += 1
        self._status.state, self._status.reason = "down", reason
        self._logger.error("feed cut off", reason=reason, retry_in=wait)
        with contextlib.suppress(StoreError):
            await self._write_health()
        await self._pause(wait)

    async def _follow_leased(self) -> None:
        """Wait for the lease, and follow the feed while it is held."""
        while not await self._store.take():
            if self._status.state != "standby":
                self._logger.info("feed followed by another process, standing by")
            self._status.state = "standby"
            if await self._pause(RENEW_SECONDS):
                return
        try:
            await self._run()
        finally:
            await self._store.release()

    async def _run(self) -> None:
        translator = Translator(self._options, await recorded_runs(self._log, self.session))
        self._writer = writer = FeedWriter(self._log, self._store, self.session, translator)
        chunks = ChunkQueue(BUFFERED_CHUNKS, BUFFERED_BYTES)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._connection.listen(chunks))
            watching = [tasks.create_task(self._renew_lease()), tasks.create_task(self._report())]
            writing = tasks.create_task(self._write(writer, chunks))
            await self._stop.wait()
            listening.cancel()
            await chunks.put(None)
            await writing
            for task in watching:
                task.cancel()
        self._status.state = "ended"
        await self._write_health()

    async def _pause(self, seconds: float) -> bool:
        """Wait; True if the feed was stopped meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._stop.wait()
        except TimeoutError:
            return False

    async def _write(self, writer: FeedWriter, chunks: asyncio.Queue[Chunk | None]) -> None:
        """Write what is received, everything that waits at once, until None comes."""
        running = True
        while running:
            batch = [await chunks.get()]
            while len(batch) < CHUNKS_AT_ONCE and not chunks.empty():
                batch.append(chunks.get_nowait())
            running = None not in batch
            try:
                for chunk in batch:
                    if chunk is not None:
                        await _translate(writer, chunk)
            except FeedCutOff:
                await self._written(writer)  # what came before
                raise
            while not await self._written(writer):
                if await self._pause(RETRY_SECONDS):
                    break

    async def _written(self, writer: FeedWriter) -> bool:
        """Write what is new; False if the store does not answer."""
        try:
            await writer.write()
        except StoreError as error:
            self._logger.error("store unavailable, feed not written", reason=str(error))
            return False
        return True

    async def _renew_lease(self) -> None:
        """Renew the lease. Raises ForeignEvents once another process holds it."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if not await self._store.take():
                    raise ForeignEvents(self.session)
            except StoreError:
                continue  # no other process can take it, either

    async def _report(self) -> None:
        """Write the feed's health every half second."""
        while True:
            with contextlib.suppress(StoreError):  # readers of the health get the same error
                await self._write_health()
            await asyncio.sleep(REPORT_SECONDS)

    async def _write_health(self) -> None:
        writer, status = self._writer, self._status
        if writer is None:
            return
        received = status.received_at
        await self._store.report(
            run_session(self.session, writer.run),
            {
                "first": self.session,
                "feed": f"{SOURCE} {self.address}",
                "state": status.state,
                "reason": status.reason,
                "received_at": int(received.timestamp() * 1000) if received else 0,
                "records": writer.records,
                "unreadable": writer.translator.unreadable,
                "refused": writer.translator.refused,
                "events": writer.events,
                "connections": status.connections,
            },
        )


async def _translate(writer: FeedWriter, chunk: Chunk) -> None:
    """Translate a chunk in pieces, between which others have a turn. Raises FeedCutOff."""
    pieces = range(0, len(chunk.data), PIECE) or (0,)
    for start in pieces:
        data = chunk.data[start : start + PIECE]
        began, ended = chunk.began and not start, chunk.ended and start == pieces[-1]
        since = time.monotonic()
        writer.translate([Chunk(chunk.at, data, began, ended)])
        took = time.monotonic() - since
        if took > SHORT_SECONDS:
            await asyncio.sleep(took)
        elif len(pieces) > 1:
            await asyncio.sleep(0)


async def run_feed(feed: Feed, stop: asyncio.Event) -> None:
    """Follow a feed until ``stop``. An unexpected fault is logged, and the feed reloaded."""
    stopping = asyncio.create_task(_stop_with(feed, stop))
    try:
        while not stop.is_set():
            try:
                await feed.follow()
            except Exception:
                logger.exception("reloading feed", session=feed.session)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await stop.wait()
    finally:
        stopping.cancel()


async def _stop_with(feed: Feed, stop: asyncio.Event) -> None:
    await stop.wait()
    feed.stop()
