"""The whole picture of a session at a moment: what a screen shows that looks back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from projections.views.frame_builder import frame_state
from projections.views.rows import RowModel
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.filters import Filter, unknown_topics
from services.gateway.live.query import MAX_NAMES, DelayMs, split_names
from services.gateway.live.session_tail import now_ms
from services.gateway.routes.sessions import At, KnownAt, unless_known
from services.gateway.state import TheGateway
from services.gateway.views.view_query import ViewQuery, ViewResult, folded
from services.queries.tables.columns import Table
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

_PICTURE = Table("picture", "The whole picture of a session.", RowModel)


class Clock(BaseModel):
    """The session clock."""

    at: int = Field(description="What it shows (ms).")
    running: bool = Field(description="Whether it has run on since.")


class Pictured(BaseModel):
    """A picture, as the snapshot of a subscription tells it. Of a moment the clock stands."""

    kind: Literal["snapshot"] = "snapshot"
    token: str = Field(description="Of no subscription: its epoch is 0.")
    epoch: Literal[0] = 0
    position: str = Field(description="The log position that is told of.")
    at: int = Field(description="When its newest event was learned, in ms since 1970.")
    clock: Clock
    data: dict[str, Any] = Field(description="The topics, as frames have them.")


@router.get(
    "/sessions/{session}/picture",
    summary="The whole picture of a session, at a moment",
    response_model=Pictured,
    responses=responses(304, 401, 403, 404, 422, 503),
)
async def picture(
    request: Request,
    gateway: TheGateway,
    session: str,
    topics: Annotated[
        list[str] | None,
        Query(max_length=MAX_NAMES, description="Topics; all if none is named."),
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    delay_ms: DelayMs = 0,
) -> Response:
    """Every topic as it stood, in one answer of one moment."""
    wanted = split_names(topics or ())
    if unknown := unknown_topics(wanted):
        fault = FieldError(field="topics", value=unknown[0], reason="there is no such topic")
        raise RequestRefused(422, f"there is no topic {unknown[0]!r}", [fault])
    told = await folded(
        gateway,
        session,
        _PICTURE,
        lambda stand: [frame_state(stand.race)],
        ViewQuery(at, known_at, delay_ms=delay_ms),
    )
    of = ("picture", *sorted(wanted))
    chosen = Filter(wanted)
    return unless_known(request, told, now_ms() - delay_ms, of, lambda: _snapshot(told, chosen))


def _snapshot(told: ViewResult, wanted: Filter) -> dict[str, Any]:
    return Pictured(
        token=f"0:{told.position}",
        position=told.position,
        at=told.learned_at,
        clock=Clock(at=told.line["clock_ms"], running=told.running),
        data=wanted.choose(dict(told.rows[0])),
    ).model_dump()
