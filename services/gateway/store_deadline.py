"""An end to waiting for a store that hangs.

Requests wait for the store as long as it may take, such as for a long import. But once the store
is known to be silent (``services.storage.monitor``), those that have not been answered are refused.
"""

from __future__ import annotations

import asyncio

from starlette._utils import get_route_path
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.gateway.errors import RequestRefused
from services.storage.client import Store
from services.storage.monitor import StoreMonitor

GRACE_SECONDS = 0.5
"""How long a request may take that arrives while the store hangs: some answers need no store."""

READINESS = "/readyz"
"""The path that has a time limit of its own."""

BEGINNINGS = frozenset({"http.response.start", "websocket.accept"})


class Availability:
    """The monitor of an application's store, and the requests that wait for an answer."""

    def __init__(self, store: Store) -> None:
        self.monitor = StoreMonitor(store, self._refuse)
        self._waiting: set[asyncio.Timeout] = set()
        self._running = asyncio.create_task(self.monitor.run())

    async def close(self) -> None:
        """Stop the monitor."""
        self._running.cancel()
        await asyncio.wait([self._running])
        await self.monitor.close()

    def begin(self, deadline: asyncio.Timeout) -> None:
        """Add a request that waits."""
        self._waiting.add(deadline)
        if self.monitor.is_hung:
            deadline.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)

    def end(self, deadline: asyncio.Timeout) -> None:
        """Remove a request that is answered."""
        self._waiting.discard(deadline)

    def _refuse(self) -> None:
        now = asyncio.get_running_loop().time()
        for deadline in self._waiting:
            if deadline.when() is None:
                deadline.reschedule(now)


class StoreDeadlineMiddleware:
    """ASGI middleware that refuses requests (503) which wait for a store that hangs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with an end to its waiting."""
        availability: Availability | None = None
        if scope["type"] in ("http", "websocket") and get_route_path(scope) != READINESS:
            availability = getattr(scope["app"].state, "availability", None)
        if availability is None:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(None) as deadline:

                async def send_noted(message: Message) -> None:
                    if message["type"] in BEGINNINGS:
                        availability.end(deadline)
                        if deadline.expired():
                            await asyncio.sleep(0)  # cancelled here, before anything is sent
                        deadline.reschedule(None)
                    await send(message)

                availability.begin(deadline)
                try:
                    await self._app(scope, receive, send_noted)
                finally:
                    availability.end(deadline)
        except TimeoutError:
            if not deadline.expired():
                raise
            await _respond(_refusal(), scope, receive, send)


def _refusal() -> RequestRefused:
    detail = "the store does not answer; what was sent may be recorded: send it again as it was"
    return RequestRefused(503, detail, headers={"Retry-After": "2"})


async def _respond(refused: RequestRefused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(refused.response())
    else:
        await refused.response()(scope, receive, send)


def availability_of(connection: HTTPConnection) -> Availability:
    """The availability of the application's store."""
    found: Availability = connection.app.state.availability
    return found
