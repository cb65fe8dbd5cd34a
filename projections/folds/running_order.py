"""The running order, and the gaps in it.

Rules (the definition of the running order at a moment):

- more completed laps first, then more lines crossed since (S1, S2), then the earlier
  crossing of that line; cars without a crossing come last, in grid order, then by number;
- of cars that cross a line in the same millisecond the one that was ahead at the line before is
  ahead, then the one with the better place on the grid, then the lower number (9 before 10).
  ``precedence`` is this rule, for every order of cars at a line;
- a line that a loop missed is filled in at the next line, so the order at the finish line is
  right without any sector line. A sector line counts for the car's current lap, or the next
  if the finish line missed the car; a mistaken lap number puts no car laps ahead;
- a gap compares both cars at the line that the trailing car crossed last, so it neither
  collapses nor jumps at a lap boundary; it grows while the trailing car is overdue at its
  next line; a gap of a whole lap or more is counted in laps. Between two cars that go no
  further it is constant: the difference in completed laps, as in the result;
- crossings before the session's start, on formation laps, do not count;
- where the session or its pack sets the shortest possible lap, a crossing sooner after the last
  is a double read: it is counted out, unless it was decided that it counts, and the later laps
  of a source that counted it move down by one number;
- what a car does after its finish (``projections.folds.finish``) does not count;
- a car that completes a lap after it was retired is running again.

Folding a crossing costs O(1); the order is sorted on request, O(n log n) in the cars.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any, ClassVar, NamedTuple, TypeVar

from events import (
    CarRetired,
    CarReturned,
    CrossingCounted,
    LapCompleted,
    LinePassed,
    SessionOpened,
)
from events.clock import format_lap_time
from projections.engine.double_reads import CrossingCountedOut
from projections.engine.state import Handlers, Histories, History, Projection, of, row, sibling
from projections.folds.finish import Finish
from projections.folds.session import Session

NEVER = 2**62


class Gap(NamedTuple):
    """A gap in whole ``laps``, or in ``ms`` if less than a lap."""

    laps: int | None
    ms: int | None


LEADING = Gap(0, 0)
L = TypeVar("L", LapCompleted, LinePassed)


class Retirement(NamedTuple):
    """A retirement that was taken back, or that a lap contradicted."""

    at: int
    car: str


class DoubleRead(NamedTuple):
    """A crossing that was counted out: when, how long after the car's last, and its identity.

    ``after_ms`` is negative for one put in before another: the time until that."""

    at: int
    car: str
    after_ms: int
    source: str
    source_seq: int


_retirement = row(Retirement)
_double_read = row(DoubleRead)


@dataclass(slots=True)
class RunningOrder(Projection):
    """The crossings of each car.

    ``passings[car]`` holds the session time (ms) of each line of its race in turn: with the
    lines S1, S2, FL, index 3 is S1 of lap 2. A missed line holds the time of the next line
    crossed, which identifies it, as no car crosses two lines at once.
    """

    NAME: ClassVar[str] = "order"
    VERSION: ClassVar[int] = 2

    session: Session = sibling()
    finish: Finish = sibling()
    passings: Histories[int] = field(default_factory=Histories)
    laps: dict[str, int] = field(default_factory=dict)
    best_sectors: dict[str, tuple[int, ...]] = field(default_factory=dict)
    retired: dict[str, int] = field(default_factory=dict)
    """When each car retired (ms), of those that have not run since."""
    double_reads: History[DoubleRead] = of(_double_read, History)
    read_since: dict[str, int] = field(default_factory=dict)
    """When a car was read twice (ms), since its last lap."""
    miscounts: dict[str, int] = field(default_factory=dict)
    """How many double reads a source counted as laps, by source and car."""
    confirmed: tuple[str, ...] = ()
    """The crossings that count by decision, by source and number."""
    taken_back: History[Retirement] = of(_retirement, History)
    line_numbers: dict[str, int] = field(default_factory=dict)
    lines_per_lap: int = 1

    def handlers(self) -> Handlers:
        return {
            SessionOpened: self._opened,
            LinePassed: self._line_passed,
            CarRetired: self._retired,
            CarReturned: self._returned,
            CrossingCounted: self._crossing_counted,
            CrossingCountedOut: self._counted_out,
        }

    def _opened(self, event: SessionOpened) -> None:
        if self.passings:
            return  # a later SessionOpened does not change the lines already crossed
        self.lines_per_lap = len(event.timing_lines)
        self.line_numbers = {line: n for n, line in enumerate(event.timing_lines[:-1], start=1)}

    @property
    def finished(self) -> dict[str, int]:
        """When each finished car finished (ms)."""
        return self.finish.cars

    def _retired(self, event: CarRetired) -> None:
        if not self.finish.has_finished(event.car, event.at):
            self.retired[event.car] = event.at

    def _returned(self, event: CarReturned) -> None:
        self.runs_again(event.car)

    def runs_again(self, car: str) -> None:
        """Take back that the car retired."""
        at = self.retired.pop(car, None)
        if at is not None:
            self.taken_back.append(Retirement(at, car))

    def retirements(self) -> list[Retirement]:
        """Return every retirement, those taken back included, in the order of time."""
        standing = (Retirement(at, car) for car, at in self.retired.items())
        return sorted([*self.taken_back, *standing])

    def _line_passed(self, event: LinePassed) -> None:
        number = self.line_numbers.get(event.line)
        car, at, lap = event.car, event.at, event.lap
        if number is None or at < 0 or car in self.session.apart:
            return
        if self.finish.ending and self.finish.has_finished(car, at):
            return
        if self.miscounts:
            lap = self._renumbered(event).lap
        if not 1 <= lap <= self.laps.get(car, 0) + 2:
            return  # the finish line may have missed the car once; otherwise the lap is wrong
        self._pass(car, (lap - 1) * self.lines_per_lap + number, at)

    def lap_completed(self, event: LapCompleted) -> LapCompleted | None:
        """Count a lap; return it as it counts, or None if it does not.

        Those are formation laps, repeated laps, double reads, laps after the flag, and those of
        cars that are not competitors.
        """
        session = self.session
        if session.shortest_lap_ms or self.miscounts:
            one = self._without_double_reads(event)
            if one is None:
                return None
            event = one
        car, lap, at, finish = event.car, event.lap, event.at, self.finish
        if at < 0 or lap <= self.laps.get(car, 0) or car in session.apart:
            return None
        if finish.ending and finish.has_finished(car, at):
            return None
        self.laps[car] = lap
        self._pass(car, lap * self.lines_per_lap, at)
        if finish.ending or lap >= finish.lap_limit:
            finish.lap_completed(car, lap, at)
        return event

    # Double reads

    def _crossing_counted(self, event: CrossingCounted) -> None:
        self.confirmed = (*self.confirmed, _name(event.counted_source, event.counted_seq))

    def _counted_out(self, event: CrossingCountedOut) -> None:
        if event.car in self.session.apart or self.finish.has_finished(event.car, event.at):
            return
        self.double_reads.append(DoubleRead(event.at, event.car, event.after_ms, *event.identity))

    def _renumbered(self, event: L) -> L:
        """Return the crossing with the number that it has without double reads."""
        counted = self.miscounts.get(f"{event.source} {event.car}")
        if not counted or event.lap <= counted:
            return event
        return event.model_copy(update={"lap": event.lap - counted})

    def _without_double_reads(self, event: LapCompleted) -> LapCompleted | None:
        """Return the lap as it counts beside double reads; None for a double read."""
        car, at, done = event.car, event.at, self.laps.get(event.car, 0)
        if not done or at < 0 or self.finish.has_finished(car, at):
            return event
        before = self.passings[car][done * self.lines_per_lap - 1]
        lap = self._renumbered(event)
        soon = at - before < self.session.shortest_lap_ms
        if lap.lap <= done:
            if event.lap != done + 1 or soon:
                return lap  # read again
            self.miscounts.pop(f"{event.source} {car}")  # the source took its double read back
            lap = event
        if soon and _name(*event.identity) not in self.confirmed:
            self.double_reads.append(DoubleRead(at, car, at - before, *event.identity))
            self.read_since[car] = at
            if lap.lap == done + 1:
                name = f"{event.source} {car}"
                self.miscounts[name] = self.miscounts.get(name, 0) + 1
            return None
        return self._timed_from(before, lap)

    def _timed_from(self, before: int, lap: LapCompleted) -> LapCompleted:
        """Return the lap with its time from the crossing before, if measured from a double read."""
        read, time = self.read_since.pop(lap.car, None), lap.lap_time_ms
        if read is None or time is None:
            return lap
        measured = lap.at - time
        if abs(measured - read) >= abs(measured - before):
            return lap
        return lap.model_copy(update={"lap_time_ms": time + read - before})

    def finish_where_they_stand(self) -> None:
        """Finish every car that is not retired at its last completed lap."""
        for car, history in self.passings.items():
            lines = self.laps.get(car, 0) * self.lines_per_lap
            if lines and car not in self.retired:
                self.finish.finished_at(car, history[lines - 1])

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
            return  # already crossed: read twice, or received too late
        else:
            history.extend([at] * (line - passed - 1))
        history.append(at)

    # Queries

    def cars(self) -> list[str]:
        """Return all cars in running order; cars without any crossing come last."""
        passings, apart = self.passings, self.session.apart
        key = self.precedence()
        running = (car for car in passings if car not in apart)
        keyed = [(-len(passings[car]), passings[car][-1], key(car), car) for car in running]
        keyed.sort()
        entered = (car for car in self.session.entries if car not in apart)
        waiting = [car for car in entered if car not in passings]
        waiting.sort(key=self._grid_key)
        return [car for _, _, _, car in keyed] + waiting

    def cars_after(self, before: Iterable[str], moved: Collection[str]) -> list[str]:
        """Return the same, for less, where only the cars ``moved`` have since passed a line."""
        passings, apart = self.passings, self.session.apart
        cars = [car for car in before if car not in moved]
        running = len(cars)
        while running and cars[running - 1] not in passings:
            running -= 1
        precedence = self.precedence()

        def key(car: str) -> tuple[int, int, Any]:
            history = passings[car]
            return (-len(history), history[-1], precedence(car))

        for car in moved:
            if car in apart:
                continue
            if car not in passings:
                return self.cars()
            insort(cars, car, hi=running, key=key)
            running += 1
        return cars

    def leader(self) -> str | None:
        """Return the leader on the road, or None before the first crossing."""
        apart = self.session.apart
        leader, most, at = None, 0, 0
        for car, history in self.passings.items():
            passed, last = len(history), history[-1]
            further = passed > most or (passed == most and last <= at)
            level = leader is not None and (passed, last) == (most, at)
            if not further or car in apart or (level and not self.is_ahead(car, leader or "")):
                continue
            leader, most, at = car, passed, last
        return leader

    def precedence(self, lap: int | None = None) -> Callable[[str], Any]:
        """Return the sort key of cars that crossed a line in the same millisecond.

        The line is the end of ``lap``, or (None) the line that they crossed last.
        """
        return self.precedence_at(NEVER if lap is None else lap * self.lines_per_lap)

    def precedence_at(self, lines: int) -> Callable[[str], Any]:
        """The same for the line at which cars had passed so many lines, the finish included."""
        return cmp_to_key(lambda car, other: self._compare(car, other, lines))

    def is_ahead(self, car: str, other: str) -> bool:
        """Whether ``car`` takes precedence over ``other`` at the line that both crossed last."""
        return self._compare(car, other, NEVER) < 0

    def _compare(self, car: str, other: str, lines: int) -> int:
        mine, theirs = self.passings.get(car, ()), self.passings.get(other, ())
        for line in range(min(lines, len(mine), len(theirs)) - 1, -1, -1):
            if mine[line] != theirs[line] and not (_missed(mine, line) or _missed(theirs, line)):
                return mine[line] - theirs[line]
        key, than = self._grid_key(car), self._grid_key(other)
        return (key > than) - (key < than)

    def _grid_key(self, car: str) -> tuple[int, tuple[int, str]]:
        grid = self.session.grid
        return (grid.index(car) if car in grid else NEVER, natural(car))

    def last_seen(self, car: str) -> int | None:
        """Return the session time of the car's last crossing, in ms."""
        history = self.passings.get(car)
        return history[-1] if history else None

    def sectors(self, car: str, lap: int) -> tuple[int | None, ...]:
        """Return the sector times of a lap in ms; None where a line of the sector was missed."""
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
        """Return the newest time of each sector in ms, of the current lap or of the last one."""
        history = self.passings.get(car) or ()
        lines, done = self.lines_per_lap, len(history)
        newest = [done - 1 - (done - 1 - sector) % lines for sector in range(lines)]
        return tuple(self._sector(history, at) if at >= 0 else None for at in newest)

    def sectors_done(self, car: str) -> int:
        """Return how many of ``last_sectors`` belong to the current lap."""
        return len(self.passings.get(car) or ()) % self.lines_per_lap

    def gap(self, ahead: str, behind: str, now: int) -> Gap | None:
        """Return the gap from ``ahead`` to ``behind``; None before either has crossed a line.

        The cars are compared at the trailing car's last line. While that car is overdue at its
        next line the gap grows: it is at least what a crossing of that line ``now`` (session
        time in ms) would give.
        """
        return self.gap_until(ahead, behind, now)[0]

    def gap_until(self, ahead: str, behind: str, now: int) -> tuple[Gap | None, int]:
        """Return the gap, and the time (ms) until which it stays valid without new events."""
        theirs, ours = self.passings.get(ahead), self.passings.get(behind)
        if not ours or not theirs:
            return None, NEVER
        settled = done = behind in self.finish.cars
        if not done and (behind in self.retired or self.session.ended_at is not None):
            settled = self._is_settled(ahead)
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
        """Whether the car will not go any further."""
        return car in self.finish.cars or car in self.retired or self.session.ended_at is not None


def apart(after_ms: int) -> str:
    """Word how far a double read is from the crossing that counts."""
    if after_ms < 0:
        return f"{format_lap_time(-after_ms)} before the next"
    return f"{format_lap_time(after_ms)} after the last"


def _name(source: str, seq: int) -> str:
    return f"{seq} {source}"


def _where_both_were_seen(theirs: list[int], ours: list[int]) -> int:
    """Return the gap (ms) at the last line that neither car missed, up to our last line."""
    line = len(ours)
    while line and (_missed(theirs, line - 1) or _missed(ours, line - 1)):
        line -= 1
    return ours[line - 1] - theirs[line - 1] if line else 0


def _missed(history: tuple[int, ...] | list[int], index: int) -> bool:
    return index + 1 < len(history) and history[index] == history[index + 1]


def natural(car: str) -> tuple[int, str]:
    """Return the sort key of a car number: by value, then as written (01, 1, 007, 7, 10)."""
    digits = "".join(sign for sign in car if sign.isascii() and sign.isdigit())
    return (int(digits) if digits else NEVER, car)
