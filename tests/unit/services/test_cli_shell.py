"""Around every command: how it ends where the user or the terminal goes away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

import services.storage.client
from services import cli
from services.cli import shell


def test_ctrl_c_while_the_program_is_loaded(monkeypatch, capsys):
    """It ends with one line and 130, as at every later moment."""

    def app(prog_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "services.cli.app", SimpleNamespace(app=app))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "lapstream: stopped\n"


def test_closed_streams(monkeypatch):
    """Whoever is started with closed streams (``>&-``) does its work all the same."""

    def app(prog_name: str) -> None:
        assert sys.stdin.read() == ""
        print("to nobody", file=sys.stdout)
        print("to nobody", file=sys.stderr)

    monkeypatch.setitem(sys.modules, "services.cli.app", SimpleNamespace(app=app))
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    cli.main()
    for name in ("stdin", "stdout", "stderr"):
        getattr(sys, name).close()


def test_ctrl_c_that_is_forgotten_on_the_way_out(monkeypatch):
    """A command whose store swallowed its cancellation ends all the same."""

    @contextlib.asynccontextmanager
    async def open_store(url, data, **_) -> AsyncIterator[object]:
        yield object()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    async def work(store: object) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "done"

    monkeypatch.setattr(services.storage.client, "open_store", open_store)
    with pytest.raises(KeyboardInterrupt):
        shell.with_store(None, None, work)


def test_requested_to_end_again_it_tidies_up_all_the_same():
    """Who supervises it may send SIGTERM twice: the first ends it, the second ends nothing."""
    tidied = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0.01)
            tidied.append(True)

    with pytest.raises(KeyboardInterrupt):
        shell.run(work())
    assert tidied


def test_what_a_command_returns_is_not_written_out():
    """The signal module makes a text of whatever asyncio's task returned: of a race, a long one."""

    class Race:
        def __repr__(self) -> str:
            raise AssertionError("written out")

    async def work() -> Race:
        return Race()

    assert isinstance(shell.run(work()), Race)
