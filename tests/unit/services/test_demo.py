"""The demonstration's session, and the options that it and the replay share."""

from __future__ import annotations

from typing import cast

import pytest
import typer

from events.errors import SessionNotEmpty
from replay.playhead import MAX
from services.cli.towers import parse_size, parse_speed
from services.demo import fresh_session
from services.storage.event_log import Log
from tests.builders import opened
from tests.unit.services.memory import MemoryLog


async def test_each_demonstration_has_a_session_of_its_own() -> None:
    """They are numbered; the first event makes the name ours."""
    log = MemoryLog()
    first = opened().events[0]
    for number in (1, 2):
        name = await fresh_session(cast("Log", log), "petit", first, None)
        assert name == f"petit-demo-{number}"
        assert await log.length(name) == 1


async def test_a_session_with_events_is_refused() -> None:
    """The one that was asked for must be empty."""
    log = MemoryLog()
    first = opened().events[0]
    assert await fresh_session(cast("Log", log), "petit", first, "mine") == "mine"
    with pytest.raises(SessionNotEmpty, match="'mine' already has events"):
        await fresh_session(cast("Log", log), "petit", first, "mine")


@pytest.mark.parametrize(
    ("text", "speed"), [("60", 60.0), ("0.5", 0.5), ("280x", 280.0), ("max", MAX)]
)
def test_speeds(text: str, speed: float) -> None:
    """A number, with or without its x, or max."""
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "20000"])
def test_no_speeds(text: str) -> None:
    """What is no speed between a tenth and ten thousand is wrong usage."""
    with pytest.raises(typer.BadParameter, match="is not a speed"):
        parse_speed(text)


def test_sizes() -> None:
    """Columns x lines."""
    assert parse_size("80x24") == (80, 24)
    for text in ("80", "80x", "x24", "0x24", "80x-1", "9999x1"):
        with pytest.raises(typer.BadParameter, match="such as 80x24"):
            parse_size(text)
