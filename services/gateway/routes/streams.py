"""Subscriptions to sessions and replays, over server-sent events and WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from events.errors import LapstreamError
from services.clocks import now_ms
from services.gateway.auth import authorize, check_scope, requires
from services.gateway.connections import connection_of
from services.gateway.errors import RequestRefused, as_refusal, responses
from services.gateway.live.entry_names import resolve_filter
from services.gateway.live.query import SubscriptionQuery, parse_query, valid_event_id
from services.gateway.live.session_tail import SessionTail
from services.gateway.live.subscription import Subscription, SubscriptionOptions
from services.gateway.live.transport import Publisher, serve_websocket, sse_body, subscribe
from services.gateway.state import Gateway, TheGateway, gateway_of
from services.gateway.stored_tokens import StoredTokens
from services.gateway.views.delayed_snapshot import delayed_snapshot
from services.gateway.views.view_query import FIRST_SNAPSHOT_SECONDS
from services.roles import Grant, Role

router = APIRouter(tags=["subscriptions"])

POLICY_VIOLATION = 1008
"""Close code (RFC 6455, 7.4.1) of a subscriber whose token was revoked."""

CATCH_UP_SECONDS = 30.0
"""How long a delayed subscription waits for a tail that is catching up."""

END_SECONDS = 1.0
"""How long the end of a stream waits for a slow reader before the connection is aborted."""

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
    responses={200: EVENT_STREAM, **responses(401, 403, 404, 422, 429, 503)},
)
async def stream(
    request: Request,
    gateway: TheGateway,
    session: str,
    query: Annotated[SubscriptionQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """A snapshot, then deltas. `Last-Event-ID` resumes after that message."""
    options = query.options(valid_event_id(last_event_id))
    tail = await gateway.tail(session)
    subscription = await open_subscription(gateway, tail, options)
    gateway.check_capacity()
    return event_stream(request, gateway, tail, subscription)


def event_stream(
    request: Request, gateway: Gateway, publisher: Publisher, subscription: Subscription
) -> StreamingResponse:
    """A subscription as a stream of server-sent events."""
    grant: Grant | None = request.state.grant
    return EventStream(
        sse_body(publisher, subscription),
        lambda: gateway.subscriber("sse"),
        lambda: request.app.state.stored_tokens.while_valid(grant),
    )


class EventStream(StreamingResponse):
    """A stream of server-sent events that ends with the token of its subscriber.

    ``counted`` counts the subscriber; ``while_valid`` is left once its token is revoked, also while
    the server waits for a slow reader.
    """

    def __init__(
        self,
        body: AsyncGenerator[bytes, None],
        counted: Callable[[], AbstractContextManager[None]],
        while_valid: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        # X-Accel-Buffering: nginx would collect the events otherwise.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(body, headers=headers, media_type="text/event-stream")
        self._body = body
        self._counted = counted
        self._while_valid = while_valid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until the client leaves, the publisher ends or the token is revoked."""
        served = False
        try:
            with self._counted():
                async with self._while_valid():
                    await super().__call__(scope, receive, send)
                    served = True
        finally:
            await self._body.aclose()
        if not served:
            await _end(scope, send)


async def _end(scope: Scope, send: Send) -> None:
    """End a response that has begun; the connection is aborted where the client reads nothing."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        connection = connection_of(scope)
        if connection is not None:
            connection.transport.abort()


@router.websocket("/sessions/{session}/live")
async def live(websocket: WebSocket, session: str) -> None:
    """Subscribe by WebSocket: a snapshot, then deltas."""
    gateway = gateway_of(websocket)
    try:
        grant = authorize(websocket, Role.VIEWER, gateway.settings)
        await check_scope(websocket, grant, Role.VIEWER)
        options = parse_query(websocket, SubscriptionQuery).options()
        tail = await gateway.tail(session)
        gateway.check_capacity()
        with gateway.subscriber("websocket"):
            subscription = await open_subscription(gateway, tail, options)
            await websocket.accept()
            await serve_while_valid(websocket, grant, tail, subscription)
    except RequestRefused as error:
        await websocket.send_denial_response(error.response())
    except LapstreamError as error:
        await websocket.send_denial_response(as_refusal(error).response())


async def serve_while_valid(
    websocket: WebSocket, grant: Grant | None, publisher: Publisher, subscription: Subscription
) -> None:
    """Serve a subscriber until it leaves, the publisher ends, or its token is revoked."""
    tokens: StoredTokens = websocket.app.state.stored_tokens
    served = False
    async with tokens.while_valid(grant):
        await serve_websocket(websocket, publisher, subscription)
        served = True
    if not served:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has left by itself
            await websocket.close(POLICY_VIOLATION, "the token is not valid any more")


async def open_subscription(
    gateway: Gateway, tail: SessionTail, options: SubscriptionOptions
) -> Subscription:
    """A subscription to a session or replay.

    If this process has not seen the delayed state, it is folded from the log: a delayed subscriber
    must neither be ahead of its delay nor wait for it after a restart. A replay has no log; there
    the first snapshot waits for the delay. Raises UnknownClass and UnknownCar.
    """
    wanted = await resolve_filter(gateway, tail.session, options.filter)
    gateway.tail_pool.retain(tail, options.delay_ms)
    subscription = subscribe(tail, replace(options, filter=wanted))
    if wanted.of_forecasts:
        subscription.follow(gateway.forecasts.of(tail))
    delay = subscription.options.delay_ms
    if not delay or await gateway.is_replay(tail.session):
        return subscription
    newest = await tail.snapshot(FIRST_SNAPSHOT_SECONDS)
    if tail.buffer.behind and tail.buffer.newest is not None:  # more frames are on their way
        newest = await tail.snapshot(CATCH_UP_SECONDS)
    if newest is not None and tail.buffer.at(now_ms() - delay) is None:
        subscription.start_from(await delayed_snapshot(gateway, tail.session, newest, delay))
    return subscription
