"""A thousand subscribers of one session, against ``websockets.broadcast`` of the same bytes.

Ours is the gateway's part of it: a frame arrives, is applied to the picture, is made into
the channel's message, and is written to every subscriber by uvicorn. Against it stands a
bare websockets server that broadcasts the same messages. On both sides the subscribers
are in another process: plain sockets that count what they read. A message is sent when
every subscriber has the one before, on both sides in turn. The ratio is of messages a
second: ours/against, the median of all messages after the first.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from fastapi import FastAPI, WebSocket
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as serve_websockets

from bench.measure import report
from bench.synthetic import synthetic_race
from projections.timeline import Timeline
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.session_line import clock_running
from services.gateway.live.channel import Channel, SubscriptionMessage
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.session_tail import SessionTail
from services.gateway.live.subscription import SubscriptionOptions
from services.gateway.live.transport import serve_websocket, subscribe
from services.serving import listen, server_of

SUBSCRIBERS = 1000
MESSAGES = 240
WARM_UP = 40


def frames() -> list[Frame]:
    """A snapshot of a race under way, and the frames of its next moments."""
    events = synthetic_race(cars=40, hours=1)
    timeline, builder, sent = Timeline(), FrameBuilder(), []
    begin = len(events) // 2
    timeline.add(events[:begin])
    builder.advance(timeline.race)
    for number in range(MESSAGES):
        patch = {}
        if number:
            timeline.add(events[begin + number * 5 : begin + number * 5 + 5])
            patch = builder.advance(timeline.race)
        race, at = timeline.race, 1_760_000_000_000 + number
        kind: Any = "delta" if number else "snapshot"
        data = patch if number else builder.state
        token = Token(1, f"{at}-0")
        sent.append(Frame(token, at, race.at, clock_running(race), kind, data))
    return sent


# -- The subscribers, in a process of their own ----------------------------------------------


def read(port: int) -> None:
    """Subscribe ``SUBSCRIBERS`` times; print a line when each has read the expected bytes."""
    selector = selectors.DefaultSelector()
    connections = [_connected(port) for _ in range(SUBSCRIBERS)]
    for connection in connections:
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    print("ready", flush=True)
    total = 0
    for line in sys.stdin:
        expected = int(line) * SUBSCRIBERS
        while total < expected:
            for key, _ in selector.select():
                readable: Any = key.fileobj
                read = len(readable.recv(1 << 20))
                assert read, "the server has closed a connection"
                total += read
        total -= expected
        print("read", flush=True)


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return connection


class Readers:
    """The process of the subscribers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, port: int) -> Readers:
        """Have them subscribe."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.fanout", "read", str(port)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        readers = cls(process)
        assert await readers._line() == b"ready\n"
        return readers

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    def expect(self, size: int) -> None:
        """Have each read so many bytes."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % size)

    async def have_read(self) -> None:
        """Wait until each has."""
        assert await self._line() == b"read\n"

    async def end(self) -> None:
        """End them."""
        self._process.kill()
        await self._process.wait()


# -- Both sides ------------------------------------------------------------------------------

Send = Callable[[SubscriptionMessage], None]
"""Send a message to every subscriber."""


class FedTail(SessionTail):
    """The gateway's tail, which is given its frames instead of reading them from a store."""

    async def _read(self) -> None:
        await asyncio.Event().wait()


class Side:
    """One side: its subscribers, and how it sends them a message."""

    def __init__(self, readers: Readers, send: Send) -> None:
        self._readers = readers
        self._send = send

    async def send(self, message: SubscriptionMessage) -> float:
        """Seconds until every subscriber has read the message."""
        self._readers.expect(len(message.as_websocket()))
        began = time.perf_counter()
        self._send(message)
        await self._readers.have_read()
        return time.perf_counter() - began


@asynccontextmanager
async def subscribed(port: int, send: Send) -> AsyncIterator[Side]:
    """A side with its subscribers."""
    readers = await Readers.started(port)
    try:
        yield Side(readers, send)
    finally:
        await readers.end()


@asynccontextmanager
async def ours(sent: list[Frame]) -> AsyncIterator[Side]:
    """The gateway's part, on uvicorn."""
    tail = FedTail(None, "bench")  # type: ignore[arg-type]  # it reads no store
    coming = iter(sent)
    app = FastAPI()

    @app.websocket("/")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await serve_websocket(websocket, tail, subscribe(tail, SubscriptionOptions()))

    listener = listen("127.0.0.1", 0)
    server = server_of(app)
    server.config.ws_ping_interval = None  # plain sockets answer no pings
    serving = asyncio.create_task(server.serve([listener]))
    try:
        port = listener.getsockname()[1]
        async with subscribed(port, lambda _: tail.publish(next(coming))) as side:
            yield side
    finally:
        tail.end()
        server.should_exit = True
        await serving
        await tail.close()


@asynccontextmanager
async def against() -> AsyncIterator[Side]:
    """websockets, with its own broadcast."""
    connections: set[ServerConnection] = set()

    async def stay(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    def send(message: SubscriptionMessage) -> None:
        broadcast(connections, message.body, text=True)

    async with serve_websockets(
        stay, "127.0.0.1", 0, compression=None, ping_interval=None
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with subscribed(port, send) as side:
            yield side


async def both(sent: list[Frame]) -> list[tuple[float, float]]:
    """Seconds of each message on both sides, in turn; the first are the warm-up."""
    messages = messages_of(sent)
    pairs = []
    async with ours(sent) as mine, against() as theirs:
        gc.collect()
        gc.freeze()
        gc.disable()
        for number, message in enumerate(messages):
            if number % 2:
                seconds = await mine.send(message)
                pairs.append((seconds, await theirs.send(message)))
            else:
                seconds = await theirs.send(message)
                pairs.append((await mine.send(message), seconds))
        gc.enable()
    return pairs[WARM_UP:]


def messages_of(sent: list[Frame]) -> list[SubscriptionMessage]:
    """What a subscriber to everything is sent of these frames."""
    buffer, channel, before = FrameBuffer(), Channel(Filter()), None
    messages = []
    for frame in sent:
        snapshot = buffer.apply(frame)
        assert snapshot is not None
        messages.append(channel.message(before, snapshot))
        before = snapshot
    return messages


def main() -> None:
    """Measure, and print one line."""
    sent = frames()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pairs = runner.run(both(sent))
    report(
        "fanout",
        SUBSCRIBERS / statistics.median(mine for mine, _ in pairs),
        SUBSCRIBERS / statistics.median(theirs for _, theirs in pairs),
        statistics.median(theirs / mine for mine, theirs in pairs),
        "messages/s",
        subscribers=SUBSCRIBERS,
        bytes=sum(len(frame.encode()) for frame in sent[1:]) // (len(sent) - 1),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read(int(sys.argv[2]))
    else:
        main()
