"""Quarantine: log entries that are left out of the fold, by a person's decision.

A quarantine repairs a log whose fold fails. It says nothing about the race: a wrong event that
can be folded is voided (``event_voided``). It applies to an entry, not to an identity, because
an entry may be one that this version cannot decode.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import Event, Text

LogPosition = Annotated[str, Field(max_length=41, pattern=r"^\d{1,20}-\d{1,20}$")]


class EventQuarantined(Event):
    """The log entry at that position is left out of the fold."""

    type: Literal["event_quarantined"] = "event_quarantined"
    position: LogPosition
    reason: Text


class QuarantineLifted(Event):
    """The log entry at that position is folded again."""

    type: Literal["quarantine_lifted"] = "quarantine_lifted"
    position: LogPosition
    reason: Text | None = None
