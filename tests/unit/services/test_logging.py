"""Where log lines go."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError

from services.logging import configure, get_logger
from services.projector.faststream_adapter import faststream_logger


@pytest.fixture(autouse=True)
def configuration_restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def lines(monkeypatch: pytest.MonkeyPatch, level: str) -> io.StringIO:
    """What is logged from now on."""
    text = io.StringIO()
    monkeypatch.setattr("sys.stderr", text)
    configure(level)
    return text


def test_json_with_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no terminal reads it, a line is a JSON object that says what it is about."""
    text = lines(monkeypatch, "INFO")
    structlog.get_logger("test").bind(session="petit").info("folded", entries=3)
    found = json.loads(text.getvalue())
    assert (found["event"], found["session"], found["entries"]) == ("folded", "petit", 3)
    assert found["level"] == "info"
    assert found["timestamp"].endswith("Z")


def test_libraries_take_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged through the standard library is a JSON object, too."""
    text = lines(monkeypatch, "INFO")
    logging.getLogger("a.library").warning("waiting for %s", "redis")
    assert json.loads(text.getvalue())["event"] == "waiting for redis"


def test_quiet_below_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line logs errors only."""
    text = lines(monkeypatch, "ERROR")
    structlog.get_logger("test").warning("never mind")
    assert text.getvalue() == ""


def test_the_root_logger_of_a_host_program_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that loads a module of ours keeps its handlers; our errors go to stderr."""
    structlog.reset_defaults()
    root, own = logging.getLogger(), logging.NullHandler()
    monkeypatch.setattr(root, "handlers", [own])
    logger = get_logger("test")
    logger.warning("never mind")
    logger.error("store lost", reason="gone")
    assert root.handlers == [own]
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("store lost", "error")


def test_a_store_that_is_away_takes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream logs a traceback with it, which says no more; with other failures it stays."""
    text = lines(monkeypatch, "INFO")
    for error in (RedisConnectionError("connection\nrefused"), ValueError("of the program")):
        faststream_logger.error("Message fetch error", exc_info=error)
    away, other = map(json.loads, text.getvalue().splitlines())
    assert away["event"] == "Message fetch error: connection refused"
    assert "exception" not in away
    assert "ValueError: of the program" in other["exception"]
