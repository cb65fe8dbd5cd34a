"""The routes that give views of sessions."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from projections.views.freshness import Freshness
from services.gateway.auth import requires
from services.gateway.errors import responses
from services.gateway.live.query import DelayMs, split_names
from services.gateway.live.session_tail import now_ms
from services.gateway.routes import examples
from services.gateway.state import TheGateway
from services.gateway.views.view_query import (
    LARGEST_ROWS,
    TABLES,
    ViewQuery,
    ViewResult,
    answer,
    flat,
    flat_keys,
    of_flat,
)
from services.queries.listings import session_rows
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

At = Annotated[
    str | None,
    Query(
        max_length=40,
        description="As it stood at `5:00:00` on the session clock, at `lap:372` (the leader "
        "completes that lap) or at `caution:9` (its start).",
        examples=["lap:372"],
    ),
]
KnownAt = Annotated[
    str | None,
    Query(
        max_length=60,
        description="With what was known then: a log position, or a wall-clock time with its "
        "zone, such as `2024-10-12T15:04:05-04:00`; or `at`: when the session clock showed the "
        "moment `at`, which gives what screens showed then.",
    ),
]
CarClass = Annotated[
    str | None, Query(alias="class", max_length=200, description="Only cars of this class.")
]
Cars = Annotated[
    list[str] | None,
    Query(alias="car", max_length=200, description="Only this car; may be given several times."),
]
Format = Literal["json", "csv"]
AskedFormat = Annotated[Format, Query(alias="format", description="JSON, or CSV of flat rows.")]
Count = Annotated[
    int | None,
    Query(
        alias="rows",
        ge=1,
        le=LARGEST_ROWS,
        description="Exactly so many flat rows of text with stable keys, those beyond the "
        "field empty: for vMix and the like. The JSON is then a plain array.",
    ),
]


class LocalFlag(BaseModel):
    """A flag in one sector."""

    flag: str
    since_ms: int = Field(description="On the session clock.")


class SessionLine(BaseModel):
    """What goes with every answer: how the session stands, and how old that is."""

    title: str | None
    kind: str | None
    clock_ms: int = Field(description="The session clock (ms) of the newest event.")
    clock_running: bool = Field(description="Whether that clock has run on since.")
    time_to_go_ms: int | None
    laps_to_go: int | None
    flag: str | None
    flag_since_ms: int | None
    sector_flags: dict[str, LocalFlag] | None = Field(
        description="The local flags that stand, by sector."
    )
    leader: str | None
    leader_lap: int | None
    position: str = Field(description="The log position that is told of.")
    learned_at_ms: int = Field(description="When that was learned, in ms since 1970.")
    age_ms: int = Field(description="How long ago that is; a delay is no age.")
    patience_ms: int = Field(description="How long the field can be silent while the clock runs.")
    freshness: Freshness = Field(
        description="`quiet` when nothing has come for ten seconds while the clock runs, `stale` "
        "when for longer than the field can be silent, or where its live feed is not heard."
    )
    stale: bool = Field(description="Whether it is stale.")
    model_config = {"extra": "allow"}


class SessionSummary(BaseModel):
    """A session of the store."""

    session: str
    title: str | None
    kind: str | None
    entries: int
    first_learned_at: str | None
    last_learned_at: str | None


@router.get("/sessions", summary="The sessions of the store", responses=responses(401, 403, 503))
async def sessions(gateway: TheGateway) -> list[SessionSummary]:
    """Every session that the store lists, in the order of their names."""
    rows = await session_rows(gateway.log)
    return [SessionSummary(**row) for row in rows if row["entries"] or not row["built_in"]]


@router.get(
    "/sessions/{session}",
    summary="How a session stands",
    responses=responses(304, 401, 403, 404, 422, 503),
    response_model=SessionLine,
)
async def session_line(
    request: Request,
    gateway: TheGateway,
    session: str,
    at: At = None,
    known_at: KnownAt = None,
    delay_ms: DelayMs = 0,
) -> Response:
    """The session line: clock, time and laps to go, flag, leader, age of the data."""
    told = await answer(gateway, session, "standings", ViewQuery(at, known_at, delay_ms=delay_ms))
    now = now_ms() - delay_ms
    return unless_known(request, told, now, ("session",), lambda: told.session(now))


def _view(name: str) -> Callable[..., Awaitable[Response]]:
    async def view(
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        car_class: CarClass = None,
        car: Cars = None,
        form: AskedFormat = "json",
        rows: Count = None,
        delay_ms: DelayMs = 0,
    ) -> Response:
        cars = tuple(sorted(split_names(car or ())))
        told = await answer(
            gateway, session, name, ViewQuery(at, known_at, car_class, cars, delay_ms)
        )
        return respond(request, told, now_ms() - delay_ms, form, rows, car_class, cars)

    return view


def _view_of_all(name: str) -> Callable[..., Awaitable[Response]]:
    """A view whose rows are of no car."""
    inner = _view(name)

    async def view(
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        form: AskedFormat = "json",
        rows: Count = None,
        delay_ms: DelayMs = 0,
    ) -> Response:
        return await inner(
            request, gateway, session, at, known_at, form=form, rows=rows, delay_ms=delay_ms
        )

    return view


def respond(
    request: Request, told: ViewResult, now: float, form: Format, rows: Count, *of: object
) -> Response:
    """The answer in the form that was asked for; ``of`` is what else tells it from others."""
    tells = (*of, form, rows)
    if form == "json" and rows is None:
        body = lambda: {"session": told.session(now), "rows": told.rows}  # noqa: E731
        return unless_known(request, told, now, tells, body)
    lines = flat(told, now, rows)
    tells = (*tells, of_flat(lines))  # their clocks have run on since the newest event
    return unless_known(
        request, told, now, tells, lambda: _csv(told, lines) if form == "csv" else lines
    )


def _csv(told: ViewResult, lines: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, flat_keys(told.table), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def unless_known(
    request: Request, told: ViewResult, now: float, of: tuple[object, ...], body: Callable[[], Any]
) -> Response:
    """The answer, or 304 to a client that has this picture already."""
    etag = told.etag(*of, told.freshness(now))
    age = max(0, int(now) - told.learned_at)
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Lapstream-Position": told.position,
        "Lapstream-Age-Ms": str(age),
    }
    known = request.headers.get("if-none-match", "")
    if etag in (one.strip() for one in known.split(",")):
        return Response(status_code=304, headers=headers)
    content = body()
    if isinstance(content, str):
        return Response(content, headers=headers, media_type="text/csv; charset=utf-8")
    return JSONResponse(content, headers=headers)


for _name, _table in TABLES.items():
    _has_cars = "car" in _table.members
    router.add_api_route(
        f"/sessions/{{session}}/{_name}",
        _view(_name) if _has_cars else _view_of_all(_name),
        summary=_table.about.split(".")[0],
        description=_table.about,
        operation_id=f"view_{_name.replace('-', '_')}",
        response_model=None,
        responses={
            200: examples.of_view(_table),
            **responses(304, 401, 403, 404, 422, 503),
        },
    )
