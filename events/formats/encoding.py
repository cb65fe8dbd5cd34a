"""Decoding of timing files: UTF-8, UTF-16 with a byte-order mark, else Windows-1252."""

from __future__ import annotations

import re

from events.errors import BadTimingFile
from events.formats.doubts import Doubt, shortened

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Other control characters than these are in no text: tab, line ends, form feed, end of file.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")
_SEPARATORS = re.compile(r"[;,\t|\r]")


def decoded(raw: bytes, file: str) -> tuple[str, tuple[Doubt, ...]]:
    """Return the text of a file, with a doubt if lines of it had to be read as Windows-1252.

    ``file`` is the name given in errors. Raises BadTimingFile for binary data.
    """
    if raw.startswith(UTF_16_MARKS):
        try:
            return raw.decode("utf-16"), ()
        except UnicodeDecodeError:
            raise _binary(raw, 0, file) from None
    if b"\0" in raw:
        raise _binary(raw, raw.index(b"\0"), file)
    try:
        return raw.decode("utf-8"), ()
    except UnicodeDecodeError:
        control = _BINARY.search(raw)
        if control is not None:
            raise _binary(raw, control.start(), file) from None
        return _line_by_line(raw, file)


def _line_by_line(raw: bytes, file: str) -> tuple[str, tuple[Doubt, ...]]:
    """Return the text: a file that was put together can have other lines in UTF-8."""
    lines: list[str] = []
    places: list[tuple[int, str]] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            lines.append(_windows(line, number, file))
            places.append((number, _cell_at(lines[-1], error.start)))
    first, cell = places[0]
    others = f" (as on {len(places)} lines)" if len(places) > 1 else ""
    doubt = Doubt(file, first, "", shortened(cell), f"not UTF-8{others}", "read as Windows-1252")
    return "\n".join(lines), (doubt,)


def _windows(line: bytes, number: int, file: str) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError as error:
        reason = "a byte that is neither UTF-8 nor Windows-1252"
        value = line[error.start : error.start + 1].hex()
        raise BadTimingFile(file, reason, line=number, value=value) from None


def _cell_at(line: str, index: int) -> str:
    """Return the cell around a character, as far as separators delimit it."""
    return (_SEPARATORS.split(line[:index])[-1] + _SEPARATORS.split(line[index:])[0]).strip()


def _binary(raw: bytes, at: int, file: str) -> BadTimingFile:
    line = raw.count(b"\n", 0, at) + 1
    value = raw[at : at + 1].decode("latin-1")
    return BadTimingFile(file, "binary data, not a timing file", line=line, value=value)
