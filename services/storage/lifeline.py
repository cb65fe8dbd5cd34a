"""A plain connection to an embedded server, which ends with that server."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

PATIENCE = 30.0
"""Seconds without a sign of life from the server before it is given up. Loading a long
append-only file does not count: meanwhile the server answers that it is loading."""


class Lifeline:
    """One connection to one server.

    A client that reconnects by itself could shut down the server's successor.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, socket: Path) -> Lifeline | None:
        """A connection, None where nothing listens."""
        try:
            return cls(*await asyncio.open_unix_connection(socket))
        except OSError:
            return None

    async def info(self) -> dict[str, str]:
        """The server's INFO. Raises OSError or EOFError when the connection ends."""
        self._writer.write(b"INFO\r\n")
        await self._writer.drain()
        async with asyncio.timeout(PATIENCE):
            header = await self._reader.readuntil(b"\r\n")
            body = await self._reader.readexactly(int(header[1:]) + 2)
        lines = body.decode(errors="replace").splitlines()
        return {name: value for name, _, value in (line.partition(":") for line in lines) if value}

    async def ended(self) -> None:
        """Wait until the server has ended."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    async def shut_down(self) -> None:
        """Shut the server down, and wait until it has closed the connection."""
        with contextlib.suppress(OSError, TimeoutError):
            self._writer.write(b"SHUTDOWN NOSAVE\r\n")
            await self._writer.drain()
            async with asyncio.timeout(PATIENCE):
                await self.ended()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
