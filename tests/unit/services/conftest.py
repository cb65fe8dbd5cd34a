"""What tests of services share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import typer.main
import typer.testing

from tests.unit.services.commands import Commands


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """The tree of commands, which typer builds anew whenever a test runs one of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
        yield


@pytest.fixture
def lapstream(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line, with an empty store in memory."""
    return Commands().used_by(monkeypatch)
