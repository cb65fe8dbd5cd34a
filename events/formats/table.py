"""Parser of delimited timing tables, with errors that name line, column and value."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from events.base import CarNumber
from events.errors import BadTimingFile
from events.formats.doubts import LEFT_OUT, Doubt, shortened

NOT_A_TIME = "not a time such as 35.200, 1:09.195 or 5:00:00.000"
LONGEST_NAME = 99
"""Two such names and a blank still fit into an event's name (200 characters)."""
BLOCK = 50_000

# A time's shape has 0 for the digits 0 to 5 and 6 for the digits 6 to 9.
_TIME_SHAPE = re.compile(r"(?:(?:[06]{1,3}:0[06]|0?[06]):0[06]|0?[06])\.[06]{3}|")
# A spreadsheet drops the zeros at the end: 39.57 was 39.570, and 40 was 40.000.
_SHORT_TIME = re.compile(r"(?:(?:\d{1,3}:\d\d|\d?\d):\d\d|\d?\d)\.\d\d?|\d?\d", re.ASCII)
_TO_SHAPE = str.maketrans("0123456789'", "0000006666:")
_TO_DIGITS = str.maketrans("", "", ":'.")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimingTable:
    """The rows of a timing file below its header, by column; row i is on line i + 2.

    ``doubts`` collects the values that the methods named ``doubtful_...`` left out, and those
    that the parser of the file adds.
    """

    file: str
    columns: dict[str, list[str]]
    rows: int
    doubts: list[Doubt] = field(default_factory=list)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def __getitem__(self, column: str) -> list[str]:
        return self.columns[column]

    def fault(self, row: int, column: str, reason: str) -> BadTimingFile:
        """Return the error to raise for one cell."""
        value = shortened(self[column][row])
        return BadTimingFile(self.file, reason, line=row + 2, column=column, value=value)

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
        self.doubts.append(Doubt(self.file, row + 2, column, cell, reason, treatment))

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
            for row, cell in enumerate(cells):
                if cell not in codes:
                    self.doubt(row, column, f"unknown code; expected {known} or an empty cell")
            return [codes.get(cell, default) for cell in cells]
        return [*map(codes.__getitem__, cells)]

    def doubtful_names(self, column: str) -> list[str | None]:
        """The column's names, interned, None for an empty cell, and with a doubt for a long one.

        A column that the file lacks is empty.
        """
        if column not in self:
            return [None] * self.rows
        names = {cell: cell.strip() or None for cell in set(self[column])}
        too_long = {cell for cell, name in names.items() if len(name or "") > LONGEST_NAME}
        if too_long:
            for row, cell in enumerate(self[column]):
                if cell in too_long:
                    self.doubt(row, column, f"longer than {LONGEST_NAME} characters")
            names |= dict.fromkeys(too_long)
        return [*map(names.__getitem__, self[column])]

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
        cell = self[column][row].strip() or "0"
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
    if any(map(_SHORT_TIME.fullmatch, shapes)):
        text = "\n".join(map(_with_thousandths, cells))
        shapes = set(text.translate(_TO_SHAPE).split("\n"))
    if not all(map(_TIME_SHAPE.fullmatch, shapes)) or text.count("\n") != len(cells) - 1:
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


def _with_thousandths(cell: str) -> str:
    """Return a time with the zeros that were dropped from its end."""
    if _SHORT_TIME.fullmatch(cell.translate(_TO_SHAPE)) is None:
        return cell
    whole, _, fraction = cell.partition(".")
    return f"{whole}.{fraction:0<3}"


_CAR_NUMBER: TypeAdapter[str] = TypeAdapter(CarNumber)


def car_number(table: TimingTable, row: int) -> str:
    """Return the car of a row, from its column NUMBER. Raises BadTimingFile."""
    try:
        return _CAR_NUMBER.validate_python(table["NUMBER"][row].strip())
    except ValidationError:
        raise table.fault(row, "NUMBER", "not a car number of 1 to 16 characters") from None


def headings_of(text: str) -> set[str]:
    """Return the headings of a table, from which its kind follows."""
    heading = text.removeprefix("\ufeff").split("\n", 1)[0]
    return {name.strip() for name in re.split("[;,]", heading)}


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
) -> TimingTable:
    """Read the named columns of a table separated by ``;`` or ``,``.

    Columns are found by their headings. A byte-order mark, blanks before a heading or a value,
    a separator at the end of a line and blank lines at the end of the file are skipped.
    ``optional`` columns may be missing from the file; ``beyond`` are optional too, and rows
    may end before them (a result has columns for more drivers than most cars have). Raises
    BadTimingFile.
    """
    text = text.removeprefix("\ufeff")
    if not text or text.isspace():
        raise BadTimingFile(file, "the file is empty", line=1)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadTimingFile(file, "binary data, not a timing file", line=line, value="\0")
    heading, _, body = text.partition("\n")
    separator = ";" if heading.count(";") > heading.count(",") else ","
    [header] = _records(heading, file, separator) or [[]]
    header = [name.strip() for name in header]
    _check_header(file, header, required, separator)
    reached = [*required, *(name for name in optional if name in header)]
    wanted = [*reached, *(name for name in beyond if name in header)]
    places = [header.index(name) for name in wanted]
    width = max(places[: len(reached)]) + 1
    columns = _even_columns(body, separator, places, width, len(header))
    if columns is None:
        rows = _rows(file, header, _records(body, file, separator, first_line=2), width)
        columns = [[row[place] for row in rows] for place in places]
    return TimingTable(file, dict(zip(wanted, columns, strict=True)), len(columns[0]))


def _even_columns(
    body: str, separator: str, places: Sequence[int], needed: int, widest: int
) -> list[list[str]] | None:
    """Return the columns at these places if all rows are equally wide and nothing is quoted.

    This fast path fits nearly every laps file: splitting block by block takes a third of the
    time of a csv reader. Returns None for any other file (and for one whose first row has
    blanks to skip), which the csv reader then parses or rejects.
    """
    line_end = "\r\n" if "\r\n" in body else "\n"
    body = body.rstrip("\r\n")
    first = body.partition(line_end)[0]
    width = first.count(separator) + 1
    if not max(needed, *(place + 1 for place in places)) <= width <= widest:
        return None
    if '"' in body or f"{separator} " in first:
        return None
    columns: list[list[str]] = [[] for _ in places]
    start = 0
    while start <= len(body):
        end = body.find(line_end, start + BLOCK)
        block = body[start:end] if end >= 0 else body[start:]
        start += len(block) + len(line_end)
        # Line ends become a column of their own, which is complete if the rows are even.
        block = block.replace(line_end, f"{separator}\n{separator}")
        cells = block.split(separator)
        rows, rest = divmod(len(cells) + 1, width + 1)
        ends = cells[width :: width + 1].count("\n")
        if rest or ends != rows - 1 or block.count("\n") != ends or "\r" in block:
            return None
        for column, place in zip(columns, places, strict=True):
            column += cells[place :: width + 1]
    return columns


def _records(text: str, file: str, separator: str, first_line: int = 1) -> list[list[str]]:
    lines = io.StringIO(text)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        records = list(reader)
    except csv.Error:  # a quotation mark that is none of the table's: "Pipo" Derani
        lines_of_text = text.rstrip("\r\n").split("\n")
        return [_cells(line.removesuffix("\r"), separator) for line in lines_of_text]
    if reader.line_num != len(records):
        split = (any("\n" in cell for cell in record) for record in records)
        line = list(split).index(True) + first_line
        raise BadTimingFile(file, "a quoted value runs over the end of the line", line=line)
    while records and not records[-1]:
        records.pop()
    return records


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of one line; quotation marks that enclose no cell belong to the text."""
    try:
        [cells] = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        return [cell.lstrip(" ") for cell in line.split(separator)]
    return cells


def _check_header(file: str, header: list[str], required: Iterable[str], separator: str) -> None:
    missing = next((name for name in required if name not in header), None)
    if missing is None:
        return
    seen = shortened(separator.join(header))
    if len(header) == 1:
        reason = "the header is not separated by ; or ,"
        raise BadTimingFile(file, reason, line=1, column=missing, value=seen)
    raise BadTimingFile(file, "no such column in the header", line=1, column=missing, value=seen)


def _rows(file: str, header: list[str], rows: list[list[str]], needed: int) -> list[list[str]]:
    """Check the widths of the rows and pad each to the width of the header."""
    if not rows:
        raise BadTimingFile(file, "no row below the header", line=2)
    widest = len(header) + (header[-1] != "")  # rows alone may end with a separator
    for line, cells in enumerate(rows, 2):
        if not needed <= len(cells) <= widest:
            raise _bad_width(file, header, cells, line, needed)
    return [[*cells, *[""] * (len(header) - len(cells))] for cells in rows]


def _bad_width(
    file: str, header: list[str], cells: list[str], line: int, needed: int
) -> BadTimingFile:
    value = shortened(cells[-1]) if cells else ""
    if len(cells) < needed:
        column = header[max(len(cells) - 1, 0)]
        reason = f"the row is cut short: {len(cells)} of {needed} columns, this is the last"
        return BadTimingFile(file, reason, line=line, column=column, value=value)
    reason = f"the row has {len(cells)} columns, its header {len(header)}"
    return BadTimingFile(file, reason, line=line, column=header[-1] or header[-2], value=value)
