"""Appending people's decisions to the log, each exactly once.

The store gives out the number of a decision, so that no two processes use the same one,
whatever is appended between reading the log and deciding. A decision whose number another
program used meanwhile takes the next one. If a reply of the store is lost, redis-py sends the
append again, and the log finds that it has this very event (``event_log``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from events import AnyEvent
from events.errors import IdentityTaken
from services.storage.event_log import Log

RACE_CONTROL = "race-control"
"""The source of decisions entered by hand."""

Make = Callable[[int], Sequence[AnyEvent]]
"""Makes the events of a decision from the number of the first; always as many events."""


async def decide(
    log: Log, session: str, source: str, make: Make, count: int = 1
) -> tuple[list[AnyEvent], str]:
    """Append the ``count`` events that are one decision.

    Returns the events as recorded, and the last position of the log. Raises what `Log.append`
    raises but IdentityTaken.
    """
    while True:
        made = list(make(await log.next_number(session, source, count)))
        try:
            result = await log.append(session, made)
        except IdentityTaken:
            continue  # another program used one of these numbers
        return made, result.position
