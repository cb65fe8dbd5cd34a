"""A race as a forecast sees it: where each car is, how fast, how far into its stint.

Everything is read from the race as it stood, so a forecast knows what was known then and nothing
else. Reading it costs O(cars) and O(laps of the race) for the stints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from projections.folds.finish import laps_of_distance
from projections.folds.laps import Lap
from projections.folds.stewards import TO_SERVE
from projections.forecast.model import ForecastModel
from projections.race import Race

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
N = TypeVar("N", int, float)

RECENT_LAPS = 60
"""How many of a car's newest laps its pace is measured on."""

HALF_LIFE_LAPS = 20
"""After so many laps a lap counts half as much for its car's pace."""

BEST_LAPS = 3
"""Which of a car's recent laps, by time, says what it can do."""

SLOW = 1.12
"""A green lap slower than this multiple of the class's usual lap is no measure of pace."""

CAUTION_FUEL = 0.55
"""What a lap under caution takes of a stint, in green laps."""

ENOUGH_LAPS = 3
SPARE_PACE_MS = 100_000.0
"""A lap, where no car has completed one."""

CAUTION_SHARE = 0.7
"""The share of the time under caution that does not count as time in which one could begin."""

STOPPAGE_MS = 600_000
STOPPED_SHARE = 0.2
"""The race was stopped where so many of the cars were not seen for longer than this."""

DRIVE_THROUGH_MS = 30_000
"""What a drive-through costs where the session does not say."""

LONGEST_CAUTION_MINUTES = 25
"""What is longer was a stoppage."""

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class MeasuredPace(NamedTuple):
    """A car's recent laps against those of its class, as shares, and from how many laps.

    ``mean`` weighs the newer laps more, ``best`` is of its best laps.
    """

    mean: float
    best: float
    laps: int


@dataclass(frozen=True)
class Situation:
    """The cars of a race, class by class, each in running order; times are ms.

    ``deficit`` is the time behind the overall leader, and
    ``behind_laps`` how far it is behind, in laps; ``part`` the share of its lap that it has run;
    ``pace`` the usual green lap of its class; ``own_pace`` a row of `MeasuredPace`; ``stint``
    the laps since its last stop, those under caution counted by the fuel they take. ``most_laps``
    is how many laps it may still complete: none once it has finished, any number by the clock.
    ``in_lane_ms`` and ``overdue_ms`` are how long it has been in the lane, and away beyond a lap;
    ``to_serve_ms`` and ``added_ms`` what penalties cost it that it has to serve, or that count as
    time.
    ``stint_lengths`` and ``lane_times`` are, by class, the stints that are over (laps) and the lane
    times of stops under green.
    """

    at: int
    left_ms: int
    cars: tuple[str, ...]
    classes: tuple[str, ...]
    sizes: tuple[int, ...]
    laps: Ints
    part: Floats
    deficit: Floats
    behind_laps: Floats
    pace: Floats
    own_pace: Floats
    stint: Floats
    retired: Flags
    most_laps: Floats
    in_lane_ms: Floats
    overdue_ms: Floats
    to_serve_ms: Floats
    added_ms: Floats
    red: bool
    caution: bool
    caution_ms: int
    cautions: int
    caution_total_ms: int
    stint_lengths: tuple[tuple[float, ...], ...]
    lane_times: tuple[tuple[int, ...], ...]

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Where the cars of each class are."""
        ends = np.cumsum(self.sizes)
        return tuple(
            slice(int(end) - size, int(end)) for end, size in zip(ends, self.sizes, strict=True)
        )

    def class_at(self, column: int) -> str:
        """The class of a car, by its column; empty for a car outside every class."""
        return self.classes[next(n for n, one in enumerate(self.blocks) if column < one.stop)]

    @cached_property
    def seed(self) -> int:
        """A seed that follows from the state, and from nothing else."""
        state = blake2b(f"{self.at} {self.left_ms} {self.cars}".encode(), digest_size=8)
        for array in (self.laps, self.deficit, self.stint):
            state.update(array.tobytes())
        return int.from_bytes(state.digest(), "big")

    def expected_pace(self, model: ForecastModel) -> Floats:
        """What each car's lap differs by from the usual one of its class, as a share."""
        fitted = model.pace
        mean, best, laps = self.own_pace.T
        known = laps / (laps + fitted.laps)
        return np.asarray(known * (fitted.mean * mean + fitted.best * best))

    def caution_minutes(self, model: ForecastModel) -> float:
        """The mean length of a caution, from those of this race and of races as long as it."""
        fitted = model.caution
        usual = fitted.minutes * ((self.at + self.left_ms) / HOUR_MS / 4) ** fitted.longer
        over = self.cautions - self.caution
        spent = min(self.caution_total_ms / MINUTE_MS, over * LONGEST_CAUTION_MINUTES)
        return float((spent + usual * fitted.worth) / (over + fitted.worth))

    def cautions_an_hour(self, model: ForecastModel) -> float:
        """The rate of cautions, from those of this race and those that races have as a rule."""
        fitted = model.caution
        hours = (self.at - CAUTION_SHARE * self.caution_total_ms) / HOUR_MS
        return (self.cautions + fitted.per_hour * fitted.worth_hours) / (hours + fitted.worth_hours)


def situation(race: Race, left_ms: int) -> Situation:
    """Read a race that has so much left to run, by its clock."""
    cars, names, sizes = _by_class(race)
    of_class = np.repeat(np.arange(len(names)), sizes)
    recent = [_recent_laps(race, car) for car in cars]
    pace = _class_paces(recent, of_class, len(names))[of_class]
    stints = [_stints(race, car) for car in cars]
    lanes = [_lane_times(race, car) for car in cars]
    track = race.track
    caution = track.current
    return Situation(
        at=race.at,
        left_ms=left_ms,
        cars=tuple(cars),
        classes=tuple(names),
        sizes=tuple(sizes),
        laps=np.array([race.order.laps.get(car, 0) for car in cars], dtype=np.int64),
        part=_parts(race, cars, pace),
        deficit=_deficits(race, cars),
        behind_laps=_laps_behind(race, cars),
        pace=pace,
        own_pace=_own_paces(recent, pace, of_class),
        stint=np.array([laps[-1] for laps in stints], dtype=float),
        retired=np.array([car in race.order.retired for car in cars], dtype=bool),
        most_laps=np.array([_most_laps(race, car) for car in cars], dtype=float),
        in_lane_ms=np.array([_in_lane_ms(race, car) for car in cars], dtype=float),
        overdue_ms=_overdue(race, cars, pace),
        to_serve_ms=_penalties(race, cars, TO_SERVE),
        added_ms=_penalties(race, cars, ("time",)),
        red=track.flag == "red",
        caution=caution is not None,
        caution_ms=race.at - caution.start_ms if caution else 0,
        cautions=len(track.closed) + (caution is not None),
        caution_total_ms=sum(
            one.end_ms - one.start_ms for one in track.closed if one.end_ms is not None
        ),
        stint_lengths=_of_classes([laps[:-1] for laps in stints], sizes),
        lane_times=_of_classes(lanes, sizes),
    )


def _by_class(race: Race) -> tuple[list[str], list[str], list[int]]:
    """The cars that have crossed a line, class by class, the classes, and their sizes."""
    classes: dict[str, list[str]] = {}
    for car in race.order.cars():
        if race.order.passings.get(car):
            classes.setdefault(race.session.car_class(car) or "", []).append(car)
    names = sorted(classes)
    return [car for name in names for car in classes[name]], names, [len(classes[n]) for n in names]


def _of_classes(values: Sequence[Sequence[N]], sizes: Sequence[int]) -> tuple[tuple[N, ...], ...]:
    """The values of cars, those of a class together."""
    found, start = [], 0
    for size in sizes:
        found.append(tuple(one for car in values[start : start + size] for one in car))
        start += size
    return tuple(found)


def _recent_laps(race: Race, car: str) -> Sequence[Lap]:
    laps = race.laps.laps.get(car)
    return laps[-RECENT_LAPS:] if laps else ()


def _racing(laps: Sequence[Lap]) -> list[int]:
    """The times of the laps under green and on the track, the first of a race left out."""
    return [
        lap.lap_time_ms
        for lap in laps
        if lap.green and not lap.pit and lap.lap > 1 and lap.lap_time_ms
    ]


def _class_paces(recent: list[Sequence[Lap]], of_class: Ints, count: int) -> Floats:
    """The usual green lap of each class (ms); where it has none, that of all, or any lap."""
    times: list[list[int]] = [[] for _ in range(count)]
    for laps, number in zip(recent, of_class, strict=True):
        times[number] += _racing(laps)
    usual = [median(one) if len(one) >= ENOUGH_LAPS else None for one in times]
    spare = median([one for one in usual if one is not None] or _any_laps(recent))
    return np.array([spare if one is None else one for one in usual], dtype=float)


def _any_laps(recent: list[Sequence[Lap]]) -> list[float]:
    return [lap.lap_time_ms for laps in recent for lap in laps if lap.lap_time_ms] or [
        SPARE_PACE_MS
    ]


def _own_paces(recent: list[Sequence[Lap]], pace: Floats, of_class: Ints) -> Floats:
    """A row of `MeasuredPace` for each car; zeros for a car without a lap that counts."""
    rows = [_own_pace(laps, usual) for laps, usual in zip(recent, pace, strict=True)]
    found = np.array(rows, dtype=float).reshape(-1, 3)
    for number in np.unique(of_class):
        measured = (of_class == number) & (found[:, 2] >= ENOUGH_LAPS)
        if measured.any():
            found[measured, :2] -= found[measured, :2].mean(axis=0)
    found[found[:, 2] < ENOUGH_LAPS] = 0
    return found


def _own_pace(laps: Sequence[Lap], usual: float) -> MeasuredPace:
    times = [ms for ms in _racing(laps) if ms < usual * SLOW]
    if not times:
        return MeasuredPace(0.0, 0.0, 0)
    weights = _WEIGHTS[-len(times) :]
    mean = float(np.dot(times, weights) / weights.sum())
    best = sorted(times)[min(BEST_LAPS, len(times)) - 1]
    return MeasuredPace(mean / usual - 1, best / usual - 1, len(times))


_WEIGHTS = 0.5 ** (np.arange(RECENT_LAPS)[::-1] / HALF_LIFE_LAPS)


def _parts(race: Race, cars: Sequence[str], pace: Floats) -> Floats:
    """The share of the lap under way that each car has run, by the usual pace."""
    lasts = [race.laps.last(car) for car in cars]
    since = [race.at - (last.at if last else 0) for last in lasts]
    return np.clip(np.array(since, dtype=float) / pace, 0, 0.999)


def _deficits(race: Race, cars: Sequence[str]) -> Floats:
    """How far each car is behind the leader in time, at the line that it crossed last.

    A car has not crossed its next line, so it is at least as far behind as the leader's crossing
    of that is ago: the order is that on the road, also of cars that stand.
    """
    passings = race.order.passings
    leader = race.order.leader()
    first = passings[leader] if leader else ()
    found = []
    for car in cars:
        crossed = len(passings[car])
        behind = passings[car][-1] - first[crossed - 1]
        if crossed < len(first):
            behind = max(behind, race.at - first[crossed])
        found.append(max(0, behind))
    return np.array(found, dtype=float)


def _laps_behind(race: Race, cars: Sequence[str]) -> Floats:
    crossed = np.array([len(race.order.passings[car]) for car in cars], dtype=float)
    return np.asarray((crossed.max(initial=0.0) - crossed) / race.order.lines_per_lap)


def _most_laps(race: Race, car: str) -> float:
    if race.finish.ended or car in race.finish.cars:
        return 0.0
    if race.finish.over:
        return 1.0
    limit = laps_of_distance(race.session.opened)
    return math.inf if limit is None else float(max(0, limit - race.order.laps.get(car, 0)))


def _in_lane_ms(race: Race, car: str) -> float:
    since = race.pits.in_lane_since(car)
    return 0.0 if since is None else float(max(1, race.at - since))


def _overdue(race: Race, cars: Sequence[str], pace: Floats) -> Floats:
    """How long each car is away beyond a lap, without a stoppage: nobody passed the line then."""
    lasts = np.array([race.order.passings[car][-1] for car in cars], dtype=float)
    away = race.at - lasts - pace
    running = np.sort([lasts[n] for n, car in enumerate(cars) if car not in race.order.retired])
    if len(running) > 1:
        pause = np.diff(running)
        longest = int(pause.argmax())
        if pause[longest] > STOPPAGE_MS and longest + 1 >= STOPPED_SHARE * len(running):
            away -= np.where(lasts <= running[longest], pause[longest], 0)
    return np.maximum(0, away)


def _penalties(race: Race, cars: Sequence[str], kinds: Sequence[str]) -> Floats:
    """What the penalties of some kinds that are imposed and not served cost each car."""
    found = dict.fromkeys(cars, 0.0)
    through = race.session.opened.drive_through_ms or DRIVE_THROUGH_MS
    for penalty in race.stewards.penalties.values():
        if penalty.status not in ("imposed", "converted") or penalty.kind not in kinds:
            continue
        to_serve = penalty.kind in TO_SERVE
        if penalty.car in found and not (to_serve and penalty.car in race.finish.cars):
            seconds = penalty.amount or 0 if penalty.kind in ("time", "stop_and_hold") else 0
            found[penalty.car] += 1000.0 * seconds + to_serve * through
    return np.array(list(found.values()))


def _stints(race: Race, car: str) -> list[float]:
    """The lengths of a car's stints in laps of fuel, the last one not over."""
    ends = [visit.lap for visit in race.pits.visits.get(car, ()) if visit.kind == "stop"]
    found, used, over = [], 0.0, 0
    for lap in race.laps.laps.get(car, ()):
        used += 1.0 if lap.green else CAUTION_FUEL
        if over < len(ends) and lap.lap >= ends[over]:
            found.append(used)
            used, over = 0.0, over + 1
    return [*found, used]


def _lane_times(race: Race, car: str) -> list[int]:
    """The lane times of a car's stops under green (ms)."""
    return [
        visit.lane_ms
        for visit in race.pits.visits.get(car, ())
        if visit.kind == "stop" and visit.lane_ms is not None and visit.flag in _RACING
    ]


_RACING = (None, "green", "white")
