"""Finding the recorded events of given identities, for appends that meet numbers seen before.

Nothing in the store says where the event of a number stands. What is sent again is usually
recent, so the end of the log is read first. A producer that sends its whole history again asks
for batch after batch of older ones: then the log is read once, noting which numbers of which
sources each block of entries has, and afterwards only the blocks in question are read. The
notes live in memory and are no more than a hint: what they do not lead to is searched anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from events import decode, encode
from events.errors import UndecodableEvent
from replay.entries import START, LogEntry
from services.storage.client import Store
from services.storage.keys import log_key

BLOCK = 1000
"""Entries of a block, which is also how many are read at a time."""

RECENT_BLOCKS = 2
"""Blocks at the end of a log that are read before anything else."""

MOST_LOGS = 64
"""Logs of which the blocks are remembered."""

Identity = tuple[str, int]


@dataclass(slots=True)
class _Block:
    """A stretch of a log, and the lowest and highest number of each source in it."""

    first: str
    last: str
    entries: int = 0
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, entry: LogEntry) -> None:
        self.last = entry.position
        self.entries += 1
        identity = raw_identity(entry)
        if identity is not None:
            source, number = identity
            lowest, highest = self.numbers.get(source, (number, number))
            self.numbers[source] = min(lowest, number), max(highest, number)

    def may_have(self, identities: Iterable[Identity]) -> bool:
        for source, number in identities:
            lowest, highest = self.numbers.get(source, (1, 0))
            if lowest <= number <= highest:
                return True
        return False


class IdentitySearch:
    """Searches the logs of a store, and remembers the blocks of those searched last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._blocks: OrderedDict[str, list[_Block]] = OrderedDict()

    async def others(
        self, session: str, sent: Mapping[Identity, bytes]
    ) -> dict[Identity, LogEntry]:
        """Return the recorded entries that have the identity of a sent event but are another.

        Of several entries with one identity, which only a raw append can make, the first counts.
        An identity that no entry has is none of these.
        """
        left = dict(sent)
        if session not in self._blocks and await self._match_recent(session, left):
            return {}
        known = session in self._blocks
        others = await self._search(session, left)
        if left and known:  # the notes may be of a log that is gone
            self._blocks.pop(session, None)
            others |= await self._search(session, left)
        return others

    async def _match_recent(self, session: str, left: dict[Identity, bytes]) -> bool:
        """Remove the events that stand at the log's end; whether these are all."""
        end = "+"
        for _ in range(RECENT_BLOCKS):
            batch = await self._read(session, end, backwards=True)
            for entry in batch:
                identity = raw_identity(entry)
                if identity in left and is_same(entry.payload, left[identity]):
                    del left[identity]
            if not left or len(batch) < BLOCK:
                break
            end = f"({batch[-1].position}"
        return not left

    async def _search(self, session: str, left: dict[Identity, bytes]) -> dict[Identity, LogEntry]:
        """Return the other events of these identities; what is found is removed from ``left``."""
        others: dict[Identity, LogEntry] = {}
        for block in await self._known_blocks(session):
            if not left:
                break
            if block.may_have(left):
                for entry in await self._read(session, block.first, block.last):
                    identity = raw_identity(entry)
                    if identity in left and not is_same(entry.payload, left.pop(identity)):
                        others[identity] = entry
        return others

    async def _known_blocks(self, session: str) -> list[_Block]:
        """The blocks of the whole log; reads what was appended since."""
        blocks = self._blocks.setdefault(session, [])
        self._blocks.move_to_end(session)
        if len(self._blocks) > MOST_LOGS:
            self._blocks.popitem(last=False)
        while True:
            after = blocks[-1].last if blocks else START
            batch = await self._read(session, f"({after}", "+")
            if blocks and blocks[-1].last != after:
                continue  # another task noted these entries meanwhile
            for entry in batch:
                if not blocks or blocks[-1].entries >= BLOCK:
                    blocks.append(_Block(entry.position, entry.position))
                blocks[-1].add(entry)
            if len(batch) < BLOCK:
                return blocks

    async def _read(
        self, session: str, start: str, end: str = "-", *, backwards: bool = False
    ) -> list[LogEntry]:
        log, raw = log_key(session), self._store.raw
        with self._store.translated_errors():
            reply: Any
            if backwards:
                reply = await raw.xrevrange(log, start, end, BLOCK)
            else:
                reply = await raw.xrange(log, start, end, BLOCK)
        return [LogEntry(position.decode(), fields) for position, fields in reply]


def raw_identity(entry: LogEntry) -> Identity | None:
    """An entry's identity, without validation of the event."""
    try:
        event = from_json(entry.payload)
        source, number = event["source"], event["source_seq"]
    except (ValueError, KeyError, TypeError):
        return None
    return (source, number) if isinstance(source, str) and isinstance(number, int) else None


def is_same(recorded: bytes, sent: bytes) -> bool:
    """Whether the log has this very event, however its JSON is written."""
    if recorded == sent:
        return True
    try:
        return encode(decode(recorded)) == sent
    except UndecodableEvent:
        return False
