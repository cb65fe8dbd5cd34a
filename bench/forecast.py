"""The time of a forecast: 60 cars with twelve hours to go, and with one.

A forecast is what a command or a view computes: the situation is read from the race, the rest of it
is run so many times, and the rows are made. ``draw_ms`` is the second part alone. Times are ms of
the processor, the median of several. Against it stands the bar (60 ms; the goal is 20).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from bench.measure import report
from bench.synthetic import synthetic_race
from projections.forecast.model import fitted_model
from projections.forecast.race_forecast import RUNS, race_forecast
from projections.forecast.simulation import simulate
from projections.forecast.situation import situation
from projections.timeline import Timeline

CARS = 60
HOURS = 13
LEFT_HOURS = (12, 1)
TRIES = 9
BAR_MS = 60


def median_ms(work: Callable[[], object]) -> float:
    """The median time of the processor that it takes (ms)."""
    times = []
    for _ in range(TRIES):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times) * 1000


def main() -> None:
    """Print one line."""
    timeline = Timeline()
    timeline.add(synthetic_race(cars=CARS, hours=HOURS))
    figures: dict[str, float] = {}
    for left in LEFT_HOURS:
        race = timeline.race_at((HOURS - left) * 3_600_000)
        race.at = (HOURS - left) * 3_600_000
        opened = race.session.opened.model_copy(update={"time_limit_ms": HOURS * 3_600_000})
        race.session.opened = opened
        race_forecast(race)  # arrays are slower when they are first used
        figures[f"ms_{left}_h_left"] = round(median_ms(partial(race_forecast, race)), 1)
        now = situation(race, left * 3_600_000)
        drawn = median_ms(partial(simulate, now, fitted_model(), RUNS, now.seed))
        figures[f"draw_ms_{left}_h_left"] = round(drawn, 1)
    ours = figures[f"ms_{LEFT_HOURS[0]}_h_left"]
    report("forecast", ours, BAR_MS, ours / BAR_MS, "ms", cars=CARS, runs=RUNS, **figures)


if __name__ == "__main__":
    main()
