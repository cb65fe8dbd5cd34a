"""Request bodies are JSON, whatever their ``Content-Type``.

``curl -d`` labels every body as a form, and the header is easily forgotten. This is safe: a form on
a foreign page, which a browser sends without asking (CORS "simple requests"), carries no bearer
token, and the gateway knows no cookies.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = frozenset({"POST", "PUT", "PATCH"})
JSON = (b"content-type", b"application/json")


class JsonBodyMiddleware:
    """ASGI middleware that labels bodies as JSON. Routes that read the raw body are unaffected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["method"] in METHODS:
            others = [header for header in scope["headers"] if header[0] != b"content-type"]
            scope = {**scope, "headers": [*others, JSON]}
        await self._app(scope, receive, send)
