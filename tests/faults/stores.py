"""The stores of a storm: an embedded server, and a Cluster whose nodes have replicas."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.storage.client import Store, open_store
from services.storage.keys import key, log_key
from tests.server.clusters import NODES, SLOTS, Cluster, Node, free_ports
from tests.server.processes import is_running

DEADLINE = 60.0
CUT_OFF = 0.5
"""The share of the killed primaries that lose their replica before."""

CUT_SECONDS = (0.2, 1.2)
"""For so long before its kill such a primary is without its replica."""

WAIT_MS = 500


class OneServer:
    """The embedded server of a data folder. Whoever uses the folder starts it again."""

    name = "one server"

    def __init__(self, data: Path) -> None:
        self._data = data

    def environment(self) -> dict[str, str]:
        """The variables of a process that uses the store."""
        return {"LAPSTREAM_DATA": str(self._data)}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """The store."""
        async with open_store(data=self._data) as store:
            yield store

    def pid(self) -> int | None:
        """The process id of the server; None while there is none."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._data / "server.pid").read_text())
            if is_running(pid) and Path(f"/proc/{pid}/cwd").resolve() == self._data.resolve():
                return pid
        return None

    async def strike(self) -> float | None:
        """Kill the server. Returns when, or None if there is no server at the moment."""
        if (pid := self.pid()) is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    async def restore(self) -> None:
        """Nothing: the processes do it."""

    async def confirmed(self, position: str) -> bool:
        """Whether a replica has the event: there is none."""
        return False


@dataclass
class Replicated:
    """A Cluster of three primaries, each with a replica, and the session that is watched.

    ``strike`` kills the primary that holds the session, in half of the cases while its replica is
    cut off, as by a network that fails before the node; ``restore`` waits for the replica to take
    over and starts the killed node as its replica.
    """

    cluster: Cluster
    session: str
    chance: random.Random
    name: str = "a Cluster with replicas"
    confirming: bool = False
    """Whether the processes acknowledge what a replica has confirmed only."""
    cuts: int = 0
    takeover_seconds: list[float] = field(default_factory=list)
    wait_seconds: list[float] = field(default_factory=list)
    _killed: Node | None = None

    def environment(self) -> dict[str, str]:
        """The variables of a process that uses the store, found by a node of another session."""
        found = {"LAPSTREAM_STORE": self._url(self._other())}
        return {**found, "LAPSTREAM_REPLICAS": "1"} if self.confirming else found

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """The store."""
        async with open_store(self._url(self._other())) as store:
            yield store

    async def strike(self) -> float | None:
        """Kill the primary. Returns when, or None while another failover is under way."""
        if self._killed is not None:
            return None
        primary, nodes = await self._pair()
        if primary is None:
            return None
        self._killed = primary
        (replica,) = (node for node in nodes if node is not primary)
        if self.chance.random() >= CUT_OFF:
            primary.kill()
            return time.monotonic()
        self.cuts += 1
        replica.process.send_signal(signal.SIGSTOP)  # or it would connect again at once
        try:
            with contextlib.suppress(RedisError, OSError):
                await command(primary, "CLIENT", "KILL", "TYPE", "replica")
            await asyncio.sleep(self.chance.uniform(*CUT_SECONDS))
            primary.kill()
            return time.monotonic()
        finally:
            replica.process.send_signal(signal.SIGCONT)

    async def restore(self) -> None:
        """Wait until the replica has taken over, then start the killed node as a replica."""
        if (killed := self._killed) is None:
            return
        began = time.monotonic()
        while (await self._pair())[0] is None:
            assert time.monotonic() < began + DEADLINE, "no replica takes over"
            await asyncio.sleep(0.05)
        self.takeover_seconds.append(time.monotonic() - began)
        killed.start()
        while not await is_synchronized(killed):
            assert time.monotonic() < began + DEADLINE, "the killed node is no replica"
            await asyncio.sleep(0.05)
        self._killed = None

    async def confirmed(self, position: str) -> bool:
        """Whether the primary has the entry, and its replica confirms (WAIT) what it has."""
        with contextlib.suppress(RedisError, OSError):
            primary, _ = await self._pair()
            if primary is not None:
                async with client(primary) as redis, redis.pipeline(transaction=False) as commands:
                    began = time.monotonic()
                    commands.xrange(log_key(self.session), position, position)
                    commands.set(key(self.session, "confirmed"), position)
                    commands.execute_command("WAIT", 1, WAIT_MS)
                    found, _, replicas = await commands.execute()
                    self.wait_seconds.append(time.monotonic() - began)
                    return bool(found) and replicas > 0
        return False

    async def require_replicas(self) -> None:
        """Let every node refuse writes while it has no replica (min-replicas-to-write)."""
        for node in self.cluster.nodes:
            await command(node, "CONFIG", "SET", "min-replicas-to-write", "1")
            await command(node, "CONFIG", "SET", "min-replicas-max-lag", "1")

    async def _pair(self) -> tuple[Node | None, list[Node]]:
        """The primary of the session, if there is one at the moment, and all its nodes."""
        nodes = [node for node in self.cluster.nodes if node.holds(self.session)]
        for node in nodes:
            if node is not self._killed or node.process.poll() is None:
                with contextlib.suppress(RedisError, OSError):
                    if (await command(node, "ROLE"))[0] == "master":
                        return node, nodes
        return None, nodes

    def _other(self) -> Node:
        return next(node for node in self.cluster.nodes if not node.holds(self.session))

    def _url(self, node: Node) -> str:
        return f"redis://127.0.0.1:{node.port}"


@contextlib.asynccontextmanager
async def client(node: Node) -> AsyncIterator[Redis]:
    """A client of one node that tries nothing again."""
    once = Retry(NoBackoff(), 0)
    async with Redis(port=node.port, retry=once, decode_responses=True, socket_timeout=5) as redis:
        redis.response_callbacks.clear()
        yield redis


async def command(node: Node, *words: str) -> list[str]:
    """The reply of one node to one command."""
    async with client(node) as redis:
        reply = await redis.execute_command(*words)
    return reply if isinstance(reply, list) else [str(reply)]


async def is_synchronized(node: Node) -> bool:
    """Whether a node is a replica that has all that its primary has."""
    with contextlib.suppress(RedisError, OSError):
        role, *more = await command(node, "ROLE")
        return role == "slave" and more[2] == "connected"
    return False


@contextlib.asynccontextmanager
async def replicated_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Three primaries and a replica of each, ended with all nodes."""
    ports = free_ports(4 * NODES)
    share = [SLOTS * n // NODES for n in range(NODES + 1)]
    nodes = [
        Node(
            folder / str(n),
            ports[2 * n],
            ports[2 * n + 1],
            range(share[n % NODES], share[n % NODES + 1]),
        )
        for n in range(2 * NODES)
    ]
    primaries, replicas = Cluster(nodes[:NODES]), nodes[NODES:]
    try:
        for node in nodes:
            node.start()
        await primaries.meet()
        for primary, replica in zip(primaries.nodes, replicas, strict=True):
            await primary.ask("CLUSTER", "MEET", "127.0.0.1", replica.port, replica.bus)
            await _replicate(replica, primary)
        yield Cluster(nodes)
    finally:
        for node in nodes:
            node.kill()


async def _replicate(replica: Node, primary: Node) -> None:
    """Make a node the replica of another, once it knows it."""
    identity = await primary.ask("CLUSTER", "MYID")
    deadline = time.monotonic() + DEADLINE
    while not await is_synchronized(replica):
        assert time.monotonic() < deadline, "no replica"
        with contextlib.suppress(RedisError):
            await command(replica, "CLUSTER", "REPLICATE", identity)
        await asyncio.sleep(0.1)
