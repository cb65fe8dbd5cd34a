"""The laps of a car in a Formula One stream.

The stream counts laps (``NumberOfLaps``) and gives the time of the last one (``LastLapTime``) in
one patch or in two, in either order. A value that equals the one before is not sent again. Patches
arrive some tenths of a second after the line was crossed, and not evenly so; lap times are exact.
The crossings of consecutive laps are therefore computed from the lap times, and the whole chain
is placed by the median of the arrivals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from events.formats.doubts import Doubt
from events.formats.f1_stream import Patch, items, member, text_of, whole
from events.running import MOST_LAPS

LATE_MS = 30_000
"""A lap time this long after the lap was counted still belongs to it; no lap is shorter."""
EARLY_MS = 10_000
"""A lap time comes at most this much before its lap is counted, unless the car is in the lane."""
BREAK_MS = 3_000
"""A lap time that differs more than this from the arrivals does not continue a chain."""
LINES = ("S1", "S2")

_TIME = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,3})\.(\d{1,3})", re.ASCII)


def milliseconds(text: str) -> int | None:
    """``1:45.412`` in ms; None for anything else."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, part = match.groups()
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    return whole * 1000 + int(part.ljust(3, "0"))


@dataclass(slots=True)
class StreamLap:
    """A completed lap; ``arrived`` is when it was reported, ``at`` when the line was crossed."""

    lap: int
    arrived: int
    time: int | None
    in_lane: bool
    at: int = 0


@dataclass(slots=True)
class CarTiming:
    """What the stream says of a car, taken patch by patch."""

    car: str
    file: str
    laps: list[StreamLap] = field(default_factory=list)
    visits: list[tuple[int, bool]] = field(default_factory=list)
    """When the car entered (True) or left the pit lane."""
    retired: list[tuple[int, bool]] = field(default_factory=list)
    sectors: dict[tuple[int, int], tuple[int, int | None]] = field(default_factory=dict)
    """Of a lap and a sector (0 or 1): when it was reported, and its time."""
    doubts: list[Doubt] = field(default_factory=list)
    in_lane: bool = False
    position: int | None = None
    _number: int = 0
    _early: tuple[int, int] | None = None

    def take(self, patch: Patch, line: dict[str, Any]) -> None:
        """Take what a patch changes of the car."""
        sent, text = line.get("NumberOfLaps"), text_of(member(line, "LastLapTime", "Value"))
        time = milliseconds(text)
        if text and time is None:
            self._doubt(patch, "LastLapTime", text, "not a lap time")
        number = whole(sent)
        if number is not None and 0 <= number <= MOST_LAPS:
            self._counted(patch, number, time)
        else:
            if sent is not None:
                self._doubt(patch, "NumberOfLaps", str(sent)[:200], "not a number of laps")
            if time is not None:
                self._timed(patch, time)
        position = line.get("Position")
        if isinstance(position, str) and position.isdecimal():
            self.position = int(position)
        for place, sector in items(line.get("Sectors")):
            if place in ("0", "1") and (value := text_of(member(sector, "Value"))):
                self.sectors[self._number + 1, int(place)] = (patch.at, milliseconds(value))
        self._changed(patch.at, line)

    def _changed(self, at: int, line: dict[str, Any]) -> None:
        in_lane, retired = line.get("InPit"), line.get("Retired")
        if isinstance(in_lane, bool) and in_lane != self.in_lane:
            self.in_lane = in_lane
            self.visits.append((at, in_lane))
        if isinstance(retired, bool) and retired != (bool(self.retired) and self.retired[-1][1]):
            self.retired.append((at, retired))

    def _counted(self, patch: Patch, number: int, time: int | None) -> None:
        if number < self._number:
            reason = f"{self._number} laps were counted before"
            treatment = "the laps above it are taken back"
            self._doubt(patch, "NumberOfLaps", str(number), reason, treatment)
            self.laps = [lap for lap in self.laps if lap.lap <= number]
        elif number > self._number:
            if number > self._number + 1:
                reason = f"{self._number} laps were counted before"
                self._doubt(patch, "NumberOfLaps", str(number), reason, "the laps between lack")
            arrived = patch.at
            if time is None and self._early is not None:
                early_at, early = self._early
                if self.in_lane or patch.at - early_at <= EARLY_MS:
                    arrived, time = early_at, early
            self.laps.append(StreamLap(number, arrived, time, self.in_lane))
        self._number, self._early = number, None

    def _timed(self, patch: Patch, time: int) -> None:
        last = self.laps[-1] if self.laps else None
        if last is None or patch.at - last.arrived > LATE_MS:
            self._early = (patch.at, time)
        else:
            if last.time is not None and last.time != time:
                reason = f"the time of lap {last.lap} was {last.time} ms before"
                self._doubt(patch, "LastLapTime", str(time), reason, "the later time is used")
            last.time = time

    def place(self) -> None:
        """Set the times at which the lines were crossed, once everything was taken."""
        self._repeat_equal_times()
        for chain in self._chains():
            sums, total = [], 0
            for index, lap in enumerate(chain):
                total += (lap.time or 0) if index else 0
                sums.append(total)
            shift = median_low([lap.arrived - done for lap, done in zip(chain, sums, strict=True)])
            for lap, done in zip(chain, sums, strict=True):
                lap.at = shift + done
        for before, lap in zip(self.laps, self.laps[1:], strict=False):
            lap.at = max(lap.at, before.at + 1)

    def _repeat_equal_times(self) -> None:
        for before, lap in zip(self.laps, self.laps[1:], strict=False):
            expected = lap.arrived - before.arrived
            if lap.time is None and before.time and abs(expected - before.time) <= BREAK_MS / 2:
                lap.time = before.time

    def _chains(self) -> Iterator[list[StreamLap]]:
        """Consecutive laps, each but the first with a time that fits the arrivals."""
        chain: list[StreamLap] = []
        for lap in self.laps:
            if chain and not _follows(chain[-1], lap):
                yield chain
                chain = []
            chain.append(lap)
        if chain:
            yield chain

    def crossings(self) -> Iterator[tuple[str, int, int]]:
        """The intermediate lines that were passed: line, lap, time (ms)."""
        ends = {lap.lap: lap.at for lap in self.laps}
        for (lap, sector), (arrived, _) in self.sectors.items():
            times = [self.sectors.get((lap, one), (0, None))[1] for one in range(sector + 1)]
            start, at = ends.get(lap - 1), arrived
            if start is not None and None not in times:
                computed = start + sum(time or 0 for time in times)
                at = computed if abs(computed - arrived) <= BREAK_MS else arrived
            if start is not None and at <= start:
                continue
            if at < ends.get(lap, at + 1):
                yield LINES[sector], lap, at

    def _doubt(
        self, patch: Patch, column: str, value: str, reason: str, treatment: str = "left out"
    ) -> None:
        self.doubts.append(
            Doubt(self.file, patch.line, column, value, reason, treatment, self.car, patch.at)
        )


def _follows(before: StreamLap, lap: StreamLap) -> bool:
    if lap.time is None or lap.lap != before.lap + 1:
        return False
    return abs(lap.arrived - before.arrived - lap.time) <= BREAK_MS
