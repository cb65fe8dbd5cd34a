"""The classification by laps, then by time.

Rule: laps completed, descending; then the time at the line when the last of them was
completed. A car that never crossed the finish line stands last, by number. ``total_ms``
is that time: the race time of a car that took the flag.

Minimum distances, penalties and where a series lists its retirements are matters of the
regulation pack; here every car that completed a lap is classified.
"""

from __future__ import annotations

from typing import NamedTuple

from projections.order import natural
from projections.race import Race


class Classified(NamedTuple):
    """A row of the classification; times in ms, gaps to the winner in laps or ms."""

    position: int
    car: str
    car_class: str | None
    class_position: int
    status: str
    laps: int
    total_ms: int | None
    gap_laps: int | None
    gap_ms: int | None
    penalty_ms: int
    best_lap_ms: int | None
    best_lap: int | None
    points: int | None


def classify(race: Race) -> list[Classified]:
    """Every car of the session, winner first."""
    laps = race.laps.laps
    cars = [(-laps[car][-1].lap, laps[car][-1].at, car) for car in laps]
    cars.sort()
    idle = [car for car in race.session.entries if car not in laps]
    idle.sort(key=natural)
    order = [car for _, _, car in cars] + idle
    places: dict[str | None, int] = {}
    rows = []
    for position, car in enumerate(order, start=1):
        name = race.session.car_class(car)
        places[name] = places.get(name, 0) + 1
        rows.append(_row(race, car, name, position, places[name], order[0]))
    return rows


def _row(
    race: Race, car: str, name: str | None, position: int, class_position: int, winner: str
) -> Classified:
    last, best = race.laps.last(car), race.laps.best.get(car)
    first = race.laps.last(winner)
    done = last.lap if last else 0
    laps_behind = (first.lap if first else 0) - done
    return Classified(
        position=position,
        car=car,
        car_class=name,
        class_position=class_position,
        status=_status(race, car),
        laps=done,
        total_ms=last.at if last else None,
        gap_laps=laps_behind or None,
        gap_ms=last.at - first.at if last and first and laps_behind == 0 else None,
        penalty_ms=0,
        best_lap_ms=best.ms if best else None,
        best_lap=best.lap if best else None,
        points=None,
    )


def _status(race: Race, car: str) -> str:
    """``classified``, ``retired`` (classified on its laps all the same) or ``not_started``."""
    if car not in race.order.passings:
        return "not_started"
    if car in race.order.retired and car not in race.order.finished:
        return "retired"
    return "classified" if race.order.chequered_at is not None else "running"
