"""Serves a feed recording over a socket, as a timing system serves its feed.

For rehearsals and tests: lines are sent at their times of receipt, at any speed, with long
silences shortened. As with a real feed, a new connection first gets the whole state: the
newest line of each kind and car.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import NamedTuple

from events.formats.rmonitor import Received, read_line
from services.feeds.address import Address, BadAddress

REFRESH = (b"$RMS", b"$B", b"$E", b"$C", b"$A", b"$COMP", b"$G", b"$H", b"$F")
"""The commands of a refresh, in its order."""

_SUBJECT = {b"$RMS": None, b"$B": None, b"$F": None, b"$G": 2, b"$H": 2}
"""The cell with the car of a line, where it is not the first; None: not about a car."""


class RecordedPart(NamedTuple):
    """Lines received at once, and when (None before the recording's first time)."""

    at: datetime | None
    raw: bytes


def parts_of(recording: bytes) -> Iterator[RecordedPart]:
    """The parts of a recording, in its order."""
    at: datetime | None = None
    lines: list[bytes] = []
    for line in recording.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        [record] = read_line(line.decode("latin-1").strip()) if line.startswith(b"##") else [None]
        if isinstance(record, Received):
            if lines:
                yield RecordedPart(at, b"".join(lines))
            at, lines = record.at, []
        elif line.strip():
            lines.append(line)
    if lines:
        yield RecordedPart(at, b"".join(lines))


class FeedState:
    """The lines that a feed repeats to a new connection."""

    def __init__(self) -> None:
        self._lines: dict[tuple[bytes, bytes], bytes] = {}

    def note(self, line: bytes) -> None:
        """Note a line. ``$I`` clears the positions of all cars."""
        command = line.partition(b",")[0]
        if command == b"$I":
            self._lines = {key: line for key, line in self._lines.items() if key[0] != b"$G"}
        elif command in REFRESH:
            cell = _SUBJECT.get(command, 1)
            subject = b"" if cell is None else b"".join(line.split(b",")[cell : cell + 1])
            self._lines[command, subject] = line

    def lines(self) -> list[bytes]:
        """The lines of a refresh."""
        return [
            line
            for wanted in REFRESH
            for (command, _), line in self._lines.items()
            if command == wanted
        ]


class FeedPlayer:
    """A recording that is sent to all connections, ``speed`` times as fast as it was.

    Without a speed it is sent as fast as the clients read; ``longest_silence`` is in seconds
    of the recording.
    """

    def __init__(
        self, recording: bytes, speed: float | None = 1.0, longest_silence: float | None = None
    ) -> None:
        self._parts = list(parts_of(recording))
        self._speed = speed
        self._longest_silence = longest_silence
        self.state = FeedState()
        self._listeners: set[asyncio.StreamWriter] = set()
        self._listened = asyncio.Event()
        self.now: datetime | None = None
        """The recorded time of receipt of the last part sent."""

    @contextlib.asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Address]:
        """Serve the feed; its address."""
        try:
            server = await asyncio.start_server(self._connected, host, port)
        except UnicodeError:
            raise BadAddress(f"{host}:{port}") from None
        try:
            yield Address(host, server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for listener in self.disconnect():
                with contextlib.suppress(OSError):
                    await listener.wait_closed()  # until it has received everything

    async def play(self, parts: int | None = None) -> int:
        """Send the next ``parts``, or all that are left; how many were sent.

        Waits for the first connection.
        """
        count = len(self._parts) if parts is None else parts
        playing, self._parts = self._parts[:count], self._parts[count:]
        for part in playing:
            await self._wait_for(part.at)
            await self._listened.wait()
            self._send(part.raw)
            for listener in list(self._listeners):
                await self._drain(listener)
        return len(playing)

    def disconnect(self, *, last: bytes = b"") -> list[asyncio.StreamWriter]:
        """Close all connections after sending these last bytes."""
        closed = list(self._listeners)
        for listener in closed:
            listener.write(last)
            listener.close()
        self._listeners.clear()
        self._listened.clear()
        return closed

    async def _connected(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(self.state.lines()))
        self._listeners.add(writer)
        self._listened.set()

    def _send(self, raw: bytes) -> None:
        for line in raw.splitlines(keepends=True):
            self.state.note(line)
        for listener in self._listeners:
            listener.write(raw)

    async def _drain(self, listener: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await listener.drain()
            return
        self._listeners.discard(listener)
        if not self._listeners:
            self._listened.clear()

    async def _wait_for(self, at: datetime | None) -> None:
        """Wait until a part is due."""
        if at is None:
            return
        if self.now is not None and self._speed is not None:
            # Recorders write some parts out of order: those are due at once.
            silence = max(0.0, (at - self.now).total_seconds())
            if self._longest_silence is not None:
                silence = min(silence, self._longest_silence)
            await asyncio.sleep(silence / self._speed)
        self.now = at if self.now is None else max(self.now, at)
