"""The clocks of a process: the wall clock, and one that never runs backwards.

The age of data must keep growing while nothing arrives, also where somebody sets the machine's
clock back. So ages are measured on a clock that follows the wall clock forwards (a machine that
was suspended has old data) and otherwise goes on with the monotonic clock.

The store stamps entries with its own clock, and never earlier than the entry before: while that
clock is behind, its stamps stand still. So when an entry became known here counts as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Milliseconds since 1970 that never decrease. ``wall`` and ``monotonic`` are in seconds."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = wall() - monotonic()

    def now_ms(self) -> float:
        """The time now."""
        wall, monotonic = self._wall(), self._monotonic()
        self._ahead = max(self._ahead, wall - monotonic)
        return (monotonic + self._ahead) * 1000

    def known_ms(self, recorded_ms: int) -> int:
        """When something became known, that arrives now, stamped ``recorded_ms`` by the store.

        That is the stamp, put on this clock; or now, if the stamp is in the future.
        """
        now, wall = self.now_ms(), self._wall() * 1000
        return round(min(recorded_ms + (now - wall), now))


_CLOCK = SteadyClock()


def wall_ms() -> float:
    """The wall clock (ms since 1970), to compare with positions of the log."""
    return time.time() * 1000


def now_ms() -> float:
    """The clock for ages and delays (ms since 1970); it never runs backwards."""
    return _CLOCK.now_ms()


def known_ms(recorded_ms: int) -> int:
    """When something became known, that arrives now, stamped ``recorded_ms`` by the store."""
    return _CLOCK.known_ms(recorded_ms)
