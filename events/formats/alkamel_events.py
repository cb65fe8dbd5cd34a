"""Translation of Al Kamel timing files to the events of a session.

The laps file has a row for each completed lap: car, class, team, make; lap time; the
three sector times; the time since the start (``ELAPSED``) and the local time (``HOUR``)
at the finish line; the driver; whether the line was crossed in the pit lane (``B``); the
flag shown at the line; and ``PIT_TIME``, the length of a visit to the lane.

Basis ``recorded``: the file's own times, and their sums and differences:

- LapCompleted is at ELAPSED, whose 0 is the start of the session.
- LinePassed S1 is at lap start + S1; S2 at lap start + S1 + S2, or at lap end - S3 where
  a loop missed the car (a missed loop blanks the two sectors beside it).
- FlagShown is at the first crossing, by any car, with another flag than the crossing before.
  Flags are sampled at the line only, so the flag was shown earlier by up to the gap between
  two cars; sampling the leader alone would miss short full-course yellows. The first FF is
  the end of a race.

Basis ``reconstructed``: what is inferred:

- A crossing of S1 or S2 without a sector time: interpolated by the car's median split.
- PitEntered and PitExited. PIT_TIME is on the row after a ``B`` and runs from lane entry to
  lane exit, but the file does not say when. The exit is assumed at the earlier of (finish
  crossing + PIT_TIME) and the out-lap's S1 crossing, the entry PIT_TIME before it. A PIT_TIME
  too long for that began before an earlier ``B``, if each row between is a ``B`` without a
  PIT_TIME: the car was pushed over the finish line in the lane (IMSA's Glen practice of 2022,
  car 14: 38:11 over two crossings). A visit
  without PIT_TIME is assumed from the finish crossing to the out-lap's S1, the latest
  possible times; a final ``B`` has no exit. PIT_TIME on lap 1, or on a row whose previous
  row is not ``B``, is a visit inside that lap: a start from the pit lane, or else in the
  middle of the longest stretch between two lines (cars brought in under a red flag). The
  ``B`` on such a row belongs to that visit, unless a PIT_TIME follows.
- DriverChanged, at the start of the first lap that names another driver (so that a lap
  belongs to the driver that the file gives it); at 0 for the starting driver.
- The drive-through time of the pit lane: the shortest time of visits without a driver change
  on which two cars agree to 1 %, as they do at the speed limit; none where that is at least
  70 % of the median visit.
- CarRetired, for a car that never takes the flag: when it is three median laps of its class
  overdue, as it could not have been known earlier.
- The green flag at the start of a race whose first crossing shows green; and in the older
  form of the file, which has no flags, the chequered flag when the winner ends the last lap.

The official result is recorded as printed. Cars without laps, vehicles, and the drivers'
countries and ratings are taken from it; nothing else is. Without a laps file the session
consists of that result and its cars, and a car's make is the beginning of its vehicle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise, starmap
from math import ceil
from operator import add
from pathlib import PurePath
from statistics import median
from typing import NamedTuple, cast

from events.base import Basis
from events.catalogue import RaceEvent
from events.clock import format_clock
from events.drafts import Drafts
from events.errors import BadTimingFile
from events.formats.alkamel import FLAGS, CarLaps, LapsFile
from events.formats.alkamel_results import ResultFileRow, ResultsFile
from events.formats.doubts import LEFT_OUT, Doubt, bounded
from events.formats.names import near_names
from events.running import (
    CarRetired,
    DriverChanged,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
)
from events.session import (
    FINISH_LINE,
    DataDoubted,
    Driver,
    EntryAdded,
    ResultDeclared,
    SessionEnded,
    SessionKind,
    SessionOpened,
)
from events.track import Flag, FlagShown

SOURCE = "alkamel"
LAPS_OVERDUE = 3
MAKES_OF_TWO_WORDS = ("Alfa Romeo", "Aston Martin", "Mercedes AMG")


def session_events(  # noqa: PLR0913 (options, by keyword)
    laps: LapsFile,
    results: ResultsFile | None = None,
    *,
    title: str,
    kind: SessionKind = "race",
    series: str | None = None,
    round_number: int | None = None,
    rules: str | None = None,
    time_limit_ms: int | None = None,
    starts_at: datetime | None = None,
    zone: str | None = None,
    source: str = SOURCE,
) -> list[RaceEvent]:
    """Return the events of a session, ordered by time, rank of the type, and car.

    Their ``source_seq`` is 0, 1, 2... in that order: the same files always give the same
    events. Classes are listed fastest first, by the median lap of a race, else by the best.
    ``rules`` names the regulation pack; ``starts_at`` is the wall-clock time of session clock 0
    with its offset, ``zone`` the name of its time zone. Raises BadTimingFile where the files
    contradict each other.
    """
    if results is not None:
        _check_same_session(laps, results, kind)
    drafts = Drafts(source)
    laps, visits = _with_visits(laps)
    _draft_running(drafts, laps, visits)
    _draft_doubts(drafts, [*laps.doubts, *(results.doubts if results else ())])
    _draft_doubts(drafts, [*_other_classes(laps, results), *_similar_names(laps, results)])
    flags = _flags(laps, kind)
    for at, flag, basis in flags:
        drafts.add(FlagShown, at, flag=flag, basis=basis)
    if kind == "race":
        _draft_retirements(drafts, laps, flags)
    drafts.add(
        SessionOpened,
        0,
        title=title,
        series=series,
        round=round_number,
        kind=kind,
        time_limit_ms=time_limit_ms,
        classes=_classes(laps, results, kind),
        timing_lines=_timing_lines(laps),
        drive_through_ms=_drive_through(laps),
        rules=rules,
        starts_at=starts_at,
        zone=zone,
        provenance=_provenance(laps, results),
    )
    _draft_entries(drafts, laps, results)
    _draft_end(drafts, results, drafts.latest())
    return cast("list[RaceEvent]", drafts.events())


def result_events(
    results: ResultsFile,
    *,
    title: str,
    series: str | None = None,
    round_number: int | None = None,
    rules: str | None = None,
    time_limit_ms: int | None = None,
    source: str = SOURCE,
) -> list[RaceEvent]:
    """Return the events of a session of which only the official result is available.

    Without laps nothing is classified: the session has the declared result only.
    """
    drafts = Drafts(source)
    names = [line.row.car_class for line in results.lines]
    drafts.add(
        SessionOpened,
        0,
        title=title,
        series=series,
        round=round_number,
        kind=results.kind,
        classes=tuple(name for name in dict.fromkeys(names) if name),
        time_limit_ms=time_limit_ms,
        rules=rules,
        provenance=f"Al Kamel timing: {PurePath(results.file).name}",
        basis="published",
    )
    for line in sorted(results.lines, key=lambda line: line.row.car):
        drafts.add(
            EntryAdded,
            0,
            car=line.row.car,
            car_class=line.row.car_class,
            team=line.team,
            vehicle=line.vehicle,
            manufacturer=line.manufacturer or (line.vehicle and _make(line.vehicle)),
            drivers=line.crew,
            basis="published",
        )
    _draft_doubts(drafts, [*results.doubts, *_similar_names(None, results)])
    _draft_end(drafts, results, max(line.row.total_ms or 0 for line in results.lines))
    return cast("list[RaceEvent]", drafts.events())


def _make(vehicle: str) -> str:
    known = (make for make in MAKES_OF_TWO_WORDS if vehicle.startswith(make))
    return next(known, vehicle.split(maxsplit=1)[0])


# --- Crossings, visits and drivers ---------------------------------------------------------


class _Crossings(NamedTuple):
    """The timed crossings of S1 and S2 of a car by lap (ms); None where a loop missed it."""

    s1: list[int | None]
    s2: list[int | None]


class _Split(NamedTuple):
    """The crossings of S1 and S2 as fractions of the lap time."""

    s1: float
    s2: float


class _Visit(NamedTuple):
    """A visit to the pit lane from lap ``first`` to lap ``last``; times in ms.

    A car that crosses the finish line in the lane enters on one lap and exits on a later one;
    ``exited_at`` is None for a car that ends in the lane.
    """

    first: int
    last: int
    entered_at: int
    exited_at: int | None

    @property
    def across(self) -> bool:
        """Whether the car crossed the finish line in the lane."""
        return self.first < self.last


_Visits = dict[str, list[_Visit]]


def _with_visits(laps: LapsFile) -> tuple[LapsFile, _Visits]:
    """Return the visits of each car, and the laps without the pit times that fit none."""
    visits: _Visits = {}
    doubts = [*laps.doubts]
    cars: list[CarLaps] = []
    for run in laps.cars:
        visits[run.car], left_out = _visits(run, _timed_crossings(run))
        if left_out:
            doubts += [_impossible_visit(laps.file, run, lap, visits[run.car]) for lap in left_out]
            pit_times = [*run.pit_times]
            for lap in left_out:
                pit_times[lap - 1] = None
            run = replace(run, pit_times=pit_times)
        cars.append(run)
    return replace(laps, cars=tuple(cars), doubts=bounded(doubts)), visits


def _draft_running(drafts: Drafts, laps: LapsFile, visits: _Visits) -> None:
    # `Drafts` requires cars in the order of their numbers.
    for run in sorted(laps.cars, key=lambda run: run.car):
        timed, own = _timed_crossings(run), visits[run.car]
        _draft_crossings(drafts, run, timed)
        _draft_missed_crossings(drafts, laps, run, timed, own)
        inferred: dict[str, object] = {"car": run.car, "basis": "reconstructed"}
        exits = [visit.exited_at for visit in own if visit.exited_at is not None]
        drafts.add_all(PitEntered, [visit.entered_at for visit in own], inferred)
        drafts.add_all(PitExited, exits, inferred)
        _draft_drivers(drafts, run)


def _timed_crossings(run: CarLaps) -> _Crossings:
    s1, s2, s3 = run.sectors
    if None not in s1 and None not in s2:
        first, second = cast("list[int]", s1), cast("list[int]", s2)
        at_s1 = [*map(add, run.started_at, first)]
        return _Crossings([*at_s1], [*map(add, at_s1, second)])
    laps = zip(run.started_at, run.completed_at, s1, s2, s3, strict=True)
    return _Crossings(*map(list, zip(*starmap(_timed_lap, laps), strict=True)))


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


def _draft_crossings(drafts: Drafts, run: CarLaps, timed: _Crossings) -> None:
    drafts.add_laps(LinePassed, timed.s1, {"car": run.car, "line": "S1"})
    drafts.add_laps(LinePassed, timed.s2, {"car": run.car, "line": "S2"})
    drafts.add_laps(
        LapCompleted,
        run.completed_at,
        {"car": run.car},
        lap_time_ms=run.lap_times,
        driver=run.drivers,
        in_pit_lane=run.in_pit_lane,
    )


def _draft_missed_crossings(
    drafts: Drafts, laps: LapsFile, run: CarLaps, timed: _Crossings, visits: Sequence[_Visit]
) -> None:
    """Draft crossings that a loop missed, outside the pit visits before and after them."""
    missed = [lap for lap, pair in enumerate(zip(*timed, strict=True), 1) if None in pair]
    split = _median_split([run]) or _median_split(laps.cars) if missed else None
    if split is None:
        return
    left = {visit.last: visit.exited_at for visit in visits if visit.across}
    entered = {visit.first: visit.entered_at for visit in visits if visit.across}
    in_lane = {lap for visit in visits for lap in range(visit.first + 1, visit.last)}
    for lap in missed:
        if lap in in_lane:
            continue
        start, end = run.started_at[lap - 1], run.completed_at[lap - 1]
        s1, s2 = timed.s1[lap - 1], timed.s2[lap - 1]
        if s1 is None:
            until, share = (end, split.s1) if s2 is None else (s2, split.s1 / split.s2)
            s1 = max(start + round((until - start) * share), left.get(lap) or start)
            drafts.add(LinePassed, s1, car=run.car, line="S1", lap=lap, basis="reconstructed")
        if s2 is None:
            share = (split.s2 - split.s1) / (1 - split.s1)
            s2 = min(s1 + round((end - s1) * share), entered.get(lap, end) - 1)
            s2 = max(s1, s2)
            drafts.add(LinePassed, s2, car=run.car, line="S2", lap=lap, basis="reconstructed")


def _median_split(runs: Sequence[CarLaps]) -> _Split | None:
    """Return the median split of the laps with both sectors timed; None without any."""
    shares = [
        (s1 / lap_time, (s1 + s2) / lap_time)
        for run in runs
        for s1, s2, lap_time in zip(*run.sectors[:2], run.lap_times, strict=True)
        if s1 is not None and s2 is not None
    ]
    if not shares:
        return None
    return _Split(*(median(column) for column in zip(*shares, strict=True)))


def _visits(run: CarLaps, timed: _Crossings) -> tuple[list[_Visit], list[int]]:
    """Return the car's visits, oldest first, and the laps whose PIT_TIME fits none of them."""
    visits: list[_Visit] = []
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
        if visit is not None:
            while visits and visits[-1].last > visit.first:
                visits.pop()  # of unknown length, and part of this one
            visits.append(visit)
        inside = visit is not None and not visit.across
        across = crossed_in_lane
    if across and not inside:
        last = len(run.pit_times)
        visits.append(_Visit(last, last + 1, run.completed_at[-1], None))
    return visits, left_out


def _visit(
    run: CarLaps,
    timed: _Crossings,
    lap: int,
    pit_time: int,
    visits: Sequence[_Visit],
    *,
    across: bool,
) -> _Visit | None:
    """Return the visit that ends on a lap; None if PIT_TIME does not fit into the laps.

    A visit longer than the car can have been in the lane since the last crossing began before
    an earlier one: the car was pushed over the line in the lane, perhaps more than once.
    """
    if not across:
        visit = _visit_inside(run, timed, lap, pit_time)
        return visit if visit and visit.entered_at >= _free_from(visits) else None
    first_line = _lines(run, timed, lap)[0]
    free = [*visits]
    for first in range(lap - 1, 0, -1):
        at_line = run.completed_at[first - 1]
        exited_at = min(at_line + pit_time, first_line)
        earliest = max(run.started_at[first - 1], _free_from(free))
        if exited_at >= run.started_at[lap - 1] and exited_at - pit_time >= earliest:
            return _Visit(first, lap, exited_at - pit_time, exited_at)
        if first == 1 or not run.in_pit_lane[first - 2] or run.pit_times[first - 1] is not None:
            return None
        if free and free[-1].last == first:
            free.pop()  # of unknown length: this one may have begun before it
    return None


def _visit_inside(run: CarLaps, timed: _Crossings, lap: int, pit_time: int) -> _Visit | None:
    start, end = run.started_at[lap - 1], run.completed_at[lap - 1]
    lines = _lines(run, timed, lap)
    if lap == 1 and pit_time <= lines[0]:
        return _Visit(lap, lap, 0, pit_time)
    stretches = zip([start, *lines], lines, strict=False)
    earliest, until = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    if until - earliest < pit_time:
        earliest, until = start, end
    exited_at = until - (until - earliest - pit_time) // 2
    entered_at = exited_at - pit_time
    return _Visit(lap, lap, entered_at, exited_at) if entered_at >= earliest else None


def _visit_of_unknown_length(run: CarLaps, timed: _Crossings, lap: int) -> _Visit:
    return _Visit(lap - 1, lap, run.started_at[lap - 1], _lines(run, timed, lap)[0])


def _lines(run: CarLaps, timed: _Crossings, lap: int) -> list[int]:
    """Return the times at which the car is known to have crossed a line on a lap."""
    crossed = (timed.s1[lap - 1], timed.s2[lap - 1], run.completed_at[lap - 1])
    return [at for at in crossed if at is not None]


def _free_from(visits: Sequence[_Visit]) -> int:
    """Return the exit before, from which on a car can enter the lane."""
    return next((visit.exited_at for visit in reversed(visits) if visit.exited_at), 0)


def _impossible_visit(file: str, run: CarLaps, lap: int, visits: Sequence[_Visit]) -> Doubt:
    is_kept = any(visit.last == lap for visit in visits)
    treatment = "the visit ends at S1 at the latest" if is_kept else "and with it the visit"
    return Doubt(
        file,
        run.first_line + lap - 1,
        "PIT_TIME",
        format_clock(run.pit_times[lap - 1] or 0),
        "longer than the car can have been in the pit lane",
        f"{LEFT_OUT}, {treatment}",
        run.car,
        run.completed_at[lap - 1],
    )


def _draft_drivers(drafts: Drafts, run: CarLaps) -> None:
    before = None
    for at, driver in zip(run.started_at, run.drivers, strict=True):
        if driver is not None and driver != before:
            drafts.add(DriverChanged, at, car=run.car, driver=driver, basis="reconstructed")
            before = driver


# --- The whole session ---------------------------------------------------------------------


def _flags(laps: LapsFile, kind: SessionKind) -> list[tuple[int, Flag, Basis]]:
    """Return each change of flag at a crossing; a race ends with its chequered flag."""
    if not laps.has_flags:
        return [(_winner_finished(laps), "chequered", "reconstructed")] if kind == "race" else []
    # Encoded as numbers (time, then flag), which sort in half the time of pairs.
    known: list[Flag] = [flag for flag in FLAGS.values() if flag is not None]
    codes = {flag: code for code, flag in enumerate(known)}
    readings = [
        at * len(codes) + codes[flag]
        for run in laps.cars
        for at, flag in zip(run.completed_at, run.flags, strict=True)
        if flag is not None
    ]
    changes: list[tuple[int, Flag, Basis]] = []
    current = before = -1
    for reading in sorted(readings):
        at, code = divmod(reading, len(codes))
        # Of two cars on one millisecond, one may still show the previous flag.
        if code == current or (code == before and at == changes[-1][0]):
            continue
        changes.append((at, known[code], "recorded"))
        before, current = current, code
        if kind == "race" and known[code] == "chequered":
            break
    if kind == "race" and changes and changes[0][1] == "green":
        changes[0] = (0, "green", "reconstructed")
    return changes


def _winner_finished(laps: LapsFile) -> int:
    """Return the time at which the first car completed the most laps (ms)."""
    return min((-len(run.completed_at), run.completed_at[-1]) for run in laps.cars)[1]


def _draft_retirements(
    drafts: Drafts,
    laps: LapsFile,
    flags: Sequence[tuple[int, Flag, Basis]],
) -> None:
    """Draft the retirements of cars that never took the flag.

    Without a chequered flag (a file cut off) these are the cars overdue by its end.
    """
    chequered = [at for at, flag, _ in flags if flag == "chequered"]
    last_crossing = max(run.completed_at[-1] for run in laps.cars)
    median_laps = {name: median(times) for name, times in _laps_by_class(laps).items()}
    for run in sorted(laps.cars, key=lambda run: run.car):
        completed_at = run.completed_at[-1]
        # The next crossing was due a lap after the last.
        overdue_at = completed_at + ceil((1 + LAPS_OVERDUE) * median_laps[run.car_class])
        if completed_at < chequered[0] if chequered else overdue_at < last_crossing:
            drafts.add(
                CarRetired,
                overdue_at,
                car=run.car,
                reason=f"not seen since it completed lap {len(run.completed_at)}",
                basis="reconstructed",
            )


def _laps_by_class(laps: LapsFile) -> dict[str | None, list[int]]:
    times: dict[str | None, list[int]] = {}
    for run in laps.cars:
        times.setdefault(run.car_class, []).extend(run.lap_times)
    return times


def _classes(laps: LapsFile, results: ResultsFile | None, kind: SessionKind) -> tuple[str, ...]:
    """Return the classes, fastest first, then those whose cars have no laps."""
    pace = median if kind == "race" else min
    paces = {name: pace(times) for name, times in _laps_by_class(laps).items()}
    without_laps = [line.row.car_class for line in results.lines] if results else []
    names = [*sorted(paces, key=paces.__getitem__), *without_laps]
    return tuple(name for name in dict.fromkeys(names) if name)


def _drive_through(laps: LapsFile) -> int | None:
    """Return the time from lane entry to exit without stopping (ms), if it can be inferred."""
    visits = sorted(
        (pit_time, run.car)
        for run in laps.cars
        for lap, pit_time in enumerate(run.pit_times)
        if pit_time is not None and (lap == 0 or run.drivers[lap] == run.drivers[lap - 1])
    )
    if not visits:
        return None
    longest = median(pit_time for pit_time, _ in visits) * 7 // 10
    for (first, car), (second, other) in pairwise(visits):
        if first < longest and second * 100 <= first * 101 and car != other:
            return first
    return None


def _timing_lines(laps: LapsFile) -> tuple[str, ...]:
    timed = any(s1 is not None for run in laps.cars for s1 in run.sectors[0])
    return ("S1", "S2", FINISH_LINE) if timed else (FINISH_LINE,)


def _provenance(laps: LapsFile, results: ResultsFile | None) -> str:
    text = f"Al Kamel timing: {PurePath(laps.file).name}"
    return f"{text}, {PurePath(results.file).name}" if results else text


def _draft_entries(drafts: Drafts, laps: LapsFile, results: ResultsFile | None) -> None:
    runs = {run.car: run for run in laps.cars}
    lines = {line.row.car: line for line in results.lines} if results else {}
    for car in sorted(runs.keys() | lines.keys()):
        run, line = runs.get(car), lines.get(car)
        drafts.add(
            EntryAdded,
            0,
            car=car,
            car_class=run.car_class if run else line and line.row.car_class,
            team=run.team if run and run.team else line and line.team,
            vehicle=line and line.vehicle,
            manufacturer=run and run.manufacturer,
            drivers=_crew(run, line),
        )


def _crew(run: CarLaps | None, line: ResultFileRow | None) -> tuple[Driver, ...]:
    """Return the drivers by seat, with the names used in the laps file."""
    crew = {driver.number: driver for driver in line.crew} if line else {}
    for seat, name in (run.crew if run else {}).items():
        known = crew.get(seat)
        crew[seat] = (
            known.model_copy(update={"name": name}) if known else Driver(number=seat, name=name)
        )
    return tuple(crew[seat] for seat in sorted(crew))


def _check_same_session(laps: LapsFile, results: ResultsFile, kind: SessionKind) -> None:
    """Refuse the result of another session: one may take laps from a car, but never add any."""
    if (results.kind == "race") != (kind == "race"):
        reason = f"this is the result of a {results.kind}, the laps are of a {kind}"
        raise BadTimingFile(results.file, reason, line=1)
    completed = {run.car: len(run.completed_at) for run in laps.cars}
    for row, line, *_ in results.lines:
        if kind == "race" and row.laps > completed.get(row.car, 0):
            reason = f"{laps.file} has {completed.get(row.car, 0)} laps of car {row.car}"
            value = str(row.laps)
            raise BadTimingFile(results.file, reason, line=line, column="LAPS", value=value)


def _other_classes(laps: LapsFile, results: ResultsFile | None) -> list[Doubt]:
    """Return a doubt for each car whose class in the result is not that of the laps."""
    classes = {run.car: run.car_class for run in laps.cars}
    return [
        Doubt(
            results.file,
            line.line,
            "CLASS",
            line.row.car_class,
            f"the laps file has {classes[line.row.car]}",
            f"the car runs in {classes[line.row.car]}",
            line.row.car,
        )
        for line in (results.lines if results else ())
        if results and line.row.car_class and classes.get(line.row.car)
        if line.row.car_class != classes[line.row.car]
    ]


def _similar_names(laps: LapsFile | None, results: ResultsFile | None) -> list[Doubt]:
    """Return a doubt for each driver whose name nearly equals another's."""
    places: dict[str, tuple[str, int, str, str]] = {}
    if laps:
        for run in laps.cars:
            where = (laps.file, run.first_line, "DRIVER_NAME", run.car)
            places |= {name: where for name in run.crew.values() if name not in places}
    if results:
        for line in results.lines:
            where = (results.file, line.line, "DRIVER", line.row.car)
            places |= {one.name: where for one in line.crew if one.name not in places}
    return [
        Doubt(file, line, column, name, f"nearly the name of {other}", "kept as it is", car)
        for name, other in near_names(places)
        for file, line, column, car in (places[name],)
    ]


def _draft_doubts(drafts: Drafts, doubts: Sequence[Doubt]) -> None:
    for doubt in doubts:
        drafts.add(
            DataDoubted,
            doubt.at,
            file=PurePath(doubt.file).name,
            line=doubt.line,
            column=doubt.column,
            car=doubt.car,
            value=doubt.value,
            reason=doubt.reason,
            treatment=doubt.treatment,
        )


def _draft_end(drafts: Drafts, results: ResultsFile | None, at: int) -> None:
    if results is not None:
        drafts.add(
            ResultDeclared,
            at,
            status="final",
            rows=tuple(line.row for line in results.lines),
            rests_on=f"the official result, {PurePath(results.file).name}",
            rows_basis="published",
            basis="published",
        )
    drafts.add(SessionEnded, at)
