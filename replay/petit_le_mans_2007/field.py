"""All cars round the track together: from plans to trajectories.

A car's progress is the reference's less its deficit. The deficit grows by the car's pace
on green laps and by its time in the lane; behind the safety car the field bunches, which
takes the broken part of every deficit down to a place in the queue. A car caught between
the safety car and the leader, and not leading its class, is sent round to the tail of the
queue (a pass-around): that is the same squeeze. Cars are independent but for the queue,
so the race is driven span by span: all cars through the green, then all through the
caution.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from replay.petit_le_mans_2007.drive import Drive
from replay.petit_le_mans_2007.plans import Act, CarPlan, Off, Reach, Stop
from replay.petit_le_mans_2007.reference import CAUTIONS, DISTANCE, GREENS, PlannedCaution
from replay.petit_le_mans_2007.strategy import (
    WALKING,
    due_stops,
    fuel_stop,
    pace_for,
    planned_stops,
)

CAUTION_BURN = 0.5
"""Fuel for a lap behind the safety car, in green laps."""

FRESH = 12.0
"""A tank used for fewer green laps than this is not filled in a caution."""

OUT = 0.24
"""Where on the lap a retiring car stops."""

QUEUE_GAP = 0.006
"""Between two cars behind the safety car, in laps: about 25 m, or 0.9 s."""

CATCH_UP = 0.62
"""The most that a car can gain on the queue in a reference lap."""

CAUGHT = 0.75
"""From this fraction of a lap behind on, a car is ahead of the leader on the road."""

RUN_OUT = 2.6
"""Reference laps beyond the finish: every car comes round to the flag."""

PROTOTYPES, PROTOTYPES_PIT = ("LMP1", "LMP2"), 1.2
GRAND_TOURERS, GRAND_TOURERS_PIT = ("GT1", "GT2"), 2.2
"""The classes, and how many reference laps into a caution the lane opens for them."""


def drive_field(
    plans: list[CarPlan], classes: dict[str, str], grid: tuple[str, ...]
) -> FieldSimulation:
    """All cars from a rolling start in grid order to the flag."""
    drives = []
    for plan in plans:
        drive = Drive(plan, classes[plan.car])
        drive.progress = -QUEUE_GAP * grid.index(plan.car)
        drive.mark()
        drives.append(drive)
    run = FieldSimulation(drives)
    run.run()
    return run


@dataclass(slots=True)
class FieldSimulation:
    """The whole field, and what race control did with it."""

    drives: list[Drive]
    passed_around: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def run(self) -> None:
        """From the green flag past the finish."""
        for number, (green, caution) in enumerate(zip(GREENS, (*CAUTIONS, None), strict=True)):
            for drive in self._running():
                drive_green(drive, number, green)
            if caution is not None:
                for drive in self._running():
                    drive_to_queue(drive, caution)
                self._bunch(caution)
        for drive in self._running():
            drive.run(DISTANCE + RUN_OUT, drive.pace)

    def _running(self) -> list[Drive]:
        return [drive for drive in self.drives if drive.running]

    def _bunch(self, caution: PlannedCaution) -> None:
        queue = [drive for drive in self._running() if drive.at < caution.ends]
        head = min(drive.deficit for drive in queue)
        queue.sort(key=lambda drive: ((drive.deficit - head) % 1.0, drive.plan.car))
        leaders = _class_leaders(queue)
        known = {
            drive.plan.car: slot
            for drive in queue
            for number, slot in drive.plan.slots
            if number == caution.number
        }
        places = iter(range(len(known), len(queue)))
        around = []
        for drive in queue:
            car, (laps, part) = drive.plan.car, divmod(drive.deficit - head, 1.0)
            slot = known[car] if car in known else QUEUE_GAP * next(places)
            if part > CAUGHT and car in leaders:
                slot = 1.0 - QUEUE_GAP * (leaders.index(car) + 1)
            elif part > CAUGHT:
                around.append(car)
            _squeeze(drive, caution, laps + slot)
        self.passed_around[caution.number] = tuple(around)


def _class_leaders(queue: list[Drive]) -> list[str]:
    best: dict[str, Drive] = {}
    for drive in queue:
        ahead = best.get(drive.car_class)
        if ahead is None or drive.deficit < ahead.deficit:
            best[drive.car_class] = drive
    return [drive.plan.car for drive in best.values()]


def _squeeze(drive: Drive, caution: PlannedCaution, deficit: float) -> None:
    left = caution.ends - drive.at
    gain = min(drive.deficit - deficit, CATCH_UP * left)
    drive.run(caution.ends, -gain / left, CAUTION_BURN)


# -- Under caution -----------------------------------------------------------------------


def drive_to_queue(drive: Drive, caution: PlannedCaution) -> None:
    """Up to where the car joins the queue for good: after its stop, if it makes one."""
    if drive.at >= caution.ends:
        return
    for stop in planned_stops(drive, caution.starts, caution.ends):
        drive.run(max(drive.at, stop.at), 0.0, CAUTION_BURN)
        drive.stop(stop, 0.0)
        return
    first = drive.car_class in PROTOTYPES
    opens = caution.starts + (PROTOTYPES_PIT if first else GRAND_TOURERS_PIT) + 0.05
    fresh = drive.fuel < FRESH and caution.number not in drive.plan.tops
    lasts = drive.fuel + DISTANCE - drive.at <= drive.plan.stint
    stays_out = fresh or lasts or caution.number in drive.plan.skips
    if stays_out or opens + 2.2 > caution.ends or drive.at > opens:
        return
    drive.run(opens, 0.0, CAUTION_BURN)
    drive.stop(fuel_stop(drive, caution.number), 0.0)


# -- Under green -------------------------------------------------------------------------


def drive_green(drive: Drive, number: int, span: tuple[float, float]) -> None:
    """Through a green span: stops when they are due, at the pace that the plan asks for."""
    start, end = span
    acts: list[Act] = [*planned_stops(drive, start, end)]
    acts += [off for off in drive.plan.offs if start <= off.at < end]
    acts += [reach for reach in drive.plan.reaches if start < reach.at <= end + RUN_OUT]
    acts += due_stops(drive, number, end, [stop.at for stop in drive.plan.stops])
    acts.sort(key=lambda act: act.at)
    drive.pace = pace_for(drive, number, end, acts)
    for act in acts:
        _act(drive, act, acts)
    _finish_or_run(drive, end, drive.pace)


def _act(drive: Drive, act: Act, acts: list[Act]) -> None:
    if not drive.running:
        return
    _finish_or_run(drive, act.at, _towards(drive, acts))
    match act:
        case Stop() if drive.running:
            drive.stop(act, drive.pace)
        case Off() if drive.running:
            drive.run(drive.at + act.laps / WALKING, WALKING)
        case _:
            pass  # a place that was to be reached


def _towards(drive: Drive, acts: list[Act]) -> float:
    """The pace to the next place to be reached, if nothing comes before it."""
    following = next((act for act in acts if act.at > drive.at), None)
    if isinstance(following, Reach):
        return (following.deficit - drive.deficit) / (following.at - drive.at)
    return drive.pace


def _finish_or_run(drive: Drive, to: float, pace: float) -> None:
    """Run, but for a car that retires no further than its last lap."""
    if to <= drive.at:
        return
    plan = drive.plan
    if plan.retires is not None:
        last = drive.at + (plan.laps + OUT - drive.progress) / (1.0 - pace)
        to = min(to, last)
    drive.run(to, pace)
