"""The projector: folds the logs of all sessions and commits their frames.

    faststream run services.projector:build_app --factory

Configured by environment variables: ``services.settings.ProjectorSettings``.

Any number of projectors may run. Each session is folded by the one that has its lease, which
is renewed every second; when that one dies, another takes the session over. What keeps the
frames right is not the lease but the commit (``services.storage.projection_store``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Collection
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import uuid4

import structlog
from faststream import FastStream
from redis.exceptions import RedisClusterException, RedisError

from events.errors import (
    BadSessionId,
    LapstreamError,
    StoreError,
    StoreUnavailable,
    StoreUnfit,
)
from projections.timeline import ForgottenPast
from replay.entries import check_session_id, parse_position
from replay.quarantine import CannotFold, Quarantine
from services.logging import configure
from services.projector.faststream_adapter import (
    EntryHandler,
    connect,
    faststream_logger,
    log_broker,
    log_subscriber,
)
from services.projector.schedule import (
    LEASE_MS,
    POLL_SECONDS,
    RENEW_SECONDS,
    UNFIT_SECONDS,
    MonotonicClock,
    retry,
)
from services.projector.session_fold import FaultInBatch
from services.projector.session_projection import SessionProjection
from services.settings import SESSION_LIMIT, ProjectorSettings
from services.startup import refuse_to_start, service_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import SESSIONS
from services.storage.leases import Leases
from services.storage.projection_store import ProjectionStore, TakenOver
from services.storage.quarantine_log import has_changed
from services.storage.session_removal import removal_of, removals

MEMORY_BUDGET = 64 * 2**20
"""Bytes that folded sessions may take together before idle ones are suspended: some three
races of a day. Sessions that receive entries stay, whatever they take."""

IDLE_SECONDS = 30.0
"""How long a session has no entries before it may be suspended. Loading one again takes as
long as folding the log since its last checkpoint, half a second at most for a race of a day."""

HURRY_SECONDS = 3.0
"""The same beyond twice the budget, as when many races are imported at once, for a session
that is over: a live one can be silent for longer, behind a red flag or a safety car."""

CHOOSE_SECONDS = 5.0
"""How often sessions are chosen anew by their last events, where there are too many."""

QUIET_SECONDS = 60.0
"""How much older than the newest event of all a session's last event must be for the session to
make room for another."""

WAITING_LOGGED = 20

logger = structlog.get_logger(__name__)


class Projector:
    """All sessions of a store, or those named, as far as this projector has their leases."""

    def __init__(
        self,
        store: Store,
        sessions: Collection[str] | None = None,
        *,
        limit: int = SESSION_LIMIT,
        clock: MonotonicClock = time.monotonic,
    ) -> None:
        """Raises BadSessionId for a name that no session can have."""
        self.name = f"{os.getpid()}-{uuid4().hex[:12]}"
        self.broker = log_broker(store, limit + 1)  # a blocking reader for each session
        self._store = store
        self._log = Log(store)
        self._clock = clock
        # Sessions take turns folding, so that leases are renewed between two of them.
        self._turn = asyncio.Lock()
        self._named = sessions if sessions is None else set(map(check_session_id, sessions))
        self._limit = limit
        self._leases = Leases(store, self.name, LEASE_MS)
        self._projections: dict[str, SessionProjection] = {}
        self._removals: dict[str, bytes | None] = {}  # the last one of each before it was projected
        self._working: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()
        self._choose_at = 0.0
        self._work: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with the exception, if the projector as a whole failed."""

    def attach(self, app: FastStream) -> None:
        """Work while this application runs."""
        app.add_broker(self.broker)
        app.after_startup(self._start)
        app.on_shutdown(self._stop)

    async def _start(self) -> None:
        await connect(self.broker)
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(self._ended)

    async def _stop(self) -> None:
        """End all projections, which releases their leases."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def _ended(self, work: asyncio.Task[None]) -> None:
        error = None if work.cancelled() else work.exception()
        if error is not None:
            logger.critical("projector failed", exc_info=error)
            self.failed.set_exception(error)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew_leases())
            while True:
                listed = await retry(self._listed, logger, StoreError)
                for session in await retry(partial(self._chosen, listed), logger, StoreError):
                    self._working[session] = group.create_task(self._project(session))
                self._suspend_idle()
                await retry(self._end_removed, logger, StoreError)
                await asyncio.sleep(POLL_SECONDS)

    async def _chosen(self, listed: set[str]) -> Collection[str]:
        """The sessions to take on, by the age of their last event where there are too many.

        One without an event for ``QUIET_SECONDS`` makes room for one that has a newer event.
        """
        new = listed - self._working.keys()
        if len(self._working) + len(new) <= self._limit:
            self._waiting.clear()
            return sorted(new)
        now = self._clock()
        if now < self._choose_at:
            return ()
        self._choose_at = now + CHOOSE_SECONDS
        summaries = await self._log.sessions()
        newest = {one.session: parse_position(one.last) for one in summaries}
        last = {one: newest.get(one, (0, 0)) for one in listed}
        waiting = sorted(new, key=lambda one: (last[one], one))
        quiet_before = max(last.values())[0] - QUIET_SECONDS * 1000
        running = sorted(self._working, key=lambda one: last.get(one, (0, 0)))
        chosen: list[str] = []
        while waiting and len(self._working) + len(chosen) < self._limit:
            chosen.append(waiting.pop())
        for session in running:
            older = last.get(session, (0, 0))
            if not waiting or older >= last[waiting[-1]] or older[0] >= quiet_before:
                break
            await self._leave(session)
            chosen.append(waiting.pop())
            waiting.insert(0, session)
        await self._report_waiting(waiting)
        return chosen

    async def _leave(self, session: str) -> None:
        """Stop working on a session, to make room for another."""
        task = self._working.pop(session)
        task.cancel()
        await asyncio.wait([task])

    async def _report_waiting(self, waiting: Collection[str]) -> None:
        """Log the sessions that this projector does not take on, and note it in their health."""
        news = sorted(set(waiting) - self._waiting)
        self._waiting = set(waiting)
        if not news:
            return
        logger.warning(
            "more sessions than this projector takes",
            limit=self._limit,
            waiting=len(waiting),
            sessions=news[:WAITING_LOGGED],
        )
        reason = f"a projector takes {self._limit} sessions, those with the newest events first"
        for session in news:
            await ProjectionStore(self._store, session).report_waiting(reason)

    @property
    def memory(self) -> int:
        """About how many bytes the folded sessions take."""
        return sum(projection.memory for projection in self._projections.values())

    def _suspend_idle(self) -> None:
        """Suspend the sessions that are idle for longest while all take more than the budget."""
        memory = self.memory
        excess = memory - MEMORY_BUDGET
        if excess <= 0:
            return
        hurry = memory >= 2 * MEMORY_BUDGET
        idle = sorted(self._projections.values(), key=attrgetter("idle_seconds"), reverse=True)
        for projection in idle:
            if excess <= 0:
                return
            limit = HURRY_SECONDS if hurry and projection.over else IDLE_SECONDS
            if projection.idle_seconds >= limit:
                excess -= projection.memory
                projection.suspend()

    async def _end_removed(self) -> None:
        """End the projections of sessions that were removed since they began.

        A removal takes the lease as well; a process that stood still until that had expired would
        renew its own, of a session that is gone.
        """
        if not self._projections:
            return
        found = await removals(self._store)
        for session, projection in self._projections.items():
            if found.get(session.encode()) != self._removals[session]:
                projection.end(TakenOver(session, None, "removed"))

    async def _listed(self) -> set[str]:
        if self._named is not None:
            return self._named
        with self._store.translated_errors():
            names: Any = await self._store.redis.smembers(SESSIONS)
        return {name.decode() for name in names if _is_session_id(name)}

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StoreError):
                for session in await self._leases.renew(list(self._projections)):
                    if session in self._projections:
                        self._projections[session].end(TakenOver(session, None, "another's lease"))

    async def _project(self, session: str) -> None:
        """Project a session whenever its lease is free.

        A fault stops the session, until the quarantine of its log changes, or there is another.
        """
        session_log = logger.bind(session=session)
        whole = singly = taken_over = False
        while True:
            await self._lease(session, session_log)
            # One that is named is waited for; one that is listed may be on its way out.
            if (taken_over or self._named is None) and await self._is_without_log(
                session, session_log
            ):
                if taken_over:
                    session_log.info("session removed")
                self._working.pop(session, None)
                return
            removal = await retry(lambda: removal_of(self._store, session), session_log, StoreError)
            self._removals[session] = removal
            projection = self._projections[session] = self._projection(session)
            stopped: Exception | None = None
            try:
                await projection.run(whole=whole, singly=singly)
            except ForgottenPast as past:
                session_log.info("folding the whole log", reason=str(past))
                whole = True
            except FaultInBatch as fault:
                session_log.warning("fold failed, folding entry by entry", reason=str(fault))
                singly = True
            except TakenOver as taken:
                session_log.info("session taken over by another projector", reason=str(taken))
                whole, taken_over = False, True
            except (StoreUnavailable, RedisError, RedisClusterException, TimeoutError) as error:
                session_log.warning("store unavailable, reloading session", reason=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except StoreUnfit as unfit:  # it may have run out of memory, and have some again
                await self._report_stopped(session, unfit)
                await asyncio.sleep(UNFIT_SECONDS)
            except Exception as fault:  # noqa: BLE001 - it stops this session alone
                stopped = fault
                await self._report_stopped(session, fault, projection.quarantine.positions)
            finally:
                del self._projections[session], self._removals[session]
                with contextlib.suppress(StoreError):
                    await self._leases.release(session)
            if stopped is not None:
                await self._until_changed(session, projection.quarantine, removal)
                whole, singly, taken_over = True, False, True

    async def _is_without_log(self, session: str, session_log: Any) -> bool:
        """Whether nothing was appended yet, or the session is being removed.

        Its lease is given up then; while it is listed, it is looked at again.
        """
        if await retry(lambda: self._log.is_begun(session), session_log, StoreError):
            return False
        with contextlib.suppress(StoreError):
            await self._leases.release(session)
        return True

    async def _until_changed(self, session: str, known: Quarantine, removal: bytes | None) -> None:
        """Wait until other entries of a stopped session are in quarantine, or it is removed.

        ``known`` is the quarantine, and ``removal`` the id of its last removal, so far.
        """
        changed = False
        while not changed:
            with contextlib.suppress(StoreError):
                changed, known = await has_changed(self._log, session, known)
                changed = changed or await removal_of(self._store, session) != removal
            await asyncio.sleep(POLL_SECONDS)

    def _projection(self, session: str) -> SessionProjection:
        return SessionProjection(
            self._store,
            session,
            projector=self.name,
            turn=self._turn,
            clock=self._clock,
            subscriber=self._subscriber,
        )

    def _subscriber(self, session: str, position: str, handle: EntryHandler) -> Any:
        return log_subscriber(self.broker, session, position, handle)

    async def _lease(self, session: str, session_log: Any) -> None:
        """Wait until this projector has the session's lease."""
        while True:
            if await retry(lambda: self._leases.take(session), session_log, StoreError):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _report_stopped(
        self, session: str, fault: Exception, quarantined: Collection[str] = ()
    ) -> None:
        known = isinstance(fault, LapstreamError)
        reason = str(fault) if known else f"{type(fault).__name__}: {fault}"
        position, event = "", ""
        if isinstance(fault, CannotFold):
            position, event = fault.position, fault.event or ""
        # The reason of a store says it all.
        trace = None if isinstance(fault, StoreError) else fault.__cause__ if known else fault
        logger.error(
            "session stopped",
            session=session,
            reason=reason,
            position=position or None,
            event_at_fault=event or None,
            exc_info=trace,
        )
        keys = ProjectionStore(self._store, session)
        with contextlib.suppress(StoreUnfit):
            await retry(
                lambda: keys.report(self.name, reason, position, event, quarantined), logger
            )


def _is_session_id(name: bytes) -> bool:
    try:
        check_session_id(name.decode())
    except (UnicodeDecodeError, BadSessionId):
        return False
    return True


def build_app() -> FastStream:
    """The projector as a FastStream application, configured by environment variables."""
    try:
        settings = ProjectorSettings.load()
    except LapstreamError as error:
        refuse_to_start(error)
    configure(settings.log_level, settings.log_format)

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            async with service_store(settings, "projector") as store:
                projector = Projector(store, settings.sessions, limit=settings.session_limit)
                projector.attach(app)
                projector.failed.add_done_callback(lambda _: app.exit())
                yield
                if projector.failed.done():
                    projector.failed.result()
        except (StoreError, BadSessionId) as error:
            refuse_to_start(error)

    app = FastStream(logger=faststream_logger, lifespan=lifespan)
    return app


async def run_projector(
    store: Store, stop: asyncio.Event, sessions: Collection[str] | None = None
) -> None:
    """Project the sessions named, or all that are listed, in this event loop, until ``stop``.

    Raises what ends the projector as a whole; a fault of one session does not.
    """
    projector = Projector(store, sessions)
    app = FastStream(logger=None)
    projector.attach(app)
    async with app:
        stopping = asyncio.create_task(stop.wait())
        ends: set[asyncio.Future[Any]] = {stopping, projector.failed}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if projector.failed.done():
            projector.failed.result()
