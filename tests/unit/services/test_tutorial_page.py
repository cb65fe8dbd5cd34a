"""The tutorial shows what its commands print, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.documents import conversations_in, without_places_in_time
from tests.unit.services.commands import Commands

ROOT = Path(__file__).resolve().parents[3]


def test_the_tutorial_shows_what_is_printed(
    lapstream: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every output of the page, but for log positions and times of day."""
    monkeypatch.chdir(ROOT)
    conversations = conversations_in((ROOT / "docs/tutorial.md").read_text("utf-8"))
    assert len(conversations) == 10
    for line, shown in conversations:
        printed = lapstream.output(*shlex.split(line)[1:])
        assert without_places_in_time(printed.strip("\n")) == without_places_in_time(shown), line
