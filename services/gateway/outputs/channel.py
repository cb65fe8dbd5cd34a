"""OutputStore on air: what each shows now, for its rows and its pushes alike.

An output has a buffer of its own. A session's picture comes onto it once the output's delay
has passed, and none does while the output is frozen; rows and subscribers read nothing
else. So delay and hold are in one place, and a subscriber of an output is one of a buffer.
Whatever becomes of the source, the buffer keeps what it showed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import structlog

from events.errors import LapstreamError
from projections.views.frame import Frame, Token
from projections.views.freshness import ran_on_ms
from services.gateway.errors import RequestRefused
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot, token_order
from services.gateway.live.session_tail import RETRY_SECONDS, SessionTail, now_ms
from services.gateway.outputs.derived import DERIVED, TopicDeriver
from services.gateway.routes.streams import picture_before
from services.gateway.state import Gateway
from services.storage.output_store import (
    FrozenOutput,
    Hold,
    NoSuchOutput,
    Output,
    OutputStore,
    StoredOutput,
)
from services.storage.output_views import OutputView

FOLD_SECONDS = 0.5
"""How often a delayed picture from before this process's time is brought up to date."""

DERIVE_SECONDS = 0.5
"""How often, at most, what a picture does not tell is made of the race."""

KEEP_SECONDS = 2.0
"""How often what is shown is remembered in the store, where it changed."""

FIRST_SECONDS = 2.0
"""How long whoever asks waits for the first picture of an output."""

EPOCHS = 1 << 16
"""The epochs of a session's frames are below it (``projection_store.LARGEST_EPOCH``)."""

logger = structlog.get_logger(__name__)


class OutputContent(NamedTuple):
    """What an output shows.

    ``moment`` is the wall-clock time (ms) that is shown: now, less the delay, and what that
    was when it was frozen. ``at`` is when that was, without the delay, and ``now`` when it is
    asked. ``failed`` says that the source is known to be gone, whatever the age.
    """

    output: Output
    snapshot: Snapshot
    moment: float
    at: float
    now: float
    failed: bool
    hold: Hold | None = None

    @property
    def age_ms(self) -> int:
        """How long before the moment that would be due now the newest event was learned.

        The delay is wanted, and does not count: a clock that runs on by the age is right. A
        frozen picture's clock stands, and it grows older all the same.
        """
        return max(0, int(self._due) - self.snapshot.at)

    @property
    def stale(self) -> bool:
        """Whether the source is gone, or what is shown older than the field can be silent."""
        return self.failed or self.snapshot.freshness(self._due) == "stale"

    @property
    def _due(self) -> float:
        return self.now - self.output.delay_ms


class OutputChannel:
    """One output at work in this process."""

    def __init__(self, gateway: Gateway, outputs: OutputStore, kept: StoredOutput) -> None:
        self.output = kept.effective
        self.buffer = FrameBuffer()
        self.sent = 0
        """Messages that were sent to subscribers."""
        self.ended = False
        """Whether subscribers are to be sent no more: the output was changed or removed."""
        self.removal_reason: str | None = None
        """Whoever comes again to an output that was removed is told so then."""
        self.failed = False
        """Whether the source is gone."""
        self._failure: str | None = None  # as it was said last
        self._gateway = gateway
        self._outputs = outputs
        self._kept = kept
        self._source: Snapshot | None = None
        self._held: FrozenOutput | None = None
        self._reason: str | None = None
        self._pausing = 0
        self._derive = TopicDeriver(gateway, self.output) if self.output.view in DERIVED else None
        self._derived_at = 0.0
        self._recalled = False  # whether what is shown was made by a process before this one
        session = self.output.session
        self._channel = Channel(
            filter_of(self.output), silent=lambda: gateway.tail_pool.silent(session)
        )
        self._listeners: dict[Callable[[], None], None] = {}
        self._ready = asyncio.Event()
        self._wake = asyncio.Event()
        if kept.frozen is not None:
            self._hold(kept.frozen)
        self._tasks = [asyncio.create_task(self._play()), asyncio.create_task(self._remember())]

    def channel(self) -> Channel:
        """The channel that its subscribers share."""
        return self._channel

    @contextlib.contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have ``wake`` called at each new snapshot."""
        self._listeners[wake] = None
        try:
            yield
        finally:
            del self._listeners[wake]

    async def showing(self, lost: bool) -> OutputContent | None:
        """What is shown now; the first picture is waited for. ``lost``: the store is away."""
        if self._source is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._ready.wait()
        return self.shown(lost)

    def shown(self, lost: bool) -> OutputContent | None:
        """What is shown at this moment; None where nothing was ever there to show."""
        if self._source is None:
            return None
        output, source, now = self.output, self._source, now_ms()
        if self._held is not None:
            hold = self._held.hold
            return OutputContent(output, source, hold.moment, hold.since_ms, now, hold.stale, hold)
        failed = lost or self.failed or self._is_silent()
        return OutputContent(output, source, now - output.delay_ms, now, now, failed)

    def _is_silent(self) -> bool:
        """Whether the source's feed is not heard, and nothing else tells of the session."""
        source, moment = self._source, now_ms() - self.output.delay_ms
        silent = self._gateway.tail_pool.silent(self.output.session)
        return source is not None and source.freshness(moment, silent=silent) == "stale"

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Show nothing new meanwhile."""
        self._pausing += 1
        try:
            yield
        finally:
            self._pausing -= 1
            self._wake.set()

    def take(self, kept: StoredOutput) -> bool:
        """Take in what the store has now; False where that is another picture altogether."""
        if kept.effective != self.output:
            return False
        if kept.revision >= self._kept.revision:
            released = self._held is not None and kept.frozen is None
            self._kept = kept
            if kept.frozen is not None and kept.frozen != self._held:
                self._hold(kept.frozen)
            elif released:
                self._held = None
                self._wake.set()
        return True

    def end(self) -> None:
        """Send subscribers away."""
        self.ended = True
        self._tell()

    async def close(self) -> None:
        """Show nothing any more."""
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    # -- OutputContent -------------------------------------------------------------------------

    def _hold(self, held: FrozenOutput) -> None:
        """Show what was frozen, with its clock at a stand."""
        self._held = held
        source = _snapshot(held.frame)
        stopped = source._replace(clock_at=clock_of(source, held.hold.moment), clock_running=False)
        self._source = source
        self._put(stopped, held.revision, f"frozen by {held.hold.by}")

    def _show(self, source: Snapshot) -> None:
        """Show a picture of the session, unless something later is shown."""
        if not self._is_news(source):
            return
        self._recalled = False
        newest = self.buffer.newest
        token = token_of(source, self._kept.revision)
        if newest is None or token.epoch != newest.token.epoch:
            was_held = newest is not None and newest.token.epoch // EPOCHS < self._kept.revision
            self._reason = "released" if was_held else source.reason
        self._source = source
        self._put(source, self._kept.revision, self._reason)

    def _is_news(self, source: Snapshot) -> bool:
        """Whether it is later than what is shown, or the same to be made anew."""
        newest = self.buffer.newest
        token = token_of(source, self._kept.revision)
        if newest is None or (self._recalled and token == newest.token):
            return True
        return token_order(token) > token_order(newest.token)

    def _put(self, snapshot: Snapshot, revision: int, reason: str | None) -> None:
        # Whoever runs a clock on from it goes by when it came on air here.
        at = snapshot.at + self.output.delay_ms
        self.buffer.append(
            snapshot._replace(token=token_of(snapshot, revision), at=at, reason=reason)
        )
        self._ready.set()
        self._tell()

    def _tell(self) -> None:
        for wake in tuple(self._listeners):
            wake()

    # -- The source ----------------------------------------------------------------------

    async def _play(self) -> None:
        """Bring the session's pictures onto the buffer, each when it is due."""
        await self._recall()
        while True:
            try:
                await self._follow(await self._gateway.tail(self.output.session))
            except (LapstreamError, RequestRefused) as error:
                self._has_failed(str(error))
                await self._recall()
            except Exception as error:
                if repr(error) != self._failure:
                    logger.exception("an output cannot be shown", output=self.output.name)
                self.failed, self._failure = True, repr(error)
            await asyncio.sleep(RETRY_SECONDS)

    def _has_failed(self, reason: str) -> None:
        """Note that the source is gone, and say so once."""
        self.failed = True
        if reason != self._failure:
            self._failure = reason
            logger.warning("an output's source is gone", output=self.output.name, reason=reason)

    def _is_well(self) -> None:
        self.failed = False
        if self._failure is not None:
            self._failure = None
            logger.info("an output's source is back", output=self.output.name)

    async def _follow(self, tail: SessionTail) -> None:
        delay = self.output.delay_ms
        tail.buffer.retain_ms = max(tail.buffer.retain_ms, delay)
        with tail.listening(self._wake.set):
            while not tail.ended:
                self._wake.clear()
                due, seconds = await self._due(tail)
                if due is not None and self._derive is not None and self._is_news(due):
                    early = self._derived_at + DERIVE_SECONDS - now_ms() / 1000
                    if early > 0:
                        await asyncio.sleep(early)
                        continue
                    self._derived_at = now_ms() / 1000
                    due = await self._derive(due)
                if due is not None and self._held is None and not self._pausing:
                    self._show(due)
                coming = tail.buffer.after(due) if delay and not tail.buffer.behind else None
                if coming is not None:
                    seconds = min(seconds, max(0.0, (coming.at + delay - now_ms()) / 1000))
                await _within(seconds, self._wake)
                await self._gateway.require(tail.session)  # a replay may have been forgotten
                self._is_well()

    async def _due(self, tail: SessionTail) -> tuple[Snapshot | None, float]:
        """The picture that is to be shown, and for how many seconds it is looked no further.

        None before there is one: nothing had happened by then, or the tail has only some of
        what was told already, and an old picture is worse than the one that was shown last.
        """
        delay, newest = self.output.delay_ms, tail.buffer.newest
        if tail.buffer.behind or newest is None:
            return None, KEEP_SECONDS
        due = tail.buffer.at(now_ms() - delay) if delay else newest
        if due is not None or not await self._has_log():
            return due, KEEP_SECONDS
        due = await picture_before(self._gateway, tail.session, newest, delay)
        return due if due.at else None, FOLD_SECONDS

    async def _has_log(self) -> bool:
        return not await self._gateway.is_replay(self.output.session)

    # -- Memory --------------------------------------------------------------------------

    async def _recall(self) -> None:
        """Begin with what was shown last, where that is not too new."""
        if self._source is not None:
            return
        with contextlib.suppress(LapstreamError):
            frame = await self._outputs.saved_snapshot(self.output.name)
            if (
                frame is not None
                and frame.at <= now_ms() - self.output.delay_ms
                and self._source is None
            ):
                self._show(_snapshot(frame))
                # What was made of a race may be made otherwise now: points, of their season.
                self._recalled = self._derive is not None

    async def _remember(self) -> None:
        kept: Snapshot | None = None
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            source = self._source
            if source is not None and source is not kept and self._held is None:
                with contextlib.suppress(LapstreamError):
                    await self._outputs.save_snapshot(self.output, frame_of(source))
                    kept = source


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


TOPICS: dict[OutputView, frozenset[str]] = {
    "standings": frozenset({"standings", "fastest"}),
    "battle": frozenset({"battle", "standings"}),
    "flag": frozenset({"cautions", "messages"}),
    "lane": frozenset({"standings", "pits"}),
    "pits": frozenset({"standings", "pits"}),
    "penalties": frozenset({"standings", "penalties"}),
    "fastest": frozenset({"standings", "fastest"}),
    "championship": frozenset({"championship"}),
    "results": frozenset({"results"}),
    "drivers": frozenset({"standings", "drivers"}),
    "cautions": frozenset({"cautions"}),
    "messages": frozenset({"messages"}),
}
"""The topics of each view, beside the session line: a graphic names the car of a penalty."""


def filter_of(output: Output) -> Filter:
    """What subscribers of an output are sent: its view, and what it takes to tell of it."""
    return Filter(TOPICS[output.view], frozenset(output.classes), frozenset(output.cars))


def clock_of(snapshot: Snapshot, moment: float) -> int:
    """The session clock (ms) at a moment: it runs on, but not away from a silent source."""
    patience = snapshot.state["session"].get("patience_ms")
    return snapshot.clock_at + ran_on_ms(
        snapshot.clock_running, int(moment) - snapshot.at, patience
    )


def token_of(snapshot: Snapshot, revision: int) -> Token:
    """The token of a session's picture on an output: each revision begins an epoch.

    It is the same at every gateway, and after a restart.
    """
    return Token(revision * EPOCHS + snapshot.token.epoch, snapshot.token.position)


def frame_of(snapshot: Snapshot) -> Frame:
    """A picture as it is kept in the store."""
    return Frame(
        snapshot.token,
        snapshot.at,
        snapshot.clock_at,
        snapshot.clock_running,
        "snapshot",
        snapshot.state,
    )


def _snapshot(frame: Frame) -> Snapshot:
    return Snapshot(0, frame.token, frame.at, frame.clock_at, frame.clock_running, frame.data)


class OutputChannels:
    """The outputs at work in this process: each from when it is first asked for."""

    def __init__(self, gateway: Gateway) -> None:
        self.outputs = OutputStore(gateway.store)
        self.lost = False
        """Whether the store is away."""
        self._gateway = gateway
        self._known: dict[str, StoredOutput] = {}
        self._at_work: dict[str, OutputChannel] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._read = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    async def known(self) -> dict[str, StoredOutput]:
        """Every output by its name. Raises StoreError where none was ever read."""
        if not self._read.is_set():
            for name, kept in (await self.outputs.all()).items():
                self._known.setdefault(name, kept)
        return dict(sorted(self._known.items()))

    async def kept(self, name: str) -> StoredOutput:
        """The output of a name. Raises NoSuchOutput."""
        known = await self.known()
        if name not in known:
            raise NoSuchOutput(name, list(known))
        return known[name]

    async def on_air(self, name: str) -> OutputChannel:
        """The output at work. Raises NoSuchOutput."""
        kept = await self.kept(name)
        at_work = self._at_work.get(name)
        if at_work is None:
            at_work = self._at_work[name] = OutputChannel(self._gateway, self.outputs, kept)
        return at_work

    async def showing(self, name: str) -> OutputContent | None:
        """What an output shows; None where it never had anything to show."""
        return await (await self.on_air(name)).showing(self.lost)

    def take(self, name: str, kept: StoredOutput | None) -> None:
        """Take in what the store has of an output; None: it was removed."""
        at_work = self._at_work.get(name)
        if kept is None:
            self._known.pop(name, None)
        elif name not in self._known or kept.revision >= self._known[name].revision:
            self._known[name] = kept
        if at_work is not None and (kept is None or not at_work.take(kept)):
            del self._at_work[name]
            ending = asyncio.create_task(at_work.close())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    def end(self) -> None:
        """Send all subscribers away."""
        for at_work in self._at_work.values():
            at_work.end()

    async def close(self) -> None:
        """End them all."""
        self._watching.cancel()
        await asyncio.wait([self._watching])
        closing = [at_work.close() for at_work in self._at_work.values()]
        await asyncio.gather(*closing, *self._ending)

    async def _watch(self) -> None:
        """Hear what other gateways change."""
        while True:
            try:
                after = await self.outputs.newest_change()
                await self._take_all()
                async for names in self.outputs.changes(after):
                    self.lost = False
                    for name in sorted(names):
                        self.take(name, await self.outputs.get(name))
            except LapstreamError as error:
                self.lost = True
                logger.warning("outputs are not heard of", reason=str(error))
            except Exception:
                self.lost = True
                logger.exception("outputs cannot be read")
            await asyncio.sleep(RETRY_SECONDS)

    async def _take_all(self) -> None:
        there = await self.outputs.all()
        for name in self._known.keys() - there.keys():
            self.take(name, None)
        for name, kept in there.items():
            self.take(name, kept)
        self.lost = False
        self._read.set()
