"""Other processes, for tests that start, watch and kill them."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from services.storage.client import Store

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """Another command on a data folder, in a process of its own."""

    def __init__(
        self, data: Path, session: str, source: str, batches: str = "0", size: str = "1"
    ) -> None:
        arguments = [str(data), session, source, batches, size]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.command", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def server(self) -> int:
        """The process id of the server that the command found or started."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def acknowledged(self) -> Iterator[int]:
        """The last number of each batch, as it is acknowledged; ends with the command."""
        assert self._process.stdout is not None
        yield from map(int, self._process.stdout)

    def leave(self) -> None:
        """Have the command end in good order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0
        self._close()

    def kill(self) -> None:
        """Kill the command where it stands; one that has ended stays as it is."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


async def server_of(store: Store) -> int:
    """The process id of a store's server."""
    return int((await store.redis.info("server"))["process_id"])


def is_running(pid: int) -> bool:
    """Whether a process is alive (one that ended and is not yet reaped is not)."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # gone just now; macOS has no /proc
        return sys.platform != "linux"
    return state not in "ZX"


def is_served(data: Path) -> bool:
    """Whether a server holds the folder's lock."""
    with (data / "server.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def kill_server(data: Path, pid: int) -> None:
    """Kill the folder's server, and wait until the kernel has taken back its lock."""
    os.kill(pid, signal.SIGKILL)
    while is_running(pid):
        os.sched_yield()
