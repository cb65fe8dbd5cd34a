"""Translation of Al Kamel timing files to the events of a session.

The laps file has a row for each completed lap: car, class, team, make; lap time; the
three sector times; the time since the start (``ELAPSED``) and the local time (``HOUR``)
at the finish line; the driver; whether the line was crossed in the pit lane (``B``); the
flag shown at the line; and ``PIT_TIME``, the length of a visit to the lane.

Basis ``recorded``: the file's own times, and their sums and differences:

- LapCompleted is at ELAPSED, whose 0 is the start of the session.
- LinePassed S1 is at lap start + S1; S2 at lap start + S1 + S2, or at lap end - S3 where
  a loop missed the car (a missed loop blanks the two sectors beside it).
- TopSpeedMeasured is at ELAPSED of the lap on which the car was faster than on any before
  (``TOP_SPEED``, in km/h as ``KPH``).
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

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from math import ceil
from pathlib import PurePath
from statistics import median
from typing import NamedTuple, cast

from pydantic import ValidationError

from events.base import Basis
from events.catalogue import RaceEvent
from events.drafts import Drafts
from events.errors import BadTimingFile
from events.formats.alkamel import FLAGS, CarLaps, LapsFile
from events.formats.alkamel_companions import (
    WEATHER_COLUMNS,
    Companions,
    GridFile,
    RaceControlFile,
    WeatherFile,
)
from events.formats.alkamel_race_control import on_session_clock, with_one_end
from events.formats.alkamel_results import ResultFileRow, ResultsFile
from events.formats.alkamel_visits import (
    Crossings,
    LaneVisit,
    VisitsByCar,
    timed_crossings,
    with_recorded_visits,
    with_visits,
)
from events.formats.doubts import Doubt, bounded, shortened
from events.formats.names import near_names
from events.running import (
    CarRetired,
    DriverChanged,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    TopSpeedMeasured,
)
from events.session import (
    FINISH_LINE,
    DataDoubted,
    Driver,
    EntryAdded,
    GridSet,
    ResultDeclared,
    SessionEnded,
    SessionKind,
    SessionOpened,
)
from events.track import Flag, FlagShown, RaceControlMessage, WeatherMeasured

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
    season: str | None = None,
    round_number: int | None = None,
    rules: str | None = None,
    time_limit_ms: int | None = None,
    starts_at: datetime | None = None,
    zone: str | None = None,
    companions: Companions | None = None,
    source: str = SOURCE,
) -> list[RaceEvent]:
    """Return the events of a session, ordered by time, rank of the type, and car.

    Their ``source_seq`` is 0, 1, 2... in that order: the same files always give the same
    events. Classes are listed fastest first, by the median lap of a race, else by the best.
    ``rules`` names the regulation pack; ``starts_at`` is the wall-clock time of session clock 0
    with its offset, ``zone`` the name of its time zone. What ``companions`` have replaces what
    is inferred otherwise. Raises BadTimingFile where the files contradict each other.
    """
    beside = companions or Companions()
    if results is not None:
        _check_same_session(laps, results, kind)
    drafts = Drafts(source)
    if kind == "race":
        laps = with_one_end(laps)
    crossings = {run.car: timed_crossings(run) for run in laps.cars}
    laps, visits = with_visits(laps, crossings)
    if beside.pits:
        visits, doubts = with_recorded_visits(laps, visits, beside.pits)
        _draft_doubts(drafts, doubts)
    _draft_running(drafts, laps, crossings, visits, kind)
    _draft_doubts(drafts, [*laps.doubts, *(results.doubts if results else ())])
    _draft_doubts(drafts, [*_other_classes(laps, results), *_similar_names(laps, results)])
    flags = _draft_race_control(drafts, laps, kind, beside.race_control)
    _draft_grid(drafts, laps, results, beside.grid)
    if kind == "race":
        _draft_retirements(drafts, laps, flags)
    drafts.add(
        SessionOpened,
        0,
        title=title,
        series=series,
        season=season,
        round=round_number,
        kind=kind,
        time_limit_ms=time_limit_ms,
        classes=_classes(laps, results, kind),
        timing_lines=_timing_lines(laps),
        drive_through_ms=_drive_through(laps),
        rules=rules,
        starts_at=starts_at,
        zone=zone,
        provenance=_provenance(laps, results, beside),
    )
    _draft_entries(drafts, laps, results)
    ended_at = drafts.latest()
    _draft_weather(drafts, beside.weather, starts_at, ended_at)
    _draft_end(drafts, results, ended_at)
    return cast("list[RaceEvent]", drafts.events())


def result_events(
    results: ResultsFile,
    *,
    title: str,
    series: str | None = None,
    season: str | None = None,
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
        season=season,
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
            subclass=line.subclass,
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


class _Split(NamedTuple):
    """The crossings of S1 and S2 as fractions of the lap time."""

    s1: float
    s2: float


def _draft_running(
    drafts: Drafts,
    laps: LapsFile,
    crossings: Mapping[str, Crossings],
    visits: VisitsByCar,
    kind: SessionKind,
) -> None:
    # `Drafts` requires cars in the order of their numbers.
    for run in sorted(laps.cars, key=lambda run: run.car):
        timed, own = crossings[run.car], visits[run.car]
        _draft_crossings(drafts, run, timed, kind)
        _draft_missed_crossings(drafts, laps, run, timed, own)
        for basis in dict.fromkeys(visit.basis for visit in own):
            shared: dict[str, object] = {"car": run.car, "basis": basis}
            of_basis = [visit for visit in own if visit.basis == basis]
            exits = [visit.exited_at for visit in of_basis if visit.exited_at is not None]
            drafts.add_all(PitEntered, [visit.entered_at for visit in of_basis], shared)
            drafts.add_all(PitExited, exits, shared)
        _draft_drivers(drafts, run)
        _draft_top_speeds(drafts, run)


def _draft_crossings(drafts: Drafts, run: CarLaps, timed: Crossings, kind: SessionKind) -> None:
    lap_times: list[int | None] = list(run.lap_times)
    if kind != "race":
        # Of 4,182 rows of official results of practice and qualifying, 2 have lap 1 as the best:
        # it begins with the session, in the pits.
        lap_times[0] = None
    drafts.add_laps(LinePassed, timed.s1, {"car": run.car, "line": "S1"})
    drafts.add_laps(LinePassed, timed.s2, {"car": run.car, "line": "S2"})
    drafts.add_laps(
        LapCompleted,
        run.completed_at,
        {"car": run.car},
        lap_time_ms=lap_times,
        driver=run.drivers,
        in_pit_lane=run.in_pit_lane,
    )


def _draft_missed_crossings(
    drafts: Drafts, laps: LapsFile, run: CarLaps, timed: Crossings, visits: Sequence[LaneVisit]
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


def _draft_drivers(drafts: Drafts, run: CarLaps) -> None:
    before = None
    for at, driver in zip(run.started_at, run.drivers, strict=True):
        if driver is not None and driver != before:
            drafts.add(DriverChanged, at, car=run.car, driver=driver, basis="reconstructed")
            before = driver


def _draft_top_speeds(drafts: Drafts, run: CarLaps) -> None:
    """Draft each lap on which the car was faster than before."""
    top = 0.0
    for lap, (at, speed) in enumerate(zip(run.completed_at, run.top_speeds, strict=True), 1):
        if speed is not None and speed > top:
            drafts.add(TopSpeedMeasured, at, car=run.car, lap=lap, speed_kph=speed)
            top = speed


# --- The whole session ---------------------------------------------------------------------


def _draft_race_control(
    drafts: Drafts, laps: LapsFile, kind: SessionKind, control: RaceControlFile | None
) -> list[tuple[int, Flag, Basis]]:
    """Draft flags and messages; return the flags for the whole track."""
    flags = _flags(laps, kind)
    if control is not None:
        record = on_session_clock(control, laps, is_race=kind == "race")
        _draft_doubts(drafts, record.doubts)
        for at, text, car, basis in record.messages:
            drafts.add(RaceControlMessage, at, text=text, car=car, basis=basis)
        for one in record.flags:
            if one.sector is not None:
                drafts.add(FlagShown, one.at, flag=one.flag, sector=one.sector, basis=one.basis)
        recorded = [(one.at, one.flag, one.basis) for one in record.flags if one.sector is None]
        if recorded and kind == "race" and all(flag != "chequered" for _, flag, _ in recorded):
            recorded += [flag for flag in flags if flag[1] == "chequered"]
        flags = recorded or flags
    for at, flag, basis in flags:
        drafts.add(FlagShown, at, flag=flag, basis=basis)
    return flags


def _draft_grid(
    drafts: Drafts, laps: LapsFile, results: ResultsFile | None, grid: GridFile | None
) -> None:
    """Draft the starting order of the cars that are entered."""
    if grid is None:
        return
    entered = {run.car for run in laps.cars}
    entered |= {line.row.car for line in results.lines} if results else set()
    reason = "no such car in laps or results"
    unknown = [(car, line) for car, line in grid.cars if car not in entered]
    _draft_doubts(drafts, grid.doubts)
    _draft_doubts(drafts, [Doubt(grid.file, line, "NUMBER", car, reason) for car, line in unknown])
    drafts.add(GridSet, 0, order=tuple(car for car, _ in grid.cars if car in entered))


def _draft_weather(
    drafts: Drafts, weather: WeatherFile | None, starts_at: datetime | None, ended_at: int
) -> None:
    """Draft the weather of the session; without the wall-clock time of its start it has none."""
    if weather is None:
        return
    _draft_doubts(drafts, weather.doubts)
    if starts_at is None:
        reason = "day or time zone of the start are not known"
        _draft_doubts(drafts, [Doubt(weather.file, 1, "TIME_UTC_SECONDS", "", reason)])
        return
    start_s = starts_at.timestamp()
    doubts: list[Doubt] = []
    for row in weather.rows:
        at = round((row.utc_s - start_s) * 1000)
        if 0 <= at <= ended_at:
            measured = row._asdict()
            del measured["line"], measured["utc_s"]
            try:
                drafts.add(WeatherMeasured, at, **measured)
            except ValidationError as invalid:
                for fault in invalid.errors():
                    member, value = str(fault["loc"][0]), str(fault["input"])
                    del measured[member]
                    reason = "outside what instruments measure"
                    column = WEATHER_COLUMNS[member]
                    doubts.append(Doubt(weather.file, row.line, column, value, reason, at=at))
                if any(value is not None for value in measured.values()):
                    drafts.add(WeatherMeasured, at, **measured)
    _draft_doubts(drafts, doubts)


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


def _provenance(laps: LapsFile, results: ResultsFile | None, companions: Companions) -> str:
    files = [laps.file, *((results.file,) if results else ()), *companions.files]
    return f"Al Kamel timing: {', '.join(PurePath(file).name for file in files)}"


def _draft_entries(drafts: Drafts, laps: LapsFile, results: ResultsFile | None) -> None:
    runs = {run.car: run for run in laps.cars}
    lines = {line.row.car: line for line in results.lines} if results else {}
    for car in sorted(runs.keys() | lines.keys()):
        run, line = runs.get(car), lines.get(car)
        drafts.add(
            EntryAdded,
            0,
            car=car,
            car_class=(run and run.car_class) or (line and line.row.car_class),
            subclass=(run and run.subclass) or (line and line.subclass),
            team=run.team if run and run.team else line and line.team,
            vehicle=line and line.vehicle,
            manufacturer=(run and run.manufacturer) or (line and line.manufacturer),
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
            where = (laps.file, run.lines[0], "DRIVER_NAME", run.car)
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
    for doubt in bounded(doubts):
        drafts.add(
            DataDoubted,
            doubt.at,
            file=PurePath(doubt.file).name,
            line=doubt.line,
            column=shortened(doubt.column) or None,
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
