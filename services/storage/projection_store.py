"""The derived keys of a session, and the atomic commit that writes them.

Everything follows from the log: if these keys are deleted, the projector writes them anew.
``keys`` lists them.

**A commit** is one Lua script, so all or nothing. It names the token that it follows, and is
refused if the stored token is another: of two projectors that fold the same entries one
commits first, and the other reads the session again. Finding its own token is success,
because redis-py repeats a command whose reply was lost, and two folds that reach the same
token make the same frame. A frame's id in the stream follows from its token, so no frame is
written twice.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from events.errors import LapstreamError, StoreUnavailable
from projections.views.frame import Token
from replay.entries import parse_position
from services.storage.client import Store, StoreCommand
from services.storage.frame_ids import LARGEST_EPOCH, frame_id
from services.storage.keys import EPOCHS, key
from services.storage.scripts import Script

RETAINED_FRAMES = 512
"""Frames kept before the newest snapshot, for subscribers that resume. The stream is trimmed
only when a snapshot is written, so there is always one to restart from."""

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

if take() == 'new epoch' then redis.call('DEL', parked, checkpoint, blocks) end
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
local epoch = string.match(after, '^%d+')
redis.call('HSET', health, 'parked', redis.call('XLEN', parked), 'epoch', epoch)
redis.call('SET', token, after)
return {redis.call('EXISTS', snapshot) == 1 and 'done' or 'no snapshot', after}
""")


class Parked(NamedTuple):
    """An unreadable entry of the log, kept aside."""

    position: str
    reason: str
    raw: bytes


class Checkpoint(NamedTuple):
    """A state that folding can restart from: its position, and its parts."""

    position: str
    data: bytes
    blocks: dict[str, bytes]


class TakenOver(LapstreamError):
    """Another process has committed, or holds the lease."""

    def __init__(self, session: str, expected: Token | None, actual: str) -> None:
        self.session = session
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"session {session!r} stands at {actual or 'no frame'}, not at {expected or 'none'}: "
            "another process has taken it over"
        )


@dataclass(frozen=True, slots=True)
class Commit:
    """What is written at once: the frame at ``after``, and what goes with it.

    - ``before``: the token that must be the stored one, None for no frame;
    - ``new_epoch``: the frame begins an epoch folded from the whole log, so what was parked
      and the checkpoint are deleted;
    - ``snapshot``: the encoded snapshot frame, where one is due;
    - ``forget_checkpoint``: delete a checkpoint that cannot be restarted from any more.
    """

    before: Token | None
    after: Token
    frame: bytes
    new_epoch: bool = False
    snapshot: bytes | None = None
    checkpoint: Checkpoint | None = None
    forget_checkpoint: bool = False
    parked: Sequence[Parked] = ()

    def arguments(self) -> list[bytes | str | int]:
        """The arguments of the Lua script."""
        checkpoint = b"none" if self.forget_checkpoint else b""
        blocks: dict[str, bytes] = {}
        if self.checkpoint is not None:
            checkpoint, blocks = self.checkpoint.data, self.checkpoint.blocks
        return [
            str(self.before or ""),
            str(self.after),
            "new epoch" if self.new_epoch else "",
            frame_id(self.after),
            self.frame,
            self.snapshot or b"",
            RETAINED_FRAMES,
            checkpoint,
            len(blocks),
            *(part for block in blocks.items() for part in block),
            *(part for parked in self.parked for part in parked),
        ]


DERIVED: Mapping[str, bytes] = {
    "token": b"string",
    "frames": b"stream",
    "snapshot": b"string",
    "checkpoint": b"string",
    "blocks": b"hash",
    "parked": b"stream",
    "health": b"hash",
}
"""The derived keys of a session, and their types on the server."""


def _type_of(name: str) -> StoreCommand:
    return lambda on: cast("Awaitable[Any]", on.type(name))


def _token(saved: bytes) -> Token | None:
    try:
        return Token.parse(saved.decode())
    except ValueError:
        return None


def _epoch(saved: bytes | None) -> int:
    """The epoch of a health, 0 without one, and for what no frame can have."""
    if saved is None or not re.fullmatch(rb"\d{1,5}", saved):
        return 0
    return int(saved) if int(saved) < LARGEST_EPOCH else 0


_WAITING = Script("""
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'state', 'waiting', 'reason', ARGV[1])
return 1
""")

_OF_A_STATE = ("reason", "position", "event", "quarantined", "views")


class ProjectionStore:
    """The derived keys of one session. All methods raise StoreError."""

    def __init__(self, store: Store, session: str) -> None:
        self.session = session
        self._store = store
        self._redis = store.redis
        self._keys = [key(session, name) for name in DERIVED]

    async def discard_damaged(self) -> list[str]:
        """Delete the derived keys that cannot be what they should be, to be made anew.

        Another program overwrote them. Returns their names.
        """
        with self._store.translated_errors():
            types = await self._store.execute_each(
                self._redis, [_type_of(key(self.session, name)) for name in DERIVED]
            )
            found = [
                name
                for (name, expected), kind in zip(DERIVED.items(), types, strict=True)
                if isinstance(kind, bytes) and kind not in {expected, b"none"}
            ]
            if "token" not in found:
                saved: Any = await self._redis.get(key(self.session, "token"))
                if saved is not None and _token(saved) is None:
                    found.append("token")
            if found:
                await self._redis.delete(*(key(self.session, name) for name in found))
        return found

    async def commit(self, commit: Commit) -> bool:
        """Write it; whether the session has a snapshot now. Raises TakenOver and TokenTooLarge."""
        # Before the commit: an epoch too many does no harm, one that comes twice does.
        if commit.before is None or commit.before.epoch != commit.after.epoch:
            await self._note_epoch(commit.after.epoch)
        with self._store.translated_errors():
            answer, saved = await _COMMIT(self._redis, self._keys, commit.arguments())
        if answer == b"refused":
            raise TakenOver(self.session, commit.before, saved.decode())
        return bool(answer == b"done")

    async def token(self) -> Token | None:
        """The token of the last frame, None before the first, and for a damaged one."""
        with self._store.translated_errors():
            saved: Any = await self._redis.get(key(self.session, "token"))
        return _token(saved) if saved else None

    async def last_epoch(self) -> int:
        """The epoch of the newest frame ever written, 0 if there was none.

        A stream remembers its last id after its entries were deleted, the health has the epoch
        where the stream is lost, and ``lapstream:epochs`` where all keys of the session but its log
        are: gateways ignore frames of an epoch before the one they know.
        """
        with self._store.translated_errors():
            known: Any = await cast("Any", self._redis).hget(key(self.session, "health"), "epoch")
            epoch = _epoch(known)
            if await self._redis.exists(key(self.session, "frames")):
                info = await self._redis.xinfo_stream(key(self.session, "frames"))
                newest = parse_position(info["last-generated-id"].decode())[0] >> 48
                epoch = max(epoch, newest)
        return epoch or await self._noted_epoch()

    async def _note_epoch(self, epoch: int) -> None:
        # Where the node of a Cluster that has this key is down, the session goes on without.
        with contextlib.suppress(StoreUnavailable), self._store.translated_errors():
            await cast("Any", self._redis).hset(EPOCHS, self.session, epoch)

    async def _noted_epoch(self) -> int:
        with contextlib.suppress(StoreUnavailable), self._store.translated_errors():
            noted: Any = await cast("Any", self._redis).hget(EPOCHS, self.session)
            return _epoch(noted)
        return 0

    async def checkpoint(self) -> tuple[bytes | None, dict[bytes, bytes]]:
        """The stored checkpoint and all blocks."""
        with self._store.translated_errors():
            data: Any = await self._redis.get(key(self.session, "checkpoint"))
            blocks: Any = await self._redis.hgetall(key(self.session, "blocks")) if data else {}
        return data, blocks

    async def report(
        self,
        projector: str,
        stopped: str | None = None,
        position: str = "",
        event: str = "",
        quarantined: Collection[str] = (),
    ) -> None:
        """Write to the session's health that ``projector`` folds it, or why it is stopped.

        ``position`` is that of the entry that cannot be folded, if one is the reason, and
        ``event`` describes its event; ``quarantined`` are the positions left out of the fold.
        """
        health: dict[Any, str] = {"state": "folding", "projector": projector}
        if stopped is not None:
            health |= {"state": "stopped", "reason": stopped, "position": position}
        if event:
            health["event"] = event
        if quarantined:
            health["quarantined"] = " ".join(sorted(quarantined, key=parse_position))
        with self._store.translated_errors():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hdel(key(self.session, "health"), *_OF_A_STATE)
                pipeline.hset(key(self.session, "health"), mapping=health)
                await pipeline.execute()

    async def report_waiting(self, reason: str) -> None:
        """Write to the session's health that no projector takes it on, unless one has its lease."""
        keys = [key(self.session, "health"), key(self.session, "lease")]
        with self._store.translated_errors():
            await _WAITING(self._redis, keys, [reason])

    async def report_views(self, faults: Mapping[str, str]) -> None:
        """Write to the session's health which topics of its frames cannot be made, and why."""
        name = key(self.session, "health")
        with self._store.translated_errors():
            if faults:
                await self._redis.hset(name, "views", json.dumps(faults, ensure_ascii=False))
            else:
                await self._redis.hdel(name, "views")


async def health(store: Store, session: str) -> dict[str, str]:
    """The health of a session's projection, empty if no projector has worked on it.

    ``state`` is ``folding``, ``stopped``, or ``waiting`` with the ``reason`` where the projectors
    have other sessions; with ``stopped`` come ``reason``, the ``position`` of the entry that
    cannot be folded, and its ``event``. ``quarantined`` has the positions that are
    left out of the fold. ``parked`` counts the unreadable
    entries, ``projector`` wrote the health. Raises StoreError.
    """
    with store.translated_errors():
        fields: Any = await store.redis.hgetall(key(session, "health"))
    return {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in fields.items()
    }


async def faults(store: Store, sessions: Sequence[str]) -> dict[str, str]:
    """Why each of the sessions is stopped or waiting that is.

    Those whose server does not answer are left out.
    """
    with store.translated_errors():
        replies = await store.execute_each(store.redis, [_hgetall(one) for one in sessions])
    found: dict[str, str] = {}
    for session, reply in zip(sessions, replies, strict=True):
        if isinstance(reply, dict) and reply.get(b"state") in {b"stopped", b"waiting"}:
            found[session] = reply.get(b"reason", b"").decode(errors="replace")
    return found


async def stopped_sessions(store: Store, sessions: Sequence[str]) -> list[str]:
    """Those of the sessions that are stopped; of a server that does not answer, none are known."""
    with store.translated_errors():
        replies = await store.execute_each(store.redis, [_state(one) for one in sessions])
    return [
        session for session, state in zip(sessions, replies, strict=True) if state == b"stopped"
    ]


def _state(session: str) -> StoreCommand:
    return lambda on: cast("Awaitable[Any]", on.hget(key(session, "health"), "state"))


def _hgetall(session: str) -> StoreCommand:
    return lambda on: cast("Awaitable[Any]", on.hgetall(key(session, "health")))
