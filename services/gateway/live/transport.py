"""Subscriptions over WebSocket and server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from services.clocks import now_ms
from services.gateway.live.channel import SubscriptionMessage
from services.gateway.live.session_tail import SessionTail
from services.gateway.live.subscription import Subscription, SubscriptionOptions
from services.gateway.live.websocket_transport import EXTENSION, DirectConnection

SERVICE_RESTART = 1012
"""Close code (IANA registry of RFC 6455) on which a client reconnects."""

NOT_FOUND = 4404
"""Close code (4000 to 4999 are for applications) on which a client does not reconnect: the request
would be answered with 404."""

MAX_REASON = 120
"""A close frame has room for a reason of 123 bytes (RFC 6455, 5.5)."""


class Publisher(Protocol):
    """What a subscription reads: the tail of a session, or the channel of an output."""

    sent: int
    ended: bool
    removal_reason: str | None

    def listening(self, callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``callback`` at each new snapshot, inside the ``with`` block."""


async def messages(
    publisher: Publisher, subscription: Subscription
) -> AsyncIterator[SubscriptionMessage]:
    """The messages of a subscription, each when it is due.

    There is no queue: what arrives while a message is being sent is part of the next one.
    """
    wake = asyncio.Event()
    with publisher.listening(wake.set):
        while not publisher.ended:
            message = subscription.next(now_ms())
            if message is not None:
                publisher.sent += 1
                yield message
            else:
                await _sleep(wake, subscription)


async def _sleep(wake: asyncio.Event, subscription: Subscription) -> None:
    """Sleep until a snapshot arrives, or the subscription has something due."""
    wake.clear()
    now = now_ms()
    seconds = max(0.0, subscription.idle_until(now) - now) / 1000
    timer = asyncio.get_running_loop().call_later(seconds, wake.set)
    try:
        await wake.wait()
    finally:
        timer.cancel()


async def serve_websocket(
    websocket: WebSocket, publisher: Publisher, subscription: Subscription
) -> None:
    """Serve a subscriber over an accepted connection until it leaves or the publisher ends."""
    direct = _direct(websocket.scope)
    if direct is not None:
        sending = asyncio.create_task(_write(direct, publisher, subscription))
    else:
        sending = asyncio.create_task(_send(websocket, publisher, subscription))
    leaving = asyncio.create_task(_disconnected(websocket))
    tasks = {sending, leaving}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error  # a fault of ours; a client that left is not an error
    if publisher.ended:
        code = SERVICE_RESTART if publisher.removal_reason is None else NOT_FOUND
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has left by itself
            await websocket.close(code, (publisher.removal_reason or "")[:MAX_REASON])


def _direct(scope: Mapping[str, Any]) -> DirectConnection | None:
    direct: DirectConnection | None = scope.get("extensions", {}).get(EXTENSION)
    return direct if direct is not None and direct.takes_frames() else None


async def _disconnected(websocket: WebSocket) -> None:
    """Wait until the client leaves; its messages are ignored."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _send(websocket: WebSocket, publisher: Publisher, subscription: Subscription) -> None:
    """Send through ASGI, which waits for a slow client."""
    async for message in messages(publisher, subscription):
        try:
            await websocket.send_text(message.body.decode())
        except WebSocketDisconnect:
            return


async def _write(
    direct: DirectConnection, publisher: Publisher, subscription: Subscription
) -> None:
    """Write to the transport."""
    wake = asyncio.Event()
    channel = subscription.channel

    def write_at_once() -> None:
        # Called where the frame arrives: no task has to be woken for each of many subscribers.
        message = subscription.next(now_ms()) if direct.ready() else None
        if message is not None:
            publisher.sent += 1
            direct.write(channel.websocket_frame(message))
        if message is None or subscription.follows_forecasts:
            wake.set()

    with publisher.listening(write_at_once):
        while not publisher.ended:
            await direct.until_writable()
            message = subscription.next(now_ms())
            if message is not None:
                publisher.sent += 1
                direct.write(channel.websocket_frame(message))
            else:
                await _sleep(wake, subscription)


async def sse_body(publisher: Publisher, subscription: Subscription) -> AsyncGenerator[bytes, None]:
    """The body of an event stream."""
    async for message in messages(publisher, subscription):
        yield message.as_sse()


def subscribe(tail: SessionTail, options: SubscriptionOptions) -> Subscription:
    """A subscription to a session."""
    channel = tail.channel(options.filter, options.delay_ms)
    return Subscription(tail.buffer, channel, options, now_ms())
