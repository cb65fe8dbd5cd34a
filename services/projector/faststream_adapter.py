"""FastStream brokers and subscribers that hand over the raw entries of a log.

What has to be known of FastStream 0.7.8:

- A subscriber moves its position on before its handler has run, and a batch whose handler
  fails is lost. So a handler may raise nothing but StopConsume, must wait while the server
  does not answer, and after any other failure a new subscriber is opened at the committed
  token.
- Its parsers decode the values of entries as text, and an entry that they cannot read takes
  the rest of the batch with it. So the ones here pass on what was received.
- StopConsume stops one subscriber, and so one session; the others continue.
- A subscriber that is stopped cancels its tasks and does not wait for them: a connection
  that one of them is opening is then left open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.redis import RedisBroker, RedisClusterBroker, StreamSub
from faststream.redis.configs.state import RedisClusterConnectionState
from redis.exceptions import RedisError

from services.projector.session_fold import RawEntry
from services.storage.client import Store
from services.storage.cluster import ClusterClient, cluster_retry
from services.storage.connections import (
    RETRIES,
    SOCKET_TIMEOUT,
    backoff_retry,
    write_directly,
)
from services.storage.keys import log_key

BATCH = 2000
"""Maximum entries of a batch, which becomes one frame."""

BLOCK_MS = 2000
"""How long a subscriber waits for entries before it asks again."""

faststream_logger = logging.getLogger("lapstream.faststream")
faststream_logger.setLevel(logging.WARNING)  # below, it logs every batch


def _without_traceback(record: logging.LogRecord) -> bool:
    """Log a store that does not answer in one line: FastStream adds a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RedisError | OSError):
        reason = " ".join(str(error).split()) or type(error).__name__
        record.msg, record.args, record.exc_info = "%s: %s", (record.getMessage(), reason), None
    return True


faststream_logger.addFilter(_without_traceback)

EntryHandler = Callable[[Sequence[RawEntry]], Awaitable[None]]


def log_broker(store: Store, connections: int) -> RedisBroker:
    """A broker of the store's server or Cluster, with that many connections."""
    settings: dict[str, Any] = {
        "max_connections": connections,
        "socket_timeout": SOCKET_TIMEOUT,
        "apply_types": False,
        "logger": faststream_logger,
        "log_level": logging.DEBUG,
        "graceful_timeout": 5.0,
    }
    if store.cluster:
        settings["require_full_coverage"] = False  # FastStream passes it on, untyped
        return _ClusterBroker(store.url, retry=cluster_retry(), **settings)
    return RedisBroker(
        store.url,
        retry=backoff_retry(RETRIES),
        socket_read_size=2**18,  # receives a batch in a few reads
        **settings,
    )


async def connect(broker: RedisBroker) -> None:
    """Connect the broker, and let each reply to XREAD be one message."""
    client: Any = await broker.connect()
    client.set_response_callback("XREAD", _as_one_message)
    if not isinstance(broker, RedisClusterBroker):
        write_directly(client.connection_pool)


def log_subscriber(broker: RedisBroker, session: str, position: str, handle: EntryHandler) -> Any:
    """A subscriber of the session's log after ``position``, not yet started."""
    stream = _Stream(
        log_key(session),
        last_id=position,
        max_records=BATCH,
        polling_interval=BLOCK_MS,
    )
    subscriber = broker.subscriber(
        stream=stream,
        parser=_parse,
        decoder=_decode,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        persistent=False,
    )
    subscriber(handle)
    return subscriber


async def stop(subscriber: Any) -> None:
    """Stop a subscriber and wait until its tasks have released their connections."""
    tasks = list(subscriber.tasks)
    await subscriber.stop()
    if tasks:
        await asyncio.wait(tasks)


class _ClusterState(RedisClusterConnectionState):
    async def connect(self) -> ClusterClient:
        self._client = ClusterClient(**self._options)
        self._connected = True
        return self._client


class _ClusterBroker(RedisClusterBroker):
    """FastStream's broker, with the client that keeps working while a node is down."""

    def _make_connection_state(
        self,
        connection_options: dict[str, Any],
        kwargs: dict[str, Any],  # noqa: ARG002 (of FastStream's)
    ) -> _ClusterState:
        return _ClusterState(connection_options)


class _Stream(StreamSub):
    """FastStream's stream, without the copy that it makes for each batch and no prefix."""

    def add_prefix(self, prefix: str) -> Self:
        return super().add_prefix(prefix) if prefix else self


def _as_one_message(reply: Any, **_: Any) -> Any:
    """The reply to XREAD with all its entries as one message, under the last position.

    FastStream makes a message of each entry, and redis-py a dictionary of its fields, which
    loses a repeated name. The server replies with a list of streams or, in RESP3, a map; with
    none when nothing came.
    """
    streams = reply.items() if isinstance(reply, dict) else reply or ()
    return [(name, [(entries[-1][0], entries)]) for name, entries in streams]


async def _parse(message: Any) -> StreamMessage[Any]:
    """A batch as received: events are decoded one by one, in the fold."""
    position = message["message_ids"][0].decode()
    return StreamMessage(message, message["data"], correlation_id=position, message_id=position)


async def _decode(message: StreamMessage[Any]) -> Any:
    """The entries of a batch, positions with their fields."""
    return message.body
