"""Edit lists: timecodes and the two forms."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.views.markers import Marker
from replay.edit_list import (
    COLUMNS,
    DAY_MS,
    RATES,
    BeyondCalendar,
    NoWallClock,
    TooManyEvents,
    cmx3600,
    csv_list,
    timecode,
)

NOON = datetime(2024, 10, 12, 12, 10, tzinfo=UTC)
CAUTION = Marker("caution", 9, 60_000, 480_000, 372, None, "Caution 9: safety car")
LEAD = Marker("lead_change", 21, 700_040, None, 380, "1", "Car 1 leads lap 380 für Ö")


@pytest.mark.parametrize(
    ("ms", "rate", "expected"),
    [
        (0, "25", "00:00:00:00"),
        (40, "25", "00:00:00:01"),
        (999, "25", "00:00:00:24"),
        (86_399_999, "50", "23:59:59:49"),
        (DAY_MS, "25", "00:00:00:00"),
        (3_600_000, "24", "01:00:00:00"),
        (3_600_000, "60", "01:00:00:00"),
        # After a minute of 1800 frames come ;02, for ;00 and ;01 are left out.
        (60_059, "29.97", "00:00:59;29"),
        (60_060, "29.97", "00:01:00;02"),
        (120_054, "29.97", "00:02:00;02"),
        (600_000, "29.97", "00:10:00;00"),
        (3_600_004, "29.97", "01:00:00;00"),
        (60_060, "59.94", "00:01:00;04"),
        (600_000, "59.94", "00:10:00;00"),
    ],
)
def test_timecodes(ms: int, rate: str, expected: str) -> None:
    """Frames of a second, and the numbers that drop frame leaves out."""
    assert timecode(ms, RATES[rate]) == expected


def frame_of(code: str, nominal: int, dropped: int) -> int:
    """The frame that a timecode names, counted by the definition."""
    hours, minutes, seconds, frames = (int(part) for part in code.replace(";", ":").split(":"))
    whole = hours * 60 + minutes
    left_out = dropped * (whole - whole // 10)
    return (whole * 60 + seconds) * nominal + frames - left_out


@given(st.integers(0, DAY_MS - 200), st.sampled_from(sorted(RATES)))
def test_a_timecode_names_the_frame_of_its_time(ms: int, name: str) -> None:
    """At every rate, and never a frame number that drop frame leaves out."""
    rate = RATES[name]
    code = timecode(ms, rate)
    per_second = (1000, 1001)[rate.drop_frame]
    assert frame_of(code, rate.nominal, rate.dropped) == ms * rate.nominal // per_second
    minutes, seconds, frames = (int(part) for part in code.replace(";", ":").split(":")[1:])
    assert not (rate.dropped and minutes % 10 and seconds == 0 and frames < rate.dropped)


def test_cmx3600() -> None:
    """An event a marker: from its beginning to its end, a second where it has none."""
    assert cmx3600("Petit Le Mans", [CAUTION, LEAD], NOON, RATES["25"]).splitlines() == [
        "TITLE: Petit Le Mans",
        "FCM: NON-DROP FRAME",
        "",
        "001  AX       V     C        12:11:00:00 12:18:00:00 12:11:00:00 12:18:00:00",
        "* FROM CLIP NAME: Caution 9: safety car",
        "* LOC: 12:11:00:00 YELLOW  Caution 9: safety car",
        "",
        "002  AX       V     C        12:21:40:01 12:21:41:01 12:21:40:01 12:21:41:01",
        "* FROM CLIP NAME: Car 1 leads lap 380 f?r ?",
        "* LOC: 12:21:40:01 BLUE    Car 1 leads lap 380 f?r ?",
    ]
    assert "FCM: DROP FRAME" in cmx3600("A race", [], NOON, RATES["29.97"])


def test_csv() -> None:
    """A line a marker with clock, wall clock and timecode."""
    rows = list(csv.DictReader(io.StringIO(csv_list([CAUTION, LEAD], NOON, RATES["50"]))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["wall_clock"] == "2024-10-12T12:11:00.000+00:00"
    assert (rows[0]["timecode"], rows[0]["end_timecode"]) == ("12:11:00:00", "12:18:00:00")
    assert (rows[1]["clock"], rows[1]["end_clock"]) == ("0:11:40.040", "")
    assert (rows[1]["lap"], rows[1]["car"], rows[1]["timecode"]) == ("380", "1", "12:21:40:02")


def test_without_a_wall_clock() -> None:
    """CSV leaves it empty; an edit list would be of no use."""
    (row,) = csv.DictReader(io.StringIO(csv_list([CAUTION], None, RATES["25"])))
    assert (row["clock"], row["wall_clock"], row["timecode"]) == ("0:01:00.000", "", "")
    with pytest.raises(NoWallClock, match="--starts-at"):
        cmx3600("A race", [CAUTION], None, RATES["25"])


def test_a_list_holds_999_events() -> None:
    """Its event numbers have three digits."""
    assert "\n999  AX" in cmx3600("A race", [LEAD] * 999, NOON, RATES["25"])
    with pytest.raises(TooManyEvents, match="1000 markers"):
        cmx3600("A race", [LEAD] * 1000, NOON, RATES["25"])


def test_a_marker_beyond_the_calendar():
    """It has no time of day, and no list of times of day is written with a wrong one."""
    far = CAUTION._replace(at_ms=2**53, end_ms=None)
    with pytest.raises(BeyondCalendar, match="0 on 2024-10-12T12:10:00"):
        csv_list([far], NOON, RATES["25"])
    with pytest.raises(BeyondCalendar):
        cmx3600("A race", [far], NOON, RATES["25"])
    assert csv_list([far], None, RATES["25"])
