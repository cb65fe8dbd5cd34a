"""What a client without a token cannot do: fill memory, hold connections, keep others out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from services import serving as serving_module
from services.gateway import body_limits, http_protocol
from services.gateway.body_limits import LARGEST_BODY
from services.gateway.connections import ConnectionLimit
from services.gateway.http_protocol import LARGEST_HEAD
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from tests.server.gateways import serving

SECRET, LINE = new_token("control", Role.CONTROL)
SETTINGS = GatewaySettings(tokens=Tokens([LINE]))
WITH_TOKEN = f"Authorization: Bearer {SECRET}\r\n"
PATIENCE = 60.0
BODIES = (
    ("POST", "/sessions/x/events"),
    ("POST", "/archives"),
    ("POST", "/sessions/x/decisions"),
    ("POST", "/replays"),
    ("PUT", "/outputs/x"),
    ("POST", "/replays/x/seek"),
    ("GET", "/sessions"),
    ("GET", "/seasons"),
    ("POST", "/nowhere"),
)


@pytest.fixture
async def port(store: Store) -> AsyncIterator[int]:
    """The port of a gateway that knows one token."""
    async with serving(store, SETTINGS) as url:
        yield int(url.rpartition(":")[2])


async def answer(port: int, *sent: bytes) -> tuple[int, str]:
    """The status and the body of the answer to what is sent."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in sent:
                writer.write(piece)
                await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            (length,) = re.findall(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
            return int(head.split()[1]), (await reader.readexactly(int(length))).decode()
        finally:
            writer.close()


def head(method: str, path: str, *headers: str) -> bytes:
    lines = "".join(headers)
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


async def test_a_strangers_body_is_not_read(port: int) -> None:
    """The answer comes before the body."""
    for method, path in BODIES:
        for announced in ("Content-Length: 300000000\r\n", "Transfer-Encoding: chunked\r\n"):
            status, body = await answer(port, head(method, path, announced))
            assert (status, json.loads(body)["detail"]) == (401, "a token is needed")


async def test_a_body_is_bounded(port: int) -> None:
    """With a token, too: by what it announces, or else by what comes."""
    announced = f"Content-Length: {LARGEST_BODY + 1}\r\n"
    for method, path in BODIES:
        if path != "/archives":
            status, body = await answer(port, head(method, path, WITH_TOKEN, announced))
            detail = "the body is larger than 1048576 bytes: send less at once"
            assert (status, json.loads(body)["detail"]) == (413, detail)
    piece = b"%x\r\n%b\r\n" % (LARGEST_BODY // 2, b" " * (LARGEST_BODY // 2))
    chunked = head("POST", "/replays", WITH_TOKEN, "Transfer-Encoding: chunked\r\n")
    status, _ = await answer(port, chunked, piece, piece, b"1\r\n \r\n")
    assert status == 413


async def test_a_body_keeps_arriving(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that stops on its way is given up."""
    monkeypatch.setattr(body_limits, "BODY_SECONDS", 0.2)
    status, _ = await answer(
        port, head("POST", "/replays", WITH_TOKEN, "Content-Length: 100\r\n"), b"{"
    )
    assert status == 408


async def test_a_head_is_bounded(port: int) -> None:
    """Endless headers are refused, and an endless address."""
    for sent in (b"GET /sessions HTTP/1.1\r\nX: ", b"GET /"):
        status, _ = await answer(port, sent, *[b"a" * LARGEST_HEAD] * 8)
        assert status == 431


@pytest.mark.parametrize("sent", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
async def test_a_head_keeps_arriving(
    port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """A connection without a whole head is closed."""
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.1)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        finally:
            writer.close()


async def test_a_crowd_keeps_nobody_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent connections and subscriptions of strangers leave room for race control."""
    monkeypatch.setattr(serving_module, "connection_limit", lambda: ConnectionLimit(8, 4))
    async with serving(store, SETTINGS) as url:
        port = int(url.rpartition(":")[2])
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        stream = head("GET", "/sessions/petit-le-mans-2007/stream")
        for _, writer in crowd[12:]:
            writer.write(stream)
        try:
            status, _ = await answer(port, head("GET", "/sessions", WITH_TOKEN))
            assert status == 200
            first = [await asyncio.wait_for(one.readline(), PATIENCE) for one, _ in crowd[12:]]
            assert first.count(b"HTTP/1.1 200 OK\r\n") <= 4
        finally:
            for _, writer in crowd:
                writer.close()
