"""Recorded RMonitor feeds as sessions: the real captures, against a reading of their own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from events import EntryAdded, Event, FlagShown, LapCompleted, LapTimeDeleted, SessionOpened
from events.errors import BadTimingFile
from projections import views
from projections.race import Race
from projections.results.classification import classify
from replay.rmonitor import import_rmonitor
from tests.builders import race_of
from tests.data import DATA, needs_data
from tests.rmonitor import OPENING, beat, doubled, g, j

CAPTURES = {path.stem: path for path in sorted((DATA / "rmonitor").glob("*.*"))}
START, MISSING, RESET = "TestStart", "TestMissingLaps", "TestAbnormalReset"
FINISH = "event-finish-with-reset"


class FeedRow(NamedTuple):
    """A row of the feed's own running order; laps less those taken away, total in ms."""

    position: int
    car: str
    laps: int
    total: int


def ms(text: str) -> int:
    """A time of the feed."""
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def lines_of(name: str) -> Iterator[list[str]]:
    """The lines of a capture, read the plain way."""
    for line in CAPTURES[name].read_text("utf-8-sig").replace("\r", "\n").split("\n"):
        if line.startswith("$"):
            yield next(csv.reader([line], skipinitialspace=True))


def feed_order(name: str) -> list[list[FeedRow]]:
    """The feed's own last order of each of its runs."""
    runs: list[str] = []
    rows: list[dict[str, FeedRow]] = [{}]
    for cells in lines_of(name):
        if cells[0] == "$B" and cells[1] not in runs:
            if runs:
                rows.append({})
            runs.append(cells[1])
        elif cells[0] == "$G":
            row = FeedRow(int(cells[1]), cells[2], int(cells[3] or 0), ms(cells[4]))
            # A car of a second, empty entry: no laps follow after some.
            if row.total or not rows[-1].get(row.car, row).total:
                rows[-1][row.car] = row
    return [sorted(run.values()) for run in rows]


def feed_bests(name: str) -> list[dict[str, tuple[int, int]]]:
    """The feed's own last best lap of each car, number and time, of each of its runs."""
    runs: list[str] = []
    bests: list[dict[str, tuple[int, int]]] = [{}]
    twice = entered_twice(name)
    for cells in lines_of(name):
        if cells[0] == "$B" and cells[1] not in runs:
            if runs:
                bests.append({})
            runs.append(cells[1])
        elif cells[0] == "$H":
            best = int(cells[3]), ms(cells[4])
            if best[1] or cells[2] not in twice:
                bests[-1][cells[2]] = best
    return bests


def entered_twice(name: str) -> set[str]:
    """Cars with two lines of $A: the second entry is empty, and has no laps."""
    entries: dict[str, set[str]] = {}
    for cells in lines_of(name):
        if cells[0] == "$A":
            entries.setdefault(cells[1], set()).add(cells[3])
    return {car for car, transponders in entries.items() if "" in transponders}


@lru_cache
def runs_of(name: str) -> list[list[Event]]:
    """What a capture tells."""
    return import_rmonitor(CAPTURES[name])


@lru_cache
def races_of(name: str) -> list[Race]:
    """The races of a capture, run by run."""
    return [race_of(events) for events in runs_of(name)]  # type: ignore[arg-type]


def taken(race: Race, car: str) -> int:
    """Laps taken away from the car."""
    return sum(
        penalty.amount or 0
        for penalty in race.stewards.standing().get(car, ())
        if penalty.kind == "laps"
    )


def net_laps(race: Race, car: str) -> int:
    """Laps completed, less those taken away."""
    return race.order.laps.get(car, 0) - taken(race, car)


# -- The captures ------------------------------------------------------------------------

AHEAD_OF_ITS_FEED = {(RESET, "91")}
"""The capture ends between a crossing of this car and its standing."""


@needs_data
@pytest.mark.parametrize("name", CAPTURES)
class TestCaptures:
    """Each capture, whatever it is of."""

    def test_runs(self, name: str) -> None:
        """Each run is a session, opened once at 0 and numbered from 0 without a gap."""
        assert len(runs_of(name)) == (2 if name == FINISH else 1)
        for events in runs_of(name):
            assert isinstance(events[0], SessionOpened)
            assert [event.source_seq for event in events] == list(range(len(events)))

    def test_each_lap_once(self, name: str) -> None:
        """No lap is told twice, through all refreshes, and times at the line increase."""
        for events, race in zip(runs_of(name), races_of(name), strict=True):
            assert doubled(events) == []
            for passings in race.order.passings.values():
                assert all(before <= after for before, after in pairwise(passings))

    def test_laps_and_totals_are_the_feeds(self, name: str) -> None:
        """At the end of each run every car has the laps and the total that the feed has."""
        for race, rows in zip(races_of(name), feed_order(name), strict=True):
            for row in rows:
                if (name, row.car) in AHEAD_OF_ITS_FEED:
                    assert net_laps(race, row.car) == row.laps + 1
                    continue
                assert net_laps(race, row.car) == row.laps
                if row.car in race.order.laps:
                    assert race.order.last_seen(row.car) == row.total

    def test_the_order_is_the_feeds(self, name: str) -> None:
        """At the end of each run the order of all cars that completed a lap is the feed's.

        Two things differ, and are no differences: the running order is that on the road,
        before laps are taken away, as the feed's is after; and cars without a lap follow
        by number, where the feed has the order in which they were entered.
        """
        for race, rows in zip(races_of(name), feed_order(name), strict=True):
            order = race.order.cars()
            feed = [row.car for row in rows if row.car in race.order.laps]
            ours = [car for car in order if car in race.order.laps]
            punished = {car for car in order if taken(race, car)}
            assert [car for car in ours if car not in punished] == [
                car for car in feed if car not in punished
            ]
            ours.sort(key=lambda car: (-net_laps(race, car), race.order.last_seen(car)))
            assert ours == feed
            assert order[len(ours) :] == [car for car in order if car not in race.order.laps]

    def test_the_results_are_the_feeds(self, name: str) -> None:
        """At the end of each run the result has the cars in the feed's order, with its laps.

        It differs in one point: no car has fewer than no laps in a result, so that a car of which
        more laps were taken away than it drove is not placed by how many more; the feed has
        them last, behind cars that did not start.
        """
        for race, rows in zip(races_of(name), feed_order(name), strict=True):
            ahead = [row.car for row in rows if (name, row.car) in AHEAD_OF_ITS_FEED]
            feed = [(row.car, row.laps) for row in rows if row.laps > 0 and row.car not in ahead]
            ours = [(row.car, row.laps) for row in classify(race) if row.laps]
            assert [one for one in ours if one[0] not in ahead] == feed

    def test_best_laps_are_the_feeds(self, name: str) -> None:
        """At the end of each run every car has the best lap that the feed has, or none as there.

        There are no differences: laps of before the capture are reported best laps.
        """
        for race, bests in zip(races_of(name), feed_bests(name), strict=True):
            ours = {car: (best.lap, best.ms) for car, best in race.laps.best.items()}
            assert ours == {car: best for car, best in bests.items() if best[1]}

    def test_no_lap_time_is_withdrawn(self, name: str) -> None:
        """No capture withdraws a best lap; a stale line, or one of a second entry, does not."""
        for events in runs_of(name):
            assert [event for event in events if isinstance(event, LapTimeDeleted)] == []

    def test_entries_and_classes(self, name: str) -> None:
        """Every car is entered, in the class that the feed's last list has it in."""
        [classes, entries] = [{}, {}]
        for cells in lines_of(name):
            if cells[0] == "$C":
                classes[cells[1]] = cells[2]
            elif cells[0] == "$A":
                entries[cells[1]] = cells[7]
        race = races_of(name)[-1]
        assert {car: entry.car_class for car, entry in race.session.entries.items()} == {
            car: classes[number] for car, number in entries.items()
        }
        assert set(race.session.opened.classes) == {found for found in classes.values() if found}

    def test_views(self, name: str) -> None:
        """The tables can be asked of each run."""
        for race in races_of(name):
            assert len(views.standings(race)) == len(race.session.entries)
            views.results(race)

    def test_again(self, name: str) -> None:
        """The same capture tells the same events."""
        assert import_rmonitor(CAPTURES[name]) == runs_of(name)


@needs_data
class TestTheStart:
    """Road America, from before the start to the first lap, with a false start."""

    def test_flags(self) -> None:
        """The clock was started again, under yellow; the race went green at 52 s."""
        flags = [event for event in runs_of(START)[0] if isinstance(event, FlagShown)]
        assert [(event.flag, event.at) for event in flags] == [("yellow", 0), ("green", 52_000)]

    def test_started_at(self) -> None:
        """The session began at 8:59:59 local time, by the clock that was started again."""
        [race] = races_of(START)
        assert race.session.opened.starts_at is not None
        assert race.session.opened.starts_at.isoformat() == "2025-04-26T08:59:59-05:00"
        assert race.session.opened.time_limit_ms == 8 * 3_600_000

    def test_grid(self) -> None:
        """The grid is the order over the start line."""
        crossed = {cells[1]: ms(cells[3]) for cells in lines_of(START) if cells[0] == "$J"}
        starts = {
            cells[1]: ms(cells[3])
            for cells in lines_of(START)
            if cells[0] == "$J" and ms(cells[2]) == 0
        }
        [race] = races_of(START)
        assert list(race.session.grid) == sorted(starts, key=lambda car: (starts[car], car))
        assert crossed.keys() == starts.keys()

    def test_best_laps(self) -> None:
        """Each car's best lap is the one that the feed's own order of best laps has."""
        bests = {cells[2]: cells for cells in lines_of(START) if cells[0] == "$H"}
        [race] = races_of(START)
        for car, cells in bests.items():
            best = race.laps.best.get(car)
            assert (
                (best.lap, best.ms) == (int(cells[3]), ms(cells[4])) if best else (cells[3] == "0")
            )


@needs_data
class TestMissingLaps:
    """Road America again, where the feed lost laps and refreshed itself over and over."""

    def test_a_lap_without_a_crossing(self) -> None:
        """Of lap 8 of car 286 only a standing told: its time is between the totals."""
        lap = next(
            event
            for event in runs_of(MISSING)[0]
            if isinstance(event, LapCompleted) and (event.car, event.lap) == ("286", 8)
        )
        assert (lap.at, lap.lap_time_ms) == (1_411_504, 172_476)

    def test_a_lap_that_the_feed_forgot(self) -> None:
        """Lap 8 of car 484 stands, though 13 refreshes had it at 7 for three minutes."""
        found = [
            (event.lap, event.lap_time_ms)
            for event in runs_of(MISSING)[0]
            if isinstance(event, LapCompleted) and event.car == "484"
        ]
        assert found[-3:] == [(8, 174_672), (9, 177_475), (10, 178_345)]

    def test_laps_taken_away_before_the_start(self) -> None:
        """Twelve cars began with laps taken away, one with 34 of them."""
        [race] = races_of(MISSING)
        punished = {car: taken(race, car) for car in race.order.cars() if taken(race, car)}
        assert punished == {
            "9": 1,
            "29": 34,
            "37": 1,
            "44": 3,
            "92": 21,
            "99": 9,
            "101": 1,
            "303": 7,
            "461": 4,
            "617": 4,
            "707": 3,
            "770": 3,
        }


@needs_data
class TestTheFinish:
    """Barber: the first minutes, the last, and the run that the timing went on to."""

    def test_the_winner(self) -> None:
        """Car 60 wins by 47 ms, after crossings that were put right, and both are finished."""
        race = races_of(FINISH)[0]
        assert race.order.cars()[:2] == ["60", "58"]
        assert race.order.gap("60", "58", race.at) == (None, 47)
        assert {"60", "58"} <= race.order.finished.keys()
        assert race.session.ended_at is not None

    def test_the_result_is_the_feeds(self) -> None:
        """The classification, laps taken away and all, is the feed's last order."""
        for race, rows in zip(races_of(FINISH), feed_order(FINISH), strict=True):
            classified = [(row.car, row.laps) for row in classify(race)]
            assert classified == [(row.car, row.laps) for row in rows][: len(classified)]

    def test_two_laps_taken_away(self) -> None:
        """Car 119 lost two laps after the flag, on its way to it."""
        race = races_of(FINISH)[0]
        assert taken(race, "119") == 2
        assert race.order.laps["119"] == 236

    def test_one_flag_each(self) -> None:
        """Yellow, green and chequered are each told once, through five cleared boards."""
        flags = [event.flag for event in runs_of(FINISH)[0] if isinstance(event, FlagShown)]
        assert flags == ["yellow", "green", "chequered"]

    def test_the_next_run(self) -> None:
        """The run behind it is a session of its own, with the same cars."""
        first, second = races_of(FINISH)
        assert second.session.opened.provenance == "RMonitor feed, run 95"
        assert second.session.entries.keys() == first.session.entries.keys()


# -- Files -------------------------------------------------------------------------------


def test_a_recording(tmp_path: Path) -> None:
    """A recording is imported with what was received before its end, cut lines left out."""
    file = tmp_path / "feed.txt"
    lines = [*OPENING, beat(1), "##2025-04-26 15:00:31.222", g("7", 1, 90_000), "$G,1"]
    file.write_text("\r\n".join([*lines, j("7", 80_000, 170_000)]))
    [events] = import_rmonitor(file)
    race = race_of(events)  # type: ignore[arg-type]
    assert race.order.laps == {"7": 2}
    assert sum(isinstance(event, EntryAdded) for event in events) == 3


@pytest.mark.parametrize("text", ["", "LAP;TIME\n1;2\n", "\x00\x01\n"])
def test_no_recording(tmp_path: Path, text: str) -> None:
    """A file without one record is refused, by its name."""
    file = tmp_path / "laps.csv"
    file.write_text(text)
    with pytest.raises(BadTimingFile, match=r"laps\.csv:1: no line is an RMonitor record"):
        import_rmonitor(file)


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(BadTimingFile, match="cannot be read: No such file"):
        import_rmonitor(tmp_path / "feed.txt")
