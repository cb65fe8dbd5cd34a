"""Appending people's decisions to the log, each exactly once.

The store gives out the number of a decision, so that no two processes use the same one,
whatever is appended between reading the log and deciding. If a reply of the store is lost,
redis-py sends the append again, and the event counts as a duplicate: then the log is searched
for exactly that event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from events import AnyEvent, encode
from replay.entries import START
from services.storage.event_log import Log

RACE_CONTROL = "race-control"
"""The source of decisions entered by hand."""

Make = Callable[[int], Sequence[AnyEvent]]
"""Makes the events of a decision from the number of the first; always as many events."""


async def decide(
    log: Log, session: str, source: str, make: Make, count: int = 1, *, after: str = START
) -> tuple[list[AnyEvent], str]:
    """Append the ``count`` events that are one decision.

    Returns the events as recorded, and the last position of the log. ``after`` is a position
    that they cannot precede. Raises what `Log.append` raises.
    """
    there: dict[int, AnyEvent] = {}
    while True:
        made = make(await log.next_number(session, source, count))
        sent = {place: event for place, event in enumerate(made) if place not in there}
        result = await log.append(session, list(sent.values()))
        known = set() if result.added == len(sent) else await _payloads(log, session, after)
        for (place, event), added in zip(sent.items(), result.positions, strict=True):
            if added is not None or encode(event) in known:
                there[place] = event  # else another program used that number
        if len(there) == len(made):
            return [there[place] for place in range(len(made))], result.position


async def _payloads(log: Log, session: str, after: str) -> set[bytes]:
    return {
        part
        async for entries in log.read(session, after)
        for entry in entries
        for part in entry.fields
    }
