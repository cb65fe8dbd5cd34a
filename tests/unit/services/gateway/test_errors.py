"""Errors over HTTP that no client sees."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from services.gateway import errors


async def test_a_client_that_leaves_while_its_body_is_read() -> None:
    """One line in the log, and no traceback."""
    app, sent = FastAPI(), list[Any]()
    errors.install(app)

    @app.post("/raw")
    async def raw(request: Request) -> None:
        await request.body()

    async def left() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/raw", "headers": [], "query_string": b""}
    with capture_logs() as logs:
        await app(scope, left, send)
    assert [(one["event"], one["path"]) for one in logs] == [
        ("client left while its body was read", "/raw")
    ]
