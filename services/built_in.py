"""The races and seasons that lapstream brings along: sessions that need no import.

A built-in race or season is put into the store when it is first asked for, in one batch,
and is then like any other.
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
    """A race or season that is built in; both functions import what tells it, which takes a
    moment."""

    title: Callable[[], str]
    events: Callable[[], Sequence[AnyEvent]]


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
    "petit-le-mans-2007": BuiltIn(_petit_le_mans_2007_title, _petit_le_mans_2007),
}
"""The races that are built in, by the names of their sessions."""

SEASONS = {"alms-2007": BuiltIn(_alms_2007_title, _alms_2007)}
"""The seasons that are built in, by the names of their logs."""


async def put_into_store(log: Log, session: str) -> None:
    """Append the built-in race or season of that name, if there is one and the store lacks it.

    Of several commands that do so at once, one does. A session of that name that holds
    other events is left as it is.
    """
    built_in = BUILT_IN.get(session) or SEASONS.get(session)
    if built_in is not None and await log.length(session) == 0:
        with contextlib.suppress(PositionConflict):  # another command was first
            await log.append(session, built_in.events(), expected=START)
