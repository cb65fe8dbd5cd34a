"""Callbacks that run when there is a new snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


class Listeners:
    """The callbacks of those that wait for snapshots, in the order in which they came."""

    def __init__(self) -> None:
        # A dict keeps the order, and removes one of a thousand at once.
        self._callbacks: dict[Callable[[], None], None] = {}

    def __len__(self) -> int:
        return len(self._callbacks)

    @contextlib.contextmanager
    def listening(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call ``callback`` at each new snapshot, inside the ``with`` block."""
        self._callbacks[callback] = None
        try:
            yield
        finally:
            del self._callbacks[callback]

    def notify(self) -> None:
        """Call them all."""
        for callback in tuple(self._callbacks):
            callback()
