"""The base of projections: marks, rewinds, hashes and checkpoints of their state.

A projection is a dataclass whose fields are of four kinds:

- an immutable value (number, text, tuple, event);
- a column: a ``dict`` from a car (or another key) to such values;
- a ``History``: a list that only grows at its end;
- ``Histories``: one such list for each car (or another key).

A mark copies the values and columns, but stores only the lengths of the histories, so it
costs O(cars), however long the race. So does a checkpoint's hash: a history is hashed in
blocks of 64 items, each chained to the block before it, and each block is hashed once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field as DataclassField
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from events import Event

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
BLOCK = 64
NO_BLOCK = b""

Handler = Callable[[Any], None]
Handlers = Mapping[type[Event], Handler]
Mark = tuple[Any, ...]
"""The state of one projection to rewind to. Marks are immutable and live only in memory."""


def canonical(value: Any) -> bytes:
    """Encode plain values as JSON; equal content gives equal bytes, whatever the key order."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain
    ).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(f"{type(value).__name__} cannot be part of a projection's state")


def digest(data: bytes) -> bytes:
    """Return the 128-bit hash used for states and blocks."""
    return blake2b(data, digest_size=16).digest()


class History(list[T], Generic[T]):
    """A list that only grows at its end, hashed block by block."""

    __slots__ = ("_chain",)

    def __init__(self, items: Iterable[T] = (), chain: Iterable[bytes] = ()) -> None:
        super().__init__(items)
        self._chain = list(chain)

    def rewind(self, length: int) -> None:
        """Remove all items from index ``length`` on."""
        del self[length:]
        del self._chain[length // BLOCK :]

    def follow(self, other: History[T], length: int) -> None:
        """Become the first ``length`` items of ``other``, which shares this history's start."""
        if len(self) > length:
            self.rewind(length)
        else:
            self += other[len(self) : length]
            if other._chain:
                self._chain += other._chain[len(self._chain) : length // BLOCK]

    def chain(self) -> list[bytes]:
        """Return the chained hash of each full block; only new blocks are hashed."""
        for start in range(len(self._chain) * BLOCK, len(self) - BLOCK + 1, BLOCK):
            before = self._chain[-1] if self._chain else NO_BLOCK
            self._chain.append(digest(before + canonical(self[start : start + BLOCK])))
        return self._chain

    def head(self) -> bytes:
        """Return the chained hash of the last full block."""
        chain = self.chain()
        return chain[-1] if chain else NO_BLOCK

    def tail(self) -> list[T]:
        """Return the items after the last full block."""
        return self[len(self) // BLOCK * BLOCK :]


class Histories(dict[str, History[T]], Generic[T]):
    """A history for each key, which is usually a car."""

    __slots__ = ()

    def __missing__(self, key: str) -> History[T]:
        history: History[T] = History()
        self[key] = history
        return history

    def rewind(self, lengths: Mapping[str, int]) -> None:
        """Rewind to these lengths; keys without one are removed."""
        self._forget_all_but(lengths)
        for key, length in lengths.items():
            history = self[key]
            if len(history) > length:
                history.rewind(length)

    def follow(self, other: Histories[T], lengths: Mapping[str, int]) -> None:
        """Become the first ``lengths`` items, by key, of histories that share their start."""
        self._forget_all_but(lengths)
        for key, length in lengths.items():
            self[key].follow(other[key], length)

    def _forget_all_but(self, lengths: Mapping[str, int]) -> None:
        if self.keys() != lengths.keys():
            for key in [key for key in self if key not in lengths]:
                del self[key]


def of(restore: Callable[[Any], Any], factory: Callable[[], Any]) -> Any:
    """Declare a dataclass field whose items ``restore`` rebuilds from plain JSON values."""
    return field(default_factory=factory, metadata={"restore": restore})


def sibling() -> Any:
    """Declare a dataclass field that refers to another projection and is not state."""
    return field(repr=False, metadata={"sibling": True})


def model(kind: type[M]) -> Callable[[Any], M]:
    """Return a function that restores an event from its plain JSON values."""
    return lambda values: kind.model_validate_json(canonical(values))


def row(kind: Callable[..., T]) -> Callable[[Any], T]:
    """Return a function that restores a NamedTuple from a JSON list."""
    return lambda values: kind(*(_tuples(value) for value in values))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


@dataclass(slots=True)
class Projection:
    """The base of all projections: one concern, its state, and its event handlers."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int]

    def handlers(self) -> Handlers:
        """Return the handler of each event type that this projection folds."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """Return a mark of the current state, for ``rewind``; costs O(cars)."""
        return tuple([_mark(getattr(self, name)) for name in _state_names(type(self))])

    def rewind(self, mark: Mark) -> None:
        """Return to an earlier state of this same projection."""
        for name, marked in zip(_state_names(type(self)), mark, strict=True):
            value = getattr(self, name)
            if isinstance(value, (History, Histories)):
                value.rewind(marked)
            else:
                setattr(self, name, marked.copy() if isinstance(marked, dict) else marked)

    def take_from(self, other: Projection, mark: Mark) -> None:
        """Take over the state of ``other`` at ``mark``, sharing no mutable objects.

        One of the two must have folded a prefix of the other's events, possibly none. Common
        parts of their histories stay, so the cost depends on the difference only.
        """
        for name, marked in zip(_state_names(type(self)), mark, strict=True):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, (History, Histories)):
                mine.follow(theirs, marked)
            else:
                setattr(self, name, marked.copy() if isinstance(marked, dict) else marked)

    def summary(self) -> dict[str, Any]:
        """Return the state as plain values, histories by length, chained hash and tail."""
        return {name: _summary(getattr(self, name)) for name in _state_names(type(self))}

    def histories(self) -> Iterable[History[Any]]:
        """Iterate over all histories of this projection."""
        for name in _state_names(type(self)):
            yield from _histories(getattr(self, name))

    def restore(self, summary: Mapping[str, Any], block: Callable[[str], Any]) -> None:
        """Restore the state from a ``summary``.

        ``block`` returns a stored block by its hash in hex, as ``{"before", "items"}``.
        Raises KeyError if a member or a block is missing.
        """
        for spec in _state_fields(type(self)):
            setattr(self, spec.name, _restored(spec, getattr(self, spec.name), summary, block))


def stored_block(history: History[Any], index: int) -> tuple[str, dict[str, Any]]:
    """Return a block's hash in hex, and the value to store under it."""
    chain = history.chain()
    before = chain[index - 1] if index else NO_BLOCK
    items = history[index * BLOCK : (index + 1) * BLOCK]
    return chain[index].hex(), {"before": before.hex(), "items": items}


_FIELDS: dict[type, tuple[DataclassField[Any], ...]] = {}
_NAMES: dict[type, tuple[str, ...]] = {}


def _state_fields(kind: type[Projection]) -> tuple[DataclassField[Any], ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(spec for spec in fields(kind) if not spec.metadata.get("sibling"))
    return _FIELDS[kind]


def _state_names(kind: type[Projection]) -> tuple[str, ...]:
    if kind not in _NAMES:
        _NAMES[kind] = tuple(spec.name for spec in _state_fields(kind))
    return _NAMES[kind]


def _histories(value: Any) -> Iterable[History[Any]]:
    if isinstance(value, History):
        return (value,)
    return value.values() if isinstance(value, Histories) else ()


def _mark(value: Any) -> Any:
    if isinstance(value, History):
        return len(value)
    if isinstance(value, Histories):
        return {key: len(history) for key, history in value.items()}
    return value.copy() if isinstance(value, dict) else value


def _summary(value: Any) -> Any:
    if isinstance(value, History):
        return {"length": len(value), "head": value.head().hex(), "tail": value.tail()}
    if isinstance(value, Histories):
        return {key: _summary(history) for key, history in value.items()}
    return value


def _restored(
    spec: DataclassField[Any],
    now: Any,
    summary: Mapping[str, Any],
    block: Callable[[str], Any],
) -> Any:
    stored = summary[spec.name]
    restore = spec.metadata.get("restore", _tuples)
    if isinstance(now, History):
        return _restored_history(stored, restore, block)
    if isinstance(now, Histories):
        return Histories(
            {key: _restored_history(one, restore, block) for key, one in stored.items()}
        )
    if isinstance(now, dict):
        return {key: restore(value) for key, value in stored.items()}
    return None if stored is None else restore(stored)


def _restored_history(
    stored: Mapping[str, Any], restore: Callable[[Any], Any], block: Callable[[str], Any]
) -> History[Any]:
    chain: list[str] = []
    items: list[list[Any]] = [stored["tail"]]
    head = stored["head"]
    while head:
        chain.append(head)
        found = block(head)
        items.append(found["items"])
        head = found["before"]
    history = History(
        (restore(item) for block_items in reversed(items) for item in block_items),
        (bytes.fromhex(one) for one in reversed(chain)),
    )
    if len(history) != stored["length"]:
        raise KeyError("a block of a history is missing")
    return history
