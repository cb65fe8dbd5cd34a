"""What clients have the gateway keep, and its limits."""

from __future__ import annotations

import gc

import pytest

from services.gateway.live import channel as channels
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.memory_budget import MemoryBudget, own_bytes
from tests.unit.services.gateway.short_race import STEP_MS, frames


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> MemoryBudget:
    """A budget of messages, small enough to be exceeded."""
    found = MemoryBudget(100_000)
    monkeypatch.setattr(channels, "MESSAGES", found)
    return found


def test_messages_are_kept_within_their_budget(budget: MemoryBudget) -> None:
    """However many filters are chosen; what is not kept is encoded again, and the same."""
    buffer = FrameBuffer()
    opened = [Channel(Filter(cars=frozenset({str(number)}))) for number in range(20)]
    opened.append(Channel(Filter()))
    for frame in frames()[:10]:
        after = buffer.apply(frame)
        assert after is not None
        for channel in opened:
            message = channel.message(None, after)
            assert channel.message(None, after) == message
            assert 0 < budget.taken <= budget.limit
    del opened, channel
    gc.collect()
    assert budget.taken == 0


def filled(count: int, size: int = 50) -> FrameBuffer:
    """A buffer that keeps so many snapshots, each so many events after the one before."""
    buffer = FrameBuffer()
    for frame in frames(size=size)[:count]:
        buffer.apply(frame)
    return buffer


def test_what_snapshots_take_is_counted() -> None:
    """A delta shares with the state before; what is dropped counts no more."""
    buffer = filled(60, size=1)
    newest = buffer.newest
    assert newest is not None
    whole = own_bytes(newest.state, None)
    assert whole < buffer.bytes < 30 * whole
    before = buffer.bytes
    buffer.shrink(5, 0)
    assert 0 < buffer.bytes < before
    buffer.clear()
    assert buffer.bytes == 0


@pytest.mark.parametrize(("count", "retain", "kept"), [(5, 0, 5), (1, 0, 1), (1, 3 * STEP_MS, 4)])
def test_a_buffer_shrinks(count: int, retain: int, kept: int) -> None:
    """To so many snapshots, or those that the delays need; the newest stays."""
    buffer = filled(20)
    buffer.retain_ms = 20 * STEP_MS
    newest = buffer.newest
    buffer.shrink(count, retain)
    assert buffer.newest is newest
    assert newest is not None
    assert buffer.retain_ms == retain
    assert buffer.after(None) is buffer.at(newest.at - (kept - 1) * STEP_MS)
    assert buffer.at(newest.at - kept * STEP_MS) is None
    assert buffer.find(frames()[0].token) is None
