"""Frames: how the published state of a session is sent, step by step.

A frame is a ``snapshot`` (the whole state) or a ``delta``: a JSON Merge Patch (RFC 7396)
on the state before. Patches do not compose; a subscriber that fell behind is sent the
difference of two states instead. The state itself is described by
``projections.views.published``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic_core import from_json, to_json

from projections.views.merge_patch import State, apply_patch
from projections.views.published import TOPICS


class Token(NamedTuple):
    """Where a frame stands: its epoch, and the position of its newest event in the log.

    Written ``<epoch>:<position>``; a subscriber resumes with it.
    """

    epoch: int
    position: str

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """``"3:1190000000000-0"``. Raises ValueError for anything else."""
        epoch, colon, position = text.partition(":")
        first, dash, second = position.partition("-")
        numbers = (epoch, first, second)
        if not (colon and dash and all(part.isascii() and part.isdigit() for part in numbers)):
            raise ValueError(f"{text!r} is not a token such as 1:1190000000000-0")
        return cls(int(epoch), position)


class Frame(NamedTuple):
    """One step of a session's published state.

    ``at`` is the recorded time of its newest event (ms since 1970), ``clock_at`` the session
    clock of that event (ms), ``clock_running`` whether that clock has run on since. ``data`` is
    the state of a snapshot or the patch of a delta, ``reason`` why a new epoch began.
    """

    token: Token
    at: int
    clock_at: int
    clock_running: bool
    kind: Literal["snapshot", "delta"]
    data: State
    reason: str | None = None

    def encode(self) -> bytes:
        """The frame as one line of JSON."""
        members: dict[str, Any] = {
            "epoch": self.token.epoch,
            "position": self.token.position,
            "at": self.at,
            "clock": {"at": self.clock_at, "running": self.clock_running},
            "kind": self.kind,
            "data": self.data,
        }
        if self.reason is not None:
            members["reason"] = self.reason
        return to_json(members)

    @classmethod
    def decode(cls, raw: bytes) -> Frame:
        """What ``encode`` wrote."""
        members = from_json(raw)
        return cls(
            Token(members["epoch"], members["position"]),
            members["at"],
            members["clock"]["at"],
            members["clock"]["running"],
            members["kind"],
            members["data"],
            members.get("reason"),
        )


class ClientState:
    """The state that a client has after the frames it was sent."""

    def __init__(self) -> None:
        self.newest: Frame | None = None
        self.state: State = {topic: {} for topic in TOPICS}

    def apply(self, frame: Frame) -> None:
        """Apply the next frame. Raises ValueError for a delta without its snapshot."""
        if frame.kind == "snapshot":
            self.state = frame.data
        elif self.newest is None or self.newest.token.epoch != frame.token.epoch:
            raise ValueError(f"the delta {frame.token} follows no snapshot of its epoch")
        else:
            self.state = apply_patch(self.state, frame.data)
        self.newest = frame
