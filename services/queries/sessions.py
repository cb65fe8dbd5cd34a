"""Sessions as they stood at a moment, as known at a position of the log or a recorded time."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from events import AnyEvent, SeasonOpened, decode
from events.errors import (
    BadMoment,
    NoSuchMoment,
    NotASession,
    UndecodableEvent,
    UnknownCar,
    UnknownSession,
    UnreadableEvent,
)
from projections.race import Race
from projections.results.session_order import session_order
from projections.timeline import Timeline
from projections.views.moments import moment_of
from replay.entries import START, check_session_id, parse_position
from replay.quarantine import CannotFold, Quarantine, first_fault
from services.queries.names import all_classes, find_class
from services.storage.built_in import BUILT_IN, SEASONS, BuiltInCheck, put_into_store
from services.storage.event_log import Log
from services.storage.quarantine_log import quarantine_of

PositionedEvents = Sequence[tuple[str, AnyEvent]]
"""Events with their positions, in the order of the log."""


@dataclass(frozen=True, slots=True)
class SessionQuestion:
    """A session, as it stood ``at`` a moment, as known at a log position or recorded time.

    ``at`` is written as a user writes a moment (``lap:372``), ``known_at`` as a position or
    as a time with its zone.
    """

    session: str
    at: str | None = None
    known_at: str | None = None


@dataclass(frozen=True, slots=True)
class FoldedSession:
    """A session's log, read and folded.

    - ``unreadable``: how many entries are not readable events;
    - ``position``: the last position read;
    - ``events``: each event with its position, in the order of the log;
    - ``differs_from_built_in``: the session has the name of a built-in race but other events,
      those of an older version or the user's own.
    """

    timeline: Timeline
    unreadable: int
    position: str
    events: PositionedEvents
    differs_from_built_in: bool = False

    @property
    def recorded_at(self) -> datetime | None:
        """The recorded time of the last position."""
        return recorded_at(self.position)


def race_at(timeline: Timeline, moment: str) -> Race:
    """The race at a moment as a user writes it, with its clock at that moment.

    Raises BadMoment.
    """
    at = moment_of(moment, timeline.race)
    race = timeline.race_at(at)
    race.at = at
    return race


async def read_session(log: Log, question: SessionQuestion) -> FoldedSession:
    """Read and fold the session's log up to ``known_at``.

    A built-in race that the store lacks is put there first. Raises UnknownSession,
    NotASession for a season, BadMoment for an invalid ``known_at``, NoSuchMoment for one
    before the first entry, and CannotFold for a log with an entry that cannot be folded, as
    one of a newer lapstream.
    """
    gc.disable()  # loading makes many small objects that all stay
    try:
        check = BuiltInCheck.of(question.session) if question.known_at is None else None
        positioned, unreadable, position = await read_events(
            log, question.session, question.known_at, check
        )
        if positioned and isinstance(positioned[0][1], SeasonOpened):
            raise NotASession(question.session)
        timeline = fold_recorded(question.session, positioned)
        differs = check is not None and not check.matches
        return FoldedSession(timeline, unreadable, position, positioned, differs)
    finally:
        gc.enable()


async def require_session(log: Log, session: str, *, season: bool = False) -> None:
    """Raise UnknownSession, with similar names, unless it is in the store or built in.

    ``season``: built-in seasons are named, too.
    """
    check_session_id(session)
    await put_into_store(log, session)
    if await log.exists(session):
        return
    known = {summary.session for summary in await log.sessions()}
    known = known | {*BUILT_IN, *SEASONS} if season else (known | {*BUILT_IN}) - {*SEASONS}
    near = difflib.get_close_matches(session, known, n=3, cutoff=0.5)
    raise UnknownSession(session, tuple(near or sorted(known)[:10]))


async def read_events(
    log: Log,
    name: str,
    known_at: str | None = None,
    check: BuiltInCheck | None = None,
    *,
    season: bool = False,
) -> tuple[list[tuple[str, AnyEvent]], int, str]:
    """The events of a log with their positions, the number of unreadable entries, its position.

    The events of entries in quarantine are left out. The entries are added to ``check``.
    ``season`` is as for `require_session`. Raises what `read_session` raises.
    """
    await require_session(log, name, season=season)
    upto = None if known_at is None else log_position(known_at)
    events: list[tuple[str, AnyEvent]] = []
    faults: list[CannotFold] = []
    quarantine = Quarantine()
    unreadable = 0
    position = START
    async for entries in log.read(name, upto=upto):
        quarantine = quarantine.after(entries)
        for entry in entries:
            try:
                payload = entry.payload
                if check is not None:
                    check.add(payload)
                events.append((entry.position, decode(payload)))
            except UnreadableEvent:
                unreadable += 1
            except UndecodableEvent as error:
                faults.append(CannotFold(entry.position, error))
        position = entries[-1].position
    if known_at is not None and position == START:
        raise NoSuchMoment(known_at, f"nothing was recorded of {name!r} by then")
    held = quarantine.positions
    if any(fault.position not in held for fault in faults):
        # A quarantine decided later counts where the log could not be folded without it.
        held = (await quarantine_of(log, name, quarantine)).positions
        for fault in faults:
            if fault.position not in held:
                fault.session = name
                raise fault
    if held:
        events = [one for one in events if one[0] not in held]
    return events, unreadable, position


def fold_recorded(session: str, recorded: PositionedEvents) -> Timeline:
    """The timeline of a session's events. Raises CannotFold."""
    try:
        return Timeline.of_recorded([event for _, event in recorded])
    except Exception as error:
        fault = first_fault(recorded, error)
        fault.session = session
        raise fault from error


def log_position(known_at: str) -> str:
    """The last position known at ``known_at``: a position itself, or a time in ms.

    Raises BadMoment.
    """
    return known_at if is_position(known_at) else str(_wall_clock_ms(known_at))


def is_position(known_at: str | None) -> bool:
    """Whether this is written as a position in a log, and not as a recorded time."""
    try:
        parse_position(known_at or "")
    except ValueError:
        return False
    return True


def in_any_log(position: str) -> str:
    """A position of one log as one of any other: the last one of its millisecond."""
    return f"{parse_position(position)[0]}-{2**64 - 1}"


def _wall_clock_ms(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BadMoment(
            text,
            "neither a log position nor a time with its zone; "
            "write 1728748800000-0 or 2024-10-12T15:04:05-04:00",
        )
    return max(0, int(time.timestamp() * 1000))


def recorded_at(position: str) -> datetime | None:
    """The recorded time of a position; None before the first entry, and beyond the year 9999."""
    if position == START:
        return None
    try:
        return datetime.fromtimestamp(parse_position(position)[0] / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def chosen_cars(race: Race, car_class: str | None, cars: Iterable[str]) -> list[str] | None:
    """The cars of the class or with the numbers, in the order of the session; None without either.

    Raises UnknownClass and UnknownCar.
    """
    wanted = set(cars)
    if car_class is None and not wanted:
        return None
    order = session_order(race)
    for car in wanted.difference(order):
        raise UnknownCar(car, tuple(order))
    if car_class is not None:
        name = class_named(race, car_class)
        order = [car for car in order if race.session.car_class(car) == name]
    return [car for car in order if not wanted or car in wanted]


def class_named(race: Race, wanted: str) -> str:
    """The class of that name, ignoring case. Raises UnknownClass."""
    entered = (entry.car_class for entry in race.session.entries.values())
    return find_class(wanted, all_classes(race.session.opened.classes, entered))
