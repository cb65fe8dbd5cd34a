"""CSV as programs and spreadsheets read it: a header, a line a row, and nothing that runs.

Names come from feeds and files. A control character in one would end a cell in some readers,
and reaches a terminal through ``cat``; it is written as a blank. A cell that begins like a
formula would be computed by a spreadsheet, whoever wrote it; it begins with an apostrophe,
which spreadsheets take for the mark of a text [OWASP, CSV Injection].
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = re.compile(r"[=@+-]")
_QUANTITY = re.compile(r"[+-][\d:.,]+( ?(L|laps?|LAPS?))?")
"""A signed number, or a gap: ``-5``, ``+1:02.640``, ``+2 laps``."""


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """The rows as CSV, with a line feed behind each line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue()


def csv_cell(value: Any) -> Any:
    """A value as a cell; texts as described above."""
    if not isinstance(value, str):
        return value
    if not value.isprintable():
        value = "".join(sign if sign.isprintable() else " " for sign in value)
    formula = _FORMULA.match(value.lstrip())
    return f"'{value}" if formula and not _QUANTITY.fullmatch(value) else value
