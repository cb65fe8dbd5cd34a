"""Importing recorded feeds by command: runs, and their kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.services.commands import Commands


def feed_of(*runs: tuple[str, str]) -> str:
    """A recorded feed with these runs: the sort mode (or nothing), and the name."""
    lines = []
    for mode, name in runs:
        lines += ["$I,,", *([f'$RMS,"{mode}"'] if mode else []), f'$B,4,"{name}"', '$C,1,"GT"']
        lines += [f'$A,"{car}","{car}",10{car},"Team {car}","","",1' for car in "123"]
        lines += ['$F,9999,"00:10:00","14:00:00","00:00:00","Green "'] * 2
        # The first car has most laps, the second the best one.
        for number, lap_times in (("1", (61, 60, 62)), ("2", (61, 57)), ("3", (63, 62, 64))):
            total = 1
            for lap, seconds in enumerate(lap_times, start=1):
                total += seconds
                at = f"00:{total // 60:02}:{total % 60:02}.000"
                lines += [f'$J,"{number}","00:{seconds // 60:02}:{seconds % 60:02}.000","{at}"']
                lines += [f'$G,1,"{number}",{lap},"{at}"']
    return "".join(f"{line}\r\n" for line in lines)


QUALIFYING, RACE = ["2", "1", "3"], ["1", "3", "2"]


@pytest.mark.parametrize(
    ("runs", "options", "orders"),
    [
        ([("qualifying", "Group 4")], (), [QUALIFYING]),
        ([("race", "Group 4")], (), [RACE]),
        ([("", "Group 4 Quali")], (), [QUALIFYING]),
        ([("qualifying", "Group 4"), ("race", "Group 5")], (), [QUALIFYING, RACE]),
        ([("", "Group 4"), ("", "Group 5")], ("--kind", "Group 4=qualifying"), [QUALIFYING, RACE]),
        (
            [("", "Group 4"), ("", "Group 5")],
            ("--kind", "group*=race", "--kind", "practice"),
            [RACE, RACE],
        ),
        (
            [("", "Group 4"), ("", "A"), ("", "B")],
            ("--kind", "?=qualifying"),
            [RACE, *[QUALIFYING] * 2],
        ),
    ],
)
def test_each_run_is_of_its_kind(
    lapstream: Commands,
    tmp_path: Path,
    runs: list[tuple[str, str]],
    options: tuple[str, ...],
    orders: list[list[str]],
) -> None:
    """Runs of one id are told apart by name, each in the order of its kind."""
    (tmp_path / "feed.txt").write_text(feed_of(*runs))
    command = ("import", "rmonitor", str(tmp_path / "feed.txt"), "--session", "day")
    printed = lapstream.output(*command, *options).splitlines()
    assert len(printed) == len(runs)
    for number, ((_, name), order) in enumerate(zip(runs, orders, strict=True)):
        session = "day" if number == 0 else f"day-{number + 1}"
        assert printed[number].startswith(f"{session}: {name}; 3 cars")
        rows = lapstream.rows("results", "results", session)
        assert [row["car"] for row in rows] == order


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--kind", "sprint"), "'sprint' is neither KIND nor NAME=KIND"),
        (("--kind", "Group 4=sprint"), "'Group 4=sprint' is neither KIND nor NAME=KIND"),
        (("--kind", "=race"), "'=race' is neither KIND nor NAME=KIND"),
        (("--kind", "race", "--kind", "practice"), "give one kind for all runs"),
    ],
)
def test_a_kind_that_is_none(
    lapstream: Commands, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    """A kind that does not exist is refused."""
    (tmp_path / "feed.txt").write_text(feed_of(("", "G")))
    command = ("import", "rmonitor", str(tmp_path / "feed.txt"), "--session", "day")
    assert reason in lapstream.misused(*command, *options)


def test_a_kind_for_no_run(lapstream: Commands, tmp_path: Path) -> None:
    """A name that no run of the recording has is refused, and the names are listed."""
    (tmp_path / "feed.txt").write_text(feed_of(("", "G"), ("", "H")))
    command = ("import", "rmonitor", str(tmp_path / "feed.txt"), "--session", "day")
    refusal = lapstream.refused(*command, "--kind", "Group 9=race")
    assert "no run is named 'Group 9', for which a kind is given; runs: 'G', 'H'" in refusal


def test_another_race_into_the_session(lapstream: Commands, tmp_path: Path) -> None:
    """Imported again with one changed lap, the event that differs is named, and both are shown."""
    recording = feed_of(("", "G"))
    (tmp_path / "feed.txt").write_text(recording)
    command = ("import", "rmonitor", str(tmp_path / "feed.txt"), "--session", "day")
    lapstream.output(*command)
    assert lapstream.output(*command) == "day has this race already: G\n"
    (tmp_path / "feed.txt").write_text(recording.replace("Team 2", "Team Two"))
    refusal = lapstream.refused(*command)
    assert "'day' already has events" in refusal
    before, after = refusal.split("sent: ")
    assert '"team":"Team 2"' in before
    assert '"team":"Team Two"' in after
