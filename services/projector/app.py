"""The projector: folds the logs of all sessions and commits their frames.

    faststream run services.projector:build_app --factory

It is told by the environment:

- ``LAPSTREAM_STORE``: URL of the server; without it the embedded one;
- ``LAPSTREAM_DATA``: the embedded server's data folder; without it the user's;
- ``LAPSTREAM_SESSIONS``: sessions to fold, separated by commas; without it all that are
  listed, also those listed later;
- ``LAPSTREAM_SESSION_LIMIT``: how many sessions one projector takes on (1000);
- ``LAPSTREAM_LOG_LEVEL``: ``INFO`` unless told otherwise.

Any number of projectors may run. Each session is folded by the one that has its lease; it
renews it every second, and when it dies another takes the session over. What keeps the
frames right is not the lease but the commit (``services.storage.projection_store``).

A session's ``Tenure`` begins where the last commit stands: the newest checkpoint is
restored, the entries from there to the last token are folded silently, and a FastStream
subscriber of its own hands over the batches behind it. Of FastStream 0.7.8:

- a subscriber's position moves on before its handler has run, and a batch whose handler
  fails is gone: so the handler lets nothing but StopConsume escape, waits out a server
  that does not answer, and a tenure that ends for any other reason opens another
  subscriber at the committed token;
- its parsers make text of entries, and one that they cannot read takes the batch with it:
  so ours pass on what came over the wire;
- StopConsume stops one subscriber, and so one session; the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

import structlog
from faststream import AckPolicy, FastStream
from faststream.exceptions import StopConsume
from faststream.message import StreamMessage
from faststream.redis import RedisBroker, RedisClusterBroker, StreamSub
from faststream.redis.configs.state import RedisClusterConnectionState
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisClusterException, RedisError

from events.errors import (
    BadSessionId,
    BadSetting,
    LapstreamError,
    StoreError,
    StoreUnavailable,
    StoreUnfit,
)
from projections.timeline import ForgottenPast
from projections.views.frame import Token
from projections.views.merge_patch import State
from replay.entries import check_session_id, parse_position
from services.gc_policy import collected_by_choice
from services.logging import configure_as_told
from services.projector.session_fold import CannotFold, RawEntry, SessionFold, Step
from services.storage import frame_reader
from services.storage.client import Store, open_store
from services.storage.cluster import ClusterClient, cluster_retry
from services.storage.connections import SOCKET_TIMEOUT
from services.storage.event_log import SESSIONS, Log, log_key
from services.storage.projection_store import Commit, Commits, Leases, TakenOver

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds since some beginning."""

BATCH = 2000
"""Entries that are folded into one frame at most."""

BLOCK_MS = 2000
"""How long a subscriber waits for entries before it asks again."""

SESSION_LIMIT = 1000
LEASE_MS = 3000
RENEW_SECONDS = 1.0
UNFIT_SECONDS = 10.0
"""How long a session rests whose commands the server refuses."""

POLL_SECONDS = 0.5
"""How often the list of sessions and the leases of others are looked at: a session whose
projector died stands still for LEASE_MS and this long at most, and for the taking up."""

SNAPSHOT_SECONDS = 1.0
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_ENTRIES = 4096

logger = structlog.get_logger(__name__)
_faststream_logger = logging.getLogger("lapstream.faststream")
_faststream_logger.setLevel(logging.WARNING)  # below it tells of every batch


class Cadence:
    """When a session's snapshots and checkpoints are due.

    A snapshot is due when the deltas since the last one have come to its size: so it at
    most doubles what is written, however large it grows; and never twice in a second.
    Checkpoints are a few thousand entries and a second apart: so a restart folds again
    what a second folded, or what came in since a few thousand entries ago.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._snapshot_at = self._checkpoint_at = clock()
        self._snapshot_size = 0
        self._deltas = 0

    def delta_told(self, size: int) -> None:
        """A delta of so many bytes was told."""
        self._deltas += size

    def snapshot_told(self, size: int) -> None:
        """A snapshot of so many bytes was told."""
        self._snapshot_at, self._snapshot_size, self._deltas = self._clock(), size, 0

    def snapshot_lost(self) -> None:
        """The newest snapshot was deleted."""
        self._snapshot_size = 0

    def snapshot_due(self) -> bool:
        """Whether to tell a snapshot along with this frame."""
        paid_for = self._deltas >= self._snapshot_size
        return paid_for and self._clock() - self._snapshot_at >= SNAPSHOT_SECONDS

    def checkpoint_due(self, folded: int) -> bool:
        """Whether to store a checkpoint now, ``folded`` entries after the last one."""
        now = self._clock()
        if folded < CHECKPOINT_ENTRIES or now - self._checkpoint_at < CHECKPOINT_SECONDS:
            return False
        self._checkpoint_at = now
        return True


class Tenure:
    """One projector's time with one session, from the last commit on.

    ``serve`` goes on until the session is lost or stopped, and raises why.
    """

    def __init__(self, projector: Projector, session: str) -> None:
        self.session = session
        self._projector = projector
        self._commits = Commits(projector.store, session)
        self._cadence = Cadence(projector.clock)
        self._fold = SessionFold()
        self._first_epoch = 1
        self._stored: set[str] = set()
        self._folding: asyncio.Task[None] | None = None
        self._committing: asyncio.Task[None] | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._logger = logger.bind(session=session)

    async def serve(self, *, whole: bool) -> None:
        """Take the session up and go on with it; ``whole`` says to trust no checkpoint.

        Raises TakenOver, ForgottenPast (only the whole log will do), StoreError, and
        CannotFold or any other fault of the fold, which stop the session.
        """
        await self._take_up(whole)
        await self._commits.report(self._projector.name)
        subscriber = self._projector.subscriber(self.session, self._fold.position, self._handle)
        try:
            await subscriber.start()
            await self._end
        finally:
            await subscriber.stop()
            for task in (self._folding, self._committing):
                if task is not None:
                    task.cancel()

    def end(self, error: Exception) -> None:
        """Let ``serve`` raise this error."""
        if not self._end.done():
            self._end.set_exception(error)

    # -- Coming to where the last commit stands ----------------------------------------

    async def _take_up(self, whole: bool) -> None:
        # A key that is no stream is found here: FastStream would ask for it without a pause.
        await self._projector.log.length(self.session)
        token = await self._commits.token()
        if token is None:
            self._first_epoch = await self._commits.last_epoch() + 1
            return
        told = await self._told(token)
        if not whole and await self._resume(token) and self._fold.stand_at(token, told) is None:
            return
        self._fold, self._stored = SessionFold(), set()
        await self._recall(token)
        step = self._fold.stand_at(token, told)
        if step is not None:
            self._logger.warning("what was told does not follow from the log; telling it anew")
            await self._commit(self._commit_of(step))

    async def _told(self, token: Token) -> State | None:
        """What screens show at the token; None where that cannot be known."""
        picture = await frame_reader.picture(self._projector.store, self.session)
        if picture is None or picture.newest is None or picture.newest.token != token:
            return None
        return picture.state

    async def _resume(self, token: Token) -> bool:
        """Fold from the stored checkpoint to the token; False where that cannot be done."""
        data, blocks = await self._commits.checkpoint()
        if data is None:
            return False
        async with self._projector.turn:
            fold = SessionFold.resumed(data, blocks)
        if fold is None or parse_position(fold.position) > parse_position(token.position):
            return False
        self._fold, self._stored = fold, {name.decode() for name in blocks}
        try:
            await self._recall(token)
        except ForgottenPast:
            return False
        return True

    async def _recall(self, token: Token) -> None:
        """Fold silently up to the token."""
        log, after = self._projector.log, self._fold.position
        async for entries in log.read(self.session, after, token.position, BATCH):
            async with self._projector.turn:
                self._fold.recall(entries)

    # -- Going on ----------------------------------------------------------------------

    async def _handle(self, entries: Sequence[RawEntry]) -> None:
        """A batch from the subscriber. Whatever goes wrong ends this tenure, and it alone.

        Reading, folding and committing each wait for their own last batch: while one is
        folded the next is on its way from the server, and the last on its way to it.
        """
        try:
            if self._folding is not None:
                await self._folding
        except Exception as error:  # noqa: BLE001 - FastStream would log it and go on
            self.end(error)
            raise StopConsume from None
        self._folding = self._begin(self._take(entries))

    async def _take(self, entries: Sequence[RawEntry]) -> None:
        async with self._projector.turn:
            step = self._fold.take(entries, self._first_epoch)
        if step is not None:
            commit = self._commit_of(step)
            if self._committing is not None:
                await self._committing
            self._committing = self._begin(self._commit(commit, step.fault))

    async def _commit(self, commit: Commit, fault: CannotFold | None = None) -> None:
        if not await patiently(lambda: self._commits.commit(commit), self._logger):
            self._cadence.snapshot_lost()
        if commit.checkpoint is not None:
            self._stored.update(commit.checkpoint.blocks)
        if fault is not None:
            raise fault

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside what else is done; if it fails the tenure ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.end(error)

    def _commit_of(self, step: Step) -> Commit:
        frame = step.frame.encode()
        anew = step.frame.kind == "snapshot"
        snapshot = frame if anew else None
        if not anew:
            self._cadence.delta_told(len(frame))
            if self._cadence.snapshot_due():
                snapshot = self._fold.snapshot().encode()
        if snapshot is not None:
            self._cadence.snapshot_told(len(snapshot))
        due = self._cadence.checkpoint_due(self._fold.folded)
        checkpoint = self._fold.checkpoint(self._stored) if due else None
        return Commit(
            step.before,
            step.frame.token,
            frame,
            anew=anew,
            snapshot=snapshot,
            checkpoint=checkpoint,
            forget_checkpoint=due and checkpoint is None,
            parked=step.parked,
        )


class Projector:
    """All sessions of a store, or those named, as far as this projector has their leases."""

    def __init__(
        self,
        store: Store,
        sessions: Collection[str] | None = None,
        *,
        limit: int = SESSION_LIMIT,
        clock: Clock = time.monotonic,
    ) -> None:
        """Raises BadSessionId for a name that no session can have."""
        self.store = store
        self.log = Log(store)
        self.clock = clock
        self.name = f"{os.getpid()}-{uuid4().hex[:12]}"
        self.turn = asyncio.Lock()
        """Folds take turns, so that between two of them leases are renewed."""
        self.broker = _broker(store, limit + 1)  # a blocking reader for each session
        self._named = sessions if sessions is None else set(map(check_session_id, sessions))
        self._limit = limit
        self._leases = Leases(store, self.name, LEASE_MS)
        self._tenures: dict[str, Tenure] = {}
        self._work: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with what was raised, if the projector as a whole came to an end."""

    def attach(self, app: FastStream) -> None:
        """Work while this application runs."""
        app.add_broker(self.broker)
        app.after_startup(self._start)
        app.on_shutdown(self._stop)

    async def _start(self) -> None:
        client: Any = await self.broker.connect()
        client.set_response_callback("XREAD", _as_one_message)
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(self._ended)

    async def _stop(self) -> None:
        """Leave all sessions to other projectors."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def _ended(self, work: asyncio.Task[None]) -> None:
        error = None if work.cancelled() else work.exception()
        if error is not None:
            logger.critical("the projector failed", exc_info=error)
            self.failed.set_exception(error)

    def subscriber(
        self, session: str, position: str, handle: Callable[[Sequence[RawEntry]], Awaitable[None]]
    ) -> Any:
        """A subscriber of the session's log behind ``position``, yet to be started."""
        stream = _Stream(
            log_key(session),
            last_id=position,
            max_records=BATCH,
            polling_interval=BLOCK_MS,
        )
        subscriber = self.broker.subscriber(
            stream=stream,
            parser=_parse,
            decoder=_decode,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            persistent=False,
        )
        subscriber(handle)
        return subscriber

    # -- Which sessions, and whose -----------------------------------------------------

    async def _run(self) -> None:
        sessions: set[str] = set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew_leases())
            while True:
                listed = await patiently(self._listed, logger, StoreError)
                for session in sorted(listed - sessions):
                    if len(sessions) < self._limit:
                        sessions.add(session)
                        group.create_task(self._project(session))
                await asyncio.sleep(POLL_SECONDS)

    async def _listed(self) -> set[str]:
        if self._named is not None:
            return self._named
        with self.store.translated_errors():
            names: Any = await self.store.redis.smembers(SESSIONS)
        return {name.decode() for name in names if _is_session_id(name)}

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StoreError):
                for session in await self._leases.renew(list(self._tenures)):
                    if session in self._tenures:
                        self._tenures[session].end(TakenOver(session, None, "another's lease"))

    async def _project(self, session: str) -> None:
        """Fold a session whenever it is ours, until it stops."""
        session_log = logger.bind(session=session)
        whole = False
        while True:
            await self._lease(session, session_log)
            tenure = self._tenures[session] = Tenure(self, session)
            try:
                await tenure.serve(whole=whole)
            except ForgottenPast:
                session_log.info("an event reaches behind the checkpoint; folding the whole log")
                whole = True
            except TakenOver as taken:
                session_log.info("another projector has the session", reason=str(taken))
                whole = False
            except (StoreUnavailable, RedisError, RedisClusterException, TimeoutError) as error:
                session_log.warning("the store does not answer; beginning again", reason=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except StoreUnfit as unfit:  # it may have run out of memory, and have some again
                await self._report_stopped(session, unfit)
                await asyncio.sleep(UNFIT_SECONDS)
            except Exception as fault:  # noqa: BLE001 - it stops this session alone
                await self._report_stopped(session, fault)
                return
            finally:
                del self._tenures[session]
                with contextlib.suppress(StoreError):
                    await self._leases.release(session)

    async def _lease(self, session: str, session_log: Any) -> None:
        """Wait until the session is ours."""
        while True:
            if await patiently(lambda: self._leases.take(session), session_log, StoreError):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _report_stopped(self, session: str, fault: Exception) -> None:
        position = fault.position if isinstance(fault, CannotFold) else ""
        known = isinstance(fault, LapstreamError)
        reason = str(fault) if known else f"{type(fault).__name__}: {fault}"
        trace = None if known else fault
        logger.error("the session is stopped", session=session, reason=reason, exc_info=trace)
        commits = Commits(self.store, session)
        with contextlib.suppress(StoreUnfit):
            await patiently(lambda: commits.report(self.name, reason, position), logger)


async def patiently(
    ask: Callable[[], Awaitable[T]], log: Any, trouble: type[StoreError] = StoreUnavailable
) -> T:
    """Ask the store, again and again while it has this trouble."""
    pause = 0.05
    while True:
        try:
            return await ask()
        except trouble as error:
            log.warning("waiting for the store", reason=str(error))
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)


def _is_session_id(name: bytes) -> bool:
    try:
        check_session_id(name.decode())
    except (UnicodeDecodeError, BadSessionId):
        return False
    return True


class _ClusterState(RedisClusterConnectionState):
    async def connect(self) -> ClusterClient:
        self._client = ClusterClient(**self._options)
        self._connected = True
        return self._client


class _ClusterBroker(RedisClusterBroker):
    """FastStream's, with the client that stands a node's end."""

    def _make_connection_state(
        self, connection_options: dict[str, Any], kwargs: dict[str, Any]
    ) -> _ClusterState:
        return _ClusterState(connection_options)


def _broker(store: Store, connections: int) -> RedisBroker:
    settings: dict[str, Any] = {
        "max_connections": connections,
        "socket_timeout": SOCKET_TIMEOUT,
        "apply_types": False,
        "logger": _faststream_logger,
        "log_level": logging.DEBUG,
        "graceful_timeout": 5.0,
    }
    if store.cluster:
        settings["require_full_coverage"] = False  # FastStream hands it on, untyped
        return _ClusterBroker(store.url, retry=cluster_retry(), **settings)
    return RedisBroker(
        store.url,
        retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=1.0), retries=10),
        socket_read_size=2**18,  # a batch in a few pieces
        **settings,
    )


class _Stream(StreamSub):
    """FastStream's, which it copies for each batch to put no prefix before its name."""

    def add_prefix(self, prefix: str) -> Self:
        return super().add_prefix(prefix) if prefix else self


# -- What FastStream hands over --------------------------------------------------------------


def _as_one_message(reply: Any, **_: Any) -> Any:
    """The answer of XREAD, with all its entries as one message under the last position.

    FastStream and the client library would take each entry to pieces, make a dictionary
    of its fields and so lose a repeated name. The server answers with a list of streams
    or, in RESP3, with a map; with none when nothing came.
    """
    streams = reply.items() if isinstance(reply, dict) else reply or ()
    return [(name, [(entries[-1][0], entries)]) for name, entries in streams]


async def _parse(message: Any) -> StreamMessage[Any]:
    """A batch as it came over the wire: events are decoded one by one, in the fold."""
    position = message["message_ids"][0].decode()
    return StreamMessage(message, message["data"], correlation_id=position, message_id=position)


async def _decode(message: StreamMessage[Any]) -> Any:
    """The entries of a batch, positions with their fields."""
    return message.body


# -- Running it ------------------------------------------------------------------------------


def build_app() -> FastStream:
    """The projector as an application of its own, told by the environment."""
    url = os.environ.get("LAPSTREAM_STORE") or None
    data = os.environ.get("LAPSTREAM_DATA")
    sessions = os.environ.get("LAPSTREAM_SESSIONS")
    limit = os.environ.get("LAPSTREAM_SESSION_LIMIT", str(SESSION_LIMIT))
    if not limit.isascii() or not limit.isdigit():
        raise SystemExit(f"LAPSTREAM_SESSION_LIMIT is a number of sessions, not {limit!r}")
    try:
        configure_as_told()
    except BadSetting as error:
        raise SystemExit(str(error)) from None

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            async with (
                open_store(url, Path(data) if data else None) as store,
                collected_by_choice(),
            ):
                named = sessions.split(",") if sessions else None
                projector = Projector(store, named, limit=int(limit))
                projector.attach(app)
                projector.failed.add_done_callback(lambda _: app.exit())
                yield
                if projector.failed.done():
                    projector.failed.result()
        except (StoreError, BadSessionId) as error:
            raise SystemExit(str(error)) from None

    app = FastStream(logger=_faststream_logger, lifespan=lifespan)
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
