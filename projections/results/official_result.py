"""The official result of a session of which no lap is known.

Such a session stands as its result was published: order, laps, total times and best laps are
those of the result, and what the stewards decide since changes it as it would change laps.
"""

from __future__ import annotations

from events import ResultDeclared, ResultRow
from projections.folds.laps import BestLap
from projections.folds.running_order import LEADING, Gap
from projections.race import Race


def official_result(race: Race) -> ResultDeclared | None:
    """Return the result that was published last, if nothing was timed; else None.

    A result that the stewards declare rests on the published one and their own decisions.
    """
    declared = race.session.declared
    if not declared or race.order.passings:
        return None
    return next((one for one in reversed(declared) if one.rows_basis == "published"), None)


def official_row(race: Race, car: str) -> ResultRow | None:
    """Return a car's row of the official result, if the session stands by one."""
    official = official_result(race)
    if official is None:
        return None
    return next((row for row in official.rows if row.car == car), None)


def official_order(race: Race) -> list[str] | None:
    """Return the cars as the official result lists them, then those that it lacks."""
    official = official_result(race)
    if official is None:
        return None
    listed = [row.car for row in official.rows if row.car not in race.session.apart]
    seen = {*listed, *race.session.apart}
    return [*listed, *(car for car in race.order.cars() if car not in seen)]


def official_best(race: Race, row: ResultRow) -> BestLap | None:
    """Return the printed best lap, unless its time was deleted since; by the only driver."""
    if row.best_lap_ms is None or row.best_lap in race.laps.deleted.get(row.car, ()):
        return None
    entry = race.session.entries.get(row.car)
    crew = entry.drivers if entry else ()
    driver = crew[0].name if len(crew) == 1 else None
    return BestLap(row.best_lap_ms, row.best_lap or 0, 0, driver)


def official_bests(race: Race) -> list[tuple[str, BestLap]]:
    """Return each car's printed best lap, the quickest first, if the session stands by a result."""
    official = official_result(race)
    bests = (
        (row.car, official_best(race, row))
        for row in (official.rows if official else ())
        if row.car not in race.session.apart
    )
    timed = [(car, best) for car, best in bests if best is not None]
    return sorted(timed, key=lambda one: one[1].ms)


def official_gap(race: Race, ahead: str | None, behind: str) -> Gap | None:
    """Return the gap between two cars of the official result, in laps or in ms.

    ``ahead`` is None, or the car itself, for the first.
    """
    then = official_row(race, behind)
    if then is None or not (then.laps or then.best_lap_ms):
        return None
    if ahead is None or ahead == behind:
        return LEADING
    first = official_row(race, ahead)
    if first is None:
        return None
    if not race.session.is_race:
        mine, theirs = then.best_lap_ms, first.best_lap_ms
        return Gap(None, mine - theirs) if mine and theirs else None
    if first.laps > then.laps:
        return Gap(first.laps - then.laps, None)
    if not first.total_ms or not then.total_ms or then.total_ms < first.total_ms:
        return None
    return Gap(None, then.total_ms - first.total_ms)
