"""Subscriptions over the wire: WebSocket and server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from services.gateway.live.frame_buffer import SubscriptionMessage
from services.gateway.live.session_tail import SessionTail, now_ms
from services.gateway.live.subscription import Subscription, SubscriptionOptions
from services.gateway.live.websocket_transport import EXTENSION, Direct

SERVICE_RESTART = 1012
"""The close code (RFC 6455's registry) that tells a client to come again."""

GONE = 4404
"""The close code, of those for programs' own use, that tells a client that there is nothing to
come again for: asked over HTTP it would be a 404."""

LONGEST_REASON = 120
"""Of the bytes of a close frame's reason, 123 are allowed."""


class Source(Protocol):
    """Where messages come from: the tail of a session, or an output on air."""

    sent: int
    ended: bool
    gone: str | None

    def listening(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``wake`` called at each new snapshot."""


async def messages(
    source: Source, subscription: Subscription
) -> AsyncIterator[SubscriptionMessage]:
    """What the subscriber is to be sent, each when it is due.

    Nothing is queued: what came while a message was under way is in the next one.
    """
    wake = asyncio.Event()
    with source.listening(wake.set):
        while not source.ended:
            message = subscription.next(now_ms())
            if message is not None:
                source.sent += 1
                yield message
            else:
                await _sleep(wake, subscription)


async def _sleep(wake: asyncio.Event, subscription: Subscription) -> None:
    """Until something new is there, or the subscription wants to be asked again."""
    wake.clear()
    now = now_ms()
    seconds = max(0.0, subscription.idle_until(now) - now) / 1000
    timer = asyncio.get_running_loop().call_later(seconds, wake.set)
    try:
        await wake.wait()
    finally:
        timer.cancel()


async def over_websocket(websocket: WebSocket, source: Source, subscription: Subscription) -> None:
    """Serve a subscriber whose connection was accepted, until it goes."""
    direct = _direct(websocket.scope)
    if direct is not None:
        sending = asyncio.create_task(_write(direct, source, subscription))
    else:
        sending = asyncio.create_task(_send(websocket, source, subscription))
    leaving = asyncio.create_task(_left(websocket))
    tasks = {sending, leaving}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    if source.ended:
        code = SERVICE_RESTART if source.gone is None else GONE
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has gone already
            await websocket.close(code, (source.gone or "")[:LONGEST_REASON])


def _direct(scope: Mapping[str, Any]) -> Direct | None:
    direct: Direct | None = scope.get("extensions", {}).get(EXTENSION)
    return direct if direct is not None and direct.takes_frames() else None


async def _left(websocket: WebSocket) -> None:
    """Wait until the client goes; what it says is not for us."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _send(websocket: WebSocket, source: Source, subscription: Subscription) -> None:
    """Send through ASGI, which waits for a slow client."""
    async for message in messages(source, subscription):
        try:
            await websocket.send_text(message.body.decode())
        except WebSocketDisconnect:
            return


async def _write(direct: Direct, source: Source, subscription: Subscription) -> None:
    """Write to the transport: at once what is new, where the client takes it."""
    wake = asyncio.Event()
    channel = subscription.channel

    def news() -> None:
        message = subscription.next(now_ms()) if direct.ready() else None
        if message is not None:
            source.sent += 1
            direct.write(channel.framed(message))
        else:
            wake.set()

    with source.listening(news):
        while not source.ended:
            await direct.until_writable()
            message = subscription.next(now_ms())
            if message is not None:
                source.sent += 1
                direct.write(channel.framed(message))
            else:
                await _sleep(wake, subscription)


async def over_sse(source: Source, subscription: Subscription) -> AsyncIterator[bytes]:
    """The body of an event stream."""
    async for message in messages(source, subscription):
        yield message.as_sse()


def subscribe(tail: SessionTail, options: SubscriptionOptions) -> Subscription:
    """A subscription to what a tail reads."""
    tail.buffer.retain_ms = max(tail.buffer.retain_ms, options.delay_ms)
    channel = tail.channel(options.filter, options.delay_ms)
    return Subscription(tail.buffer, channel, options, now_ms())
