"""Who did what: the events that a person stands behind, and what was done with tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from events import AnyEvent, decode
from events.errors import UndecodableEvent
from projections.results.revisions import AMENDING, describe_decision
from replay.entries import parse_position
from services.queries.tables.columns import Row
from services.storage.event_log import Log
from services.storage.token_store import TokenStore

OF_EVERY_EVENT = frozenset({"v", "type", "at", "source", "source_seq", "basis", "by"})
LONGEST_TEXT = 200


async def audit_rows(
    log: Log, tokens: TokenStore, sessions: Sequence[str] = (), limit: int | None = None
) -> list[Row]:
    """A row for each act, the newest first, at most ``limit``.

    ``sessions`` are those wanted; without any, all of the store, and what was done with tokens.
    Raises UnknownSession and StoreError.
    """
    rows: list[Row] = []
    for session in sessions:
        await log.require(session)
    for session in sessions or [one.session for one in await log.sessions()]:
        async for batch in log.read(session):
            for entry in batch:
                try:
                    event = decode(entry.payload)
                except UndecodableEvent:
                    continue
                if event.by is not None:
                    rows.append(_of_event(session, entry.position, event))
    if not sessions:
        rows += [
            _row(change.at_ms, None, change.by, f"token {change.action}: {change.token}")
            for change in await tokens.changes()
        ]
    rows.sort(key=lambda row: row["recorded_at"], reverse=True)
    return list(islice(rows, limit))


def _of_event(session: str, position: str, event: AnyEvent) -> Row:
    what = describe_decision(event) if isinstance(event, AMENDING) else _members(event)
    at_ms = parse_position(position)[0]
    row = _row(at_ms, session, event.by, what)
    return {**row, "type": event.type, "source": event.source, "position": position}


def _row(at_ms: int, session: str | None, by: str | None, what: str) -> Row:
    return {
        "recorded_at": _wall_clock(at_ms),
        "by": by,
        "session": session,
        "what": what[:LONGEST_TEXT],
        "type": None,
        "source": None,
        "position": None,
    }


def _members(event: AnyEvent) -> str:
    members: Iterable[tuple[str, Any]] = event.model_dump(exclude_none=True).items()
    text = ", ".join(
        _member(name.replace("_", " "), value)
        for name, value in members
        if name not in OF_EVERY_EVENT
    )
    return f"{event.type.replace('_', ' ')}{': ' if text else ''}{text}"


def _member(name: str, value: Any) -> str:
    """Write a member; rows and their like are counted."""
    if not isinstance(value, (list, tuple)):
        return f"{name} {value}"
    if any(isinstance(one, (dict, list, tuple)) for one in value):
        return f"{len(value)} {name}"
    return f"{name} {' '.join(map(str, value))}"


def _wall_clock(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # a position beyond the year 9999
        return "9999-12-31T23:59:59.999+00:00"
