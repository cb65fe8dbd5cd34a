"""Where each car stands, and its gaps to the cars that they are measured from."""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from projections.folds.running_order import LEADING, NEVER, Gap
from projections.race import Race
from projections.session_order import session_order, time_gap


class Place(NamedTuple):
    """A car's place overall and in class, and its gaps.

    They are measured from the leader, the car ahead, the class leader and the car ahead in class.
    """

    position: int
    class_position: int
    gap: Gap | None
    interval: Gap | None
    class_gap: Gap | None
    class_interval: Gap | None


References = tuple[str | None, str | None, str | None, str | None]
"""The cars that gaps are measured from: the leader, the car ahead, and those in class."""


class CachedPlace(NamedTuple):
    """A place, the cars its gaps are measured from, and until when it is valid.

    ``until`` is on the session clock (ms), as long as none of those cars crosses a line.
    """

    place: Place
    references: References
    until: int


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
    now, entries, unmoved = race.at, race.session.entries, moved.isdisjoint
    rows: dict[str, CachedPlace] = {}
    leader: str | None = None
    ahead: str | None = None
    classes: dict[str | None, tuple[int, str, str | None]] = {}  # how many, first and last
    for position, car in enumerate(session_order(race), start=1):
        leader = leader or car
        entry = entries.get(car)
        name = entry.car_class if entry else None
        count, class_leader, class_ahead = classes.get(name, (0, car, None))
        count += 1
        classes[name] = (count, class_leader, car)
        references = (leader, ahead, class_leader, class_ahead)
        ahead = car
        row = known.get(car)
        if (
            row is None
            or row[1] != references
            or row[2] < now
            or car in moved
            or not unmoved(references)
        ):
            row = _cached_place(race, car, position, count, references)
        elif row[0][0] != position or row[0][1] != count:
            place = row.place._replace(position=position, class_position=count)
            row = row._replace(place=place)
        rows[car] = row
    return rows


def _cached_place(
    race: Race, car: str, position: int, class_position: int, references: References
) -> CachedPlace:
    leader, ahead, class_leader, class_ahead = references
    gap, until = _gap(race, leader, car)
    if ahead == leader:
        interval = gap
    else:
        interval, stands = _gap(race, ahead, car)
        until = min(until, stands)
    # Often two of the four are to the same car.
    if class_leader == leader:
        class_gap = gap
    elif class_leader == ahead:
        class_gap = interval
    else:
        class_gap, stands = _gap(race, class_leader, car)
        until = min(until, stands)
    if class_ahead == ahead:
        class_interval = interval
    elif class_ahead == class_leader:
        class_interval = class_gap
    else:
        class_interval, stands = _gap(race, class_ahead, car)
        until = min(until, stands)
    place = Place(position, class_position, gap, interval, class_gap, class_interval)
    return CachedPlace(place, references, until)


def _gap(race: Race, ahead: str | None, car: str) -> tuple[Gap | None, int]:
    if not race.session.is_race:
        return time_gap(race, ahead, car), NEVER
    if ahead is None or ahead == car:
        return LEADING if car in race.order.passings else None, NEVER
    return race.order.gap_until(ahead, car, race.at)
