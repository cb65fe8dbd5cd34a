"""The outputs of this process: each from its first request, kept up with the store."""

from __future__ import annotations

import asyncio

import structlog

from events.errors import LapstreamError
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.session_tail import RETRY_SECONDS
from services.gateway.outputs.content import OutputContent
from services.gateway.outputs.live_output import LiveOutput
from services.gateway.state import Gateway
from services.storage.output_store import (
    NoSuchOutput,
    OutputStore,
    StoredOutput,
    UnreadableOutput,
)

logger = structlog.get_logger(__name__)


class LiveOutputs:
    """The outputs in use, each with its source and buffer, and the settings of all."""

    def __init__(self, gateway: Gateway) -> None:
        self.store = OutputStore(gateway.store)
        self.store_lost = False
        """Whether the store is away."""
        self._gateway = gateway
        self.unreadable: dict[str, UnreadableOutput] = {}
        """The outputs that cannot be read. They have no live output; the others are unaffected."""
        self._stored: dict[str, StoredOutput] = {}
        self._live: dict[str, LiveOutput] = {}
        gateway.tail_pool.output_buffers = self._buffers
        self._closing: set[asyncio.Task[None]] = set()
        self._loaded = asyncio.Event()
        self._following = asyncio.create_task(self._follow_changes())

    async def all(self) -> dict[str, StoredOutput]:
        """Every readable output by its name. Raises StoreError if they were never read."""
        if not self._loaded.is_set():
            for name, stored in (await self.store.all()).items():
                if isinstance(stored, UnreadableOutput):
                    self.unreadable[name] = stored
                else:
                    self._stored.setdefault(name, stored)
        return dict(sorted(self._stored.items()))

    async def stored(self, name: str) -> StoredOutput:
        """The output of a name. Raises NoSuchOutput and UnreadableOutput."""
        known = await self.all()
        if name in self.unreadable:
            raise self.unreadable[name]
        if name not in known:
            raise NoSuchOutput(name, list(known))
        return known[name]

    async def live_output(self, name: str) -> LiveOutput:
        """A live output, started if need be. Raises NoSuchOutput."""
        stored = await self.stored(name)
        output = self._live.get(name)
        if output is None:
            output = self._live[name] = LiveOutput(self._gateway, self.store, stored)
        return output

    async def content(self, name: str) -> OutputContent | None:
        """What an output shows; None if it never showed anything. Raises NoSuchOutput."""
        return await (await self.live_output(name)).first_content(self.store_lost)

    def update(self, name: str, stored: StoredOutput | UnreadableOutput | None) -> None:
        """Follow a change in the store; None: the output was removed."""
        output = self._live.get(name)
        self.unreadable.pop(name, None)
        if isinstance(stored, UnreadableOutput):
            # One that is on air stays there as it was read before.
            if output is None:
                self._stored.pop(name, None)
                self.unreadable[name] = stored
            logger.error("output not read", output=name, reason=stored.reason)
            return
        if stored is None:
            self._stored.pop(name, None)
        elif name not in self._stored or stored.revision >= self._stored[name].revision:
            self._stored[name] = stored
        if output is not None and (stored is None or not output.update(stored)):
            del self._live[name]
            # Kept in a set: asyncio itself holds tasks by weak references.
            closing = asyncio.create_task(output.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _buffers(self) -> dict[str, FrameBuffer]:
        return {name: output.buffer for name, output in self._live.items()}

    def end(self) -> None:
        """Disconnect all subscribers."""
        for output in self._live.values():
            output.end()

    async def close(self) -> None:
        """Close all outputs."""
        self._following.cancel()
        await asyncio.wait([self._following])
        closing = [output.close() for output in self._live.values()]
        await asyncio.gather(*closing, *self._closing)

    async def _follow_changes(self) -> None:
        """Follow the changes that other gateways make, without end."""
        while True:
            try:
                # Read before the outputs: a change in between is applied twice, not lost.
                after = await self.store.newest_change()
                await self._update_all()
                async for names in self.store.changes(after):
                    self.store_lost = False
                    for name in sorted(names):
                        self.update(name, await self._read(name))
            except LapstreamError as error:
                self.store_lost = True
                logger.warning("output change stream unavailable", reason=str(error))
            except Exception:
                self.store_lost = True
                logger.exception("output change stream not read")
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, name: str) -> StoredOutput | UnreadableOutput | None:
        try:
            return await self.store.get(name)
        except UnreadableOutput as error:
            return error

    async def _update_all(self) -> None:
        outputs = await self.store.all()
        for name in (self._stored.keys() | self.unreadable.keys()) - outputs.keys():
            self.update(name, None)
        for name, stored in outputs.items():
            self.update(name, stored)
        self.store_lost = False
        self._loaded.set()
