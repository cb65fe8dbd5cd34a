"""Connections to a feed, made again whenever one breaks or is silent for too long."""

from __future__ import annotations

import asyncio
import os
import random  # noqa: TID251 - clients that lost one feed should not all reconnect at once
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.feeds.address import Address

LARGEST_CHUNK = 1 << 16

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class FeedTimeouts:
    """How long to wait for a feed, in seconds.

    A feed sends something each second. After ``silent`` without anything it is reported as
    silent; after ``lost`` the connection is made again, after a pause that doubles with each
    attempt.
    """

    connecting: float = 10.0
    silent: float = 10.0
    lost: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 15.0


@dataclass(slots=True)
class FollowStatus:
    """The state of a feed for its health report (``feed_store.FeedHealth`` lists the states)."""

    state: str = "connecting"
    reason: str = ""
    received_at: datetime | None = None
    connections: int = 0


class Chunk(NamedTuple):
    """Bytes received at once; or that a connection began, or ended."""

    at: datetime
    data: bytes = b""
    began: bool = False
    ended: bool = False


class ChunkQueue(asyncio.Queue[Chunk | None]):
    """Chunks on their way to the log, bounded in number and in bytes."""

    def __init__(self, chunks: int, size: int) -> None:
        super().__init__(chunks)
        self._bytes = 0
        self._most_bytes = size

    def full(self) -> bool:
        """Whether the next chunk has to wait."""
        return super().full() or self._bytes >= self._most_bytes

    def _put(self, item: Chunk | None) -> None:
        self._bytes += len(item.data) if item else 0
        super()._put(item)

    def _get(self) -> Chunk | None:
        item: Chunk | None = super()._get()
        self._bytes -= len(item.data) if item else 0
        return item


class FeedConnection:
    """Reads a feed over one connection after another, and keeps its status up to date."""

    def __init__(
        self, address: Address, status: FollowStatus, timeouts: FeedTimeouts, now: Now, log: Any
    ) -> None:
        self._address = address
        self._status = status
        self._timeouts = timeouts
        self._now = now
        self._log = log

    async def listen(self, chunks: asyncio.Queue[Chunk | None]) -> None:
        """Read one connection after another into the queue, for ever."""
        pause = self._timeouts.first_pause
        while True:
            self._status.state = "connecting"
            received, self._status.reason = await self._listen_once(chunks)
            self._status.state = "down"
            if received:
                pause = self._timeouts.first_pause
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            self._log.warning(
                "feed disconnected", reason=self._status.reason, retry_in=round(wait, 2)
            )
            pause = min(self._timeouts.longest_pause, pause * 2)
            await asyncio.sleep(wait)

    async def _listen_once(self, chunks: asyncio.Queue[Chunk | None]) -> tuple[bool, str]:
        """Read one connection to its end; whether anything was received, and why it ended."""
        try:
            async with asyncio.timeout(self._timeouts.connecting):
                reader, writer = await asyncio.open_connection(*self._address)
        except TimeoutError:
            return False, "no answer"
        except OSError as error:
            return False, _reason(error)
        self._status.connections += 1
        self._log.info("feed connected")
        received = False
        await chunks.put(Chunk(self._now(), began=True))
        try:
            while data := await self._read(reader):
                received = True
                await chunks.put(Chunk(self._now(), data))
            reason = "the feed closed the connection"
        except TimeoutError:
            reason = f"silent for {self._timeouts.lost:g} s"
        except OSError as error:
            reason = _reason(error)
        finally:
            writer.transport.abort()
        await chunks.put(Chunk(self._now(), ended=True))
        return received, reason

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """The next bytes. Raises TimeoutError if none come for too long."""
        reading = asyncio.ensure_future(reader.read(LARGEST_CHUNK))
        try:
            done, _ = await asyncio.wait([reading], timeout=self._timeouts.silent)
            if not done:
                self._status.state = "silent"
                self._log.warning("feed silent")
            async with asyncio.timeout(self._timeouts.lost - self._timeouts.silent):
                data = await reading
        finally:
            reading.cancel()
        self._status.state, self._status.reason = "live", ""
        self._status.received_at = self._now()
        return data


def _reason(error: OSError) -> str:
    """Why a connection failed, in the system's words."""
    if error.errno and error.errno > 0:  # errors of the resolver have numbers below 0
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error) or type(error).__name__).lower()
