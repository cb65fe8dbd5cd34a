"""The ground every event stands on: its identity, its time and where it comes from."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from events.errors import UnfitName

Milliseconds = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""Milliseconds; the bound is what a JSON number carries exactly everywhere."""

Duration = Annotated[int, Field(ge=0, le=2**53)]
"""A span of time in milliseconds, never negative."""

CarNumber = Annotated[str, Field(max_length=16, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""A car's number as it is painted on the car: ``"007"`` is not ``"7"``. With a blank at an
end, or a line feed, it would be another car that looks the same."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=2**31)]

T = TypeVar("T")
Several = Annotated[tuple[T, ...], Field(max_length=1000)]
"""A list. Its bound is far beyond any field, and keeps a slip from filling the memory."""

Basis = Literal["recorded", "published", "reconstructed"]
"""How a thing is known: timed or decided on the day, printed since, or worked out."""


class Part(BaseModel):
    """A value inside an event."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(BaseModel):
    """Something that happened in a session, in the past tense.

    ``at`` is when it happened, in milliseconds on the session clock (0 is the start of
    the session). ``source`` and ``source_seq`` are its identity: an event counts once,
    however often it is sent. ``by`` names who decided, for human decisions.
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


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_names(event: Event) -> None:
    """Raise UnfitName for a new event whose source, or whose new penalty, has a name with
    control characters. What is in a log already is read, and can be named, as it is."""
    members = ("source", "penalty_id") if event.type == "penalty_imposed" else ("source",)
    for member in members:
        if _UNSEEN.search(name := getattr(event, member)):
            raise UnfitName(member, name)
