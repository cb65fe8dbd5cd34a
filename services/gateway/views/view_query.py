"""One view of one session, at a moment: its rows, and the line that goes with them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import to_json

from events.clock import format_clock
from events.errors import BadMoment, UnknownCar, UnknownClass
from projections import views
from projections.race import Race
from projections.views.freshness import Freshness, freshness, ran_on_ms
from projections.views.moments import moment_of
from projections.views.session_line import clock_running
from replay.entries import parse_position
from replay.recording import NotAsShown, ShownTimes
from services.formatting import show_sectors
from services.gateway.errors import FieldError, RequestRefused
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.live.session_tail import now_ms
from services.gateway.state import Gateway
from services.gateway.views import live_rows as pictured
from services.queries.race_cache import RaceMoment
from services.queries.sessions import log_position
from services.queries.tables import race_tables
from services.queries.tables.columns import Row, Table

FIRST_PICTURE_SECONDS = 0.5
LARGEST_ROWS = 500

AS_SHOWN = "at"
"""As ``known_at``: with what was known when the session clock showed the moment ``at``."""


def _messages(race: Race) -> list[Row]:
    return [
        {"at_ms": said.at, "text": said.text, "car": said.car, "basis": said.basis}
        for said in race.control.messages
    ]


_FOLDED: dict[str, Callable[[Race], Sequence[Row]]] = {**views.VIEWS, "messages": _messages}

TABLES: dict[str, Table] = {
    name: table
    for name, table in {
        **race_tables.TABLES,
        "messages": race_tables.MESSAGES,
        "control": race_tables.CONTROL,
    }.items()
    if name in _FOLDED
}
"""The views by their names."""

View = Callable[[RaceMoment], Sequence[Row]]
"""What makes the rows of a session as it stood."""


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """What is asked of a view."""

    at: str | None = None
    known_at: str | None = None
    car_class: str | None = None
    cars: tuple[str, ...] = ()
    delay_ms: int = 0


class ViewResult(NamedTuple):
    """The rows, with the session line as it stood then.

    ``learned_at`` is the wall-clock time (ms) of the newest event in it; 0: there is none.
    ``epoch`` is that of the picture, 0 for what was folded from the log. ``now``, where it is
    asked for, is the wall-clock time that is shown: with a delay, so long ago. Else the
    clock would run ahead of a delayed picture by its delay. ``silent`` says that the
    session has a live feed that is not heard.
    """

    table: Table
    line: dict[str, Any]
    running: bool
    rows: Sequence[Row]
    position: str
    learned_at: int
    silent: bool = False
    epoch: int = 0

    def session(self, now: float) -> dict[str, Any]:
        """The session line, with the age of the data."""
        age = max(0, int(now) - self.learned_at)
        fresh = self.freshness(now)
        return {
            **self.line,
            "clock_running": self.running,
            "position": self.position,
            "learned_at_ms": self.learned_at,
            "age_ms": age,
            "freshness": fresh,
            "stale": fresh == "stale",
        }

    def freshness(self, now: float) -> Freshness:
        """What is said of the age of the data."""
        age, patience = int(now) - self.learned_at, self.line["patience_ms"]
        return freshness(self.running, age, patience, silent=self.silent)

    def etag(self, *of: object) -> str:
        """The same for the same picture; weak, since the age of the data is another."""
        picture = (self.table.name, self.epoch, self.position, self.line.get("clock_ms"))
        return weak_etag(repr((*picture, of)).encode())


def weak_etag(told: bytes) -> str:
    """The tag of what is told, but for what makes no other picture."""
    return f'W/"{hashlib.sha256(told).hexdigest()[:24]}"'


def of_flat(lines: Sequence[Mapping[str, str]]) -> bytes:
    """What flat rows say, their clocks and all, but for the age of the data."""
    return to_json([{**line, "session_age_ms": ""} for line in lines])


async def answer(gateway: Gateway, session: str, name: str, ask: ViewQuery) -> ViewResult:
    """The view. Raises the errors of the log, and those of what was asked."""
    if ask.at is None and ask.known_at is None and name in pictured.LIVE_VIEWS:
        snapshot = await live(gateway, session, ask.delay_ms)
        if snapshot is not None:
            silent = gateway.tail_pool.silent(session)
            return _of_snapshot(name, snapshot, ask)._replace(
                silent=silent, epoch=snapshot.token.epoch
            )
    view = _FOLDED[name]
    return await folded(gateway, session, TABLES[name], lambda stand: view(stand.race), ask)


async def folded(
    gateway: Gateway,
    session: str,
    table: Table,
    view: View,
    ask: ViewQuery,
    *,
    recorded: bool = False,
) -> ViewResult:
    """What ``view`` makes of the session as it stood; it runs in a thread.

    ``recorded`` says that the view looks at what was told, and not only at the race. Raises
    the errors of the log, of what was asked, and of the view.
    """
    await gateway.require(session)
    if await gateway.is_replay(session):
        return await _of_replay(gateway, session, table, view, ask, recorded=recorded)
    if ask.known_at == AS_SHOWN:
        at, shown = await _shown(gateway, session, ask.at)
        upto, kept_as = _upto(str(shown), ask.delay_ms)
        found = await gateway.races.ask_moment(
            session, lambda stand: _run_on(stand, at, view, ask), upto=upto, kept_as=kept_as
        )
    else:
        upto, kept_as = _upto(_known(ask.known_at), ask.delay_ms)
        found = await gateway.races.ask_moment(
            session,
            lambda stand: _of_stand(stand, view, ask),
            at=ask.at,
            upto=upto,
            kept_as=kept_as,
        )
    line, running, rows = found.answer
    running = running and ask.at is None and ask.known_at is None
    silent = gateway.tail_pool.silent(session)
    return ViewResult(table, line, running, rows, found.position, found.learned, silent)


async def live(gateway: Gateway, session: str, delay_ms: int) -> Snapshot | None:
    """The picture of now, or of so long ago; None where this process does not have it."""
    tail = await gateway.tail(session)
    newest = await tail.snapshot(FIRST_PICTURE_SECONDS)
    if not delay_ms:
        return newest
    tail.buffer.retain_ms = max(tail.buffer.retain_ms, delay_ms)
    return tail.buffer.at(now_ms() - delay_ms)


async def _of_replay(
    gateway: Gateway, session: str, table: Table, view: View, ask: ViewQuery, *, recorded: bool
) -> ViewResult:
    """The view of a race that is played again: nothing in it lies beyond what was shown."""
    if ask.known_at is not None:
        reason = "a replay knows what its playhead has passed: ask the session that it plays"
        raise _unknown_time(ask.known_at, reason)
    snapshot = await live(gateway, session, ask.delay_ms)
    if snapshot is None:
        raise RequestRefused(
            503, "nothing of this replay was shown yet", headers={"Retry-After": "1"}
        )
    race = await gateway.replayed.race(session, snapshot.token, snapshot.clock_at, ask.at)
    told = await gateway.replayed.recorded(session, snapshot.token) if recorded else ()
    line, _, rows = await asyncio.to_thread(_of_stand, RaceMoment(race, told), view, ask)
    if ask.at is None:
        line["clock_ms"] = snapshot.clock_at
    running = snapshot.clock_running and ask.at is None
    told_of = ViewResult(table, line, running, rows, snapshot.token.position, snapshot.at)
    return told_of._replace(epoch=snapshot.token.epoch)


async def _shown(gateway: Gateway, session: str, moment: str | None) -> tuple[int, int]:
    """A moment on the session clock, and when (ms since 1970) the screens' clock came to it.

    Raises RequestRefused.
    """
    if moment is None:
        raise _unknown_time(AS_SHOWN, "that goes with a moment: say `at`, too")

    def shown(stand: RaceMoment) -> tuple[int, int]:
        happened = [event.at for _, event in stand.recorded]
        learned = [parse_position(position)[0] for position, _ in stand.recorded]
        at = moment_of(moment, stand.race)
        return at, ShownTimes(session, happened, learned).place_at_clock(at)

    try:
        return (await gateway.races.ask_moment(session, shown)).answer
    except NotAsShown:
        reason = "the log was imported in one go: nobody knows when what was shown"
        raise _unknown_time(AS_SHOWN, reason) from None


async def known_upto(gateway: Gateway, session: str, ask: ViewQuery) -> str | None:
    """The log position or time (ms) up to which what is asked for was known; None: all is.

    Raises RequestRefused, UnknownSession, BadSessionId and StoreError.
    """
    await gateway.require(session)
    if ask.known_at == AS_SHOWN:
        known: str | None = str((await _shown(gateway, session, ask.at))[1])
    else:
        known = _known(ask.known_at)
    return _upto(known, ask.delay_ms)[0]


def _run_on(
    stand: RaceMoment, at: int, view: View, ask: ViewQuery
) -> tuple[dict[str, Any], bool, Sequence[Row]]:
    """The view when the clock had run on to ``at``, with nothing new known since."""
    race = stand.race
    newest, race.at = race.at, at
    try:
        return _of_stand(stand, view, ask)
    finally:
        race.at = newest


def _known(known_at: str | None) -> str | None:
    """The log position or time up to which was known. Raises RequestRefused."""
    if known_at is None:
        return None
    try:
        return log_position(known_at)
    except (BadMoment, ValueError, OverflowError, OSError) as error:  # or a year of no clock
        reason = error.reason if isinstance(error, BadMoment) else "no time of a log"
        raise _unknown_time(known_at, reason) from None


def _unknown_time(value: str, reason: str) -> RequestRefused:
    fault = FieldError(field="known_at", value=value, reason=reason)
    return RequestRefused(422, f"known_at: {reason}", [fault])


def _upto(known: str | None, delay_ms: int) -> tuple[str | None, str | None]:
    """The log position or time up to which to fold, and what to keep the fold as."""
    if not delay_ms:
        return known, None
    shown = int(now_ms() - delay_ms)
    if known is not None and _time_of(known) <= shown:
        return known, None
    return str(shown), f"delayed by {delay_ms}"


def _time_of(known: str) -> int:
    return parse_position(known)[0] if "-" in known else int(known)


def _of_snapshot(name: str, snapshot: Snapshot, ask: ViewQuery) -> ViewResult:
    table, view = pictured.LIVE_VIEWS[name]
    line = pictured.session_line(snapshot)
    standings = snapshot.state["standings"]
    chosen = choose(
        view(snapshot.state),
        {car: row.get("class") for car, row in standings.items()},
        line["classes"] or (),
        ask,
    )
    return ViewResult(
        table, line, snapshot.clock_running, chosen, snapshot.token.position, snapshot.at
    )


def _of_stand(
    stand: RaceMoment, view: View, ask: ViewQuery
) -> tuple[dict[str, Any], bool, Sequence[Row]]:
    race = stand.race
    line = views.session_line(race)
    chosen = choose(
        view(stand),
        {car: race.session.car_class(car) for car in race.order.cars()},
        line["classes"],
        ask,
    )
    return line, clock_running(race), chosen


def choose(
    rows: Sequence[Row], cars: Mapping[str, str | None], classes: Sequence[str], ask: ViewQuery
) -> Sequence[Row]:
    """The rows of the class and the cars that were asked for.

    Raises UnknownClass and UnknownCar.
    """
    for car in ask.cars:
        if car not in cars:
            raise UnknownCar(car, tuple(cars))
    wanted = None
    if ask.car_class is not None:
        known = dict.fromkeys([*classes, *sorted({one for one in cars.values() if one})])
        wanted = next((one for one in known if one.casefold() == ask.car_class.casefold()), None)
        if wanted is None:
            raise UnknownClass(ask.car_class, tuple(known))
    return [
        row
        for row in rows
        if (not ask.cars or row.get("car") in ask.cars)
        and (wanted is None or cars.get(row.get("car") or "") == wanted)
    ]


# -- Flat rows -----------------------------------------------------------------------------

SESSION_CELLS = (
    "title",
    "clock",
    "time_to_go",
    "laps_to_go",
    "flag",
    "flag_since",
    "caution",
    "leader",
    "leader_lap",
    "age_ms",
    "stale",
    "sector_flags",
)
"""What of the session line stands in each flat row, as ``session_...``."""


def flat(told: ViewResult, now: float, count: int | None = None) -> list[dict[str, str]]:
    """The rows as text by stable keys, for graphics: as many as asked for, the rest empty.

    Every row carries the session line: a graphic reads one row.
    """
    session = _session_cells(told.session(now))
    lines = [{**_texts(told.table.cells(row)), **session} for row in told.rows[:count]]
    empty = {**_texts(told.table.cells(None)), **session}
    return lines + [empty] * ((count or 0) - len(lines))


def flat_keys(table: Table) -> list[str]:
    """The keys of flat rows, in order."""
    return [*table.cells(None), *(f"session_{name}" for name in SESSION_CELLS)]


def _texts(cells: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if cell is None else str(cell) for name, cell in cells.items()}


def _session_cells(session: Mapping[str, Any]) -> dict[str, str]:
    def clock(ms: int | None) -> str:
        return "" if ms is None else format_clock(ms - ms % 1000).removesuffix(".000")

    gone = ran_on_ms(session["clock_running"], session["age_ms"], session["patience_ms"])
    to_go = session["time_to_go_ms"]
    cells = {
        **session,
        "clock": clock(session["clock_ms"] + gone),
        "time_to_go": clock(None if to_go is None else max(0, to_go - gone)),
        "flag_since": clock(session["flag_since_ms"]),
        "age_ms": session["age_ms"] if session["learned_at_ms"] else None,
        "stale": str(session["stale"]).lower(),
        "sector_flags": show_sectors(session["sector_flags"]),
    }
    return _texts({f"session_{name}": cells[name] for name in SESSION_CELLS})
