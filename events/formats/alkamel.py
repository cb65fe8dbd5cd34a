"""Parser of Al Kamel laps files (``23_*``).

The two dialects differ only in the separator: the timing service's own files have ``;``
(with CRLF and a byte-order mark), copies published by IMSA have ``,``. Columns are found by
their headings. ``events.formats.alkamel_events`` translates the parsed files to events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import sub

from events.clock import format_lap_time
from events.errors import BadTimingFile
from events.formats.doubts import Doubt, bounded
from events.formats.headings import CAR_HEADINGS
from events.formats.table import TimingTable, car_number, headings_of, read_table
from events.running import MOST_KPH, MOST_LAPS
from events.track import Flag

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
ROUNDING_MS = 2
"""Tolerance between times of a file, each of which was rounded on its own."""

LAPS_COLUMNS = ("NUMBER", "LAP_NUMBER", "LAP_TIME", "ELAPSED")
"""What a laps file must have: the order of the cars rests on it."""
OPTIONAL_LAPS_COLUMNS = (
    *("DRIVER_NUMBER", "CROSSING_FINISH_LINE_IN_PIT", "S1", "S2", "S3", "HOUR", "DRIVER_NAME"),
    *("PIT_TIME", "CLASS", "GROUP", "TEAM", "MANUFACTURER", "FLAG_AT_FL", "TOP_SPEED"),
)

LAPS_HEADINGS = {"LAP_TIME", "LAPTIME", "LAP_NUMBER"}
"""A result has none of them."""
OTHER_LAPS_HEADINGS = {
    "NUMBER": CAR_HEADINGS,
    "LAP_NUMBER": ("LAP", "LAP_NO", "LAP_NR", "LAPNUMBER"),
    "LAP_TIME": ("LAPTIME", "TIME"),
    "CROSSING_FINISH_LINE_IN_PIT": ("CROSSING_PIT_FINISH_LANE",),
    "TOP_SPEED": ("TOP_SPEED_KPH",),
    "ELAPSED": ("ELAPSED_TIME", "SESSION_ELAPSED", "TOTAL_TIME"),
    "S1": ("SECTOR_1", "SECTOR1"),
    "S2": ("SECTOR_2", "SECTOR2"),
    "S3": ("SECTOR_3", "SECTOR3"),
    "DRIVER_NAME": ("DRIVER", "PILOT", "PILOTE", "PILOTO", "PILOTA", "FAHRER", "NAME"),
    "CLASS": ("CLASS_TYPE", "CATEGORY"),
    "GROUP": ("SUBCLASS", "SUB_CLASS"),
    "TEAM": ("TEAM_NAME", "ENTRANT"),
    "MANUFACTURER": ("MAKE", "BRAND"),
    "FLAG_AT_FL": ("FLAG",),
}
"""Other headings of these columns, used where a file lacks its own."""

SECTORS = ("S1", "S2", "S3")
FLAGS: dict[str, Flag | None] = {
    "GF": "green",
    "FCY": "fcy",
    "SF": "safety_car",
    "RF": "red",
    "FF": "chequered",
    "": None,
}
IN_PIT_LANE = {"B": True, "": False, "1": True, "0": False}
"""``B``, or in JSON whether it is so."""
MOST_SEATS = 9


@dataclass(frozen=True, slots=True)
class CarLaps:
    """One car's laps, times in ms, speeds in km/h; element i of each list belongs to lap i + 1.

    ``sectors`` are S1 to S3, None where a loop missed the car; ``crew`` maps seats to names.
    Lap i + 1 is on line ``lines[i]`` of the file.
    """

    car: str
    car_class: str | None
    subclass: str | None
    team: str | None
    manufacturer: str | None
    crew: dict[int, str]
    lines: Sequence[int]
    started_at: list[int]
    completed_at: list[int]
    lap_times: list[int]
    sectors: tuple[list[int | None], list[int | None], list[int | None]]
    drivers: list[str | None]
    in_pit_lane: list[bool]
    pit_times: list[int | None]
    flags: list[Flag | None]
    top_speeds: list[float | None]


@dataclass(frozen=True, slots=True)
class LapsFile:
    """The laps of a session, by car in the order of the file.

    ``start_of_day_ms`` is the local time of day of the session's start in ms, None without the
    column HOUR; ``has_flags`` is False for the older form of the file, without the column
    FLAG_AT_FL. ``doubts`` are the values that were left out, or replaced.
    """

    file: str
    cars: tuple[CarLaps, ...]
    start_of_day_ms: int | None
    has_flags: bool
    doubts: tuple[Doubt, ...] = ()


def parse_laps(text: str, file: str) -> LapsFile:
    """Parse and check the laps of a session (``23_*`` files).

    ``file`` is the name given in errors. Raises BadTimingFile for text that is not such a file,
    and where what the order rests on does not hold: laps of a car not numbered 1 to n, an
    ELAPSED that does not grow, or that is contradicted by the lap times and not confirmed by
    HOUR or the sectors. Anything else that cannot be right is a doubt: LAP_TIME is replaced by
    the time between the two crossings, other values are left out.
    """
    headings = headings_of(text)
    if not headings.isdisjoint({"POSITION", "POS"}) and not headings & LAPS_HEADINGS:
        raise BadTimingFile(file, "this is a result file; a laps file is expected here", line=1)
    table = read_table(
        text,
        file,
        required=LAPS_COLUMNS,
        optional=OPTIONAL_LAPS_COLUMNS,
        aliases=OTHER_LAPS_HEADINGS,
    )
    completed_at = table.given_times("ELAPSED")
    runs = _runs(table)
    for car, first, end in runs:
        _check_lap_numbers(table, car, first, end)
        _check_elapsed(table, completed_at, first, end)
    s1, s2, s3 = (table.doubtful_times(column) for column in SECTORS)
    start_of_day_ms, off_the_hour = _start_of_day(table, completed_at)
    lap_times = _lap_times(table, runs, completed_at, (s1, s2, s3), off_the_hour)
    _check_sectors(table, lap_times, s1, s2, s3)
    pit_times = table.doubtful_times("PIT_TIME")
    drivers, classes = table.doubtful_names("DRIVER_NAME"), table.doubtful_names("CLASS")
    groups = table.doubtful_names("GROUP")
    teams, makes = table.doubtful_names("TEAM"), table.doubtful_names("MANUFACTURER")
    in_pit_lane = table.doubtful_codes("CROSSING_FINISH_LINE_IN_PIT", IN_PIT_LANE, default=False)
    top_speeds = table.doubtful_speeds("TOP_SPEED", MOST_KPH)
    flags = table.doubtful_codes("FLAG_AT_FL", FLAGS, default=None)
    cars = tuple(
        CarLaps(
            car=car,
            car_class=_of_car(table, "CLASS", classes, first, end),
            subclass=_of_car(table, "GROUP", groups, first, end),
            team=_of_car(table, "TEAM", teams, first, end),
            manufacturer=_of_car(table, "MANUFACTURER", makes, first, end),
            crew=_crew(table, first, end, drivers),
            lines=table.lines[first:end],
            started_at=[0, *completed_at[first : end - 1]],
            completed_at=completed_at[first:end],
            lap_times=lap_times[first:end],
            sectors=(s1[first:end], s2[first:end], s3[first:end]),
            drivers=drivers[first:end],
            in_pit_lane=in_pit_lane[first:end],
            pit_times=pit_times[first:end],
            flags=flags[first:end],
            top_speeds=top_speeds[first:end],
        )
        for car, first, end in runs
    )
    doubts = _placed(table, runs, completed_at)
    return LapsFile(file, cars, start_of_day_ms, "FLAG_AT_FL" in table, doubts)


def _runs(table: TimingTable) -> list[tuple[str, int, int]]:
    """Return each car with its first row and the row after its last; rows are grouped by car."""
    runs: dict[str, tuple[str, int, int]] = {}
    first = 0
    for _, run in groupby(table["NUMBER"]):
        end = first + sum(1 for _ in run)
        car = car_number(table, first)
        if car in runs:
            raise table.fault(first, "LAP_NUMBER", f"laps of car {car} are not in one block")
        runs[car] = (car, first, end)
        first = end
    return [*runs.values()]


def _check_lap_numbers(table: TimingTable, car: str, first: int, end: int) -> None:
    numbers = table["LAP_NUMBER"][first:end]
    if len(numbers) > MOST_LAPS:
        raise table.fault(first + MOST_LAPS, "LAP_NUMBER", f"more than {MOST_LAPS} laps of a car")
    for lap, number in enumerate(numbers, 1):
        row = first + lap - 1
        if number != str(lap) and table.count(row, "LAP_NUMBER", MOST_LAPS) != lap:
            is_repeated = 0 < table.count(row, "LAP_NUMBER", MOST_LAPS) < lap
            fault = "repeated lap" if is_repeated else "gap in the laps"
            raise table.fault(row, "LAP_NUMBER", f"{fault}: lap {lap} of car {car} expected here")


def _check_elapsed(table: TimingTable, completed_at: Sequence[int], first: int, end: int) -> None:
    own = completed_at[first:end]
    if own[0] > 0 and sorted(set(own)) == own:
        return
    for row, (before, at) in enumerate(pairwise([0, *own]), first):
        if at <= before:
            raise table.fault(row, "ELAPSED", "impossible time: not after the lap before")


def _lap_times(
    table: TimingTable,
    runs: Sequence[tuple[str, int, int]],
    completed_at: Sequence[int],
    sectors: Sequence[Sequence[int | None]],
    off_the_hour: Container[int] | None,
) -> list[int]:
    """Return LAP_TIME where it is the time since the crossing before, which replaces any other.

    ``off_the_hour`` are the rows whose HOUR does not confirm ELAPSED; None without HOUR.
    """
    between = "replaced by the time between the two crossings"
    printed = table.doubtful_times("LAP_TIME", between)
    spent_on: list[int] = []
    for _, first, end in runs:
        own = completed_at[first:end]
        spent_on += map(sub, own, [0, *own[:-1]])
    if printed == spent_on:
        return spent_on
    lap_times: list[int] = []
    for row, (spent, lap_time) in enumerate(zip(spent_on, printed, strict=True)):
        if lap_time is None:
            if not table["LAP_TIME"][row]:
                table.doubt(row, "LAP_TIME", "missing time", between)
            lap_time = spent
        elif not -ROUNDING_MS <= spent - lap_time <= ROUNDING_MS:
            by_hour = off_the_hour is not None and row not in off_the_hour
            if not by_hour and not _add_up(spent, *(sector[row] for sector in sectors)):
                reason = "impossible time: not the sum of the car's lap times"
                raise table.fault(row, "ELAPSED", reason)
            table.doubt(row, "LAP_TIME", "not the time since the crossing before", between)
            lap_time = spent
        lap_times.append(lap_time)
    return lap_times


def _add_up(lap_time: int, s1: int | None, s2: int | None, s3: int | None) -> bool:
    """Whether all three sectors were timed and make up this lap."""
    if s1 is None or s2 is None or s3 is None:
        return False
    return s1 + s2 <= lap_time and -ROUNDING_MS <= s1 + s2 + s3 - lap_time <= ROUNDING_MS


def _check_sectors(
    table: TimingTable,
    lap_times: Sequence[int],
    s1: list[int | None],
    s2: list[int | None],
    s3: list[int | None],
) -> None:
    """Leave out the sectors of each lap that they do not make up: one is wrong, none is known."""
    for row, (lap, first, second, third) in enumerate(zip(lap_times, s1, s2, s3, strict=True)):
        if first is None or second is None or third is None:
            sound = (first or 0) + (second or 0) + (third or 0) <= lap
        else:
            to_s2 = first + second
            sound = to_s2 <= lap and -ROUNDING_MS <= to_s2 + third - lap <= ROUNDING_MS
        if not sound:
            value = " + ".join(table[column][row] or "-" for column in SECTORS if column in table)
            reason = f"the sectors do not make up the lap of {format_lap_time(lap)}"
            table.doubt(row, "S1", reason, "all sectors of the lap are left out", value=value)
            s1[row] = s2[row] = s3[row] = None


def _start_of_day(
    table: TimingTable, elapsed: Sequence[int]
) -> tuple[int | None, Container[int] | None]:
    """Return HOUR - ELAPSED in ms of day, and the rows with another; None without HOUR.

    HOUR wraps at midnight, and shifts by an hour when summer time begins or ends.
    """
    if "HOUR" not in table:
        return None, None
    hours = table.doubtful_times("HOUR", zero=True)
    starts = [
        None if hour is None else (hour - at) % DAY_MS
        for hour, at in zip(hours, elapsed, strict=True)
    ]
    if len(set(starts)) == 1 and starts[0] is not None:
        return starts[0], frozenset()
    counts = Counter(start for start in starts if start is not None)
    if not counts:
        return None, None
    first = next(start for start in starts if start is not None)
    candidates = (first, counts.most_common(1)[0][0])
    start = min(candidates, key=lambda one: sum(counts[other] for other in _apart(counts, one)))
    off = _apart(counts, start)
    rows = {row for row, other in enumerate(starts) if other is None or other in off}
    for row in sorted(rows):
        if starts[row] is not None:
            table.doubt(row, "HOUR", "HOUR - ELAPSED is not what it is on the other lines")
    return start, rows


def _apart(starts: Iterable[int], start: int) -> set[int]:
    """Return the times of day that are not this start, nor an hour beside it."""
    return {
        other
        for other in starts
        if (apart := abs((other - start + DAY_MS // 2) % DAY_MS - DAY_MS // 2)) > ROUNDING_MS
        and abs(apart - HOUR_MS) > ROUNDING_MS
    }


def _of_car(
    table: TimingTable, column: str, values: Sequence[str | None], first: int, end: int
) -> str | None:
    """Return what most rows of a car have in a column, with a doubt about the first other."""
    own = values[first:end]
    if len(set(own)) == 1:
        return own[0]
    [(most, _)] = Counter(value for value in own if value is not None).most_common(1)
    row = next((row for row in range(first, end) if values[row] not in (None, most)), None)
    if row is not None:
        table.doubt(row, column, "not what most rows of the car say", f"replaced by {most}")
    return most


def _crew(
    table: TimingTable, first: int, end: int, drivers: Sequence[str | None]
) -> dict[int, str]:
    """Return seat to name of the drivers who drove; seat 0 or blank is an unknown driver.

    Without the column DRIVER_NUMBER the seats are in the order in which they drove.
    """
    if "DRIVER_NUMBER" not in table:
        named = dict.fromkeys(name for name in drivers[first:end] if name)
        return dict(enumerate([*named][:MOST_SEATS], 1))
    seats = table["DRIVER_NUMBER"]
    rows = dict(zip(seats[first:end], range(first, end), strict=True)).values()
    seated = ((_seat(table, row), drivers[row]) for row in rows)
    return {seat: name for seat, name in sorted(seated) if seat and name}


def _seat(table: TimingTable, row: int) -> int:
    cell = table["DRIVER_NUMBER"][row].strip().removesuffix(".0") or "0"
    if cell.isascii() and cell.isdigit() and len(cell) <= 9 and int(cell) <= MOST_SEATS:
        return int(cell)
    table.doubt(row, "DRIVER_NUMBER", f"not a whole number of at most {MOST_SEATS}")
    return 0


def _placed(
    table: TimingTable, runs: Sequence[tuple[str, int, int]], completed_at: Sequence[int]
) -> tuple[Doubt, ...]:
    """Return the doubts with car and session time, in the order of the lines."""
    if not table.doubts:
        return ()
    places = {
        table.lines[row]: (car, completed_at[row])
        for car, first, end in runs
        for row in range(first, end)
    }
    of_no_row = None, 0
    doubts = sorted(table.doubts, key=lambda doubt: doubt.line)
    return bounded(
        replace(doubt, car=car, at=at)
        for doubt in doubts
        for car, at in (places.get(doubt.line, of_no_row),)
    )
