"""Who drives each car, and for how long.

Rules: a driver is at the wheel from the change to the next change, pit stops included;
the first from the start of the session. Where a lap names a driver that no change told
of, the change is taken to have been at the start of that lap. The clock stops when the
car finishes or retires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import DriverChanged, LapCompleted
from projections.order import RunningOrder
from projections.state import Handlers, Projection, of, row, sibling


class AtWheel(NamedTuple):
    """The driver at the wheel, and since when (ms)."""

    driver: str
    since: int


@dataclass(slots=True)
class Drivers(Projection):
    """The driver at the wheel of each car, and every driver's time there."""

    NAME: ClassVar[str] = "drivers"
    VERSION: ClassVar[int] = 1

    order: RunningOrder = sibling()
    at_wheel: dict[str, AtWheel] = of(row(AtWheel), dict)
    driven: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    laps: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {DriverChanged: self._changed}

    def lap_completed(self, event: LapCompleted) -> None:
        """Count a lap for the driver it names."""
        driver, car = event.driver, event.car
        if driver is None:
            return
        wheel = self.at_wheel.get(car)
        if wheel is None or wheel.driver != driver:
            lap_start = event.at - (event.lap_time_ms or 0)
            self._take_wheel(car, driver, lap_start if wheel else min(0, lap_start))
        self.laps[car] = _with(self.laps.get(car, ()), driver, 1)

    def drive_time(self, car: str, until: int) -> dict[str, int]:
        """Each driver's time at the wheel in ms, as of ``until`` on the session clock."""
        times = dict(self.driven.get(car, ()))
        wheel = self.at_wheel.get(car)
        if wheel is not None:
            ended = min(until, self._stopped_at(car, until))
            times[wheel.driver] = times.get(wheel.driver, 0) + max(0, ended - wheel.since)
        return times

    def _stopped_at(self, car: str, until: int) -> int:
        if car in self.order.finished:
            return self.order.finished[car]
        if car in self.order.retired:
            return self.order.last_seen(car) or 0
        return until

    def _take_wheel(self, car: str, driver: str, at: int) -> None:
        before = self.at_wheel.get(car)
        if before is not None:
            spell = max(0, at - before.since)
            self.driven[car] = _with(self.driven.get(car, ()), before.driver, spell)
        self.at_wheel[car] = AtWheel(driver, at)

    def _changed(self, event: DriverChanged) -> None:
        wheel = self.at_wheel.get(event.car)
        if wheel is None:
            self._take_wheel(event.car, event.driver, min(0, event.at))
        elif wheel.driver != event.driver:
            self._take_wheel(event.car, event.driver, event.at)


def _with(
    counts: tuple[tuple[str, int], ...], driver: str, more: int
) -> tuple[tuple[str, int], ...]:
    for index, (name, count) in enumerate(counts):
        if name == driver:
            return (*counts[:index], (name, count + more), *counts[index + 1 :])
    return (*counts, (driver, more))
