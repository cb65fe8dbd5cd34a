"""What counts in a race, worked out straight from the rules: all of it, each time.

Nothing is remembered and nothing is looked up, so that it is seen to be right. It is what
``Corrections`` and ``Timeline`` must come to, however events and corrections arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from events import (
    AnyEvent,
    Correction,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
    LapCompleted,
    LinePassed,
    SessionOpened,
    ShortestLapSet,
)
from projections.engine.corrections import (
    CORRECTIONS,
    CROSSINGS,
    CorrectionApplied,
    Identity,
    effective_key,
)
from projections.engine.double_reads import ShortestLaps
from projections.engine.lap_sequence import LapSequence, lap_sequence


def what_counts(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    """The events that count, as what they count, in effective order."""
    in_order = sorted(events, key=effective_key)
    voided = _voided([event for event in in_order if isinstance(event, EventVoided)])
    valid = [event for event in in_order if event.identity not in voided]
    corrections = [event for event in valid if isinstance(event, CORRECTIONS)]
    recorded = [event for event in valid if not isinstance(event, CORRECTIONS)]
    moves = [
        (move, {car: _laps_before(car, move, recorded) for car in (move.from_car, move.to_car)})
        for move in corrections
        if isinstance(move, CrossingsReassigned)
    ]
    moved = []
    for event in in_order:
        if isinstance(event, CORRECTIONS):
            continue
        for move, laps_before in moves:
            event = _moved(event, move, laps_before)
        moved.append(event)
    counts = []
    cars = {event.car for event in moved if isinstance(event, LapCompleted | LinePassed)}
    cars |= {one.car for one in corrections if isinstance(one, CrossingInserted)}
    sequences = {car: _sequence(car, moved, corrections, voided) for car in sorted(cars)}
    for event in moved:
        if event.identity in voided:
            continue
        if isinstance(event, LapCompleted | LinePassed):
            event = sequences[event.car].altered.get(event.identity, event)
        counts.append(event)
    counts += [lap for one in sequences.values() for lap in one.inserted.values()]
    counts += _confirmed(counts, corrections)
    out = [each for one in sequences.values() for each in one.counted_out.values()]
    given = [_as_recorded(one, in_order) for one in corrections]
    return sorted([*counts, *out, *filter(None, given)], key=effective_key)  # type: ignore[list-item]


def _sequence(
    car: str, moved: list[AnyEvent], corrections: list[Correction], voided: set[Identity]
) -> LapSequence:
    """The laps of a car, amended in the order of the amendments."""

    def changes(lap: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for amended in corrections:
            if isinstance(amended, LapAmended) and (amended.car, amended.lap) == (car, lap):
                found |= _changes(amended)
        return found

    crossings = [event for event in moved if getattr(event, "car", None) == car]
    put_in = [one for one in corrections if isinstance(one, CrossingInserted) and one.car == car]
    limits = [
        event
        for event in moved
        if isinstance(event, SessionOpened | ShortestLapSet) and event.identity not in voided
    ]
    counted = {
        (one.counted_source, one.counted_seq)
        for one in corrections
        if isinstance(one, CrossingCounted)
    }
    return lap_sequence(crossings, put_in, voided, changes, ShortestLaps(limits, counted))


def _confirmed(counts: list[AnyEvent], corrections: list[Correction]) -> list[Any]:
    by_identity = {event.identity: event for event in counts if isinstance(event, LapCompleted)}
    return [
        one.model_copy(update={"at": lap.at - 1})
        for one in corrections
        if isinstance(one, CrossingCounted)
        and (lap := by_identity.get((one.counted_source, one.counted_seq))) is not None
    ]


def _as_recorded(correction: Correction, events: list[AnyEvent]) -> CorrectionApplied | None:
    """What the race is told of a correction that somebody decided."""
    if correction.by is None:
        return None
    named, restores, seen = None, False, [correction.identity]
    if isinstance(correction, EventVoided):
        by_identity = {event.identity: event for event in events}
        named = by_identity.get((correction.voided_source, correction.voided_seq))
        while isinstance(named, EventVoided) and named.identity not in seen:
            seen.append(named.identity)
            restores = not restores
            named = by_identity.get((named.voided_source, named.voided_seq))
        if named is None or isinstance(named, EventVoided):
            return None
    return CorrectionApplied(
        at=correction.at,
        source=correction.source,
        source_seq=correction.source_seq,
        by=correction.by,
        correction=correction,
        of=named,
        restores=restores,
    )


def _voided(voids: list[EventVoided]) -> set[Identity]:
    """Settle the voids that none unsettled names; where there is none, the last one."""
    voided: set[Identity] = set()
    unsettled = {void.identity: (void.voided_source, void.voided_seq) for void in voids}
    while unsettled:
        free = [void for void in unsettled if void not in unsettled.values()]
        void = free[0] if free else next(reversed(unsettled))
        named = unsettled.pop(void)
        if void not in voided:
            voided.add(named)
    return voided


def _laps_before(car: str, move: CrossingsReassigned, recorded: Sequence[AnyEvent]) -> int:
    return max(
        (
            event.lap
            for event in recorded
            if isinstance(event, LapCompleted) and event.car == car and event.at < move.start
        ),
        default=0,
    )


def _moved(event: Any, move: CrossingsReassigned, laps_before: dict[str, int]) -> Any:
    if not isinstance(event, CROSSINGS) or not move.start <= event.at < move.end:
        return event
    if event.car == move.from_car:
        other = move.to_car
    elif event.car == move.to_car and move.swap:
        other = move.from_car
    else:
        return event
    changes: dict[str, Any] = {"car": other}
    if isinstance(event, LinePassed | LapCompleted):
        changes["lap"] = event.lap - laps_before[event.car] + laps_before[other]
    return event.model_copy(update=changes)


def _changes(amended: LapAmended) -> dict[str, Any]:
    changes = {
        "at": amended.completed_at,
        "lap_time_ms": amended.lap_time_ms,
        "driver": amended.driver,
        "in_pit_lane": amended.in_pit_lane,
    }
    return {k: v for k, v in changes.items() if v is not None}
