"""The last snapshot of an output in the store: restored at the start, saved as it changes."""

from __future__ import annotations

import asyncio
import contextlib

from events.errors import LapstreamError
from services.clocks import now_ms
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.outputs.content import frame_of, snapshot_of
from services.gateway.outputs.derived import DERIVED
from services.gateway.outputs.display import OutputDisplay
from services.storage.output_store import OutputStore

SAVE_SECONDS = 2.0
"""How often what is shown is saved, if it changed."""


class OutputMemory:
    """Keeps an output from being blank after a restart while its source is gone."""

    def __init__(self, store: OutputStore, display: OutputDisplay) -> None:
        self._store = store
        self._display = display

    async def restore(self) -> None:
        """Show what was saved last, unless something is shown or it is too new for the delay."""
        display, output = self._display, self._display.output
        if display.source is not None:
            return
        with contextlib.suppress(LapstreamError):
            frame = await self._store.saved_snapshot(output.name)
            if frame is None or frame.at > now_ms() - output.delay_ms:
                return
            if display.source is None:
                # A derived topic can differ at the same position: its season may have changed.
                display.show(snapshot_of(frame), provisional=output.view in DERIVED)

    async def save(self) -> None:
        """Save what is shown, at intervals, without end."""
        display = self._display
        saved: Snapshot | None = None
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            source = display.source
            if source is not None and source is not saved and display.frozen is None:
                with contextlib.suppress(LapstreamError):
                    await self._store.save_snapshot(display.output, frame_of(source))
                    saved = source
