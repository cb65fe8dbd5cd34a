"""Where log lines go, configured in this one place.

On stderr: one JSON object a line, or, on a terminal, lines for the eye. Bind what a line
is about: ``structlog.get_logger().bind(session="...")``.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

from events.errors import BadSetting

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configure_from_environment() -> None:
    """``configure``, from the level on that ``LAPSTREAM_LOG_LEVEL`` names. Raises BadSetting."""
    told = os.environ.get("LAPSTREAM_LOG_LEVEL") or "INFO"
    level = told.upper()
    if level not in LEVELS:
        raise BadSetting("LAPSTREAM_LOG_LEVEL", told, f"one of {', '.join(LEVELS)}")
    configure(level)


def get_logger(name: str) -> Any:
    """A logger for a module that programs load without configuring logs: errors on stderr."""
    if not structlog.is_configured():
        configure("ERROR")
    return structlog.get_logger(name)


def configure(level: str = "INFO") -> None:
    """Log from ``level`` on (``DEBUG``, ``INFO``, ``WARNING``, ``ERROR``).

    What libraries log through the standard library takes the same way.
    """
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
