"""Rows of delimited text: columns by their places, with the line of each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from events.errors import BadTimingFile
from events.formats.doubts import Doubt, shortened
from events.formats.headings import CAR_HEADINGS, SEPARATORS, HeadingRow, canonical

BLOCK = 50_000
MOST_IN_TEXT = 3
FOOTERS = {"total", "totals", "sum", "count", "average", "mean", "end", "eof"}
"""What a line below the last row begins with, if it begins with one word."""
_FIRST_HEADINGS = {"NUMBER", *CAR_HEADINGS, "TIME", "TIME_UTC_SECONDS"}
NO_ROW = "not a row of the table"


class Columns(NamedTuple):
    """The cells of a table by column, the line of each row, and what was left out of it."""

    cells: list[list[str]]
    lines: Sequence[int]
    doubts: list[Doubt]


def read_columns(
    heading: HeadingRow, file: str, places: Sequence[int], needed: int, required: int
) -> Columns:
    """Return the columns at these places; the first ``required`` of them hold what a row is about.

    Rows have at least ``needed`` cells. Blank lines are skipped anywhere, and a footer (a line of
    totals, or of text) below the last row, with a doubt. Raises BadTimingFile.
    """
    first_line = heading.line + 1
    cells = _even_columns(heading, places, needed)
    if cells is not None:
        lines: Sequence[int] = range(first_line, first_line + len(cells[0]))
        columns = Columns(cells, lines, [])
    else:
        columns = _uneven_columns(heading, file, places, needed)
    return _without_footer(columns, heading, file, places, required)


def _even_columns(
    heading: HeadingRow, places: Sequence[int], needed: int
) -> list[list[str]] | None:
    """Return the columns at these places if all rows are equally wide and nothing is quoted.

    This fast path fits nearly every laps file: splitting block by block takes a third of the
    time of a csv reader. Returns None for any other file (and for one whose first row has
    blanks to skip), which the csv reader then parses or rejects.
    """
    body, separator = heading.body, heading.separator
    line_end = "\r\n" if "\r\n" in body else "\n"
    body = body.rstrip("\r\n")
    first = body.partition(line_end)[0]
    width = first.count(separator) + 1
    if not max(needed, *(place + 1 for place in places)) <= width <= len(heading.names):
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


def _uneven_columns(heading: HeadingRow, file: str, places: Sequence[int], needed: int) -> Columns:
    records = [
        (line, cells) for line, cells in _records(heading, file, needed) if not _is_blank(cells)
    ]
    doubts: list[Doubt] = []
    while records and len(records[-1][1]) < needed and _is_text(records[-1][1]):
        line, cells = records.pop()
        column = heading.names[0]
        doubts.append(Doubt(file, line, column, shortened(" ".join(filter(None, cells))), NO_ROW))
    if not records:
        raise BadTimingFile(file, "no row below the header", line=heading.line + 1)
    names = heading.names
    widest = len(names) + (names[-1] != "")  # rows alone may end with a separator
    for line, cells in records:
        if not needed <= len(cells) <= widest:
            raise _bad_width(file, names, cells, line, needed)
    rows = [[*cells, *[""] * (len(names) - len(cells))] for _, cells in records]
    lines: Sequence[int] = [line for line, _ in records]
    if lines[-1] - lines[0] == len(lines) - 1:
        lines = range(lines[0], lines[-1] + 1)
    return Columns([[row[place] for row in rows] for place in places], lines, doubts)


def _is_blank(cells: Sequence[str]) -> bool:
    """Whether a line has nothing but separators, be they this table's or others."""
    return not any(cell.strip(f" {SEPARATORS}") for cell in cells)


def _is_text(cells: Sequence[str]) -> bool:
    """Whether a short line is text below a table, not a row that was cut short."""
    first, *others = (cell.strip() for cell in cells)
    is_cut = sum(map(first.count, SEPARATORS)) > 2
    return _is_footer(first) or (" " in first and not is_cut and not any(others))


def _is_footer(cell: str) -> bool:
    return cell.strip(f" :.{SEPARATORS}").casefold() in FOOTERS


def _without_footer(
    columns: Columns, heading: HeadingRow, file: str, places: Sequence[int], required: int
) -> Columns:
    """Return the columns without blank rows, headings that are repeated, and totals below them."""
    first = columns.cells[0]
    headings = {cell for cell in {*first} if canonical(cell) in _FIRST_HEADINGS}
    is_whole = first and first[-1].strip() and not _is_footer(first[-1]) and "" not in first
    if is_whole and not headings:
        return columns
    others = columns.cells[1:required]
    rows = [*range(len(first))]
    doubts = [*columns.doubts]

    def is_below_the_table(row: int) -> bool:
        is_of_a_car = first[row].strip() or (others and all(one[row].strip() for one in others))
        return _is_footer(first[row]) or not is_of_a_car

    while rows and is_below_the_table(rows[-1]):
        row = rows.pop()
        text = " ".join(filter(None, (column[row].strip() for column in columns.cells)))
        if text:
            name = heading.names[places[0]]
            doubts.append(Doubt(file, columns.lines[row], name, shortened(text), NO_ROW))
    rows = [row for row in rows if first[row] not in headings]
    rows = [row for row in rows if any(column[row].strip() for column in columns.cells)]
    if not rows:
        raise BadTimingFile(file, "no row below the header", line=heading.line + 1)
    if len(rows) == rows[-1] + 1:
        kept = len(rows)
        return Columns([column[:kept] for column in columns.cells], columns.lines[:kept], doubts)
    cells = [[column[row] for row in rows] for column in columns.cells]
    return Columns(cells, [columns.lines[row] for row in rows], doubts)


def _records(heading: HeadingRow, file: str, needed: int) -> list[tuple[int, list[str]]]:
    """Return the cells of each row below the headings, with the line on which it begins."""
    separator, first_line = heading.separator, heading.line + 1
    reader = csv.reader(
        io.StringIO(heading.body), delimiter=separator, skipinitialspace=True, strict=True
    )
    records: list[tuple[int, list[str]]] = []
    line = first_line
    try:
        for cells in reader:
            records.append((line, cells))
            line = first_line + reader.line_num
    except csv.Error:  # a quotation mark that is none of the table's: "Pipo" Derani
        lines = heading.body.rstrip("\r\n").split("\n")
        return [
            (number, _cells(line.removesuffix("\r"), separator))
            for number, line in enumerate(lines, first_line)
        ]
    for line, cells in records:
        for cell in cells:
            # Two stray marks have rows between them; a text can have a comma or two.
            if "\n" in cell and cell.count(separator) >= min(needed - 1, MOST_IN_TEXT):
                raise BadTimingFile(file, "a quoted value runs over the end of the line", line=line)
    return records


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of one line; quotation marks that enclose no cell belong to the text."""
    try:
        [cells] = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        return [cell.lstrip(" ") for cell in line.split(separator)]
    return cells


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
