"""Frames handed over within a process, from the projector that commits them to their readers.

A frame is handed over after its commit, so a reader never has one that the store has not. The store
stays what counts: a reader that does not find its place here reads there, and so do all readers of
a session that is projected elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from projections.views.frame import Token

RETAINED = 64
"""Frames of a session that are kept for readers that are behind."""


class CommittedFrame(NamedTuple):
    """A frame as it was committed: behind which token, at which one, and encoded."""

    follows: str
    token: Token
    frame: bytes


class FrameLine:
    """The newest frames that one projection of a session has committed."""

    def __init__(self) -> None:
        self._frames: deque[CommittedFrame] = deque(maxlen=RETAINED)
        self._news = asyncio.Event()
        self._open = True

    def add(self, before: Token | None, token: Token, frame: bytes) -> None:
        """Hand over a frame that was committed."""
        self._frames.append(CommittedFrame(str(before or ""), token, frame))
        self._wake()

    def close(self) -> None:
        """Send the readers back to the store: another projection may commit now."""
        self._open = False
        self._wake()

    async def behind(self, token: Token) -> Sequence[CommittedFrame] | None:
        """The frames behind this token, waited for; None where they must be read from the store."""
        while self._open:
            found = self._behind(token)
            if found is None or found:
                return found
            await self._news.wait()
        return None

    def _behind(self, token: Token) -> Sequence[CommittedFrame] | None:
        found: deque[CommittedFrame] = deque()
        for one in reversed(self._frames):
            if one.token == token:
                return found
            found.appendleft(one)
        return found if found and found[0].follows == str(token) else None

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class CommittedFrames:
    """The lines of the sessions that this process projects."""

    def __init__(self) -> None:
        self._lines: dict[str, FrameLine] = {}

    @contextlib.contextmanager
    def line(self, session: str) -> Iterator[FrameLine]:
        """A line for one projection of the session, closed at the end."""
        line = FrameLine()
        if (before := self._lines.get(session)) is not None:
            before.close()
        self._lines[session] = line
        try:
            yield line
        finally:
            line.close()
            if self._lines.get(session) is line:
                del self._lines[session]

    async def behind(self, session: str, token: Token) -> Sequence[CommittedFrame] | None:
        """The frames behind this token, waited for; None where they must be read from the store."""
        line = self._lines.get(session)
        return None if line is None else await line.behind(token)
