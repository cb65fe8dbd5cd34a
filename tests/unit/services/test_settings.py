"""Settings read from environment variables, and their errors."""

from __future__ import annotations

import json
import re

import pytest
import structlog
from typer.testing import CliRunner

from events.errors import BadSetting
from services.cli.app import app
from services.gateway import build_app
from services.intake import build_app as build_intake
from services.projector.app import build_app as build_projector
from services.replayer.app import build_app as build_replayer
from services.settings import BadSettings, GatewaySettings, LogSettings, ProjectorSettings


def test_defaults() -> None:
    """Without a word from the environment."""
    settings = GatewaySettings.load()
    assert settings == GatewaySettings(tokens=settings.tokens)
    assert (settings.store, settings.data, settings.connections) == (None, None, 10_000)


def test_each_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is read; blanks around an origin are none of it."""
    variables = {
        "CONNECTIONS": "20",
        "EVENTS_PER_SECOND": "0.5",
        "PRIVATE": "true",
        "ORIGINS": "https://a.example, https://b.example,",
        "HOSTS": "timing.example, box:8000, 10.0.0.7, [fe80::1]:8000",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"LAPSTREAM_{name}", value)
    settings = GatewaySettings.load()
    assert (settings.connections, settings.events_per_second) == (20, 0.5)
    assert settings.private
    assert settings.origins == ("https://a.example", "https://b.example")
    assert settings.hosts == ("timing.example", "box:8000", "10.0.0.7", "[fe80::1]:8000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECTIONS", "abc"),
        ("CONNECTIONS", "0"),
        ("CONNECTIONS", "-1"),
        ("CONNECTIONS", "9" * 5000),
        ("EVENTS_PER_SECOND", "x"),
        ("EVENTS_PER_SECOND", "0"),
        ("EVENTS_PER_SECOND", "nan"),
        ("EVENTS_PER_SECOND", "inf"),
        ("PRIVATE", "maybe"),
        ("HOSTS", "https://timing.example"),
        ("HOSTS", "timing.example,*"),
        ("HOSTS", "fe80::1"),
        ("HOSTS", ","),
    ],
)
def test_an_invalid_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The variable is named, with its value, in one line."""
    monkeypatch.setenv(f"LAPSTREAM_{name}", value)
    quoted = re.escape(repr(value))
    with pytest.raises(BadSetting, match=f"^LAPSTREAM_{name} must be .*, not {quoted}$"):
        GatewaySettings.load()


def test_a_level_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every service says so in a line of the log, and ends; capitals do not matter."""
    monkeypatch.setenv("LAPSTREAM_LOG_LEVEL", "loud")
    structlog.reset_defaults()
    for build in (build_app, build_intake, build_projector, build_replayer):
        with pytest.raises(SystemExit, match="1"):
            build()
        structlog.reset_defaults()
        (line,) = capsys.readouterr().err.splitlines()
        logged = json.loads(line)
        assert re.match("LAPSTREAM_LOG_LEVEL must be one of .*, not 'loud'$", logged["reason"])
    monkeypatch.setenv("LAPSTREAM_LOG_LEVEL", "warning")
    assert LogSettings.load().log_level == "WARNING"


def test_a_line_for_each_invalid_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several invalid variables are all reported."""
    monkeypatch.setenv("LAPSTREAM_CONNECTIONS", "many")
    monkeypatch.setenv("LAPSTREAM_PRIVATE", "maybe")
    with pytest.raises(BadSettings) as caught:
        GatewaySettings.load()
    assert sorted(str(caught.value).splitlines()) == [
        "LAPSTREAM_CONNECTIONS must be a whole number from 1 on, not 'many'",
        "LAPSTREAM_PRIVATE must be 1 or 0, not 'maybe'",
    ]


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files set variables to an empty text where the machine has none."""
    for name in ("STORE", "DATA", "LOG_LEVEL", "TOKENS", "TOKENS_FILE", "PRIVATE", "ORIGINS"):
        monkeypatch.setenv(f"LAPSTREAM_{name}", "")
    for name in ("CONNECTIONS", "EVENTS_PER_SECOND", "SESSIONS"):
        monkeypatch.setenv(f"LAPSTREAM_{name}", "")
    settings = GatewaySettings.load()
    assert len(settings.tokens) == 0
    assert settings == GatewaySettings(tokens=settings.tokens)
    assert ProjectorSettings.load().sessions is None


def test_variables_are_case_sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable in other capitals is not one of ours, and a value given in Python wins."""
    monkeypatch.setenv("lapstream_store", "redis://elsewhere:6379")
    monkeypatch.setenv("LAPSTREAM_connections", "many")
    assert GatewaySettings.load().store is None
    monkeypatch.setenv("LAPSTREAM_STORE", "redis://here:6379")
    assert GatewaySettings.load().store == "redis://here:6379"
    assert GatewaySettings.load(store="redis://given:6379").store == "redis://given:6379"
    assert GatewaySettings.load(store=None).store is None


def test_an_invalid_variable_is_refused_beside_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """``serve --private`` does not hide that LAPSTREAM_PRIVATE is wrong."""
    monkeypatch.setenv("LAPSTREAM_PRIVATE", "maybe")
    result = CliRunner().invoke(app, ["serve", "--private"])
    assert result.exit_code != 0
    assert "LAPSTREAM_PRIVATE must be 1 or 0, not 'maybe'" in result.output + str(result.exception)


def test_sessions_of_a_projector(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of sessions is separated by commas."""
    monkeypatch.setenv("LAPSTREAM_SESSIONS", "friday,saturday")
    monkeypatch.setenv("LAPSTREAM_SESSION_LIMIT", "2")
    settings = ProjectorSettings.load()
    assert (settings.sessions, settings.session_limit) == (("friday", "saturday"), 2)
