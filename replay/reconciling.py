"""Which penalties explain an official result that the laps alone do not.

A timing file has the laps, not the stewards' decisions; an official result has their
effect. Two kinds follow from it without guessing:

- time added after the race: the official total is longer than the time at the line by
  whole seconds;
- cars sent to the back of their class: the official order of a class is the order by
  laps and time (with the time added) without some cars, and then those cars, as they were
  penalised one after the other.

In qualifying a third kind follows: deleted lap times, which are all those
quicker than the one that the result prints (or all, where it prints none).

Anything else is listed as unreconciled, never forced. The official result is read here
and nowhere else: the classification knows only the penalties.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from events import (
    AnyEvent,
    Basis,
    LapTimeDeleted,
    PenaltyImposed,
    ResultDeclared,
    ResultRow,
)
from events.clock import format_lap_time
from events.stewards import PenaltyKind
from projections.race import Race
from projections.results.classification import ON_LAPS, Classified, Convention, classify
from projections.timeline import Timeline

SOURCE = "inferred"
INFERRED = "inferred from the official result"
SECOND = 1_000


class Unreconciled(NamedTuple):
    """Where laps and official result still disagree: a car, what of it, and both values."""

    car: str
    what: str
    computed: str | None
    official: str | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The decisions that explain the result, and what they leave unexplained."""

    decisions: tuple[PenaltyImposed | LapTimeDeleted, ...]
    unreconciled: tuple[Unreconciled, ...]


def reconcile(
    events: Iterable[AnyEvent], declared: ResultDeclared, convention: Convention = ON_LAPS
) -> Reconciliation:
    """Infer the penalties that turn the laps' result, by the convention, into the declared one.

    The penalties are dated at the end of the race, in the order of the official result.
    Their identities are their places in it, so the same files give the same events.
    """
    timeline = Timeline()
    timeline.add(events)
    draft = _Draft(timeline.race.at)
    official = {row.car: row for row in declared.rows}
    is_race = timeline.race.session.opened.kind == "race"
    if is_race:
        _add_times(draft, classify(timeline.race, convention), official)
    else:
        _delete_times(draft, timeline.race, official)
    timeline.add(draft.decisions)
    _send_to_back(draft, classify(timeline.race, convention), declared.rows)
    timeline.add(draft.decisions)
    return Reconciliation(
        tuple(draft.decisions),
        tuple(_differences(classify(timeline.race, convention), official, is_race)),
    )


class _Draft:
    """The decisions inferred so far."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.decisions: list[PenaltyImposed | LapTimeDeleted] = []

    def impose(self, car: str, kind: PenaltyKind, amount: int | None, reason: str) -> None:
        """Note a penalty that the official result shows."""
        self.decisions.append(
            PenaltyImposed(
                **self._head(),
                penalty_id=f"{SOURCE}-{len(self.decisions) + 1}",
                car=car,
                kind=kind,
                amount=amount,
                reason=f"{INFERRED}: {reason}",
            )
        )

    def delete(self, car: str, lap: int, reason: str) -> None:
        """Add the deletion of a lap time that the official result does not count."""
        self.decisions.append(
            LapTimeDeleted(**self._head(), car=car, lap=lap, reason=f"{INFERRED}: {reason}")
        )

    def _head(self) -> _Head:
        return {
            "at": self._at,
            "source": SOURCE,
            "source_seq": len(self.decisions),
            "basis": "published",
        }


class _Head(TypedDict):
    at: int
    source: str
    source_seq: int
    basis: Basis


def _add_times(draft: _Draft, rows: Sequence[Classified], official: dict[str, ResultRow]) -> None:
    computed = {row.car: row for row in rows}
    for car, row in official.items():
        ours = computed.get(car)
        if ours is None or ours.laps != row.laps or not ours.total_ms or not row.total_ms:
            continue
        added = row.total_ms - ours.total_ms
        if added > 0 and added % SECOND == 0:
            draft.impose(
                car,
                "time",
                added // SECOND,
                f"its total time of {format_lap_time(row.total_ms)} is {added // SECOND} s "
                "longer than the time at the line",
            )


def _delete_times(draft: _Draft, race: Race, official: dict[str, ResultRow]) -> None:
    for car, row in official.items():
        best = race.laps.best.get(car)
        if best is None or (row.best_lap_ms is not None and best.ms >= row.best_lap_ms):
            continue
        printed = f"prints {format_lap_time(row.best_lap_ms)}" if row.best_lap_ms else "prints none"
        for lap in race.laps.laps[car]:
            ms = lap.lap_time_ms
            if ms is not None and (row.best_lap_ms is None or ms < row.best_lap_ms):
                draft.delete(
                    car,
                    lap.lap,
                    f"{format_lap_time(ms)} is quicker than the best lap, of which it {printed}",
                )


def _send_to_back(
    draft: _Draft, computed: Sequence[Classified], official: Sequence[ResultRow]
) -> None:
    listed = {row.car for row in official}
    ranks = {row.car: rank for rank, row in enumerate(computed) if row.laps and row.car in listed}
    names = {row.car: row.car_class for row in computed}
    for name in dict.fromkeys(names.values()):
        in_class = [row.car for row in official if row.car in ranks and names[row.car] == name]
        for car in _out_of_order(in_class, ranks):
            draft.impose(car, "back_of_class", None, "it stands behind cars that it beat")


def _out_of_order(cars: Sequence[str], ranks: dict[str, int]) -> Sequence[str]:
    """The fewest cars at the end of an order without which the rest is as computed."""
    for index in range(1, len(cars)):
        if ranks[cars[index]] < ranks[cars[index - 1]]:
            return cars[index:]
    return ()


def _differences(
    computed: Sequence[Classified], official: dict[str, ResultRow], is_race: bool
) -> Iterable[Unreconciled]:
    rows = {row.car: row for row in computed}
    for car in dict.fromkeys([*official, *rows]):
        ours, theirs = rows.get(car), official.get(car)
        if ours is None or theirs is None:
            yield Unreconciled(car, "listed", "yes" if ours else "no", "yes" if theirs else "no")
            continue
        pairs: list[tuple[str, int | None, int | None]] = [
            ("position", ours.position, theirs.position),
            ("laps", ours.laps, theirs.laps),
        ]
        if is_race:
            pairs.append(("total_ms", ours.total_ms, theirs.total_ms or None))
        if theirs.best_lap_ms:
            pairs.append(("best_lap_ms", ours.best_lap_ms, theirs.best_lap_ms))
        for what, mine, official_value in pairs:
            if mine != official_value:
                yield Unreconciled(car, what, str(mine), str(official_value))
