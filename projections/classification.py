"""The classification: who is where in the result, by the regulation pack's convention.

Rules common to all:

- laps completed, descending, then the time at the line when the last was completed; a
  time penalty that was not served on track is added to that time, laps taken away are
  taken from the laps. A penalty counts the moment it is imposed, running or retired;
- a car dropped by N places stands behind the N-th car of its class that was behind it;
- a car sent to the back of its class stands directly behind the last car of the class
  that completed a lap, its laps and time unchanged; several in the order of their
  penalties. The order they had before stays in force for everyone else;
- a disqualified car stands at the end, and everyone behind it moves up.

Qualifying and practice are classified by best lap instead, the earlier of equal ones
first; a lap whose time was deleted is none; cars without a time stand behind.

What differs (``Convention``): whether a car must take the flag, whether retirements keep
their place on laps (ALMS, IMSA) or follow the finishers (Le Mans), the distance a car
must complete, and whether cars without a lap are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from projections.order import NEVER, natural
from projections.race import Race
from projections.stewards import Penalty

NOT_SERVED = frozenset({"imposed", "converted"})
FINISHED, SHORT, DID_NOT_FINISH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Convention:
    """How a series classifies. ``minimum_distance`` is a share of the reference's laps.

    ``reference`` is the overall winner or each class's; the distance is rounded up to
    whole laps.
    """

    minimum_distance: Fraction | None = None
    reference: Literal["overall", "class"] = "overall"
    must_take_flag: bool = False
    retirements: Literal["on_laps", "after_finishers"] = "on_laps"
    no_laps: Literal["last", "absent"] = "last"


ON_LAPS = Convention()
"""Every car that completed a lap is classified on its laps."""


class Classified(NamedTuple):
    """A row of the classification; times in ms, gaps to the winner in laps or ms.

    ``total_ms`` includes ``penalty_ms``; ``laps`` leaves out ``penalty_laps``.
    """

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
    penalty_laps: int
    best_lap_ms: int | None
    best_lap: int | None


class _Standing(NamedTuple):
    """What a car is placed by."""

    car: str
    car_class: str | None
    status: str
    group: int
    laps: int
    total_ms: int
    penalty_ms: int
    penalty_laps: int


def classify(race: Race, convention: Convention = ON_LAPS) -> list[Classified]:
    """Every car of the session that the convention lists, winner first.

    Costs O(n log n) in the cars.
    """
    book = _Book(race)
    cars = [_standing(race, car, book, convention) for car in race.laps.laps]
    if race.session.opened.kind == "race":
        cars = _short_of_distance(cars, convention)
        cars.sort(key=lambda one: (one.group, -one.laps, one.total_ms, natural(one.car)))
    else:
        cars = [one._replace(status="classified") for one in cars]
        cars.sort(key=lambda one: (*_best(race, one.car), natural(one.car)))
    cars = book.disqualify(book.back_of_class(book.places_dropped(cars)))
    if convention.no_laps == "last":
        cars += _without_laps(race, book)
    return _rows(race, cars)


class _Book:
    """The stewards' decisions that a classification turns on, by car and kind."""

    def __init__(self, race: Race) -> None:
        standing = sorted(
            (p for p in race.stewards.penalties.values() if p.status in NOT_SERVED),
            key=lambda p: (p.imposed_at, p.penalty_id),
        )
        self._by_kind: dict[str, list[Penalty]] = {}
        for penalty in standing:
            self._by_kind.setdefault(penalty.kind, []).append(penalty)

    def total(self, kind: str, car: str) -> int:
        """The sum of a car's penalties of one kind."""
        return sum(p.amount or 0 for p in self._by_kind.get(kind, ()) if p.car == car)

    def cars(self, kind: str) -> list[str]:
        """The cars with a penalty of this kind, in the order they were imposed, each once."""
        return list(dict.fromkeys(p.car for p in self._by_kind.get(kind, ())))

    def places_dropped(self, order: list[_Standing]) -> list[_Standing]:
        """Each car dropped by its number of places within its class."""
        for car in self.cars("places"):
            at = _index(order, car)
            if at is None:
                continue
            behind = [i for i in range(at + 1, len(order)) if _same_class(order[i], order[at])]
            passed = behind[: self.total("places", car)]
            if passed:
                order.insert(passed[-1], order.pop(at))
        return order

    def back_of_class(self, order: list[_Standing]) -> list[_Standing]:
        """Each car sent to the back directly behind its class's last car."""
        for car in self.cars("back_of_class"):
            at = _index(order, car)
            if at is not None:
                moved = order.pop(at)
                last = max(
                    (i for i, one in enumerate(order) if _same_class(one, moved)), default=at - 1
                )
                order.insert(last + 1, moved)
        return order

    def disqualify(self, order: list[_Standing]) -> list[_Standing]:
        """The disqualified cars at the end, in the order they stood."""
        out = set(self.cars("disqualification"))
        return [one for one in order if one.car not in out] + [
            one._replace(status="disqualified") for one in order if one.car in out
        ]

    def is_disqualified(self, car: str) -> bool:
        """Whether the car was excluded from the result."""
        return car in self.cars("disqualification")


def _index(order: list[_Standing], car: str) -> int | None:
    return next((i for i, one in enumerate(order) if one.car == car), None)


def _same_class(one: _Standing, other: _Standing) -> bool:
    return one.car_class == other.car_class


def _standing(race: Race, car: str, book: _Book, convention: Convention) -> _Standing:
    last = race.laps.laps[car][-1]
    added, taken = book.total("time", car) * 1000, book.total("laps", car)
    status, group = _outcome(race, car, convention)
    return _Standing(
        car=car,
        car_class=race.session.car_class(car),
        status=status,
        group=group,
        laps=max(0, last.lap - taken),
        total_ms=last.at + added,
        penalty_ms=added,
        penalty_laps=taken,
    )


def _outcome(race: Race, car: str, convention: Convention) -> tuple[str, int]:
    """A car's status, and whether it stands among the finishers."""
    if race.order.chequered_at is None:
        retired = car in race.order.retired
        return ("retired", FINISHED) if retired else ("running", FINISHED)
    if car in race.order.finished:
        return "classified", FINISHED
    if race.session.ended_at is None and car not in race.order.retired:
        return "running", FINISHED  # on its way to the flag
    if convention.must_take_flag or convention.retirements == "after_finishers":
        return "retired", DID_NOT_FINISH
    return "retired" if car in race.order.retired else "classified", FINISHED


def _short_of_distance(cars: list[_Standing], convention: Convention) -> list[_Standing]:
    """Cars that took the flag with too few laps: not classified, behind the finishers."""
    share = convention.minimum_distance
    if share is None:
        return cars
    most: dict[str | None, int] = {}
    for one in cars:
        name = one.car_class if convention.reference == "class" else None
        most[name] = max(most.get(name, 0), one.laps)
    checked = []
    for one in cars:
        name = one.car_class if convention.reference == "class" else None
        needed = -(-most[name] * share.numerator // share.denominator)
        if one.status == "classified" and one.laps < needed:
            group = SHORT if convention.retirements == "after_finishers" else one.group
            one = one._replace(status="not_classified", group=group)
        checked.append(one)
    return checked


def _without_laps(race: Race, book: _Book) -> list[_Standing]:
    idle = sorted((car for car in race.session.entries if car not in race.laps.laps), key=natural)
    return [
        _Standing(
            car=car,
            car_class=race.session.car_class(car),
            status=_idle_status(race, car, book),
            group=DID_NOT_FINISH,
            laps=0,
            total_ms=0,
            penalty_ms=0,
            penalty_laps=0,
        )
        for car in idle
    ]


def _idle_status(race: Race, car: str, book: _Book) -> str:
    if book.is_disqualified(car):
        return "disqualified"
    return "retired" if car in race.order.passings else "not_started"


def _best(race: Race, car: str) -> tuple[int, int]:
    """The car's best lap in ms and when it was set; a car without one comes last."""
    best = race.laps.best.get(car)
    return (best.ms, best.at) if best else (NEVER, NEVER)


def _rows(race: Race, cars: list[_Standing]) -> list[Classified]:
    rows = []
    places: dict[str | None, int] = {}
    for position, one in enumerate(cars, start=1):
        places[one.car_class] = places.get(one.car_class, 0) + 1
        best = race.laps.best.get(one.car)
        gap_laps, gap_ms = _gap(race, cars[0], one)
        rows.append(
            Classified(
                position=position,
                car=one.car,
                car_class=one.car_class,
                class_position=places[one.car_class],
                status=one.status,
                laps=one.laps,
                total_ms=one.total_ms if one.laps else None,
                gap_laps=gap_laps,
                gap_ms=gap_ms,
                penalty_ms=one.penalty_ms,
                penalty_laps=one.penalty_laps,
                best_lap_ms=best.ms if best else None,
                best_lap=best.lap if best else None,
            )
        )
    return rows


def _gap(race: Race, first: _Standing, one: _Standing) -> tuple[int | None, int | None]:
    """Behind the first in whole laps, or else in ms: of the race, or of the best laps."""
    if race.session.opened.kind != "race":
        best, behind = _best(race, one.car)[0], _best(race, first.car)[0]
        return None, best - behind if best != NEVER else None
    laps = first.laps - one.laps
    if laps or not one.laps:
        return laps or None, None
    return None, one.total_ms - first.total_ms
