"""One projector's work on one session: from the last commit, for as long as it has the lease.

The newest checkpoint is restored, the entries from there to the last token are folded
without publishing frames, and a FastStream subscriber delivers the batches after it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from faststream.exceptions import StopConsume

from events.errors import StoreError
from projections.timeline import ForgottenPast
from projections.views.frame import Token
from projections.views.merge_patch import State
from replay.entries import START, parse_position
from replay.quarantine import CannotFold, Quarantine
from services.projector.faststream_adapter import BATCH, EntryHandler, stop
from services.projector.schedule import MonotonicClock, SnapshotSchedule, retry
from services.projector.session_fold import FoldStep, RawEntry, SessionFold, entry_described
from services.storage.client import Store
from services.storage.committed_frames import FrameLine
from services.storage.event_log import Log
from services.storage.frame_reader import state_at
from services.storage.projection_store import Commit, ProjectionStore, TakenOver
from services.storage.quarantine_log import quarantine_of

logger = structlog.get_logger(__name__)


class SessionProjection:
    """Folds one session and commits its frames, from the last commit on.

    ``projector`` is the name written to the session's health; ``turn`` is a lock shared by all
    sessions of the projector, held while folding; ``subscriber`` opens a subscriber of the
    session's log after a position.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        *,
        projector: str,
        turn: asyncio.Lock,
        clock: MonotonicClock,
        subscriber: Callable[[str, str, EntryHandler], Any],
    ) -> None:
        self.session = session
        self._store = store
        self._log = Log(store)
        self._projector = projector
        self._turn = turn
        self._subscriber = subscriber
        self._keys = ProjectionStore(store, session)
        self._schedule = SnapshotSchedule(clock)
        self._clock = clock
        self._fold = SessionFold()
        self._idle_since: float | None = None
        self._suspended = False
        self._singly = False
        self._view_faults: dict[str, str] = {}
        self._newest: RawEntry | None = None
        self._reporting: asyncio.Task[None] | None = None
        self._suspended_at: Token | None = None
        self._first_epoch = 1
        self._stored_blocks: set[str] = set()
        self._folding: asyncio.Task[None] | None = None
        self._committing: asyncio.Task[None] | None = None
        self._line = FrameLine()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._logger = logger.bind(session=session)

    async def run(self, *, whole: bool, singly: bool = False) -> None:
        """Load the session and project it until an error ends that.

        ``whole``: fold the whole log instead of restoring a checkpoint; ``singly``: fold entry
        by entry, which finds the one at fault. Raises TakenOver, ForgottenPast (only the whole
        log will do), FaultInBatch (only entry by entry will do), StoreError, and CannotFold or
        any other fault, which stop the session.
        """
        self._singly = singly
        with self._store.committed.line(self.session) as self._line:
            await self._project(whole)

    async def _project(self, whole: bool) -> None:
        await self._load(whole)
        await self._keys.report(self._projector, quarantined=self.quarantine.positions)
        self._note_view_faults()
        subscriber = self._subscriber(self.session, self._fold.position, self._handle)
        try:
            await subscriber.start()
            self._idle_since = self._clock()
            await self._end
        finally:
            await stop(subscriber)
            tasks = (self._folding, self._committing, self._reporting)
            working = [task for task in tasks if task is not None]
            for task in working:
                task.cancel()
            if working:
                await asyncio.wait(working)

    @property
    def quarantine(self) -> Quarantine:
        """The entries that are left out, as far as this projection knows."""
        return self._fold.quarantine

    @property
    def memory(self) -> int:
        """About how much memory the folded session takes."""
        return 0 if self._suspended else self._fold.memory

    @property
    def over(self) -> bool:
        """Whether no entries are due: the session clock stands."""
        return self._fold.over

    @property
    def idle_seconds(self) -> float:
        """How long no entry was folded; 0 while there is work, as for all of a load."""
        working = any(task and not task.done() for task in (self._folding, self._committing))
        if working or self._idle_since is None:
            return 0.0
        return self._clock() - self._idle_since

    def suspend(self) -> None:
        """Drop the folded session from memory; the next entry loads it again.

        Call only while ``idle_seconds`` is above 0: all that was folded is committed then.
        """
        self._suspended, self._suspended_at, self._idle_since = True, self._fold.token, None
        self._fold, self._stored_blocks = SessionFold(), set()
        self._logger.debug("session suspended: no entries for a while")

    def end(self, error: Exception) -> None:
        """Let ``run`` raise this error."""
        if not self._end.done():
            self._end.set_exception(error)

    # -- Loading -----------------------------------------------------------------------

    async def _load(self, whole: bool) -> None:
        """Fold up to the last commit, or begin a new epoch where that cannot be done."""
        # Raises for a key that is not a stream, which FastStream would read again without a pause.
        await self._log.length(self.session)
        if damaged := await self._keys.discard_damaged():
            self._logger.warning("derived keys damaged, making them anew", keys=damaged)
        token = await self._keys.token()
        if token is None:
            self._first_epoch = await self._keys.last_epoch() + 1
            if whole:
                self._fold = await self._empty_fold()
            return
        published = await state_at(self._store, self.session, token)
        if not whole and await self._restore(token) and self._resumes(token, published):
            return
        self._fold, self._stored_blocks = await self._empty_fold(), set()
        await self._fold_published(token)
        step = self._fold.resume_at(token, published)
        if step is not None:
            self._logger.warning("published state does not follow from the log, rebuilding it")
            await self._commit(self._commit_of(step))

    async def _empty_fold(self) -> SessionFold:
        """A fold of nothing yet that knows what is in quarantine."""
        return SessionFold(quarantine=await quarantine_of(self._log, self.session))

    def _resumes(self, token: Token, published: State | None) -> bool:
        return self._fold.resume_at(token, published) is None

    async def _restore(self, token: Token) -> bool:
        """Fold from the stored checkpoint to the token; False where that cannot be done."""
        data, blocks = await self._keys.checkpoint()
        if data is None:
            return False
        async with self._turn:
            fold = SessionFold.from_checkpoint(data, blocks)
        if fold is None or parse_position(fold.position) > parse_position(token.position):
            return False
        self._fold, self._stored_blocks = fold, {name.decode() for name in blocks}
        try:
            await self._fold_published(token)
        except ForgottenPast:
            return False
        return True

    async def _fold_published(self, token: Token) -> None:
        """Fold up to the token, whose frames were published already."""
        after = self._fold.position
        async for entries in self._log.read(self.session, after, token.position, BATCH):
            async with self._turn:
                for part in self._parts(entries):
                    self._fold.fold_published(part)
                    self._newest = part[-1]

    async def _resume(self) -> None:
        """Load the suspended session where it stood. Raises TakenOver if it stands elsewhere."""
        self._suspended, before = False, self._suspended_at
        await self._load(whole=False)
        # The subscriber goes on from there: it would miss what lies between, as all of the log
        # where the derived keys were deleted meanwhile.
        if self._fold.position != (START if before is None else before.position):
            raise TakenOver(self.session, before, str(self._fold.token or ""))

    # -- Folding and committing --------------------------------------------------------

    async def _handle(self, entries: Sequence[RawEntry]) -> None:
        """Fold a batch from the subscriber. Any failure ends this projection, and it alone.

        Reading, folding and committing form a pipeline: each waits for its own last batch
        only, so while one batch is folded the next is read and the one before committed.
        """
        try:
            if self._folding is not None:
                await self._folding
        except Exception as error:  # noqa: BLE001 - FastStream would log it and continue
            self.end(error)
            raise StopConsume from None
        self._folding = self._start(self._take(entries))

    async def _take(self, entries: Sequence[RawEntry]) -> None:
        if self._suspended:
            await self._resume()
        for part in self._parts(entries):
            async with self._turn:
                step = self._fold.fold(part, self._first_epoch)
            self._idle_since = self._clock()
            if step is not None:
                commit = self._commit_of(step)
                self._newest = part[-1]
                self._note_view_faults()
                if self._committing is not None:
                    await self._committing
                self._committing = self._start(self._commit(commit, step.fault))

    def _parts(self, entries: Sequence[RawEntry]) -> Sequence[Sequence[RawEntry]]:
        """The entries as they are folded: all at once, or one by one."""
        return [[entry] for entry in entries] if self._singly else (entries,)

    def _note_view_faults(self) -> None:
        """Log the views that fail since the newest entry, and note them in the health."""
        now = dict(self._fold.view_faults)
        if now.keys() == self._view_faults.keys():
            return
        where = f"since {self._fold.position}"
        if self._newest is not None:
            where += f" ({entry_described(self._newest)})"
        self._view_faults = {
            topic: self._view_faults.get(topic, f"{why}, {where}") for topic, why in now.items()
        }
        for topic, why in self._view_faults.items():
            self._logger.error("view failed", view=topic, reason=why)
        self._reporting = asyncio.create_task(self._report_views(dict(self._view_faults)))

    async def _report_views(self, faults: dict[str, str]) -> None:
        with contextlib.suppress(StoreError):
            await self._keys.report_views(faults)

    async def _commit(self, commit: Commit, fault: CannotFold | None = None) -> None:
        if not await retry(lambda: self._keys.commit(commit), self._logger):
            self._schedule.snapshot_missing()
        self._line.add(commit.before, commit.after, commit.frame)
        if commit.checkpoint is not None:
            self._stored_blocks.update(commit.checkpoint.blocks)
        if fault is not None:
            raise fault

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run it as a task whose failure ends the projection."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.end(error)

    def _commit_of(self, step: FoldStep) -> Commit:
        frame = step.frame.encode()
        new_epoch = step.frame.kind == "snapshot"
        snapshot = frame if new_epoch else None
        if not new_epoch:
            self._schedule.delta_written(len(frame))
            if self._schedule.snapshot_due():
                snapshot = self._fold.snapshot().encode()
        if snapshot is not None:
            self._schedule.snapshot_written(len(snapshot))
        due = self._schedule.checkpoint_due(self._fold.folded)
        checkpoint = self._fold.checkpoint(self._stored_blocks) if due else None
        return Commit(
            step.before,
            step.frame.token,
            frame,
            new_epoch=new_epoch and step.rebuilt,
            snapshot=snapshot,
            checkpoint=checkpoint,
            forget_checkpoint=due and checkpoint is None,
            parked=step.parked,
        )
