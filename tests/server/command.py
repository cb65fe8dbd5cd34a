"""A command that uses a data folder, to be run and killed by the tests.

    python -m tests.server.command DATA SESSION SOURCE BATCHES SIZE

It opens the store and prints the server's process id, appends the batches, prints the
last source_seq of each once it is acknowledged, and leaves when its input ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from events import RaceControlMessage
from services.storage.client import open_store
from services.storage.event_log import Log


def batch(source: str, first: int, size: int) -> list[RaceControlMessage]:
    """``size`` events of a source, numbered from ``first``."""
    return [
        RaceControlMessage(
            at=number, source=source, source_seq=number, text="x" * (number % 200 + 1)
        )
        for number in range(first, first + size)
    ]


def say(number: int) -> None:
    """Print a number at once: the next moment may be the last."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def append(data: Path, session: str, source: str, batches: int, size: int) -> None:
    """Do what the command says."""
    async with open_store(data=data) as store:
        say((await store.redis.info("server"))["process_id"])
        log = Log(store)
        for first in range(0, batches * size, size):
            await log.append(session, batch(source, first, size))
            say(first + size - 1)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    data, session, source, batches, size = sys.argv[1:]
    asyncio.run(append(Path(data), session, source, int(batches), int(size)))
