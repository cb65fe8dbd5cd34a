"""Clients of a single server, with the timeouts, retries and pool size that lapstream needs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from events.errors import StoreUnavailable

CONNECTIONS = 1024
"""Maximum connections of a client: one blocking reader for each session, and some spare.
redis-py's default is 100. They are opened as they are needed."""

SOCKET_TIMEOUT = 30.0
"""Seconds to wait for a reply. redis-py's five would cut off a blocking read of that length,
and an import that the server executes as one batch."""

RETRIES = 10
"""Retries of a command without a reply. They take about three seconds, enough for an embedded
server that was killed to be back."""


class _WritesDirectly(AbstractConnection):
    """A connection that writes a command where it is sent.

    redis-py 8 lets a task of its own write each command, to limit the time of that. The task runs
    a turn of the event loop later, and a session may be folded before. The time of the reply is
    limited, too, and that is enough: a connection has one command at a time.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Send a packed command. Raises what redis-py raises."""
        writer = self._writer
        if writer is None or isinstance(command, bytes | str) or self.health_check_interval:
            await super().send_packed_command(command, check_health)
            return
        try:
            writer.writelines(command)
        except BaseException:
            await self.disconnect(nowait=True)
            raise


class _TcpConnection(_WritesDirectly, Connection):
    pass


class _TlsConnection(_WritesDirectly, SSLConnection):
    pass


class _UnixConnection(_WritesDirectly, UnixDomainSocketConnection):
    pass


_WRITING_DIRECTLY: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: _TcpConnection,
    SSLConnection: _TlsConnection,
    UnixDomainSocketConnection: _UnixConnection,
}


def write_directly(pool: Any) -> None:
    """Let the connections that the pool opens from now on write their commands directly."""
    pool.connection_class = _WRITING_DIRECTLY.get(pool.connection_class, pool.connection_class)


def backoff_retry(retries: int) -> Retry:
    """Retry with exponential backoff from 10 ms to 1 s."""
    return Retry(ExponentialWithJitterBackoff(base=0.01, cap=1.0), retries)


@contextlib.asynccontextmanager
async def connected(
    url: str, name: str, connections: int, retries: int = RETRIES
) -> AsyncIterator[Redis]:
    """A client of the server at ``url``. Raises StoreUnavailable for what is not a URL."""
    try:
        pool = ConnectionPool.from_url(
            url,
            max_connections=connections,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=5.0,
            retry=backoff_retry(retries),
        )
    except ValueError:
        raise StoreUnavailable(
            name,
            "not the URL of a store: write redis://HOST:PORT, rediss://HOST:PORT or unix://PATH",
        ) from None
    write_directly(pool)
    redis = Redis.from_pool(pool)
    try:
        yield redis
    finally:
        await redis.aclose()


def raw_client(redis: Redis) -> Redis:
    """Another client on the same connections, which returns stream entries unparsed."""
    return without_entry_parsing(Redis(connection_pool=redis.connection_pool))


def without_entry_parsing(client: Redis) -> Redis:
    """Let the client return stream entries as they were sent.

    redis-py turns the fields of an entry into a dictionary, which loses a repeated name.
    """
    for command in ("XRANGE", "XREVRANGE", "XREAD"):
        client.response_callbacks.pop(command, None)
    return client


def url_name(url: str) -> str:
    """The URL without user, password and options, for messages."""
    scheme, separator, rest = url.partition("?")[0].rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
