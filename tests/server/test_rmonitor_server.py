"""RMonitor feeds that the gateway serves, read over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from events.formats.rmonitor import Heartbeat, Passing, RaceInformation, Reader, Record
from services.serving import listen
from services.storage.client import Store
from tests.builders import Story, opened
from tests.server.gateways import serving
from tests.server.projecting import projecting
from tests.server.test_outputs import append


@contextlib.asynccontextmanager
async def connected(listener: socket.socket) -> AsyncIterator[asyncio.StreamReader]:
    """A scoreboard."""
    reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
    try:
        yield reader
    finally:
        writer.close()


async def until(reader: asyncio.StreamReader, kind: type[Record]) -> list[Record]:
    """The records up to the first of a kind."""
    records: list[Record] = []
    parser = Reader()
    async with asyncio.timeout(20):
        while not any(isinstance(record, kind) for record in records):
            data = await reader.readline()
            assert data, "the feed ended"
            records += parser.feed(data)
    return records


async def test_a_scoreboard_gets_everything_and_then_each_crossing(
    store: Store, session: str
) -> None:
    story: Story = opened("7", "8").lap("7", 1, 60_000).lap("8", 1, 61_000)
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        async with (
            projecting(store, session),
            serving(store, rmonitor=[(listener, session)]),
        ):
            await append(store, session, story)
            async with connected(listener) as reader:
                records = await until(reader, Heartbeat)
                placed = [one for one in records if isinstance(one, RaceInformation)]
                assert [(one.reg, one.laps, one.total_ms) for one in placed] == [
                    ("7", 1, 60_000),
                    ("8", 1, 61_000),
                ]
                await append(store, session, story.lap("7", 2, 120_000))
                passing = (await until(reader, Passing))[-1]
                assert passing == Passing("7", 60_000, 120_000)


async def test_an_unknown_session_is_not_served(store: Store, session: str) -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        async with (
            serving(store, rmonitor=[(listener, session)]),
            connected(listener) as reader,
        ):
            async with asyncio.timeout(20):
                assert await reader.read() == b""
