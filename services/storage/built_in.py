"""Built-in races and seasons, which need no import.

A built-in race or season is put into the store when it is first queried, in one batch, and is
then like any other.
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
    """A built-in race or season.

    Both functions import the modules that make its events, which takes a moment. ``length``
    is the number of its events, ``digest`` the SHA-256 of their stored lines, by which the
    events of an older lapstream are recognised as different.
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
        "fb67a83d7e3a4bbaee55529f9f6723e29320bc6e021150774296737e821aa5b2",
    ),
}
"""The built-in races by their sessions."""

SEASONS = {
    "alms-2007": BuiltIn(
        _alms_2007_title,
        _alms_2007,
        49,
        "7c0941937ae8f40e6e6e96964dda5cfb295eb0122fc3897b0de259d1e91359b7",
    ),
}
"""The built-in seasons by their logs."""


class BuiltInCheck:
    """Compares a log, entry by entry, with the race or season built into this version."""

    def __init__(self, built_in: BuiltIn) -> None:
        self._built_in = built_in
        self._lines = hashlib.sha256()
        self._left = built_in.length

    @property
    def length(self) -> int:
        """The number of built-in events."""
        return self._built_in.length

    @classmethod
    def of(cls, session: str) -> BuiltInCheck | None:
        """The check for a built-in session; None for any other."""
        built_in = BUILT_IN.get(session) or SEASONS.get(session)
        return cls(built_in) if built_in else None

    def add(self, line: bytes) -> None:
        """Add the next entry of the log; entries after the built-in ones are ignored."""
        if self._left:
            self._left -= 1
            self._lines.update(line + b"\n")

    @property
    def matches(self) -> bool:
        """Whether the log begins with the built-in events."""
        return self._left == 0 and self._lines.hexdigest() == self._built_in.digest


async def put_into_store(log: Log, session: str) -> None:
    """Append the built-in race or season of that name if the store has no such session.

    Of several processes at once, one appends. A session of that name with other events is left
    as it is.
    """
    built_in = BUILT_IN.get(session) or SEASONS.get(session)
    if built_in is not None and await log.length(session) == 0:
        with contextlib.suppress(PositionConflict):  # another process was first
            await log.append(session, await asyncio.to_thread(built_in.events), expected=START)
