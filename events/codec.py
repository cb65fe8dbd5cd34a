"""Events to bytes and back.

An entry of the log holds one event as one line of JSON. Reading is strict: an unknown
member, a number written as text or a missing identity is an error, never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from events.base import Event
from events.catalogue import EVENT_TYPES, AnyEvent
from events.errors import NewerEventVersion, UnknownEventType, UnreadableEvent
from events.upcasting import UPCASTS, Upcast, upcast

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])
_validate_json = _ADAPTER.validate_json


def encode(event: Event) -> bytes:
    """The event as one line of JSON: the same event always gives the same bytes."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def decode(raw: bytes | str) -> AnyEvent:
    """The event that these bytes are, brought to the newest version.

    Raises UnreadableEvent for bytes that are no event, UnknownEventType and
    NewerEventVersion for an event that a newer lapstream wrote.
    """
    try:
        return _validate_json(raw)
    except ValidationError as invalid:
        return _decode_slowly(raw, invalid)


def decode_payload(payload: Mapping[str, Any]) -> AnyEvent:
    """Like ``decode``, for a payload that is already a dictionary of JSON values."""
    return decode(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))


def first_fault(invalid: ValidationError) -> str:
    """The first thing wrong, as "member: what is wrong, with value"."""
    fault = invalid.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in fault["loc"][1:] or fault["loc"]) or "event"
    value = repr(fault.get("input"))
    if len(value) > 60:
        value = value[:57] + "..."
    return f"{where}: {fault['msg']}, with {value}"


def _decode_slowly(
    raw: bytes | str,
    invalid: ValidationError,
    steps: Mapping[tuple[str, int], Upcast] = UPCASTS,
) -> AnyEvent:
    """Tell an event of another version from bytes that are no event at all."""
    as_bytes = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableEvent(as_bytes, f"not JSON ({error})") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise UnreadableEvent(as_bytes, "no JSON object with a type")
    known = EVENT_TYPES.get(payload["type"])
    if known is None:
        raise UnknownEventType(payload["type"])
    version = payload.get("v", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise UnreadableEvent(as_bytes, f"v: not a version, with {version!r}")
    if version > known.VERSION:
        raise NewerEventVersion(payload["type"], version, known.VERSION)
    if version == known.VERSION:
        raise UnreadableEvent(as_bytes, first_fault(invalid))
    try:
        return _ADAPTER.validate_json(json.dumps(upcast(payload, known.VERSION, steps)))
    except ValidationError as still_invalid:
        raise UnreadableEvent(as_bytes, first_fault(still_invalid)) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of every event, for programs in other languages."""
    schema = _ADAPTER.json_schema(ref_template="#/$defs/{model}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lapstream event",
        **schema,
    }


assert set(get_args(AnyEvent)) == set(EVENT_TYPES.values())
