"""Planning decisions: a session and a batch of decisions in, events or a refusal out.

A refusal names the field, its value, and the index of the decision.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from events import AnyEvent, LapTimeDeleted, SeasonOpened, check_names
from events.clock import format_clock, parse_clock
from events.codec import shortened
from events.errors import (
    AlreadyVoided,
    BadDecision,
    BadHypothesis,
    BadMoment,
    LapstreamError,
    PenaltyNotInForce,
    RaceNotOver,
    UnknownCar,
    UnknownClass,
    UnknownEvent,
    UnknownLap,
    UnknownPenalty,
)
from projections.race import Race
from projections.results.classification import Convention
from projections.results.decisions import DECISIONS, Decision, check, lap_event, result_rows
from projections.results.provisional import own_pack
from projections.results.time_lost import effects, lost_on_road, penalties_in
from projections.results.whatif import KINDS, WithdrawnTime, withdrawn_effects
from projections.timeline import Timeline
from projections.views.freshness import patience_ms, ran_on_ms
from projections.views.moments import moment_of
from projections.views.session_line import clock_running
from services.gateway.errors import FieldError, RequestRefused, field_errors
from services.queries.explanations import ClassificationPoints, differing_rows
from services.queries.race_cache import KnownRace
from services.queries.tables.columns import Row

AHEAD_MS = 2_000
"""How far a desk's clock may be ahead of this one (ms)."""

UNBOUNDED = 2**53
"""The end of a span without one (ms)."""

SET_BY_GATEWAY = frozenset(
    {"v", "at", "source", "source_seq", "by", "basis", "penalty_id", "rows", "rows_basis"}
)
NAMES_A_PENALTY = ("penalty_served", "penalty_converted", "penalty_rescinded")

Payload = Mapping[str, Any]
_TYPES = tuple(model.model_fields["type"].default for model in DECISIONS)
_DECISION: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[Decision, Field(discriminator="type")])


class DecisionPlan(NamedTuple):
    """The events of a batch; ``recorded`` says that the log has them already."""

    events: Sequence[AnyEvent]
    recorded: bool


class DecisionBatch(NamedTuple):
    """Decisions: by whom, when, and the identity of the first event."""

    decisions: Sequence[Payload]
    source: str
    source_seq: int
    by: str
    at: int | str | None
    """Session time in ms, or a moment as users write it; None for now."""


def plan(known: KnownRace, batch: DecisionBatch, now_ms: float) -> DecisionPlan:
    """The events of a batch. Raises RequestRefused."""
    if any(isinstance(event, SeasonOpened) for event in known.timeline.events[:1]):
        raise RequestRefused(409, "this is a season: decide in the session of a round")
    recorded = _recorded(known, batch)
    if recorded:
        return DecisionPlan(recorded, True)
    at = session_time(known, batch.at, now_ms)
    events = [_event(known.timeline, index, at, batch) for index in range(len(batch.decisions))]
    for index, event in enumerate(events):
        with _refusing(index, batch.decisions[index]):
            check_names(event)
            check(known.timeline, event)
    return DecisionPlan(events, False)


class Preview(NamedTuple):
    """The timeline with the events of a batch, the cars with a change, and what penalties do."""

    timeline: Timeline
    changes: Sequence[Row]
    effects: Sequence[str]


def would_change(timeline: Timeline, events: Sequence[AnyEvent]) -> Preview:
    """Preview the events of a batch."""
    race, pack = timeline.race, own_pack(timeline.race)
    found = effects(race, Convention.of(pack).penalties, penalties_in(race, events))
    deleted = (event for event in events if isinstance(event, LapTimeDeleted))
    found += withdrawn_effects(race, [WithdrawnTime(one.car, one.lap) for one in deleted])
    before = ClassificationPoints.of(race, pack)
    then = timeline.fork()  # the cached one is shared
    then.add(events)
    after = ClassificationPoints.of(then.race, pack, lost_on_road(found))
    return Preview(then, differing_rows(before, after), [effect.text for effect in found])


def session_time(known: KnownRace, wanted: int | str | None, now_ms: float) -> int:
    """The session time of a decision (ms). Raises RequestRefused for the future.

    By default the clock has run on from the newest event, but not further than the field can be
    silent. A desk that knows a later time may state it.
    """
    race = known.timeline.race
    running = clock_running(race)
    age = max(0, int(now_ms) - known.known_at)
    match wanted:
        case None:
            return race.at + ran_on_ms(running, age, patience_ms(race))
        case int():
            latest = race.at + (age if running else 0)
            if wanted > latest + AHEAD_MS:
                reason = f"later than the session clock, which is at {format_clock(latest)}"
                raise refusal(422, "at_ms", str(wanted), reason)
            return wanted
        case str():
            with _refusing(None, {"at": wanted}):
                return moment_of(wanted, race)


def refusal(
    status: int, field: str, value: str | None, reason: str, index: int | None = None
) -> RequestRefused:
    """A refusal for one field."""
    return RequestRefused(
        status,
        f"{field}: {reason}",
        [FieldError(field=field, value=value, reason=reason, index=index)],
    )


# -- Repeated requests ---------------------------------------------------------------------


def _recorded(known: KnownRace, batch: DecisionBatch) -> list[AnyEvent]:
    """The events with these identities if the log has them: none, or all.

    Raises RequestRefused for numbers that belong to other decisions.
    """
    numbers = range(batch.source_seq, batch.source_seq + len(batch.decisions))
    found = {
        event.source_seq: event
        for _, event in reversed(known.decided)
        if event.source == batch.source and event.source_seq in numbers
    }
    events = [found[number] for number in numbers if number in found]
    if events and not (
        len(events) == len(numbers) and all(map(_is_event_of, events, batch.decisions))
    ):
        value = str(batch.source_seq)
        raise refusal(409, "source_seq", value, "this number is of another decision", 0)
    return events


def _is_event_of(event: AnyEvent, payload: Payload) -> bool:
    """Whether the event can be that of the decision. Times are not compared: they may be text."""
    return payload.get("type") == event.type and all(
        getattr(event, name) == payload[name]
        for name in ("car", "kind", "flag", "penalty_id", "status", "lap", "amount")
        if name in payload and name in type(event).model_fields
    )


# -- From a decision to an event -----------------------------------------------------------

_CLOCKS = ("completed_at", "lap_time_ms")


def _event(timeline: Timeline, index: int, at: int, batch: DecisionBatch) -> AnyEvent:
    """The event of one decision. Raises RequestRefused."""
    payload = batch.decisions[index]
    number = batch.source_seq + index
    if payload.get("type") not in _TYPES:
        reason = f"not a decision; there are {', '.join(_TYPES)}"
        raise refusal(422, "type", shortened(payload.get("type")), reason, index)
    _refuse_set_members(payload, index)
    with _refusing(index, payload):
        members = _completed(timeline, dict(payload))
    if payload.get("type") == "penalty_imposed":
        members["penalty_id"] = f"{batch.source}-{number}"
    head = {"at": at, "source": batch.source, "source_seq": number, "by": batch.by}
    try:
        # Strict models accept a list for a tuple only from JSON.
        return _DECISION.validate_json(json.dumps({**members, **head}))
    except ValidationError as invalid:
        faults = field_errors(invalid, skip=1, index=index)
        raise RequestRefused(422, f"{faults[0].field}: {faults[0].reason}", faults) from None


def _refuse_set_members(payload: Payload, index: int) -> None:
    """Raise RequestRefused for members that the gateway sets."""
    for name in payload:
        names = name == "penalty_id" and payload.get("type") in NAMES_A_PENALTY
        if name in SET_BY_GATEWAY and not names:
            raise refusal(422, name, shortened(payload[name]), "this is set by the gateway", index)


def _completed(timeline: Timeline, members: dict[str, Any]) -> dict[str, Any]:
    """The members with what users write turned into what events have."""
    race = timeline.race
    match members.get("type"):
        case "event_voided" if "car" in members or "lap" in members:
            _name_lap(timeline, members)
        case "crossings_reassigned":
            _span(race, members)
        case "lap_amended" | "crossing_inserted":
            for name in _CLOCKS:
                if isinstance(members.get(name), str):
                    members[name] = _clock(name, members[name])
        case "result_declared":
            rows = result_rows(race, Convention.of(own_pack(race)))
            members["rows"] = [row.model_dump() for row in rows]
            members["rows_basis"] = "recorded"
        case _:
            pass
    return members


def _name_lap(timeline: Timeline, members: dict[str, Any]) -> None:
    """Replace the car and the number of a lap by the identity of its event."""
    car, lap = members.pop("car", None), members.pop("lap", None)
    if not isinstance(car, str) or not car:
        raise BadDecision("car", "name the car")
    if type(lap) is not int:  # `isinstance` would accept a bool
        raise BadDecision("lap", "name the lap by its number")
    event = lap_event(timeline, car, lap)
    members["voided_source"], members["voided_seq"] = event.identity


def _span(race: Race, members: dict[str, Any]) -> None:
    for name, otherwise in (("start", -UNBOUNDED), ("end", UNBOUNDED)):
        value = members.get(name)
        if value is None:
            members[name] = otherwise
        elif isinstance(value, str):
            try:
                members[name] = moment_of(value, race)
            except BadMoment as error:
                raise BadDecision(name, error.reason) from None


def _clock(name: str, text: str) -> int:
    try:
        return parse_clock(text)
    except ValueError as error:
        raise BadDecision(name, str(error)) from None


# -- Refusals ------------------------------------------------------------------------------


@contextlib.contextmanager
def _refusing(index: int | None, payload: Payload) -> Iterator[None]:
    """Turn the errors of the rules into RequestRefused, with the field."""
    try:
        yield
    except LapstreamError as error:
        status = 409 if isinstance(error, _CONFLICTS) else 422
        field, reason = _field(error, payload)
        value = None if payload.get(field) is None else shortened(payload[field])
        fault = FieldError(field=field, value=value, reason=reason, index=index)
        raise RequestRefused(status, str(error), [fault]) from None


_CONFLICTS = (PenaltyNotInForce, AlreadyVoided, RaceNotOver)
"""Errors of valid decisions that do not fit the state of the session."""


def _field(error: LapstreamError, payload: Payload) -> tuple[str, str]:
    """The member that is wrong, and the reason."""
    match error:
        case BadDecision(member=member, reason=reason):
            return member, reason
        case BadHypothesis(reason=reason):
            return ("amount" if payload.get("kind") in KINDS else "kind"), reason
        case BadMoment(reason=reason):
            return "at", reason
        case UnknownCar(car=car):
            named = (name for name in ("car", "from_car", "to_car") if payload.get(name) == car)
            return next(named, "cars"), str(error)
        case UnknownClass():
            return "classes", str(error)
        case UnknownLap():
            return "lap", str(error)
        case UnknownPenalty() | PenaltyNotInForce():
            return "penalty_id", str(error)
        case UnknownEvent() | AlreadyVoided():
            return "voided_seq", str(error)
        case RaceNotOver():
            return "status", str(error)
        case _:
            return "type", str(error)
