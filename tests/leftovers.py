"""Processes that a test run started and that outlive it."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

RUN = "LAPSTREAM_TEST_RUN"
"""The environment variable that a run's processes inherit, with a value of its own for each run."""

GRACE_SECONDS = 10.0
"""For so long a process may still be ending when the tests are over."""


def new_run() -> str:
    """Return a value for ``RUN`` that no other run has."""
    return secrets.token_hex(8)


def left_behind(run: str) -> list[str]:
    """Return the processes of a run that have not ended ``GRACE_SECONDS`` later, described.

    Only Linux lists the environment of processes; elsewhere the list is empty.
    """
    deadline = time.monotonic() + GRACE_SECONDS
    while (found := _processes(run)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _processes(run: str) -> list[str]:
    mark = f"{RUN}={run}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if mark not in (process / "environ").read_bytes().split(b"\0"):
                continue
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        found.append(f"{process.name} {command[:200]}")
    return found
