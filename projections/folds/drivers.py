"""Drivers: who is at the wheel of each car, driver stints, and drive times.

Rules: a driver is at the wheel from one change to the next, pit stops included; the first
from the start of the session. If a lap names a driver without a recorded change, the change
is assumed at the start of that lap. The clock stops when the car finishes or retires. A lap
belongs to the driver at the wheel at the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from events import DriverChanged, LapCompleted
from projections.engine.state import Handlers, Histories, Projection, of, row, sibling
from projections.folds.finish import Finish
from projections.folds.running_order import RunningOrder


class CurrentDriver(NamedTuple):
    """The driver at the wheel, since when (ms), and the laps the car had then."""

    driver: str
    since: int
    laps: int


class DriverTotal(NamedTuple):
    """A driver's total time at the wheel (ms) and laps."""

    driver: str
    ms: int
    laps: int


class DriverStint(NamedTuple):
    """A driver's time at the wheel from one change to the next, in ms on the session clock."""

    driver: str
    start: int
    end: int


@dataclass(slots=True)
class Drivers(Projection):
    """The driver at the wheel, the totals of ended stints, and the ended stints, by car."""

    NAME: ClassVar[str] = "drivers"
    VERSION: ClassVar[int] = 3

    finish: Finish = sibling()
    order: RunningOrder = sibling()
    at_wheel: dict[str, CurrentDriver] = of(row(CurrentDriver), dict)
    totals: dict[str, tuple[DriverTotal, ...]] = of(
        lambda rows: tuple(DriverTotal(*one) for one in rows), dict
    )
    ended: Histories[DriverStint] = of(row(DriverStint), Histories)

    def handlers(self) -> Handlers:
        return {DriverChanged: self._changed}

    def lap_completed(self, event: LapCompleted) -> None:
        """Note a driver change that only the lap's driver reveals."""
        driver = event.driver
        wheel = self.at_wheel.get(event.car)
        if driver is None or (wheel is not None and wheel.driver == driver):
            return
        lap_start = event.at - (event.lap_time_ms or 0)
        self._change_driver(event.car, driver, lap_start, event.lap - 1)

    def drive_time(self, car: str, until: int) -> dict[str, DriverTotal]:
        """Return each driver's time and laps at the wheel, as of session time ``until`` (ms)."""
        stints = self.totals.get(car, ())
        wheel = self.at_wheel.get(car)
        if wheel is not None:
            stints = _with_added(stints, self._current_total(car, wheel, until))
        return {total.driver: total for total in stints}

    def stints(self, car: str, until: int) -> list[DriverStint]:
        """Return the car's driver stints as of ``until`` (ms), including the current one."""
        stints = list(self.ended.get(car, ()))
        wheel = self.at_wheel.get(car)
        if wheel is not None:
            ms = self._current_total(car, wheel, until).ms
            stints.append(DriverStint(wheel.driver, wheel.since, wheel.since + ms))
        return stints

    def _current_total(self, car: str, wheel: CurrentDriver, until: int) -> DriverTotal:
        """Return the current stint as a total, until the car finished or retired."""
        if car in self.finish.cars:
            until = min(until, self.finish.cars[car])
        elif car in self.order.retired:
            until = min(until, self.order.last_seen(car) or 0)
        laps = self.order.laps.get(car, 0) - wheel.laps
        return DriverTotal(wheel.driver, max(0, until - wheel.since), max(0, laps))

    def _change_driver(self, car: str, driver: str, at: int, laps: int) -> None:
        wheel = self.at_wheel.get(car)
        if wheel is None:
            at, laps = min(0, at), 0
        else:
            stint = DriverTotal(wheel.driver, max(0, at - wheel.since), laps - wheel.laps)
            self.totals[car] = _with_added(self.totals.get(car, ()), stint)
            self.ended[car].append(DriverStint(wheel.driver, wheel.since, wheel.since + stint.ms))
        self.at_wheel[car] = CurrentDriver(driver, at, laps)

    def _changed(self, event: DriverChanged) -> None:
        if event.car in self.order.session.apart:
            return
        if self.finish.has_finished(event.car, event.at):
            return
        wheel = self.at_wheel.get(event.car)
        if wheel is None or wheel.driver != event.driver:
            laps = self.order.laps.get(event.car, 0)
            self._change_driver(event.car, event.driver, event.at, laps)


def _with_added(stints: tuple[DriverTotal, ...], stint: DriverTotal) -> tuple[DriverTotal, ...]:
    """Return the totals by driver with a stint added."""
    before = next((one for one in stints if one.driver == stint.driver), None)
    if before is None:
        return (*stints, stint)
    total = DriverTotal(stint.driver, before.ms + stint.ms, before.laps + stint.laps)
    return tuple(total if one is before else one for one in stints)
