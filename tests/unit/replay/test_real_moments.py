"""Real races at random moments, against a computation that reads nothing but the timing file.

Of each car: place and place in class, laps, last and best lap, and how much later than the first
it completed its last lap. Of a car that completes a lap: its gap to the leader in whole laps, and
in time where no other car is between them; where one is, the gap is chained (decision 0015), and
how many of them are equal is counted only.

A place may rest on a line that a loop missed: the file then says only between which two crossings
it was passed, and every place that fits is right. All others are exact.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from projections import views
from projections.race import Race
from projections.timeline import Timeline
from projections.views.gaps import chart
from replay.importing import import_alkamel
from services.queries.sessions import race_at
from tests.data import DATA, needs_data

MOMENTS = 40
RACES = (
    "imsa/2022/19-road-atlanta/202210011210-race",
    "imsa/2024/19-road-atlanta/202410121210-race",
    "wec/2024-le-mans-24h",
    "wec/2024-fuji-6h",
)
ROUNDING = 2
"""How far the sectors of a lap may be off its time (ms), each being rounded on its own."""


class FileLap(NamedTuple):
    """A row of the file, in ms; ``lines`` are the crossings of S1 and S2, None if unknown."""

    number: int
    time: int
    ended: int
    lines: tuple[int | None, int | None]
    flag: str


class Progress(NamedTuple):
    """How far a car has come: less is further. Laps and lines are negative, then the time."""

    laps: int
    lines: int
    at: int


class Car(NamedTuple):
    """A car at a moment; it is between ``best`` and ``worst`` on the road, equal if certain."""

    laps: int
    last: int | None
    fastest: int | None
    ended: int | None
    best: Progress
    worst: Progress


def ms(text: str) -> int | None:
    """``1:09.195`` in milliseconds; None for a blank."""
    text = text.strip().replace("'", ":")
    if not text:
        return None
    whole, _, part = text.partition(".")
    total = 0
    for unit in whole.split(":"):
        total = total * 60 + int(unit)
    return total * 1000 + int(part.ljust(3, "0")[:3])


def written(at: int) -> str:
    """A time (ms) as a user writes a moment."""
    return f"{at // 3_600_000}:{at // 60_000 % 60:02}:{at // 1000 % 60:02}.{at % 1000:03}"


def read(file: Path) -> tuple[dict[str, list[FileLap]], dict[str, str]]:
    """The laps of each car that count, and the cars' classes."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        delimiter = ";" if lines.readline().count(";") else ","
        lines.seek(0)
        rows = [
            {(name or "").strip(): value or "" for name, value in row.items() if name}
            for row in csv.DictReader(lines, delimiter=delimiter)
        ]
    laps: dict[str, list[FileLap]] = defaultdict(list)
    classes = {}
    for row in rows:
        car, time, ended = row["NUMBER"].strip(), ms(row["LAP_TIME"]), ms(row["ELAPSED"])
        assert time is not None
        assert ended is not None
        classes[car] = row["CLASS"].strip()
        sectors = (ms(row["S1"]), ms(row["S2"]), ms(row["S3"]))
        laps[car].append(
            FileLap(
                int(row["LAP_NUMBER"]),
                time,
                ended,
                crossings(ended - time, ended, *sectors),
                row.get("FLAG_AT_FL", "").strip(),
            )
        )
    flagged = min(lap.ended for of_car in laps.values() for lap in of_car if lap.flag == "FF")
    for car, of_car in laps.items():
        of_car.sort()
        assert [lap.number for lap in of_car] == list(range(1, len(of_car) + 1))
        done = min((lap.ended for lap in of_car if lap.ended >= flagged), default=None)
        laps[car] = [lap for lap in of_car if done is None or lap.ended <= done]
    return laps, classes


def crossings(
    start: int, end: int, s1: int | None, s2: int | None, s3: int | None
) -> tuple[int | None, int | None]:
    """When S1 and S2 were crossed, as far as the sector times say."""
    first = start + s1 if s1 is not None else None
    second = None
    if first is not None and s2 is not None:
        second = first + s2
    elif s3 is not None:
        second = end - s3
    return first, second


def at_moment(laps: Iterable[FileLap], at: int) -> Car:
    """A car as the file has it at a time (ms)."""
    done = [lap for lap in laps if lap.ended <= at]
    following = next((lap for lap in laps if lap.ended > at), None)
    last = done[-1] if done else None
    count = len(done)
    timed = [lap.time for lap in done if lap.number > 1]
    known = Progress(-count, 0, last.ended if last else 0)
    furthest = known
    if following is not None:
        for line, crossed in enumerate(following.lines, start=1):
            if crossed is None:
                # The loop missed the car: it was crossed after what is known, at any time.
                furthest = Progress(-count, -line, known.at)
            elif crossed <= at:
                known = furthest = Progress(-count, -line, crossed)
            else:
                break
    return Car(
        count,
        last.time if last else None,
        min(timed, default=None),
        last.ended if last else None,
        furthest,
        known,
    )


def gap_at_the_line(
    laps: dict[str, list[FileLap]], car: str, lap: int, leader: str
) -> dict[str, int | None]:
    """The gap of a car that completes a lap: whole laps, or milliseconds if it is less than one."""
    at = laps[car][lap - 1].ended
    more = sum(one.ended <= at for one in laps[leader]) - lap
    return {"laps": more or None, "ms": None if more else at - laps[leader][lap - 1].ended}


def places(cars: dict[str, Car], car: str, others: Iterable[str]) -> range:
    """The places that a car may have among others."""
    mine = cars[car]
    ahead = sum(cars[other].worst < mine.best for other in others if other != car)
    maybe = sum(cars[other].best < mine.worst for other in others if other != car)
    return range(1 + ahead, 2 + maybe)


class Comparison:
    """What is shown of a race compared with its file: how often, and what differs."""

    def __init__(self, session: str) -> None:
        file = DATA / f"{session}-laps.csv"
        self.laps, self.classes = read(file)
        self.timeline = Timeline()
        self.timeline.add(import_alkamel(file))
        self.compared: Counter[str] = Counter()
        self.differences: list[str] = []

    def compare(self, what: str, where: str, shown: object, expected: object) -> None:
        self.compared[what] += 1
        if shown != expected:
            self.differences.append(f"{what} {where}: shown {shown}, the file has {expected}")

    def race_at(self, at: int) -> Race:
        """The race at a time (ms), asked for as a user writes it."""
        return race_at(self.timeline, written(min(at, self.timeline.race.at)))

    def moment(self, at: int) -> None:
        """Compare all cars at a time (ms)."""
        race, clock = self.race_at(at), written(at)
        cars = {car: at_moment(of_car, at) for car, of_car in self.laps.items()}
        rows, charted = views.standings(race), {row["car"]: row for row in chart(race)}
        self.compare("cars", clock, sorted(row["car"] for row in rows), sorted(cars))
        for row in rows:
            car, where = row["car"], f"of {row['car']} at {clock}"
            mine = cars[car]
            self.compare("laps", where, row["laps"], mine.laps)
            self.compare("last lap", where, row["last_lap_ms"], mine.last)
            self.compare("best lap", where, row["best_lap_ms"], mine.fastest)
            if mine.worst.at:
                of_class = [one for one in cars if self.classes[one] == self.classes[car]]
                self.place("place", where, row["position"], places(cars, car, cars))
                possible = places(cars, car, of_class)
                self.place("class place", where, row["class_position"], possible)
            if mine.ended is not None:
                behind = charted[car]["behind_ms"][-1]
                expected = mine.ended - self.first_to_complete(mine.laps)
                self.compare("behind at the line", where, behind, expected)
        shown = [(row["lap_time_ms"], row["car"]) for row in views.fastest_laps(race)]
        bests = [(one.fastest, car) for car, one in cars.items() if one.fastest is not None]
        self.compare("fastest laps", clock, sorted(shown), sorted(bests))
        times = [time for time, _ in shown]
        self.compare("order of the fastest laps", clock, times, sorted(times))

    def place(self, what: str, where: str, place: int, possible: range) -> None:
        if len(possible) == 1:
            self.compare(what, where, place, possible[0])
        else:
            self.compare(f"{what}, one of {len(possible)}", where, place in possible, True)

    def first_to_complete(self, lap: int) -> int:
        """When the first car completed a lap (ms)."""
        return min(of_car[lap - 1].ended for of_car in self.laps.values() if len(of_car) >= lap)

    def end_of_lap(self, car: str, lap: int, at: int) -> None:
        """Compare the gap of a car that completes a lap now."""
        rows = views.standings(self.race_at(at))
        row = next(row for row in rows if row["car"] == car)
        if row is rows[0]:
            return
        shown, expected = row["gap"], gap_at_the_line(self.laps, car, lap, rows[0]["car"])
        if expected["laps"] is None and row["position"] > 2:
            self.compared["chained gap"] += 1
            self.compared["chained gap, equal"] += shown == expected
        else:
            self.compare("gap", f"of {car} at the end of lap {lap}", shown, expected)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("session", RACES)
def test_forty_moments(session: str, record_property: Callable[[str, object], None]) -> None:
    """Whatever is shown at forty moments, and of forty cars at the line, is what the file says."""
    of_race, draw = Comparison(session), random.Random(session)
    last = max(of_car[-1].ended for of_car in of_race.laps.values())
    for _ in range(MOMENTS):
        of_race.moment(draw.randrange(1000, last + 60_000))
    completed = [(car, lap) for car, of_car in of_race.laps.items() for lap in of_car[1:]]
    for car, lap in draw.sample(completed, MOMENTS):
        of_race.end_of_lap(car, lap.number, lap.ended)
    record_property("compared", dict(of_race.compared))
    print(f"{session}: {dict(of_race.compared)}, {len(of_race.differences)} different")
    assert of_race.differences == []
