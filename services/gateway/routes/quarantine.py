"""The quarantine of a session: the log entries that are left out of its fold."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from events.errors import BadDecision
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.state import Gateway, TheGateway
from services.roles import Grant, Role
from services.storage import quarantine_log

router = APIRouter(tags=["decisions"])
logger = structlog.get_logger(__name__)

Decider = Annotated[Grant, Depends(requires(Role.CONTROL))]


class QuarantinedEntry(BaseModel):
    """A log entry that is left out of the fold, and the decision on it."""

    position: str = Field(examples=["1728748800000-0"])
    by: str | None = Field(description="Who decided.")
    reason: str | None
    decided_at: str = Field(description="The position of the decision.")


class QuarantineRequest(BaseModel):
    """The log entry to put into quarantine, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"position": "1728748800000-0", "reason": "stops the session"}]
        },
    )

    position: str = Field(min_length=3, max_length=41)
    reason: str = Field(min_length=1, max_length=500)


class QuarantineLiftRequest(BaseModel):
    """The log entry whose quarantine is to end."""

    model_config = ConfigDict(extra="forbid")

    position: str = Field(min_length=3, max_length=41)
    reason: str | None = Field(default=None, min_length=1, max_length=500)


class QuarantineResult(BaseModel):
    """A decision on a quarantine, which is in the log."""

    session: str
    position: str = Field(description="That of the log entry.")
    entry: str = Field(description="What the log entry is.", examples=["pit_entered 7 of 'x'"])
    decision: str = Field(examples=["race-control 3 at 1728748900000-0"])
    by: str


@router.get(
    "/sessions/{session}/quarantine",
    summary="List the quarantine",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses=responses(401, 403, 404, 409, 422, 429, 503),
)
async def quarantine(gateway: TheGateway, session: str) -> list[QuarantinedEntry]:
    """List the log entries that are left out of the fold, in the order of the log."""
    await gateway.require_log(session)
    found = await quarantine_log.decisions_in_force(gateway.log, session)
    return [
        QuarantinedEntry(position=entry, by=event.by, reason=event.reason, decided_at=position)
        for entry, (position, event) in found.items()
    ]


@router.post(
    "/sessions/{session}/quarantine",
    summary="Put a log entry into quarantine",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def put_in(
    gateway: TheGateway, session: str, request: QuarantineRequest, decider: Decider
) -> QuarantineResult:
    """Leave a log entry out of the fold, so that a session that it stopped goes on. The entry stays
    in the log. An event that is wrong but folds is voided instead, by a decision."""
    return await _decide(gateway, session, request.position, request.reason, decider, lift=False)


@router.post(
    "/sessions/{session}/quarantine/lift",
    summary="Lift a quarantine",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def lift(
    gateway: TheGateway, session: str, request: QuarantineLiftRequest, decider: Decider
) -> QuarantineResult:
    """Fold a log entry again, such as after an update."""
    return await _decide(gateway, session, request.position, request.reason, decider, lift=True)


async def _decide(
    gateway: Gateway, session: str, position: str, reason: str | None, decider: Grant, *, lift: bool
) -> QuarantineResult:
    await gateway.require_log(session)
    try:
        decision, entry = await quarantine_log.quarantine(
            gateway.log, session, position, by=decider.name, reason=reason, lift=lift
        )
    except BadDecision as error:
        fault = FieldError(field=error.member, value=position, reason=error.reason)
        raise RequestRefused(422, str(error), [fault]) from None
    logger.info(
        "quarantine lifted" if lift else "entry quarantined",
        session=session,
        position=position,
        by=decider.name,
    )
    return QuarantineResult(
        session=session, position=position, entry=entry, decision=decision, by=decider.name
    )
