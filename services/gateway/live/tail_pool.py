"""The session tails of this process: started on demand, closed when idle or ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog

from projections.views.freshness import QUIET_MS
from services.fault_guard import logged_faults
from services.gateway.clients import is_known, refuse_anonymous
from services.gateway.live.frame_buffer import MIN_SNAPSHOTS, FrameBuffer
from services.gateway.live.memory_budget import SNAPSHOT_BYTES
from services.gateway.live.session_tail import SessionTail
from services.storage.client import Store
from services.storage.feed_store import FeedHealth, feeds_health
from services.storage.replay_store import Replays

IDLE_SECONDS = 120.0
"""How long a tail without a subscriber or a request is kept."""

MAX_TAILS = 1000

REPLAYS_SECONDS = 1.0
"""How often the list of replays is read."""

FEED_SECONDS = 2.0
"""How often the health of the feeds is read."""

BUDGET_SECONDS = 1.0
"""How often what the tails keep is compared with the budget."""

FEWEST_SNAPSHOTS = 64
"""Snapshots that a tail keeps for resuming when memory is short."""

logger = structlog.get_logger(__name__)


class TooManySessions(Exception):
    """As many sessions have a tail as are allowed."""


class TailPool:
    """One tail for each session in use."""

    output_buffers: Callable[[], Mapping[str, FrameBuffer]] = staticmethod(dict)
    """The buffers of outputs by name, which share the budget of the tails."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_session: dict[str, SessionTail] = {}
        self._tasks = [
            asyncio.create_task(self._close_idle()),
            asyncio.create_task(self._keep_budget()),
            asyncio.create_task(self._poll_feeds()),
            asyncio.create_task(self._poll_replays()),
        ]

    def get(self, session: str, *, replay: bool = False) -> SessionTail:
        """The session's tail, started if need be. Raises TooManySessions."""
        tail = self._by_session.get(session)
        if tail is None:
            if len(self._by_session) >= MAX_TAILS:
                raise TooManySessions
            tail = self._by_session[session] = SessionTail(self._store, session, replay=replay)
        tail.used_at = time.monotonic()
        return tail

    def all(self) -> list[SessionTail]:
        """The tails that run."""
        return list(self._by_session.values())

    def silent(self, session: str) -> bool:
        """Whether the session has a tail here, and a live feed that is not heard."""
        tail = self._by_session.get(session)
        return tail is not None and tail.silent

    @property
    def memory(self) -> int:
        """About what the snapshots of all tails and outputs take."""
        return sum(buffer.bytes for _, _, buffer in self._buffers())

    def _buffers(self) -> list[tuple[str, str, FrameBuffer]]:
        """The buffers that the budget is about, each with what it belongs to."""
        return [
            *(("session", tail.session, tail.buffer) for tail in self._by_session.values()),
            *(("output", name, buffer) for name, buffer in self.output_buffers().items()),
        ]

    def retain(self, tail: SessionTail, delay_ms: int) -> None:
        """Keep the snapshots of a tail for a delay.

        Raises RequestRefused (429) to clients without a token where memory is short.
        """
        buffer = tail.buffer
        if delay_ms > buffer.retain_ms and self.memory > SNAPSHOT_BYTES:
            refuse_anonymous("this gateway keeps as many delayed states as it may", 30)
        buffer.retain_ms = max(buffer.retain_ms, delay_ms)
        if is_known():
            buffer.retain_known_ms = max(buffer.retain_known_ms, delay_ms)

    def shed(self) -> None:
        """Bring the snapshots within their budget: the largest buffers first.

        What clients without a token had kept goes first, then what subscribers could resume from,
        and the delays of those with a token last.
        """
        for count, known in ((MIN_SNAPSHOTS, True), (FEWEST_SNAPSHOTS, True), (1, False)):
            for kind, name, buffer in sorted(self._buffers(), key=lambda one: -one[2].bytes):
                if self.memory <= SNAPSHOT_BYTES:
                    return
                before = buffer.bytes
                buffer.shrink(count, buffer.retain_known_ms if known else 0)
                if dropped := before - buffer.bytes:
                    logger.warning("snapshots dropped", **{kind: name}, bytes=dropped)

    async def _keep_budget(self) -> None:
        while True:
            await asyncio.sleep(BUDGET_SECONDS)
            with logged_faults("the budget of snapshots"):
                self.shed()

    def known_at(self, session: str, recorded_ms: int, read_ms: int) -> int:
        """When an event became known here that was recorded at ``recorded_ms``.

        A fold that read it at ``read_ms`` may be later than the session's tail.
        """
        tail = self._by_session.get(session)
        newest = tail.buffer.newest if tail is not None else None
        if newest is None or newest.at != recorded_ms:
            return read_ms
        return min(read_ms, newest.since)

    def end(self) -> None:
        """Disconnect all subscribers; they reconnect, here or to another gateway."""
        for tail in self._by_session.values():
            tail.end()

    async def close(self) -> None:
        """Close all tails."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await asyncio.gather(*(tail.close() for tail in self._by_session.values()))
        self._by_session.clear()

    async def end_replay(self, replay: str) -> None:
        """Disconnect the subscribers of a replay that was ended; they are not to reconnect."""
        tail = self._by_session.get(replay)
        if tail is not None and tail.replay:
            await self._end_replay(tail)

    async def end_session(self, session: str) -> None:
        """Disconnect the subscribers of a session that was removed from the store."""
        tail = self._by_session.get(session)
        if tail is not None and not tail.replay:
            await self._end(tail, f"the session {session!r} was removed")

    async def _end_replay(self, tail: SessionTail) -> None:
        await self._end(tail, f"the replay {tail.session!r} was ended")

    async def _end(self, tail: SessionTail, reason: str) -> None:
        if self._by_session.get(tail.session) is tail:
            del self._by_session[tail.session]
        tail.end(reason)
        await tail.close()

    async def _poll_replays(self) -> None:
        """End the tails of replays that no longer exist."""
        replays = Replays(self._store)
        while True:
            await asyncio.sleep(REPLAYS_SECONDS)
            # Listed before the names are read: a replay that begins meanwhile is not in both.
            watched = [tail for tail in self._by_session.values() if tail.replay]
            if not watched:
                continue
            with logged_faults("the list of replays"):
                names = await replays.names()
                for tail in watched:
                    if tail.session not in names and not tail.ended:
                        await self._end_replay(tail)

    async def _poll_feeds(self) -> None:
        """Update which sessions have a silent feed, with one read for all of them."""
        while True:
            await asyncio.sleep(FEED_SECONDS)
            with logged_faults("the health of the feeds"):  # the snapshots age by themselves
                health = await feeds_health(self._store, list(self._by_session), datetime.now(UTC))
                for session, tail in self._by_session.items():
                    tail.silent = session in health and _is_silent(health[session], session)

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 4)
            idle = time.monotonic() - IDLE_SECONDS
            # A copy: closing awaits, and a tail may be added meanwhile.
            for session, tail in list(self._by_session.items()):
                if not tail.in_use and tail.used_at < idle:
                    self._by_session.pop(session, None)
                    with logged_faults("the closing of tails"):
                        await tail.close()


def _is_silent(health: FeedHealth, session: str) -> bool:
    """Whether the feed of this session is not heard; it may have gone on to another run."""
    present = health.session == session
    return present and (health.age_s is None or health.age_s * 1000 > QUIET_MS)
