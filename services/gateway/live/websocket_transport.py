"""A WebSocket protocol for uvicorn that writes frames past ASGI.

A message to a thousand subscribers is one frame. Through ASGI each of them would be a task to wake
and a frame of its own. So this protocol offers its transport to the application as an ASGI
extension, and the frame, encoded once, is written to it. Flow control is asyncio's, as for any
other writer. Under another protocol, and for a client that negotiated compression, the application
sends through ASGI.

It relies on internals of uvicorn and websockets, which ``pyproject.toml`` pins to compatible
versions and ``tests/unit/services/gateway/test_websocket_transport.py`` checks.
"""

from __future__ import annotations

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from services.gateway.connections import KEY, Connection

EXTENSION = "lapstream.direct"
"""The key of the `DirectConnection` among the extensions of an ASGI scope."""


class DirectConnection:
    """Writes frames to the transport of one client."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: DirectProtocol) -> None:
        self._protocol = protocol

    def takes_frames(self) -> bool:
        """Whether shared frames can be sent: no extension, such as compression, changes them."""
        return not self._protocol.conn.extensions

    def ready(self) -> bool:
        """Whether a frame can be written now."""
        protocol = self._protocol
        return protocol.writable.is_set() and not (protocol.disconnected or protocol.close_sent)

    async def until_writable(self) -> None:
        """Wait until the client has read most of what was sent, or has left."""
        await self._protocol.writable.wait()

    def write(self, frame: bytes) -> None:
        """Write a frame; does nothing for a client that has left."""
        protocol = self._protocol
        if not (protocol.disconnected or protocol.close_sent):
            protocol.transport.write(frame)


class DirectProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with a `DirectConnection` for the application."""

    _connection: Connection | None = None

    def handle_connect(self, event: Request) -> None:
        """Answer the handshake. uvicorn starts the application after this."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)  # absent where the handshake was refused
        if scope is not None:
            scope["extensions"][EXTENSION] = DirectConnection(self)

    def counted_as(self, connection: Connection) -> None:
        """Belong to a connection that was counted before it became a WebSocket."""
        self._connection = connection
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][KEY] = connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._connection is not None:
            self._connection.closed()
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        """Send an ASGI message."""
        await super().send(message)
        # uvicorn does not count a denial response as the end of the handshake, and would log
        # "ASGI callable returned without completing handshake" for each of them.
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
