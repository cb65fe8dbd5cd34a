"""What a tower shows: a session's state, the viewer's options, and recent changes of place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projections.views.display import MOVEMENT_HOLD_MS
from projections.views.merge_patch import State

Row = Mapping[str, Any]


def is_race(session: Row) -> bool:
    """Whether the session line is that of a race; other sessions are ordered by best lap."""
    return bool(session["kind"] == "race")


class TowerState(NamedTuple):
    """The published state of a session as a tower reads it.

    ``rows`` are the standings in order; an absent member means null. ``message`` is race
    control's last message, ``clock_ms`` the session clock.
    """

    session: Row
    rows: Sequence[Row]
    message: Row | None
    clock_ms: int

    @classmethod
    def of(cls, state: State, clock_ms: int) -> TowerState:
        """The published state at this time of the session clock."""
        rows = sorted(state["standings"].values(), key=lambda row: row["position"])
        messages = state["messages"]
        message = messages[max(messages, key=int)] if messages else None
        return cls(state["session"], rows, message, clock_ms)


@dataclass(frozen=True)
class TowerOptions:
    """The viewer's choices, and what depends on the viewer's clock."""

    car_class: str | None = None
    top: int = 0
    """The first row shown."""
    help: bool = False
    watched: frozenset[str] = frozenset()
    moved: Mapping[str, int] = field(default_factory=dict)
    """Places won lately by car; below 0: lost."""
    speed: float | None = None
    paused: bool = False
    ended: bool = False
    age_ms: int | None = None
    address: str | None = None
    """The address of the same race's page for browsers."""
    still: bool = False
    """Whether this is printed once, without keys."""


class Movements:
    """Which cars won or lost places lately, for the marks beside them."""

    def __init__(self, hold_ms: int = MOVEMENT_HOLD_MS) -> None:
        self._hold_ms = hold_ms
        self._places: dict[str, int] = {}
        self._moved: dict[str, tuple[int, float]] = {}

    def see(self, order: Sequence[str], now_ms: float) -> dict[str, int]:
        """Note the order at a time of the viewer's clock; the places won (below 0: lost)."""
        places = {car: place for place, car in enumerate(order)}
        for car, place in places.items():
            before = self._places.get(car, place)
            if before != place:
                started = self._moved[car][0] if car in self._moved else before
                self._moved[car] = (started, now_ms)
        self._places = places
        self._moved = {
            car: (started, at)
            for car, (started, at) in self._moved.items()
            if now_ms - at < self._hold_ms and car in places
        }
        return {
            car: started - places[car]
            for car, (started, _) in self._moved.items()
            if started != places[car]
        }
