"""The reference: how far the head of the race has come at each moment.

Every car is described by how many laps it is behind this reference, which itself is not a
car: it covers a green lap, pit stops included, in ``GREEN_LAP_MS`` and a lap behind the
safety car in about twice that, and completes lap 394 at the winner's time to the
millisecond. Its laps are called reference laps; they may be fractions.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

WINNER_MS = 33_561_418
"""9 h 19 min are published; the seconds are reconstructed."""

DISTANCE = 394
GREEN_LAP_MS = 73_500.0
LAST_CAUTION_MS = 420_000.0
"""About 7 min."""


class PlannedCaution(NamedTuple):
    """A full-course caution, in reference laps; ``reason`` as race control would put it."""

    number: int
    starts: float
    ends: float
    reason: str

    @property
    def laps(self) -> float:
        """Its length in reference laps."""
        return self.ends - self.starts


CAUTIONS = (
    PlannedCaution(1, 16.40, 23.88, "contact between #26 and #3 in turn 10"),
    PlannedCaution(2, 32.45, 38.88, "debris in the esses"),
    PlannedCaution(3, 47.40, 54.88, "car in the gravel at turn 1"),
    PlannedCaution(4, 65.45, 72.88, "stopped car at turn 7"),
    PlannedCaution(5, 83.40, 90.88, "cars spun in the esses"),
    PlannedCaution(6, 99.45, 107.88, "#2 off after contact with a GT1 car"),
    PlannedCaution(7, 134.40, 141.88, "debris on the back straight"),
    PlannedCaution(8, 260.45, 266.88, "#6 damaged after contact with a GT car"),
    PlannedCaution(9, 372.40, 375.93, "#27 off at turn 12"),
)

Span = tuple[float, float]


def _green_spans() -> tuple[Span, ...]:
    starts = [0.0, *(caution.ends for caution in CAUTIONS)]
    ends = [*(caution.starts for caution in CAUTIONS), float(DISTANCE)]
    return tuple(zip(starts, ends, strict=True))


GREENS = _green_spans()
"""The green spans in reference laps, one more than there are cautions."""


def _rates() -> tuple[float, float]:
    """Milliseconds a lap behind the safety car: in cautions one to eight, and in nine."""
    green = sum(end - start for start, end in GREENS) * GREEN_LAP_MS
    others = sum(caution.laps for caution in CAUTIONS[:-1])
    return (WINNER_MS - green - LAST_CAUTION_MS) / others, LAST_CAUTION_MS / CAUTIONS[-1].laps


CAUTION_LAP_MS, LAST_CAUTION_LAP_MS = _rates()


def _pieces() -> tuple[list[float], list[float], list[float]]:
    """Where a new speed begins, in reference laps and in ms, and the ms a lap from there."""
    laps, rates = [0.0], [GREEN_LAP_MS]
    for caution in CAUTIONS:
        last = caution.number == len(CAUTIONS)
        laps += [caution.starts, caution.ends]
        rates += [LAST_CAUTION_LAP_MS if last else CAUTION_LAP_MS, GREEN_LAP_MS]
    spans = [(b - a) * rate for a, b, rate in zip(laps, laps[1:], rates, strict=False)]
    return laps, [0.0, *accumulate(spans)], rates


_LAPS, _TIMES, _RATES = _pieces()


def time_at(lap: float) -> float:
    """Session clock in ms at a reference lap; the last speed goes on past the finish."""
    if lap == DISTANCE:
        return float(WINNER_MS)
    piece = max(0, bisect_right(_LAPS, lap) - 1)
    return _TIMES[piece] + (lap - _LAPS[piece]) * _RATES[piece]


def lap_at(ms: float) -> float:
    """The reference lap at a session clock in ms."""
    piece = max(0, bisect_right(_TIMES, ms) - 1)
    return _LAPS[piece] + (ms - _TIMES[piece]) / _RATES[piece]
