"""Server-sent events end with the subscriber's token, also for a reader that reads nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.gateway.connections import KEY, Connection, ConnectionLimit
from services.gateway.routes import streams
from services.gateway.routes.streams import EventStream
from services.gateway.stored_tokens import StoredTokens
from services.roles import Grant, Role


class _Transport:
    aborted = False

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


async def _events(closed: list[str]) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            yield b"data: {}\n\n"
    finally:
        closed.append("closed")


async def _never() -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize("reads_the_end", [False, True])
async def test_a_revoked_token_ends_it(
    reads_the_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waits in ``send``: the stream is closed, its connection aborted if need be."""
    monkeypatch.setattr(streams, "END_SECONDS", 0.01)
    tokens: Any = object.__new__(StoredTokens)
    tokens._watched, tokens._tokens = {}, type("None_", (), {"grants": ()})
    grant = Grant("guest", Role.VIEWER, token_id="abc")  # noqa: S106 (an id, not the secret)
    transport: Any = _Transport()
    waiting, closed, sent = asyncio.Event(), list[str](), list[dict[str, Any]]()

    async def send(message: Any) -> None:
        if message.get("body") or (message["type"].endswith("body") and not reads_the_end):
            waiting.set()
            await _never()
        sent.append(message)

    response = EventStream(
        _events(closed), contextlib.nullcontext, lambda: tokens.while_valid(grant)
    )
    connection = Connection(ConnectionLimit(), transport)
    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "extensions": {KEY: connection}}
    serving = asyncio.create_task(response(scope, _never, send))
    await waiting.wait()
    tokens._end_revoked()
    async with asyncio.timeout(5):
        await serving
    assert closed == ["closed"]
    assert transport.aborted is not reads_the_end
    assert sent[-1].get("more_body", True) is not reads_the_end
