"""The scheduled length of a race: stated, or reconstructed from how the race ended.

It is never guessed: where nothing states it, and a race that is over does not prove it, it is
unknown, and whatever depends on it says so. A race by time ends at the first crossing of its
leader after the time is up. So its length lies within the leader's last lap, and is taken as
known if a usual length (whole hours, or multiples of 30, 20, 15 or 10 minutes) does, too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from events.clock import format_clock
from projections.race import Race
from projections.results.official_result import official_result
from projections.rules.packs import RegulationPack

MINUTE_MS = 60_000
USUAL_MINUTES = (60, 30, 20, 15, 10)
"""Lengths of races are multiples of these; of two that are possible the rounder one is meant."""

LengthBasis = Literal["stated", "reconstructed"]

_IN_WORDS = re.compile(
    r"(?<![\d:.,])(?P<count>\d{1,3})[ -]?(?:"
    r"(?P<hours>h|hrs?|hours?|heures?|stunden|ore|horas)"
    r"(?:(?<=h)(?P<short>[0-5]\d)m?(?!\d)"  # 2h40
    r"|[ ,-]*(?:(?:and|et|und|e|y) )?(?P<minutes>[0-5]?\d)[ -]?m(?:in|inutes?)?)?"
    r"|min|minutes?)(?![a-z])",
    re.IGNORECASE,
)


class ScheduledLength(NamedTuple):
    """A length in ms, and how it is known; both None where it is not."""

    ms: int | None
    basis: LengthBasis | None


UNKNOWN = ScheduledLength(None, None)


@lru_cache(maxsize=256)
def length_in_words(text: str) -> int | None:
    """Return the length that a title or file name states (ms).

    ``24h``, ``6 Hours of Fuji``, ``2h40``, ``2 Hours 40 Minutes``, ``45 min``.
    """
    found = _IN_WORDS.search(text)
    if found is None or not int(found["count"]):
        return None
    minutes = int(found["count"])
    if found["hours"]:
        minutes = minutes * 60 + int(found["short"] or found["minutes"] or 0)
    return minutes * MINUTE_MS if minutes <= 48 * 60 else None


UNKNOWN_LENGTH = (
    "the scheduled length of the race is unknown at this moment (one that the race's end proves is "
    "known only then): give --length at import"
)
"""Why a forecast is refused."""


def scheduled_length(race: Race) -> ScheduledLength:
    """Return the scheduled length of a race; unknown for other sessions without a stated one."""
    opened = race.session.opened
    if opened.time_limit_ms:
        return ScheduledLength(opened.time_limit_ms, "stated")
    if not race.session.is_race:
        return UNKNOWN
    stated = length_in_words(opened.title)
    if stated is not None:
        return ScheduledLength(stated, "stated")
    ended = _last_lap_of_the_winner(race)
    if ended is None or opened.laps_limit or opened.distance_limit_m:
        return UNKNOWN
    usual = _usual_length_within(*ended)
    return UNKNOWN if usual is None else ScheduledLength(usual, "reconstructed")


def _last_lap_of_the_winner(race: Race) -> tuple[int, int] | None:
    """Return start and end of the lap after which the race was flagged; None before that."""
    official = official_result(race)
    if official is not None:
        first = official.rows[0] if official.rows else None
        if first is None or not first.total_ms or not first.best_lap_ms:
            return None
        return first.total_ms - first.best_lap_ms, first.total_ms  # at least a lap
    flagged_at = race.finish.chequered_at
    if flagged_at is None or race.track.ended_under_red_at is not None:
        return None
    leader = race.order.leader()
    if leader not in race.finish.cars:
        return None  # the flag was shown before the leader's last crossing
    last = race.laps.last(leader) if leader else None
    if last is None or last.lap_time_ms is None:
        return None
    return last.at - last.lap_time_ms, last.at


def _usual_length_within(start: int, end: int) -> int | None:
    for minutes in USUAL_MINUTES:
        step = minutes * MINUTE_MS
        length = end // step * step
        if length > max(0, start):
            return length
    return None


def depends_on_length(pack: RegulationPack) -> bool:
    """Whether the points of a pack depend on how long a race was to be."""
    scales = pack.points.scales
    return any(one.from_hours is not None or one.over_hours is not None for one in scales)


def length_note(race: Race, pack: RegulationPack) -> str | None:
    """Return what has to be known of points that depend on the length; None if nothing has."""
    if not race.session.is_race or not depends_on_length(pack):
        return None
    length = scheduled_length(race)
    if length.basis is None:
        return (
            f"points of {pack.name} depend on the scheduled length of the race, which is unknown: "
            "these are as for a short one; give --length at import"
        )
    return reconstructed_note(race)


def reconstructed_note(race: Race) -> str | None:
    """Return from what the scheduled length is reconstructed; None if it is not."""
    length, ended = scheduled_length(race), _last_lap_of_the_winner(race)
    if length.basis != "reconstructed" or length.ms is None or ended is None:
        return None
    scheduled, run = (format_clock(ms).split(".")[0] for ms in (length.ms, ended[1]))
    return f"scheduled length {scheduled}, reconstructed from {run} of laps"
