"""Events from HTTP: reading and validating bodies, and the rate limit of producers."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from events import AnyEvent, check_names, decode
from events.codec import shortened
from events.errors import (
    NewerEventVersion,
    UndecodableEvent,
    UnfitName,
    UnknownEventType,
    UnreadableEvent,
)
from services.gateway.errors import FieldError, RequestRefused, field_errors

MOST_EVENTS = 1000
"""The events of a batch."""

BURST_SECONDS = 5.0
"""A silent producer saves up as many events as its rate gives in so many seconds."""

MOST_PRODUCERS = 10_000
"""The producers that the rate limit remembers."""

_EVENT: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])


class RateLimit:
    """A limit on the events per second of each producer (a token bucket)."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(per_second * BURST_SECONDS, MOST_EVENTS)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, producer: str, events: int) -> float:
        """Count events of a producer; 0, or the seconds until so many are allowed."""
        now = self._clock()
        left, then = self._left.pop(producer, (self._most, now))
        left = min(self._most, left + (now - then) * self._per_second)
        allowed = left >= events
        self._left[producer] = (left - events if allowed else left, now)
        # The one that was silent longest has its full allowance anyway.
        if len(self._left) > MOST_PRODUCERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (events - left) / self._per_second


def read_events(body: bytes) -> list[AnyEvent]:
    """The events of a body (one, or a list), decoded and with valid names.

    Raises RequestRefused with every fault of every event.
    """
    try:
        payloads = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RequestRefused(422, f"the body is not JSON: {error}", [_whole(str(error))]) from None
    if isinstance(payloads, dict):
        payloads = [payloads]
    if not isinstance(payloads, list) or not payloads:
        raise RequestRefused(
            422, "the body is neither an event nor a list of events", [_whole("empty")]
        )
    if len(payloads) > MOST_EVENTS:
        raise RequestRefused(413, f"{len(payloads)} events at once; {MOST_EVENTS} are allowed")
    events: list[AnyEvent] = []
    faults: list[FieldError] = []
    for index, payload in enumerate(payloads):
        raw = to_json(payload)  # events are strict in JSON: a tuple is written as a list
        try:
            event = decode(raw)
            check_names(event)
            events.append(event)
        except UndecodableEvent as error:
            faults += _faults(raw, payload, error, index)
        except UnfitName as unfit:
            reason = "control characters are not allowed in a name"
            faults.append(_fault(unfit.member, unfit.value, reason, index))
    if faults:
        first = faults[0]
        where = f"event {first.index}: {first.field}: {first.reason}"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise RequestRefused(422, where + more, faults)
    return events


def _whole(reason: str) -> FieldError:
    return FieldError(field="body", reason=reason)


def _fault(member: str, value: object, reason: str, index: int) -> FieldError:
    return FieldError(field=member, value=shortened(value), reason=reason, index=index)


def _faults(raw: bytes, payload: Any, error: UndecodableEvent, index: int) -> list[FieldError]:
    """Every field of one event that is wrong."""
    match error:
        case UnknownEventType(type_name=name):
            return [
                FieldError(field="type", value=shortened(name), reason="no such event", index=index)
            ]
        case NewerEventVersion(version=number):
            return [FieldError(field="v", value=str(number), reason="too new", index=index)]
    if not isinstance(payload, dict):
        return [
            FieldError(field="event", value=shortened(payload), reason="not an object", index=index)
        ]
    if not isinstance(payload.get("type"), str):
        reason = "the name of an event is needed, such as pit_entered"
        return [
            FieldError(
                field="type", value=shortened(payload.get("type")), reason=reason, index=index
            )
        ]
    try:
        _EVENT.validate_json(raw)
    except ValidationError as invalid:
        return field_errors(invalid, skip=1, index=index)
    reason = error.reason if isinstance(error, UnreadableEvent) else str(error)
    return [FieldError(field="event", value=shortened(payload), reason=reason, index=index)]
