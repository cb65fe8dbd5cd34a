"""When a subscriber is sent what: a subscription without its connection.

Time is the process's clock in milliseconds (``services.clocks``), and an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from projections.views.frame import Token
from services.gateway.live.channel import Channel, SubscriptionMessage
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot, token_order
from services.storage.frame_reader import HISTORY_IS_GONE

if TYPE_CHECKING:
    from services.gateway.live.forecast_feed import ForecastFeed

POLL_MS = 500
"""How often a forecast is looked for while no snapshot arrives (ms)."""

HEARTBEAT_MS = 5000
"""The longest time between two messages."""

CATCH_UP_MS = 3000
"""How long a token newer than anything in this process is waited for."""

ALL = Filter()


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """What a subscriber requests. ``resume`` is the token of the last message it received."""

    filter: Filter = ALL
    max_hz: float | None = None
    delay_ms: int = 0
    resume: Token | None = None


class Subscription:
    """The state of one subscription: what was sent last, and when."""

    def __init__(
        self, buffer: FrameBuffer, channel: Channel, options: SubscriptionOptions, now: float
    ) -> None:
        self.options = options
        self.channel = channel
        self.sent: Snapshot | None = None
        """The last snapshot that the subscriber knows."""
        self._buffer = buffer
        self._initial: Snapshot | None = None
        self._resume = options.resume
        self._resume_until = now + CATCH_UP_MS
        self._reason: str | None = None
        self._sent_at = now
        self._earliest = now  # of the next message, by the rate
        self._forecasts: ForecastFeed | None = None
        self._forecast_sent = 0  # its number
        self._forecast_earliest = now

    @property
    def follows_forecasts(self) -> bool:
        """Whether forecasts are sent, too."""
        return self._forecasts is not None

    def follow(self, forecasts: ForecastFeed) -> None:
        """Send forecasts, too."""
        self._forecasts = forecasts

    def start_from(self, snapshot: Snapshot) -> None:
        """Begin a delayed subscription with a snapshot older than the buffer."""
        self._initial = snapshot

    def next(self, now: float) -> SubscriptionMessage | None:
        """The message that is due; None for none. Call again once it is sent."""
        snapshot = self._due(now) if now >= self._earliest else None
        if snapshot is not None:
            return self._message(snapshot, now)
        forecast = self._due_forecast(now)
        if forecast is not None:
            return forecast
        if now - self._sent_at >= HEARTBEAT_MS:
            # Also without a snapshot to send: else `idle_until` would be now, again and again.
            self._sent_at = now
            if self.sent is not None:
                return self.channel.heartbeat(self.sent, now)
        return None

    def idle_until(self, now: float) -> float:
        """When to call `next` again if no snapshot arrives before."""
        wake = self._sent_at + HEARTBEAT_MS
        if self._forecasts is not None:
            wake = min(wake, now + POLL_MS)
        coming = self._buffer.after(self.sent)
        if coming is not None and not self._buffer.behind:
            due = coming.since + self.options.delay_ms if self.options.delay_ms else now
            wake = min(wake, max(due, self._earliest, self._resume_deadline(now)))
        return max(wake, now)

    def _due_forecast(self, now: float) -> SubscriptionMessage | None:
        """The message with the newest forecast, unless it was sent."""
        if self._forecasts is None or self.sent is None or now < self._forecast_earliest:
            return None
        forecast = self._forecasts.newest(self.sent)
        if forecast is None or forecast.number <= self._forecast_sent:
            return None
        self._forecast_sent, self._sent_at = forecast.number, now
        if self.options.max_hz is not None:
            self._forecast_earliest = now + 1000 / self.options.max_hz
        return self.channel.forecast(forecast, self.sent)

    def _due(self, now: float) -> Snapshot | None:
        """The newest snapshot that may be sent and was not."""
        if self._buffer.behind:
            return None
        if not self.options.delay_ms:
            snapshot = self._buffer.newest
        else:
            snapshot = self._buffer.at(now - self.options.delay_ms) or self._initial
        if snapshot is None or not self._resumed(now):
            return None
        return snapshot if self.sent is None or snapshot.number > self.sent.number else None

    def _resumed(self, now: float) -> bool:
        """Find the snapshot to resume from; False while it may still arrive."""
        if self._resume is None:
            return True
        self.sent = self._buffer.find(self._resume)
        if self.sent is None:
            if now < self._resume_deadline(now):
                return False
            self._reason = HISTORY_IS_GONE
        self._resume = None  # it is resolved once
        return True

    def _resume_deadline(self, now: float) -> float:
        """How long to wait for a token newer than this process has: another gateway sent it."""
        newest = self._buffer.newest
        if self._resume is None or newest is None:
            return now
        same_epoch = self._resume.epoch == newest.token.epoch
        ahead = same_epoch and token_order(self._resume) > token_order(newest.token)
        return self._resume_until if ahead else now

    def _message(self, snapshot: Snapshot, now: float) -> SubscriptionMessage:
        message = self.channel.message(self.sent, snapshot, self._reason)
        self.sent, self._reason = snapshot, None
        self._sent_at = now
        if self.options.max_hz is not None:
            self._earliest = now + 1000 / self.options.max_hz
        return message
