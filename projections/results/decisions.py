"""Decisions: validation, reversal and description.

A decision is an event that a person made: flags, the pit lane, penalties and their changes,
corrections, declared results. One that refers to something that does not exist is refused. A
decision is reversed by another event, never removed: a penalty is rescinded and stays in the
penalty list; any other decision is voided, and a void can itself be voided.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast, get_args

from events import (
    AnyEvent,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    EventVoided,
    FlagShown,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    OutputFrozen,
    OutputReleased,
    PassAroundGiven,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
    PitLaneClosed,
    PitLaneOpened,
    RaceControlMessage,
    ResultDeclared,
    ResultRow,
    RulesSwitched,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    SegmentStarted,
    SessionResumed,
    ShortestLapSet,
    WaveByGiven,
)
from events.clock import format_clock
from events.errors import (
    AlreadyVoided,
    BadDecision,
    PenaltyNotInForce,
    RaceNotOver,
    UnknownCar,
    UnknownClass,
    UnknownEvent,
    UnknownLap,
    UnknownPenalty,
    UnknownRules,
)
from events.session import ResultStatus
from projections.folds.stewards import TO_SERVE, Penalty
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.revisions import describe_decision
from projections.results.whatif import penalty_from
from projections.rules.packs import builtin_names
from projections.timeline import Timeline
from projections.wording import flag_name, penalty_noun, plain

Decision = (
    FlagShown
    | SafetyCarDeployed
    | SafetyCarWithdrawn
    | PitLaneOpened
    | PitLaneClosed
    | WaveByGiven
    | PassAroundGiven
    | RaceControlMessage
    | PenaltyImposed
    | PenaltyServed
    | PenaltyConverted
    | PenaltyRescinded
    | LapTimeDeleted
    | EventVoided
    | LapAmended
    | CrossingsReassigned
    | CrossingInserted
    | CrossingCounted
    | ShortestLapSet
    | RulesSwitched
    | ResultDeclared
    | SegmentStarted
    | SessionResumed
)
"""The decisions of race control and the stewards."""

DECISIONS: tuple[type[AnyEvent], ...] = get_args(Decision)
HOLDS = (OutputFrozen, OutputReleased)
"""Freezes and releases: listed with the decisions, but reversed at the output."""

Identity = tuple[str, int]

# -- Validation ----------------------------------------------------------------------------


def check(timeline: Timeline, event: AnyEvent) -> None:  # noqa: C901, PLR0912, PLR0915 (a check for each decision)
    """Validate a decision against the current state of the race.

    Raises UnknownCar, UnknownClass, UnknownLap, UnknownPenalty or UnknownEvent for a missing
    reference; PenaltyNotInForce, AlreadyVoided or RaceNotOver for a wrong state; BadHypothesis
    or BadDecision for an inconsistent decision.
    """
    race = timeline.race
    match event:
        case PenaltyImposed(car=car, kind=kind, amount=amount):
            check_car(race, car)
            check_penalty(car, kind, amount)
        case PenaltyConverted(penalty_id=name, kind=kind, amount=amount):
            penalty = in_force(race, name)
            check_penalty(penalty.car, kind, amount)
            _check_follows(penalty, event)
        case PenaltyServed(penalty_id=name):
            _check_follows(in_force(race, name), event)
        case PenaltyRescinded(penalty_id=name):
            _check_follows(in_force(race, name, served=True), event)
        case LapTimeDeleted(car=car, lap=lap):
            check_lap(race, car, lap)
        case LapAmended(car=car, lap=lap):
            _check_amends(event)
            check_lap(race, car, lap)
            _check_between(race, event)
        case CrossingsReassigned():
            _check_reassigned(race, event)
        case CrossingInserted():
            _check_inserted(race, event)
        case CrossingCounted(counted_source=source, counted_seq=number):
            if find(timeline, (source, number)) is None:
                raise UnknownEvent(source, number)
            if (source, number) not in {one[3:] for one in race.order.double_reads}:
                raise BadDecision(
                    "counted_seq",
                    f"event {number} of {source!r} is no crossing that was counted out",
                )
        case EventVoided(voided_source=source, voided_seq=number):
            check_voidable(timeline, (source, number))
        case WaveByGiven(cars=cars) | PassAroundGiven(cars=cars):
            if not cars:
                raise BadDecision("cars", "name one car at least")
            for car in cars:
                check_car(race, car)
        case RaceControlMessage(car=str(car)):
            check_car(race, car)
        case PitLaneOpened(classes=classes) | PitLaneClosed(classes=classes):
            _check_classes(race, classes)
        case ResultDeclared():
            check_over(race)
        case SegmentStarted(classes=classes):
            if race.session.is_race:
                raise BadDecision("type", "a race has no segments; qualifying and practice may")
            _check_classes(race, classes)
        case RulesSwitched(rules=rules):
            if rules not in builtin_names():
                raise UnknownRules(rules, builtin_names())
            if race.session.opened.rules == rules:
                raise BadDecision("rules", f"the session is under {rules} already")
        case SessionResumed():
            if not race.finish.over:
                raise BadDecision("type", "the session is not over, so there is nothing to resume")
        case _:
            pass


def check_car(race: Race, car: str) -> None:
    """Raise UnknownCar unless the car is in the session."""
    if car not in race.session.entries and car not in race.order.passings:
        raise UnknownCar(car, tuple(race.order.cars()))


def check_penalty(car: str, kind: str, amount: int | None) -> None:
    """Raise BadHypothesis unless the amount fits the kind of penalty."""
    penalty_from(car, kind, None if amount is None else str(amount))


def check_lap(race: Race, car: str, lap: int) -> None:
    """Raise UnknownCar or UnknownLap unless the car completed the lap."""
    check_car(race, car)
    laps = race.laps.laps.get(car, ())
    if not any(one.lap == lap for one in laps):
        raise UnknownLap(car, lap, laps[-1].lap if laps else 0)


def in_force(race: Race, penalty_id: str, *, served: bool = False) -> Penalty:
    """Return the penalty of that id. Raises UnknownPenalty and PenaltyNotInForce."""
    penalty = race.stewards.penalties.get(penalty_id)
    if penalty is None:
        raise UnknownPenalty(penalty_id, tuple(race.stewards.penalties))
    if penalty.status == "rescinded" or (penalty.status == "served" and not served):
        raise PenaltyNotInForce(penalty_id, penalty.status)
    return penalty


def check_voidable(timeline: Timeline, identity: Identity) -> None:
    """Raise UnknownEvent or AlreadyVoided unless the event exists and counts."""
    if find(timeline, identity) is None:
        raise UnknownEvent(*identity)
    if identity in timeline.voided:
        raise AlreadyVoided(*identity)


def check_over(race: Race) -> None:
    """Raise RaceNotOver before the chequered flag and the session's end."""
    if not race.finish.over:
        raise RaceNotOver


def _check_amends(event: LapAmended) -> None:
    amended = (event.completed_at, event.lap_time_ms, event.driver, event.in_pit_lane)
    if amended == (None,) * 4:
        raise BadDecision("lap", "give a change: lap time, completion time, driver or pit lane")
    if event.lap_time_ms == 0:
        raise BadDecision("lap_time_ms", "a lap time is greater than 0")


def _check_between(race: Race, event: LapAmended) -> None:
    """Raise BadDecision unless the amended lap lies between the laps before and after it."""
    at, laps = event.completed_at, race.laps.laps[event.car]
    ended = next(lap.at for lap in laps if lap.lap == event.lap) if at is None else at
    if event.lap_time_ms is not None and event.lap_time_ms > ended:
        raise BadDecision(
            "lap_time_ms", f"must be no longer than the race, {format_clock(ended)} by then"
        )
    if at is None:
        return
    for lap in laps:
        side = "after" if lap.lap == event.lap - 1 else "before"
        wrong = at <= lap.at if side == "after" else at >= lap.at
        if abs(lap.lap - event.lap) == 1 and wrong:
            raise BadDecision(
                "completed_at",
                f"must be {side} lap {lap.lap}, which ended at {format_clock(lap.at)}",
            )


def _check_follows(penalty: Penalty, event: AnyEvent) -> None:
    """Raise BadDecision for a change of a penalty earlier than its last one."""
    if event.at < penalty.changed_at:
        name, since = penalty.penalty_id, format_clock(penalty.changed_at)
        was = "imposed" if penalty.changed_at == penalty.imposed_at else penalty.status
        raise BadDecision("at", f"not before {since}, when penalty {name!r} was {was}")


def _check_reassigned(race: Race, event: CrossingsReassigned) -> None:
    for car in (event.from_car, event.to_car):
        check_car(race, car)
    if event.from_car == event.to_car:
        raise BadDecision("to_car", "must be another car than the one it was timed for")
    if event.end <= event.start:
        raise BadDecision("end", "must be later than the start")


def _check_inserted(race: Race, event: CrossingInserted) -> None:
    """Raise UnknownCar, or BadDecision for a crossing that cannot be one."""
    check_car(race, event.car)
    at = event.completed_at
    if not 0 < at <= race.at:
        until = format_clock(race.at)
        raise BadDecision(
            "completed_at", f"must be after the start, and no later than {until}, now"
        )
    finished_at = race.finish.cars.get(event.car)
    if finished_at is not None and at > finished_at:
        raise BadDecision(
            "completed_at", f"must be before the finish at {format_clock(finished_at)}"
        )
    if any(lap.at == at for lap in race.laps.laps.get(event.car, ())):
        raise BadDecision(
            "completed_at", f"#{event.car} has a crossing at {format_clock(at)} already"
        )


def _check_classes(race: Race, classes: Iterable[str]) -> None:
    entered = {entry.car_class for entry in race.session.entries.values() if entry.car_class}
    known = tuple(dict.fromkeys([*race.session.opened.classes, *sorted(entered)]))
    for name in classes:
        if name not in known:
            raise UnknownClass(name, known)


# -- Lookup --------------------------------------------------------------------------------


def find(timeline: Timeline, identity: Identity) -> AnyEvent | None:
    """Return the event of that identity as recorded, or None; O(n)."""
    for events in (timeline.corrections, timeline.recorded):
        for event in events:
            if event.source_seq == identity[1] and event.source == identity[0]:
                return event
    return None


def lap_event(timeline: Timeline, car: str, lap: int) -> AnyEvent:
    """Return the LapCompleted of a car's lap. Raises UnknownCar and UnknownLap."""
    check_lap(timeline.race, car, lap)
    for event in timeline.events:
        if isinstance(event, LapCompleted) and (event.car, event.lap) == (car, lap):
            return event
    raise UnknownLap(car, lap, timeline.race.laps.laps[car][-1].lap)


def result_rows(race: Race, convention: Convention) -> tuple[ResultRow, ...]:
    """Return the current classification as rows to declare. Raises RaceNotOver.

    A car still on its last lap is classified in its current place.
    """
    check_over(race)
    return tuple(
        ResultRow(
            position=row.position,
            car=row.car,
            car_class=row.car_class,
            status=_declared(row.status),
            laps=row.laps,
            total_ms=row.total_ms,
            best_lap_ms=best.ms if (best := race.laps.best.get(row.car)) else None,
            best_lap=best.lap if best else None,
        )
        for row in classify(race, convention)
    )


def _declared(status: str) -> ResultStatus:
    return "classified" if status == "running" else cast("ResultStatus", status)


# -- State, reversal and description -------------------------------------------------------


def state_of(timeline: Timeline, event: AnyEvent) -> str:
    """Return the state of a decision.

    ``voided``; for a penalty ``owed`` (to be served), ``served``, ``converted`` (owed in its
    new form) or ``rescinded``; otherwise ``in force``, as for penalties that simply count.
    """
    if event.identity in timeline.voided:
        return "voided"
    if isinstance(event, PenaltyImposed):
        penalty = timeline.race.stewards.penalties.get(event.penalty_id)
        if penalty is None:
            return "owed" if event.kind in TO_SERVE else "in force"
        if penalty.status in ("imposed", "converted") and penalty.kind not in TO_SERVE:
            return "in force"
        return "owed" if penalty.status == "imposed" else penalty.status
    return "in force"


def undo_of(timeline: Timeline, event: AnyEvent) -> dict[str, object] | None:
    """Return the members of the event that reverses a decision; None if nothing does."""
    state = state_of(timeline, event)
    if state in ("voided", "rescinded") or isinstance(event, HOLDS):
        return None
    if isinstance(event, PenaltyImposed):
        return {"type": "penalty_rescinded", "penalty_id": event.penalty_id}
    source, number = event.identity
    return {"type": "event_voided", "voided_source": source, "voided_seq": number}


def describe(  # noqa: C901, PLR0912 (an arm for each decision)
    timeline: Timeline, event: AnyEvent, within: tuple[Identity, ...] = ()
) -> str:
    """Describe a decision in a few words; ``within`` are the voids that it is described for."""
    match event:
        case FlagShown(flag=flag, sector=sector):
            return f"{flag_name(flag)} flag" + (f", sector {sector}" if sector else "")
        case SafetyCarDeployed():
            return "safety car deployed"
        case SafetyCarWithdrawn():
            return "safety car withdrawn"
        case PitLaneOpened(classes=classes):
            return "pit lane opened" + _for(classes)
        case PitLaneClosed(classes=classes):
            return "pit lane closed" + _for(classes)
        case WaveByGiven(cars=cars):
            return f"wave-by: {', '.join(cars)}"
        case PassAroundGiven(cars=cars):
            return f"pass-around: {', '.join(cars)}"
        case RaceControlMessage(text=text):
            return f"message: {text}"
        case ResultDeclared(status=status):
            return f"result declared {status}"
        case SegmentStarted(name=name, classes=classes):
            return f"{name} begun" + _for(classes)
        case SessionResumed(reason=reason):
            return "session resumed" + (f" ({reason})" if reason else "")
        case OutputFrozen(output=output):
            return f"output {output} frozen"
        case OutputReleased(output=output):
            return f"output {output} released"
        case LapCompleted(car=car, lap=lap):
            return f"#{car}: lap {lap}"
        case PenaltyServed(penalty_id=name):
            return f"{_penalty(timeline, name)} served"
        case PenaltyRescinded(penalty_id=name, reason=reason):
            return f"{_penalty(timeline, name)} rescinded" + (f" ({reason})" if reason else "")
        case PenaltyConverted(penalty_id=name, kind=kind, amount=amount, reason=reason):
            to = penalty_noun(kind, amount)
            return f"{_penalty(timeline, name)} becomes {to}" + (f" ({reason})" if reason else "")
        case EventVoided():
            return _voided(timeline, event, within)
        case _ if isinstance(event, DECISIONS):
            return describe_decision(event)
        case _:
            return plain(event.type)


def _voided(timeline: Timeline, void: EventVoided, within: tuple[Identity, ...]) -> str:
    identity = (void.voided_source, void.voided_seq)
    voided = find(timeline, identity)
    within = (*within, void.identity)
    if voided is None or identity in within:  # voids may name each other
        return f"{identity[0]} {identity[1]} voided ({void.reason})"
    text = describe(timeline, voided, within)
    if isinstance(voided, DECISIONS):
        return f"taken back: {text} ({void.reason})"
    return f"{text} voided ({void.reason})"


def _penalty(timeline: Timeline, name: str) -> str:
    """Describe the penalty as imposed."""
    for event in timeline.recorded:
        if isinstance(event, PenaltyImposed) and event.penalty_id == name:
            return f"#{event.car}: {penalty_noun(event.kind, event.amount)}"
    return f"penalty {name}"


def _for(classes: tuple[str, ...]) -> str:
    return f" for {', '.join(classes)}" if classes else ""
