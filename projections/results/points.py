"""Points: the awards of a finishing order, with the rules that give them.

Rules:

- an entry that is not eligible for a championship scores nothing in it. As the pack says, it
  is invisible, so that the cars behind it move up, or it keeps its place;
- a car scores if its status scores and it covered the minimum distance;
- every driver of a scoring car gets its points, unless short of the minimum time at the wheel
  where that is the consequence. A driver of two cars scores with the better one;
- a team or manufacturer scores with its best placed scoring car, at that car's place or
  (closed up) at its place among the contenders;
- qualifying and the segments of a cup are scored on their own scales, without conditions of
  distance or time.

Unknown values (laps, time at the wheel) do not keep anyone from scoring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple, get_args

from events import Contest, RoundScored, ScoredRow
from events.clock import format_clock
from events.errors import BadRules
from projections.rules.packs import (
    Cup,
    DriveLimits,
    EntrantRules,
    Number,
    PointsRules,
    ReducedPoints,
    RegulationPack,
    RuleScope,
    Scale,
)
from projections.wording import ordinal

CONTESTS: tuple[Contest, ...] = get_args(Contest)


class Why(NamedTuple):
    """A reason for points: a rule of the pack by its dotted key, and a sentence."""

    rule: str
    text: str


class Award(NamedTuple):
    """Points for one contender. ``place`` is the place scored, None if none was.

    ``name`` identifies the contender, ``printed_name`` is for display: where each car is a
    contender, its number (``#7``), and the number with the team's name. ``cup`` is the cup that
    the points count for; None for the championship. ``took_part`` is false for guests, for cars
    that did not start and for drivers who never drove.
    """

    contest: Contest
    name: str
    printed_name: str
    car: str | None
    place: int | None
    points: Number
    why: tuple[Why, ...]
    cup: str | None = None
    took_part: bool = True


def score(
    pack: RegulationPack,
    scored: RoundScored,
    *,
    series: str | None = None,
    time_limit_ms: int | None = None,
) -> list[Award]:
    """Return all awards of one class in one round, its qualifying or a segment of it.

    ``series`` is the one that entries must be eligible for (None: all are eligible),
    ``time_limit_ms`` the scheduled length of the race. Contenders without points have an award
    of 0 with the reason. Raises BadRules if ``scored`` names a scale that the pack lacks.
    """
    where = RuleScope(scored.round, scored.car_class, time_limit_ms)
    judges = _judges(pack, scored, where, series)
    rows = sorted(scored.rows, key=lambda row: row.position)
    return [
        award
        for judge in judges
        for contest in CONTESTS
        if pack.points.contested(contest, scored.car_class)
        for award in _contest(pack.points, contest, judge, _places(pack, rows, contest, series))
    ]


def place_points(
    pack: RegulationPack,
    scored: RoundScored,
    *,
    series: str | None = None,
    time_limit_ms: int | None = None,
) -> list[Award]:
    """Return the award for each car's own place, by the rules for drivers' cars.

    Drivers and other cars of the team are not considered, and cups are left out. Raises
    BadRules as `score` does.
    """
    where = RuleScope(scored.round, scored.car_class, time_limit_ms)
    judges = _judges(pack, scored, where, series)
    rows = sorted(scored.rows, key=lambda row: row.position)
    return [
        _award("drivers", _number(one.row) or "", judge, one)
        for judge in judges
        if judge.cup is None
        for one in _places(pack, rows, "drivers", series)
    ]


def reduction(
    pack: RegulationPack, scored: RoundScored, time_limit_ms: int | None = None
) -> ReducedPoints | None:
    """Return the reduction that applies to a result, None for full points.

    Raises BadRules as `score` does.
    """
    if scored.part != "race" or scored.percent_run is None:
        return None
    scale = _scale(pack, scored, RuleScope(scored.round, scored.car_class, time_limit_ms))
    return pack.points.reduction(scored.percent_run, scale.name)


def tidy(points: Number | Fraction) -> Number:
    """Return whole points as an int: 25.0 as 25; 12.5 unchanged."""
    return int(points) if points == int(points) else float(points)


def exact(points: Number) -> Fraction:
    """Return points as they are written: 0.1 is a tenth, so that ten of them are 1."""
    return Fraction(points) if isinstance(points, int) else Fraction(repr(points))


def total(points: Iterable[Number]) -> Number:
    """Return the exact sum: three times 0.1 is 0.3."""
    points = list(points)
    if all(isinstance(one, int) for one in points):
        return sum(points)
    return tidy(sum(map(exact, points), Fraction(0)))


# -- Places: who is eligible -------------------------------------------------------------


class _Placed(NamedTuple):
    """A row and its place among those that count; None for an entry not eligible."""

    row: ScoredRow
    place: int | None
    why: tuple[Why, ...] = ()


def _places(
    pack: RegulationPack, rows: Iterable[ScoredRow], contest: Contest, series: str | None
) -> list[_Placed]:
    placed, guests = [], 0
    moves_up = pack.points.ineligible == "invisible"
    for row in rows:
        if not eligible(row, contest, series):
            guests += 1
            text = f"not eligible for {series} {contest}"
            placed.append(_Placed(row, None, (Why("points.ineligible", text),)))
        elif guests and moves_up:
            text = f"{ordinal(row.position)} on the road, but {guests} ahead not eligible"
            placed.append(_Placed(row, row.position - guests, (Why("points.ineligible", text),)))
        else:
            placed.append(_Placed(row, row.position))
    return placed


def eligible(row: ScoredRow, contest: Contest, series: str | None) -> bool:
    """Whether a row is eligible for a series' contest (None: all rows are)."""
    if row.championships is None or series is None:
        return True
    return series in row.championships or f"{series} {contest}" in row.championships


# -- Judges: what a place is worth in the race, in qualifying, in a cup -------------------


@dataclass(frozen=True, slots=True)
class _Judge:
    """A scale, and the conditions for scoring on it; ``of`` describes what is scored."""

    of: str
    rule: str
    worth: Callable[[int], Number]
    notes: tuple[Why, ...] = ()
    cup: str | None = None

    def car_barred(self, row: ScoredRow) -> Why | None:
        """Return why a car cannot score; in qualifying and cups only by its status."""
        if row.status in ("classified", "not_classified", "retired"):
            return None
        return _no_points_for(row)

    def driver_barred(self, drive_ms: int | None) -> Why | None:  # noqa: ARG002 (others need it)
        """Return why a driver of a scoring car cannot score; never in qualifying and cups."""
        return None

    def bonuses(self, row: ScoredRow, place: int) -> Iterator[tuple[Number, Why]]:  # noqa: ARG002 (others need it)
        """Yield points in addition to those for the place; none in qualifying and cups."""
        yield from ()


@dataclass(frozen=True, slots=True)
class _RaceJudge(_Judge):
    """The race: with conditions of status, distance and time at the wheel."""

    rules: PointsRules = field(kw_only=True)
    required_laps: int = field(kw_only=True)
    minimum: DriveLimits = field(kw_only=True)
    fastest: frozenset[_Key] = frozenset()
    led_most: _Key | None = None

    def car_barred(self, row: ScoredRow) -> Why | None:
        """A status that does not score, or too few laps."""
        if row.status not in self.rules.statuses:
            return _no_points_for(row)
        if row.laps is None or row.laps >= self.required_laps:
            return None
        text = f"{row.laps} laps, {self.required_laps} needed for points"
        return Why("points.minimum_distance", text)

    def driver_barred(self, drive_ms: int | None) -> Why | None:
        """Too little time at the wheel."""
        minimum_ms = (self.minimum.minimum_s or 0) * 1000
        if drive_ms is None or drive_ms >= minimum_ms:
            return None
        text = f"{_clock(drive_ms)} at the wheel, {_clock(minimum_ms)} needed for points"
        return Why(self.minimum.minimum_rule, text)

    def bonuses(self, row: ScoredRow, place: int) -> Iterator[tuple[Number, Why]]:
        """The fastest lap and the most laps led."""
        fastest, led = self.rules.fastest_lap, self.rules.most_laps_led
        if fastest and _key(row) in self.fastest and self.may_have_fastest_lap(row, place):
            text = f"fastest lap: {_points(fastest.points)}"
            yield fastest.points, Why("points.fastest_lap.points", text)
        if led and _key(row) == self.led_most:
            text = f"most laps led ({row.laps_led}): {_points(led.points)}"
            yield led.points, Why("points.most_laps_led.points", text)

    def may_have_fastest_lap(self, row: ScoredRow, place: int | None) -> bool:
        """Whether a car may have the points for the fastest lap."""
        rule = self.rules.fastest_lap
        if rule is None or place is None or self.car_barred(row):
            return False
        return place <= (rule.within or place) and row.status in (rule.statuses or (row.status,))

    def with_bonuses(self, placed: Sequence[_Placed]) -> _RaceJudge:
        """The judge with the cars that have a bonus."""
        return replace(self, fastest=self._fastest(placed), led_most=self._led_most(placed))

    def _fastest(self, placed: Sequence[_Placed]) -> frozenset[_Key]:
        """The cars whose lap is the fastest of those that count; usually one."""
        rule = self.rules.fastest_lap
        if rule is None:
            return frozenset()
        counting = placed
        if rule.passed_on == "if_excluded":
            counting = [one for one in placed if not self._is_excluded(one)]
        elif rule.passed_on == "always":
            counting = [one for one in placed if self.may_have_fastest_lap(one.row, one.place)]
        timed = [one.row for one in counting if one.row.best_lap_ms]
        if not any(one.row.best_lap_ms for one in placed):  # only the fastest is known
            return frozenset(_key(one.row) for one in counting if one.row.fastest_lap)
        if not timed:
            return frozenset()
        first = min(timed, key=lambda row: (row.best_lap_ms or 0, row.best_lap_at or 0))
        equal = [row for row in timed if row.best_lap_ms == first.best_lap_ms]
        return frozenset(map(_key, equal if rule.shared else [first]))

    def _led_most(self, placed: Sequence[_Placed]) -> _Key | None:
        led = [one.row for one in placed if one.row.laps_led and not self._is_excluded(one)]
        most = max(led, key=lambda row: (row.laps_led or 0, -row.position), default=None)
        return None if most is None else _key(most)

    def _is_excluded(self, one: _Placed) -> bool:
        """Whether a car is not in the result, or is a guest whom the points do not see."""
        unseen = one.place is None and self.rules.ineligible == "invisible"
        return unseen or one.row.status in ("disqualified", "withdrawn")


_Key = tuple[int, str | None]


def _key(row: ScoredRow) -> _Key:
    return row.position, row.car


def _no_points_for(row: ScoredRow) -> Why:
    return Why("points.statuses", f"{row.status.replace('_', ' ')}: no points")


def _judges(
    pack: RegulationPack, scored: RoundScored, where: RuleScope, series: str | None
) -> Sequence[_Judge]:
    """Return the scales for this result: one for race or qualifying, one per cup for a segment."""
    if scored.segment is not None:
        return [_cup_judge(scored, cup) for cup in pack.points.cups]
    if scored.part == "race":
        rows = sorted(scored.rows, key=lambda row: row.position)
        placed = _places(pack, rows, "drivers", series)
        return [_race_judge(pack, scored, where).with_bonuses(placed)]
    scale = pack.points.qualifying
    if scale is None:
        return []
    return [_Judge(f"{scored.car_class} qualifying", "points.qualifying.points", scale.at)]


def _cup_judge(scored: RoundScored, cup: Cup) -> _Judge:
    scale = Scale(points=cup.points, rest=cup.rest)
    of = f"{scored.car_class}, segment {scored.segment}"
    return _Judge(of, f"points.cups.{cup.name}.points", scale.at, cup=cup.name)


def _race_judge(pack: RegulationPack, scored: RoundScored, where: RuleScope) -> _RaceJudge:
    rules, scale, factor = pack.points, _scale(pack, scored, where), Fraction(1)
    notes: tuple[Why, ...] = ()
    percent = scored.percent_run
    tier = None if percent is None else rules.reduction(percent, scale.name)
    if tier is not None:
        index = rules.reduced.index(tier)
        text = f"{percent} % run, less than {tier.below_percent} %"
        notes = (Why(f"points.reduced.{index}.below_percent", text),)
        factor = exact(tier.factor)
        scale = rules.scale_named(tier.scale or scale.name) or scale
    limits = pack.drive_time.limits_at(where)
    return _RaceJudge(
        scored.car_class,
        f"points.scales.{scale.name}.points",
        lambda place: tidy(exact(scale.at(place)) * factor),
        notes,
        rules=rules,
        required_laps=_required_laps(rules, scored),
        minimum=limits if pack.drive_time.consequence == "no_driver_points" else DriveLimits(),
    )


def _scale(pack: RegulationPack, scored: RoundScored, where: RuleScope) -> Scale:
    if scored.scale is None:
        return pack.points.scale(where)
    scale = pack.points.scale_named(scored.scale)
    if scale is None:
        names = ", ".join(each.name for each in pack.points.scales)
        raise BadRules(pack.name, "points.scales", f"no scale {scored.scale!r}; there are {names}")
    return scale


def _required_laps(rules: PointsRules, scored: RoundScored) -> int:
    """Return the laps a car needs for points; 0 if the winner's are unknown."""
    if rules.reference == "overall":
        winner = scored.overall_laps
    else:
        winner = max((row.laps for row in scored.rows if row.laps is not None), default=None)
    return 0 if winner is None else rules.required_laps(winner, scored.car_class)


# -- Contests: to whom the points go -----------------------------------------------------


def _contest(
    rules: PointsRules, contest: Contest, judge: _Judge, placed: Sequence[_Placed]
) -> list[Award]:
    match contest:
        case "drivers":
            return _drivers(judge, placed)
        case "teams":
            return _entrants(contest, rules.teams, judge, placed)
        case "manufacturers":
            return _entrants(contest, rules.manufacturers, judge, placed)


def _drivers(judge: _Judge, placed: Sequence[_Placed]) -> list[Award]:
    best: dict[str, Award] = {}
    for one in placed:
        for driver in one.row.drivers:
            award = _award("drivers", driver.name, judge, one, judge.driver_barred(driver.drive_ms))
            if driver.drive_ms == 0 and award.place is None:
                award = award._replace(took_part=False)
            before = best.get(driver.name)
            if before is None or _worth(award) > _worth(before):
                best[driver.name] = award
    return list(best.values())


def _worth(award: Award) -> tuple[Number, bool, bool]:
    return award.points, award.place is not None, award.took_part


def _entrants(
    contest: Contest, rules: EntrantRules, judge: _Judge, placed: Sequence[_Placed]
) -> list[Award]:
    awards: list[Award] = []
    scoring: set[str] = set()
    cars = Counter(entrant(rules, one.row) for one in placed)
    for one in placed:
        name = entrant(rules, one.row)
        if name is None or (rules.best_only and name in scoring):
            continue
        if rules.closed_up and one.place is not None:
            one = _closed_up(contest, one, 1 + len(scoring))
        award = _award(contest, name, judge, one)
        if award.place is not None:
            scoring.add(name)
            if rules.best_only and cars[name] > 1:
                award = _as_best_of(contest, award, cars[name])
        awards.append(award)
    return [award for award in awards if award.place is not None or award.name not in scoring]


def _as_best_of(contest: Contest, award: Award, cars: int) -> Award:
    which = "its best placed car" if award.car is None else f"#{award.car}, its best placed"
    why = Why(f"points.{contest}.best_only", f"{which} of {cars}")
    return award._replace(why=(why, *award.why))


def entrant(rules: EntrantRules, row: ScoredRow) -> str | None:
    """Return the team or manufacturer that a row scores for, None if unknown."""
    match rules.unit:
        case "car":
            return _number(row) or row.team
        case "team":
            return row.team
        case "manufacturer":
            return row.manufacturer


def _number(row: ScoredRow) -> str | None:
    return None if row.car is None else f"#{row.car}"


def _closed_up(contest: Contest, one: _Placed, place: int) -> _Placed:
    if place == one.place:
        return one
    why = Why(f"points.{contest}.closed_up", f"{ordinal(place)} of the {contest}")
    return _Placed(one.row, place, (*one.why, why))


def _award(
    contest: Contest, name: str, judge: _Judge, one: _Placed, barred: Why | None = None
) -> Award:
    row = one.row
    printed_name = f"{name} {row.team}" if row.team and name == _number(row) else name
    barred = judge.car_barred(row) or barred
    if one.place is None or barred:
        why = (*one.why, barred) if barred else one.why
        raced = one.place is not None and row.status not in ("not_started", "withdrawn")
        return Award(contest, name, printed_name, row.car, None, 0, why, judge.cup, raced)
    points = judge.worth(one.place)
    text = f"{ordinal(one.place)} in {judge.of}: {_points(points)}"
    why = (*one.why, *judge.notes, Why(judge.rule, text))
    for bonus, reason in judge.bonuses(row, one.place):
        points, why = total((points, bonus)), (*why, reason)
    return Award(contest, name, printed_name, row.car, one.place, points, why, judge.cup)


# -- In words ----------------------------------------------------------------------------


def _points(points: Number) -> str:
    return "1 point" if points == 1 else f"{tidy(points)} points"


def _clock(ms: int) -> str:
    return format_clock(ms).split(".")[0]
