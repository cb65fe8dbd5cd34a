"""The published state of a session as the lines of an RMonitor feed.

The counterpart of ``events.formats.rmonitor``. A new connection gets everything (``refresh``);
after that each new state gives the lines that changed (``changes``), and each second a heartbeat
(``heartbeat``). Registrations are car numbers, and a class's id is its place in the session's list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from events.formats.rmonitor import NO_LIMIT, NO_TIME_MS
from projections.views.merge_patch import State

FLAG_NAMES = {
    "green": "Green",
    "yellow": "Yellow",
    "red": "Red",
    "white": "White",
    "chequered": "Finish",
    "code_60": "Code60",
    "fcy": "FCY",
    "vsc": "VSC",
}
"""Flags as feeds name them; others are sent as blank."""

DAY_MS = 24 * 60 * 60 * 1000

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")


def time_cell(ms: int | None) -> str:
    """A time with milliseconds; None gives the protocol's 00:59:59.999, which means no time.

    A time of exactly that is written a millisecond later, for it would be read as none.
    """
    if ms is None:
        ms = NO_TIME_MS
    elif ms == NO_TIME_MS:
        ms += 1
    seconds, rest = divmod(max(0, ms), 1000)
    return f'"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"'


def text_cell(text: object) -> str:
    """Text in quotes, without what would end the cell or the line."""
    return '"' + _UNSAFE.sub(" ", str(text)).replace('"', "'") + '"'


def heartbeat(state: State, clock_ms: int, time_of_day_ms: int) -> str:
    """``$F``: laps and time to go, time of day, session clock and flag."""
    session = state["session"]
    limit, laps = session.get("time_limit_ms"), session.get("laps_to_go")
    to_go = 0 if limit is None else max(0, limit - clock_ms)
    times = (_seconds(ms) for ms in (to_go, time_of_day_ms % DAY_MS, clock_ms))
    flag = FLAG_NAMES.get(session.get("flag") or "", "")
    return f'$F,{NO_LIMIT if laps is None else laps},{",".join(times)},"{flag:<6}"'


def _seconds(ms: int) -> str:
    return time_cell(ms // 1000 * 1000)[:-5] + '"'


class RMonitorEncoder:
    """The lines of one session, and what was sent of it."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._sent: dict[str, str] = {}
        self._totals: dict[str, tuple[int, int | None]] = {}

    def refresh(self, state: State) -> list[str]:
        """All lines but the heartbeat: the run, its classes and cars, and their places."""
        self._sent, self._totals = {}, {}
        return self.changes(state)

    def changes(self, state: State) -> list[str]:
        """The lines that are new or differ from those sent before: crossings before places."""
        rows = sorted(state.get("standings", {}).values(), key=lambda row: row["position"])
        lines = self._names(state, rows)
        race = state["session"]["kind"] == "race"
        for row in rows:
            lines += self._crossing(row, state["session"].get("timing_lines", []))
        for row in rows:
            reg = text_cell(row["car"])
            laps, total = self._totals.get(row["car"], (0, None))
            place = f"$G,{row['position']},{reg},{laps or ''},{time_cell(total or 0)}"
            lines += self._new(f"$G {reg}", place)
            best = row.get("best_lap_ms")
            if best is not None:
                place = "" if race else row["position"]
                lap = row.get("best_lap") or ""
                lines += self._new(f"$H {reg}", f"$H,{place},{reg},{lap},{time_cell(best)}")
        return lines

    def _names(self, state: State, rows: list[Mapping[str, Any]]) -> list[str]:
        session = state["session"]
        classes = {name: number for number, name in enumerate(session.get("classes", []), 1)}
        lines = self._new("$B", f"$B,1,{text_cell(session['title'])}")
        mode = "race" if session["kind"] == "race" else "qualifying"
        lines += self._new("$RMS", f'$RMS,"{mode}"')
        for name, number in classes.items():
            lines += self._new(f"$C {number}", f"$C,{number},{text_cell(name)}")
        if session.get("circuit"):
            lines += self._new("$E", f'$E,"TRACKNAME",{text_cell(session["circuit"])}')
        for row in rows:
            car = text_cell(row["car"])
            team, vehicle = text_cell(row.get("team") or ""), text_cell(row.get("vehicle") or "")
            class_id = classes.get(row.get("class") or "", 0)
            lines += self._new(f"$A {car}", f'$A,{car},{car},0,{team},"","",{class_id}')
            lines += self._new(
                f"$COMP {car}", f'$COMP,{car},{car},{class_id},{team},"","",{vehicle}'
            )
        return lines

    def _crossing(self, row: Mapping[str, Any], timing_lines: list[str]) -> list[str]:
        """``$J`` of a lap that was completed since the last state; notes the car's total."""
        car, laps = row["car"], row["laps"]
        before, _ = self._totals.get(car, (None, None))
        if laps == before:
            return []
        crossed = _crossed_ms(row, timing_lines)
        if crossed is None:
            return []
        self._totals[car] = (laps, crossed)
        if before is None or laps != before + 1 or row.get("last_lap_ms") is None:
            return []
        return [f"$J,{text_cell(car)},{time_cell(row['last_lap_ms'])},{time_cell(crossed)}"]

    def _new(self, key: str, line: str) -> list[str]:
        if self._sent.get(key) == line:
            return []
        self._sent[key] = line
        return [line]


def _crossed_ms(row: Mapping[str, Any], timing_lines: list[str]) -> int | None:
    """When a car crossed the finish line last: before the sectors of the lap under way.

    None where a loop was missed since; 0 for a car that has not completed a lap.
    """
    if not row["laps"]:
        return 0
    seen = row.get("last_seen_ms")
    if seen is None:
        return None
    done = row.get("sectors_done") or 0
    if done >= max(1, len(timing_lines)):
        done = 0
    sectors = row.get("last_sectors_ms") or {}
    for line in timing_lines[:done]:
        if line not in sectors:
            return None
        seen -= sectors[line]
    return int(seen)
