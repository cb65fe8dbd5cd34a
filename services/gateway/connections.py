"""How many connections a gateway has, and who gives way when there are too many.

A process has only so many descriptors, and anyone can open a connection. When all are in use, those
without a request in progress give way, the oldest first, as do requests and subscriptions without
a known token, which have a share of their own. A client with a token always gets in.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

KEY = "lapstream.connection"
"""The key of the `Connection` among the extensions of an ASGI scope."""


class ConnectionLimit:
    """The connections of one server: at most ``most``, and ``anonymous`` of them without a token.

    Each operation costs O(1).
    """

    def __init__(self, most: float = math.inf, anonymous: float = math.inf) -> None:
        self.most = most
        self.anonymous = anonymous
        # Dictionaries as sets in the order of arrival.
        self._waiting: dict[Connection, None] = {}
        self._unknown: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._unknown) + len(self._known)

    def wait(self, connection: Connection) -> None:
        """Count a connection without a request; where there are too many, the oldest is closed."""
        self.forget(connection)
        if len(self) >= self.most:
            oldest = next(iter(self._waiting), None) or next(iter(self._unknown), None)
            if oldest is not None:
                self.forget(oldest)
                oldest.transport.abort()
        self._waiting[connection] = None

    def admit(self, connection: Connection, *, known: bool) -> bool:
        """Whether a request may proceed; ``known``: it has a token that the gateway knows."""
        if not known and connection not in self._unknown and len(self._unknown) >= self.anonymous:
            return False
        self.forget(connection)
        (self._known if known else self._unknown)[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Stop counting a connection."""
        for group in (self._waiting, self._unknown, self._known):
            group.pop(connection, None)


class Connection:
    """One client's connection, as the application finds it among a scope's extensions."""

    __slots__ = ("_limit", "transport")

    def __init__(self, limit: ConnectionLimit, transport: asyncio.Transport) -> None:
        self._limit = limit
        self.transport = transport
        limit.wait(self)

    def wait(self) -> None:
        """The connection has no request."""
        self._limit.wait(self)

    def admit(self, *, known: bool) -> bool:
        """Whether its request may proceed."""
        return self._limit.admit(self, known=known)

    def closed(self) -> None:
        """The client has left."""
        self._limit.forget(self)


def connection_of(scope: Any) -> Connection | None:
    """The connection of an ASGI scope; None under another server."""
    found = scope.get("extensions", {}).get(KEY)
    return found if isinstance(found, Connection) else None
