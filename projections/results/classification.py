"""The classification: the result by the convention of a regulation pack.

Rules common to all series:

- order by completed laps, descending, then by the time at the line of the last lap, then by who
  was ahead there (``RunningOrder.precedence``). Time
  penalties not served on track are added to that time, and laps taken away are subtracted. A
  penalty counts from the moment it is imposed, whether the car is running or retired;
- while cars are on their laps, a car with added time stands behind those that follow it on the
  same lap within that time;
- a car dropped by N places is placed behind the N-th car of its class that was behind it;
- a car sent to the back of its class is placed directly behind the last car of the class that
  completed a lap, its laps and time unchanged; several such cars are placed in the order of
  their penalties. The order of all other cars stays the same;
- a disqualified car is placed at the end, and the cars behind it move up.

Qualifying and practice are classified in the order of the session
(``projections.results.session_order``): by best lap, then the cars without a time by number,
whether they left the pits or not. A pack may have segments that knock out, and a share of the best
time that a car must come within (107 %).

A session of which no lap is known is classified as its official result was published
(``projections.results.official_result``), with the penalties imposed since: a car to whose time or
laps they add falls behind those that it no longer beats.

The series' convention, defined by the pack, differs in: whether a car must take the flag;
whether retirements and cars short of the distance keep their place on laps (ALMS, IMSA) or
follow the finishers (Le Mans); whether cars without a lap are listed; the value of a penalty
that could no longer be served; and how far back the result is taken when a red flag ends the
race.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from events import ResultDeclared, ResultRow
from projections.folds.laps import BestLap, Lap
from projections.folds.running_order import natural
from projections.folds.stewards import Penalty, as_imposed
from projections.race import Race
from projections.results.official_result import official_best, official_result
from projections.results.session_order import (
    BEST_LAPS,
    by_best_lap,
    qualifying_rules,
    ranking_laps,
    too_slow,
)
from projections.results.time_lost import moved_back, within_lap_ms
from projections.rules import packs

NOT_SERVED = frozenset({"imposed", "converted"})
FINISHED, SHORT, DID_NOT_FINISH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Convention:
    """The classification and penalty rules of a series."""

    classification: packs.ClassificationRules
    penalties: packs.PenaltyRules
    qualifying: packs.QualifyingRules | None = None
    """Those of the session where None."""

    @classmethod
    def of(cls, pack: packs.RegulationPack | None) -> Convention:
        """Return the pack's convention; without a pack every car is classified on its laps."""
        if pack is None:
            return ON_LAPS
        return cls(pack.classification, pack.penalties, pack.qualifying or BEST_LAPS)


ON_LAPS = Convention(
    packs.ClassificationRules(
        minimum_distance=0,
        reference="overall",
        rounding="ceil",
        must_take_flag=False,
        retirements="on_laps",
        not_classified="on_laps",
        no_laps="last",
        red_flag_countback=0,
    ),
    packs.PenaltyRules(
        drive_through_s=0,
        stop_and_go_s=0,
        stop_and_hold_s=0,
        time_to_retired=True,
        back_of_class="as_imposed",
        places="class",
        decided_by="race control",
    ),
)
"""Every car that completed a lap is classified on its laps."""


class Classified(NamedTuple):
    """A row of the classification; times in ms, gaps to the winner in laps or ms.

    ``total_ms`` includes ``penalty_ms``; ``laps`` excludes ``penalty_laps``.
    """

    position: int
    car: str
    car_class: str | None
    class_position: int
    status: str
    laps: int
    total_ms: int | None
    gap_laps: int | None
    gap_ms: int | None
    penalty_ms: int
    penalty_laps: int
    best_lap_ms: int | None
    best_lap: int | None


class _Ranked(NamedTuple):
    """The values that a car is placed by."""

    car: str
    car_class: str | None
    status: str
    group: int
    laps: int
    total_ms: int
    penalty_ms: int
    penalty_laps: int


def classify(
    race: Race,
    convention: Convention = ON_LAPS,
    without: Collection[str] = (),
    lost: Mapping[str, int] | None = None,
) -> list[Classified]:
    """Return the classification: all cars that the convention lists, winner first.

    ``without`` has the ids of penalties to ignore, for showing their effect; ``lost`` the time
    (ms) that running cars would lose on the road besides. Costs O(n log n) in the cars.
    """
    penalties = _ActivePenalties(race, convention.penalties, without)
    official = official_result(race)
    if official is not None:
        return _as_published(race, official, penalties)
    counted = _counted_laps(race, convention.classification)
    lost = lost or {}
    cars = [
        _ranked(race, lap, car, penalties, convention, lost.get(car, 0))
        for car, lap in counted.items()
    ]
    listed = convention.classification.no_laps == "last"
    idle = [
        car_row
        for car_row in _without_laps(race, counted, penalties)
        if listed or car_row.status == "running"
    ]
    bests: Mapping[str, BestLap] = race.laps.best
    if race.session.is_race:
        cars = _short_of_distance(cars, convention.classification, penalties)
        cars.sort(key=lambda car_row: _placed_by(race, car_row))
        cars = _where_time_is_lost(race, cars)
    else:
        rules = convention.qualifying or qualifying_rules(race)
        slow = too_slow(race, counted, rules)
        rows = {
            car_row.car: car_row._replace(
                status="not_classified" if car_row.car in slow else "classified"
            )
            for car_row in cars
        }
        rows.update((car_row.car, car_row) for car_row in idle)
        cars, idle = [rows[car] for car in by_best_lap(race, rows, rules)], []
        bests = ranking_laps(race, rules)
    cars = penalties.disqualify(penalties.back_of_class(penalties.places_dropped(cars)))
    return _rows(race, cars + idle, bests)


def _as_published(
    race: Race, official: ResultDeclared, penalties: _ActivePenalties
) -> list[Classified]:
    """Return the official result with the penalties imposed since."""
    rows = [row for row in official.rows if row.car not in race.session.apart]
    bests = {row.car: best for row in rows if (best := official_best(race, row)) is not None}
    if not race.session.is_race and any(row.best_lap_ms and row.car not in bests for row in rows):
        rows.sort(key=lambda row: row.car not in bests)  # a deleted time is none
    cars = [_ranked_as_published(race, row, penalties) for row in rows]
    for car_row in [one for one in cars if one.penalty_ms or one.penalty_laps]:
        _fall_behind(cars, car_row)
    missing = [car for car in race.session.entries if car not in {row.car for row in rows}]
    cars = penalties.disqualify(penalties.back_of_class(penalties.places_dropped(cars)))
    cars += [
        _Ranked(car, race.session.car_class(car), "not_started", DID_NOT_FINISH, 0, 0, 0, 0)
        for car in sorted(missing, key=natural)
        if car not in race.session.apart
    ]
    return _rows(race, cars, bests)


def is_as_published(race: Race, official: ResultDeclared, convention: Convention) -> bool:
    """Whether no decision has changed the official result of a session without laps."""
    printed = [(row.car, row.status, row.laps, row.total_ms or None) for row in official.rows]
    rows = classify(race, convention)
    return printed == [
        (row.car, row.status, row.laps, row.total_ms) for row in rows[: len(printed)]
    ]


def _ranked_as_published(race: Race, row: ResultRow, penalties: _ActivePenalties) -> _Ranked:
    entry = race.session.entries.get(row.car)
    added, taken = penalties.added_ms(row.car, row.status), penalties.total("laps", row.car)
    return _Ranked(
        car=row.car,
        car_class=entry.car_class if entry else row.car_class,
        status=row.status,
        group=FINISHED,
        laps=max(0, row.laps - taken),
        total_ms=row.total_ms + added if row.total_ms else 0,
        penalty_ms=added,
        penalty_laps=taken,
    )


def _fall_behind(cars: list[_Ranked], car_row: _Ranked) -> None:
    """Move a car behind those after it that are now ahead on laps and time."""
    at = cars.index(car_row)
    until = at + 1
    while until < len(cars) and _beats(cars[until], car_row):
        until += 1
    cars.insert(until - 1, cars.pop(at))


def _beats(one: _Ranked, other: _Ranked) -> bool:
    if one.laps != other.laps:
        return one.laps > other.laps
    return 0 < one.total_ms < other.total_ms


def _counted_laps(race: Race, rules: packs.ClassificationRules) -> dict[str, Lap]:
    """Return the last counted lap of each car, which is its last lap unless a red flag ended
    the race.

    The result of a race that a red flag ended is taken at the end of an earlier lap of the
    leader: each car counts as if the flag had been shown then.
    """
    apart = race.session.apart
    laps = {car: of_car for car, of_car in race.laps.laps.items() if car not in apart}
    at = taken_back_to(race, rules.red_flag_countback)
    if at is None:
        return {car: of_car[-1] for car, of_car in laps.items() if of_car}
    counted = {}
    for car, of_car in laps.items():
        index = bisect_left(of_car, at, key=lambda lap: lap.at)
        counted[car] = of_car[min(index, len(of_car) - 1)]
    return counted


def taken_back_to(race: Race, countback: int) -> int | None:
    """Return the end of the leader's lap at which the result is taken (ms).

    None unless a red flag ended the race and the rules take the result back.
    """
    red = race.track.ended_under_red_at
    if not countback or red is None:
        return None
    begun = [led for led in race.chart.leaders if led.at <= red]
    taken = len(begun) - countback
    return begun[taken].at if taken >= 0 else None


class _ActivePenalties:
    """The penalties that affect a classification, by car and kind."""

    def __init__(self, race: Race, rules: packs.PenaltyRules, without: Collection[str]) -> None:
        self._rules = rules
        standing = sorted(
            (
                penalty
                for penalty in race.stewards.penalties.values()
                if penalty.status in NOT_SERVED and penalty.penalty_id not in without
            ),
            key=as_imposed,
        )
        self._by_kind: dict[str, list[Penalty]] = {}
        for penalty in standing:
            self._by_kind.setdefault(penalty.kind, []).append(penalty)

    def total(self, kind: str, car: str) -> int:
        """Return the sum of a car's penalties of one kind."""
        return sum(p.amount or 0 for p in self._by_kind.get(kind, ()) if p.car == car)

    def cars(self, kind: str) -> list[str]:
        """Return the cars with a penalty of this kind, in the order imposed, each once."""
        return list(dict.fromkeys(p.car for p in self._by_kind.get(kind, ())))

    def added_ms(self, car: str, status: str) -> int:
        """Return the time added for time penalties and for penalties not served (ms)."""
        if status == "retired" and not self._rules.time_to_retired:
            return 0
        seconds = self.total("time", car)
        if status == "classified":
            for kind in ("drive_through", "stop_and_go", "stop_and_hold"):
                each: int = getattr(self._rules, f"{kind}_s")
                seconds += each * self.count(kind, car)
            seconds += self.total("stop_and_hold", car)
        return seconds * 1000

    def count(self, kind: str, car: str) -> int:
        """Return the number of a car's unserved penalties of one kind."""
        return sum(p.car == car for p in self._by_kind.get(kind, ()))

    def places_dropped(self, order: list[_Ranked]) -> list[_Ranked]:
        """Drop cars by their number of places, in class or overall."""
        for car in self.cars("places"):
            at = _index(order, car)
            if at is None:
                continue
            overall = self._rules.places == "overall"
            behind = [
                i for i in range(at + 1, len(order)) if overall or _same_class(order[i], order[at])
            ]
            passed = behind[: self.total("places", car)]
            if passed:
                order.insert(passed[-1], order.pop(at))
        return order

    def back_of_class(self, order: list[_Ranked]) -> list[_Ranked]:
        """Move cars sent to the back directly behind the last car of their class."""
        sent = self.cars("back_of_class")
        if self._rules.back_of_class == "on_laps":
            sent.sort(key=lambda car: _index(order, car) or 0)
        for car in sent:
            at = _index(order, car)
            if at is not None:
                moved = order.pop(at)
                last = max(
                    (
                        i
                        for i, car_row in enumerate(order)
                        if _same_class(car_row, moved) and car_row.total_ms
                    ),
                    default=at - 1,
                )
                order.insert(last + 1, moved)
        return order

    def disqualify(self, order: list[_Ranked]) -> list[_Ranked]:
        """Move the disqualified cars to the end, keeping their order."""
        out = set(self.cars("disqualification"))
        return [car_row for car_row in order if car_row.car not in out] + [
            car_row._replace(status="disqualified") for car_row in order if car_row.car in out
        ]

    def is_disqualified(self, car: str) -> bool:
        """Whether the car is disqualified."""
        return car in self.cars("disqualification")


def _index(order: list[_Ranked], car: str) -> int | None:
    return next((i for i, car_row in enumerate(order) if car_row.car == car), None)


def _same_class(car_row: _Ranked, other: _Ranked) -> bool:
    return car_row.car_class == other.car_class


def _where_time_is_lost(race: Race, cars: list[_Ranked]) -> list[_Ranked]:
    """Move running cars with added time behind those that follow within that time.

    While cars are on their laps, their laps and times at the line do not compare: one that has
    just completed a lap would keep its place in front of all that have not.
    """
    rows = {row.car: row for row in cars}
    late = [row.car for row in cars if row.penalty_ms]
    if not late or not any(row.status == "running" for row in cars):
        return cars

    def usual(row: _Ranked) -> tuple[int, int, int, int, Any]:
        without = row._replace(total_ms=row.total_ms - row.penalty_ms, penalty_ms=0)
        return _placed_by(race, without)

    def passes(ahead: str, behind: str) -> bool:
        first, other = rows[ahead], rows[behind]
        taken = first.penalty_laps or other.penalty_laps
        if first.group != other.group or other.status != "running" or taken:
            return _placed_by(race, other) < _placed_by(race, first)
        gap = within_lap_ms(race, ahead, behind)
        return gap is not None and gap < first.penalty_ms - other.penalty_ms

    order = [row.car for row in sorted(cars, key=usual)]
    return [rows[car] for car in moved_back(order, late, passes)]


def _ranked(
    race: Race,
    lap: Lap,
    car: str,
    penalties: _ActivePenalties,
    convention: Convention,
    lost: int = 0,
) -> _Ranked:
    status, group = _outcome(race, car, convention.classification)
    added, taken = penalties.added_ms(car, status), penalties.total("laps", car)
    added += lost if status == "running" else 0
    return _Ranked(
        car=car,
        car_class=race.session.car_class(car),
        status=status,
        group=group,
        laps=max(0, lap.lap - taken),
        total_ms=lap.at + added,
        penalty_ms=added,
        penalty_laps=taken,
    )


def _placed_by(race: Race, car_row: _Ranked) -> tuple[int, int, int, int, Any]:
    """Return the sort key of a car: of equal totals the one ahead at the line comes first."""
    at = car_row.total_ms - car_row.penalty_ms
    precedence = race.order.precedence(car_row.laps + car_row.penalty_laps)
    return (car_row.group, -car_row.laps, car_row.total_ms, at, precedence(car_row.car))


def _outcome(race: Race, car: str, rules: packs.ClassificationRules) -> tuple[str, int]:
    """Return a car's status and group (finishers first)."""
    if car in race.order.finished:
        return "classified", FINISHED
    over = race.finish.chequered_at is not None or race.track.ended_under_red_at is not None
    retired = car in race.order.retired
    if not over or (race.session.ended_at is None and not retired):
        return ("retired" if retired else "running"), FINISHED
    if race.track.ended_under_red_at is not None and not retired:
        return "classified", FINISHED  # no car could take a flag
    group = DID_NOT_FINISH if rules.retirements == "after_finishers" else FINISHED
    return ("retired" if retired or rules.must_take_flag else "classified"), group


def _short_of_distance(
    cars: list[_Ranked], rules: packs.ClassificationRules, penalties: _ActivePenalties
) -> list[_Ranked]:
    """Mark cars that took the flag with too few laps as not classified, and set their group.

    A disqualified car is not the winner, so the others are not measured by its laps.
    """
    most: dict[str | None, int] = {}
    for car_row in cars:
        name = car_row.car_class if rules.reference == "class" else None
        laps = 0 if penalties.is_disqualified(car_row.car) else car_row.laps
        most[name] = max(most.get(name, 0), laps)
    checked = []
    for car_row in cars:
        name = car_row.car_class if rules.reference == "class" else None
        needed = rules.required_laps(most[name], car_row.car_class)
        if car_row.status == "classified" and car_row.laps < needed:
            group = SHORT if rules.not_classified == "after_finishers" else car_row.group
            car_row = car_row._replace(status="not_classified", group=group)
        checked.append(car_row)
    return checked


def _without_laps(
    race: Race, counted: dict[str, Lap], penalties: _ActivePenalties
) -> list[_Ranked]:
    """Return the cars without a lap: in running order until the race is over."""
    idle = [car for car in race.order.cars() if car in race.session.entries and car not in counted]
    if race.finish.over:
        idle.sort(key=natural)
    return [
        _Ranked(
            car=car,
            car_class=race.session.car_class(car),
            status=_idle_status(race, car, penalties),
            group=DID_NOT_FINISH,
            laps=0,
            total_ms=0,
            penalty_ms=0,
            penalty_laps=0,
        )
        for car in idle
    ]


def _idle_status(race: Race, car: str, penalties: _ActivePenalties) -> str:
    if penalties.is_disqualified(car):
        return "disqualified"
    if car not in race.order.passings:
        return "not_started"
    return "retired" if race.finish.over or car in race.order.retired else "running"


def _rows(race: Race, cars: list[_Ranked], bests: Mapping[str, BestLap]) -> list[Classified]:
    rows = []
    places: dict[str | None, int] = {}
    for position, car_row in enumerate(cars, start=1):
        places[car_row.car_class] = places.get(car_row.car_class, 0) + 1
        best = bests.get(car_row.car)
        gap_laps, gap_ms = _gap(race, cars[0], car_row, bests)
        rows.append(
            Classified(
                position=position,
                car=car_row.car,
                car_class=car_row.car_class,
                class_position=places[car_row.car_class],
                status=car_row.status,
                laps=car_row.laps,
                total_ms=(car_row.total_ms or None) if car_row.laps else None,
                gap_laps=gap_laps,
                gap_ms=gap_ms,
                penalty_ms=car_row.penalty_ms,
                penalty_laps=car_row.penalty_laps,
                best_lap_ms=best.ms if best else None,
                best_lap=(best.lap or None) if best else None,
            )
        )
    return rows


def _gap(
    race: Race, first: _Ranked, car_row: _Ranked, bests: Mapping[str, BestLap]
) -> tuple[int | None, int | None]:
    """Return the gap to the first in whole laps or in ms, of the race or of the best laps.

    The first has (0, 0), as in the running order. A car without laps, or placed behind by a
    decision alone, has no gap.
    """
    if race.session.is_race:
        done, laps, ms = (
            car_row.laps > 0,
            first.laps - car_row.laps,
            car_row.total_ms - first.total_ms,
        )
    else:
        best, quickest = bests.get(car_row.car), bests.get(first.car)
        done, laps, ms = False, 0, 0
        if best is not None and quickest is not None:
            done, ms = True, best.ms - quickest.ms
    if not done or car_row.status == "disqualified" or laps < 0 or (laps == 0 and ms < 0):
        return None, None
    if car_row is first:
        return 0, 0
    return (laps, None) if laps else (None, ms)
