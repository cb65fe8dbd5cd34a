"""Subscription messages, each encoded once for all subscribers that receive the same.

A `Channel` belongs to the subscriptions with the same filter and the same delay. Patches do not
compose: a subscriber that fell behind, was away, or wants fewer messages receives the difference
between two states, the one it has and the newest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json, to_json

from projections.views.frame import Token
from projections.views.merge_patch import Patch, State, merge_patch
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.memory_budget import MESSAGES

if TYPE_CHECKING:
    from services.gateway.live.forecast_feed import SessionForecast

MAX_MESSAGES = 64
"""The encoded messages that a channel keeps, as far as the budget of all channels allows."""


class SubscriptionMessage(NamedTuple):
    """A message to a subscriber: its kind, its token, and its JSON."""

    kind: str
    token: Token
    body: bytes

    def as_sse(self) -> bytes:
        """The server-sent event, with the token as its id."""
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (
            str(self.token).encode(),
            self.kind.encode(),
            self.body,
        )

    def as_websocket(self) -> bytes:
        """The unmasked text frame (RFC 6455, 5.2), which is the same for every client."""
        size = len(self.body)
        # 0x81: final fragment, opcode 1 (text). Lengths above 125 use 16 or 64 further bits.
        if size < 126:
            head = bytes((0x81, size))
        elif size < 1 << 16:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        return head + self.body


_Key = tuple[int, Token]


def _key(snapshot: Snapshot) -> _Key:
    # The number alone is not enough: every snapshot folded from before the buffer has number 0.
    # Nor is the token: an output makes a snapshot anew at the same position.
    return snapshot.number, snapshot.token


class Channel:
    """The messages for one filter and one delay.

    A client's clock runs on from ``at``, so ``at`` is later by the delay: otherwise the clock
    would be ahead of the delayed state. ``silent`` returns whether the session has a live feed
    that is not heard.
    """

    def __init__(
        self, wanted: Filter, delay_ms: int = 0, silent: Callable[[], bool] = lambda: False
    ) -> None:
        self.filter = wanted
        self.delay_ms = delay_ms
        self._silent = silent
        self._messages: OrderedDict[tuple[_Key | None, _Key, str | None], SubscriptionMessage] = (
            OrderedDict()
        )
        self._budget = MESSAGES
        self._bytes = 0
        self._websocket_frame: tuple[SubscriptionMessage, bytes] | None = None
        self._forecast: tuple[tuple[int, Token], SubscriptionMessage] | None = None

    def message(
        self, before: Snapshot | None, after: Snapshot, reason: str | None = None
    ) -> SubscriptionMessage:
        """The message that leads from one snapshot to another: a delta or a snapshot.

        ``before`` is None for a subscriber without a state; ``reason`` says why it has none.
        """
        key = (_key(before) if before else None, _key(after), reason)
        known = self._messages.get(key)
        if known is None:
            known = self._encode(before, after, reason)
            self._keep(key, known)
        return known

    def _keep(
        self, key: tuple[_Key | None, _Key, str | None], message: SubscriptionMessage
    ) -> None:
        """Keep a message, instead of the oldest ones where there is no room."""
        size = len(message.body)
        while self._messages and (
            len(self._messages) >= MAX_MESSAGES or self._budget.taken + size > self._budget.limit
        ):
            _, oldest = self._messages.popitem(last=False)
            self._bytes -= len(oldest.body)
            self._budget.give_back(len(oldest.body))
        if self._budget.take(size):
            self._bytes += size
            self._messages[key] = message

    def __del__(self) -> None:
        self._budget.give_back(self._bytes)

    def websocket_frame(self, message: SubscriptionMessage) -> bytes:
        """The message as a WebSocket frame, encoded once for all subscribers."""
        if self._websocket_frame is None or self._websocket_frame[0] is not message:
            self._websocket_frame = (message, message.as_websocket())
        return self._websocket_frame[1]

    def heartbeat(self, snapshot: Snapshot, now: float) -> SubscriptionMessage:
        """A heartbeat with the age of the data at a time (ms), without the delay."""
        delayed = snapshot.delayed(self.delay_ms)
        more: dict[str, Any] = {"age_ms": delayed.age_ms(now)}
        if self._silent():
            more["silent"] = True
        return _encode("heartbeat", delayed, None, **more)

    def forecast(self, forecast: SessionForecast, snapshot: Snapshot) -> SubscriptionMessage:
        """The message with a forecast for subscribers that have the snapshot."""
        key = (forecast.number, snapshot.token)
        if self._forecast is None or self._forecast[0] != key:
            self._forecast = (key, self._encode_forecast(forecast, snapshot))
        return self._forecast[1]

    def _encode_forecast(
        self, forecast: SessionForecast, snapshot: Snapshot
    ) -> SubscriptionMessage:
        delayed = snapshot.delayed(self.delay_ms)
        made_from = forecast.position
        message = _encode("forecast", delayed, None, forecast.reason, made_from=made_from)
        body = forecast.body or b"null"
        if self.filter.of_rows and forecast.body is not None:
            body = to_json(self.filter.choose_forecast(from_json(body)))
        return message._replace(body=b'%b,"data":%b}' % (message.body[:-1], body))

    def _encode(
        self, before: Snapshot | None, after: Snapshot, reason: str | None
    ) -> SubscriptionMessage:
        after = after.delayed(self.delay_ms)
        if before is None:
            return _encode("snapshot", after, self.filter.choose(after.state), reason)
        if before.token.epoch != after.token.epoch:
            return _encode("snapshot", after, self.filter.choose(after.state), after.reason)
        return _encode("delta", after, self._patch(before, after))

    def _patch(self, before: Snapshot, after: Snapshot) -> Patch:
        # The projector's own patch serves subscribers of all rows that are one frame behind,
        # which is nearly everyone: no two states are compared then.
        if (
            before.number + 1 == after.number
            and after.patch is not None
            and not self.filter.of_rows
        ):
            return self.filter.choose_patch(after.patch)
        return merge_patch(self.filter.choose(before.state), self.filter.choose(after.state))


def _encode(
    kind: str, snapshot: Snapshot, data: State | None, reason: str | None = None, **more: Any
) -> SubscriptionMessage:
    members: dict[str, Any] = {
        "kind": kind,
        "token": str(snapshot.token),
        "epoch": snapshot.token.epoch,
        "position": snapshot.token.position,
        "at": snapshot.at,
        "clock": {"at": snapshot.clock_at, "running": snapshot.clock_running},
        **more,
    }
    if data is not None:
        members["data"] = data
    if reason is not None:
        members["reason"] = reason
    return SubscriptionMessage(kind, snapshot.token, to_json(members))
