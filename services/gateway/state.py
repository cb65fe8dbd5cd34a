"""What the routes of one gateway process share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from events.errors import AppendRefused, StoreUnfit, UnknownSession
from replay.entries import check_session_id
from services.fault_guard import logged_faults
from services.gateway.clients import refuse_anonymous
from services.gateway.errors import RequestRefused
from services.gateway.live.forecast_feed import ForecastFeeds, SessionForecast
from services.gateway.live.forecast_process import ForecastProcess
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.session_tail import SessionTail
from services.gateway.live.tail_pool import TailPool, TooManySessions
from services.queries.forecasts import ForecastTask, forecast_task
from services.queries.race_cache import RaceCache
from services.queries.recordings import ReplayedRaces
from services.settings import GatewaySettings
from services.storage.built_in import BUILT_IN, put_into_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.replay_store import Replays
from services.storage.session_removal import removals

MAX_SUGGESTIONS = 10

REMOVED_SECONDS = 2.0
"""How often it is looked for sessions that were removed."""

MOST_FOLDS_WAITING = 32
"""Requests for folded races at the same time, beyond which only those with a token are taken."""

CONCURRENT_ARCHIVES = 2
"""Archives that are imported at the same time; others wait."""


class Gateway:
    """The store, the caches and the session tails of one process."""

    def __init__(
        self, store: Store, settings: GatewaySettings, races: RaceCache | None = None
    ) -> None:
        self.store = store
        self.settings = settings
        self.log = Log(store)
        self.tail_pool = TailPool(store)
        self.races = races or RaceCache(self.log)
        self.races.admit = _admit_fold
        self.replays = Replays(store)
        self.replayed = ReplayedRaces(self.replays, self.races)
        self._forecaster = ForecastProcess()
        self.forecasts = ForecastFeeds(self._forecast)
        self.subscribers = {"websocket": 0, "sse": 0}
        self.started_at = time.monotonic()
        self._existing: set[str] = set()  # sessions with a log, until they are removed
        self._importing = asyncio.Lock()
        self._watching = asyncio.create_task(self._forget_removed())
        self.archive_turns = asyncio.Semaphore(CONCURRENT_ARCHIVES)
        """Taken while an archive is imported."""

    async def close(self) -> None:
        """Close the session tails."""
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self.forecasts.close()
        await self._forecaster.close()
        await self.tail_pool.close()

    async def _forget_removed(self) -> None:
        """Forget sessions that were removed from the store, without end.

        Also those of which there is another log by now.
        """
        known: dict[bytes, bytes] | None = None
        while True:
            with logged_faults("the watch for removed sessions"):
                now = await removals(self.store)
                before = now if known is None else known
                for session in [one for one in self._existing if _differs(one, before, now)]:
                    await self.forget(session)
                known = now
                for session in self._existing - await self.log.listed():
                    if not await self.log.exists(session):
                        await self.forget(session)
            await asyncio.sleep(REMOVED_SECONDS)

    async def forget(self, session: str) -> None:
        """Forget a session that was removed from the store."""
        self._existing.discard(session)
        self.races.forget(session)
        await self.tail_pool.end_session(session)

    async def require(self, session: str) -> None:
        """Raise UnknownSession or BadSessionId unless the session or replay exists."""
        if session not in self._existing:
            if await self.replays.exists(session):
                return
            if not await self._exists(check_session_id(session)):
                summaries = await self.log.sessions()
                known = tuple(one.session for one in summaries[:MAX_SUGGESTIONS])
                raise UnknownSession(session, known)
            self._existing.add(session)

    async def _exists(self, session: str) -> bool:
        """Whether the session has a log. A built-in race is imported when it is first requested."""
        if await self.log.exists(session):
            return True
        if session not in BUILT_IN:
            return False
        async with self._importing:  # once for all requests at the same time
            if not await self.log.exists(session):
                with contextlib.suppress(StoreUnfit):  # a store without room stays as it is
                    await put_into_store(self.log, session)
        return await self.log.length(session) > 0

    async def require_log(self, session: str) -> None:
        """Raise UnknownSession, BadSessionId or AppendRefused unless the session has a log."""
        await self.require(session)
        if await self.is_replay(session):
            raise AppendRefused(f"{session!r} is a replay: name the session that it plays")

    async def is_replay(self, session: str) -> bool:
        """Whether this is a replay. Nothing beyond its playhead may be sent."""
        return session not in self._existing and await self.replays.exists(session)

    async def scored_as(self, session: str) -> str:
        """The name by which seasons know the session: that of its source for a replay.

        Raises NoSuchReplay if it was stopped a moment ago.
        """
        if await self.is_replay(session):
            return (await self.replays.state(session)).source
        return session

    async def tail(self, session: str) -> SessionTail:
        """The session's tail. Raises UnknownSession, BadSessionId, RequestRefused."""
        await self.require(session)
        try:
            return self.tail_pool.get(session, replay=session not in self._existing)
        except TooManySessions:
            raise RequestRefused(
                503, "this gateway follows too many sessions", headers={"Retry-After": "30"}
            ) from None

    async def _forecast(self, tail: SessionTail, snapshot: Snapshot) -> SessionForecast:
        """The forecast of a session with this newest snapshot; of a replay, at the snapshot.

        Raises NoForecast, RequestRefused and the errors of the log.
        """
        session, token = tail.session, snapshot.token
        if tail.replay:
            race = await self.replayed.race(session, token, snapshot.clock_at)
            task = await asyncio.to_thread(forecast_task, race)
            position, epoch = token.position, token.epoch
        else:
            found = await self.races.ask(session, forecast_task)
            task, position, epoch = found.answer, found.position, None
        return SessionForecast(0, position, epoch, await self.compute_forecast(task))

    async def compute_forecast(self, task: ForecastTask) -> bytes:
        """The JSON of a forecast, made in the worker process. Raises NoWorker."""
        return await self._forecaster.compute(task)

    def check_capacity(self) -> None:
        """Raise RequestRefused if there are as many subscribers as are allowed."""
        if sum(self.subscribers.values()) >= self.settings.connections:
            raise RequestRefused(
                503, "this gateway has too many subscribers", headers={"Retry-After": "10"}
            )

    @contextlib.contextmanager
    def subscriber(self, transport: str) -> Iterator[None]:
        """Count a subscriber over ``websocket`` or ``sse``, inside the ``with`` block."""
        self.subscribers[transport] += 1
        try:
            yield
        finally:
            self.subscribers[transport] -= 1


def _differs(session: str, before: dict[bytes, bytes], now: dict[bytes, bytes]) -> bool:
    """Whether the session was removed between two readings of the removals."""
    return before.get(session.encode()) != now.get(session.encode())


def _admit_fold(waiting: int) -> None:
    """Raise RequestRefused to clients without a token where many wait for folded races."""
    if waiting >= MOST_FOLDS_WAITING:
        refuse_anonymous("this gateway is busy with other questions about the past", 2)


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway of the application."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


TheGateway = Annotated[Gateway, Depends(gateway_of)]
