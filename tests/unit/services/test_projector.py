"""The projector's settings, and when it writes what it need not write with every frame."""

from __future__ import annotations

import pytest
import structlog

from services.projector.app import build_app
from services.projector.schedule import CHECKPOINT_ENTRIES, SnapshotSchedule


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_snapshot_waits_for_its_second():
    """However much was told, no two snapshots are told within a second."""
    clock = HandClock()
    schedule = SnapshotSchedule(clock)
    schedule.snapshot_written(100)
    schedule.delta_written(10_000)
    clock.now += 0.9
    assert not schedule.snapshot_due()
    clock.now += 0.1
    assert schedule.snapshot_due()


def test_a_snapshot_is_paid_for_by_deltas():
    """A snapshot is told once the deltas since the last have come to its size."""
    clock = HandClock()
    schedule = SnapshotSchedule(clock)
    schedule.snapshot_written(100)
    clock.now += 60
    schedule.delta_written(99)
    assert not schedule.snapshot_due()
    schedule.delta_written(1)
    assert schedule.snapshot_due()
    schedule.snapshot_written(100)
    assert not schedule.snapshot_due()


def test_a_lost_snapshot_is_due_with_the_next_second():
    """A snapshot that was deleted is not waited for until it is paid for."""
    clock = HandClock()
    schedule = SnapshotSchedule(clock)
    schedule.snapshot_written(100)
    clock.now += 1
    schedule.snapshot_missing()
    assert schedule.snapshot_due()


def test_checkpoints_are_apart_in_entries_and_in_time():
    """Neither a rush of entries nor a long quiet makes checkpoints frequent."""
    clock = HandClock()
    schedule = SnapshotSchedule(clock)
    assert not schedule.checkpoint_due(CHECKPOINT_ENTRIES)
    clock.now += 1
    assert not schedule.checkpoint_due(CHECKPOINT_ENTRIES - 1)
    assert schedule.checkpoint_due(CHECKPOINT_ENTRIES)
    assert not schedule.checkpoint_due(CHECKPOINT_ENTRIES)


@pytest.mark.parametrize("limit", ["many", " ", "-1", "1.5"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, capsys, limit):
    """One line says which setting is wrong."""
    monkeypatch.setenv("LAPSTREAM_SESSION_LIMIT", limit)
    structlog.reset_defaults()
    with pytest.raises(SystemExit, match="1"):
        build_app()
    assert "LAPSTREAM_SESSION_LIMIT must be a number" in capsys.readouterr().err
