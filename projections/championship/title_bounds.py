"""Bounds on the points at the end of a season, for rules under which no exact answer is known.

Rules:

- of each remaining result a contender gets at least the points of the worst place of its cars,
  none where they may end without a place, and at most those of the best places, with every bonus;
- shortened races are scored alike for all: where the next race may yet be one, each of its
  possible scales is considered by itself;
- more points in a round never make fewer at the end, so that the bounds hold under drops.

What is called clinched, or out, holds however the season goes on, within the fields given. What
is ``open`` may be decided all the same: bounds allow results that cannot happen together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from projections.championship.clinch import Contender, NextClinch, Outcome, TitleStanding
from projections.championship.reachable_places import RaceField
from projections.championship.season import Prospects
from projections.results.points import total
from projections.rules.packs import Number

Points = tuple[Number, ...]
"""Points by place, from the first on."""


class BoundedResult(NamedTuple):
    """A remaining result: its round, the field, and the scales on which it may be scored.

    ``bonus`` are the most points beside those for places that one contender can get, and
    ``adds_up`` says whether all cars of a contender score.
    """

    round: int
    field: RaceField
    scales: tuple[Points, ...]
    bonus: Number = 0
    adds_up: bool = False


class TitleBounds(NamedTuple):
    """A contender's points at the end, at least and at most, and its standing."""

    least: Number
    most: Number
    standing: TitleStanding
    next_clinch: NextClinch | None


def title_bounds(
    contenders: Sequence[Contender],
    left: Sequence[BoundedResult],
    prospects: Prospects,
    *,
    countback: bool = False,
    drops: bool = False,
) -> dict[str, TitleBounds]:
    """Return the bounds of every contender by name, with at least one result left.

    ``drops`` says that rounds may be dropped. Equal points are a share of the title, unless
    they are counted back, which is left open.
    """
    fight = _Bounds(contenders, left, prospects, countback=countback, drops=drops)
    return {one.name: fight.bounds(one) for one in contenders}


class _Bounds:
    """All contenders, with their least and most points under each scale of the next result."""

    def __init__(
        self,
        contenders: Sequence[Contender],
        left: Sequence[BoundedResult],
        prospects: Prospects,
        *,
        countback: bool,
        drops: bool,
    ) -> None:
        self._contenders = contenders
        self._next, self._prospects = left[0], prospects
        self._countback, self._drops = countback, drops
        self._later = {one.name: _later(one, left[1:]) for one in contenders}
        self._limits = {
            one.name: [self._range(one, scale) for scale in self._next.scales] for one in contenders
        }
        self._crews = {one.name: self._crew(one) for one in contenders}

    def bounds(self, me: Contender) -> TitleBounds:
        """Return the bounds of a contender."""
        mine = self._limits[me.name]
        standing = self._standing(me)
        found = self._next_clinch(me) if standing == "open" else None
        least, most = min(least for least, _ in mine), max(most for _, most in mine)
        return TitleBounds(least, most, standing, found)

    def _standing(self, me: Contender) -> TitleStanding:
        leads = [self._lead(me, rival) for rival in self._rivals(me)]
        if all(lead > 0 for lead in leads):
            return "clinched"
        if any(self._lead(rival, me) > 0 for rival in self._rivals(me)):
            return "out"
        if not self._countback and all(lead >= 0 for lead in leads):
            return "clinched_share"
        return "open"

    def _lead(self, one: Contender, other: Contender) -> Number:
        """What the one is sure to be ahead of the other by at the end, below 0 if behind."""
        if not self._drops and _linked(one, other):
            return total((self._so_far(one.name), -self._so_far(other.name)))
        pairs = zip(self._limits[one.name], self._limits[other.name], strict=True)
        return min(total((mine[0], -theirs[1])) for mine, theirs in pairs)

    def _so_far(self, name: str) -> Number:
        return self._prospects.final(name, {})

    def _rivals(self, me: Contender) -> list[Contender]:
        crew = self._crews[me.name]
        return [one for one in self._contenders if self._crews[one.name] != crew]

    def _crew(self, one: Contender) -> object:
        """What contenders that cannot be separated have in common."""
        if one.may_forfeit or not one.cars:
            return one.name
        return frozenset(one.cars), self._prospects.so_far(one.name)

    # Points

    def _range(self, one: Contender, scale: Points) -> tuple[Number, Number]:
        least, most = _gains(one, self._next, scale)
        return self._final(one.name, least, 0), self._final(one.name, most, 1)

    def _final(self, name: str, gain: Number, most: int) -> Number:
        """The points at the end with so many in the next result, and the least or most after."""
        more = dict(self._later[name][most])
        more[self._next.round] = total((more.get(self._next.round, 0), gain))
        return self._prospects.final(name, more)

    # The next result

    def _next_clinch(self, me: Contender) -> NextClinch | None:
        """The worst place of the next result that is sure to win the title, of a single car."""
        if len(me.cars) != 1 or me.may_forfeit:
            return None
        field = self._next.field
        car = field.index[me.cars[0]]
        worst: Outcome | None = None
        for place in field.places_of(car):
            if not self._is_safe(me, place):
                break
            worst = place
        else:
            if field.may_miss(car) and self._is_safe(me, None):
                worst = "no_score"
        if worst is None:
            return None
        crew = self._crews[me.name]
        names = tuple(one.name for one in self._contenders if self._crews[one.name] == crew)
        return NextClinch(worst, names)

    def _is_safe(self, me: Contender, place: int | None) -> bool:
        return all(
            self._final(me.name, _at(scale, place), 0) > self._most_beside(rival, me, place, index)
            for index, scale in enumerate(self._next.scales)
            for rival in self._rivals(me)
        )

    def _most_beside(
        self, rival: Contender, me: Contender, place: int | None, index: int
    ) -> Number:
        """The most points of a rival at the end if the contender has this place."""
        most = self._limits[rival.name][index][1]
        if place is None or not set(rival.cars).isdisjoint(me.cars):
            return most
        gain = _gains(rival, self._next, self._next.scales[index], taken=place)[1]
        return min(most, self._final(rival.name, gain, 1))


def _linked(one: Contender, other: Contender) -> bool:
    """Whether both always score the same in what is left."""
    forfeits = one.may_forfeit or other.may_forfeit
    return bool(one.cars) and set(one.cars) == set(other.cars) and not forfeits


def _at(scale: Points, place: int | None) -> Number:
    return scale[place - 1] if place is not None and place <= len(scale) else 0


def _later(
    one: Contender, left: Iterable[BoundedResult]
) -> tuple[Mapping[int, Number], Mapping[int, Number]]:
    """The least and the most points by round of all results but the next."""
    least: dict[int, Number] = {}
    most: dict[int, Number] = {}
    for result in left:
        gains = [_gains(one, result, scale) for scale in result.scales]
        lowest, highest = min(low for low, _ in gains), max(high for _, high in gains)
        least[result.round] = total((least.get(result.round, 0), lowest))
        most[result.round] = total((most.get(result.round, 0), highest))
    return least, most


def _gains(
    one: Contender, result: BoundedResult, scale: Points, taken: int | None = None
) -> tuple[Number, Number]:
    """The least and the most points of a result; ``taken`` is a place of somebody else's car."""
    cars = [result.field.index[car] for car in one.cars]
    reachable = {car: places for car in cars if (places := result.field.places_of(car))}
    if not reachable:
        return 0, 0
    sure = [_at(scale, places[-1]) for car, places in reachable.items() if not _misses(result, car)]
    least = total(sure) if result.adds_up else max(sure, default=0)
    best: list[int] = []
    for places in sorted(reachable.values(), key=lambda places: places[0]):
        place = max(places[0], best[-1] + 1 if best else 1)
        best.append(place + 1 if place == taken else place)
    points = [_at(scale, place) for place in (best if result.adds_up else best[:1])]
    return 0 if one.may_forfeit else least, total((*points, result.bonus))


def _misses(result: BoundedResult, car: int) -> bool:
    return result.field.may_miss(car)
