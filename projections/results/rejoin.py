"""Rejoin: the place in which a car would rejoin if it stopped now.

The cost of a stop is measured in this race. Under green it is the in-lap plus the out-lap,
less two laps at the same car's pace before. Under caution it is the time from the last timing
line before the lane to the first behind it, less what the cars took between these lines that
stayed out meanwhile: beside the lane, at the pace of the caution. Where the cars that stopped
under caution have not crossed that line yet, it is their lane time less the stretch beside the
lane, known from green (lane time less cost) and slowed down as a lap is; never more than the
lane time. The median of the stops so far is used: of the car's class if it has three, else of
all cars.

A drive-through costs what those of this race did, else the session's time for it less the
stretch beside the lane.

The place assumes that no other car stops: the car's time behind the leader plus the cost is
compared with the other cars' times behind the leader, each at that car's own last line.
Retired and finished cars, and cars in the lane, are left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from statistics import median
from typing import NamedTuple, TypeVar

from events.errors import NotARace
from projections.folds.laps import Lap
from projections.folds.pits import Visit
from projections.race import Race

S = TypeVar("S")
ENOUGH_STOPS = 3
MEANWHILE_MS = 120_000
"""How long before a car entered the lane another one began to pass beside it."""

UNDER = ("green", "caution")


class Cost(NamedTuple):
    """The cost of a stop (ms), and the number and class (None: all) of the stops measured."""

    ms: int
    stops: int
    car_class: str | None


class Rejoin(NamedTuple):
    """The place after a stop now; gaps in ms to the cars around it, None where there is none."""

    car: str
    car_class: str | None
    under: str
    cost: Cost
    position: int
    class_position: int
    ahead: str | None
    ahead_ms: int | None
    behind: str | None
    behind_ms: int | None
    class_ahead: str | None
    class_ahead_ms: int | None
    class_behind: str | None
    class_behind_ms: int | None


def rejoins(race: Race) -> list[Rejoin]:
    """Return a row under green and one under caution for each car on the track, leader first.

    Rows are left out while no stop of that kind was made. Takes O(laps of the race) for the
    costs and O(n²) in the cars for the places. Raises NotARace for another session.
    """
    if not race.session.is_race:
        reason = "its order is by best lap, so that a stop costs no place"
        raise NotARace(race.session.opened.kind, reason)
    behind = deficits(race)
    costs = stop_costs(race)
    rows = []
    for car in behind:
        name = race.session.car_class(car)
        for under in UNDER:
            cost = costs.get((under, name)) or costs.get((under, None))
            if cost is not None:
                rows.append(_rejoin(race, car, under, cost, behind))
    return rows


def deficits(race: Race) -> dict[str, int]:
    """Return each running car's time behind the leader, laps included, in ms, leader first."""
    order = race.order
    leader = order.leader()
    if leader is None:
        return {}
    first = order.passings[leader]
    found = {}
    for car in order.cars():
        passings = order.passings.get(car)
        if not passings or car in order.retired or car in order.finished:
            continue
        if race.pits.in_lane_since(car) is None:
            found[car] = max(0, passings[-1] - first[len(passings) - 1])
    return dict(sorted(found.items(), key=lambda item: item[1]))


def stop_costs(race: Race) -> dict[tuple[str, str | None], Cost]:
    """Return (``green`` or ``caution``, class or None for all) to the cost of a stop."""
    samples = _Samples(race)
    costs: dict[tuple[str, str | None], Cost] = {}
    for name in [None, *samples.classes()]:
        green = samples.of(samples.green, name)
        if not green:
            continue
        lost = round(median(lost for lost, _ in green))
        costs["green", name] = Cost(lost, len(green), name)
        caution = samples.caution(name, median(in_lane for _, in_lane in green) - lost)
        if caution is not None:
            costs["caution", name] = caution
    return costs


def drive_through_cost(race: Race, car_class: str | None) -> Cost | None:
    """Return the cost of a drive-through under green; None if that is unknown.

    ``stops`` counts the drive-throughs measured, 0 if the session states their time.
    """
    samples = _Samples(race)
    for name in (car_class, None):
        lost = samples.of(samples.drive_throughs, name)
        if len(lost) >= (ENOUGH_STOPS if name else 1):
            return Cost(round(median(lost)), len(lost), name)
    through = race.session.opened.drive_through_ms
    if through is None:
        return None
    green = samples.of(samples.green, None)
    stretch = median(in_lane - lost for lost, in_lane in green) if green else 0
    return Cost(max(0, round(through - max(0, stretch))), 0, None)


class _Samples:
    """The stops of a race by class: (cost, lane time) under green, both apart under caution.

    ``slower`` is the ratio of lap times under caution to those under green.
    """

    def __init__(self, race: Race) -> None:
        self.green: dict[str | None, list[tuple[int, int]]] = {}
        self.caution_lanes: dict[str | None, list[int]] = {}
        self.caution_costs: dict[str | None, list[int]] = {}
        self.drive_throughs: dict[str | None, list[int]] = {}
        self._beside = _BesideTheLane(race)
        for car in race.laps.laps:
            self._add_stops(race, car)
        laps = [lap for of_car in race.laps.laps.values() for lap in of_car if not lap.pit]
        racing = [lap.lap_time_ms for lap in laps if lap.green and lap.lap_time_ms]
        slow = [lap.lap_time_ms for lap in laps if not lap.green and lap.lap_time_ms]
        self.slower = median(slow) / median(racing) if slow and racing else None

    def classes(self) -> list[str]:
        """The classes with enough stops of their own."""
        return [name for name, found in self.green.items() if name and len(found) >= ENOUGH_STOPS]

    def of(self, samples: dict[str | None, list[S]], name: str | None) -> list[S]:
        """Return the samples of a class, or of all cars."""
        if name is None:
            return [sample for found in samples.values() for sample in found]
        return samples.get(name, [])

    def caution(self, name: str | None, stretch: float) -> Cost | None:
        """The cost under caution; ``stretch`` is the time beside the lane under green (ms)."""
        costs = self.of(self.caution_costs, name)
        if costs:
            return Cost(max(0, round(median(costs))), len(costs), name)
        lane = self.of(self.caution_lanes, name)
        if not lane or self.slower is None:
            return None
        ms = max(0, round(median(lane) - max(0, stretch) * self.slower))
        return Cost(ms, len(lane), name)

    def _add_stops(self, race: Race, car: str) -> None:
        name = race.session.car_class(car)
        laps = {lap.lap: lap for lap in race.laps.laps[car]}
        for visit in race.pits.visits.get(car, ()):
            in_lane = visit.lane_ms
            if visit.kind == "stoppage" or in_lane is None:
                continue
            if visit.flag not in (None, "green", "white"):
                if visit.kind == "stop":
                    self.caution_lanes.setdefault(name, []).append(in_lane)
                    lost = self._beside.lost_by(car, visit)
                    if lost is not None:
                        self.caution_costs.setdefault(name, []).append(lost)
                continue
            lost = _lost_under_green(laps, visit.lap)
            if lost is not None and visit.kind == "drive_through":
                self.drive_throughs.setdefault(name, []).append(lost)
            elif lost is not None:
                self.green.setdefault(name, []).append((lost, in_lane))


class _BesideTheLane:
    """The times between the last line before the lane and the first behind it, under caution."""

    def __init__(self, race: Race) -> None:
        self._order = race.order
        passes = []
        for car, laps in race.laps.laps.items():
            for lap, following in pairwise(laps):
                stayed_out = not (lap.pit or following.pit or lap.green or following.green)
                span = self._span(car, lap.lap) if stayed_out else None
                if span is not None:
                    passes.append(span)
        passes.sort()
        self._starts = [start for start, _ in passes]
        self._times = [end - start for start, end in passes]

    def lost_by(self, car: str, visit: Visit) -> int | None:
        """Return what a visit took longer than the cars beside the lane meanwhile (ms)."""
        span = self._span(car, visit.lap)
        if span is None or visit.exited_ms is None:
            return None
        first = bisect_left(self._starts, visit.entered_ms - MEANWHILE_MS)
        meanwhile = self._times[first : bisect_right(self._starts, visit.exited_ms)]
        times = meanwhile if len(meanwhile) >= ENOUGH_STOPS else self._times
        return round(span[1] - span[0] - median(times)) if times else None

    def _span(self, car: str, lap: int) -> tuple[int, int] | None:
        """When a car passed the last line of a lap before the finish, and the first of the next.

        Without lines but the finish it is when the lap began, and when the next one ended. None
        where a line was missed or not crossed yet.
        """
        lines, passings = self._order.lines_per_lap, self._order.passings.get(car) or ()
        if lines == 1:
            start, end = lap - 2, lap
        else:
            start, end = lap * lines - 2, lap * lines
        if start < 0 or end >= len(passings):
            return None
        at = passings[start : end + 2]
        if any(before == after for before, after in pairwise(at)):
            return None
        return at[0], at[end - start]


def _lost_under_green(laps: dict[int, Lap], lap: int) -> int | None:
    """Return the time of in-lap ``lap`` and out-lap beyond two laps at the pace before (ms)."""
    both = [laps[n] for n in (lap, lap + 1) if n in laps]
    usual = _usual_green(laps, lap)
    times = [one.lap_time_ms for one in both if one.green and one.lap_time_ms]
    if usual is None or len(times) < 2:
        return None
    return max(0, sum(times) - 2 * usual)


def _usual_green(laps: dict[int, Lap], lap: int) -> int | None:
    """Return the median of the five green laps before the stop (ms)."""
    before = [laps[n] for n in range(lap - 5, lap) if n in laps]
    times = [one.lap_time_ms for one in before if one.green and not one.pit and one.lap_time_ms]
    return round(median(times)) if times else None


def _rejoin(race: Race, car: str, under: str, cost: Cost, behind: dict[str, int]) -> Rejoin:
    after = behind[car] + cost.ms
    name = race.session.car_class(car)
    others = [(ms, other) for other, ms in behind.items() if other != car]
    rivals = [(ms, other) for ms, other in others if race.session.car_class(other) == name]
    position, ahead, following = _between(others, after)
    class_position, class_ahead, class_following = _between(rivals, after)
    return Rejoin(
        car,
        name,
        under,
        cost,
        position,
        class_position,
        *(ahead or (None, None)),
        *(following or (None, None)),
        *(class_ahead or (None, None)),
        *(class_following or (None, None)),
    )


def _between(
    others: list[tuple[int, str]], after: int
) -> tuple[int, tuple[str, int] | None, tuple[str, int] | None]:
    """Return the place ``after`` ms behind the leader, and the cars ahead and behind with gaps."""
    place = sum(1 for ms, _ in others if ms <= after)
    ahead = others[place - 1] if place else None
    behind = others[place] if place < len(others) else None
    return (
        place + 1,
        (ahead[1], after - ahead[0]) if ahead else None,
        (behind[1], behind[0] - after) if behind else None,
    )
