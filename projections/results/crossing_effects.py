"""What a decision does to crossings: the laps that it makes, and the double reads that result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from events import AnyEvent, CrossingInserted, EventVoided
from events.clock import format_clock, format_lap_time
from projections.folds.laps import Lap
from projections.folds.running_order import DoubleRead, apart
from projections.race import Race

LISTED = 3
"""So many double reads are listed; more are counted."""


@dataclass(frozen=True, slots=True)
class CrossingsBefore:
    """The crossings of a race before a decision."""

    double_reads: frozenset[DoubleRead]
    laps: tuple[Lap, ...]
    """Those of the car that gets another crossing."""

    @classmethod
    def of(cls, race: Race, event: AnyEvent) -> Self:
        """Return the crossings that the event may change."""
        car = event.car if isinstance(event, CrossingInserted) else None
        laps = () if car is None else tuple(race.laps.laps.get(car, ()))
        return cls(frozenset(race.order.double_reads), laps)

    def effects(self, race: Race, event: AnyEvent) -> Iterator[str]:
        """Yield a line for each effect; ``race`` is after the event."""
        if isinstance(event, CrossingInserted):
            yield from self._split(race, event)
        yield from self._counted_out(race, event)

    def _split(self, race: Race, event: CrossingInserted) -> Iterator[str]:
        """Name the lap that is split, and the two that it becomes."""
        laps = race.laps.laps.get(event.car, ())
        first = next((n for n, lap in enumerate(laps) if lap.at == event.completed_at), None)
        if first is None or first + 1 >= len(laps) or len(laps) != len(self.laps) + 1:
            return
        whole = next((lap for lap in self.laps if lap.at == laps[first + 1].at), None)
        times = [lap and lap.lap_time_ms for lap in (whole, laps[first], laps[first + 1])]
        was, *parts = (format_lap_time(ms) for ms in times if ms is not None)
        if whole is not None and len(parts) == 2:
            yield f"#{event.car}: lap {whole.lap} of {was} is split into {parts[0]} and {parts[1]}"

    def _counted_out(self, race: Race, event: AnyEvent) -> Iterator[str]:
        now = frozenset(race.order.double_reads)
        out = sorted(now - self.double_reads)
        voided = isinstance(event, EventVoided) and (event.voided_source, event.voided_seq)
        again = sum(one[3:] != voided for one in self.double_reads - now)
        shortest = format_lap_time(race.session.shortest_lap_ms or 0)
        for one in out if len(out) <= LISTED else ():
            yield (
                f"#{one.car}: crossing at {format_clock(one.at)} is counted out as a double read, "
                f"{apart(one.after_ms)}; no lap is shorter than {shortest}"
            )
        if len(out) > LISTED:
            cars = len({one.car for one in out})
            yield (
                f"{len(out)} crossings of {cars} {'car' if cars == 1 else 'cars'} are counted out "
                f"as double reads; no lap is shorter than {shortest}"
            )
        if again:
            yield f"{again} {'crossing counts' if again == 1 else 'crossings count'} again"
