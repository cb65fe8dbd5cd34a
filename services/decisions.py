"""People's decisions into the log: each once, from however many commands at once.

A decision's number is given out by the store, so no two commands have the same, however
many events come in between reading the log and deciding. Where an answer of the store is
lost, the client library sends the append again and hears that the event is there already:
then the log is looked through for that very event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from events import AnyEvent, encode
from replay.entries import START
from services.log import Log

RACE_CONTROL = "race-control"
"""The source of decisions that are entered by hand."""

Make = Callable[[int], Sequence[AnyEvent]]
"""The events of a decision, given the number of the first; the same number of events each time."""


async def decide(
    log: Log, session: str, source: str, make: Make, count: int = 1, *, after: str = START
) -> tuple[list[AnyEvent], str]:
    """Append ``count`` events that are one decision, all or nothing.

    Gives the events as they stand in the log, and its last position. ``after`` is a
    position before which they cannot be. Raises what `Log.append` raises.
    """
    while True:
        events = list(make(await log.next_number(session, source, count)))
        result = await log.append(session, events)
        if result.added == len(events) or await _is_there(log, session, events, after):
            return events, result.position


async def _is_there(log: Log, session: str, events: Sequence[AnyEvent], after: str) -> bool:
    """Whether all of these events are in the log: another program may count on its own."""
    missing = {encode(event) for event in events}
    async for entries in log.read(session, after):
        missing.difference_update(part for entry in entries for part in entry.fields)
    return not missing
