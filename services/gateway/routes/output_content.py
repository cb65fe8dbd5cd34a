"""What outputs show: rows for programs that poll, and subscriptions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from fastapi.responses import StreamingResponse

from events.errors import LapstreamError
from replay.csv_text import csv_text
from services.clocks import now_ms
from services.gateway.auth import authorize, check_scope
from services.gateway.errors import RequestRefused, as_refusal, responses
from services.gateway.live.query import OutputQuery, parse_query, valid_event_id
from services.gateway.live.subscription import Subscription
from services.gateway.outputs.flat_output import output_rows, rows_etag
from services.gateway.routes.output_models import (
    OutputName,
    TheOutputs,
    Viewer,
    live_output,
    live_outputs,
    output_content,
)
from services.gateway.routes.streams import EVENT_STREAM, event_stream, serve_while_valid
from services.gateway.state import TheGateway, gateway_of
from services.gateway.views.http_cache import conditional_response, data_headers
from services.gateway.views.responses import Format
from services.roles import Role

router = APIRouter(tags=["outputs"])

ROWS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Flat rows of text with stable keys: those of the view, and `session_...` "
        "in each. As many as the settings say, those beyond the field empty.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "example": [
                    {
                        "position": "1",
                        "car": "7",
                        "class": "LMP2",
                        "laps": "372",
                        "session_clock": "8:45:00",
                        "session_age_ms": "120",
                        "session_stale": "false",
                    }
                ],
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "position,car,class,laps,session_clock\n1,7,LMP2,372,8:45:00\n",
            },
        },
    },
    **responses(304, 401, 403, 404, 422, 429, 503),
}


@router.get(
    "/outputs/{name}/rows",
    summary="Get the rows of an output",
    dependencies=[Viewer],
    responses=ROWS_RESPONSES,
    response_model=None,
)
async def rows(
    request: Request,
    outputs: TheOutputs,
    name: OutputName,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """Rows for a program that polls, such as vMix. They are never blanked: if the source is gone,
    the last good rows stay and say how old they are."""
    content = await output_content(outputs, name)
    if content is None:
        detail = f"output {name!r} has not shown anything yet"
        raise RequestRefused(503, detail, headers={"Retry-After": "1"})
    keys, lines = output_rows(content)
    return conditional_response(
        request,
        rows_etag(lines, form),
        lambda: csv_text(keys, (line.values() for line in lines)) if form == "csv" else lines,
        data_headers(content.snapshot.token.position, content.age_ms),
    )


@router.get(
    "/outputs/{name}/stream",
    summary="Subscribe to an output by server-sent events",
    dependencies=[Viewer],
    response_class=StreamingResponse,
    responses={200: EVENT_STREAM, **responses(401, 403, 404, 422, 429, 503)},
)
async def stream(
    request: Request,
    gateway: TheGateway,
    outputs: TheOutputs,
    name: OutputName,
    query: Annotated[OutputQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """The output's view and the session line: a snapshot, then deltas. A freeze and a release each
    begin an epoch, with a reason. A WebSocket at this address receives the same messages."""
    options = query.options(valid_event_id(last_event_id))
    live = await live_output(outputs, name)
    gateway.check_capacity()
    subscription = Subscription(live.buffer, live.messages, options, now_ms())
    return event_stream(request, gateway, live, subscription)


@router.websocket("/outputs/{name}/stream")
async def live(websocket: WebSocket, name: OutputName) -> None:
    """Subscribe by WebSocket: a snapshot, then deltas."""
    gateway = gateway_of(websocket)
    try:
        grant = authorize(websocket, Role.VIEWER, gateway.settings)
        await check_scope(websocket, grant, Role.VIEWER)
        options = parse_query(websocket, OutputQuery).options()
        live = await live_output(live_outputs(websocket), name)
        gateway.check_capacity()
    except RequestRefused as error:
        await websocket.send_denial_response(error.response())
        return
    except LapstreamError as error:
        await websocket.send_denial_response(as_refusal(error).response())
        return
    with gateway.subscriber("websocket"):
        # After this no refusal can be sent, only a close code.
        await websocket.accept()
        subscription = Subscription(live.buffer, live.messages, options, now_ms())
        await serve_while_valid(websocket, grant, live, subscription)
