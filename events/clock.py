"""Conversion of written clock times to milliseconds and back."""

from __future__ import annotations

import re

_CLOCK = re.compile(
    r"(?:(?:(?P<hours>\d{1,3}):(?=[0-5]\d:))?(?P<minutes>\d{1,3}):(?=[0-5]\d(?:\.|$)))?"
    r"(?P<seconds>\d{1,3})(?:\.(?P<fraction>\d{1,3}))?",
    re.ASCII,
)


def parse_clock(text: str) -> int:
    """Parse ``H:MM:SS.mmm``, ``M:SS.mmm`` or ``S.mmm`` to milliseconds.

    Raises ValueError for anything else.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 5:00:00, 1:09.195 or 35.2")
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int(fraction.ljust(3, "0"))


def format_clock(ms: int) -> str:
    """Format milliseconds as ``H:MM:SS.mmm``: 33540000 is ``9:19:00.000``."""
    sign = "-" if ms < 0 else ""
    seconds, rest = divmod(abs(ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}.{rest:03}"


def format_lap_time(ms: int) -> str:
    """Format milliseconds as a lap time, without leading zero units: ``1:09.195``."""
    if ms < 0:
        return "-" + format_lap_time(-ms)
    seconds, rest = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes == 0:
        return f"{seconds}.{rest:03}"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes}:{seconds:02}.{rest:03}"
    return f"{hours}:{minutes:02}:{seconds:02}.{rest:03}"
