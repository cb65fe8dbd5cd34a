"""Titles: the remaining results of a championship, and who can still win it.

Rules:

- the remaining results are the races of the calendar that were not scored yet, and their
  qualifying where the pack scores it. A round that names its classes counts for these only, a
  cancelled one for none;
- a running session is the last thing known: later results are ignored, and its cars in their
  current state are the field. Retired and finished cars pass no other. Otherwise, and as long
  as no car of the class was timed, the field is open, and any contender may take part or not;
- where the pack scores every car that started, a started car is certain to score; otherwise
  only a car certain of its distance is. A driver short of the minimum time at the wheel may
  score nothing although the car does, where the pack says so; drivers of later rounds are
  assumed to drive long enough;
- a contender scores with all its cars, closed-up makes with one place each;
- a contender that cannot reach the leader's current points is out, and no rival.

Exact for one remaining result; for several see `with_rounds_left`. Where rounds may be dropped,
bonus points are given or the cars of a contender add up, `title_bounds` has what is certain, and
the title's ``note`` says so. Where the next race may still be cut short, a contender is clinched
or out only if it is so on every scale that may apply. Not covered: retired cars that return.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

from events import AnyEvent, Contest, RoundScored, ScoredRow
from projections.championship.clinch import (
    Contender,
    NextClinch,
    Outlook,
    Round,
    TitleStanding,
    TitleStatus,
    clinched_in_next,
    outlooks,
    with_rounds_left,
)
from projections.championship.reachable_places import Car, OnTrack, RaceField, field_now, open_field
from projections.championship.scoring import rounds_now
from projections.championship.season import Season, Total, ranked
from projections.championship.title_bounds import BoundedResult, title_bounds
from projections.race import Race
from projections.results.classification import NOT_SERVED, Classified, Convention, classify
from projections.results.points import eligible, entrant, exact, tidy
from projections.results.provisional import adjustments, percent_so_far, rounds_scored
from projections.results.scheduled_length import scheduled_length
from projections.rules.packs import EntrantRules, Number, RegulationPack, RuleScope, Scale
from projections.timeline import Timeline

MOVED = ("back_of_class", "places")
"""Penalties after which a car does not stand where its laps and time put it."""

WON = ("clinched", "clinched_share")


class LiveRound(NamedTuple):
    """A running session as a round of the season: its race and classification."""

    race: Race
    rows: Sequence[Classified]
    number: int


class RemainingResult(NamedTuple):
    """A remaining result: a race of a round, or its qualifying."""

    round: int
    part: str
    race: int = 1

    @property
    def order(self) -> tuple[int, int, bool]:
        """The sort key: qualifying before its race."""
        return self.round, self.race, self.part == "race"


class TitleContender(NamedTuple):
    """A contender, or several that cannot be separated, with its status.

    ``outlook`` is set while one result is left and the leader can still be reached; ``most``
    are the most points it can end with. With several results left ``next_clinch`` is the
    outcome that clinches in the next one, None if it cannot clinch there. ``least`` are the
    points it is sure of where these are bounds.
    """

    names: tuple[str, ...]
    points: Number
    most: Number
    status: TitleStatus | TitleStanding
    outlook: Outlook | None
    next_clinch: NextClinch | None = None
    least: Number | None = None


class Title(NamedTuple):
    """A championship of one class: its remaining results, and its contenders, best first.

    ``bounded_by`` are the rules because of which its figures are bounds; ``note`` says what
    limits them, or that a shortened race is scored otherwise.
    """

    of: Contest
    car_class: str
    left: tuple[RemainingResult, ...]
    contenders: tuple[TitleContender, ...]
    bounded_by: tuple[str, ...] = ()
    note: str | None = None


def title(
    season: Season,
    of: Contest,
    car_class: str,
    live: LiveRound | None = None,
    after_round: int | None = None,
) -> Title:
    """Return who can still win a title, given the season and a running session.

    Without ``live``, ``after_round`` limits the season to earlier rounds. Raises UnknownClass
    for a class that the season does not have.
    """
    known, running = _known(season, live, after_round)
    left = _left(known, car_class, running)
    if not known.pack.points.contested(of, car_class):
        return Title(of, car_class, left, ())
    totals = known.totals(of=of, car_class=car_class)
    fight = _TitleFight(known, of, car_class, running)
    stages = [fight.stage(one) for one in left]
    if not stages:
        return Title(of, car_class, (), _decided(totals, known))
    packs = [season.pack, *(season.pack_of(one.round) for one in left)]
    bounded_by = tuple(dict.fromkeys(chain(*(_inexact_rules(pack, of) for pack in packs))))
    if bounded_by:
        contenders = fight.bounded(totals, left, stages)
        return Title(of, car_class, left, contenders, bounded_by, _bounds_note(bounded_by))
    note = _reduced_note(season.pack_of(left[0].round)) if len(stages[0].variants) > 1 else None
    return Title(of, car_class, left, fight.contenders(totals, stages), (), note)


class TitleDecision(NamedTuple):
    """The decision of a title: session time (ms), the title then, and the events of that time."""

    at: int
    title: Title
    events: tuple[AnyEvent, ...]


def decided(
    season: Season, of: Contest, car_class: str, timeline: Timeline, number: int
) -> TitleDecision | None:
    """Return the first time of a session at which a contender was champion, alone or sharing.

    None if the session did not decide the title. Found by bisection, as a champion stays
    champion unless a retired car returns. Costs O(log n) times a fold to that time and a
    `title`.
    """
    times = list(dict.fromkeys(event.at for event in timeline.events))

    def standing(index: int) -> Title:
        race = timeline.race_at(times[index])
        rows = classify(race, Convention.of(season.pack_of(number)))
        return title(season, of, car_class, LiveRound(race, rows, number))

    def is_won(index: int) -> bool:
        return any(one.status in WON for one in standing(index).contenders)

    if not times or not is_won(len(times) - 1):
        return None
    first = bisect_left(range(len(times)), True, key=is_won)
    at = times[first]
    happened = tuple(event for event in timeline.events if event.at == at)
    return TitleDecision(at, standing(first), happened)


def _inexact_rules(pack: RegulationPack, of: Contest) -> tuple[str, ...]:
    """Return the keys of the rules under which only bounds are known."""
    points = pack.points
    adds_up = of != "drivers" and not _entrants(pack, of).best_only
    found = {
        "points.drops": bool(points.drops),
        "points.best": points.best is not None,
        "points.parts": bool(points.parts),
        "points.fastest_lap": points.fastest_lap is not None,
        "points.most_laps_led": points.most_laps_led is not None,
        f"points.{of}.best_only": adds_up,
    }
    return tuple(rule for rule, applies in found.items() if applies)


def _bounds_note(rules: Sequence[str]) -> str:
    return (
        f"bounds, because of {', '.join(rules)}: champion and out are certain, what is open may "
        "be decided all the same"
    )


def _reduced_note(pack: RegulationPack) -> str:
    below = max(tier.below_percent for tier in pack.points.reduced)
    return (
        f"champion and out hold for a shortened race, too; the results needed are for one of which "
        f"{below} % is run, as its points are reduced otherwise"
    )


def _entrants(pack: RegulationPack, of: Contest) -> EntrantRules:
    return pack.points.teams if of == "teams" else pack.points.manufacturers


# -- Known and remaining results -----------------------------------------------------------


def _known(
    season: Season, live: LiveRound | None, after_round: int | None
) -> tuple[Season, LiveRound | None]:
    """Return the season as known, and the session unless it is over and part of the season."""
    if live is None or live.race.session.opened.kind == "practice":
        upto = season.last_round if after_round is None else after_round
        return season.known(lambda result: result.round <= upto), None
    this = _this(season, live)
    known = season.known(
        lambda result: (result.round, result.race, result.part == "race") < this.order
    )
    scored = rounds_now(season, live.race, live.rows, live.number)
    known = known.with_adjusted(adjustments(live.race, scored, season.pack))
    if live.race.session.ended_at is not None:
        return known.with_scored(scored), None
    return known, live


def _this(season: Season, live: LiveRound) -> RemainingResult:
    """The result that a running session is: of several races the first without a result."""
    return RemainingResult(live.number, _part(live), season.next_race(live.number, _part(live)))


def _part(live: LiveRound) -> str:
    return "qualifying" if live.race.session.opened.kind == "qualifying" else "race"


def _left(known: Season, car_class: str, live: LiveRound | None) -> tuple[RemainingResult, ...]:
    """Return the remaining results of a class, in order."""
    run = {(result.round, result.part, result.race) for result in known.scored}
    left = []
    for one in known.rounds:
        number = one.number
        for race in range(1, one.races + 1):
            if (number, "race", race) in run or not one.is_run_by(car_class):
                continue
            if known.pack_of(number).points.qualifying and (number, "qualifying", race) not in run:
                left.append(RemainingResult(number, "qualifying", race))
            left.append(RemainingResult(number, "race", race))
    if live is not None:
        this = _this(known, live)
        left = [one for one in left if one.order >= this.order]
    return tuple(left)


def _decided(totals: Sequence[Total], season: Season) -> tuple[TitleContender, ...]:
    """Return the contenders at the end of a season: the first has won, or several share."""
    table = ranked(totals, season.pack.ties)
    first = [one.total for one in table if one.rank == 1]
    if not first:
        return ()
    names, points = tuple(total.name for total in first), first[0].points
    won: TitleStatus = "clinched_share" if len(first) > 1 else "clinched"
    return (
        TitleContender(names, points, points, won, None),
        *(
            TitleContender((one.total.name,), one.total.points, one.total.points, "out", None)
            for one in table
            if one.rank > 1
        ),
    )


# -- One title -----------------------------------------------------------------------------


class _Stage(NamedTuple):
    """A remaining result, the most points that it awards, and the scales that may apply."""

    round: Round
    most: Number
    variants: tuple[tuple[Number, ...], ...]


class _TitleFight:
    """One championship of one class, with the cars of its contenders."""

    def __init__(self, season: Season, of: Contest, car_class: str, live: LiveRound | None) -> None:
        self._season = season
        self._pack = season.pack_of(live.number) if live else season.pack
        self._of = of
        self._class = car_class
        self._live = live
        self._series = season.opened.series if season.opened else None
        self._closed_up = of != "drivers" and _entrants(self._pack, of).closed_up
        self._cars: dict[str, list[str]] = {}
        self._largest = 0
        self._collect_cars()
        self._here: list[ScoredRow] = []
        self._begun = False
        if live is not None:
            self._enter(live)

    def _collect_cars(self) -> None:
        """Collect the cars with which each contender scored last in the season."""
        for result in sorted(self._season.scored, key=lambda one: (one.round, one.part == "race")):
            if result.car_class == self._class and result.segment is None:
                cars = self._cars_of(self._rows(self._season.scored[result]))
                self._largest = max(self._largest, len({*chain.from_iterable(cars.values())}))
                self._cars.update(cars)

    def _enter(self, live: LiveRound) -> None:
        """Add the cars of a running session; once begun, other contenders are absent."""
        for scored in rounds_scored(live.race, live.rows, live.number, self._pack):
            if scored.car_class == self._class:
                self._here = self._rows(scored)
        self._begun = any(row.car in live.race.order.passings for row in self._here)
        entered = self._cars_of(self._here)
        others = {name: cars for name, cars in self._cars.items() if name not in entered}
        if self._begun:
            others = {name: [f"absent {name}"] for name in others}
        self._cars = {**others, **entered}

    def _rows(self, scored: RoundScored) -> list[ScoredRow]:
        """The rows that take places in this contest."""
        rows = map(self._season.named, scored.rows)
        if self._pack.points.ineligible == "keep_place":
            return list(rows)
        return [row for row in rows if eligible(row, self._of, self._series)]

    def _cars_of(self, rows: Iterable[ScoredRow]) -> dict[str, list[str]]:
        """By contender the cars that score for it; a make that is closed up is its own."""
        cars: dict[str, list[str]] = {}
        for row in rows:
            if eligible(row, self._of, self._series):
                for name in self._names(row):
                    cars.setdefault(name, []).append(name if self._closed_up else _unit(row))
        return {name: list(dict.fromkeys(units)) for name, units in cars.items()}

    def _names(self, row: ScoredRow) -> list[str]:
        if self._of == "drivers":
            return [driver.name for driver in row.drivers]
        name = entrant(_entrants(self._pack, self._of), row)
        return [] if name is None else [name]

    # Stages

    def stage(self, left: RemainingResult) -> _Stage:
        """Return a remaining result as a race between cars."""
        live = self._live
        if live is None or not self._begun or left != _this(self._season, live):
            field = self._open_field()
        elif left.part == "qualifying":
            units = self._units_here()
            field = self._with_absent(open_field(units, len(units), may_miss=True))
        else:
            field = self._with_absent(self._field_now(live))
        variants = self._variants(left, field.places)
        return _Stage(Round(field, variants[0]), max(variants[0], default=0), variants)

    def _variants(self, left: RemainingResult, places: int) -> tuple[tuple[Number, ...], ...]:
        """The points by place on each scale that may apply, the fullest first."""
        scale, pack = self._scale(left), self._season.pack_of(left.round)
        rules = pack.points
        full = tuple(scale.at(place) for place in range(1, places + 1))
        if left.part != "race" or not rules.reduced:
            return (full,)
        live, percent = self._live, None
        if live is not None and left == _this(self._season, live):
            laps, length = self._winner_laps(live), self._season.time_limit(left.round)
            percent = percent_so_far(live.race, laps, pack, length)
        reduced = []
        for tier in rules.reductions(scale.name):
            if percent is None or percent < tier.below_percent:
                named, factor = rules.scale_named(tier.scale or scale.name) or scale, tier.factor
                worths = (exact(named.at(place)) * exact(factor) for place in range(1, places + 1))
                reduced.append(tuple(map(tidy, worths)))
        return (full, *reduced)

    def _open_field(self) -> RaceField:
        units = dict.fromkeys(chain.from_iterable(self._cars.values()))
        places = max(len(units), len(self._units_here()), self._largest)
        return open_field(units, places, may_miss=True)

    def _units_here(self) -> list[str]:
        if not self._closed_up:
            return [_unit(row) for row in self._here]
        return list(dict.fromkeys(name for row in self._here for name in self._names(row)))

    def _with_absent(self, field: RaceField) -> RaceField:
        """The field, and the cars of all contenders who are not in it, without a place."""
        units = dict.fromkeys(chain.from_iterable(self._cars.values()))
        absent = [Car(unit, worst=0, may_miss=True) for unit in units if unit not in field.index]
        return RaceField([*field.cars, *absent], field.places)

    def _scale(self, left: RemainingResult) -> Scale:
        points = self._season.pack_of(left.round).points
        if left.part == "qualifying":
            scale = points.qualifying
            if scale is None:
                raise AssertionError("qualifying that is not scored is not left")
            return scale
        named = self._season.round(left.round).scale(left.race)
        if named is not None and (scale := points.scale_named(named)) is not None:
            return scale
        return points.scale(self._where(left.round))

    def _where(self, number: int) -> RuleScope:
        limit = self._season.time_limit(number)
        if limit is None and self._live is not None:
            limit = scheduled_length(self._live.race).ms
        return RuleScope(number, self._class, limit)

    # The field of a race that runs

    def _field_now(self, live: LiveRound) -> RaceField:
        rows = {row.car: row for row in live.rows}
        racing: dict[str, list[OnTrack]] = {}
        for one in self._here:
            if one.car is None:
                continue
            on_track = self._on_track(live, rows[one.car])
            if on_track is not None:
                units = self._names(one) if self._closed_up else [_unit(one)]
                for unit in units:
                    racing.setdefault(unit, []).append(on_track)
        return field_now([_furthest(unit, cars) for unit, cars in racing.items()])

    def _on_track(self, live: LiveRound, row: Classified) -> OnTrack | None:
        """Return a car's progress; None if it can no longer score."""
        order, rules = live.race.order, self._pack.points
        settled = row.car in order.retired or row.car in order.finished
        needed = rules.required_laps(self._winner_laps(live), self._class)
        if row.status == "disqualified" or (settled and row.laps < needed):
            return None
        if row.car in order.retired and "retired" not in rules.statuses:
            return None
        if _moved(live.race, row.car):
            return OnTrack(row.car, -1, 0, settled=False, may_miss=True)
        scores = {"classified", "not_classified", "retired"} <= {*rules.statuses}
        share = rules.minimum_distance_in.get(self._class, rules.minimum_distance)
        sure = row.laps >= needed if self._won(live) else not share
        return OnTrack(
            row.car,
            row.laps,
            row.total_ms or 0,
            settled,
            may_miss=row.car not in order.passings or not (sure and (scores or settled)),
        )

    def _winner_laps(self, live: LiveRound) -> int:
        """The laps so far of the car whose distance is the measure."""
        by_class = self._pack.points.reference == "class"
        rows = (row for row in live.rows if not by_class or row.car_class == self._class)
        return max((row.laps for row in rows), default=0)

    def _won(self, live: LiveRound) -> bool:
        """Whether the winner's distance is final: the flag is out, and the first has taken it."""
        by_class = self._pack.points.reference == "class"
        rows = [row for row in live.rows if not by_class or row.car_class == self._class]
        return bool(rows) and rows[0].car in live.race.order.finished

    # Contenders

    def contenders(
        self, totals: Sequence[Total], stages: Sequence[_Stage]
    ) -> tuple[TitleContender, ...]:
        """Return the contenders with their status, best first."""
        have = {total.name: total for total in totals}
        for name in self._cars:
            have.setdefault(name, Total(name, name, None, self._class, 0, (), (), ()))
        first = max((total.points for total in have.values()), default=0)
        more = tidy(sum(stage.most for stage in stages))
        by_points = sorted(have.values(), key=lambda total: -total.points)
        near = [total for total in by_points if total.points + more >= first]
        near += by_points[len(near) : len(near) + 1]  # the best of the others gives the reason
        candidates = [self._contender(total) for total in near]
        countback = self._season.pack.ties.countback
        ways = [
            [stages[0].round._replace(scale=points), *(stage.round for stage in stages[1:])]
            for points in stages[0].variants
        ]
        if len(stages) == 1:
            contenders = self._in_deciding_race(candidates, ways, countback)
        else:
            contenders = self._with_several_left(candidates, ways, more, countback)
        listed_names = {name for listed in contenders for name in listed.names}
        contenders += [
            TitleContender((total.name,), total.points, tidy(total.points + more), "out", None)
            for total in have.values()
            if total.name not in listed_names
        ]
        return tuple(sorted(contenders, key=lambda one: (-one.points, one.names)))

    def _in_deciding_race(
        self, candidates: Sequence[Contender], ways: Sequence[Sequence[Round]], countback: bool
    ) -> list[TitleContender]:
        """The contenders before the last result, scored in one of several ways."""
        usual, *others = [outlooks(candidates, rounds[0], countback) for rounds in ways]
        points = {one.name: one.points for one in candidates}
        found = []
        for index, outlook in enumerate(usual):
            same = {one[index].status for one in others} <= {outlook.status}
            sure = same or outlook.status in ("alive", "alive_share")
            found.append(
                TitleContender(
                    outlook.names,
                    points[outlook.names[0]],
                    outlook.most,
                    outlook.status if sure else "open",
                    outlook if sure else None,
                )
            )
        return found

    def _with_several_left(
        self,
        candidates: Sequence[Contender],
        ways: Sequence[Sequence[Round]],
        more: Number,
        countback: bool,
    ) -> list[TitleContender]:
        """The contenders with several results left, the next scored in one of several ways."""
        standings = [with_rounds_left(candidates, rounds, countback) for rounds in ways]
        soon = [clinched_in_next(candidates, rounds, countback) for rounds in ways]
        found = []
        for name, points, *_ in candidates:
            statuses = {one[name] for one in standings}
            status: TitleStanding = statuses.pop() if len(statuses) == 1 else "open"
            clinching = [one.get(name) for one in soon] if status == "open" else []
            found.append(
                TitleContender(
                    (name,), points, tidy(points + more), status, None, _strictest(clinching)
                )
            )
        return found

    def bounded(
        self,
        totals: Sequence[Total],
        left: Sequence[RemainingResult],
        stages: Sequence[_Stage],
    ) -> tuple[TitleContender, ...]:
        """Return the contenders with bounds on their points, best first."""
        have = {total.name: total for total in totals}
        for name in self._cars:
            have.setdefault(name, Total(name, name, None, self._class, 0, (), (), ()))
        adds_up = self._of != "drivers" and not _entrants(self._pack, self._of).best_only
        results = [
            BoundedResult(
                one.round, stage.round.field, stage.variants, self._bonus(one, adds_up), adds_up
            )
            for one, stage in zip(left, stages, strict=True)
        ]
        found = title_bounds(
            [self._contender(total) for total in have.values()],
            results,
            self._season.prospects(self._of, self._class),
            countback=self._season.pack.ties.countback,
            drops=self._season.pack.points.has_drops,
        )
        contenders = (
            TitleContender((name,), have[name].points, most, standing, None, next_clinch, least)
            for name, (least, most, standing, next_clinch) in found.items()
        )
        return tuple(sorted(contenders, key=lambda one: (-one.points, one.names)))

    def _bonus(self, left: RemainingResult, adds_up: bool) -> Number:
        """The most points that a contender can get beside those for its places."""
        points = self._season.pack_of(left.round).points
        fastest, led = points.fastest_lap, points.most_laps_led
        if left.part != "race":
            return 0
        cars = max(map(len, self._cars.values()), default=1) if adds_up else 1
        laps = fastest.points * (cars if fastest.shared else 1) if fastest else 0
        return laps + (led.points if led else 0)

    def _contender(self, total: Total) -> Contender:
        cars = tuple(self._cars.get(total.name, ()))
        return Contender(
            total.name, total.points, cars, total.finishes, self._may_forfeit(total.name, cars)
        )

    def _may_forfeit(self, name: str, cars: Sequence[str]) -> bool:
        """Whether a driver of a live race may yet be short of the minimum at the wheel."""
        live, rules = self._live, self._pack.drive_time
        if self._of != "drivers" or live is None or rules.consequence != "no_driver_points":
            return False
        minimum = rules.limits_at(self._where(live.number)).minimum_s or 0
        for row in self._here:
            if row.car is None or _unit(row) not in cars:
                continue
            driven = {
                self._season.name("drivers", one.driver): one.ms
                for one in live.race.drivers.drive_time(row.car, live.race.at).values()
            }
            if driven and driven.get(name, 0) < minimum * 1000:
                return True
        return False


def _strictest(found: Sequence[NextClinch | None]) -> NextClinch | None:
    """Return the best of these outcomes, which clinches in each way; None if one has none."""
    clinching = [one for one in found if one is not None]
    if not clinching or len(clinching) < len(found):
        return None
    return min(clinching, key=lambda one: inf if one.outcome == "no_score" else one.outcome)


def _unit(row: ScoredRow) -> str:
    """Return the identifier of the unit that takes a place: ``#7``, or team and crew."""
    if row.car is not None:
        return f"#{row.car}"
    return "/".join(filter(None, (row.team, *(driver.name for driver in row.drivers))))


def _moved(race: Race, car: str) -> bool:
    return any(
        penalty.car == car and penalty.kind in MOVED and penalty.status in NOT_SERVED
        for penalty in race.stewards.penalties.values()
    )


def _furthest(unit: str, cars: Sequence[OnTrack]) -> OnTrack:
    """Combine several cars into one: the furthest, settled when all are."""
    first = max(cars, key=lambda car: (car.laps, -car.at))
    return OnTrack(
        unit,
        first.laps,
        first.at,
        all(car.settled for car in cars),
        all(car.may_miss for car in cars),
    )
