"""What race control's decisions come to: the events to append, or why they cannot be.

A session as it is known and what is wanted go in; events come out, or a refusal that names
the field, its value, and which decision of several it is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from events import AnyEvent, SeasonOpened
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
from projections.results.whatif import KINDS
from projections.timeline import Timeline
from projections.views.freshness import patience_ms, ran_on_ms
from projections.views.moments import moment_of
from projections.views.session_line import clock_running
from services.gateway.errors import FieldError, RequestRefused, field_errors
from services.queries.explanations import ClassificationPoints, differing_rows
from services.queries.race_cache import KnownRace
from services.queries.tables.columns import Row

AHEAD_MS = 2_000
"""How far a desk's clock may be ahead of this one."""

ALWAYS = 2**53
"""The end of a span that has none."""

SET_HERE = frozenset(
    {"v", "at", "source", "source_seq", "by", "basis", "penalty_id", "rows", "rows_basis"}
)
NAMES_A_PENALTY = ("penalty_served", "penalty_converted", "penalty_rescinded")

Payload = Mapping[str, Any]
_TYPES = tuple(model.model_fields["type"].default for model in DECISIONS)
_DECISION: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[Decision, Field(discriminator="type")])


class Plan(NamedTuple):
    """The events of a decision; ``there`` says that the log holds them already."""

    events: Sequence[AnyEvent]
    there: bool


class Wanted(NamedTuple):
    """What is wanted: by whom, when, and the identity of the first."""

    decisions: Sequence[Payload]
    source: str
    source_seq: int
    by: str
    at: int | str | None
    """ms on the session clock, or a moment as people name it; None for now."""


def plan(known: KnownRace, wanted: Wanted, now_ms: float) -> Plan:
    """The events that are decided, to be appended. Raises RequestRefused, naming each fault."""
    if any(isinstance(event, SeasonOpened) for event in known.timeline.events[:1]):
        raise RequestRefused(409, "this is a season: decide in the session of a round")
    there = _there(known, wanted)
    if there:
        return Plan(there, True)
    at = moment(known, wanted.at, now_ms)
    events = [_event(known.timeline, index, at, wanted) for index in range(len(wanted.decisions))]
    for index, event in enumerate(events):
        with _naming(index, wanted.decisions[index]):
            check(known.timeline, event)
    return Plan(events, False)


def would_change(timeline: Timeline, events: Sequence[AnyEvent]) -> tuple[Timeline, Sequence[Row]]:
    """The timeline as it would be, and the cars of which anything would be other than now."""
    then = timeline.fork()
    then.add(events)
    pack = own_pack(timeline.race)
    before, after = (
        ClassificationPoints.of(timeline.race, pack),
        ClassificationPoints.of(then.race, pack),
    )
    return then, differing_rows(before, after)


def moment(known: KnownRace, wanted: int | str | None, now_ms: float) -> int:
    """When it is decided, on the session clock (ms). Raises RequestRefused for the future.

    The clock runs on from the newest event, but not away from a source that is silent. A
    desk that knows more of the clock than that may say so.
    """
    race = known.timeline.race
    running = clock_running(race)
    age = max(0, int(now_ms) - known.learned)
    match wanted:
        case None:
            return race.at + ran_on_ms(running, age, patience_ms(race))
        case int():
            latest = race.at + (age if running else 0)
            if wanted > latest + AHEAD_MS:
                reason = f"the session has come to {format_clock(latest)}, not so far"
                raise refusal(422, "at_ms", str(wanted), reason)
            return wanted
        case str():
            with _naming(None, {"at": wanted}):
                return moment_of(wanted, race)


def refusal(
    status: int, field: str, value: str | None, reason: str, index: int | None = None
) -> RequestRefused:
    """A refusal that names one fault."""
    return RequestRefused(
        status,
        f"{field}: {reason}",
        [FieldError(field=field, value=value, reason=reason, index=index)],
    )


# -- What is there already -----------------------------------------------------------------


def _there(known: KnownRace, wanted: Wanted) -> list[AnyEvent]:
    """The events of these identities, where the log holds them; none, or all."""
    numbers = range(wanted.source_seq, wanted.source_seq + len(wanted.decisions))
    found = {
        event.source_seq: event
        for _, event in reversed(known.decided)
        if event.source == wanted.source and event.source_seq in numbers
    }
    events = [found[number] for number in numbers if number in found]
    if events and not (
        len(events) == len(numbers) and all(map(_is_told_by, events, wanted.decisions))
    ):
        value = str(wanted.source_seq)
        raise refusal(409, "source_seq", value, "this number is of another decision", 0)
    return events


def _is_told_by(event: AnyEvent, payload: Payload) -> bool:
    """Whether the event can have been made of this; times may have been written as text."""
    return payload.get("type") == event.type and all(
        getattr(event, name) == payload[name]
        for name in ("car", "kind", "flag", "penalty_id", "status", "lap", "amount")
        if name in payload and name in type(event).model_fields
    )


# -- From what is wanted to an event -------------------------------------------------------

_CLOCKS = ("completed_at", "lap_time_ms")


def _event(timeline: Timeline, index: int, at: int, wanted: Wanted) -> AnyEvent:
    """The event of one decision. Raises RequestRefused."""
    told = wanted.decisions[index]
    number = wanted.source_seq + index
    if told.get("type") not in _TYPES:
        reason = f"no decision; there are {', '.join(_TYPES)}"
        raise refusal(422, "type", shortened(told.get("type")), reason, index)
    _refuse_what_is_set_here(told, index)
    with _naming(index, told):
        members = _completed(timeline, dict(told))
    if told.get("type") == "penalty_imposed":
        members["penalty_id"] = f"{wanted.source}-{number}"
    head = {"at": at, "source": wanted.source, "source_seq": number, "by": wanted.by}
    try:
        return _DECISION.validate_json(json.dumps({**members, **head}))
    except ValidationError as invalid:
        faults = field_errors(invalid, skip=1, index=index)
        raise RequestRefused(422, f"{faults[0].field}: {faults[0].reason}", faults) from None


def _refuse_what_is_set_here(told: Payload, index: int) -> None:
    for name in told:
        names = name == "penalty_id" and told.get("type") in NAMES_A_PENALTY
        if name in SET_HERE and not names:
            raise refusal(422, name, shortened(told[name]), "this is set by the gateway", index)


def _completed(timeline: Timeline, members: dict[str, Any]) -> dict[str, Any]:
    """The members with what people write turned into what events say."""
    race = timeline.race
    match members.get("type"):
        case "event_voided" if "car" in members or "lap" in members:
            _name_lap(timeline, members)
        case "crossings_reassigned":
            _span(race, members)
        case "lap_amended":
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
    """Put the identity of the lap in the place of its car and number."""
    car, lap = members.pop("car", None), members.pop("lap", None)
    if not isinstance(car, str) or not car:
        raise BadDecision("car", "name the car")
    if type(lap) is not int:  # a bool is one, too
        raise BadDecision("lap", "name the lap by its number")
    event = lap_event(timeline, car, lap)
    members["voided_source"], members["voided_seq"] = event.identity


def _span(race: Race, members: dict[str, Any]) -> None:
    for name, otherwise in (("start", -ALWAYS), ("end", ALWAYS)):
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


# -- Saying what is wrong ------------------------------------------------------------------


@contextlib.contextmanager
def _naming(index: int | None, told: Payload) -> Iterator[None]:
    """Have what cannot be decided refused, with its field."""
    try:
        yield
    except LapstreamError as error:
        status = 409 if isinstance(error, _NOT_SO) else 422
        field, reason = _field(error, told)
        value = None if told.get(field) is None else shortened(told[field])
        fault = FieldError(field=field, value=value, reason=reason, index=index)
        raise RequestRefused(status, str(error), [fault]) from None


_NOT_SO = (PenaltyNotInForce, AlreadyVoided, RaceNotOver)
"""What is well said, and not so (any more)."""


def _field(error: LapstreamError, told: Payload) -> tuple[str, str]:
    """The member that is wrong, and why."""
    match error:
        case BadDecision(member=member, reason=reason):
            return member, reason
        case BadHypothesis(reason=reason):
            return ("amount" if told.get("kind") in KINDS else "kind"), reason
        case BadMoment(reason=reason):
            return "at", reason
        case UnknownCar(car=car):
            named = (name for name in ("car", "from_car", "to_car") if told.get(name) == car)
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
