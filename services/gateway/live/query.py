"""What a subscriber asks for, from its query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import HTTPConnection

from projections.views.frame import Token
from replay.entries import parse_position
from services.gateway.errors import FieldError, RequestRefused, field_errors
from services.gateway.live.filters import Filter, unknown_topics
from services.gateway.live.subscription import SubscriptionOptions

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


class OutputQuery(BaseModel):
    """The query of an output's ``/stream``. What is misspelled is refused: it would be missed."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    max_hz: float | None = Field(
        default=None, ge=0.01, le=100, description="Messages a second at most."
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

    @field_validator("from_")
    @classmethod
    def _token(cls, value: str | None) -> str | None:
        if value is not None:
            parse_token(value)
        return value

    def options(self, last_event_id: str | None = None) -> SubscriptionOptions:
        """What is wished; ``Last-Event-ID`` wins over ``from``: a browser that reconnects
        sends both, and the query is as old as the page."""
        resume = last_event_id or self.from_
        return SubscriptionOptions(
            max_hz=self.max_hz, resume=parse_token(resume) if resume else None
        )


class SubscriptionQuery(OutputQuery):
    """The query of ``/live`` and ``/stream``."""

    topics: Names = Field(default=[], description="Topics; all if none is named.")
    classes: Names = Field(
        default=[],
        description="Only rows of these classes, in whatever case. One that the session does "
        "not have is refused once it has entries.",
    )
    car_class: Names = Field(default=[], alias="class", description="The same, as views call it.")
    cars: Names = Field(default=[], description="Only rows of these cars; as for classes.")
    car: Names = Field(default=[], description="The same, as views call it.")
    delay_ms: int = Field(
        default=0, ge=0, le=LONGEST_DELAY_MS, description="Show everything so much later (ms)."
    )

    @field_validator("topics")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := unknown_topics(names(value)):
            raise ValueError(f"there is no topic {unknown[0]!r}")
        return value

    def options(self, last_event_id: str | None = None) -> SubscriptionOptions:
        """What is wished, with the names as they were sent."""
        wanted = Filter(
            names(self.topics),
            names([*self.classes, *self.car_class]),
            names([*self.cars, *self.car]),
        )
        return replace(super().options(last_event_id), filter=wanted, delay_ms=self.delay_ms)


Asked = TypeVar("Asked", bound=OutputQuery)


def query_of(connection: HTTPConnection, model: type[Asked]) -> Asked:
    """The query of a WebSocket, validated as FastAPI does for other routes.

    Raises RequestRefused.
    """
    params = connection.query_params
    several = {
        field.alias or name
        for name, field in model.model_fields.items()
        if field.annotation == list[str]
    }
    told = {name: params.getlist(name) if name in several else params[name] for name in params}
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise RequestRefused(422, "the query is not right", field_errors(error)) from None


def resuming(last_event_id: str | None) -> str | None:
    """The ``Last-Event-ID``. Raises RequestRefused for one that is no token."""
    if last_event_id:
        try:
            parse_token(last_event_id)
        except ValueError as error:
            fault = FieldError(field="Last-Event-ID", value=last_event_id, reason=str(error))
            raise RequestRefused(422, str(error), [fault]) from None
    return last_event_id
