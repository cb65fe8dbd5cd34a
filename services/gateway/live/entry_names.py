"""Requested classes and cars in the session's own spelling.

A subscription with a name that no car has would never be sent a row. So an unknown name is refused,
as the views refuse it, unless the session has no entries yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from events.errors import UnknownCar, UnknownClass
from projections.race import Race
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.state import Gateway
from services.gateway.views.view_query import live_snapshot
from services.queries.names import all_classes, find_class, find_name


class EntryNames(NamedTuple):
    """The cars and the classes of a session."""

    cars: Sequence[str]
    classes: Sequence[str]

    def with_classes(self, classes: Collection[str]) -> EntryNames:
        """With these classes besides."""
        return self._replace(classes=list(dict.fromkeys([*self.classes, *classes])))

    def resolve(self, classes: Collection[str], cars: Collection[str]) -> tuple[list[str], ...]:
        """The classes and the cars as the session spells them, each once.

        Any name is accepted while there are no entries. Raises UnknownClass and UnknownCar.
        """
        if not self.cars:
            return list(classes), list(cars)
        found_classes = [find_class(name, self.classes) for name in classes]
        found_cars = [self._car(name) for name in cars]
        return list(dict.fromkeys(found_classes)), list(dict.fromkeys(found_cars))

    def _car(self, name: str) -> str:
        found = find_name(name, self.cars)
        if found is None:
            raise UnknownCar(name, tuple(self.cars))
        return found


async def resolve_names(
    gateway: Gateway,
    session: str,
    classes: Collection[str],
    cars: Collection[str],
    more_classes: Collection[str] = (),
) -> tuple[list[str], ...]:
    """The requested classes and cars as the session spells them.

    ``more_classes`` are accepted besides the session's: those of its season. Raises UnknownClass,
    UnknownCar, and the errors of the log.
    """
    if not classes and not cars:
        return [], []
    replay, snapshot = await gateway.is_replay(session), await live_snapshot(gateway, session, 0)
    if snapshot is not None:
        try:
            return _of_snapshot(snapshot).with_classes(more_classes).resolve(classes, cars)
        except (UnknownClass, UnknownCar):
            if replay:
                raise
    if replay:  # which has no log to fold
        return list(classes), list(cars)
    # An entry that was added a moment ago is in the log before it is in a snapshot.
    folded = await gateway.races.ask(session, _of_race)
    return folded.answer.with_classes(more_classes).resolve(classes, cars)


async def resolve_filter(gateway: Gateway, session: str, wanted: Filter) -> Filter:
    """The filter with names as the session spells them. Raises what `resolve_names` raises."""
    classes, cars = await resolve_names(
        gateway, session, sorted(wanted.classes), sorted(wanted.cars)
    )
    return replace(wanted, classes=frozenset(classes), cars=frozenset(cars))


def _of_snapshot(snapshot: Snapshot) -> EntryNames:
    standings = snapshot.state.get("standings", {})
    return _entry_names(
        {car: row.get("class") for car, row in standings.items()},
        snapshot.state["session"].get("classes") or (),
    )


def _of_race(race: Race) -> EntryNames:
    cars = {car: race.session.car_class(car) for car in race.order.cars()}
    return _entry_names(cars, race.session.opened.classes)


def _entry_names(cars: dict[str, str | None], classes: Collection[str]) -> EntryNames:
    return EntryNames(list(cars), all_classes(classes, cars.values()))
