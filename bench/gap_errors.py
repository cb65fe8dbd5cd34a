"""Gaps of real races: do they add up, and how far are they from where the cars were?

    python -m bench.gap_errors [LAPS_FILE ...]

Without files five races of ``../shared/data`` are taken. At random moments of each race the
standings are compared with the whole race, in which a car is between two crossings where an even
pace puts it: its gap is the time since the other car was there. A line of JSON for each race has

- ``contradictions``: of neighbours on one lap with the leader, the share (%) whose gaps differ by
  more than 0.1 s from the interval between them, and ``worst_s``; so in each class, too;
- ``gap_s`` and ``interval_s``: the mean error of the gap to the leader and of the interval;
- ``measured``: the same of gaps and intervals that are each measured by themselves, at the trailing
  car's last line (as up to 0.1);
- ``floor_s``: how far the true gaps themselves are from adding up, which is the least mean error
  of gap and interval together that gaps that add up can have.

Sectors of four minutes and more, which are stops in the garage, are left out.
"""

from __future__ import annotations

import json
import random
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from projections.folds.running_order import LEADING, Gap
from projections.race import Race
from projections.views.places import places
from replay.importing import import_alkamel

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
RACES = (
    "imsa/2022/19-road-atlanta/202210011210-race-laps.csv",
    "imsa/2024/19-road-atlanta/202410121210-race-laps.csv",
    "wec/2024-le-mans-24h-laps.csv",
    "wec/2024-fuji-6h-laps.csv",
    "wec/2025-cota-6h-laps.csv",
)
MOMENTS = 600
TOLERANCE_MS = 100
LONGEST_SECTOR_MS = 240_000
Pair = tuple[Gap | None, Gap | None]
"""The gap and the interval of a car."""


class Track:
    """Where every car was at any time of a whole race: lines passed, and a part of the next."""

    def __init__(self, race: Race) -> None:
        self._points: dict[str, tuple[list[int], list[int]]] = {}
        for car, history in race.order.passings.items():
            seen = [
                (line, at)
                for line, at in enumerate(history, start=1)
                if line == len(history) or history[line] != at
            ]
            lines, ats = zip((0, 0), *seen, strict=True)
            self._points[car] = list(lines), list(ats)

    def place(self, car: str, at: int) -> float | None:
        """Where the car was; None where it is not seen again, or stood."""
        lines, ats = self._points[car]
        index = bisect_right(ats, at)
        if index == len(ats) or ats[index] - ats[index - 1] >= LONGEST_SECTOR_MS:
            return None
        part = (at - ats[index - 1]) / (ats[index] - ats[index - 1])
        return lines[index - 1] + part * (lines[index] - lines[index - 1])

    def time(self, car: str, place: float) -> float | None:
        """When the car was there; None if it did not come so far."""
        lines, ats = self._points[car]
        index = bisect_right(lines, place)
        if index == len(lines):
            return float(ats[-1]) if place == lines[-1] else None
        part = (place - lines[index - 1]) / (lines[index] - lines[index - 1])
        return ats[index - 1] + part * (ats[index] - ats[index - 1])

    def gap(self, ahead: str, behind: str, at: int) -> float | None:
        """The true gap in ms."""
        place = self.place(behind, at)
        there = None if place is None else self.time(ahead, place)
        return None if there is None else at - there


class Figures:
    """Contradictions and errors of one way to make gaps."""

    def __init__(self) -> None:
        self._apart: list[float] = []
        self._gaps: list[float] = []
        self._intervals: list[float] = []

    def add_neighbours(self, rows: Sequence[Pair]) -> None:
        """Compare the gaps of neighbours, from the first on, with the intervals between them."""
        for (before, _), (gap, interval) in pairwise(rows):
            if before is None or gap is None or before.laps or gap.laps or interval is None:
                continue
            if interval.ms is not None:
                self._apart.append(abs((gap.ms or 0) - (before.ms or 0) - interval.ms))

    def add_errors(self, row: Pair, gap: float | None, interval: float | None) -> None:
        """Compare a car's gap and interval with the true ones."""
        for ours, true, errors in (
            (row[0], gap, self._gaps),
            (row[1], interval, self._intervals),
        ):
            if ours is not None and ours.ms is not None and true is not None:
                errors.append(abs(ours.ms - true))

    def report(self, *, errors: bool = True) -> dict[str, Any]:
        """The figures, in seconds and per cent."""
        wrong = sum(ms > TOLERANCE_MS for ms in self._apart)
        found = {
            "contradictions": round(100 * wrong / max(1, len(self._apart)), 2),
            "worst_s": round(max(self._apart, default=0) / 1000, 3),
            "neighbours": len(self._apart),
        }
        if errors:
            found |= {
                "gap_s": round(mean(self._gaps) / 1000, 3),
                "interval_s": round(mean(self._intervals) / 1000, 3),
            }
        return found


def moments_of(file: Path, count: int, seed: int) -> Iterator[tuple[Race, Track]]:
    """Fold the race up to random moments in turn."""
    events = import_alkamel(file, kind="race")
    whole = Race()
    whole.apply_all(events)
    track, race, done = Track(whole), Race(), 0
    last = next((e.at for e in events if getattr(e, "flag", "") == "chequered"), events[-1].at)
    chance = random.Random(seed)
    for at in sorted(chance.uniform(60_000, last) for _ in range(count)):
        upto = bisect_right(events, at, lo=done, key=lambda event: event.at)
        race.apply_all(events[done:upto])
        done = upto
        yield race, track


def measure(file: Path, count: int = MOMENTS, seed: int = 1) -> dict[str, Any]:
    """The figures of a race."""
    ours, alone, classes = Figures(), Figures(), Figures()
    floor: list[float] = []
    for race, track in moments_of(file, count, seed):
        now, order = race.at, race.order
        shown = {car: place for car, place in places(race).items() if car in order.passings}
        cars = list(shown)
        if len(cars) < 2:
            continue
        first = cars[0]
        measured = {
            car: (order.gap(first, car, now), order.gap(ahead, car, now))
            for ahead, car in pairwise(cars)
        }
        ours.add_neighbours([(one.gap, one.interval) for one in shown.values()])
        alone.add_neighbours([(LEADING, LEADING), *measured.values()])
        names = {car: race.session.car_class(car) for car in cars}
        for name in set(names.values()):
            rows = [shown[car] for car in cars if names[car] == name]
            classes.add_neighbours([(one.class_gap, one.class_interval) for one in rows])
        before: float | None = 0.0
        for ahead, car in pairwise(cars):
            gap = shown[car].gap
            if gap is None or gap.laps:
                break
            true, between = track.gap(first, car, now), track.gap(ahead, car, now)
            ours.add_errors((gap, shown[car].interval), true, between)
            alone.add_errors(measured[car], true, between)
            if true is not None and before is not None and between is not None:
                floor.append(abs(true - before - between))
            before = true
    return {
        **ours.report(),
        "classes": classes.report(errors=False),
        "measured": alone.report(),
        "floor_s": round(mean(floor) / 1000, 3),
    }


def main() -> int:
    """Measure each race, and print a line for it."""
    files = [Path(name) for name in sys.argv[1:]] or [DATA / name for name in RACES]
    missing = [file for file in files if not file.is_file()]
    if missing:
        print(f"no file {missing[0]}: the real timing data is not here", file=sys.stderr)
        return 2
    for file in files:
        race = "/".join(file.parts[-2:])
        print(json.dumps({"benchmark": "gap_errors", "race": race, **measure(file)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
