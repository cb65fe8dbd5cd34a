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
from math import ceil
from typing import NamedTuple

from replay.petit_le_mans_2007.noise import draw
from replay.petit_le_mans_2007.plans import Off, Plan, Reach, Stop
from replay.petit_le_mans_2007.reference import (
    CAUTIONS,
    DISTANCE,
    GREENS,
    Caution,
    lap_at,
    time_at,
)

PIT_ENTRY = 0.968
BOX = 1.011
PIT_EXIT = 1.058
"""Where the lane lies, in laps: it passes the finish line, and most boxes lie beyond it."""

TO_BOX_MS, FROM_BOX_MS = 10_500.0, 11_500.0
"""At the lane's speed limit of 60 km/h."""

CAUTION_BURN = 0.5
"""Fuel for a lap behind the safety car, in green laps."""

FRESH = 12.0
"""A tank used for fewer green laps than this is not filled in a caution."""

OUT = 0.24
"""Where on the lap a retiring car stops."""

QUEUE_GAP = 0.006
"""Between two cars behind the safety car, in laps: about 25 m, or 0.9 s."""

WALKING = 0.9
"""The deficit that a car off the road, or crawling home, gathers in a reference lap."""

AT_THE_FLAG = 0.35
"""How much of its last lap a car has still to run when the winner finishes."""

CATCH_UP = 0.62
"""The most that a car can gain on the queue in a reference lap."""

CAUGHT = 0.75
"""From this fraction of a lap behind on, a car is ahead of the leader on the road."""

RUN_OUT = 2.6
"""Reference laps beyond the finish: every car comes round to the flag."""

PROTOTYPES = frozenset({"LMP1", "LMP2"})


Act = Stop | Off | Reach


class Visit(NamedTuple):
    """A way through the lane in ms; ``lap`` is the lap finished in it."""

    entered: float
    exited: float
    lap: int
    left_box: float
    stationary: float
    stop: Stop


@dataclass(slots=True)
class Drive:
    """A car on its way: where it is (reference lap ``at``, own progress) and how it came there.

    ``knots`` are pairs of session clock (ms) and progress (laps), straight lines between.
    """

    plan: Plan
    car_class: str
    at: float = 0.0
    progress: float = 0.0
    fuel: float = 0.0
    pace: float = 0.0
    bunched: bool = True
    knots: list[tuple[float, float]] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)

    @property
    def deficit(self) -> float:
        """Reference laps behind the reference."""
        return self.at - self.progress

    @property
    def running(self) -> bool:
        """Whether it has not retired."""
        return self.plan.retires is None or self.progress < self.plan.laps

    def mark(self) -> None:
        """Note where the car is."""
        self.knots.append((time_at(self.at), self.progress))

    def run(self, to: float, pace: float, burn: float = 1.0) -> None:
        """Drive to reference lap ``to``, losing ``pace`` and burning ``burn`` of a lap in each."""
        if to > self.at:
            self.progress += (to - self.at) * (1.0 - pace)
            self.fuel += (to - self.at) * burn
            self.at = to
            self.mark()

    def stop(self, stop: Stop, pace: float) -> None:
        """Drive on to the pit entry, stop, and come back to the track."""
        lap = int(self.progress + 1.0 - PIT_ENTRY) + 1
        self.run(self.at + (lap - 1 + PIT_ENTRY - self.progress) / (1.0 - pace), pace)
        entered, lane = time_at(self.at), stop.lane_s * 1000.0
        exited = entered + lane
        left_box, stationary = exited - FROM_BOX_MS, lane - TO_BOX_MS - FROM_BOX_MS
        self.visits.append(Visit(entered, exited, lap, left_box, stationary, stop))
        self.knots += [
            (entered + TO_BOX_MS, lap - 1 + BOX),
            (left_box, lap - 1 + BOX),
        ]
        self.at, self.progress = lap_at(exited), lap - 1 + PIT_EXIT
        self.fuel = 0.0
        self.mark()


@dataclass(slots=True)
class Field:
    """The whole field, and what race control did with it."""

    drives: list[Drive]
    passed_around: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def race(self) -> None:
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

    def _bunch(self, caution: Caution) -> None:
        queue = [drive for drive in self._running() if drive.at < caution.ends]
        head = min(drive.deficit for drive in queue)
        leaders = _class_leaders(queue)
        given = {drive.plan.car: dict(drive.plan.slots).get(caution.number) for drive in queue}
        rank, around = sum(slot is not None for slot in given.values()), []
        for drive in sorted(
            queue, key=lambda drive: ((drive.deficit - head) % 1.0, drive.plan.car)
        ):
            whole, part = divmod(drive.deficit - head, 1.0)
            slot = given[drive.plan.car]
            if slot is None:
                slot = QUEUE_GAP * rank
                rank += 1
            if part > CAUGHT and drive.plan.car in leaders:
                slot = 1.0 - QUEUE_GAP * (leaders.index(drive.plan.car) + 1)
            elif part > CAUGHT:
                around.append(drive.plan.car)
            _squeeze(drive, caution, whole + slot)
        self.passed_around[caution.number] = tuple(around)


def _class_leaders(queue: list[Drive]) -> list[str]:
    best: dict[str, Drive] = {}
    for drive in queue:
        ahead = best.get(drive.car_class)
        if ahead is None or drive.deficit < ahead.deficit:
            best[drive.car_class] = drive
    return [drive.plan.car for drive in best.values()]


def _squeeze(drive: Drive, caution: Caution, deficit: float) -> None:
    left = caution.ends - drive.at
    gain = min(drive.deficit - deficit, CATCH_UP * left)
    drive.run(caution.ends, -gain / left, CAUTION_BURN)


# -- Under caution -----------------------------------------------------------------------


def drive_to_queue(drive: Drive, caution: Caution) -> None:
    """Up to where the car joins the queue for good: after its stop, if it makes one."""
    if drive.at >= caution.ends:
        return
    for stop in _planned(drive, caution.starts, caution.ends):
        drive.run(max(drive.at, stop.at), 0.0, CAUTION_BURN)
        drive.stop(stop, 0.0)
        return
    opens = caution.starts + (1.25 if drive.car_class in PROTOTYPES else 2.25)
    fresh = drive.fuel < FRESH and caution.number not in drive.plan.tops
    lasts = drive.fuel + DISTANCE - drive.at <= drive.plan.stint
    stays_out = fresh or lasts or caution.number in drive.plan.skips
    if stays_out or opens + 2.2 > caution.ends or drive.at > opens:
        return
    drive.run(opens, 0.0, CAUTION_BURN)
    drive.stop(_fuel_stop(drive, caution.number), 0.0)


def _fuel_stop(drive: Drive, salt: object) -> Stop:
    lane_s = 67.0 + 6.0 * draw("stop", drive.plan.car, salt, len(drive.visits))
    return Stop(0.0, lane_s, "fuel")


def _planned(drive: Drive, after: float, before: float) -> list[Stop]:
    return [stop for stop in drive.plan.stops if after <= stop.at < before]


# -- Under green -------------------------------------------------------------------------


def drive_green(drive: Drive, number: int, span: tuple[float, float]) -> None:
    """Through a green span: stops when they are due, at the pace that the plan asks for."""
    start, end = span
    acts: list[Act] = [*_planned(drive, start, end)]
    acts += [off for off in drive.plan.offs if start <= off.at < end]
    acts += [reach for reach in drive.plan.reaches if start < reach.at <= end + RUN_OUT]
    acts += _due(drive, number, end, [stop.at for stop in drive.plan.stops])
    acts.sort(key=lambda act: act.at)
    drive.pace = _pace(drive, number, end, acts)
    for act in acts:
        _act(drive, act, acts)
    _finish_or_run(drive, end, drive.pace)


def _act(drive: Drive, act: Act, acts: list[Act]) -> None:
    if not drive.running:
        return
    match act:
        case Stop():
            _finish_or_run(drive, max(act.at, drive.at), _towards(drive, acts))
            if drive.running:
                drive.stop(act, drive.pace)
        case Off():
            _finish_or_run(drive, max(act.at, drive.at), _towards(drive, acts))
            drive.run(drive.at + act.laps / WALKING, WALKING)
        case Reach():
            _finish_or_run(drive, act.at, _towards(drive, acts))


def _towards(drive: Drive, acts: list[Act]) -> float:
    """The pace to the next place to be reached, if nothing comes before it."""
    ahead = [act for act in acts if act.at > drive.at or isinstance(act, Reach)]
    following = next((act for act in ahead if act.at > drive.at), None)
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


def _due(drive: Drive, number: int, end: float, planned: list[float]) -> list[Stop]:
    """The stops for fuel that fall due before ``end``.

    From span eight on, crews count backwards from the flag and make their stints alike.
    """
    due: list[Stop] = []
    others = sorted(each for each in planned if drive.at <= each < end)
    at, fuel, stint = drive.at, drive.fuel, drive.plan.stint
    while True:
        if number == len(GREENS) - 2 and not others:
            need = fuel + DISTANCE - at
            stint = need / ceil(need / drive.plan.stint) + draw("stint", drive.plan.car)
        empty = at + max(0.0, stint - fuel)
        if others and others[0] < empty:
            at, fuel = others.pop(0), 0.0
        elif empty + 1.2 > end:
            return due
        else:
            due.append(_fuel_stop(drive, round(empty))._replace(at=empty))
            at, fuel = empty, 0.0


def _pace(drive: Drive, number: int, end: float, acts: list[Act]) -> float:
    """The plan's own pace while it is free; then what leads to where it ends its race.

    The laps of the last span are whole ones of the car's own pace; before it the deficit
    still to be gathered is spread over the green laps that are left to run.
    """
    plan = drive.plan
    if number < plan.free_until:
        varied = plan.pace + 0.002 * draw("pace", plan.car, number)
        return dict(plan.paces).get(number, varied)
    goal = DISTANCE - plan.laps + AT_THE_FLAG
    until = float(DISTANCE)
    ahead: list[Act] = [*acts]
    if number < len(GREENS) - 1:
        start, until = GREENS[-1][0], CAUTIONS[-1].starts
        goal -= round(plan.pace * (DISTANCE - start))
        ahead += _planned(drive, end, until)
    if plan.retires is not None:
        until, goal = plan.reaches[-1]
    to_gather = goal - drive.deficit - sum(_loss(act) for act in ahead) - _later(drive, end)
    to_run = _green_laps(drive.at, until) - sum(_away(act) for act in ahead)
    return to_gather / to_run


def _green_laps(start: float, end: float) -> float:
    """How many of the reference laps from ``start`` to ``end`` are green."""
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in GREENS)


def _loss(act: Act) -> float:
    """The deficit that an act brings."""
    match act:
        case Stop():
            return _back_out(act) - act.at - (PIT_EXIT - PIT_ENTRY)
        case Off():
            return act.laps
        case Reach():
            return 0.0


def _away(act: Act) -> float:
    """The green laps in which an act keeps the car from running at its pace."""
    match act:
        case Stop():
            return _green_laps(act.at, _back_out(act))
        case Off():
            return act.laps / WALKING
        case Reach():
            return 0.0


def _back_out(stop: Stop) -> float:
    return lap_at(time_at(stop.at) + stop.lane_s * 1000.0)


def _later(drive: Drive, after: float) -> float:
    """Stops for fuel and bunching still to come in later spans, roughly."""
    spans = [span for span in GREENS[:-1] if span[0] > after]
    fuel = sum(int((end - start) / drive.plan.stint) * 0.82 for start, end in spans)
    return fuel - 0.1 * len(spans)


def drive_field(plans: list[Plan], classes: dict[str, str], grid: tuple[str, ...]) -> Field:
    """All cars from a rolling start in grid order to the flag."""
    drives = []
    for plan in plans:
        drive = Drive(plan, classes[plan.car])
        drive.progress = -QUEUE_GAP * grid.index(plan.car)
        drive.mark()
        drives.append(drive)
    race = Field(drives)
    race.race()
    return race
