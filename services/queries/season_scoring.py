"""What scoring a session adds to a season, and what has changed since a session was scored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from events import AnyEvent, Contest, RoundScored
from events.errors import AppendRefused, NotScorable, WrongSeries
from projections.championship.scoring import (
    AS_DECIDED,
    cup_marks,
    missing_events,
    race_of_session,
    session_results,
)
from projections.championship.season import Result, Season
from projections.race import Race
from projections.results.points import reduction
from projections.results.provisional import entered_row
from projections.results.scheduled_length import reconstructed_note, scheduled_length
from projections.timeline import Timeline
from replay.entries import START, parse_position
from services.queries.names import find_name
from services.queries.seasons import SeasonAnswer, check_series, round_of
from services.queries.sessions import FoldedSession, SessionQuestion
from services.queries.tables.columns import Row
from services.storage.event_log import Log

ReadSession = Callable[[Log, SessionQuestion], Awaitable[FoldedSession]]
"""Reads and folds a session, as `read_session` does."""


class ScoringOptions(NamedTuple):
    """How a session is scored where it does not say so itself; None leaves it to the session.

    ``number`` is the round, ``race`` the race of a round with several, ``part`` what the
    session must be, ``scale`` a scale of the pack, ``percent_run`` the share of the race that was
    run. ``replace`` allows the result of another session to be replaced.
    """

    number: int | None = None
    race: int | None = None
    part: str | None = None
    scale: str | None = None
    percent_run: int | None = None
    replace: bool = False


class SessionScoring(NamedTuple):
    """The events that score a session as a race of a round, and the line that says so."""

    line: str
    events: Sequence[AnyEvent]
    number: int
    race: int


def score_session(
    season: Season, name: str, session: str, timeline: Timeline, options: ScoringOptions
) -> SessionScoring:
    """Score a session as a round of the season, without appending anything.

    Raises NotScorable where the session and the options do not fit, UnknownRound, and
    AppendRefused where the season holds something else.
    """
    race = timeline.race
    number = _round_number(season, name, session, race, options)
    which_race = options.race or race_of_session(season, number, _part(race), session)
    if any(where != (number, which_race) for where in season.scored_as(session)):
        if not options.replace:
            raise _scored_elsewhere(season, session, number, which_race)
        season = season.without_session(session)
    found = session_results(season, timeline, number, session, which_race)
    results = _with_options(season, session, found, options)
    _check_shortened(season, race, results, session)
    if not options.replace:
        _check_replaced(season, results, session)
    events = missing_events(season, race, results, session)
    kind = race.session.opened.kind
    what = _outcome(season, race, number, results, events)
    which = next((f" {one.race}" for one in results if one.race), "")
    reduced = next(
        (f"; {one.percent_run} % run" for one in results if _is_reduced(season, one)), ""
    )
    note = reconstructed_note(race) if any(one.time_limit_ms for one in results) else None
    length = f"; {note}" if note else ""
    line = (
        f"{name}: round {number}, {kind}{which}, from {session}: "
        f"{what}{reduced}{_cup_text(season, race, results)}{length}"
    )
    return SessionScoring(line, events, number, which_race)


def _part(race: Race) -> str:
    return "qualifying" if race.session.opened.kind == "qualifying" else "race"


def _scored_elsewhere(season: Season, session: str, number: int, race: int) -> AppendRefused:
    """The refusal of a session that is scored as another round, or another race of it."""
    others = sorted(where for where in season.scored_as(session) if where != (number, race))
    (other, other_race) = others[0]
    of_round = f", race {other_race}" if season.round(other).races > 1 else ""
    this = f"round {number}" if number != other else f"race {race}"
    return AppendRefused(
        f"{session} is scored as round {other}{of_round} already: give --replace to score it as "
        f"{this} instead"
    )


def _round_number(
    season: Season, name: str, session: str, race: Race, options: ScoringOptions
) -> int:
    """The round that the session is scored as. Raises what `score_session` raises."""
    kind = race.session.opened.kind
    if kind == "practice" or options.part not in (None, kind):
        needed = options.part or "a race or qualifying"
        raise NotScorable(session, f"is a {kind} session, and {needed} is wanted")
    if options.number is None and race.session.opened.round is None:
        raise NotScorable(session, "does not say which round it is: give --round")
    try:
        check_series(season, race, session)
    except WrongSeries as error:
        raise NotScorable(session, str(error).removeprefix(f"{session} ")) from None
    number = round_of(season, race, options.number)
    if season.rounds[number - 1].cancelled:
        raise AppendRefused(
            f"round {number} is cancelled; `season reinstate {name} {number}` first"
        )
    races = season.round(number).races
    if options.race is not None and options.race > races:
        raise AppendRefused(f"round {number} has {races} race{'' if races == 1 else 's'}")
    return number


def _outcome(
    season: Season,
    race: Race,
    number: int,
    results: Sequence[RoundScored],
    events: Iterable[AnyEvent],
) -> str:
    """The classes that were scored, or why none was."""
    if results:
        events = list(events)
        classes = dict.fromkeys(one.car_class for one in events if isinstance(one, RoundScored))
        return ", ".join(classes) or ("points taken" if events else "nothing new")
    entered = {one.car_class for one in race.session.entries.values() if one.car_class}
    running = [one for one in season.classes if season.runs(one, number)]
    if entered.intersection(running):
        return "nothing to score: nobody set a time"
    return (
        f"nothing to score: it has the classes {', '.join(sorted(entered)) or 'none'}, "
        f"and in this round run {', '.join(running) or 'none'}"
    )


def _with_options(
    season: Season, session: str, results: Iterable[RoundScored], options: ScoringOptions
) -> list[RoundScored]:
    """The results with the scale and the share run that were given. Raises NotScorable."""
    changes: dict[str, Any] = {}
    if options.percent_run is not None:
        changes |= {"percent_run": options.percent_run, "reason": AS_DECIDED}
    if options.scale is not None:
        names = [one.name for one in season.pack.points.scales]
        changes["scale"] = find_name(options.scale, names)
        if changes["scale"] is None:
            there_are = ", ".join(names)
            raise NotScorable(
                session, f"cannot have scale {options.scale!r}; there are {there_are}"
            )
        changes["reason"] = AS_DECIDED
    return [one.model_copy(update=changes) if one.part == "race" else one for one in results]


def _is_reduced(season: Season, result: RoundScored) -> bool:
    length = season.time_limit(result.round) or result.time_limit_ms
    return reduction(season.pack_of(result.round), result, length) is not None


def _check_shortened(
    season: Season, race: Race, results: Sequence[RoundScored], session: str
) -> None:
    """Raise AppendRefused for a race that a red flag ended and whose length is unknown."""
    if race.track.ended_under_red_at is None or not season.pack.points.reduced:
        return
    opened = race.session.opened
    planned = season.time_limit(results[0].round) if results else None
    lengths = (scheduled_length(race).ms, opened.laps_limit, opened.distance_limit_m, planned)
    if not any(lengths) and all(one.percent_run is None for one in results):
        raise AppendRefused(
            f"a red flag ended {session}, and nothing says how long it was to be: "
            "give --percent-run, on which its points depend"
        )


def _check_replaced(season: Season, results: Iterable[RoundScored], session: str) -> None:
    """Raise AppendRefused if another session has been scored as the same result."""
    for one in results:
        known = season.scored.get(Result.of(one))
        if known is not None and known.session not in (None, session):
            raise AppendRefused(
                f"the {one.part} of round {one.round} is scored from {known.session}: give "
                f"--replace to score {session} in its place. `season amend --races` names the "
                "scales of several races"
            )


def _cup_text(season: Season, race: Race, results: Sequence[RoundScored]) -> str:
    """At how many of a cup's marks the race was scored; without laps, at none."""
    marks = cup_marks(season, race, results[0].round) if results else ()
    if not marks:
        return ""
    run = len({one.segment for one in results if one.segment is not None})
    cups = ", ".join(cup.name for cup in season.pack.points.cups)
    return f"; {cups} cup at {run} of {len(marks)} marks"


# -- What was scored ------------------------------------------------------------------------


async def changed_sessions(log: Log, answer: SeasonAnswer, read: ReadSession) -> dict[str, int]:
    """The sessions that were scored and have another result now, with their rounds.

    Only sessions with entries recorded since then are scored again.
    """
    positions = {event.identity: position for position, event in answer.events}
    scored: dict[str, tuple[int, str]] = {}
    for result in answer.season.scored.values():
        if result.session is not None:
            _, known = scored.get(result.session, (0, START))
            latest = max(known, positions[result.identity], key=parse_position)
            scored[result.session] = (result.round, latest)
    return {
        session: number
        for session, (number, known) in scored.items()
        if await _is_changed(log, answer.season, session, number, known, read)
    }


async def _is_changed(
    log: Log, season: Season, session: str, number: int, known: str, read: ReadSession
) -> bool:
    """Whether a session that was scored when ``known`` was its position is worth another now."""
    if not await log.exists(session):  # the season came without its sessions
        return False
    if parse_position(await log.last_position(session)) <= parse_position(known):
        return False
    timeline = (await read(log, SessionQuestion(session))).timeline
    results = session_results(season, timeline, number, session)
    return bool(missing_events(season, timeline.race, results, session))


def round_rows(season: Season, changed: Collection[str]) -> list[Row]:
    """A row for each round: its plan, and how many results of it were scored from which sessions.

    ``changed`` are the sessions that have another result now.
    """
    rows: list[Row] = []
    for number, one, cancelled in season.rounds:
        results = {key: one for key, one in season.scored.items() if key.round == number}
        whole = [key for key in results if key.segment is None]
        sessions = dict.fromkeys(one.session for one in results.values() if one.session)
        rows.append(
            {
                "round": number,
                "name": one.name,
                "circuit": one.circuit,
                "date": one.date,
                "time_limit_ms": one.time_limit_ms,
                "qualifying": sum(key.part == "qualifying" for key in whole),
                "race": sum(key.part == "race" for key in whole),
                "segments": len({key.segment for key in results if key.segment}),
                "sessions": list(sessions),
                "changed": [session for session in sessions if session in changed],
                "cancelled": cancelled,
                "classes": list(one.classes),
            }
        )
    return rows


async def contender_names(
    log: Log, season: Season, of: Contest, car_class: str | None, read: ReadSession
) -> set[str]:
    """The names of all who are entered in a session scored, with points or without."""
    names = season.entered(of, car_class)
    sessions = {one.session for one in season.scored.values() if one.session is not None}
    for session in sorted(sessions):
        if not await log.exists(session):  # the season came without its sessions
            continue
        race = (await read(log, SessionQuestion(session))).timeline.race
        entries = race.session.entries.values()
        cars = [one.car for one in entries if car_class in (None, one.car_class)]
        names |= season.names_of(of, (entered_row(race, car) for car in cars))
    return names
