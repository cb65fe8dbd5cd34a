"""The query parameters of subscriptions."""

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

MAX_DELAY_MS = 600_000
MAX_NAMES = 200

Names = Annotated[list[str], Field(max_length=MAX_NAMES)]
DelayMs = Annotated[
    int,
    Query(
        ge=0,
        le=MAX_DELAY_MS,
        description="Delay everything by so many milliseconds, to match a delayed picture.",
    ),
]


def parse_token(text: str) -> Token:
    """A resume token. Raises ValueError."""
    token = Token.parse(text)
    parse_position(token.position)
    return token


def split_names(values: Sequence[str]) -> frozenset[str]:
    """Names from a parameter that may be repeated, and may separate names by commas."""
    return frozenset(name for value in values for name in value.split(",") if name)


class OutputQuery(BaseModel):
    """The query of an output's ``/stream``.

    Unknown parameters are refused: a misspelled one would be ignored without notice.
    """

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    max_hz: float | None = Field(
        default=None, ge=0.01, le=100, description="The most messages per second."
    )
    from_: str | None = Field(
        default=None,
        alias="from",
        max_length=100,
        description="The token of the last message received, to resume from there.",
        examples=["1:1760000000000-0"],
    )
    # Read by `authorize`. It is declared because unknown parameters are refused.
    access_token: str | None = Field(
        default=None,
        max_length=500,
        description="The bearer token, for browsers, which cannot set a header here.",
    )

    @field_validator("from_")
    @classmethod
    def _valid_token(cls, value: str | None) -> str | None:
        if value is not None:
            parse_token(value)
        return value

    def options(self, last_event_id: str | None = None) -> SubscriptionOptions:
        """The options of the subscription.

        ``Last-Event-ID`` takes precedence over ``from``: a browser that reconnects sends both, and
        the query is as old as the page.
        """
        resume = last_event_id or self.from_
        return SubscriptionOptions(
            max_hz=self.max_hz, resume=parse_token(resume) if resume else None
        )


class SubscriptionQuery(OutputQuery):
    """The query of ``/live`` and ``/stream``."""

    topics: Names = Field(
        default=[],
        description="Topics; all by default, but for `forecast`, which has to be named: forecasts "
        "are messages of their own, made at most once a second.",
    )
    classes: Names = Field(
        default=[],
        description="Only rows of these classes, whatever the case. A class that the session does "
        "not have is refused once it has entries.",
    )
    car_class: Names = Field(default=[], alias="class", description="The same as `classes`.")
    cars: Names = Field(default=[], description="Only rows of these cars; as for `classes`.")
    car: Names = Field(default=[], description="The same as `cars`.")
    delay_ms: int = Field(
        default=0,
        ge=0,
        le=MAX_DELAY_MS,
        description="Delay everything by so many milliseconds.",
    )

    @field_validator("topics")
    @classmethod
    def _known_topics(cls, value: list[str]) -> list[str]:
        if unknown := unknown_topics(split_names(value)):
            raise ValueError(f"there is no topic {unknown[0]!r}")
        return value

    def options(self, last_event_id: str | None = None) -> SubscriptionOptions:
        """The options of the subscription, with names as they were sent."""
        wanted = Filter(
            split_names(self.topics),
            split_names([*self.classes, *self.car_class]),
            split_names([*self.cars, *self.car]),
        )
        return replace(super().options(last_event_id), filter=wanted, delay_ms=self.delay_ms)


QueryModel = TypeVar("QueryModel", bound=OutputQuery)


def parse_query(connection: HTTPConnection, model: type[QueryModel]) -> QueryModel:
    """The query of a WebSocket handshake, for which FastAPI does not validate models.

    Raises RequestRefused.
    """
    params = connection.query_params
    lists = {
        field.alias or name
        for name, field in model.model_fields.items()
        if field.annotation == list[str]
    }
    values = {name: params.getlist(name) if name in lists else params[name] for name in params}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RequestRefused(422, "the query is not valid", field_errors(error)) from None


def valid_event_id(last_event_id: str | None) -> str | None:
    """The ``Last-Event-ID`` header. Raises RequestRefused unless it is a token."""
    if last_event_id:
        try:
            parse_token(last_event_id)
        except ValueError as error:
            fault = FieldError(field="Last-Event-ID", value=last_event_id, reason=str(error))
            raise RequestRefused(422, str(error), [fault]) from None
    return last_event_id
