"""Classes and cars as a session spells them, for those that are asked for by name.

A name that no car of the session has would leave out everything, for good and without a
word. So it is refused, as the views refuse it; but for a session without entries, of which
nobody can tell yet.
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
from services.gateway.views.view_query import live


class Entered(NamedTuple):
    """The cars and the classes of a session."""

    cars: Sequence[str]
    classes: Sequence[str]

    def with_classes(self, classes: Collection[str]) -> Entered:
        """With these classes besides."""
        return self._replace(classes=list(dict.fromkeys([*self.classes, *classes])))

    def spelled(self, classes: Collection[str], cars: Collection[str]) -> tuple[list[str], ...]:
        """The classes and the cars in the session's own spelling, each once; any names, where
        nobody has entered. Raises UnknownClass and UnknownCar."""
        if not self.cars:
            return list(classes), list(cars)
        found_classes, found_cars = [], []
        for name in classes:
            if (car_class := _named(name, self.classes)) is None:
                raise UnknownClass(name, tuple(self.classes))
            found_classes.append(car_class)
        for name in cars:
            if (car := _named(name, self.cars)) is None:
                raise UnknownCar(name, tuple(self.cars))
            found_cars.append(car)
        return list(dict.fromkeys(found_classes)), list(dict.fromkeys(found_cars))


def _named(name: str, known: Collection[str]) -> str | None:
    """The name as it is known: to the letter, else but for the case of its letters."""
    if name in known:
        return name
    return next((one for one in known if one.casefold() == name.casefold()), None)


async def spelled(
    gateway: Gateway,
    session: str,
    classes: Collection[str],
    cars: Collection[str],
    also: Collection[str] = (),
) -> tuple[list[str], ...]:
    """The classes and the cars that are wanted of a session, in its own spelling.

    ``also`` are classes that there are besides: those of its season. Raises UnknownClass,
    UnknownCar, and the errors of the log.
    """
    if not classes and not cars:
        return [], []
    replay, snapshot = await gateway.is_replay(session), await live(gateway, session, 0)
    if snapshot is not None:
        try:
            return _pictured(snapshot).with_classes(also).spelled(classes, cars)
        except (UnknownClass, UnknownCar):
            if replay:
                raise
    if replay:
        return list(classes), list(cars)
    # Whoever was entered just now is in the log, and not in the picture yet.
    folded = await gateway.folds.ask(session, _folded)
    return folded.answer.with_classes(also).spelled(classes, cars)


async def spelled_filter(gateway: Gateway, session: str, wanted: Filter) -> Filter:
    """The filter with the session's own names. Raises what ``spelled`` raises."""
    classes, cars = await spelled(gateway, session, sorted(wanted.classes), sorted(wanted.cars))
    return replace(wanted, classes=frozenset(classes), cars=frozenset(cars))


def _pictured(snapshot: Snapshot) -> Entered:
    standings = snapshot.state.get("standings", {})
    return _entered(
        {car: row.get("class") for car, row in standings.items()},
        snapshot.state["session"].get("classes") or (),
    )


def _folded(race: Race) -> Entered:
    cars = {car: race.session.car_class(car) for car in race.order.cars()}
    return _entered(cars, race.session.opened.classes)


def _entered(cars: dict[str, str | None], classes: Collection[str]) -> Entered:
    driven = sorted({one for one in cars.values() if one})
    return Entered(list(cars), list(dict.fromkeys([*classes, *driven])))
