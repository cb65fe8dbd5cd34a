"""Which rules a session is judged by."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from events.errors import UnknownRules
from projections.rules.packs import builtin_pack
from services.queries.packs import pack_named, pack_of
from tests.builders import Story


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pack in the working folder."""
    text = files("projections").joinpath("rules", "alms-2007.toml").read_text("utf-8")
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return "mine.toml"


def test_a_session_names_no_file(file: str) -> None:
    """Whoever may append events cannot have a file read; a user may."""
    race = Story().opened("1", rules=file).race()
    with pytest.raises(UnknownRules):
        pack_of(race)
    assert pack_of(race, file) == pack_named(file)


def test_a_session_names_a_built_in_pack() -> None:
    """By its name; one that is given prevails."""
    race = Story().opened("1", rules="imsa-2024").race()
    assert pack_of(race) == builtin_pack("imsa-2024")
    assert pack_of(race, "alms-2007") == builtin_pack("alms-2007")
    assert pack_of(Story().opened("1").race()) is None
