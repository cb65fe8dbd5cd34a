"""What all commands share: run a coroutine, open the store, print an error as one line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from services.cli import INTERRUPTED
from services.cli.console import echo

if TYPE_CHECKING:
    import asyncio

    from services.storage.client import Store
    from services.storage.event_log import Log

T = TypeVar("T")

log_level = "ERROR"
"""The level that ``--verbose`` chooses, for commands that run a service in this process."""


def configure_logging() -> None:
    """Log to stderr from the chosen level on.

    Commands that run a service call it; loading the logging library takes a query too long.
    """
    from services.logging import configure

    configure(log_level)


def run(
    work: Coroutine[Any, Any, T],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run a coroutine; Ctrl-C and SIGTERM cancel it and wait for its cleanup."""
    import asyncio
    import signal

    results: list[T] = []

    async def interruptible() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is a task's

        def end() -> None:
            if not task.cancelling():  # a second signal must not interrupt the cleanup
                task.cancel()

        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        # Not the task's own result: as asyncio takes its handler of SIGINT back, the signal
        # module writes out that handler's repr, and in it the task and all that it returned.
        results.append(await work)

    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(interruptible())
        return results[0]
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def with_store(url: str | None, data: Path | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run a coroutine with the store open."""
    import asyncio

    from services.storage.client import open_store

    async def opened() -> T:
        async with open_store(url, data, replicas=_replicas()) as store:
            result = await work(store)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # the cancellation was swallowed while closing
        return result

    return run(opened())


def _replicas() -> int:
    """The replicas that must have what is appended. Raises BadSetting."""
    if not os.environ.get("LAPSTREAM_REPLICAS"):  # loading the settings takes a query too long
        return 0
    from services.settings import ServiceSettings

    return ServiceSettings.load().replicas


def with_log(url: str | None, data: Path | None, work: Callable[[Log], Awaitable[T]]) -> T:
    """Run a coroutine with the logs of the store."""
    from services.storage.event_log import Log

    return with_store(url, data, lambda store: work(Log(store)))


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """Turn an error within the context into one line on stderr and exit code 1."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader went away (`| head`): typer ends quietly
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        echo(f"lapstream: {name}{error.strerror or error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        echo("lapstream: stopped", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        # Where the errors were not loaded (``--help``), none was raised: loading them takes long.
        errors = sys.modules.get("events.errors")
        if errors is None or not isinstance(error, errors.LapstreamError):
            raise
        echo(f"lapstream: {error}", err=True)
        raise typer.Exit(1) from None
