"""The forecasts of a session for its subscribers, computed beside the frames.

A forecast is made only while somebody subscribes to the topic ``forecast``, when something new has
happened, and at most once in ``PACE_SECONDS``. No frame waits for one: a subscriber is sent the
newest forecast that was made from no more than the frames that it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from weakref import WeakSet

import structlog

from events.errors import LapstreamError, NoForecast, StoreError
from replay.entries import parse_position
from services.gateway.errors import RequestRefused
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.session_tail import SessionTail

PACE_SECONDS = 1.0
"""The least time between two forecasts of a session."""

IDLE_SECONDS = 15.0
"""How long forecasts are made after the last subscriber looked for one."""

LONGEST_PAUSE_SECONDS = 60.0
"""The most between two tries while forecasts fail; each pause is twice the one before."""

MOST_DELAYED = 128
"""The forecasts that are kept where subscribers have a delay; the older, the sparser."""

logger = structlog.get_logger(__name__)


class SessionForecast(NamedTuple):
    """A forecast, or why there is none.

    ``number`` counts those of this process. It was made from the events up to ``position``; in a
    replay, which can go back, in this ``epoch`` of it. ``body`` is its JSON.
    """

    number: int
    position: str
    epoch: int | None
    body: bytes | None
    reason: str | None = None

    def known_to(self, snapshot: Snapshot) -> bool:
        """Whether a subscriber with this snapshot knows all that the forecast was made from."""
        if self.epoch is not None and self.epoch != snapshot.token.epoch:
            return False
        return parse_position(self.position) <= parse_position(snapshot.token.position)


MakeForecast = Callable[[SessionTail, Snapshot], Awaitable[SessionForecast]]
"""Makes the forecast of a session whose newest snapshot this is."""


class ForecastFeed:
    """Makes the forecasts of a session while somebody looks for them."""

    def __init__(self, tail: SessionTail, make: MakeForecast) -> None:
        self._tail = tail
        self._make = make
        self._kept: list[SessionForecast] = []
        self._made_from: Snapshot | None = None
        self._count = 0
        self._looked_at = 0.0
        self._making: asyncio.Task[None] | None = None

    def newest(self, snapshot: Snapshot) -> SessionForecast | None:
        """The newest forecast for a subscriber that has this snapshot; None if there is none."""
        self._looked_at = time.monotonic()
        if self._making is None and not self._tail.ended:
            self._making = asyncio.create_task(self._run())
        return next((one for one in reversed(self._kept) if one.known_to(snapshot)), None)

    async def close(self) -> None:
        """Stop making forecasts."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])

    async def _run(self) -> None:
        try:
            pace = PACE_SECONDS
            while not self._tail.ended and time.monotonic() - self._looked_at < IDLE_SECONDS:
                began = time.monotonic()
                failed = not await self._turn()
                pace = min(2 * pace, LONGEST_PAUSE_SECONDS) if failed else PACE_SECONDS
                await asyncio.sleep(max(0.0, began + pace - time.monotonic()))
        finally:
            self._making = None

    async def _turn(self) -> bool:
        """Make a forecast if there is a new snapshot; False if that failed.

        An outage of the store passes, and others report it.
        """
        buffer = self._tail.buffer
        snapshot = None if buffer.behind else buffer.newest
        before = self._made_from
        if snapshot is None or (before is not None and before.token == snapshot.token):
            return True
        try:
            forecast = await self._make(self._tail, snapshot)
        except NoForecast as error:
            forecast = SessionForecast(0, *_origin(self._tail, snapshot), None, str(error))
        except (StoreError, RequestRefused):
            return True
        except LapstreamError as error:
            logger.warning("no forecast", session=self._tail.session, reason=str(error))
            return False
        except Exception:
            logger.exception("no forecast", session=self._tail.session)
            self._made_from = snapshot  # the next snapshot may do
            return False
        self._made_from = snapshot
        self._keep(forecast)
        return True

    def _keep(self, forecast: SessionForecast) -> None:
        last = self._kept[-1] if self._kept else None
        if (
            forecast.reason is not None
            and last is not None
            and (last.reason, last.epoch) == (forecast.reason, forecast.epoch)
        ):
            return
        self._count += 1
        self._kept.append(forecast._replace(number=self._count))
        if not self._tail.buffer.retain_ms:
            del self._kept[:-2]
        elif len(self._kept) > MOST_DELAYED:
            half = MOST_DELAYED // 2
            self._kept[:half] = self._kept[:half:2]


def _origin(tail: SessionTail, snapshot: Snapshot) -> tuple[str, int | None]:
    """What a forecast was made from: the position, and in a replay the epoch."""
    return snapshot.token.position, snapshot.token.epoch if tail.replay else None


class ForecastFeeds:
    """The feeds of a gateway."""

    def __init__(self, make: MakeForecast) -> None:
        self._make = make
        self._feeds: WeakSet[ForecastFeed] = WeakSet()

    def of(self, tail: SessionTail) -> ForecastFeed:
        """The feed of a session."""
        if tail.forecasts is None:
            tail.forecasts = ForecastFeed(tail, self._make)
            self._feeds.add(tail.forecasts)
        return tail.forecasts

    async def close(self) -> None:
        """Stop making forecasts."""
        for feed in list(self._feeds):
            await feed.close()
