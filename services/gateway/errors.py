"""What goes wrong over HTTP: one shape for all of it, with field and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from events.codec import shortened
from events.errors import (
    AppendRefused,
    BadMoment,
    BadSessionId,
    LapstreamError,
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
from services.storage.replay_errors import (
    CommandRefused,
    NoSuchReplay,
    ReplayExists,
    ReplayStopped,
    ReplayWasStopped,
)


class FieldError(BaseModel):
    """One thing that is wrong: where, with what value, and why."""

    field: str = Field(examples=["source_seq"])
    value: str | None = Field(default=None, examples=["-1"])
    reason: str = Field(examples=["Input should be greater than or equal to 0"])
    index: int | None = Field(default=None, description="Of the event in its batch, from 0.")


class Problem(BaseModel):
    """Why a request was not done. Nothing was changed by it."""

    detail: str = Field(examples=["no session 'petit' in this store; there are no sessions yet"])
    errors: list[FieldError] = []
    position: str | None = Field(default=None, description="Where the log stands, in a conflict.")


class RequestRefused(Exception):
    """A request that is not done: the status, and the problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        position: str | None = None,
    ) -> None:
        self.status = status
        self.problem = Problem(detail=detail, errors=list(errors), position=position)
        self.headers = headers
        super().__init__(detail)

    def response(self) -> JSONResponse:
        """The answer."""
        body = self.problem.model_dump(exclude_none=True)
        return JSONResponse(body, self.status, headers=self.headers)


def check_expected(position: str | None) -> None:
    """Raise RequestRefused for a position to append at that is none."""
    if position is not None:
        try:
            parse_position(position)
        except ValueError as error:
            fault = FieldError(field="expected", value=position, reason=str(error))
            raise RequestRefused(422, f"expected: {error}", [fault]) from None


def as_refusal(error: LapstreamError) -> RequestRefused:
    """The answer to an error of ours."""
    detail = str(error)
    match error:
        case PositionConflict(actual=actual):
            return RequestRefused(409, detail, position=actual)
        case UnknownSession() | BadSessionId() | NoSuchReplay():
            return RequestRefused(404, detail)
        case BadMoment(value=value, reason=reason):
            return RequestRefused(422, detail, [FieldError(field="at", value=value, reason=reason)])
        case UnknownCar(car=car):
            return RequestRefused(
                404, detail, [FieldError(field="car", value=car, reason="no such car")]
            )
        case UnknownClass(name=name):
            return RequestRefused(
                404, detail, [FieldError(field="class", value=name, reason="no such class")]
            )
        case StoreUnavailable():
            return RequestRefused(503, detail, headers={"Retry-After": "1"})
        case UnfitName(member=member, value=value):
            return RequestRefused(
                422, detail, [FieldError(field=member, value=shortened(value), reason=detail)]
            )
        case NotASession(name=name):
            return RequestRefused(
                422, detail, [FieldError(field="source", value=name, reason="a season")]
            )
        case CommandRefused():
            return RequestRefused(422, detail)
        case AppendRefused() | ReplayExists() | ReplayStopped() | ReplayWasStopped():
            return RequestRefused(409, detail)
        case StoreError() | UndecodableEvent():
            return RequestRefused(503, detail, headers={"Retry-After": "5"})
        case _:
            return RequestRefused(400, detail)


def install(app: FastAPI) -> None:
    """Have the application answer with problems."""

    @app.exception_handler(RequestRefused)
    async def _refused(_: Request, error: RequestRefused) -> JSONResponse:
        return error.response()

    @app.exception_handler(LapstreamError)
    async def _ours(_: Request, error: LapstreamError) -> JSONResponse:
        return as_refusal(error).response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = field_errors(error, skip=1)
        detail = "; ".join(f"{fault.field}: {fault.reason}" for fault in faults)
        return RequestRefused(422, detail, faults).response()

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        # To FastAPI a body that is no JSON is another fault than one that does not fit.
        status = 422 if error.status_code == 400 else error.status_code
        return RequestRefused(status, str(error.detail), headers=error.headers).response()


def field_errors(
    error: ValidationError | RequestValidationError, skip: int = 0, index: int | None = None
) -> list[FieldError]:
    """What is wrong, each with its field and value; ``skip`` leaves out steps to the field."""
    return [_fault(one, skip, index) for one in error.errors()]


def _fault(one: Mapping[str, Any], skip: int, index: int | None) -> FieldError:
    steps = one["loc"][skip:] or one["loc"]
    where = ".".join(str(step) for step in steps) or "body"
    value = None if one["type"] == "missing" else shortened(one["input"])
    reason = one["msg"].removeprefix("Value error, ")
    return FieldError(field=where, value=value, reason=reason, index=index)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these statuses."""
    told = {
        304: {"description": "Nothing has changed since that ETag."},
        401: {"description": "A token is needed."},
        403: {"description": "The token's role does not allow this."},
        404: {"description": "No such session, class or car."},
        409: {"description": "The log is at another position."},
        413: {"description": "Too large."},
        422: {"description": "Something is wrong with the request; each fault with its value."},
        429: {"description": "Too fast; Retry-After says when again."},
        503: {"description": "The store does not answer, or the session is stopped."},
    }
    return {
        status: told[status] if status == 304 else {**told[status], "model": Problem}
        for status in statuses
    }
