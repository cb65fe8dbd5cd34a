"""The base model of events (identity, time, origin) and the types of their members."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from events.errors import UnfitName

Milliseconds = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""Milliseconds, within the integers that every JSON implementation represents exactly."""

MAX_DURATION_MS = 2**53
Duration = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]
"""A non-negative span of time in milliseconds."""

CarNumber = Annotated[str, Field(max_length=16, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""A car's number as painted on the car: ``"007"`` is not ``"7"``. Blanks at either end and
line feeds are refused, as they would make another car that looks the same."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=2**31)]

MAX_ROUND = 100
RoundNumber = Annotated[int, Field(ge=1, le=MAX_ROUND)]
"""A round of a season, from 1."""

T = TypeVar("T")
BoundedTuple = Annotated[tuple[T, ...], Field(max_length=1000)]
"""A list bounded far above any field of cars, so that bad input cannot exhaust memory."""

Basis = Literal["recorded", "published", "reconstructed"]
"""How a fact is known: timed or decided on the day, printed later, or inferred."""


class EventPart(BaseModel):
    """The base model of values inside an event."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(BaseModel):
    """A fact of a session, named in the past tense.

    ``at`` is its session time in milliseconds (0 is the start of the session). ``source`` and
    ``source_seq`` are its identity: an event counts once, however often it is delivered. ``by``
    names the person behind a decision.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    VERSION: ClassVar[int] = 1

    v: Annotated[int, Field(ge=1, le=1)] = 1  # Literal[1] would take 1.0 and true
    type: str
    at: Milliseconds
    source: Annotated[str, Field(min_length=1, max_length=64)]
    source_seq: Annotated[int, Field(ge=0, le=2**53)]
    by: Name | None = None
    basis: Basis = "recorded"

    @property
    def identity(self) -> tuple[str, int]:
        """``(source, source_seq)``."""
        return (self.source, self.source_seq)


_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_names(event: Event) -> None:
    """Raise UnfitName for control characters in a new event's source or penalty id.

    Events that are in a log already are read as they are, and may be referred to.
    """
    members = ("source", "penalty_id") if event.type == "penalty_imposed" else ("source",)
    for member in members:
        if _CONTROL_CHARACTERS.search(name := getattr(event, member)):
            raise UnfitName(member, name)
