"""Why a car is where it is: every figure with the events and the rule it rests on.

An explanation is a list of statements, each a sentence that could be read out on air,
with the identities of the events behind it and, where a rule decides, the rule. Nothing
is worked out here that the classification does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from events import (
    AnyEvent,
    CarRetired,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.clock import format_clock, format_lap_time
from events.errors import UnknownCar
from projections.classification import ON_LAPS, Classified, Convention, classify
from projections.order import natural
from projections.packs import RegulationPack
from projections.points import Why
from projections.provisional import place_awards, points_taken, rounds_scored, session_awards
from projections.race import Race
from projections.stewards import Penalty

Identity = tuple[str, int]

BY_LAPS = "laps completed, then the time at the line when the last was completed"
BY_BEST_LAP = "the best lap, of equal ones the earlier"
PENALTY_WORDS = {
    "drive_through": "a drive-through",
    "stop_and_go": "a stop and go",
    "stop_and_hold": "a stop and {amount} s",
    "time": "{amount} s added to its time",
    "laps": "{amount} {laps} taken away",
    "places": "{amount} {places} dropped",
    "back_of_class": "being sent to the back of its class",
    "points": "{amount} points taken away",
    "disqualification": "disqualification",
    "fine": "a fine",
    "warning": "a warning",
    "reprimand": "a reprimand",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, what it is about, and what it rests on."""

    about: str
    text: str
    events: tuple[Identity, ...] = ()
    rule: str | None = None


def explain(
    race: Race,
    events: Iterable[AnyEvent],
    car: str,
    convention: Convention = ON_LAPS,
    rule_source: Callable[[str], str | None] = lambda _: None,
) -> list[Statement]:
    """Why ``car`` has the place, the gap and the time that the classification gives it.

    ``events`` are all that were recorded, corrections included; ``rule_source`` gives the
    source of a rule of the pack by its key, such as ``classification.retirements``.
    Raises UnknownCar. Costs O(events).
    """
    rows = classify(race, convention)
    row = next((one for one in rows if one.car == car), None)
    if row is None:
        known = sorted({*race.session.entries, *race.order.passings}, key=natural)
        raise UnknownCar(car, tuple(known))
    told = _Record(events, car)
    return [
        *_place(race, row, told),
        *_neighbours(race, rows, row),
        *_status(race, row, told, convention, rule_source),
        *_penalties(race, row, told),
        *_best_lap(race, row, told),
        *_corrections(told),
    ]


def explain_points(race: Race, car: str, pack: RegulationPack) -> list[Statement]:
    """What the car's place is worth under a pack, and who gets less than that.

    Each statement names its rule by its key in the pack. Empty where the session scores
    nothing, or the car is in no class.
    """
    rounds = rounds_scored(race, classify(race, Convention.of(pack)))
    placed = place_awards(race, rounds, pack).get(car)
    if placed is None:
        return []
    said = [_of_points(f"Points for #{car}", why) for why in placed.why]
    if placed.place is not None:
        said += [
            _of_points(f"None for {award.name}", award.why[-1])
            for award in session_awards(race, rounds, pack)
            if award.contest == "drivers" and award.car == car and award.place is None
        ]
    taken = points_taken(race).get(car)
    if taken:
        words = penalty_words("points", taken)
        said.append(Statement("points", f"Points for #{car}: {words} by the stewards."))
    return said


def _of_points(name: str, why: Why) -> Statement:
    return Statement("points", f"{name}: {why.text}.", (), why.rule)


class _Record:
    """The events that concern a car, found in one pass."""

    def __init__(self, events: Iterable[AnyEvent], car: str) -> None:
        self.laps: dict[int, AnyEvent] = {}
        self.penalties: dict[str, list[AnyEvent]] = {}
        self.corrections: list[AnyEvent] = []
        self.retired: AnyEvent | None = None
        self.of_car: dict[Identity, AnyEvent] = {}
        all_events = list(events)
        voids = {
            (event.voided_source, event.voided_seq)
            for event in all_events
            if isinstance(event, EventVoided)
        }
        for event in all_events:
            self._note(event, car, voids)

    def _note(self, event: AnyEvent, car: str, voids: set[Identity]) -> None:
        match event:
            case LapCompleted(car=of) if of == car:
                if event.identity not in voids:
                    self.laps[event.lap] = event
            case PenaltyImposed(penalty_id=name):
                self.penalties.setdefault(name, []).append(event)
            case PenaltyServed() | PenaltyConverted() | PenaltyRescinded():
                self.penalties.setdefault(event.penalty_id, []).append(event)
            case CarRetired(car=of) if of == car:
                self.retired = event
            case LapAmended(car=of) | LapTimeDeleted(car=of) if of == car:
                self.corrections.append(event)
            case CrossingsReassigned() if car in (event.from_car, event.to_car):
                self.corrections.append(event)
            case EventVoided():
                self.corrections.append(event)
            case _:
                pass
        if getattr(event, "car", None) == car:
            self.of_car[event.identity] = event

    def lap(self, number: int | None) -> tuple[Identity, ...]:
        """The identity of a lap of the car, if it was told."""
        event = self.laps.get(number or 0)
        return (event.identity,) if event else ()


def _place(race: Race, row: Classified, told: _Record) -> list[Statement]:
    in_class = f", {ordinal(row.class_position)} in {row.car_class}" if row.car_class else ""
    name = f"#{row.car} is {ordinal(row.position)} overall{in_class}"
    if race.session.opened.kind != "race":
        best = row.best_lap_ms
        text = f"{name}, with a best lap of {format_lap_time(best)}" if best else f"{name}: no time"
        return [Statement("position", f"{text}.", told.lap(row.best_lap), BY_BEST_LAP)]
    if not row.laps or row.total_ms is None:
        return [Statement("position", f"{name}: it completed no lap.", (), BY_LAPS)]
    done = f"{row.laps} {'lap' if row.laps == 1 else 'laps'} in {format_clock(row.total_ms)}"
    rests_on = told.lap(row.laps + row.penalty_laps)
    return [Statement("position", f"{name} with {done}.", rests_on, BY_LAPS)]


def _neighbours(race: Race, rows: Sequence[Classified], row: Classified) -> list[Statement]:
    statements = []
    if row.position > 1:
        ahead = rows[row.position - 2]
        statements.append(Statement("gap", f"{_behind(race, ahead, row)}."))
    if row.position < len(rows):
        statements.append(Statement("gap", f"{_behind(race, row, rows[row.position])}."))
    return statements


def _behind(race: Race, ahead: Classified, behind: Classified) -> str:
    names = f"#{behind.car} stands behind #{ahead.car}"
    if race.session.opened.kind != "race":
        if ahead.best_lap_ms and behind.best_lap_ms:
            return f"{names} by {format_lap_time(behind.best_lap_ms - ahead.best_lap_ms)} s"
        return names
    live = _live_gap(race, ahead, behind)
    if live is not None:
        return f"{names} by {live}"
    laps = ahead.laps - behind.laps
    if laps > 0:
        return f"{names} by {laps} {'lap' if laps == 1 else 'laps'}"
    ms = (behind.total_ms or 0) - (ahead.total_ms or 0)
    if laps == 0 and ms >= 0:
        return f"{names} by {format_lap_time(ms)} s"
    return f"{names}, although it was ahead on laps and time"


def _live_gap(race: Race, ahead: Classified, behind: Classified) -> str | None:
    """The gap of two cars that are racing, as screens show it; None where it is not that.

    By laps completed it would jump at each lap's end.
    """
    if any(
        car.status != "running" or car.penalty_ms or car.penalty_laps for car in (ahead, behind)
    ):
        return None
    gap = race.order.gap(ahead.car, behind.car, race.at)
    if gap is None or (gap.ms or 0) < 0 or (gap.laps or 0) < 0:
        return None
    if gap.laps:
        return f"{gap.laps} {'lap' if gap.laps == 1 else 'laps'}"
    return f"{format_lap_time(gap.ms or 0)} s"


def _status(
    race: Race,
    row: Classified,
    told: _Record,
    convention: Convention,
    rule_source: Callable[[str], str | None],
) -> list[Statement]:
    car = row.car
    if row.status == "not_classified":
        rules = convention.classification
        share = f"{rules.minimum_distance_in.get(row.car_class or '', rules.minimum_distance):.0%}"
        text = f"#{car} took the flag but is not classified: it completed less than {share} of "
        text += f"the distance of the {rules.reference} winner."
        return [Statement("status", text, (), rule_source("classification.minimum_distance"))]
    if car in race.order.finished:
        at = format_clock(race.order.finished[car])
        return [Statement("status", f"#{car} took the chequered flag at {at}.", told.lap(row.laps))]
    if row.status == "retired":
        reason = getattr(told.retired, "reason", None)
        told_by = (told.retired.identity,) if told.retired else ()
        where = "keeps its place on laps"
        if convention.classification.retirements == "after_finishers":
            where = "stands behind those that took the flag"
        text = f"#{car} did not finish{f' ({reason})' if reason else ''} and {where}."
        return [Statement("status", text, told_by, rule_source("classification.retirements"))]
    return []


def _penalties(race: Race, row: Classified, told: _Record) -> list[Statement]:
    statements = []
    for penalty in race.stewards.penalties.values():
        if penalty.car == row.car:
            history = tuple(event.identity for event in told.penalties.get(penalty.penalty_id, ()))
            statements.append(Statement("penalty", penalty_sentence(penalty), history))
    return statements


def penalty_sentence(penalty: Penalty) -> str:
    """The penalty as a sentence: what, why, and what became of it."""
    what = penalty_words(penalty.kind, penalty.amount)
    became = {
        "imposed": "",
        "served": " It was served.",
        "converted": " That replaced the penalty first imposed.",
        "rescinded": " It was rescinded, and counts no more.",
    }[penalty.status]
    reason = f" ({penalty.reason})" if penalty.reason else ""
    return f"#{penalty.car} was given {what}{reason}.{became}"


def penalty_words(kind: str, amount: int | None) -> str:
    """What a penalty is: ``30 s added to its time``, ``2 laps taken away``."""
    return PENALTY_WORDS[kind].format(
        amount=amount or 0,
        laps="lap" if amount == 1 else "laps",
        places="place" if amount == 1 else "places",
    )


def _best_lap(race: Race, row: Classified, told: _Record) -> list[Statement]:
    best = race.laps.best.get(row.car)
    if best is None or race.session.opened.kind != "race":
        return []
    driver = f" by {best.driver}" if best.driver else ""
    rank = next(n for n, (car, _) in enumerate(race.laps.fastest(), start=1) if car == row.car)
    text = f"Its best lap is {format_lap_time(best.ms)} on lap {best.lap}{driver}, "
    return [Statement("best_lap", f"{text}{ordinal(rank)} of all.", told.lap(best.lap))]


def _corrections(told: _Record) -> list[Statement]:
    statements = []
    rests_on: tuple[Identity, ...]
    for event in told.corrections:
        match event:
            case EventVoided():
                voided = told.of_car.get((event.voided_source, event.voided_seq))
                if voided is None:
                    continue
                what = voided.type.replace("_", " ")
                text = f"A {what} at {format_clock(voided.at)} was voided: {event.reason}."
                rests_on = (event.identity, voided.identity)
            case LapAmended():
                text = f"Lap {event.lap} was amended: {event.reason}."
                rests_on = (event.identity,)
            case LapTimeDeleted():
                reason = f": {event.reason}" if event.reason else ""
                text = f"The time of lap {event.lap} was deleted{reason}."
                rests_on = (event.identity,)
            case CrossingsReassigned():
                text = f"Crossings of #{event.from_car} were given to #{event.to_car}"
                text += f"{' and the other way round' if event.swap else ''}: {event.reason}."
                rests_on = (event.identity,)
            case _:
                continue
        statements.append(Statement("correction", text, rests_on))
    return statements


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
