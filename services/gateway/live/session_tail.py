"""One tail for each session in this process: it reads the frames, and wakes who waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import structlog

from events.errors import StoreError
from projections.views.frame import Frame, Token
from projections.views.freshness import QUIET_MS
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import Channel, FrameBuffer, Snapshot, place
from services.storage.client import Store
from services.storage.feed_store import FeedHealth, feeds_health
from services.storage.frame_reader import frames
from services.storage.projection_store import Commits
from services.storage.replay_store import Replays

RETRY_SECONDS = 0.5
IDLE_SECONDS = 120.0
"""A tail that nobody asked for anything for so long is let go."""

MAX_TAILS = 1000

CATCH_UP_SECONDS = 3.0
"""Where the frames up to what was told do not come for so long, they are gone."""

REPLAYS_SECONDS = 1.0
"""How often it is asked whether the replays that are watched here are still there."""

FEED_SECONDS = 2.0
"""How often it is asked whether the live feeds of the sessions are heard."""

logger = structlog.get_logger(__name__)


def now_ms() -> float:
    """The wall clock."""
    return time.time() * 1000


def _is_silent(health: FeedHealth, session: str) -> bool:
    """Whether the feed is not heard that should speak of this very session."""
    present = health.session == session  # else it has gone on to another run
    return present and (health.age_s is None or health.age_s * 1000 > QUIET_MS)


class TooManySessions(Exception):
    """As many sessions are watched here as may be."""


class SessionTail:
    """The frames of a session as they come, for any number of subscribers.

    While the store does not answer, the last picture stays; it ages, and says so. Until all
    has come that was told when it began (``buffer.behind``), there is no picture.
    """

    def __init__(self, store: Store, session: str, *, replay: bool = False) -> None:
        self.session = session
        self.replay = replay
        """Whether it is a replay, which can be ended."""
        self.buffer = FrameBuffer()
        self.buffer.behind = True
        self.used_at = time.monotonic()
        self.ended = False
        """Whether subscribers are to be sent no more: the process ends, or the replay has."""
        self.gone: str | None = None
        """Why there is nothing to come again for."""
        self.sent = 0
        """Messages that were sent to subscribers."""
        self.silent = False
        """Whether the session has a live feed, and that is not heard."""
        self._store = store
        self._channels: dict[tuple[Filter, int], Channel] = {}
        self._listeners: dict[Callable[[], None], None] = {}
        self._ready = asyncio.Event()
        self._told: Token | None = None  # what was told when this began: less is no picture
        self._giving_up: asyncio.TimerHandle | None = None
        self._reading = asyncio.create_task(self._read())

    def channel(self, wanted: Filter, delay_ms: int = 0) -> Channel:
        """The channel of a filter and a delay, shared by equal ones."""
        channel = self._channels.get((wanted, delay_ms))
        if channel is None:
            if len(self._channels) >= 256:  # filters that nobody uses any more
                self._channels.clear()
            channel = self._channels[wanted, delay_ms] = Channel(
                wanted, delay_ms, lambda: self.silent
            )
        return channel

    @contextlib.contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have ``wake`` called at each new snapshot."""
        self._listeners[wake] = None
        try:
            yield
        finally:
            del self._listeners[wake]
            self.used_at = time.monotonic()

    @property
    def listeners(self) -> int:
        """How many subscribers there are."""
        return len(self._listeners)

    async def picture(self, seconds: float) -> Snapshot | None:
        """The newest picture; a tail that has just begun is waited for, for so long.

        None where there is none yet, or an old one only.
        """
        self.used_at = time.monotonic()
        if not self._ready.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ready.wait()
        return None if self.buffer.behind else self.buffer.newest

    def end(self, gone: str | None = None) -> None:
        """Send subscribers away; for good where the session is ``gone``."""
        self.ended = True
        self.gone = self.gone or gone
        self._wake()

    def show(self, frame: Frame) -> None:
        """Take in a frame, and wake who waits for it."""
        if self.buffer.take(frame) is not None:
            if self._told is None or place(frame.token) >= place(self._told):
                self._has_caught_up()
            elif self.buffer.behind:
                self._wait_for_more()
            self._wake()

    async def close(self) -> None:
        """Read no more."""
        self.end()
        self._wait_no_more()
        self._reading.cancel()
        await asyncio.wait([self._reading])

    def _wake(self) -> None:
        for wake in tuple(self._listeners):
            wake()

    # -- Catching up ---------------------------------------------------------------------

    def _has_caught_up(self) -> None:
        self._wait_no_more()
        self.buffer.behind = False
        self._ready.set()

    def _wait_for_more(self) -> None:
        """Wait for the next frame, and not for ever: it may be gone for good."""
        self._wait_no_more()
        loop = asyncio.get_running_loop()
        self._giving_up = loop.call_later(CATCH_UP_SECONDS, self._give_up)

    def _give_up(self) -> None:
        newest = self.buffer.newest
        logger.warning(
            "frames are missing",
            session=self.session,
            told=str(self._told),
            newest=newest and str(newest.token),
        )
        self._has_caught_up()
        self._wake()

    def _wait_no_more(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    async def _read(self) -> None:
        while True:
            newest = self.buffer.newest
            try:
                if newest is None:
                    self._told = await Commits(self._store, self.session).token()
                elif self.buffer.behind:
                    self._wait_for_more()
                async for frame in frames(self._store, self.session, newest and newest.token):
                    self.show(frame)
            except StoreError as error:
                logger.warning("frames do not come", session=self.session, reason=str(error))
                self._wait_no_more()  # it is not the frames that are missing
            except Exception:
                logger.exception("a frame cannot be shown", session=self.session)
                self._wait_no_more()
                self._ready.clear()
                self.buffer.restart()
                self.buffer.behind = True
            await asyncio.sleep(RETRY_SECONDS)


class TailPool:
    """The tails of this process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tails: dict[str, SessionTail] = {}
        self._tasks = [
            asyncio.create_task(self._sweep()),
            asyncio.create_task(self._hear_feeds()),
            asyncio.create_task(self._look_for_replays()),
        ]

    def of(self, session: str, *, replay: bool = False) -> SessionTail:
        """The session's tail, started if need be. Raises TooManySessions."""
        tail = self._tails.get(session)
        if tail is None:
            if len(self._tails) >= MAX_TAILS:
                raise TooManySessions
            tail = self._tails[session] = SessionTail(self._store, session, replay=replay)
        tail.used_at = time.monotonic()
        return tail

    def all(self) -> list[SessionTail]:
        """Those that are at work."""
        return list(self._tails.values())

    def end(self) -> None:
        """Send all subscribers away; they will find another gateway, or this one again."""
        for tail in self._tails.values():
            tail.end()

    async def close(self) -> None:
        """End them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await asyncio.gather(*(tail.close() for tail in self._tails.values()))
        self._tails.clear()

    def silent(self, session: str) -> bool:
        """Whether the session is watched here and has a live feed that is not heard."""
        tail = self._tails.get(session)
        return tail is not None and tail.silent

    async def _hear_feeds(self) -> None:
        """Ask again and again how the feeds of the sessions here fare, all at once."""
        while True:
            await asyncio.sleep(FEED_SECONDS)
            try:
                told = await feeds_health(self._store, list(self._tails), datetime.now(UTC))
            except StoreError:
                continue  # the pictures age by themselves
            except Exception:
                logger.exception("how the feeds fare cannot be read")
                continue
            for session, tail in self._tails.items():
                tail.silent = session in told and _is_silent(told[session], session)

    async def forget(self, replay: str) -> None:
        """Send away for good who watches a replay that was ended."""
        tail = self._tails.get(replay)
        if tail is not None and tail.replay:
            await self._forget(tail)

    async def _forget(self, tail: SessionTail) -> None:
        if self._tails.get(tail.session) is tail:
            del self._tails[tail.session]
        tail.end(f"the replay {tail.session!r} was ended")
        await tail.close()

    async def _look_for_replays(self) -> None:
        """End the tails of replays that are there no more."""
        replays = Replays(self._store)
        while True:
            await asyncio.sleep(REPLAYS_SECONDS)
            watched = [tail for tail in self._tails.values() if tail.replay]  # by now, not later
            if not watched:
                continue
            try:
                there = await replays.names()
            except StoreError:
                continue  # nobody knows
            except Exception:
                logger.exception("which replays there are cannot be read")
                continue
            for tail in watched:
                if tail.session not in there and not tail.ended:
                    await self._forget(tail)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 4)
            idle = time.monotonic() - IDLE_SECONDS
            for session, tail in list(self._tails.items()):
                if not tail.listeners and tail.used_at < idle:
                    self._tails.pop(session, None)
                    await tail.close()
