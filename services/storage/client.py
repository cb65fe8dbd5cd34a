"""The store that holds the logs: the embedded server, or the one at a given URL.

Opening a store checks it: it answers, its version is supported, and ``Store.durability``
describes its persistence as far as a client can check it.

The URL of one node of a Cluster opens the whole Cluster. The keys of a session are in one
slot, so what must be atomic is; commands about many sessions go to each node by themselves
(``Store.execute_each``), so that a node that is down affects its own sessions only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from platformdirs import user_data_path
from redis.asyncio import Redis

from events.errors import StoreError, StoreUnavailable, StoreUnfit
from services.storage.cluster import check_cluster, connected_cluster
from services.storage.committed_frames import CommittedFrames
from services.storage.connections import (
    CONNECTIONS,
    RETRIES,
    connected,
    raw_client,
    url_name,
    without_entry_parsing,
)
from services.storage.errors import translated_errors
from services.storage.fitness import ServerReport, check_fitness, server_report

CONCURRENT_COMMANDS = 64
"""Commands that ``execute_each`` sends to a Cluster at the same time."""

COMMAND_SECONDS = 1.0
"""How long it waits for each reply: a lease must be renewed well within its three seconds."""

StoreCommand = Callable[[Redis], Awaitable[Any]]
"""Sends one command through a client or a pipeline."""


@dataclass(frozen=True)
class Store:
    """A store that passed its checks.

    - ``redis``: the client;
    - ``raw``: a client that returns stream entries unparsed (``without_entry_parsing``);
    - ``url``: for libraries that connect by themselves;
    - ``name``: for messages: the URL without a password, or the embedded server's folder;
    - ``durability``: one line on when an acknowledged event is on disk;
    - ``cluster``: whether both clients are RedisCluster, which has the same commands;
    - ``replicas``: how many replicas must have an event before it is acknowledged
      (``confirmation``);
    - ``socket``: the embedded server's;
    - ``restart_error``: why the embedded server, which ended, does not start again;
    - ``committed``: the frames that this process commits, for the readers in it.
    """

    redis: Redis
    raw: Redis
    url: str
    name: str
    durability: str
    cluster: bool = False
    replicas: int = 0
    socket: Path | None = None
    restart_error: Callable[[], StoreError | None] = lambda: None
    committed: CommittedFrames = field(default_factory=CommittedFrames, compare=False)

    @contextlib.contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Raise StoreError for what redis-py raises within the context."""
        try:
            with translated_errors(self.name):
                yield
        except StoreUnavailable:
            if (error := self.restart_error()) is not None:
                raise error from None
            raise

    async def execute_each(self, client: Redis, commands: Sequence[StoreCommand]) -> list[Any]:
        """The replies to commands about any number of sessions, in their order.

        A command that fails has its exception in place of its reply. Takes one round trip to
        a single server. In a Cluster each command is sent by itself, because an error of one
        node makes redis-py's Cluster pipeline close all connections to all nodes.
        """
        if not self.cluster:
            pipeline = client.pipeline(transaction=False)
            for command in commands:
                command(pipeline)
            return list(await pipeline.execute(raise_on_error=False))
        slots = asyncio.Semaphore(CONCURRENT_COMMANDS)

        async def reply(command: StoreCommand) -> Any:
            async with slots, asyncio.timeout(COMMAND_SECONDS):
                return await command(client)

        return await asyncio.gather(*map(reply, commands), return_exceptions=True)


@contextlib.asynccontextmanager
async def open_store(
    url: str | None = None,
    data: Path | None = None,
    *,
    connections: int = CONNECTIONS,
    replicas: int = 0,
) -> AsyncIterator[Store]:
    """The store at ``url``, or the embedded server of the folder ``data``.

    Without either it is the embedded server of the user's data folder. A command without a
    reply is sent again, so writes must be safe to repeat. With ``replicas``, appends are
    acknowledged once so many replicas have them. Raises StoreUnavailable and StoreUnfit.
    """
    if url is None:
        if replicas:
            reason = "it has no replicas: name a server with --store, or unset LAPSTREAM_REPLICAS"
            raise StoreUnfit("the embedded server", reason)
        opening = _open_embedded(data or default_folder(), connections)
    else:
        name = url_name(url)
        report = await _report_of(url, name, retries=0)
        if report.mode == "cluster":
            opening = _open_cluster(url, name, connections, replicas)
        else:
            durability = check_fitness(report, name) + _on_replicas(replicas)
            opening = _open_server(url, name, durability, connections, replicas)
    async with opening as store:
        yield store


def default_folder() -> Path:
    """The user's data folder, where the embedded server keeps its logs."""
    return user_data_path("lapstream")


@contextlib.asynccontextmanager
async def _open_embedded(data: Path, connections: int) -> AsyncIterator[Store]:
    try:
        from services.storage.embedded import EmbeddedServer
    except ImportError:  # no fcntl: Windows
        raise StoreUnfit(
            "the embedded server",
            "it is not available for this platform: name a server with --store redis://HOST:PORT",
        ) from None
    async with EmbeddedServer(data).running() as server:
        url = f"unix://{quote(str(server.socket))}?db=0"
        name = str(server.data)
        durability = check_fitness(await _report_of(url, name, RETRIES), name)
        async with connected(url, name, connections) as redis:
            yield Store(
                redis,
                raw_client(redis),
                url,
                name,
                durability,
                socket=server.socket,
                restart_error=lambda: server.restart_error,
            )


@contextlib.asynccontextmanager
async def _open_server(
    url: str, name: str, durability: str, connections: int, replicas: int
) -> AsyncIterator[Store]:
    async with connected(url, name, connections) as redis:
        yield Store(redis, raw_client(redis), url, name, durability, replicas=replicas)


def _on_replicas(replicas: int) -> str:
    if not replicas:
        return ""
    confirmed_by = "1 replica" if replicas == 1 else f"{replicas} replicas"
    return f", and has been confirmed by {confirmed_by}"


@contextlib.asynccontextmanager
async def _open_cluster(
    url: str, name: str, connections: int, replicas: int
) -> AsyncIterator[Store]:
    if url.startswith("unix:"):
        raise StoreUnfit(name, "it is one node of a Cluster: name it as redis://HOST:PORT")
    async with (
        connected_cluster(url, name, connections) as redis,
        connected_cluster(url, name, connections) as raw,
    ):
        with translated_errors(name):
            durability = await check_cluster(redis, name, _on_replicas(replicas))
        raw = without_entry_parsing(raw)
        yield Store(redis, raw, url, name, durability, cluster=True, replicas=replicas)


async def _report_of(url: str, name: str, retries: int) -> ServerReport:
    async with connected(url, name, 1, retries) as redis:
        with translated_errors(name):
            return await server_report(redis)
