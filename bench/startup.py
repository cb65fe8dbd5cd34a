"""``lapstream --help`` against importing what prints it: user and system seconds of the process.

``query_ms`` is the wall-clock time of ``lapstream standings`` on a stored race of 29,000
events, the server's start and end included.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import report

LAPSTREAM = str(Path(sys.executable).parent / "lapstream")
HELP = (LAPSTREAM, "--help")
AGAINST = (sys.executable, "-c", "import typer, rich.console, rich.table")
QUERY = (LAPSTREAM, "standings", "petit-le-mans-2007", "--format", "json")
ROUNDS = 11


def cpu_seconds(command: tuple[str, ...]) -> float:
    """User and system seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def query_seconds() -> float:
    """Wall-clock seconds of one query of a race that is in the store."""
    began = time.perf_counter()
    subprocess.run(QUERY, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure in turn, and print one line."""
    cpu_seconds(HELP), cpu_seconds(AGAINST)
    pairs = [(cpu_seconds(HELP), cpu_seconds(AGAINST)) for _ in range(ROUNDS)]
    with tempfile.TemporaryDirectory() as data:
        os.environ["LAPSTREAM_DATA"] = data
        query_seconds()  # which puts the race into the store
        queries = [query_seconds() for _ in range(5)]
    report(
        "startup",
        statistics.median(ours for ours, _ in pairs) * 1000,
        statistics.median(theirs for _, theirs in pairs) * 1000,
        statistics.median(ours / theirs for ours, theirs in pairs),
        "ms",
        query_ms=round(statistics.median(queries) * 1000),
    )


if __name__ == "__main__":
    main()
