"""What a session's screens showed of late, and what a subscriber is sent of it.

A ``Snapshot`` is the published state at a frame. A ``FrameBuffer`` keeps the newest; states
share what did not change, so that many cost little. A ``Channel`` is what subscribers with equal
filters share: the message that leads from one snapshot to another, made and encoded once.

Patches do not compose. So whoever fell behind, was away, or wants fewer messages is sent
the difference of two states: the one that was last sent, and the newest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic_core import to_json

from projections.views.frame import Frame, Picture, Token
from projections.views.freshness import Freshness, freshness
from projections.views.merge_patch import Patch, State, merge_patch
from replay.entries import parse_position
from services.gateway.live.filters import Filter

MIN_SNAPSHOTS = 1024
"""Shots that are kept at least: a subscriber that comes back to one of them is sent what
changed since, any other is sent all."""

MAX_SNAPSHOTS = 60_000
"""Shots that are kept at most, however long a delay is asked for."""

MAX_MESSAGES = 64
"""Messages of a channel that are kept encoded."""


class Snapshot(NamedTuple):
    """The picture at a frame. ``number`` counts them, without a gap, in this process.

    ``patch`` leads here from the snapshot before, None where only the state does. ``reason``
    is why the epoch began.
    """

    number: int
    token: Token
    at: int
    clock_at: int
    clock_running: bool
    state: State
    patch: Patch | None = None
    reason: str | None = None

    def freshness(self, moment: float, *, silent: bool = False) -> Freshness:
        """What is said of its age at a wall-clock time (ms)."""
        patience = self.state["session"].get("patience_ms")
        return freshness(self.clock_running, moment - self.at, patience, silent=silent)


class FrameBuffer:
    """The last snapshots of a session, in order."""

    def __init__(self) -> None:
        self._picture = Picture()
        self._snapshots: list[Snapshot] = []
        self._ats: list[int] = []
        self._by_token: dict[Token, Snapshot] = {}
        self.count = 0
        """How many snapshots there have been."""
        self._reason: str | None = None
        self._apart = False  # whether the picture has gone another way than the snapshots
        self.retain_ms = 0
        """Shots are kept for as long, for the delays that are asked for."""
        self.behind = False
        """Whether more was told already than has come here: nothing of this is news to anyone."""

    @property
    def newest(self) -> Snapshot | None:
        """The picture now."""
        return self._snapshots[-1] if self._snapshots else None

    @property
    def oldest(self) -> Snapshot | None:
        """The first picture that is kept."""
        return self._snapshots[0] if self._snapshots else None

    def take(self, frame: Frame) -> Snapshot | None:
        """Take in a frame; None where it leads no further than what was shown already.

        Raises ValueError for a delta that follows nothing.
        """
        before = self.newest
        self._picture.show(frame)
        self._apart |= frame.kind == "snapshot"
        if before is not None and place(frame.token) <= place(before.token):
            self._apart = True
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
            self._picture.state,
            None if self._apart else frame.data,
            self._reason,
        )
        self._apart = False
        self._keep(snapshot)
        return snapshot

    def show(self, snapshot: Snapshot) -> Snapshot:
        """Have a snapshot of another buffer as the next one here."""
        self.count += 1
        snapshot = snapshot._replace(number=self.count, patch=None)
        self._keep(snapshot)
        return snapshot

    def restart(self) -> None:
        """Begin again with the next snapshot; what was shown is forgotten."""
        self._picture = Picture()
        self._snapshots.clear()
        self._ats.clear()
        self._by_token.clear()
        self._apart = True

    def at(self, at: float) -> Snapshot | None:
        """The picture as it was at a wall-clock time (ms); None where it is not kept."""
        index = bisect_right(self._ats, at)
        return self._snapshots[index - 1] if index else None

    def after(self, snapshot: Snapshot | None) -> Snapshot | None:
        """The first snapshot behind another; None if there is none."""
        number = snapshot.number if snapshot is not None else 0
        if not self._snapshots or number >= self.count:
            return None
        return self._snapshots[max(0, number + 1 - self._snapshots[0].number)]

    def find(self, token: Token) -> Snapshot | None:
        """The snapshot at a token, if it is kept."""
        return self._by_token.get(token)

    def _keep(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)
        self._ats.append(snapshot.at)
        self._by_token[snapshot.token] = snapshot
        self._trim(snapshot.at)

    def _trim(self, now: int) -> None:
        spare = len(self._snapshots) - MIN_SNAPSHOTS
        if spare < MIN_SNAPSHOTS // 4:
            return
        drop = min(spare, max(0, bisect_right(self._ats, now - self.retain_ms) - 1))
        drop = max(drop, len(self._snapshots) - MAX_SNAPSHOTS)
        for snapshot in self._snapshots[:drop]:
            self._by_token.pop(snapshot.token, None)
        del self._snapshots[:drop], self._ats[:drop]


def place(token: Token) -> tuple[int, tuple[int, int]]:
    """For ordering tokens."""
    return token.epoch, parse_position(token.position)


class SubscriptionMessage(NamedTuple):
    """Something to be sent: its kind, its token, and its JSON."""

    kind: str
    token: Token
    body: bytes

    def as_sse(self) -> bytes:
        """As a server-sent event; its id is the token."""
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (
            str(self.token).encode(),
            self.kind.encode(),
            self.body,
        )

    def as_websocket(self) -> bytes:
        """As an unmasked text frame (RFC 6455, 5.2), which is the same for every client."""
        size = len(self.body)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 1 << 16:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        return head + self.body


_Key = tuple[int, Token]


def _key(snapshot: Snapshot) -> _Key:
    """What tells a snapshot from all others of a buffer, and from those before it."""
    return snapshot.number, snapshot.token


class Channel:
    """The messages for one filter, and one delay.

    Whoever runs a clock on goes by when a picture came on air. So the ``at`` of a delayed
    message is later by the delay: else the clock would run ahead of its picture by it.
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
        self._framed: tuple[SubscriptionMessage, bytes] | None = None

    def message(
        self, before: Snapshot | None, after: Snapshot, reason: str | None = None
    ) -> SubscriptionMessage:
        """What leads a subscriber from one snapshot to another: a delta, or a snapshot.

        ``before`` is None for a subscriber that shows nothing; ``reason`` says why then.
        """
        key = (_key(before) if before else None, _key(after), reason)
        known = self._messages.get(key)
        if known is None:
            known = self._messages[key] = self._made(before, after, reason)
            if len(self._messages) > MAX_MESSAGES:
                self._messages.popitem(last=False)
        return known

    def framed(self, message: SubscriptionMessage) -> bytes:
        """The message as a WebSocket frame, made once."""
        if self._framed is None or self._framed[0] is not message:
            self._framed = (message, message.as_websocket())
        return self._framed[1]

    def heartbeat(self, snapshot: Snapshot, now: float) -> SubscriptionMessage:
        """A sign of life while nothing changes: where the session stands, how old that is.

        The delay is wanted, and is no age. Where the session's feed is not heard, that is
        said, too.
        """
        after = self._on_air(snapshot)
        more: dict[str, Any] = {"age_ms": max(0, int(now) - after.at)}
        if self._silent():
            more["silent"] = True
        return _encoded("heartbeat", after, None, **more)

    def _on_air(self, snapshot: Snapshot) -> Snapshot:
        return snapshot._replace(at=snapshot.at + self.delay_ms) if self.delay_ms else snapshot

    def _made(
        self, before: Snapshot | None, after: Snapshot, reason: str | None
    ) -> SubscriptionMessage:
        after = self._on_air(after)
        if before is None:
            return _encoded("snapshot", after, self.filter.choose(after.state), reason)
        if before.token.epoch != after.token.epoch:
            return _encoded("snapshot", after, self.filter.choose(after.state), after.reason)
        return _encoded("delta", after, self._patch(before, after))

    def _patch(self, before: Snapshot, after: Snapshot) -> Patch:
        if (
            before.number + 1 == after.number
            and after.patch is not None
            and not self.filter.of_rows
        ):
            return self.filter.choose_patch(after.patch)
        return merge_patch(self.filter.choose(before.state), self.filter.choose(after.state))


def _encoded(
    kind: str, snapshot: Snapshot, data: State | None, reason: str | None = None, **more: Any
) -> SubscriptionMessage:
    told: dict[str, Any] = {
        "kind": kind,
        "token": str(snapshot.token),
        "epoch": snapshot.token.epoch,
        "position": snapshot.token.position,
        "at": snapshot.at,
        "clock": {"at": snapshot.clock_at, "running": snapshot.clock_running},
        **more,
    }
    if data is not None:
        told["data"] = data
    if reason is not None:
        told["reason"] = reason
    return SubscriptionMessage(kind, snapshot.token, to_json(told))
