"""The command line on a store of its own, and in processes where a process is the point."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import struct
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from tests.alkamel import Lap, car, laps_text, result_row, result_text
from tests.server.machines import Machine

FLAGS = ("GF", "FCY", "FCY", "GF", "FF")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with the timing files of a short race."""
    machine = Machine(tmp_path / "machine")
    first = car("7", *(Lap(flag=flag) for flag in FLAGS))
    second = car("31", *(Lap(s3=10_050, flag=flag) for flag in FLAGS))
    results = result_text(result_row(1, "7", 5, 300_000), result_row(2, "31", 5, 300_250))
    (machine.folder / "laps.csv").write_text(laps_text(first, second))
    (machine.folder / "results.csv").write_text(results)
    (machine.folder / "other.csv").write_text(laps_text(first))
    (machine.folder / "bad.csv").write_text(laps_text(first).replace("1:00.000", "1:0x.000"))
    yield machine
    machine.end()


def imported(machine: Machine) -> str:
    """The short race, imported."""
    arguments = ("laps.csv", "--results", "results.csv", "--session", "short", "--title", "Short")
    return machine.run("import", "alkamel", *arguments)


def test_from_a_timing_file_to_standings_and_back(machine: Machine, tmp_path: Path) -> None:
    """Import, ask, export; import elsewhere and export again: the same bytes and state."""
    assert imported(machine) == "short: Short; 2 cars, 41 events\n"
    rows = machine.rows("standings", "short", "--at", "lap:2")
    assert [(row["car"], row["laps"]) for row in rows] == [("7", 2), ("31", 1)]
    (caution,) = machine.rows("cautions", "short")
    assert (caution["first_lap"], caution["last_lap"]) == (2, 3)
    assert [row["laps"] for row in machine.rows("results", "short")] == [5, 5]

    machine.run_process("export", "short", "short.jsonl.gz")
    archive = machine.folder / "short.jsonl.gz"
    assert machine.run_bytes("export", "short", "-") == archive.read_bytes()
    elsewhere = Machine(tmp_path / "elsewhere")
    elsewhere.run_process("import", "archive", str(archive))
    elsewhere.run("export", "short", "again.jsonl.gz")
    assert (elsewhere.folder / "again.jsonl.gz").read_bytes() == archive.read_bytes()
    assert elsewhere.rows("session", "short") == machine.rows("session", "short")
    assert not machine.server_runs()


def test_importing_twice_changes_nothing(machine: Machine) -> None:
    """The same files again are no error; other files, or an archive, need a fresh session."""
    imported(machine)
    before = machine.rows("session", "short")
    assert imported(machine) == "short has this race already: Short\n"
    machine.run("export", "short", "short.jsonl.gz")
    for arguments in (
        ("alkamel", "other.csv", "--session", "short"),
        ("archive", "short.jsonl.gz"),
    ):
        assert "already has events" in machine.run("import", *arguments, code=1)
    assert machine.rows("session", "short") == before


def test_a_bad_file_is_refused_in_a_line(machine: Machine) -> None:
    """File, line, column and value are named; nothing was appended."""
    printed = machine.run("import", "alkamel", "bad.csv", "--session", "bad", code=1)
    assert printed.startswith("lapstream: bad.csv:2, column ELAPSED, value '1:0x.000': ")
    assert printed.count("\n") == 1
    assert "bad" not in {row["session"] for row in machine.rows("sessions")}
    printed = machine.run_process("import", "archive", "laps.csv", code=1)
    assert printed.startswith("lapstream: laps.csv: ")


def test_what_is_not_there_is_reported_in_a_line(machine: Machine) -> None:
    """A file, a server, a folder."""
    assert "nowhere.csv" in machine.run(
        "import", "alkamel", "nowhere.csv", "--session", "x", code=1
    )
    printed = machine.run("sessions", "--store", "redis://127.0.0.1:1", code=1)
    assert printed.startswith("lapstream: no answer from the store at redis://127.0.0.1:1")
    printed = machine.run("sessions", "--data", "/proc/none", code=1)
    assert "name another with --data" in printed


@pytest.mark.slow
def test_a_built_in_race_requested_by_two_at_once(machine: Machine) -> None:
    """On a new machine it is put into the log once, and both get their answer."""
    commands = [
        machine.start("results", "petit-le-mans-2007", "--format", "json") for _ in range(2)
    ]
    answers = [command.communicate(timeout=120)[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert answers[0] == answers[1]
    assert [row["car"] for row in json.loads(answers[0])[:4]] == ["1", "7", "20", "5"]
    (session,) = machine.rows("session", "petit-le-mans-2007")
    (listed,) = machine.rows("sessions")
    assert session["events"] == listed["entries"]


@pytest.mark.slow
def test_the_demonstration_without_a_terminal(machine: Machine) -> None:
    """It tells the race in lines, ends by itself with three tables, and cleans up."""
    printed = machine.run_process("demo", "--speed", "max")
    for line in ("caution 9", "chequered flag", "Fastest laps", "Cautions"):
        assert line in printed
    assert [line.split()[0] for line in printed.splitlines()[-9:]] == [*"123456789"]
    assert not machine.server_runs()
    (_, demo) = machine.rows("sessions")
    assert demo["session"] == "petit-le-mans-2007-demo-1"
    assert "already has events" in machine.run(
        "demo", "--speed", "max", "--session", "petit-le-mans-2007-demo-1", code=1
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_a_line(machine: Machine, how: signal.Signals) -> None:
    """Interrupted, the demonstration says so in one line, and leaves no server behind."""
    command = machine.start("demo")
    assert command.stdout is not None
    assert command.stdout.readline()
    command.send_signal(how)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert err.splitlines()[-1] == "lapstream: stopped"
    assert "Traceback" not in err
    assert not machine.server_runs()


class Screen:
    """A terminal of 80 columns and 24 lines, with a command in it."""

    def __init__(self, machine: Machine, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.command = machine.start(*arguments, terminal=theirs)
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> None:
        """Read what is drawn until this text has been drawn anew."""
        seen, deadline = len(self.shown), time.monotonic() + 60
        while text not in self.shown[seen:]:
            assert time.monotonic() < deadline, self.shown[-3000:]
            if select.select([self._ours], [], [], 1)[0]:
                self.shown += os.read(self._ours, 65536).decode(errors="replace")

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def left(self) -> int:
        """The exit code, once the command has ended."""
        while True:
            try:
                self.shown += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                break
        os.close(self._ours)
        return self.command.wait(60)


def test_a_replay_on_a_terminal(machine: Machine) -> None:
    """The tower is drawn on a screen of its own; keys pause, skip, seek, filter and leave."""
    imported(machine)
    screen = Screen(machine, "replay", "short", "--from", "lap:1", "--car", "31")
    screen.until("\x1b[?1049h")
    screen.until("▶ 1x")
    screen.press(" ")
    screen.until("PAUSED")
    screen.press("n")
    screen.until("FULL COURSE YELLOW")
    screen.press("c")
    screen.until("only GT")
    screen.press("q")
    assert screen.left() == 0
    assert "\x1b[?1049l" in screen.shown
    assert "Traceback" not in screen.shown


def test_the_demonstration_on_a_terminal(machine: Machine) -> None:
    """The tower is fed from frames; it can be left early, and says where the race stays."""
    screen = Screen(machine, "demo")
    screen.until("Petit Le Mans 2007")
    screen.until("GREEN")
    screen.press("q")
    assert screen.left() == 0
    assert "stopped before the end" in screen.shown
    assert not machine.server_runs()


def test_tokens_of_the_store(machine: Machine) -> None:
    """Added, listed and revoked, with a scope and an end; all of it is in the audit."""
    scope = ("--session", "spa-*", "--until", "8h", "--by", "Jo")
    secret = machine.run("token", "add", "control", "--name", "desk", *scope)
    assert len(secret.split()) == 1
    (listed,) = machine.rows("token", "list")
    assert (listed["name"], listed["role"], listed["sessions"]) == ("desk", "control", ["spa-*"])
    assert (listed["added_by"], listed["ended"]) == ("Jo", False)
    assert f"revoked: {listed['id']}, control desk" in machine.run("token", "revoke", "desk")
    assert machine.rows("token", "list") == []
    assert "no token has the id" in machine.run("token", "revoke", "desk", code=1)
    revoked, added = machine.rows("audit")
    assert (added["by"], added["session"]) == ("Jo", None)
    assert added["what"] == f"token added: control desk {listed['id']} for spa-*"
    assert str(revoked["what"]).startswith("token revoked: ")
    imported(machine)
    assert machine.rows("audit", "short") == []


@pytest.mark.parametrize("arguments", [("add", "boss", "--name", "x"), ("boss",)])
def test_a_role_that_is_none(machine: Machine, arguments: tuple[str, ...]) -> None:
    """It is refused, whichever way the token is made."""
    assert "is not a role" in machine.run("token", *arguments, code=2)


def test_check(machine: Machine) -> None:
    """A store and an archive that are whole, and an archive that is not."""
    imported(machine)
    machine.run("export", "short", "short.jsonl.gz")
    output = machine.run("check", "short.jsonl.gz").splitlines()
    assert output == ["short: 41 entries, whole", "short.jsonl.gz: 41 entries, whole"]
    (machine.folder / "cut.jsonl.gz").write_bytes(
        (machine.folder / "short.jsonl.gz").read_bytes()[:-20]
    )
    assert machine.run("check", "cut.jsonl.gz", code=1) == "lapstream: not whole: cut.jsonl.gz\n"
