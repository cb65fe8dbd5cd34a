"""The laps of an RMonitor feed: its crossings and standings, as laps that count once.

``$G`` says how many laps a car has at which total; ``$J`` tells of a crossing first, with
its lap time, but not of which lap. A ``$J`` that begins where the car's last lap ended is
the next lap, and is told at once (of 1,132 in real feeds each was); any other waits for
its ``$G``. What real feeds do, and what is made of it:

- the first ``$J``, with a lap time of zero, is the start line: it sets the grid;
- a ``$J`` again, some ms off, corrects the crossing (a photocell after the transponder);
- a ``$J`` with the old total and another lap time comes after the flag: nothing new;
- a ``$G`` without ``$J`` is a lap too, its time the difference of the totals; where laps
  are missing in between nobody knows when they ended, and they are not told;
- blank laps at a total of zero are a board that was just cleared: nothing new;
- fewer laps at the same total, or at a later one, or fewer than none: laps were taken
  away, which is a penalty, and the lap numbers go on as the car drives them;
- fewer laps at the total of an earlier lap: an old line sent again, or a crossing taken
  back. Seen (a car lost a lap in 13 refreshes and had it again at its next crossing), so
  it changes nothing as long as the race goes on: a lap that never was is corrected by the
  next. After the chequered flag there is no next, and the feed is taken at its word.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from events.corrections import LapAmended
from events.formats.rmonitor import Corrected, Passing, PastLap, Standing
from events.formats.rmonitor_told import AT_THE_LINE_MS, Told, ToldLap
from events.running import LapCompleted
from events.session import GridSet
from events.stewards import PenaltyConverted, PenaltyRescinded

SAME_CROSSING_MS = 500
"""Two times of one crossing differ by less (by 93 ms in the feeds seen), two crossings by more."""

LONGEST_CHAIN = 16
"""Crossings of a car that wait for their ``$G``, at most."""


@dataclass(slots=True)
class Laps:
    """What the feed says of laps, beyond what was told of it.

    ``best_laps`` has the number of each car's best lap, ``in_lane_at`` the race time at
    which it crossed the finish line in the lane; both are written by whoever reads them.
    """

    told: Told
    best_laps: dict[str, int] = field(default_factory=dict)
    in_lane_at: dict[str, int] = field(default_factory=dict)
    _starts: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, deque[Passing]] = field(default_factory=dict)

    def clock_set_back(self, race_time: int) -> None:
        """The race was started again, before its first lap."""
        self._starts = {car: at for car, at in self._starts.items() if at <= race_time}

    # -- Crossings ($J) ----------------------------------------------------------------

    def passing(self, car: str, passing: Passing) -> None:
        """The car crossed the finish line, or the start line."""
        total, lap_time = passing.total_ms or 0, passing.lap_time_ms
        last = self.told.last(car)
        if total <= 0:
            return
        if last and abs(total - last.at) <= SAME_CROSSING_MS:
            self._crossing_again(car, last, total, lap_time)
        elif lap_time == 0 and last is None:
            self._started(car, total)
        elif lap_time is not None and self._continues(car, last, total - lap_time):
            self._complete(car, last.lap + 1 if last else 1, total, lap_time)
        elif last is None or total > last.at:
            self._waiting.setdefault(car, deque(maxlen=LONGEST_CHAIN)).append(passing)

    def _continues(self, car: str, last: ToldLap | None, began: int) -> bool:
        """Whether a lap that began then is the next. The first begins at the start, or at 0."""
        end = last.at if last else self._starts.get(car, 0)
        return abs(began - end) <= SAME_CROSSING_MS

    def _started(self, car: str, at: int) -> None:
        """The car crossed the start line: the order there is the starting order."""
        self._starts[car] = at
        if self.told.opened and self.told.opened.kind == "race":
            order = tuple(sorted(self._starts, key=lambda car: (self._starts[car], car)))
            if order != self.told.grid:
                self.told.tell(GridSet, at, order=order)

    def _complete(self, car: str, lap: int, at: int, lap_time: int | None) -> None:
        lane_at = self.in_lane_at.get(car)
        in_lane = lane_at is not None and abs(lane_at - at) <= AT_THE_LINE_MS
        values = {"lap_time_ms": lap_time or None, "in_pit_lane": in_lane or self._in_lane(car)}
        self.told.tell(LapCompleted, at, car=car, lap=lap, **values)
        self._waiting.pop(car, None)

    def _in_lane(self, car: str) -> bool:
        return car in self.told.in_lane

    def _crossing_again(
        self, car: str, last: ToldLap, total: int, lap_time: int | None = None
    ) -> None:
        """The last crossing, told again: corrected by some ms, or with its lap time."""
        changes = _moved(last, total)
        if lap_time and last.lap_time_ms is None and self.told.flag != "chequered":
            changes["lap_time_ms"] = lap_time
        if changes:
            self._amend(car, last.lap, "corrected by the timing", changes)

    def _amend(self, car: str, lap: int, reason: str, changes: dict[str, int]) -> None:
        self.told.tell_now(LapAmended, car=car, lap=lap, reason=reason, **changes)

    # -- Standings ($G) ----------------------------------------------------------------

    def standing(self, car: str, standing: Standing) -> None:
        """The car's laps, less those taken away, and when it completed the last of them."""
        net, total = standing.laps or 0, standing.total_ms or 0
        last = self.told.last(car)
        if last is None:
            self._first_standing(car, net, total)
        elif total <= 0:
            pass  # a board that was just cleared
        elif total > last.at + SAME_CROSSING_MS:
            self._further(car, last, net, total)
        elif total >= last.at - SAME_CROSSING_MS:
            self._where_it_was(car, last, net, total)
        else:
            self._fallen_back(car, last, net, total)

    def _first_standing(self, car: str, net: int, total: int) -> None:
        """A car of which no lap is told: at the start, or in the middle of a race.

        With fewer than no laps it has laps taken away. How many it has driven is then said
        by the number of its best, if at all.
        """
        if total <= 0:
            if net < 0:
                self._take_laps(car, -net)
            return
        lap = net + self.told.taken(car)
        if net <= 0:
            lap = max(lap, self.best_laps.get(car, 0), 0)
            self._take_laps(car, lap - net)
        if lap == 0:
            self._started(car, total)
        else:
            self._complete_upto(car, None, lap, total)

    def _further(self, car: str, last: ToldLap, net: int, total: int) -> None:
        """The car crossed the line since its last lap."""
        lap = net + self.told.taken(car)
        if lap < last.lap:
            lap = max(last.lap + 1, self.best_laps.get(car, 0))
            self._complete_upto(car, last, lap, total)
            self._take_laps(car, lap - net)
        elif lap == last.lap:
            self._instead(car, last, total)
        else:
            self._complete_upto(car, last, lap, total)

    def _instead(self, car: str, last: ToldLap, total: int) -> None:
        """The last crossing was none: the lap ended later."""
        passing = self._waiting_at(car, total)
        before = self.told.before(car, last.lap)
        lap_time = passing.lap_time_ms if passing else before and total - before.at
        self._waiting.pop(car, None)
        changes = {"completed_at": total} | ({"lap_time_ms": lap_time} if lap_time else {})
        self._amend(car, last.lap, "the crossing told before does not count", changes)

    def _complete_upto(self, car: str, last: ToldLap | None, lap: int, total: int) -> None:
        """Tell the laps up to this one: this, and each before it that a ``$J`` waits for."""
        chain: list[tuple[int, int, int | None]] = []
        first = last.lap + 1 if last else 1
        at: int | None = total
        while at is not None and lap >= first:
            passing = self._waiting_at(car, at)
            lap_time = passing.lap_time_ms if passing else None
            if lap_time is None and lap == first:
                began = last.at if last else self._starts.get(car)
                lap_time = None if began is None else at - began
            chain.append((lap, at, lap_time))
            before = self._waiting_at(car, at - lap_time) if lap_time else None
            lap, at = lap - 1, before.total_ms if before else None
        for number, ended, lap_time in reversed(chain):
            self._complete(car, number, ended, lap_time)

    def _waiting_at(self, car: str, at: int) -> Passing | None:
        """The ``$J`` of the crossing at that time, if it still waits for its ``$G``."""
        return next(
            (
                passing
                for passing in self._waiting.get(car, ())
                if passing.lap_time_ms and abs((passing.total_ms or 0) - at) <= SAME_CROSSING_MS
            ),
            None,
        )

    def _where_it_was(self, car: str, last: ToldLap, net: int, total: int) -> None:
        """The last crossing again, with as many laps, fewer or more."""
        self._crossing_again(car, last, total)
        taken = self.told.taken(car)
        lap = net + taken
        if lap < last.lap:
            self._take_laps(car, last.lap - net)
        elif lap > last.lap:
            given_back = min(taken, lap - last.lap)
            self._take_laps(car, taken - given_back)
            if lap - given_back > last.lap:
                self._complete(car, lap - given_back, total, None)

    def _fallen_back(self, car: str, last: ToldLap, net: int, total: int) -> None:
        """The total of an earlier crossing."""
        lap = net + self.told.taken(car)
        then = self.told.lap(car, lap)
        if then is None:
            return
        if lap == last.lap:
            before = self.told.before(car, lap)
            if before is None or total > before.at + SAME_CROSSING_MS:
                self._crossing_again(car, last, total)
        elif self.told.flag == "chequered" and abs(then.at - total) <= SAME_CROSSING_MS:
            for later in [told for told in self.told.laps[car] if told.lap > lap]:
                self.told.void(later.seq, "taken back by the timing after the flag")

    # -- Laps taken away ---------------------------------------------------------------

    def _take_laps(self, car: str, amount: int) -> None:
        """Bring the laps taken away from the car to that number in all."""
        more = amount - self.told.taken(car)
        if more > 0:
            self.told.impose(car, "laps", more, "taken away by the timing")
        for penalty_id, taken in reversed(list(self.told.laps_taken.get(car, {}).items())):
            if more < 0 < taken:
                back = min(taken, -more)
                more += back
                self._give_back(penalty_id, taken - back)

    def _give_back(self, penalty_id: str, remaining: int) -> None:
        named = {"penalty_id": penalty_id, "reason": "given back by the timing"}
        if remaining:
            self.told.tell_now(PenaltyConverted, kind="laps", amount=remaining, **named)
        else:
            self.told.tell_now(PenaltyRescinded, **named)

    # -- Afterwards ($COR, $RMHL) ------------------------------------------------------

    def corrected(self, car: str, corrected: Corrected) -> None:
        """A corrected total: as it is now, or, where it is the one told, as it was.

        The next ``$G`` has it in any case.
        """
        last = self.told.lap(car, (corrected.laps or 0) + self.told.taken(car))
        total = corrected.total_ms or 0
        if last is None or total <= 0:
            return
        if total == last.at:
            total += corrected.correction_ms or 0
        before = self.told.before(car, last.lap)
        changes = _moved(last, total)
        if changes and (before is None or total > before.at):
            reason = f"corrected by the timing, {total - last.at:+} ms"
            self._amend(car, last.lap, reason, changes)

    def past_lap(self, car: str, past: PastLap) -> None:
        """A lap as a relay remembers it: told where it fits between those that are known."""
        total, lap = past.total_ms or 0, (past.lap or 0) + self.told.taken(car)
        told = self.told.laps.get(car, [])
        after = max((one.at for one in told if one.lap < lap), default=0)
        before = min((one.at for one in told if one.lap > lap), default=total + 1)
        if past.lap and after < total < before and self.told.lap(car, lap) is None:
            self._complete(car, lap, total, past.lap_time_ms)


def _moved(last: ToldLap, total: int) -> dict[str, int]:
    """What changes about a lap that ended at that time."""
    off = total - last.at
    if off == 0:
        return {}
    if last.lap_time_ms and last.lap_time_ms + off > 0:
        return {"completed_at": total, "lap_time_ms": last.lap_time_ms + off}
    return {"completed_at": total}
