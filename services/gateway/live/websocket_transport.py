"""A WebSocket connection that many of can be written to at once.

A message to a thousand subscribers is one frame. Through ASGI each would be a task that
wakes and a frame of its own. So this protocol hands the application its transport: the
frame, made once, is written straight to it. Whether a connection takes more is the
transport's to say (asyncio's flow control), as for any other writer. Under another
protocol, and for a client that wants compression, the application sends through ASGI.
"""

from __future__ import annotations

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "lapstream.direct"
"""The ASGI extension under which an application finds the ``Direct``."""


class Direct:
    """The way past ASGI to one client's transport."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: DirectProtocol) -> None:
        self._protocol = protocol

    def takes_frames(self) -> bool:
        """Whether frames that were made for all can be sent: no extension changes them."""
        return not self._protocol.conn.extensions

    def ready(self) -> bool:
        """Whether the client takes more now."""
        protocol = self._protocol
        return protocol.writable.is_set() and not (protocol.disconnected or protocol.close_sent)

    async def until_writable(self) -> None:
        """Wait until the client has read most of what it was sent, or is gone."""
        await self._protocol.writable.wait()

    def write(self, frame: bytes) -> None:
        """Send a frame; nothing to a client that is gone."""
        protocol = self._protocol
        if not (protocol.disconnected or protocol.close_sent):
            protocol.transport.write(frame)


class DirectProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which offers its ``Direct`` to the application."""

    def handle_connect(self, event: Request) -> None:
        """Answer the handshake; the application begins to run after this."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = Direct(self)

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message of the application's; a refusal is an end to the handshake, too."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
