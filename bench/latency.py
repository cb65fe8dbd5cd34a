"""From an append to the WebSocket message that shows it, at 500 events a second.

Ours is ``lapstream serve``: log, projector, frames, gateway. Against it stands a bare
program: a blocking XREAD whose entries go out over a WebSocket as they are. Both run all
the while, each in a process of its own, on one embedded server that writes every event to
disk; seconds of events go to the one and to the other in turn, so that both have what else
the machine does. 5 % of the events arrive up to 2 s late. Of each second counts the 99th
percentile, and of these the median. The ratio is the median of those of a second and the
next: ours/against.
"""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from pydantic_core import from_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from bench.measure import report
from bench.synthetic import synthetic_race
from events import AnyEvent, encode
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.keys import log_key

PER_SECOND = 500
SECONDS = 12
"""On each side; the first is the warm-up."""

LATE = 0.05
LATE_MS = 2000

Position = tuple[int, int]
Append = Callable[[AnyEvent], Awaitable[str]]


def place(position: str) -> Position:
    """For ordering positions."""
    first, _, second = position.partition("-")
    return int(first), int(second)


def arriving() -> list[AnyEvent]:
    """The events of a race in the order in which they arrive."""
    draw = random.Random(500)
    events = synthetic_race(cars=40, hours=6)[: PER_SECOND * SECONDS + 1]
    # A race has about one event a second; here its seconds pass 500 times as fast.
    late = 1000 / PER_SECOND
    due = [
        number + (draw.random() * LATE_MS / late if draw.random() < LATE else 0)
        for number in range(len(events))
    ]
    return [events[number] for number in sorted(range(len(events)), key=due.__getitem__)]


class Side:
    """One side: how an event is appended, and what its subscriber receives."""

    def __init__(self, append: Append, position_of: Callable[[Any], str]) -> None:
        self._append = append
        self._position_of = position_of
        self._printed: list[tuple[Position, float]] = []
        self._news = asyncio.Event()

    async def watch(self, connection: ClientConnection) -> None:
        """Note when which position is shown, for ever."""
        while True:
            position = place(self._position_of(await connection.recv()))
            self._printed.append((position, time.perf_counter()))
            self._news.set()

    async def second(self, events: list[AnyEvent]) -> float:
        """Append these within a second; the 99th percentile (ms) of what an event waits."""
        appended: list[tuple[Position, float]] = []

        async def one(event: AnyEvent) -> None:
            began = time.perf_counter()
            appended.append((place(await self._append(event)), began))

        self._printed.clear()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, event in enumerate(events):
                await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
                group.create_task(one(event))
        newest = max(appended)[0]
        async with asyncio.timeout(30):
            while not self._printed or self._printed[-1][0] < newest:
                self._news.clear()
                await self._news.wait()
        positions = [position for position, _ in self._printed]
        waits = [
            self._printed[bisect_left(positions, position)][1] - appended_at
            for position, appended_at in appended
        ]
        return statistics.quantiles(waits, n=100)[98] * 1000


async def program(*arguments: str) -> tuple[asyncio.subprocess.Process, int]:
    """Start a program; the port that its first line names."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    found = re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found, line
    return process, int(found[1])


@asynccontextmanager
async def ours(store: Store, data: Path, first: AnyEvent) -> AsyncIterator[Side]:
    """lapstream serve, and events appended by its log."""
    log, session = Log(store), "ours"
    await log.append(session, [first])

    async def append(event: AnyEvent) -> str:
        return (await log.append(session, [event])).position

    def position_of(message: bytes) -> str:
        position: str = from_json(message)["position"]
        return position

    lapstream = str(Path(sys.executable).with_name("lapstream"))
    arguments = (lapstream, "serve", "--data", str(data), "--port", "0")
    side = Side(append, position_of)
    async with watched(side, f"/sessions/{session}/live", *arguments):
        yield side


@asynccontextmanager
async def against(store: Store, data: Path) -> AsyncIterator[Side]:
    """The bare program, and events by XADD."""
    key = log_key("against")

    async def append(event: AnyEvent) -> str:
        position: Any = await store.redis.xadd(key, {"event": encode(event)})
        return str(position.decode())

    side = Side(append, lambda message: str(message).partition(" ")[0])
    async with watched(side, "/", sys.executable, "-m", __spec__.name, "bare", str(data), key):
        yield side


@asynccontextmanager
async def watched(side: Side, path: str, *arguments: str) -> AsyncIterator[None]:
    """The program, with a subscriber to it."""
    process, port = await program(*arguments)
    try:
        url = f"ws://127.0.0.1:{port}{path}"
        async with connect(url, compression=None, max_size=None, proxy=None) as connection:
            watching = asyncio.create_task(side.watch(connection))
            yield
            watching.cancel()
    finally:
        process.terminate()
        await process.wait()


async def bare(data: Path, key: str) -> None:
    """The bare program: entries as they come, each to every connection."""
    connections: set[ServerConnection] = set()

    async def stay(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    async with (
        open_store(data=data) as store,
        serve_websockets(stay, "127.0.0.1", 0, compression=None) as server,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"127.0.0.1:{port}", flush=True)
        after = "0-0"
        while True:
            reply: Any = await store.redis.xread({key: after}, count=1000, block=2000)
            for entries in dict(reply or {}).values():
                for position, fields in entries:
                    after = position.decode()
                    message = f"{after} {fields[b'event'].decode()}"
                    for connection in connections:
                        await connection.send(message)


async def both(data: Path) -> list[tuple[float, float]]:
    """Both sides' percentiles of each second but the first."""
    first, *events = arriving()
    pairs = []
    async with (
        open_store(data=data) as store,
        ours(store, data, first) as mine,
        against(store, data) as theirs,
    ):
        for start in range(0, len(events), PER_SECOND):
            part = events[start : start + PER_SECOND]
            pairs.append((await mine.second(part), await theirs.second(part)))
    return pairs[1:]


def main() -> None:
    """Measure, and print one line."""
    with (
        tempfile.TemporaryDirectory() as data,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        pairs = runner.run(both(Path(data)))
    report(
        "latency",
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(mine / theirs for mine, theirs in pairs),
        "ms, p99",
        per_second=PER_SECOND,
        late=LATE,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        uvloop.run(bare(Path(sys.argv[2]), sys.argv[3]))
    else:
        main()
