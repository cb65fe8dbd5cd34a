"""Every real laps file imports, with its result; doubts are listed by file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from events import DataDoubted, LapCompleted, PitEntered, PitExited
from replay.importing import import_alkamel
from tests.data import DATA, needs_data

pytestmark = needs_data

FILES = sorted(
    path for folder in ("imsa", "imsa-practice") for path in (DATA / folder).rglob("*laps.csv")
)

DOUBTS: dict[str, Counter[str]] = {}
"""The doubts that a file has, by column; none has any so far."""


def name_of(path: Path) -> str:
    """A file by season, event and session."""
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name.removesuffix('-laps.csv')}"


QUICK = (
    "2022/01-roar-before-the-24/202201221000-session-3",
    "2024/14-road-america/202408030955-practice-2",
)
"""Files in which a car was pushed over the finish line in the lane."""


def params() -> list[object]:
    """All files; but for two they are slow."""
    return [
        pytest.param(
            path, id=name_of(path), marks=() if name_of(path) in QUICK else pytest.mark.slow
        )
        for path in FILES
    ]


@pytest.mark.parametrize("path", params() or ["none"])
def test_every_file_imports(path: Path) -> None:
    """Each file gives its laps, visits that do not overlap, and the doubts known of it."""
    results = path.with_name(path.name.replace("laps", "results"))
    events = import_alkamel(path, results if results.is_file() else None)
    rows = path.read_text(encoding="utf-8").rstrip().count("\n")
    assert sum(isinstance(event, LapCompleted) for event in events) == rows
    doubts = Counter(event.column for event in events if isinstance(event, DataDoubted))
    assert doubts == DOUBTS.get(name_of(path), Counter())
    in_lane: set[str] = set()
    for event in events:
        if isinstance(event, PitEntered):
            assert event.car not in in_lane
            in_lane.add(event.car)
        elif isinstance(event, PitExited):
            in_lane.remove(event.car)


def test_there_are_as_many_as_there_were() -> None:
    """All 128 files of two seasons are tried."""
    assert len(FILES) == 128
