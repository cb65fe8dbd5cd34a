"""The laps of an RMonitor run: ``$J`` and ``$G`` records to laps that are recorded once.

``$G`` has a car's laps and its total time; ``$J`` reports a crossing earlier, with the lap
time but without the lap number. A ``$J`` whose lap begins where the car's last lap ended is
the next lap and is recorded at once (true of all 1,132 in real feeds); any other waits for
its ``$G``. Behaviour of real feeds, and how it is interpreted:

- the first ``$J``, with a lap time of zero, is the start line crossing and sets the grid;
- a repeated ``$J`` some ms off corrects the crossing (photocell after transponder);
- a ``$J`` with the old total and another lap time comes after the flag and is ignored;
- a ``$G`` without ``$J`` is a lap too, its time the difference of the totals; for laps
  missing in between the end is unknown, and they are not recorded;
- blank laps at a total of zero come from a board that was just cleared and are ignored;
- fewer laps at the same or a later total, or a negative number: laps were taken away, which
  is recorded as a penalty; lap numbers continue as driven;
- fewer laps at the total of an earlier lap: an old line sent again, or a crossing taken
  back. It is ignored while the race runs (in a real feed a car lost a lap in 13 refreshes
  and regained it at its next crossing): the next crossing corrects a wrong lap. After the
  chequered flag there is no next crossing, so the later laps are voided.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from events.corrections import LapAmended
from events.formats.rmonitor import CorrectedTime, Passing, PastLap, RaceInformation
from events.formats.rmonitor_recorded import AT_THE_LINE_MS, RecordedLap, RecordedRun
from events.running import LapCompleted
from events.session import GridSet
from events.stewards import PenaltyConverted, PenaltyRescinded

SAME_CROSSING_MS = 500
"""Two times of one crossing differ by less (at most 93 ms in real feeds), two crossings by more."""

LONGEST_CHAIN = 16
"""The most crossings of a car held until their ``$G``."""


@dataclass(slots=True)
class RunLaps:
    """State of the feed's laps that is not recorded in events.

    ``best_laps`` has the number of each car's best lap, ``in_lane_at`` the race time of its
    finish line crossing in the lane; both are set by ``Run``.
    """

    recorded: RecordedRun
    best_laps: dict[str, int] = field(default_factory=dict)
    in_lane_at: dict[str, int] = field(default_factory=dict)
    _starts: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, deque[Passing]] = field(default_factory=dict)

    def clock_set_back(self, race_time: int) -> None:
        """Forget start line crossings after ``race_time``: the race was started again."""
        self._starts = {car: at for car, at in self._starts.items() if at <= race_time}

    # -- Crossings ($J) ----------------------------------------------------------------

    def passing(self, car: str, passing: Passing) -> None:
        """Handle a ``$J``: a crossing of the finish line or, at the start, the start line."""
        total, lap_time = passing.total_ms or 0, passing.lap_time_ms
        last = self.recorded.last(car)
        if total <= 0:
            return
        if last and abs(total - last.at) <= SAME_CROSSING_MS:
            self._crossing_again(car, last, total, lap_time)
        elif lap_time == 0 and last is None:
            self._started(car, total)
        elif lap_time is not None and self._is_next_lap(car, last, total - lap_time):
            self._complete(car, last.lap + 1 if last else 1, total, lap_time)
        elif last is None or total > last.at:
            self._waiting.setdefault(car, deque(maxlen=LONGEST_CHAIN)).append(passing)

    def _is_next_lap(self, car: str, last: RecordedLap | None, began: int) -> bool:
        """Whether a lap that began then is the next; the first begins at the start line or at 0."""
        end = last.at if last else self._starts.get(car, 0)
        return abs(began - end) <= SAME_CROSSING_MS

    def _started(self, car: str, at: int) -> None:
        """Record the grid: the order of start line crossings."""
        self._starts[car] = at
        if self.recorded.opened and self.recorded.opened.kind == "race":
            order = tuple(sorted(self._starts, key=lambda car: (self._starts[car], car)))
            if order != self.recorded.grid:
                self.recorded.record(GridSet, at, order=order)

    def _complete(self, car: str, lap: int, at: int, lap_time: int | None) -> None:
        lane_at = self.in_lane_at.get(car)
        in_lane = lane_at is not None and abs(lane_at - at) <= AT_THE_LINE_MS
        values = {"lap_time_ms": lap_time or None, "in_pit_lane": in_lane or self._in_lane(car)}
        self.recorded.record(LapCompleted, at, car=car, lap=lap, **values)
        self._waiting.pop(car, None)

    def _in_lane(self, car: str) -> bool:
        return car in self.recorded.in_lane

    def _crossing_again(
        self, car: str, last: RecordedLap, total: int, lap_time: int | None = None
    ) -> None:
        """Amend the last lap by a repeated crossing: corrected by some ms, or with a lap time."""
        changes = _shifted(last, total)
        if lap_time and last.lap_time_ms is None and not self.recorded.over:
            changes["lap_time_ms"] = lap_time
        if changes:
            self._amend(car, last.lap, "corrected by the timing", changes)

    def _amend(self, car: str, lap: int, reason: str, changes: dict[str, int]) -> None:
        self.recorded.record_now(LapAmended, car=car, lap=lap, reason=reason, **changes)

    # -- Race information ($G) ---------------------------------------------------------

    def race_information(self, car: str, record: RaceInformation) -> None:
        """Handle a ``$G``: laps less those taken away, and when the last of them ended."""
        net, total = record.laps or 0, record.total_ms or 0
        last = self.recorded.last(car)
        if last is None:
            self._first_race_information(car, net, total)
        elif total <= 0:
            pass  # a board that was just cleared
        elif total > last.at + SAME_CROSSING_MS:
            self._later_crossing(car, last, net, total)
        elif total >= last.at - SAME_CROSSING_MS:
            self._same_crossing(car, last, net, total)
        else:
            self._earlier_crossing(car, last, net, total)

    def _first_race_information(self, car: str, net: int, total: int) -> None:
        """Handle a car without recorded laps, at the start or in the middle of a race.

        A negative number means laps taken away. The laps driven are then known only from the
        number of the best lap, if at all.
        """
        if total <= 0:
            if net < 0:
                self._set_laps_taken(car, -net)
            return
        lap = net + self.recorded.taken(car)
        if net <= 0:
            lap = max(lap, self.best_laps.get(car, 0), 0)
            self._set_laps_taken(car, lap - net)
        if lap == 0:
            self._started(car, total)
        else:
            self._complete_upto(car, None, lap, total)

    def _later_crossing(self, car: str, last: RecordedLap, net: int, total: int) -> None:
        """Handle a total later than that of the car's last lap."""
        lap = net + self.recorded.taken(car)
        if lap < last.lap:
            lap = max(last.lap + 1, self.best_laps.get(car, 0))
            self._complete_upto(car, last, lap, total)
            self._set_laps_taken(car, lap - net)
        elif lap == last.lap:
            self._replace_crossing(car, last, total)
        else:
            self._complete_upto(car, last, lap, total)

    def _replace_crossing(self, car: str, last: RecordedLap, total: int) -> None:
        """Amend the last lap: its crossing did not count, and the lap ended later."""
        passing = self._waiting_at(car, total)
        before = self.recorded.before(car, last.lap)
        lap_time = passing.lap_time_ms if passing else before and total - before.at
        self._waiting.pop(car, None)
        changes = {"completed_at": total} | ({"lap_time_ms": lap_time} if lap_time else {})
        self._amend(car, last.lap, "the crossing told before does not count", changes)

    def _complete_upto(self, car: str, last: RecordedLap | None, lap: int, total: int) -> None:
        """Record a lap, and before it each earlier lap for which a ``$J`` is held."""
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
        """Return the held ``$J`` of the crossing at that time, if any."""
        return next(
            (
                passing
                for passing in self._waiting.get(car, ())
                if passing.lap_time_ms and abs((passing.total_ms or 0) - at) <= SAME_CROSSING_MS
            ),
            None,
        )

    def _same_crossing(self, car: str, last: RecordedLap, net: int, total: int) -> None:
        """Handle the total of the last crossing again, with as many laps, fewer or more."""
        self._crossing_again(car, last, total)
        taken = self.recorded.taken(car)
        lap = net + taken
        if lap < last.lap:
            self._set_laps_taken(car, last.lap - net)
        elif lap > last.lap:
            given_back = min(taken, lap - last.lap)
            self._set_laps_taken(car, taken - given_back)
            if lap - given_back > last.lap:
                self._complete(car, lap - given_back, total, None)

    def _earlier_crossing(self, car: str, last: RecordedLap, net: int, total: int) -> None:
        """Handle a total of an earlier crossing."""
        lap = net + self.recorded.taken(car)
        then = self.recorded.lap(car, lap)
        if then is None:
            return
        if lap == last.lap:
            before = self.recorded.before(car, lap)
            if before is None or total > before.at + SAME_CROSSING_MS:
                self._crossing_again(car, last, total)
        elif self.recorded.over and abs(then.at - total) <= SAME_CROSSING_MS:
            for later in [known for known in self.recorded.laps[car] if known.lap > lap]:
                self.recorded.void(later.seq, "taken back by the timing after the flag")

    # -- Laps taken away ---------------------------------------------------------------

    def _set_laps_taken(self, car: str, amount: int) -> None:
        """Set the total of laps taken away from the car, by penalties or their reduction."""
        more = amount - self.recorded.taken(car)
        if more > 0:
            self.recorded.impose(car, "laps", more, "taken away by the timing")
        for penalty_id, taken in reversed(list(self.recorded.laps_taken.get(car, {}).items())):
            if more < 0 < taken:
                back = min(taken, -more)
                more += back
                self._give_back(penalty_id, taken - back)

    def _give_back(self, penalty_id: str, remaining: int) -> None:
        named = {"penalty_id": penalty_id, "reason": "given back by the timing"}
        if remaining:
            self.recorded.record_now(PenaltyConverted, kind="laps", amount=remaining, **named)
        else:
            self.recorded.record_now(PenaltyRescinded, **named)

    # -- Corrections ($COR) and laps of a relay ($RMHL) ----------------------------------

    def corrected(self, car: str, corrected: CorrectedTime) -> None:
        """Amend a lap by a corrected total.

        Feeds differ: the total is the new one, or the old one with the correction beside it.
        The next ``$G`` has the new total in any case.
        """
        last = self.recorded.lap(car, (corrected.laps or 0) + self.recorded.taken(car))
        total = corrected.total_ms or 0
        if last is None or total <= 0:
            return
        if total == last.at:
            total += corrected.correction_ms or 0
        before = self.recorded.before(car, last.lap)
        changes = _shifted(last, total)
        if changes and (before is None or total > before.at):
            reason = f"corrected by the timing, {total - last.at:+} ms"
            self._amend(car, last.lap, reason, changes)

    def past_lap(self, car: str, past: PastLap) -> None:
        """Record a lap stored by a relay, if it fits between the recorded laps."""
        total, lap = past.total_ms or 0, (past.lap or 0) + self.recorded.taken(car)
        laps = self.recorded.laps.get(car, [])
        after = max((known.at for known in laps if known.lap < lap), default=0)
        before = min((known.at for known in laps if known.lap > lap), default=total + 1)
        if past.lap and after < total < before and self.recorded.lap(car, lap) is None:
            self._complete(car, lap, total, past.lap_time_ms)


def _shifted(last: RecordedLap, total: int) -> dict[str, int]:
    """Return the changes that move the end of a lap to ``total`` (ms)."""
    off = total - last.at
    if off == 0:
        return {}
    if last.lap_time_ms and last.lap_time_ms + off > 0:
        return {"completed_at": total, "lap_time_ms": last.lap_time_ms + off}
    return {"completed_at": total}
