"""The newest snapshots of a session, in memory.

A `Snapshot` is the published state at a frame. A `FrameBuffer` keeps the newest of them; states
share what did not change between them, so keeping many costs little.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from projections.views.frame import ClientState, Frame, Token
from projections.views.freshness import Freshness, freshness
from projections.views.merge_patch import Patch, State
from replay.entries import parse_position
from services.gateway.live.memory_budget import own_bytes

MIN_SNAPSHOTS = 1024
"""Snapshots that are always kept. A subscriber that resumes at one of them receives a delta, at
any other token a snapshot."""

MAX_SNAPSHOTS = 60_000
"""The limit on what is kept for delays, however long the delay."""


MEASURED_EVERY = 16
"""Of so many deltas the size of one is measured; each takes as long as applying it."""


class Snapshot(NamedTuple):
    """The published state at a frame.

    ``number`` counts the snapshots of this process without a gap. ``at`` is the recorded time
    of the newest event (ms since 1970). ``patch`` leads here from the snapshot before; None if
    only the state does. ``reason`` says why the epoch began. ``known_at`` is when that event became
    known to this process (``services.clocks``), where that is not ``at``: ages count from it.
    """

    number: int
    token: Token
    at: int
    clock_at: int
    clock_running: bool
    state: State
    patch: Patch | None = None
    reason: str | None = None
    known_at: int | None = None

    @property
    def since(self) -> int:
        """The time (ms) from which the age of the data counts."""
        return self.at if self.known_at is None else self.known_at

    def delayed(self, delay_ms: int) -> Snapshot:
        """The snapshot as subscribers with a delay receive it, later by the delay."""
        if not delay_ms:
            return self
        return self._replace(at=self.at + delay_ms, known_at=self.since + delay_ms)

    def age_ms(self, now: float) -> int:
        """The age of the data at a time (ms)."""
        return max(0, int(now) - self.since)

    def freshness(self, now: float, *, silent: bool = False) -> Freshness:
        """The freshness at a time (ms); ``silent``: its live feed is not heard."""
        patience = self.state["session"].get("patience_ms")
        return freshness(self.clock_running, now - self.since, patience, silent=silent)


class FrameBuffer:
    """The newest snapshots of a session, in order.

    ``known_ms`` says when an event became known that arrives now, by its recorded time.
    """

    def __init__(self, known_ms: Callable[[int], int] = lambda recorded: recorded) -> None:
        self._known_ms = known_ms
        self._client = ClientState()
        self._snapshots: list[Snapshot] = []
        self._times: list[int] = []  # of `since`
        self._by_token: dict[Token, Snapshot] = {}
        self.count = 0
        """The number of snapshots so far."""
        self._reason: str | None = None
        # Whether the frames since the last snapshot include one that was not appended: its
        # patch would be missing from a delta.
        self._diverged = False
        self.retain_ms = 0
        """How long snapshots are kept, for the delays of subscribers (ms)."""
        self.retain_known_ms = 0
        """The same for those with a token."""
        self.bytes = 0
        """About what the snapshots take."""
        self._sizes: list[int] = []
        self._size = 0  # of the last delta that was measured
        self._whole = False  # whether that was the whole state of another buffer's snapshot
        self.behind = False
        """Whether newer frames exist that have not arrived yet: nothing here is to be sent."""

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot; None before the first."""
        return self._snapshots[-1] if self._snapshots else None

    def apply(self, frame: Frame) -> Snapshot | None:
        """Apply a frame and append its snapshot; None if it leads no further than the newest.

        Raises ValueError for a delta that follows nothing.
        """
        before = self.newest
        self._client.apply(frame)
        self._diverged |= frame.kind == "snapshot"
        if before is not None and token_order(frame.token) <= token_order(before.token):
            self._diverged = True
            return None
        if frame.kind == "snapshot" and (before is None or before.token.epoch < frame.token.epoch):
            self._reason = frame.reason
        self.count += 1
        snapshot = Snapshot(
            self.count,
            frame.token,
            frame.at,
            frame.clock_at,
            frame.clock_running,
            self._client.state,
            None if self._diverged else frame.data,
            self._reason,
            self._known_at(frame),
        )
        self._diverged = False
        self._append(snapshot, self._estimate(snapshot))
        return snapshot

    def append(self, snapshot: Snapshot) -> Snapshot:
        """Append a snapshot of another buffer, renumbered.

        Its state counts here, too: the other buffer may forget it sooner.
        """
        self.count += 1
        whole = snapshot.patch is None
        if self.count % MEASURED_EVERY == 0 or not self._size or whole is not self._whole:
            self._size, self._whole = own_bytes(snapshot.state, snapshot.patch), whole
        snapshot = snapshot._replace(number=self.count, patch=None)
        self._append(snapshot, self._size)
        return snapshot

    def clear(self) -> None:
        """Forget every snapshot, and begin again with the next frame that is one."""
        self._client = ClientState()
        self._snapshots.clear()
        self._times.clear()
        self._sizes.clear()
        self.bytes = 0
        self._by_token.clear()
        self._diverged = True

    def at(self, at: float) -> Snapshot | None:
        """The snapshot at a time (ms); None if it is not kept."""
        index = bisect_right(self._times, at)
        return self._snapshots[index - 1] if index else None

    def after(self, snapshot: Snapshot | None) -> Snapshot | None:
        """The first snapshot that is kept after another; None if there is none."""
        number = snapshot.number if snapshot is not None else 0
        if not self._snapshots or number >= self.count:
            return None
        return self._snapshots[max(0, number + 1 - self._snapshots[0].number)]

    def find(self, token: Token) -> Snapshot | None:
        """The snapshot at a token, if it is kept."""
        return self._by_token.get(token)

    def _estimate(self, snapshot: Snapshot) -> int:
        """About what a snapshot takes: measured for some, as the others are much like them."""
        if snapshot.patch is None:
            return own_bytes(snapshot.state, None)
        if self.count % MEASURED_EVERY == 0 or not self._size:
            self._size = own_bytes(snapshot.state, snapshot.patch)
        return self._size

    def _known_at(self, frame: Frame) -> int:
        """When the newest event of a frame became known.

        That is a new event where the frame's time is. While the store's clock is behind, events
        are recorded at the time of the one before, and lie at that time in the log, too; an audit
        event lies behind it, and says nothing of the race.
        """
        before = self.newest
        if before is None:
            return self._known_ms(frame.at)
        if frame.at == before.at:
            same = frame.token.position == before.token.position
            if same or parse_position(frame.token.position)[0] > frame.at:
                return before.since
        return max(before.since, self._known_ms(frame.at))

    def _append(self, snapshot: Snapshot, size: int) -> None:
        self._snapshots.append(snapshot)
        self._times.append(snapshot.since)
        self._sizes.append(size)
        self.bytes += size
        self._by_token[snapshot.token] = snapshot
        self._trim(snapshot.since)

    def _trim(self, now: int) -> None:
        spare = len(self._snapshots) - MIN_SNAPSHOTS
        # Deleting from the front of a list moves the rest, so it is done in batches.
        if spare < MIN_SNAPSHOTS // 4:
            return
        # The last snapshot before the retained span stays: a delay may begin with it.
        drop = min(spare, max(0, bisect_right(self._times, now - self.retain_ms) - 1))
        drop = max(drop, len(self._snapshots) - MAX_SNAPSHOTS)
        self._drop(drop)

    def shrink(self, count: int, retain_ms: int) -> None:
        """Keep so many snapshots only, and those of the last ``retain_ms``, until more arrive."""
        self.retain_ms = min(self.retain_ms, retain_ms)
        self.retain_known_ms = min(self.retain_known_ms, retain_ms)
        if self._times:
            since = bisect_right(self._times, self._times[-1] - retain_ms) - 1
            self._drop(min(len(self._snapshots) - count, max(0, since)))

    def _drop(self, count: int) -> None:
        """Forget the oldest snapshots."""
        if count <= 0:
            return
        for snapshot in self._snapshots[:count]:
            self._by_token.pop(snapshot.token, None)
        self.bytes -= sum(self._sizes[:count])
        del self._snapshots[:count], self._times[:count], self._sizes[:count]


def token_order(token: Token) -> tuple[int, tuple[int, int]]:
    """A sort key for tokens."""
    return token.epoch, parse_position(token.position)
