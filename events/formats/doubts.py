"""Doubtful values of a file: where each is, what it says, and what is made of it.

What the order of the cars rests on (car, lap, time at the line) must hold, or the file is
refused. Every other value that contradicts what is known, or cannot be read, is a doubt: it
costs that value and never the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from events.errors import BadTimingFile

MOST_DOUBTS = 100
"""Doubts of one column that are listed one by one; the last of them counts the rest."""
LONGEST_QUOTE = 60
LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubtful value of a file; ``at`` (ms) is the session time of the row, if it has one.

    ``treatment`` is what was made of the value: ``left out``, or what is used in its place.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str
    treatment: str = LEFT_OUT
    car: str | None = None
    at: int = 0

    def refusal(self) -> BadTimingFile:
        """Return the error that refuses the file for this value."""
        return BadTimingFile(
            self.file, self.reason, line=self.line, column=self.column, value=self.value
        )


def bounded(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Return the doubts with at most `MOST_DOUBTS` of each column, in their order.

    A column that is wrong throughout would otherwise give a doubt for each row of the file.
    """
    doubts = list(doubts)
    totals = Counter((doubt.file, doubt.column) for doubt in doubts)
    listed: Counter[tuple[str, str]] = Counter()
    kept: list[Doubt] = []
    for doubt in doubts:
        key = doubt.file, doubt.column
        listed[key] += 1
        if listed[key] < MOST_DOUBTS or totals[key] == MOST_DOUBTS:
            kept.append(doubt)
        elif listed[key] == MOST_DOUBTS:
            more = totals[key] - MOST_DOUBTS + 1
            reason = f"{more} more values of this column are doubtful, this is the first of them"
            kept.append(
                Doubt(
                    *(doubt.file, doubt.line, doubt.column, doubt.value, reason),
                    *(doubt.treatment, doubt.car, doubt.at),
                )
            )
    return tuple(kept)


def shortened(value: str) -> str:
    """Return a value as it is quoted in errors and doubts."""
    return value if len(value) <= LONGEST_QUOTE else value[: LONGEST_QUOTE - 3] + "..."
