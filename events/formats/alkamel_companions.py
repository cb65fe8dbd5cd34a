"""Parsers of the files that Al Kamel publishes beside laps and results.

- the grid (``02_*``): ``POSITION;NUMBER``;
- pit visits (``20_*``): ``NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME``, times of day;
- flags and messages of race control (``25_*``):
  ``TIME;ELAPSED;REC_TYPE;FLAG;SECTOR;MESSAGE;FLAG_TIME;ACCUM_TIME;LAP``, ``-`` for no time;
- weather (``26_*``): ``TIME_UTC_SECONDS;TIME_UTC_STR;AIR_TEMP;TRACK_TEMP;HUMIDITY;PRESSURE;
  WIND_SPEED;WIND_DIRECTION;RAIN``.

Columns are found by these headings, in any order; the same files in JSON have them as members:
``flags``, ``grid``, and ``pit_stop_analysis`` with the ``pit_stops`` of each car. What cannot be
read is a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.formats.alkamel import DAY_MS
from events.formats.doubts import LEFT_OUT, Doubt, bounded
from events.formats.headings import CAR_HEADINGS
from events.formats.table import TimingTable, doubtful_car, headings_of, read_table
from events.track import Flag

GRID_PLACES = ("POSITION", "POS", "GRID_POSITION", "GRID")
RECORDS: dict[str, Flag] = {
    "GF": "green",
    "YF": "yellow",
    "FCY": "fcy",
    "SF": "safety_car",
    "SC": "safety_car",
    "VSC": "vsc",
    "RF": "red",
    "WF": "white",
    "FF": "chequered",
    "CF": "chequered",
}
"""Record types that are flags; a message has none of them."""
FLAG_TEXTS: dict[str, Flag] = {
    "green": "green",
    "full course yellow": "fcy",
    "code 60": "code_60",
    "virtual safety car": "vsc",
    "safety car": "safety_car",
    "slow zone": "slow_zone",
    "yellow": "yellow",
    "red": "red",
    "white": "white",
    "chequered": "chequered",
    "checkered": "chequered",
}
"""Words of the column FLAG, the longer ones before those that they contain."""
MESSAGE_RECORDS = ("rcmessage", "message", "rc")
LONGEST_MESSAGE = 2000
LONGEST_VISIT_MS = DAY_MS // 2
"""An OUT_TIME later than this after IN_TIME is one before it."""
ROUNDED_MS = 1000
"""How far PIT_TIME may be from OUT_TIME - IN_TIME: the times of day may be in whole seconds."""
INCHES_OF_MERCURY = 50
"""Pressures below this are in inches of mercury, and the file in US units."""
WARMEST_AIR_C = 55
HPA_PER_INCH = 33.8639
KPH_PER_MPH = 1.609344
"""Wind speeds are assumed in km/h in a metric file, in mph in one of US units."""


@dataclass(frozen=True, slots=True)
class GridFile:
    """The cars in starting order, with the line of each."""

    file: str
    cars: tuple[tuple[str, int], ...]
    doubts: tuple[Doubt, ...]


class PitFileRow(NamedTuple):
    """A visit to the lane; local times of day in ms."""

    line: int
    car: str
    in_ms: int
    out_ms: int | None


@dataclass(frozen=True, slots=True)
class PitsFile:
    """The visits to the pit lane, in the order of the file."""

    file: str
    rows: tuple[PitFileRow, ...]
    doubts: tuple[Doubt, ...]


class RaceControlRow(NamedTuple):
    """A flag, for the track or a sector, or a message; times in ms.

    ``time_ms`` is the local time of day, ``elapsed_ms`` the time since the start.
    """

    line: int
    time_ms: int | None
    elapsed_ms: int | None
    flag: Flag | None
    sector: int | None
    message: str | None


@dataclass(frozen=True, slots=True)
class RaceControlFile:
    """The flags and messages of race control, in the order of the file."""

    file: str
    rows: tuple[RaceControlRow, ...]
    doubts: tuple[Doubt, ...]


WEATHER_COLUMNS = {
    "air_c": "AIR_TEMP",
    "track_c": "TRACK_TEMP",
    "humidity_percent": "HUMIDITY",
    "pressure_hpa": "PRESSURE",
    "wind_kph": "WIND_SPEED",
    "wind_direction_deg": "WIND_DIRECTION",
    "rain": "RAIN",
}
"""The column of each member of a `WeatherRow`."""


RAIN = {"no": "0", "false": "0", "dry": "0", "yes": "1", "true": "1", "wet": "1"}
"""Words for the column RAIN."""


class WeatherRow(NamedTuple):
    """The weather at a time (seconds since 1970): Celsius, percent, hPa, km/h, degrees."""

    line: int
    utc_s: int
    air_c: float | None
    track_c: float | None
    humidity_percent: float | None
    pressure_hpa: float | None
    wind_kph: float | None
    wind_direction_deg: int | None
    rain: bool | None


@dataclass(frozen=True, slots=True)
class WeatherFile:
    """The weather, in the order of the file."""

    file: str
    rows: tuple[WeatherRow, ...]
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class Companions:
    """The files that accompany the laps of a session, as far as there are any."""

    grid: GridFile | None = None
    pits: PitsFile | None = None
    race_control: RaceControlFile | None = None
    weather: WeatherFile | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Their names."""
        every = (self.grid, self.pits, self.race_control, self.weather)
        return tuple(one.file for one in every if one is not None)


def parse_grid(text: str, file: str) -> GridFile:
    """Parse a starting grid; without a column of places it is in the order of the rows.

    A car that is listed twice starts from the first of its places. Raises BadTimingFile.
    """
    headings = headings_of(text)
    column = next((name for name in GRID_PLACES if name in headings), None)
    optional = [column] if column else []
    table = read_table(
        text, file, required=["NUMBER"], optional=optional, aliases={"NUMBER": CAR_HEADINGS}
    )
    counts = table.doubtful_counts(column, 1000) if column else [0] * table.rows
    cars: dict[str, int] = {}
    # A slot without a car is empty: one that qualified was withdrawn.
    slots = [row for row, cell in enumerate(table["NUMBER"]) if cell.strip()]
    # A car without a place starts from the pit lane: behind the others, as listed.
    for row in sorted(slots, key=lambda row: (counts[row] == 0, counts[row], row)):
        car = doubtful_car(table, row)
        if car in cars:
            reason = "this car is listed twice on the grid"
            table.doubt(row, "NUMBER", reason, f"it starts as on line {table.lines[cars[car]]}")
        elif car is not None:
            cars[car] = row
    order = tuple((car, table.lines[row]) for car, row in cars.items())
    return GridFile(file, order, bounded(table.doubts))


def parse_pits(text: str, file: str) -> PitsFile:
    """Parse the visits to the pit lane. Raises BadTimingFile."""
    table = read_table(
        text,
        file,
        required=["NUMBER", "IN_TIME"],
        optional=["OUT_TIME", "PIT_TIME"],
        aliases={
            "NUMBER": CAR_HEADINGS,
            "IN_TIME": ("PIT_IN_TIME", "TIME_IN"),
            "OUT_TIME": ("PIT_OUT_TIME", "TIME_OUT"),
        },
    )
    entries = table.doubtful_times("IN_TIME", zero=True)
    exits = table.doubtful_times("OUT_TIME", zero=True)
    spent = table.doubtful_times("PIT_TIME")
    rows: list[PitFileRow] = []
    for row, (entered, left, pit_time) in enumerate(zip(entries, exits, spent, strict=True)):
        car = doubtful_car(table, row) if entered is not None else None
        if entered is None or car is None:
            continue
        exited = left
        if exited is None and pit_time is not None:
            exited = entered + pit_time
        elif exited is not None and not _lasted(exited - entered, pit_time):
            if pit_time is None:
                table.doubt(row, "OUT_TIME", "before IN_TIME", f"{LEFT_OUT}, and with it the visit")
                continue
            reason = "IN_TIME and OUT_TIME are not that far apart"
            if _lasted(exited - entered, None):
                table.doubt(row, "PIT_TIME", reason)
            else:
                table.doubt(row, "OUT_TIME", "before IN_TIME", "replaced by IN_TIME + PIT_TIME")
                exited = entered + pit_time
        rows.append(PitFileRow(table.lines[row], car, entered, exited))
    return PitsFile(file, tuple(rows), bounded(table.doubts))


def _lasted(ms: int, pit_time: int | None) -> bool:
    """Whether times of day so far apart (ms) can be of a visit, which may pass midnight."""
    if pit_time is None:
        return ms % DAY_MS < LONGEST_VISIT_MS
    return abs(ms % DAY_MS - pit_time) <= ROUNDED_MS


def parse_race_control(text: str, file: str) -> RaceControlFile:
    """Parse the flags and messages of race control. Raises BadTimingFile."""
    table = read_table(
        text,
        file,
        required=["TIME", "REC_TYPE"],
        optional=["ELAPSED", "FLAG", "SECTOR", "MESSAGE"],
    )
    times, elapsed = (_times_or_dash(table, column) for column in ("TIME", "ELAPSED"))
    rows: list[RaceControlRow] = []
    for row in range(table.rows):
        record, flag_text, sector, message = (
            " ".join(table[column][row].split()) if column in table else ""
            for column in ("REC_TYPE", "FLAG", "SECTOR", "MESSAGE")
        )
        flag = RECORDS.get(record.upper()) or _flag_of(flag_text)
        if record.casefold() in MESSAGE_RECORDS:
            flag = None
        elif flag is None:
            table.doubt(row, "REC_TYPE", "neither a flag nor a message")
        number = _sector(table, row, sector) if sector else None
        if times[row] is None and elapsed[row] is None:
            table.doubt(row, "TIME", "without a time", value=message or flag_text)
        elif flag is not None or message:
            text_of = None if flag is not None else message[:LONGEST_MESSAGE]
            rows.append(
                RaceControlRow(table.lines[row], times[row], elapsed[row], flag, number, text_of)
            )
    return RaceControlFile(file, tuple(rows), bounded(table.doubts))


_DATE = re.compile(r"^\s*\d{4}-\d\d-\d\d[T ]", re.ASCII)


def _times_or_dash(table: TimingTable, column: str) -> list[int | None]:
    if column in table:
        table.columns[column] = ["" if cell.strip() == "-" else cell for cell in table[column]]
        table.columns[column] = [_DATE.sub("", cell) for cell in table[column]]
    return table.doubtful_times(column, zero=True)


def _flag_of(text: str) -> Flag | None:
    words = text.casefold()
    return next((flag for name, flag in FLAG_TEXTS.items() if name in words), None)


def _sector(table: TimingTable, row: int, cell: str) -> int | None:
    found = re.search(r"\d{1,2}", cell)
    if found is None or not int(found[0]):
        table.doubt(row, "SECTOR", "not the number of a sector", "taken as the whole track")
        return None
    return int(found[0])


def parse_weather(text: str, file: str) -> WeatherFile:
    """Parse the weather, in metric or US units. Raises BadTimingFile."""
    columns = WEATHER_COLUMNS.values()
    table = read_table(
        text, file, required=["TIME_UTC_SECONDS"], optional=[*columns, "TIME_UTC_STR"]
    )
    if "RAIN" in table:
        table.columns["RAIN"] = [RAIN.get(cell.strip().casefold(), cell) for cell in table["RAIN"]]
    instants = _numbers(table, "TIME_UTC_SECONDS")
    measured = (_numbers(table, name) for name in columns)
    air, track, humidity, pressure, wind, direction, rain = measured
    in_us_units = any(one is not None and 0 < one < INCHES_OF_MERCURY for one in pressure) or any(
        one is not None and one > WARMEST_AIR_C for one in air
    )

    def celsius(value: float | None) -> float | None:
        if value is None:
            return None
        return round((value - 32) * 5 / 9 if in_us_units else value, 2)

    def times(value: float | None, factor: float) -> float | None:
        return None if value is None else round(value * factor, 2)

    rows = [
        WeatherRow(
            table.lines[row],
            int(instant),
            celsius(air[row]),
            # A track temperature of exactly 0 stands for a sensor that is not there.
            celsius(track[row] or None),
            humidity[row],
            _pressure(pressure[row]),
            times(wind[row], KPH_PER_MPH if in_us_units else 1),
            None if (degrees := direction[row]) is None else round(degrees) % 360,
            None if (wet := rain[row]) is None else wet > 0,
        )
        for row, instant in enumerate(instants)
        if instant is not None
    ]
    return WeatherFile(file, tuple(rows), bounded(table.doubts))


def _pressure(value: float | None) -> float | None:
    if not value:
        return None
    return round(value * HPA_PER_INCH if value < INCHES_OF_MERCURY else value, 2)


_NUMBER = re.compile(r"-?\d{1,12}([.,]\d{1,6})?", re.ASCII)


def _numbers(table: TimingTable, column: str) -> list[float | None]:
    if column not in table:
        return [None] * table.rows
    numbers: list[float | None] = []
    for row, cell in enumerate(map(str.strip, table[column])):
        if cell and _NUMBER.fullmatch(cell) is None:
            table.doubt(row, column, "not a number")
        is_number = _NUMBER.fullmatch(cell) is not None
        numbers.append(float(cell.replace(",", ".")) if is_number else None)
    return numbers


def kind_of_file(headings: Sequence[str] | set[str]) -> str | None:
    """Return what a file is by its headings, in words, if it is none of laps or results."""
    if "REC_TYPE" in headings:
        return "a file of flags and messages"
    if "TIME_UTC_SECONDS" in headings:
        return "a weather file"
    if "IN_TIME" in headings:
        return "a file of pit visits"
    return None
