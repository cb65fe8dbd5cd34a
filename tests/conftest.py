"""What holds for every test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A busy machine may stop for longer than an example is given by default.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SAID = "said"
"""The property of a test whose value is printed at the end, whichever process ran it."""


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What a command that a test runs arranges for its log lines is for that command alone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, for it is what they prove."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == SAID:
                terminalreporter.write_line(str(value))
