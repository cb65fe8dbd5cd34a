"""Named outputs in the store, shared by all gateways.

The keys are in one slot of a Cluster:

- ``{lapstream:outputs}``            a hash: the ``Output`` of each name, as JSON;
- ``{lapstream:outputs}:held``       a hash: the ``Hold`` of each frozen output, and its frame;
- ``{lapstream:outputs}:shown``      a hash: the last frame of each, for when its source is gone;
- ``{lapstream:outputs}:revisions``  a hash: how often each was changed, frozen or released;
- ``{lapstream:outputs}:changes``    a stream of the names of those that were.

A frame is stored before a response says that its output is frozen, so it outlives every
process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events import Contest
from events.base import CarNumber, Milliseconds, Name, Text
from events.errors import LapstreamError
from projections.views.frame import Frame
from services.storage.client import Store
from services.storage.output_views import OutputView
from services.storage.scripts import Script

OUTPUTS = "{lapstream:outputs}"
HELD, SHOWN, REVISIONS, CHANGES = (
    f"{OUTPUTS}:{name}" for name in ("held", "shown", "revisions", "changes")
)
KEYS = (OUTPUTS, HELD, SHOWN, REVISIONS, CHANGES)
RETAINED_CHANGES = 1000
BLOCK_MS = 2000

OutputName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", examples=["tower"])]

_SCRIPT = """
local outputs, held, shown, revisions, changes = unpack(KEYS)
local name = ARGV[1]
local function changed()
    redis.call('XADD', changes, 'MAXLEN', '~', ARGV[#ARGV], '*', 'output', name)
    return redis.call('HINCRBY', revisions, name, 1)
end
local function kept()
    return {redis.call('HGET', outputs, name), redis.call('HGET', held, name),
            redis.call('HGET', revisions, name), redis.call('HGET', revisions, name .. ':held')}
end
local function made_of(output)
    local read, decoded = pcall(cjson.decode, output)
    if not read or type(decoded) ~= 'table' then return output end
    local season, of = decoded.season or false, decoded.of or false
    local classes = decoded.view == 'championship' and decoded.classes or false
    return cjson.encode({decoded.session, decoded.view, decoded.cars, season, of, classes})
end
"""

_READ = Script(_SCRIPT + "return kept()")

# A last frame of another session, other cars or another championship is not a fallback.
_PUT = Script(
    _SCRIPT
    + """
local before = redis.call('HGET', outputs, name)
if before ~= ARGV[2] then
    if before and made_of(before) ~= made_of(ARGV[2]) then
        redis.call('HDEL', shown, name)
    end
    redis.call('HSET', outputs, name, ARGV[2])
    changed()
end
return kept()
"""
)

# Another gateway may not know yet that the output was changed.
_KEEP = Script(
    _SCRIPT
    + """
local now = redis.call('HGET', outputs, name)
if now and made_of(now) == made_of(ARGV[2]) then redis.call('HSET', shown, name, ARGV[3]) end
return kept()
"""
)

# The first freeze counts; a later one gets the existing hold.
_FREEZE = Script(
    _SCRIPT
    + """
if redis.call('HEXISTS', outputs, name) == 1 and redis.call('HEXISTS', held, name) == 0 then
    redis.call('HSET', held, name, ARGV[2])
    redis.call('HSET', revisions, name .. ':held', changed())
end
return kept()
"""
)

_RELEASE = Script(
    _SCRIPT
    + """
if redis.call('HGET', held, name) == ARGV[2] then
    redis.call('HDEL', held, name)
    redis.call('HDEL', revisions, name .. ':held')
    changed()
end
return kept()
"""
)

# The revision stays: a new output of the same name continues from it.
_REMOVE = Script(
    _SCRIPT
    + """
if redis.call('HEXISTS', held, name) == 1 then return 'frozen' end
if redis.call('HDEL', outputs, name) == 1 then changed() end
redis.call('HDEL', shown, name)
return 'done'
"""
)


class NoSuchOutput(LapstreamError):
    """No output of that name."""

    def __init__(self, output: str, known: Sequence[str]) -> None:
        self.output = output
        self.known = tuple(known)
        there = f"there is {', '.join(sorted(known)[:10])}" if known else "there are none yet"
        super().__init__(f"no output {output!r}; {there}")


class UnreadableOutput(LapstreamError):
    """The stored settings or hold of an output, such as by a newer version."""

    def __init__(self, output: str, reason: str) -> None:
        self.output = output
        self.reason = reason
        super().__init__(f"output {output!r} cannot be read ({reason}): set it anew or remove it")


class OutputIsFrozen(LapstreamError):
    """The request would end the hold of a frozen output."""

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(f"output {output!r} is frozen: release it first")


class Output(BaseModel):
    """The settings of a graphic: a view of a session, its rows, their number, and the delay.

    ``season`` and ``of`` name the championship, for the view of that name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: OutputName
    session: str
    view: OutputView
    classes: tuple[Name, ...] = ()
    cars: tuple[CarNumber, ...] = ()
    delay_ms: int = 0
    rows: int = 20
    season: str | None = None
    of: Contest = "drivers"


class Hold(BaseModel):
    """Who froze an output, and when.

    ``moment`` is the wall-clock time (ms) that it showed, ``since_ms`` the time of the freeze,
    ``at`` the session clock then. ``number`` is the ``source_seq`` of the audit event, and the
    next one that of its release; None for a replay, which has no log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Name
    reason: Text | None = None
    since_ms: int
    moment: int
    stale: bool
    at: Milliseconds
    number: int | None
    output: Output


class FrozenOutput(NamedTuple):
    """A hold, the frame that it keeps, and the revision that began with it.

    ``raw`` is the stored value, which a release compares.
    """

    hold: Hold
    frame: Frame
    revision: int
    raw: bytes


class StoredOutput(NamedTuple):
    """An output as it is stored. ``revision`` grows with each change, freeze and release."""

    output: Output
    revision: int
    frozen: FrozenOutput | None

    @property
    def effective(self) -> Output:
        """The settings in force: those at the time of the freeze while the output is frozen."""
        return self.frozen.hold.output if self.frozen else self.output


class OutputStore:
    """Reads and writes the outputs of a store. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> dict[str, StoredOutput | UnreadableOutput]:
        """Every output by its name, or why it cannot be read."""
        with self._store.translated_errors():
            stored: Any = await self._store.redis.hkeys(OUTPUTS)
        found: dict[str, StoredOutput | UnreadableOutput] = {}
        for name in sorted(name.decode(errors="replace") for name in stored):
            try:
                output = await self.get(name)
            except UnreadableOutput as error:
                found[name] = error
            else:
                if output is not None:
                    found[name] = output
        return found

    async def get(self, name: str) -> StoredOutput | None:
        """The output of a name; None where there is none. Raises UnreadableOutput."""
        return _stored(name, await self._run(_READ, name))

    async def put(self, output: Output) -> StoredOutput:
        """Create or change an output."""
        return await self._written(_PUT, output.name, output.model_dump_json().encode())

    async def freeze(self, name: str, hold: Hold, frame: Frame) -> StoredOutput:
        """Freeze an output with this frame, unless it is frozen already.

        Raises NoSuchOutput.
        """
        raw = hold.model_dump_json().encode() + b"\n" + frame.encode()
        return await self._written(_FREEZE, name, raw)

    async def release(self, name: str, frozen: FrozenOutput) -> StoredOutput:
        """End this hold, unless another has replaced it. Raises NoSuchOutput."""
        return await self._written(_RELEASE, name, frozen.raw)

    async def remove(self, name: str) -> None:
        """Remove an output. Raises OutputIsFrozen."""
        if await self._run(_REMOVE, name) == b"frozen":
            raise OutputIsFrozen(name)

    async def save_snapshot(self, output: Output, frame: Frame) -> None:
        """Save what an output shows, for when its source is gone.

        Does nothing where the stored output of that name is made of something else by now.
        """
        await self._run(_KEEP, output.name, output.model_dump_json().encode(), frame.encode())

    async def saved_snapshot(self, name: str) -> Frame | None:
        """What an output showed last, if it was saved."""
        with self._store.translated_errors():
            raw = await self._store.redis.hget(SHOWN, name)
        try:
            return Frame.decode(raw) if raw else None  # type: ignore[arg-type]
        except (ValueError, LookupError, TypeError):  # a fallback only: damaged, it is none
            return None

    async def newest_change(self) -> bytes:
        """The id of the newest entry of the change stream."""
        with self._store.translated_errors():
            newest: Any = await self._store.redis.xrevrange(CHANGES, count=1)
        return newest[0][0] if newest else b"0-0"

    async def changes(self, after: bytes) -> AsyncIterator[set[str]]:
        """Yield the names of outputs as they change, without end.

        Yields an empty set after ``BLOCK_MS`` without a change. Occupies one connection.
        """
        while True:
            with self._store.translated_errors():
                reply: Any = await self._store.redis.xread({CHANGES: after}, block=BLOCK_MS)
            names: set[str] = set()
            for entries in dict(reply or {}).values():
                names.update(fields[b"output"].decode() for _, fields in entries)
                after = entries[-1][0]
            yield names

    async def _written(self, script: Script, name: str, raw: bytes) -> StoredOutput:
        stored = _stored(name, await self._run(script, name, raw))
        if stored is None:
            raise NoSuchOutput(name, list(await self.all()))
        return stored

    async def _run(self, script: Script, name: str, *arguments: bytes) -> Any:
        with self._store.translated_errors():
            return await script(self._store.redis, KEYS, [name, *arguments, RETAINED_CHANGES])


def _stored(name: str, reply: Sequence[bytes | None]) -> StoredOutput | None:
    """Raises UnreadableOutput."""
    output, frozen, revision, since = reply
    if output is None:
        return None
    try:
        return StoredOutput(
            Output.model_validate_json(output),
            int(revision or 0),
            None if frozen is None else _frozen(frozen, int(since or 0)),
        )
    except ValidationError as invalid:
        fault = invalid.errors(include_url=False)[0]
        where = "".join(f"{step}: " for step in fault["loc"])
        raise UnreadableOutput(name, f"{where}{fault['msg']}") from None
    except (ValueError, LookupError, TypeError) as error:  # the frame of its hold
        raise UnreadableOutput(name, f"its frozen frame: {error}") from None


def _frozen(raw: bytes, revision: int) -> FrozenOutput:
    hold, _, frame = raw.partition(b"\n")
    return FrozenOutput(Hold.model_validate_json(hold), Frame.decode(frame), revision, raw)
