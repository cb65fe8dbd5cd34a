"""Bulk construction of events: drafted in any order, returned in order and numbered.

A pydantic constructor validates every value of every event, which takes most of its time.
Importers of whole files validate whole columns once instead, and draft their tens of
thousands of events here. Everything else uses the models' own constructors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, cast

from pydantic import BaseModel

from events.base import Event
from events.catalogue import RANK

LAP_BITS = 17  # laps are at most 100,000
SERIES_BITS = 24
RANK_BITS = 6
AT_SHIFT = RANK_BITS + SERIES_BITS + LAP_BITS

_SLOTS = vars(BaseModel)


class _Series(NamedTuple):
    """Events of one type that share all values except ``at``, ``lap`` and the values by lap."""

    model: type[Event]
    shared: dict[str, Any]
    by_lap: tuple[tuple[str, Sequence[object]], ...]


class Drafts:
    """Draft events of one source: series of events, and one sort key per event.

    The key is a number that holds time, rank of the type, series and lap, from the highest
    bits to the lowest. It sorts like the tuple of the four in a fraction of the time, and an
    event needs no other state. Of two events with equal time and rank the one drafted first
    comes first: draft cars in the order of their numbers.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._series: list[_Series] = []
        self._keys: list[int] = []

    def add(self, model: type[Event], at: int, **values: object) -> None:
        """Add one event. Raises pydantic's ValidationError for invalid values."""
        self.add_all(model, [at], values)

    def add_all(self, model: type[Event], ats: Sequence[int], values: Mapping[str, object]) -> None:
        """Add events that differ only in ``at`` (ms, not negative)."""
        if ats:
            low = self._begin(model, values, {})
            self._keys += [(at << AT_SHIFT) + low for at in ats]

    def add_laps(
        self,
        model: type[Event],
        ats: Sequence[int | None],
        values: Mapping[str, object],
        **by_lap: Sequence[object],
    ) -> None:
        """Add an event for each lap that has a time; element i of each list belongs to lap i + 1.

        The model validates ``values`` and the first element of each list. The caller must have
        validated the other elements: the model has to accept them unchanged.
        """
        low = self._begin(model, {"lap": 1, **values}, by_lap)
        self._keys += [
            (at << AT_SHIFT) + low + lap for lap, at in enumerate(ats, 1) if at is not None
        ]

    def latest(self) -> int:
        """Return the time of the latest event so far (ms)."""
        return max(self._keys) >> AT_SHIFT

    def events(self) -> list[Event]:
        """Return the events ordered by time, rank and draft; ``source_seq`` counts from 0."""
        lap_mask, series_mask = (1 << LAP_BITS) - 1, (1 << SERIES_BITS) - 1
        models: list[type[Event]] = []
        values: list[dict[str, Any]] = []
        for number, key in enumerate(sorted(self._keys)):
            model, shared, by_lap = self._series[key >> LAP_BITS & series_mask]
            members = shared.copy()
            members["at"] = key >> AT_SHIFT
            members["source_seq"] = number
            lap = key & lap_mask
            if lap:
                members["lap"] = lap
                for name, column in by_lap:
                    members[name] = column[lap - 1]
            models.append(model)
            values.append(members)
        return _build(models, values)

    def _begin(
        self,
        model: type[Event],
        values: Mapping[str, object],
        by_lap: Mapping[str, Sequence[object]],
    ) -> int:
        """Begin a series and return its part of the key."""
        first = {name: column[0] for name, column in by_lap.items()}
        identity = {"at": 0, "source": self._source, "source_seq": 0}
        checked = model.model_validate({**identity, **values, **first})
        low = RANK[model] << SERIES_BITS | len(self._series)
        self._series.append(_Series(model, vars(checked), tuple(by_lap.items())))
        return low << LAP_BITS


def _build(models: Sequence[type[Event]], values: Sequence[dict[str, Any]]) -> list[Event]:
    """Construct an event of each model from the dictionary beside it, without validation.

    Sets the four slots that pydantic's ``model_construct`` sets on a new object, one slot for
    all events at a time, so that each loop runs in C.
    """
    events = cast("list[Event]", list(map(object.__new__, models)))
    names = {model: set(model.model_fields) for model in set(models)}
    _set("__dict__", events, values)
    _set("__pydantic_fields_set__", events, map(names.__getitem__, models))
    _set("__pydantic_extra__", events, repeat(None))
    _set("__pydantic_private__", events, repeat(None))
    return events


def _set(slot: str, events: Sequence[Event], values: Iterable[object]) -> None:
    # Models are frozen, so their setattr refuses; the slot descriptors of BaseModel do not.
    deque(map(_SLOTS[slot].__set__, events, values), maxlen=0)
