"""The page for race control shows what its commands print, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from projections.results.whatif import KINDS
from tests.documents import conversations_in, without_places_in_time
from tests.unit.services.commands import Commands

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/stewards.md").read_text("utf-8")


def test_the_page_shows_what_is_printed(
    lapstream: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every output of the page, but for log positions and times of day."""
    monkeypatch.chdir(ROOT)
    conversations = conversations_in(PAGE)
    assert len(conversations) > 10
    for line, shown in conversations:
        done = lapstream.run(*shlex.split(line)[1:])
        printed = (done.stdout + done.stderr).strip("\n")
        assert without_places_in_time(printed) == without_places_in_time(shown), line
        assert done.exit_code == shown.startswith("lapstream: "), line


def test_every_kind_is_in_the_table() -> None:
    """As it is typed."""
    assert all(f"`{kind.replace('_', '-')}`" in PAGE for kind in KINDS)
