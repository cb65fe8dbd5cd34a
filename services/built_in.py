"""The races that lapstream brings along: sessions that need no import.

A built-in race is put into the store when it is first asked for, in one batch, and is
then a session like any other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from events import AnyEvent
from events.errors import PositionConflict
from replay.entries import START
from services.log import Log


def _petit_le_mans_2007() -> Sequence[AnyEvent]:
    from replay.petit_le_mans_2007 import race

    return race()


BUILT_IN: dict[str, Callable[[], Sequence[AnyEvent]]] = {
    "petit-le-mans-2007": _petit_le_mans_2007,
}
"""The session's name to the events it consists of."""


async def put_into_store(log: Log, session: str) -> None:
    """Append the built-in race of that name, if there is one and the store lacks it.

    Of several commands that do so at once, one does. A session of that name that holds
    other events is left as it is.
    """
    if session in BUILT_IN and await log.length(session) == 0:
        with contextlib.suppress(PositionConflict):  # another command was first
            await log.append(session, BUILT_IN[session](), expected=START)
