"""Estimates of what snapshots and messages take, and the limits on it.

Clients choose delays and filters freely, and both make the gateway keep things for them.
"""

from __future__ import annotations

import sys
from typing import Any

from projections.views.merge_patch import Patch, State

MESSAGE_BYTES = 64 * 2**20
"""Encoded messages that all channels of a process keep together. They save work only."""

SNAPSHOT_BYTES = 256 * 2**20
"""Snapshots that all tails of a process keep together, for delays and for resuming."""


class MemoryBudget:
    """What is taken of a limit, in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    def take(self, size: int) -> bool:
        """Take so much if it is left."""
        if self.taken + size > self.limit:
            return False
        self.taken += size
        return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self.taken -= size


MESSAGES = MemoryBudget(MESSAGE_BYTES)


def own_bytes(state: State, patch: Patch | None) -> int:
    """About what a state takes that it does not share with the one before.

    ``patch`` leads to it from there; without one it shares nothing.
    """
    size = sys.getsizeof(state)
    for name, value in (state if patch is None else patch).items():
        inner: Any = state.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            size += own_bytes(inner, None if patch is None else value)
        else:
            size += sys.getsizeof(inner)
    if patch is not None:
        size += sys.getsizeof(patch)
    return size
