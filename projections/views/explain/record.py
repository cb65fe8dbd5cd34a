"""The events that an explanation names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from events import (
    AnyEvent,
    BestLapReported,
    CarRetired,
    CrossingInserted,
    CrossingsReassigned,
    EntryAdded,
    EntryAmended,
    EventVoided,
    FlagShown,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    LinePassed,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from projections.engine.corrections import CORRECTIONS, CROSSINGS, Corrections, effective_key
from projections.race import Race
from projections.views.explain.statements import Identity

Correction = EventVoided | LapAmended | LapTimeDeleted | CrossingsReassigned | CrossingInserted


def _ends(event: FlagShown, chequered_at: int | None) -> bool:
    return (event.flag, event.sector, event.at) == ("chequered", None, chequered_at)


class Record:
    """The events that an explanation names, as they count, found in one pass.

    What had not happened by the moment of the race is left out. Corrections hold for the
    whole race.
    """

    def __init__(self, race: Race, events: Iterable[AnyEvent], car: str) -> None:
        self._car = car
        self._laps: dict[tuple[str, int], tuple[Identity, ...]] = {}
        self._reported: dict[tuple[str, int], tuple[Identity, ...]] = {}
        self._last: dict[str, tuple[int, Identity]] = {}
        self.penalties: dict[str, list[AnyEvent]] = {}
        self.corrections: list[tuple[Correction, AnyEvent | None]] = []
        self.retired: CarRetired | None = None
        self.chequered: tuple[Identity, ...] = ()
        self.entry: tuple[Identity, ...] = ()
        recorded = list(events)
        counted = recorded
        if any(isinstance(event, CORRECTIONS) for event in recorded):
            corrections = Corrections(recorded)
            counted = [one for one in map(corrections.effective, recorded) if one is not None]
            counted += corrections.inserted
        finish = race.finish
        for event in counted:
            finished_at = finish.cars.get(getattr(event, "car", ""), race.at)
            if event.at <= race.at and (event.at <= finished_at or type(event) not in CROSSINGS):
                self._note(event)
            if isinstance(event, FlagShown) and _ends(event, finish.chequered_at):
                self.chequered = (event.identity,)
        for history in self.penalties.values():
            history.sort(key=effective_key)
        self._note_corrections(recorded, counted)

    def _note(self, event: AnyEvent) -> None:
        match event:
            case LapCompleted():
                self._laps[event.car, event.lap] = (event.identity,)
                self._crossed(event)
            case LinePassed():
                self._crossed(event)
            case BestLapReported():
                self._reported[event.car, event.lap] = (event.identity,)
            case PenaltyImposed() | PenaltyServed() | PenaltyConverted() | PenaltyRescinded():
                self.penalties.setdefault(event.penalty_id, []).append(event)
            case CarRetired(car=self._car):
                self.retired = event
            case EntryAdded(car=self._car) | EntryAmended(car=self._car):
                self.entry = (*self.entry, event.identity)
            case _:
                pass

    def _crossed(self, event: LinePassed | LapCompleted) -> None:
        last = self._last.get(event.car)
        if last is None or last[0] <= event.at:
            self._last[event.car] = (event.at, event.identity)

    def _note_corrections(self, recorded: Sequence[AnyEvent], counted: Sequence[AnyEvent]) -> None:
        by_identity = {event.identity: event for event in recorded}
        owners = {one.penalty_id: one.car for one in recorded if isinstance(one, PenaltyImposed)}
        for event in counted:
            of: AnyEvent | None = None
            match event:
                case EventVoided():
                    of = by_identity.get((event.voided_source, event.voided_seq))
                    owner = owners.get(getattr(of, "penalty_id", ""))
                    if of is None or self._car not in (getattr(of, "car", None), owner):
                        continue
                case LapAmended() | LapTimeDeleted():
                    lap = self.lap(event.car, event.lap)
                    of = by_identity.get(lap[0]) if lap else None
                    if isinstance(event, LapAmended) and lap:
                        self._laps[event.car, event.lap] = (*lap, event.identity)
                    if event.car != self._car or (isinstance(event, LapTimeDeleted) and not lap):
                        continue
                case CrossingInserted():
                    if self._car != event.car:
                        continue
                case CrossingsReassigned():
                    if self._car not in (event.from_car, event.to_car):
                        continue
                case _:
                    continue
            self.corrections.append((event, of))

    def lap(self, car: str, number: int) -> tuple[Identity, ...]:
        """The lap of a car, if it was recorded, and what amended it."""
        return self._laps.get((car, number), ())

    def timed_lap(self, car: str, number: int) -> tuple[Identity, ...]:
        """The lap of a car, or that its time was reported."""
        return self.lap(car, number) or self._reported.get((car, number), ())

    def last_crossing(self, car: str) -> tuple[Identity, ...]:
        """The last line that the car crossed."""
        last = self._last.get(car)
        return (last[1],) if last else ()
