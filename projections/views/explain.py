"""Why a car is where it is: every figure with the events and the rule it rests on.

An explanation is a list of statements, each a sentence that could be read out on air,
with the identities of the events behind it and, where a rule decides, the rule. Nothing
is worked out here that the classification, the running order and the points do not use.

While a race runs, position and gaps are those on screen, and the result is what it would be
if the race ended there; from the flag on, position and gaps are those of the result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from events import (
    AnyEvent,
    CarRetired,
    CrossingsReassigned,
    EntryAdded,
    EntryAmended,
    EventVoided,
    FlagShown,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    LinePassed,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.clock import format_clock, format_lap_time
from events.errors import UnknownCar
from projections.engine.corrections import CORRECTIONS, Corrections, effective_key
from projections.folds.running_order import Gap, natural
from projections.folds.stewards import Penalty, as_imposed
from projections.race import Race
from projections.results.classification import (
    NOT_SERVED,
    Classified,
    Convention,
    classify,
    taken_back_to,
)
from projections.results.points import Why
from projections.results.provisional import (
    place_awards,
    points_taken,
    rounds_scored,
    session_awards,
)
from projections.rules.packs import RegulationPack
from projections.wording import ordinal, penalty_given, penalty_noun, plain

Identity = tuple[str, int]

BY_LINES = "laps completed, then lines crossed since, then the earlier crossing of that line"
BY_LAPS = "laps completed, then the time at the line when the last was completed"
BY_BEST_LAP = "the best lap, of equal ones the earlier"
TO_SERVE = ("drive_through", "stop_and_go", "stop_and_hold")
MOVING = frozenset({*TO_SERVE, "time", "laps", "places", "back_of_class", "disqualification"})
"""The kinds that can move a car in the result."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, what it is about, the events it rests on, and the rule if one decides.

    The rule is a key of the pack, or in words where it is the same in every pack.
    """

    about: str
    text: str
    events: tuple[Identity, ...] = ()
    rule: str | None = None


def explain(
    race: Race, events: Iterable[AnyEvent], car: str, pack: RegulationPack | None = None
) -> list[Statement]:
    """Why ``car`` has its place, its gaps, its result and, under a pack, its points.

    ``events`` are all that were recorded, corrections included, later ones too. Raises
    UnknownCar. Costs O(events), and a classification for each penalty of the car.
    """
    convention = Convention.of(pack)
    rows = classify(race, convention)
    row = next((one for one in rows if one.car == car), None)
    if row is None:
        return _not_listed(race, events, car)
    case = _Case(race, rows, row, convention, _Record(race, events, car))
    return [
        *case.position(),
        *case.gaps(),
        *case.status(),
        *case.penalties(),
        *case.penalties_of_others(),
        *case.best_lap(),
        *case.corrections(),
        *(case.points(pack) if pack else ()),
    ]


def _not_listed(race: Race, events: Iterable[AnyEvent], car: str) -> list[Statement]:
    """Of a car that the result leaves out. Raises UnknownCar for one that is not entered."""
    if car not in race.session.entries:
        known = sorted({*race.session.entries, *race.order.passings}, key=natural)
        raise UnknownCar(car, tuple(known))
    text = f"#{car} has completed no lap, and is not listed in the result."
    if car in race.session.apart:
        role = plain(race.session.apart[car])
        text = f"#{car} is a {role}, no competitor, and is in no result."
    entry = _Record(race, events, car).entry
    return [Statement("status", text, entry, "classification.no_laps")]


class _Case:
    """A car as it stands in a race: what there is to be said of it, kind by kind."""

    def __init__(
        self,
        race: Race,
        rows: Sequence[Classified],
        row: Classified,
        convention: Convention,
        record: _Record,
    ) -> None:
        self.race, self.rows, self.row = race, rows, row
        self.car = row.car
        self.convention, self.record = convention, record
        self.is_race = race.session.opened.kind == "race"
        self.is_over = race.order.chequered_at is not None or race.session.ended_at is not None

    # Where it stands

    def position(self) -> Iterator[Statement]:
        if self.is_race and not self.is_over and self.car in self.race.order.passings:
            yield self._on_track()
            yield self._in_result()
        else:
            yield self._classified()

    def _on_track(self) -> Statement:
        order = self.race.order.cars()
        of_class = [car for car in order if self._class(car) == self.row.car_class]
        place = self._places(order.index(self.car) + 1, of_class.index(self.car) + 1)
        lap = self.race.order.laps.get(self.car, 0)
        if self.car in self.race.order.retired:
            text = f"#{self.car} stands {place}, with {_laps(lap)} completed."
        else:
            in_lane = self.race.pits.in_lane_since(self.car) is not None
            where = ", in the pit lane" if in_lane else ""
            text = f"#{self.car} runs {place}, on lap {lap + 1}{where}."
        return Statement("position", text, self.record.last_crossing(self.car), BY_LINES)

    def _in_result(self) -> Statement:
        place = self._places(self.row.position, self.row.class_position)
        text = f"If the race ended now it would be classified {place}{self._done()}."
        return Statement("result", text, self._last_lap(self.car), BY_LAPS)

    def _classified(self) -> Statement:
        place = self._places(self.row.position, self.row.class_position)
        if not self.is_race:
            best = self.row.best_lap_ms
            done = f", with a best lap of {format_lap_time(best)}" if best else ": no time"
            text = f"#{self.car} is {place}{done}."
            return Statement("position", text, self._best_lap_event(self.car), BY_BEST_LAP)
        stands = f"#{self.car} is {place}"
        if self.row.status == "disqualified":
            stands = f"#{self.car} is disqualified and stands {place}"
        elif self.is_over and self.row.status == "classified" and self._is_first():
            stands = self._won()
        text = f"{stands}{self._done()}."
        return Statement("position", text, self._last_lap(self.car), BY_LAPS)

    def _is_first(self) -> bool:
        place = self.row.class_position if self.row.car_class else self.row.position
        return place == 1

    def _won(self) -> str:
        car, name = self.car, self.row.car_class
        if self.row.position == 1:
            return (
                f"#{car} is the winner, overall and in {name}" if name else f"#{car} is the winner"
            )
        return f"#{car} is the winner of {name}, {ordinal(self.row.position)} overall"

    def _done(self) -> str:
        """``, with 10 laps in 0:10:05.000, 5 s of that added by the stewards``."""
        row = self.row
        if not row.laps or row.total_ms is None:
            return ", without a completed lap"
        added = (
            f", {row.penalty_ms // 1000} s of that added by the stewards" if row.penalty_ms else ""
        )
        taken = f" after {_laps(row.penalty_laps)} taken away" if row.penalty_laps else ""
        return f", with {_laps(row.laps)}{taken} in {format_clock(row.total_ms)}{added}"

    def _places(self, position: int, class_position: int) -> str:
        in_class = f", {ordinal(class_position)} in {self.row.car_class}"
        return f"{ordinal(position)} overall{in_class if self.row.car_class else ''}"

    def _class(self, car: str) -> str | None:
        return self.race.session.car_class(car)

    # How far from the others

    def gaps(self) -> Iterator[Statement]:
        """To the leaders, and to the cars directly ahead and behind, overall and in class."""
        running = self.is_race and not self.is_over
        order = self.race.order.cars() if running else [row.car for row in self.rows]
        place = order.index(self.car)
        for other, who in self._around(order).items():
            behind = order.index(other) < place
            ahead, after = (other, self.car) if behind else (self.car, other)
            gap = self._gap_on_track(ahead, after) if running else self._gap_in_result(ahead, after)
            side = "behind" if behind else "ahead of"
            text = f"It {f'is {gap}' if gap else 'stands'} {side} #{other}, {' and '.join(who)}"
            if gap is None and self._is_behind(ahead, after):
                text += f", though {'ahead of' if behind else 'behind'} it on laps and time"
            rests_on = self._last_of(ahead, running) + self._last_of(after, running)
            yield Statement("gap", f"{text}.", rests_on)

    def _around(self, order: Sequence[str]) -> dict[str, list[str]]:
        """The cars that it is compared with, and what each of them is to it."""
        car_class = self.row.car_class
        scopes = {"overall": order}
        if car_class is not None:
            of_class = [car for car in order if self.race.session.car_class(car) == car_class]
            scopes[f"in {car_class}"] = of_class
        first = "the winner" if self.is_over else "which leads"
        found: dict[str, dict[str, list[str]]] = {}
        for scope, cars in scopes.items():
            place = cars.index(self.car)
            sides = {first if self.is_race else "the quickest": 0, "next ahead": place - 1}
            for what, index in {**sides, "next behind": place + 1}.items():
                if 0 <= index < len(cars) and index != place and (index or what != "next ahead"):
                    found.setdefault(cars[index], {}).setdefault(what, []).append(scope)
        return {
            car: [self._role(what, where) for what, where in cars.items()]
            for car, cars in found.items()
        }

    def _role(self, what: str, where: Sequence[str]) -> str:
        """``which leads overall and in GT``, ``which leads GT``, ``next ahead in GT``."""
        if what in ("which leads", "the winner") and "overall" not in where:
            return f"{what} {'of ' if what == 'the winner' else ''}{self.row.car_class}"
        return f"{what} {' and '.join(where)}"

    def _gap_on_track(self, ahead: str, behind: str) -> str | None:
        gap = self.race.order.gap(ahead, behind, self.race.at)
        return _gap_words(gap) if gap else None

    def _gap_in_result(self, ahead: str, behind: str) -> str | None:
        first, then = self._row_of(ahead), self._row_of(behind)
        if not self.is_race:
            if not first.best_lap_ms or not then.best_lap_ms:
                return None
            return _gap_words(Gap(None, then.best_lap_ms - first.best_lap_ms))
        laps, ms = first.laps - then.laps, (then.total_ms or 0) - (first.total_ms or 0)
        if not then.laps or laps < 0 or (laps == 0 and ms < 0) or then.status == "disqualified":
            return None
        return _gap_words(Gap(laps, None) if laps else Gap(None, ms))

    def _is_behind(self, ahead: str, behind: str) -> bool:
        """Whether the car that stands ahead is behind on laps and time."""
        first, then = self._row_of(ahead), self._row_of(behind)
        return (then.laps, -(then.total_ms or 0)) > (first.laps, -(first.total_ms or 0))

    # Whether it finished

    def status(self) -> Iterator[Statement]:
        """How its race ended, where there is something to say."""
        if not self.is_race:
            return
        race, row, rules = self.race, self.row, self.convention.classification
        flag, last = self.record.chequered, self._last_lap(self.car)
        if row.status == "not_started":
            yield Statement(
                "status", "It did not start.", self.record.entry, "classification.no_laps"
            )
        elif row.status == "not_classified":
            yield self._too_few_laps()
        elif self.car in race.order.finished:
            at = format_clock(race.order.finished[self.car])
            yield Statement("status", f"It took the chequered flag at {at}.", (*flag, *last))
        elif row.status == "retired":
            yield self._retired()
        elif row.status == "running" and self.is_over:
            yield Statement("status", "It has yet to take the chequered flag.", flag)
        elif row.status == "classified" and race.track.ended_under_red_at is None:
            text = "It was not timed under the chequered flag, and is classified where it stood."
            yield Statement("status", text, last, "classification.must_take_flag")
        if taken_back_to(race, rules.red_flag_countback) is not None:
            laps = _laps(rules.red_flag_countback)
            text = f"The race ended under the red flag: the result is taken back {laps}."
            yield Statement("status", text, (), "classification.red_flag_countback")

    def _too_few_laps(self) -> Statement:
        row, rules = self.row, self.convention.classification
        field = [one for one in self.rows if one.status != "disqualified"]
        if rules.reference == "class":
            field = [one for one in field if one.car_class == row.car_class]
        most = max(one.laps for one in field)
        needed = rules.required_laps(most, row.car_class)
        share = rules.minimum_distance_in.get(row.car_class or "", rules.minimum_distance)
        whose = "the class winner" if rules.reference == "class" else "the winner"
        text = (
            f"It took the chequered flag but is not classified: {_laps(row.laps)}, where {needed} "
            f"are needed, {share * 100:g} % of the {most} of {whose}."
        )
        events = (*self.record.chequered, *self._last_lap(self.car))
        return Statement("status", text, events, "classification.minimum_distance")

    def _retired(self) -> Statement:
        retired = self.record.retired
        why = f" ({retired.reason})" if retired and retired.reason else ""
        place = "keeps its place on laps"
        if self.convention.classification.retirements == "after_finishers":
            place = "stands behind those that take the flag"
        text = f"It {'did not finish' if self.is_over else 'has retired'}{why}, and {place}."
        events = (retired.identity,) if retired else ()
        return Statement("status", text, events, "classification.retirements")

    # What the stewards decided

    def penalties(self) -> Iterator[Statement]:
        """Each penalty, what became of it, and what it changes."""
        book = self.race.stewards.penalties.values()
        for penalty in sorted(book, key=as_imposed):
            if penalty.car == self.car:
                yield self._penalty(penalty)

    def _penalty(self, penalty: Penalty) -> Statement:
        history = self.record.penalties.get(penalty.penalty_id, [])
        sentences = [self._step(penalty, event) for event in history]
        owed, rule, counts = self._owed(penalty)
        if owed:
            sentences.append(owed)
        if counts:
            effect = self._without({penalty.penalty_id})
            sentences.append(
                f"Without it it would be {effect}." if effect else "It changes no place."
            )
        events = tuple(event.identity for event in history)
        return Statement("penalty", " ".join(sentences), events, rule)

    def _step(self, penalty: Penalty, event: AnyEvent) -> str:
        when = self._when(event.at)
        reason = getattr(event, "reason", None)
        why = f" ({reason})" if reason else ""
        match event:
            case PenaltyImposed():
                given = penalty_given(event.kind, event.amount)
                return f"#{penalty.car} {given} {when}{why}."
            case PenaltyConverted():
                return f"That became {penalty_noun(event.kind, event.amount)} {when}{why}."
            case PenaltyServed():
                return f"It was served {when}."
            case _:
                return f"It was rescinded {when}{why}, and counts no more."

    def _owed(self, penalty: Penalty) -> tuple[str, str | None, bool]:
        """What is still open of it, by which rule, and whether it counts in the result."""
        status, rules = self.row.status, self.convention.penalties
        if penalty.status not in NOT_SERVED or penalty.kind not in MOVING:
            return "", None, False
        if penalty.kind in TO_SERVE:
            if status in ("classified", "not_classified"):
                seconds: int = getattr(rules, f"{penalty.kind}_s")
                seconds += (penalty.amount or 0) if penalty.kind == "stop_and_hold" else 0
                text = f"It was not served: {seconds} s are added to its time instead."
                return text, f"penalties.{penalty.kind}_s", True
            if status == "running":
                return "It is still to be served.", None, False
            return "It was never served.", None, False
        if penalty.kind == "time" and status == "retired":
            none = "" if rules.time_to_retired else "No time is added to a retired car."
            return none, "penalties.time_to_retired", rules.time_to_retired
        rule = f"penalties.{penalty.kind}"
        return "", rule if penalty.kind in ("back_of_class", "places") else None, True

    def penalties_of_others(self) -> Iterator[Statement]:
        """The places that it has by what others were given."""
        others = {
            one.penalty_id: one.car
            for one in sorted(self.race.stewards.penalties.values(), key=as_imposed)
            if one.car != self.car and one.status in NOT_SERVED and one.kind in MOVING
        }
        effect = self._without(others)
        if not others or not effect:
            return
        without = [row.car for row in classify(self.race, self.convention, others)]
        now = [row.car for row in self.rows]
        passed = [
            name
            for name, car in others.items()
            if (without.index(car) < without.index(self.car))
            != (now.index(car) < now.index(self.car))
        ]
        cars = list(dict.fromkeys(others[name] for name in passed or others))
        what = "penalty" if len(passed or others) == 1 else "penalties"
        text = f"Without the {what} of {_listed([f'#{car}' for car in cars])} it would be {effect}."
        events = [
            event.identity for name in passed for event in self.record.penalties.get(name, ())
        ]
        yield Statement("penalty", text, tuple(events))

    def _without(self, penalties: Collection[str]) -> str | None:
        """The place that the car would have without these; None where it is the same."""
        rows = classify(self.race, self.convention, penalties)
        would = next(row for row in rows if row.car == self.car)
        places = (would.position, would.class_position)
        if places == (self.row.position, self.row.class_position):
            return None
        return self._places(*places)

    def _when(self, at: int) -> str:
        flag = self.race.order.chequered_at
        return "after the flag" if flag is not None and at >= flag else f"at {_clock(at)}"

    # Its best lap, and what was corrected

    def best_lap(self) -> Iterator[Statement]:
        """The best lap of a race, and how good it is."""
        best = self.race.laps.best.get(self.car)
        if best is None or not self.is_race:
            return
        quickest = [car for car, _ in self.race.laps.fastest()]
        name = self.row.car_class
        of_class = [car for car in quickest if self.race.session.car_class(car) == name]
        ranks = [f"{_best_of(quickest.index(self.car))} of the race"]
        if name is not None and of_class.index(self.car) != quickest.index(self.car):
            ranks.append(f"{_best_of(of_class.index(self.car))} in {name}")
        driver = f" by {best.driver}" if best.driver else ""
        text = f"Its best lap is {format_lap_time(best.ms)} on lap {best.lap}{driver}"
        yield Statement("best_lap", f"{text}, {', '.join(ranks)}.", self._best_lap_event(self.car))

    def corrections(self) -> Iterator[Statement]:
        """What of the car was corrected, each with what it was corrected from."""
        for event, of in self.record.corrections:
            reason = f": {event.reason}" if event.reason else ""
            match event:
                case EventVoided():
                    text = f"{_described(of)} was voided{reason}."
                case LapAmended():
                    text = f"Lap {event.lap} was amended, {_amended(event, of)}{reason}."
                case LapTimeDeleted():
                    time = of.lap_time_ms if isinstance(of, LapCompleted) else None
                    what = f", {format_lap_time(time)}," if time else ""
                    text = f"The time of lap {event.lap}{what} was deleted{reason}."
                case CrossingsReassigned():
                    text = f"Crossings of #{event.from_car} were given to #{event.to_car}"
                    text += f"{' and the other way round' if event.swap else ''}{reason}."
            events = (event.identity, of.identity) if of else (event.identity,)
            yield Statement("correction", text, events)

    # What it scores

    def points(self, pack: RegulationPack) -> Iterator[Statement]:
        """What the place is worth, who gets less than that, and what the stewards took."""
        rounds = rounds_scored(self.race, self.rows)
        placed = place_awards(self.race, rounds, pack).get(self.car)
        if placed is None:
            return
        rests_on = self._last_lap(self.car) or self._best_lap_event(self.car)
        now = "" if self.is_over else " as it stands"
        what = "No points" if placed.place is None else "Points"
        for why in placed.why:
            events = self.record.entry if why.rule == "points.ineligible" else rests_on
            yield _of_points(f"{what} for #{self.car}{now}", why, events)
        if self._length_matters(pack):
            text = "How long the race was to be is not known: points as for a short one."
            yield Statement("points", text)
        for award in session_awards(self.race, rounds, pack) if placed.place is not None else ():
            if award.contest == "drivers" and award.car == self.car and award.place is None:
                yield _of_points(f"No points for {award.name}", award.why[-1], rests_on)
        taken = points_taken(self.race).get(self.car)
        if taken:
            words = penalty_noun("points", taken)
            yield Statement(
                "points", f"Points for #{self.car}: {words} by the stewards.", self._taking()
            )

    def _length_matters(self, pack: RegulationPack) -> bool:
        """Whether other points would be due for another length, and the length is not known."""
        by_length = (one.from_hours or one.over_hours for one in pack.points.scales)
        return self.is_race and self.race.session.opened.time_limit_ms is None and any(by_length)

    def _taking(self) -> tuple[Identity, ...]:
        """The events by which the stewards took points."""
        return tuple(
            event.identity
            for penalty in self.race.stewards.penalties.values()
            if penalty.car == self.car and penalty.kind == "points" and penalty.status in NOT_SERVED
            for event in self.record.penalties.get(penalty.penalty_id, ())
        )

    # The events behind

    def _row_of(self, car: str) -> Classified:
        return next(row for row in self.rows if row.car == car)

    def _last_of(self, car: str, running: bool) -> tuple[Identity, ...]:
        return self.record.last_crossing(car) if running else self._last_lap(car)

    def _last_lap(self, car: str) -> tuple[Identity, ...]:
        """The last lap that counts in the result; of qualifying, the best."""
        row = self._row_of(car)
        if not self.is_race:
            return self._best_lap_event(car)
        return self.record.lap(car, row.laps + row.penalty_laps)

    def _best_lap_event(self, car: str) -> tuple[Identity, ...]:
        best = self.race.laps.best.get(car)
        return self.record.lap(car, best.lap) if best else ()


class _Record:
    """The events that an explanation names, as they count, found in one pass.

    What had not happened by the moment of the race is left out. Corrections hold for the
    whole race.
    """

    def __init__(self, race: Race, events: Iterable[AnyEvent], car: str) -> None:
        self._car = car
        self._laps: dict[tuple[str, int], tuple[Identity, ...]] = {}
        self._last: dict[str, tuple[int, Identity]] = {}
        self.penalties: dict[str, list[AnyEvent]] = {}
        self.corrections: list[tuple[_Corrected, AnyEvent | None]] = []
        self.retired: CarRetired | None = None
        self.chequered: tuple[Identity, ...] = ()
        self.entry: tuple[Identity, ...] = ()
        recorded = list(events)
        counted = recorded
        if any(isinstance(event, CORRECTIONS) for event in recorded):
            corrections = Corrections(recorded)
            counted = [one for one in map(corrections.effective, recorded) if one is not None]
        for event in counted:
            if event.at <= race.at:
                self._note(event)
        for book in self.penalties.values():
            book.sort(key=effective_key)
        self._note_corrections(recorded, counted)

    def _note(self, event: AnyEvent) -> None:
        match event:
            case LapCompleted():
                self._laps[event.car, event.lap] = (event.identity,)
                self._crossed(event)
            case LinePassed():
                self._crossed(event)
            case PenaltyImposed() | PenaltyServed() | PenaltyConverted() | PenaltyRescinded():
                self.penalties.setdefault(event.penalty_id, []).append(event)
            case CarRetired(car=self._car):
                self.retired = event
            case EntryAdded(car=self._car) | EntryAmended(car=self._car):
                self.entry = (*self.entry, event.identity)
            case FlagShown(flag="chequered", sector=None):
                self.chequered = (event.identity,)
            case _:
                pass

    def _crossed(self, event: LinePassed | LapCompleted) -> None:
        last = self._last.get(event.car)
        if last is None or last[0] <= event.at:
            self._last[event.car] = (event.at, event.identity)

    def _note_corrections(self, recorded: Sequence[AnyEvent], counted: Sequence[AnyEvent]) -> None:
        by_identity = {event.identity: event for event in recorded}
        owners = {one.penalty_id: one.car for one in recorded if isinstance(one, PenaltyImposed)}
        for event in counted:
            of: AnyEvent | None = None
            match event:
                case EventVoided():
                    of = by_identity.get((event.voided_source, event.voided_seq))
                    owner = owners.get(getattr(of, "penalty_id", ""))
                    if of is None or self._car not in (getattr(of, "car", None), owner):
                        continue
                case LapAmended() | LapTimeDeleted():
                    lap = self.lap(event.car, event.lap)
                    of = by_identity.get(lap[0]) if lap else None
                    if isinstance(event, LapAmended) and lap:
                        self._laps[event.car, event.lap] = (*lap, event.identity)
                    if event.car != self._car or (isinstance(event, LapTimeDeleted) and not lap):
                        continue
                case CrossingsReassigned():
                    if self._car not in (event.from_car, event.to_car):
                        continue
                case _:
                    continue
            self.corrections.append((event, of))

    def lap(self, car: str, number: int) -> tuple[Identity, ...]:
        """The lap of a car, if it was told, and what amended it."""
        return self._laps.get((car, number), ())

    def last_crossing(self, car: str) -> tuple[Identity, ...]:
        """The last line that the car crossed."""
        last = self._last.get(car)
        return (last[1],) if last else ()


_Corrected = EventVoided | LapAmended | LapTimeDeleted | CrossingsReassigned


# -- In words ------------------------------------------------------------------------------


def _of_points(name: str, why: Why, events: tuple[Identity, ...]) -> Statement:
    text = why.text.removesuffix(": no points").replace(": ", ", ")
    return Statement("points", f"{name}: {text}.", events, why.rule)


def _laps(number: int) -> str:
    return f"{number} {'lap' if number == 1 else 'laps'}"


def _gap_words(gap: Gap) -> str:
    if gap.laps:
        return _laps(gap.laps)
    ms = gap.ms or 0
    return f"{format_lap_time(ms)} s" if ms < 60_000 else format_lap_time(ms)


def _clock(ms: int) -> str:
    """``6:12:34``: whole seconds are enough for when something was decided."""
    return format_clock(ms).split(".")[0]


def _best_of(index: int) -> str:
    return "the quickest" if index == 0 else f"{ordinal(index + 1)} quickest"


def _listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _described(event: AnyEvent | None) -> str:
    """What was voided, as the beginning of a sentence."""
    match event:
        case None:
            raise AssertionError("what is voided and concerns the car was recorded")
        case LapCompleted():
            return f"Lap {event.lap}, completed at {format_clock(event.at)},"
        case LapAmended():
            return f"An amendment of lap {event.lap} ({event.reason})"
        case LapTimeDeleted():
            return f"The deletion of the time of lap {event.lap}"
        case _:
            return f"What was recorded at {_clock(event.at)} ({plain(event.type)})"


def _amended(amended: LapAmended, lap: AnyEvent | None) -> str:
    """What a lap is now, and what of it was otherwise."""
    was = lap if isinstance(lap, LapCompleted) else None
    changes = []
    if amended.completed_at is not None:
        instead = f" instead of {format_clock(was.at)}" if was else ""
        changes.append(f"completed at {format_clock(amended.completed_at)}{instead}")
    if amended.lap_time_ms is not None:
        time = was.lap_time_ms if was else None
        instead = f" instead of {format_lap_time(time)}" if time else ""
        changes.append(f"a lap time of {format_lap_time(amended.lap_time_ms)}{instead}")
    if amended.driver is not None:
        changes.append(f"driven by {amended.driver}")
    if amended.in_pit_lane is not None:
        changes.append(
            "finished in the pit lane" if amended.in_pit_lane else "finished on the track"
        )
    return _listed(changes)
