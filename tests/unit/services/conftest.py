"""What tests of services share."""

from __future__ import annotations

import pytest

from tests.unit.services.commands import Commands


@pytest.fixture
def lapstream(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line, with an empty store in memory."""
    return Commands().used_by(monkeypatch)
