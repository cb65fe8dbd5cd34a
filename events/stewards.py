"""Events of the stewards: penalties and deleted lap times."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Event, Name, Text
from events.running import LapNumber

PenaltyKind = Literal[
    "drive_through",
    "stop_and_go",
    "stop_and_hold",
    "time",
    "laps",
    "places",
    "back_of_class",
    "points",
    "disqualification",
    "fine",
    "warning",
    "reprimand",
]
"""``stop_and_hold`` (stop + N s) and ``time`` take seconds; ``laps``, ``places`` and
``points`` take a count; the others take no amount."""

Amount = Annotated[int, Field(ge=0, le=1_000_000)]


class PenaltyImposed(Event):
    """The stewards imposed a penalty; later events refer to it by ``penalty_id``."""

    type: Literal["penalty_imposed"] = "penalty_imposed"
    penalty_id: Name
    car: CarNumber
    kind: PenaltyKind
    amount: Amount | None = None
    reason: Text | None = None


class PenaltyServed(Event):
    """The car served the penalty."""

    type: Literal["penalty_served"] = "penalty_served"
    penalty_id: Name


class PenaltyConverted(Event):
    """The penalty was converted, such as a drive-through not served before the flag."""

    type: Literal["penalty_converted"] = "penalty_converted"
    penalty_id: Name
    kind: PenaltyKind
    amount: Amount | None = None
    reason: Text | None = None


class PenaltyRescinded(Event):
    """The penalty was rescinded."""

    type: Literal["penalty_rescinded"] = "penalty_rescinded"
    penalty_id: Name
    reason: Text | None = None


class LapTimeDeleted(Event):
    """The lap counts, but its time does not (track limits)."""

    type: Literal["lap_time_deleted"] = "lap_time_deleted"
    car: CarNumber
    lap: LapNumber
    reason: Text | None = None
