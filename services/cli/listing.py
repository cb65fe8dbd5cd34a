"""The list of sessions."""

from __future__ import annotations

from events import SessionOpened, decode
from events.errors import UndecodableEvent
from services.built_in import BUILT_IN
from services.cli.asking import learned_at
from services.cli.tables import Row
from services.log import Log, SessionSummary

OPENING = 50
"""How many entries at the start of a log are looked at for its opening."""


async def session_rows(log: Log) -> list[Row]:
    """A row for each session of the store, and for each built-in race that is not there."""
    rows = {summary.session: await _row(log, summary) for summary in await log.sessions()}
    for name in BUILT_IN:
        rows.setdefault(name, _described(SessionSummary(name, 0, "0-0", "0-0"), None))
    return [rows[name] for name in sorted(rows)]


async def _row(log: Log, summary: SessionSummary) -> Row:
    return _described(summary, await _opening(log, summary.session))


async def _opening(log: Log, session: str) -> SessionOpened | None:
    async for entries in log.read(session, count=OPENING):
        for entry in entries:
            try:
                event = decode(entry.payload)
            except UndecodableEvent:
                continue
            if isinstance(event, SessionOpened):
                return event
        break
    return None


def _described(summary: SessionSummary, opened: SessionOpened | None) -> Row:
    first, last = learned_at(summary.first), learned_at(summary.last)
    built_in = BUILT_IN.get(summary.session)
    title, kind = (opened.title, opened.kind) if opened else (None, None)
    if opened is None and built_in is not None:
        title = built_in.title()
    return {
        "session": summary.session,
        "title": title,
        "kind": kind,
        "entries": summary.length,
        "first_learned_at": first and first.isoformat(timespec="milliseconds"),
        "last_learned_at": last and last.isoformat(timespec="milliseconds"),
        "built_in": built_in is not None,
    }
