"""The one reader of a session's frames in this process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from events.errors import StoreError
from projections.views.frame import Frame, Token
from services.clocks import known_ms
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot, token_order
from services.gateway.live.listeners import Listeners
from services.storage.client import Store
from services.storage.frame_reader import frames
from services.storage.projection_store import ProjectionStore

if TYPE_CHECKING:
    from services.gateway.live.forecast_feed import ForecastFeed

RETRY_SECONDS = 0.5

CATCH_UP_SECONDS = 3.0
"""How long the frames up to the committed token are waited for before they count as lost."""

MAX_CHANNELS = 256

logger = structlog.get_logger(__name__)


class SessionTail:
    """Reads the frames of a session into a buffer, for any number of subscribers.

    While the store does not answer, the last snapshot stays and ages. Until every frame up to
    the token that was committed at the start has arrived (``buffer.behind``), there is no
    snapshot.
    """

    def __init__(self, store: Store, session: str, *, replay: bool = False) -> None:
        self.session = session
        self.replay = replay
        """Whether it is a replay, which can be ended."""
        self.buffer = FrameBuffer(known_ms)
        self.buffer.behind = True
        self.used_at = time.monotonic()
        self.ended = False
        """Whether subscribers are to be disconnected: the process ends, or the replay did."""
        self.removal_reason: str | None = None
        """The close reason of a replay that was ended; None if reconnecting makes sense."""
        self.sent = 0
        """The number of messages sent to subscribers."""
        self.silent = False
        """Whether the session has a live feed that is not heard."""
        self.forecasts: ForecastFeed | None = None
        """Of those who subscribe to forecasts; None before the first."""
        self._store = store
        self._channels: dict[tuple[Filter, int], Channel] = {}
        self._listeners = Listeners()
        self._ready = asyncio.Event()
        self._committed: Token | None = None  # at the start: an older snapshot is not sent
        self._deadline: asyncio.TimerHandle | None = None
        self._reading = asyncio.create_task(self._read())

    def channel(self, wanted: Filter, delay_ms: int = 0) -> Channel:
        """The channel of a filter and a delay, shared by equal ones."""
        channel = self._channels.get((wanted, delay_ms))
        if channel is None:
            # Clients choose filters freely, and an unused channel is not noticed.
            if len(self._channels) >= MAX_CHANNELS:
                self._channels.clear()
            channel = self._channels[wanted, delay_ms] = Channel(
                wanted, delay_ms, lambda: self.silent
            )
        return channel

    @contextlib.contextmanager
    def listening(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call ``callback`` at each new snapshot, inside the ``with`` block."""
        with self._listeners.listening(callback):
            yield
        self.used_at = time.monotonic()

    @property
    def in_use(self) -> bool:
        """Whether there are subscribers."""
        return len(self._listeners) > 0

    async def snapshot(self, seconds: float) -> Snapshot | None:
        """The newest snapshot; a tail that has just begun is waited for, up to so many seconds.

        None if there is none by then, or only an old one.
        """
        self.used_at = time.monotonic()
        if not self._ready.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ready.wait()
        return None if self.buffer.behind else self.buffer.newest

    def publish(self, frame: Frame) -> None:
        """Add a frame to the buffer, and notify the subscribers."""
        if self.buffer.apply(frame) is not None:
            if self._committed is None or token_order(frame.token) >= token_order(self._committed):
                self._caught_up()
            elif self.buffer.behind:
                self._start_deadline()
            self._listeners.notify()

    def end(self, removal_reason: str | None = None) -> None:
        """Disconnect the subscribers; with a reason, they are not to reconnect."""
        self.ended = True
        self.removal_reason = self.removal_reason or removal_reason
        self._listeners.notify()

    async def close(self) -> None:
        """Disconnect the subscribers and stop reading."""
        self.end()
        self._cancel_deadline()
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        while True:
            newest = self.buffer.newest
            try:
                if newest is None:
                    self._committed = await ProjectionStore(self._store, self.session).token()
                elif self.buffer.behind:
                    self._start_deadline()
                async for frame in frames(self._store, self.session, newest and newest.token):
                    self.publish(frame)
            except StoreError as error:
                logger.warning("frames unavailable", session=self.session, reason=str(error))
                self._cancel_deadline()  # the store is away, so no frame counts as lost
            except Exception:
                logger.exception("frame not applied", session=self.session)
                self._cancel_deadline()
                self._ready.clear()
                self.buffer.clear()
                self.buffer.behind = True
            await asyncio.sleep(RETRY_SECONDS)

    # -- Catching up ---------------------------------------------------------------------

    def _caught_up(self) -> None:
        self._cancel_deadline()
        self.buffer.behind = False
        self._ready.set()

    def _start_deadline(self) -> None:
        """Wait for the next frame for a limited time: it may have been trimmed."""
        self._cancel_deadline()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(CATCH_UP_SECONDS, self._give_up)

    def _give_up(self) -> None:
        newest = self.buffer.newest
        logger.warning(
            "frames missing",
            session=self.session,
            committed=str(self._committed),
            newest=newest and str(newest.token),
        )
        self._caught_up()
        self._listeners.notify()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
