"""The order of a session of any kind.

Rules: a race is in its running order. Qualifying and practice are ordered by best lap, of equal
ones the earlier first; a deleted lap time is none. Cars without a time follow by number, whether
they have left the pits or not. A gap between two of them is the difference of their best laps;
a car without a time has none. A session of which no lap is known is in the order of its official
result.
"""

from __future__ import annotations

from collections.abc import Iterable

from projections.folds.running_order import LEADING, NEVER, Gap, natural
from projections.official_result import official_gap, official_order, official_result
from projections.race import Race


def session_order(race: Race) -> list[str]:
    """Return all cars in the order of the session; O(n log n) in the cars."""
    official = official_order(race)
    if official is not None:
        return official
    cars = race.order.cars()
    return cars if race.session.is_race else by_best_lap(race, cars)


def first_of(race: Race) -> str | None:
    """Return the leader of a race, or the quickest car; None before either is known."""
    official = official_result(race)
    if official is not None:
        return official.rows[0].car if official.rows else None
    if race.session.is_race:
        return race.order.leader()
    cars = [car for car in race.laps.best if car not in race.session.apart]
    return min(cars, key=lambda car: _by_time(race, car), default=None)


def by_best_lap(race: Race, cars: Iterable[str]) -> list[str]:
    """Sort cars as qualifying and practice do."""
    return sorted(cars, key=lambda car: _by_time(race, car))


def _by_time(race: Race, car: str) -> tuple[int, int, tuple[int, str]]:
    best = race.laps.best.get(car)
    return (best.ms, best.at, natural(car)) if best else (NEVER, NEVER, natural(car))


def time_gap(race: Race, ahead: str | None, behind: str) -> Gap | None:
    """Return the gap between two best laps; ``ahead`` is None, or the car itself, for the first.

    None where either car has no time.
    """
    if official_result(race) is not None:
        return official_gap(race, ahead, behind)
    best = race.laps.best
    mine = best.get(behind)
    if mine is None:
        return None
    if ahead is None or ahead == behind:
        return LEADING
    theirs = best.get(ahead)
    return Gap(None, mine.ms - theirs.ms) if theirs else None
