"""One output in this process: its rows and its subscriptions come from the same buffer.

A session's snapshot enters the buffer once the output's delay has passed, and none does while the
output is frozen. So delay and hold are the same for all readers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from services.gateway.live.channel import Channel
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.listeners import Listeners
from services.gateway.outputs.content import OutputContent, filter_of
from services.gateway.outputs.display import OutputDisplay
from services.gateway.outputs.memory import OutputMemory
from services.gateway.outputs.source import SourceFollower
from services.gateway.state import Gateway
from services.storage.output_store import Output, OutputStore, StoredOutput

FIRST_SNAPSHOT_SECONDS = 2.0
"""How long a request waits for the first snapshot of an output."""


class LiveOutput:
    """An output with its source, its buffer and its subscribers."""

    def __init__(self, gateway: Gateway, store: OutputStore, stored: StoredOutput) -> None:
        self.sent = 0
        """The number of messages sent to subscribers."""
        self.ended = False
        """Whether subscribers are to be disconnected: the output was changed or removed."""
        self.removal_reason: str | None = None
        """Why subscribers are disconnected for good; None if they may reconnect."""
        self._listeners = Listeners()
        self._display = OutputDisplay(stored, self._listeners.notify)
        memory = OutputMemory(store, self._display)
        self._source = SourceFollower(gateway, self._display, memory)
        session = self.output.session
        self.messages = Channel(
            filter_of(self.output), silent=lambda: gateway.tail_pool.silent(session)
        )
        """The encoded messages, which all subscribers share."""
        self._tasks = [
            asyncio.create_task(self._source.run()),
            asyncio.create_task(memory.save()),
        ]

    @property
    def output(self) -> Output:
        """The settings in force."""
        return self._display.output

    @property
    def buffer(self) -> FrameBuffer:
        """The snapshots for subscribers."""
        return self._display.buffer

    def listening(self, callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``callback`` at each new snapshot, inside the ``with`` block."""
        return self._listeners.listening(callback)

    async def first_content(self, store_lost: bool) -> OutputContent | None:
        """What is shown now; the first snapshot is waited for."""
        if self._display.source is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SNAPSHOT_SECONDS):
                    await self._display.ready.wait()
        return self.content(store_lost)

    def content(self, store_lost: bool) -> OutputContent | None:
        """What is shown now; None if nothing ever was. ``store_lost``: the store is away."""
        failed = store_lost or self._source.failed or self._source.silent
        return self._display.content(failed)

    def paused(self) -> AbstractContextManager[None]:
        """Show nothing new inside the ``with`` block."""
        return self._source.paused()

    def update(self, stored: StoredOutput) -> bool:
        """Follow a change in the store; False if it needs another live output."""
        # Other settings need another source and another filter; a freeze does not.
        if stored.effective != self.output:
            return False
        if self._display.update(stored):
            self._source.wake()
        return True

    def end(self) -> None:
        """Disconnect the subscribers."""
        self.ended = True
        self._listeners.notify()

    async def close(self) -> None:
        """Disconnect the subscribers, and follow the source no longer."""
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
