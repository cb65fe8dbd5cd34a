"""A scoreboard that does not read is disconnected, and keeps no connection."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.gateway.outputs import rmonitor_server


async def test_a_full_buffer_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rmonitor_server, "STALLED_SECONDS", 0)
    aborted: list[bool] = []
    writer: Any = SimpleNamespace(
        write=lambda _: None,
        drain=asyncio.Event().wait,
        transport=SimpleNamespace(abort=lambda: aborted.append(True)),
    )
    with pytest.raises(ConnectionError, match="does not read"):
        await rmonitor_server.write_lines(writer, ["$F"])
    assert aborted
