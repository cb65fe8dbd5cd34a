"""What a subscriber asks for, from its query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from projections.frames import Token
from replay.entries import parse_position
from services.gateway.filters import Filter, unknown_topics
from services.gateway.pacing import Wishes

LONGEST_DELAY_MS = 600_000
MOST_NAMES = 200

Names = Annotated[list[str], Field(max_length=MOST_NAMES)]
DelayMs = Annotated[
    int,
    Query(
        ge=0,
        le=LONGEST_DELAY_MS,
        description="Show everything so much later (ms), as a delayed picture does.",
    ),
]


def parse_token(text: str) -> Token:
    """A resume token. Raises ValueError."""
    token = Token.parse(text)
    parse_position(token.position)
    return token


def names(values: Sequence[str]) -> frozenset[str]:
    """Names given several times, or with commas between them."""
    return frozenset(name for value in values for name in value.split(",") if name)


class SubscriptionQuery(BaseModel):
    """The query of ``/live`` and ``/stream``."""

    model_config = ConfigDict(populate_by_name=True)

    topics: Names = Field(default=[], description="Topics; all if none is named.")
    classes: Names = Field(default=[], description="Only rows of these classes.")
    cars: Names = Field(default=[], description="Only rows of these cars.")
    max_hz: float | None = Field(
        default=None, ge=0.01, le=100, description="Messages a second at most."
    )
    delay_ms: int = Field(
        default=0, ge=0, le=LONGEST_DELAY_MS, description="Show everything so much later (ms)."
    )
    from_: str | None = Field(
        default=None,
        alias="from",
        max_length=100,
        description="The token of the last message that was received, to go on from there.",
        examples=["1:1760000000000-0"],
    )
    access_token: str | None = Field(
        default=None,
        max_length=500,
        description="The bearer token, for browsers, which cannot set a header here.",
    )

    @field_validator("topics")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := unknown_topics(names(value)):
            raise ValueError(f"there is no topic {unknown[0]!r}")
        return value

    @field_validator("from_")
    @classmethod
    def _token(cls, value: str | None) -> str | None:
        if value is not None:
            parse_token(value)
        return value

    def wishes(self, last_event_id: str | None = None) -> Wishes:
        """What is wished; ``Last-Event-ID`` wins over ``from``: a browser that reconnects
        sends both, and the query is as old as the page."""
        resume = last_event_id or self.from_
        return Wishes(
            Filter(names(self.topics), names(self.classes), names(self.cars)),
            self.max_hz,
            self.delay_ms,
            parse_token(resume) if resume else None,
        )
