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
from services.storage.event_log import Log

RACE_CONTROL = "race-control"
"""The source of decisions that are entered by hand."""

Make = Callable[[int], Sequence[AnyEvent]]
"""The events of a decision, given the number of the first; the same number of events each time."""


async def decide(
    log: Log, session: str, source: str, make: Make, count: int = 1, *, after: str = START
) -> tuple[list[AnyEvent], str]:
    """Append the ``count`` events that are one decision.

    Gives the events as they stand in the log, and its last position. ``after`` is a
    position before which they cannot be. Raises what `Log.append` raises.
    """
    there: dict[int, AnyEvent] = {}
    while True:
        made = make(await log.next_number(session, source, count))
        sent = {place: event for place, event in enumerate(made) if place not in there}
        result = await log.append(session, list(sent.values()))
        known = set() if result.added == len(sent) else await _payloads(log, session, after)
        for (place, event), added in zip(sent.items(), result.positions, strict=True):
            if added is not None or encode(event) in known:
                there[place] = event  # else another program, which counts itself, was first
        if len(there) == len(made):
            return [there[place] for place in range(len(made))], result.position


async def _payloads(log: Log, session: str, after: str) -> set[bytes]:
    return {
        part
        async for entries in log.read(session, after)
        for entry in entries
        for part in entry.fields
    }
