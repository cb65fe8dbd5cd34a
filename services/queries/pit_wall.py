"""The sums of the pit wall in rows: where a stop leads to, and who may still drive."""

from __future__ import annotations

from projections.results.drive_time import DriveTime
from projections.results.rejoin import Rejoin
from services.queries.tables.columns import Row


def rejoin_row(told: Rejoin) -> Row:
    """A car, with where it would come back to, in a row."""
    row = told._asdict()
    row["class"] = row.pop("car_class")
    cost = told.cost
    return {**row, "cost_ms": cost.ms, "stops": cost.stops, "cost_of": cost.car_class}


def drive_time_row(told: DriveTime) -> Row:
    """A driver's time at the wheel in a row."""
    row = told._asdict()
    row["class"] = row.pop("car_class")
    return row
