"""The guard of background loops: a fault is logged, and the loop goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from events.errors import StoreError

logger = structlog.get_logger(__name__)


@contextlib.contextmanager
def logged_faults(work: str) -> Iterator[None]:
    """Log what is raised within the context, and leave it without an error.

    ``work`` names the work in the log. A StoreError is not logged: it passes with the store's
    outage, which others report. For each turn of a loop that must not end while a process runs; the
    loop sleeps outside of the context.
    """
    try:
        yield
    except StoreError:
        return
    except Exception:
        logger.exception("background work failed", work=work)
