"""The commands for outputs, against a gateway."""

from __future__ import annotations

import asyncio
import http.server
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import structlog
from typer.testing import CliRunner, Result

from events.errors import LapstreamError
from services.cli.app import app
from services.cli.gateway_client import BadGatewayUrl, GatewayClient, GatewayRefused, NoGateway
from services.cli.outputs import OUTPUTS
from services.logging import configure
from services.storage.client import Store, open_store
from tests.documents import commands_in
from tests.server.gateways import serving
from tests.server.projecting import eventually, projecting
from tests.server.test_outputs import OPERATOR, SETTINGS, VIEWER, append, audit, three_laps

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _quiet_gateway() -> Iterator[None]:
    """The gateway runs in this process, and must not log to a command's stdout."""
    before = structlog.get_config()
    configure("ERROR")
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def logs_on_stderr() -> None:
    """Keep the gateway's log lines out of the commands' stdout, which is captured."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))


class Operator:
    """Somebody at a command line, with a gateway and a token."""

    def __init__(self, gateway: str, token: str | None = OPERATOR) -> None:
        self._environment = {"LAPSTREAM_GATEWAY": gateway, "LAPSTREAM_TOKEN": token}

    async def run(self, *arguments: str) -> Result:
        """What a command came to; it asks over HTTP, so it must not stop the gateway here."""
        runner = CliRunner()
        command = ["output", *arguments]
        return await asyncio.to_thread(runner.invoke, app, command, env=self._environment)

    async def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """The rows of a command that is done, which keep to their schema."""
        result = await self.run(*arguments, "--format", "json")
        assert result.exit_code == 0, result.output
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        jsonschema.validate(rows, OUTPUTS.schema())
        return rows


async def has_a_picture(operator: Operator, output: str) -> bool:
    """Whether an output shows anything yet."""
    return (await operator.rows("show", output))[0]["position"] is not None


async def test_an_output_from_its_making_to_its_end(store: Store, session: str) -> None:
    """Put, listed, shown, frozen, released and removed by commands alone, with the audit."""
    async with projecting(store, session), serving(store, SETTINGS) as url:
        await append(store, session, three_laps())
        operator = Operator(url)
        wanted = ("--session", session, "--view", "battle", "--car", "7", "--car", "1")
        (made,) = await operator.rows("put", session, *wanted, "--rows", "2", "--delay", "0.5")
        assert (made["cars"], made["rows"], made["delay_ms"]) == (["7", "1"], 2, 500)
        (changed,) = await operator.rows("put", session, "--session", session, "--rows", "3")
        assert (changed["view"], changed["rows"]) == ("standings", 3)
        await eventually(lambda: has_a_picture(operator, session), "a picture")
        (frozen,) = await operator.rows("freeze", session, "--reason", "check")
        assert (frozen["frozen_by"], frozen["reason"]) == ("graphics", "check")
        listed = {row["name"]: row for row in await operator.rows("list")}
        assert listed[session]["frozen_by"] == "graphics"
        held = await operator.run("remove", session)
        assert (held.exit_code, "frozen" in held.stderr) == (1, True)
        (released,) = await operator.rows("release", session)
        assert released["frozen_by"] is None
        assert (await operator.run("remove", session)).exit_code == 0
        gone = await operator.run("show", session)
        assert (gone.exit_code, session in gone.stderr) == (1, True)
        shown = await operator.run("list")
        assert shown.exit_code == 0
    assert [kind for kind, _ in await audit(store, session)] == [
        "output_frozen",
        "output_released",
    ]


async def test_the_commands_of_the_page_for_operators(tmp_path: Path) -> None:
    """What `docs/graphics.md` tells an operator to type is done, one after the other."""
    lines = [
        line
        for line in commands_in((ROOT / "docs" / "graphics.md").read_text())
        if line.startswith("lapstream output ")
    ]
    assert len(lines) > 5
    async with (
        open_store(data=tmp_path / "store") as store,
        projecting(store, "rehearsal"),
        serving(store, SETTINGS) as url,
    ):
        await append(store, "rehearsal", three_laps())
        operator = Operator(url)
        for line in lines:
            done = await operator.run(*shlex.split(line)[2:])
            assert done.exit_code == 0, f"{line}: {done.output}"
            if line.startswith("lapstream output put tower"):
                await eventually(lambda: has_a_picture(operator, "tower"), "a picture")


async def test_who_may_not_is_refused(store: Store, session: str) -> None:
    """In a line, with how to give a token; a view that there is not is wrong usage."""
    async with serving(store, SETTINGS) as url:
        nobody = await Operator(url, None).run("freeze", session)
        assert (nobody.exit_code, "--token" in nobody.stderr) == (1, True)
        viewer = await Operator(url, VIEWER).run("freeze", session)
        assert (viewer.exit_code, "403" in viewer.stderr) == (1, True)
        wrong = await Operator(url).run("put", session, "--session", session, "--view", "moon")
        assert wrong.exit_code == 2


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://127.0.0.1", "http://", "http://x:port", "http://[::1"]
)
def test_an_address_of_nothing(url: str) -> None:
    """It is refused before anybody is asked."""
    with pytest.raises(BadGatewayUrl):
        GatewayClient(url)


def test_nobody_is_there() -> None:
    """Neither where nothing listens, nor where something else does."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_port}"
    with server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(LapstreamError) as other:
            GatewayClient(url).request("GET", "/outputs")
        thread.join()
    assert isinstance(other.value, NoGateway | GatewayRefused)
    with pytest.raises(NoGateway):
        GatewayClient(url).request("GET", "/outputs")
    for address, token in (("http://a..b", None), (url, "a\nsecret")):
        with pytest.raises(NoGateway) as unsent:
            GatewayClient(address, token).request("GET", "/outputs")
        assert "secret" not in str(unsent.value)
