"""Codec of events: JSON bytes to models and back.

A log entry holds one event as one line of JSON. Decoding is strict: an unknown member, a
number written as text or a missing identity is an error. Of a repeated member the last
counts, as in almost every JSON parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from events.base import Event
from events.catalogue import EVENT_TYPES, AnyEvent
from events.errors import NewerEventVersion, UnknownEventType, UnreadableEvent
from events.upcasting import UPCASTS, Payload, Upcast, upcast

E = TypeVar("E", bound=Event)

_set_members = vars(BaseModel)["__pydantic_fields_set__"].__set__
_MEMBER = re.compile(r"\w{1,64}", re.ASCII)


class Decoder(Generic[E]):
    """Decoder for a catalogue of events, including their older versions.

    ``catalogue`` is a union of event models, ``steps`` their upcasts. Raises LookupError
    if a step from an older version to the newest is missing.
    """

    def __init__(self, catalogue: Any, steps: Mapping[tuple[str, int], Upcast]) -> None:
        self._catalogue = catalogue
        self._steps = steps
        self._newest: dict[str, int] = {
            model.model_fields["type"].default: model.VERSION for model in get_args(catalogue)
        }
        self._refuse_broken_chains()
        self._adapter: TypeAdapter[E] = TypeAdapter(
            Annotated[catalogue, Field(discriminator="type")]
        )
        # Bypassing the adapter's own method saves a Python call, an eighth of the time.
        self._validate_json: Callable[[bytes | str], E] = self._adapter.validator.validate_json
        self._members = {model: set(model.model_fields) for model in get_args(catalogue)}

    def decode(self, raw: bytes | str) -> E:
        """Decode an event, upcasting it to the newest version.

        Raises UnreadableEvent for bytes that are not an event; UnknownEventType and
        NewerEventVersion for an event written by a newer lapstream.
        """
        try:
            event = self._validate_json(raw)
        except ValidationError as invalid:
            return self._decode_slowly(raw, invalid)
        # Without ``v`` the payload is of version 1, but happens to validate as the newest.
        if event.VERSION != 1 and "v" not in event.model_fields_set:
            return self._decode_older(as_bytes(raw), from_json(raw))
        # Sharing one set per model saves most of an event's memory: pydantic gives each event
        # a set of its own, of the members present in the payload.
        _set_members(event, self._members[type(event)])
        return event

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of all events of the catalogue, in their newest versions."""
        schema = self._adapter.json_schema(ref_template="#/$defs/{model}")
        # `type` has a default in Python, but is required in JSON.
        for model in get_args(self._catalogue):
            schema["$defs"][model.__name__]["required"].append("type")
        return schema

    def _refuse_broken_chains(self) -> None:
        needed = {
            (name, version) for name, newest in self._newest.items() for version in range(1, newest)
        }
        if broken := sorted(needed ^ set(self._steps)):
            raise LookupError(f"missing or superfluous upcasts: {broken}")

    def _decode_slowly(self, raw: bytes | str, invalid: ValidationError) -> E:
        """Upcast an older event, or raise the error that explains why decoding failed."""
        data = as_bytes(raw)
        try:
            payload = from_json(data)
        except ValueError as error:
            raise UnreadableEvent(data, f"not JSON ({error})") from None
        if not isinstance(payload, dict):
            raise UnreadableEvent(data, "not a JSON object")
        name = payload.get("type")
        if not isinstance(name, str):
            raise UnreadableEvent(data, f"type: not the name of a type, with {shortened(name)}")
        if name not in self._newest:
            raise UnknownEventType(name)
        version = payload.get("v", 1)
        if type(version) is not int or version < 1:
            raise UnreadableEvent(data, f"v: not a version, with {shortened(version)}")
        if version > self._newest[name]:
            raise NewerEventVersion(name, version, self._newest[name])
        if version == self._newest[name]:
            raise UnreadableEvent(data, first_fault(invalid))
        return self._decode_older(data, payload)

    def _decode_older(self, data: bytes, payload: Payload) -> E:
        try:
            newest = upcast(payload, self._newest[payload["type"]], self._steps)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            older = f"not a valid payload of version {payload.get('v', 1)}"
            raise UnreadableEvent(data, f"{older} ({type(error).__name__}: {error})") from None
        try:
            return self._validate_json(to_json(newest, inf_nan_mode="constants"))
        except ValidationError as invalid:
            raise UnreadableEvent(data, first_fault(invalid)) from None


_DECODER: Decoder[AnyEvent] = Decoder(AnyEvent, UPCASTS)
decode = _DECODER.decode


def encode(event: Event) -> bytes:
    """Encode an event as one line of JSON; equal events give equal bytes."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def decode_payload(payload: Mapping[str, Any]) -> AnyEvent:
    """Like ``decode``, for a payload that is already a dictionary of JSON values."""
    try:
        raw = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        members = ", ".join(shortened(member) for member in payload).encode()
        raise UnreadableEvent(members, f"not a payload of JSON values ({error})") from None
    return decode(raw)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of all events, for programs in other languages."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lapstream event",
        **_DECODER.json_schema(),
    }


# -- Error messages ----------------------------------------------------------------------


def first_fault(invalid: ValidationError) -> str:
    """Describe the first validation error as ``member: error, with value``."""
    fault = invalid.errors(include_url=False, include_context=False)[0]
    path = fault["loc"][1:]  # the first step is the type
    where = ".".join(_step(step) for step in path) or "event"
    wrong = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{where}: {wrong}"
    return f"{where}: {wrong}, with {shortened(fault['input'])}"


def _step(step: int | str) -> str:
    """Return a member's name, quoted if it is not an identifier."""
    return str(step) if isinstance(step, int) or _MEMBER.fullmatch(step) else shortened(step)


def shortened(value: object) -> str:
    """Return the repr of a value, cut to one line of 60 characters."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = f"a {type(value).__name__} too long to print"
    return text if len(text) <= 60 else text[:57] + "..."


def as_bytes(raw: bytes | str) -> bytes:
    """Encode text to bytes, lone surrogates included; bytes are returned as they are."""
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw


assert set(get_args(AnyEvent)) == set(EVENT_TYPES.values())
