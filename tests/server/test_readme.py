"""The commands of the README and of docs/races.md work, one after the other, on a new machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alkamel import Lap, car, laps_text, result_row, result_text
from tests.documents import commands_in

ROOT = Path(__file__).resolve().parents[2]
LAPSTREAM = Path(sys.executable).with_name("lapstream")
COMMANDS = [
    line
    for page in ("README.md", "docs/races.md")
    for line in commands_in((ROOT / page).read_text())
    if line.startswith("lapstream ")
    and "..." not in line
    and not line.startswith("lapstream serve")  # it goes on: see test_readme_serving
    and not line.startswith("lapstream feed rmonitor")  # likewise: see test_cli_feeds
]
FLAGS = ("GF", "GF", "FCY", "GF", "SF", "GF", "FCY", "GF", "FF")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("track")
    leader = car("7", *(Lap(flag=flag) for flag in FLAGS))
    second = car("31", *(Lap(s3=10_050, flag=flag) for flag in FLAGS))
    results = result_text(result_row(1, "7", 9, 540_000), result_row(2, "31", 9, 540_450))
    (folder / "23_Time_Cards_Race.CSV").write_text(laps_text(leader, second))
    (folder / "03_Results_Race.CSV").write_text(results)
    return folder


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in the folder, with its data in a folder of its own."""
    machine = "other" if "import archive" in line else "first"
    return subprocess.run(
        [str(LAPSTREAM), *shlex.split(line)[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        env={**os.environ, "LAPSTREAM_DATA": str(folder / machine), "COLUMNS": "120"},
    )


def test_commands_in_turn(folder: Path) -> None:
    """Every command that needs no server elsewhere succeeds and prints something."""
    assert len(COMMANDS) > 24
    for line in COMMANDS:
        done = run(line, folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout, line
