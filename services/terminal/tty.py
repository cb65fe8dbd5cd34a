"""The terminal that shows a tower: its screen and its keys."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.live import Live

from services.terminal.viewer import keys_in

REFRESH_SECONDS = 0.1


def is_there() -> bool:
    """Whether there is a terminal to draw on and to read keys from."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Terminal:
    """A full-screen display, redrawn by each ``show``, and the keys pressed meanwhile."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._typed = bytearray()
        self._pressed = asyncio.Event()

    @classmethod
    @contextlib.contextmanager
    def open(cls) -> Iterator[Terminal]:
        """Take over the terminal, inside a running event loop, and restore it at the end."""
        live = Live(console=Console(), screen=True, auto_refresh=False, transient=True)
        terminal = cls(live)
        with live, _single_keys(), terminal._listening():
            yield terminal

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), self._read)
        try:
            yield
        finally:
            loop.remove_reader(sys.stdin.fileno())

    def _read(self) -> None:
        self._typed += os.read(sys.stdin.fileno(), 1024)
        self._pressed.set()

    def show(self, drawn: RenderableType) -> None:
        """Draw the screen in the terminal's present size."""
        self._live.update(drawn, refresh=True)

    async def keys(self, wait: float = REFRESH_SECONDS) -> list[str]:
        """The keys pressed since the last call; if none, wait ``wait`` seconds for one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._pressed.wait()
        self._pressed.clear()
        typed, self._typed = bytes(self._typed), bytearray()
        return keys_in(typed)


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Read keys one by one without echo; Ctrl-C stays a signal."""
    try:
        import termios
        import tty
    except ImportError:  # Windows: no keys
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
