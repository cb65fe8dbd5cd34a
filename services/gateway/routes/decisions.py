"""Race control: decisions, and what became of them.

A decision is an event, so it is appended to the log and counts once by its ``source`` and
``source_seq``: sent again after a double click or a lost response, it gives the same success. Who
decided is the token's name, never what the body says. The rules are those of the command line
(``projections.results.decisions``). With ``dry_run`` nothing is appended, and the response says
what would change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, cast

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from events import (
    AnyEvent,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.errors import AppendRefused, IdentityTaken
from projections.results.decisions import describe, state_of, undo_of
from projections.timeline import Timeline
from replay.entries import parse_position
from services.clocks import now_ms
from services.gateway.auth import authorize, requires
from services.gateway.errors import RequestRefused, check_expected, responses
from services.gateway.routes import decision_plan
from services.gateway.state import Gateway, TheGateway, gateway_of
from services.gateway.views.http_cache import conditional_response, weak_etag
from services.queries.race_cache import KnownRace
from services.queries.tables.sporting_tables import WhatIfRow
from services.roles import Grant, Role

MOST_AT_ONCE = 20
PENALTIES = (PenaltyImposed, PenaltyServed, PenaltyConverted, PenaltyRescinded)

router = APIRouter(tags=["race control"])
logger = structlog.get_logger(__name__)

# -- Models --------------------------------------------------------------------------------

_DECISIONS: list[JsonValue] = [
    {"type": "flag_shown", "flag": "safety_car"},
    {"type": "safety_car_deployed", "reason": "debris in turn 3"},
]


class DecisionRequest(BaseModel):
    """One decision, or several that are appended together or not at all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"source": "desk-7f3a", "source_seq": 4, "decisions": _DECISIONS}]
        },
    )

    source: str = Field(
        pattern=r"^[a-z0-9-]{1,64}$",
        description="The source that numbers these events; a desk takes a new one when opened.",
    )
    source_seq: int = Field(
        ge=0, le=2**53 - MOST_AT_ONCE, description="The number of the first; the others follow."
    )
    decisions: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_AT_ONCE,
        description="Events without the members that the gateway sets: `at`, `source`, "
        "`source_seq`, `by`, the id of a new penalty, the rows of a result. Times may be texts, "
        "such as `1:09.195` or `lap:12`. A lap is voided by `car` and `lap`, not by an identity.",
    )
    at_ms: int | None = Field(
        default=None,
        ge=-(2**53),
        le=2**53,
        description="Session time of the decision (ms). Default: now.",
    )
    at: str | None = Field(
        default=None,
        max_length=40,
        description="The session time as a moment, such as `1:04:10` or `lap:12`.",
    )
    expected: Annotated[str, Field(pattern=r"^\d{1,20}-\d{1,20}$")] | None = Field(
        default=None, description="Append only if the log is at this position."
    )


class DecisionEvent(BaseModel):
    """A decision in the log, or in a dry run as it would be."""

    source: str
    source_seq: int
    type: str
    at_ms: int
    text: str = Field(description="The decision in a few words.")


class DecisionResult(BaseModel):
    """The events that were appended; in a dry run, those that would be."""

    session: str
    dry_run: bool
    added: bool = Field(description="False if the log had the events already, and in a dry run.")
    position: str = Field(description="The last position of the log.")
    by: str
    events: list[DecisionEvent]
    changes: list[WhatIfRow] = Field(
        description="In a dry run: the cars with a change, now and then."
    )
    effects: list[str] = Field(
        default=[],
        description="In a dry run: for each penalty, which order it changes (on the road or "
        "classified only), and the time that serving it costs.",
    )


class RecordedDecision(DecisionEvent):
    """A decision in the log, and its present state."""

    position: str
    learned_at_ms: int = Field(description="Recorded time (ms since 1970).")
    by: str | None
    basis: str
    car: str | None
    penalty_id: str | None
    state: Literal["in force", "voided", "owed", "served", "converted", "rescinded"]
    undo: dict[str, Any] | None = Field(description="The decision that undoes it.")


class DecisionList(BaseModel):
    """Decisions, the newest first."""

    session: str
    position: str
    total: int
    rows: list[RecordedDecision]


class TokenInfo(BaseModel):
    """The name and the role of a token."""

    name: str | None = Field(description="Null if no token was sent, and none is required.")
    role: Literal["viewer", "output", "control", "admin"]


@router.get("/whoami", summary="Get the token's name and role", responses=responses(401))
async def whoami(
    request: Request, _: Annotated[object, Depends(requires(Role.VIEWER))]
) -> TokenInfo:
    """Get the name and the role of the token that is sent."""
    found = authorize(request, Role.VIEWER, gateway_of(request).settings)
    if found is None:
        return TokenInfo(name=None, role="viewer")
    return TokenInfo(name=found.name, role=cast("Any", found.role.name.lower()))


# -- Reading decisions -----------------------------------------------------------------------


@router.get(
    "/sessions/{session}/decisions",
    operation_id="book_sessions__session__decisions_get",
    summary="List the decisions",
    dependencies=[Depends(requires(Role.VIEWER))],
    response_model=DecisionList,
    responses=responses(304, 401, 403, 404, 409, 422, 503),
)
async def list_decisions(
    request: Request,
    gateway: TheGateway,
    session: str,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Older penalties are listed too: they may be owed.")
    ] = 100,
) -> Response:
    """By whom, when, their present state, and how each is undone; the newest first."""
    await _require_log(gateway, session)

    def respond(known: KnownRace) -> Response:
        newest = known.decided[-1][0] if known.decided else ""
        etag = weak_etag(f"{session} {newest} {len(known.decided)} {limit}".encode())
        body = lambda: _decisions(session, known, limit).model_dump()  # noqa: E731
        return conditional_response(request, etag, body)

    return await gateway.races.ask_known(session, respond)


def _decisions(session: str, known: KnownRace, limit: int) -> DecisionList:
    # Of a repeated identity the first counts.
    counted = list({event.identity: (at, event) for at, event in reversed(known.decided)}.values())
    # Flags of a feed fill the list; a penalty that is owed must stay in it.
    older = [(at, event) for at, event in counted[limit:] if isinstance(event, PENALTIES)]
    listed = counted[:limit] + older
    rows = [_row(known.timeline, position, event) for position, event in listed]
    return DecisionList(session=session, position=known.position, total=len(counted), rows=rows)


def _row(timeline: Timeline, position: str, event: AnyEvent) -> RecordedDecision:
    return RecordedDecision(
        **_event(timeline, event).model_dump(),
        position=position,
        learned_at_ms=parse_position(position)[0],
        by=event.by,
        basis=event.basis,
        car=getattr(event, "car", None),
        penalty_id=getattr(event, "penalty_id", None),
        state=cast("Any", state_of(timeline, event)),
        undo=undo_of(timeline, event),
    )


def _event(timeline: Timeline, event: AnyEvent) -> DecisionEvent:
    return DecisionEvent(
        source=event.source,
        source_seq=event.source_seq,
        type=event.type,
        at_ms=event.at,
        text=describe(timeline, event),
    )


async def _require_log(gateway: Gateway, session: str) -> None:
    """Raise UnknownSession, BadSessionId or AppendRefused unless the session has a log."""
    await gateway.require(session)
    if await gateway.is_replay(session):
        raise AppendRefused(f"{session!r} is a replay: decide in the session that it plays")


# -- Making decisions ----------------------------------------------------------------------


@router.post(
    "/sessions/{session}/decisions",
    summary="Append decisions",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def decide(
    gateway: TheGateway,
    session: str,
    request: DecisionRequest,
    decider: Annotated[Grant, Depends(requires(Role.CONTROL))],
    dry_run: Annotated[
        bool, Query(description="Append nothing; respond with what would change.")
    ] = False,
) -> DecisionResult:
    """Append decisions, all or nothing: flags, penalties and changes to them, corrections, declared
    results. Undoing is a decision too."""
    await _require_log(gateway, session)
    check_expected(request.expected)
    batch = decision_plan.DecisionBatch(
        request.decisions,
        request.source,
        request.source_seq,
        decider.name,
        request.at_ms if request.at is None else request.at,
    )
    again = False
    while True:
        found = await gateway.races.ask_known(session, lambda known: _plan(known, batch, dry_run))
        if isinstance(found, RequestRefused):
            raise found
        if found.recorded or dry_run:
            break
        # The same request may have been quicker, at another moment: it is found in the log now.
        try:
            result = await gateway.log.append_validated(
                session, found.events, expected=request.expected
            )
        except IdentityTaken:
            if again:
                raise
            again = True
            continue
        if result.added:
            logger.info(
                "decisions appended",
                session=session,
                by=decider.name,
                types=[event.type for event in found.events],
                position=result.position,
            )
            found = found._replace(position=result.position)
            break
    return DecisionResult(
        session=session,
        dry_run=dry_run,
        added=not found.recorded and not dry_run,
        position=found.position,
        by=decider.name,
        events=found.described,
        changes=[WhatIfRow.model_validate(row) for row in found.changes],
        effects=list(found.effects),
    )


class _Found(NamedTuple):
    """The events to append, or those of the log, and their descriptions."""

    events: Sequence[AnyEvent]
    recorded: bool
    described: list[DecisionEvent]
    changes: Sequence[Mapping[str, Any]]
    position: str
    effects: Sequence[str]


def _plan(
    known: KnownRace, batch: decision_plan.DecisionBatch, dry_run: bool
) -> _Found | RequestRefused:
    """Plan the batch. A refusal is returned, for the cache drops a fold that raises."""
    timeline = known.timeline
    try:
        events, recorded = decision_plan.plan(known, batch, now_ms())
        preview = decision_plan.Preview(timeline, (), ())
        if dry_run and not recorded:
            preview = decision_plan.would_change(timeline, events)
    except RequestRefused as error:
        return error
    described = [_event(preview.timeline, event) for event in events]
    return _Found(events, recorded, described, preview.changes, known.position, preview.effects)
