"""Events to bytes and back.

An entry of the log holds one event as one line of JSON. Reading is strict: an unknown
member, a number written as text or a missing identity is an error, never a guess. Of a
member that is written twice the last counts, as almost every reader of JSON has it.
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
    """Reads the events of a catalogue, older versions of them included.

    ``catalogue`` is a union of event models, ``steps`` their upcasts. Raises LookupError
    where a step from an older version to the newest is missing.
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
        # The adapter's own method is one more call in Python, an eighth of the time.
        self._validate_json: Callable[[bytes | str], E] = self._adapter.validator.validate_json
        self._members = {model: set(model.model_fields) for model in get_args(catalogue)}

    def decode(self, raw: bytes | str) -> E:
        """The event that these bytes are, brought to the newest version.

        Raises UnreadableEvent for bytes that are no event, UnknownEventType and
        NewerEventVersion for an event that a newer lapstream wrote.
        """
        try:
            event = self._validate_json(raw)
        except ValidationError as invalid:
            return self._decode_slowly(raw, invalid)
        # Without ``v`` it is of version 1, which happens to look like the newest.
        if event.VERSION != 1 and "v" not in event.model_fields_set:
            return self._decode_older(as_bytes(raw), from_json(raw))
        # A set of its own, of the members that were written, is most of an event's memory.
        _set_members(event, self._members[type(event)])
        return event

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of every event of the catalogue, in its newest version."""
        schema = self._adapter.json_schema(ref_template="#/$defs/{model}")
        for model in get_args(self._catalogue):  # to us the type has a default
            schema["$defs"][model.__name__]["required"].append("type")
        return schema

    def _refuse_broken_chains(self) -> None:
        needed = {
            (name, version) for name, newest in self._newest.items() for version in range(1, newest)
        }
        if broken := sorted(needed ^ set(self._steps)):
            raise LookupError(f"these upcasts are missing, or lead nowhere: {broken}")

    def _decode_slowly(self, raw: bytes | str, invalid: ValidationError) -> E:
        """Tell an event of another version from bytes that are no event at all."""
        data = as_bytes(raw)
        try:
            payload = from_json(data)
        except ValueError as error:
            raise UnreadableEvent(data, f"not JSON ({error})") from None
        if not isinstance(payload, dict):
            raise UnreadableEvent(data, "not a JSON object")
        name = payload.get("type")
        if not isinstance(name, str):
            raise UnreadableEvent(data, f"type: not the name of a type, with {shown(name)}")
        if name not in self._newest:
            raise UnknownEventType(name)
        version = payload.get("v", 1)
        if type(version) is not int or version < 1:
            raise UnreadableEvent(data, f"v: not a version, with {shown(version)}")
        if version > self._newest[name]:
            raise NewerEventVersion(name, version, self._newest[name])
        if version == self._newest[name]:
            raise UnreadableEvent(data, first_fault(invalid))
        return self._decode_older(data, payload)

    def _decode_older(self, data: bytes, payload: Payload) -> E:
        try:
            newest = upcast(payload, self._newest[payload["type"]], self._steps)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            older = f"of version {payload.get('v', 1)}, and not as that version was"
            raise UnreadableEvent(data, f"{older} ({type(error).__name__}: {error})") from None
        try:
            return self._validate_json(to_json(newest, inf_nan_mode="constants"))
        except ValidationError as invalid:
            raise UnreadableEvent(data, first_fault(invalid)) from None


_DECODER: Decoder[AnyEvent] = Decoder(AnyEvent, UPCASTS)
decode = _DECODER.decode


def encode(event: Event) -> bytes:
    """The event as one line of JSON: the same event always gives the same bytes."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def decode_payload(payload: Mapping[str, Any]) -> AnyEvent:
    """Like ``decode``, for a payload that is already a dictionary of JSON values."""
    try:
        raw = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        members = ", ".join(shown(member) for member in payload).encode()
        raise UnreadableEvent(members, f"not a payload of JSON values ({error})") from None
    return decode(raw)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of every event, for programs in other languages."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lapstream event",
        **_DECODER.json_schema(),
    }


# -- Saying what is wrong ----------------------------------------------------------------


def first_fault(invalid: ValidationError) -> str:
    """The first thing wrong, as "member: what is wrong, with value"."""
    fault = invalid.errors(include_url=False, include_context=False)[0]
    path = fault["loc"][1:]  # the first step is the type
    where = ".".join(_step(step) for step in path) or "event"
    wrong = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{where}: {wrong}"
    return f"{where}: {wrong}, with {shown(fault['input'])}"


def _step(step: int | str) -> str:
    """A member's name; one that we would never write, as a literal on one line."""
    return str(step) if isinstance(step, int) or _MEMBER.fullmatch(step) else shown(step)


def shown(value: object) -> str:
    """The value as one short line."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "..."


def as_bytes(raw: bytes | str) -> bytes:
    """The bytes, whatever the text."""
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw


assert set(get_args(AnyEvent)) == set(EVENT_TYPES.values())
