"""The clock that ages are measured on, and the ages that follow from it."""

from __future__ import annotations

import pytest

from projections.views.frame import Token
from services.clocks import SteadyClock
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot
from tests.unit.services.gateway.short_race import BEGAN, frames

TWO_HOURS = 7_200_000
SILENCE = 45_000


class Machine:
    """A machine whose wall clock can be set. Times in milliseconds."""

    def __init__(self) -> None:
        self.wall = BEGAN
        self.up = 1_000_000
        self.clock = SteadyClock(lambda: self.wall / 1000, lambda: self.up / 1000)

    def run(self, ms: int) -> None:
        """Let time pass."""
        self.wall += ms
        self.up += ms


@pytest.mark.parametrize("step", [-TWO_HOURS, 0, TWO_HOURS])
def test_the_clock_never_runs_backwards(step: int) -> None:
    """It follows the wall clock forwards, and runs on where that is set back."""
    machine = Machine()
    assert machine.clock.now_ms() == pytest.approx(BEGAN)
    machine.wall += step
    machine.run(SILENCE)
    assert machine.clock.now_ms() == pytest.approx(BEGAN + SILENCE + max(0, step))


def test_what_is_stamped_in_the_future_is_known_now() -> None:
    """What was stamped in the past is as old as the wall clock says."""
    machine = Machine()
    assert machine.clock.known_ms(BEGAN - 1000) == BEGAN - 1000
    assert machine.clock.known_ms(BEGAN + 1000) == BEGAN
    machine.wall -= TWO_HOURS
    assert machine.clock.known_ms(BEGAN) == BEGAN
    assert machine.clock.known_ms(BEGAN - TWO_HOURS - 1000) == BEGAN - 1000


class Timing:
    """A buffer of frames that arrive on a machine."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.buffer = FrameBuffer(self.machine.clock.known_ms)
        self._coming = iter(frames(size=200))

    def arrive(self, position: str, at: int, *, epoch: int = 1) -> Snapshot:
        """The next frame arrives, with these stamps."""
        frame = next(self._coming) if epoch == 1 else frames(size=200)[0]
        token = Token(epoch, position)
        found = self.buffer.apply(frame._replace(token=token, at=at, clock_running=True))
        assert found is not None
        return found

    def age(self) -> int:
        """The age of the newest."""
        newest = self.buffer.newest
        assert newest is not None
        now = self.machine.clock.now_ms()
        heartbeat = Channel(Filter()).heartbeat(newest, now)
        assert f'"age_ms":{newest.age_ms(now)}'.encode() in heartbeat.body
        return newest.age_ms(now)


def test_silence_counts_where_the_clock_was_set_back() -> None:
    """Two hours back and 45 s of silence are an age of 45 s; what comes then is new."""
    timing = Timing()
    first = timing.arrive(f"{BEGAN}-0", BEGAN)
    timing.machine.wall -= TWO_HOURS
    timing.machine.run(SILENCE)
    assert timing.age() == pytest.approx(SILENCE, abs=1)
    assert first.freshness(timing.machine.clock.now_ms()) == "stale"
    # The store stamps it as late as the entry before, until its clock is there again.
    timing.arrive(f"{BEGAN}-1", BEGAN)
    assert timing.age() == 0
    timing.machine.run(SILENCE)
    assert timing.age() == pytest.approx(SILENCE, abs=1)


@pytest.mark.parametrize(("position", "epoch"), [(BEGAN + 5000, 1), (BEGAN, 2)])
def test_no_news_leave_the_age(position: int, epoch: int) -> None:
    """Neither an audit event nor the same state in another epoch makes the data newer."""
    timing = Timing()
    timing.arrive(f"{BEGAN}-0", BEGAN)
    timing.machine.wall -= TWO_HOURS
    timing.machine.run(SILENCE)
    timing.arrive(f"{position}-0", BEGAN, epoch=epoch)
    assert timing.age() == pytest.approx(SILENCE, abs=1)


def test_delays_hold_where_the_clock_was_set_back() -> None:
    """A delayed subscriber is sent what became known so long ago."""
    timing = Timing()
    timing.arrive(f"{BEGAN}-0", BEGAN)
    timing.machine.wall -= TWO_HOURS
    timing.machine.run(10_000)
    second = timing.arrive(f"{BEGAN}-1", BEGAN)
    timing.machine.run(4_000)
    now = timing.machine.clock.now_ms()
    due = timing.buffer.at(now - 5_000)
    assert due is not None
    assert due.number == 1
    assert timing.buffer.at(now - 3_000) is second
    assert second.delayed(5_000).age_ms(now) == 0
