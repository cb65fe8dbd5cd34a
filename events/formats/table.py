"""Parser of timing tables, delimited or JSON, with errors that name line, column and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from events.base import CarNumber
from events.errors import BadTimingFile
from events.formats.delimited import read_columns
from events.formats.doubts import LEFT_OUT, Doubt, shortened
from events.formats.headings import HeadingRow, heading_row
from events.formats.json_rows import is_json, json_rows

NOT_A_TIME = "not a time such as 35.200, 1:09.195 or 5:00:00.000"
LONGEST_NAME = 99
"""Two such names and a blank still fit into an event's name (200 characters)."""

# A time's shape has 0 for the digits 0 to 5 and 6 for the digits 6 to 9.
_TIME_SHAPE = re.compile(r"(?:(?:[06]{1,3}:0[06]|0?[06]):0[06]|0?[06])\.[06]{3}|")
# A spreadsheet drops the zeros at the end: 39.57 was 39.570, 40 was 40.000, 2:00 was 2:00.000.
_SHORT_TIME = re.compile(r"((?:\d{1,3}:\d\d|\d?\d):\d\d|\d?\d)(?:[.,](\d{0,3}))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)
# A place can be "1.", "1st" or, from a program that knows no gaps in whole numbers, "1.0".
_COUNT_END = re.compile(r"(?<=\d)(?:\.0?|st|nd|rd|th)$", re.ASCII | re.IGNORECASE)
_TO_SHAPE = str.maketrans("0123456789'", "0000006666:")
_TO_DIGITS = str.maketrans("", "", ":'.")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimingTable:
    """The rows of a timing file below its headings, by column; row i is on line ``lines[i]``.

    The rows of a JSON file are counted from 1 in place of lines. ``doubts`` collects the values
    that the methods named ``doubtful_...`` left out, and those that the parser of the file adds.
    """

    file: str
    columns: dict[str, list[str]]
    lines: Sequence[int]
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def __getitem__(self, column: str) -> list[str]:
        return self.columns[column]

    def fault(self, row: int, column: str, reason: str) -> BadTimingFile:
        """Return the error to raise for one cell."""
        value = shortened(self[column][row])
        return BadTimingFile(self.file, reason, line=self.lines[row], column=column, value=value)

    def doubt(
        self,
        row: int,
        column: str,
        reason: str,
        treatment: str = LEFT_OUT,
        *,
        value: str | None = None,
    ) -> None:
        """Record a doubt about one cell; ``value`` replaces the cell in it."""
        cell = shortened(self[column][row] if value is None else value)
        self.doubts.append(Doubt(self.file, self.lines[row], column, cell, reason, treatment))

    def times(self, column: str) -> list[int | None]:
        """Parse the column's times to milliseconds, None for an empty cell.

        Times are ``S.mmm``, ``M:SS.mmm`` or ``H:MM:SS.mmm``; apostrophes may replace colons
        (``1'36.144``, ``4:00'04.690``). Raises BadTimingFile for anything else.
        """
        cells = self[column]
        times = parse_times(cells)
        if times is None:
            row = next(row for row, cell in enumerate(cells) if parse_times([cell]) is None)
            raise self.fault(row, column, NOT_A_TIME)
        return times

    def doubtful_times(
        self, column: str, treatment: str = LEFT_OUT, *, zero: bool = False
    ) -> list[int | None]:
        """Like ``times``, with a doubt and None where a cell is not a time.

        Nor may it be zero, except with ``zero``. A column that the file lacks is empty.
        """
        if column not in self:
            return [None] * self.rows
        times = parse_times(self[column])
        if times is not None and (zero or 0 not in times):
            return times
        if times is None:
            times = [time for cell in self[column] for time in parse_times([cell]) or [-1]]
        wrong = (-1,) if zero else (-1, 0)
        if any(time in times for time in wrong):
            for row, time in enumerate(times):
                if time in wrong:
                    reason = NOT_A_TIME if time else "impossible time"
                    self.doubt(row, column, reason, treatment)
                    times[row] = None
        return times

    def given_times(self, column: str) -> list[int]:
        """Like ``times``, for a column without empty cells."""
        cells = self[column]
        if "" in cells:
            raise self.fault(cells.index(""), column, "missing time")
        return cast("list[int]", self.times(column))

    def doubtful_codes(self, column: str, codes: dict[str, T], default: T) -> list[T]:
        """The values of the column's codes, with a doubt and the default for an unknown one.

        A column that the file lacks has the default throughout.
        """
        if column not in self:
            return [default] * self.rows
        cells = self[column]
        if not codes.keys() >= set(cells):
            known = ", ".join(filter(None, codes))
            plain = [cell.strip().upper() for cell in cells]
            for row, cell in enumerate(plain):
                if cell not in codes:
                    self.doubt(row, column, f"unknown code; expected {known} or an empty cell")
            return [codes.get(cell, default) for cell in plain]
        return [*map(codes.__getitem__, cells)]

    def doubtful_names(self, column: str) -> list[str | None]:
        """The column's names, interned, None for an empty cell, and with a doubt for a long one.

        A column that the file lacks is empty.
        """
        if column not in self:
            return [None] * self.rows
        names = {cell: " ".join(cell.split("\n")).strip() or None for cell in set(self[column])}
        too_long = {cell for cell, name in names.items() if len(name or "") > LONGEST_NAME}
        if too_long:
            for row, cell in enumerate(self[column]):
                if cell in too_long:
                    self.doubt(row, column, f"longer than {LONGEST_NAME} characters")
            names |= dict.fromkeys(too_long)
        return [*map(names.__getitem__, self[column])]

    def doubtful_speeds(self, column: str, most: int) -> list[float | None]:
        """The column's speeds, None for an empty cell or 0, and with a doubt for anything else.

        A column that the file lacks is empty.
        """
        if column not in self or not any(self[column]):
            return [None] * self.rows
        speeds: list[float | None] = []
        for row, cell in enumerate(self[column]):
            number = cell.strip().replace(",", ".")
            is_speed = _NUMBER.fullmatch(number) is not None and float(number) <= most
            if number and not is_speed:
                self.doubt(row, column, f"not a speed of at most {most} km/h")
            speeds.append(float(number) or None if is_speed else None)
        return speeds

    def doubtful_counts(self, column: str, most: int) -> list[int]:
        """The column's whole numbers, 0 for an empty cell, and with a doubt for any other.

        A column that the file lacks has 0 throughout.
        """
        counts = [0] * self.rows
        for row in range(self.rows if column in self else 0):
            try:
                counts[row] = self.count(row, column, most)
            except BadTimingFile as fault:
                self.doubt(row, column, fault.reason)
        return counts

    def count(self, row: int, column: str, most: int) -> int:
        """The cell's whole number, 0 for an empty cell."""
        cell = _COUNT_END.sub("", self[column][row].strip()) or "0"
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 9) or int(cell) > most:
            raise self.fault(row, column, f"not a whole number of at most {most}")
        return int(cell)


def parse_times(cells: Sequence[str]) -> list[int | None] | None:
    """Parse times to milliseconds, None for an empty cell; return None if any is not a time.

    A race has a hundred thousand times, so the column is validated and converted as one text
    in a few passes of C, and the regular expression is matched once per distinct shape.
    """
    text = "\n".join(cells)
    shapes = set(text.translate(_TO_SHAPE).split("\n"))
    if not all(map(_TIME_SHAPE.fullmatch, shapes)):
        text = "\n".join(map(_in_full, cells))
        shapes = set(text.translate(_TO_SHAPE).split("\n"))
        if not all(map(_TIME_SHAPE.fullmatch, shapes)):
            return None
    if text.count("\n") != len(cells) - 1:
        return None
    # Without separators a time is the number HHHMMSSmmm. Its last five digits are milliseconds
    # already; the digits before them exceed the milliseconds by a fixed amount per HHHMM.
    written = text.translate(_TO_DIGITS).split("\n")
    excess = _Excess()
    if "" in shapes:
        return [
            int(digits) - excess[int(digits) // 100_000] if digits else None for digits in written
        ]
    return [number - excess[number // 100_000] for number in map(int, written)]


def _in_full(cell: str) -> str:
    """Return a time with a decimal point and three digits behind it, without blanks around it."""
    time = _SHORT_TIME.fullmatch(cell.strip().replace("'", ":"))
    return cell if time is None else f"{time[1]}.{time[2] or '':0<3}"


_CAR_NUMBER: TypeAdapter[str] = TypeAdapter(CarNumber)


def car_number(table: TimingTable, row: int) -> str:
    """Return the car of a row, from its column NUMBER. Raises BadTimingFile."""
    try:
        return _CAR_NUMBER.validate_python(table["NUMBER"][row].strip(" #"))
    except ValidationError:
        raise table.fault(row, "NUMBER", "not a car number of 1 to 16 characters") from None


def doubtful_car(table: TimingTable, row: int) -> str | None:
    """Like ``car_number``, with a doubt and None for a cell that is not one."""
    try:
        return car_number(table, row)
    except BadTimingFile as fault:
        table.doubt(row, "NUMBER", fault.reason, f"{LEFT_OUT}, and with it the row")
        return None


def headings_of(text: str) -> set[str]:
    """Return the headings of a table, from which its kind follows; none of broken JSON."""
    if is_json(text):
        try:
            return {heading for row in json_rows(text, "") for heading in row}
        except BadTimingFile:
            return set()
    return {name for name in heading_row(text).names if name}


class _Excess(dict[int, int]):
    """HHHMM to the difference of the number HHHMM00000 and the same time in milliseconds."""

    def __missing__(self, hours_minutes: int) -> int:
        hours, minutes = divmod(hours_minutes, 100)
        excess = self[hours_minutes] = hours_minutes * 100_000 - (hours * 60 + minutes) * 60_000
        return excess


def read_table(
    text: str,
    file: str,
    *,
    required: Sequence[str],
    optional: Iterable[str] = (),
    beyond: Iterable[str] = (),
    aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> TimingTable:
    """Read the named columns of a table separated by ``;``, ``,``, tabs or ``|``, or of JSON.

    Columns are found by their headings, whatever their case, blanks and signs; ``aliases`` are
    other headings of a column, used where the file lacks its own. A byte-order mark, lines above
    the headings, blanks before a heading or a value, a separator at the end of a line, blank
    lines, and totals below the last row are skipped. ``optional`` columns may be missing from the
    file; ``beyond`` are optional too, and rows may end before them (a result has columns for more
    drivers than most cars have). Raises BadTimingFile.
    """
    if not text or text.isspace() or text == "\ufeff":
        raise BadTimingFile(file, "the file is empty", line=1)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadTimingFile(file, "binary data, not a timing file", line=line, value="\0")
    if is_json(text):
        return _json_table(text, file, required, [*optional, *beyond], aliases)
    heading = heading_row(text)
    header = _renamed(heading.names, [*required, *optional], aliases)
    heading = heading._replace(names=header)
    _check_header(file, heading, required)
    reached = [*required, *(name for name in optional if name in header)]
    wanted = [*reached, *(name for name in beyond if name in header)]
    places = [header.index(name) for name in wanted]
    width = max(places[: len(reached)]) + 1
    columns = read_columns(heading, file, places, width, len(required))
    cells = dict(zip(wanted, columns.cells, strict=True))
    return TimingTable(file, cells, columns.lines, columns.doubts)


def _json_table(
    text: str,
    file: str,
    required: Sequence[str],
    optional: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
) -> TimingTable:
    rows = json_rows(text, file)
    given = [*dict.fromkeys(heading for row in rows for heading in row)]
    header = _renamed(given, [*required, *optional], aliases)
    _check_header(file, HeadingRow(header, ",", 1, ""), required)
    names = dict(zip(header, given, strict=True))
    columns = {
        name: [row.get(names[name], "") for row in rows]
        for name in dict.fromkeys([*required, *optional])
        if name in names
    }
    return TimingTable(file, columns, range(1, len(rows) + 1))


def _renamed(
    header: Sequence[str], wanted: Iterable[str], aliases: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the headings, the first alias of each wanted column that is missing as its own."""
    names = [*header]
    for column in wanted:
        if column not in names:
            alias = next((one for one in aliases.get(column, ()) if one in names), None)
            if alias is not None:
                names[names.index(alias)] = column
    return names


def _check_header(file: str, heading: HeadingRow, required: Iterable[str]) -> None:
    header, line = heading.names, heading.line
    missing = next((name for name in required if name not in header), None)
    if missing is None:
        return
    seen = shortened(heading.separator.join(header))
    if len(header) == 1 and heading.body:
        reason = "the header is not separated by ; or , or tabs"
        raise BadTimingFile(file, reason, line=line, column=missing, value=seen)
    raise BadTimingFile(file, "no such column in the header", line=line, column=missing, value=seen)
