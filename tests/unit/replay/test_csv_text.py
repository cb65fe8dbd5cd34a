"""CSV that spreadsheets and programs read alike, and that runs nothing."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.csv_text import csv_cell, csv_text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("+1+2", "'+1+2"),
        ("\t=1+1", "' =1+1"),
        ("  =1+1", "'  =1+1"),
        ("a\nb\x1b[31m\0c", "a b [31m c"),
        ("+1.601", "+1.601"),
        ("+1:02.640", "+1:02.640"),
        ("+2 laps", "+2 laps"),
        ("-5", "-5"),
        (-5, -5),
        (None, None),
        ("Ševčík", "Ševčík"),
    ],
)
def test_cells(value: object, cell: object) -> None:
    """Formulas become texts and control characters blanks; figures and gaps stay."""
    assert csv_cell(value) == cell


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_every_row_is_one_line(rows: list[tuple[str, str]]) -> None:
    """Whatever a cell holds, no reader finds more rows or columns than there are."""
    text = csv_text(("a", "b"), rows)
    assert [len(row) for row in csv.reader(io.StringIO(text))] == [2] * (len(rows) + 1)
    assert len(text.splitlines()) == len(rows) + 1
