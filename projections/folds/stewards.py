"""Penalties: each with its current state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from events import PenaltyConverted, PenaltyImposed, PenaltyRescinded, PenaltyServed
from projections.engine.state import Handlers, Projection, of, row

TO_SERVE = ("drive_through", "stop_and_go", "stop_and_hold")
"""The kinds of penalty that are served in the pit lane, and owed until then."""

COUNTING = frozenset({"time", "laps", "places", "back_of_class", "disqualification", "points"})
"""The kinds that count in the result without being served."""


class Penalty(NamedTuple):
    """A penalty; ``status`` is imposed, served, converted or rescinded; times in ms."""

    penalty_id: str
    car: str
    kind: str
    amount: int | None
    reason: str | None
    status: str
    imposed_at: int
    changed_at: int
    by: str | None
    basis: str


def as_imposed(penalty: Penalty) -> tuple[int, list[tuple[str, int]]]:
    """What orders penalties by their imposition: the time, then the numbers in the id.

    All that are imposed after the flag share a millisecond; ``inferred-10`` follows
    ``inferred-9``.
    """
    parts = _NUMBERS.findall(penalty.penalty_id)
    return (penalty.imposed_at, [(word, int(digits or -1)) for word, digits in parts])


_NUMBERS = re.compile(r"([^0-9]*)([0-9]*)")


@dataclass(slots=True)
class Stewards(Projection):
    """Every penalty by its id."""

    NAME: ClassVar[str] = "stewards"
    VERSION: ClassVar[int] = 1

    penalties: dict[str, Penalty] = of(row(Penalty), dict)

    def handlers(self) -> Handlers:
        return {
            PenaltyImposed: self._imposed,
            PenaltyServed: self._served,
            PenaltyConverted: self._converted,
            PenaltyRescinded: self._rescinded,
        }

    def standing(self) -> dict[str, tuple[Penalty, ...]]:
        """The penalties that stand, by car, in the order they were imposed."""
        cars: dict[str, list[Penalty]] = {}
        for penalty in self.penalties.values():
            if penalty.status != "rescinded":
                cars.setdefault(penalty.car, []).append(penalty)
        return {car: tuple(sorted(imposed, key=as_imposed)) for car, imposed in cars.items()}

    def _imposed(self, event: PenaltyImposed) -> None:
        self.penalties.setdefault(
            event.penalty_id,
            Penalty(
                event.penalty_id,
                event.car,
                event.kind,
                event.amount,
                event.reason,
                "imposed",
                event.at,
                event.at,
                event.by,
                event.basis,
            ),
        )

    def _served(self, event: PenaltyServed) -> None:
        self._change(event.penalty_id, status="served", changed_at=event.at)

    def _converted(self, event: PenaltyConverted) -> None:
        self._change(
            event.penalty_id,
            kind=event.kind,
            amount=event.amount,
            status="converted",
            changed_at=event.at,
        )

    def _rescinded(self, event: PenaltyRescinded) -> None:
        self._change(event.penalty_id, status="rescinded", changed_at=event.at)

    def _change(self, penalty_id: str, **changes: object) -> None:
        penalty = self.penalties.get(penalty_id)
        if penalty is not None:
            self.penalties[penalty_id] = penalty._replace(**changes)  # type: ignore[arg-type]
