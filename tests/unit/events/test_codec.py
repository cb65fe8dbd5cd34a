"""Events to bytes and back, and everything that is no event."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import (
    EVENT_TYPES,
    AnyEvent,
    Event,
    LapCompleted,
    PitEntered,
    SessionOpened,
    decode,
    decode_payload,
    encode,
    json_schema,
)
from events.errors import NewerEventVersion, UndecodableEvent, UnknownEventType, UnreadableEvent
from tests.profiles import examples
from tests.strategies import events

ROOT = Path(__file__).resolve().parents[3]
PAYLOADS = {path.name: json.loads(path.read_text()) for path in ROOT.glob("tests/payloads/*.json")}
LAP = {
    "v": 1,
    "type": "lap_completed",
    "at": 70_000,
    "source": "timing",
    "source_seq": 7,
    "car": "007",
    "lap": 1,
    "lap_time_ms": 70_000,
}
MODELS = [pytest.param(model, id=name) for name, model in EVENT_TYPES.items()]
A_FEW = settings(
    max_examples=examples(25, few=5), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def without(member: str) -> dict[str, Any]:
    """A lap that lacks a member."""
    return {name: value for name, value in LAP.items() if name != member}


def written(**members: Any) -> bytes:
    """A lap's bytes, with these members as they are."""
    return json.dumps({**LAP, **members}).encode()


def spelled(member: str, literal: str) -> bytes:
    """A lap's bytes, with this member's value spelled out."""
    return written(**{member: "@"}).replace(b'"@"', literal.encode())


class TestRoundTrip:
    """What was written is read."""

    @pytest.mark.parametrize("model", MODELS)
    @A_FEW
    @given(data=st.data())
    def test_every_type(self, model: type[Event], data: st.DataObject) -> None:
        """decode(encode(e)) == e, and the same bytes again."""
        event = data.draw(events(model))
        raw = encode(event)
        assert decode(raw) == event
        assert encode(decode(raw)) == raw

    @A_FEW
    @given(events())
    def test_one_line_of_plain_json(self, event: AnyEvent) -> None:
        """Any reader of JSON can read an entry, and it is one line without nulls."""
        raw = encode(event)
        assert b"\n" not in raw
        payload = json.loads(raw)
        assert list(payload)[:2] == ["v", "type"]
        assert None not in payload.values()
        assert decode_payload(payload) == event

    @given(st.permutations(list(LAP)), st.sampled_from([None, 2]))
    def test_order_and_spaces_do_not_matter(self, members: list[str], indent: int | None) -> None:
        """However a program lays out its JSON, the event is the same to the byte."""
        payload = {name: LAP[name] for name in members}
        assert encode(decode(json.dumps(payload, indent=indent))) == encode(decode_payload(LAP))

    def test_text_and_bytes(self) -> None:
        """An event reads alike from text and from bytes."""
        assert decode(written().decode()) == decode(written())

    def test_lap_without_a_time(self) -> None:
        """A lap whose time is not known stays a lap."""
        lap = LapCompleted(at=5, source="timing", source_seq=0, car="7", lap=1, lap_time_ms=None)
        assert decode(encode(lap)) == lap

    def test_version_may_be_left_out(self) -> None:
        """An event without ``v`` is of version 1."""
        assert decode_payload(without("v")) == decode_payload(LAP)

    def test_of_members_written_twice_the_last_counts(self) -> None:
        """Members written twice read as the standard library, and most others, read them."""
        raw = b'{"lap":99,"type":"pit_entered",' + written()[1:]
        assert json.loads(raw) == LAP
        assert decode(raw) == decode_payload(LAP)

    @pytest.mark.parametrize("zone", ["America/New_York", "Europe/Paris", "Asia/Kathmandu", "UTC"])
    def test_zoned_start(self, zone: str) -> None:
        """A start in the hour that daylight saving repeats stays the instant it was."""
        start = datetime(2007, 11, 4, 1, 30, tzinfo=ZoneInfo(zone), fold=1)
        opened = SessionOpened(
            at=0, source="a", source_seq=0, title="A race", kind="race", starts_at=start
        )
        again = decode(encode(opened))
        assert again == opened
        assert isinstance(again, SessionOpened)
        assert again.starts_at is not None
        assert again.starts_at.astimezone(UTC) == start.astimezone(UTC)
        assert again.starts_at.utcoffset() == start.utcoffset()


NOT_JSON = {
    "empty": b"",
    "blank": b"  ",
    "words": b"hello",
    "cut": written()[:-1],
    "two": written() + written(),
    "trailing nul": written() + b"\0",
    "byte order mark": b"\xef\xbb\xbf" + written(),
    "utf-16": written().decode().encode("utf-16"),
    "invalid utf-8": written().replace(b"007", b"\xff"),
    "overlong utf-8": written().replace(b"007", b"\xc0\xaf"),
    "utf-8 surrogate": written().replace(b"007", b"\xed\xa0\x80"),
    "lone surrogate": written(car="\ud800"),
    "line feed in text": written().replace(b"007", b"0\n7"),
    "single quotes": written().replace(b'"', b"'"),
    "comment": written().replace(b"{", b"{/**/"),
    "leading zero": spelled("at", "05"),
    "hexadecimal": spelled("at", "0x5"),
    "plus": spelled("at", "+5"),
    "5000 digits": spelled("at", "9" * 5000),
    "version of 5000 digits": spelled("v", "9" * 5000),
    "deep": b"[" * 100_000,
    "deep object": b'{"type":' * 5_000,
    "deep in a member": spelled("car", "[" * 500 + "]" * 500),
}

NO_EVENT = {
    "number": b"1",
    "null": b"null",
    "text": b'"lap_completed"',
    "list": b"[]",
    "nan": b"NaN",
}

FAULTY: dict[str, tuple[bytes, str]] = {
    "no type": (json.dumps(without("type")).encode(), "type: .*None"),
    "type a number": (written(type=3), "type: .*3"),
    "type a list": (written(type=["lap_completed"]), r"type: .*\['lap_completed'\]"),
    "type null": (written(type=None), "type: .*None"),
    "no at": (json.dumps(without("at")).encode(), "at: Field required"),
    "no source": (json.dumps(without("source")).encode(), "source: Field required"),
    "no source_seq": (json.dumps(without("source_seq")).encode(), "source_seq: Field required"),
    "empty source": (written(source=""), "source: .*''"),
    "negative source_seq": (written(source_seq=-1), "source_seq: .*-1"),
    "number as text": (written(at="5"), "at: .*'5'"),
    "number as a float": (written(at=5.0), r"at: .*5\.0"),
    "number with an exponent": (spelled("at", "5e0"), r"at: .*5\.0"),
    "number as a boolean": (written(at=True), "at: .*True"),
    "number null": (written(at=None), "at: .*None"),
    "not a number": (written(at=float("nan")), "at: .*nan"),
    "infinite": (written(at=float("inf")), "at: .*inf"),
    "beyond a float": (spelled("at", "1e999"), "at: .*inf"),
    "beyond 2^53": (written(at=2**53 + 1), f"at: .*{2**53 + 1}"),
    "of 4000 digits": (spelled("at", "9" * 4000), r"at: .*999\.\.\."),
    "text as a number": (written(car=7), "car: .*7"),
    "car without a number": (written(car=""), "car: .*''"),
    "car with a blank": (written(car="7 "), "car: .*'7 '"),
    "car with a line feed": (written(car="7\n"), r"car: .*'7\\n'"),
    "car too long": (written(car="1" * 17), "car: .*'1{17}'"),
    "a very long value": (written(car="1" * 10**6), r"car: .*'1{56}\.\.\."),
    "boolean as a number": (written(in_pit_lane=1), "in_pit_lane: .*1"),
    "boolean as text": (written(in_pit_lane="yes"), "in_pit_lane: .*'yes'"),
    "lap 0": (written(lap=0), "lap: .*0"),
    "unknown basis": (written(basis="guessed"), "basis: .*'guessed'"),
    "extra member": (written(laptime=1), "laptime: .*1"),
    "extra member of two lines": (written(**{"a\nb": 1}), r"'a\\nb': .*1"),
    "extra member without end": (written(**{"a" * 10**6: 1}), r"'a{56}\.\.\.: .*1"),
    "version 0": (written(v=0), "v: .*0"),
    "version true": (written(v=True), "v: .*True"),
    "version 1.0": (written(v=1.0), r"v: .*1\.0"),
    "version as text": (written(v="1"), "v: .*'1'"),
    "version null": (written(v=None), "v: .*None"),
}


def opened(starts_at: Any) -> bytes:
    """A session that starts then."""
    members = {"type": "session_opened", "title": "A race", "kind": "race", "starts_at": starts_at}
    return json.dumps({"at": 0, "source": "a", "source_seq": 0, **members}).encode()


class TestUnreadable:
    """Bytes that are no event are told from events of a newer lapstream."""

    @pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
    def test_not_json(self, raw: bytes) -> None:
        """Bytes that are not JSON say so on one line, and are kept."""
        with pytest.raises(UnreadableEvent, match="not JSON") as caught:
            decode(raw)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
        assert caught.value.raw == raw

    @pytest.mark.parametrize("raw", NO_EVENT.values(), ids=NO_EVENT)
    def test_no_object(self, raw: bytes) -> None:
        """JSON that is no object is no event."""
        with pytest.raises(UnreadableEvent, match="not a JSON object"):
            decode(raw)

    @pytest.mark.parametrize(("raw", "reason"), FAULTY.values(), ids=FAULTY)
    def test_fault_is_named(self, raw: bytes, reason: str) -> None:
        """An event with a fault names the member and its value on one short line."""
        with pytest.raises(UnreadableEvent) as caught:
            decode(raw)
        assert caught.match(f"unreadable event: {reason}")
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize(
        "starts_at",
        [
            "2007-10-06T11:15:00",
            "2007-10-06",
            "2007-10-06 11:15:00-04:00",
            "2007-10-06T11:15:00-0400",
            "2007-10-06T11:15:00+00:00:30",
            "2007-10-06T24:00:00Z",
            "2007-10-06T11:15:60Z",
            "2007-13-06T11:15:00Z",
            "2007-10-06T11:15:00-24:00",
            "1191683700",
            1191683700,
            1191683700.5,
        ],
    )
    def test_no_instant(self, starts_at: Any) -> None:
        """A start that is not a date, a time and an offset is no start."""
        with pytest.raises(UnreadableEvent, match="starts_at: "):
            decode(opened(starts_at))

    @pytest.mark.parametrize("offset", [3630, 0.5])
    def test_odd_offset(self, offset: float) -> None:
        """An offset that the wire would lose is refused where the event is made."""
        start = datetime(2007, 10, 6, 11, 15, tzinfo=timezone(timedelta(seconds=offset)))
        with pytest.raises(ValueError, match="whole number of minutes"):
            SessionOpened(
                at=0, source="a", source_seq=0, title="A race", kind="race", starts_at=start
            )

    def test_fault_in_a_row(self) -> None:
        """A fault inside a list names the row."""
        payload = PAYLOADS["result_declared.v1.json"]
        payload = {**payload, "rows": [payload["rows"][0], {**payload["rows"][1], "laps": "350"}]}
        with pytest.raises(UnreadableEvent, match=r"rows\.1\.laps: .*'350'"):
            decode_payload(payload)

    def test_list_without_end(self) -> None:
        """A grid of more cars than any circuit holds is a slip."""
        payload = {**PAYLOADS["grid_set.v1.json"], "order": ["7"] * 1001}
        with pytest.raises(UnreadableEvent, match=r"order: .*at most 1000"):
            decode_payload(payload)

    def test_text_with_a_surrogate(self) -> None:
        """Text that cannot be written as UTF-8 is unreadable, not a crash."""
        with pytest.raises(UnreadableEvent, match="not JSON"):
            decode('{"type":"\ud800"}')

    @pytest.mark.parametrize("value", [datetime(2007, 10, 6, tzinfo=UTC), {1, 2}, b"7"], ids=type)
    def test_payload_that_json_cannot_say(self, value: object) -> None:
        """A payload with another kind of value is no event, either."""
        with pytest.raises(UnreadableEvent, match="not a payload of JSON values"):
            decode_payload({**LAP, "car": value})

    def test_payload_without_end(self) -> None:
        """A payload that holds itself, or is too deep, is no event."""
        deep: dict[str, Any] = {}
        for _ in range(100_000):
            deep = {"x": deep}
        looped = dict(LAP)
        looped["x"] = looped
        for payload in ({**LAP, "x": deep}, looped):
            with pytest.raises(UnreadableEvent, match="not a payload of JSON values"):
                decode_payload(payload)

    @pytest.mark.parametrize("name", ["tyre_changed", "", "a\nb", "x" * 10**6, "LapCompleted"])
    def test_unknown_type(self, name: str) -> None:
        """A type that is not known stops the reader, on one short line."""
        with pytest.raises(UnknownEventType) as caught:
            decode(written(type=name))
        assert caught.value.type_name == name
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200

    @pytest.mark.parametrize("version", [2, 2**70])
    def test_newer_version(self, version: int) -> None:
        """A newer version stops the reader, whatever else it holds."""
        with pytest.raises(NewerEventVersion) as caught:
            decode(written(v=version, brand_new=[1]))
        assert (caught.value.version, caught.value.known) == (version, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    """A stored payload with one member replaced, left out or added."""
    payload = dict(PAYLOADS[draw(st.sampled_from(sorted(PAYLOADS)))])
    member = draw(st.sampled_from([*payload, "v", "extra"]))
    if draw(st.booleans()):
        payload[member] = draw(JSON)
    else:
        payload.pop(member, None)
    return payload


def attempt(raw: bytes) -> AnyEvent | None:
    """The event, or None if it is refused, which must be said on one line."""
    try:
        return decode(raw)
    except UndecodableEvent as refused:
        reason = str(refused)
    assert "\n" not in reason
    return None


class TestWhateverComes:
    """Nothing that can come out of a stream raises anything else."""

    @given(st.binary() | st.text())
    def test_anything(self, raw: bytes | str) -> None:
        """Arbitrary bytes are refused as what they are."""
        with pytest.raises(UndecodableEvent):
            decode(raw)

    @settings(max_examples=examples(300), deadline=None)
    @given(st.sampled_from(sorted(PAYLOADS)), st.integers(0), st.integers(0, 255))
    def test_one_wrong_byte(self, name: str, place: int, byte: int) -> None:
        """A stored event with one byte changed is an event or refused, never a crash."""
        raw = bytearray(json.dumps(PAYLOADS[name]).encode())
        raw[place % len(raw)] = byte
        event = attempt(bytes(raw))
        assert event is None or decode(encode(event)) == event

    @settings(max_examples=examples(300), deadline=None)
    @given(damaged())
    def test_one_wrong_member(self, payload: dict[str, Any]) -> None:
        """What is read in spite of a change is what the schema allows, too."""
        event = attempt(json.dumps(payload).encode())
        if event is not None and event.v != payload.get("v", 1):
            payload = json.loads(encode(event))  # the schema is that of the newest version
        assert event is None or SCHEMA_OF[event.type].is_valid(payload)


SCHEMA = json_schema()
SCHEMA_OF = {
    name: jsonschema.Draft202012Validator(
        {**SCHEMA["$defs"][model.__name__], "$defs": SCHEMA["$defs"]}
    )
    for name, model in EVENT_TYPES.items()
}
WHOLE = jsonschema.Draft202012Validator(SCHEMA)


class TestSchema:
    """The JSON Schema says what the codec does."""

    def test_is_a_schema(self) -> None:
        """The export is valid against the meta-schema of its draft."""
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize("name", sorted(PAYLOADS))
    def test_takes_every_example(self, name: str) -> None:
        """Every stored payload is valid in its newest version, as a whole and as its own type."""
        newest = json.loads(encode(decode_payload(PAYLOADS[name])))
        WHOLE.validate(newest)
        SCHEMA_OF[newest["type"]].validate(newest)

    @pytest.mark.parametrize("model", MODELS)
    @settings(A_FEW, max_examples=examples(8, few=3))
    @given(data=st.data())
    def test_takes_every_event(self, model: type[Event], data: st.DataObject) -> None:
        """Whatever the codec writes is valid."""
        event = data.draw(events(model))
        SCHEMA_OF[event.type].validate(json.loads(encode(event)))

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            without("type"),
            without("at"),
            without("source"),
            without("source_seq"),
            without("car"),
            {**LAP, "at": "5"},
            {**LAP, "at": 5.5},
            {**LAP, "at": True},
            {**LAP, "at": 2**53 + 1},
            {**LAP, "source": ""},
            {**LAP, "source_seq": -1},
            {**LAP, "car": 7},
            {**LAP, "car": "7 "},
            {**LAP, "laptime": 1},
            {**LAP, "basis": "guessed"},
            {**LAP, "type": "tyre_changed"},
            {**LAP, "v": 2},
            [LAP],
        ],
        ids=str,
    )
    def test_refuses_what_the_codec_refuses(self, wrong: Any) -> None:
        """What is no event is not valid, either."""
        assert not WHOLE.is_valid(wrong)
        with pytest.raises(UndecodableEvent):
            decode(json.dumps(wrong))

    def test_everything_is_bounded(self) -> None:
        """No number, text or list is without bounds: a fold must fit into a checkpoint."""
        unbounded = [
            f"{model}.{member}"
            for model, definition in SCHEMA["$defs"].items()
            for member, schema in definition["properties"].items()
            if not is_bounded(schema)
        ]
        assert unbounded == []

    def test_the_one_in_the_documentation(self) -> None:
        """docs/events.schema.json is the schema of today; ``make schema`` writes it anew."""
        stored = (ROOT / "docs" / "events.schema.json").read_text()
        assert json.loads(stored) == SCHEMA


def is_bounded(schema: dict[str, Any]) -> bool:
    """Whether each number, text and list of this schema has a largest size."""
    if "enum" in schema or "const" in schema or schema.get("format") == "date-time":
        return True
    match schema:
        case {"anyOf": options}:
            return all(is_bounded(option) for option in options)
        case {"type": "array", "items": item}:
            return "maxItems" in schema and is_bounded(item)
        case {"type": "integer" | "number"}:
            low, high = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
            return bool(low & set(schema) and high & set(schema))
        case {"type": "string"}:
            return "maxLength" in schema
        case {"type": "boolean" | "null"} | {"$ref": _}:
            return True
    return False


def test_events_never_change() -> None:
    """An event that was made stays as it was made."""
    event = PitEntered(at=0, source="a", source_seq=0, car="7")
    with pytest.raises(ValueError, match="frozen"):
        event.car = "8"  # type: ignore[misc]


def test_a_lap_beyond_any_race_is_refused():
    """What a lap's number may be is bounded, as every lap up to it would be remembered."""
    lap = b'{"type":"lap_completed","at":1,"source":"x","source_seq":1,"car":"7","lap":%d}'
    last = decode(lap % 10_000)
    assert isinstance(last, LapCompleted)
    assert last.lap == 10_000
    with pytest.raises(UnreadableEvent, match=r"lap: .* less than or equal to 10000, with 10001"):
        decode(lap % 10_001)


@pytest.mark.parametrize(
    ("number", "accepted"), [(0, True), (1, True), (100, True), (101, False), (2**31, False)]
)
def test_the_round_of_a_session_can_be_scored(number: int, accepted: bool) -> None:
    """A session names no round that a season could not hold."""
    payload = {"type": "session_opened", "at": 0, "source": "a", "source_seq": 0}
    payload |= {"title": "A race", "kind": "race", "round": number}
    with contextlib.nullcontext() if accepted else pytest.raises(UndecodableEvent, match="round"):
        decode_payload(payload)
