"""What the environment tells, and what it cannot tell."""

from __future__ import annotations

import pytest

from events.errors import BadSetting
from services import logging
from services.gateway import build_app
from services.logging import configure_from_environment
from services.projector.app import build_app as build_projector
from services.replayer.app import build_app as build_replayer
from services.settings import Settings


def test_defaults() -> None:
    """Without a word from the environment."""
    told = Settings.of_environment()
    assert told == Settings(tokens=told.tokens)


def test_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is read; blanks around an origin are none of it."""
    told = {
        "CONNECTIONS": "20",
        "EVENTS_PER_SECOND": "0.5",
        "PRIVATE": "true",
        "ORIGINS": "https://a.example, https://b.example,",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"LAPSTREAM_{name}", value)
    settings = Settings.of_environment()
    assert (settings.connections, settings.events_per_second) == (20, 0.5)
    assert settings.private
    assert settings.origins == ("https://a.example", "https://b.example")


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
    ],
)
def test_what_cannot_be_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The variable is named, with its value, in one line."""
    monkeypatch.setenv(f"LAPSTREAM_{name}", value)
    with pytest.raises(BadSetting, match=f"^LAPSTREAM_{name} must be .*, not {value!r}$"):
        Settings.of_environment()


def test_a_level_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service says so in a line, and ends; capitals do not matter."""
    monkeypatch.setenv("LAPSTREAM_LOG_LEVEL", "loud")
    for build in (build_app, build_projector, build_replayer):
        with pytest.raises(SystemExit, match=r"LAPSTREAM_LOG_LEVEL must be one of .*, not 'loud'"):
            build()
    configured: list[str] = []
    monkeypatch.setattr(logging, "configure", configured.append)
    monkeypatch.setenv("LAPSTREAM_LOG_LEVEL", "warning")
    configure_from_environment()
    assert configured == ["WARNING"]
