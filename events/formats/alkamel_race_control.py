"""Flags and messages of race control on the session clock, from the file that has them.

They replace the flags that the laps file shows at the finish line, which are later by up to the
gap between two cars. The chequered flag must agree with the laps, as the result rests on it:
where it does not, the first crossing under it stays.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from events.base import Basis
from events.clock import format_clock
from events.formats.alkamel import DAY_MS, CarLaps, LapsFile
from events.formats.alkamel_companions import RaceControlFile, RaceControlRow
from events.formats.doubts import LEFT_OUT, Doubt, bounded
from events.track import Flag

MOST_APART_MS = 5_000
"""How far the start of both files can be apart on the clock of the day."""

_CAR = re.compile(r"\bcar\s*#?\s*(\w{1,16})\b", re.IGNORECASE)


class TimedFlag(NamedTuple):
    """A flag on the session clock (ms), for the whole track or a sector."""

    at: int
    flag: Flag
    basis: Basis
    sector: int | None = None


class TimedMessage(NamedTuple):
    """A message on the session clock (ms); about a car if it names one."""

    at: int
    text: str
    car: str | None
    basis: Basis


class RaceControlRecord(NamedTuple):
    """The flags and messages of a session, and what is doubtful in them."""

    flags: list[TimedFlag]
    messages: list[TimedMessage]
    doubts: list[Doubt]


def on_session_clock(
    control: RaceControlFile, laps: LapsFile, *, is_race: bool
) -> RaceControlRecord:
    """Return flags and messages at session times.

    A message before the start is placed at 0, as ``reconstructed``.
    """
    doubts = [*control.doubts]
    start = _start_of_day(control)
    own = laps.start_of_day_ms
    if start is None:
        start = own
    elif own is not None and MOST_APART_MS < (start - own) % DAY_MS < DAY_MS - MOST_APART_MS:
        reason = f"the laps file starts at {format_clock(own)}"
        time = format_clock(start)
        doubts.append(
            Doubt(control.file, 2, "TIME", time, reason, "the time since the start counts")
        )
    flags: list[TimedFlag] = []
    messages: list[TimedMessage] = []
    cars = {run.car for run in laps.cars}
    before = 0
    for row in control.rows:
        at = _at(row, start, before)
        if at is None:
            time = format_clock(row.time_ms or 0)
            doubts.append(
                Doubt(control.file, row.line, "TIME", time, "without the time of the start")
            )
            continue
        before = max(before, at)
        basis: Basis = "recorded" if at >= 0 else "reconstructed"
        if row.flag is not None:
            flags.append(TimedFlag(max(0, at), row.flag, basis, row.sector))
        elif row.message:
            named = _CAR.findall(row.message)
            car = named[0] if len(set(named)) == 1 and named[0] in cars else None
            messages.append(TimedMessage(max(0, at), row.message, car, basis))
    flags.sort(key=lambda flag: flag.at)
    messages.sort(key=lambda message: message.at)
    if is_race:
        flags = _ended_with_the_laps(control, flags, laps, doubts)
    return RaceControlRecord(flags, messages, doubts)


def _start_of_day(control: RaceControlFile) -> int | None:
    """Return the local time of day of the start, by most rows that have both times.

    The first green flag has no time since the start: it is the start.
    """
    starts = Counter(
        (row.time_ms - row.elapsed_ms) % DAY_MS
        for row in control.rows
        if row.time_ms is not None and row.elapsed_ms is not None
    )
    if starts:
        return starts.most_common(1)[0][0]
    greens = (
        row.time_ms for row in control.rows if row.flag == "green" and row.time_ms is not None
    )
    return next(greens, None)


def _at(row: RaceControlRow, start: int | None, before: int) -> int | None:
    """Return the session time of a row; a time of day is taken nearest to the row before."""
    if row.elapsed_ms is not None:
        return row.elapsed_ms
    if start is None or row.time_ms is None:
        return None
    at = (row.time_ms - start) % DAY_MS
    while at < before - DAY_MS // 2:
        at += DAY_MS
    return at - DAY_MS if at > before + DAY_MS // 2 else at


def _ended_with_the_laps(
    control: RaceControlFile, flags: Sequence[TimedFlag], laps: LapsFile, doubts: list[Doubt]
) -> list[TimedFlag]:
    """Return the flags up to the first chequered one, at a time that the laps allow."""
    first = next((flag for flag in flags if flag.flag == "chequered" and not flag.sector), None)
    if first is None:
        return [*flags]
    crossings = [
        (at, shown == "chequered")
        for run in laps.cars
        for at, shown in zip(run.completed_at, run.flags, strict=True)
    ]
    under = min((at for at, is_under in crossings if is_under), default=None)
    at = first.at
    racing = (one for one, is_under in crossings if not is_under and at <= one < (under or at))
    if under is not None and (at > under or next(racing, None) is not None):
        line = next(row.line for row in control.rows if row.flag == "chequered")
        reason = f"the first car took the flag at {format_clock(under)}"
        doubts.append(
            Doubt(
                *(control.file, line, "ELAPSED", format_clock(at), reason),
                *("the flag is shown at that crossing", None, under),
            )
        )
        at = under
    kept = [flag for flag in flags if flag.at <= at and flag.flag != "chequered"]
    return [*kept, TimedFlag(at, "chequered", "recorded")]


# -- The end in the laps file --------------------------------------------------------------


def with_one_end(laps: LapsFile) -> LapsFile:
    """Return the laps of a race without chequered flags that the race contradicts.

    The race ended at the crossing under the flag that the fewest others contradict: those under
    the flag before it, and those under other flags after it.
    """
    shown = sorted(
        (at, run.car)
        for run in laps.cars
        if "chequered" in run.flags
        for at, flag in zip(run.completed_at, run.flags, strict=True)
        if flag == "chequered"
    )
    if not shown or all(_raced_until(run) <= shown[0][0] for run in laps.cars):
        return laps
    raced = sorted(
        at
        for run in laps.cars
        for at, flag in zip(run.completed_at, run.flags, strict=True)
        if flag not in (None, "chequered") and at > shown[0][0]
    )
    contradicting = [
        before + len(raced) - bisect_right(raced, at) for before, (at, _) in enumerate(shown)
    ]
    slips = {*shown[: contradicting.index(min(contradicting))]}
    doubts = [*laps.doubts]
    cars: list[CarLaps] = []
    for run in laps.cars:
        flags = [*run.flags]
        for index, at in enumerate(run.completed_at):
            if (at, run.car) in slips:
                flags[index] = None
                where = laps.file, run.lines[index], "FLAG_AT_FL", "FF"
                reason = "the race went on under other flags"
                doubts.append(Doubt(*where, reason, LEFT_OUT, run.car, at))
        cars.append(replace(run, flags=flags))
    return replace(laps, cars=tuple(cars), doubts=bounded(doubts))


def _raced_until(run: CarLaps) -> int:
    """Return the car's last crossing under a flag other than the chequered one (ms)."""
    crossings = zip(reversed(run.completed_at), reversed(run.flags), strict=True)
    return next((at for at, flag in crossings if flag not in (None, "chequered")), 0)
