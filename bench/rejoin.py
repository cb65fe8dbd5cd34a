"""Places after a stop, as they were forecast when the car entered the lane, against what happened.

    python -m bench.rejoin [LAPS_FILE ...]

Without files the races of IMSA 2024 in ``../shared/data`` are taken. Of each race's stops under
green (up to ``STOPS``, evenly spread, of the last nine tenths of the race) the place in class is
asked a moment before the car enters the lane, and compared with its place as it crosses the first
line behind the lane, by the time behind the leader of the cars on the track. Stops of more than
twice the usual lane time of their class, which are repairs, are left out.

A line of JSON for each race, and one for all, has the shares (%) of stops within one place:
``track`` against the cars that stayed out meanwhile, which is what the forecast says (it assumes
that no other car stops), ``all`` against whoever is on the track then; ``off_track`` and
``off_all`` are the mean errors in places.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from projections.folds.pits import Visit
from projections.race import Race
from projections.results.rejoin import deficits, rejoins
from projections.timeline import Timeline
from replay.importing import import_alkamel

DATA = Path(__file__).resolve().parents[1] / "../shared/data/imsa/2024"
STOPS = 60
FROM = 0.1
"""From which share of a race on its stops are taken: before there is nothing to measure."""

RACING = (None, "green", "white")


class Error(NamedTuple):
    """By how many places in class a forecast was off, against all cars or those that stayed out."""

    against_all: int
    against_track: int


def green_stops(race: Race) -> list[tuple[str, Visit]]:
    """The stops under green of usual length, by time."""
    of_class: dict[str | None, list[tuple[str, Visit]]] = {}
    for car, visits in race.pits.visits.items():
        for visit in visits:
            if visit.kind == "stop" and visit.flag in RACING and visit.lane_ms is not None:
                of_class.setdefault(race.session.car_class(car), []).append((car, visit))
    found = []
    for stops in of_class.values():
        usual = median(visit.lane_ms or 0 for _, visit in stops)
        found += [stop for stop in stops if (stop[1].lane_ms or 0) <= 2 * usual]
    return sorted(found, key=lambda stop: (stop[1].entered_ms, stop[0]))


def spread(stops: Sequence[tuple[str, Visit]]) -> Sequence[tuple[str, Visit]]:
    """As many as are taken, evenly spread."""
    step = max(1.0, len(stops) / STOPS)
    return [stops[int(number * step)] for number in range(min(STOPS, len(stops)))]


def errors(timeline: Timeline) -> Iterator[Error]:
    """The error of each stop that can be compared."""
    whole = timeline.race
    stops = green_stops(whole)
    ends = max(history[-1] for history in whole.order.passings.values())
    for car, visit in spread([stop for stop in stops if stop[1].entered_ms > FROM * ends]):
        left = visit.exited_ms or 0
        history = whole.order.passings.get(car) or ()
        back = next((at for at in history if at >= left), None)
        before = timeline.race_at(visit.entered_ms - 1)
        forecast = next(
            (row for row in rejoins(before) if row.car == car and row.under == "green"), None
        )
        if back is None or forecast is None:
            continue
        after = timeline.race_at(back)
        name = whole.session.car_class(car)
        then = _rivals(before, name)
        later = _rivals(after, name)
        if car not in later:
            continue
        stopped = _in_lane(whole, visit.entered_ms, back) - {car}
        ahead = [other for other, ms in later.items() if ms < later[car]]
        expected = [
            other
            for other, ms in then.items()
            if other != car and ms <= then[car] + forecast.cost.ms
        ]
        yield Error(
            abs(len(ahead) + 1 - forecast.class_position),
            abs(len(set(ahead) - stopped) - len(set(expected) - stopped)),
        )


def _rivals(race: Race, name: str | None) -> dict[str, int]:
    """The running cars of a class, and their times behind the leader."""
    return {car: ms for car, ms in deficits(race).items() if race.session.car_class(car) == name}


def _in_lane(race: Race, start: int, end: int) -> set[str]:
    """The cars that were in the lane between two times."""
    return {
        car
        for car, visits in race.pits.visits.items()
        if any(one.entered_ms <= end and (one.exited_ms or end) > start for one in visits)
    }


def shares(found: Sequence[Error]) -> dict[str, float]:
    """The figures of some stops."""
    return {
        "stops": len(found),
        "all": round(100 * fmean(one.against_all <= 1 for one in found), 1),
        "track": round(100 * fmean(one.against_track <= 1 for one in found), 1),
        "off_all": round(fmean(one.against_all for one in found), 2),
        "off_track": round(fmean(one.against_track for one in found), 2),
    }


def main() -> None:
    """Print a line for each race, and one for all."""
    paths = [Path(name) for name in sys.argv[1:]] or sorted(DATA.rglob("*race-laps.csv"))
    everything: list[Error] = []
    for path in paths:
        timeline = Timeline()
        timeline.add(import_alkamel(path, kind="race"))
        found = list(errors(timeline))
        everything += found
        if found:
            print(json.dumps({"race": path.parent.name, **shares(found)}), flush=True)
    if everything:
        print(json.dumps({"races": len(paths), **shares(everything)}))


if __name__ == "__main__":
    main()
