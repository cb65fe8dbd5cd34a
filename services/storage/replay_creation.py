"""Creating replays: a name for each, and one replay for each idempotency key.

- ``lapstream:replays``          the set of the replays;
- ``lapstream:replays:number``   the last number given to a replay without a name;
- ``lapstream:replays:epochs``   a hash: the last epoch of each replay that was stopped, from
  which another one of its name continues;
- ``lapstream:replays:begun:*``  by instance, the name of a replay that was created with an
  idempotency key; empty once it was stopped.
"""

from __future__ import annotations

import contextlib
from hashlib import sha256
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import ResponseError

from events.errors import SessionNotEmpty
from projections.views.frame import Token
from replay.steering import Pace
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import key
from services.storage.replay_errors import ReplayExists, ReplayWasStopped
from services.storage.scripts import Script

REPLAYS = "lapstream:replays"
NUMBERS = "lapstream:replays:number"
EPOCHS = "lapstream:replays:epochs"
CREATED = "lapstream:replays:begun:"
CREATED_SECONDS = 24 * 3600
"""How long an idempotency key is remembered."""

KEYS = ("replay", "control", "token", "frames", "snapshot", "health", "lease")
"""The keys of a replay."""

# A replayer may have written keys of an earlier replay of this name after it was stopped.
_CREATE = Script("""
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('DEL', unpack(KEYS))
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
""")


class ReplayState(BaseModel):
    """What a replay plays, and how far it is.

    - ``upto``: the last position of the source's log that is played;
    - ``place``: where the playhead is, in ms: of the session clock or, for ``as_shown``,
      since 1970; None before the first frame;
    - ``index``: how many events have been handed over there;
    - ``obeyed``: the position of the last command that was carried out or refused;
    - ``refused``: the reasons of the latest refusals, by the commands' positions;
    - ``epoch``: the epoch of its first frame;
    - ``instance``: distinguishes the replay from any other one of its name.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

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
    instance: str = Field(alias="mark")


def instance_id(idempotency_key: str | None) -> str:
    """A new instance; for an idempotency key, always the same one."""
    if idempotency_key is None:
        return uuid4().hex
    return sha256(idempotency_key.encode()).hexdigest()[:32]


class ReplayCreation:
    """Creates the keys of replays, and deletes them. All methods raise StoreError."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._redis = store.redis
        self._log = log

    async def create(self, name: str | None, state: ReplayState) -> str:
        """Create a replay; its name. Raises SessionNotEmpty and ReplayExists."""
        if name is not None:
            if await self._log.exists(name):
                raise SessionNotEmpty(name)
            if not await self._created(name, state):
                raise ReplayExists(name)
            return name
        while True:
            free = await self._next_name()
            if await self._created(free, state):
                return free

    async def create_once(self, name: str | None, state: ReplayState) -> str:
        """As ``create``, but return the replay of this instance if it was created before.

        Raises ReplayWasStopped if it was stopped since.
        """
        created = CREATED + state.instance
        while True:
            wanted = name if name is not None else await self._next_name()
            if name is not None and await self._log.exists(name):
                raise SessionNotEmpty(name)
            with self._store.translated_errors():
                await self._redis.set(created, wanted, nx=True, ex=CREATED_SECONDS)
                stored: Any = await self._redis.get(created)
            replay = wanted if stored is None else stored.decode()
            if not replay:
                raise ReplayWasStopped
            if await self._created(replay, state):
                return replay
            with self._store.translated_errors():
                await self._redis.delete(created)
            if name is not None:
                raise ReplayExists(name)

    async def forget(self, instance: str) -> None:
        """Let the instance be created again, as after a start that failed."""
        with self._store.translated_errors():
            await self._redis.delete(CREATED + instance)

    async def delete(self, replay: str, instance: str) -> None:
        """Delete the replay's keys, but remember its last epoch and its instance."""
        with self._store.translated_errors():
            await self._redis.set(CREATED + instance, "", xx=True, ex=CREATED_SECONDS)
            with contextlib.suppress(ResponseError, ValueError):  # no token: the first epoch again
                token: Any = await self._redis.get(key(replay, "token"))
                if token:
                    await self._redis.hset(EPOCHS, replay, str(Token.parse(token.decode()).epoch))
            await self._redis.delete(*(key(replay, name) for name in KEYS))
            await self._redis.srem(REPLAYS, replay)

    async def _next_name(self) -> str:
        while True:
            with self._store.translated_errors():
                number = await self._redis.incr(NUMBERS)
            if not await self._log.exists(name := f"replay-{number}"):
                return name

    async def _created(self, name: str, state: ReplayState) -> bool:
        """Whether the replay of that name is this instance now."""
        with self._store.translated_errors():
            await self._redis.sadd(REPLAYS, name)
            last: Any = await self._redis.hget(EPOCHS, name)
            state = state.model_copy(update={"epoch": int(last or 0) + 1})
            keys = [key(name, part) for part in KEYS]
            stored = await _CREATE(self._redis, keys, [state.model_dump_json()])
        return ReplayState.model_validate_json(stored).instance == state.instance
