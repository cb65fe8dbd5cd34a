"""A client of a Redis Cluster that keeps working while one of its nodes is down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from events.errors import StoreUnavailable
from services.storage.connections import SOCKET_TIMEOUT, backoff_retry
from services.storage.errors import translated_errors
from services.storage.fitness import DURABILITIES, check_fitness, server_report

CLUSTER_RETRIES = 2
"""Retries of a command to a Cluster. Each one reloads the slot map, which is expensive, and a
replica takes over only after many seconds: callers retry instead."""


class _SteadyConnection(Connection):
    """A connection that raises ConnectionError when it was closed under a command.

    redis-py 8.1 closes the idle connections to a node that failed, and one of them may be
    reused before it is closed: writing to it raises an AttributeError, which nothing retries.
    """

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        writer = self._writer
        if writer is None:
            raise RedisConnectionError("the connection was closed under the command")
        try:
            writer.writelines(command)
            await writer.drain()
        except RuntimeError as error:  # uvloop's, for a transport that is closed
            raise RedisConnectionError("the connection was closed under the command") from error


class _SteadySSLConnection(_SteadyConnection, SSLConnection):
    """The same, over TLS."""


class ClusterClient(RedisCluster):
    """A client that keeps its connections to the other nodes while one is down.

    Whenever redis-py 8.1 reloads the slot map it asks the first primary for the list of
    commands. If that is the node that is down, it closes all connections to all nodes and
    forgets its default node; without one, it sends a command that names its key to any node.
    It does not close connections while a reload is due.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # 0: a MOVED reply updates its slot only. By default every fifth closes all connections.
        self.reinitialize_steps = 0
        settings = self.nodes_manager.connection_kwargs
        secure = issubclass(settings["connection_class"], SSLConnection)
        steady = _SteadySSLConnection if secure else _SteadyConnection
        settings["connection_class"] = steady
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = steady
        self._lock: asyncio.Lock = asyncio.Lock()
        self._commands_known = False

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> RedisCluster:
        """Reload the slot map if that is due. Open connections are kept."""
        async with self._lock:
            if self._initialize:
                await self.nodes_manager.initialize(
                    additional_startup_nodes_info=additional_startup_nodes_info,
                    last_failed_node_name=last_failed_node_name,
                )
                if not self._commands_known:
                    await self._load_commands()
                self._initialize = False
        return self

    async def _load_commands(self) -> None:
        """Load the list of commands (it says where their keys are) from a node that answers."""
        *others, last = self.get_primaries()
        for node in others:
            with contextlib.suppress(RedisConnectionError, RedisTimeoutError):
                await self.commands_parser.initialize(node)
                break
        else:
            await self.commands_parser.initialize(last)
        self._commands_known = True

    async def aclose(self) -> None:
        """Close all connections; the next command opens new ones. The default node stays."""
        default = self.nodes_manager.default_node
        await super().aclose()
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")
        self.nodes_manager.default_node = default


@contextlib.asynccontextmanager
async def connected_cluster(url: str, name: str, connections: int) -> AsyncIterator[Redis]:
    """A client of the Cluster that the node at ``url`` belongs to.

    ``connections`` is the maximum for each node.
    """
    cluster = ClusterClient.from_url(
        url,
        max_connections=connections,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=1.0,
        retry=cluster_retry(),
        require_full_coverage=False,  # a node that is down stops its own sessions only
    )
    try:
        with translated_errors(name):
            await cluster.initialize()
        yield cast("Redis", cluster)
    finally:
        await cluster.aclose()


def cluster_retry() -> Retry:
    """The retries of a Cluster's client, which uses only their number."""
    return backoff_retry(CLUSTER_RETRIES)


async def check_cluster(redis: Any, name: str, on_replicas: str = "") -> str:
    """Check all primaries; their weakest durability. Raises StoreUnfit.

    ``on_replicas``: what is added where appends are confirmed by replicas.

    A node that does not answer is left out, and counted in the text.
    """
    nodes, durabilities = redis.get_primaries(), []
    for node in nodes:
        with contextlib.suppress(RedisConnectionError, RedisTimeoutError):
            report = await server_report(redis, target_nodes=node)
            durabilities.append(check_fitness(report, f"{name}, node {node.name}"))
    if not durabilities:
        raise StoreUnavailable(name, "no node of the Cluster answers")
    weakest = max(durabilities, key=DURABILITIES.index)
    risk = "; a replica that takes over may lack the newest" if redis.get_replicas() else ""
    risk = on_replicas or risk
    missing = len(nodes) - len(durabilities)
    silent = f"; {missing} of the nodes did not answer" if missing else ""
    return f"a Cluster of {len(nodes)} nodes: {weakest}{risk}{silent}"
