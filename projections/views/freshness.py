"""How long what is shown may be without news: the one rule of every screen and graphic.

Cars are heard at timing lines. A field behind the safety car crosses one in a train and is
then silent until the next line, which no fixed limit knows: thirty seconds at Road Atlanta,
three minutes at Le Mans. Under green the cars spread out, and many are heard more often
than few. So the limit, a field's patience, is made of the laps that are driven, and served
with the session line (``patience_ms``): who shows the race need not know how it is made.

While the session clock runs, data is ``fresh``; ``quiet`` when nothing has come for ten
seconds; ``stale`` when nothing has come for longer than that patience, so that something
on the way is broken. A live timing feed speaks each second whatever the cars do. Where one
is known to be silent there is nothing to be patient for: quiet data is stale then.
"""

from __future__ import annotations

from typing import Literal

from projections.race import Race
from projections.views import display

Freshness = Literal["fresh", "quiet", "stale"]

QUIET_MS = display.QUIET_MS
"""Older data is quiet while the clock runs. Patience is never less."""

STANDING_MS = display.LONGEST_PATIENCE_MS
"""The longest patience: before anyone has a lap time, while the cars stand (red flag), and
where a session line has no ``patience_ms``."""

GREEN_MS = 30_000
"""Under green nobody is alarmed before; just after a restart the field is a train, too."""

ALLOWANCE = 2
"""Laps are not driven evenly, nor are lines evenly spaced."""

GROUP = 4
"""Cars that make one group under green, roughly."""

STEP_MS = 5000
"""Patience is given in whole steps, rounded up: else each lap would change it."""

TRAINS = frozenset({"yellow", "fcy", "safety_car", "vsc", "code_60", "slow_zone"})
"""Flags under which the field may go around in a train."""


def patience_ms(race: Race) -> int:
    """How long the field can be silent (ms): by the time from line to line of slower cars."""
    laps = sorted(_lap_times(race))
    flag = race.track.flag
    if not laps or flag == "red":
        return STANDING_MS
    slow = laps[min(len(laps) - 1, len(laps) * 3 // 4)]
    train = min(STANDING_MS, ALLOWANCE * slow // len(race.session.lines))
    patience = train if flag in TRAINS else min(train, max(GREEN_MS, train * GROUP // len(laps)))
    return max(QUIET_MS, -(-patience // STEP_MS) * STEP_MS)


def freshness(
    running: bool, age_ms: float, patience_ms: int | None, *, silent: bool = False
) -> Freshness:
    """The freshness of data of an age (ms), given whether the session clock runs.

    ``patience_ms`` is None for a stored state without it: nothing is known of the field then,
    as before the first lap. ``silent`` is true while the session's feed is silent. The web pages
    have the same rule in ``web/src/live/freshness.ts``; ``tests/golden/display.json`` has cases
    for both.
    """
    if not running or age_ms <= QUIET_MS:
        return "fresh"
    return "stale" if silent or age_ms > _longest_silence(patience_ms) else "quiet"


def ran_on_ms(running: bool, age_ms: int, patience_ms: int | None) -> int:
    """How far (ms) the session clock has run on from a picture of an age.

    It does not run away from a source that is silent: from where it is when that is stale
    it stands still, and nothing on air runs backwards.
    """
    return min(max(0, age_ms), _longest_silence(patience_ms)) if running else 0


def _longest_silence(patience_ms: int | None) -> int:
    return STANDING_MS if patience_ms is None else max(QUIET_MS, patience_ms)


def _lap_times(race: Race) -> list[int]:
    """The last lap (ms) of each car that is on the track."""
    laps, in_lane = race.laps.laps, race.pits.current
    retired, finished = race.order.retired, race.order.finished
    return [
        timed[-1].lap_time_ms
        for car, timed in laps.items()
        if timed
        and timed[-1].lap_time_ms is not None
        and car not in retired
        and car not in finished
        and car not in in_lane
    ]
