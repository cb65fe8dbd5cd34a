"""The whole state of a session at a moment."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from projections.views.frame_builder import frame_state
from projections.views.published import SubscribedState
from projections.views.rows import RowModel
from services.clocks import now_ms
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.filters import Filter, unknown_topics
from services.gateway.live.query import MAX_NAMES, DelayMs, split_names
from services.gateway.routes.parameters import At, KnownAt
from services.gateway.state import TheGateway
from services.gateway.views.responses import result_response
from services.gateway.views.view_query import ViewQuery, ViewResult, query_folded
from services.queries.tables.columns import Table
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

_SNAPSHOT = Table("picture", "The whole state of a session.", RowModel)


class SessionClock(BaseModel):
    """The session clock."""

    at: int = Field(description="Its time (ms).")
    running: bool = Field(description="Whether it has run on since.")


class SessionSnapshot(BaseModel):
    """A snapshot in the form of a subscription's. With a moment the clock does not run."""

    kind: Literal["snapshot"] = "snapshot"
    token: str = Field(description="Not valid for subscriptions: its epoch is 0.")
    epoch: Literal[0] = 0
    position: str = Field(description="Log position of the newest event.")
    at: int = Field(description="Recorded time of that event (ms since 1970).")
    clock: SessionClock
    data: SubscribedState = Field(description="The topics, as in frames.")


@router.get(
    "/sessions/{session}/picture",
    operation_id="picture_sessions__session__picture_get",
    summary="Get the whole state of a session at a moment",
    response_model=SessionSnapshot,
    responses=responses(304, 401, 403, 404, 422, 429, 503),
)
async def snapshot(
    request: Request,
    gateway: TheGateway,
    session: str,
    topics: Annotated[
        list[str] | None,
        Query(max_length=MAX_NAMES, description="Topics; all by default."),
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    delay_ms: DelayMs = 0,
) -> Response:
    """All topics at the same moment."""
    wanted = split_names(topics or ())
    if unknown := unknown_topics(wanted):
        fault = FieldError(field="topics", value=unknown[0], reason="there is no such topic")
        raise RequestRefused(422, f"there is no topic {unknown[0]!r}", [fault])
    result = await query_folded(
        gateway,
        session,
        _SNAPSHOT,
        lambda stand: [frame_state(stand.race)],
        ViewQuery(at, known_at, delay_ms=delay_ms),
    )
    return result_response(
        request,
        result,
        now_ms() - delay_ms,
        ("picture", *sorted(wanted)),
        lambda: _snapshot(result, Filter(wanted)),
    )


def _snapshot(result: ViewResult, wanted: Filter) -> dict[str, Any]:
    return {
        "kind": "snapshot",
        "token": f"0:{result.position}",
        "epoch": 0,
        "position": result.position,
        "at": result.learned_at,
        "clock": {"at": result.line["clock_ms"], "running": result.running},
        "data": wanted.choose(dict(result.rows[0])),
    }
