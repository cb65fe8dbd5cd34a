"""Background loops go on after a fault, which is logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from events.errors import StoreUnavailable
from services.fault_guard import logged_faults
from services.gateway import state, stored_tokens
from services.gateway.live import tail_pool
from services.gateway.live.tail_pool import TailPool
from services.gateway.state import Gateway
from services.gateway.stored_tokens import StoredTokens
from services.storage import monitor
from services.storage.monitor import StoreMonitor

Turn = Callable[[], None]


class Turns:
    """Fails in the first turn, with a fault that is no StoreError; three are enough."""

    def __init__(self) -> None:
        self.count = 0
        self.enough = asyncio.Event()

    def __call__(self, *_: Any) -> None:
        self.count += 1
        if self.count > 2:
            self.enough.set()
        if self.count == 1:
            raise LookupError("a fault of ours")

    async def wait(self, *_: Any) -> None:
        """A turn that is awaited."""
        self()


def _monitor(turns: Turns, patch: pytest.MonkeyPatch) -> Coroutine[Any, Any, None]:
    patch.setattr(monitor, "INTERVAL_SECONDS", 0)
    patch.setattr(StoreMonitor, "check", turns.wait)
    return StoreMonitor(None).run()  # type: ignore[arg-type]


def _budget(turns: Turns, patch: pytest.MonkeyPatch) -> Coroutine[Any, Any, None]:
    patch.setattr(tail_pool, "BUDGET_SECONDS", 0)
    pool = object.__new__(TailPool)
    patch.setattr(TailPool, "shed", turns)
    return pool._keep_budget()


def _removed(turns: Turns, patch: pytest.MonkeyPatch) -> Coroutine[Any, Any, None]:
    patch.setattr(state, "REMOVED_SECONDS", 0)
    patch.setattr(state, "removals", turns.wait)
    gateway: Any = object.__new__(Gateway)
    gateway.store, gateway._existing, gateway.log = None, set(), _Listing()
    return gateway._forget_removed()  # type: ignore[no-any-return]


class _Listing:
    async def listed(self) -> set[str]:
        """No session."""
        return set()


def _tokens(turns: Turns, patch: pytest.MonkeyPatch) -> Coroutine[Any, Any, None]:
    patch.setattr(stored_tokens, "READ_SECONDS", 0)
    patch.setattr(StoredTokens, "_read", turns.wait)
    tokens: Any = object.__new__(StoredTokens)
    patch.setattr(StoredTokens, "_end_revoked", lambda _: None)
    return tokens._keep_reading()  # type: ignore[no-any-return]


@pytest.mark.parametrize("loop", [_monitor, _budget, _removed, _tokens])
async def test_a_loop_goes_on(
    loop: Callable[[Turns, pytest.MonkeyPatch], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fault of one turn is logged, and the next turn comes."""
    turns = Turns()
    with capture_logs() as logs:
        running = asyncio.create_task(loop(turns, monkeypatch))
        enough = asyncio.create_task(turns.enough.wait())
        await asyncio.wait([running, enough], return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        enough.cancel()
        await asyncio.wait([running, enough])
    assert turns.count > 2
    assert [(one["event"], one["exc_info"]) for one in logs] == [("background work failed", True)]


def test_an_outage_is_not_logged_here() -> None:
    """It passes, and others report it."""

    def fail() -> None:
        raise StoreUnavailable("redis", "refused")

    with capture_logs() as logs, logged_faults("a test"):
        fail()
    assert logs == []
