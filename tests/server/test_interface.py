"""The interface as OpenAPI describes it, tried with whatever fits the description."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.gateway import create_app
from services.gateway.routes.events import attach
from services.roles import Role, new_token
from services.settings import GatewaySettings
from services.storage.client import open_store
from services.storage.event_log import Log
from services.storage.output_store import Output, OutputStore
from services.storage.replay_store import Replays
from tests.profiles import examples
from tests.races import petit_le_mans_2007
from tests.server.gateways import GatewayProcess
from tests.server.projecting import projecting, until_projected

SESSION, OUTPUT, REPLAY = "petit-le-mans-2007", "interface-output", "interface-replay"
"""The session of the examples: of another one nobody here makes pictures."""

EVERY = 8 // examples(8, few=1)
"""Of the thousands of cases at the limits of what is described, quick tests send one in so many."""

SECRET, TOKEN = new_token("tests", Role.ADMIN)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def described() -> schemathesis.BaseSchema:
    """What the gateway and the intake say of themselves."""
    app = create_app(GatewaySettings())
    attach(app, GatewaySettings())
    return schemathesis.openapi.from_dict(app.openapi())


@pytest.fixture
def description(
    described: schemathesis.BaseSchema, request: pytest.FixtureRequest
) -> schemathesis.BaseSchema:
    """The description, for ``schema``."""
    # What schemathesis 4.32 reads and writes, and pytest has no more since 9.1.
    request.node._nodeid = request.node.nodeid
    return described


# From a fixture, so that each operation is a subtest that is made when the test runs: made when
# tests are collected, they take five seconds in each worker. Left out are streams, which never
# end, beginning replays, which would play on, and whole archives.
schema = (
    schemathesis.pytest.from_fixture("description")
    .exclude(path_regex="stream$")
    .exclude(path_regex="^/(replays|archives)$", method="POST")
)
tried = settings(
    max_examples=examples(8, few=3),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with a session, an output of it, and a replay that nobody paces."""
    data = tmp_path_factory.mktemp("interface")

    async def started() -> tuple[GatewayProcess, int]:
        async with open_store(data=data) as store:
            appended = await Log(store).append(SESSION, petit_le_mans_2007()[:1500])
            async with projecting(store, SESSION):
                await until_projected(store, SESSION, appended.position)
            await OutputStore(store).put(Output(name=OUTPUT, session=SESSION, view="standings"))
            await Replays(store).start(SESSION, name=REPLAY)
            process = GatewayProcess(Path(data), tokens=TOKEN)
            return process, await process.listening()

    process, port = asyncio.run(started())
    yield f"http://127.0.0.1:{port}"
    assert process.leave() == 0


def there(case: Case[Any]) -> dict[str, str]:
    """What makes a path lead to something; nothing of that is removed.

    Nor is it steered: nobody paces the replay, and each answer would wait for that.
    """
    if case.method == "DELETE":
        return {}
    if case.path.startswith("/outputs"):
        return {"name": OUTPUT}
    return {"session": SESSION} | ({"replay": REPLAY} if case.method == "GET" else {})


_numbers = count()


def check(case: Case[Any], url: str) -> None:
    """Send a request that fits the description, or just not; the answer is checked against it."""
    at_limits = case.meta is not None and case.meta.phase.name is TestPhase.COVERAGE
    if at_limits and next(_numbers) % EVERY:
        return
    path = case.path_parameters or {}
    path.update({name: value for name, value in there(case).items() if name in path})
    case.call_and_validate(
        base_url=url, headers={"Authorization": f"Bearer {SECRET}"}, checks=CHECKS, timeout=30
    )


@pytest.mark.hypothesis
@schema.include(method="GET").parametrize()
@tried
@pytest.mark.slow
def test_no_server_error_when_reading(case: Case[Any], url: str) -> None:
    """Whatever fits the description is answered as it says, and never with a server error."""
    check(case, url)


@pytest.mark.slow
@pytest.mark.hypothesis
@schema.exclude(method="GET").parametrize()
@tried
def test_no_server_error_when_writing(case: Case[Any], url: str) -> None:
    """As when reading."""
    check(case, url)
