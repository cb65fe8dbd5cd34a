"""The running order, and the gaps in it.

Rules (the definition of the running order at a moment):

- more laps completed is ahead; then more lines crossed since (S1, S2); then the earlier
  crossing of that line; before any crossing the grid, else the car number, come last;
- a line that a loop missed is made good at the next line: the order by lap lines is
  right with no sector line at all. A sector line counts for the lap that the car is on, or
  the next, where the finish line missed it; no slip in its lap puts a car laps ahead;
- a gap compares both cars where the trailing car last crossed a line, so it neither
  collapses nor jumps at a lap boundary; it grows while the trailing car is overdue at
  its next line; a whole lap or more is told in laps. Between two cars that both go no
  further it stands still: the laps that one completed more, as in the result;
- what is crossed before the session's start, on the formation laps, counts for nothing;
- the car's race is over when it crosses the finish line under the chequered flag.

A fold costs O(1) for a crossing; the order is sorted, O(n log n) in the cars, only when
it is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import (
    CarRetired,
    CarReturned,
    FlagShown,
    LapCompleted,
    LinePassed,
    SessionOpened,
)
from projections.engine.state import Handlers, Histories, Projection, sibling
from projections.folds.session import Session

NEVER = 2**62


class Gap(NamedTuple):
    """How far behind: whole ``laps``, or ``ms`` where it is less than a lap."""

    laps: int | None
    ms: int | None


LEADING = Gap(0, 0)


@dataclass(slots=True)
class RunningOrder(Projection):
    """Which lines each car has crossed, and when.

    ``passings[car]`` holds the session clock (ms) at every line of its race in turn: with
    the lines S1, S2, FL, index 3 is S1 of lap 2. A line that was missed holds the time of
    the next line crossed, as no car crosses two lines at once.
    """

    NAME: ClassVar[str] = "order"
    VERSION: ClassVar[int] = 1

    session: Session = sibling()
    passings: Histories[int] = field(default_factory=Histories)
    laps: dict[str, int] = field(default_factory=dict)
    best_sectors: dict[str, tuple[int, ...]] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    retired: dict[str, int] = field(default_factory=dict)
    chequered_at: int | None = None
    line_numbers: dict[str, int] = field(default_factory=dict)
    lines_per_lap: int = 1

    def handlers(self) -> Handlers:
        return {
            SessionOpened: self._opened,
            LinePassed: self._line_passed,
            FlagShown: self._flag_shown,
            CarRetired: self._retired,
            CarReturned: self._returned,
        }

    def _opened(self, event: SessionOpened) -> None:
        if self.passings:
            return  # told again: the lines that cars have crossed stay as they are
        self.lines_per_lap = len(event.timing_lines)
        self.line_numbers = {line: n for n, line in enumerate(event.timing_lines[:-1], start=1)}

    def _flag_shown(self, event: FlagShown) -> None:
        if event.sector is not None:
            return
        if event.flag == "chequered":
            if self.chequered_at is None:
                self.chequered_at = event.at
        elif self.chequered_at is not None:
            # Shown by mistake: the race goes on.
            self.chequered_at = None
            self.finished = {}

    def _retired(self, event: CarRetired) -> None:
        self.retired[event.car] = event.at

    def _returned(self, event: CarReturned) -> None:
        self.retired.pop(event.car, None)

    def _line_passed(self, event: LinePassed) -> None:
        number = self.line_numbers.get(event.line)
        car = event.car
        if number is None or car in self.finished or event.at < 0 or car in self.session.apart:
            return
        if not 1 <= event.lap <= self.laps.get(car, 0) + 2:
            return  # the finish line may have missed the car once; else the lap is a slip
        self._pass(car, (event.lap - 1) * self.lines_per_lap + number, event.at)

    def lap_completed(self, event: LapCompleted) -> bool:
        """Count a lap; False for one that does not: formation, doubled, or after the flag.

        Nor does one of a car that is no competitor.
        """
        car = event.car
        if event.at < 0 or car in self.finished or event.lap <= self.laps.get(car, 0):
            return False
        if car in self.session.apart:
            return False
        self.laps[car] = event.lap
        self._pass(car, event.lap * self.lines_per_lap, event.at)
        if self.chequered_at is not None:
            self.finished[car] = event.at
        return True

    def finish_where_they_stand(self) -> None:
        """Take every car that is not retired for finished at the last lap it completed."""
        for car, history in self.passings.items():
            lines = self.laps.get(car, 0) * self.lines_per_lap
            if lines and car not in self.retired:
                self.finished.setdefault(car, history[lines - 1])

    def _pass(self, car: str, line: int, at: int) -> None:
        history = self.passings[car]
        passed = len(history)
        if line == passed + 1:
            sector, ms = passed % self.lines_per_lap, at - history[-1] if passed else at
            bests = self.best_sectors.get(car)
            if bests is None or ms < bests[sector]:
                bests = bests or (NEVER,) * self.lines_per_lap
                self.best_sectors[car] = (*bests[:sector], ms, *bests[sector + 1 :])
        elif line <= passed:
            return  # a line already behind the car: read twice, or told too late
        else:
            history.extend([at] * (line - passed - 1))
        history.append(at)

    # What can be asked

    def cars(self) -> list[str]:
        """Every car in the running order, leader first, cars that never crossed a line last."""
        passings, apart = self.passings, self.session.apart
        running = (car for car in passings if car not in apart)
        keyed = [(-len(passings[car]), passings[car][-1], car) for car in running]
        keyed.sort()
        places = {car: place for place, car in enumerate(self.session.grid)}
        entered = (car for car in self.session.entries if car not in apart)
        waiting = [car for car in entered if car not in passings]
        waiting.sort(key=lambda car: (places.get(car, NEVER), natural(car)))
        return [car for _, _, car in keyed] + waiting

    def leader(self) -> str | None:
        """The car that leads on the road, or None before the first crossing."""
        apart = self.session.apart
        leader, most, at = None, 0, 0
        for car, history in self.passings.items():
            passed, last = len(history), history[-1]
            further = passed > most or (passed == most and (last, car) < (at, leader or ""))
            if further and car not in apart:
                leader, most, at = car, passed, last
        return leader

    def last_seen(self, car: str) -> int | None:
        """The session clock at the last line the car crossed, in ms."""
        history = self.passings.get(car)
        return history[-1] if history else None

    def sectors(self, car: str, lap: int) -> tuple[int | None, ...]:
        """The sector times of a lap in ms; None for one whose lines were not both crossed."""
        history = self.passings.get(car) or ()
        first = (lap - 1) * self.lines_per_lap
        return tuple(self._sector(history, first + n) for n in range(self.lines_per_lap))

    def _sector(self, history: tuple[int, ...] | list[int], index: int) -> int | None:
        if index >= len(history) or _missed(history, index):
            return None
        if index == 0:
            return history[0]
        return None if _missed(history, index - 1) else history[index] - history[index - 1]

    def last_sectors(self, car: str) -> tuple[int | None, ...]:
        """The newest time of each sector, in ms: of this lap where it is done, else the last."""
        history = self.passings.get(car) or ()
        lines, done = self.lines_per_lap, len(history)
        newest = [done - 1 - (done - 1 - sector) % lines for sector in range(lines)]
        return tuple(self._sector(history, at) if at >= 0 else None for at in newest)

    def sectors_done(self, car: str) -> int:
        """How many of the last sectors are of the lap under way; at 0 all are of the last lap."""
        return len(self.passings.get(car) or ()) % self.lines_per_lap

    def gap(self, ahead: str, behind: str, now: int) -> Gap | None:
        """How far ``behind`` is behind ``ahead``; None before it has crossed a line.

        Compared at the trailing car's last line. A car that is overdue at its next line
        falls back while it crosses nothing: it is at least as far behind as if it crossed
        that line ``now`` (ms on the session clock).
        """
        return self.gap_until(ahead, behind, now)[0]

    def gap_until(self, ahead: str, behind: str, now: int) -> tuple[Gap | None, int]:
        """The gap, and until when (ms) it stands if nothing happens to either car."""
        theirs, ours = self.passings.get(ahead), self.passings.get(behind)
        if not ours or not theirs:
            return None, NEVER
        done = behind in self.finished
        settled = done or (self._is_settled(behind) and self._is_settled(ahead))
        if settled and not done:
            more = self.laps.get(ahead, 0) - self.laps.get(behind, 0)
            if more > 0:
                return Gap(more, None), NEVER
        line, last = len(ours), ours[-1]
        if len(theirs) == line:
            return Gap(None, max(0, last - theirs[-1])), NEVER
        next_line, lines_ahead = theirs[line], 0
        if not settled:
            lines_ahead = len(theirs) - line - (theirs[-1] > last)
        elif next_line <= last:
            lines_ahead = bisect_right(theirs, last, line) - line
        if lines_ahead >= self.lines_per_lap:
            return Gap(lines_ahead // self.lines_per_lap, None), NEVER
        seen = theirs[line - 1]
        ms = max(0, last - seen if seen != next_line else _where_both_were_seen(theirs, ours))
        if settled:
            return Gap(None, ms), NEVER
        ms = max(ms, now - next_line)
        return Gap(None, ms), next_line + ms

    def _is_settled(self, car: str) -> bool:
        """Whether the car goes no further."""
        return car in self.finished or car in self.retired or self.session.ended_at is not None


def _where_both_were_seen(theirs: list[int], ours: list[int]) -> int:
    """How far apart (ms) both were at the last line that saw them both, up to our last."""
    line = len(ours)
    while line and (_missed(theirs, line - 1) or _missed(ours, line - 1)):
        line -= 1
    return ours[line - 1] - theirs[line - 1] if line else 0


def _missed(history: tuple[int, ...] | list[int], index: int) -> bool:
    return index + 1 < len(history) and history[index] == history[index + 1]


def natural(car: str) -> tuple[int, str]:
    """The order of car numbers: by number, then as written, so 01, 1, 007, 7, 10."""
    digits = "".join(sign for sign in car if sign.isascii() and sign.isdigit())
    return (int(digits) if digits else NEVER, car)
