"""Where each car stands, and its gaps to the cars that they are measured from.

The gaps of a race are those of ``projections.views.gap_chain``: one chain for all cars on the
leader's lap, and one for each class, which follows the first as far as that goes. Those of
qualifying and practice are differences of best laps.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from projections.folds.running_order import NEVER, Gap
from projections.race import Race
from projections.results.official_result import official_result
from projections.results.session_order import (
    TimeGaps,
    qualifying_rules,
    session_order,
    time_gap,
    too_slow,
)
from projections.views.gap_chain import START, Link, Measured, linked, measure, taken_over


class Place(NamedTuple):
    """A car's place overall and in class, and its gaps.

    They are measured from the leader, the car ahead, the class leader and the car ahead in class.
    ``outside_percent`` is the per cent of the best time that a car of qualifying is too slow for.
    """

    position: int
    class_position: int
    gap: Gap | None
    interval: Gap | None
    class_gap: Gap | None
    class_interval: Gap | None
    outside_percent: int | None = None


FieldState = tuple[int, str | None, str | None, Link, Gap | None]
"""What the places and gaps of those behind rest on: the field, or a class, up to a car.

These are how many cars, the first and the last of them, where the chain of gaps has come to, and
in a class the gap that its leader has in the whole field. A plain tuple, as one is made for each
car of each frame.
"""


class CachedPlace(NamedTuple):
    """A place, and what it was made from.

    ``until`` is on the session clock (ms): what was measured is valid until then, as long as none
    of the cars that it is measured from crosses a line. ``before`` and ``after`` are the field
    ahead of the car and with it. ``in_class`` is None as long as class gaps follow from others.
    """

    place: Place
    until: int
    before: FieldState
    class_before: FieldState
    after: FieldState
    class_after: FieldState
    car_class: str | None
    overall: Measured
    in_class: Measured | None


EMPTY: FieldState = (0, None, None, START, None)


def places(race: Race) -> dict[str, Place]:
    """The cars in the order of the session, each with its places and its gaps."""
    return {car: row.place for car, row in cached_places(race).items()}


def cached_places(
    race: Race,
    known: Mapping[str, CachedPlace] = MappingProxyType({}),
    moved: Set[str] = frozenset(),
) -> dict[str, CachedPlace]:
    """The cars in the order of the session; gaps that are ``known`` and still stand are taken over.

    ``known`` is of this race before events that concern only the cars that ``moved``. A row
    stands if what is before it is the same object as it was: what equals what it was is replaced
    by it. So a car that nothing concerns costs a few look-ups.
    """
    if not race.session.is_race or official_result(race) is not None:
        return _timed_places(race)
    now = race.at
    order = race.order.cars_after(known, moved) if known else race.order.cars()
    leader_moved = bool(order) and order[0] in moved
    rows: dict[str, CachedPlace] = {}
    field = EMPTY
    classes: dict[str | None, FieldState] = {}
    for car in order:
        row = known.get(car)
        if row is None:
            name = race.session.car_class(car)
            row = _row(race, car, name, field, classes.get(name, EMPTY))
        else:
            _, until, before, class_before, _, _, name, _, in_class = row
            holds = not (
                leader_moved
                or until <= now
                or car in moved
                or before[2] in moved
                or (in_class is not None and (class_before[1] in moved or class_before[2] in moved))
            )
            of_class = classes.get(name, EMPTY)
            if not holds or before is not field or class_before is not of_class:
                row = _row(race, car, name, field, of_class, row, holds=holds)
        rows[car] = row
        field, classes[name] = row[4], row[5]
    return rows


def _row(
    race: Race,
    car: str,
    name: str | None,
    field: FieldState,
    of_class: FieldState,
    known: CachedPlace | None = None,
    *,
    holds: bool = False,
) -> CachedPlace:
    """Return the row of the next car; ``holds`` says whether the known measures of it do.

    They are of use where the cars that it is measured from are the same.
    """
    position, leader, ahead, chain, _ = field
    count, class_leader, class_ahead, in_class_chain, first = of_class
    overall = in_class = None
    if known is not None and holds:
        _, was_first, was_ahead, _, _ = known.before
        if was_ahead == ahead and was_first == leader:
            overall = known.overall
        _, was_first, was_ahead, _, _ = known.class_before
        if was_ahead == class_ahead and was_first == class_leader:
            in_class = known.in_class
    leader, class_leader = leader or car, class_leader or car
    if overall is None:
        overall = measure(race.order, leader, ahead, car, race.at)
    if class_leader == leader and class_ahead == ahead:
        in_class = overall
    gap, interval, chain = linked(chain, overall)
    ms = _difference(first, gap)
    class_gap, class_interval = gap, interval
    if ms is None:
        if in_class is None:
            wider = overall if class_ahead == ahead else None
            in_class = measure(race.order, class_leader, class_ahead, car, race.at, wider)
        class_gap, class_interval, in_class_chain = linked(in_class_chain, in_class)
        if gap is not None and gap.laps and ahead == class_ahead:
            interval = class_interval  # of two cars of one class, laps down on the leader
    elif in_class is overall:
        in_class_chain = chain
    else:
        class_gap, class_interval, in_class_chain = taken_over(in_class_chain, ms)
    place = Place(position + 1, count + 1, gap, interval, class_gap, class_interval)
    after = (position + 1, leader, car, chain, None)
    class_after = (count + 1, class_leader, car, in_class_chain, first if count else gap)
    if known is not None:
        place = known.place if known.place == place else place
        after = known.after if known.after == after else after
        class_after = known.class_after if known.class_after == class_after else class_after
    until = overall.until
    if in_class is not None and in_class.until < until:
        until = in_class.until
    return CachedPlace(place, until, field, of_class, after, class_after, name, overall, in_class)


def _timed_places(race: Race) -> dict[str, CachedPlace]:
    """Qualifying, practice and official results: gaps that no crossing changes."""
    rows: dict[str, CachedPlace] = {}
    leader: str | None = None
    ahead: str | None = None
    classes: dict[str | None, tuple[int, str, str | None]] = {}
    gaps, order = TimeGaps(race), session_order(race)
    percent = None if official_result(race) else qualifying_rules(race).within_percent
    slow = too_slow(race, order) if percent is not None else frozenset()
    for position, car in enumerate(order, start=1):
        leader = leader or car
        name = race.session.car_class(car)
        count, class_leader, class_ahead = classes.get(name, (0, car, None))
        classes[name] = (count + 1, class_leader, car)
        references = (leader, ahead, class_leader, class_ahead)
        ahead = car
        outside = percent if car in slow and car in race.laps.best else None
        gap, interval, class_gap, class_interval = (gaps.between(one, car) for one in references)
        place = Place(position, count + 1, gap, interval, class_gap, class_interval, outside)
        rows[car] = CachedPlace(place, NEVER, EMPTY, EMPTY, EMPTY, EMPTY, name, UNMEASURED, None)
    return rows


UNMEASURED = Measured(None, None, False, True, None, NEVER)


def gap_between(race: Race, ahead: str, behind: str) -> Gap | None:
    """The gap between two cars of which ``ahead`` is placed better; None where it is unknown."""
    return GapsBetween(race).between(ahead, behind)


class GapsBetween:
    """Gaps between any two cars of one moment, which agree with those of the standings."""

    def __init__(self, race: Race) -> None:
        self._race = race
        self._places = places(race) if race.session.is_race else {}

    def between(self, ahead: str, behind: str) -> Gap | None:
        """The gap between two cars of which ``ahead`` is placed better."""
        race = self._race
        if not race.session.is_race or official_result(race) is not None:
            return time_gap(race, ahead, behind)
        first, second = self._places.get(ahead), self._places.get(behind)
        if first is None or second is None:
            return race.order.gap(ahead, behind, race.at)
        ms = _difference(first.gap, second.gap)
        if ms is None and race.session.car_class(ahead) == race.session.car_class(behind):
            ms = _difference(first.class_gap, second.class_gap)
        return race.order.gap(ahead, behind, race.at) if ms is None else Gap(None, ms)


def _difference(ahead: Gap | None, behind: Gap | None) -> int | None:
    """The difference (ms) of two gaps to one car; None unless both are less than a lap."""
    if ahead is None or behind is None or ahead.laps or behind.laps:
        return None
    return max(0, (behind.ms or 0) - (ahead.ms or 0))
