"""Frames that a projector hands over to readers in its own process."""

from __future__ import annotations

import asyncio

from projections.views.frame import Token
from services.storage.committed_frames import RETAINED, CommittedFrames, FrameLine

SESSION = "petit"


def token(number: int, epoch: int = 1) -> Token:
    """The token of the frame with this number."""
    return Token(epoch, f"{number}-0")


def add(line: FrameLine, *numbers: int) -> None:
    """Commit the frames with these numbers, each behind the one before."""
    for number in numbers:
        before = token(number - 1) if number > 1 else None
        line.add(before, token(number), b"%d" % number)


async def behind(frames: CommittedFrames, number: int) -> list[bytes] | None:
    """The frames behind the one with this number; None where the store has to be read."""
    found = await asyncio.wait_for(frames.behind(SESSION, token(number)), 10)
    return None if found is None else [one.frame for one in found]


async def test_readers_get_what_is_behind_them() -> None:
    """At once what is there, also from the frame before the first; else they wait."""
    frames = CommittedFrames()
    with frames.line(SESSION) as line:
        add(line, 3, 4, 5)
        assert await behind(frames, 3) == [b"4", b"5"]
        assert await behind(frames, 2) == [b"3", b"4", b"5"]
        waiting = [asyncio.create_task(behind(frames, 5)) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        add(line, 6)
        assert [await task for task in waiting] == [[b"6"], [b"6"]]


async def test_whoever_is_not_here_reads_the_store() -> None:
    """A session of another process, a line without a frame, and a place that is not known."""
    frames = CommittedFrames()
    assert await behind(frames, 1) is None
    with frames.line(SESSION) as line:
        assert await behind(frames, 1) is None
        add(line, *range(2, RETAINED + 5))
        assert await behind(frames, 1) is None
        assert await behind(frames, 4 + RETAINED + 9) is None
        line.add(token(RETAINED + 4), token(RETAINED + 4, epoch=2), b"snapshot")
        assert await behind(frames, RETAINED + 4) == [b"snapshot"]


async def test_a_projection_that_ends() -> None:
    """Its readers go back to the store, and so do those of a line that another takes over."""
    frames = CommittedFrames()
    with frames.line(SESSION) as line:
        add(line, 1)
        waiting = asyncio.create_task(behind(frames, 1))
        await asyncio.sleep(0)
        with frames.line(SESSION) as other:
            assert await waiting is None
            add(line, 2)
            assert await behind(frames, 1) is None
            add(other, 1)
            waiting = asyncio.create_task(behind(frames, 1))
            await asyncio.sleep(0)
        assert await waiting is None
    assert await behind(frames, 1) is None
