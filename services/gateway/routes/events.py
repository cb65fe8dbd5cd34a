"""HTTP intake: race control, and any other program, appends events to a session's log.

Served by ``lapstream serve``, and on its own by
``uvicorn --factory services.gateway.routes.events:build_app``, configured by environment variables
(``services.settings``). What was acknowledged is in the log.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, Field

from events import json_schema
from events.errors import LapstreamError
from services.gateway import errors
from services.gateway.auth import requires
from services.gateway.body_limits import BodyLimitMiddleware
from services.gateway.errors import RequestRefused, check_expected, responses
from services.gateway.intake import MOST_EVENTS, RateLimit, read_events
from services.gateway.store_deadline import Availability, StoreDeadlineMiddleware
from services.gateway.stored_tokens import StoredTokens
from services.logging import configure
from services.roles import Grant, Role
from services.settings import GatewaySettings
from services.startup import refuse_to_start, service_store
from services.storage.event_log import Log

router = APIRouter(tags=["intake"])
logger = structlog.get_logger(__name__)


class AppendedEvents(BaseModel):
    """The result of an append. The events are in the log."""

    session: str
    positions: list[str | None] = Field(
        description="The position of each event; null for one that the log already had."
    )
    position: str = Field(description="The last position of the log.")
    added: int
    duplicates: int


EXAMPLE = {
    "type": "penalty_imposed",
    "at": 1_560_000,
    "source": "race-control",
    "source_seq": 1,
    "by": "stewards",
    "penalty_id": "p1",
    "car": "26",
    "kind": "stop_and_hold",
    "amount": 30,
    "reason": "avoidable contact",
}


def _request_body() -> dict[str, Any]:
    event = {"type": "object", "description": "An event; see /schemas/events.json."}
    batch = {"type": "array", "items": event, "minItems": 1, "maxItems": MOST_EVENTS}
    examples = {
        "one": {"summary": "One event", "value": EXAMPLE},
        "batch": {"summary": "A batch", "value": [EXAMPLE]},
    }
    content = {"schema": {"anyOf": [event, batch]}, "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@router.post(
    "/sessions/{session}/events",
    summary="Append an event or a batch",
    responses=responses(401, 403, 404, 409, 413, 422, 429, 503),
    openapi_extra=_request_body(),
)
async def append(
    request: Request,
    session: str,
    producer: Annotated[Grant, Depends(requires(Role.CONTROL))],
    expected: Annotated[
        str | None,
        Query(max_length=41, description="Append only if the log is at this position."),
    ] = None,
) -> AppendedEvents:
    """Append, all or nothing. `source` and `source_seq` are the identity of an event: sent again,
    it is not appended again, and the response is the same success. Another event of that identity
    is refused (409), with its `position` and both events, `recorded` and `sent`."""
    check_expected(expected)
    events = read_events(await request.body())
    wait = request.app.state.rate_limit.take(producer.name, len(events))
    if wait:
        raise RequestRefused(
            429,
            f"{producer.name} sends more than is allowed",
            headers={"Retry-After": str(int(wait) + 1)},
        )
    log: Log = request.app.state.log
    result = await log.append_validated(session, events, expected=expected)
    logger.debug(
        "events appended",
        session=session,
        producer=producer.name,
        added=result.added,
        duplicates=result.duplicates,
        position=result.position,
    )
    return AppendedEvents(
        session=session,
        positions=list(result.positions),
        position=result.position,
        added=result.added,
        duplicates=result.duplicates,
    )


class SourceNumber(BaseModel):
    """The number with which a source continues in a session."""

    session: str
    source: str
    next_seq: int = Field(
        description="The `source_seq` that follows every number of the source.", examples=[17]
    )


@router.get(
    "/sessions/{session}/next-number",
    summary="Get the next number of a source",
    responses=responses(401, 403, 404, 422, 429, 503),
    dependencies=[Depends(requires(Role.CONTROL))],
)
async def next_number(
    request: Request,
    session: str,
    source: Annotated[str, Query(min_length=1, max_length=64, description="The `source`.")],
) -> SourceNumber:
    """For a producer that lost its counter. Nothing is reserved; a source without events, or a
    session that is not there yet, begins with 0."""
    log: Log = request.app.state.log
    number = await log.next_free_number(session, source)
    return SourceNumber(session=session, source=source, next_seq=number)


def attach(app: FastAPI, settings: GatewaySettings) -> None:
    """Add the intake to an application with a lifespan that sets ``app.state.log``."""
    app.state.rate_limit = RateLimit(settings.events_per_second)
    app.router.routes.extend(router.routes)  # as the gateway adds its routes


def create_app(settings: GatewaySettings) -> FastAPI:
    """The intake on its own."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service_store(settings, "intake") as store:
            app.state.log = Log(store)
            app.state.availability = Availability(store)
            app.state.stored_tokens = StoredTokens(store)
            await app.state.stored_tokens.begin()
            try:
                yield
            finally:
                await app.state.stored_tokens.close()
                await app.state.availability.close()

    app = FastAPI(
        title="lapstream intake",
        version=version("lapstream"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.settings = settings
    app.add_middleware(StoreDeadlineMiddleware)
    app.add_middleware(BodyLimitMiddleware, settings=settings, larger={})
    errors.install(app)
    attach(app, settings)

    @app.get("/schemas/events.json", tags=["descriptions"])
    async def events_schema() -> dict[str, Any]:
        """The JSON Schema of an event."""
        return json_schema()

    return app


def build_app() -> FastAPI:
    """The intake on its own, configured by environment variables."""
    try:
        settings = GatewaySettings.load()
    except LapstreamError as error:
        refuse_to_start(error)
    configure(settings.log_level, settings.log_format)
    return create_app(settings)
