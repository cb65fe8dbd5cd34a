"""Timing feeds into the log: an RMonitor feed, followed as long as it takes.

The feed's first run goes into the session that was named, later ones into ``s-2``,
``s-3``... One process at a time follows a feed; another that is told to stands by, and
takes over within five seconds. Whoever begins reads from the log what was told already,
so nothing is told twice.

Nothing that a feed does ends it: lines that cannot be read are counted, a connection that
breaks, or is silent for a minute, is made anew, after a pause that grows. A store that
does not answer is waited for; what comes meanwhile is held, up to a bound, then left with
the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random  # noqa: TID251 - clients that lost one feed should not all come back at once
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import uuid4

import structlog

from events import Event, decode, encode
from events.errors import AppendRefused, LapstreamError, StoreError, UndecodableEvent
from events.formats.rmonitor import Reader, Received, Record
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import RunEvent, Translator
from events.formats.rmonitor_recorded import SOURCE
from replay.entries import check_session_id
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore, ReceivedLines

LEASE_MS = 5000
LEASE_RENEWED = 1.0
REPORTED = 0.5
STORE_PAUSE = 1.0
WAITING_CHUNKS = 4096
AT_ONCE = 256
LARGEST_CHUNK = 1 << 16
LAST_RUN = 98
"""There must be room for the names of so many runs of a feed."""

Now = Callable[[], datetime]

logger = structlog.get_logger(__name__)


class BadAddress(LapstreamError):
    """Where a feed cannot be."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"{address!r} is no address of a feed: write HOST:PORT")


class BadFeed(LapstreamError):
    """Not what says which feed goes into which session."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} names no feed: write rmonitor:HOST:PORT=SESSION")


class NotOurs(LapstreamError):
    """Another process follows the feed, too."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(f"another process appends to {session!r} as {SOURCE!r}")


class Address(NamedTuple):
    """Where a feed is served."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """``timing.example:50000`` or ``[::1]:50000``. Raises BadAddress."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not (port.isascii() and port.isdigit()) or len(port) > 5:
            raise BadAddress(text)
        try:
            host.encode("idna")  # as it will be when it is looked up
        except UnicodeError:
            raise BadAddress(text) from None
        if not 0 < int(port) < 65536:
            raise BadAddress(text)
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Followed(NamedTuple):
    """A feed, and the session that it goes into."""

    address: Address
    session: str

    @classmethod
    def parse(cls, text: str) -> Followed:
        """``rmonitor:timing.example:50000=friday``.

        Raises BadFeed, BadAddress and BadSessionId.
        """
        kind, colon, rest = text.partition(":")
        address, equals, session = rest.rpartition("=")
        if kind != SOURCE or not colon or not equals:
            raise BadFeed(text)
        followed = cls(Address.parse(address), check_session_id(session))
        run_session(session, LAST_RUN)
        return followed

    def __str__(self) -> str:
        return f"{SOURCE} {self.address} into {self.session}"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a feed is waited for, in seconds.

    A feed speaks each second. One that says nothing for so long is ``silent``, and then
    ``lost``: it is connected to anew, after a pause that doubles each time.
    """

    connecting: float = 10.0
    silent: float = 10.0
    lost: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 15.0


class Chunk(NamedTuple):
    """What was received at once; or that a connection began, or ended."""

    at: datetime
    data: bytes = b""
    began: bool = False
    ended: bool = False


def run_session(session: str, run: int) -> str:
    """The session of a feed's run, counted from 0. Raises BadSessionId."""
    return check_session_id(session if run == 0 else f"{session}-{run + 1}")


async def own_events(log: Log, session: str) -> list[Event]:
    """The events that a session's log has from a feed."""
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


async def told_runs(log: Log, session: str) -> list[list[Event]]:
    """What was told of each run of a session's feed, in their order."""
    runs: list[list[Event]] = []
    while events := await own_events(log, run_session(session, len(runs))):
        runs.append(events)
    return runs


class Feed:
    """An RMonitor feed that is followed into a session, and those of its later runs."""

    def __init__(
        self,
        store: Store,
        session: str,
        address: Address,
        options: RunOptions | None = None,
        *,
        patience: Patience | None = None,
        now: Now = lambda: datetime.now(UTC),
    ) -> None:
        run_session(session, LAST_RUN)
        self.session = session
        self.address = address
        self._options = options or RunOptions()
        self._patience = patience or Patience()
        self._now = now
        self._log = Log(store)
        name = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self._kept = FeedStore(store, session, name, LEASE_MS)
        self._logger = logger.bind(session=session, feed=str(address))
        self._stop = asyncio.Event()
        self._state, self._reason = "connecting", ""
        self._heard_at: datetime | None = None
        self._connections = 0
        self._telling: Telling | None = None

    def stop(self) -> None:
        """End in good order: what was received is told first."""
        self._stop.set()

    async def check(self) -> None:
        """Raise AppendRefused for a session that can take no feed."""
        await self._log.refuse_replay(self.session)

    async def follow(self) -> None:
        """Follow the feed until it is stopped."""
        while not self._stop.is_set():
            try:
                await self._follow_in_turn()
            except* StoreError as errors:
                self._logger.error("the store does not answer", reason=str(errors.exceptions[0]))
                await self._pause(STORE_PAUSE)
            except* NotOurs as errors:
                self._logger.error("taken up anew", reason=str(errors.exceptions[0]))
                await self._pause(STORE_PAUSE)
            except* AppendRefused as errors:  # a replay took the name meanwhile
                self._state, self._reason = "down", str(errors.exceptions[0])
                self._logger.error("the session takes no feed", reason=self._reason)
                await self._pause(self._patience.longest_pause)

    async def _follow_in_turn(self) -> None:
        """Wait for the lease, and follow as long as it is ours."""
        while not await self._kept.take():
            if self._state != "standby":
                self._logger.info("another process follows the feed")
            self._state = "standby"
            if await self._pause(LEASE_RENEWED):
                return
        try:
            await self._follow_now()
        finally:
            await self._kept.release()

    async def _follow_now(self) -> None:
        translator = Translator(self._options, await told_runs(self._log, self.session))
        self._telling = telling = Telling(self._log, self._kept, self.session, translator)
        chunks: asyncio.Queue[Chunk | None] = asyncio.Queue(WAITING_CHUNKS)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(chunks))
            watching = [tasks.create_task(self._hold_on()), tasks.create_task(self._report())]
            tells = tasks.create_task(self._tell(telling, chunks))
            await self._stop.wait()
            listening.cancel()
            await chunks.put(None)
            await tells
            for task in watching:
                task.cancel()
        self._state = "ended"
        await self._write_health()

    async def _pause(self, seconds: float) -> bool:
        """Wait; True where the feed was stopped meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._stop.wait()
        except TimeoutError:
            return False

    # -- Listening ---------------------------------------------------------------------

    async def _listen(self, chunks: asyncio.Queue[Chunk | None]) -> None:
        """Read one connection after another into the queue, for ever."""
        pause = self._patience.first_pause
        while True:
            self._state = "connecting"
            heard, self._reason = await self._hear(chunks)
            self._state = "down"
            if heard:
                pause = self._patience.first_pause
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            self._logger.warning("the feed is gone", reason=self._reason, again_in=round(wait, 2))
            pause = min(self._patience.longest_pause, pause * 2)
            await asyncio.sleep(wait)

    async def _hear(self, chunks: asyncio.Queue[Chunk | None]) -> tuple[bool, str]:
        """Read a connection to its end. Returns whether anything came, and why it ended."""
        try:
            async with asyncio.timeout(self._patience.connecting):
                reader, writer = await asyncio.open_connection(*self.address)
        except TimeoutError:
            return False, "no answer"
        except OSError as error:
            return False, _reason(error)
        self._connections += 1
        self._logger.info("the feed is connected")
        heard = False
        await chunks.put(Chunk(self._now(), began=True))
        try:
            while data := await self._read(reader):
                heard = True
                await chunks.put(Chunk(self._now(), data))
            reason = "the feed closed the connection"
        except TimeoutError:
            reason = f"silent for {self._patience.lost:g} s"
        except OSError as error:
            reason = _reason(error)
        finally:
            writer.transport.abort()
        await chunks.put(Chunk(self._now(), ended=True))
        return heard, reason

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """The next bytes. Raises TimeoutError where none come for too long."""
        reading = asyncio.ensure_future(reader.read(LARGEST_CHUNK))
        try:
            done, _ = await asyncio.wait([reading], timeout=self._patience.silent)
            if not done:
                self._state = "silent"
                self._logger.warning("the feed is silent")
            async with asyncio.timeout(self._patience.lost - self._patience.silent):
                data = await reading
        finally:
            reading.cancel()
        self._state, self._reason = "live", ""
        self._heard_at = self._now()
        return data

    # -- Telling -----------------------------------------------------------------------

    async def _tell(self, telling: Telling, chunks: asyncio.Queue[Chunk | None]) -> None:
        """Tell what was received: all that waits at once, until None comes."""
        going_on = True
        while going_on:
            batch = [await chunks.get()]
            while len(batch) < AT_ONCE and not chunks.empty():
                batch.append(chunks.get_nowait())
            going_on = None not in batch
            telling.translate([chunk for chunk in batch if chunk is not None])
            while not await self._told(telling):
                if await self._pause(STORE_PAUSE):
                    break

    async def _told(self, telling: Telling) -> bool:
        """Write what is new; False where the store does not take it now."""
        try:
            await telling.write()
        except StoreError as error:
            self._logger.error("the store does not take the feed", reason=str(error))
            return False
        return True

    async def _hold_on(self) -> None:
        """Hold on to the lease. Raises NotOurs where another process has it now."""
        while True:
            await asyncio.sleep(LEASE_RENEWED)
            try:
                if not await self._kept.take():
                    raise NotOurs(self.session)
            except StoreError:
                continue  # nobody else can take it, either

    async def _report(self) -> None:
        """Write every half second how the feed fares."""
        while True:
            with contextlib.suppress(StoreError):  # whoever cannot read it knows
                await self._write_health()
            await asyncio.sleep(REPORTED)

    async def _write_health(self) -> None:
        telling = self._telling
        if telling is None:
            return
        heard = self._heard_at
        await self._kept.report(
            run_session(self.session, telling.run),
            {
                "first": self.session,
                "feed": f"{SOURCE} {self.address}",
                "state": self._state,
                "reason": self._reason,
                "received_at": int(heard.timestamp() * 1000) if heard else 0,
                "records": telling.records,
                "unreadable": telling.translator.unreadable,
                "refused": telling.translator.refused,
                "events": telling.events,
                "connections": self._connections,
            },
        )


async def run_feed(feed: Feed, stop: asyncio.Event) -> None:
    """Follow a feed until ``stop``. A fault of ours is logged, and ends nothing else."""
    stopping = asyncio.create_task(_stop_with(feed, stop))
    try:
        while not stop.is_set():
            try:
                await feed.follow()
            except Exception:
                logger.exception("the feed is taken up anew", session=feed.session)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STORE_PAUSE):
                        await stop.wait()
    finally:
        stopping.cancel()


async def _stop_with(feed: Feed, stop: asyncio.Event) -> None:
    await stop.wait()
    feed.stop()


class Telling:
    """From what was received to what stands in the store.

    ``records`` and ``events`` count what was read and told, ``run`` is the run that the
    feed is in.
    """

    def __init__(self, log: Log, kept: FeedStore, session: str, translator: Translator) -> None:
        self.translator = translator
        self.records = 0
        self.events = 0
        self.run = 0
        self._log = log
        self._kept = kept
        self._session = session
        self._reader = Reader()
        self._rest = b""
        self._to_keep: list[ReceivedLines] = []
        self._to_append: list[RunEvent] = []
        self._newest = (0, 0)

    def translate(self, chunks: Sequence[Chunk]) -> None:
        """Take in what was received."""
        for chunk in chunks:
            self._keep(chunk)
            records: list[Record] = [Received(chunk.at, connected=chunk.began)]
            if chunk.began:
                self._reader = Reader()
            records += self._reader.end() if chunk.ended else self._reader.feed(chunk.data)
            self.records += len(records) - 1
            self._to_append += self.translator.take(records)

    async def write(self) -> None:
        """Write all that is not written yet. May be called again where it raised.

        Raises StoreError, and NotOurs where another process counts the same events.
        """
        while self._to_append:
            run, news = next(groupby(self._to_append, key=attrgetter("run")))
            await self._append(run, events := [one.event for one in news])
            del self._to_append[: len(events)]
        while self._to_keep:
            await self._kept.save(self._to_keep[:AT_ONCE])
            del self._to_keep[:AT_ONCE]

    async def _append(self, run: int, events: list[Event]) -> None:
        session = run_session(self._session, run)
        if run != self.run:
            logger.info("another run", session=session)
        self.run = run
        result = await self._log.append(session, events)  # type: ignore[arg-type]
        self.events += len(events)
        if result.duplicates:
            there = {encode(event) for event in await own_events(self._log, session)}
            if not all(encode(event) in there for event in events):
                raise NotOurs(session)

    def _keep(self, chunk: Chunk) -> None:
        """Note what was received, in whole lines: a recording has other lines in between."""
        if chunk.began:
            self._to_keep.append(self._numbered(chunk.at, b""))
        received = self._rest + chunk.data
        ends = max(received.rfind(b"\n"), received.rfind(b"\r")) + 1
        if (chunk.ended and received) or len(received) - ends > LARGEST_CHUNK:
            received += b"\n"
            ends = len(received)
        self._rest = received[ends:]
        if ends:
            self._to_keep.append(self._numbered(chunk.at, received[:ends]))

    def _numbered(self, at: datetime, raw: bytes) -> ReceivedLines:
        """What was received, numbered within its millisecond."""
        ms = int(at.timestamp() * 1000)
        self._newest = (ms, self._newest[1] + 1 if ms == self._newest[0] else 0)
        return ReceivedLines(at, self._newest[1], raw)


def _reason(error: OSError) -> str:
    """Why a connection is not there, in the system's words."""
    if error.errno and error.errno > 0:  # a name that is not known has a number below 0
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error) or type(error).__name__).lower()
