"""The routes that subscribe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, WebSocket
from fastapi.responses import StreamingResponse

from events.errors import LapstreamError
from projections.race import Race
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from projections.views.merge_patch import State
from projections.views.session_line import clock_running
from services.gateway.auth import authorize, requires
from services.gateway.errors import RequestRefused, as_refusal, responses
from services.gateway.live.entry_names import resolve_filter
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.query import SubscriptionQuery, parse_query, valid_event_id
from services.gateway.live.session_tail import SessionTail, now_ms
from services.gateway.live.subscription import Subscription, SubscriptionOptions
from services.gateway.live.transport import serve_websocket, sse_body, subscribe
from services.gateway.state import Gateway, TheGateway, gateway_of
from services.gateway.views.view_query import FIRST_PICTURE_SECONDS
from services.roles import Role

router = APIRouter(tags=["subscriptions"])

BEGIN_SECONDS = 30.0
"""How long a delayed subscription waits for the rest of what was told, to begin with."""

EVENT_STREAM = {
    "description": "`snapshot`, `delta` (RFC 7396) and `heartbeat` events; the id of each is "
    "its token. See /asyncapi.json.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get(
    "/sessions/{session}/stream",
    summary="Subscribe by server-sent events",
    dependencies=[Depends(requires(Role.VIEWER))],
    response_class=StreamingResponse,
    responses={200: EVENT_STREAM, **responses(401, 403, 404, 422, 503)},
)
async def stream(
    gateway: TheGateway,
    session: str,
    query: Annotated[SubscriptionQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """A snapshot, then what changes. `Last-Event-ID` goes on from that message."""
    options = query.options(valid_event_id(last_event_id))
    tail = await gateway.tail(session)
    subscription = await begun(gateway, tail, options)
    gateway.check_capacity()

    async def body() -> AsyncIterator[bytes]:
        with gateway.subscriber("sse"):
            async for message in sse_body(tail, subscription):
                yield message

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body(), headers=headers, media_type="text/event-stream")


@router.websocket("/sessions/{session}/live")
async def live(websocket: WebSocket, session: str) -> None:
    """Subscribe by WebSocket: a snapshot, then what changes."""
    gateway = gateway_of(websocket)
    try:
        authorize(websocket, Role.VIEWER, gateway.settings)
        options = parse_query(websocket, SubscriptionQuery).options()
        tail = await gateway.tail(session)
        gateway.check_capacity()
        with gateway.subscriber("websocket"):
            subscription = await begun(gateway, tail, options)
            await websocket.accept()
            await serve_websocket(websocket, tail, subscription)
    except RequestRefused as error:
        await websocket.send_denial_response(error.response())
    except LapstreamError as error:
        await websocket.send_denial_response(as_refusal(error).response())


async def begun(gateway: Gateway, tail: SessionTail, options: SubscriptionOptions) -> Subscription:
    """A subscription; a delayed one has the picture to begin with.

    Where this process has not seen what is to be shown, it is folded from the log: a
    delayed picture must neither be ahead of its delay nor wait for it after a restart.
    A replay has no log: its first picture waits for the delay. Raises UnknownClass and
    UnknownCar.
    """
    wanted = await resolve_filter(gateway, tail.session, options.filter)
    subscription = subscribe(tail, replace(options, filter=wanted))
    delay = subscription.options.delay_ms
    if not delay or await gateway.is_replay(tail.session):
        return subscription
    newest = await tail.snapshot(FIRST_PICTURE_SECONDS)
    if tail.buffer.behind and tail.buffer.newest is not None:  # the rest is on its way
        newest = await tail.snapshot(BEGIN_SECONDS)
    if newest is not None and tail.buffer.at(now_ms() - delay) is None:
        subscription.start_from(await picture_before(gateway, tail.session, newest, delay))
    return subscription


async def picture_before(
    gateway: Gateway, session: str, newest: Snapshot, delay_ms: int
) -> Snapshot:
    """The picture as it was so long ago, folded from the log. Raises what folding raises."""
    folded = await gateway.races.ask(
        session,
        _pictured,
        upto=str(int(now_ms() - delay_ms)),
        kept_as=f"delayed by {delay_ms}",
    )
    state, clock_at, running = folded.answer
    token = Token(newest.token.epoch, folded.position)
    return Snapshot(0, token, folded.learned, clock_at, running, state)


def _pictured(race: Race) -> tuple[State, int, bool]:
    return frame_state(race), race.at, clock_running(race)
