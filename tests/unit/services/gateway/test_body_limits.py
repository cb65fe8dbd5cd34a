"""The limits on bodies, by the path of the route."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.gateway.body_limits import LARGEST_BODY, BodyLimitMiddleware
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings

SECRET, LINE = new_token("desk", Role.CONTROL)
SETTINGS = GatewaySettings(tokens=Tokens([LINE]))


@pytest.mark.parametrize(
    ("root", "path", "status"),
    [
        ("", "/archives", 200),
        ("/timing", "/timing/archives", 200),
        ("", "/timing/archives", 413),
        ("/timing", "/timing/events", 413),
    ],
)
async def test_a_larger_limit(root: str, path: str, status: int) -> None:
    """It is that of the route, also behind the prefix of a proxy (``root_path``)."""
    found: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(200)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "root_path": root,
        "query_string": b"",
        "headers": [
            (b"content-length", b"%d" % (LARGEST_BODY + 1)),
            (b"authorization", b"Bearer " + SECRET.encode()),
        ],
        "app": SimpleNamespace(state=SimpleNamespace()),
    }
    middleware = BodyLimitMiddleware(app, settings=SETTINGS, larger={"/archives": 2 * LARGEST_BODY})
    await middleware(scope, receive, send)
    assert found == [status]
