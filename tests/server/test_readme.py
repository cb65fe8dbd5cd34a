"""The commands of the README and of docs/races.md work, one after the other, on a new machine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.alkamel import Lap, car, laps_text, result_row, result_text
from tests.documents import commands_in
from tests.server.machines import Machine

ROOT = Path(__file__).resolve().parents[2]
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

COMPANIONS = {
    "02_Grid.csv": "POSITION;NUMBER\n1;7\n2;31\n",
    "20_Pit_Stops.csv": "NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME\n7;1;;;\n",
    "25_FlagsAnalysisWithRCMessages_Race.csv": (
        "TIME;ELAPSED;REC_TYPE;FLAG;SECTOR;MESSAGE;FLAG_TIME;ACCUM_TIME;LAP\n"
        "12:00:00.000;-;GF;GREEN FLAG;;;-;-;1\n"
        "12:09:00.000;9:00.000;FF;CHEQUERED FLAG;;;-;-;9\n"
    ),
    "26_Weather_Race.csv": "TIME_UTC_SECONDS;AIR_TEMP\n1728748800;21\n",
}
"""Files beside the laps."""

F1_TIMING = """00:00:01.000{"Lines":{"4":{"NumberOfLaps":1}}}
00:01:41.000{"Lines":{"4":{"NumberOfLaps":2,"LastLapTime":{"Value":"1:40.000"}}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("track")
    leader = car("7", *(Lap(flag=flag) for flag in FLAGS))
    second = car("31", *(Lap(s3=10_050, flag=flag) for flag in FLAGS))
    results = result_text(result_row(1, "7", 9, 540_000), result_row(2, "31", 9, 540_450))
    (folder / "23_Time_Cards_Race.CSV").write_text(laps_text(leader, second))
    (folder / "03_Results_Race.CSV").write_text(results)
    recorded = folder / "2018-baku-race"
    recorded.mkdir()
    (recorded / "TimingData.jsonStream").write_text(F1_TIMING)
    for name, text in COMPANIONS.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
def test_commands_in_turn(folder: Path) -> None:
    """Every command that needs no server elsewhere succeeds and prints something.

    The first is a process, as its readers start it. Replays are paced faster than printed.
    """
    assert len(COMMANDS) > 24
    first, other = Machine(folder, "first"), Machine(folder, "other")
    assert first.run_process(*shlex.split(COMMANDS[0])[1:])
    for line in COMMANDS:
        machine = other if "import archive" in line else first
        quick = re.sub(r"--speed \d+", "--speed 1000", line)
        assert machine.run(*shlex.split(quick)[1:]), line
