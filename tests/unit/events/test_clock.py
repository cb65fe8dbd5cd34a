"""Clock times as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.clock import format_clock, format_lap_time, parse_clock

A_WEEK = 7 * 24 * 3_600_000


@given(st.integers(0, A_WEEK))
def test_there_and_back(ms: int) -> None:
    """What is written as a clock or a lap time reads back to the millisecond."""
    assert parse_clock(format_clock(ms)) == ms
    assert parse_clock(format_lap_time(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("35.2", 35_200),
        ("69.195", 69_195),
        ("999", 999_000),
        ("1:09.195", 69_195),
        ("90:00", 5_400_000),
        ("5:00:00", 18_000_000),
        ("9:19:00.923", 33_540_923),
        ("24:00:00", 86_400_000),
        ("100:00:00.5", 360_000_500),
        (" 1:09.195 ", 69_195),
    ],
)
def test_read(text: str, ms: int) -> None:
    """Hours, minutes and fractions are written as far as they are needed."""
    assert parse_clock(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "1:",
        ":30",
        "1:9",
        "1:60",
        "1:75.5",
        "1:60:00",
        "1:2:03",
        "1:02:3",
        "1:02:03:04",
        "1000",
        "1000:00:00",
        "35.",
        ".5",
        "35.1234",
        "35,2",
        "-1:00",
        "+5",
        "1 : 09",
        "1e3",
        "lap 5",
        "1:09.195s",
        "٣٥",
        "1:09\n1",
    ],
)
def test_refused(text: str) -> None:
    """Anything else is refused, with the text itself."""
    with pytest.raises(ValueError, match="is not a time") as caught:
        parse_clock(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("ms", "clock", "lap"),
    [
        (0, "0:00:00.000", "0.000"),
        (7, "0:00:00.007", "0.007"),
        (69_195, "0:01:09.195", "1:09.195"),
        (59_999, "0:00:59.999", "59.999"),
        (60_000, "0:01:00.000", "1:00.000"),
        (3_599_999, "0:59:59.999", "59:59.999"),
        (3_600_000, "1:00:00.000", "1:00:00.000"),
        (33_540_000, "9:19:00.000", "9:19:00.000"),
        (-1, "-0:00:00.001", "-0.001"),
        (-69_195, "-0:01:09.195", "-1:09.195"),
    ],
)
def test_written(ms: int, clock: str, lap: str) -> None:
    """A clock always has hours; a lap time has what it needs. Before the start is negative."""
    assert format_clock(ms) == clock
    assert format_lap_time(ms) == lap
