"""A season: its scored results, and the championship standings.

Rules:

- a contender's points are the sum over the rounds without those that the pack drops, plus the
  adjustments by decision. A round that the class does not run, or that was cancelled, is no
  round to drop; a round that a contender missed is;
- a later result replaces an earlier one of the same round, race, part, segment and class. The
  points of a round are those of all its races and their qualifying;
- a session scores once: while it is scored as one round, or race of a round, its results as
  another are ignored, and listed as such;
- equal points share the rank; where the pack counts back, most race wins go first, then most
  second places, third places and so on;
- each class, and drivers, teams and manufacturers, are separate championships: a driver who
  changes class is a new contender there. Whoever took part in a result is in its table, with or
  without a scored place; a guest is not, nor is a car that did not start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from events import (
    AnyEvent,
    Contest,
    Correction,
    PointsAdjusted,
    RoundAmended,
    RoundScored,
    RulesSwitched,
    ScoredDriver,
    ScoredRow,
    SeasonOpened,
    SeasonRound,
)
from events.errors import UnknownClass
from projections.engine.corrections import CORRECTIONS, Corrections, effective_key
from projections.results.points import Award, entrant, score
from projections.results.points import total as total_of
from projections.results.scheduled_length import depends_on_length
from projections.rules.packs import Number, PointsRules, RegulationPack, TieRules, builtin_pack

Row = dict[str, Any]


class Result(NamedTuple):
    """The key of a result: round, part, segment (None: not of a cup), class, race of the round."""

    round: int
    part: str
    segment: int | None
    car_class: str
    race: int = 1

    @classmethod
    def of(cls, scored: RoundScored) -> Result:
        """Return the key of a result."""
        return cls(scored.round, scored.part, scored.segment, scored.car_class, scored.race or 1)


class Total(NamedTuple):
    """A contender's total. ``finishes`` counts its wins, second places, ... in races.

    ``name`` identifies the contender, ``printed_name`` is for display; ``car`` is the last car
    that scored for it, else the last that it drove. ``by_round`` has the points from round 1 on,
    None where no place was scored; ``dropped`` are the rounds whose points do not count.
    """

    name: str
    printed_name: str
    car: str | None
    car_class: str
    points: Number
    finishes: tuple[int, ...]
    by_round: tuple[Number | None, ...]
    dropped: tuple[int, ...]


class Ranked(NamedTuple):
    """A contender's total with its rank; ``tied`` if the rank is shared."""

    rank: int
    tied: bool
    total: Total


class CalendarRound(NamedTuple):
    """A round of the calendar as amended."""

    number: int
    planned: SeasonRound
    cancelled: bool

    @property
    def races(self) -> int:
        """How many races it has."""
        return len(self.planned.races) or 1

    def scale(self, race: int) -> str | None:
        """The name of the scale of one of several races; None for the usual one."""
        return self.planned.races[race - 1] if race <= len(self.planned.races) else None

    def is_run_by(self, car_class: str) -> bool:
        """Whether a race of the class counts in it: it is not cancelled, and the class runs."""
        return not self.cancelled and (
            not self.planned.classes or car_class in self.planned.classes
        )


@dataclass(slots=True)
class Season:
    """The fold of a season's own log, under the pack that it names or another.

    ``apply`` folds SeasonOpened, RoundAmended, RoundScored, RulesSwitched and PointsAdjusted in
    effective order and ignores other events. Queries raise UnknownRules if the season names a
    pack that is not built in and no other was given.
    """

    other_pack: RegulationPack | None = None
    opened: SeasonOpened | None = None
    scored: dict[Result, RoundScored] = field(default_factory=dict)
    adjusted: list[PointsAdjusted] = field(default_factory=list)
    amended: list[RoundAmended] = field(default_factory=list)
    ignored: list[RoundScored] = field(default_factory=list)
    """Results of sessions that were scored as another round."""
    switched: list[RulesSwitched] = field(default_factory=list)
    _awards: dict[Result, list[Award]] = field(default_factory=dict, repr=False)

    def apply(self, event: AnyEvent) -> None:
        """Fold one event."""
        match event:
            case SeasonOpened():
                self.opened = event
                self._awards.clear()
            case RoundScored():
                self._score(event)
            case PointsAdjusted():
                self.adjusted.append(event)
            case RoundAmended():
                self.amended.append(event)
                self._awards.clear()
            case RulesSwitched():
                self.switched.append(event)
                self._awards.clear()
            case _:
                pass

    def _score(self, event: RoundScored) -> None:
        result = Result.of(event)
        if any(where != (result.round, result.race) for where in self.scored_as(event.session)):
            self.ignored.append(event)
            return
        self.scored[result] = event
        self._awards.pop(result, None)

    def scored_as(self, session: str | None) -> Iterator[tuple[int, int]]:
        """The round, and the race of it, of each result that is scored from a session."""
        if session is not None:
            for result, one in self.scored.items():
                if one.session == session:
                    yield result.round, result.race

    def with_switches(self, switches: Iterable[RulesSwitched]) -> Season:
        """Return the season under these switches of its rules alone, scored anew."""
        season = self.with_scored(())
        season.switched = list(switches)
        season._awards.clear()
        return season

    def without_session(self, session: str) -> Season:
        """Return the season without the results that are scored from a session."""
        return self.known(lambda result: self.scored[result].session != session)

    def under(self, pack: RegulationPack) -> Season:
        """Return the same season scored under another pack."""
        return Season(
            pack,
            self.opened,
            dict(self.scored),
            list(self.adjusted),
            list(self.amended),
            list(self.ignored),
            list(self.switched),
        )

    def with_scored(self, events: Iterable[RoundScored]) -> Season:
        """Return the season with additional results, such as those of a running race."""
        season = Season(
            self.other_pack,
            self.opened,
            dict(self.scored),
            list(self.adjusted),
            list(self.amended),
            list(self.ignored),
            list(self.switched),
            dict(self._awards),
        )
        for event in events:
            season.apply(event)
        return season

    def with_adjusted(self, events: Iterable[PointsAdjusted]) -> Season:
        """Return the season with additional adjustments, such as those of a running race."""
        season = self.with_scored(())
        season.adjusted += events
        return season

    def known(self, counts: Callable[[Result], bool]) -> Season:
        """Return the season with only the results for which ``counts`` is true."""
        season = self.with_scored(())
        season.scored = {key: event for key, event in self.scored.items() if counts(key)}
        return season

    @property
    def pack(self) -> RegulationPack:
        """The rules of the season as a whole: of several, those switched to last."""
        return self._pack_by(self.switched)

    def pack_of(self, number: int) -> RegulationPack:
        """Return the rules that a round is scored under."""
        return self._pack_by([one for one in self.switched if (one.from_round or 0) <= number])

    def _pack_by(self, switched: Sequence[RulesSwitched]) -> RegulationPack:
        if self.other_pack is not None:
            return self.other_pack
        if switched:
            return builtin_pack(switched[-1].rules)
        return builtin_pack(self.opened.rules if self.opened else "")

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the season's order, then any others that were scored."""
        named = self.opened.classes if self.opened else ()
        return tuple(dict.fromkeys([*named, *(result.car_class for result in self.scored)]))

    @property
    def rounds(self) -> tuple[CalendarRound, ...]:
        """The calendar as amended; ``rounds[0]`` is round 1."""
        planned = self.opened.rounds if self.opened else ()
        rounds = [CalendarRound(number, one, False) for number, one in enumerate(planned, start=1)]
        for event in self.amended:
            if event.round == len(rounds) + 1 and event.name is not None:
                rounds.append(CalendarRound(event.round, SeasonRound(name=event.name), False))
            if event.round <= len(rounds):
                rounds[event.round - 1] = _amend(rounds[event.round - 1], event)
        return tuple(rounds)

    @property
    def last_round(self) -> int:
        """The last round of which anything was scored; 0 before the first."""
        return max((result.round for result in self.scored), default=0)

    def runs(self, car_class: str, number: int) -> bool:
        """Whether a class of the season runs in a round, as far as the calendar says."""
        planned = self.round(number).planned.classes
        named = self.opened.classes if self.opened else ()
        return (not named or car_class in named) and (not planned or car_class in planned)

    def round(self, number: int) -> CalendarRound:
        """Return a round of the calendar; one beyond it is nameless."""
        rounds = self.rounds
        if number <= len(rounds):
            return rounds[number - 1]
        return CalendarRound(number, SeasonRound(name=f"round {number}"), False)

    def next_race(self, number: int, part: str) -> int:
        """Return the first race of a round without a result (of its qualifying); else the last."""
        races = self.round(number).races
        run = {one.race for one in self.scored if (one.round, one.part) == (number, part)}
        return next((race for race in range(1, races) if race not in run), races)

    # Awards and names

    def awards(self, result: Result) -> list[Award]:
        """Return all awards of one result."""
        if result not in self._awards:
            scored = self.scored[result]
            self._awards[result] = score(
                self.pack_of(result.round),
                scored.model_copy(update={"rows": tuple(map(self.named, scored.rows))}),
                series=self.opened.series if self.opened else None,
                time_limit_ms=self.time_limit(result.round) or scored.time_limit_ms,
            )
        return self._awards[result]

    def name(self, of: Contest, name: str) -> str:
        """Resolve an alias of this season."""
        for alias in self.opened.aliases if self.opened else ():
            if alias.of == of and alias.name == name:
                return alias.means
        return name

    def entered(self, of: Contest, car_class: str | None = None) -> set[str]:
        """Return the names entered in a result of the class or of any, whatever they scored."""
        return self.names_of(
            of,
            (
                row
                for result, scored in self.scored.items()
                if car_class in (None, result.car_class)
                for row in scored.rows
            ),
        )

    def names_of(self, of: Contest, rows: Iterable[ScoredRow]) -> set[str]:
        """Return the names for which these rows score, aliases resolved."""
        rules = self.pack.points.teams if of == "teams" else self.pack.points.manufacturers
        if of == "drivers":
            return {driver.name for row in rows for driver in self.named(row).drivers}
        names = (entrant(rules, self.named(row)) for row in rows)
        return {name for name in names if name is not None}

    def named(self, row: ScoredRow) -> ScoredRow:
        """Return the row with all aliases resolved."""
        drivers = tuple(
            ScoredDriver(name=self.name("drivers", driver.name), drive_ms=driver.drive_ms)
            for driver in row.drivers
        )
        return row.model_copy(
            update={
                "drivers": drivers,
                "team": self.name("teams", row.team) if row.team else None,
                "manufacturer": self.name("manufacturers", row.manufacturer)
                if row.manufacturer
                else None,
            }
        )

    def time_limit(self, number: int) -> int | None:
        """Return the scheduled length of a round in ms, if known."""
        return self.round(number).planned.time_limit_ms

    # Standings

    def totals(
        self,
        *,
        of: Contest,
        car_class: str,
        after_round: int | None = None,
        cup: str | None = None,
    ) -> list[Total]:
        """Return the totals of all contenders of one championship, by name.

        Raises UnknownClass for a class that the season does not have.
        """
        if car_class not in self.classes:
            raise UnknownClass(car_class, self.classes, "season")
        until = self.last_round if after_round is None else after_round
        sheets = self._sheets(of, car_class, until, cup)
        drops = _Drops(self.pack.points, self._rounds_run(car_class), until)
        return [sheets[name].total(name, car_class, until, drops) for name in sorted(sheets)]

    def prospects(self, of: Contest, car_class: str) -> Prospects:
        """Return what contenders have at the end of the season, given the points to come."""
        last = max(self.last_round, len(self.rounds))
        drops = _Drops(self.pack.points, self._rounds_run(car_class), last)
        return Prospects(self._sheets(of, car_class, self.last_round, None), drops)

    def _sheets(
        self, of: Contest, car_class: str, until: int, cup: str | None
    ) -> dict[str, _Sheet]:
        sheets: dict[str, _Sheet] = {}
        for result, award in self._won(of, car_class, until, cup):
            sheets.setdefault(award.name, _Sheet()).add(result, award)
        if cup is None:
            self._adjust(sheets, of, car_class, until)
        return sheets

    def _rounds_run(self, car_class: str) -> frozenset[int]:
        """The rounds that count for a class: those of the calendar, and any others scored."""
        planned = {one.number for one in self.rounds if one.is_run_by(car_class)}
        scored = {result.round for result in self.scored if result.car_class == car_class}
        return frozenset(planned | scored)

    def length_note(self, left: Iterable[int] = ()) -> str | None:
        """Return which races count as short ones, as their scheduled length is unknown.

        ``left`` are the rounds still to be run that matter as well.
        """
        if not depends_on_length(self.pack):
            return None
        races = {
            result.round
            for result, scored in self.scored.items()
            if result.part == "race" and scored.time_limit_ms is None
        }
        races |= {*left}
        numbers = sorted(number for number in races if self.time_limit(number) is None)
        if not numbers:
            return None
        which = f"round{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
        return (
            f"points of {self.pack.name} depend on the scheduled length of a race, unknown of "
            f"{which}: these are as for a short one; give the length with the rounds"
        )

    def standings(
        self,
        *,
        of: Contest = "drivers",
        car_class: str | None = None,
        after_round: int | None = None,
        cup: str | None = None,
    ) -> list[Row]:
        """Return rows ``{rank, tied, name, car, class, points, by_round, dropped}``, best first.

        ``by_round`` lists the points from round 1 on, None where no place was scored;
        ``dropped`` the rounds of these that do not count. Without ``car_class`` all classes are
        listed in turn, each with its own ranks.
        """
        classes = self.classes if car_class is None else (car_class,)
        note = self.length_note()
        return [
            {
                "rank": one.rank,
                "tied": one.tied,
                "name": one.total.printed_name,
                "car": one.total.car,
                "class": name,
                "points": one.total.points,
                "by_round": list(one.total.by_round),
                "dropped": list(one.total.dropped),
                "length_note": note,
            }
            for name in classes
            for one in ranked(
                self.totals(of=of, car_class=name, after_round=after_round, cup=cup),
                self.pack.ties,
            )
        ]

    def _won(
        self, of: Contest, car_class: str, until: int, cup: str | None
    ) -> Iterator[tuple[Result, Award]]:
        for result in sorted(self.scored, key=_when):
            if result.car_class != car_class or result.round > until:
                continue
            for award in self.awards(result):
                if award.contest == of and award.cup == cup and award.took_part:
                    yield result, award

    def _adjust(self, sheets: dict[str, _Sheet], of: Contest, car_class: str, until: int) -> None:
        for event in self.adjusted:
            name = self.name(of, event.name)
            if not self._concerns(event, of, car_class) or (event.round or 0) > until:
                continue
            if event.car_class is not None or name in sheets:
                sheets.setdefault(name, _Sheet()).adjust(event)

    def _concerns(self, event: PointsAdjusted, of: Contest, car_class: str) -> bool:
        return event.championship == of and event.car_class in (None, car_class)


class _Sheet:
    """The points of one contender, round by round."""

    def __init__(self) -> None:
        self.printed_name: str | None = None
        self.car: str | None = None
        self.scored: dict[int, Number] = {}
        self.decided: dict[int | None, Number] = {}
        self.finishes: dict[int, int] = {}

    def add(self, result: Result, award: Award) -> None:
        """Add an award; without a place the contender has taken part, and no more."""
        if award.place is None:
            self.printed_name = self.printed_name or award.printed_name
            self.car = self.car or award.car
            return
        self.printed_name = award.printed_name
        self.car = award.car or self.car
        self.scored[result.round] = total_of((self.scored.get(result.round, 0), award.points))
        if result.part == "race" and result.segment is None:
            self.finishes[award.place] = self.finishes.get(award.place, 0) + 1

    def adjust(self, event: PointsAdjusted) -> None:
        """Add an adjustment, which is never dropped."""
        self.decided[event.round] = total_of((self.decided.get(event.round, 0), event.points))

    def total(self, name: str, car_class: str, until: int, drops: _Drops) -> Total:
        """Return the sum of the rounds that count and the adjustments."""
        dropped = drops.of(self.scored)
        counting = [points for number, points in self.scored.items() if number not in dropped]
        worst = max(self.finishes, default=0)
        return Total(
            name=name,
            printed_name=self.printed_name or name,
            car=self.car,
            car_class=car_class,
            points=total_of((*counting, *self.decided.values())),
            finishes=tuple(self.finishes.get(place, 0) for place in range(1, worst + 1)),
            by_round=tuple(self._of_round(number) for number in range(1, until + 1)),
            dropped=tuple(sorted(dropped)),
        )

    def _of_round(self, number: int) -> Number | None:
        if number not in self.scored and number not in self.decided:
            return None
        return total_of((self.scored.get(number, 0), self.decided.get(number, 0)))


class _Drops:
    """The rules by which results are dropped, for a class that runs certain rounds."""

    def __init__(self, rules: PointsRules, rounds: frozenset[int], until: int) -> None:
        self._must_count = {number for number in rounds & {*rules.must_count} if number <= until}
        self._groups = [(rounds.intersection(part.rounds), part.best) for part in rules.parts]
        if rules.drops:
            self._groups.append((rounds, max(0, len(rounds) - rules.drops)))
        if rules.best is not None:
            self._groups.append((rounds, rules.best))

    def of(self, scored: Mapping[int, Number]) -> set[int]:
        """Return the scored rounds that do not count: of equal ones the later.

        Rounds that must count take their share of the results that do, once they were run,
        also of a contender who missed them.
        """
        dropped: set[int] = set()
        for rounds, best in self._groups:
            left = best - len(rounds & self._must_count)
            free = (rounds & scored.keys()) - self._must_count - dropped
            best_first = sorted(free, key=lambda number: (-scored[number], number))
            dropped.update(best_first[max(0, left) :])
        return dropped


class Prospects:
    """Points at the end of a season, given those of the rounds that are left.

    More points in a round never make fewer at the end, whatever is dropped.
    """

    def __init__(self, sheets: Mapping[str, _Sheet], drops: _Drops) -> None:
        self._sheets = sheets
        self._drops = drops
        self._none = _Sheet()

    def final(self, name: str, more: Mapping[int, Number]) -> Number:
        """Return a contender's points at the end with so many more of each round."""
        sheet = self._sheets.get(name, self._none)
        scored = dict(sheet.scored)
        for number, points in more.items():
            scored[number] = total_of((scored.get(number, 0), points))
        dropped = self._drops.of(scored)
        counting = (points for number, points in scored.items() if number not in dropped)
        return total_of((*counting, *sheet.decided.values()))

    def so_far(self, name: str) -> tuple[object, ...]:
        """Return everything that a contender's end depends on, beside the results to come."""
        sheet = self._sheets.get(name, self._none)
        ordered = (sheet.scored, sheet.finishes)
        decided = total_of(sheet.decided.values())
        return (*(tuple(sorted(one.items())) for one in ordered), decided)


def _amend(round_: CalendarRound, event: RoundAmended) -> CalendarRound:
    names = ("name", "circuit", "date", "time_limit_ms", "classes", "races")
    changes = {name: value for name in names if (value := getattr(event, name)) is not None}
    cancelled = round_.cancelled if event.cancelled is None else event.cancelled
    planned = round_.planned.model_copy(update=changes)
    return CalendarRound(round_.number, planned, cancelled)


def ranked(totals: Iterable[Total], ties: TieRules) -> list[Ranked]:
    """Return the totals with their ranks, best first, equal ones by name."""

    def worth(total: Total) -> tuple[Number, tuple[int, ...]]:
        return total.points, total.finishes if ties.countback else ()

    by_name = sorted(totals, key=lambda total: total.printed_name)
    in_order = sorted(by_name, key=worth, reverse=True)
    worths = [worth(total) for total in in_order]
    places = list(dict.fromkeys(worths)) if ties.shared_rank == "dense" else worths
    return [
        Ranked(places.index(mine) + 1, worths.count(mine) > 1, total)
        for mine, total in zip(worths, in_order, strict=True)
    ]


def printed_rank(row: Row) -> str:
    """Format a rank: ``1=`` if shared, otherwise ``3``."""
    return f"{row['rank']}=" if row["tied"] else str(row["rank"])


def season_of(events: Iterable[AnyEvent], pack: RegulationPack | None = None) -> Season:
    """Fold a season's log: each event once, in effective order, without voided ones."""
    once = {event.identity: event for event in reversed(list(events))}
    corrections: list[Correction] = [
        event for event in once.values() if isinstance(event, CORRECTIONS)
    ]
    in_force = Corrections(corrections)
    season = Season(pack)
    for event in sorted(once.values(), key=effective_key):
        counts = None if isinstance(event, CORRECTIONS) else in_force.effective(event)
        if counts is not None:
            season.apply(counts)
    return season


def _when(result: Result) -> tuple[int, int, int, int]:
    """Return the sort key of a result: qualifying before the race, segments after it."""
    return result.round, result.race, int(result.part == "race"), result.segment or 0
