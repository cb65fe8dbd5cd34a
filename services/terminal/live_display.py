"""A replay in a tower on a terminal, else in lines.

The viewer's clock is read here only: playhead, tower and ticker take the time as an argument.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import typer

from projections.views.frame_builder import FrameBuilder
from replay.playhead import Playhead, RacePlayback
from services.terminal import tty
from services.terminal.ticker import Ticker
from services.terminal.tower import Tower
from services.terminal.tower_state import TowerState
from services.terminal.viewer import Viewer

STEP_MS = 15_000
"""In lines, states are at most this far apart on the session clock while events come."""

LINES_SECONDS = 0.2


def now_ms() -> float:
    """The viewer's clock."""
    return time.monotonic() * 1000


async def watch_replay(replay: RacePlayback, playhead: Playhead, watched: frozenset[str]) -> None:
    """Play until the viewer leaves or, in lines, to the end."""
    if tty.is_there():
        await _in_tower(replay, playhead, watched)
    else:
        await _in_lines(replay, playhead)


async def _in_tower(replay: RacePlayback, playhead: Playhead, watched: frozenset[str]) -> None:
    viewer = Viewer(playhead, replay, watched)
    frames = FrameBuilder()
    with tty.Terminal.open() as screen:
        before = now_ms()
        while not viewer.gone:
            now = now_ms()
            playhead.advance(now - before)
            before = now
            frames.advance(replay.race_at(playhead.at))
            state = TowerState.of(frames.state, int(playhead.at))
            screen.show(Tower(state, viewer.options(state, now)))
            for key in await screen.keys():
                viewer.press(key, state)


async def _in_lines(replay: RacePlayback, playhead: Playhead) -> None:
    ticker, frames = Ticker(), FrameBuilder()
    shown, before = playhead.at, now_ms()
    while True:
        for at in moments(replay, int(shown), int(playhead.at)):
            frames.advance(replay.race_at(at))
            for line in ticker.lines(frames.state, at):
                typer.echo(line)
            await asyncio.sleep(0)  # lets Ctrl-C cancel
        shown = playhead.at
        if playhead.ended:
            break
        await asyncio.sleep(LINES_SECONDS)
        now = now_ms()
        playhead.advance(now - before)
        before = now


def moments(replay: RacePlayback, since: int, until: int) -> Iterator[int]:
    """The times to compare, in ms: at most STEP_MS apart, unless no event comes for longer."""
    at = since
    while at < until:
        yield at
        ahead = replay.next_event(at)
        at = until if ahead is None else max(at + STEP_MS, ahead)
    yield until
