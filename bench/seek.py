"""Seeks to any point of a 24-hour race, against seeks in a race a tenth as long.

A seek is all that a replay does but for the network: the command, the race at that
moment, the state that screens show, and the snapshot as bytes. Each point is sought three
times from elsewhere, its median counts, and of these the 99th percentile. Points of the
two races take turns. Times are milliseconds of the processor: a seek waits for nothing,
and what else the machine does is not to count.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from typing import Any

from bench.measure import report
from bench.synthetic import synthetic_race
from events.clock import format_clock
from projections.engine.state import Mark
from projections.race import Race
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from replay.recording import MARK_EVERY, RecordingAsHappened
from replay.steering import Player, Seek

POINTS = 400
TRIES = 3
HOURS = 24


class Screen:
    """A replay whose seeks are timed."""

    def __init__(self, hours: float) -> None:
        began = time.perf_counter()
        self.recording = RecordingAsHappened(synthetic_race(hours=hours))
        self.player = Player(self.recording, playing=False)
        self.frames = FrameBuilder()
        self.frames.advance(self.recording.whole)
        self.made = time.perf_counter() - began

    def seek(self, at: int) -> float:
        """Go there; the processor's seconds until the snapshot could be sent."""
        command = Seek(to=format_clock(at))
        began = time.process_time()
        reason = self.player.execute(command)
        self.frames.advance(self.player.race)
        token = Token(1, f"{self.player.index}-0")
        Frame(token, 0, at, False, "snapshot", self.frames.state, reason).encode()
        return time.process_time() - began

    def check(self, at: int) -> None:
        """A moment is what a straight fold makes of it."""
        self.seek(at)
        straight = Race()
        straight.apply_all(event for event in self.recording.events if event.at <= at)
        assert self.player.race.state_hash() == straight.state_hash()


def mark_kb(recording: RecordingAsHappened) -> float:
    """What a mark holds that is its own, in kB."""
    seen: set[int] = set()

    def size(value: Any) -> int:
        if id(value) in seen or not isinstance(value, (dict, tuple)):
            return 0
        seen.add(id(value))
        parts = value.values() if isinstance(value, dict) else value
        return value.__sizeof__() + sum(map(size, parts))

    mark: Mark = recording.whole.mark()
    return round(size(mark) / 1000, 1)


def percentile(times: list[float], share: float) -> float:
    """The time that this share of the times does not exceed."""
    return sorted(times)[math.ceil(len(times) * share) - 1]


def main() -> None:
    """Measure, and print one line."""
    long, short = Screen(HOURS), Screen(HOURS / 10)
    draw = random.Random(7)
    gc.collect()
    gc.freeze()
    gc.disable()
    times: dict[Screen, list[float]] = {long: [], short: []}
    for _ in range(POINTS):
        share = draw.random()
        tries: dict[Screen, list[float]] = {long: [], short: []}
        for _ in range(TRIES):
            elsewhere = draw.random()
            for screen, taken in tries.items():
                screen.seek(int(screen.recording.end * elsewhere))
                taken.append(screen.seek(int(screen.recording.end * share)))
        for screen, taken in tries.items():
            times[screen].append(statistics.median(taken))
    gc.enable()
    for screen in times:
        screen.check(screen.recording.end // 3)
    ours, against = (percentile(times[screen], 0.99) * 1000 for screen in (long, short))
    report(
        "seek",
        ours,
        against,
        ours / against,
        "ms",
        median_ms=round(statistics.median(times[long]) * 1000, 3),
        median_against_ms=round(statistics.median(times[short]) * 1000, 3),
        events=len(long.recording.events),
        mark_every=MARK_EVERY,
        mark_kb=mark_kb(long.recording),
        made_s=round(long.made, 2),
    )


if __name__ == "__main__":
    main()
