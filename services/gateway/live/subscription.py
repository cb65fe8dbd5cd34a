"""When a subscriber is sent what: a subscription, without the wire.

Time is the wall clock in milliseconds, and is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.views.frame import Token
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import (
    Channel,
    FrameBuffer,
    Snapshot,
    SubscriptionMessage,
    place,
)
from services.storage.frame_reader import HISTORY_IS_GONE

HEARTBEAT_MS = 5000
"""A subscriber hears something at least as often."""

CATCH_UP_MS = 3000
"""How long a subscriber that is further than this gateway is let wait for it."""


ALL = Filter()


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """What a subscriber asked for. ``resume`` is the token of the last message it had."""

    filter: Filter = ALL
    max_hz: float | None = None
    delay_ms: int = 0
    resume: Token | None = None

    @property
    def prompt(self) -> bool:
        """Whether everything is wanted as it comes."""
        return self.max_hz is None and self.delay_ms == 0


class Subscription:
    """Where one subscriber stands: what it was sent last, and when."""

    def __init__(
        self, buffer: FrameBuffer, channel: Channel, options: SubscriptionOptions, now: float
    ) -> None:
        self.options = options
        self.channel = channel
        self.sent: Snapshot | None = None
        """The last snapshot that the subscriber knows."""
        self._buffer = buffer
        self._beginning: Snapshot | None = None
        self._resume = options.resume
        self._resume_until = now + CATCH_UP_MS
        self._reason: str | None = None
        self._spoke_at = now
        self._earliest = now  # of the next message, for the rate

    def begin_with(self, snapshot: Snapshot) -> None:
        """The picture with which a delayed subscription begins, from before the buffer."""
        self._beginning = snapshot

    def next(self, now: float) -> SubscriptionMessage | None:
        """What is to be sent now; to be asked again once it is sent. None: nothing."""
        snapshot = self._due(now) if now >= self._earliest else None
        if snapshot is not None:
            return self._to(snapshot, now)
        if now - self._spoke_at >= HEARTBEAT_MS:
            self._spoke_at = now
            if self.sent is not None:
                return self.channel.heartbeat(self.sent, now)
        return None

    def idle_until(self, now: float) -> float:
        """When to ask again, if nothing new comes before."""
        wake = self._spoke_at + HEARTBEAT_MS
        coming = self._buffer.after(self.sent)
        if coming is not None and not self._buffer.behind:
            due = coming.at + self.options.delay_ms if self.options.delay_ms else now
            wake = min(wake, max(due, self._earliest, self._waits_until(now)))
        return max(wake, now)

    def _due(self, now: float) -> Snapshot | None:
        """The newest snapshot that may be shown and was not."""
        if self._buffer.behind:
            return None
        if not self.options.delay_ms:
            snapshot = self._buffer.newest
        else:
            snapshot = self._buffer.at(now - self.options.delay_ms) or self._beginning
        if snapshot is None or not self._taken_up(now):
            return None
        return snapshot if self.sent is None or snapshot.number > self.sent.number else None

    def _taken_up(self, now: float) -> bool:
        """Find where the subscriber stopped; False while that is yet to come here.

        Another gateway may have been further.
        """
        if self._resume is None:
            return True
        self.sent = self._buffer.find(self._resume)
        if self.sent is None:
            if now < self._waits_until(now):
                return False
            self._reason = HISTORY_IS_GONE
        self._resume = None
        return True

    def _waits_until(self, now: float) -> float:
        """Until when a token that is further than anything here is waited for."""
        newest = self._buffer.newest
        if self._resume is None or newest is None:
            return now
        ahead = self._resume.epoch == newest.token.epoch and place(self._resume) > place(
            newest.token
        )
        return self._resume_until if ahead else now

    def _to(self, snapshot: Snapshot, now: float) -> SubscriptionMessage:
        message = self.channel.message(self.sent, snapshot, self._reason)
        self.sent, self._reason = snapshot, None
        self._spoke_at = now
        if self.options.max_hz is not None:
            self._earliest = now + 1000 / self.options.max_hz
        return message
