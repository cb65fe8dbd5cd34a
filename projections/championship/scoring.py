"""Scoring of a session into a season's log: results, and point deductions.

Rules:

- a session is scored by its classification under the season's pack, with all penalties in
  force; a session with a declared result and no laps, by that result and the penalties since;
- where the pack has a cup, a race is also scored as it stood at each of the cup's marks; the
  last mark is the end of the race, whenever that was;
- points deducted by the stewards become adjustments of the car's drivers and team, which are
  voided once the penalty is rescinded;
- results that the season has already are not recorded again;
- a session that is scored as another round than before has its earlier results voided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from events import AnyEvent, EventVoided, PointsAdjusted, RoundScored
from projections.championship.season import Result, Season
from projections.race import Race
from projections.results.classification import (
    Classified,
    Convention,
    classify,
    is_as_published,
)
from projections.results.official_result import official_result
from projections.results.provisional import SOURCE, adjustments, rounds_declared, rounds_scored
from projections.results.scheduled_length import depends_on_length, scheduled_length
from projections.timeline import Timeline

NOT_COMPARED = {"at": 0, "source": SOURCE, "source_seq": 0, "by": None, "reason": None}
"""Members that are ignored when two results are compared."""

AS_DECIDED = "scale or share run as decided"
"""The reason of a result whose scale or share run was given, and stays when it is added again."""


def session_results(
    season: Season, timeline: Timeline, number: int, session: str, race_number: int | None = None
) -> list[RoundScored]:
    """Return all results of a session as a round of a season, for the classes that run in it.

    ``race_number`` is which of several races of the round it is; by default the one that it is
    scored as, else the first without a result.
    In qualifying a class without any lap time has no result.
    """
    race = timeline.race
    declared = race.session.declared
    official = official_result(race)
    if official is not None and not is_as_published(
        race, official, Convention.of(season.pack_of(number))
    ):
        results = _results_now(season, race, number)
    elif declared and not race.order.passings:
        results = counting(season, rounds_declared(race, declared[-1], number))
        results = _with_length(season, race, results)
    else:
        results = _results_now(season, race, number)
        results += _segments(season, timeline, number, results)
    part = "qualifying" if race.session.opened.kind == "qualifying" else "race"
    which = race_number or race_of_session(season, number, part, session)
    named = [one.model_copy(update={"session": session}) for one in results]
    return [_as_decided(season, one) for one in _as_race(season, named, number, which)]


def race_of_session(season: Season, number: int, part: str, session: str | None = None) -> int:
    """Return which race of a round a session is: as it is scored, else the first without result."""
    scored = (
        result.race
        for result, one in season.scored.items()
        if session is not None
        and (result.round, result.part, one.session) == (number, part, session)
    )
    return next(scored, None) or season.next_race(number, part)


def _as_race(
    season: Season, results: Iterable[RoundScored], number: int, which: int
) -> list[RoundScored]:
    """The results as one of several races of the round, on its scale; the only one unchanged."""
    planned = season.round(number)
    if planned.races == 1:
        return list(results)
    return [
        one.model_copy(
            update={"race": which, "scale": planned.scale(which) if one.part == "race" else None}
        )
        for one in results
    ]


def _as_decided(season: Season, result: RoundScored) -> RoundScored:
    """The result with the scale and the share run that were decided when it was scored."""
    known = season.scored.get(Result.of(result))
    if known is None or known.session != result.session or known.reason != AS_DECIDED:
        return result
    return result.model_copy(
        update={"scale": known.scale, "percent_run": known.percent_run, "reason": AS_DECIDED}
    )


def _results_now(season: Season, race: Race, number: int) -> list[RoundScored]:
    rows = classify(race, Convention.of(season.pack_of(number)))
    return [
        one.model_copy(update={"reason": None}) for one in rounds_now(season, race, rows, number)
    ]


def rounds_now(
    season: Season, race: Race, rows: Iterable[Classified], number: int
) -> list[RoundScored]:
    """Return the results that count in a season if the session ended now, as a round of it.

    Of several races of the round it is the first that the season has no result of.
    """
    rounds = rounds_scored(race, rows, number, season.pack_of(number), season.time_limit(number))
    part = "qualifying" if race.session.opened.kind == "qualifying" else "race"
    results = _with_length(season, race, counting(season, rounds))
    return _as_race(season, results, number, season.next_race(number, part))


def _with_length(season: Season, race: Race, results: list[RoundScored]) -> list[RoundScored]:
    """The results of a race with its scheduled length, if points need it and its round has none."""
    needed = any(depends_on_length(season.pack_of(one.round)) for one in results)
    length = scheduled_length(race).ms if needed else None
    return [
        one.model_copy(update={"time_limit_ms": length})
        if length and one.part == "race" and season.time_limit(one.round) is None
        else one
        for one in results
    ]


def counting(season: Season, results: Iterable[RoundScored]) -> list[RoundScored]:
    """Return the results that count in a season: of its classes, in the rounds they run.

    A class in whose qualifying nobody set a time has no result, as its order would be by car
    number; unless the official result gives the order and no times at all.
    """
    results = list(results)
    official = {one.round for one in results if one.basis == "published"}
    timed = {one.round for one in results if _is_timed(one)}
    return [
        one
        for one in results
        if season.runs(one.car_class, one.round)
        and (
            one.part == "race"
            or _is_timed(one)
            or (one.round in official and one.round not in timed)
        )
    ]


def _is_timed(result: RoundScored) -> bool:
    return any(row.best_lap_ms for row in result.rows)


def cup_marks(season: Season, race: Race, number: int) -> tuple[int, ...]:
    """Return the session times (ms) at which the pack's cups award points; only in races."""
    opened = race.session.opened
    if opened.kind != "race":
        return ()
    limit = season.time_limit(number) or scheduled_length(race).ms or 0
    return next((cup.marks_ms(limit) for cup in season.pack_of(number).points.cups), ())


def segments_now(season: Season, timeline: Timeline, race: Race, number: int) -> list[RoundScored]:
    """Return the results of a cup's segments in a running race, including the current one.

    ``race`` is the timeline's race at some time. Empty if the race has no such segments.
    """
    marks = cup_marks(season, timeline.race, number)
    run = sum(mark <= race.at for mark in marks[:-1])
    orders = [*(timeline.race_at(mark) for mark in marks[:run]), race]
    return [
        one.model_copy(update={"segment": segment})
        for segment, then in enumerate(orders if marks else (), start=1)
        for one in _results_now(season, then, number)
    ]


def _segments(
    season: Season, timeline: Timeline, number: int, final: Sequence[RoundScored]
) -> list[RoundScored]:
    """Return the results of a race at the marks of the pack's cups."""
    marks = cup_marks(season, timeline.race, number)
    results_by_segment = []
    for segment, mark in enumerate(marks, start=1):
        results = final
        if segment < len(marks):
            if timeline.race.at < mark:
                break
            results = _results_now(season, timeline.race_at(mark), number)
        results_by_segment += [one.model_copy(update={"segment": segment}) for one in results]
    return results_by_segment


def before_session(season: Season, race: Race, number: int, session: str) -> Season:
    """Return the season without a session's results and without all later results.

    The running session is added to this season, whether it was scored before or not. Practice
    leaves the season unchanged.
    """
    kind = race.session.opened.kind
    if kind == "practice":
        return season
    which = race_of_session(season, number, kind, session)
    this = (number, which, kind == "race")
    before = season.without_session(session)
    before = before.known(lambda result: (result.round, result.race, result.part == "race") < this)
    reason = _reason(session)
    before.adjusted = [one for one in season.adjusted if one.reason != reason]
    return before


def missing_events(
    season: Season, race: Race, results: Iterable[RoundScored], session: str
) -> list[AnyEvent]:
    """Return the events that the season lacks; the caller sets their time and identity."""
    results = list(results)
    events: list[AnyEvent] = [one for one in results if not _is_known(season, one)]
    reason = _reason(session)
    whole = [one for one in results if one.segment is None]
    taken = [
        one.model_copy(update={"reason": reason}) for one in adjustments(race, whole, season.pack)
    ]
    known = {_taken(one): one for one in season.adjusted if one.reason == reason}
    expected = {_taken(one): one for one in taken}
    events += [one for key, one in expected.items() if key not in known]
    events += [
        _void(one, f"no longer {reason}") for key, one in known.items() if key not in expected
    ]
    return events


def _void(event: AnyEvent, reason: str) -> EventVoided:
    """Return a void of an event, without time and identity."""
    return EventVoided(
        at=0,
        source=SOURCE,
        source_seq=0,
        voided_source=event.source,
        voided_seq=event.source_seq,
        reason=reason,
    )


def withdrawn_events(
    recorded: Iterable[AnyEvent], session: str, number: int, race_number: int
) -> list[AnyEvent]:
    """Return voids of a session's results as another round or race than this.

    ``recorded`` are all events of the season; the caller sets time and identity of the voids.
    """
    recorded = list(recorded)
    voided = {
        (one.voided_source, one.voided_seq) for one in recorded if isinstance(one, EventVoided)
    }
    return [
        _void(one, f"{session} is scored as round {number}")
        for one in recorded
        if isinstance(one, RoundScored)
        and one.session == session
        and (one.round, one.race or 1) != (number, race_number)
        and one.identity not in voided
    ]


def _is_known(season: Season, result: RoundScored) -> bool:
    known = season.scored.get(Result.of(result))
    return known is not None and _compared(known) == _compared(_as_known(result, known))


def _compared(result: RoundScored) -> RoundScored:
    return result.model_copy(update=NOT_COMPARED)


def _as_known(result: RoundScored, known: RoundScored) -> RoundScored:
    """The result without what a result scored by an older lapstream does not state."""
    if any(row.best_lap_ms is not None or row.laps_led is not None for row in known.rows):
        return result
    rows = tuple(row.model_copy(update=dict.fromkeys(_SINCE_2)) for row in result.rows)
    return result.model_copy(update={"rows": rows})


_SINCE_2 = ("best_lap_ms", "best_lap_at", "laps_led")
"""Members of a row that version 1 of `round_scored` did not have."""


def _reason(session: str) -> str:
    return f"taken by the stewards from its car in {session}"


def _taken(event: PointsAdjusted) -> tuple[Any, ...]:
    return (event.championship, event.car_class, event.round, event.name, event.points)
