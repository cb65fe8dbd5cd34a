"""A session, a replay or a named output served as an RMonitor feed over TCP.

Scoreboards connect and listen; what they send is ignored. Each connection first gets everything,
then what changes and a heartbeat each second. Delay and hold are those of the output: it is read
from the same buffer as its other subscribers.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

import structlog

from projections.views.merge_patch import State
from projections.views.rmonitor import RMonitorEncoder, heartbeat
from services.clocks import now_ms
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot
from services.gateway.live.session_tail import SessionTail
from services.gateway.outputs.content import clock_of
from services.gateway.outputs.live_output import LiveOutput
from services.gateway.outputs.live_outputs import LiveOutputs
from services.gateway.state import Gateway

logger = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 1.0
MOST_CONNECTIONS = 64
STALLED_SECONDS = 10.0
"""How long a scoreboard may leave its buffer full before it is disconnected."""

OUTPUT_PREFIX = "output:"


class RMonitorServer:
    """The feed of one source."""

    def __init__(self, gateway: Gateway, outputs: LiveOutputs, source: str) -> None:
        self._gateway = gateway
        self._outputs = outputs
        self._source = source
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connected, sock=listener)
        try:
            await server.serve_forever()
        finally:
            server.close()
            for writer in list(self._writers):
                writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._writers.add(writer)
        leaving = asyncio.create_task(_discard(reader))
        sending = asyncio.create_task(self._send(writer))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (error := sending.exception()) is not None:
                reason = str(error)
                logger.warning("RMonitor feed not served", source=self._source, reason=reason)
        finally:
            for task in (leaving, sending):
                task.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        publisher, wanted = await self._publisher()
        encoder, wake, sent = RMonitorEncoder(), asyncio.Event(), None
        due = 0.0
        with publisher.listening(wake.set):
            while not publisher.ended:
                wake.clear()
                snapshot = _current(publisher.buffer)
                if snapshot is not None:
                    lines: Sequence[str] = ()
                    state = wanted.choose(snapshot.state)
                    if sent is None or sent.token.epoch != snapshot.token.epoch:
                        lines = encoder.refresh(state)
                    elif snapshot.number != sent.number:
                        lines = encoder.changes(state)
                    now = asyncio.get_running_loop().time()
                    if now >= due:
                        due = now + HEARTBEAT_SECONDS
                        lines = [*lines, _beat(state, snapshot)]
                    sent = snapshot
                    await write_lines(writer, lines)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await wake.wait()

    async def _publisher(self) -> tuple[SessionTail | LiveOutput, Filter]:
        """What the source is read from. Raises NoSuchOutput, NoSuchSession and StoreError."""
        if self._source.startswith(OUTPUT_PREFIX):
            output = await self._outputs.live_output(self._source.removeprefix(OUTPUT_PREFIX))
            chosen = output.output
            return output, Filter(classes=frozenset(chosen.classes), cars=frozenset(chosen.cars))
        return await self._gateway.tail(self._source), Filter()


def _current(buffer: FrameBuffer) -> Snapshot | None:
    return None if buffer.behind else buffer.newest


def _beat(state: State, snapshot: Snapshot) -> str:
    now = now_ms()
    return heartbeat(state, clock_of(snapshot, now), int(now))


async def write_lines(writer: asyncio.StreamWriter, lines: Sequence[str]) -> None:
    """Write lines. Raises ConnectionError for a scoreboard that does not read."""
    if not lines:
        return
    writer.write("".join(f"{line}\r\n" for line in lines).encode())
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await writer.drain()
    except TimeoutError:
        writer.transport.abort()  # closing would wait until it reads what is left
        raise ConnectionError("the scoreboard does not read") from None


async def _discard(reader: asyncio.StreamReader) -> None:
    """Read until the other end closes."""
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
