"""A session as it stood at a moment, with what was known at another."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

from events import AnyEvent, decode
from events.errors import BadMoment, UnknownCar, UnknownClass, UnknownSession, UnreadableEvent
from projections.moments import moment_of
from projections.race import Race
from projections.timeline import Timeline
from replay.entries import START, check_session_id, parse_position
from services.built_in import BUILT_IN, put_into_store
from services.cli.shell import with_log
from services.log import Log


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a session, and as of when.

    ``at`` is a moment of the race as people name it; ``known_at`` a log position or a
    wall-clock time.
    """

    session: str
    store: str | None = None
    data: Path | None = None
    at: str | None = None
    known_at: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A log that was read: its timeline, the entries that are no events, its last position."""

    timeline: Timeline
    unreadable: int
    position: str

    @property
    def learned_at(self) -> datetime | None:
        """The wall-clock time of the last position."""
        return learned_at(self.position)


def ask(question: Question) -> tuple[Race, Recorded]:
    """The race as it stood, and the log it is folded from."""
    recorded = with_log(question.store, question.data, lambda log: read(log, question))
    race = recorded.timeline.race
    if question.at is not None:
        race = race_at(recorded.timeline, question.at)
    return race, recorded


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
    BadMoment for a ``known_at`` that is none or lies before everything, and
    UnknownEventType or NewerEventVersion for a log of a newer lapstream.
    """
    await find(log, question.session)
    upto = None if question.known_at is None else log_position(question.known_at)
    gc.disable()  # a log is many small objects that all stay
    try:
        return await _fold(log, question, upto)
    finally:
        gc.enable()


async def find(log: Log, session: str) -> None:
    """Raise UnknownSession, with names like it, unless the store or this program has it."""
    check_session_id(session)
    await put_into_store(log, session)
    if await log.exists(session):
        return
    known = {summary.session for summary in await log.sessions()} | set(BUILT_IN)
    near = difflib.get_close_matches(session, known, n=3, cutoff=0.5)
    raise UnknownSession(session, tuple(near or sorted(known)[:10]))


async def _fold(log: Log, question: Question, upto: str | None) -> Recorded:
    timeline = Timeline()
    unreadable = 0
    position = START
    events: list[AnyEvent] = []
    async for entries in log.read(question.session, upto=upto):
        for entry in entries:
            try:
                events.append(decode(entry.payload))
            except UnreadableEvent:
                unreadable += 1
        position = entries[-1].position
    if upto is not None and position == START:
        raise BadMoment(question.known_at or "", "nothing was known of the session by then")
    events.sort(key=attrgetter("at"))  # the order does not matter; in order it is quicker
    timeline.add(events)
    return Recorded(timeline, unreadable, position)


def log_position(known_at: str) -> str:
    """The last position known then: itself, or of a wall-clock time its milliseconds.

    Raises BadMoment.
    """
    try:
        parse_position(known_at)
    except ValueError:
        return str(_wall_clock_ms(known_at))
    return known_at


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
    """The class of that name, in capitals or not. Raises UnknownClass."""
    entered = {entry.car_class for entry in race.session.entries.values() if entry.car_class}
    names = list(dict.fromkeys([*race.session.opened.classes, *sorted(entered)]))
    for name in names:
        if name.casefold() == wanted.casefold():
            return name
    raise UnknownClass(wanted, tuple(names))
