"""An HTTP protocol for uvicorn that bounds what a stranger can hold open or send ahead.

- The head of a request has 64 KiB and ten seconds, and so has a connection that sends none.
- Connections are counted (`services.gateway.connections`), and reach the application as an ASGI
  extension, also those that become WebSockets.

It relies on internals of uvicorn, which ``pyproject.toml`` pins to compatible versions and
``tests/unit/services/gateway/test_http_protocol.py`` checks.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.connections import KEY, Connection, ConnectionLimit
from services.gateway.live.websocket_transport import DirectProtocol

LARGEST_HEAD = 1 << 16
"""Bytes of a request's line and headers."""

HEAD_SECONDS = 10.0

LINGER_SECONDS = 2.0
"""How long a client may go on to send after its head was refused."""

_TOO_LARGE = b"the head of the request is larger than 65536 bytes\n"
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on heads and connections."""

    def __init__(self, *, limit: ConnectionLimit, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._limit = limit
        self._connection: Connection | None = None
        self._in_head = True
        self._head_bytes = 0
        self._head_due: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and expect a head."""
        super().connection_made(transport)
        self._connection = Connection(self._limit, transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head_arrived()
        if self._connection is not None:
            self._connection.closed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what was sent, unless it makes the head too large."""
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
            # A read is no larger than 256 KiB, so a head that ends within one does no harm.
            if self._head_bytes - len(data) > LARGEST_HEAD:
                self._refuse()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {KEY: self._connection}  # type: ignore[dict-item]
        if not self._in_head:  # a further request of the same connection
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Start the application."""
        self._head_arrived()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or begin the next one in the pipeline."""
        if self._connection is not None and not self.transport.is_closing():
            self._connection.wait()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on to the WebSocket protocol, which counts it from here on."""
        connection, self._connection = self._connection, None
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, DirectProtocol) and connection is not None:
            protocol.counted_as(connection)

    def _refuse(self) -> None:
        """Answer, and close later: data that is never read would reset the connection, and the
        client might not see the answer."""
        self._refused = True
        self._head_arrived()
        self.transport.write(_REFUSAL)
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _expect_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._head_due = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _head_arrived(self) -> None:
        self._in_head = False
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None
