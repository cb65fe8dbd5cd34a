"""The markers of a session as an edit list for video editing."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from projections.race import Race
from projections.views.markers import all_markers
from projections.views.rows import RowModel
from replay.edit_list import RATES, BeyondCalendar, NoWallClock, TooManyEvents, cmx3600, csv_list
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.query import DelayMs
from services.gateway.routes.parameters import At, KnownAt
from services.gateway.state import TheGateway
from services.gateway.views.view_query import ViewQuery, query_folded
from services.queries.tables.columns import Table
from services.roles import Role

router = APIRouter(tags=["replays"], dependencies=[Depends(requires(Role.VIEWER))])

_EDIT_LIST = Table("edit-list", "The markers of a session as an edit list.", RowModel)

StartsAt = Annotated[
    AwareDatetime | None,
    Query(
        description="The time of day at 0 on the session clock, with its zone, for a session that "
        "does not say when it began.",
        examples=["2007-10-06T11:15:00-04:00"],
    ),
]


@router.get(
    "/sessions/{session}/edit-list",
    summary="Get the markers as an edit list",
    responses={
        200: {
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        },
        **responses(401, 403, 404, 422, 429, 503),
    },
    response_class=Response,
)
async def edit_list(
    gateway: TheGateway,
    session: str,
    form: Annotated[Literal["edl", "csv"], Query(alias="format")] = "edl",
    fps: Annotated[
        Literal["24", "25", "29.97", "30", "50", "59.94", "60"],
        Query(description="Video frames per second; 29.97 and 59.94 are drop frame."),
    ] = "25",
    starts_at: StartsAt = None,
    at: At = None,
    known_at: KnownAt = None,
    delay_ms: DelayMs = 0,
) -> Response:
    """Cautions, restarts, lead changes, flags, penalties and retirements with wall-clock
    timecodes, as CMX3600 or CSV."""

    def listed(race: Race) -> str:
        began, found = starts_at or race.session.opened.starts_at, all_markers(race)
        if form == "csv":
            return csv_list(found, began, RATES[fps]) + "\n"
        return cmx3600(race.session.opened.title, found, began, RATES[fps]) + "\n"

    query = ViewQuery(at, known_at, delay_ms=delay_ms)
    try:
        result = await query_folded(
            gateway, session, _EDIT_LIST, lambda stand: [{"text": listed(stand.race)}], query
        )
    except NoWallClock:
        reason = "the session does not say when it began: give the time of day of its clock 0"
        raise RequestRefused(422, reason, [FieldError(field="starts_at", reason=reason)]) from None
    except BeyondCalendar:
        reason = "no time of day has a place so far from it"
        raise RequestRefused(422, reason, [FieldError(field="starts_at", reason=reason)]) from None
    except TooManyEvents as error:
        reason = f"{error.count} markers are more than a CMX3600 list can hold: ask for csv"
        raise RequestRefused(
            422, reason, [FieldError(field="format", value=form, reason=reason)]
        ) from None
    media = "text/csv" if form == "csv" else "text/plain"
    return Response(result.rows[0]["text"], media_type=f"{media}; charset=utf-8")
