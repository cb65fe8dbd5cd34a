"""The list of sessions, and the views of a session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.clocks import now_ms
from services.gateway.auth import requires
from services.gateway.errors import responses
from services.gateway.live.query import DelayMs, split_names
from services.gateway.routes import examples
from services.gateway.routes.parameters import At, CarClass, Cars, KnownAt, RowCount, RowFormat
from services.gateway.routes.view_models import SessionLine
from services.gateway.state import TheGateway
from services.gateway.views.responses import result_response, view_response
from services.gateway.views.view_query import TABLES, ViewQuery, query_view
from services.queries.listings import session_rows
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])


class SessionListing(BaseModel):
    """A session in the store."""

    session: str
    title: str | None
    kind: str | None
    entries: int
    first_learned_at: str | None
    last_learned_at: str | None
    fault: str | None = Field(description="Why the session is stopped or waits, if it does.")


@router.get("/sessions", summary="List the sessions", responses=responses(401, 403, 429, 503))
async def sessions(gateway: TheGateway) -> list[SessionListing]:
    """List the sessions of the store by name."""
    rows = await session_rows(gateway.log)
    return [SessionListing(**row) for row in rows if row["entries"] or not row["built_in"]]


@router.get(
    "/sessions/{session}",
    summary="Get the session line",
    responses=responses(304, 401, 403, 404, 422, 429, 503),
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
    """Clock, time and laps to go, flag, leader, and the age of the data."""
    query = ViewQuery(at, known_at, delay_ms=delay_ms)
    result = await query_view(gateway, session, "standings", query)
    now = now_ms() - delay_ms
    return result_response(request, result, now, ("session",), lambda: result.session(now))


def _view(name: str) -> Callable[..., Awaitable[Response]]:
    async def view(
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        car_class: CarClass = None,
        car: Cars = None,
        form: RowFormat = "json",
        rows: RowCount = None,
        delay_ms: DelayMs = 0,
    ) -> Response:
        cars = tuple(sorted(split_names(car or ())))
        query = ViewQuery(at, known_at, car_class, cars, delay_ms)
        result = await query_view(gateway, session, name, query)
        return view_response(request, result, now_ms() - delay_ms, form, rows, car_class, cars)

    return view


def _view_without_cars(name: str) -> Callable[..., Awaitable[Response]]:
    """A view with rows of no car: the parameters ``class`` and ``car`` are not offered."""
    inner = _view(name)

    async def view(
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        form: RowFormat = "json",
        rows: RowCount = None,
        delay_ms: DelayMs = 0,
    ) -> Response:
        return await inner(
            request, gateway, session, at, known_at, form=form, rows=rows, delay_ms=delay_ms
        )

    return view


for _name, _table in TABLES.items():
    _has_cars = "car" in _table.members
    router.add_api_route(
        f"/sessions/{{session}}/{_name}",
        _view(_name) if _has_cars else _view_without_cars(_name),
        summary=_table.about.split(".")[0],
        description=_table.about,
        operation_id=f"view_{_name.replace('-', '_')}",
        **examples.of_view(_table),
    )
