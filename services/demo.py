"""The demo: a race appended to the log at pace, projected in process, watched by its frames.

Log, projector and frames are the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence

from events import AnyEvent
from events.errors import LapstreamError, PositionConflict, SessionNotEmpty
from projections.views.frame import ClientState, Frame
from replay.entries import START
from replay.playhead import EventQueue, Playhead
from services.gateway import create_app
from services.projector.app import run_projector
from services.serving import listen, server_of
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.frame_reader import frames
from services.storage.projection_store import health
from services.terminal import tty
from services.terminal.live_display import now_ms
from services.terminal.ticker import Ticker
from services.terminal.tower import Tower
from services.terminal.tower_state import TowerState
from services.terminal.viewer import Viewer

APPEND_SECONDS = 0.05
BATCH = 250
"""Events appended at a time; a frame covers a few batches at most."""

IDLE_SECONDS = 1.0
HOLD_SECONDS = 3.0
"""How long the tower stays at the end, unless a key is pressed."""


class SessionStopped(LapstreamError):
    """The projector stopped the session."""


async def fresh_session(log: Log, race: str, first: AnyEvent, wanted: str | None) -> str:
    """An empty session, reserved by its first event: the one wanted, or a numbered one.

    Raises SessionNotEmpty if the one wanted has events.
    """
    names = [wanted] if wanted else (f"{race}-demo-{number}" for number in itertools.count(1))
    for name in names:
        if not await log.length(name):
            with contextlib.suppress(PositionConflict):
                await log.append(name, [first], expected=START)
                return name
    raise SessionNotEmpty(wanted or race)


@contextlib.asynccontextmanager
async def in_browsers(store: Store) -> AsyncIterator[str]:
    """Serve browsers on this machine at a free port; the address."""
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        server = server_of(create_app(GatewaySettings(), store))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield "http://127.0.0.1:{1}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            await asyncio.wait([serving])


class Demo:
    """One run of the demo: appends, projects and shows the race."""

    def __init__(
        self,
        store: Store,
        session: str,
        events: Sequence[AnyEvent],
        speed: float,
        address: str | None = None,
        *,
        echo: Callable[[str], None],
    ) -> None:
        self.session = session
        self.address = address
        """The address of the timing screen, for the tower's footer."""
        self.playhead = Playhead(min(0, events[0].at), events[-1].at, speed)
        self._echo = echo
        """Prints a line, where there is no terminal to draw on."""
        self._store = store
        self._log = Log(store)
        self._queue = EventQueue(events)
        self._appended: str | None = None
        """The log's last position, once everything is appended."""
        self._client = ClientState()
        self._arrived: asyncio.Queue[Frame] = asyncio.Queue()

    async def run(self, watched: frozenset[str] = frozenset()) -> bool:
        """Show the race to its end; False if the viewer left before.

        Raises StoreError, and SessionStopped if the projector stopped the session.
        """
        stop = asyncio.Event()
        async with _first_error_alone(), asyncio.TaskGroup() as group:
            group.create_task(run_projector(self._store, stop, [self.session]))
            alongside = [group.create_task(self._append()), group.create_task(self._follow())]
            watch = self._in_tower(watched) if tty.is_there() else self._in_lines()
            await watch
            for task in alongside:
                task.cancel()
            stop.set()
        return self._is_over()

    async def _append(self) -> None:
        before = now_ms()
        position = START
        while not self._queue.ended:
            now = now_ms()
            self.playhead.advance(now - before)
            before = now
            while due := self._queue.due(self.playhead.at, BATCH):
                position = (await self._log.append(self.session, due)).position
            await asyncio.sleep(APPEND_SECONDS)
        self._appended = position

    async def _follow(self) -> None:
        async for frame in frames(self._store, self.session):
            self._arrived.put_nowait(frame)

    def _is_over(self) -> bool:
        """Whether the frame of the last event was shown."""
        newest = self._client.newest
        return newest is not None and newest.token.position == self._appended

    async def _in_lines(self) -> None:
        ticker = Ticker()
        while not self._is_over():
            try:
                # wait_for of Python 3.11 loses a Ctrl-C that comes together with a frame.
                async with asyncio.timeout(IDLE_SECONDS):
                    frame = await self._arrived.get()
            except TimeoutError:
                await self._check_health()
                continue
            self._client.apply(frame)
            for line in ticker.lines(self._client.state, frame.clock_at):
                self._echo(line)

    async def _in_tower(self, watched: frozenset[str]) -> None:
        viewer = Viewer(self.playhead, watched=watched, address=self.address)
        with tty.Terminal.open() as screen:
            while not viewer.gone and not self._is_over():
                state = self._draw(screen, viewer)
                for key in await screen.keys():
                    if state is not None:
                        viewer.press(key, state)
                await self._check_health()
            self._draw(screen, viewer)
            if not viewer.gone:
                await screen.keys(HOLD_SECONDS)

    def _draw(self, screen: tty.Terminal, viewer: Viewer) -> TowerState | None:
        """Draw the newest frame; nothing before the first."""
        while not self._arrived.empty():
            self._client.apply(self._arrived.get_nowait())
        newest = self._client.newest
        if newest is None:
            return None
        state = TowerState.of(self._client.state, newest.clock_at)
        waiting = self.playhead.paused or self.playhead.ended
        age = None if waiting else max(0, int(time.time() * 1000) - newest.at)
        screen.show(Tower(state, viewer.options(state, now_ms(), age)))
        return state

    async def _check_health(self) -> None:
        projection = await health(self._store, self.session)
        if projection.get("state") == "stopped":
            raise SessionStopped(f"session {self.session!r} is stopped: {projection['reason']}")


@contextlib.asynccontextmanager
async def _first_error_alone() -> AsyncIterator[None]:
    """Raise the first of several tasks' errors alone, as a command prints one line."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
