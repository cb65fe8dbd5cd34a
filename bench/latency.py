"""From an append to the WebSocket message that shows it, at 500 events a second.

Ours is ``lapstream serve``: log, projector, frames, gateway. Against it stands a bare
program: a blocking XREAD whose entries go out over a WebSocket as they are. Both run in a
process of their own on an embedded server that writes every event to disk; 5 % of the
events arrive up to 2 s late. The ratio is of the 99th percentiles: ours/against.
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
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from pydantic_core import from_json
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from bench.measure import report
from bench.synthetic import synthetic_race
from events import AnyEvent, encode
from services.log import Log, log_key
from services.store import open_store

PER_SECOND = 500
SECONDS = 6
ROUNDS = 3
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
    events = synthetic_race(cars=40, hours=6)[: PER_SECOND * SECONDS * ROUNDS]
    # A race tells about one event a second; here its seconds pass 500 times as fast.
    late = 1000 / PER_SECOND
    due = [
        number + (draw.random() * LATE_MS / late if draw.random() < LATE else 0)
        for number in range(len(events))
    ]
    return [events[number] for number in sorted(range(len(events)), key=due.__getitem__)]


async def measured(
    append: Append, url: str, position_of: Callable[[Any], str], events: list[AnyEvent]
) -> float:
    """The 99th percentile (ms) of what a subscriber waits for an event."""
    appended: list[tuple[Position, float]] = []
    shown: list[tuple[Position, float]] = []
    news = asyncio.Event()

    async with connect(url, compression=None, max_size=None, proxy=None) as connection:

        async def watch() -> None:
            while True:
                position = place(position_of(await connection.recv()))
                shown.append((position, time.perf_counter()))
                news.set()

        async def one(event: AnyEvent) -> None:
            began = time.perf_counter()
            appended.append((place(await append(event)), began))

        watching = asyncio.create_task(watch())
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, event in enumerate(events):
                await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
                group.create_task(one(event))
        appended.sort()
        async with asyncio.timeout(30):
            while not shown or shown[-1][0] < appended[-1][0]:
                news.clear()
                await news.wait()
        watching.cancel()
    positions = [position for position, _ in shown]
    del appended[:PER_SECOND]  # the warm-up
    waits = [
        shown[bisect_left(positions, position)][1] - appended_at
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


async def ours(data: Path, session: str, events: list[AnyEvent]) -> float:
    """lapstream serve, and events appended by its log."""
    lapstream = str(Path(sys.executable).with_name("lapstream"))
    async with open_store(data=data) as store:
        log = Log(store)
        await log.append(session, events[:1])
        process, port = await program(lapstream, "serve", "--data", str(data), "--port", "0")
        url = f"ws://127.0.0.1:{port}/sessions/{session}/live"

        async def append(event: AnyEvent) -> str:
            return (await log.append(session, [event])).position

        def position_of(message: bytes) -> str:
            position: str = from_json(message)["position"]
            return position

        try:
            return await measured(append, url, position_of, events[1:])
        finally:
            process.terminate()
            await process.wait()


async def against(data: Path, session: str, events: list[AnyEvent]) -> float:
    """The bare program, and events by XADD."""
    async with open_store(data=data) as store:
        key = log_key(session)
        process, port = await program(sys.executable, "-m", __spec__.name, "bare", str(data), key)

        async def append(event: AnyEvent) -> str:
            position: Any = await store.redis.xadd(key, {"event": encode(event)})
            return str(position.decode())

        try:
            return await measured(
                append, f"ws://127.0.0.1:{port}", lambda told: told.partition(" ")[0], events[1:]
            )
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
                    told = f"{after} {fields[b'event'].decode()}"
                    for connection in connections:
                        await connection.send(told)


async def both(data: Path) -> tuple[list[float], list[float]]:
    """Both sides in turn."""
    events = arriving()
    mine, theirs = [], []
    size = PER_SECOND * SECONDS
    for number in range(ROUNDS):
        part = [events[0], *events[number * size + 1 : (number + 1) * size]]
        mine.append(await ours(data, f"ours-{number}", part))
        theirs.append(await against(data, f"against-{number}", part))
    return mine, theirs


def main() -> None:
    """Measure, and print one line."""
    with (
        tempfile.TemporaryDirectory() as data,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        mine, theirs = runner.run(both(Path(data)))
    ratio = statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
    report(
        "latency",
        statistics.median(mine),
        statistics.median(theirs),
        ratio,
        "ms, p99",
        per_second=PER_SECOND,
        late=LATE,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        uvloop.run(bare(Path(sys.argv[2]), sys.argv[3]))
    else:
        main()
