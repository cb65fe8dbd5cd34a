"""The replayer: plays shared replays and commits their frames.

    faststream run services.replayer:build_app --factory

Configured by environment variables: ``services.settings.ReplayerSettings``.

Any number of replayers may run. Each replay is played by the one that has its lease; when
that one dies, another continues from the last frame, at its speed. What keeps the frames
right is the compare-and-set of ``services.storage.replay_store``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import structlog
from faststream import FastStream
from faststream.redis import RedisBroker

from events.errors import LapstreamError, StoreError, StoreUnavailable
from replay.quarantine import CannotFold, Quarantine
from services.logging import configure
from services.projector.schedule import (
    LEASE_MS,
    POLL_SECONDS,
    RENEW_SECONDS,
    MonotonicClock,
    retry,
)
from services.queries.race_cache import RaceCache
from services.replayer.runner import ReplayRunner, WallClock
from services.settings import ReplayerSettings
from services.startup import refuse_to_start, service_store
from services.storage.client import Store
from services.storage.leases import Leases
from services.storage.projection_store import ProjectionStore, TakenOver
from services.storage.quarantine_log import has_changed, quarantine_of
from services.storage.replay_errors import NoSuchReplay, UnreadableReplay
from services.storage.replay_store import Replays

logger = structlog.get_logger(__name__)


class Replayer:
    """All replays of a store, as far as this replayer has their leases."""

    def __init__(
        self,
        store: Store,
        races: RaceCache | None = None,
        *,
        clock: MonotonicClock = time.monotonic,
        wall_clock: WallClock = time.time,
    ) -> None:
        self.name = f"{os.getpid()}-{uuid4().hex[:12]}"
        self._replays = Replays(store)
        self._races = races or RaceCache(self._replays.log)
        self._leases = Leases(store, self.name, LEASE_MS)
        self._unreadable: dict[str, str] = {}
        self._clock = clock
        self._wall_clock = wall_clock

    async def run(self) -> None:
        """Play replays for ever; a fault of one stops that one only."""
        running: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for replay in await retry(self._replays.names, logger):
                    if replay not in running or running[replay].done():
                        running[replay] = group.create_task(self._run_replay(replay))
                await asyncio.sleep(POLL_SECONDS)

    async def _run_replay(self, replay: str) -> None:
        """Play a replay if its lease is free, until it is taken over or stopped."""
        log = logger.bind(session=replay)
        instance = None
        try:
            instance = await self._replays.instance(replay)
            if instance is None or not await self._leases.take(replay):
                return
            try:
                await self._play_leased(replay, instance)
            finally:
                with contextlib.suppress(StoreError):
                    await self._leases.release(replay)
        except NoSuchReplay:
            log.info("replay stopped")
        except UnreadableReplay as error:
            if self._unreadable.get(replay) != error.reason:
                self._unreadable[replay] = error.reason
                log.error("replay unreadable", reason=error.reason)
        except TakenOver as taken:
            log.info("replay taken over by another replayer", reason=str(taken))
        except StoreUnavailable as error:
            log.warning("store unavailable, reloading replay", reason=str(error))
        except LapstreamError as error:
            await self._report_stopped(replay, instance, str(error), unfoldable=_session_of(error))
        except Exception as fault:  # noqa: BLE001 - it stops this replay alone
            await self._report_stopped(replay, instance, f"{type(fault).__name__}: {fault}", fault)

    async def _play_leased(self, replay: str, instance: str) -> None:
        runner = ReplayRunner(
            self._replays, self._races, replay, clock=self._clock, wall_clock=self._wall_clock
        )
        renewing = asyncio.create_task(self._renew(replay, instance))
        playing = asyncio.create_task(self._play(runner))
        try:
            await asyncio.wait([renewing, playing], return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, renewing):
                if task.done():
                    task.result()
        finally:
            for task in (playing, renewing):
                task.cancel()
            await asyncio.wait([renewing, playing])

    async def _play(self, runner: ReplayRunner) -> None:
        await runner.load()
        await ProjectionStore(self._replays.store, runner.replay).report(self.name)
        while True:
            await runner.turn(await runner.commands(runner.wait_ms()))

    async def _renew(self, replay: str, instance: str) -> None:
        """Renew the lease; raises TakenOver once another replayer holds it.

        Raises NoSuchReplay once the replay was stopped: while it is paused nothing is
        committed, so only this notices.
        """
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StoreUnavailable):
                if await self._replays.instance(replay) != instance:
                    raise NoSuchReplay(replay)
                if not await self._leases.take(replay):
                    raise TakenOver(replay, None, "another's lease")

    async def _report_stopped(
        self,
        replay: str,
        instance: str | None,
        reason: str,
        fault: Exception | None = None,
        *,
        unfoldable: str | None = None,
    ) -> None:
        """Report why the replay cannot continue, and wait until that may have changed.

        That is until the replay is deleted or, if the log of the session ``unfoldable`` cannot
        be folded, until its quarantine changes.
        """
        logger.error("replay cannot continue", session=replay, reason=reason, exc_info=fault)
        keys = ProjectionStore(self._replays.store, replay)
        if await self._exists(replay, instance):
            await retry(lambda: keys.report(self.name, stopped=reason), logger)
        log, changed = self._replays.log, False
        known = await quarantine_of(log, unfoldable) if unfoldable else Quarantine()
        while not changed and await self._exists(replay, instance):
            await asyncio.sleep(POLL_SECONDS)
            if unfoldable:
                with contextlib.suppress(StoreError):
                    changed, known = await has_changed(log, unfoldable, known)

    async def _exists(self, replay: str, instance: str | None) -> bool:
        if instance is None:
            return False
        return await retry(lambda: self._replays.instance(replay), logger) == instance


def _session_of(error: LapstreamError) -> str | None:
    """The session whose log cannot be folded, if that is the error."""
    return error.session if isinstance(error, CannotFold) else None


async def run_replayer(store: Store, stop: asyncio.Event, races: RaceCache | None = None) -> None:
    """Play the store's replays in this event loop until ``stop``."""
    working = asyncio.create_task(Replayer(store, races).run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait([working])
    if not working.cancelled():
        working.result()


def build_app() -> FastStream:
    """The replayer as a FastStream application, configured by environment variables."""
    try:
        settings = ReplayerSettings.load()
    except LapstreamError as error:
        refuse_to_start(error)
    configure(settings.log_level, settings.log_format)

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        stop = asyncio.Event()
        try:
            async with service_store(settings, "replayer") as store:
                app.add_broker(RedisBroker(store.url))  # a FastStream application needs one
                running = asyncio.create_task(run_replayer(store, stop))
                running.add_done_callback(lambda _: app.exit())
                yield
                stop.set()
                await running
        except StoreError as error:
            refuse_to_start(error)

    app = FastStream(logger=None, lifespan=lifespan)
    return app
