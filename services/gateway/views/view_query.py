"""One view of one session at a moment: its rows, and the session line that goes with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import structlog

from events.errors import LapstreamError, UnknownCar
from projections import views
from projections.race import Race
from projections.views.freshness import Freshness, freshness
from projections.views.session_line import clock_running
from replay.quarantine import describe
from services.clocks import now_ms
from services.gateway.errors import RequestRefused, ViewFailed
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.state import Gateway
from services.gateway.views import live_rows
from services.gateway.views.http_cache import weak_etag
from services.gateway.views.known_at import (
    AT_MOMENT,
    bad_known_at,
    fold_limit,
    known_at_moment,
    known_position,
)
from services.queries.names import all_classes, find_class
from services.queries.race_cache import RaceMoment
from services.queries.sessions import class_named
from services.queries.tables import race_tables
from services.queries.tables.columns import Row, Table

logger = structlog.get_logger(__name__)

FIRST_SNAPSHOT_SECONDS = 0.5
"""How long a request waits for a tail that has just begun."""


def _messages(race: Race) -> list[Row]:
    return [
        {
            "at_ms": message.at,
            "text": message.text,
            "car": message.car,
            "basis": message.basis,
        }
        for message in race.control.messages
    ]


_RACE_VIEWS: dict[str, Callable[[Race], Sequence[Row]]] = {**views.VIEWS, "messages": _messages}

TABLES: dict[str, Table] = {
    name: table
    for name, table in {
        **race_tables.TABLES,
        "messages": race_tables.MESSAGES,
        "control": race_tables.CONTROL,
        "doubts": race_tables.DOUBTS,
    }.items()
    if name in _RACE_VIEWS
}
"""The views by their names."""

View = Callable[[RaceMoment], Sequence[Row]]
"""A function that makes the rows of a folded session."""


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """The moment of a view, its rows, and its delay."""

    at: str | None = None
    known_at: str | None = None
    car_class: str | None = None
    cars: tuple[str, ...] = ()
    delay_ms: int = 0


class ViewResult(NamedTuple):
    """The rows, with the session line at the same moment.

    ``learned_at`` is the recorded time of the newest event in it (ms since 1970); 0 for none.
    ``epoch`` is that of the snapshot, 0 for what was folded from the log. ``silent`` says that the
    session has a live feed that is not heard. ``known_at`` is when that event became known to this
    process, where that is not ``learned_at``: the age counts from it. ``failed`` says that the rows
    could not be brought up to date.

    Where a method takes ``now``, it is the time (``services.clocks``) less the delay: otherwise the
    clock would be ahead of a delayed state.
    """

    table: Table
    line: dict[str, Any]
    running: bool
    rows: Sequence[Row]
    position: str
    learned_at: int
    silent: bool = False
    epoch: int = 0
    known_at: int | None = None
    failed: bool = False

    def session(self, now: float) -> dict[str, Any]:
        """The session line with the age of the data."""
        fresh = self.freshness(now)
        return {
            **self.line,
            "clock_running": self.running,
            "position": self.position,
            "learned_at_ms": self.learned_at,
            "age_ms": self.age_ms(now),
            "freshness": fresh,
            "stale": fresh == "stale",
        }

    def age_ms(self, now: float) -> int:
        """The age of the data."""
        return max(0, self._unheard_ms(now))

    def freshness(self, now: float) -> Freshness:
        """The freshness of the data."""
        age, patience = self._unheard_ms(now), self.line["patience_ms"]
        fresh = freshness(self.running, age, patience, silent=self.silent)
        return "stale" if self.failed else fresh

    def _unheard_ms(self, now: float) -> int:
        return int(now) - (self.learned_at if self.known_at is None else self.known_at)

    def etag(self, *form: object) -> str:
        """The entity tag of the same state in the same form; the age of the data may differ."""
        # The clock is in it: the same position gives another view at another moment.
        state = (self.table.name, self.epoch, self.position, self.line.get("clock_ms"))
        return weak_etag(repr((*state, form)).encode())


def _leaders_of_class(race: Race, car_class: str) -> Sequence[Row]:
    """The spells in the lead of a class."""
    return views.leaders(race, class_named(race, car_class))


async def query_view(gateway: Gateway, session: str, name: str, query: ViewQuery) -> ViewResult:
    """A view by its name: of the newest snapshot if that has it, else folded from the log.

    Raises the errors of the log, of the moments, and of classes and cars.
    """
    if query.at is None and query.known_at is None and name in live_rows.LIVE_VIEWS:
        snapshot = await live_snapshot(gateway, session, query.delay_ms)
        if snapshot is not None:
            # A topic that cannot be made stays as it was, and is stale.
            failed = name in snapshot.state["session"].get("faults", ())
            silent = gateway.tail_pool.silent(session)
            result = _of_snapshot(name, snapshot, query)
            return result._replace(silent=silent, epoch=snapshot.token.epoch, failed=failed)
    view = _RACE_VIEWS[name]
    if name == "leaders" and query.car_class is not None:
        view = partial(_leaders_of_class, car_class=query.car_class)
    return await query_folded(
        gateway, session, TABLES[name], lambda folded: view(folded.race), query
    )


async def query_folded(
    gateway: Gateway,
    session: str,
    table: Table,
    view: View,
    query: ViewQuery,
    *,
    recorded: bool = False,
) -> ViewResult:
    """The rows that ``view`` makes of the session at the moment; it runs in a thread.

    ``recorded`` says that the view reads the recorded events besides the race. Raises the errors
    of the log, of the moments, and of the view.
    """
    await gateway.require(session)
    view = _isolated(table.name, session, view)
    if await gateway.is_replay(session):
        return await _of_replay(gateway, session, table, view, query, recorded=recorded)
    if query.known_at == AT_MOMENT:
        at, known = await known_at_moment(gateway, session, query.at)
        upto, kept_as = fold_limit(str(known), query.delay_ms)
        found = await gateway.races.ask_moment(
            session, lambda folded: _run_on(folded, at, view, query), upto=upto, kept_as=kept_as
        )
    else:
        upto, kept_as = fold_limit(known_position(query.known_at), query.delay_ms)
        found = await gateway.races.ask_moment(
            session,
            lambda folded: _of_moment(folded, view, query),
            at=query.at,
            upto=upto,
            kept_as=kept_as,
        )
    line, running, rows = found.answer
    running = running and query.at is None and query.known_at is None
    silent = gateway.tail_pool.silent(session)
    known_at = gateway.tail_pool.known_at(session, found.learned, found.known_at)
    result = ViewResult(table, line, running, rows, found.position, found.learned, silent)
    return result._replace(known_at=known_at)


async def live_snapshot(gateway: Gateway, session: str, delay_ms: int) -> Snapshot | None:
    """The snapshot now, or so many milliseconds ago; None if this process does not have it."""
    tail = await gateway.tail(session)
    newest = await tail.snapshot(FIRST_SNAPSHOT_SECONDS)
    if not delay_ms:
        return newest
    gateway.tail_pool.retain(tail, delay_ms)
    return tail.buffer.at(now_ms() - delay_ms)


async def _of_replay(
    gateway: Gateway, session: str, table: Table, view: View, query: ViewQuery, *, recorded: bool
) -> ViewResult:
    """The view of a replay. Nothing in it lies beyond the snapshot that was sent last."""
    if query.known_at is not None:
        reason = "not available for a replay: use the session that it plays"
        raise bad_known_at(query.known_at, reason)
    snapshot = await live_snapshot(gateway, session, query.delay_ms)
    if snapshot is None:
        raise RequestRefused(503, "this replay has no snapshot yet", headers={"Retry-After": "1"})
    race = await gateway.replayed.race(session, snapshot.token, snapshot.clock_at, query.at)
    events = await gateway.replayed.recorded(session, snapshot.token) if recorded else ()
    line, _, rows = await asyncio.to_thread(_of_moment, RaceMoment(race, events), view, query)
    if query.at is None:
        line["clock_ms"] = snapshot.clock_at
    running = snapshot.clock_running and query.at is None
    result = ViewResult(table, line, running, rows, snapshot.token.position, snapshot.at)
    return result._replace(epoch=snapshot.token.epoch, known_at=snapshot.since)


async def known_upto(gateway: Gateway, session: str, query: ViewQuery) -> str | None:
    """The log position or time (ms) up to which events are known to the query; None for all.

    Raises RequestRefused, UnknownSession, BadSessionId and StoreError.
    """
    await gateway.require(session)
    if query.known_at == AT_MOMENT:
        known: str | None = str((await known_at_moment(gateway, session, query.at))[1])
    else:
        known = known_position(query.known_at)
    return fold_limit(known, query.delay_ms)[0]


def _isolated(name: str, session: str, view: View) -> View:
    """The view, with an error that names it, the session and the newest event."""

    def isolated(moment: RaceMoment) -> Sequence[Row]:
        try:
            return view(moment)
        except (LapstreamError, RequestRefused):
            raise
        except Exception as error:
            where = "before the first event"
            if moment.recorded:
                position, event = moment.recorded[-1]
                where = f"at {position} ({describe(event)})"
            failed = ViewFailed(name, session, where, error)
            logger.exception("view failed", session=session, view=name, at=where)
            raise failed from error

    return isolated


# -- Rows ----------------------------------------------------------------------------------


def _of_snapshot(name: str, snapshot: Snapshot, query: ViewQuery) -> ViewResult:
    table, view = live_rows.LIVE_VIEWS[name]
    line = live_rows.session_line(snapshot)
    standings = snapshot.state["standings"]
    rows = select_rows(
        view(snapshot.state),
        {car: row.get("class") for car, row in standings.items()},
        line["classes"] or (),
        query,
    )
    position, running = snapshot.token.position, snapshot.clock_running
    result = ViewResult(table, line, running, rows, position, snapshot.at)
    return result._replace(known_at=snapshot.since)


def _of_moment(
    folded: RaceMoment, view: View, query: ViewQuery
) -> tuple[dict[str, Any], bool, Sequence[Row]]:
    race = folded.race
    line = views.session_line(race)
    rows = select_rows(
        view(folded),
        {car: race.session.car_class(car) for car in race.order.cars()},
        line["classes"],
        query,
    )
    return line, clock_running(race), rows


def _run_on(
    folded: RaceMoment, at: int, view: View, query: ViewQuery
) -> tuple[dict[str, Any], bool, Sequence[Row]]:
    """The view when the clock had run on to ``at``, with no event known since."""
    race = folded.race
    newest, race.at = race.at, at
    try:
        return _of_moment(folded, view, query)
    finally:
        race.at = newest  # the fold is kept for other queries


def select_rows(
    rows: Sequence[Row], cars: Mapping[str, str | None], classes: Sequence[str], query: ViewQuery
) -> Sequence[Row]:
    """The rows of the requested class and cars; ``cars`` has the class of each car.

    Raises UnknownClass and UnknownCar.
    """
    for car in query.cars:
        if car not in cars:
            raise UnknownCar(car, tuple(cars))
    car_class = None
    if query.car_class is not None:
        car_class = find_class(query.car_class, all_classes(classes, cars.values()))
    return [
        row
        for row in rows
        if (not query.cars or row.get("car") in query.cars)
        and (car_class is None or cars.get(row.get("car") or "") == car_class)
    ]
