"""Formatting of gaps, times, flags and penalties as text.

``show_...`` is for tables and sentences, ``..._text`` for narrow columns of a tower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.clock import format_clock, format_lap_time
from projections.wording import flag_name

Row = Mapping[str, Any]


def on_one_line(text: str) -> str:
    """The text with blanks for what controls a terminal: line ends, escapes, directions."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else " " for sign in text)


def show_gap(gap: Row) -> str:
    """``+2 laps``, ``+35.104``, or nothing for the leader and for a car without a crossing."""
    if gap["laps"]:
        return f"+{gap['laps']} lap{'s' if gap['laps'] > 1 else ''}"
    leads = gap["laps"] == 0  # a car level with the one ahead has no laps and 0 ms
    return "" if leads or gap["ms"] is None else f"+{format_lap_time(gap['ms'])}"


def show_sectors(flags: Mapping[str, Row] | None) -> str:
    """The local flags in force: ``S2 yellow, S3 slow zone``."""
    shown = sorted((flags or {}).items(), key=lambda one: int(one[0]))
    return ", ".join(f"S{sector} {flag_name(one['flag'])}" for sector, one in shown)


def gap_text(gap: Row | None, *, leads: bool = False) -> str:
    """A gap in at most seven characters: ``2 L``, ``35.104``, ``1:02.3``; ``-`` for the leader."""
    if gap is None:
        return ""
    laps, ms = gap.get("laps"), gap.get("ms")
    if laps:
        return f"{laps} L"
    if ms is None:
        return ""
    return "-" if leads else _seconds(ms)


def _seconds(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    if minutes == 0:
        return f"{rest / 1000:.3f}"
    return f"{minutes}:{rest // 1000:02}.{rest % 1000 // 100}"


def lap_time_text(ms: int | None) -> str:
    """A lap time in at most eight characters: ``1:09.195``, and ``62:13`` for one in the garage."""
    if ms is None:
        return ""
    minutes, rest = divmod(ms, 60_000)
    if minutes > 9:
        return f"{minutes}:{rest // 1000:02}"
    return f"{minutes}:{rest // 1000:02}.{rest % 1000:03}"


def clock_text(ms: int) -> str:
    """``H:MM:SS``."""
    return format_clock(ms - ms % 1000).removesuffix(".000")


def running_text(ms: int) -> str:
    """How long something has lasted: ``4:12``, ``1:04:12``."""
    text = clock_text(max(0, ms))
    return text[2:].removeprefix("0") if text.startswith("0:") else text
