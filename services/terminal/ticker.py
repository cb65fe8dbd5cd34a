"""A race as lines of text, for output without a terminal: the changes between two states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from projections.views.merge_patch import State
from projections.wording import flag_name, penalty_name
from services.formatting import clock_text, lap_time_text, on_one_line, running_text, show_gap
from services.terminal.tower_state import TowerState, is_race

TOP = 5
EVERY_MS = 15 * 60_000
"""How often the order at the front gets a line, in ms on the session clock."""


class Line(NamedTuple):
    """A change, and when it was (ms on the session clock)."""

    at: int
    text: str

    def __str__(self) -> str:
        return f"{clock_text(self.at):>8}  {self.text}"


class Ticker:
    """Compares each state of a session with the one before."""

    def __init__(self) -> None:
        self._before: State | None = None
        self._fronts = 0

    def lines(self, state: State, clock_ms: int) -> list[str]:
        """The lines for this state, each with its time; for the first state, the title."""
        before, self._before = self._before, state
        if before is None:
            return [on_one_line(state["session"]["title"])]
        lines = sorted(_changes(before, state, clock_ms), key=lambda line: line.at)
        if clock_ms // EVERY_MS > self._fronts:
            self._fronts = clock_ms // EVERY_MS
            lines.append(Line(clock_ms, front(TowerState.of(state, clock_ms))))
        return [on_one_line(str(line)) for line in lines]


def front(state: TowerState) -> str:
    """The first five on one line: ``lap 121: 7 LMP2, 1 LMP1 +3.204, ...``.

    Of qualifying and practice the quickest five: ``best laps: 7 GTP 1:09.195, 10 GTP +0.204``.
    """
    if is_race(state.session):
        cars = ", ".join(_in_front(row) for row in state.rows[:TOP])
        return f"lap {state.session['leader_lap']}: {cars}"
    timed = [row for row in state.rows[:TOP] if row.get("best_lap_ms") is not None]
    return f"best laps: {', '.join(map(_quickest, timed)) or 'none yet'}"


def _quickest(row: Mapping[str, Any]) -> str:
    time = lap_time_text(row["best_lap_ms"]) if row["position"] == 1 else None
    return " ".join(filter(None, (row["car"], row.get("class"), time))) if time else _in_front(row)


def _in_front(row: Mapping[str, Any]) -> str:
    gap = {"laps": None, "ms": None, **row["gap"]}
    parts = [row["car"], row.get("class"), show_gap(gap)]
    return " ".join(part for part in parts if part)


def _changes(before: State, now: State, clock_ms: int) -> Iterator[Line]:
    yield from _flags(before["session"], now["session"])
    yield from _local_flags(before["session"], now["session"], clock_ms)
    yield from _cautions(before["cautions"], now["cautions"], is_race(now["session"]))
    yield from _lead(before["session"], now["session"], clock_ms)
    yield from _cars(before["standings"], now["standings"], clock_ms)
    yield from _penalties(before["penalties"], now["penalties"])
    for number, message in now["messages"].items():
        if number not in before["messages"]:
            yield Line(message["at_ms"], message["text"])


def _flags(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Line]:
    """Start and end of the race; the flags in between are in the caution ledger."""
    flag = now.get("flag")
    if flag is None or flag == before.get("flag"):
        return
    begins = flag == "green" and before.get("flag") is None
    if begins or flag in ("white", "chequered"):
        yield Line(now["flag_since_ms"], f"{flag_name(flag)} flag")


def _local_flags(
    before: Mapping[str, Any], now: Mapping[str, Any], clock_ms: int
) -> Iterator[Line]:
    was, stands = before.get("sector_flags", {}), now.get("sector_flags", {})
    for sector, flag in stands.items():
        if was.get(sector) != flag:
            yield Line(flag["since_ms"], f"sector {sector}: {flag_name(flag['flag'])}")
    for sector in was.keys() - stands.keys():
        yield Line(clock_ms, f"sector {sector}: clear")


def _cautions(before: State, now: State, race: bool) -> Iterator[Line]:
    """From the ledger, which also has cautions that began and ended between two states."""
    for name, caution in now.items():
        was = before.get(name, {})
        if not was:
            number = f", caution {caution['number']}" if race else ""
            text = f"{flag_name(caution['kind'])}{number}"
            yield Line(caution["start_ms"], text + _leads(caution.get("leader_before")))
        if "end_ms" in caution and "end_ms" not in was:
            what = f"caution {caution['number']}" if race else flag_name(caution["kind"])
            text = f"end of {what} after {running_text(caution['duration_ms'])}"
            yield Line(caution["end_ms"], text + _leads(caution.get("leader_after")))


def _leads(car: str | None) -> str:
    return f"; car {car} leads" if car is not None else ""


def _lead(before: Mapping[str, Any], now: Mapping[str, Any], clock_ms: int) -> Iterator[Line]:
    if not is_race(now):
        yield from _best(before, now, clock_ms)
        return
    changes = now["lead_changes"]
    if changes > before["lead_changes"]:
        text = f"car {now.get('leader')} leads on lap {now['leader_lap']} (lead change {changes})"
        yield Line(clock_ms, text)


def _best(before: Mapping[str, Any], now: Mapping[str, Any], clock_ms: int) -> Iterator[Line]:
    """Another car with the best lap of qualifying or practice."""
    car = now.get("leader")
    if car is not None and car != before.get("leader"):
        yield Line(clock_ms, f"car {car} is quickest")


def _cars(before: State, now: State, clock_ms: int) -> Iterator[Line]:
    for car, row in now.items():
        # Retirements are among race control's messages.
        if before.get(car, {}).get("status") == "retired" != row["status"]:
            yield Line(clock_ms, f"car {car} is back")


def _penalties(before: State, now: State) -> Iterator[Line]:
    for name, penalty in now.items():
        if penalty["status"] != before.get(name, {}).get("status"):
            what = penalty_name(penalty["kind"], penalty.get("amount"))
            yield Line(penalty["changed_at"], f"car {penalty['car']}: {what} {penalty['status']}")
