"""Clinch analysis: who can still win a title, and what each contender needs for it.

A contender's key is its points, then, where ties are counted back, its wins, second places,
third places and so on. A contender wins the title outright if every rival's key is below its
own, and shares it if none is above.

Rules: a contender scores with the best of its cars (a driver has one, a team or a make may
have several; makes that add up two cars are not covered), and a better place never scores
less. For contender A finishing p-th:

- *safe*: no rival alone can reach A's key with the best place left to it. Then A is champion
  whatever the others do.
- *alive*: all rivals can be placed at once so that each stays below A. The places allowed to
  each are a tail (q and worse, or no place), and `reachable_places` decides whether distinct
  places exist for all.

Contenders with the same cars and the same key, such as the crew of one car, can never be
separated and are treated as one. Drivers of one car with different points keep their
difference.

The analysis of one deciding race is exact for the finishing orders that its field allows;
`with_rounds_left` documents what is exact over several races.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise, permutations, takewhile
from typing import Literal, NamedTuple

from projections.championship.reachable_places import PlaceLimits, RaceField
from projections.results.points import tidy
from projections.rules.packs import Number

TitleStatus = Literal["clinched", "clinched_share", "alive", "alive_share", "out"]
"""``clinched_share``: champion, but perhaps not alone; ``alive_share``: at best not alone."""

TitleStanding = Literal["clinched", "clinched_share", "open", "out"]
"""A contender's standing with several rounds left."""

Outcome = int | Literal["no_score"]
"""A place, or no score, which is worse than every place."""

COUNT_BITS = 16
"""Bits per count of finishes in a key, which is one number: the points, then the counts."""

POINT_PARTS = 1000
"""Points are counted in thousandths, as some rounds award half points."""

NOWHERE = (1, 0)
"""Limits that allow a car no place."""


class Contender(NamedTuple):
    """A contender as it stands before the race.

    ``cars`` are those that score for it in the race, empty if it does not take part;
    ``finishes`` counts its wins, second places, ...; with ``may_forfeit`` its cars may score
    without it (a driver still short of the minimum time at the wheel).
    """

    name: str
    points: Number
    cars: tuple[str, ...]
    finishes: tuple[int, ...] = ()
    may_forfeit: bool = False


class Round(NamedTuple):
    """A remaining race: its field, and the points by place (0 for places behind)."""

    field: RaceField
    scale: tuple[Number, ...]


class TitleNeeds(NamedTuple):
    """The places that win the title, or still may; None where there is no such place.

    ``clinches_regardless_from`` is the worst place such that it and every better one win
    whatever the rivals do; ``can_still_win_from`` is the worst place that can still win. The
    two members for no score are None where that cannot happen.
    """

    clinches_regardless_from: int | None
    clinched_even_if_no_score: bool | None
    can_still_win_from: int | None
    can_still_win_if_no_score: bool | None
    clinched: bool

    @property
    def alive(self) -> bool:
        """Whether the title can still be won."""
        return self.can_still_win_from is not None or bool(self.can_still_win_if_no_score)


class RivalTable(NamedTuple):
    """The outcomes needed against a rival that can still prevent the title.

    By the rival's possible outcome: the worst possible outcome of the contender that ends
    above the rival (``beats_from``), or above or level with it (``ties_from``); None where
    none does. With ``shares_car`` both may score with the same place.
    """

    rival: tuple[str, ...]
    beats_from: dict[Outcome, Outcome | None]
    ties_from: dict[Outcome, Outcome | None]
    shares_car: bool


class DecidingRival(NamedTuple):
    """The rival that decides the title: its most points if clinched, its fewest if out.

    With ``same_car`` it stays ahead because both score with the same cars.
    """

    rival: tuple[str, ...]
    points: Number
    same_car: bool = False


class Outlook(NamedTuple):
    """The outlook of a contender, or of several that cannot be separated.

    ``places`` are its reachable places, best first, ``beaten`` the cars that can no longer
    pass it; ``least`` and ``most`` are its final points at worst and at best. ``against`` has
    tables only while the title is undecided; ``deciding_rival`` is set only where one rival
    alone decides it.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    beaten: tuple[str, ...]
    may_score_nothing: bool
    least: Number
    most: Number
    outright: TitleNeeds
    shared: TitleNeeds
    against: tuple[RivalTable, ...]
    deciding_rival: DecidingRival | None

    @property
    def status(self) -> TitleStatus:
        """The contender's status."""
        if self.outright.clinched:
            return "clinched"
        if self.shared.clinched:
            return "clinched_share"
        if self.outright.alive:
            return "alive"
        return "alive_share" if self.shared.alive else "out"


def outlooks(
    contenders: Sequence[Contender], race: Round, countback: bool = False
) -> tuple[Outlook, ...]:
    """Return the outlook of every contender before, or during, the last remaining race.

    In the order given; contenders that cannot be separated share one outlook. With
    ``countback`` equal points are separated by wins, then second places, and so on. Raises
    ValueError if the scale rewards a worse place, a name is repeated or a car is not in the
    field.
    """
    _check(contenders, race)
    fight = _TitleFight(contenders, race, countback)
    return tuple(fight.outlook(rated) for rated in fight.rated)


def with_rounds_left(
    contenders: Sequence[Contender], rounds: Sequence[Round], countback: bool = False
) -> dict[str, TitleStanding]:
    """Return the standing of every contender with any number of rounds left, by name.

    ``clinched`` and ``clinched_share`` are exact: the most that each rival alone can gain over
    the rounds is less (or no more) than it lacks. ``out`` is certain: even so one rival cannot
    be caught. ``open`` contenders may in fact be out, as no results may suffice against all
    rivals at once. Raises ValueError as `outlooks` does.
    """
    for race in rounds:
        _check(contenders, race)
    depth = _depth(contenders, rounds, countback)
    crews = _crews(contenders, depth)
    left = [_Stage(race, depth).swings(crews) for race in rounds]

    def standing(crew: _Crew) -> TitleStanding:
        behind, ahead = [], []
        for rival in crews:
            if rival is not crew:
                behind.append(crew.key - rival.key - sum(swings[rival, crew] for swings in left))
                ahead.append(rival.key - crew.key - sum(swings[crew, rival] for swings in left))
        if any(lead > 0 for lead in ahead):
            return "out"
        if all(lead > 0 for lead in behind):
            return "clinched"
        return "clinched_share" if all(lead >= 0 for lead in behind) else "open"

    return {name: standing(crew) for crew in crews for name in crew.names}


class NextClinch(NamedTuple):
    """The worst outcome with which a contender clinches the title in the next race.

    It or any better one suffices, whatever the rivals do in that race and all later ones.
    ``crew`` are the contenders that cannot be separated from this one, itself included.
    """

    outcome: Outcome
    crew: tuple[str, ...]


def clinched_in_next(
    contenders: Sequence[Contender], rounds: Sequence[Round], countback: bool = False
) -> dict[str, NextClinch]:
    """Return who can clinch the title outright in the first of several rounds, by name.

    Exact, as ``clinched`` in `with_rounds_left`: the most that each rival alone can gain, in
    the next race given that result. A contender that is champion already needs any result.
    """
    depth = _depth(contenders, rounds, countback)
    crews = _crews(contenders, depth)
    race, *later = [_Stage(one, depth) for one in rounds]
    sides = {crew: race.side(crew) for crew in crews}
    after = [stage.swings(crews) for stage in later]

    def safe(me: _Side, outcome: int) -> bool:
        for rival in crews:
            if rival is not me.crew:
                lead = me.crew.key - rival.key - sum(swings[rival, me.crew] for swings in after)
                if race.may_gain(sides[rival], me, outcome, lead):
                    return False
        return True

    found: dict[str, NextClinch] = {}
    for crew, side in sides.items():
        worst: Outcome | None = None
        for outcome in side.ways:
            if not safe(side, outcome):
                break
            worst = outcome if outcome < race.nothing else "no_score"
        if worst is not None:
            found |= dict.fromkeys(crew.names, NextClinch(worst, crew.names))
    return found


def _check(contenders: Sequence[Contender], race: Round) -> None:
    if any(worse > better for better, worse in pairwise((*race.scale, 0))):
        raise ValueError(f"the scale {race.scale} gives more points for a worse place")
    if len({contender.name for contender in contenders}) < len(contenders):
        raise ValueError("a contender is named twice")
    for contender in contenders:
        for car in contender.cars:
            if car not in race.field.index:
                raise ValueError(f"car {car!r} of {contender.name} is not in the field")


class _Crew(NamedTuple):
    """Contenders that cannot be separated, and their common key."""

    names: tuple[str, ...]
    points: Number
    cars: frozenset[str]
    key: int
    may_forfeit: bool


def _crews(contenders: Sequence[Contender], depth: int) -> list[_Crew]:
    """Contenders with the same cars and key together, in the order given."""
    found: dict[object, _Crew] = {}
    for name, points, numbers, finishes, may_forfeit in contenders:
        cars, key = frozenset(numbers), _key(points, finishes, depth)
        same = name if may_forfeit else (cars, key)
        known = found.get(same)
        names = (*known.names, name) if known else (name,)
        found[same] = _Crew(names, points, cars, key, may_forfeit)
    return list(found.values())


def _depth(contenders: Sequence[Contender], rounds: Sequence[Round], countback: bool) -> int:
    """Return the number of places that a countback considers."""
    if not countback:
        return 0
    places = (race.field.places for race in rounds)
    return max([0, *places, *(len(contender.finishes) for contender in contenders)])


def _key(points: Number, finishes: Sequence[int], depth: int) -> int:
    """Return the key as one number; keys add up as points and finishes do."""
    key = round(points * POINT_PARTS)
    for count in (*finishes, *[0] * depth)[:depth]:
        key = (key << COUNT_BITS) + count
    return key


Way = tuple[PlaceLimits, tuple[int, ...]]
"""A way to an outcome: limits for some cars, and the cars that must have a place."""


@dataclass(slots=True)
class _Side:
    """A crew in a race: its cars, as the field counts them, and its possible outcomes.

    An outcome is a place or, for no score, the place after the last. ``ways`` has the
    possible outcomes, best first, and the ways to each.
    """

    crew: _Crew
    cars: list[int]
    ways: dict[int, list[Way]]


class _Stage:
    """A race: the points and the key of each outcome, and which outcomes are compatible."""

    def __init__(self, race: Round, depth: int) -> None:
        places = race.field.places
        self.field = race.field
        self.nothing = places + 1
        scale = (*race.scale, *[0] * places)[:places]
        keys = [_key(points, [0] * place + [1], depth) for place, points in enumerate(scale)]
        self.points = [0, *scale, 0]
        self.worth = [0, *keys, 0]

    def side(self, crew: _Crew) -> _Side:
        """Return the crew with its possible outcomes."""
        cars = sorted(self.field.index[car] for car in crew.cars)
        ways = {}
        open_to_any = sorted({place for car in cars for place in self.field.places_of(car)})
        for outcome in (*open_to_any, self.nothing):
            found = [way for way in self._ways(crew, cars, outcome) if self.field.fits(*way)]
            if found:
                ways[outcome] = found
        return _Side(crew, cars, ways)

    def _ways(self, crew: _Crew, cars: list[int], outcome: int) -> Iterator[Way]:
        if outcome < self.nothing:
            for car in cars:
                behind = dict.fromkeys(cars, (outcome + 1, self.field.places))
                yield {**behind, car: (outcome, outcome)}, (car,)
        elif crew.may_forfeit:
            yield {}, ()
        elif all(self.field.may_miss(car) for car in cars):
            yield dict.fromkeys(cars, NOWHERE), ()

    def together(self, side: _Side, outcome: int, rival: _Side, reach: int) -> bool:
        """Whether the side can have this outcome while the rival's is ``reach`` or better."""
        if reach == self.nothing:
            return True
        return any(
            self.field.fits(_within(limits, {car: (1, reach)}), (*placed, car))
            for limits, placed in side.ways[outcome]
            for car in rival.cars
        )

    def may_gain(self, gaining: _Side, losing: _Side, outcome: int, lead: int) -> bool:
        """Whether one can gain as much, as a difference of keys, with this outcome of the other."""
        for gain in gaining.ways:
            if self.worth[gain] - self.worth[outcome] < lead:
                return False
            if self.together(losing, outcome, gaining, gain):
                return True
        return False

    def swings(self, crews: Sequence[_Crew]) -> dict[tuple[_Crew, _Crew], int]:
        """The most, as a difference of keys, that the first of each pair gains on the second."""
        sides = [self.side(crew) for crew in crews]
        return {
            (one.crew, other.crew): self._swing(one, other) for one, other in permutations(sides, 2)
        }

    def _swing(self, gaining: _Side, losing: _Side) -> int:
        """The best gain with the worst loss that goes with it, over all gains worth a look."""
        losses = list(reversed(losing.ways))
        found: list[int] = []
        for gain in gaining.ways:
            if found and self.worth[gain] - self.worth[losses[0]] <= max(found):
                break
            together = (loss for loss in losses if self.together(losing, loss, gaining, gain))
            found += [self.worth[gain] - self.worth[loss] for loss in islice(together, 1)]
        return max(found)


def _within(limits: PlaceLimits, more: PlaceLimits) -> PlaceLimits:
    """Limits that keep to both."""
    both = {**limits, **more}
    for car in limits.keys() & more.keys():
        best, worst = limits[car]
        both[car] = (max(best, more[car][0]), min(worst, more[car][1]))
    return both


@dataclass(slots=True)
class _Rated:
    """A side with the ranks of its possible final keys among those of all contenders.

    ``ranks[outcome]`` is the rank of its key after the outcome, ``reach[rank]`` the worst
    outcome that earns this rank or more, and ``possible[outcome]`` the worst possible one
    that is no worse than this; 0 where there is none. ``highest`` and ``lowest`` are the
    ranks after its best and its worst possible outcome.
    """

    side: _Side
    outcomes: list[int]
    ranks: list[int]
    reach: list[int]
    possible: list[int]
    highest: int
    lowest: int


def _rated(side: _Side, ranks: list[int], levels: int) -> _Rated:
    earning = [0] * (levels + 1)
    for rank in ranks[1:]:
        earning[rank] += 1
    outcomes = list(side.ways)
    possible = [0] * len(ranks)
    for outcome in outcomes:
        possible[outcome] = outcome
    return _Rated(
        side=side,
        outcomes=outcomes,
        ranks=ranks,
        reach=[*accumulate(reversed(earning))][::-1],
        possible=[*accumulate(possible, max)],
        highest=ranks[outcomes[0]],
        lowest=ranks[outcomes[-1]],
    )


class _TitleFight:
    """All crews in the last remaining race.

    A level is the rank from which a rival prevents a contender's title: the contender's own
    rank to win outright, the next above for a share (``shared``).
    """

    def __init__(self, contenders: Sequence[Contender], race: Round, countback: bool) -> None:
        depth = _depth(contenders, [race], countback)
        self.stage = _Stage(race, depth)
        self.nothing = self.stage.nothing
        self._label = [None, *range(1, self.nothing), "no_score"]
        self._own = [*range(self.nothing), -1]
        self._any = [-1] * (self.nothing + 1)
        crews = _crews(contenders, depth)
        keys = [[crew.key + more for more in self.stage.worth] for crew in crews]
        ladder = {key: rank for rank, key in enumerate(sorted(set().union(*keys)))}
        self.rated = [
            _rated(self.stage.side(crew), [ladder[key] for key in of_crew], len(ladder))
            for crew, of_crew in zip(crews, keys, strict=True)
        ]
        met = Counter(rank for rated in self.rated for rank in set(rated.ranks))
        self._tied = {rank for rank, sides in met.items() if sides > 1}

    def outlook(self, me: _Rated) -> Outlook:
        """Return the outlook of this side."""
        outright = self._needs(me, shared=False)
        shared = outright
        if not self._tied.isdisjoint(me.ranks):
            shared = self._needs(me, shared=True)
        crew, points = me.side.crew, self.stage.points
        return Outlook(
            names=crew.names,
            places=tuple(outcome for outcome in me.outcomes if outcome < self.nothing),
            beaten=self.stage.field.beaten(me.side.cars),
            may_score_nothing=me.outcomes[-1] == self.nothing,
            least=tidy(crew.points + points[me.outcomes[-1]]),
            most=tidy(crew.points + points[me.outcomes[0]]),
            outright=outright,
            shared=shared,
            against=self._against(me, outright, shared),
            deciding_rival=self._deciding_rival(me, outright, shared),
        )

    def _needs(self, me: _Rated, shared: bool) -> TitleNeeds:
        places = [outcome for outcome in me.outcomes if outcome < self.nothing]
        safe = list(takewhile(lambda place: self._safe(me, place, shared), places))
        still = (place for place in reversed(places) if self._alive(me, place, shared))
        safe_without = alive_without = None
        if me.outcomes[-1] == self.nothing:
            safe_without = self._safe(me, self.nothing, shared)
            alive_without = self._alive(me, self.nothing, shared)
        return TitleNeeds(
            clinches_regardless_from=safe[-1] if safe else None,
            clinched_even_if_no_score=safe_without,
            can_still_win_from=next(still, None),
            can_still_win_if_no_score=alive_without,
            clinched=len(safe) == len(places) and safe_without is not False,
        )

    def _rivals(self, me: _Rated) -> Iterator[_Rated]:
        return (rival for rival in self.rated if rival is not me)

    def _safe(self, me: _Rated, outcome: int, shared: bool) -> bool:
        """Whether no rival, each for itself, can spoil the title after this outcome."""
        level = me.ranks[outcome] + shared
        return not any(
            self.stage.together(me.side, outcome, rival.side, rival.reach[level])
            for rival in self._rivals(me)
            if rival.highest >= level
        )

    def _alive(self, me: _Rated, outcome: int, shared: bool) -> bool:
        """Whether all rivals at once can be kept from spoiling the title after this outcome."""
        level = me.ranks[outcome] + shared
        if any(rival.lowest >= level for rival in self._rivals(me)):
            return False
        last = self.stage.field.places
        tails: dict[int, tuple[int, int]] = {}
        for rival in self._rivals(me):
            reach = rival.reach[level]
            if reach and not rival.side.crew.may_forfeit:
                for car in rival.side.cars:
                    tails[car] = (max(reach + 1, tails.get(car, (1, last))[0]), last)
        return any(
            self.stage.field.fits(_within(limits, tails), placed)
            for limits, placed in me.side.ways[outcome]
        )

    def _against(
        self, me: _Rated, outright: TitleNeeds, shared: TitleNeeds
    ) -> tuple[RivalTable, ...]:
        """Tables against each rival that may spoil the title after an outcome that can win it."""
        if not shared.alive or shared.clinched:
            return ()
        needs = outright if outright.alive else shared
        last = self.nothing if needs.can_still_win_if_no_score else needs.can_still_win_from or 0
        return tuple(
            self._tables(me, rival)
            for rival in self._rivals(me)
            if self._threatens(rival, me, last)
        )

    def _threatens(self, rival: _Rated, me: _Rated, last: int) -> bool:
        """Whether the rival may catch this side where it ends no worse than ``last``."""
        if rival.highest < me.ranks[last] or _linked(rival, me):
            return False
        taken = self._taken(me, rival)
        for outcome in rival.outcomes:
            mine = me.possible[last - 1] if last == taken[outcome] else last
            if mine and rival.ranks[outcome] >= me.ranks[mine]:
                return True
        return False

    def _taken(self, me: _Rated, rival: _Rated) -> list[int]:
        """By outcome of the one, the place that the other then cannot have (-1: any)."""
        shares = not me.side.crew.cars.isdisjoint(rival.side.crew.cars)
        return self._any if shares else self._own

    def _tables(self, me: _Rated, rival: _Rated) -> RivalTable:
        beats = ties = self._table(me, rival, 1)
        if not self._tied.isdisjoint(me.ranks):
            ties = self._table(me, rival, 0)
        mine, theirs = me.side.crew, rival.side.crew
        return RivalTable(theirs.names, beats, ties, not mine.cars.isdisjoint(theirs.cars))

    def _table(self, me: _Rated, rival: _Rated, above: int) -> dict[Outcome, Outcome | None]:
        """By the rival's outcome, my worst that earns its rank (or, 1 ``above`` it, more)."""
        label, taken, possible, reach = self._label, self._taken(me, rival), me.possible, me.reach
        table = {}
        for outcome in rival.outcomes:
            worst = possible[reach[rival.ranks[outcome] + above]]
            table[label[outcome]] = label[worst if worst != taken[outcome] else possible[worst - 1]]
        return table

    def _deciding_rival(
        self, me: _Rated, outright: TitleNeeds, shared: TitleNeeds
    ) -> DecidingRival | None:
        """The one rival whose best cannot reach this side, or whose worst stays above it."""
        if not shared.alive:
            return self._lost_to(me)
        rivals = [rival for rival in self._rivals(me) if not _linked(rival, me)]
        if not shared.clinched or not rivals:
            return None
        best = max(rivals, key=lambda rival: rival.highest)
        if best.highest + outright.clinched > me.lowest:
            return None
        return self._deciding_rival_of(best, best.outcomes[0])

    def _lost_to(self, me: _Rated) -> DecidingRival | None:
        for rival in self._rivals(me):
            if _linked(rival, me) and rival.side.crew.key > me.side.crew.key:
                return self._deciding_rival_of(rival, rival.outcomes[-1], same_car=True)
        surest = max(self._rivals(me), key=lambda rival: rival.lowest)
        return (
            self._deciding_rival_of(surest, surest.outcomes[-1])
            if surest.lowest > me.highest
            else None
        )

    def _deciding_rival_of(
        self, rival: _Rated, outcome: int, same_car: bool = False
    ) -> DecidingRival:
        crew = rival.side.crew
        return DecidingRival(crew.names, tidy(crew.points + self.stage.points[outcome]), same_car)


def _linked(one: _Rated, other: _Rated) -> bool:
    """Whether both always score the same, so that the difference between them stays."""
    mine, theirs = one.side.crew, other.side.crew
    return mine.cars == theirs.cars and not mine.may_forfeit and not theirs.may_forfeit
