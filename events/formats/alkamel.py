"""Parser of Al Kamel timing files: a session's laps and its official result.

The two dialects differ only in the separator: the timing service's own files have ``;``
(with CRLF and a byte-order mark), copies published by IMSA have ``,``. Columns are found by
their headings. ``events.formats.alkamel_events`` translates the parsed files to events.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from events.base import CarNumber
from events.errors import BadTimingFile
from events.formats.table import TimingTable, read_table
from events.running import MOST_LAPS
from events.session import Driver, ResultRow, ResultStatus, SessionKind
from events.track import Flag

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
ROUNDING_MS = 2
"""Tolerance between times of a file, each of which was rounded on its own."""

LAPS_COLUMNS = (
    *("NUMBER", "DRIVER_NUMBER", "LAP_NUMBER", "LAP_TIME", "CROSSING_FINISH_LINE_IN_PIT"),
    *("S1", "S2", "S3", "ELAPSED", "HOUR", "DRIVER_NAME", "PIT_TIME", "CLASS", "TEAM"),
    "MANUFACTURER",
)
RACE_RESULT_COLUMNS = (
    *("POSITION", "NUMBER", "STATUS", "LAPS", "TOTAL_TIME", "FL_LAPNUM", "FL_TIME"),
    *("TEAM", "CLASS", "VEHICLE"),
)
QUALIFYING_RESULT_COLUMNS = ("POS", "NUMBER", "LAP", "TIME", "LAPS", "TEAM", "CLASS", "VEHICLE")

FLAGS: dict[str, Flag | None] = {
    "GF": "green",
    "FCY": "fcy",
    "SF": "safety_car",
    "RF": "red",
    "FF": "chequered",
    "": None,
}
IN_PIT_LANE = {"B": True, "": False}
STATUSES: dict[str, ResultStatus] = {
    "classified": "classified",
    "not classified": "not_classified",
    "retired": "retired",
    "not started": "not_started",
    "disqualified": "disqualified",
    "excluded": "disqualified",
    "withdrawn": "withdrawn",
}
MOST_SEATS = 9
DRIVER_PARTS = ("FIRSTNAME", "SECONDNAME", "SHORTNAME", "COUNTRY", "LICENSE")
DRIVER_COLUMNS = tuple(
    f"DRIVER{seat}_{part}" for seat in range(1, MOST_SEATS + 1) for part in DRIVER_PARTS
)
MOST_CARS = 1000

_CAR_NUMBER: TypeAdapter[str] = TypeAdapter(CarNumber)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CarLaps:
    """One car's laps, times in ms; element i of each list belongs to lap i + 1.

    ``sectors`` are S1 to S3, None where a loop missed the car; ``crew`` maps seats to names.
    Lap i + 1 is on line ``first_line`` + i of the file.
    """

    car: str
    car_class: str | None
    team: str | None
    manufacturer: str | None
    crew: dict[int, str]
    first_line: int
    started_at: list[int]
    completed_at: list[int]
    lap_times: list[int]
    sectors: tuple[list[int | None], list[int | None], list[int | None]]
    drivers: list[str | None]
    in_pit_lane: list[bool]
    pit_times: list[int | None]
    flags: list[Flag | None]


@dataclass(frozen=True, slots=True)
class LapsFile:
    """The laps of a session, by car in the order of the file.

    ``start_of_day_ms`` is the local time of day of the session's start in ms; ``has_flags`` is
    False for the older form of the file, without the column FLAG_AT_FL.
    """

    file: str
    cars: tuple[CarLaps, ...]
    start_of_day_ms: int
    has_flags: bool


class ResultFileRow(NamedTuple):
    """One car of a result file, with the facts about the car that only this file has."""

    row: ResultRow
    line: int
    team: str | None
    vehicle: str | None
    crew: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """An official result of a race or of qualifying, in finishing order."""

    file: str
    kind: SessionKind
    lines: tuple[ResultFileRow, ...]


def parse_laps(text: str, file: str) -> LapsFile:
    """Parse and check the laps of a session (``23_*`` files).

    ``file`` is the name given in errors. Raises BadTimingFile for text that is not such a file,
    and for inconsistent content: laps of a car not numbered 1 to n, an ELAPSED that is not the
    sum of the lap times, sectors that do not add up to the lap, an HOUR that is not the start
    plus ELAPSED.
    """
    if not _headings(text).isdisjoint({"POSITION", "POS"}):
        raise BadTimingFile(file, "this is a result file; a laps file is expected here", line=1)
    table = read_table(text, file, required=LAPS_COLUMNS, optional=("FLAG_AT_FL",))
    has_flags = "FLAG_AT_FL" in table
    completed_at = table.given_times("ELAPSED")
    lap_times = table.given_times("LAP_TIME")
    s1, s2, s3 = (table.times(column) for column in ("S1", "S2", "S3"))
    pit_times = table.times("PIT_TIME")
    drivers, classes = table.names("DRIVER_NAME"), table.names("CLASS")
    teams, makes = table.names("TEAM"), table.names("MANUFACTURER")
    in_pit_lane = _coded(table, "CROSSING_FINISH_LINE_IN_PIT", IN_PIT_LANE)
    flags: list[Flag | None] = [None] * table.rows
    if has_flags:
        flags = _coded(table, "FLAG_AT_FL", FLAGS)
    for column, times in (("LAP_TIME", lap_times), ("S1", s1), ("S2", s2), ("S3", s3)):
        if 0 in times:
            raise table.fault(times.index(0), column, "impossible time")
    _check_sectors(table, lap_times, s1, s2, s3)
    cars: dict[str, CarLaps] = {}
    for car, first, end in _runs(table):
        if car in cars:
            raise table.fault(first, "LAP_NUMBER", f"laps of car {car} are not in one block")
        _check_lap_numbers(table, first, end)
        _check_elapsed(table, first, completed_at[first:end], lap_times[first:end])
        cars[car] = CarLaps(
            car=car,
            car_class=classes[first],
            team=teams[first],
            manufacturer=makes[first],
            crew=_crew(table, first, end, drivers),
            first_line=first + 2,
            started_at=[0, *completed_at[first : end - 1]],
            completed_at=completed_at[first:end],
            lap_times=lap_times[first:end],
            sectors=(s1[first:end], s2[first:end], s3[first:end]),
            drivers=drivers[first:end],
            in_pit_lane=in_pit_lane[first:end],
            pit_times=pit_times[first:end],
            flags=flags[first:end],
        )
    start_of_day_ms = _start_of_day(table, completed_at)
    return LapsFile(file, tuple(cars.values()), start_of_day_ms, has_flags)


def parse_results(text: str, file: str) -> ResultsFile:
    """Parse an official result (``03_*`` and ``05_*`` files; heading ``POS`` is qualifying).

    ``file`` is the name given in errors. Raises BadTimingFile.
    """
    headings = _headings(text)
    if "LAP_TIME" in headings:
        raise BadTimingFile(file, "this is a laps file; a result file is expected here", line=1)
    if "POS" in headings:
        table = read_table(text, file, required=QUALIFYING_RESULT_COLUMNS, beyond=DRIVER_COLUMNS)
        return ResultsFile(file, "qualifying", _result_lines(table, _qualifying_rows(table)))
    table = read_table(text, file, required=RACE_RESULT_COLUMNS, beyond=DRIVER_COLUMNS)
    return ResultsFile(file, "race", _result_lines(table, _race_rows(table)))


def _headings(text: str) -> set[str]:
    heading = text.removeprefix("\ufeff").split("\n", 1)[0]
    return {name.strip() for name in re.split("[;,]", heading)}


def _coded(table: TimingTable, column: str, codes: dict[str, T]) -> list[T]:
    cells = table[column]
    if not codes.keys() >= set(cells):
        row = next(row for row, cell in enumerate(cells) if cell not in codes)
        known = ", ".join(filter(None, codes))
        raise table.fault(row, column, f"unknown code; expected {known} or an empty cell")
    return [*map(codes.__getitem__, cells)]


def _runs(table: TimingTable) -> list[tuple[str, int, int]]:
    """Return each car with its first row and the row after its last; rows are grouped by car."""
    runs: list[tuple[str, int, int]] = []
    first = 0
    for _, run in groupby(table["NUMBER"]):
        end = first + sum(1 for _ in run)
        runs.append((_car_number(table, first), first, end))
        first = end
    return runs


def _car_number(table: TimingTable, row: int) -> str:
    try:
        return _CAR_NUMBER.validate_python(table["NUMBER"][row].strip())
    except ValidationError:
        raise table.fault(row, "NUMBER", "not a car number of 1 to 16 characters") from None


def _check_lap_numbers(table: TimingTable, first: int, end: int) -> None:
    numbers = table["LAP_NUMBER"][first:end]
    if len(numbers) > MOST_LAPS:
        raise table.fault(first + MOST_LAPS, "LAP_NUMBER", f"more than {MOST_LAPS} laps of a car")
    for lap, number in enumerate(numbers, 1):
        if number != str(lap):
            row = first + lap - 1
            is_repeated = 0 < table.count(row, "LAP_NUMBER", MOST_LAPS) < lap
            fault = "repeated lap" if is_repeated else "gap in the laps"
            car = table["NUMBER"][row]
            raise table.fault(row, "LAP_NUMBER", f"{fault}: lap {lap} of car {car} expected here")


def _check_elapsed(
    table: TimingTable, first: int, completed_at: Sequence[int], lap_times: Sequence[int]
) -> None:
    before = 0
    for index, (at, lap_time) in enumerate(zip(completed_at, lap_times, strict=True)):
        if not -ROUNDING_MS <= at - before - lap_time <= ROUNDING_MS:
            reason = "impossible time: not the sum of the car's lap times"
            raise table.fault(first + index, "ELAPSED", reason)
        before = at


def _check_sectors(
    table: TimingTable,
    lap_times: Sequence[int],
    s1: Sequence[int | None],
    s2: Sequence[int | None],
    s3: Sequence[int | None],
) -> None:
    for row, (lap, first, second, third) in enumerate(zip(lap_times, s1, s2, s3, strict=True)):
        if first is None or second is None or third is None:
            sound = (first or 0) + (second or 0) + (third or 0) <= lap
        else:
            to_s2 = first + second
            sound = to_s2 <= lap and -ROUNDING_MS <= to_s2 + third - lap <= ROUNDING_MS
        if not sound:
            raise table.fault(row, "LAP_TIME", "impossible time: not the sum of S1, S2 and S3")


def _start_of_day(table: TimingTable, elapsed: Sequence[int]) -> int:
    """Return HOUR - ELAPSED in ms of day, which is the same for every crossing.

    HOUR wraps at midnight, and shifts by an hour when summer time begins or ends.
    """
    hours = table.given_times("HOUR")
    starts = [(hour - at) % DAY_MS for hour, at in zip(hours, elapsed, strict=True)]
    start = starts[0]
    for other in sorted(set(starts)):
        apart = abs((other - start + DAY_MS // 2) % DAY_MS - DAY_MS // 2)
        if apart > ROUNDING_MS and abs(apart - HOUR_MS) > ROUNDING_MS:
            reason = "impossible time: HOUR - ELAPSED is not what it is on line 2"
            raise table.fault(starts.index(other), "HOUR", reason)
    return start


def _crew(
    table: TimingTable, first: int, end: int, drivers: Sequence[str | None]
) -> dict[int, str]:
    """Return seat to name of the drivers who drove; seat 0 or blank is an unknown driver."""
    seats = table["DRIVER_NUMBER"]
    rows = dict(zip(seats[first:end], range(first, end), strict=True)).values()
    seated = ((_seat(table, row), drivers[row]) for row in rows)
    return {seat: name for seat, name in sorted(seated) if seat and name}


def _seat(table: TimingTable, row: int) -> int:
    return table.count(row, "DRIVER_NUMBER", MOST_SEATS)


def _race_rows(table: TimingTable) -> list[ResultRow]:
    totals, bests = table.times("TOTAL_TIME"), table.times("FL_TIME")
    classes = table.names("CLASS")
    return [
        ResultRow(
            # A car that did not start is listed last, without a position.
            position=table.count(row, "POSITION", MOST_CARS) or row + 1,
            car=_car_number(table, row),
            car_class=classes[row],
            status=_status(table, row),
            laps=table.count(row, "LAPS", MOST_LAPS),
            total_ms=totals[row],
            best_lap_ms=bests[row],
            best_lap=table.count(row, "FL_LAPNUM", MOST_LAPS) or None,
        )
        for row in range(table.rows)
    ]


def _qualifying_rows(table: TimingTable) -> list[ResultRow]:
    bests, classes = table.times("TIME"), table.names("CLASS")
    return [
        ResultRow(
            position=table.count(row, "POS", MOST_CARS) or row + 1,
            car=_car_number(table, row),
            car_class=classes[row],
            status="classified",
            laps=table.count(row, "LAPS", MOST_LAPS),
            best_lap_ms=bests[row],
            best_lap=table.count(row, "LAP", MOST_LAPS) or None,
        )
        for row in range(table.rows)
    ]


def _status(table: TimingTable, row: int) -> ResultStatus:
    status = STATUSES.get(table["STATUS"][row].strip().casefold())
    if status is None:
        raise table.fault(row, "STATUS", f"unknown status; expected {', '.join(STATUSES)}")
    return status


def _result_lines(table: TimingTable, rows: Sequence[ResultRow]) -> tuple[ResultFileRow, ...]:
    teams, vehicles = table.names("TEAM"), table.names("VEHICLE")
    crews = _result_crews(table)
    seen: set[str] = set()
    for index, row in enumerate(rows):
        if row.car in seen:
            raise table.fault(index, "NUMBER", "this car is listed twice in the result")
        seen.add(row.car)
    return tuple(
        ResultFileRow(row, index + 2, teams[index], vehicles[index], tuple(crews[index]))
        for index, row in enumerate(rows)
    )


def _result_crews(table: TimingTable) -> list[list[Driver]]:
    crews: list[list[Driver]] = [[] for _ in range(table.rows)]
    for seat in range(1, MOST_SEATS + 1):
        if f"DRIVER{seat}_SECONDNAME" not in table:
            break
        columns = [_names_if_any(table, f"DRIVER{seat}_{part}") for part in DRIVER_PARTS]
        for crew, (first, second, short, country, rating) in zip(
            crews, zip(*columns, strict=True), strict=True
        ):
            name = " ".join(filter(None, (first, second)))
            if name:
                driver = Driver(
                    number=seat,
                    name=name,
                    short=short if short and len(short) <= 8 else None,
                    # Nearly always "AUS", but also "Australia".
                    country=country if country and len(country) <= 3 else None,
                    rating=rating if rating and len(rating) <= 16 else None,
                )
                crew.append(driver)
    return crews


def _names_if_any(table: TimingTable, column: str) -> list[str | None]:
    return table.names(column) if column in table else [None] * table.rows
