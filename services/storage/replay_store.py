"""Replays as the store has them: what is played, how far it is, and what is asked of it.

A replay is a session without a log of its own. ``lapstream:replays`` lists them; the keys
of replay ``r`` lie in one slot of a Cluster:

- ``{r}:replay``    the ``Showing``: source, speed, place, as JSON. A replay is there as long
  as this is;
- ``{r}:control``   a stream of commands, each with an id: one that is sent twice counts once;
- ``{r}:token``, ``{r}:frames``, ``{r}:snapshot``, ``{r}:health``, ``{r}:lease``: as a
  projector keeps them for a session (``projection_store``), so that whoever shows a
  session shows a replay.

The position of a replay's frame is ``<events handed over>-<number>``, so a token says
exactly which part of the source a frame tells of.

**Telling** is one Lua function, as a projector's commit is: refused at any token but the
one it names, and frame and ``Showing`` are written together. So a takeover goes on where
the last frame stands, with every command obeyed once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from events import SeasonOpened, decode
from events.errors import LapstreamError, NotASession, SessionNotEmpty, UndecodableEvent
from projections.views.frame import Token
from replay.entries import Entry, check_session_id, parse_position
from replay.steering import COMMANDS, Command, Pace, Pause, Play, Seek
from services.storage.built_in import put_into_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.projection_store import RETAINED_FRAMES, TakenOver, frame_id, health, key
from services.storage.scripts import Script

REPLAYS = "lapstream:replays"
"""The set of the replays."""

NUMBERS = "lapstream:replays:number"
"""The last number given to a replay without a name. None is given twice."""

EPOCHS = "lapstream:replays:epochs"
"""By name, the last epoch of a replay that was stopped: another of its name goes on from it."""

BEGUN = "lapstream:replays:begun:"
"""Behind it the mark of a replay that was begun with a key: its name, empty once it was stopped."""

BEGUN_SECONDS = 24 * 3600

KEYS = ("replay", "control", "token", "frames", "snapshot", "health", "lease")
RETAINED_COMMANDS = 1000
REMEMBERED_REFUSALS = 32
OUTCOME_SECONDS = 5.0

# A replayer may have written of a replay of this name when that was just forgotten.
_CREATE = Script("""
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('DEL', unpack(KEYS))
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
""")

_COMMAND = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[3])) do
    if entry[2][2] == ARGV[1] then return entry[1] end
end
return redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'id', ARGV[1], 'command', ARGV[2])
""")

_TELL = Script("""
local showing, token, frames, snapshot = unpack(KEYS)
local before, after, id, frame, whole, retained, state = unpack(ARGV)
if redis.call('EXISTS', showing) == 0 then return {'gone', ''} end
local saved = redis.call('GET', token) or ''
if saved == after then return {'done', saved} end
if saved ~= before then return {'refused', saved} end
redis.call('XADD', frames, id, 'frame', frame, 'follows', before)
if whole ~= '' then
    redis.call('SET', snapshot, whole)
    redis.call('XTRIM', frames, 'MAXLEN', '~', retained)
end
redis.call('SET', showing, state)
redis.call('SET', token, after)
return {'done', after}
""")


class NoSuchReplay(LapstreamError):
    """No replay of that name; it may have been stopped."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(f"no replay {replay!r}: `lapstream replays list` shows those there are")


class ReplayExists(LapstreamError):
    """The name is taken by another replay."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(f"there is a replay {replay!r} already: stop it, or choose another name")


class ReplayWasStopped(LapstreamError):
    """What is asked for a second time was begun, and has been stopped since."""

    def __init__(self) -> None:
        super().__init__("the replay that was begun with this key has been stopped since")


class CommandRefused(LapstreamError):
    """A command that could not be carried out; it changed nothing."""

    def __init__(self, replay: str, reason: str) -> None:
        self.replay = replay
        self.reason = reason
        super().__init__(reason)


class ReplayStopped(LapstreamError):
    """The replay stands still for good: its source cannot be played."""

    def __init__(self, replay: str, reason: str) -> None:
        self.replay = replay
        self.reason = reason
        super().__init__(reason)


class NobodyPaces(LapstreamError):
    """No replayer has carried the command out in the time there was."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(
            f"replay {replay!r} has not obeyed yet: is a replayer running (`lapstream serve`)?"
        )


class Showing(BaseModel):
    """What is played, and how far it is.

    ``upto`` is the source's log position that is played up to: what was learned behind it
    is not in the replay. ``place`` is the playhead's, in ms: of the session clock or, as
    it was shown, since 1970; None before the first frame; and ``index`` how many events have
    been handed over there. ``obeyed`` is the last command
    that was carried out or refused, and ``refused`` has the reasons of the latest refusals
    by the commands' positions. ``epoch`` is the first one, ``mark`` tells the replay from
    any other of its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    upto: str
    as_shown: bool = False
    speed: Pace = 1.0
    playing: bool = True
    ended: bool = False
    place: int | None = None
    index: int = 0
    clock_ms: int | None = None
    obeyed: str = "0-0"
    refused: dict[str, str] = {}
    epoch: int = 1
    mark: str


class Replays:
    """The replays of a store. All methods raise StoreError and BadSessionId."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.log = Log(store)
        self._redis = store.redis

    # -- Which there are ---------------------------------------------------------------

    async def names(self) -> list[str]:
        """The replays that there are, in the order of their names."""
        with self.store.translated_errors():
            names: Any = await self._redis.smembers(REPLAYS)
        return sorted(name.decode() for name in names)

    async def exists(self, replay: str) -> bool:
        """Whether this is a replay, and no session with a log."""
        with self.store.translated_errors():
            return bool(await self._redis.exists(key(replay, "replay")))

    async def mark(self, replay: str) -> str | None:
        """What tells this replay from another of its name; None where there is none."""
        try:
            return (await self.showing(replay)).mark
        except NoSuchReplay:
            return None

    async def showing(self, replay: str) -> Showing:
        """How the replay stands. Raises NoSuchReplay."""
        with self.store.translated_errors():
            raw: Any = await self._redis.get(key(replay, "replay"))
        if raw is None:
            raise NoSuchReplay(replay)
        return Showing.model_validate_json(raw)

    async def describe(self, replay: str) -> dict[str, Any]:
        """What may be told to all of a replay: nothing that lies beyond its playhead."""
        showing, told = await self.showing(replay), await health(self.store, replay)
        return {
            "replay": replay,
            "source": showing.source,
            "as_shown": showing.as_shown,
            "playing": showing.playing,
            "speed": showing.speed,
            "clock_ms": showing.clock_ms,
            "ended": showing.ended,
            "state": told.get("state", "waiting"),
            "reason": told.get("reason"),
        }

    # -- Beginning and ending ----------------------------------------------------------

    async def start(
        self,
        source: str,
        *,
        name: str | None = None,
        speed: Pace = 1.0,
        as_shown: bool = False,
        playing: bool = True,
        begin_id: str | None = None,
    ) -> str:
        """Begin a replay of a session; its name. A built-in race is put into the store.

        However often it is asked for with an id, it is begun once. Raises UnknownSession and
        NotASession for the source, ReplayExists and SessionNotEmpty for a name that is taken,
        and ReplayWasStopped for an id whose replay is no more.
        """
        check_session_id(source)
        await put_into_store(self.log, source)
        await self.log.require(source)
        await self._refuse_season(source)
        showing = Showing(
            source=source,
            upto=await self.log.last_position(source),
            as_shown=as_shown,
            speed=speed,
            playing=playing,
            mark=_mark(begin_id),
        )
        if begin_id is None:
            return await self._create(name, showing)
        return await self._create_once(name, showing)

    async def _refuse_season(self, source: str) -> None:
        async for entries in self.log.read(source, count=1):
            with contextlib.suppress(UndecodableEvent):
                if isinstance(decode(entries[0].payload), SeasonOpened):
                    raise NotASession(source)
            return

    async def bring_in(self, session: str, entries: Sequence[Entry]) -> None:
        """Put an archive's entries into the store, unless they are there already.

        Raises SessionNotEmpty where the session holds something else.
        """
        try:
            await self.log.append_at_positions(session, entries)
        except SessionNotEmpty:
            there = [entry async for batch in self.log.read(session) for entry in batch]
            if list(map(_plain, there)) != list(map(_plain, entries)):
                raise

    async def begin(
        self,
        source: str,
        *,
        name: str | None = None,
        speed: Pace = 1.0,
        begin: str | None = None,
        as_shown: bool = False,
        playing: bool = True,
        seconds: float = OUTCOME_SECONDS,
        begin_id: str | None = None,
    ) -> str:
        """``start``, then wait until it stands at ``begin``, a moment as ``Seek`` takes it.

        Raises as ``start`` does, CommandRefused and ReplayStopped for what cannot be
        played, in which case nothing was begun, and NobodyPaces where it has begun but no
        replayer has come to it yet.
        """
        replay = await self.start(
            source,
            name=name,
            speed=speed,
            as_shown=as_shown,
            playing=playing,
            begin_id=begin_id,
        )
        first: Command = Play() if playing else Pause()
        if begin is not None:
            first = Seek(to=begin)
        try:
            command_id = None if begin_id is None else _mark(begin_id)
            await self.outcome(replay, await self.command(replay, first, command_id), seconds)
        except (CommandRefused, ReplayStopped):
            with contextlib.suppress(NoSuchReplay):  # its twin was quicker
                await self.stop(replay)
            if begin_id is not None:  # it was not begun
                with self.store.translated_errors():
                    await self._redis.delete(BEGUN + _mark(begin_id))
            raise
        return replay

    async def _create(self, name: str | None, showing: Showing) -> str:
        if name is not None:
            if await self.log.exists(name):
                raise SessionNotEmpty(name)
            if not await self._created(name, showing):
                raise ReplayExists(name)
            return name
        while True:
            free = await self._next_name()
            if await self._created(free, showing):
                return free

    async def _create_once(self, name: str | None, showing: Showing) -> str:
        """As ``_create``, but what was begun with this mark before is what it is."""
        begun = BEGUN + showing.mark
        while True:
            wanted = name if name is not None else await self._next_name()
            if name is not None and await self.log.exists(name):
                raise SessionNotEmpty(name)
            with self.store.translated_errors():
                await self._redis.set(begun, wanted, nx=True, ex=BEGUN_SECONDS)
                kept: Any = await self._redis.get(begun)
            there = wanted if kept is None else kept.decode()
            if not there:
                raise ReplayWasStopped
            if await self._created(there, showing):
                return there
            with self.store.translated_errors():
                await self._redis.delete(begun)
            if name is not None:
                raise ReplayExists(name)

    async def _next_name(self) -> str:
        while True:
            with self.store.translated_errors():
                number = await self._redis.incr(NUMBERS)
            if not await self.log.exists(name := f"replay-{number}"):
                return name

    async def _created(self, name: str, showing: Showing) -> bool:
        with self.store.translated_errors():
            await self._redis.sadd(REPLAYS, name)
            last: Any = await self._redis.hget(EPOCHS, name)
            showing = showing.model_copy(update={"epoch": int(last or 0) + 1})
            keys = [key(name, part) for part in KEYS]
            there = await _CREATE(self._redis, keys, [showing.model_dump_json()])
        return Showing.model_validate_json(there).mark == showing.mark

    async def stop(self, replay: str) -> None:
        """End the replay and forget it. Raises NoSuchReplay."""
        showing = await self.showing(replay)
        with self.store.translated_errors():
            await self._redis.set(BEGUN + showing.mark, "", xx=True, ex=BEGUN_SECONDS)
            token: Any = await self._redis.get(key(replay, "token"))
            if token:
                await self._redis.hset(EPOCHS, replay, str(Token.parse(token.decode()).epoch))
            await self._redis.delete(*(key(replay, name) for name in KEYS))
            await self._redis.srem(REPLAYS, replay)

    # -- Steering ----------------------------------------------------------------------

    async def command(self, replay: str, command: Command, command_id: str | None = None) -> str:
        """Ask for something, once however often it is sent with its id; its position.

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
        self, replay: str, position: str, seconds: float = OUTCOME_SECONDS
    ) -> Showing:
        """How the replay stands once it has obeyed.

        Raises CommandRefused, ReplayStopped, NoSuchReplay, and NobodyPaces after so many
        seconds.
        """
        wanted = parse_position(position)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            showing = await self.showing(replay)
            if position in showing.refused:
                raise CommandRefused(replay, showing.refused[position])
            if parse_position(showing.obeyed) >= wanted:
                return showing
            told = await health(self.store, replay)
            if told.get("state") == "stopped":
                raise ReplayStopped(replay, told.get("reason", ""))
            if asyncio.get_running_loop().time() > deadline:
                raise NobodyPaces(replay)
            await asyncio.sleep(0.02)

    async def steer(self, replay: str, command: Command, command_id: str | None = None) -> Showing:
        """Ask for something and wait until it is done; raises as ``outcome`` does."""
        return await self.outcome(replay, await self.command(replay, command, command_id))

    # -- What the replayer does --------------------------------------------------------

    async def commands(
        self, replay: str, after: str, block_ms: int | None = None
    ) -> list[tuple[str, Command | None]]:
        """The commands behind a position, waited for where ``block_ms`` says so.

        None is what another program put there that is no command.
        """
        with self.store.translated_errors():
            reply: Any = await self._redis.xread({key(replay, "control"): after}, block=block_ms)
        return [
            (position.decode(), _command(fields))
            for _, entries in dict(reply or {}).items()
            for position, fields in entries
        ]

    async def tell(
        self,
        replay: str,
        before: Token | None,
        after: Token,
        frame: bytes,
        snapshot: bytes | None,
        showing: Showing,
    ) -> None:
        """Write a frame and how the replay stands with it.

        Raises TakenOver, CannotTell, and NoSuchReplay where it was stopped.
        """
        keys = [key(replay, name) for name in ("replay", "token", "frames", "snapshot")]
        arguments: list[bytes | str | int] = [
            str(before or ""),
            str(after),
            frame_id(after),
            frame,
            snapshot or b"",
            RETAINED_FRAMES,
            showing.model_dump_json(),
        ]
        with self.store.translated_errors():
            answer, saved = await _TELL(self._redis, keys, arguments)
        if answer == b"gone":
            raise NoSuchReplay(replay)
        if answer == b"refused":
            raise TakenOver(replay, before, saved.decode())


def _mark(begin_id: str | None) -> str:
    """What tells a replay from others: of those that were begun with the same id, the same."""
    return uuid4().hex if begin_id is None else sha256(begin_id.encode()).hexdigest()[:32]


def _plain(entry: Entry) -> tuple[str, list[bytes]]:
    return entry.position, list(entry.fields)


def _command(fields: dict[bytes, bytes]) -> Command | None:
    try:
        return COMMANDS.validate_json(fields.get(b"command", b""))
    except ValidationError:
        return None
