"""What `services.gateway.live.websocket_transport` relies on inside uvicorn and websockets.

Both are pinned in ``pyproject.toml``. When an upgrade fails here, read that module first: it writes
frames to the transport past the protocol, and reads the protocol's state before it does.
"""

from __future__ import annotations

import asyncio
import inspect
from importlib.metadata import version
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.uri import parse_uri

from projections.views.frame import Token
from services.gateway.live.channel import SubscriptionMessage
from services.gateway.live.websocket_transport import EXTENSION, DirectConnection, DirectProtocol

VERSIONS = f"uvicorn {version('uvicorn')}, websockets {version('websockets')}"
CHANGED = f"{VERSIONS}: live/websocket_transport.py relies on this: "

HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


class Transport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Do nothing."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """None of any kind."""
        return default


class Connection:
    """A protocol with an application that accepts, and then waits."""

    def __init__(self, *, deflate: bool = False) -> None:
        self.scope: dict[str, Any] = {}
        self.transport = Transport()
        self.over = asyncio.Event()
        config = uvicorn.Config(
            self.app, interface="asgi3", ws_per_message_deflate=deflate, log_config=None
        )
        config.load()
        self.protocol = DirectProtocol(config, ServerState(), {})
        self.protocol.connection_made(self.transport)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Accept."""
        self.scope.update(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await self.over.wait()

    async def opened(self, extensions: bytes = b"") -> DirectConnection:
        """Do the handshake; gives what the application found in its scope."""
        self.protocol.data_received(HANDSHAKE + extensions + b"\r\n")
        for _ in range(10):
            await asyncio.sleep(0)
        direct = self.scope.get("extensions", {}).get(EXTENSION)
        assert isinstance(direct, DirectConnection), (
            CHANGED + "`handle_connect` sets `scope` before the application runs, and the "
            "application is given that very scope"
        )
        return direct


def test_handshake_hook() -> None:
    """uvicorn calls `handle_connect` with the handshake, and `send` with messages."""
    parameters = list(inspect.signature(WebSocketsSansIOProtocol.handle_connect).parameters)
    assert parameters == ["self", "event"], CHANGED + "`handle_connect(event)`"
    hints = WebSocketsSansIOProtocol.handle_connect.__annotations__
    assert hints["event"] in (Request, "Request"), CHANGED + "the event is a websockets Request"
    assert inspect.iscoroutinefunction(WebSocketsSansIOProtocol.send), CHANGED + "`async send`"


async def test_attributes() -> None:
    """The protocol says whether its client takes more, and whether it is gone."""
    connection = Connection()
    await connection.opened()
    protocol = connection.protocol
    assert isinstance(protocol.writable, asyncio.Event), CHANGED + "`writable` is an Event"
    for name in ("disconnected", "close_sent"):
        assert getattr(protocol, name) is False, CHANGED + f"`{name}` is False while it is open"
    assert protocol.handshake_complete is True, CHANGED + "`handshake_complete` once accepted"
    assert protocol.transport is connection.transport, CHANGED + "`transport`"
    connection.over.set()


async def test_frames_are_written_as_they_are() -> None:
    """A shared frame reaches a client that knows nothing of this as one text message."""
    connection = Connection()
    direct = await connection.opened()
    assert direct.takes_frames(), CHANGED + "`conn.extensions` is empty without compression"
    for size in (20, 200, 70_000):  # the three forms of a frame's length
        body = b"x" * size
        written = len(connection.transport.written)
        direct.write(SubscriptionMessage("delta", Token(1, "1-0"), body).as_websocket())
        client = ClientProtocol(parse_uri("ws://gateway/live"), state=State.OPEN)
        client.receive_data(connection.transport.written[written:])
        (event,) = client.events_received()
        assert isinstance(event, Frame)
        assert (event.opcode, event.fin, event.data) == (Opcode.TEXT, True, body)
    connection.over.set()


async def test_compression_is_seen() -> None:
    """Frames of a client that negotiated compression cannot be shared."""
    connection = Connection(deflate=True)
    direct = await connection.opened(DEFLATE)
    assert not direct.takes_frames(), CHANGED + "`conn.extensions` has what was negotiated"
    connection.over.set()


async def test_flow_control_and_end() -> None:
    """A client that reads slowly is waited for; one that left wakes who waits, and gets nothing."""
    connection = Connection()
    direct = await connection.opened()
    protocol = connection.protocol
    protocol.pause_writing()
    assert not direct.ready(), CHANGED + "`pause_writing` clears `writable`"
    protocol.resume_writing()
    assert direct.ready(), CHANGED + "`resume_writing` sets `writable`"
    protocol.pause_writing()
    waiting = asyncio.create_task(direct.until_writable())
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    async with asyncio.timeout(1):
        await waiting  # else a task would wait for ever for each client that was lost while paused
    before = connection.transport.written
    direct.write(b"too late")
    assert connection.transport.written == before, CHANGED + "`disconnected` after the connection"
    connection.over.set()


async def test_denial_responses(caplog: pytest.LogCaptureFixture) -> None:
    """A refused handshake is an HTTP answer, after which uvicorn has nothing to complain of."""

    async def deny(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    connection = Connection()
    connection.protocol.app = deny
    connection.protocol.data_received(HANDSHAKE + b"\r\n")
    for _ in range(10):
        await asyncio.sleep(0)
    assert connection.transport.written.startswith(b"HTTP/1.1 404"), CHANGED + "denial responses"
    assert not caplog.records, CHANGED + f"`handshake_complete`: {caplog.messages}"
