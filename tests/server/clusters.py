"""A Cluster on loopback: three primaries, made from the embedded server's program."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from services.storage.keys import log_key
from services.storage.valkey import find_binary

SLOTS = 16384
NODES = 3
DEADLINE = 30.0
OPTIONS = {
    "bind": "127.0.0.1",
    "cluster-enabled": "yes",
    "cluster-node-timeout": "2000",
    "cluster-require-full-coverage": "no",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "logfile": "log",
}


@dataclass
class Node:
    """A node at a port, with a folder of its own and a share of the slots."""

    home: Path
    port: int
    bus: int
    slots: range
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, anew or with the log that it has kept."""
        self.home.mkdir(exist_ok=True)
        options = {**OPTIONS, "port": str(self.port), "cluster-port": str(self.bus)}
        self.process = subprocess.Popen(
            [str(find_binary()), *(word for k, v in options.items() for word in (f"--{k}", v))],
            cwd=self.home,
            stdin=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Kill it where it stands; one that has ended stays as it is."""
        self.process.kill()
        self.process.wait()

    async def ask(self, *command: str | int) -> str:
        """What it answers, once it listens."""
        deadline = time.monotonic() + DEADLINE
        once = Retry(NoBackoff(), 0)
        async with Redis(port=self.port, retry=once, decode_responses=True) as client:
            client.response_callbacks.clear()  # answers as they came
            while True:
                assert self.process.poll() is None, (self.home / "log").read_text()
                with contextlib.suppress(RedisError):
                    return str(await client.execute_command(*command))
                assert time.monotonic() < deadline, f"no answer to {command}"
                await asyncio.sleep(0.02)

    def holds(self, session: str) -> bool:
        """Whether the session's log is kept here."""
        return self.holds_key(log_key(session))

    def holds_key(self, key: str) -> bool:
        """Whether the key is kept here."""
        return key_slot(key.encode()) in self.slots


@dataclass
class Cluster:
    """Three nodes that know each other."""

    nodes: list[Node]

    @property
    def url(self) -> str:
        """One node's; the others are found from there."""
        return f"redis://127.0.0.1:{self.nodes[0].port}"

    def session_on(self, node: Node, name: str) -> str:
        """A session id whose log that node holds."""
        return next(s for n in range(1000) if node.holds(s := f"{name}-{n}"))

    async def meet(self) -> None:
        """Give out the slots, and wait until every node knows of all."""
        first = self.nodes[0]
        for node in self.nodes:
            await node.ask("CLUSTER", "ADDSLOTSRANGE", node.slots[0], node.slots[-1])
            if node is not first:
                await first.ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        await self.whole()

    async def whole(self) -> None:
        """Wait until every node says that all slots are served."""
        deadline = time.monotonic() + DEADLINE
        for node in self.nodes:
            while not {"cluster_state:ok", f"cluster_slots_ok:{SLOTS}"} <= {
                *(await node.ask("CLUSTER", "INFO")).split()
            }:
                assert time.monotonic() < deadline, "the nodes do not find each other"
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """A Cluster in that folder, ended with all its nodes."""
    ports = free_ports(2 * NODES)
    share = [SLOTS * n // NODES for n in range(NODES + 1)]
    cluster = Cluster(
        [
            Node(folder / str(n), ports[2 * n], ports[2 * n + 1], range(share[n], share[n + 1]))
            for n in range(NODES)
        ]
    )
    try:
        for node in cluster.nodes:
            node.start()
        await _skip_unless_able(cluster.nodes[0])
        await cluster.meet()
        yield cluster
    finally:
        for node in cluster.nodes:
            node.kill()


async def _skip_unless_able(node: Node) -> None:
    if "cluster_enabled:1" not in await node.ask("INFO", "cluster"):
        pytest.skip("the server's program cannot be a node of a Cluster")


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at."""
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]
