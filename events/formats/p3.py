"""Incremental parser for the P3 protocol of MYLAPS (formerly AMB) decoders: bytes in, frames out.

A frame begins with 0x8E and ends with 0x8F. In between, a byte from 0x8D to 0x8F is written as 0x8D
and the byte plus 0x20. A header of ten bytes (start, version, length, checksum, flags and type,
numbers little-endian) is followed by fields: id, length, value. The length counts the whole frame
before escaping.

The checksum is a CRC of the polynomial 0x1021 and the initial value 0xFFFF over the unescaped frame
with zeros in place of the checksum, computed without the 16 zero bits that are usually appended
(true of all 371 frames of a real capture).

Malformed input never raises: it becomes ``Damaged`` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

START, END, ESCAPE, SHIFT = 0x8E, 0x8F, 0x8D, 0x20
HEADER = 10
LONGEST_FRAME = 2048
"""Bytes of a frame as received; more without an end is noise."""

PASSING, STATUS = 0x0001, 0x0002
RESEND = 0x0004
"""By public descriptions of the protocol; no capture here has one."""
DECODER_ID = 0x81

RESEND_FROM, RESEND_UNTIL = 0x01, 0x02


# -- Records -----------------------------------------------------------------------------


class DecoderPassing(NamedTuple):
    """A transponder passed a decoder's loop.

    ``number`` counts the decoder's passings. Times are in microseconds since 1970: ``utc_us`` by
    GPS, ``rtc_us`` by the decoder's own clock, which need not be set.
    """

    decoder: int | None
    number: int
    transponder: int
    rtc_us: int | None
    utc_us: int | None
    strength: int | None
    hits: int | None
    flags: int | None

    @property
    def time_us(self) -> int | None:
        """The UTC time, where the decoder has it, else the decoder's own."""
        return self.rtc_us if self.utc_us is None else self.utc_us


class DecoderStatus(NamedTuple):
    """A decoder's regular report: noise of the loop, temperature (C), supply (0.1 V), GPS."""

    decoder: int | None
    noise: int | None
    temperature: int | None
    voltage: int | None
    gps: int | None


class OtherFrame(NamedTuple):
    """A valid frame of another type, with its fields."""

    kind: int
    fields: tuple[tuple[int, bytes], ...]


class Damaged(NamedTuple):
    """Bytes that are no valid frame."""

    raw: bytes
    reason: str


DecoderRecord = DecoderPassing | DecoderStatus | OtherFrame | Damaged


# -- Bytes to frames ---------------------------------------------------------------------


class DecoderReader:
    """Parser of one connection, from its beginning."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[DecoderRecord]:
        """Return the records completed by these bytes, independent of how the bytes are split."""
        rest = self._rest + data
        records: list[DecoderRecord] = []
        while rest:
            begin = rest.find(START)
            if begin < 0:
                records.append(Damaged(rest[:LONGEST_FRAME], "outside of a frame"))
                rest = b""
                break
            if begin:
                records.append(Damaged(rest[:begin][:LONGEST_FRAME], "outside of a frame"))
                rest = rest[begin:]
            end, again = rest.find(END), rest.find(START, 1)
            if again > 0 and (end < 0 or again < end):
                records.append(Damaged(rest[:again][:LONGEST_FRAME], "cut short"))
                rest = rest[again:]
            elif end >= 0:
                records.append(read_frame(rest[: end + 1]))
                rest = rest[end + 1 :]
            elif len(rest) > LONGEST_FRAME:
                records.append(Damaged(rest[:LONGEST_FRAME], "without an end"))
                rest = b""
            else:
                break
        self._rest = rest
        return records


def read_frame(raw: bytes) -> DecoderRecord:
    """Return the record of one frame, from start to end byte as received."""
    try:
        return _record(unescape(raw))
    except ValueError as error:
        return Damaged(raw[:LONGEST_FRAME], str(error))


def unescape(raw: bytes) -> bytes:
    """Undo the escaping of a frame. Raises ValueError."""
    plain, escaped = bytearray(raw[:1]), False
    for byte in raw[1:-1]:
        if escaped:
            if byte - SHIFT not in (ESCAPE, START, END):
                raise ValueError(f"0x{byte:02X} follows an escape")
            plain.append(byte - SHIFT)
            escaped = False
        elif byte == ESCAPE:
            escaped = True
        else:
            plain.append(byte)
    if escaped:
        raise ValueError("the frame ends within an escape")
    return bytes(plain) + raw[-1:]


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ (0x1021 if value & 0x8000 else 0)
        table.append(value & 0xFFFF)
    return tuple(table)


_CRC = _crc_table()


def checksum(frame: bytes) -> int:
    """The checksum of an unescaped frame, whatever its checksum bytes are."""
    crc = 0xFFFF
    for byte in frame[:4] + b"\0\0" + frame[6:]:
        crc = ((crc << 8 | byte) & 0xFFFF) ^ _CRC[crc >> 8]
    return crc


def _record(frame: bytes) -> DecoderRecord:
    if len(frame) <= HEADER or frame[0] != START or frame[-1] != END:
        raise ValueError("shorter than a frame")
    length = int.from_bytes(frame[2:4], "little")
    if length != len(frame):
        raise ValueError(f"the length is {len(frame)} bytes, and given as {length}")
    given, found = int.from_bytes(frame[4:6], "little"), checksum(frame)
    if given != found:
        raise ValueError(f"the checksum is {found:04X}, and given as {given:04X}")
    kind = int.from_bytes(frame[8:10], "little")
    fields = _fields(frame[HEADER:-1])
    if kind == PASSING:
        return _passing(fields)
    if kind == STATUS:
        return _status(fields)
    return OtherFrame(kind, tuple(fields.items()))


def _fields(body: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise ValueError("a field is cut short")
        size = body[at + 1]
        fields[body[at]] = body[at + 2 : at + 2 + size]
        at += 2 + size
    return fields


def _number(fields: dict[int, bytes], field: int) -> int | None:
    value = fields.get(field)
    return int.from_bytes(value, "little") if value else None


def _passing(fields: dict[int, bytes]) -> DecoderPassing:
    number, transponder = _number(fields, 0x01), _number(fields, 0x03)
    if number is None or transponder is None:
        raise ValueError("a passing without its number or transponder")
    rtc, utc, strength, hits, flags = (
        _number(fields, field) for field in (0x04, 0x10, 0x05, 0x06, 0x08)
    )
    decoder = _number(fields, DECODER_ID)
    return DecoderPassing(decoder, number, transponder, rtc, utc, strength, hits, flags)


def _status(fields: dict[int, bytes]) -> DecoderStatus:
    noise, temperature, voltage, gps = (
        _number(fields, field) for field in (0x01, 0x07, 0x0C, 0x06)
    )
    return DecoderStatus(_number(fields, DECODER_ID), noise, temperature, voltage, gps)


# -- Frames to bytes ---------------------------------------------------------------------


def write_frame(kind: int, fields: Iterable[tuple[int, bytes]]) -> bytes:
    """A frame as it is sent. The value of a field has at most 255 bytes."""
    body = b"".join(bytes((field, len(value))) + value for field, value in fields)
    length = HEADER + len(body) + 1
    frame = bytearray(
        bytes((START, 2))
        + length.to_bytes(2, "little")
        + bytes(4)
        + kind.to_bytes(2, "little")
        + body
        + bytes((END,))
    )
    frame[4:6] = checksum(bytes(frame)).to_bytes(2, "little")
    inner = bytearray()
    for byte in frame[1:-1]:
        inner += bytes((ESCAPE, byte + SHIFT)) if byte in (ESCAPE, START, END) else bytes((byte,))
    return bytes((START, *inner, END))


def resend_request(first: int, last: int) -> bytes:
    """A request for the passings of these numbers, first and last included."""
    return write_frame(
        RESEND,
        ((RESEND_FROM, first.to_bytes(4, "little")), (RESEND_UNTIL, last.to_bytes(4, "little"))),
    )
