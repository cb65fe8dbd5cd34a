"""Races and seasons that are built in: what an older lapstream told is known for that."""

from __future__ import annotations

import pytest

from events import encode
from services.storage.built_in import BUILT_IN, SEASONS, BuiltIn, BuiltInCheck
from tests.unit.services.commands import Commands

ALL = {**BUILT_IN, **SEASONS}


@pytest.mark.parametrize(("name", "built_in"), ALL.items(), ids=ALL)
def test_the_digest_is_of_what_is_reported(name: str, built_in: BuiltIn) -> None:
    """Where a race that is built in is told otherwise, its digest has to be another."""
    check = BuiltInCheck.of(name)
    assert check is not None
    for event in built_in.events():
        assert not check.matches
        check.add(encode(event))
    assert check.matches
    check.add(b"what was decided later")
    assert check.matches


def test_a_session_that_is_not_built_in() -> None:
    """Nothing is said of sessions of one's own."""
    assert BuiltInCheck.of("my-race") is None


@pytest.mark.parametrize(
    "query", [("results", "petit-le-mans-2007"), ("championship", "alms-2007")]
)
def test_an_older_one_is_named(lapstream: Commands, query: tuple[str, str]) -> None:
    """A store that has it from an older lapstream answers with that, and says so."""
    events = list(ALL[query[1]].events())[:40]
    lapstream.hold(query[1], [events[0].model_copy(update={"title": "Older"}), *events[1:]])
    result = lapstream.run(*query)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"lapstream: {query[1]} differs from the one built into")
    assert "--data" in result.stderr


@pytest.mark.parametrize(
    "query", [("session", "petit-le-mans-2007"), ("championship", "alms-2007")]
)
def test_of_the_newest_nothing_is_stated(lapstream: Commands, query: tuple[str, str]) -> None:
    """Neither when it is put into the store, nor when it is found there."""
    assert lapstream.run(*query).stderr == ""
    if query[1] in SEASONS:
        assert lapstream.run(*query).stderr == ""
