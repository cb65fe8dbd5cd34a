"""Markers on the command line: which, and in which form."""

from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner, Result

import services.storage.client
import services.storage.event_log
from events import encode
from services.cli.app import app
from tests.unit.services.memory import MemoryLog
from tests.unit.services.tower_race import race_story

RACE = "short-le-mans"
START = "2007-10-06T11:15:00-04:00"


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with the short race in it."""
    log = MemoryLog()
    log.hold(RACE, map(encode, race_story()))
    monkeypatch.setattr(services.storage.client, "open_store", log.opened)
    monkeypatch.setattr(services.storage.event_log, "Log", log)


def markers(*arguments: str) -> Result:
    """Run ``lapstream markers`` on the short race."""
    return CliRunner().invoke(app, ["markers", RACE, *arguments])


def test_only_the_kinds_that_were_wanted() -> None:
    """One, or several of them."""
    every = json.loads(markers("--format", "json").stdout)
    cautions = json.loads(markers("--kind", "caution", "--format", "json").stdout)
    assert cautions == [row for row in every if row["kind"] == "caution"]
    two = json.loads(
        markers("--kind", "caution", "--kind", "lead-change", "--format", "json").stdout
    )
    assert two == [row for row in every if row["kind"] in ("caution", "lead_change")]
    assert markers("--kind", "moon").exit_code == 2


def test_an_edit_list_needs_the_time_of_day() -> None:
    """The session does not say when it began; the option does."""
    refused = markers("--format", "edl")
    assert refused.exit_code == 1
    assert "--starts-at" in refused.stderr
    edl = markers("--format", "edl", "--starts-at", START, "--fps", "50").stdout
    assert edl.startswith("TITLE: Short Le Mans")
    (row, *_) = csv.DictReader(
        io.StringIO(markers("--format", "csv", "--starts-at", START, "--fps", "50").stdout)
    )
    assert row["timecode"] in edl
    assert row["wall_clock"].startswith("2007-10-06T11:26:05.000-04:00")


@pytest.mark.parametrize("time", ["noon", "2007-10-06T11:15:00", "11:15"])
def test_a_time_of_day_needs_its_zone(time: str) -> None:
    """Else it names no instant."""
    assert markers("--format", "edl", "--starts-at", time).exit_code == 2


def test_a_frame_rate_that_there_is_not() -> None:
    """Is wrong usage."""
    assert markers("--format", "edl", "--fps", "23").exit_code == 2
