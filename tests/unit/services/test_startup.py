"""How services start: a store that is not there yet, a sign of life, the last line."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from structlog.testing import capture_logs

from events.errors import StoreUnavailable, StoreUnfit
from services import startup
from services.settings import ServiceSettings

URL = "redis://store:6379"


class Opening:
    """A store that answers after some tries."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries = 0

    @contextlib.asynccontextmanager
    async def __call__(
        self, url: str | None, data: Path | None, **_: object
    ) -> AsyncIterator[SimpleNamespace]:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        yield SimpleNamespace(name=URL, durability="on disk")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(startup, "BEAT_SECONDS", 0.0)


async def test_a_store_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service waits for it, with a line for each reason, and says when it has started."""
    gone, loading = StoreUnavailable(URL, "refused"), StoreUnavailable(URL, "loading")
    opening = Opening(gone, gone, gone, loading, loading)
    monkeypatch.setattr(startup, "open_store", opening)
    with capture_logs() as logs:
        async with startup.service_store(ServiceSettings(store=URL), "projector") as store:
            assert store.name == URL
    assert opening.tries == 6
    assert [(line["event"], line.get("reason", "")) for line in logs] == [
        ("waiting for the store", str(gone)),
        ("waiting for the store", str(loading)),
        ("service started", ""),
    ]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (ServiceSettings(), StoreUnavailable("embedded", "no such program")),
        (ServiceSettings(store=URL), StoreUnfit(URL, "too old")),
    ],
)
async def test_what_waiting_does_not_help(
    monkeypatch: pytest.MonkeyPatch, settings: ServiceSettings, error: Exception
) -> None:
    """An embedded server that does not start, and one that will not do, end the service."""
    monkeypatch.setattr(startup, "open_store", Opening(error))
    with pytest.raises(type(error)):
        async with startup.service_store(settings, "projector"):
            pass


async def test_a_heartbeat(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is renewed, also while the store is waited for; one that cannot be does no harm."""
    file = tmp_path / "heartbeat"

    async def beaten() -> None:
        while not file.exists():  # noqa: ASYNC110 - of another task, as what watches it sees it
            await asyncio.sleep(0)
        file.unlink()

    class Waiting(Opening):
        @contextlib.asynccontextmanager
        async def __call__(
            self, url: str | None, data: Path | None, **_: object
        ) -> AsyncIterator[SimpleNamespace]:
            await beaten()
            yield SimpleNamespace(name=URL, durability="on disk")

    monkeypatch.setattr(startup, "open_store", Waiting())
    settings = ServiceSettings(store=URL, heartbeat=file)
    async with startup.service_store(settings, "projector"):
        await beaten()
        await beaten()
    monkeypatch.setattr(startup, "open_store", Opening())
    nowhere = ServiceSettings(store=URL, heartbeat=tmp_path / "no" / "folder")
    with capture_logs() as logs:
        async with startup.service_store(nowhere, "projector"):
            await asyncio.sleep(0.01)
    assert [line["event"] for line in logs].count("heartbeat not written") == 1


def test_the_last_line_is_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever collects the log has the reason as well."""
    structlog.reset_defaults()
    with pytest.raises(SystemExit, match="1"):
        startup.refuse_to_start(StoreUnfit(URL, "too old"))
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["reason"] == f"the store at {URL} is unfit: too old"
