"""Two sides measured in one run, and the line that reports them."""

from __future__ import annotations

import gc
import json
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes; rubbish is collected before it and not during it."""
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began
    finally:
        gc.enable()


def in_turn(
    ours: Callable[[], object], against: Callable[[], object], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Median seconds of both sides, run in turn after a warm-up of each, and of ours/against."""
    ours()
    against()
    pairs = [(seconds(ours), seconds(against)) for _ in range(rounds)]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(mine / theirs for mine, theirs in pairs),
    )


def memory_mb() -> float:
    """The most memory this process has held, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def report(
    benchmark: str, ours: float, against: float, ratio: float, unit: str, **more: Any
) -> None:
    """Print the benchmark's line."""
    line = {
        "benchmark": benchmark,
        "ours": round(ours, 3 if ours < 100 else 0),
        "against": round(against, 3 if against < 100 else 0),
        "ratio": round(ratio, 3),
        "unit": unit,
        "memory_mb": memory_mb(),
        **more,
    }
    print(json.dumps(line), flush=True)
