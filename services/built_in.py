"""The races that lapstream brings along: sessions that need no import.

A built-in race is put into the store when it is first asked for, in one batch, and is
then a session like any other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from events import AnyEvent
from events.errors import PositionConflict
from replay.entries import START
from services.log import Log


class BuiltIn(NamedTuple):
    """A race that is built in; both functions import what tells it, which takes a moment."""

    title: Callable[[], str]
    events: Callable[[], Sequence[AnyEvent]]


def _petit_le_mans_2007_title() -> str:
    from replay.petit_le_mans_2007 import TITLE

    return TITLE


def _petit_le_mans_2007() -> Sequence[AnyEvent]:
    from replay.petit_le_mans_2007 import petit_le_mans_2007

    return petit_le_mans_2007()


BUILT_IN = {
    "petit-le-mans-2007": BuiltIn(_petit_le_mans_2007_title, _petit_le_mans_2007),
}
"""The races that are built in, by the names of their sessions."""


async def put_into_store(log: Log, session: str) -> None:
    """Append the built-in race of that name, if there is one and the store lacks it.

    Of several commands that do so at once, one does. A session of that name that holds
    other events is left as it is.
    """
    if session in BUILT_IN and await log.length(session) == 0:
        with contextlib.suppress(PositionConflict):  # another command was first
            await log.append(session, BUILT_IN[session].events(), expected=START)
