"""Who gives way when there are too many connections."""

from __future__ import annotations

import asyncio
from typing import Any

from services.gateway.connections import KEY, Connection, ConnectionLimit, connection_of


class Transport(asyncio.Transport):
    """Notes that it was aborted."""

    aborted = False

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


def opened(limit: ConnectionLimit, number: int = 1) -> list[Any]:
    return [Connection(limit, Transport()) for _ in range(number)]


def aborted(connections: list[Any]) -> list[bool]:
    return [one.transport.aborted for one in connections]


def test_the_oldest_without_a_request_gives_way():
    """Silent connections keep nobody out."""
    limit = ConnectionLimit(3)
    silent = opened(limit, 3)
    busy = opened(limit)[0]
    assert aborted(silent) == [True, False, False]
    assert busy.admit(known=False)
    assert len(limit) == 3


def test_then_the_oldest_without_a_token():
    """A subscription of a stranger gives way to a newcomer, one with a token never."""
    limit = ConnectionLimit(2)
    known, stranger = opened(limit, 2)
    assert known.admit(known=True)
    assert stranger.admit(known=False)
    newcomer = opened(limit)[0]
    assert aborted([known, stranger, newcomer]) == [False, True, False]
    assert newcomer.admit(known=True)
    opened(limit)  # nobody is left to give way: the newcomer is counted nevertheless
    assert not known.transport.aborted


def test_strangers_have_a_share():
    """Beyond it they are refused until one of them leaves; those with a token are not."""
    limit = ConnectionLimit(10, anonymous=2)
    first, second, third, known = opened(limit, 4)
    assert first.admit(known=False)
    assert second.admit(known=False)
    assert not third.admit(known=False)
    assert known.admit(known=True)
    assert first.admit(known=False)  # a further request of the same connection
    second.closed()
    assert third.admit(known=False)


def test_a_connection_between_two_requests_is_no_strangers_share():
    """Kept alive without a request, it counts as silent."""
    limit = ConnectionLimit(2, anonymous=1)
    first, second = opened(limit, 2)
    assert first.admit(known=False)
    first.wait()
    assert second.admit(known=False)
    opened(limit)
    assert aborted([first, second]) == [True, False]


def test_another_server_counts_nothing():
    """An application under a test client has no connections."""
    (one,) = opened(ConnectionLimit())
    assert connection_of({"type": "http"}) is None
    assert connection_of({"extensions": {KEY: one}}) is one
