"""Best laps of an RMonitor run: ``$H`` records, by which the timing rules on lap times.

``$H`` has the number and the time of a car's best lap as the timing counts it now. It is
compared with the recorded laps that count:

- a slower time, or none, after a better one: the timing withdrew lap times, which is recorded as
  their deletion. The lap itself counts as before. A lap that is named again is restored;
- no time, but the number of a lap: that lap time is withdrawn;
- a better time of a lap of which none is recorded (the feed was joined later): a reported best
  lap;
- the first lap of a race that began at the start, not at the line: as such a lap is no best lap
  by itself, it is reported as one;
- another time of a recorded lap, some ms off, or of one whose begin is unknown: the lap is
  amended.

Behaviour of real feeds, and how it is interpreted:

- after a crossing the old best may be sent once more, for a second; so the last lap is only
  withdrawn when two heartbeats have passed, or if it was the best before;
- a car that is entered twice has two lines, one with no time (one feed, 112 s and none in one
  refresh): none counts if the car has no other line until the next heartbeat;
- a board that is cleared has no times for a while: none does not count for a car whose ``$G``
  has no laps either, nor where all cars lose their best laps at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from events.corrections import LapAmended
from events.formats.rmonitor import QualifyingInformation, RaceInformation
from events.formats.rmonitor_recorded import RecordedLap, RecordedRun
from events.running import BestLapReported
from events.stewards import LapTimeDeleted

SAME_TIME_MS = 500
"""Two times of one lap differ by less (394 ms in a real feed)."""

BEATS_TO_CONFIRM = 2
"""Heartbeats after which a best lap that the timing sends includes the car's last lap."""

WITHDRAWN = "withdrawn by the timing"
NO_BEST_LAP = "withdrawn by the timing, which has no best lap of the car"


class _StatedBest(NamedTuple):
    """A car's best lap as the timing stated it: its number (0 if unknown) and time (ms)."""

    lap: int
    ms: int


@dataclass(slots=True)
class RunBests:
    """State of the feed's best laps that is not recorded in events."""

    recorded: RecordedRun
    _cleared: set[str] = field(default_factory=set)
    _stated: dict[str, _StatedBest] = field(default_factory=dict)
    _with_time: set[str] = field(default_factory=set)
    _without_time: set[str] = field(default_factory=set)
    _unconfirmed: dict[str, int] = field(default_factory=dict)
    _last_laps: dict[str, tuple[int, int]] = field(default_factory=dict)
    _beats: int = 0

    def take(self, car: str, record: QualifyingInformation) -> None:
        """Handle a ``$H``."""
        self._note_last_lap(car)
        stated = _StatedBest(record.lap or 0, record.lap_time_ms or 0)
        if stated.ms > 0:
            before = self._stated.get(car)
            self._stated[car] = stated
            self._with_time.add(car)
            self._without_time.discard(car)
            self._compare(car, stated, before)
        elif stated.lap:
            self._withdraw_lap(car, stated.lap)
        elif car in self._stated and car not in self._with_time:
            self._without_time.add(car)

    def standing(self, car: str, record: RaceInformation) -> None:
        """Note whether the car's ``$G`` has laps."""
        if record.total_ms:
            self._cleared.discard(car)
        else:
            self._cleared.add(car)

    def heartbeat(self) -> None:
        """Handle what waits for a heartbeat."""
        self._beats += 1
        self.settle()
        self._with_time.clear()
        for car, due in list(self._unconfirmed.items()):
            if self._beats >= due and car in self._stated:
                self._compare(car, self._stated[car], None, confirmed=True)

    def forget(self) -> None:
        """Forget what waits: the race was started again, and the board is that of another."""
        self._without_time.clear()
        self._unconfirmed.clear()

    def settle(self) -> None:
        """Withdraw the best laps of cars that have none any more."""
        if not self._without_time:
            return
        cars, self._without_time = self._without_time, set()
        bests = sum(self.recorded.best(car) is not None for car in self._stated)
        if 1 < bests <= len(cars):
            return  # the whole board was cleared
        for car in sorted(cars - self._cleared):
            del self._stated[car]
            self._unconfirmed.pop(car, None)
            for lap in self.recorded.timed_laps(car):
                self._delete(car, lap, NO_BEST_LAP)
            for report in list(self.recorded.reported.get(car, ())):
                self.recorded.void(report.seq, NO_BEST_LAP)

    def end(self) -> None:
        """Handle what still waits, at the end of the feed."""
        self.settle()
        for car in list(self._unconfirmed):
            stated = self._stated.get(car)
            best = self.recorded.best(car)
            if stated and (best is None or stated.ms < best):
                self._compare(car, stated, None, confirmed=True)

    # -- Comparing ---------------------------------------------------------------------

    def _compare(
        self,
        car: str,
        stated: _StatedBest,
        before: _StatedBest | None,
        *,
        confirmed: bool = False,
    ) -> None:
        """Record what makes the car's best lap the stated one."""
        self._unconfirmed.pop(car, None)
        if self.recorded.best(car) == stated.ms:
            return
        self._restore(car, stated)
        best = self.recorded.best(car)
        if best is not None and best < stated.ms:
            self._withdraw_faster(car, stated, before, confirmed=confirmed)
            best = self.recorded.best(car)
        if best is None or best > stated.ms:
            self._improve(car, stated, confirmed=confirmed)

    def _improve(self, car: str, stated: _StatedBest, *, confirmed: bool) -> None:
        """Record the time of a lap that the timing has and the log has not."""
        last = self.recorded.last(car)
        lap = self.recorded.lap(car, stated.lap)
        if lap is not None and lap.lap_time_ms == stated.ms:
            self._report(car, stated)  # a first lap, which counts where the timing says so
        elif lap is not None and lap.lap_time_ms is not None:
            if self._may_be(car, lap, stated.ms):
                self._amend(car, lap, stated.ms)
        elif not stated.lap:
            pass
        elif confirmed or (last is not None and stated.lap != last.lap + 1):
            self._report(car, stated)
        else:  # its crossing may follow
            self._unconfirmed[car] = self._beats + BEATS_TO_CONFIRM

    def _may_be(self, car: str, lap: RecordedLap, ms: int) -> bool:
        """Whether that time of a lap contradicts no two crossings, which bound it."""
        off = abs((lap.lap_time_ms or 0) - ms)
        return off <= SAME_TIME_MS or self.recorded.lap(car, lap.lap - 1) is None

    def _withdraw_faster(
        self, car: str, stated: _StatedBest, before: _StatedBest | None, *, confirmed: bool
    ) -> None:
        """Withdraw the lap times that are faster than the stated best."""
        for report in list(self.recorded.reported.get(car, ())):
            if report.ms < stated.ms:
                self.recorded.void(report.seq, WITHDRAWN)
        laps = self.recorded.timed_laps(car)
        known = any(lap.lap_time_ms == stated.ms for lap in laps)
        last = self.recorded.last(car)
        for lap in [lap for lap in laps if (lap.lap_time_ms or 0) < stated.ms]:
            was_best = before is not None and before.lap == lap.lap
            if lap.lap == stated.lap and not known:
                self._amend(car, lap, stated.ms)
            elif lap == last and not was_best and not confirmed and self._is_recent(car):
                self._unconfirmed[car] = self._beats + BEATS_TO_CONFIRM
            else:
                self._delete(car, lap, WITHDRAWN)

    def _note_last_lap(self, car: str) -> None:
        last = self.recorded.last(car)
        if last is not None and self._last_laps.get(car, (-1, 0))[0] != last.seq:
            self._last_laps[car] = last.seq, self._beats

    def _is_recent(self, car: str) -> bool:
        """Whether the first line after the last lap came less than two heartbeats ago."""
        _, beat = self._last_laps.get(car, (-1, 0))
        return self._beats - beat < BEATS_TO_CONFIRM

    # -- Recording ---------------------------------------------------------------------

    def _restore(self, car: str, stated: _StatedBest) -> None:
        """Void deletions that the stated best contradicts."""
        for lap, deletion in list(self.recorded.deleted.get(car, {}).items()):
            time = self.recorded.lap(car, lap)
            slower = time is not None and (time.lap_time_ms or 0) >= stated.ms
            if lap == stated.lap or (deletion.reason == NO_BEST_LAP and slower):
                self.recorded.void(deletion.seq, "the timing counts this lap time again")

    def _withdraw_lap(self, car: str, number: int) -> None:
        for report in list(self.recorded.reported.get(car, ())):
            if report.lap == number:
                self.recorded.void(report.seq, WITHDRAWN)
        lap = self.recorded.lap(car, number)
        if lap is not None and lap in self.recorded.timed_laps(car):
            self._delete(car, lap, WITHDRAWN)

    def _report(self, car: str, stated: _StatedBest) -> None:
        values = {"lap": stated.lap, "lap_time_ms": stated.ms}
        self.recorded.record_now(BestLapReported, car=car, **values)

    def _delete(self, car: str, lap: RecordedLap, reason: str) -> None:
        self.recorded.record_now(LapTimeDeleted, car=car, lap=lap.lap, reason=reason)

    def _amend(self, car: str, lap: RecordedLap, ms: int) -> None:
        reason = "as in the timing's list of best laps"
        self.recorded.record_now(LapAmended, car=car, lap=lap.lap, lap_time_ms=ms, reason=reason)
