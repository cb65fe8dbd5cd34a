"""Real qualifying and practice: the order while it ran, computed from the file by other means."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from projections.race import Race
from projections.results.session_order import session_order
from projections.views import session_line, standings
from replay.importing import import_alkamel
from tests.data import DATA, needs_data

MOMENTS = 10
SESSIONS = (
    "imsa/2024/19-road-atlanta/202410111525-qualifying",
    "imsa/2024/05-sebring-international-raceway/202403151250-qualifying",
    "imsa/2024/09-detroit-street-course/202405311640-qualifying",
    "imsa-practice/2024/19-road-atlanta/202410101930-practice-3",
)


class FileLap(NamedTuple):
    """A row of the laps file, in seconds."""

    car: str
    lap: int
    time: float
    ended: float
    flag: str


def seconds(text: str) -> float:
    """``1:09.195`` in seconds."""
    total = 0.0
    for part in text.strip().replace("'", ":").split(":"):
        total = total * 60 + float(part)
    return round(total, 3)


def laps_of(file: Path) -> list[FileLap]:
    """The rows that count: those of a car up to its first under the chequered flag."""
    with file.open(encoding="utf-8-sig") as lines:
        rows = [{(k or "").strip(): v for k, v in row.items()} for row in csv.DictReader(lines)]
    read = [
        FileLap(
            row["NUMBER"].strip(),
            int(row["LAP_NUMBER"]),
            seconds(row["LAP_TIME"]),
            seconds(row["ELAPSED"]),
            row["FLAG_AT_FL"].strip(),
        )
        for row in rows
    ]
    flagged = min((lap.ended for lap in read if lap.flag == "FF"), default=float("inf"))
    done: dict[str, float] = {}
    for lap in sorted(read, key=lambda lap: lap.ended):
        if lap.ended >= flagged:
            done.setdefault(lap.car, lap.ended)
    return [lap for lap in read if lap.ended <= done.get(lap.car, lap.ended)]


def order_at(laps: list[FileLap], at: float) -> list[tuple[str, float | None]]:
    """The cars and their best times, from the rows that were there at that time."""
    best: dict[str, tuple[float, float]] = {}
    for lap in laps:
        if lap.ended <= at and lap.lap > 1:
            best[lap.car] = min(best.get(lap.car, (lap.time, lap.ended)), (lap.time, lap.ended))
    timed = sorted(best, key=lambda car: (*best[car], int(car), car))
    others = {lap.car for lap in laps} - best.keys()
    return [(car, best[car][0]) for car in timed] + [
        (car, None) for car in sorted(others, key=lambda car: (int(car), car))
    ]


@needs_data
@pytest.mark.parametrize("session", SESSIONS)
def test_order_at_ten_moments(session: str) -> None:
    """Order, best times and gaps at ten moments, and no word of a race."""
    file = DATA / f"{session}-laps.csv"
    laps, events = laps_of(file), import_alkamel(file)
    last = max(lap.ended for lap in laps)
    race, done = Race(), 0
    for number in range(1, MOMENTS + 1):
        at = last * number / MOMENTS
        upto = next((n for n, e in enumerate(events) if e.at > at * 1000), len(events))
        race.apply_all(events[done:upto])
        done = upto
        expected = order_at(laps, at)
        assert session_order(race) == [car for car, _ in expected]
        rows = standings(race)
        for row, (_, best) in zip(rows, expected, strict=True):
            assert row["best_lap_ms"] == (None if best is None else round(best * 1000))
            first = expected[0][1]
            gap = (
                None if best is None or first is None else round(best * 1000) - round(first * 1000)
            )
            assert row["gap"]["ms"] == gap
        line = session_line(race)
        assert line["leader"] == (expected[0][0] if expected[0][1] else None)
        assert (line["leader_lap"], line["lead_changes"], line["laps_to_go"]) == (0, 0, None)
