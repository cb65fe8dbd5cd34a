"""The order of a session of any kind.

Rules: a race is in its running order. Qualifying and practice are ordered by best lap, of equal
ones the earlier first; a deleted lap time is none. Cars without a time follow by number, whether
they have left the pits or not. A gap between two of them is the difference of their best laps;
a car without a time has none. Where the pack says within how many per cent of the best time a car
must come, a slower one keeps its place and is not classified. A session of which no lap is known
is in the order of its official result.

Where the pack says that segments are a knock-out, the quickest of each go on to the next, and the
others stand behind them as they were. A car that went on is placed by its time there; until it has
one it stands behind those that have. Its gap compares times of one segment, its own. A segment for
some classes is none of the others: each class has a knock-out of its own segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise

from events.errors import UnknownRules
from projections.folds.laps import BestLap
from projections.folds.running_order import LEADING, NEVER, Gap, natural
from projections.folds.segments import BEFORE
from projections.race import Race
from projections.results.official_result import official_gap, official_order, official_result
from projections.rules.packs import QualifyingRules, builtin_pack

BEST_LAPS = QualifyingRules()
"""The rules of a session without a pack: every lap counts."""


@cache
def _rules_named(name: str) -> QualifyingRules:
    try:
        return builtin_pack(name).qualifying or BEST_LAPS
    except UnknownRules:
        return BEST_LAPS


def qualifying_rules(race: Race) -> QualifyingRules:
    """Return the rules of the built-in pack that the session names, else those without a pack."""
    name = race.session.opened.rules
    return _rules_named(name) if name else BEST_LAPS


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
    if _is_knock_out(race, qualifying_rules(race)):
        cars = by_best_lap(race, cars)[:1]
    return min(cars, key=lambda car: _by_time(race, car, BEST_LAPS), default=None)


def by_best_lap(race: Race, cars: Iterable[str], rules: QualifyingRules | None = None) -> list[str]:
    """Sort cars as qualifying and practice do; ``rules`` are the session's unless given."""
    rules = rules or qualifying_rules(race)
    if _is_knock_out(race, rules):
        return [car for _, group in _knock_out(race, cars, rules) for car in group]
    return sorted(cars, key=lambda car: _by_time(race, car, rules))


def _by_time(
    race: Race, car: str, rules: QualifyingRules
) -> tuple[int, int, bool, tuple[int, str]]:
    best = race.laps.best.get(car)
    if best is not None:
        return (best.ms, best.at, False, natural(car))
    withdrawn = rules.withdrawn == "last" and car in race.laps.deleted
    return (NEVER, NEVER, withdrawn, natural(car))


def _is_knock_out(race: Race, rules: QualifyingRules) -> bool:
    return rules.segments == "knock_out" and len(race.segments.started) > 1


def _knock_out(
    race: Race, cars: Iterable[str], rules: QualifyingRules
) -> list[tuple[int, list[str]]]:
    """The segments, the last first, each with the cars that came no further, in order.

    Classes with different segments are ordered apart; that with the best time comes first.
    """
    own = own_segments(race)
    together: dict[tuple[int, ...], list[str]] = {}
    for car in cars:
        together.setdefault(own(car), []).append(car)
    found = {
        segments: _knock_out_of(race, those, segments, rules)
        for segments, those in together.items()
    }
    ordered = sorted(found, key=lambda segments: (_quickest(race, found[segments]), segments))
    return [group for segments in ordered for group in found[segments]]


def _quickest(race: Race, groups: Sequence[tuple[int, Sequence[str]]]) -> int:
    """The best time (ms) by which any of these cars is placed, of those that came furthest."""
    for segment, cars in groups:
        bests = [best.ms for car in cars if (best := race.segments.of_car(car)[segment])]
        if bests:
            return min(bests)
    return NEVER


def _knock_out_of(
    race: Race, cars: Iterable[str], segments: Sequence[int], rules: QualifyingRules
) -> list[tuple[int, list[str]]]:
    """The same of cars that share these segments."""
    order = sorted(cars, key=lambda car: _in_segment(race, car, segments[0], rules))
    groups: list[tuple[int, list[str]]] = []
    for step, (before, segment) in enumerate(pairwise(segments), start=1):
        going = _going_on(race, order, step, segment, rules)
        groups.insert(0, (before, [car for car in order if car not in going]))
        order = [car for car in order if car in going]
        timed = [car for car in order if race.segments.of_car(car)[segment]]
        timed.sort(key=lambda car: _in_segment(race, car, segment, rules))
        order = timed + [car for car in order if not race.segments.of_car(car)[segment]]
    return [(segments[-1], order), *groups]


def own_segments(race: Race) -> Callable[[str], tuple[int, ...]]:
    """Return a function from a car to the segments that are for its class, by index; never none.

    Where segments are for some classes only, what came before the first that was started is one
    of those classes only that have a time in it.
    """
    started = race.segments.started
    every = tuple(range(len(started)))
    if not any(one.classes for one in started):
        return lambda _: every
    before = set()
    if started[0].name == BEFORE:
        before = {
            race.session.car_class(car) for car, best in race.segments.bests.items() if best[0]
        }

    @cache
    def of_class(name: str | None) -> tuple[int, ...]:
        own = (
            index
            for index, one in enumerate(started)
            if (name in one.classes if one.classes else one.name != BEFORE or name in before)
        )
        return tuple(own) or every[:1]

    return lambda car: of_class(race.session.car_class(car))


def _in_segment(
    race: Race, car: str, segment: int, rules: QualifyingRules
) -> tuple[int, int, bool, tuple[int, str]]:
    best = race.segments.of_car(car)[segment]
    if best is not None:
        return (best.ms, best.at, False, natural(car))
    withdrawn = rules.withdrawn == "last" and car in race.laps.deleted
    return (NEVER, NEVER, withdrawn, natural(car))


def _going_on(
    race: Race, order: Sequence[str], step: int, segment: int, rules: QualifyingRules
) -> frozenset[str]:
    """The cars that go on to a segment, the one after so many of theirs.

    Where the pack does not say how many do, those with a time in it.
    """
    if step > len(rules.advance):
        return frozenset(car for car in order if race.segments.of_car(car)[segment])
    most = rules.advance[step - 1]
    if rules.advance_in == "overall":
        return frozenset(order[:most])
    count: dict[str | None, int] = {}
    going = set()
    for car in order:
        name = race.session.car_class(car)
        count[name] = count.get(name, 0) + 1
        if count[name] <= most:
            going.add(car)
    return frozenset(going)


def ranking_laps(race: Race, rules: QualifyingRules | None = None) -> dict[str, BestLap]:
    """Return the lap by which each car is placed: its best, or its best of its last segment."""
    rules = rules or qualifying_rules(race)
    if not _is_knock_out(race, rules):
        return race.laps.best
    laps = {}
    for segment, cars in _knock_out(race, race.order.cars(), rules):
        for car in cars:
            best = race.segments.of_car(car)[segment]
            if best is not None:
                laps[car] = best
    return laps


def too_slow(
    race: Race, cars: Iterable[str], rules: QualifyingRules | None = None
) -> frozenset[str]:
    """Return the cars whose time is not within the per cent of the best that the rules demand.

    Those are also cars without a time, once another has one. Of a knock-out the times of its first
    segment count. ``rules`` are the session's unless given.
    """
    rules = rules or qualifying_rules(race)
    percent = rules.within_percent
    if percent is None:
        return frozenset()
    cars = list(cars)
    best: dict[str, BestLap | None] = {car: race.laps.best.get(car) for car in cars}
    if rules.segments == "knock_out" and race.segments.started:
        own = own_segments(race)
        best = {car: race.segments.of_car(car)[own(car)[0]] for car in cars}

    def group(car: str) -> str | None:
        return race.session.car_class(car) if rules.within_of == "class" else None

    quickest: dict[str | None, int] = {}
    for car, lap in best.items():
        if lap is not None:
            quickest[group(car)] = min(lap.ms, quickest.get(group(car), lap.ms))
    return frozenset(
        car
        for car, lap in best.items()
        if (first := quickest.get(group(car))) is not None
        and (lap is None or lap.ms * 100 > first * percent)
    )


class TimeGaps:
    """Gaps of one moment of qualifying or practice."""

    def __init__(self, race: Race) -> None:
        self._race = race
        self._official = official_result(race) is not None
        self._segments: dict[str, int] = {}
        rules = qualifying_rules(race)
        if not self._official and _is_knock_out(race, rules):
            for segment, cars in _knock_out(race, race.order.cars(), rules):
                self._segments |= dict.fromkeys(cars, segment)

    def between(self, ahead: str | None, behind: str) -> Gap | None:
        """Return the gap between two best laps of the segment that ``behind`` came to.

        ``ahead`` is None, or the car itself, for the first. None where either has no time.
        """
        if self._official:
            return official_gap(self._race, ahead, behind)
        mine = self._time(behind, behind)
        if mine is None:
            return None
        if ahead is None or ahead == behind:
            return LEADING
        theirs = self._time(ahead, behind)
        return Gap(None, mine.ms - theirs.ms) if theirs else None

    def _time(self, car: str, of: str) -> BestLap | None:
        """The best lap of a car in the segment that another came to."""
        if not self._segments:
            return self._race.laps.best.get(car)
        return self._race.segments.of_car(car)[self._segments[of]]


def time_gap(race: Race, ahead: str | None, behind: str) -> Gap | None:
    """Return the gap between two cars of qualifying or practice (``TimeGaps``)."""
    return TimeGaps(race).between(ahead, behind)
