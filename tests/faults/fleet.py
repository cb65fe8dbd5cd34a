"""The processes of a service under a supervisor: killed with -9, and started again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.server.processes import ROOT

PROGRAMS = Path(sys.executable).parent
PROJECTOR = ("faststream", "run", "services.projector:build_app", "--factory")


class Service:
    """One process of lapstream. Its messages go to a file of its own."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.messages = folder / f"{name}.txt"
        self._arguments = (str(PROGRAMS / arguments[0]), *arguments[1:])
        self._environment = {**os.environ, "LAPSTREAM_LOG_LEVEL": "WARNING", **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, for the first time or again."""
        with self.messages.open("ab") as messages:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
            )

    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill it where it stands; one that has ended stays as it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def leave(self) -> int | None:
        """End it in good order; its exit code, None if it had to be killed."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def tracebacks(self) -> list[str]:
        """The tracebacks among its messages, each in one line."""
        lines = self.messages.read_text(errors="replace").splitlines()
        return [
            f"{self.name}: {_logged(line) or ' | '.join(lines[at : at + 40])[-500:]}"
            for at, line in enumerate(lines)
            if "Traceback (most recent call last)" in line
        ]

    def memory_mb(self) -> float:
        """The resident memory, in MB."""
        return _status(self.pid, "VmRSS")

    def peak_mb(self) -> float:
        """The most resident memory so far, in MB."""
        return _status(self.pid, "VmHWM")


class Fleet:
    """Several processes; those that ended by themselves are started again."""

    def __init__(self, services: list[Service]) -> None:
        self.services = services
        self.ended: Counter[str] = Counter()

    def start(self) -> None:
        """Start all."""
        for service in self.services:
            service.start()

    def restore(self) -> None:
        """Start again what has ended by itself, and count it."""
        for service in self.services:
            if not service.is_running():
                self.ended[service.name] += 1
                service.start()

    def kill(self) -> None:
        """Kill all."""
        for service in self.services:
            service.kill()

    def tracebacks(self) -> list[str]:
        """The ends of the tracebacks among all messages."""
        return [text for service in self.services for text in service.tracebacks()]


def gateway(
    name: str, port: int, environment: Mapping[str, str], folder: Path, *options: str
) -> Service:
    """``lapstream serve`` at a port, with a projector unless the options say otherwise."""
    return Service(name, ("lapstream", "serve", "--port", str(port), *options), environment, folder)


async def answers(url: str) -> bool:
    """Whether a gateway answers at the URL."""
    async with httpx.AsyncClient(timeout=2.0) as client:
        try:
            return (await client.get(f"{url}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False


def _logged(line: str) -> str:
    """The message and the last line of the traceback of a log line; empty for anything else."""
    try:
        logged = json.loads(line)
    except ValueError:
        return ""
    last = str(logged.get("exception", "")).strip().splitlines()[-1:]
    return f"{logged.get('event')}: {' '.join(last)}"


def _status(pid: int, name: str) -> float:
    found = re.search(
        rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
    )
    return round(int(found[1]) / 1024, 1) if found else 0.0
