"""A race told in lines, for where there is no terminal: what changes from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from projections.frames import State
from services.cli.tables import show_gap, show_penalty
from services.tower import Board, clock_text, running_text

TOP = 5
EVERY_MS = 15 * 60_000
"""The order at the front is told this often, in ms on the session clock."""


class Ticker:
    """What is worth a line in each state of a session, compared to the one before."""

    def __init__(self) -> None:
        self._before: State | None = None
        self._front_told = 0

    def tell(self, state: State, clock_ms: int) -> list[str]:
        """The lines for this state; each begins with the session clock."""
        before, self._before = self._before, state
        lines = [] if before is None else list(_changes(before, state, clock_ms))
        board = Board.of(state, clock_ms)
        if clock_ms // EVERY_MS > self._front_told:
            self._front_told = clock_ms // EVERY_MS
            lines.append(front(board))
        return [f"{clock_text(clock_ms):>8}  {line}" for line in lines]


def front(board: Board) -> str:
    """The first five on one line: ``lap 121: 7 LMP2, 1 LMP1 +3.204, ...``."""
    cars = ", ".join(_in_front(row) for row in board.rows[:TOP])
    return f"lap {board.session['leader_lap']}: {cars}"


def _in_front(row: Mapping[str, Any]) -> str:
    gap = {"laps": None, "ms": None, **row["gap"]}
    parts = [row["car"], row.get("class"), show_gap(gap)]
    return " ".join(part for part in parts if part)


def _changes(before: State, now: State, clock_ms: int) -> Iterator[str]:
    yield from _flag(before["session"], now["session"], clock_ms)
    yield from _lead(before["session"], now["session"])
    yield from _cars(before["standings"], now["standings"])
    yield from _penalties(before["penalties"], now["penalties"])
    for number, message in now["messages"].items():
        if number not in before["messages"]:
            yield message["text"]


def _flag(before: Mapping[str, Any], now: Mapping[str, Any], clock_ms: int) -> Iterator[str]:
    flag = now.get("flag")
    if flag == before.get("flag") and now.get("caution") == before.get("caution"):
        return
    words = (flag or "no flag").replace("_", " ")
    if now.get("caution"):
        yield f"{words}, caution {now['caution']}, on lap {now['leader_lap']}"
    elif before.get("caution"):
        lasted = running_text(clock_ms - before["caution_since_ms"])
        yield f"{words} after {lasted}, on lap {now['leader_lap']}"
    else:
        yield f"{words}, on lap {now['leader_lap']}"


def _lead(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    changes = now["lead_changes"]
    if changes > before["lead_changes"]:
        yield f"car {now.get('leader')} leads on lap {now['leader_lap']} (lead change {changes})"


def _cars(before: State, now: State) -> Iterator[str]:
    for car, row in now.items():
        # That a car retires, race control's messages tell.
        if before.get(car, {}).get("status") == "retired" != row["status"]:
            yield f"car {car} is back"


def _penalties(before: State, now: State) -> Iterator[str]:
    for name, penalty in now.items():
        was = before.get(name, {}).get("status")
        if penalty["status"] != was:
            what = show_penalty(penalty["kind"], penalty.get("amount"))
            yield f"car {penalty['car']}: {what} {penalty['status']}"
