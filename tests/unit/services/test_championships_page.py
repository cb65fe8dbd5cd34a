"""The page about seasons and titles shows what its commands print, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.documents import conversations_in, without_places_in_time
from tests.unit.services.commands import Commands

ROOT = Path(__file__).resolve().parents[3]
CONVERSATIONS = conversations_in((ROOT / "docs/championships.md").read_text("utf-8"))


def test_the_page_shows_what_is_printed(
    lapstream: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every output of the page that needs no timing data, but for log positions."""
    monkeypatch.chdir(ROOT)
    here = [(line, shown) for line, shown in CONVERSATIONS if "imsa-2024" not in line]
    assert len(CONVERSATIONS) > len(here) > 10  # the others: see test_cli_imsa_2024
    for line, shown in here:
        printed = lapstream.output(*shlex.split(line)[1:])
        assert without_places_in_time(printed.strip("\n")) == without_places_in_time(shown), line
