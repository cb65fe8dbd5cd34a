"""Showing a race as it runs: in a tower where there is a terminal, else in lines.

Time is read here and nowhere below: the playhead, the tower and the ticker are told it.
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
from services.terminal.tower import Board, Tower
from services.terminal.viewer import Viewer

STEP_MS = 15_000
"""In lines, no more than this of the session clock goes by unlooked at while things happen."""

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
    with tty.Terminal.taken() as screen:
        before = now_ms()
        while not viewer.gone:
            now = now_ms()
            playhead.advance(now - before)
            before = now
            frames.advance(replay.race_at(playhead.at))
            board = Board.of(frames.state, int(playhead.at))
            screen.show(Tower(board, viewer.look(board, now)))
            for key in await screen.keys():
                viewer.press(key, board)


async def _in_lines(replay: RacePlayback, playhead: Playhead) -> None:
    ticker, frames = Ticker(), FrameBuilder()
    told, before = playhead.at, now_ms()
    while True:
        for at in moments(replay, int(told), int(playhead.at)):
            frames.advance(replay.race_at(at))
            for line in ticker.tell(frames.state, at):
                typer.echo(line)
            await asyncio.sleep(0)  # a chance for Ctrl-C
        told = playhead.at
        if playhead.ended:
            break
        await asyncio.sleep(LINES_SECONDS)
        now = now_ms()
        playhead.advance(now - before)
        before = now


def moments(replay: RacePlayback, since: int, until: int) -> Iterator[int]:
    """When to look, in ms: no more than STEP_MS apart, unless nothing happens for longer."""
    at = since
    while at < until:
        yield at
        ahead = replay.next_event(at)
        at = until if ahead is None else max(at + STEP_MS, ahead)
    yield until
