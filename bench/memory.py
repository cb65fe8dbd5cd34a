"""``lapstream serve`` with 65 races in its store, 12 of them asked about in turn: MB against 400.

The races are the built-in one of 29,000 events, appended under names of their own while the
server projects them, as imports do. ``serve`` is a process of its own; its resident memory is
read once all races are projected and the questions answered, and ``highest_mb`` is the most
that it ever held. Each question is a view with a long past, which is folded from the log.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from bench.measure import report
from replay.petit_le_mans_2007 import petit_le_mans_2007
from services.projector.app import IDLE_SECONDS
from services.storage.client import open_store
from services.storage.event_log import Log

RACES = 65
QUERIED = 12
BAR_MB = 400.0
LAPSTREAM = str(Path(sys.executable).parent / "lapstream")


def resident_mb(pid: int, field: str) -> float:
    """The resident memory of a process: ``VmRSS`` now, ``VmHWM`` at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found
    return round(int(found[1]) / 1024, 1)


def names(count: int) -> list[str]:
    """The names of the races."""
    return [f"race-{number}" for number in range(count)]


async def append(data: Path, count: int) -> None:
    """Append the races, one after the other."""
    events = petit_le_mans_2007()
    async with open_store(None, data) as store:
        log = Log(store)
        for name in names(count):
            await log.append(name, events)


def main() -> None:
    """Measure, and print one line."""
    count = int(os.environ.get("RACES", RACES))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        server = subprocess.Popen(
            [LAPSTREAM, "serve", "--data", folder, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout
            address = next(
                found[0] for line in server.stdout if (found := re.search(r"http://\S+", line))
            ).rstrip("/.,")
            asyncio.run(append(data, count))
            projected = resident_mb(server.pid, "VmRSS")
            began = time.perf_counter()
            queried = names(count)[:QUERIED]
            for name in queried:
                question = f"{address}/sessions/{name}/laps?car=1&at=5:00:00"
                with urlopen(question) as answer:  # noqa: S310 - http, on this machine
                    answer.read()
            took = time.perf_counter() - began
            time.sleep(IDLE_SECONDS + 5)
            ours = resident_mb(server.pid, "VmRSS")
            highest = resident_mb(server.pid, "VmHWM")
        finally:
            server.terminate()
            server.wait()
    report(
        "memory",
        ours,
        BAR_MB,
        ours / BAR_MB,
        "MB",
        races=count,
        queried=len(queried),
        when_appended_mb=projected,
        highest_mb=highest,
        question_ms=round(took * 1000 / len(queried)),
    )


if __name__ == "__main__":
    main()
