"""Errors over HTTP: one body for all of them, with the fields that are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from events.codec import shortened
from events.errors import (
    AppendRefused,
    BadMoment,
    BadSessionId,
    IdentityTaken,
    LapstreamError,
    NoForecast,
    NotASession,
    PositionConflict,
    StoreError,
    StoreUnavailable,
    UndecodableEvent,
    UnfitName,
    UnknownCar,
    UnknownClass,
    UnknownSession,
)
from replay.entries import parse_position
from services.storage.output_store import UnreadableOutput
from services.storage.replay_errors import (
    CommandRefused,
    NoSuchReplay,
    ReplayExists,
    ReplayStopped,
    ReplayWasStopped,
    UnreadableReplay,
)

logger = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """A field that is wrong: its name, its value, and the reason."""

    field: str = Field(examples=["source_seq"])
    value: str | None = Field(default=None, examples=["-1"])
    reason: str = Field(examples=["Input should be greater than or equal to 0"])
    index: int | None = Field(default=None, description="Index of the event in its batch, from 0.")


class Problem(BaseModel):
    """Why a request was refused. A refused request changes nothing."""

    detail: str = Field(examples=["no session 'petit' in this store; there are no sessions yet"])
    errors: list[FieldError] = []
    position: str | None = Field(
        default=None,
        description="For a conflict: the last position of the log, or that of the event that has "
        "the `source` and `source_seq` of one that was sent.",
    )
    recorded: dict[str, Any] | None = Field(
        default=None, description="The event that has the identity of one that was sent."
    )
    sent: dict[str, Any] | None = Field(
        default=None, description="The event whose identity another event has."
    )


class RequestRefused(Exception):
    """A request that is refused, with the HTTP status and the problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        position: str | None = None,
        recorded: dict[str, Any] | None = None,
        sent: dict[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.problem = Problem(
            detail=detail, errors=list(errors), position=position, recorded=recorded, sent=sent
        )
        self.headers = headers
        super().__init__(detail)

    def response(self) -> JSONResponse:
        """The HTTP response."""
        body = self.problem.model_dump(exclude_none=True)
        return JSONResponse(body, self.status, headers=self.headers)


class ViewFailed(LapstreamError):
    """A view that cannot be made of a session. Other views of the session can be."""

    def __init__(self, view: str, session: str, where: str, error: Exception) -> None:
        self.view = view
        self.session = session
        super().__init__(
            f"the view {view!r} of session {session!r} failed {where}: "
            f"{type(error).__name__}: {error}"
        )


def check_expected(position: str | None, name: str = "expected") -> None:
    """Raise RequestRefused unless the expected position is one, or None."""
    if position is not None:
        try:
            parse_position(position)
        except ValueError as error:
            fault = FieldError(field=name, value=position, reason=str(error))
            raise RequestRefused(422, f"{name}: {error}", [fault]) from None


def as_refusal(error: LapstreamError) -> RequestRefused:  # noqa: C901, PLR0912 (an arm for each error)
    """The refusal for an error of lapstream's own."""
    detail = str(error)

    def field(name: str, value: str, reason: str) -> list[FieldError]:
        return [FieldError(field=name, value=value, reason=reason)]

    match error:
        case PositionConflict(actual=actual):
            return RequestRefused(409, detail, position=actual)
        case IdentityTaken(source_seq=number, index=index):
            reason = "another event has this number of the source"
            return RequestRefused(
                409,
                detail,
                [FieldError(field="source_seq", value=str(number), reason=reason, index=index)],
                position=error.position,
                recorded=from_json(error.recorded),
                sent=from_json(error.sent),
            )
        case UnknownSession() | BadSessionId() | NoSuchReplay():
            return RequestRefused(404, detail)
        case BadMoment(value=value, reason=reason):
            return RequestRefused(422, detail, field("at", value, reason))
        case UnknownCar(car=car):
            return RequestRefused(404, detail, field("car", car, "no such car"))
        case UnknownClass(name=name):
            return RequestRefused(404, detail, field("class", name, "no such class"))
        case StoreUnavailable():
            return RequestRefused(503, detail, headers={"Retry-After": "1"})
        case UnfitName(member=member, value=value):
            return RequestRefused(422, detail, field(member, shortened(value), detail))
        case NotASession(name=name):
            return RequestRefused(422, detail, field("source", name, "a season"))
        case UnreadableOutput(output=name, reason=reason):
            return RequestRefused(409, detail, field("name", name, reason))
        case ViewFailed():
            return RequestRefused(500, detail)
        case UnreadableReplay(replay=name, reason=reason):
            return RequestRefused(409, detail, field("replay", name, reason))
        case NoForecast():
            return RequestRefused(409, detail)
        case CommandRefused():
            return RequestRefused(422, detail)
        case AppendRefused() | ReplayExists() | ReplayStopped() | ReplayWasStopped():
            return RequestRefused(409, detail)
        case StoreError() | UndecodableEvent():
            return RequestRefused(503, detail, headers={"Retry-After": "5"})
        case _:
            return RequestRefused(400, detail)


def install(app: FastAPI) -> None:
    """Add the exception handlers to an application."""

    @app.exception_handler(RequestRefused)
    async def _refused(_: Request, error: RequestRefused) -> JSONResponse:
        return error.response()

    @app.exception_handler(LapstreamError)
    async def _lapstream_error(_: Request, error: LapstreamError) -> JSONResponse:
        return as_refusal(error).response()

    @app.exception_handler(ClientDisconnect)
    async def _left(request: Request, _: ClientDisconnect) -> Response:
        logger.warning("client left while its body was read", path=request.url.path)
        return Response(status_code=400)  # for nobody: the server sends nothing any more

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = field_errors(error, skip=1)  # "query", "path" or "body"
        detail = "; ".join(f"{fault.field}: {fault.reason}" for fault in faults)
        return RequestRefused(422, detail, faults).response()

    @app.exception_handler(HTTPException)
    async def _http_error(_: Request, error: HTTPException) -> JSONResponse:
        # FastAPI answers 400 to a body that is not JSON, and 422 to JSON that does not validate.
        status = 422 if error.status_code == 400 else error.status_code
        return RequestRefused(status, str(error.detail), headers=error.headers).response()


def field_errors(
    error: ValidationError | RequestValidationError, skip: int = 0, index: int | None = None
) -> list[FieldError]:
    """The fields of a validation error, without the first ``skip`` parts of their locations."""
    return [_field_error(one, skip, index) for one in error.errors()]


def _field_error(one: Mapping[str, Any], skip: int, index: int | None) -> FieldError:
    parts = one["loc"][skip:] or one["loc"]
    where = ".".join(str(part) for part in parts) or "body"
    value = None if one["type"] == "missing" else shortened(one["input"])
    reason = one["msg"].removeprefix("Value error, ")
    return FieldError(field=where, value=value, reason=reason, index=index)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI descriptions of these statuses."""
    known = {
        304: {"description": "Not changed since that ETag."},
        401: {"description": "A token is required."},
        403: {"description": "The role of the token does not allow this."},
        404: {"description": "No such session, class or car."},
        409: {"description": "The log is at another position, or another event has the identity."},
        413: {"description": "The body is too large."},
        422: {"description": "The request is not valid; `errors` has each field that is wrong."},
        429: {
            "description": "Too much at once, for this producer or for clients without a token; "
            "`Retry-After` says when to send again."
        },
        503: {"description": "The store does not answer, or the session is stopped."},
    }
    return {
        status: known[status] if status == 304 else {**known[status], "model": Problem}
        for status in statuses
    }
