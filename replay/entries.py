"""Log entries, as they are stored.

An entry has a position, the id given by the server: ``<milliseconds>-<number>``, of which the
first part is the recorded time. It has one field, ``event``, with the event's JSON. Programs
in any language can append, so an entry may also hold other content, which is stored unchanged
and judged by its readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from events.errors import BadSessionId, UnreadableEvent

EVENT_FIELD = b"event"
START = "0-0"
"""The position before the first entry."""

_POSITION = re.compile(r"(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})", re.ASCII)
_LARGEST = 2**64 - 1
_SESSION_ID = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


class LogEntry(NamedTuple):
    """A log entry: its position, and its field names and values in turn.

    The fields are not a dictionary because a stream may repeat a field name.
    """

    position: str
    fields: Sequence[bytes]

    @property
    def payload(self) -> bytes:
        """The event's JSON. Raises UnreadableEvent for an entry with other fields."""
        return entry_payload(self.fields)


def entry_payload(fields: Sequence[bytes] | Mapping[bytes, bytes]) -> bytes:
    """Return the event's JSON of an entry whose only field is ``event``.

    ``fields`` are names and values in turn, or a dictionary. Raises UnreadableEvent for
    another field, several, or none.
    """
    if isinstance(fields, Mapping):
        fields = [part for pair in fields.items() for part in pair]
    if len(fields) == 2 and fields[0] == EVENT_FIELD:
        return fields[1]
    names = ", ".join(repr(name.decode(errors="replace")) for name in fields[::2][:5]) or "none"
    raise UnreadableEvent(b" ".join(fields), f"an entry needs one field 'event', but has {names}")


def check_session_id(session: str) -> str:
    """Return the id. Raises BadSessionId unless it is 1 to 64 of a-z, 0-9 and ``-``."""
    if not _SESSION_ID.fullmatch(session):
        raise BadSessionId(session)
    return session


def parse_position(text: str) -> tuple[int, int]:
    """Parse ``"1190000000000-3"`` to ``(1190000000000, 3)``, which sorts as positions do.

    Raises ValueError for anything else.
    """
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a position such as 1190000000000-0")
    milliseconds, number = int(match[1]), int(match[2])
    if milliseconds > _LARGEST or number > _LARGEST:
        raise ValueError(f"{text!r} is not a position: its numbers have at most 64 bits")
    return milliseconds, number
