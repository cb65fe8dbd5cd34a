"""Statements, and the words that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.clock import format_clock, format_lap_time
from projections.folds.running_order import Gap

Identity = tuple[str, int]

BY_LINES = "laps completed, then lines crossed since, then the earlier crossing of that line"
BY_LAPS = "laps completed, then the time at the line when the last was completed"
BY_BEST_LAP = "the best lap, of equal ones the earlier"


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, what it is about, the events it rests on, and the rule if one decides.

    The rule is a key of the pack, or in words where it is the same in every pack.
    """

    about: str
    text: str
    events: tuple[Identity, ...] = ()
    rule: str | None = None


def lap_count(number: int) -> str:
    return f"{number} {'lap' if number == 1 else 'laps'}"


def gap_words(gap: Gap) -> str:
    if gap.laps:
        return lap_count(gap.laps)
    ms = gap.ms or 0
    return f"{format_lap_time(ms)} s" if ms < 60_000 else format_lap_time(ms)


def clock_words(ms: int) -> str:
    """``6:12:34``: whole seconds are enough for when something was decided."""
    return format_clock(ms).split(".")[0]


def join_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
