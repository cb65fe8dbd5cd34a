"""Edit lists: the markers of a race against the clock on the wall, for an editing suite.

Cameras and recorders stamp their pictures with the time of day, so a marker's timecode is
the wall-clock time at the circuit. Two forms:

- CSV, a line a marker, with the wall-clock time and the timecode;
- a CMX3600 edit decision list: an event a marker, the record side equal to the source side,
  so that it lies on the timeline where it happened; a comment names it, and a locator
  (``* LOC:``) makes it a marker where that is read.

**Timecode.** Frames are counted at 24, 25, 30, 50 or 60 a second, or as drop frame at 29.97
or 59.94 [SMPTE ST 12-1: of each minute that is not a multiple of ten the first two frame
numbers, at 59.94 four, are left out]. It begins again at midnight. A CMX3600 list numbers
its events with three digits and so holds 999.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from events.clock import format_clock
from events.errors import LapstreamError
from projections.views.markers import Marker, MarkerKind, moment
from replay.csv_text import csv_text

DAY_MS = 86_400_000
MOST_EVENTS = 999

SHORTEST_MS = 1000
"""A marker without a length lasts this long: an edit of no frames is none."""

COLOURS: dict[MarkerKind, str] = {
    "caution": "YELLOW",
    "restart": "GREEN",
    "lead_change": "BLUE",
    "flag": "WHITE",
    "local_flag": "CYAN",
    "penalty": "RED",
    "retirement": "MAGENTA",
}

COLUMNS = (
    "kind",
    "number",
    "clock",
    "end_clock",
    "wall_clock",
    "end_wall_clock",
    "timecode",
    "end_timecode",
    "lap",
    "car",
    "label",
)


class NoWallClock(LapstreamError):
    """A session of which nobody said at what time of day it began."""

    def __init__(self) -> None:
        super().__init__(
            "the session does not say when it began, so its markers have no wall-clock times: "
            "give the time of day of its clock 0, as with --starts-at 2007-10-06T11:15:00-04:00"
        )


class BeyondCalendar(LapstreamError):
    """A marker before the year 1 or after 9999."""

    def __init__(self, starts_at: datetime) -> None:
        began = starts_at.isoformat(timespec="seconds")
        super().__init__(
            f"with the session clock at 0 on {began} a marker lies beyond the years 1 to 9999: "
            "give another time of day, as with --starts-at 2007-10-06T11:15:00-04:00"
        )


class TooManyEvents(LapstreamError):
    """More markers than a CMX3600 list can number."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} markers are more than the {MOST_EVENTS} that a CMX3600 list can hold: "
            "choose some kinds of them with --kind"
        )


class Rate(NamedTuple):
    """A frame rate: how many frames a timecode second counts, and whether some are dropped."""

    name: str
    nominal: int
    dropped: int = 0

    @property
    def drop_frame(self) -> bool:
        """Whether it is a rate of 1000/1001, counted in drop frame."""
        return self.dropped > 0


RATES: dict[str, Rate] = {
    rate.name: rate
    for rate in (
        Rate("24", 24),
        Rate("25", 25),
        Rate("29.97", 30, 2),
        Rate("30", 30),
        Rate("50", 50),
        Rate("59.94", 60, 4),
        Rate("60", 60),
    )
}


def timecode(ms: int, rate: Rate) -> str:
    """The timecode of a time of day (ms since midnight): ``20:15:33:12``, drop frame ``;``."""
    ms %= DAY_MS
    if not rate.drop_frame:
        return _written(ms * rate.nominal // 1000, rate.nominal, ":")
    frame = ms * rate.nominal // 1001  # 30000/1001 a second
    minute = 60 * rate.nominal - rate.dropped
    ten_minutes = 10 * minute + rate.dropped
    tens, rest = divmod(frame, ten_minutes)
    minutes = max(0, rest - rate.dropped) // minute
    return _written(frame + rate.dropped * (9 * tens + minutes), rate.nominal, ";")


def _written(frame: int, nominal: int, mark: str) -> str:
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{mark}{frames:02}"


class _Timed:
    """Session clock to wall clock and timecode."""

    def __init__(self, starts_at: datetime, rate: Rate) -> None:
        self.rate = rate
        self._starts_at = starts_at

    def wall_clock(self, at: int) -> str:
        """The time of day, with its offset from UTC."""
        return self._at(at).isoformat(timespec="milliseconds")

    def timecode(self, at: int) -> str:
        """The timecode that pictures of that moment bear."""
        then = self._at(at)
        midnight = then.replace(hour=0, minute=0, second=0, microsecond=0)
        return timecode((then - midnight) // timedelta(milliseconds=1), self.rate)

    def _at(self, at: int) -> datetime:
        then = moment(self._starts_at, at)
        if then is None:
            raise BeyondCalendar(self._starts_at)
        return then


def csv_list(markers: Iterable[Marker], starts_at: datetime | None, rate: Rate) -> str:
    """The markers as CSV, with a header; without ``starts_at`` their times of day are empty.

    Raises BeyondCalendar.
    """
    timed = None if starts_at is None else _Timed(starts_at, rate)
    rows = []
    for marker in markers:
        times = (marker.at_ms, marker.end_ms)
        rows.append(
            (
                marker.kind,
                marker.number,
                *("" if at is None else format_clock(at) for at in times),
                *("" if at is None or timed is None else timed.wall_clock(at) for at in times),
                *("" if at is None or timed is None else timed.timecode(at) for at in times),
                marker.lap,
                marker.car or "",
                marker.label,
            )
        )
    return csv_text(COLUMNS, rows).rstrip("\n")


def cmx3600(
    title: str, markers: Sequence[Marker], starts_at: datetime | None, rate: Rate, reel: str = "AX"
) -> str:
    """The markers as a CMX3600 edit decision list.

    Raises NoWallClock, BeyondCalendar and TooManyEvents.
    """
    if len(markers) > MOST_EVENTS:
        raise TooManyEvents(len(markers))
    if starts_at is None:
        raise NoWallClock
    timed = _Timed(starts_at, rate)
    lines = [
        f"TITLE: {_ascii(title)[:70]}",
        f"FCM: {'DROP FRAME' if rate.drop_frame else 'NON-DROP FRAME'}",
        "",
    ]
    for number, marker in enumerate(markers, start=1):
        end = max(marker.end_ms or 0, marker.at_ms + SHORTEST_MS)
        first, last = timed.timecode(marker.at_ms), timed.timecode(end)
        lines += [
            f"{number:03}  {reel[:8]:<8} V     C        {first} {last} {first} {last}",
            f"* FROM CLIP NAME: {_ascii(marker.label)}",
            f"* LOC: {first} {COLOURS[marker.kind]:<7} {_ascii(marker.label)}",
            "",
        ]
    return "\n".join(lines[:-1])


def _ascii(text: str) -> str:
    """A list is read as ASCII, a line each."""
    return " ".join(text.encode("ascii", "replace").decode().split())
