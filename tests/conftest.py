"""Set-up for every test: Hypothesis profiles, logging, and the check for processes left behind."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest
import structlog
import typer.main
import typer.testing
from hypothesis import settings

import tests.profiles  # noqa: F401 (registers the profiles)
from tests import races
from tests.leftovers import RUN, left_behind, new_run

settings.load_profile("quick")  # the option --hypothesis-profile=full comes after this

PRINTED = "said"
"""The property of a test whose value is printed at the end, whichever process ran it."""

_LEFT_BEHIND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Mark the environment, so that each process that this run starts can be recognised."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = new_run()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell starts what runs in the background; programs under test would ignore it, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first, for one of two workers those of the browser, for the other those
    of servers: each begins with a half of the list, and at its end takes the last of the other's.
    """
    here = Path(__file__).parent
    rooms: dict[str, list[pytest.Item]] = {"browser": [], "server": [], "unit": []}
    for item in items:
        rooms.get(item.path.relative_to(here).parts[0], rooms["unit"]).append(item)
    browser, server, short = rooms["browser"], rooms["server"], rooms["unit"]
    fill = max(0, min(len(short), len(items) // 2 - len(browser)))
    items[:] = [*browser, *short[:fill], *server, *short[fill:]]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Undo a command's logging configuration after the test that ran it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """The tree of commands, which typer builds anew whenever a test runs one of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def built_in_race_made_once() -> Iterator[None]:
    """The built-in race, which each store that is asked for it would have made anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.petit_le_mans_2007.petit_le_mans_2007", races.petit_le_mans_2007)
        yield


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """What clients verify servers with, which httpx reads for each client; no test uses TLS."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", once)
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a server, a browser or another process of it is still there."""
    if hasattr(session.config, "workerinput"):
        return
    session.config.stash[_LEFT_BEHIND] = left_behind(os.environ[RUN])
    if session.config.stash[_LEFT_BEHIND] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, and which processes they left behind."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == PRINTED:
                terminalreporter.write_line(str(value))
    for process in terminalreporter.config.stash.get(_LEFT_BEHIND, []):
        terminalreporter.write_line(f"FAILED: still running after the tests: {process}", red=True)
