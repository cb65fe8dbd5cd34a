"""What a car does in a green span: when it stops for fuel, and at which pace it runs."""

from __future__ import annotations

from math import ceil

from replay.petit_le_mans_2007.drive import PIT_ENTRY, PIT_EXIT, Drive
from replay.petit_le_mans_2007.noise import draw
from replay.petit_le_mans_2007.plans import Act, Off, Reach, Stop
from replay.petit_le_mans_2007.reference import CAUTIONS, DISTANCE, GREENS, lap_at, time_at

WALKING = 0.9
"""The deficit that a car off the road, or crawling home, gathers in a reference lap."""

AT_THE_FLAG = 0.35
"""How much of its last lap a car has still to run when the winner finishes."""

GREEN_STOP = 0.82
"""The deficit that a stop for fuel brings under green."""


def fuel_stop(drive: Drive, salt: object) -> Stop:
    lane_s = 67.0 + 6.0 * draw("stop", drive.plan.car, salt, len(drive.visits))
    return Stop(0.0, lane_s, "fuel")


def planned_stops(drive: Drive, after: float, before: float) -> list[Stop]:
    return [stop for stop in drive.plan.stops if after <= stop.at < before]


def due_stops(drive: Drive, number: int, end: float, planned: list[float]) -> list[Stop]:
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
            due.append(fuel_stop(drive, round(empty))._replace(at=empty))
            at, fuel = empty, 0.0


def pace_for(drive: Drive, number: int, end: float, acts: list[Act]) -> float:
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
        ahead += planned_stops(drive, end, until)
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
    fuel = sum(int((end - start) / drive.plan.stint) * GREEN_STOP for start, end in spans)
    return fuel - 0.1 * len(spans)
