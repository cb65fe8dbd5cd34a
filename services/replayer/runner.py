"""One replayer's work on one replay: advance the playhead, execute commands, commit frames.

It reads no clock but the ones it is given, and does not sleep: waiting for commands is the
pause between two turns, so a command is carried out at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from events.errors import BadMoment
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.merge_patch import State
from replay.entries import parse_position
from replay.steering import Command, Player, pace_of
from services.projector.schedule import MonotonicClock, SnapshotSchedule
from services.queries.race_cache import RaceCache
from services.storage.frame_reader import state_at
from services.storage.projection_store import ProjectionStore
from services.storage.replay_creation import ReplayState
from services.storage.replay_store import REMEMBERED_REFUSALS, Replays

WallClock = Callable[[], float]
"""Seconds since 1970."""

BATCH = 1000
"""Maximum events of one frame."""

SHORTEST_TURN_MS = 50
LONGEST_TURN_MS = 1000
"""A replay that plays commits a frame at least this often, so that its clock moves on."""


class ReplayRunner:
    """Plays one replay."""

    def __init__(
        self,
        replays: Replays,
        races: RaceCache,
        replay: str,
        *,
        clock: MonotonicClock,
        wall_clock: WallClock,
    ) -> None:
        self.replay = replay
        self._replays = replays
        self._races = races
        self._clock = clock
        self._wall_clock = wall_clock
        self._schedule = SnapshotSchedule(clock)
        self._frames = FrameBuilder()

    async def load(self) -> None:
        """Continue from the last frame, or commit the first one.

        Raises NoSuchReplay, TakenOver, StoreError, and what `RaceCache.recording` raises.
        """
        self._state = state = await self._replays.state(self.replay)
        recording = await self._races.recording(state.source, state.upto, as_shown=state.as_shown)
        self.player = await asyncio.to_thread(
            Player,
            recording,
            speed=state.speed,
            playing=state.playing,
            place=state.place,
            index=None if state.place is None else state.index,
        )
        self._before = self._committed_at = self._clock()
        keys = ProjectionStore(self._replays.store, self.replay)
        await keys.discard_damaged()
        self._token = await keys.token()
        if self._token is None:
            await self._commit(f"replay of {state.source}")
        elif await self._published(self._token) != self._advance_frames():
            await self._commit("rebuilt")

    async def _published(self, token: Token) -> State | None:
        return await state_at(self._replays.store, self.replay, token)

    def _advance_frames(self) -> State:
        self._frames.advance(self.player.race)
        return self._frames.state

    def wait_ms(self) -> int:
        """How long no turn is needed unless a command comes."""
        due = self.player.due_in()
        return 1 if due == 0 else int(min(max(due, SHORTEST_TURN_MS), LONGEST_TURN_MS))

    async def commands(self, block_ms: int | None = None) -> list[tuple[str, Command | None]]:
        """The commands not carried out yet, with their positions."""
        return await self._replays.commands(self.replay, self._state.obeyed, block_ms)

    async def turn(self, commands: Sequence[tuple[str, Command | None]]) -> None:
        """Advance by the time elapsed, carry the commands out, and commit a frame if needed.

        Raises NoSuchReplay, TakenOver and StoreError.
        """
        now = self._clock()
        elapsed_ms, self._before = (now - self._before) * 1000, now
        if commands or self._state.as_shown:  # a seek or a correction may fold for seconds
            moved, jump = await asyncio.to_thread(self._advance, elapsed_ms, commands)
        else:
            moved, jump = self._advance(elapsed_ms, commands)
        playing = not self.player.playhead.paused and not self._state.ended
        heartbeat = playing and (now - self._committed_at) * 1000 >= LONGEST_TURN_MS
        if moved or commands or heartbeat:
            await self._commit(jump)

    def _advance(
        self, elapsed_ms: float, commands: Sequence[tuple[str, Command | None]]
    ) -> tuple[bool, str | None]:
        """Whether any event was handed over, and the reason of the last jump."""
        moved = self.player.advance(elapsed_ms, BATCH)
        return moved, self._execute(commands) if commands else None

    def _execute(self, commands: Sequence[tuple[str, Command | None]]) -> str | None:
        """Carry the commands out; the reason of the last jump among them, None without one."""
        jump = None
        refused = dict(self._state.refused)
        for position, command in commands:
            if command is None:
                refused[position] = "not a command"
                continue
            try:
                jump = self.player.execute(command) or jump
            except BadMoment as error:
                refused[position] = str(error)
        latest = dict(list(refused.items())[-REMEMBERED_REFUSALS:])
        changes = {"obeyed": commands[-1][0], "refused": latest}
        self._state = self._state.model_copy(update=changes)
        return jump

    async def _commit(self, jump: str | None) -> None:
        """Commit a frame: a snapshot in a new epoch where there was a jump, else a delta."""
        player, before = self.player, self._token
        patch = self._frames.advance(player.race)
        if jump is None and before is not None:
            frame = self._frame(self._next_token(before), patch)
            snapshot = None
            encoded = frame.encode()
            self._schedule.delta_written(len(encoded))
            if self._schedule.snapshot_due():
                snapshot = self._frame(frame.token, None).encode()
        else:
            epoch = self._state.epoch if before is None else before.epoch + 1
            frame = self._frame(Token(epoch, f"{player.index}-0"), None, jump)
            snapshot = encoded = frame.encode()
        if snapshot is not None:
            self._schedule.snapshot_written(len(snapshot))
        state = self._current_state()
        await self._replays.commit(self.replay, before, frame.token, encoded, snapshot, state)
        self._token, self._state, self._committed_at = frame.token, state, self._clock()

    def _next_token(self, before: Token) -> Token:
        """The token after this one in its epoch."""
        index, number = parse_position(before.position)
        number = number + 1 if index == self.player.index else 0
        return Token(before.epoch, f"{self.player.index}-{number}")

    def _frame(self, token: Token, patch: State | None, reason: str | None = None) -> Frame:
        """A delta; without a patch, a snapshot."""
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

    def _current_state(self) -> ReplayState:
        player = self.player
        changes = {
            "speed": pace_of(player.playhead.speed),
            "playing": not player.playhead.paused,
            "ended": player.ended,
            "place": player.place,
            "index": player.index,
            "clock_ms": player.clock_at,
        }
        return self._state.model_copy(update=changes)
