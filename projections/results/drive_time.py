"""Drive time, compared with the limits of the regulation pack.

Rules: the limits are those of the pack for the race's round, class and length; qualifying and
practice have none. Time in the pit lane counts if the pack says so. The rolling window ends at the
given time; one that was exceeded earlier stays exceeded. If the pack says so, red flags reduce the
minimum in proportion to the time for which the race stood. Everything is computed for a given time
and never stored, so a client can compute it from its own clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from events.clock import format_clock
from projections.folds.drivers import DriverStint
from projections.race import Race
from projections.results.scheduled_length import scheduled_length
from projections.results.session_order import session_order
from projections.rules.packs import DriveLimits, RegulationPack, RuleScope

SECOND = 1_000
SOON_MS = 15 * 60 * SECOND
"""How long before a maximum the alert ``soon`` begins."""


class DriveTimeStatus(NamedTuple):
    """A driver's time at the wheel at a given time, all in ms; None where there is no limit.

    ``to_minimum_ms`` is the time still to be driven, 0 when done; ``to_maximum_ms`` and
    ``to_window_ms`` the time that may still be driven in all and in the rolling window,
    negative when exceeded. ``alert`` is ``short`` (the minimum can only just be reached, or no
    longer), ``soon``, ``over`` or None; ``rule`` is the key of the limit concerned. A limit that
    was exceeded stays ``over``: ``most_in_window_ms`` is the most driven in any rolling window so
    far, ``window_exceeded_at`` when its limit was first exceeded. ``no_limits`` says why limits
    are missing.
    """

    car: str
    car_class: str | None
    driver: str
    at_wheel: bool
    total_ms: int
    in_window_ms: int | None
    minimum_ms: int | None
    to_minimum_ms: int | None
    to_maximum_ms: int | None
    to_window_ms: int | None
    alert: str | None
    rule: str | None
    most_in_window_ms: int | None
    window_exceeded_at: int | None
    no_limits: str | None


def drive_times(race: Race, pack: RegulationPack, at: int | None = None) -> list[DriveTimeStatus]:
    """Return a row per driver, by the order of the session.

    ``at`` (ms) is by default the time of the newest event.
    """
    now = race.at if at is None else at
    rows = []
    is_race, kind = race.session.is_race, race.session.opened.kind
    length = scheduled_length(race).ms
    for car in race.order.cars() if is_race else session_order(race):
        where = RuleScope(race.session.opened.round, race.session.car_class(car), length)
        limits = pack.drive_time.limits_at(where) if is_race else DriveLimits()
        missing = no_limits(pack, where) if is_race else f"{pack.name} has no limits for {kind}"
        rows += [row._replace(no_limits=missing) for row in _crew(race, pack, car, limits, now)]
    return rows


def no_limits(pack: RegulationPack, where: RuleScope) -> str | None:
    """Return why a pack's limits are not, or not all, those of a race; None if they are."""
    limits = pack.drive_time.limits
    if not limits:
        return f"{pack.name} has no limits of drive time"
    depend = any(one.from_hours is not None or one.over_hours is not None for one in limits)
    if where.time_limit_ms is None and depend:
        return (
            f"limits of {pack.name} depend on the scheduled length of the race, which is unknown: "
            "give --length at import"
        )
    if any(one.applies(where) for one in limits):
        return None
    length = where.time_limit_ms
    long = "" if length is None else f" of {format_clock(length).removesuffix('.000')}"
    what = " ".join(filter(None, (where.car_class, f"in a race{long}")))
    return f"{pack.name} has no limits for {what}"


def _crew(
    race: Race, pack: RegulationPack, car: str, limits: DriveLimits, now: int
) -> list[DriveTimeStatus]:
    entry = race.session.entries.get(car)
    stints = race.drivers.stints(car, now)
    names = [driver.name for driver in entry.drivers] if entry else []
    names += [stint.driver for stint in stints]
    wheel = race.drivers.at_wheel.get(car)
    stops = [] if pack.drive_time.counts_stops else _in_lane(race, car, now)
    remaining = _remaining(race, now)
    minimum = _minimum(race, pack, limits, now)
    return [
        _driver(
            (car, race.session.car_class(car), name, wheel is not None and wheel.driver == name),
            [stint for stint in stints if stint.driver == name],
            stops,
            limits,
            minimum,
            remaining,
            now,
        )
        for name in dict.fromkeys(names)
    ]


def _driver(
    who: tuple[str, str | None, str, bool],
    stints: Sequence[DriverStint],
    stops: Sequence[tuple[int, int]],
    limits: DriveLimits,
    minimum: int | None,
    remaining: int | None,
    now: int,
) -> DriveTimeStatus:
    total = _driven(stints, stops, 0, now)
    window = None
    if limits.window_s is not None:
        window = _driven(stints, stops, now - limits.window_s * SECOND, now)
    to_minimum = None if minimum is None else max(0, minimum - total)
    to_maximum = _left(limits.maximum_s, total)
    to_window = None if window is None else _left(limits.maximum_in_window_s, window)
    alert, rule = _alert(who[3], to_minimum, to_maximum, to_window, remaining, limits)
    most, exceeded_at = None, None
    if limits.window_s is not None:
        windows = _RollingWindow(_intervals(stints, stops, now), limits.window_s * SECOND)
        most = windows.most(now)
        if limits.maximum_in_window_s is not None:
            exceeded_at = windows.exceeded_at(limits.maximum_in_window_s * SECOND, now)
            if exceeded_at is not None and alert != "over":
                alert, rule = "over", "drive_time.limits.maximum_in_window_s"
    return DriveTimeStatus(
        *who,
        total,
        window,
        minimum,
        to_minimum,
        to_maximum,
        to_window,
        alert,
        rule,
        most,
        exceeded_at,
        None,
    )


def _intervals(
    stints: Sequence[DriverStint], stops: Sequence[tuple[int, int]], now: int
) -> list[tuple[int, int]]:
    """When the driver was at the wheel, in order, without the stops that do not count."""
    driven = []
    for stint in stints:
        start, end = stint.start, min(stint.end, now)
        for into, out in sorted(stops):
            if into < end and out > start:
                if into > start:
                    driven.append((start, into))
                start = max(start, out)
        if start < end:
            driven.append((start, end))
    return sorted(driven)


class _RollingWindow:
    """The time driven in the window that ends at a time (ms); linear between its corners."""

    def __init__(self, driven: Sequence[tuple[int, int]], window_ms: int) -> None:
        self._starts = [start for start, _ in driven]
        self._driven = driven
        self._before = [0, *accumulate(end - start for start, end in driven)]
        self._window = window_ms
        edges = {edge for span in driven for edge in span}
        self._corners = sorted(edges | {edge + window_ms for edge in edges})

    def at(self, end: int) -> int:
        """Return the time driven in the window that ends then."""
        return self._until(end) - self._until(end - self._window)

    def most(self, now: int) -> int:
        """Return the most driven in any window so far."""
        return max((self.at(end) for end in self._ends(now)), default=0)

    def exceeded_at(self, limit: int, now: int) -> int | None:
        """Return when more than the limit had been driven for the first time."""
        for end in self._ends(now):
            more = self.at(end) - limit
            if more > 0:
                return end - more  # until then the driver was at the wheel, and nothing fell out
        return None

    def _ends(self, now: int) -> list[int]:
        return [*(corner for corner in self._corners if corner < now), now]

    def _until(self, at: int) -> int:
        index = bisect_right(self._starts, at)
        if not index:
            return 0
        start, end = self._driven[index - 1]
        return self._before[index - 1] + min(at, end) - start


def _driven(
    stints: Sequence[DriverStint], stops: Sequence[tuple[int, int]], since: int, until: int
) -> int:
    """Time at the wheel between two moments (ms), less the stops that do not count."""
    ms = 0
    for stint in stints:
        start, end = max(stint.start, since), min(stint.end, until)
        if end > start:
            ms += end - start
            ms -= sum(max(0, min(end, out) - max(start, into)) for into, out in stops)
    return ms


def _in_lane(race: Race, car: str, now: int) -> list[tuple[int, int]]:
    """When the car was in the pit lane."""
    visits = [
        (visit.entered_ms, now if visit.exited_ms is None else visit.exited_ms)
        for visit in race.pits.visits.get(car, ())
    ]
    since = race.pits.in_lane_since(car)
    return visits if since is None else [*visits, (since, now)]


def _left(limit_s: int | None, driven: int) -> int | None:
    return None if limit_s is None else limit_s * SECOND - driven


def _minimum(race: Race, pack: RegulationPack, limits: DriveLimits, now: int) -> int | None:
    """The minimum as it is now: less than the rule's after the race was stopped."""
    if limits.minimum_s is None:
        return None
    minimum = limits.minimum_s * SECOND
    length = scheduled_length(race).ms
    if not pack.drive_time.reduced_after_red_flag or not length:
        return minimum
    stood = sum(
        (now if stint.end_ms is None else stint.end_ms) - stint.start_ms
        for stint in race.track.cautions()
        if stint.kind == "red"
    )
    return minimum * max(0, length - stood) // length


def _remaining(race: Race, now: int) -> int | None:
    limit = scheduled_length(race).ms
    if race.finish.over:
        return 0
    return None if limit is None else max(0, limit - now)


def _alert(
    at_wheel: bool,
    to_minimum: int | None,
    to_maximum: int | None,
    to_window: int | None,
    remaining: int | None,
    limits: DriveLimits,
) -> tuple[str | None, str | None]:
    """The most pressing alert, and the rule it is about."""
    for left, rule in ((to_maximum, "maximum_s"), (to_window, "maximum_in_window_s")):
        if left is not None and left < 0:
            return "over", f"drive_time.limits.{rule}"
    if to_minimum and remaining is not None and remaining <= to_minimum + SOON_MS:
        return "short", limits.minimum_rule
    for left, rule in ((to_maximum, "maximum_s"), (to_window, "maximum_in_window_s")):
        if at_wheel and left is not None and left <= SOON_MS:
            return "soon", f"drive_time.limits.{rule}"
    return None, None
