"""HTTP intake: race control, and any other program, appends events to a session's log.

Served by ``lapstream serve``, and on its own by ``uvicorn --factory services.intake:build_app``,
configured by environment variables (``services.settings``). What was acknowledged is in the log.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from events import AnyEvent, check_names, decode, json_schema
from events.codec import shortened
from events.errors import (
    LapstreamError,
    NewerEventVersion,
    UndecodableEvent,
    UnfitName,
    UnknownEventType,
    UnreadableEvent,
)
from services.gateway import errors
from services.gateway.auth import requires
from services.gateway.errors import (
    FieldError,
    RequestRefused,
    check_expected,
    field_errors,
    responses,
)
from services.logging import configure
from services.roles import Grant, Role
from services.settings import GatewaySettings
from services.storage.client import open_store
from services.storage.event_log import Log

LARGEST_BODY = 1 << 20
MOST_EVENTS = 1000
BURST_SECONDS = 5.0
"""A silent producer saves up as many events as its rate gives in so many seconds."""

MOST_PRODUCERS = 10_000

router = APIRouter(tags=["intake"])
logger = structlog.get_logger(__name__)
_EVENT: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])


class AppendedEvents(BaseModel):
    """The result of an append. The events are in the log."""

    session: str
    positions: list[str | None] = Field(
        description="The position of each event; null for one that the log already had."
    )
    position: str = Field(description="The last position of the log.")
    added: int
    duplicates: int


class RateLimit:
    """A limit on the events per second of each producer (a token bucket)."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(per_second * BURST_SECONDS, MOST_EVENTS)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, producer: str, events: int) -> float:
        """Count events of a producer; 0, or the seconds until so many are allowed."""
        now = self._clock()
        left, then = self._left.pop(producer, (self._most, now))
        left = min(self._most, left + (now - then) * self._per_second)
        allowed = left >= events
        self._left[producer] = (left - events if allowed else left, now)
        if len(self._left) > MOST_PRODUCERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (events - left) / self._per_second


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
    it is not appended again, and the response is the same success."""
    check_expected(expected)
    events = read_events(await _body(request))
    wait = request.app.state.rate_limit.take(producer.name, len(events))
    if wait:
        raise RequestRefused(
            429,
            f"{producer.name} sends more than is allowed",
            headers={"Retry-After": str(int(wait) + 1)},
        )
    log: Log = request.app.state.log
    result = await log.append_validated(session, events, expected=expected)
    logger.info(
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


async def _body(request: Request) -> bytes:
    """The body, up to the largest size. Raises RequestRefused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RequestRefused(
                413, f"the body is larger than {LARGEST_BODY} bytes: send less at once"
            )
    return bytes(body)


def read_events(body: bytes) -> list[AnyEvent]:
    """The events of a body (one, or a list), decoded and with valid names.

    Raises RequestRefused with every fault of every event.
    """
    try:
        payloads = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RequestRefused(422, f"the body is not JSON: {error}", [_whole(str(error))]) from None
    if isinstance(payloads, dict):
        payloads = [payloads]
    if not isinstance(payloads, list) or not payloads:
        raise RequestRefused(
            422, "the body is neither an event nor a list of events", [_whole("empty")]
        )
    if len(payloads) > MOST_EVENTS:
        raise RequestRefused(413, f"{len(payloads)} events at once; {MOST_EVENTS} are allowed")
    events: list[AnyEvent] = []
    faults: list[FieldError] = []
    for index, payload in enumerate(payloads):
        raw = to_json(payload)  # events are strict in JSON: a tuple is written as a list
        try:
            event = decode(raw)
            check_names(event)
            events.append(event)
        except UndecodableEvent as error:
            faults += _faults(raw, payload, error, index)
        except UnfitName as unfit:
            reason = "control characters are not allowed in a name"
            faults.append(_fault(unfit.member, unfit.value, reason, index))
    if faults:
        first = faults[0]
        where = f"event {first.index}: {first.field}: {first.reason}"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise RequestRefused(422, where + more, faults)
    return events


def _whole(reason: str) -> FieldError:
    return FieldError(field="body", reason=reason)


def _fault(member: str, value: object, reason: str, index: int) -> FieldError:
    return FieldError(field=member, value=shortened(value), reason=reason, index=index)


def _faults(raw: bytes, payload: Any, error: UndecodableEvent, index: int) -> list[FieldError]:
    """Every field of one event that is wrong."""
    match error:
        case UnknownEventType(type_name=name):
            return [
                FieldError(field="type", value=shortened(name), reason="no such event", index=index)
            ]
        case NewerEventVersion(version=number):
            return [FieldError(field="v", value=str(number), reason="too new", index=index)]
    if not isinstance(payload, dict):
        return [
            FieldError(field="event", value=shortened(payload), reason="not an object", index=index)
        ]
    if not isinstance(payload.get("type"), str):
        reason = "the name of an event is needed, such as pit_entered"
        return [
            FieldError(
                field="type", value=shortened(payload.get("type")), reason=reason, index=index
            )
        ]
    try:
        _EVENT.validate_json(raw)
    except ValidationError as invalid:
        return field_errors(invalid, skip=1, index=index)
    reason = error.reason if isinstance(error, UnreadableEvent) else str(error)
    return [FieldError(field="event", value=shortened(payload), reason=reason, index=index)]


def attach(app: FastAPI, settings: GatewaySettings) -> None:
    """Add the intake to an application with a lifespan that sets ``app.state.log``."""
    app.state.rate_limit = RateLimit(settings.events_per_second)
    app.include_router(router)


def create_app(settings: GatewaySettings) -> FastAPI:
    """The intake on its own."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_store(settings.store, settings.data) as store:
            app.state.log = Log(store)
            yield

    app = FastAPI(title="lapstream intake", version=version("lapstream"), lifespan=lifespan)
    app.state.settings = settings
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
        raise SystemExit(str(error)) from None
    configure(settings.log_level)
    return create_app(settings)
