"""Runs of the rest of a race, many at once.

A run goes from caution to caution. Under green the gaps move by pace, chance, stops and trouble,
and who gains on a car must gain some seconds more to pass it. A caution closes the field up: laps
that cars are behind stay, but for those they get back; who needs fuel stops, who does not goes
ahead. In the end cars are ranked by how far they came, those that retired by where they stopped.

All is counted in ms behind the overall leader. Arrays have a row for each run and a column for
each car; the cars of a class lie side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.forecast.model import ForecastModel
from projections.forecast.situation import Floats, Situation

Array = NDArray[np.float32]
Flags = NDArray[np.bool_]

MINUTE_MS = 60_000.0
HOUR_MS = 3_600_000.0
FITTED_STOPS = 4
"""How many stops of this race the fitted lane time is worth."""

MOST_CAUTIONS = 60
"""A run has no more cautions than this; a race with one every 24 minutes for a day has."""

CAUTION_FUEL = 0.4
"""What a minute under caution takes of a stint, in minutes under green."""

STILL_GOING = 0.75
"""Where fewer of the runs go on, those that have ended are set aside."""

FAR_BEHIND = np.float32(1e9)
"""Where cars that are out stand, so that they are in nobody's way (ms)."""

APART = 1.05
"""Classes whose laps differ by more than this multiple go different times on a tank."""

STOPPAGE_MS = 5 * MINUTE_MS
"""Where the usual car has been in the lane for longer, the race is stopped, whatever the flag."""

SHORTEST_REST_MS = 2 * MINUTE_MS
"""A caution that lasts already goes on for at least this long."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """How far each car goes on a tank (ms of green laps), and what a stop costs it (ms)."""

    stint: Array
    last: Array
    cost: Array


@dataclass(frozen=True, slots=True)
class Runs:
    """The outcome of the runs.

    ``rank`` is the place in class, from 0; ``behind`` the time (ms) behind the overall leader at
    the flag; ``laps`` how many laps each car still completes; ``next_stop`` in how many of its laps
    it next visits the lane, infinite for never.
    """

    rank: NDArray[np.int64]
    behind: Array
    laps: Array
    next_stop: Array


def ranges(now: Situation, model: ForecastModel) -> Ranges:
    """The ranges and costs of a situation's cars, from its stints so far and the model's own.

    A stint that is not over says only that a tank goes at least so far.
    """
    count = len(now.cars)
    stint, last, cost = (np.empty(count, dtype=np.float32) for _ in range(3))
    fitted = model.stint
    apart = now.pace.max(initial=0.0) > APART * now.pace.min(initial=np.inf)
    for number, block in enumerate(now.blocks):
        pace = now.pace[block.start]
        fast = apart and pace * APART < now.pace.max()
        prior = fitted.fast_minutes if fast else fitted.minutes
        run = np.sort(np.array(now.stint_lengths[number])) * pace / MINUTE_MS
        run = run[run > fitted.full * prior]
        current = np.sort((now.stint[block] * pace / MINUTE_MS)[~now.retired[block]])
        top = float(run[-2]) if len(run) > 1 else prior  # the longest may have been a slip
        count_full = int((run >= 0.85 * top).sum())
        worth = fitted.worth
        minutes = (count_full * top + worth * prior) / (count_full + worth)
        if len(current) > 1:
            minutes = max(minutes, float(current[-2]))
        stint[block] = minutes * MINUTE_MS
        shown = int((run >= 0.93 * minutes).sum())
        further = 1 + fitted.further * np.exp(-shown / fitted.further_stints)
        to_flag = (np.median(current) if len(current) else 0.0) + now.left_ms / MINUTE_MS
        planned = to_flag <= minutes * further * fitted.stretch
        last[block] = stint[block] * fitted.stretch * (further if planned else 1.0)
        lanes = np.array([ms for ms in now.lane_times[number] if ms < 150_000]) / 1000
        usual = float(np.median(lanes)) if lanes.size else 0.0
        seconds = lanes.size * usual + FITTED_STOPS * model.stop.lane_seconds
        cost[block] = seconds / (lanes.size + FITTED_STOPS) * model.stop.lost_share * 1000
    return Ranges(stint, last, cost)


def simulate(now: Situation, model: ForecastModel, runs: int, seed: int) -> Runs:
    """Run the rest of the race so many times. The same arguments give the same outcome."""
    return _Simulation(now, model, runs, np.random.Generator(np.random.PCG64(seed))).run()


class _State(NamedTuple):
    """What changes in the course of the runs; each has a row for a run."""

    drift: Array
    stint: Array
    last_stint: Array
    used: Array
    left: Array
    green: Array
    slow: Array
    lost: Array
    out: Flags
    behind: Array
    missed: Array


class _Simulation:
    def __init__(
        self, now: Situation, model: ForecastModel, runs: int, chance: np.random.Generator
    ) -> None:
        self.now, self.model, self.runs, self.chance = now, model, runs, chance
        self.shape = (runs, len(now.cars))
        self.ranges = ranges(now, model)
        self.pace = now.pace.astype(np.float32)
        self.drift = (now.expected_pace(model) + model.pace.spread * self._normal()).astype(
            np.float32
        )
        fitted = model.stint
        self.stint = self.ranges.stint * (1 + fitted.spread * self._normal())
        self.last_stint = self.ranges.last * (1 + fitted.last_spread * self._normal())
        self.used = np.repeat((now.stint * now.pace).astype(np.float32)[None], runs, 0)
        self.stint = np.maximum(self.stint, self.used * 1.001)
        self.left = np.full(runs, now.left_ms, dtype=np.float32)
        self.green = np.zeros(runs, dtype=np.float32)
        self.slow = np.zeros(runs, dtype=np.float32)
        self.lost = np.zeros(self.shape, dtype=np.float32)
        self.first_caution = np.full(runs, np.inf, dtype=np.float32)
        self.out, self.behind, self.missed = self._start()

    def _normal(self) -> Array:
        return self.chance.standard_normal(self.shape, dtype=np.float32)

    def _uniform(self) -> Array:
        return self.chance.random(self.shape, dtype=np.float32)

    def _start(self) -> tuple[Flags, Array, Array]:
        """Who is out, the time behind, and what of the race a car that is out does not run (ms).

        A car that has been away or in the lane for long may be out. Under a red flag all stand.
        """
        now, trouble = self.now, self.model.trouble
        stopped = now.red or _usual(now, now.in_lane_ms) > STOPPAGE_MS
        in_lane = (now.in_lane_ms > 0) & (not stopped)
        overdue = np.zeros_like(now.overdue_ms) if now.red else now.overdue_ms
        overdue = overdue - _usual(now, overdue)  # where most are overdue, the race stands
        laps_overdue = np.maximum(0, overdue / now.pace - 0.3)
        standing = np.maximum(0, now.in_lane_ms / 90_000 - 1)
        gone = 1 - np.exp(
            -np.where(in_lane, trouble.standing * standing, trouble.overdue * laps_overdue)
        )
        out = now.retired | (self._uniform() < gone)
        stood = np.maximum(now.deficit, now.behind_laps * now.pace)
        lane_left = np.where(in_lane, np.maximum(0, self.ranges.cost - now.in_lane_ms), 0)
        behind = np.where(out, stood, now.deficit + lane_left + now.to_serve_ms).astype(np.float32)
        self.used[:, in_lane] = 0
        missed = np.where(out, self.left[:, None], 0).astype(np.float32)
        return out, behind, missed

    def run(self) -> Runs:
        now = self.now
        rate = now.cautions_an_hour(self.model) / HOUR_MS
        whole = _State._make(one.copy() for one in self._state())
        rows = np.arange(self.runs)
        for number in range(MOST_CAUTIONS):
            wait = self.chance.exponential(1 / rate, self.runs).astype(np.float32)
            if number == 0 and now.caution:
                wait[:] = 0
            if number == 0:
                self.first_caution = wait
            self._run_green(np.minimum(wait, self.left))
            if (self.left > 1).any():
                self._run_caution(first=number == 0)
            going = self.left > 1
            if not going.any():
                break
            if going.mean() < STILL_GOING:
                self._keep(whole, rows)
                rows = rows[going]
                self._take(*(one[going] for one in self._state()))
        self._keep(whole, rows)
        self._take(*whole)
        behind = self.behind + self.missed + now.added_ms.astype(np.float32)
        rank = np.empty(self.shape, dtype=np.int64)
        for block in now.blocks:
            rank[:, block] = _ranks(behind[:, block])
        laps = self._laps()
        return Runs(rank, behind, laps, self._next_stop(laps))

    def _state(self) -> _State:
        return _State._make(getattr(self, name) for name in _State._fields)

    def _keep(self, whole: _State, rows: NDArray[np.int64]) -> None:
        for kept, now in zip(whole, self._state(), strict=True):
            kept[rows] = now

    def _take(self, *state: Any) -> None:
        for name, values in zip(_State._fields, state, strict=True):
            setattr(self, name, values)
        self.runs = len(self.left)
        self.shape = (self.runs, len(self.now.cars))

    def _run_green(self, span: Array) -> None:
        """Race for so long (ms, one for each run)."""
        model, spans = self.model, span[:, None]
        last = spans >= self.left[:, None]
        limit = np.where(last, np.maximum(self.last_stint, self.used * 1.001), self.stint)
        run = self.used + spans
        stops = np.where(self.out, 0, np.floor(run / limit))
        self.used = np.maximum(0, run - stops * limit)
        moved = self.drift * spans
        moved += model.pace.wander_ms * np.sqrt(spans / MINUTE_MS) * self._normal()
        for block in self.now.blocks:
            self._pass(block, moved[:, block])
        lost = stops * self.ranges.cost
        where = np.nonzero(stops)
        drawn = self.chance.standard_normal(len(where[0]), dtype=np.float32)
        lost[where] += model.stop.spread_seconds * 1000 * np.sqrt(stops[where]) * drawn
        hours = spans / HOUR_MS
        chance = self._uniform()
        incident = chance < 1 - np.exp(-model.trouble.incidents * hours)
        where = np.nonzero(incident & ~self.out)
        drawn = self.chance.standard_normal(len(where[0]), dtype=np.float32)
        lost[where] += model.trouble.lost_seconds * 1000 * np.exp(model.trouble.spread * drawn)
        lost = np.where(self.out, 0, lost)
        self.behind += lost
        self.lost += lost
        retires = (self._uniform() < 1 - np.exp(-model.trouble.retirements * hours)) & ~self.out
        when = self.left[:, None] - spans * self._uniform()
        self.missed = np.where(retires, when, self.missed)
        self.out |= retires
        self.left = self.left - span
        self.green += span

    def _pass(self, block: slice, moved: Array) -> None:
        """Move the cars of a class; who gains on a car must gain some more to pass it."""
        out = self.out[:, block]
        before = self.behind[:, block]
        start = np.where(out, FAR_BEHIND, before)
        end = np.where(out, start, start + moved)
        place = _ranks(start)
        fitted = self.model.pace
        key = end + fitted.to_pass_ms * place + fitted.to_lead_ms * (place > 0)
        by_gap = np.sort(end, axis=1)
        after = np.take_along_axis(by_gap, _ranks(key), 1)
        self.behind[:, block] = np.where(out, before, after)

    def _run_caution(self, *, first: bool) -> None:
        """Close the field up, give laps back, and let those stop that need fuel."""
        fitted = self.model.caution
        spread = fitted.spread * self.chance.standard_normal(self.runs, dtype=np.float32)
        span = (
            self.now.caution_minutes(self.model) * MINUTE_MS * np.exp(spread - fitted.spread**2 / 2)
        )
        if first and self.now.caution:
            span = np.maximum(span - self.now.caution_ms, SHORTEST_REST_MS)
        span = np.minimum(span, self.left).astype(np.float32)
        on = span > 0
        for block in self.now.blocks:
            self._close_up(block, span, on)
        self.left = self.left - span
        self.slow += span

    def _close_up(self, block: slice, span: Array, on: Flags) -> None:
        fitted = self.model.caution
        pace = self.pace[block.start]
        runs = np.flatnonzero(on)
        behind, out = self.behind[runs, block], self.out[runs, block]
        span = span[runs, None]
        running = np.where(out, FAR_BEHIND, behind)
        first = running.min(axis=1, keepdims=True)
        gap = running - first
        laps = np.floor(gap / pace + 0.02)
        chance = self.chance.random(behind.shape, dtype=np.float32)
        laps -= (laps >= 1) & (chance < fitted.lap_back)
        used = self.used[runs, block]
        stops = used + (self.left[runs, None] - 0.6 * span) > self.last_stint[runs, block]
        stops &= used > fitted.stop_after * self.stint[runs, block]
        shuffled = self.chance.standard_normal(behind.shape, dtype=np.float32)
        key = _ranks(gap) + laps * 1000
        key += stops * (60 + fitted.shuffle * shuffled)
        key[out] = FAR_BEHIND
        closed = first + laps * pace + fitted.restart_ms * _ranks(key)
        self.behind[runs, block] = np.where(out, behind, closed)
        fuel = np.where(stops, 0, used + CAUTION_FUEL * span)
        self.used[runs, block] = np.where(out, used, fuel)

    def _laps(self) -> Array:
        """How many laps each car still completes, at its pace and with its stops and trouble."""
        now = self.now
        pace = now.pace * (1 + now.expected_pace(self.model))
        slow = self.slow[:, None] * pace / (self.model.caution.slower * now.pace.min())
        run = now.part + np.maximum(0, self.green[:, None] - self.lost - self.missed + slow) / pace
        leader = int(np.where(now.retired, np.inf, now.deficit).argmin())
        round_to_flag = (np.floor(run[:, leader]) + 1 - run[:, leader]) * pace[leader]
        run += (round_to_flag - 1)[:, None] / pace  # the flag falls as the leader comes round
        laps = np.minimum(np.floor(run) + 1, now.most_laps)
        return np.where(now.retired, 0, np.maximum(0, laps)).astype(np.float32)

    def _next_stop(self, laps: Array) -> Array:
        """In how many of its laps each car next comes in.

        At the end of its stint, or at a caution before, if it cannot reach the flag without.
        """
        now, fitted = self.now, self.model.caution
        used = (now.stint * now.pace).astype(np.float32)
        needed = used + now.left_ms > self.ranges.last
        rest = np.maximum(1, (self.stint - used) / self.pace)
        caution = np.minimum(self.first_caution, now.left_ms)[:, None]
        early = used + caution > fitted.stop_after * self.stint
        at_caution = np.maximum(1, caution / self.pace) + fitted.laps_to_stop
        stop = np.where(early, np.minimum(rest, at_caution), rest)
        never = (stop > laps) | ~needed | now.retired
        return np.where(never, np.inf, np.rint(stop)).astype(np.float32)


def _usual(now: Situation, values: Floats) -> float:
    """The median over the cars that have not retired."""
    running = values[~now.retired]
    return float(np.median(running)) if running.size else 0.0


def _ranks(values: Array) -> NDArray[np.int64]:
    """The rank of each value in its row, from 0."""
    order = np.argsort(values, axis=1)
    ranks = np.empty_like(order)
    ranks[np.arange(len(values))[:, None], order] = np.arange(values.shape[1])
    return ranks
