"""Seasons as known at a time, alone or with a session that is running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events import encode
from events.errors import NoSuchMoment, NotASeason, UnknownRound, WrongSeries
from projections.championship.scoring import before_session, rounds_now
from projections.championship.season import Season, season_of
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.provisional import adjustments
from services.queries.names import find_class
from services.queries.packs import pack_named
from services.queries.sessions import (
    FoldedSession,
    PositionedEvents,
    SessionQuestion,
    in_any_log,
    is_position,
    race_at,
    read_events,
    read_session,
)
from services.storage.built_in import BuiltInCheck
from services.storage.event_log import Log


@dataclass(frozen=True, slots=True)
class SeasonQuestion:
    """A season as known at a time, under its own rules or others.

    ``live`` is a session that is running, ``at`` a moment of it, ``number`` the round that
    it is, if the session does not say so itself. ``known_at`` applies to both logs: with
    ``live``, a log position is one of the session's log, and the season is as known at the
    recorded time of that position.
    """

    season: str
    known_at: str | None = None
    rules: str | None = None
    live: str | None = None
    at: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SeasonAnswer:
    """A season, its events with positions, and the session that is running.

    With a session, the season is as it was before that session.
    """

    season: Season
    events: PositionedEvents
    recorded: FoldedSession | None = None
    race: Race | None = None
    number: int = 0
    differs_from_built_in: bool = False

    @property
    def title(self) -> str:
        """The season's title."""
        return self.season.opened.title if self.season.opened else ""


async def answer_season(log: Log, question: SeasonQuestion) -> SeasonAnswer:
    """The season, and the live session if one is named.

    Raises what `read_session` raises, NotASeason, UnknownRules, UnknownRound and WrongSeries.
    """
    live = question.live is not None
    known_at = question.known_at
    if live and known_at is not None and is_position(known_at):
        known_at = in_any_log(known_at)
    season, events = await read_season(log, question.season, known_at, question.rules)
    differs = False
    if question.known_at is None and (check := BuiltInCheck.of(question.season)) is not None:
        for _, event in events:
            check.add(encode(event))
        differs = not check.matches
    if question.live is None:
        return SeasonAnswer(season, events, differs_from_built_in=differs)
    recorded = await read_session(log, SessionQuestion(question.live, known_at=question.known_at))
    race = recorded.timeline.race
    if question.at is not None:
        race = race_at(recorded.timeline, question.at)
    check_series(season, race, question.live)
    number = round_of(season, race, question.number, question.live)
    before = before_session(season, race, number, question.live)
    return SeasonAnswer(before, events, recorded, race, number, differs)


async def read_season(
    log: Log, name: str, known_at: str | None = None, rules: str | None = None
) -> tuple[Season, PositionedEvents]:
    """A season under its own rules or others, and its events with positions.

    A built-in season was always known, also before it was put into the store. Raises NotASeason for
    another log, NoSuchMoment where nothing was known by then, UnknownRules and BadRules.
    """
    try:
        events, _, _ = await read_events(log, name, known_at, season=True)
    except NoSuchMoment:
        events = list(await _built_in_events(log, name))
        if not events:
            raise
    season = season_of(event for _, event in events)
    if season.opened is None:
        raise NotASeason(name)
    if rules is not None:
        season = season.under(pack_named(rules))
    else:
        _ = season.pack  # raises where the season names a pack that is not built in
    return season, events


async def _built_in_events(log: Log, name: str) -> PositionedEvents:
    """The events of a built-in season in its log; none if the log holds another season."""
    check = BuiltInCheck.of(name)
    if check is None:
        return ()
    events, _, _ = await read_events(log, name)
    for _, event in events:  # in the newest version, whichever the log has
        check.add(encode(event))
    return events[: check.length] if check.matches else ()


def round_of(
    season: Season, race: Race, given: int | None = None, session: str | None = None
) -> int:
    """Which round of the season the session is.

    The one given, else the one that the session names, else the one that the season has it
    scored as, else the first that was not run. Raises UnknownRound.
    """
    rounds = rounds_of(season)
    number = given or race.session.opened.round or _scored_as(season, session) or 0
    if not number:
        run = {result.round for result in season.scored if result.part == "race"}
        free = (one.number for one in season.rounds if not one.cancelled and one.number not in run)
        number = next(free, rounds)
    if not 1 <= number <= rounds:
        raise UnknownRound(number, rounds)
    return number


def _scored_as(season: Season, session: str | None) -> int | None:
    """The round that the season has this session scored as."""
    rounds = (one.round for one in season.scored.values() if session and one.session == session)
    return next(rounds, None)


def check_series(season: Season, race: Race, session: str) -> None:
    """Raise WrongSeries for a session of another series without cars of the season's series."""
    ours = season.opened.series if season.opened else None
    theirs = race.session.opened.series
    entered = (entry.championships or () for entry in race.session.entries.values())
    if theirs in (None, ours) or any(ours in one for one in entered):
        return
    raise WrongSeries(session, theirs, ours)


def rounds_of(season: Season) -> int:
    """How many rounds the season's calendar has."""
    return len(season.rounds)


def as_it_stands(
    season: Season, race: Race, number: int, lost: Mapping[str, int] | None = None
) -> Season:
    """The season as it would be if the session ended now.

    ``lost`` is the time (ms) that cars would lose on the road before.
    """
    rows = classify(race, Convention.of(season.pack_of(number)), lost=lost)
    rounds = rounds_now(season, race, rows, number)
    return season.with_scored(rounds).with_adjusted(
        adjustments(race, rounds, season.pack_of(number))
    )


def chosen_classes(season: Season, wanted: str | None) -> Sequence[str]:
    """The class of that name, ignoring case; all for None. Raises UnknownClass."""
    return season.classes if wanted is None else (find_class(wanted, season.classes, "season"),)
