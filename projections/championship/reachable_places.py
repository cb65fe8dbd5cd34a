"""Reachable places: where the cars of a class can still finish.

A field has places 1 to N, of which cars take distinct ones. Each car has a first and a last
reachable place, may be certain to finish ahead of others, and may end without a place (did
not start, not classified, disqualified), as may any number of cars.

Rules: during a race a retired car can pass no other, so every car that has gone further by
laps, then by time, is certain to finish ahead of it; two running cars may finish in either
order. Places not taken by these cars go to cars not named here. (Where all cars are named and
some end without a place, the cars behind would move up instead. The analysis then allows more
orders than possible, so what it calls certain or out of reach is still correct.)

Whether a finishing order exists is decided exactly. A car certain to finish behind another
starts at least one place later, and the other ends at least one earlier; then each car in
turn, the one with the first last place, takes the first free place open to it (Glover 1967:
if any assignment works, this one does). The order between cars needs no more: two cars in the
wrong order can swap places, as the one ahead both starts and ends earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Car(NamedTuple):
    """A car and the places that are open to it; ``worst`` None is the last of the field.

    ``may_miss`` says that it may end without a place; ``ahead_of`` names the cars that are
    sure to finish behind it, if they finish.
    """

    number: str
    best: int = 1
    worst: int | None = None
    may_miss: bool = False
    ahead_of: frozenset[str] = frozenset()


class OnTrack(NamedTuple):
    """A car's progress: laps, and the session time (ms) at which the last was completed.

    ``settled`` cars go no further: they have retired or taken the flag.
    """

    number: str
    laps: int
    at: int
    settled: bool = False
    may_miss: bool = False


PlaceLimits = Mapping[int, tuple[int, int]]
"""First and last place allowed, by the car's index in the field. (1, 0) allows none."""


class RaceField:
    """The named cars, and the number of places for them and for others.

    Raises ValueError if cars are named twice, are ahead of each other in a cycle, or cannot
    all be placed.
    """

    def __init__(self, cars: Sequence[Car], places: int) -> None:
        self.places = places
        self.cars = _in_order(cars)
        self.index = {car.number: i for i, car in enumerate(self.cars)}
        self._first = [max(1, car.best) for car in self.cars]
        self._last = [places if car.worst is None else min(places, car.worst) for car in self.cars]
        self._behind = _behind(self.cars, self.index)
        self._must = [i for i, car in enumerate(self.cars) if not car.may_miss]
        self._order = _covering(self._must, self._behind)
        self._tighten(self._first, self._last, self._order)
        windows = enumerate(zip(self._first, self._last, strict=True))
        self._narrow = {car for car, window in windows if window != (1, places)}
        if not self.fits({}):
            raise ValueError(f"no finishing order of {places} places fits all these cars")

    def may_miss(self, car: int) -> bool:
        """Whether the car may end without a place."""
        return self.cars[car].may_miss

    def beaten(self, cars: Iterable[int]) -> tuple[str, ...]:
        """The cars that are sure to finish behind one of these, but for these themselves."""
        cars = set(cars)
        behind = set().union(*(self._behind[car] for car in cars)) - cars
        return tuple(self.cars[car].number for car in sorted(behind))

    def places_of(self, car: int) -> range:
        """Places beyond which the car cannot finish; some of these may be impossible too."""
        return range(self._first[car], self._last[car] + 1)

    def fits(self, limits: PlaceLimits, placed: Iterable[int] = ()) -> bool:
        """Whether a finishing order exists in which every car keeps to its limits.

        Cars that may end without a place need none, except those ``placed``.
        """
        cars, order = self._must, self._order
        extra = set(placed).difference(cars)
        if extra:
            cars = sorted(extra.union(cars))
            order = _covering(cars, self._behind)
        if len(cars) > self.places:
            return False
        first, last = self._first.copy(), self._last.copy()
        for car, (best, worst) in limits.items():
            first[car] = max(first[car], best)
            last[car] = min(last[car], worst)
        if order:
            self._tighten(first, last, order)
        else:  # no window is moved by another car: those that are open need not be looked at
            cars = [car for car in limits.keys() | self._narrow if car in cars]
        return self._assign(first, last, cars)

    def _tighten(self, first: list[int], last: list[int], order: list[tuple[int, int]]) -> None:
        """Start every car after those ahead of it, and end it before those behind."""
        for ahead, behind in order:
            if first[behind] <= first[ahead]:
                first[behind] = first[ahead] + 1
        for ahead, behind in reversed(order):
            if last[ahead] >= last[behind]:
                last[ahead] = last[behind] - 1

    def _assign(self, first: list[int], last: list[int], cars: list[int]) -> bool:
        """Give each car, tightest last place first, the first free place open to it.

        Places are the bits of a number. Cars to which every place is open come last, and
        then there are places enough: they need not be looked at.
        """
        places = self.places
        windows = [(last[car], first[car]) for car in cars if last[car] < places or first[car] > 1]
        windows.sort()
        free = (1 << places) - 1
        for worst, best in windows:
            if worst < best:
                return False
            found = free >> (best - 1) << (best - 1)
            found &= -found
            if not found or found >> worst:
                return False
            free ^= found
        return True


def open_field(numbers: Iterable[str], places: int, *, may_miss: bool = False) -> RaceField:
    """Return the field before the start: any car may take any place, or (``may_miss``) none."""
    return RaceField([Car(number, may_miss=may_miss) for number in numbers], places)


def field_now(cars: Sequence[OnTrack], places: int | None = None) -> RaceField:
    """Return the field during a race, in which settled cars pass no other.

    ``places`` is by default the number of cars. Exact as long as no laps are taken away and no
    retired car returns.
    """
    return RaceField(
        [Car(car.number, may_miss=car.may_miss, ahead_of=_beaten(car, cars)) for car in cars],
        len(cars) if places is None else places,
    )


def _beaten(car: OnTrack, cars: Sequence[OnTrack]) -> frozenset[str]:
    """The settled cars that have not come as far as this one."""
    return frozenset(
        other.number
        for other in cars
        if other.settled and (other.laps, -other.at) < (car.laps, -car.at)
    )


def _in_order(cars: Sequence[Car]) -> tuple[Car, ...]:
    """The cars, each after all that are sure to finish ahead of it."""
    by_number = {car.number: car for car in cars}
    if len(by_number) < len(cars):
        raise ValueError("a car is named twice in the field")
    waiting = {car.number: 0 for car in cars}
    for car in cars:
        for number in car.ahead_of & waiting.keys():
            waiting[number] += 1
    ready = [number for number, ahead in waiting.items() if not ahead]
    for number in ready:  # grows while it is read
        for behind in sorted(by_number[number].ahead_of & waiting.keys()):
            waiting[behind] -= 1
            if not waiting[behind]:
                ready.append(behind)
    if len(ready) < len(cars):
        raise ValueError("cars are ahead of each other in a circle")
    return tuple(by_number[number] for number in ready)


def _behind(cars: Sequence[Car], index: Mapping[str, int]) -> list[set[int]]:
    """For each car all that are sure to finish behind it, those that follow from others too."""
    behind: list[set[int]] = [set() for _ in cars]
    for ahead in reversed(range(len(cars))):
        direct = {index[number] for number in cars[ahead].ahead_of if number in index}
        behind[ahead] = direct.union(*(behind[car] for car in direct))
    return behind


def _covering(cars: Sequence[int], behind: Sequence[set[int]]) -> list[tuple[int, int]]:
    """The pairs (ahead, behind) of these cars from which all others follow."""
    pairs = []
    present = set(cars)
    for ahead in cars:
        after = behind[ahead] & present
        after.difference_update(*(behind[car] for car in tuple(after)))
        pairs += [(ahead, car) for car in sorted(after)]
    return pairs
