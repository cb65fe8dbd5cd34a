"""From trajectories to the timing loops: when each car crossed S1, S2 and the finish line.

Traffic makes laps uneven: each crossing is shifted a little, which leaves the sum of the
laps as it was. Times are whole milliseconds from here on.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from replay.petit_le_mans_2007.drive import Drive
from replay.petit_le_mans_2007.noise import draw
from replay.petit_le_mans_2007.reference import CAUTIONS, WINNER_MS, time_at

S1, S2 = 0.30, 0.63
"""Where the two intermediate lines are, as fractions of a lap; the back straight is beyond S2."""

TRAFFIC_MS = 1_050.0
QUEUE_MS = 110.0
SETTLE_MS = 300_000.0
"""How long after a restart traffic has spread the field again."""

HEAD_TO_HEAD = 362
"""From this lap on #1 and #7 meet the same traffic: what is between them is published."""

BEST_LAP = 121
"""The lap on which #1 is quickest of all: reconstructed; its time is published."""


class LapTimes(NamedTuple):
    """The crossings of one lap in ms."""

    lap: int
    start: int
    s1: int
    s2: int
    finish: int


_RESTARTS = [0.0] + [time_at(caution.ends) for caution in CAUTIONS]
_STARTS = [time_at(caution.starts) for caution in CAUTIONS]


def lap_times(drive: Drive, best_lap_ms: int) -> list[LapTimes]:
    """Every lap of a car up to the flag, or to where it stopped."""
    path = _Path(drive.knots)
    finishes = _finishes(drive, path)
    if drive.plan.car == "1":
        _set_best_lap(finishes, best_lap_ms)
    car, laps = drive.plan.car, []
    for lap, (start, finish) in enumerate(pairwise(finishes), start=1):
        drawn_out = (finish - start) / (path.at(lap) - path.at(lap - 1 if lap > 1 else path.start))
        lines = []
        for line, place in (("S1", S1), ("S2", S2)):
            base = path.at(lap - 1 + place)
            since = base - path.at(lap - 1 if lap > 1 else path.start)
            noise = 0.15 * _amplitude(base) * draw(line, _traffic(car, lap), lap)
            lines.append(round(start + since * drawn_out + noise))
        laps.append(LapTimes(lap, start, lines[0], lines[1], finish))
    return laps


class _Path:
    """Session clock by progress."""

    def __init__(self, knots: list[tuple[float, float]]) -> None:
        self.times = [ms for ms, _ in knots]
        self.places = [place for _, place in knots]
        self.start, self.end = self.places[0], self.places[-1]

    def at(self, place: float) -> float:
        """When the car first was at ``place`` (laps)."""
        if place <= self.start:
            return self.times[0]
        index = bisect_right(self.places, place) - 1
        if self.places[index] == place:
            # Standing still: the first moment at this place.
            while index and self.places[index - 1] == place:
                index -= 1
            return self.times[index]
        done, reached = self.places[index], self.places[index + 1]
        before, after = self.times[index], self.times[index + 1]
        return before + (after - before) * (place - done) / (reached - done)


def _finishes(drive: Drive, path: _Path) -> list[int]:
    """Crossings of the finish line in ms: the start, then one a lap, to the flag or the end."""
    plan = drive.plan
    finishes = [0]
    for lap in range(1, int(path.end) + 1):
        base = path.at(lap)
        finishes.append(round(base + _shift(plan.car, lap, base)))
        if finishes[-1] >= WINNER_MS or (plan.retires is not None and lap == plan.laps):
            break
    return finishes


def _traffic(car: str, lap: int) -> str:
    return "head to head" if car in ("1", "7") and lap >= HEAD_TO_HEAD else car


def _shift(car: str, lap: int, base: float) -> float:
    """How much earlier or later than without traffic, in ms."""
    if lap == 394:
        return 0.0
    chance = draw("traffic", _traffic(car, lap), lap)
    return _amplitude(base) * chance * abs(chance)


def _amplitude(ms: float) -> float:
    """How uneven laps are: a little behind the safety car, more as the field spreads."""
    restart = bisect_right(_RESTARTS, ms) - 1
    caution = bisect_right(_STARTS, ms)
    if caution > restart:
        return QUEUE_MS
    settled = min(1.0, (ms - _RESTARTS[restart]) / SETTLE_MS)
    return QUEUE_MS + (TRAFFIC_MS - QUEUE_MS) * settled * settled


def _set_best_lap(finishes: list[int], best_lap_ms: int) -> None:
    """A clear lap: what it is quicker, the laps on either side are slower."""
    gained = finishes[BEST_LAP] - finishes[BEST_LAP - 1] - best_lap_ms
    finishes[BEST_LAP - 1] += gained // 2
    finishes[BEST_LAP] = finishes[BEST_LAP - 1] + best_lap_ms
