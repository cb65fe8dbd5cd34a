"""Lists of the sessions and of the seasons."""

from __future__ import annotations

from collections.abc import Sequence

from events import AnyEvent, SeasonOpened, SessionOpened, decode
from events.errors import LapstreamError, UndecodableEvent
from projections.championship.season import season_of
from services.queries.sessions import read_events, recorded_at
from services.queries.tables.columns import Row
from services.storage.built_in import BUILT_IN, SEASONS
from services.storage.event_log import Log, SessionSummary
from services.storage.projection_store import faults

OPENING = 50
"""How many entries at the start of a log are searched for its opening."""

Opening = SessionOpened | SeasonOpened


async def session_rows(log: Log) -> list[Row]:
    """A row for each session of the store, and for each built-in race that is not there."""
    rows = {}
    summaries = await log.sessions()
    stopped = await faults(log.store, [summary.session for summary in summaries])
    for summary in summaries:
        opened = await _opening(log, summary)
        if not isinstance(opened, SeasonOpened):
            rows[summary.session] = _described(summary, opened, stopped.get(summary.session))
    for name in BUILT_IN:
        rows.setdefault(name, _described(SessionSummary(name, 0, "0-0", "0-0"), None, None))
    return [rows[name] for name in sorted(rows)]


async def season_rows(log: Log) -> list[Row]:
    """A row for each season of the store, and for each that is built in."""
    rows = {name: _season_row(name, built_in.events()) for name, built_in in SEASONS.items()}
    for summary in await log.sessions():
        if isinstance(await _opening(log, summary), SeasonOpened):
            rows[summary.session] = await _season(log, summary.session)
    return [rows[name] for name in sorted(rows)]


async def _season(log: Log, name: str) -> Row:
    """The row of a season; one that cannot be read says why, and leaves the others readable."""
    try:
        events, _, _ = await read_events(log, name)
        return _season_row(name, [event for _, event in events])
    except LapstreamError as error:
        fault = str(error)
    except Exception as error:  # noqa: BLE001 - it fails this season alone
        fault = f"{type(error).__name__}: {error}"
    return {**_season_row(name, ()), "fault": fault}


async def _opening(log: Log, summary: SessionSummary) -> Opening | None:
    if not summary.length:
        return None  # its key may hold no stream; reading that would fail the whole list
    async for entries in log.read(summary.session, count=OPENING):
        for entry in entries:
            try:
                event = decode(entry.payload)
            except UndecodableEvent:
                continue
            if isinstance(event, Opening):
                return event
        break
    return None


def _described(summary: SessionSummary, opened: SessionOpened | None, fault: str | None) -> Row:
    first, last = recorded_at(summary.first), recorded_at(summary.last)
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
        "fault": fault,
    }


def _season_row(name: str, events: Sequence[AnyEvent]) -> Row:
    season = season_of(events)
    opened = season.opened
    return {
        "season": name,
        "title": opened.title if opened else None,
        "series": opened.series if opened else None,
        "rules": opened.rules if opened else None,
        "classes": list(season.classes),
        "rounds": len(season.rounds),
        "last_round": season.last_round,
        "built_in": name in SEASONS,
        "fault": None,
    }
