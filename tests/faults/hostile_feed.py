"""Hostile timing feeds, and what they do to the appends of another session."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from events import RaceControlMessage, encode
from services.roles import Role, new_token
from tests.faults.fleet import answers, gateway
from tests.faults.reports import Report, percentile
from tests.rmonitor import OPENING, beat, g, j
from tests.server.clusters import free_ports
from tests.server.projecting import eventually

FEED_SESSION, OTHER_SESSION = "hostile", "other"
BAR_SECONDS = 0.1
"""What an append of another session may take at its 99th percentile."""

MOST_GROWTH_MB = 150.0
MOST_SESSIONS = 100
"""Sessions that a feed which opens runs without end may leave."""

CRLF = "\r\n"
Chunks = Callable[[random.Random], Iterator[bytes]]


def _lines(*lines: str) -> bytes:
    return "".join(line + CRLF for line in lines).encode()


def _unknown_lines(_: random.Random) -> Iterator[bytes]:
    yield from itertools.repeat(_lines('$Q,1,"?"') * 4096)


def _binary(chance: random.Random) -> Iterator[bytes]:
    while True:
        yield chance.randbytes(1 << 16)


def _endless_line(_: random.Random) -> Iterator[bytes]:
    yield b"$G,1,"
    yield from itertools.repeat(b"7" * (1 << 16))


def _blank_lines(_: random.Random) -> Iterator[bytes]:
    yield from itertools.repeat(_lines("") * (1 << 15))


def _runs(_: random.Random) -> Iterator[bytes]:
    for number in itertools.count():
        yield _lines(f'$B,{number},"Run {number}"', *OPENING[1:], beat(0), g("7", 1, 9000), beat(1))


def _entries(_: random.Random) -> Iterator[bytes]:
    yield _lines(*OPENING, beat(0), beat(1, "Green"))
    for number in itertools.count():
        yield _lines(f'$A,"{number}","{number}",{number},"Team","","",1', g(str(number), 1, 9000))


def _flags(chance: random.Random) -> Iterator[bytes]:
    yield _lines(*OPENING, beat(0))
    for second in itertools.count(1):
        yield _lines(beat(second % 3600, chance.choice(("Green", "Yellow", "Red", "Finish", ""))))


def _impossible_laps(chance: random.Random) -> Iterator[bytes]:
    yield _lines(*OPENING, beat(0), beat(1, "Green"))
    while True:
        car, total = chance.choice("789"), chance.randrange(10**9)
        lap = chance.choice((-1, 0, 1, 10**9))
        yield _lines(j(car, chance.randrange(10**6), total), g(car, lap, total, -1))


def _drip(_: random.Random) -> Iterator[bytes]:
    lines = _lines(*OPENING, beat(0), beat(1, "Green"), j("7", 9000, 9000), g("7", 1, 9000))
    yield from (bytes([byte]) for byte in itertools.cycle(lines))


FEEDS: dict[str, Chunks] = {
    "unknown lines": _unknown_lines,
    "binary": _binary,
    "endless line": _endless_line,
    "blank lines": _blank_lines,
    "runs without end": _runs,
    "entries without end": _entries,
    "flags without end": _flags,
    "impossible laps": _impossible_laps,
    "slow drip": _drip,
}


@dataclass
class HostileFeed:
    """A timing feed at a port of loopback that sends whatever it is set to."""

    port: int
    chance: random.Random
    sent: int = 0
    _chunks: Iterator[bytes] | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)
    _closed: bool = False

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve whoever connects."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            self._closed = True
            server.close()
            if self._serving:
                await asyncio.wait(self._serving)

    @contextlib.contextmanager
    def sending(self, chunks: Chunks) -> Iterator[None]:
        """Send to whoever is connected, as fast as it is read."""
        self.sent, self._chunks = 0, chunks(self.chance)
        try:
            yield
        finally:
            self._chunks = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send until it is set to nothing again; then close, so that a connection is one feed."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        began = False
        with contextlib.suppress(OSError):
            while not (self._closed or (began and self._chunks is None) or writer.is_closing()):
                if self._chunks is None:
                    await asyncio.sleep(0.05)
                    continue
                began = True
                chunk = next(self._chunks)
                self.sent += len(chunk)
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0.02 if len(chunk) == 1 else 0)
        writer.transport.abort()


@dataclass
class Appender:
    """A client with a token that appends an event at a time to another session."""

    url: str
    secret: str
    number: int = 0

    async def append(self, seconds: float) -> list[float]:
        """Append for so long; the seconds of each, infinite where it was refused."""
        took, ends = [], time.monotonic() + seconds
        headers = {"Authorization": f"Bearer {self.secret}"}
        path = f"{self.url}/sessions/{OTHER_SESSION}/events"
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            while time.monotonic() < ends:
                self.number += 1
                began = time.monotonic()
                try:
                    status = (await client.post(path, content=self._event())).status_code
                except httpx.HTTPError:
                    status = 0
                took.append(time.monotonic() - began if status == 200 else float("inf"))
                await asyncio.sleep(0.02)
        return took

    def _event(self) -> bytes:
        return encode(
            RaceControlMessage(at=self.number, source="desk", source_seq=self.number, text="x")
        )


async def hostile_feeds(
    folder: Path, seed: int, seconds: float, bar_seconds: float = BAR_SECONDS
) -> Report:
    """Follow each feed with a gateway of its own, and append to another session meanwhile.

    No append may take longer than ``bar_seconds``.
    """
    figures: dict[str, object] = {"seed": seed, "seconds_each": seconds, "bar_seconds": bar_seconds}
    report = Report("hostile feed", figures)
    for number, (name, chunks) in enumerate(FEEDS.items()):
        home = folder / str(number)
        home.mkdir(parents=True)
        await _follow(
            report, home, name, HostileFeed(free_ports(1)[0], random.Random(seed)), chunks
        )
    return report


async def _follow(
    report: Report, folder: Path, name: str, feed: HostileFeed, chunks: Chunks
) -> None:
    seconds = float(str(report.figures["seconds_each"]))
    bar_seconds = float(str(report.figures["bar_seconds"]))
    (port,) = free_ports(1)
    secret, line = new_token("desk", Role.CONTROL)
    environment = {"LAPSTREAM_DATA": str(folder / "data"), "LAPSTREAM_TOKENS": line}
    follow = f"rmonitor:127.0.0.1:{feed.port}={FEED_SESSION}"
    service = gateway("gateway", port, environment, folder, "--feed", follow)
    url = f"http://127.0.0.1:{port}"
    appender = Appender(url, secret)
    service.start()
    try:
        async with feed.listening():
            await eventually(lambda: answers(url), f"{url} answers")
            await appender.append(0.5)
            calm = await appender.append(seconds / 2)
            before = service.memory_mb()
            with feed.sending(chunks):
                took = await appender.append(seconds)
            took += await appender.append(seconds / 2)  # while it digests what came
            growth = service.memory_mb() - before
            sessions = await _sessions(url)
        slowest, calmest = percentile(took, 0.99) or 0.0, percentile(calm, 0.99) or 0.0
        report.rows.append(
            {
                "feed": name,
                "sent MB": round(feed.sent / 1e6, 1),
                "appends": len(took),
                "p50 ms": _ms(percentile(took, 0.5)),
                "p99 ms": _ms(slowest),
                "longest ms": _ms(percentile(took, 1)),
                "p99 ms before": _ms(calmest),
                "memory +MB": round(growth),
                "sessions": sessions,
            }
        )
        # A machine with other work misses the bar without any feed.
        late = slowest > max(bar_seconds, 2 * calmest)
        report.require(not late, f"{name}: an append of another session took {_ms(slowest)} ms")
        report.require(growth <= MOST_GROWTH_MB, f"{name}: {growth:.0f} MB more memory")
        many = sessions is None or sessions > MOST_SESSIONS
        report.require(not many, f"{name}: {sessions or 'uncounted'} sessions are left")
    finally:
        code = service.leave()
    report.require(code == 0, f"{name}: the gateway ended with {code}")
    tracebacks = service.tracebacks()
    report.require(not tracebacks, f"{name}: {len(tracebacks)} tracebacks: {tracebacks[:1]}")


async def _sessions(url: str) -> int | None:
    """How many sessions are listed; None if that is not answered."""
    async with httpx.AsyncClient(timeout=10) as client:
        with contextlib.suppress(httpx.HTTPError):
            return len((await client.get(f"{url}/sessions")).json())
    return None


def _ms(seconds: float | None) -> object:
    return (
        None if seconds is None else "refused" if seconds == float("inf") else round(seconds * 1e3)
    )
