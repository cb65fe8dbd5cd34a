"""Gateways for tests: in this process, or in one of their own to be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import httpx

from events import AnyEvent, decode
from projections.timeline import Timeline
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from projections.views.merge_patch import State
from services.client import StateFollower, StateUpdate, stream_url
from services.gateway.live.filters import Filter
from services.serving import listen, serve
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from tests.server.processes import ROOT

EVERYTHING = GatewaySettings()

PRINTED_LINES = 5
"""What ``serve`` prints once it listens: addresses, access, and where the log is."""


@contextlib.asynccontextmanager
async def serving(
    store: Store,
    settings: GatewaySettings = EVERYTHING,
    *,
    projector: bool = False,
    host: str = "127.0.0.1",
    rmonitor: Sequence[tuple[socket.socket, str]] = (),
) -> AsyncIterator[str]:
    """A gateway with an intake in this process; gives its URL on this machine."""
    listener = listen(host, 0)
    started = asyncio.Event()
    task = asyncio.create_task(
        serve(
            store,
            settings,
            listener,
            projector=projector,
            rmonitor=rmonitor,
            listening=started.set,
        )
    )
    try:
        async with asyncio.timeout(30):
            await started.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        task.cancel()
        await asyncio.wait([task])
        listener.close()


class GatewayProcess:
    """``lapstream serve --no-projector`` on a data folder."""

    def __init__(self, data: Path, port: int = 0, *options: str, tokens: str = "") -> None:
        program = Path(sys.executable).with_name("lapstream")
        arguments = ["serve", "--no-projector", "--data", str(data), "--port", str(port), *options]
        self._process = subprocess.Popen(
            [str(program), *arguments],
            cwd=ROOT,
            env={**os.environ, "LAPSTREAM_TOKENS": tokens},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.printed = ""

    async def listening(self) -> int:
        """Wait until it listens; the port, 0 if it ended instead."""
        assert self._process.stdout is not None
        readline = self._process.stdout.readline
        lines = await asyncio.to_thread(lambda: [readline() for _ in range(PRINTED_LINES)])
        self.printed = "".join(lines)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.printed)
        return int(found[1]) if found else 0

    def kill(self) -> None:
        """Kill it where it stands; one that has ended stays as it is."""
        self._process.kill()
        self._process.wait()
        self._close()

    def leave(self) -> int:
        """End it in good order; its exit code."""
        self._process.terminate()
        code = self._process.wait(60)
        self._close()
        return code

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()


async def sse(
    client: httpx.AsyncClient, url: str, session: str, following: StateFollower, **options: object
) -> AsyncGenerator[StateUpdate, None]:
    """What comes over one event stream, from where ``following`` stands."""
    headers = {"Last-Event-ID": str(following.token)} if following.token else {}
    address = stream_url(url, session, over="stream", **options)
    async with client.stream("GET", address, headers=headers, timeout=20) as response:
        response.raise_for_status()
        given: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                given[name] = value
                continue
            shown = following.apply(given["data"])
            assert (given["id"], given["event"]) == (str(shown.token), shown.kind)
            given = {}
            yield shown


class Oracle:
    """What screens have to show at each position of a session's log, by folding the log."""

    def __init__(self, log: Log, session: str) -> None:
        self._log = log
        self._session = session
        self._timeline = Timeline()
        self._position = "0-0"
        self._turn = asyncio.Lock()
        self._states: dict[str, State] = {}
        self._chosen: dict[tuple[str, Filter], State] = {}

    async def at(self, token: Token, wanted: Filter = Filter()) -> State:  # noqa: B008 - frozen
        """The state at a token's position, as far as it is wanted."""
        position = token.position
        if (known := self._chosen.get((position, wanted))) is not None:
            return known
        async with self._turn:
            if position not in self._states:
                self._states[position] = await self._state(position)
        key = (position, wanted)
        if key not in self._chosen:
            self._chosen[key] = wanted.choose(self._states[position])
        return self._chosen[key]

    async def _state(self, position: str) -> State:
        if _place(position) < _place(self._position):  # later ones were asked for before
            return frame_state((await self._fold(Timeline(), "0-0", position)).race)
        await self._fold(self._timeline, self._position, position)
        self._position = position
        return frame_state(self._timeline.race)

    async def _fold(self, timeline: Timeline, after: str, upto: str) -> Timeline:
        events: list[AnyEvent] = []
        async for batch in self._log.read(self._session, after, upto):
            events += [decode(entry.payload) for entry in batch]
        timeline.add(events)
        return timeline


def _place(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split("-")))
