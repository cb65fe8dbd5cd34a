"""Limits on the bodies of requests, enforced before a byte of them is kept.

The framework reads a whole body before it looks at the request's token. So a request with a body
must have a token that the gateway knows (401), of whatever role: no body is for strangers. It may
be so large (413), and must keep arriving (408). The rest of a refused body is discarded as it
comes: if the connection were reset, the client might not see the answer.
"""

from __future__ import annotations

import asyncio

from fastapi import HTTPException
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.auth import authorize
from services.gateway.errors import RequestRefused
from services.roles import Role
from services.settings import GatewaySettings

LARGEST_BODY = 1 << 20
"""Bytes of a body, other than an archive's."""

BODY_SECONDS = 30.0
"""How long the next piece of a body may take."""


class BodyLimitMiddleware:
    """ASGI middleware that refuses bodies of strangers, and those that are too large or slow.

    ``larger`` has the limits of the paths that take more than ``LARGEST_BODY`` bytes.
    """

    def __init__(self, app: ASGIApp, settings: GatewaySettings, larger: dict[str, int]) -> None:
        self._app = app
        self._settings = settings
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length")
        if announced in (None, "0") and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(get_route_path(scope), LARGEST_BODY)
        try:
            self._check(scope, int(announced or 0), limit)
        except RequestRefused as refused:
            await refused.response()(scope, receive, send)
            return
        await self._app(scope, _Body(receive, limit).receive, send)

    def _check(self, scope: Scope, announced: int, limit: int) -> None:
        authorize(HTTPConnection(scope), Role.VIEWER, self._settings, anonymous=False)
        if announced > limit:
            raise RequestRefused(413, _too_large(limit))


class _Body:
    """The body of one request as it arrives."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next piece. Raises HTTPException, which FastAPI passes on while it reads a body."""
        if self._complete:  # what may follow is the client's leaving
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await self._receive()
        except TimeoutError:
            detail = f"nothing of the body came for {BODY_SECONDS:.0f} seconds"
            raise HTTPException(408, detail) from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self._limit:
            raise HTTPException(413, _too_large(self._limit))
        return message


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes: send less at once"
