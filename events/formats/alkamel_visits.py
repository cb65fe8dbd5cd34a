"""Visits to the pit lane, inferred from laps or as the file of pit visits has them.

PIT_TIME is on the row after a ``B`` and runs from lane entry to lane exit, but the laps file
does not say when. The rules are in ``events.formats.alkamel_events``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from operator import add
from typing import NamedTuple, cast

from events.base import Basis
from events.clock import format_clock
from events.formats.alkamel import DAY_MS, HOUR_MS, CarLaps, LapsFile
from events.formats.alkamel_companions import PitFileRow, PitsFile
from events.formats.doubts import LEFT_OUT, Doubt, bounded


class Crossings(NamedTuple):
    """The timed crossings of S1 and S2 of a car by lap (ms); None where a loop missed it."""

    s1: list[int | None]
    s2: list[int | None]


class LaneVisit(NamedTuple):
    """A visit to the pit lane from lap ``first`` to lap ``last``; times in ms.

    A car that crosses the finish line in the lane enters on one lap and exits on a later one;
    ``exited_at`` is None for a car that ends in the lane. The basis is ``recorded`` for a visit
    from the file of pit visits.
    """

    first: int
    last: int
    entered_at: int
    exited_at: int | None
    basis: Basis = "reconstructed"

    @property
    def across(self) -> bool:
        """Whether the car crossed the finish line in the lane."""
        return self.first < self.last


VisitsByCar = dict[str, list[LaneVisit]]


def with_visits(laps: LapsFile, crossings: Mapping[str, Crossings]) -> tuple[LapsFile, VisitsByCar]:
    """Return the visits of each car, and the laps without the pit times that fit none.

    ``crossings`` are those of each car that its sectors give.
    """
    visits: VisitsByCar = {}
    doubts = [*laps.doubts]
    cars: list[CarLaps] = []
    for run in laps.cars:
        visits[run.car], left_out = _visits(run, crossings[run.car])
        if left_out:
            doubts += [_impossible_visit(laps.file, run, lap, visits[run.car]) for lap in left_out]
            pit_times = [*run.pit_times]
            for lap in left_out:
                pit_times[lap - 1] = None
            run = replace(run, pit_times=pit_times)
        cars.append(run)
    return replace(laps, cars=tuple(cars), doubts=bounded(doubts)), visits


def timed_crossings(run: CarLaps) -> Crossings:
    """Return the crossings of S1 and S2 that the car's sectors give."""
    s1, s2, s3 = run.sectors
    if None not in s1 and None not in s2:
        first, second = cast("list[int]", s1), cast("list[int]", s2)
        at_s1 = [*map(add, run.started_at, first)]
        return Crossings([*at_s1], [*map(add, at_s1, second)])
    laps = zip(run.started_at, run.completed_at, s1, s2, s3, strict=True)
    return Crossings(*map(list, zip(*starmap(_timed_lap, laps), strict=True)))


def _timed_lap(
    start: int, end: int, s1: int | None, s2: int | None, s3: int | None
) -> tuple[int | None, int | None]:
    """Return the crossings of S1 and S2 in a lap, as far as its sector times give them."""
    at_s1 = None if s1 is None else start + s1
    if at_s1 is not None and s2 is not None:
        return at_s1, at_s1 + s2
    at_s2 = None if s3 is None else end - s3
    if at_s1 is None and at_s2 is not None and s2 is not None:
        at_s1 = at_s2 - s2
    return at_s1, at_s2


def with_recorded_visits(
    laps: LapsFile, visits: VisitsByCar, pits: PitsFile
) -> tuple[VisitsByCar, list[Doubt]]:
    """Return the visits with those of the pit file in place of the inferred ones of its cars.

    An inferred visit stays where the line was crossed in the lane and the pit file has no visit
    then. Without the local time of the start nothing is replaced.
    """
    if laps.start_of_day_ms is None:
        return visits, [_of_pit_file(pits, None, "IN_TIME", "the laps file has no HOUR")]
    runs = {run.car: run for run in laps.cars}
    doubts = [*pits.doubts]
    recorded: VisitsByCar = {}
    for row in pits.rows:
        run = runs.get(row.car)
        if run is None:
            doubts.append(_of_pit_file(pits, row, "NUMBER", "no such car in the laps file"))
            continue
        own = recorded.setdefault(row.car, [])
        free_from = own[-1].exited_at or own[-1].entered_at if own else 0
        visit = _recorded_visit(run, row, laps.start_of_day_ms, free_from)
        if visit is None:
            reason = "before the visit before, or not while the car was running"
            doubts.append(_of_pit_file(pits, row, "IN_TIME", reason))
        else:
            own.append(visit)
    together = {
        car: sorted([*own, *_not_recorded(visits[car], own)], key=lambda visit: visit.entered_at)
        for car, own in recorded.items()
    }
    return {**visits, **together}, doubts


def _recorded_visit(
    run: CarLaps, row: PitFileRow, start_of_day_ms: int, free_from: int
) -> LaneVisit | None:
    """Return the visit on the session clock; None if the car cannot have been in the lane then."""
    entered_at = (row.in_ms - start_of_day_ms) % DAY_MS
    if not free_from and entered_at > DAY_MS - HOUR_MS:
        return None  # before the start, not the first visit of 24 hours in the last of them
    while entered_at < free_from and entered_at + DAY_MS <= run.completed_at[-1] + DAY_MS // 2:
        entered_at += DAY_MS
    exited_at = None if row.out_ms is None else entered_at + (row.out_ms - row.in_ms) % DAY_MS
    if not free_from <= entered_at <= run.completed_at[-1]:
        return None
    first = bisect_left(run.completed_at, entered_at) + 1
    last = first if exited_at is None else bisect_left(run.completed_at, exited_at) + 1
    return LaneVisit(first, max(first, last), entered_at, exited_at, "recorded")


def _not_recorded(inferred: Sequence[LaneVisit], recorded: Sequence[LaneVisit]) -> list[LaneVisit]:
    """Return the inferred visits on laps of which the pit file has none."""
    taken = {lap for visit in recorded for lap in range(visit.first, visit.last + 1)}
    return [visit for visit in inferred if taken.isdisjoint(range(visit.first, visit.last + 1))]


def _of_pit_file(pits: PitsFile, row: PitFileRow | None, column: str, reason: str) -> Doubt:
    return Doubt(
        pits.file,
        row.line if row else 1,
        column,
        "" if row is None else row.car if column == "NUMBER" else format_clock(row.in_ms),
        reason,
        LEFT_OUT if row else "all its visits are left out",
        row.car if row else None,
    )


def _visits(run: CarLaps, timed: Crossings) -> tuple[list[LaneVisit], list[int]]:
    """Return the car's visits, oldest first, and the laps whose PIT_TIME fits none of them."""
    visits: list[LaneVisit] = []
    left_out: list[int] = []
    across = inside = False  # of the lap before: its B, and whether a visit was inside it
    rows = zip(run.pit_times, run.in_pit_lane, strict=True)
    for lap, (pit_time, crossed_in_lane) in enumerate(rows, 1):
        visit = None
        if pit_time is not None:
            visit = _visit(run, timed, lap, pit_time, visits, across=across)
            if visit is None:
                left_out.append(lap)
        if visit is None and across and not inside:
            visit = _visit_of_unknown_length(run, timed, lap)
            visit = _joined(run, visits, visit)
        if visit is not None:
            while visits and visits[-1].last > visit.first:
                visits.pop()  # of unknown length, and part of this one
            visits.append(visit)
        inside = visit is not None and not visit.across
        across = crossed_in_lane
    if across and not inside:
        last = len(run.pit_times)
        visit = LaneVisit(last, last + 1, run.completed_at[-1], None)
        visits.append(_joined(run, visits, visit))
    return visits, left_out


def _visit(
    run: CarLaps,
    timed: Crossings,
    lap: int,
    pit_time: int,
    visits: Sequence[LaneVisit],
    *,
    across: bool,
) -> LaneVisit | None:
    """Return the visit that ends on a lap; None if PIT_TIME does not fit into the laps.

    A visit longer than the car can have been in the lane since the last crossing began before
    an earlier one: the car was pushed over the line in the lane, perhaps more than once.
    """
    if not across:
        visit = _visit_inside(run, timed, lap, pit_time)
        return visit if visit and visit.entered_at >= _free_from(visits) else None
    first_line = _lines(run, timed, lap)[0]
    free = [*visits]
    first = lap - 1
    while True:
        at_line = run.completed_at[first - 1]
        exited_at = min(at_line + pit_time, first_line)
        earliest = max(run.started_at[first - 1], _free_from(free))
        if exited_at >= run.started_at[lap - 1] and exited_at - pit_time >= earliest:
            return LaneVisit(first, lap, exited_at - pit_time, exited_at)
        if first == 1 or not run.in_pit_lane[first - 2] or run.pit_times[first - 1] is not None:
            return None
        # A visit of unknown length may be the beginning of this one.
        first = free.pop().first if free and free[-1].last == first else first - 1


def _visit_inside(run: CarLaps, timed: Crossings, lap: int, pit_time: int) -> LaneVisit | None:
    start, end = run.started_at[lap - 1], run.completed_at[lap - 1]
    lines = _lines(run, timed, lap)
    if lap == 1 and pit_time <= lines[0]:
        return LaneVisit(lap, lap, 0, pit_time)
    stretches = zip([start, *lines], lines, strict=False)
    earliest, until = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    if until - earliest < pit_time:
        earliest, until = start, end
    exited_at = until - (until - earliest - pit_time) // 2
    entered_at = exited_at - pit_time
    return LaneVisit(lap, lap, entered_at, exited_at) if entered_at >= earliest else None


def _joined(run: CarLaps, visits: list[LaneVisit], visit: LaneVisit) -> LaneVisit:
    """Return the visit with the one before, which is removed, if the car did not leave the lane.

    That one is of unknown length, and lasted until the finish line at which this one begins.
    """
    before = visits[-1] if visits else None
    if (
        before is None
        or before.exited_at != visit.entered_at
        or run.pit_times[before.last - 1] is not None
    ):
        return visit
    visits.pop()
    return visit._replace(first=before.first, entered_at=before.entered_at)


def _visit_of_unknown_length(run: CarLaps, timed: Crossings, lap: int) -> LaneVisit:
    return LaneVisit(lap - 1, lap, run.started_at[lap - 1], _lines(run, timed, lap)[0])


def _lines(run: CarLaps, timed: Crossings, lap: int) -> list[int]:
    """Return the times at which the car is known to have crossed a line on a lap."""
    crossed = (timed.s1[lap - 1], timed.s2[lap - 1], run.completed_at[lap - 1])
    return [at for at in crossed if at is not None]


def _free_from(visits: Sequence[LaneVisit]) -> int:
    """Return the exit before, from which on a car can enter the lane."""
    return next((visit.exited_at for visit in reversed(visits) if visit.exited_at), 0)


def _impossible_visit(file: str, run: CarLaps, lap: int, visits: Sequence[LaneVisit]) -> Doubt:
    is_kept = any(visit.last == lap for visit in visits)
    treatment = "the visit ends at S1 at the latest" if is_kept else "and with it the visit"
    return Doubt(
        file,
        run.lines[lap - 1],
        "PIT_TIME",
        format_clock(run.pit_times[lap - 1] or 0),
        "longer than the car can have been in the pit lane",
        f"{LEFT_OUT}, {treatment}",
        run.car,
        run.completed_at[lap - 1],
    )
