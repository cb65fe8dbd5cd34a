"""A session as it stood at a moment, with what was known at another."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from events import AnyEvent, SeasonOpened, decode
from events.errors import (
    BadMoment,
    NoSuchMoment,
    NotASession,
    UnknownCar,
    UnknownSession,
    UnreadableEvent,
)
from projections.race import Race
from projections.timeline import Timeline
from projections.views.moments import moment_of
from replay.entries import START, check_session_id, parse_position
from services.queries.names import all_classes, find_class
from services.storage.built_in import BUILT_IN, SEASONS, Edition, put_into_store
from services.storage.event_log import Log


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a session, and as of when.

    ``at`` is a moment of the race as people name it; ``known_at`` a log position or a
    wall-clock time.
    """

    session: str
    at: str | None = None
    known_at: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A log that was read: its timeline, the entries that are no events, its last position.

    ``told`` has each event with its position, in the order of the log.
    ``differs_from_built_in`` says that the session has the name of a built-in race and other
    events: those of an older version, or the user's own.
    """

    timeline: Timeline
    unreadable: int
    position: str
    told: Sequence[tuple[str, AnyEvent]]
    differs_from_built_in: bool = False

    @property
    def learned_at(self) -> datetime | None:
        """The wall-clock time of the last position."""
        return learned_at(self.position)


def race_at(timeline: Timeline, moment: str) -> Race:
    """The race at a moment as people name it, its clock at that very moment.

    Raises BadMoment.
    """
    at = moment_of(moment, timeline.race)
    race = timeline.race_at(at)
    race.at = at
    return race


async def read(log: Log, question: Question) -> Recorded:
    """Fold the session's log, as far as was known.

    A built-in race that the store lacks is put there first. Raises UnknownSession,
    BadMoment for a ``known_at`` that is none, NoSuchMoment for one that lies before
    everything, and UnknownEventType or NewerEventVersion for a log of a newer lapstream.
    """
    gc.disable()  # a log is many small objects that all stay
    try:
        edition = Edition.of(question.session) if question.known_at is None else None
        told, unreadable, position = await tell(log, question.session, question.known_at, edition)
        if told and isinstance(told[0][1], SeasonOpened):
            raise NotASession(question.session)
        events = [event for _, event in told]
        events.sort(key=attrgetter("at"))  # the order does not matter; in order it is quicker
        timeline = Timeline()
        timeline.add(events)
        differs = edition is not None and not edition.is_ours
        return Recorded(timeline, unreadable, position, told, differs)
    finally:
        gc.enable()


async def find(log: Log, session: str) -> None:
    """Raise UnknownSession, with names like it, unless the store or this program has it."""
    check_session_id(session)
    await put_into_store(log, session)
    if await log.exists(session):
        return
    known = {summary.session for summary in await log.sessions()}
    known |= {*BUILT_IN, *SEASONS}
    near = difflib.get_close_matches(session, known, n=3, cutoff=0.5)
    raise UnknownSession(session, tuple(near or sorted(known)[:10]))


async def tell(
    log: Log, name: str, known_at: str | None = None, edition: Edition | None = None
) -> tuple[list[tuple[str, AnyEvent]], int, str]:
    """The events of a log with their positions, how many entries are none, the last position.

    ``edition`` is shown the entries. Raises what `read` raises.
    """
    await find(log, name)
    upto = None if known_at is None else log_position(known_at)
    told: list[tuple[str, AnyEvent]] = []
    unreadable = 0
    position = START
    async for entries in log.read(name, upto=upto):
        for entry in entries:
            try:
                payload = entry.payload
                if edition is not None:
                    edition.take(payload)
                told.append((entry.position, decode(payload)))
            except UnreadableEvent:
                unreadable += 1
        position = entries[-1].position
    if known_at is not None and position == START:
        raise NoSuchMoment(known_at, f"nothing was known of {name!r} by then")
    return told, unreadable, position


def log_position(known_at: str) -> str:
    """The last position known then: itself, or of a wall-clock time its milliseconds.

    Raises BadMoment.
    """
    return known_at if is_position(known_at) else str(_wall_clock_ms(known_at))


def is_position(known_at: str | None) -> bool:
    """Whether this is written as a position in a log, and not as a wall-clock time."""
    try:
        parse_position(known_at or "")
    except ValueError:
        return False
    return True


def in_any_log(position: str) -> str:
    """A position of one log as one of any other: all that was learned within its millisecond."""
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


def learned_at(position: str) -> datetime | None:
    """The wall-clock time of a position; None before the first entry."""
    if position == START:
        return None
    return datetime.fromtimestamp(parse_position(position)[0] / 1000, UTC)


def chosen_cars(race: Race, car_class: str | None, cars: Iterable[str]) -> list[str] | None:
    """The cars that were asked for, in the running order; None for no choice made.

    Raises UnknownClass and UnknownCar.
    """
    wanted = set(cars)
    if car_class is None and not wanted:
        return None
    order = race.order.cars()
    for car in wanted.difference(order):
        raise UnknownCar(car, tuple(order))
    if car_class is not None:
        name = class_named(race, car_class)
        order = [car for car in order if race.session.car_class(car) == name]
    return [car for car in order if not wanted or car in wanted]


def class_named(race: Race, wanted: str) -> str:
    """The class of that name, whatever its case. Raises UnknownClass."""
    entered = (entry.car_class for entry in race.session.entries.values())
    return find_class(wanted, all_classes(race.session.opened.classes, entered))
