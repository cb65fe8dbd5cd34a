"""Searching a log for the decisions on its quarantine, and appending one."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from events import AnyEvent, EventQuarantined, QuarantineLifted, decode
from events.errors import BadDecision, UndecodableEvent
from replay.entries import LogEntry, parse_position
from replay.quarantine import NOTHING, QUARANTINE_EVENTS, Quarantine, decision_of, describe
from services.storage.decision_log import RACE_CONTROL, decide
from services.storage.event_log import Log

BEFORE = 100
"""How many entries before the one in quarantine are searched for the session time then."""


async def quarantine_of(log: Log, session: str, known: Quarantine = NOTHING) -> Quarantine:
    """The quarantine by all decisions of the log; ``known`` is that of its beginning.

    Raises StoreError.
    """
    async for entries in log.read(session, known.upto):
        known = known.after(entries)
    return known


async def decisions_in_force(log: Log, session: str) -> dict[str, tuple[str, EventQuarantined]]:
    """By position, the decisions that put entries into quarantine, each with its own position.

    Raises StoreError.
    """
    known, decided = NOTHING, dict[str, tuple[str, EventQuarantined]]()
    async for entries in log.read(session):
        known = known.after(entries)
        for entry in entries:
            event = decision_of(entry)
            if isinstance(event, EventQuarantined):
                decided.setdefault(event.position, (entry.position, event))
            elif event is not None:
                decided.pop(event.position, None)
    positions = sorted(known.positions, key=parse_position)
    return {one: decided[one] for one in positions if one in decided}


async def has_changed(log: Log, session: str, known: Quarantine) -> tuple[bool, Quarantine]:
    """Whether the quarantine changed since ``known``, and the quarantine now. Raises StoreError."""
    now = await quarantine_of(log, session, known)
    return now.positions != known.positions, now


async def quarantine(
    log: Log, session: str, position: str, *, by: str | None, reason: str | None, lift: bool = False
) -> tuple[str, str]:
    """Put the log entry at a position into quarantine, or lift its quarantine.

    Returns the position of the decision, and a description of the entry. The log is not folded:
    that it cannot be is the reason for a quarantine. Raises BadDecision for a position where
    there is no entry, that of a decision on a quarantine, or one that is in quarantine already
    (or, with ``lift``, is not).
    """
    entry, at = await _entry(log, session, position)
    known = await quarantine_of(log, session)
    if (entry.position in known.positions) != lift:
        state = "not in quarantine" if lift else "in quarantine already"
        raise BadDecision("position", f"the entry at {entry.position} is {state}")
    what = _described(entry)

    def made(number: int) -> list[AnyEvent]:
        head: Any = {"at": at, "source": RACE_CONTROL, "source_seq": number, "by": by}
        members = {**head, "position": entry.position, "reason": reason}
        try:
            return [QuarantineLifted(**members) if lift else EventQuarantined(**members)]
        except ValidationError as invalid:
            fault = invalid.errors()[0]
            raise BadDecision(".".join(map(str, fault["loc"])), fault["msg"]) from None

    (decision,), decided_at = await decide(log, session, RACE_CONTROL, made)
    return f"{RACE_CONTROL} {decision.source_seq} at {decided_at}", what


async def _entry(log: Log, session: str, position: str) -> tuple[LogEntry, int]:
    """The entry at a position, and the session time (ms) before it."""
    try:
        wanted = parse_position(position)
    except ValueError as error:
        raise BadDecision("position", str(error)) from None
    before = await log.entries_before(session, position, BEFORE)
    if not before or parse_position(before[0].position) != wanted:
        raise BadDecision("position", f"no entry of {session!r} is at {position}")
    entry, *earlier = before
    if (event := _event(entry)) is not None and type(event) in QUARANTINE_EVENTS:
        raise BadDecision("position", "a decision on a quarantine; use --lift to take it back")
    events = (found for one in earlier if (found := _event(one)) is not None)
    return entry, next((event.at for event in events), 0)


def _event(entry: LogEntry) -> AnyEvent | None:
    try:
        return decode(entry.payload)
    except UndecodableEvent:
        return None


def _described(entry: LogEntry) -> str:
    event = _event(entry)
    return "undecodable" if event is None else describe(event)
