"""Gaps that add up: of cars on one lap the gap to the first is the sum of the intervals before.

Rules:

- a gap to the first car is measured where the trailing car crossed its last line. Once the car
  ahead of it has crossed the next line, the trailing car is taken to be as far into that stretch
  as its time says, at the pace of the car ahead: what matters is when the first car was there;
- an interval is measured where the trailing car crossed its last line, as the gap of two cars;
- both are measured at different lines at different times, so their sums differ by what has
  happened to the cars ahead since. Of two cars that crossed their last line together, with no
  line between them, the gap that is shown is that of the car ahead and the interval: they are
  measured at one line. Where the car ahead is a line further, its gap and the interval count
  for ``NEXT_LINE``, and the measured gap for the rest. So a field that closes up behind the
  safety car closes up as a whole;
- of what a car departs from its own measured gap ``CARRIED`` is carried on, so that errors fade
  along the field; less than ``FAINT_MS`` is not, so that a crossing moves only a few gaps. By
  what it is above the least gap of a car that is overdue, all is carried on: many cars may be
  overdue at one line, and the time since the leader was there is the gap of the first. Where
  the sum exceeds the measured gap by ``STOPPED_MS`` the car ahead has stopped or is in the pits,
  and the measured gap is shown;
- no car is ahead of the car ahead of it. The interval that is shown is the difference of the two
  gaps. A gap of a whole lap or more is counted in laps; nobody behind has less.

``docs/decisions/0015-gaps-that-add-up.md`` has what was measured.
"""

from __future__ import annotations

from typing import NamedTuple

from projections.folds.running_order import LEADING, NEVER, Gap, RunningOrder

NEXT_LINE = 0.7
CARRIED = 0.9
FAINT_MS = 1000
STOPPED_MS = 5000


class Measured(NamedTuple):
    """A car's gap to the first of a field and its interval to the car ahead, each by itself.

    ``ms`` is the gap in milliseconds if it is less than a lap, where the car is taken to be;
    ``gap`` is that at its last line. ``overdue`` is whether that is the least it can be, of a car
    overdue at its next line, and ``level`` whether the car ahead has crossed no line more. Without
    new crossings all of it holds before the session time ``until`` (ms), at which the car is
    overdue.
    """

    gap: Gap | None
    ms: int | None
    overdue: bool
    level: bool
    interval: Gap | None
    until: int


def measure(
    order: RunningOrder,
    first: str,
    ahead: str | None,
    car: str,
    now: int,
    wider: Measured | None = None,
) -> Measured:
    """Measure a car against the first of its field and the car directly ahead of it.

    ``wider`` is its measure in a wider field, if the same car is ahead of it there.
    """
    passings = order.passings
    if ahead is None or first == car:
        leads = LEADING if car in passings else None
        return Measured(leads, leads and 0, False, True, leads, NEVER)
    gap, until = order.gap_until(first, car, now)
    if gap is None or gap.ms is None:
        interval, stands = wider[4:] if wider else order.gap_until(ahead, car, now)
        return Measured(gap, None, False, True, interval, min(until, stands))
    ms = gap.ms
    line = len(passings[car])
    overdue = until < NEVER and ms == now - passings[first][line]
    if ahead == first:
        return Measured(gap, ms, overdue, True, gap, until)
    interval, stands = wider[4:] if wider else order.gap_until(ahead, car, now)
    level = len(passings[ahead]) <= line
    if not level and not overdue and until < NEVER:
        ms = _at_its_place(order, first, ahead, car, ms)
    return Measured(gap, ms, overdue, level, interval, min(until, stands))


def _at_its_place(order: RunningOrder, first: str, ahead: str, car: str, ms: int) -> int:
    """The gap (ms) where the car is taken to have been when the car ahead crossed its last line.

    ``ms`` is the gap at the car's own last line.
    """
    theirs, front, ours = order.passings[first], order.passings[ahead], order.passings[car]
    line, last = len(ours), ours[-1]
    since = front[-1] - last
    if since <= 0 or len(front) <= line or len(theirs) <= line:
        return ms
    stretch, pace = theirs[line] - theirs[line - 1], front[line] - front[line - 1]
    if stretch <= 0 or pace <= 0:
        return ms  # a loop missed a car
    return max(0, ms + since - round(min(1.0, since / pace) * stretch))


class Link(NamedTuple):
    """Where a chain of gaps has come to: what the next car's gap rests on.

    ``ms`` is the gap of the car ahead, ``onto`` the time (ms) that the next interval is added to,
    and ``laps`` are the whole laps that the car ahead is behind the first. With any, nothing
    is added.
    """

    ms: int
    onto: int
    laps: int


START = Link(0, 0, 0)


def linked(link: Link, measured: Measured) -> tuple[Gap | None, Gap | None, Link]:
    """Return the gap and the interval of the next car of a field, and where that leads."""
    gap, ms, overdue, level, interval, _ = measured
    ahead, onto, laps = link
    if gap is None:
        return None, None, link
    if laps or ms is None:
        own = gap.laps or 0
        if own == laps:
            return gap, interval, link
        if own < laps:
            return Gap(laps, None), interval, link
        return gap, interval, Link(0, 0, own)
    if gap is LEADING:
        return gap, gap, link
    at_line = gap.ms or 0
    shown = ms
    if interval is not None and interval.ms is not None:
        added = onto + interval.ms
        if added <= at_line + STOPPED_MS:
            shown = added if level else ms + round(NEXT_LINE * (added - ms))
    shown = max(ahead, shown)
    departs = shown - at_line
    if overdue and departs > 0:
        carried = departs
    else:
        carried = round(CARRIED * departs) if abs(departs) > FAINT_MS else 0
    return Gap(None, shown), Gap(None, shown - ahead), Link(shown, at_line + carried, 0)


def taken_over(link: Link, ms: int) -> tuple[Gap, Gap, Link]:
    """Return the same of a car whose gap (ms) is known from a wider field."""
    return Gap(None, ms), Gap(None, ms - link.ms), Link(ms, ms, 0)
