"""Headings of timing tables, as files of different origin write them."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

SEPARATORS = ";,\t|"
FURTHEST = 10
"""The line up to which headings are looked for: exports put titles above them."""

CAR_HEADINGS = (
    *("NO", "NR", "NUM", "CAR_NUMBER", "CAR_NO", "START_NUMBER", "STARTNUMMER", "NUMERO"),
    *("DORSAL", "CAR"),
)
"""Other headings of the car's NUMBER."""
_ROW_OF_HEADINGS = {"NUMBER", *CAR_HEADINGS, "REC_TYPE", "TIME_UTC_SECONDS"}
"""A line with one of them is the row of headings."""


class HeadingRow(NamedTuple):
    """The headings of a table, the separator of its cells, their line, and the text below."""

    names: list[str]
    separator: str
    line: int
    body: str


def canonical(heading: str) -> str:
    """Return a heading without differences of case, blanks, signs and accents.

    ``Lap Time`` and ``lap_time`` are ``LAP_TIME``; a bare ``#`` is ``NO``.
    """
    plain = without_accents(heading.strip())
    if plain.startswith("#"):
        plain = f"NO {plain[1:]}"
    return re.sub(r"[\W_]+", "_", plain).strip("_").upper()


def without_accents(text: str) -> str:
    """Return the text in plain letters: ``Prénom`` is ``Prenom``."""
    signs = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in signs if not unicodedata.combining(sign))


def heading_row(text: str) -> HeadingRow:
    """Return the row of headings: the first line that can be one, else the first of the text."""
    text = text.removeprefix("\ufeff")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    first = row = _first_row(text, 1)
    while _ROW_OF_HEADINGS.isdisjoint(row.names):
        if row.line == FURTHEST or not row.body:
            return first
        row = _first_row(row.body, row.line + 1)
    return row


def _first_row(text: str, line: int) -> HeadingRow:
    heading, _, body = text.partition("\n")
    separator = max(SEPARATORS, key=heading.count)
    return HeadingRow(_names(heading, separator), separator, line, body)


def _names(heading: str, separator: str) -> list[str]:
    """Return the headings of a line; a comma within one of a table with ``;`` is part of it."""
    cells: Iterable[str]
    try:
        [cells] = csv.reader([heading.rstrip("\r")], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = heading.split(separator)
    return [canonical(name) for name in cells]
