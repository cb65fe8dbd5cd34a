"""A machine on which commands are run: a folder to work in, and a data folder."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from services.cli.app import app
from tests.server.processes import is_running

LAPSTREAM = Path(sys.executable).with_name("lapstream")


class Machine:
    """A folder to work in, with a data folder of its own.

    ``start`` and ``run_process`` start a process, as users do; ``run`` runs the command in
    this process, which saves most of its time.
    """

    def __init__(self, folder: Path, data: str = "data") -> None:
        self.folder = folder
        self.environment = {
            "LAPSTREAM_DATA": str(folder / data),
            "COLUMNS": "120",
            "TERM": "xterm-256color",
        }
        self._data = folder / data
        self._commands: list[subprocess.Popen[str]] = []
        folder.mkdir(exist_ok=True)

    def end(self) -> None:
        """Kill every command that is still running."""
        for command in self._commands:
            command.kill()
            command.communicate()

    def start(self, *arguments: str, terminal: int | None = None) -> subprocess.Popen[str]:
        """Start a command, without a terminal or in this one."""
        command = subprocess.Popen(
            [str(LAPSTREAM), *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.PIPE if terminal is None else terminal,
            text=True,
        )
        self._commands.append(command)
        return command

    def run_process(self, *arguments: str, code: int = 0) -> str:
        """Run a command in a process; return its stdout, or its stderr where it fails."""
        command = self.start(*arguments)
        out, err = command.communicate(timeout=120)
        assert command.returncode == code, out + err
        assert "Traceback" not in err
        return err if code else out

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command in this process; return its stdout, or its stderr where it fails."""
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(
                app, arguments, env=self.environment, catch_exceptions=False
            )
        assert result.exit_code == code, f"lapstream {' '.join(arguments)}\n{result.output}"
        return result.stderr if code else result.stdout

    def run_bytes(self, *arguments: str) -> bytes:
        """Run a command in this process; return its stdout as it is."""
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(
                app, arguments, env=self.environment, catch_exceptions=False
            )
        assert result.exit_code == 0, result.stderr
        return result.stdout_bytes

    def rows(self, *arguments: str) -> list[dict[str, object]]:
        """Return the rows of a query."""
        return list(json.loads(self.run(*arguments, "--format", "json")))

    def server_runs(self) -> bool:
        """Whether the embedded server of this data folder is alive."""
        pid = self._data / "server.pid"
        return pid.exists() and is_running(int(pid.read_text()))
