"""What every projection's state is made of, so that all of it can be marked, rewound,
hashed, stored and taken up again by one piece of code.

A projection is a dataclass whose fields are of four kinds:

- a value that is never changed in place (number, text, tuple, event);
- a ``dict`` from a car (or another key) to such values: a column;
- a ``History``: a list that only ever grows at its end;
- ``Histories``: one such list for each car (or another key).

A mark copies the values and columns and notes only the lengths of the histories, so it
costs O(cars), however long the race. So does a checkpoint's hash: a history is hashed
in blocks of 64 items, each chained to the block before it, and each block once.
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
"""A moment of one projection, to go back to. It is never changed, and lives only in memory."""


def canonical(value: Any) -> bytes:
    """Plain values as JSON, the same bytes for the same content, whatever the key order."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain
    ).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(f"{type(value).__name__} cannot be part of a projection's state")


def digest(data: bytes) -> bytes:
    """The 128-bit hash used for states and blocks."""
    return blake2b(data, digest_size=16).digest()


class History(list[T], Generic[T]):
    """A list that only grows at its end, hashed block by block."""

    __slots__ = ("_chain",)

    def __init__(self, items: Iterable[T] = (), chain: Iterable[bytes] = ()) -> None:
        super().__init__(items)
        self._chain = list(chain)

    def rewind(self, length: int) -> None:
        """Forget everything from index ``length`` on."""
        del self[length:]
        del self._chain[length // BLOCK :]

    def follow(self, other: History[T], length: int) -> None:
        """Become the first ``length`` items of a history with which this one begins alike."""
        if len(self) > length:
            self.rewind(length)
        else:
            self += other[len(self) : length]
            if other._chain:
                self._chain += other._chain[len(self._chain) : length // BLOCK]

    def chain(self) -> list[bytes]:
        """The chained hash of each full block; what was hashed before is not hashed again."""
        for start in range(len(self._chain) * BLOCK, len(self) - BLOCK + 1, BLOCK):
            before = self._chain[-1] if self._chain else NO_BLOCK
            self._chain.append(digest(before + canonical(self[start : start + BLOCK])))
        return self._chain

    def head(self) -> bytes:
        """The chained hash of the last full block."""
        chain = self.chain()
        return chain[-1] if chain else NO_BLOCK

    def tail(self) -> list[T]:
        """The items behind the last full block."""
        return self[len(self) // BLOCK * BLOCK :]


class Histories(dict[str, History[T]], Generic[T]):
    """A history for each car, or for each of whatever else the keys are."""

    __slots__ = ()

    def __missing__(self, key: str) -> History[T]:
        history: History[T] = History()
        self[key] = history
        return history

    def rewind(self, lengths: Mapping[str, int]) -> None:
        """Go back to these lengths; a key without one is forgotten."""
        self._forget_all_but(lengths)
        for key, length in lengths.items():
            history = self[key]
            if len(history) > length:
                history.rewind(length)

    def follow(self, other: Histories[T], lengths: Mapping[str, int]) -> None:
        """Become the first items, by key, of histories with which these begin alike."""
        self._forget_all_but(lengths)
        for key, length in lengths.items():
            self[key].follow(other[key], length)

    def _forget_all_but(self, lengths: Mapping[str, int]) -> None:
        if self.keys() != lengths.keys():
            for key in [key for key in self if key not in lengths]:
                del self[key]


def of(restore: Callable[[Any], Any], factory: Callable[[], Any]) -> Any:
    """A dataclass field whose items ``restore`` makes anew from their plain JSON values."""
    return field(default_factory=factory, metadata={"restore": restore})


def sibling() -> Any:
    """A dataclass field that holds another projection to read from, and no state."""
    return field(repr=False, metadata={"sibling": True})


def model(kind: type[M]) -> Callable[[Any], M]:
    """Restore an event from the plain values that JSON made of it."""
    return lambda values: kind.model_validate_json(canonical(values))


def row(kind: Callable[..., T]) -> Callable[[Any], T]:
    """Restore a NamedTuple from the list that JSON made of it."""
    return lambda values: kind(*(_tuples(value) for value in values))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


@dataclass(slots=True)
class Projection:
    """The base of all projections: one concern, its state, and what it does with events."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int]

    def handlers(self) -> Handlers:
        """Which event types this projection folds, and with what."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """This moment, to ``rewind`` to; costs O(cars)."""
        return tuple([_mark(getattr(self, name)) for name in _state_names(type(self))])

    def rewind(self, mark: Mark) -> None:
        """Go back to an earlier moment of this very projection."""
        for name, marked in zip(_state_names(type(self)), mark, strict=True):
            value = getattr(self, name)
            if isinstance(value, (History, Histories)):
                value.rewind(marked)
            else:
                setattr(self, name, marked.copy() if isinstance(marked, dict) else marked)

    def take_from(self, other: Projection, mark: Mark) -> None:
        """Become what ``other`` was at ``mark``, sharing nothing that changes.

        Both have folded the same events, one of them more of them; or this one none yet.
        What their histories have in common stays: it costs as much as lies between them.
        """
        for name, marked in zip(_state_names(type(self)), mark, strict=True):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, (History, Histories)):
                mine.follow(theirs, marked)
            else:
                setattr(self, name, marked.copy() if isinstance(marked, dict) else marked)

    def summary(self) -> dict[str, Any]:
        """The whole state as plain values, histories by length, chained hash and tail."""
        return {name: _summary(getattr(self, name)) for name in _state_names(type(self))}

    def histories(self) -> Iterable[History[Any]]:
        """Every history of this projection."""
        for name in _state_names(type(self)):
            yield from _histories(getattr(self, name))

    def restore(self, summary: Mapping[str, Any], block: Callable[[str], Any]) -> None:
        """Take up the state that ``summary`` describes.

        ``block`` gives a stored block by its hash in hex, as ``{"before", "items"}``.
        Raises KeyError where a member or a block is missing.
        """
        for spec in _state_fields(type(self)):
            setattr(self, spec.name, _restored(spec, getattr(self, spec.name), summary, block))


def stored_block(history: History[Any], index: int) -> tuple[str, dict[str, Any]]:
    """A block's hash in hex, and what to store under it."""
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
