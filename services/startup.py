"""How a service starts: it gives a sign of life, waits for its store, and says what it works on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import structlog

from events.errors import LapstreamError, StoreUnavailable
from services.gc_policy import scheduled_collection
from services.logging import configure
from services.settings import ServiceSettings
from services.storage.client import Store, open_store

BEAT_SECONDS = 5.0
"""How often the heartbeat is written."""

WAIT_SECONDS = 1.0
"""How long a service waits before it tries again to reach its store."""

logger = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def service_store(settings: ServiceSettings, service: str | None) -> AsyncIterator[Store]:
    """The store of a service, which may answer only later; an embedded one is started at once.

    That it has started is logged, unless it says so itself (``service`` is None). The heartbeat is
    written meanwhile, and within the context garbage is collected on schedule. Raises StoreUnfit,
    and StoreUnavailable where the embedded server cannot be started.
    """
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(_heartbeat(settings.heartbeat))
        store = await _opened(stack, settings)
        await stack.enter_async_context(scheduled_collection())
        if service is not None:
            logger.info(
                "service started",
                service=service,
                version=version("lapstream"),
                store=store.name,
                durability=store.durability,
            )
        yield store


def refuse_to_start(error: LapstreamError) -> NoReturn:
    """End the process with exit code 1 and the reason as its last line in the log."""
    if not structlog.is_configured():
        configure()
    logger.critical("service cannot start", reason=str(error))
    raise SystemExit(1) from None


async def _opened(stack: contextlib.AsyncExitStack, settings: ServiceSettings) -> Store:
    reason = ""
    while True:
        try:
            return await stack.enter_async_context(
                open_store(settings.store, settings.data, replicas=settings.replicas)
            )
        except StoreUnavailable as error:
            if settings.store is None:
                raise
            if str(error) != reason:
                reason = str(error)
                logger.warning("waiting for the store", reason=reason)
        await asyncio.sleep(WAIT_SECONDS)


@contextlib.asynccontextmanager
async def _heartbeat(path: Path | None) -> AsyncIterator[None]:
    """Set the time of the file while the event loop runs; None for no file."""
    if path is None:
        yield
        return
    beating = asyncio.create_task(_beat(path))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait([beating])


async def _beat(path: Path) -> None:
    failed = False
    while True:
        try:
            path.touch()  # noqa: ASYNC240 - of no more cost than a line in the log
            failed = False
        except OSError as error:
            if not failed:
                logger.warning("heartbeat not written", file=str(path), reason=error.strerror)
            failed = True
        await asyncio.sleep(BEAT_SECONDS)
