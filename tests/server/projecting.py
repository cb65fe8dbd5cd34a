"""Projectors for tests: in this process, or in one of their own to be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from events import AnyEvent, decode
from events.errors import StoreUnavailable
from projections.timeline import Timeline
from projections.views.frame import ClientState, Frame
from projections.views.frame_builder import frame_state
from projections.views.merge_patch import State
from services.projector.app import run_projector
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import key
from services.storage.projection_store import ProjectionStore, health
from tests.server.processes import ROOT

DEADLINE = 120.0
"""Seconds until a test gives up waiting. Nothing takes as long; a busy machine may."""


@contextlib.asynccontextmanager
async def projecting(store: Store, *sessions: str) -> AsyncIterator[None]:
    """A projector of these sessions in this process."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_projector(store, stop, sessions))
    try:
        yield
    finally:
        stop.set()
        await running


async def eventually(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + DEADLINE
    while True:
        with contextlib.suppress(StoreUnavailable):
            if await holds():
                return
        assert time.monotonic() < deadline, f"never came about: {what}"
        await asyncio.sleep(0.02)


async def until_projected(store: Store, session: str, position: str) -> None:
    """Wait until the session's frames tell of everything up to ``position``."""

    async def is_projected() -> bool:
        token = await ProjectionStore(store, session).token()
        return token is not None and token.position == position

    await eventually(is_projected, f"{session} projected up to {position}")


async def append_and_wait(log: Log, store: Store, session: str, events: Sequence[AnyEvent]) -> str:
    """Append the events and wait until the frames tell of them. Returns the position."""
    position = (await log.append(session, events)).position
    await until_projected(store, session, position)
    return position


async def stopped(store: Store, session: str) -> dict[str, str]:
    """Wait until the session is stopped. Returns its health."""

    async def is_stopped() -> bool:
        return (await health(store, session)).get("state") == "stopped"

    await eventually(is_stopped, f"{session} stopped")
    return await health(store, session)


def state_of(events: Iterable[AnyEvent]) -> State:
    """What screens show of a race with these events."""
    timeline = Timeline()
    timeline.add(events)
    return frame_state(timeline.race)


async def all_frames(store: Store, session: str) -> list[Frame]:
    """The frames in the stream; none is missing between two of them, and none is twice."""
    entries: Any = await store.redis.xrange(key(session, "frames"))
    read: list[Frame] = []
    for _, fields in entries:
        frame = Frame.decode(fields[b"frame"])
        if read:
            assert fields[b"follows"].decode() == str(read[-1].token)
            assert (frame.kind == "snapshot") == (frame.token.epoch == read[-1].token.epoch + 1)
        read.append(frame)
    return read


async def check_frames(store: Store, session: str, events: Iterable[AnyEvent]) -> list[Frame]:
    """The frames are without a gap and lead to the state of these events. Returns them."""
    frames = await all_frames(store, session)
    shown = ClientState()
    for frame in frames:
        shown.apply(frame)
    assert shown.state == state_of(events)
    return frames


async def check_every_frame(store: Store, session: str) -> None:
    """Each frame leads exactly to the state of the log up to its position."""
    log, shown, timeline = Log(store), ClientState(), Timeline()
    after = "0-0"
    for frame in await all_frames(store, session):
        shown.apply(frame)
        async for entries in log.read(session, after, frame.token.position):
            timeline.add(decode(entry.payload) for entry in entries)
        after = frame.token.position
        assert shown.state == frame_state(timeline.race)
        assert frame.clock_at == timeline.race.at


class ProjectorProcess:
    """``faststream run services.projector:build_app --factory`` on a data folder."""

    def __init__(self, data: Path, *sessions: str) -> None:
        program = Path(sys.executable).with_name("faststream")
        settings = {"LAPSTREAM_DATA": str(data), "LAPSTREAM_SESSIONS": ",".join(sessions)}
        self._process = subprocess.Popen(
            [str(program), "run", "services.projector:build_app", "--factory"],
            cwd=ROOT,
            env={**os.environ, **settings, "LAPSTREAM_LOG_LEVEL": "ERROR"},
            stdin=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        """The process id, which a projector's name begins with."""
        return self._process.pid

    async def at_work(self, store: Store, session: str) -> None:
        """Wait until this very process folds the session."""

        async def works() -> bool:
            assert self._process.poll() is None, "the projector ended"
            name = (await health(store, session)).get("projector", "")
            return name.startswith(f"{self.pid}-")

        await eventually(works, f"projector {self.pid} at work on {session}")

    def kill(self) -> None:
        """Kill it where it stands; one that has ended stays as it is."""
        self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """End it in good order."""
        self._process.terminate()
        self._process.wait(60)
