"""The built-in race and season, made once for all tests of a process."""

from __future__ import annotations

from functools import cache

from events import AnyEvent
from projections.timeline import Timeline
from replay.petit_le_mans_2007 import petit_le_mans_2007 as race_events
from replay.seasons.alms_2007 import alms_2007 as season_events


@cache
def petit_le_mans_2007() -> tuple[AnyEvent, ...]:
    """The events of the race."""
    return tuple(race_events())


@cache
def petit_le_mans_2007_timeline() -> Timeline:
    """The whole race, folded. To it nothing is added."""
    timeline = Timeline()
    timeline.add(petit_le_mans_2007())
    return timeline


@cache
def alms_2007() -> tuple[AnyEvent, ...]:
    """The events of the season."""
    return tuple(season_events())
