"""Pit-wall calculations as rows: the place after a stop, and drive time."""

from __future__ import annotations

from projections.results.drive_time import DriveTimeStatus
from projections.results.rejoin import Rejoin
from services.queries.tables.columns import Row


def rejoin_row(rejoin: Rejoin) -> Row:
    """A car and the place that it would rejoin in, as a row."""
    row = rejoin._asdict()
    row["class"] = row.pop("car_class")
    cost = rejoin.cost
    return {**row, "cost_ms": cost.ms, "stops": cost.stops, "cost_of": cost.car_class}


def drive_time_row(drive_time: DriveTimeStatus) -> Row:
    """A driver's time at the wheel as a row."""
    row = drive_time._asdict()
    row["class"] = row.pop("car_class")
    return row
