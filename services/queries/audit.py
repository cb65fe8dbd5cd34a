"""Who did what: the events that a person stands behind, and what was done with tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from events import AnyEvent, decode
from events.errors import StoreUnfit, UndecodableEvent
from projections.results.revisions import AMENDING, describe_decision
from replay.entries import LogEntry, parse_position
from services.queries.tables.columns import Row
from services.storage.event_log import Log
from services.storage.token_store import AUDIT, RETAINED_AUDIT, TokenStore

OF_EVERY_EVENT = frozenset({"v", "type", "at", "source", "source_seq", "basis", "by"})
LONGEST_TEXT = 200


class Audit(NamedTuple):
    """The rows, and why each key was left out that the store refuses to read."""

    rows: list[Row]
    left_out: dict[str, str]


async def read_audit(
    log: Log, tokens: TokenStore, sessions: Sequence[str] = (), limit: int | None = None
) -> Audit:
    """A row for each act, the newest first, at most ``limit``.

    ``sessions`` are those wanted; without any, all of the store, and what was done with tokens. A
    log that cannot be read, such as one that another program overwrote, is left out and named.
    Raises UnknownSession and StoreUnavailable.
    """
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    for session in sessions:
        await log.require(session)
    for session in sessions or [one.session for one in await log.sessions()]:
        try:
            async for batch in log.read(session):
                rows += _of_entries(session, batch)
                rows = _newest(rows, limit)
        except StoreUnfit as error:
            left_out[session] = str(error)
    if not sessions:
        try:
            rows += [
                _row(change.at_ms, None, change.by, f"token {change.action}: {change.token}")
                for change in await tokens.changes(limit or RETAINED_AUDIT)
            ]
        except StoreUnfit as error:
            left_out[AUDIT] = str(error)
    return Audit(_newest(rows, limit), left_out)


def _newest(rows: list[Row], limit: int | None) -> list[Row]:
    return sorted(rows, key=lambda row: row["recorded_at"], reverse=True)[:limit]


def _of_entries(session: str, entries: Iterable[LogEntry]) -> Iterator[Row]:
    for entry in entries:
        try:
            event = decode(entry.payload)
        except UndecodableEvent:
            continue
        if event.by is not None:
            yield _of_event(session, entry.position, event)


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
