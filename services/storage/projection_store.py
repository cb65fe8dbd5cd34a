"""What is kept of a session beside its log, and the one way in which it is written.

All of it follows from the log and may be deleted; it is then told anew. The keys of
session ``s`` lie in one slot of a Cluster, with its log:

- ``{s}:token``       the token of the last frame, ``<epoch>:<position>``: all entries up to
  that position are folded and told;
- ``{s}:frames``      a stream of frames, each with the token that it ``follows``;
- ``{s}:snapshot``    the newest snapshot frame;
- ``{s}:checkpoint``  a state of the projections to restart from, its histories in
  ``{s}:blocks``, a hash of blocks by their content's hash;
- ``{s}:parked``      a stream of the entries that are no events, at their positions;
- ``{s}:health``      a hash: who folds the session, or why it stands still;
- ``{s}:lease``       the projector at work. It saves double work, and no more.

**Committing** is one Lua function, and so all or nothing. It names the token it follows
and is refused at any other: of two projectors that fold the same entries one is first,
and the other reads again. Finding its own token there is success: the client library
sends a command again after a lost answer, and two folds that come to one token tell the
same. A frame's id in the stream follows from its token, so none can be told twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.errors import LapstreamError
from projections.views.frame import Token
from replay.entries import check_session_id, parse_position
from services.storage.client import Store, StoreCommand
from services.storage.scripts import Script

RETAINED_FRAMES = 512
"""Frames that stay behind a snapshot, for subscribers who take up where they stopped.
They are trimmed when a snapshot is written, and so only behind one."""

LARGEST_EPOCH = 2**16 - 1
LARGEST_TIME = 2**48 - 1
"""Milliseconds since 1970 of a position that a frame can have: 8,900 years."""

_COMMIT = Script("""
local token, frames, snapshot, checkpoint, blocks, parked, health = unpack(KEYS)
local before, after = ARGV[1], ARGV[2]
local saved = redis.call('GET', token) or ''
if saved == after and before ~= after then return {'done', saved} end
if saved ~= before then return {'refused', saved} end

local i = 3
local function take()
    i = i + 1
    return ARGV[i - 1]
end

if take() == 'anew' then redis.call('DEL', parked, checkpoint, blocks) end
redis.call('XADD', frames, take(), 'frame', take(), 'follows', before)
local whole, retained = take(), take()
if whole ~= '' then
    redis.call('SET', snapshot, whole)
    redis.call('XTRIM', frames, 'MAXLEN', '~', retained)
end
local state = take()
if state == 'none' then redis.call('DEL', checkpoint)
elseif state ~= '' then redis.call('SET', checkpoint, state) end
for _ = 1, tonumber(take()) do redis.call('HSET', blocks, take(), take()) end
while i < #ARGV do
    redis.call('XADD', parked, take(), 'reason', take(), 'raw', take())
end
redis.call('HSET', health, 'parked', redis.call('XLEN', parked))
redis.call('SET', token, after)
return {redis.call('EXISTS', snapshot) == 1 and 'done' or 'no snapshot', after}
""")

_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
""")


class Parked(NamedTuple):
    """An entry that is no event, put aside."""

    position: str
    reason: str
    raw: bytes


class Checkpoint(NamedTuple):
    """A state to go on from after a restart: where it stands, and its parts."""

    position: str
    data: bytes
    blocks: dict[str, bytes]


class TakenOver(LapstreamError):
    """Another projector has gone on with the session."""

    def __init__(self, session: str, expected: Token | None, actual: str) -> None:
        self.session = session
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"session {session!r} stands at {actual or 'no frame'}, not at {expected or 'none'}: "
            "another projector has gone on"
        )


class CannotTell(LapstreamError):
    """A token beyond what the id of a frame can hold."""

    def __init__(self, token: Token) -> None:
        self.token = token
        super().__init__(
            f"no frame can stand at {token}: its epoch must be at most {LARGEST_EPOCH}, "
            f"the time of its position at most {LARGEST_TIME}"
        )


@dataclass(frozen=True, slots=True)
class Commit:
    """What is written at once: the frame at ``after``, and what goes with it.

    ``anew`` says that a new epoch begins, told from the whole log: what was parked, and
    the states to restart from, are of the one before. ``forget_checkpoint`` removes a
    stored state that leads nowhere any more.
    """

    before: Token | None
    after: Token
    frame: bytes
    anew: bool = False
    snapshot: bytes | None = None
    checkpoint: Checkpoint | None = None
    forget_checkpoint: bool = False
    parked: Sequence[Parked] = ()

    def arguments(self) -> list[bytes | str | int]:
        """What the Lua function takes."""
        checkpoint = b"none" if self.forget_checkpoint else b""
        blocks: dict[str, bytes] = {}
        if self.checkpoint is not None:
            checkpoint, blocks = self.checkpoint.data, self.checkpoint.blocks
        return [
            str(self.before or ""),
            str(self.after),
            "anew" if self.anew else "",
            frame_id(self.after),
            self.frame,
            self.snapshot or b"",
            RETAINED_FRAMES,
            checkpoint,
            len(blocks),
            *(part for block in blocks.items() for part in block),
            *(part for parked in self.parked for part in parked),
        ]


class Commits:
    """The derived keys of one session. All methods raise StoreError."""

    def __init__(self, store: Store, session: str) -> None:
        self.session = session
        self._store = store
        self._redis = store.redis
        self._keys = [
            key(session, name)
            for name in ("token", "frames", "snapshot", "checkpoint", "blocks", "parked", "health")
        ]

    async def commit(self, commit: Commit) -> bool:
        """Write it. Returns whether there is a snapshot now; raises TakenOver, CannotTell."""
        with self._store.translated_errors():
            answer, saved = await _COMMIT(self._redis, self._keys, commit.arguments())
        if answer == b"refused":
            raise TakenOver(self.session, commit.before, saved.decode())
        return bool(answer == b"done")

    async def token(self) -> Token | None:
        """The token of the last frame."""
        with self._store.translated_errors():
            saved: Any = await self._redis.get(key(self.session, "token"))
        return Token.parse(saved.decode()) if saved else None

    async def last_epoch(self) -> int:
        """The epoch of the newest frame there ever was, 0 if there was none."""
        with self._store.translated_errors():
            if not await self._redis.exists(key(self.session, "frames")):
                return 0
            about = await self._redis.xinfo_stream(key(self.session, "frames"))
        return parse_position(about["last-generated-id"].decode())[0] >> 48

    async def checkpoint(self) -> tuple[bytes | None, dict[bytes, bytes]]:
        """The stored checkpoint, and all blocks."""
        with self._store.translated_errors():
            data: Any = await self._redis.get(key(self.session, "checkpoint"))
            blocks: Any = await self._redis.hgetall(key(self.session, "blocks")) if data else {}
        return data, blocks

    async def report(self, projector: str, stopped: str | None = None, position: str = "") -> None:
        """Write to the session's health that this projector folds it, or why it stopped."""
        health: Mapping[Any, str] = {"state": "folding", "projector": projector}
        if stopped is not None:
            health = {**health, "state": "stopped", "reason": stopped, "position": position}
        with self._store.translated_errors():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hdel(key(self.session, "health"), "reason", "position")
                pipeline.hset(key(self.session, "health"), mapping=health)
                await pipeline.execute()


async def health(store: Store, session: str) -> dict[str, str]:
    """How the projection of a session fares: ``state`` is ``folding`` or ``stopped``.

    With ``stopped`` go ``reason`` and ``position``, of the entry that cannot be folded.
    ``parked`` counts the entries that are no events, ``projector`` is who wrote this.
    Empty for a session that no projector has come to yet. Raises StoreError.
    """
    with store.translated_errors():
        told: Any = await store.redis.hgetall(key(session, "health"))
    return {name.decode(): value.decode() for name, value in told.items()}


class Leases:
    """The leases of one projector. All methods raise StoreError."""

    def __init__(self, store: Store, projector: str, lasts_ms: int) -> None:
        self._store = store
        self._projector = projector
        self._lasts_ms = lasts_ms

    async def take(self, session: str) -> bool:
        """Take the lease, or hold on to it. False where another projector has it."""
        with self._store.translated_errors():
            return bool(await self._ask(session)(self._store.redis))

    async def renew(self, sessions: Sequence[str]) -> list[str]:
        """Hold on to the leases. Returns the sessions that others have.

        Of those whose server does not answer, nothing is known.
        """
        with self._store.translated_errors():
            held = await self._store.execute_each(self._store.redis, [*map(self._ask, sessions)])
        return [session for session, mine in zip(sessions, held, strict=True) if mine == 0]

    def _ask(self, session: str) -> StoreCommand:
        lease = key(session, "lease")
        return lambda on: on.eval(_LEASE, 1, lease, self._projector, self._lasts_ms)

    async def release(self, session: str) -> None:
        """Leave the session to whoever comes."""
        with self._store.translated_errors():
            await _RELEASE(self._store.redis, [key(session, "lease")], [self._projector])


def key(session: str, name: str) -> str:
    """A key of the session. Raises BadSessionId."""
    return f"{{{check_session_id(session)}}}:{name}"


def frame_id(token: Token) -> str:
    """The id of a token's frame in the stream: ordered by epoch, then by position.

    Raises CannotTell.
    """
    learned, number = parse_position(token.position)
    if token.epoch > LARGEST_EPOCH or learned > LARGEST_TIME:
        raise CannotTell(token)
    return f"{token.epoch << 48 | learned}-{number}"
