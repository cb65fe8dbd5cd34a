"""What docs/gateway.md shows of serving works as it is printed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.roles import Role, new_token
from tests.server.gateways import GatewayProcess
from tests.server.processes import ROOT

PAGE = (ROOT / "docs" / "gateway.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = [line for line in SHELL.replace("\\\n", " ").splitlines() if "lapstream" not in line]
SECRET, TOKEN = new_token("readme", Role.CONTROL)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The gateway that the page begins with, on a store that is new."""
    process = GatewayProcess(tmp_path_factory.mktemp("readme"), 0, "--projector", tokens=TOKEN)
    yield asyncio.run(process.listening())
    assert process.leave() == 0


def first_output(command: list[str], needle: bytes) -> bytes:
    """What a command prints until something is in it; then the command is ended."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={
                **os.environ,
                "TOKEN": SECRET,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        )
        assert process.stdout is not None
        read = b""
        with contextlib.suppress(ValueError):
            while needle not in read and (chunk := os.read(process.stdout.fileno(), 1 << 16)):
                read += chunk
        process.kill()
        process.communicate()
        errors.seek(0)
        assert needle in read, (read, errors.read())
    return read


@pytest.mark.parametrize(
    ("number", "needle"),
    [
        (0, b'"session_flag"'),
        (1, b"event: snapshot"),
        (2, b'"kind":"snapshot"'),
        (3, b'"positions"'),
    ],
)
def test_commands(port: int, number: int, needle: bytes) -> None:
    """Each command of the page works as it is printed."""
    assert len(COMMANDS) == 4
    command = COMMANDS[number].replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    first_output(["bash", "-c", f"exec {command}"], needle)


@pytest.mark.parametrize("number", [0, 1], ids=["watch", "write"])
def test_programs(port: int, number: int) -> None:
    """The Python programs print what is shown, and where what they write stands."""
    assert len(PROGRAMS) == 2
    program = PROGRAMS[number].replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    assert first_output([sys.executable, "-c", program], b"\n")
