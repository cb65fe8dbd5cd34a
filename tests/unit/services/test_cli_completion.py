"""Completing names in the shell."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import services.storage.client
import services.storage.event_log
from services.cli.app import app
from services.cli.completion import session_names
from tests.unit.services.memory import MemoryLog


def test_sessions_of_the_store_and_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are offered, those that begin like what was typed."""
    log = MemoryLog()
    log.logs = {"petit-2022": [], "sebring": []}
    monkeypatch.setattr(services.storage.client, "open_store", log.opened)
    monkeypatch.setattr(services.storage.event_log, "Log", log)
    assert session_names("pe") == ["petit-2022", "petit-le-mans-2007"]


def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to disturb whoever presses the tab key."""
    monkeypatch.setenv("LAPSTREAM_STORE", "no such thing")
    assert session_names("") == ["petit-le-mans-2007"]


def test_the_shell_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell sends when the tab key is pressed is answered with the names."""
    monkeypatch.setenv("LAPSTREAM_STORE", "no such thing")
    answer = CliRunner().invoke(
        app,
        [],
        prog_name="lapstream",
        env={
            "_LAPSTREAM_COMPLETE": "complete_bash",
            "COMP_WORDS": "lapstream standings p",
            "COMP_CWORD": "2",
        },
    )
    assert answer.stdout.strip() == "petit-le-mans-2007"
