"""The races and seasons that lapstream brings along: sessions that need no import.

A built-in race or season is put into the store when it is first asked for, in one batch,
and is then like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from events import AnyEvent
from events.errors import PositionConflict
from replay.entries import START
from services.storage.event_log import Log


class BuiltIn(NamedTuple):
    """A race or season that is built in; both functions import what tells it, which takes a
    moment.

    ``length`` and ``digest`` are of its events as a log holds them: how many, and the SHA-256
    of their lines, by which what an older lapstream told is known.
    """

    title: Callable[[], str]
    events: Callable[[], Sequence[AnyEvent]]
    length: int
    digest: str


def _petit_le_mans_2007_title() -> str:
    from replay.petit_le_mans_2007 import TITLE

    return TITLE


def _petit_le_mans_2007() -> Sequence[AnyEvent]:
    from replay.petit_le_mans_2007 import petit_le_mans_2007

    return petit_le_mans_2007()


def _alms_2007_title() -> str:
    return "2007 American Le Mans Series"


def _alms_2007() -> Sequence[AnyEvent]:
    from replay.seasons.alms_2007 import alms_2007

    return alms_2007()


BUILT_IN = {
    "petit-le-mans-2007": BuiltIn(
        _petit_le_mans_2007_title,
        _petit_le_mans_2007,
        29_097,
        "34ed5b0cd672a7788a97660b7b0efe8185b65af18e40eed8f918982c120f0b76",
    ),
}
"""The races that are built in, by the names of their sessions."""

SEASONS = {
    "alms-2007": BuiltIn(
        _alms_2007_title,
        _alms_2007,
        49,
        "454d0f5262bc4f6e1fe86439f37fcc3a56c365a768346205c4fe63f50c852797",
    ),
}
"""The seasons that are built in, by the names of their logs."""


class Edition:
    """Whether a log begins with the race as it is built in here: its entries are shown in turn."""

    def __init__(self, built_in: BuiltIn) -> None:
        self._built_in = built_in
        self._lines = hashlib.sha256()
        self._left = built_in.length

    @property
    def length(self) -> int:
        """How many entries tell what is built in."""
        return self._built_in.length

    @classmethod
    def of(cls, session: str) -> Edition | None:
        """Of a session that is built in; None of any other."""
        built_in = BUILT_IN.get(session) or SEASONS.get(session)
        return cls(built_in) if built_in else None

    def take(self, line: bytes) -> None:
        """The next entry of the log; what was decided later is behind the race."""
        if self._left:
            self._left -= 1
            self._lines.update(line + b"\n")

    @property
    def is_ours(self) -> bool:
        """Whether it is what would be put into an empty store."""
        return self._left == 0 and self._lines.hexdigest() == self._built_in.digest


async def put_into_store(log: Log, session: str) -> None:
    """Append the built-in race or season of that name, if there is one and the store lacks it.

    Of several commands that do so at once, one does. A session of that name that holds
    other events is left as it is.
    """
    built_in = BUILT_IN.get(session) or SEASONS.get(session)
    if built_in is not None and await log.length(session) == 0:
        with contextlib.suppress(PositionConflict):  # another command was first
            await log.append(session, await asyncio.to_thread(built_in.events), expected=START)
