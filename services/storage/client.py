"""The store that holds the logs: the embedded server, or one that is named by its URL.

A store that is opened has been checked: it answers, it is new enough, and its
persistence keeps, as far as can be told from outside, what ``Store.promise`` says.

A URL that names one node of a Cluster opens the whole Cluster. A session's keys lie on
one node, so everything that must be atomic is; what concerns many sessions is asked of
each by itself (``Store.ask_all``), so that a node that is gone stops its sessions alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from platformdirs import user_data_path
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterError,
    InvalidResponse,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from events.errors import StoreError, StoreUnavailable, StoreUnfit

CONNECTIONS = 1024
"""Connections at most: one blocking reader for each session, and room for the rest.
redis-py stops at 100. They are opened only as they are needed."""

SOCKET_TIMEOUT = 30.0
"""Seconds to wait for an answer. redis-py's five would cut off a blocking read that waits
as long, and an import that the server takes in as one batch."""

RETRIES = 10
"""Further attempts at a command whose answer did not come. They last about three seconds,
in which an embedded server that was killed is back."""

CLUSTER_RETRIES = 2
"""Further attempts at a command to a Cluster. Each reads the map of the slots anew, which
is dear, and a replica takes over only after many seconds: whoever waits asks again."""

AT_ONCE = 64
"""How many commands ``ask_all`` has under way in a Cluster."""

ASK_SECONDS = 1.0
"""How long it waits for a node: a lease must be renewed well within its three seconds."""

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest versions that are fit."""

ON_DISK = "every acknowledged event is on disk"
ON_DISK_SOON = "an acknowledged event is on disk within a second (appendfsync everysec)"
ON_DISK_SOMETIME = "it keeps an append-only file; how soon an event is on disk, it does not tell"
UNCHECKED = "it does not let its persistence be checked: see what its provider promises"
PROMISES = (ON_DISK, ON_DISK_SOON, ON_DISK_SOMETIME, UNCHECKED)
"""What a server may keep, from the most to the least."""


Ask = Callable[[Redis], Awaitable[Any]]
"""A command, given to a client or to a pipeline."""

Told = tuple[Mapping[str, object], Mapping[str | None, str | None] | None]
"""What a server says of itself: its INFO, and its CONFIG, None where it denies that."""


@dataclass(frozen=True)
class Store:
    """A store that was checked. ``url`` is for libraries that connect by themselves.

    ``name`` is how to speak of it: without a password, or the embedded server's folder.
    ``promise`` says in one line what its persistence keeps, ``socket`` is the embedded
    server's, and ``trouble`` tells why that one does not start again. ``redis`` is the
    client; ``raw`` is another, which gives the entries of streams as they came over the
    wire: the client library makes a dictionary of their fields, and so loses a repeated
    name. For a ``cluster`` both are RedisCluster, which has the same commands.
    """

    redis: Redis
    raw: Redis
    url: str
    name: str
    promise: str
    cluster: bool = False
    socket: Path | None = None
    trouble: Callable[[], StoreError | None] = lambda: None

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """Around commands: what the client library raises becomes a StoreError."""
        try:
            with spoken_to(self.name):
                yield
        except StoreUnavailable:
            if (trouble := self.trouble()) is not None:
                raise trouble from None
            raise

    async def ask_all(self, client: Redis, asks: Sequence[Ask]) -> list[Any]:
        """The replies to commands about any number of sessions; an error stands for its reply.

        One round trip to a server. In a Cluster each is sent by itself, and a node that
        does not answer costs its own replies: a pipeline of the client library would close
        all connections to all nodes and begin again.
        """
        if not self.cluster:
            pipeline = client.pipeline(transaction=False)
            for ask in asks:
                ask(pipeline)
            return list(await pipeline.execute(raise_on_error=False))
        turns = asyncio.Semaphore(AT_ONCE)

        async def reply(ask: Ask) -> Any:
            async with turns, asyncio.timeout(ASK_SECONDS):
                return await ask(client)

        return await asyncio.gather(*map(reply, asks), return_exceptions=True)


class Script:
    """A Lua function that servers run as one command, all or nothing.

    It is sent by its hash, and in full where the server does not know it, as after each
    start. (``register_script`` sends the text and then the hash again, which fails when
    the server is restarted in between.) Calling it gives the reply as it came, and raises
    what the client library raises.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(
        self, redis: Redis, keys: Sequence[str], arguments: Sequence[bytes | str | int]
    ) -> Any:
        """Run the function; all keys must be of one slot, that is, of one session."""
        try:
            return await redis.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await redis.eval(self._text, len(keys), *keys, *arguments)


@contextlib.asynccontextmanager
async def open_store(
    url: str | None = None, data: Path | None = None, *, connections: int = CONNECTIONS
) -> AsyncIterator[Store]:
    """The store at ``url``, or the embedded server of the folder ``data``.

    Without either it is the embedded server of the user's data folder. Commands sent
    through ``Store.redis`` are sent again after a lost answer: writes must stand that.
    Raises StoreUnavailable and StoreUnfit.
    """
    if url is None:
        async with _open_embedded(data or default_folder(), connections) as store:
            yield store
    else:
        name = url_name(url)
        info, config = await _asked(url, name, retries=0)
        if _mode(info) == "cluster":
            async with _open_cluster(url, name, connections) as store:
                yield store
        else:
            promise = fitness(info, config, name)
            async with _connected(url, name, connections) as redis:
                yield Store(redis, _raw(redis), url, name, promise)


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
            "it does not come for this platform: name a server with --store redis://HOST:PORT",
        ) from None
    async with EmbeddedServer(data).running() as server:
        url = f"unix://{quote(str(server.socket))}?db=0"
        name = str(server.data)
        promise = fitness(*await _asked(url, name, RETRIES), name)
        async with _connected(url, name, connections) as redis:
            yield Store(
                redis,
                _raw(redis),
                url,
                name,
                promise,
                socket=server.socket,
                trouble=lambda: server.trouble,
            )


@contextlib.asynccontextmanager
async def _connected(
    url: str, name: str, connections: int, retries: int = RETRIES
) -> AsyncIterator[Redis]:
    """A client of the server there, with the pool and the patience that we need."""
    try:
        pool = ConnectionPool.from_url(
            url,
            max_connections=connections,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=5.0,
            retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=1.0), retries),
        )
    except ValueError:
        raise StoreUnavailable(
            name, "this is no store: write redis://HOST:PORT, rediss://HOST:PORT or unix://PATH"
        ) from None
    redis = Redis.from_pool(pool)
    try:
        yield redis
    finally:
        await redis.aclose()


def _raw(redis: Redis) -> Redis:
    """Another client on the same connections."""
    return _with_raw_entries(Redis(connection_pool=redis.connection_pool))


def _with_raw_entries(client: Redis) -> Redis:
    for command in ("XRANGE", "XREVRANGE", "XREAD"):
        client.response_callbacks.pop(command, None)
    return client


# -- A Cluster -----------------------------------------------------------------------------


class _SteadyConnection(Connection):
    """A connection that says in the library's own terms that it was closed under a command.

    redis-py 8.1 closes the idle connections to a node that failed, and one of them may be
    taken up again before it is closed: writing to it is then an AttributeError, which
    nobody waits out.
    """

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        writer = self._writer
        if writer is None:
            raise RedisConnectionError("the connection was closed under the command")
        writer.writelines(command)
        await writer.drain()


class _SteadySSLConnection(_SteadyConnection, SSLConnection):
    """The same, over TLS."""


class ClusterClient(RedisCluster):
    """A client that goes on with the other nodes while one is gone, and that closes.

    redis-py 8.1, whenever it reads the map of the slots anew, asks the first primary for
    the list of commands. Where that is the one that is gone, it closes all connections to
    all nodes and forgets its default node; and without one it sends a command that names
    its key to any node at all. It closes nothing while it has to read the map anew.
    """

    def __init__(self, *where: Any, **more: Any) -> None:
        super().__init__(*where, **more)
        # A slot that moved is noted by itself, without closing all connections every fifth time.
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
        """Read the map of the slots if that is due. Connections that stand are kept."""
        async with self._lock:
            if self._initialize:
                await self.nodes_manager.initialize(
                    additional_startup_nodes_info=additional_startup_nodes_info,
                    last_failed_node_name=last_failed_node_name,
                )
                if not self._commands_known:
                    await self._learn_commands()
                self._initialize = False
        return self

    async def _learn_commands(self) -> None:
        """Ask for the list of commands, which tells where their keys are, until one answers."""
        *others, last = self.get_primaries()
        for node in others:
            with contextlib.suppress(RedisConnectionError, RedisTimeoutError):
                await self.commands_parser.initialize(node)
                break
        else:
            await self.commands_parser.initialize(last)
        self._commands_known = True

    async def aclose(self) -> None:
        """Close all connections; the next command begins anew. The default node stays."""
        default = self.nodes_manager.default_node
        await super().aclose()
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")
        self.nodes_manager.default_node = default


@contextlib.asynccontextmanager
async def _open_cluster(url: str, name: str, connections: int) -> AsyncIterator[Store]:
    if url.startswith("unix:"):
        raise StoreUnfit(name, "it is one node of a Cluster: name it as redis://HOST:PORT")
    async with (
        _connected_cluster(url, name, connections) as redis,
        _connected_cluster(url, name, connections) as raw,
    ):
        with spoken_to(name):
            promise = await _checked_cluster(redis, name)
        yield Store(redis, _with_raw_entries(raw), url, name, promise, cluster=True)


@contextlib.asynccontextmanager
async def _connected_cluster(url: str, name: str, connections: int) -> AsyncIterator[Redis]:
    """A client of the Cluster that the node is of, with up to so many connections to each."""
    cluster = ClusterClient.from_url(
        url,
        max_connections=connections,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=1.0,
        retry=cluster_patience(),
        require_full_coverage=False,  # a node that is gone stops its own sessions alone
    )
    try:
        with spoken_to(name):
            await cluster.initialize()
        yield cast("Redis", cluster)
    finally:
        await cluster.aclose()


def cluster_patience() -> Retry:
    """How a client of a Cluster sends again; of this, it heeds the number alone."""
    return Retry(ExponentialWithJitterBackoff(base=0.01, cap=1.0), CLUSTER_RETRIES)


async def _checked_cluster(redis: Any, name: str) -> str:
    """Ask all primaries what they are. Returns what all of them keep; raises StoreUnfit.

    One that does not answer is left out, and the promise says so.
    """
    nodes, promises = redis.get_primaries(), []
    for node in nodes:
        with contextlib.suppress(RedisConnectionError, RedisTimeoutError):
            info, config = await _told(redis, target_nodes=node)
            promises.append(fitness(info, config, f"{name}, node {node.name}"))
    if not promises:
        raise StoreUnavailable(name, "no node of the Cluster answers")
    kept = max(promises, key=PROMISES.index)
    risk = "; a replica that takes over may lack the newest" if redis.get_replicas() else ""
    gone = len(nodes) - len(promises)
    silent = f"; {gone} of the nodes did not answer" if gone else ""
    return f"a Cluster of {len(nodes)} nodes: {kept}{risk}{silent}"


# -- What a server must be ---------------------------------------------------------------


async def _asked(url: str, name: str, retries: int) -> Told:
    """Ask the server what it is."""
    async with _connected(url, name, 1, retries) as redis:
        with spoken_to(name):
            return await _told(redis)


async def _told(redis: Redis, **where: Any) -> Told:
    """What a server says of itself: its INFO, and its CONFIG unless it denies that."""
    info = await redis.info(**where)
    try:
        config = await redis.config_get("appendonly", "appendfsync", "maxmemory-policy", **where)
    except ResponseError:  # managed servers deny CONFIG
        return info, None
    return info, config


def _mode(info: Mapping[str, object]) -> object:
    return info.get("redis_mode", info.get("server_mode"))


def fitness(
    info: Mapping[str, object], config: Mapping[str | None, str | None] | None, name: str
) -> str:
    """What a server keeps, from its INFO and its CONFIG (None where that is denied).

    Raises StoreUnfit with what is wrong and what to do about it.
    """
    _check_version(info, name)
    _check_role(info, name)
    policy = (config or {}).get("maxmemory-policy", str(info.get("maxmemory_policy", "")))
    if policy and policy != "noeviction":
        raise StoreUnfit(
            name,
            f"with maxmemory-policy {policy} it drops logs when memory is short: "
            "set maxmemory-policy noeviction",
        )
    if config is None:
        return _promise_of_managed(info)
    if config.get("appendonly") != "yes":
        raise StoreUnfit(
            name, "it keeps no append-only file, and its end would lose events: set appendonly yes"
        )
    match config.get("appendfsync"):
        case "always":
            return ON_DISK
        case "everysec":
            return ON_DISK_SOON
        case other:
            raise StoreUnfit(
                name,
                f"with appendfsync {other} nobody knows when an event is on disk: "
                "set appendfsync always (or everysec)",
            )


def _promise_of_managed(info: Mapping[str, object]) -> str:
    if info.get("aof_enabled") in (1, "1"):
        return ON_DISK_SOMETIME
    return UNCHECKED


def _check_version(info: Mapping[str, object], name: str) -> None:
    server = "valkey" if info.get("server_name") == "valkey" else "redis"
    version = str(info.get(f"{server}_version", "unknown"))
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < OLDEST[server]:
        raise StoreUnfit(
            name, f"{server.title()} {version} is too old: it needs Redis 7 or Valkey 8, or newer"
        )


def _check_role(info: Mapping[str, object], name: str) -> None:
    if _mode(info) == "sentinel":
        raise StoreUnfit(name, "it is a sentinel, not a server: name the server that it watches")
    if info.get("role") == "slave":
        raise StoreUnfit(name, "it is a replica and takes no writes: name its primary")


# -- Errors ------------------------------------------------------------------------------


@contextlib.contextmanager
def spoken_to(name: str) -> Iterator[None]:
    """Around commands to a server: raises StoreError for what the client library raises.

    A task that is cancelled meanwhile ends cancelled. The client library writes by
    ``asyncio.wait_for``, which up to Python 3.11 forgets a cancellation that comes just as
    the write is done: whoever waits for the task would wait for ever.
    """
    asked = _cancellations()
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        if isinstance(error.__cause__ or error, AuthenticationError):
            reason = "it does not let us in: check the user and the password in its URL"
            raise StoreUnfit(name, reason) from error
        raise StoreUnavailable(name, _one_line(error)) from error
    except (RedisClusterException, ClusterError, TryAgainError) as error:
        raise StoreUnavailable(name, _one_line(error)) from error
    except InvalidResponse as error:
        raise StoreUnfit(name, "what listens there is neither Redis nor Valkey") from error
    except RedisError as error:
        raise StoreUnfit(name, f"it refuses a command ({_one_line(error)})") from error
    finally:
        if _cancellations() > asked:
            raise asyncio.CancelledError


def _cancellations() -> int:
    """How often the running task was asked to end, and has not heeded it."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop
        return 0
    return 0 if task is None else task.cancelling()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def url_name(url: str) -> str:
    """The URL without user, password and options."""
    scheme, separator, rest = url.partition("?")[0].rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
