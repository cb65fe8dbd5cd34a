"""When a subscriber is sent what: a subscription, without the wire.

Time is the wall clock in milliseconds, and is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.views.frame import Token
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import Channel, Message, Reel, Shot, place
from services.storage.frame_reader import HISTORY_IS_GONE

HEARTBEAT_MS = 5000
"""A subscriber hears something at least as often."""

CATCH_UP_MS = 3000
"""How long a subscriber that is further than this gateway is let wait for it."""


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Wishes:
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

    def __init__(self, reel: Reel, channel: Channel, wishes: Wishes, now: float) -> None:
        self.wishes = wishes
        self.channel = channel
        self.sent: Shot | None = None
        """The last shot that the subscriber knows."""
        self._reel = reel
        self._beginning: Shot | None = None
        self._resume = wishes.resume
        self._resume_until = now + CATCH_UP_MS
        self._reason: str | None = None
        self._spoke_at = now
        self._earliest = now  # of the next message, for the rate

    def begin_with(self, shot: Shot) -> None:
        """The picture with which a delayed subscription begins, from before the reel."""
        self._beginning = shot

    def next(self, now: float) -> Message | None:
        """What is to be sent now; to be asked again once it is sent. None: nothing."""
        shot = self._due(now) if now >= self._earliest else None
        if shot is not None:
            return self._to(shot, now)
        if now - self._spoke_at >= HEARTBEAT_MS:
            self._spoke_at = now
            if self.sent is not None:
                return self.channel.heartbeat(self.sent, now)
        return None

    def idle_until(self, now: float) -> float:
        """When to ask again, if nothing new comes before."""
        wake = self._spoke_at + HEARTBEAT_MS
        coming = self._reel.after(self.sent)
        if coming is not None and not self._reel.behind:
            due = coming.at + self.wishes.delay_ms if self.wishes.delay_ms else now
            wake = min(wake, max(due, self._earliest, self._waits_until(now)))
        return max(wake, now)

    def _due(self, now: float) -> Shot | None:
        """The newest shot that may be shown and was not."""
        if self._reel.behind:
            return None
        if not self.wishes.delay_ms:
            shot = self._reel.newest
        else:
            shot = self._reel.at(now - self.wishes.delay_ms) or self._beginning
        if shot is None or not self._taken_up(now):
            return None
        return shot if self.sent is None or shot.number > self.sent.number else None

    def _taken_up(self, now: float) -> bool:
        """Find where the subscriber stopped; False while that is yet to come here.

        Another gateway may have been further.
        """
        if self._resume is None:
            return True
        self.sent = self._reel.find(self._resume)
        if self.sent is None:
            if now < self._waits_until(now):
                return False
            self._reason = HISTORY_IS_GONE
        self._resume = None
        return True

    def _waits_until(self, now: float) -> float:
        """Until when a token that is further than anything here is waited for."""
        newest = self._reel.newest
        if self._resume is None or newest is None:
            return now
        ahead = self._resume.epoch == newest.token.epoch and place(self._resume) > place(
            newest.token
        )
        return self._resume_until if ahead else now

    def _to(self, shot: Shot, now: float) -> Message:
        message = self.channel.message(self.sent, shot, self._reason)
        self.sent, self._reason = shot, None
        self._spoke_at = now
        if self.wishes.max_hz is not None:
            self._earliest = now + 1000 / self.wishes.max_hz
        return message
