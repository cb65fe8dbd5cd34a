"""What others wrote reaches no terminal as anything but text."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

import events as ev
from tests.builders import Story
from tests.unit.services.commands import Commands

SIGNS = "\x1b]0;title\x07\x1b[31m\x9b2J\u202ereversed\u2028\r\x00\x08"
COMMANDS = (
    "sessions",
    "session s",
    "standings s",
    "standings s --at lap:2",
    "laps s",
    "leaders s",
    "fastest-laps s",
    "pits s",
    "stints s",
    "drivers s",
    "penalties s",
    "cautions s",
    "results s",
    "revisions s",
    "markers s",
    "explain s 7",
    "tower s",
    "points s",
    "points s --of teams",
    "whatif s --penalty '7 time 30'",
)


def named(what: str) -> str:
    return f"{what}{SIGNS}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A race in which every name and reason is full of control characters."""
    commands = Commands().used_by(monkeypatch)
    story = Story()
    story.opened(
        title=named("title"),
        series=named("series"),
        circuit=named("circuit"),
        rules="imsa-2024",
        time_limit_ms=3_600_000,
        car_class=named("GT"),
    )
    for car in ("7", "8"):
        names: dict[str, Any] = {"team": named("team"), "manufacturer": named("make")}
        names["drivers"] = (ev.Driver(number=1, name=named(f"driver {car}")),)
        story.entry(car, named("GT"), **names)
        story.laps(car, 3)
    story.add(ev.RaceControlMessage, 100_000, text=named("message"), car="7", by=named("by"))
    story.add(
        ev.PenaltyImposed,
        110_000,
        penalty_id="p",
        car="7",
        kind="time",
        amount=5,
        reason=named("reason"),
        by=named("by"),
    )
    story.add(
        ev.LapAmended,
        120_000,
        car="8",
        lap=2,
        driver=named("other"),
        reason=named("reason"),
        by=named("by"),
    )
    story.add(ev.CarRetired, 170_000, car="8", reason=named("reason"))
    story.flag("chequered", 180_000)
    commands.hold("s", story)
    return commands


@pytest.mark.parametrize("command", COMMANDS)
def test_no_control_characters_are_printed(store: Commands, command: str) -> None:
    """Whatever the command and its form, errors included."""
    forms = [()] if "tower" in command else [(), ("--format", "csv"), ("--format", "json")]
    for form in forms:
        result = store.run(*shlex.split(command), *form)
        assert result.exit_code == 0, result.output
        printed = result.stdout + result.stderr
        assert [sign for sign in printed if not sign.isprintable() and sign != "\n"] == []
        if "json" in form:
            assert isinstance(json.loads(result.stdout), list)


def test_json_keeps_what_was_written(store: Commands) -> None:
    """An escape in JSON is the character itself to any program."""
    (row,) = store.rows("penalties", "penalties", "s")
    assert row["reason"] == named("reason")


def test_an_error_is_one_line(store: Commands) -> None:
    """Also where it names what was typed."""
    assert "\x1b" not in store.refused("explain", "s", "\x1b[31m9")
