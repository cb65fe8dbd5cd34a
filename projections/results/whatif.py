"""What-if analysis: the order after penalties, withdrawn times, retirements, a finish now, or
other rules.

The log is unchanged: hypothetical events are folded into a copy of the race.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast, get_args

from events import CarRetired, FlagShown, LapTimeDeleted, PenaltyImposed
from events.clock import format_lap_time
from events.errors import BadHypothesis, UnknownCar, UnknownLap
from events.stewards import PenaltyKind
from projections.folds.running_order import natural
from projections.race import Race
from projections.results.classification import ON_LAPS, Classified, Convention, classify
from projections.results.session_order import ranking_laps
from projections.results.time_lost import Effect, effects, lost_on_road

SOURCE = "what-if"
KINDS = get_args(PenaltyKind)
AS_TYPED = ", ".join(KINDS).replace("_", "-")
MOST_DIGITS = 6
WITH_AMOUNT = frozenset({"stop_and_hold", "time", "laps", "places", "points"})


class SupposedPenalty(NamedTuple):
    """A hypothetical penalty: car, kind and amount."""

    car: str
    kind: PenaltyKind
    amount: int | None


class WithdrawnTime(NamedTuple):
    """A lap whose time is supposed to be withdrawn."""

    car: str
    lap: int


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Hypothetical penalties, retirements, finish and withdrawn times, all at the current time."""

    penalties: tuple[SupposedPenalty, ...] = ()
    retire: tuple[str, ...] = ()
    finish_now: bool = False
    withdrawn: tuple[WithdrawnTime, ...] = ()


class PlaceChange(NamedTuple):
    """A car's place now and under the hypothesis; ``gained`` is positive for places won."""

    car: str
    car_class: str | None
    position_now: int | None
    position_then: int | None
    gained: int | None
    class_position_now: int | None
    class_position_then: int | None
    laps_now: int | None
    laps_then: int
    total_ms_now: int | None
    total_ms_then: int | None
    status_now: str | None
    status_then: str
    best_lap_ms_now: int | None
    best_lap_ms_then: int | None

    @property
    def changed(self) -> bool:
        """Whether any value differs."""
        return (
            self.position_now != self.position_then
            or self.class_position_now != self.class_position_then
            or self.laps_now != self.laps_then
            or self.total_ms_now != self.total_ms_then
            or self.status_now != self.status_then
        )


def parse_penalty(text: str) -> SupposedPenalty:
    """Parse ``66 time 30`` or ``7 drive_through``. Raises BadHypothesis."""
    parts = text.split()
    if len(parts) not in (2, 3):
        raise BadHypothesis(text, f"write CAR KIND [AMOUNT], KIND one of {AS_TYPED}")
    car, kind, *amount = parts
    return penalty_from(car, kind, amount[0] if amount else None)


def penalty_from(car: str, kind: str, amount: str | None) -> SupposedPenalty:
    """Parse a penalty from its written parts. Raises BadHypothesis."""
    text = " ".join(filter(None, (car, kind, amount)))
    kind = kind.replace("-", "_")
    if kind not in KINDS:
        raise BadHypothesis(text, f"write CAR KIND [AMOUNT], KIND one of {AS_TYPED}")
    if amount is not None and not (amount.isascii() and amount.isdigit()):
        raise BadHypothesis(text, f"the amount is not a whole number: {amount}")
    if amount is not None and not amount.strip("0"):
        raise BadHypothesis(text, "the amount is 0")
    if amount is not None and len(amount) > MOST_DIGITS:
        raise BadHypothesis(text, f"the amount is too large: {amount}")
    if (kind in WITH_AMOUNT) != (amount is not None):
        takes = "an amount, as in 66 time 30" if kind in WITH_AMOUNT else "no amount"
        raise BadHypothesis(text, f"{kind} takes {takes}")
    return SupposedPenalty(car, cast("PenaltyKind", kind), None if amount is None else int(amount))


def parse_withdrawn(text: str) -> WithdrawnTime:
    """Parse ``31 8``: the time of lap 8 of car 31. Raises BadHypothesis."""
    parts = text.split()
    if len(parts) != 2:
        raise BadHypothesis(text, "write CAR LAP, as in 31 8")
    car, lap = parts
    if not (lap.isascii() and lap.isdigit() and len(lap) <= MOST_DIGITS and int(lap)):
        raise BadHypothesis(text, f"the lap is not a number from 1: {lap}")
    return WithdrawnTime(car, int(lap))


def suppose(race: Race, hypothesis: Hypothesis) -> Race:
    """Return a copy of the race with the hypothesis applied.

    Raises UnknownCar for a car that is not in the race, UnknownLap for a lap that it did not
    complete, and BadHypothesis for what has already happened: a retirement of a car that retired
    or finished, a finish of a race that is over.
    """
    penalized = (penalty.car for penalty in hypothesis.penalties)
    _check_cars(race, [*penalized, *hypothesis.retire, *(car for car, _ in hypothesis.withdrawn)])
    for car, lap in hypothesis.withdrawn:
        laps = race.laps.laps.get(car, ())
        if all(one.lap != lap for one in laps):
            raise UnknownLap(car, lap, laps[-1].lap if laps else 0)
    for car in hypothesis.retire:
        if car in race.order.finished or car in race.order.retired:
            done = "finished" if car in race.order.finished else "retired"
            raise BadHypothesis(f"retire {car}", f"#{car} has {done} already")
    if hypothesis.finish_now and race.finish.over:
        what = "race" if race.session.is_race else "session"
        raise BadHypothesis("finish now", f"the {what} is over already")
    then = race.fork(race.mark())
    number = 0
    for car in dict.fromkeys(hypothesis.retire):
        then.apply(CarRetired(at=race.at, source=SOURCE, source_seq=number, car=car))
        number += 1
    if hypothesis.finish_now:
        then.apply(FlagShown(at=race.at, source=SOURCE, source_seq=number, flag="chequered"))
        number += 1
        then.order.finish_where_they_stand()
    for car, lap in hypothesis.withdrawn:
        then.apply(LapTimeDeleted(at=race.at, source=SOURCE, source_seq=number, car=car, lap=lap))
        number += 1
    for penalty in hypothesis.penalties:
        then.apply(
            PenaltyImposed(
                at=race.at,
                source=SOURCE,
                source_seq=number,
                penalty_id=f"{SOURCE}-{number}",
                car=penalty.car,
                kind=penalty.kind,
                amount=penalty.amount,
            )
        )
        number += 1
    return then


def _check_cars(race: Race, cars: Sequence[str]) -> None:
    known = {*race.session.entries, *race.order.passings}
    for car in cars:
        if car not in known:
            raise UnknownCar(car, tuple(sorted(known, key=natural)))


def what_if(
    race: Race,
    hypothesis: Hypothesis,
    convention: Convention = ON_LAPS,
    convention_then: Convention | None = None,
) -> list[PlaceChange]:
    """Return each car's place now and under the hypothesis, in the hypothetical order.

    ``convention_then`` classifies the hypothetical race by another pack.
    """
    supposed, rules = suppose(race, hypothesis), convention_then or convention
    lost = lost_on_road(effects_of(race, hypothesis, rules))
    return changes(classify(race, convention), classify(supposed, rules, lost=lost))


def effects_of(race: Race, hypothesis: Hypothesis, convention: Convention) -> list[Effect]:
    """Return what each hypothetical penalty and withdrawn time changes.

    Nothing is served if the race ends now.
    """
    found = list(effects(_at_its_end(race, hypothesis), convention.penalties, hypothesis.penalties))
    return found + withdrawn_effects(race, hypothesis.withdrawn)


def _at_its_end(race: Race, hypothesis: Hypothesis) -> Race:
    return suppose(race, replace(hypothesis, penalties=())) if hypothesis.finish_now else race


def withdrawn_effects(race: Race, withdrawn: Sequence[WithdrawnTime]) -> list[Effect]:
    """Return what each withdrawn time changes after those before it."""
    then = race.fork(race.mark()) if withdrawn else race
    found = []
    for number, (car, lap) in enumerate(withdrawn):
        what = f"#{car}: time of lap {lap} withdrawn"
        before = ranking_laps(then).get(car)
        then.apply(LapTimeDeleted(at=race.at, source=SOURCE, source_seq=number, car=car, lap=lap))
        after = ranking_laps(then).get(car)
        if race.session.is_race:
            found.append(
                Effect(car, "withdrawn", None, None, f"{what}: changes no order of a race")
            )
        elif before is None or before == after:
            text = f"{what}: changes no order, as it is not placed by that lap"
            found.append(Effect(car, "withdrawn", None, None, text))
        else:
            by = f"{format_lap_time(after.ms)} of lap {after.lap}" if after else "no time"
            text = f"{what}: placed by {by}, no longer by {format_lap_time(before.ms)}"
            found.append(Effect(car, "withdrawn", "classified", None, text))
    return found


def changes(now: Sequence[Classified], then: Sequence[Classified]) -> list[PlaceChange]:
    """Return each car's place in two classifications, in the order of the second."""
    before = {row.car: row for row in now}
    after = {row.car for row in then}
    return [_place_change(before.get(row.car), row) for row in then] + [
        _place_change(row, None) for row in now if row.car not in after
    ]


def _place_change(now: Classified | None, then: Classified | None) -> PlaceChange:
    row = then or now
    if row is None:
        raise AssertionError("a change without a row")
    return PlaceChange(
        car=row.car,
        car_class=row.car_class,
        position_now=now.position if now else None,
        position_then=then.position if then else None,
        gained=now.position - then.position if now and then else None,
        class_position_now=now.class_position if now else None,
        class_position_then=then.class_position if then else None,
        laps_now=now.laps if now else None,
        laps_then=row.laps,
        total_ms_now=now.total_ms if now else None,
        total_ms_then=then.total_ms if then else None,
        status_now=now.status if now else None,
        status_then=then.status if then else "not_listed",
        best_lap_ms_now=now.best_lap_ms if now else None,
        best_lap_ms_then=row.best_lap_ms,
    )
