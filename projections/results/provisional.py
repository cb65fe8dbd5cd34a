"""Provisional points: a session's current classification, scored as a round of its season.

The same rows serve running races, finished races and what-if analysis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

from events import (
    Contest,
    PointsAdjusted,
    ResultDeclared,
    ResultRow,
    RoundScored,
    ScoredDriver,
    ScoredRow,
)
from events.base import MAX_DURATION_MS
from events.session import ResultStatus
from projections.folds.drivers import DriverTotal
from projections.race import Race
from projections.results.classification import NOT_SERVED, Classified
from projections.results.official_result import official_result
from projections.results.points import Award, entrant, place_points, score, total
from projections.results.scheduled_length import scheduled_length
from projections.rules.packs import Number, RegulationPack, builtin_names, builtin_pack

SOURCE = "lapstream"


def own_pack(race: Race) -> RegulationPack | None:
    """Return the built-in pack that the session names; None without one."""
    name = race.session.opened.rules
    return builtin_pack(name) if name in builtin_names() else None


def rounds_scored(
    race: Race,
    classification: Iterable[Classified],
    number: int | None = None,
    pack: RegulationPack | None = None,
    scheduled_ms: int | None = None,
) -> list[RoundScored]:
    """Return the result of each class if the session ended now.

    ``number`` is the round; by default that of the session, or 1. Practice scores nothing, and
    cars outside every class are left out. Drive times are included only after the race, as
    drivers short of the minimum may still drive before; so is the share that was run, for which
    ``pack`` and ``scheduled_ms`` are as for `percent_run`.
    """
    if race.session.opened.kind == "practice":
        return []
    rows = list(classification)
    official = official_result(race)
    overall_laps = max((row.laps for row in rows if row.status != "disqualified"), default=0)
    classes = dict.fromkeys(row.car_class for row in rows if row.car_class is not None)
    return [
        RoundScored(
            at=race.at,
            source=SOURCE,
            source_seq=index,
            round=number or race.session.opened.round or 1,
            part="qualifying" if race.session.opened.kind == "qualifying" else "race",
            car_class=car_class,
            overall_laps=overall_laps,
            percent_run=percent_run(race, overall_laps, pack, scheduled_ms),
            rows=_rows(race, [row for row in rows if row.car_class == car_class]),
            reason="as it stands",
            basis=official.rows_basis if official else "recorded",
        )
        for index, car_class in enumerate(classes)
    ]


def rounds_declared(
    race: Race, declared: ResultDeclared, number: int | None = None
) -> list[RoundScored]:
    """Return the result of each class by a declared result, such as of a race without laps.

    ``number`` is the round; by default that of the session, or 1. Practice scores nothing, and
    cars outside every class are left out.
    """
    if race.session.opened.kind == "practice":
        return []
    classes = dict.fromkeys(row.car_class for row in declared.rows if row.car_class is not None)
    return [
        RoundScored(
            at=race.at,
            source=SOURCE,
            source_seq=index,
            basis=declared.rows_basis,
            round=number or race.session.opened.round or 1,
            part="qualifying" if race.session.opened.kind == "qualifying" else "race",
            car_class=car_class,
            overall_laps=max(
                (row.laps for row in declared.rows if row.status != "disqualified"), default=0
            ),
            rows=_declared_rows(race, [one for one in declared.rows if one.car_class == car_class]),
            reason=f"as declared {declared.status}: {declared.rests_on}",
        )
        for index, car_class in enumerate(classes)
    ]


def percent_run(
    race: Race,
    winner_laps: int,
    pack: RegulationPack | None = None,
    scheduled_ms: int | None = None,
) -> int | None:
    """Return how much of a race that is over was run, in whole percent, rounded down.

    None for a race that went its full length, still runs, or whose scheduled length is unknown.
    A race scheduled by time and distance was run in full if either was; where the pack (default:
    the session's own) names its measure, that one decides. ``scheduled_ms`` is the length of the
    round: it counts for a race that a red flag ended and that does not state its own length.
    """
    over = _over_at(race)
    if race.session.opened.kind != "race" or over is None:
        return None
    over = max(0, over)  # the clock of a session may stand before its start
    pack = pack or own_pack(race)
    measure = pack.points.reduced_by if pack else None
    shares = _shares_run(race, over, winner_laps)
    if not shares and scheduled_ms and race.track.ended_under_red_at is not None:
        shares = [("time", Fraction(over, scheduled_ms))]
    run = max((share for by, share in shares if measure in (None, by)), default=None)
    return None if run is None or run >= 1 else int(run * 100)


def percent_so_far(
    race: Race, winner_laps: int, pack: RegulationPack, scheduled_ms: int | None = None
) -> int | None:
    """Return how much of a race is sure to be run, in whole percent; 100 once it is all run.

    None where that is unknown, or the race is stopped and may end as of then. The arguments are
    those of `percent_run`.
    """
    over = _over_at(race)
    if over is None and race.track.flag == "red":
        return None
    measure, at = pack.points.reduced_by, max(0, race.at if over is None else over)
    shares = _shares_run(race, at, winner_laps)
    if not shares and scheduled_ms:
        shares = [("time", Fraction(at, scheduled_ms))]
    run = max((share for by, share in shares if measure in (None, by)), default=None)
    return None if run is None else min(100, int(run * 100))


def _over_at(race: Race) -> int | None:
    """Return the session time at which the race was stopped or ended; None while it runs."""
    if race.track.ended_under_red_at is not None:
        return race.track.ended_under_red_at
    if race.finish.chequered_at is not None:
        return race.finish.chequered_at
    return race.session.ended_at


def _shares_run(race: Race, over: int, winner_laps: int) -> list[tuple[str, Fraction]]:
    """Return the share of each scheduled length that was run, with what measures it."""
    opened, length = race.session.opened, scheduled_length(race)
    shares = []
    if length.ms and length.basis == "stated":  # one reconstructed from the end was run in full
        shares.append(("time", Fraction(over, length.ms)))
    if opened.laps_limit:
        shares.append(("distance", Fraction(winner_laps, opened.laps_limit)))
    if opened.distance_limit_m and opened.circuit_length_m:
        metres = winner_laps * opened.circuit_length_m
        shares.append(("distance", Fraction(metres, opened.distance_limit_m)))
    return shares


def _declared_rows(race: Race, rows: list[ResultRow]) -> tuple[ScoredRow, ...]:
    timed = [(row.best_lap_ms, place) for place, row in enumerate(rows) if row.best_lap_ms]
    fastest = min(timed)[1] if timed else None
    return tuple(
        _scored_row(race, row.car, place + 1, row.status, row.laps).model_copy(
            update={"fastest_lap": place == fastest, "best_lap_ms": row.best_lap_ms}
        )
        for place, row in enumerate(rows)
    )


def place_awards(
    race: Race,
    rounds: Iterable[RoundScored],
    pack: RegulationPack,
    series: str | None = None,
) -> dict[str, Award]:
    """Return the award for each car's place under a pack, by car.

    ``series`` is the one that entries must be eligible for, by default the session's own;
    without either, all entries are eligible.
    """
    opened = race.session.opened
    series = series or opened.series
    length = scheduled_length(race).ms
    return {
        award.car: award
        for scored in rounds
        for award in place_points(pack, scored, series=series, time_limit_ms=length)
        if award.car is not None
    }


def session_awards(
    race: Race,
    rounds: Iterable[RoundScored],
    pack: RegulationPack,
    series: str | None = None,
) -> list[Award]:
    """Return all awards under a pack. ``series`` is as for `place_awards`."""
    opened = race.session.opened
    series = series or opened.series
    length = scheduled_length(race).ms
    return [
        award
        for scored in rounds
        for award in score(pack, scored, series=series, time_limit_ms=length)
    ]


def points_by_car(
    race: Race, rounds: Iterable[RoundScored], pack: RegulationPack | None
) -> dict[str, Number]:
    """Return the points of each car's place less those deducted; empty without a pack."""
    if pack is None:
        return {}
    taken = points_taken(race)
    return {
        car: total((award.points, -taken.get(car, 0)))
        for car, award in place_awards(race, rounds, pack).items()
    }


def adjustments(
    race: Race, rounds: Iterable[RoundScored], pack: RegulationPack
) -> list[PointsAdjusted]:
    """Return the deductions from drivers and teams by point penalties in force."""
    taken = points_taken(race)
    losses = [
        (scored, contest, name, taken[row.car])
        for scored in rounds
        for row in scored.rows
        if row.car in taken
        for contest, name in _who_scores(row, pack)
    ]
    return [
        PointsAdjusted(
            at=race.at,
            source=SOURCE,
            source_seq=index,
            championship=contest,
            car_class=scored.car_class,
            round=scored.round,
            name=name,
            points=-points,
            reason=f"taken by the stewards from its car in the {scored.part}",
        )
        for index, (scored, contest, name, points) in enumerate(losses)
    ]


def _who_scores(row: ScoredRow, pack: RegulationPack) -> list[tuple[Contest, str]]:
    team = entrant(pack.points.teams, row)
    drivers: list[tuple[Contest, str]] = [("drivers", driver.name) for driver in row.drivers]
    return drivers if team is None else [*drivers, ("teams", team)]


def points_taken(race: Race) -> dict[str, int]:
    """Return the points deducted from each car by penalties in force."""
    taken: dict[str, int] = {}
    for penalty in race.stewards.penalties.values():
        if penalty.kind == "points" and penalty.status in NOT_SERVED:
            taken[penalty.car] = taken.get(penalty.car, 0) + (penalty.amount or 0)
    return taken


def _rows(race: Race, rows: list[Classified]) -> tuple[ScoredRow, ...]:
    fastest = _fastest(race, rows)
    led = _laps_led(race, rows)
    scored = []
    for row in rows:
        best = race.laps.best.get(row.car)
        facts = {
            "fastest_lap": row.car == fastest,
            "best_lap_ms": row.best_lap_ms,
            "best_lap_at": best.at if best else None,
            "laps_led": led[row.car],
        }
        one = _scored_row(race, row.car, row.class_position, _status(row), row.laps)
        scored.append(one.model_copy(update=facts))
    return tuple(scored)


def _laps_led(race: Race, rows: Iterable[Classified]) -> Counter[str]:
    """Return the laps at whose end each of these cars led its class."""
    classes = {row.car_class for row in rows if row.car_class is not None}
    return Counter(led.car for name in classes for led in race.chart.class_leaders.get(name, ()))


def _scored_row(race: Race, car: str, place: int, status: ResultStatus, laps: int) -> ScoredRow:
    entry = race.session.entries.get(car)
    return ScoredRow(
        position=place,
        car=car,
        status=status,
        laps=laps,
        team=entry.team if entry else None,
        manufacturer=entry.manufacturer if entry else None,
        drivers=_crew(race, car),
        championships=entry.championships if entry else None,
    )


def entered_row(race: Race, car: str) -> ScoredRow:
    """Return the row of a car that is entered, whatever became of it."""
    return _scored_row(race, car, 1, "not_started", 0)


def _status(row: Classified) -> ResultStatus:
    """Score a car that is still running in its current place."""
    return "classified" if row.status == "running" else cast("ResultStatus", row.status)


def _crew(race: Race, car: str) -> tuple[ScoredDriver, ...]:
    """Return the crew, after the race with drive times if any driver is known."""
    entry = race.session.entries.get(car)
    entered = [driver.name for driver in entry.drivers] if entry else []
    driven = race.drivers.drive_time(car, until=race.at)
    known = driven and race.finish.over
    return tuple(
        ScoredDriver(name=name, drive_ms=_drive_ms(name, driven) if known else None)
        for name in dict.fromkeys([*entered, *driven])
    )


def _drive_ms(name: str, driven: Mapping[str, DriverTotal]) -> int:
    # Times at the two ends of what an event holds may be further apart than that.
    return min(driven[name].ms, MAX_DURATION_MS) if name in driven else 0


def _fastest(race: Race, rows: Iterable[Classified]) -> str | None:
    """Return the car with the fastest lap; of equal ones the earlier."""
    best = race.laps.best
    timed = [
        (row.best_lap_ms, best[row.car].at if row.car in best else 0, row.car)
        for row in rows
        if row.best_lap_ms is not None
    ]
    return min(timed, key=lambda one: one[:2], default=(None, None, None))[2]
