"""The interface as OpenAPI describes it, tried with whatever fits the description."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from replay.petit_le_mans_2007 import petit_le_mans_2007
from services.gateway import create_app
from services.intake import attach
from services.log import Log
from services.roles import Role, new_token
from services.settings import Settings
from services.store import open_store
from tests.server.gateways import GatewayProcess

SESSION = "interface"
SECRET, TOKEN = new_token("tests", Role.ADMIN)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def described() -> schemathesis.BaseSchema:
    """What the gateway and the intake say of themselves.

    Left out are streams, which never end, replays, which would play on, and whole archives.
    """
    app = create_app(Settings())
    attach(app, Settings())
    schema = schemathesis.openapi.from_dict(app.openapi())
    return schema.exclude(path_regex="stream$").exclude(
        path_regex="^/(replays|archives)", method="POST"
    )


schema = described()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with a session."""
    data = tmp_path_factory.mktemp("interface")

    async def started() -> tuple[GatewayProcess, int]:
        async with open_store(data=data) as store:
            await Log(store).append(SESSION, petit_le_mans_2007()[:1500])
            process = GatewayProcess(Path(data), tokens=TOKEN)
            return process, await process.listening()

    process, port = asyncio.run(started())
    yield f"http://127.0.0.1:{port}"
    assert process.leave() == 0


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_no_server_error(case: Case, url: str) -> None:
    """Whatever fits the description is answered as it says, and never with a server error."""
    if "session" in (case.path_parameters or {}):
        case.path_parameters["session"] = SESSION
    case.call_and_validate(
        base_url=url, headers={"Authorization": f"Bearer {SECRET}"}, checks=CHECKS, timeout=30
    )
