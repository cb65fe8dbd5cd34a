"""Frames of P3 decoders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.formats.p3 import (
    PASSING,
    Damaged,
    DecoderPassing,
    DecoderReader,
    DecoderStatus,
    OtherFrame,
    read_frame,
    resend_request,
    write_frame,
)
from tests.data import DATA

CAPTURE = DATA / "p3" / "amb-short.hex"
STATUS_FRAME = bytes.fromhex("8e021f00f3890000020001022800070216000c01760601008104131804008f")
PASSING_FRAME = bytes.fromhex(
    "8e02330053c800000100010451680200030473d75600040888f2fab51e8305000502b20006023400080200008104"
    "131804008f"
)


def test_a_status_is_read() -> None:
    assert read_frame(STATUS_FRAME) == DecoderStatus(0x041813, 40, 22, 118, 0)


def test_a_passing_is_read() -> None:
    passing = read_frame(PASSING_FRAME)
    assert isinstance(passing, DecoderPassing)
    assert (passing.number, passing.transponder) == (157777, 5691251)
    assert (passing.strength, passing.hits, passing.flags) == (178, 52, 0)
    assert passing.utc_us is None
    assert passing.time_us == passing.rtc_us == 0x0005831EB5FAF288


def test_the_utc_time_goes_before_the_decoders_own() -> None:
    fields = [(1, b"\1"), (3, b"\2"), (4, b"\3"), (0x10, b"\4")]
    passing = read_frame(write_frame(PASSING, fields))
    assert isinstance(passing, DecoderPassing)
    assert (passing.rtc_us, passing.utc_us, passing.time_us) == (3, 4, 4)


def test_a_resend_request_is_a_valid_frame() -> None:
    # 0x8E in the number must be escaped.
    assert read_frame(resend_request(0x8E, 0x18F)) == OtherFrame(
        4, ((1, bytes((0x8E, 0, 0, 0))), (2, bytes((0x8F, 1, 0, 0))))
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (STATUS_FRAME.replace(b"\xf3\x89", b"\xf3\x88"), "the checksum is 89F3, and given as 88F3"),
        (STATUS_FRAME.replace(b"\x1f", b"\x20", 1), "the length is 31 bytes, and given as 32"),
        (b"\x8e\x8f", "shorter than a frame"),
        (b"\x8e\x8d\x8f", "the frame ends within an escape"),
        (b"\x8e\x8d\x01\x8f", "0x01 follows an escape"),
        (write_frame(PASSING, [(1, b"\1")]), "a passing without its number or transponder"),
    ],
)
def test_damage_is_reported_with_its_reason(raw: bytes, reason: str) -> None:
    assert read_frame(raw) == Damaged(raw, reason)


def test_noise_between_frames_and_a_frame_cut_short_leave_the_others() -> None:
    records = DecoderReader().feed(b"\x01" + STATUS_FRAME[:9] + STATUS_FRAME + b"\x02")
    assert [type(record) for record in records] == [Damaged, Damaged, DecoderStatus, Damaged]


def test_a_frame_without_an_end_is_given_up() -> None:
    reader = DecoderReader()
    records = reader.feed(b"\x8e" + bytes(5000)) + reader.feed(STATUS_FRAME)
    assert [type(record) for record in records] == [Damaged, DecoderStatus]


@given(st.integers(0, len(STATUS_FRAME + PASSING_FRAME)))
def test_how_bytes_are_split_makes_no_difference(at: int) -> None:
    raw, reader = STATUS_FRAME + PASSING_FRAME, DecoderReader()
    assert reader.feed(raw[:at]) + reader.feed(raw[at:]) == DecoderReader().feed(raw)


FIELDS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12)), max_size=8)


@given(FIELDS, st.integers(5, 0xFFFF))
def test_a_written_frame_is_read_back(fields: list[tuple[int, bytes]], kind: int) -> None:
    assert read_frame(write_frame(kind, fields)) == OtherFrame(kind, tuple(dict(fields).items()))


MUTATIONS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 255), st.sampled_from("sid")), max_size=6
)


@given(MUTATIONS, st.sampled_from((STATUS_FRAME, PASSING_FRAME)))
def test_mutated_frames_never_raise(mutations: list[tuple[int, int, str]], raw: bytes) -> None:
    mutated = bytearray(raw)
    for at, byte, how in mutations:
        place = at % (len(mutated) or 1)
        mutated[place : place + (how != "i")] = b"" if how == "d" else bytes((byte,))
    DecoderReader().feed(bytes(mutated))


@pytest.mark.skipif(not CAPTURE.exists(), reason=f"{CAPTURE} is not there")
def test_every_frame_of_a_capture_is_read() -> None:
    raw = bytes.fromhex("".join(CAPTURE.read_text().split()))
    records = DecoderReader().feed(raw)
    kinds = [type(record) for record in records]
    assert (kinds.count(DecoderPassing), kinds.count(DecoderStatus), len(kinds)) == (83, 288, 371)
