"""Pit-wall calculations as rows: the place after a stop, and drive time."""

from __future__ import annotations

from collections.abc import Iterator

from projections.race import Race
from projections.results.drive_time import drive_times
from projections.results.rejoin import Rejoin
from projections.results.scheduled_length import reconstructed_note
from projections.rules.packs import RegulationPack
from services.queries.tables.columns import Row


def rejoin_row(rejoin: Rejoin) -> Row:
    """A car and the place that it would rejoin in, as a row."""
    row = rejoin._asdict()
    row["class"] = row.pop("car_class")
    cost = rejoin.cost
    return {**row, "cost_ms": cost.ms, "stops": cost.stops, "cost_of": cost.car_class}


def drive_time_ledger(race: Race, pack: RegulationPack) -> Iterator[Row]:
    """Each driver's time at the wheel as a row."""
    note = reconstructed_note(race)
    for drive_time in drive_times(race, pack):
        row = drive_time._asdict()
        row["class"] = row.pop("car_class")
        yield {**row, "length_note": note}
