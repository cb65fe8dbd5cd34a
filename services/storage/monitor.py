"""Whether the store answers, takes writes, and still keeps them: checked while it is in use.

A server can hang without closing a connection (a stopped process, a lost network), become a
replica, run out of memory, or have its persistence switched off.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from events.errors import NotConfirmed, StoreError, StoreUnavailable
from services.fault_guard import logged_faults
from services.storage.client import Store
from services.storage.connections import connected
from services.storage.fitness import ServerReport, check_fitness, server_report

CHECK_SECONDS = 1.0
"""How long a check may take before the store counts as silent."""

INTERVAL_SECONDS = 0.5
"""The time between two checks."""

HUNG_SECONDS = 2.0
"""How long a store may be silent before nobody waits for it any longer. A killed embedded server is
back sooner."""

TURN_SECONDS = 0.02
"""How often the event loop is given a turn during a check."""

FEWEST_TURNS = 0.25
"""The share of these turns below which it is this process that was too busy for an answer."""

RETRIES = 5
"""Retries of a check that finds no connection; they take a third of a second."""

PROBE = "lapstream:probe"
"""A key that never exists. ``SET ... XX`` on it writes nothing, but is refused where a write that
takes memory would be."""

MonitorListener = Callable[[], None]


class StoreMonitor:
    """Checks a store. ``hung`` is called whenever a check finds it silent for HUNG_SECONDS."""

    def __init__(self, store: Store, hung: MonitorListener = lambda: None) -> None:
        self._store = store
        self._hung = hung
        self._connection = contextlib.AsyncExitStack()
        self._client: Redis | None = None
        self._checking: asyncio.Task[None] | None = None
        self._answered_at = time.monotonic()
        self._silent = False

    @property
    def is_hung(self) -> bool:
        """Whether the store has been silent for so long that nobody is to wait for it."""
        return self._silent and time.monotonic() - self._answered_at > HUNG_SECONDS

    async def check(self) -> None:
        """Check the store now; callers at the same time share a check.

        Raises StoreUnavailable where it does not answer within CHECK_SECONDS, StoreUnfit where it
        takes no writes or does not keep them.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        await asyncio.shield(self._checking)

    async def run(self) -> None:
        """Check the store at intervals, without end."""
        while True:
            with logged_faults("the check of the store"):
                await self.check()
            with logged_faults("the check of the store"):
                if self.is_hung:
                    self._hung()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def close(self) -> None:
        """Close the connection."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])
        await self._connection.aclose()

    async def _check(self) -> None:
        turns = _Turns()
        counting = asyncio.create_task(turns.count())
        try:
            await self._ask()
        except NotConfirmed:  # it answers
            self._set_answered()
            raise
        except StoreUnavailable:
            # Where this process was too busy to read it, the store may have answered in time.
            if not turns.were_few():
                self._silent = True
            raise
        except StoreError:
            self._set_answered()
            raise
        finally:
            counting.cancel()
        self._set_answered()

    def _set_answered(self) -> None:
        self._silent = False
        self._answered_at = time.monotonic()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await (self._ask_cluster() if self._store.cluster else self._ask_server())
        except TimeoutError:
            reason = f"no reply within {CHECK_SECONDS:g} s"
            raise StoreUnavailable(self._store.name, reason) from None

    async def _ask_server(self) -> None:
        """Check a single server, on a connection of its own."""
        name = self._store.name
        if self._client is None:
            opening = connected(self._store.url, name, 1, RETRIES)
            self._client = await self._connection.enter_async_context(opening)
        with self._store.translated_errors():
            check_fitness(await server_report(self._client), name)
            await _try_to_write(self._client)

    async def _ask_cluster(self) -> None:
        """Check the primaries of a Cluster. One that is down stops its own sessions only."""
        cluster: Any = self._store.redis
        nodes = cluster.get_primaries()
        reports = await asyncio.gather(*(_report_of(cluster, node) for node in nodes))
        found = [(node, report) for node, report in zip(nodes, reports, strict=True) if report]
        if not found:
            raise StoreUnavailable(self._store.name, "no node of the Cluster answers")
        for node, report in found:
            check_fitness(report, f"{self._store.name}, node {node.name}")


class _Turns:
    """Counts the turns of the event loop, which are few where the process is too busy."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._turns = 0

    async def count(self) -> None:
        """Count, until cancelled."""
        while True:
            await asyncio.sleep(TURN_SECONDS)
            self._turns += 1

    def were_few(self) -> bool:
        """Whether there were so few that an answer may be waiting to be read."""
        possible = (time.monotonic() - self._began) / TURN_SECONDS
        return possible > 1 and self._turns < possible * FEWEST_TURNS


async def _try_to_write(redis: Redis) -> None:
    with contextlib.suppress(NoPermissionError):  # of this key alone, for all that is known
        await redis.set(PROBE, "", xx=True)


async def _report_of(cluster: Any, node: Any) -> ServerReport | None:
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(CHECK_SECONDS * 0.8):
            return await server_report(cluster, target_nodes=node)
    return None
