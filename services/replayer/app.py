"""The replayer: paces replays and commits their frames.

    faststream run services.replayer:build_app --factory

It is told by the environment: ``LAPSTREAM_STORE``, ``LAPSTREAM_DATA`` and
``LAPSTREAM_LOG_LEVEL``, as the projector is.

Any number of replayers may run. Each replay is paced by the one that has its lease; when
that one dies another takes the replay over, where the last frame stands, at its speed.
What keeps the frames right is the compare-and-set of ``services.storage.replay_store``.

Pacing reads no clock but the one it is given; waiting for commands is the pause between
two turns, so a command is obeyed at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import structlog
from faststream import FastStream
from faststream.redis import RedisBroker

from events.errors import (
    BadMoment,
    BadSetting,
    LapstreamError,
    StoreError,
    StoreUnavailable,
)
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.merge_patch import State
from replay.entries import parse_position
from replay.steering import Command, Player, pace_of
from services.gc_policy import collected_by_choice
from services.logging import configure_as_told
from services.projector.app import LEASE_MS, POLL_SECONDS, RENEW_SECONDS, Cadence, patiently
from services.queries.recordings import Films
from services.storage import frame_reader
from services.storage.client import Store, open_store
from services.storage.projection_store import Commits, Leases, TakenOver
from services.storage.replay_store import REMEMBERED_REFUSALS, NoSuchReplay, Replays, Showing

Clock = Callable[[], float]

BATCH = 1000
"""Events that are handed over in one frame at most."""

SHORTEST_TURN_MS = 50
LONGEST_TURN_MS = 1000
"""While it plays, a frame at least this often tells how far the clock is."""

logger = structlog.get_logger(__name__)


class Pacing:
    """One replayer's time with one replay."""

    def __init__(
        self, replays: Replays, films: Films, replay: str, *, clock: Clock, wall_clock: Clock
    ) -> None:
        self.replay = replay
        self._replays = replays
        self._films = films
        self._clock = clock
        self._wall_clock = wall_clock
        self._cadence = Cadence(clock)
        self._frames = FrameBuilder()

    async def take_up(self) -> None:
        """Be where the last frame stands, or tell the first one.

        Raises NoSuchReplay, TakenOver, StoreError, and what ``Films.film`` raises.
        """
        self._showing = showing = await self._replays.showing(self.replay)
        film = await self._films.film(showing.source, showing.upto, as_shown=showing.as_shown)
        self.player = await asyncio.to_thread(
            Player,
            film,
            speed=showing.speed,
            playing=showing.playing,
            place=showing.place,
            index=None if showing.place is None else showing.index,
        )
        self._before = self._told_at = self._clock()
        self._token = await Commits(self._replays.store, self.replay).token()
        if self._token is None:
            await self._tell(f"replay of {showing.source}")
        elif await self._told(self._token) != self._advance_frames():
            await self._tell("told anew")

    async def _told(self, token: Token) -> State | None:
        """What screens show at the token; None where that cannot be known."""
        picture = await frame_reader.picture(self._replays.store, self.replay)
        if picture is None or picture.newest is None or picture.newest.token != token:
            return None
        return picture.state

    def _advance_frames(self) -> State:
        self._frames.advance(self.player.race)
        return self._frames.state

    def wait_ms(self) -> int:
        """How long nothing has to be done unless somebody steers."""
        due = self.player.due_in()
        return 1 if due == 0 else int(min(max(due, SHORTEST_TURN_MS), LONGEST_TURN_MS))

    async def commands(self, block_ms: int | None = None) -> list[tuple[str, Command | None]]:
        """The commands that wait to be obeyed, at their positions."""
        return await self._replays.commands(self.replay, self._showing.obeyed, block_ms)

    async def turn(self, commands: Sequence[tuple[str, Command | None]]) -> None:
        """Let the time pass that has passed, then obey, and tell what came of it.

        Raises NoSuchReplay, TakenOver and StoreError.
        """
        now = self._clock()
        elapsed_ms, self._before = (now - self._before) * 1000, now
        if commands or self._showing.as_shown:  # a correction that is learned reaches far back
            moved, jump = await asyncio.to_thread(self._go_on, elapsed_ms, commands)
        else:
            moved, jump = self._go_on(elapsed_ms, commands)
        playing = not self.player.playhead.paused and not self._showing.ended
        heartbeat = playing and (now - self._told_at) * 1000 >= LONGEST_TURN_MS
        if moved or commands or heartbeat:
            await self._tell(jump)

    def _go_on(
        self, elapsed_ms: float, commands: Sequence[tuple[str, Command | None]]
    ) -> tuple[bool, str | None]:
        """Whether time handed anything over, and the reason of the last jump."""
        moved = self.player.advance(elapsed_ms, BATCH)
        return moved, self._obey(commands) if commands else None

    def _obey(self, commands: Sequence[tuple[str, Command | None]]) -> str | None:
        """Carry the commands out; the reason of the last jump among them."""
        jump = None
        refused = dict(self._showing.refused)
        for position, command in commands:
            if command is None:
                refused[position] = "this is no command"
                continue
            try:
                jump = self.player.obey(command) or jump
            except BadMoment as error:
                refused[position] = str(error)
        latest = dict(list(refused.items())[-REMEMBERED_REFUSALS:])
        changes = {"obeyed": commands[-1][0], "refused": latest}
        self._showing = self._showing.model_copy(update=changes)
        return jump

    async def _tell(self, jump: str | None) -> None:
        """Commit a frame: a snapshot in a new epoch where there was a jump, else a delta."""
        player, before = self.player, self._token
        patch = self._frames.advance(player.race)
        if jump is None and before is not None:
            frame = self._frame(self._next_token(before), patch)
            snapshot = None
            encoded = frame.encode()
            self._cadence.delta_told(len(encoded))
            if self._cadence.snapshot_due():
                snapshot = self._frame(frame.token, None).encode()
        else:
            epoch = self._showing.epoch if before is None else before.epoch + 1
            frame = self._frame(Token(epoch, f"{player.index}-0"), None, jump)
            snapshot = encoded = frame.encode()
        if snapshot is not None:
            self._cadence.snapshot_told(len(snapshot))
        showing = self._showing_now()
        await self._replays.tell(self.replay, before, frame.token, encoded, snapshot, showing)
        self._token, self._showing, self._told_at = frame.token, showing, self._clock()

    def _next_token(self, before: Token) -> Token:
        """The token behind this one in its epoch."""
        index, number = parse_position(before.position)
        number = number + 1 if index == self.player.index else 0
        return Token(before.epoch, f"{self.player.index}-{number}")

    def _frame(self, token: Token, patch: State | None, reason: str | None = None) -> Frame:
        """A delta, or without a patch the whole state."""
        player = self.player
        return Frame(
            token,
            int(self._wall_clock() * 1000),
            player.clock_at,
            player.clock_running,
            "snapshot" if patch is None else "delta",
            self._frames.state if patch is None else patch,
            reason,
        )

    def _showing_now(self) -> Showing:
        player = self.player
        changes = {
            "speed": pace_of(player.playhead.speed),
            "playing": not player.playhead.paused,
            "ended": player.ended,
            "place": player.place,
            "index": player.index,
            "clock_ms": player.clock_at,
        }
        return self._showing.model_copy(update=changes)


class Replayer:
    """All replays of a store, as far as this replayer has their leases."""

    def __init__(
        self, store: Store, *, clock: Clock = time.monotonic, wall_clock: Clock = time.time
    ) -> None:
        self.name = f"{os.getpid()}-{uuid4().hex[:12]}"
        self._replays = Replays(store)
        self._films = Films(self._replays.log)
        self._leases = Leases(store, self.name, LEASE_MS)
        self._clock = clock
        self._wall_clock = wall_clock

    async def run(self) -> None:
        """Pace replays for ever; a fault of one stops that one."""
        pacing: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for replay in await patiently(self._replays.names, logger):
                    if replay not in pacing or pacing[replay].done():
                        pacing[replay] = group.create_task(self._pace(replay))
                await asyncio.sleep(POLL_SECONDS)

    async def _pace(self, replay: str) -> None:
        """Pace a replay if it is ours, until it is lost, stopped or forgotten."""
        log = logger.bind(session=replay)
        mark = None
        try:
            mark = await self._replays.mark(replay)
            if mark is None or not await self._leases.take(replay):
                return
            try:
                await self._serve(replay, mark)
            finally:
                with contextlib.suppress(StoreError):
                    await self._leases.release(replay)
        except NoSuchReplay:
            log.info("the replay was stopped")
        except TakenOver as taken:
            log.info("another replayer has the replay", reason=str(taken))
        except StoreUnavailable as error:
            log.warning("the store does not answer; beginning again", reason=str(error))
        except LapstreamError as error:
            await self._stand_still(replay, mark, str(error))
        except Exception as fault:  # noqa: BLE001 - it stops this replay alone
            await self._stand_still(replay, mark, f"{type(fault).__name__}: {fault}", fault)

    async def _serve(self, replay: str, mark: str) -> None:
        pacing = Pacing(
            self._replays, self._films, replay, clock=self._clock, wall_clock=self._wall_clock
        )
        renewing = asyncio.create_task(self._renew(replay, mark))
        playing = asyncio.create_task(self._play(pacing))
        try:
            await asyncio.wait([renewing, playing], return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, renewing):
                if task.done():
                    task.result()
        finally:
            for task in (playing, renewing):
                task.cancel()
            await asyncio.wait([renewing, playing])

    async def _play(self, pacing: Pacing) -> None:
        await pacing.take_up()
        await Commits(self._replays.store, pacing.replay).report(self.name)
        while True:
            await pacing.turn(await pacing.commands(pacing.wait_ms()))

    async def _renew(self, replay: str, mark: str) -> None:
        """Hold on to the lease; raises TakenOver once another has it.

        A replay that stands still is asked for nothing, so this is also where it is seen
        that it was stopped: raises NoSuchReplay.
        """
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StoreUnavailable):
                if await self._replays.mark(replay) != mark:
                    raise NoSuchReplay(replay)
                if not await self._leases.take(replay):
                    raise TakenOver(replay, None, "another's lease")

    async def _stand_still(
        self, replay: str, mark: str | None, reason: str, fault: Exception | None = None
    ) -> None:
        """Say why the replay cannot go on, and leave it alone until it is forgotten."""
        logger.error("the replay stands still", session=replay, reason=reason, exc_info=fault)
        commits = Commits(self._replays.store, replay)
        if await self._is_there(replay, mark):
            await patiently(lambda: commits.report(self.name, stopped=reason), logger)
        while await self._is_there(replay, mark):  # noqa: ASYNC110 - another process forgets it
            await asyncio.sleep(POLL_SECONDS)

    async def _is_there(self, replay: str, mark: str | None) -> bool:
        return (
            mark is not None and await patiently(lambda: self._replays.mark(replay), logger) == mark
        )


# -- Running it ------------------------------------------------------------------------------


async def run_replayer(store: Store, stop: asyncio.Event) -> None:
    """Pace the store's replays in this event loop until ``stop``."""
    working = asyncio.create_task(Replayer(store).run())
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
    """The replayer as an application of its own, told by the environment."""
    try:
        configure_as_told()
    except BadSetting as error:
        raise SystemExit(str(error)) from None
    url = os.environ.get("LAPSTREAM_STORE") or None
    data = os.environ.get("LAPSTREAM_DATA")

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        stop = asyncio.Event()
        try:
            async with (
                open_store(url, Path(data) if data else None) as store,
                collected_by_choice(),
            ):
                app.add_broker(RedisBroker(store.url))  # an application of FastStream needs one
                running = asyncio.create_task(run_replayer(store, stop))
                running.add_done_callback(lambda _: app.exit())
                yield
                stop.set()
                await running
        except StoreError as error:
            raise SystemExit(str(error)) from None

    app = FastStream(logger=None, lifespan=lifespan)
    return app
