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


References = tuple[str | None, str | None, str | None, str | None]
"""The cars that gaps are measured from: the leader, the car ahead, and those in class."""


ChainState = tuple[Link, Link, Gap | None]
"""What a car's gaps rest on beside what was measured of it.

That is where the chains of the whole field and of the car's class have come to, and the gap of
the class leader, None for the class leader itself.
"""


class CachedPlace(NamedTuple):
    """A place, the cars its gaps are measured from, and what it was made from.

    ``until`` is on the session clock (ms): what was measured is valid until then, as long as
    none of those cars crosses a line. ``in_class`` is None as long as the class gaps follow from
    the overall ones. ``before`` and ``after`` are the chains ahead of the car and with it.
    """

    place: Place
    references: References
    until: int
    overall: Measured
    in_class: Measured | None
    before: ChainState
    after: ChainState


def places(race: Race) -> dict[str, Place]:
    """The cars in the order of the session, each with its places and its gaps."""
    return {car: row.place for car, row in cached_places(race).items()}


def cached_places(
    race: Race,
    known: Mapping[str, CachedPlace] = MappingProxyType({}),
    moved: Set[str] = frozenset(),
) -> dict[str, CachedPlace]:
    """The cars in the order of the session; gaps that are ``known`` and still stand are taken over.

    ``known`` is of this race at an earlier moment, since when nothing happened but to the
    cars that ``moved``.
    """
    if not race.session.is_race or official_result(race) is not None:
        return _timed_places(race)
    now, entries, unmoved = race.at, race.session.entries, moved.isdisjoint
    rows: dict[str, CachedPlace] = {}
    leader: str | None = None
    ahead: str | None = None
    overall = START
    # Of each class: how many, the first and the last car, its chain, its leader's gap.
    classes: dict[str | None, tuple[int, str, str | None, Link, Gap | None]] = {}
    for position, car in enumerate(session_order(race), start=1):
        leader = leader or car
        entry = entries.get(car)
        name = entry.car_class if entry else None
        count, class_leader, class_ahead, in_class, first = classes.get(
            name, (0, car, None, START, None)
        )
        count += 1
        references = (leader, ahead, class_leader, class_ahead)
        ahead = car
        before = (overall, in_class, first)
        row = known.get(car)
        if (
            row is None
            or row[1] != references
            or row[2] <= now
            or car in moved
            or not unmoved(references)
        ):
            row = _measured(race, car, references)
            row = _chained(race, car, row, position, count, before)
        elif row[5] != before:
            row = _chained(race, car, row, position, count, before)
        elif row[0][0] != position or row[0][1] != count:
            place = row.place._replace(position=position, class_position=count)
            row = row._replace(place=place)
        overall, in_class, first = row[6]
        classes[name] = (count, class_leader, car, in_class, first)
        rows[car] = row
    return rows


def _measured(race: Race, car: str, references: References) -> CachedPlace:
    leader, ahead, class_leader, class_ahead = references
    overall = measure(race.order, leader or car, ahead, car, race.at)
    in_class = overall if (class_leader, class_ahead) == (leader, ahead) else None
    return CachedPlace(NOWHERE, references, overall.until, overall, in_class, NO_CHAIN, NO_CHAIN)


def _chained(
    race: Race, car: str, row: CachedPlace, position: int, count: int, before: ChainState
) -> CachedPlace:
    """The row with the gaps that its measures and the cars ahead of it give."""
    overall, in_class, first = before
    _, references, until, measured, measured_in_class, _, _ = row
    gap, interval, overall = linked(overall, measured)
    ms = _difference(first, gap)
    class_gap: Gap | None
    class_interval: Gap | None
    if ms is not None:
        class_gap, class_interval, in_class = taken_over(in_class, ms)
    else:
        if measured_in_class is None:
            class_leader, class_ahead = references[2:]
            measured_in_class = measure(race.order, class_leader or car, class_ahead, car, race.at)
            until = min(until, measured_in_class.until)
        class_gap, class_interval, in_class = linked(in_class, measured_in_class)
    if gap is not None and gap.laps and references[1] == references[3]:
        interval = class_interval  # of two cars of one class, laps down on the leader
    after = (overall, in_class, gap if count == 1 else first)
    place = Place(position, count, gap, interval, class_gap, class_interval)
    return CachedPlace(place, references, until, measured, measured_in_class, before, after)


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
        rows[car] = CachedPlace(
            place, references, NEVER, UNMEASURED, UNMEASURED, NO_CHAIN, NO_CHAIN
        )
    return rows


NOWHERE = Place(0, 0, None, None, None, None)
UNMEASURED = Measured(None, None, False, None, NEVER)
NO_CHAIN: ChainState = (START, START, None)


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
