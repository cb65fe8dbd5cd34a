"""JSON in the body of a request, whatever its sender calls it.

``curl -d`` calls everything a form, and most people who write a line of it forget the header.

It lets nobody in: what a browser sends along by itself, cookies, is nothing to the gateway. A
token stands in the header ``Authorization`` or in the address, so a form on somebody else's page,
which needs no leave to send such a body, cannot write here: it has no token.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

WRITING = frozenset({"POST", "PUT", "PATCH"})
JSON = (b"content-type", b"application/json")


class JsonBodyMiddleware:
    """ASGI middleware: bodies are JSON. What reads its own body, such as an archive, may."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["method"] in WRITING:
            others = [one for one in scope["headers"] if one[0] != b"content-type"]
            scope = {**scope, "headers": [*others, JSON]}
        await self._app(scope, receive, send)
