"""A real embedded server for the tests, and other servers made from the same program."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from services.storage.client import Store, open_store
from services.storage.embedded import EmbeddedServer
from services.storage.event_log import Log
from services.storage.valkey import find_binary
from tests.server.processes import Command

StartServer = Callable[..., str]
StartCommand = Callable[..., Command]
_numbers = count(1)


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a server that runs for the whole test session.

    A test that stops or kills a server takes a folder of its own: ``tmp_path``.
    """
    data = tmp_path_factory.mktemp("store")
    with asyncio.Runner() as runner:
        server = EmbeddedServer(data)
        runner.run(server.use())
        yield data
        runner.run(server.leave())


@pytest.fixture
async def store(shared_data: Path) -> AsyncIterator[Store]:
    """The shared embedded server."""
    async with open_store(data=shared_data) as store:
        yield store


@pytest.fixture
def log(store: Store) -> Log:
    """The logs of the shared server."""
    return Log(store)


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """A session id that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:50]
    return f"{name}-{next(_numbers)}"


@pytest.fixture
def start_command() -> Iterator[StartCommand]:
    """Start other commands on a data folder; none of them, nor their server, outlives the test."""
    started: list[tuple[Command, Path]] = []

    def start(data: Path, *arguments: str | int) -> Command:
        started.append((Command(data, *map(str, arguments)), data))
        return started[-1][0]

    yield start
    for command, _ in started:
        command.kill()
    for data in {data for _, data in started}:
        if data.exists():
            asyncio.run(_use_and_leave(data))


async def _use_and_leave(data: Path) -> None:
    """Be the last to leave a folder's server."""
    async with EmbeddedServer(data).running():
        pass


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="ls", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def start_server(short_folder: Path) -> Iterator[StartServer]:
    """Start servers as a foreign one would be: ``start_server("--appendonly", "no")``.

    Gives the server's URL. It is fit but for the options given.
    """
    servers: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> str:
        home = short_folder / str(len(servers))
        home.mkdir()
        path = home / "s.sock"
        fit = ["--port", "0", "--save", "", "--appendonly", "yes", "--unixsocket", str(path)]
        servers.append(
            subprocess.Popen(
                [str(find_binary()), *fit, "--logfile", "log", *options],
                cwd=home,
                stdin=subprocess.DEVNULL,
            )
        )
        _wait_for(servers[-1], path)
        return f"unix://{path}?db=0"

    yield start
    for server in servers:
        server.kill()
        server.wait()


def _wait_for(server: subprocess.Popen[bytes], path: Path) -> None:
    """Wait until the server listens at the socket."""
    deadline = time.monotonic() + 30
    while True:
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.connect(str(path))
            return
        assert server.poll() is None, (path.parent / "log").read_text()
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.01)
