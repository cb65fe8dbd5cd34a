"""Replays in the store: their state, the commands that steer them, and their frames.

A replay is a session without a log of its own. Beside the keys that a projector writes for a
session, replay ``r`` has ``{r}:replay``, its ``ReplayState`` as JSON, and ``{r}:control``, a
stream of commands, each with an id: one that is sent twice counts once.

The position of a replay's frame is ``<events handed over>-<number>``, so a token identifies
the part of the source that the frame is folded from.

**A commit** is one Lua script, as a projector's is: refused at any token but the one that it
names, and frame and state are written together. So another replayer continues from the last
frame, with every command carried out once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from events import SeasonOpened, decode
from events.errors import (
    BadSessionId,
    NotASession,
    SessionNotEmpty,
    StoreUnfit,
    UndecodableEvent,
)
from projections.views.frame import Token
from replay.archive import ArchiveFile
from replay.entries import LogEntry, check_session_id, parse_position
from replay.steering import COMMANDS, Command, Pace, Pause, Play, Seek
from services.storage.built_in import put_into_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.frame_ids import frame_id
from services.storage.keys import key
from services.storage.projection_store import RETAINED_FRAMES, TakenOver, health
from services.storage.replay_creation import REPLAYS, ReplayCreation, ReplayState, instance_id
from services.storage.replay_errors import (
    CommandRefused,
    NoReplayer,
    NoSuchReplay,
    ReplayStopped,
    UnreadableReplay,
)
from services.storage.scripts import Script

RETAINED_COMMANDS = 1000
REMEMBERED_REFUSALS = 32
OUTCOME_SECONDS = 5.0
"""How long to wait for a command to be carried out."""

_COMMAND = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[3])) do
    if entry[2][2] == ARGV[1] then return entry[1] end
end
return redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'id', ARGV[1], 'command', ARGV[2])
""")

_COMMIT = Script("""
local replay, token, frames, snapshot = unpack(KEYS)
local before, after, id, frame, whole, retained, state = unpack(ARGV)
if redis.call('EXISTS', replay) == 0 then return {'gone', ''} end
local saved = redis.call('GET', token) or ''
if saved == after then return {'done', saved} end
if saved ~= before then return {'refused', saved} end
redis.call('XADD', frames, id, 'frame', frame, 'follows', before)
if whole ~= '' then
    redis.call('SET', snapshot, whole)
    redis.call('XTRIM', frames, 'MAXLEN', '~', retained)
end
redis.call('SET', replay, state)
redis.call('SET', token, after)
return {'done', after}
""")


class Replays:
    """The replays of a store. All methods raise StoreError and BadSessionId."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.log = Log(store)
        self._redis = store.redis
        self._creation = ReplayCreation(store, self.log)

    # -- Reading -----------------------------------------------------------------------

    async def names(self) -> list[str]:
        """The existing replays, in the order of their names."""
        with self.store.translated_errors():
            names: Any = await self._redis.smembers(REPLAYS)
        return sorted(name for name in map(_replay_name, names) if name is not None)

    async def exists(self, replay: str) -> bool:
        """Whether there is a replay of that name."""
        with self.store.translated_errors():
            return bool(await self._redis.exists(key(replay, "replay")))

    async def instance(self, replay: str) -> str | None:
        """Which replay of that name this is; None where there is none."""
        try:
            return (await self.state(replay)).instance
        except NoSuchReplay:
            return None

    async def state(self, replay: str) -> ReplayState:
        """The replay's state. Raises NoSuchReplay and UnreadableReplay."""
        try:
            with self.store.translated_errors():
                raw: Any = await self._redis.get(key(replay, "replay"))
        except StoreUnfit as error:
            raise UnreadableReplay(replay, error.reason) from None
        if raw is None:
            raise NoSuchReplay(replay)
        try:
            return ReplayState.model_validate_json(raw)
        except ValidationError as invalid:
            fault = invalid.errors(include_url=False)[0]
            where = "".join(f"{step}: " for step in fault["loc"])
            raise UnreadableReplay(replay, f"{where}{fault['msg']}") from None

    async def describe(self, replay: str) -> dict[str, Any]:
        """The public description of a replay, without anything beyond its playhead."""
        try:
            state = await self.state(replay)
        except UnreadableReplay as error:
            return {
                "replay": replay,
                "source": "",
                "as_shown": False,
                "playing": False,
                "speed": 1.0,
                "clock_ms": None,
                "ended": False,
                "state": "unreadable",
                "reason": error.reason,
            }
        projection: dict[str, str] = {}
        with contextlib.suppress(StoreUnfit):  # the replayer makes the key anew
            projection = await health(self.store, replay)
        return {
            "replay": replay,
            "source": state.source,
            "as_shown": state.as_shown,
            "playing": state.playing,
            "speed": state.speed,
            "clock_ms": state.clock_ms,
            "ended": state.ended,
            "state": projection.get("state", "waiting"),
            "reason": projection.get("reason"),
        }

    # -- Starting and stopping ---------------------------------------------------------

    async def start(
        self,
        source: str,
        *,
        name: str | None = None,
        speed: Pace = 1.0,
        as_shown: bool = False,
        playing: bool = True,
        idempotency_key: str | None = None,
    ) -> str:
        """Start a replay of a session; its name. A built-in race is put into the store.

        With an idempotency key it is started once, however often this is called. Raises
        UnknownSession and NotASession for the source, ReplayExists and SessionNotEmpty for a
        name that is taken, and ReplayWasStopped for a key whose replay was stopped.
        """
        check_session_id(source)
        await put_into_store(self.log, source)
        await self.log.require(source)
        await self._refuse_season(source)
        state = ReplayState(
            source=source,
            upto=await self.log.last_position(source),
            as_shown=as_shown,
            speed=speed,
            playing=playing,
            instance=instance_id(idempotency_key),
        )
        if idempotency_key is None:
            return await self._creation.create(name, state)
        return await self._creation.create_once(name, state)

    async def _refuse_season(self, source: str) -> None:
        async for entries in self.log.read(source, count=1):
            with contextlib.suppress(UndecodableEvent):
                if isinstance(decode(entries[0].payload), SeasonOpened):
                    raise NotASession(source)
            return

    async def bring_in(self, archive: ArchiveFile, session: str | None = None) -> tuple[str, int]:
        """Put an archive into the store, unless it is there already.

        Gives the session, that of the archive by default, and how many entries it has. Raises
        BadArchive, and SessionNotEmpty where the session holds something else.
        """
        manifest = await asyncio.to_thread(archive.check)
        session = session or manifest.session
        try:
            await self.log.append_batches(session, archive.batches())
        except SessionNotEmpty:
            if not await self._holds(session, archive):
                raise
        return session, manifest.entries

    async def _holds(self, session: str, archive: ArchiveFile) -> bool:
        """Whether the log has exactly the entries of the archive."""
        read = self.log.read(session)
        there: list[LogEntry] = []
        batches = archive.batches()
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            while len(there) < len(batch):
                more = await anext(read, None)
                if more is None:
                    return False
                there += more
            if list(map(_plain, there[: len(batch)])) != list(map(_plain, batch)):
                return False
            del there[: len(batch)]
        return not there and await anext(read, None) is None

    async def begin(
        self,
        source: str,
        *,
        name: str | None = None,
        speed: Pace = 1.0,
        begin: str | None = None,
        as_shown: bool = False,
        playing: bool = True,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Start a replay and wait until it is at ``begin``, a moment as for ``Seek``.

        Raises what ``start`` raises, CommandRefused and ReplayStopped for what cannot be
        played (then nothing was started), and NoReplayer if it was started but no replayer
        has taken it up yet.
        """
        replay = await self.start(
            source,
            name=name,
            speed=speed,
            as_shown=as_shown,
            playing=playing,
            idempotency_key=idempotency_key,
        )
        first: Command = Play() if playing else Pause()
        if begin is not None:
            first = Seek(to=begin)
        try:
            command_id = None if idempotency_key is None else instance_id(idempotency_key)
            await self.outcome(replay, await self.command(replay, first, command_id), seconds)
        except (CommandRefused, ReplayStopped):
            with contextlib.suppress(NoSuchReplay):  # a concurrent call stopped it
                await self.stop(replay)
            if idempotency_key is not None:
                await self._creation.forget(instance_id(idempotency_key))
            raise
        return replay

    async def stop(self, replay: str) -> None:
        """Stop the replay and delete its keys. Raises NoSuchReplay."""
        try:
            instance = (await self.state(replay)).instance
        except UnreadableReplay:
            instance = ""
        await self._creation.delete(replay, instance)

    # -- Steering ----------------------------------------------------------------------

    async def command(self, replay: str, command: Command, command_id: str | None = None) -> str:
        """Send a command; its position. With an id it counts once however often it is sent.

        Raises NoSuchReplay.
        """
        keys = [key(replay, "replay"), key(replay, "control")]
        arguments: list[bytes | str | int] = [
            command_id or uuid4().hex,
            command.model_dump_json(),
            RETAINED_COMMANDS,
        ]
        with self.store.translated_errors():
            position: Any = await _COMMAND(self._redis, keys, arguments)
        if position is None:
            raise NoSuchReplay(replay)
        return str(position.decode())

    async def outcome(
        self, replay: str, position: str, seconds: float | None = None
    ) -> ReplayState:
        """The replay's state after the command at ``position``.

        Raises CommandRefused, ReplayStopped, NoSuchReplay, and NoReplayer after ``seconds``,
        by default ``OUTCOME_SECONDS``.
        """
        wanted = parse_position(position)
        seconds = OUTCOME_SECONDS if seconds is None else seconds
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            state = await self.state(replay)
            if position in state.refused:
                raise CommandRefused(replay, state.refused[position])
            if parse_position(state.obeyed) >= wanted:
                return state
            projection = await health(self.store, replay)
            if projection.get("state") == "stopped":
                raise ReplayStopped(replay, projection.get("reason", ""))
            if asyncio.get_running_loop().time() > deadline:
                raise NoReplayer(replay)
            await asyncio.sleep(0.02)

    async def steer(
        self, replay: str, command: Command, command_id: str | None = None
    ) -> ReplayState:
        """Send a command and wait until it is carried out; raises what ``outcome`` raises."""
        return await self.outcome(replay, await self.command(replay, command, command_id))

    # -- For the replayer --------------------------------------------------------------

    async def commands(
        self, replay: str, after: str, block_ms: int | None = None
    ) -> list[tuple[str, Command | None]]:
        """The commands after a position; ``block_ms``: how long to wait for one.

        None in place of an entry that is not a command, which another program added.
        """
        with self.store.translated_errors():
            reply: Any = await self._redis.xread({key(replay, "control"): after}, block=block_ms)
        return [
            (position.decode(), _command(fields))
            for _, entries in dict(reply or {}).items()
            for position, fields in entries
        ]

    async def commit(
        self,
        replay: str,
        before: Token | None,
        after: Token,
        frame: bytes,
        snapshot: bytes | None,
        state: ReplayState,
    ) -> None:
        """Write a frame and the state that goes with it.

        Raises TakenOver, TokenTooLarge, and NoSuchReplay if the replay was stopped.
        """
        keys = [key(replay, name) for name in ("replay", "token", "frames", "snapshot")]
        arguments: list[bytes | str | int] = [
            str(before or ""),
            str(after),
            frame_id(after),
            frame,
            snapshot or b"",
            RETAINED_FRAMES,
            state.model_dump_json(),
        ]
        with self.store.translated_errors():
            answer, saved = await _COMMIT(self._redis, keys, arguments)
        if answer == b"gone":
            raise NoSuchReplay(replay)
        if answer == b"refused":
            raise TakenOver(replay, before, saved.decode())


def _plain(entry: LogEntry) -> tuple[str, list[bytes]]:
    return entry.position, list(entry.fields)


def _replay_name(name: bytes) -> str | None:
    """A replay's name; None for a member that is none, which another program added."""
    try:
        return check_session_id(name.decode())
    except (UnicodeDecodeError, BadSessionId):
        return None


def _command(fields: dict[bytes, bytes]) -> Command | None:
    try:
        return COMMANDS.validate_json(fields.get(b"command", b""))
    except ValidationError:
        return None
