"""When the projector writes what not every frame needs, and how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from events.errors import StoreError, StoreUnavailable

T = TypeVar("T")

MonotonicClock = Callable[[], float]
"""Seconds since an arbitrary start."""

LEASE_MS = 3000
RENEW_SECONDS = 1.0
"""How often leases are renewed: two renewals may fail before a lease expires."""

POLL_SECONDS = 0.5
"""How often the list of sessions and the leases of other processes are read. A session whose
projector died is idle for at most LEASE_MS and this long, plus the time to load it."""

UNFIT_SECONDS = 10.0
"""How long a session is left alone after the server rejected its commands."""

SNAPSHOT_SECONDS = 1.0
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_ENTRIES = 4096


class SnapshotSchedule:
    """When a session's snapshots and checkpoints are due.

    A snapshot is due when the deltas since the last one have reached its size, so that
    snapshots at most double what is written, however large they grow; and at most once a
    second. Checkpoints are at least a second and a few thousand entries apart, so that a
    restart folds again at most what a second folded, or a few thousand entries.
    """

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._snapshot_at = self._checkpoint_at = clock()
        self._snapshot_size = 0
        self._delta_bytes = 0

    def delta_written(self, size: int) -> None:
        """Note a delta of ``size`` bytes."""
        self._delta_bytes += size

    def snapshot_written(self, size: int) -> None:
        """Note a snapshot of ``size`` bytes."""
        self._snapshot_at, self._snapshot_size, self._delta_bytes = self._clock(), size, 0

    def snapshot_missing(self) -> None:
        """Note that the newest snapshot was deleted from the store."""
        self._snapshot_size = 0

    def snapshot_due(self) -> bool:
        """Whether to write a snapshot with the next frame."""
        paid_for = self._delta_bytes >= self._snapshot_size
        return paid_for and self._clock() - self._snapshot_at >= SNAPSHOT_SECONDS

    def checkpoint_due(self, folded: int) -> bool:
        """Whether to store a checkpoint now, ``folded`` entries after the last one.

        If so, the next one is counted from now.
        """
        now = self._clock()
        if folded < CHECKPOINT_ENTRIES or now - self._checkpoint_at < CHECKPOINT_SECONDS:
            return False
        self._checkpoint_at = now
        return True


async def retry(
    command: Callable[[], Awaitable[T]], log: Any, on: type[StoreError] = StoreUnavailable
) -> T:
    """The result of a command to the store, repeated for as long as it raises ``on``."""
    pause = 0.05
    while True:
        try:
            return await command()
        except on as error:
            log.warning("store unavailable, retrying", reason=str(error))
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)
