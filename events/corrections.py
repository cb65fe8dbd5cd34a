"""Corrections: events that change which recorded events count, or as what.

The log itself never changes. A correction applies to the whole race, whatever its own ``at``:
a state ``at`` an earlier session time includes it; one ``known_at`` an earlier recorded time
does not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Duration, Event, Milliseconds, Name, Text
from events.running import LapNumber


class EventVoided(Event):
    """The event of that identity no longer counts."""

    type: Literal["event_voided"] = "event_voided"
    voided_source: Annotated[str, Field(min_length=1, max_length=64)]
    voided_seq: Annotated[int, Field(ge=0, le=2**53)]
    reason: Text


class LapAmended(Event):
    """Corrected members of a completed lap; absent members stay unchanged."""

    type: Literal["lap_amended"] = "lap_amended"
    car: CarNumber
    lap: LapNumber
    completed_at: Milliseconds | None = None
    lap_time_ms: Duration | None = None
    driver: Name | None = None
    in_pit_lane: bool | None = None
    reason: Text


class CrossingsReassigned(Event):
    """Crossings timed for one car belong to another (transponders swapped).

    Lines, laps and pit-lane crossings of ``from_car`` with ``start <= at < end`` become
    ``to_car``'s; ``swap`` moves those of ``to_car`` the other way as well.
    """

    type: Literal["crossings_reassigned"] = "crossings_reassigned"
    from_car: CarNumber
    to_car: CarNumber
    start: Milliseconds
    end: Milliseconds
    swap: bool = False
    reason: Text


class CrossingInserted(Event):
    """The car crossed the finish line at ``completed_at``, which the timing missed.

    The lap that it falls into is split in two, and later laps move up by one number.
    """

    type: Literal["crossing_inserted"] = "crossing_inserted"
    car: CarNumber
    completed_at: Milliseconds
    driver: Name | None = None
    in_pit_lane: bool = False
    reason: Text


class CrossingCounted(Event):
    """A crossing that was counted out as a double read counts after all.

    ``counted_source`` and ``counted_seq`` are the identity of its lap.
    """

    type: Literal["crossing_counted"] = "crossing_counted"
    counted_source: Annotated[str, Field(min_length=1, max_length=64)]
    counted_seq: Annotated[int, Field(ge=0, le=2**53)]
    reason: Text
