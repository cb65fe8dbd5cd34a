"""The snapshots that an output shows: those of its session, or the one that it is frozen with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.clocks import now_ms
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot, token_order
from services.gateway.outputs.content import (
    OutputContent,
    clock_of,
    revision_of,
    snapshot_of,
    token_of,
)
from services.storage.output_store import FrozenOutput, StoredOutput


class OutputDisplay:
    """The buffer of an output. Whatever happens to the source, the last snapshot stays.

    ``notify`` is called at each new snapshot.
    """

    def __init__(self, stored: StoredOutput, notify: Callable[[], None]) -> None:
        self.output = stored.effective
        self.buffer = FrameBuffer()
        self.source: Snapshot | None = None
        """The session's snapshot that is shown."""
        self.frozen: FrozenOutput | None = None
        self.ready = asyncio.Event()
        """Set once there is a snapshot."""
        self._stored = stored
        self._notify = notify
        self._reason: str | None = None
        self._provisional = False
        if stored.frozen is not None:
            self._freeze(stored.frozen)

    def content(self, failed: bool) -> OutputContent | None:
        """What is shown now; None before the first snapshot. ``failed``: the source is gone."""
        if self.source is None:
            return None
        output, source, now = self.output, self.source, now_ms()
        if self.frozen is not None:
            hold = self.frozen.hold
            return OutputContent(output, source, hold.moment, hold.since_ms, now, hold.stale, hold)
        return OutputContent(output, source, now - output.delay_ms, now, now, failed)

    def update(self, stored: StoredOutput) -> bool:
        """Freeze or release as the store has it. Returns whether the output was released."""
        if stored.revision < self._stored.revision:  # another answer arrived before
            return False
        released = self.frozen is not None and stored.frozen is None
        self._stored = stored
        if stored.frozen is not None and stored.frozen != self.frozen:
            self._freeze(stored.frozen)
        elif released:
            self.frozen = None
        return released

    def show(self, source: Snapshot, *, provisional: bool = False) -> None:
        """Show a snapshot of the session, unless a later one is shown.

        A provisional one is replaced by another at the same position.
        """
        if not self.is_newer(source):
            return
        self._provisional = provisional
        newest = self.buffer.newest
        token = token_of(source, self._stored.revision)
        if newest is None or token.epoch != newest.token.epoch:
            older = newest is not None and revision_of(newest.token) < self._stored.revision
            self._reason = "released" if older else source.reason
        self.source = source
        self._append(source, self._stored.revision, self._reason)

    def is_newer(self, source: Snapshot) -> bool:
        """Whether the snapshot is later than what is shown, or replaces a provisional one."""
        newest = self.buffer.newest
        token = token_of(source, self._stored.revision)
        if newest is None or (self._provisional and token == newest.token):
            return True
        return token_order(token) > token_order(newest.token)

    def _freeze(self, frozen: FrozenOutput) -> None:
        """Show the stored frame, with its clock stopped at the moment of the freeze."""
        self.frozen = frozen
        source = snapshot_of(frozen.frame)
        # The frame's clock is that of its newest event; what was shown had run on since.
        clock_at = clock_of(source, frozen.hold.moment)
        stopped = source._replace(clock_at=clock_at, clock_running=False)
        self.source = source
        self._append(stopped, frozen.revision, f"frozen by {frozen.hold.by}")

    def _append(self, snapshot: Snapshot, revision: int, reason: str | None) -> None:
        # A client's clock runs on from `at`, so the delay is added to it.
        delayed = snapshot.delayed(self.output.delay_ms)
        token = token_of(snapshot, revision)
        self.buffer.append(delayed._replace(token=token, reason=reason))
        self.ready.set()
        self._notify()
