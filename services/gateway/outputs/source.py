"""Following the session of an output: delay, derived topics, and failures."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from events.errors import LapstreamError
from services.clocks import now_ms
from services.gateway.clients import note_client
from services.gateway.errors import RequestRefused
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.session_tail import RETRY_SECONDS, SessionTail
from services.gateway.outputs.content import TOPICS
from services.gateway.outputs.derived import DERIVED, TopicDeriver
from services.gateway.outputs.display import OutputDisplay
from services.gateway.outputs.memory import OutputMemory
from services.gateway.state import Gateway
from services.gateway.views.delayed_snapshot import delayed_snapshot

IDLE_SECONDS = 2.0
"""How long to wait for the next snapshot before looking again."""

FOLD_SECONDS = 0.5
"""How often a delayed state from before this process began is folded again."""

DERIVE_SECONDS = 0.5
"""The shortest time between two derivations of a topic."""

logger = structlog.get_logger(__name__)


class SourceFollower:
    """Shows the snapshots of an output's session, each when it is due."""

    def __init__(self, gateway: Gateway, display: OutputDisplay, memory: OutputMemory) -> None:
        self.failed = False
        """Whether the source is gone."""
        self._failure: str | None = None  # as it was logged last
        self._gateway = gateway
        self._display = display
        self._memory = memory
        self._output = display.output
        self._derive = TopicDeriver(gateway, self._output) if self._output.view in DERIVED else None
        self._derived_at = 0.0
        self._pauses = 0
        self._wake = asyncio.Event()

    @property
    def silent(self) -> bool:
        """Whether the data is stale: the live feed of the session is not heard, or a view fails."""
        source = self._display.source
        faults = source.state["session"].get("faults") if source is not None else None
        if faults and not TOPICS[self._output.view].isdisjoint(faults):
            return True
        silent = self._gateway.tail_pool.silent(self._output.session)
        moment = now_ms() - self._output.delay_ms
        return source is not None and source.freshness(moment, silent=silent) == "stale"

    def wake(self) -> None:
        """Look for a due snapshot now."""
        self._wake.set()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Show nothing new inside the ``with`` block."""
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            self.wake()

    async def run(self) -> None:
        """Follow the session, without end."""
        note_client(known=True)  # whoever asked for the output first
        await self._memory.restore()
        while True:
            try:
                await self._follow(await self._gateway.tail(self._output.session))
            except (LapstreamError, RequestRefused) as error:
                self._set_failed(str(error))
                await self._memory.restore()
            except Exception as error:
                if repr(error) != self._failure:
                    newest = self._display.source
                    logger.exception(
                        "output not updated",
                        output=self._output.name,
                        session=self._output.session,
                        shown=newest and str(newest.token),
                    )
                self.failed, self._failure = True, repr(error)
            await asyncio.sleep(RETRY_SECONDS)

    def _set_failed(self, reason: str) -> None:
        """Note that the source is gone. It is retried twice a second, and logged once."""
        self.failed = True
        if reason != self._failure:
            self._failure = reason
            logger.warning("output source unavailable", output=self._output.name, reason=reason)

    def _set_available(self) -> None:
        self.failed = False
        if self._failure is not None:
            self._failure = None
            logger.info("output source available", output=self._output.name)

    async def _follow(self, tail: SessionTail) -> None:
        delay = self._output.delay_ms
        self._gateway.tail_pool.retain(tail, delay)
        with tail.listening(self._wake.set):
            while not tail.ended:
                self._wake.clear()
                due, seconds = await self._due(tail)
                if due is not None and self._derive is not None and self._display.is_newer(due):
                    early = self._derived_at + DERIVE_SECONDS - now_ms() / 1000
                    if early > 0:
                        await asyncio.sleep(early)
                        continue  # a later snapshot may be due by now
                    self._derived_at = now_ms() / 1000
                    due = await self._derive(due)
                # Deriving takes time, in which the output can be frozen.
                if due is not None and self._display.frozen is None and not self._pauses:
                    self._display.show(due)
                coming = tail.buffer.after(due) if delay and not tail.buffer.behind else None
                if coming is not None:
                    seconds = min(seconds, max(0.0, (coming.since + delay - now_ms()) / 1000))
                await _wait(self._wake, seconds)
                await self._gateway.require(tail.session)  # a replay may have been stopped
                self._set_available()

    async def _due(self, tail: SessionTail) -> tuple[Snapshot | None, float]:
        """The snapshot to show, and after how many seconds to look again.

        None if there is none: nothing had happened by then, or the tail is catching up, and an old
        state would be worse than the one that is shown.
        """
        delay, newest = self._output.delay_ms, tail.buffer.newest
        if tail.buffer.behind or newest is None:
            return None, IDLE_SECONDS
        due = tail.buffer.at(now_ms() - delay) if delay else newest
        if due is not None or await self._gateway.is_replay(self._output.session):
            return due, IDLE_SECONDS
        due = await delayed_snapshot(self._gateway, tail.session, newest, delay)
        return due if due.at else None, FOLD_SECONDS


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
