"""Folders of Formula One streams: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from events import DataDoubted, EntryAdded, LapCompleted
from events.errors import BadTimingFile
from replay.f1 import import_f1
from tests.unit.services.commands import Commands

TIMING = """\ufeff00:00:01.000{"Lines":{"4":{"NumberOfLaps":1}}}
00:00:02.000{"Lines":{"4":
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one topic, in which a line is broken."""
    (tmp_path / "TimingData.jsonStream").write_text(TIMING, encoding="utf-8")
    return tmp_path


def test_timing_data_alone_is_a_session(folder: Path) -> None:
    events = import_f1(folder, title="Race")
    types = {type(event) for event in events}
    assert {EntryAdded, LapCompleted, DataDoubted} <= types
    assert events == import_f1(folder, title="Race")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "there is no TimingData.jsonStream in it"),
        ("nowhere", "not a folder"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(BadTimingFile, match=reason):
        import_f1(tmp_path / name)


def test_a_topic_of_which_nothing_can_be_read_is_refused(folder: Path) -> None:
    (folder / "DriverList.jsonStream").write_text("<html>\n")
    with pytest.raises(BadTimingFile, match=r"DriverList\.jsonStream:1: no line is"):
        import_f1(folder)


def test_strict_refuses_doubts(folder: Path) -> None:
    with pytest.raises(BadTimingFile, match=r"TimingData\.jsonStream:2, column line, .* broken"):
        import_f1(folder, strict=True)


def test_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lapstream = Commands().used_by(monkeypatch)
    printed = lapstream.output("import", "f1", str(folder), "--session", "race", "--title", "Baku")
    first, doubt = printed.splitlines()
    assert first.startswith("race: Baku; 1 car, ")
    assert doubt.startswith("doubt: TimingData.jsonStream:2, column line")
    refused = lapstream.run("import", "f1", str(folder / "none"), "--session", "race")
    assert refused.exit_code == 1
    assert "not a folder" in refused.output
