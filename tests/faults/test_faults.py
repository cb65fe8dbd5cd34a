"""The fault suite in its short form; `make faults` runs more of each part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PRINTED
from tests.faults.__main__ import CLUSTER_STORMS
from tests.faults.environment import CASES, Case
from tests.faults.extremes import extreme_events
from tests.faults.hostile_feed import hostile_feeds
from tests.faults.hostile_http import hostile_http
from tests.faults.reports import Report, percentile, table
from tests.faults.storm import storm_on_a_cluster, storm_on_one_server

SEED = 2007
SECONDS_AT_MOST = 5.0
"""What an append may take beside a hostile feed on a busy machine; it took up to 27."""
Record = Callable[[str, object], None]


def check(report: Report, record: Record) -> None:
    """Fail with what broke a promise; the figures are printed at the end of the run."""
    record(PRINTED, report.line())
    assert report.faults == [], report.text()


@pytest.mark.slow
def test_a_kill_storm_on_one_server(short_folder: Path, record_property: Record) -> None:
    """Whatever is killed, every acknowledged event stays, once and in order."""
    check(asyncio.run(storm_on_one_server(short_folder, SEED, 8, 2.0)), record_property)


@pytest.mark.slow
@pytest.mark.parametrize("options", CLUSTER_STORMS.values(), ids=CLUSTER_STORMS)
def test_a_kill_storm_on_a_cluster(
    tmp_path: Path, record_property: Record, options: dict[str, bool]
) -> None:
    """A replica takes over, and what it confirmed stays."""
    storm = storm_on_a_cluster(tmp_path, SEED, 4, 2.0, **options)
    check(asyncio.run(storm), record_property)


@pytest.mark.slow
def test_hostile_feeds(tmp_path: Path, record_property: Record) -> None:
    """No feed holds up the appends of another session; `make faults` holds them to the bar."""
    check(asyncio.run(hostile_feeds(tmp_path, SEED, 1.0, SECONDS_AT_MOST)), record_property)


@pytest.mark.slow
def test_hostile_http(tmp_path: Path, record_property: Record) -> None:
    """No request is answered with an error of the server, or keeps others out."""
    check(asyncio.run(hostile_http(tmp_path, SEED, 400)), record_property)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_environment(case: Case, short_folder: Path, record_property: Record) -> None:
    """Faults of the machine lose nothing that was acknowledged."""
    check(asyncio.run(case(short_folder, SEED)), record_property)


@pytest.mark.slow
def test_extreme_events(record_property: Record) -> None:
    """Sequences of extreme events are folded and shown."""
    check(extreme_events(SEED, 2000), record_property)


def test_a_table() -> None:
    """Columns are aligned, a figure that a row lacks is left blank."""
    assert table(
        [{"killed": "gateway", "kills": 12}, {"killed": "all", "kills": 40, "lost": 0}]
    ) == [
        "killed   kills  lost",
        "gateway     12",
        "all         40     0",
    ]
    assert table([]) == []


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.99, 4), (1, 4)])
def test_a_percentile(share: float, value: float) -> None:
    """The smallest value that the share does not exceed."""
    assert percentile([4, 1, 3, 2], share) == value
    assert percentile([], share) is None
