"""Title fights in the small, and everything that can become of them, tried out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from hypothesis import strategies as st

from projections.championship.clinch import Contender, Round
from projections.championship.reachable_places import Car, RaceField

NO_SCORE = 99
"""Worse than any place."""


class Fight(NamedTuple):
    """The races that are left, each with its cars, and who fights for the title in them."""

    cars: tuple[tuple[Car, ...], ...]
    places: tuple[int, ...]
    scales: tuple[tuple[int, ...], ...]
    contenders: tuple[Contender, ...]
    countback: bool

    def rounds(self) -> list[Round] | None:
        """The races; None where not all cars of one can be placed."""
        try:
            fields = [RaceField(*one) for one in zip(self.cars, self.places, strict=True)]
        except ValueError:
            return None
        return [Round(*one) for one in zip(fields, self.scales, strict=True)]


class Ending(NamedTuple):
    """A way in which it can all end, by contender: its outcome in each race, and its key."""

    outcomes: dict[str, tuple[int, ...]]
    keys: dict[str, tuple[float, ...]]


def endings(fight: Fight) -> list[Ending]:
    """Every way in which the fight can end."""
    races = zip(fight.cars, fight.places, strict=True)
    found = []
    for worlds in product(*(set(_worlds(*race, fight.contenders)) for race in races)):
        outcomes = dict(
            zip((one.name for one in fight.contenders), zip(*worlds, strict=True), strict=True)
        )
        keys = {one.name: _key(fight, one, outcomes[one.name]) for one in fight.contenders}
        found.append(Ending(outcomes, keys))
    return found


def verdict(fight: Fight, me: Contender, ending: Ending) -> str:
    """What the ending makes of a contender: champion ``alone`` or ``shared``, or ``lost``."""
    rivals = [one.name for one in fight.contenders if not inseparable(fight, me, one)]
    best = max((ending.keys[name] for name in rivals), default=(-1,))
    mine = ending.keys[me.name]
    return "alone" if mine > best else "shared" if mine == best else "lost"


def inseparable(fight: Fight, one: Contender, other: Contender) -> bool:
    """Whether they are one, or can never be told apart by their keys."""
    if one is other:
        return True
    if one.may_forfeit or other.may_forfeit or set(one.cars) != set(other.cars):
        return False
    return _key(fight, one, ()) == _key(fight, other, ())


def _worlds(
    cars: Sequence[Car], places: int, contenders: Sequence[Contender]
) -> Iterator[tuple[int, ...]]:
    """By contender the outcome of one race, for every finishing order."""
    choices = [
        [*range(car.best, (car.worst or places) + 1), *[NO_SCORE] * car.may_miss] for car in cars
    ]
    numbers = [car.number for car in cars]
    sure = _sure(cars)
    for chosen in product(*choices):
        taken = [one for one in chosen if one != NO_SCORE]
        if len(set(taken)) < len(taken):
            continue
        place = dict(zip(numbers, chosen, strict=True))
        if any(place[last] < place[first] < NO_SCORE for first, last in sure):
            continue
        yield from product(
            *(
                {min((place[car] for car in one.cars), default=NO_SCORE)}
                | ({NO_SCORE} if one.may_forfeit else set())
                for one in contenders
            )
        )


def _sure(cars: Sequence[Car]) -> list[tuple[str, str]]:
    """The pairs of cars whose order is sure, at first or second hand."""
    ahead_of = {car.number: set(car.ahead_of) for car in cars}
    for middle, first in product(ahead_of, ahead_of):
        if middle in ahead_of[first]:
            ahead_of[first] |= ahead_of[middle]
    return [(first, last) for first, behind in ahead_of.items() for last in behind]


def _key(fight: Fight, one: Contender, outcomes: Sequence[int]) -> tuple[float, ...]:
    """A contender's points, and finishes where they count, after these outcomes."""
    points, finishes = one.points, [*one.finishes, *[0] * 9][:9]
    for scale, place in zip(fight.scales, outcomes, strict=False):
        if place != NO_SCORE:
            points += scale[place - 1] if place <= len(scale) else 0
            finishes[place - 1] += 1
    return (points, *finishes) if fight.countback else (points,)


# Strategies are made once: to make and to check them takes longer than to draw from them.

YES_OR_NO = st.booleans()
FINISHES = st.lists(st.integers(0, 2), max_size=3)
SCALE = st.lists(st.integers(0, 6), max_size=5).map(lambda one: tuple(sorted(one)[::-1]))


@cache
def between(least: int, most: int) -> st.SearchStrategy[int]:
    """A number from one to the other, both included."""
    return st.integers(least, most)


@cache
def up_to_two(*numbers: str) -> st.SearchStrategy[set[str]]:
    """None, one or two of these."""
    return st.sets(st.sampled_from(numbers), max_size=2)


@st.composite
def fields(draw: st.DrawFn, count: int) -> tuple[tuple[Car, ...], int]:
    """Cars, some bound to places or to an order that is sure, and how many places there are."""
    places = draw(between(max(1, count - 1), 5))
    bound = draw(YES_OR_NO)
    cars = []
    for i in range(count):
        best = draw(between(1, places)) if bound and draw(YES_OR_NO) else 1
        worst = draw(between(best, places)) if bound and draw(YES_OR_NO) else None
        later = [str(j) for j in range(i + 1, count)]
        behind = draw(up_to_two(*later)) if bound and later else set()
        cars.append(Car(str(i), best, worst, draw(YES_OR_NO), frozenset(behind)))
    return tuple(cars[i] for i in draw(orders(count))), places


@cache
def orders(count: int) -> st.SearchStrategy[list[int]]:
    """The numbers below ``count`` in some order."""
    return st.permutations(range(count))


@cache
def fields_of(count: int) -> st.SearchStrategy[tuple[tuple[Car, ...], int]]:
    """Fields of so many cars."""
    return fields(count)


@st.composite
def fights(draw: st.DrawFn, rounds: int = 1, most_cars: int = 4) -> Fight:
    """A few contenders with none, one or two cars each, some of them with the same."""
    count = draw(between(1, most_cars))
    drawn = [draw(fields_of(count)) for _ in range(rounds)]
    numbers = [str(i) for i in range(count)]
    contenders = tuple(
        Contender(
            name=name,
            points=draw(between(0, 7 * rounds)),
            cars=tuple(draw(up_to_two(*numbers))),
            finishes=tuple(draw(FINISHES)),
            may_forfeit=draw(between(0, 4)) == 0,
        )
        for name in "ABCD"[: draw(between(1, most_cars))]
    )
    cars, places = zip(*drawn, strict=True)
    scales = tuple(draw(SCALE) for _ in range(rounds))
    return Fight(cars, places, scales, contenders, draw(YES_OR_NO))
