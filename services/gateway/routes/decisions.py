"""The routes by which race control decides.

A decision is an event, so it goes into the log like any other and counts once by its
``source`` and ``source_seq``: sent again after a double click or a lost answer, it is there
already, and the answer is the same success. Who decided is the token's name, never what the
body says; what cannot be decided is refused by the rules that the command line has
(``projections.results.decisions``). With ``dry_run`` nothing is appended, and what would change is
told instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, cast

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict

from events import (
    AnyEvent,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.errors import AppendRefused
from projections.results.decisions import describe, state_of, undo_of
from projections.timeline import Timeline
from replay.entries import parse_position
from services.gateway.auth import authorize, requires
from services.gateway.errors import RequestRefused, check_expected, responses
from services.gateway.live.session_tail import now_ms
from services.gateway.routes import decision_plan
from services.gateway.state import Gateway, TheGateway, gateway_of
from services.queries.race_cache import KnownRace
from services.queries.tables.sporting_tables import WHATIF
from services.roles import Grant, Role

MOST_AT_ONCE = 20
PENALTIES = (PenaltyImposed, PenaltyServed, PenaltyConverted, PenaltyRescinded)

router = APIRouter(tags=["race control"])
logger = structlog.get_logger(__name__)

# -- What is sent and told -----------------------------------------------------------------

_DECISIONS: list[JsonValue] = [
    {"type": "flag_shown", "flag": "safety_car"},
    {"type": "safety_car_deployed", "reason": "debris in turn 3"},
]


class Wanted(BaseModel):
    """One decision, or several that stand and fall together."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"source": "desk-7f3a", "source_seq": 4, "decisions": _DECISIONS}]
        },
    )

    source: str = Field(
        pattern=r"^[a-z0-9-]{1,64}$",
        description="Who counts: a desk takes a new one each time it is opened.",
    )
    source_seq: int = Field(
        ge=0, le=2**53 - MOST_AT_ONCE, description="Of the first; the others count on from it."
    )
    decisions: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_AT_ONCE,
        description="Events without what is set here: `at`, `source`, `source_seq`, `by`, the id "
        "of a new penalty, the rows of a result. Times may be texts, such as `1:09.195` or "
        "`lap:12`. A lap is voided by `car` and `lap` instead of an identity.",
    )
    at_ms: int | None = Field(
        default=None,
        ge=-(2**53),
        le=2**53,
        description="When it was decided, in ms on the session clock. Default: now.",
    )
    at: str | None = Field(
        default=None,
        max_length=40,
        description="The same as a moment, such as `1:04:10` or `lap:12`.",
    )
    expected: Annotated[str, Field(pattern=r"^\d{1,20}-\d{1,20}$")] | None = Field(
        default=None, description="Decide only if the log is at this position."
    )


class Event(BaseModel):
    """A decision as it stands in the log, or would."""

    source: str
    source_seq: int
    type: str
    at_ms: int
    text: str = Field(description="What was decided, in a few words.")


class Told(BaseModel):
    """What was decided; in a dry run, what would be."""

    session: str
    dry_run: bool
    added: bool = Field(description="False for what the log held already, and in a dry run.")
    position: str = Field(description="The log's position.")
    by: str
    events: list[Event]
    changes: list[dict[str, Any]] = Field(
        description="In a dry run: the cars of which anything would change, now and then.",
        json_schema_extra={"items": cast("JsonDict", WHATIF.schema()["items"])},
    )


class Row(Event):
    """A decision, and what became of it."""

    position: str
    learned_at_ms: int = Field(description="When the log learned of it, in ms since 1970.")
    by: str | None
    basis: str
    car: str | None
    penalty_id: str | None
    state: Literal["in force", "voided", "owed", "served", "converted", "rescinded"]
    undo: dict[str, Any] | None = Field(description="The decision that takes it back.")


class Book(BaseModel):
    """What was decided, the newest first."""

    session: str
    position: str
    total: int
    rows: list[Row]


class Bearer(BaseModel):
    """Whose token it is, and what it allows."""

    name: str | None = Field(description="Null where no token was sent, and none is needed.")
    role: Literal["viewer", "output", "control", "admin"]


@router.get("/whoami", summary="Whose token this is", responses=responses(401))
async def whoami(request: Request, _: Annotated[object, Depends(requires(Role.VIEWER))]) -> Bearer:
    """The token's name and role."""
    found = authorize(request, Role.VIEWER, gateway_of(request).settings)
    if found is None:
        return Bearer(name=None, role="viewer")
    return Bearer(name=found.name, role=cast("Any", found.role.name.lower()))


# -- What was decided ----------------------------------------------------------------------


@router.get(
    "/sessions/{session}/decisions",
    summary="What was decided",
    dependencies=[Depends(requires(Role.VIEWER))],
    response_model=Book,
    responses=responses(304, 401, 403, 404, 409, 422, 503),
)
async def book(
    request: Request,
    gateway: TheGateway,
    session: str,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Of penalties all are told, however old.")
    ] = 100,
) -> Response:
    """By whom, when, what became of it, and how it is taken back; the newest first."""
    await _require_log(gateway, session)
    known = request.headers.get("if-none-match", "")

    def told(of: KnownRace) -> tuple[str, Book | None]:
        newest = of.decided[-1][0] if of.decided else ""
        digest = hashlib.sha256(f"{session} {newest} {len(of.decided)} {limit}".encode())
        etag = f'W/"{digest.hexdigest()[:24]}"'
        return etag, None if etag in known else _book(session, of, limit)

    etag, rows = await gateway.races.ask_known(session, told)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if rows is None:
        return Response(status_code=304, headers=headers)
    return JSONResponse(rows.model_dump(), headers=headers)


def _book(session: str, known: KnownRace, limit: int) -> Book:
    counted = list({event.identity: (at, event) for at, event in reversed(known.decided)}.values())
    # What a feed says fills the book; a penalty that is owed must not drop out of it.
    older = [(at, event) for at, event in counted[limit:] if isinstance(event, PENALTIES)]
    told = counted[:limit] + older
    rows = [_row(known.timeline, position, event) for position, event in told]
    return Book(session=session, position=known.position, total=len(counted), rows=rows)


def _row(timeline: Timeline, position: str, event: AnyEvent) -> Row:
    return Row(
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


def _event(timeline: Timeline, event: AnyEvent) -> Event:
    return Event(
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


# -- Deciding ------------------------------------------------------------------------------


@router.post(
    "/sessions/{session}/decisions",
    summary="Decide",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def decide(
    gateway: TheGateway,
    session: str,
    wanted: Wanted,
    decider: Annotated[Grant, Depends(requires(Role.CONTROL))],
    dry_run: Annotated[bool, Query(description="Append nothing; tell what would change.")] = False,
) -> Told:
    """Append what is decided, all or nothing, once: flags, penalties and what becomes of them,
    corrections, declared results. To undo is a decision, too."""
    await _require_log(gateway, session)
    check_expected(wanted.expected)
    asked = decision_plan.Wanted(
        wanted.decisions,
        wanted.source,
        wanted.source_seq,
        decider.name,
        wanted.at_ms if wanted.at is None else wanted.at,
    )
    while True:
        found = await gateway.races.ask_known(session, lambda known: _find(known, asked, dry_run))
        if isinstance(found, RequestRefused):
            raise found
        if found.there or dry_run:
            break
        result = await gateway.log.append(session, found.events, expected=wanted.expected)
        if result.added:  # else its twin was quicker, and stands in the log by now
            logger.info(
                "decided",
                session=session,
                by=decider.name,
                types=[event.type for event in found.events],
                position=result.position,
            )
            found = found._replace(position=result.position)
            break
    return Told(
        session=session,
        dry_run=dry_run,
        added=not found.there and not dry_run,
        position=found.position,
        by=decider.name,
        events=found.told,
        changes=[dict(row) for row in found.changes],
    )


class _Found(NamedTuple):
    """What is to be appended or is there already, and how it is told."""

    events: Sequence[AnyEvent]
    there: bool
    told: list[Event]
    changes: Sequence[Mapping[str, Any]]
    position: str


def _find(known: KnownRace, wanted: decision_plan.Wanted, dry_run: bool) -> _Found | RequestRefused:
    """A refusal is given back: an exception would cost the fold."""
    timeline = known.timeline
    try:
        events, there = decision_plan.plan(known, wanted, now_ms())
        changes: Sequence[Mapping[str, Any]] = ()
        if dry_run and not there:
            timeline, changes = decision_plan.would_change(timeline, events)
    except RequestRefused as error:
        return error
    told = [_event(timeline, event) for event in events]
    return _Found(events, there, told, changes, known.position)
