"""Recorded Formula One streams, against what the streams themselves say.

The streams are read here by other means than in the import: patches are merged, nothing else.

Positions at a moment: the stream changes them at many more points of the track than the three that
it has times for. A place may therefore differ until the cars have reached the next timed line;
`SINCE_MS` is longer than any lap. Cars that stopped are passed in the stream at once.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from statistics import quantiles
from typing import Any, NamedTuple

import pytest

from events import LapCompleted, LapTimeDeleted, PenaltyImposed, SegmentStarted
from projections import views
from projections.results.session_order import by_best_lap
from projections.rules.packs import QualifyingRules
from projections.timeline import Timeline
from replay.f1 import import_f1
from tests.data import DATA, needs_data

RACES = {"2018-baku-race": 462_253, "2025-miami-sprint": 4_245_523}
"""The races, and when each was started in its recording (ms)."""
QUALIFYING = {"2021-mexico-qualifying": 900_306, "2023-baku-qualifying": 866_834}
PRACTICE = {"2024-silverstone-practice-1": 804_399}
ALL = {**RACES, **QUALIFYING, **PRACTICE}
KNOCK_OUT = QualifyingRules(segments="knock_out", advance=(15, 10))

MOMENTS = 50
SINCE_MS = 200_000
SOON_MS = 5_000
GAP_MS = 100

pytestmark = [needs_data, pytest.mark.slow]


class Published(NamedTuple):
    """The stream's own final state of a car."""

    position: int
    laps: int
    best: int | None
    gap: int | None


def patches(session: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The time and the content of each line of the timing data."""
    with (DATA / "f1" / session / "TimingData.jsonStream").open(encoding="utf-8-sig") as lines:
        for line in filter(str.strip, lines):
            hours, minutes, seconds = line[:12].split(":")
            at = (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)
            yield at, json.loads(line[12:])


def ms(text: str | None) -> int | None:
    """``1:45.412`` or ``+2.460`` in ms; None for anything else."""
    match = re.fullmatch(r"\+?(?:(\d+):)?(\d+)\.(\d{3})", text or "")
    if match is None:
        return None
    return int(match[1] or 0) * 60_000 + int(match[2]) * 1000 + int(match[3])


@cache
def published(session: str) -> dict[str, Published]:
    """Each car's final state in the stream."""
    state: dict[str, dict[str, Any]] = {}
    for _, content in patches(session):
        for car, line in content.get("Lines", {}).items():
            known = state.setdefault(car, {})
            known.update({key: line[key] for key in line if key != "BestLapTime"})
            if value := line.get("BestLapTime", {}).get("Value"):
                best = ms(value)
                known["best"] = min(best or 0, known.get("best") or best or 0)
    return {
        car: Published(
            int(line["Position"]),
            line.get("NumberOfLaps", 0),
            line.get("best"),
            ms(line.get("GapToLeader")),
        )
        for car, line in state.items()
    }


@cache
def timeline(session: str) -> Timeline:
    """The whole session, folded. To it nothing is added."""
    folded = Timeline()
    folded.add(import_f1(DATA / "f1" / session))
    return folded


@pytest.mark.parametrize("session", ALL)
def test_laps(session: str) -> None:
    counted = Counter(
        event.car for event in import_f1(DATA / "f1" / session) if isinstance(event, LapCompleted)
    )
    assert {car: counted[car] for car in published(session)} == {
        car: line.laps for car, line in published(session).items()
    }


@pytest.mark.parametrize("session", [*RACES, *PRACTICE])
def test_final_order_and_best_laps(session: str) -> None:
    """Equal, but for a time penalty that the stream adds and a running order does not."""
    events = import_f1(DATA / "f1" / session)
    penalised = {event.car for event in events if isinstance(event, PenaltyImposed)}
    deleted = {event.car for event in events if isinstance(event, LapTimeDeleted)}
    theirs = published(session)
    rows = views.standings(timeline(session).race)
    moved = penalised if session == "2025-miami-sprint" else set()
    ours = [row["car"] for row in rows if row["car"] not in moved]
    order = sorted(theirs, key=lambda car: theirs[car].position)
    assert ours == [car for car in order if car not in moved]
    for row in rows:
        if row["car"] not in deleted:
            assert row["best_lap_ms"] == theirs[row["car"]].best, row["car"]


def test_a_time_penalty_counts_in_the_classification() -> None:
    """Verstappen, ten seconds: fourth on the road, seventeenth in the stream."""
    theirs = published("2025-miami-sprint")
    rows = views.results(timeline("2025-miami-sprint").race)
    assert [row["car"] for row in rows] == sorted(theirs, key=lambda car: theirs[car].position)


@pytest.mark.parametrize("session", RACES)
def test_gaps_at_the_finish(session: str) -> None:
    theirs = published(session)
    moved = {"1"} if session == "2025-miami-sprint" else set()
    off = [
        abs(row["gap"]["ms"] - gap)
        for row in views.standings(timeline(session).race)
        if (gap := theirs[row["car"]].gap) is not None and row["car"] not in moved
    ]
    assert len(off) >= 12
    assert max(off) <= GAP_MS
    assert quantiles(off)[1] <= GAP_MS / 4


@pytest.mark.parametrize("session", RACES)
def test_positions_at_random_moments(session: str) -> None:
    zero, places = RACES[session], dict[str, int]()
    orders: list[tuple[int, dict[str, int]]] = []
    for at, content in patches(session):
        for car, line in content.get("Lines", {}).items():
            if "Position" in line:
                places[car] = int(line["Position"])
        orders.append((at - zero, dict(places)))
    events = import_f1(DATA / "f1" / session)
    end = max(event.at for event in events if isinstance(event, LapCompleted))
    picked = random.Random(session)
    moments = sorted(picked.randrange(120_000, end - 120_000) for _ in range(MOMENTS))
    folded, done, equal = Timeline(), 0, 0
    for moment in moments:
        ahead = sum(event.at <= moment for event in events)
        folded.add(events[done:ahead])
        done = ahead
        ours = [row["car"] for row in views.standings(folded.race)]
        near = [order for at, order in orders if moment - SINCE_MS <= at <= moment + SOON_MS]
        theirs = [order for at, order in orders if at <= moment][-1]
        equal += ours == sorted(theirs, key=theirs.__getitem__)
        for first, second in combinations(ours, 2):
            assert any(order[first] < order[second] for order in near), (moment, first, second)
    assert equal >= MOMENTS * 0.7


@pytest.mark.parametrize("session", [*QUALIFYING, *PRACTICE])
def test_order_by_best_laps_at_random_moments(session: str) -> None:
    """At the end it is that of all cars; before, of those with a time in the part that runs."""
    rules = KNOCK_OUT if session in QUALIFYING else None
    zero, places, timed = ALL[session], dict[str, int](), set[str]()
    orders: list[tuple[int, list[str]]] = []
    for at, content in patches(session):
        for car, line in content.get("Lines", {}).items():
            places[car] = int(line.get("Position", places.get(car, 0)))
            value = line.get("BestLapTime", {}).get("Value")
            if value:
                timed.add(car)
            elif value == "":
                timed.discard(car)
        orders.append((at - zero, sorted(timed, key=places.__getitem__)))
    race = timeline(session).race
    assert by_best_lap(race, race.order.cars(), rules) == sorted(places, key=places.__getitem__)

    events = import_f1(DATA / "f1" / session)
    end = max(event.at for event in events if isinstance(event, LapCompleted))
    picked = random.Random(session)
    folded, done = Timeline(), 0
    for moment in sorted(picked.randrange(200_000, end) for _ in range(MOMENTS)):
        ahead = sum(event.at <= moment for event in events)
        folded.add(events[done:ahead])
        done = ahead
        ours = by_best_lap(folded.race, folded.race.order.cars(), rules)
        near = [order for at, order in orders if at <= moment][-1:]
        near += [order for at, order in orders if moment < at <= moment + SOON_MS]
        assert any([car for car in ours if car in order] == order for order in near), moment


@pytest.mark.parametrize("session", QUALIFYING)
def test_the_parts_of_qualifying(session: str) -> None:
    names = [
        event.name
        for event in import_f1(DATA / "f1" / session)
        if isinstance(event, SegmentStarted)
    ]
    assert names == ["Q1", "Q2", "Q3"]


def test_deleted_laps() -> None:
    deleted = [
        (event.car, event.lap)
        for event in import_f1(DATA / "f1" / "2025-miami-sprint")
        if isinstance(event, LapTimeDeleted)
    ]
    assert deleted == [("7", 3), ("55", 7), ("12", 13), ("22", 12)]
