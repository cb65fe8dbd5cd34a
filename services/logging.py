"""Logging to stderr: a JSON object for each line, or readable lines on a terminal.

Bind what a line is about: ``structlog.get_logger().bind(session="...")``.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("auto", "json", "text")

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
)


def get_logger(name: str) -> Any:
    """A logger for a module that programs load without configuring logs: errors on stderr."""
    if not structlog.is_configured():
        # The root logger belongs to the program that loads us.
        structlog.configure(
            processors=[*_SHARED, _renderer()],
            wrapper_class=structlog.make_filtering_bound_logger("ERROR"),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=False,
        )
    return structlog.get_logger(name)


def _renderer(format_: str = "auto") -> structlog.typing.Processor:
    if format_ == "text" or (format_ == "auto" and sys.stderr.isatty()):
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def configure(level: str = "INFO", format_: str = "auto") -> None:
    """Log from ``level`` on, one of ``LEVELS``, including what libraries log.

    ``format_`` is one of ``FORMATS``.
    """
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(format_),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
