"""The session: opening, entries, grid, end and declared results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from events import (
    FINISH_LINE,
    EntryAdded,
    EntryAmended,
    GridSet,
    ResultDeclared,
    RulesSwitched,
    SessionEnded,
    SessionOpened,
    SessionResumed,
    ShortestLapSet,
)
from projections.engine.state import Handlers, History, Projection, model, of
from projections.rules.packs import shortest_lap_ms

NOT_OPENED = SessionOpened(
    at=0, source="lapstream", source_seq=0, title="Untitled session", kind="race"
)
"""The assumed opening of a session without a SessionOpened."""


@dataclass(slots=True)
class Session(Projection):
    """The session's opening, its entries by car, its grid and its declared results."""

    NAME: ClassVar[str] = "session"
    VERSION: ClassVar[int] = 4

    opened: SessionOpened = of(model(SessionOpened), lambda: NOT_OPENED)
    entries: dict[str, EntryAdded] = of(model(EntryAdded), dict)
    apart: dict[str, str] = field(default_factory=dict)
    """The role of each car that is not a competitor, whose crossings do not count."""
    grid: tuple[str, ...] = ()
    shortest_lap_ms: int = 0
    """The shortest possible lap (ms), set for the session or by its pack; 0 for no limit."""
    shortest_lap_set: bool = False
    ended_at: int | None = None
    declared: History[ResultDeclared] = of(model(ResultDeclared), History)

    def handlers(self) -> Handlers:
        return {
            SessionOpened: self._opened,
            EntryAdded: self._entry_added,
            EntryAmended: self._entry_amended,
            GridSet: self._grid_set,
            RulesSwitched: self._rules_switched,
            ShortestLapSet: self._shortest_lap_set,
            ResultDeclared: self._result_declared,
            SessionEnded: self._ended,
            SessionResumed: self._resumed,
        }

    @property
    def is_race(self) -> bool:
        """Whether the session is a race; qualifying and practice are ordered by best lap."""
        return self.opened.kind == "race"

    @property
    def lines(self) -> tuple[str, ...]:
        """The timing lines in the order of a lap; the last is the finish line."""
        return self.opened.timing_lines or (FINISH_LINE,)

    def car_class(self, car: str) -> str | None:
        """The car's class, or None for a car outside every class or not entered."""
        entry = self.entries.get(car)
        return entry.car_class if entry else None

    def _opened(self, event: SessionOpened) -> None:
        self.opened = event
        if not self.shortest_lap_set:
            self.shortest_lap_ms = shortest_lap_ms(event.rules) if event.rules else 0

    def _entry_added(self, event: EntryAdded) -> None:
        self.entries[event.car] = event
        if event.role is None or event.role == "competitor":
            self.apart.pop(event.car, None)
        else:
            self.apart[event.car] = event.role

    def _entry_amended(self, event: EntryAmended) -> None:
        entry = self.entries.get(event.car)
        names = event.model_dump(exclude_none=True, include=_AMENDABLE)
        changes = {name: getattr(event, name) for name in names}
        if entry is None:
            entry = EntryAdded(
                at=event.at, source=event.source, source_seq=event.source_seq, car=event.car
            )
        self._entry_added(entry.model_copy(update=changes))

    def _grid_set(self, event: GridSet) -> None:
        self.grid = event.order

    def _rules_switched(self, event: RulesSwitched) -> None:
        self.opened = self.opened.model_copy(update={"rules": event.rules})

    def _shortest_lap_set(self, event: ShortestLapSet) -> None:
        self.shortest_lap_ms, self.shortest_lap_set = event.lap_time_ms or 0, True

    def _result_declared(self, event: ResultDeclared) -> None:
        self.declared.append(event)

    def _ended(self, event: SessionEnded) -> None:
        self.ended_at = event.at

    def _resumed(self, _: SessionResumed) -> None:
        self.ended_at = None


_AMENDABLE = {
    *("car_class", "subclass", "team", "vehicle", "manufacturer", "drivers", "championships"),
    "role",
}
