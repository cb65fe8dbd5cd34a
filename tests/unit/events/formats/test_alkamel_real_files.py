"""Every real race: what its files tell as events, against a reading of its own."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from functools import lru_cache
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import median

import pytest

import events as ev
from events import RANK, decode, encode
from events.formats import delimited
from events.formats.alkamel import parse_laps
from replay.importing import import_alkamel
from tests.data import DATA, needs_data, races_as_params


def found(*patterns):
    """The files of these patterns by their paths below the data folder."""
    paths = [path for pattern in patterns for path in sorted(DATA.glob(pattern))]
    return {str(path.relative_to(DATA)): path for path in paths}


RACES = found("imsa/*/*/*-race-laps.csv", "wec/*-laps.csv")
OFFICIAL = [race for race in RACES if "imsa" in race]
QUALIFYING = found("imsa/*/*/*-qualifying-laps.csv")
pytestmark = needs_data

LE_MANS = "wec/2024-le-mans-24h-laps.csv"
COTA = "wec/2025-cota-6h-laps.csv"
PETIT_2022 = "imsa/2022/19-road-atlanta/202210011210-race-laps.csv"
PETIT_2024 = "imsa/2024/19-road-atlanta/202410121210-race-laps.csv"
GLEN_2022 = "imsa/2022/11-watkins-glen-international/202206261040-race-laps.csv"

# Time penalties added to the official totals after the race, in ms.
PENALTIES = {
    ("imsa/2022/19-road-atlanta", "5"): 97_000,
    ("imsa/2022/08-mid-ohio-sports-car-course", "74"): 29_000,
    ("imsa/2022/15-lime-rock-park", "79"): 23_000,
    ("imsa/2024/05-sebring-international-raceway", "77"): 35_000,
    ("imsa/2024/08-weathertech-raceway-laguna-seca", "78"): 30_000,
    ("imsa/2024/12-watkins-glen-international", "70"): 35_000,
}
# Cars of which the official result prints no fastest lap.
NO_FASTEST_LAP = {
    ("imsa/2022/05-sebring-international-raceway", "36"),
    ("imsa/2022/17-virginia-international-raceway", "42"),
    ("imsa/2024/05-sebring-international-raceway", "17"),
    ("imsa/2024/12-watkins-glen-international", "18"),
}


def ms(text):
    """A time of the files in ms, None for none."""
    if not text:
        return None
    total = 0
    for part in text.replace("'", ":").split(":"):
        total = total * 60 + round(float(part) * 1000)
    return total


def rows_of(path):
    """The rows of a table by heading, read the plain way."""
    text = path.read_text(encoding="utf-8-sig")
    separator = ";" if text.partition("\n")[0].count(";") > 5 else ","
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    header = [name.strip() for name in next(rows)]
    return [dict(zip(header, row, strict=False)) for row in rows]


@pytest.fixture(scope="module", params=races_as_params(RACES, RACES.__getitem__) or ["none"])
def race(request):
    """A race; tests go race by race, so that each file is read once."""
    return request.param


@pytest.fixture(scope="module", params=races_as_params(OFFICIAL, RACES.__getitem__) or ["none"])
def official(request):
    """A race with an official result in Al Kamel's format."""
    return request.param


@lru_cache(maxsize=1)
def laps_of(race):
    """Each car's rows in order."""
    cars = defaultdict(list)
    for row in rows_of(RACES[race]):
        cars[row["NUMBER"]].append(row)
    return dict(cars)


def results_path(path):
    """The official result beside a laps file, None where there is none."""
    results = path.with_name(path.name.replace("-laps", "-results"))
    return results if results.exists() else None


@lru_cache(maxsize=1)
def events_of(race):
    """The events of a race and of its official result."""
    return tuple(import_alkamel(RACES[race], results_path(RACES[race])))


def of(race, *models):
    """The events of these types."""
    return [event for event in events_of(race) if isinstance(event, models)]


def by_car(events):
    """Events of cars, by car."""
    cars = defaultdict(list)
    for event in events:
        cars[event.car].append(event)
    return cars


def completed(race):
    """When each car completed its laps."""
    return {
        car: [lap.at for lap in laps] for car, laps in by_car(of(race, ev.LapCompleted)).items()
    }


def cautions(race):
    """Each caution as (start, end, first lap, last lap) of the leader, from the events."""
    periods, start = [], None
    for event in of(race, ev.FlagShown):
        racing = event.flag in ("green", "chequered")
        if start is None and not racing:
            start = event.at
        elif start is not None and racing:
            periods.append((start, event.at))
            start = None
    leader: dict[int, int] = {}
    for laps in completed(race).values():
        for lap, at in enumerate(laps, 1):
            leader[lap] = min(at, leader.get(lap, at))
    given = []
    for start, end in periods:
        under = [lap for lap, at in leader.items() if start <= at < end]
        given.append((start, end, min(under, default=None), max(under, default=None)))
    return given


def test_every_lap_is_reported(race):
    """Every row is a lap at its ELAPSED, with its time, driver and lane, and no other is."""
    given = by_car(of(race, ev.LapCompleted))
    for car, rows in laps_of(race).items():
        assert [
            (e.lap, e.at, e.lap_time_ms, e.driver, e.in_pit_lane, e.basis) for e in given.pop(car)
        ] == [
            (
                int(row["LAP_NUMBER"]),
                ms(row["ELAPSED"]),
                ms(row["LAP_TIME"]),
                row["DRIVER_NAME"],
                row["CROSSING_FINISH_LINE_IN_PIT"] == "B",
                "recorded",
            )
            for row in rows
        ]
    assert not given


def test_elapsed_is_the_sum_of_the_laps_and_the_hour(race):
    """ELAPSED is the sum of the lap times, and HOUR the start plus ELAPSED, past midnight."""
    start = parse_laps(RACES[race].read_text(encoding="utf-8"), race).start_of_day_ms
    for car, rows in laps_of(race).items():
        total = 0
        for row, at in zip(rows, completed(race)[car], strict=True):
            total += ms(row["LAP_TIME"])
            assert at == total
            assert (start + at) % 86_400_000 == ms(row["HOUR"])


def test_every_crossing_is_where_the_sectors_put_it(race):
    """S1 and S2 are timed from the lap's start, or its end; the rest is interpolated between."""
    given: dict[tuple[str, int], dict[str, ev.LinePassed]] = defaultdict(dict)
    for event in of(race, ev.LinePassed):
        assert event.line not in given[event.car, event.lap]
        given[event.car, event.lap][event.line] = event
    for car, rows in laps_of(race).items():
        start = 0
        for row in rows:
            end = ms(row["ELAPSED"])
            sectors = s1, s2, s3 = [ms(row[name]) for name in ("S1", "S2", "S3")]
            first, second = (given[car, int(row["LAP_NUMBER"])][line] for line in ("S1", "S2"))
            assert start < first.at <= second.at < end
            if None not in sectors:
                assert (first.at, second.at) == (start + s1, start + s1 + s2)
                assert {first.basis, second.basis} == {"recorded"}
            else:
                assert first.basis == ("reconstructed" if s1 is None else "recorded")
                assert s1 is None or first.at == start + s1
                assert second.basis == ("reconstructed" if s3 is None else "recorded")
                assert s3 is None or second.at == end - s3
            start = end


def test_laps_totals_and_fastest_laps_are_the_official_ones(official):
    """Laps agree for every car; totals but for penalties; fastest laps wherever one is printed."""
    results = results_path(RACES[official])
    folder = str(Path(official).parent)
    laps = by_car(of(official, ev.LapCompleted))
    unprinted = set()
    for row in rows_of(results):
        car = row["NUMBER"]
        own = laps.pop(car, [])
        assert len(own) == int(row["LAPS"])
        if not own:
            continue
        assert ms(row["TOTAL_TIME"]) - own[-1].at == PENALTIES.get((folder, car), 0)
        if row["FL_TIME"]:
            fastest = min(own, key=lambda lap: lap.lap_time_ms)
            assert (fastest.lap_time_ms, fastest.lap) == (ms(row["FL_TIME"]), int(row["FL_LAPNUM"]))
        else:
            unprinted.add((folder, car))
    assert not laps
    assert unprinted == {known for known in NO_FASTEST_LAP if known[0] == folder}


def test_le_mans_agrees_with_its_official_result():
    """The official result of Le Mans is another format: laps and times agree for all 62 cars."""
    laps = completed(LE_MANS)
    with (DATA / "wec/2024-le-mans-24h-official.csv").open(encoding="utf-8", newline="") as file:
        official = [row for row in csv.DictReader(file, delimiter=";") if row["Pos"] != "RES"]
    assert {row["No"]: (int(row["Laps"]), ms(row["Time"])) for row in official} == {
        car: (len(own), own[-1]) for car, own in laps.items()
    }
    assert len(official) == 62


def test_the_official_result_is_reported_as_it_stands(official):
    """ResultDeclared has the official rows in order, and the entries their vehicles and crews."""
    results = results_path(RACES[official])
    [result] = of(official, ev.ResultDeclared)
    assert (result.status, result.rows_basis, result.at) == (
        "final",
        "published",
        events_of(official)[-1].at,
    )
    assert [(r.car, r.car_class, r.laps, r.total_ms, r.best_lap_ms) for r in result.rows] == [
        (r["NUMBER"], r["CLASS"], int(r["LAPS"]), ms(r["TOTAL_TIME"]), ms(r["FL_TIME"]))
        for r in rows_of(results)
    ]
    assert [row.position for row in result.rows] == list(range(1, len(result.rows) + 1))
    entries = {entry.car: entry for entry in of(official, ev.EntryAdded)}
    for row in rows_of(results):
        crew = [
            f"{row[f'DRIVER{seat}_FIRSTNAME']} {row[f'DRIVER{seat}_SECONDNAME']}".strip()
            for seat in range(1, 7)
            if row.get(f"DRIVER{seat}_SECONDNAME")
        ]
        entry = entries.pop(row["NUMBER"])
        assert (entry.vehicle, entry.car_class) == (row["VEHICLE"], row["CLASS"])
        assert [driver.name for driver in entry.drivers] == crew
    assert not entries


def test_flags_are_those_of_the_crossings_of_all_cars(race):
    """A flag is shown where the crossings of all cars, in order, first show another."""
    readings = sorted(
        (ms(row["ELAPSED"]), row["FLAG_AT_FL"]) for rows in laps_of(race).values() for row in rows
    )
    names = {"GF": "green", "FCY": "fcy", "SF": "safety_car", "RF": "red", "FF": "chequered"}
    changes = [readings[0]] + [
        later for earlier, later in pairwise(readings) if later[1] != earlier[1]
    ]
    expected = [(at, names[flag]) for at, flag in changes]
    if expected[0][1] == "green":
        expected[0] = (0, "green")
    assert [(event.at, event.flag) for event in of(race, ev.FlagShown)] == expected
    assert expected[-1][1] == "chequered"


def test_the_chequered_flag_falls_for_the_winner(race):
    """The first FF is the crossing at which the most laps are first completed."""
    laps = completed(race).values()
    most = max(map(len, laps))
    winner = min(own[-1] for own in laps if len(own) == most)
    assert of(race, ev.FlagShown)[-1].at == winner


@pytest.mark.parametrize(
    ("race", "under"),
    [
        (
            PETIT_2022,
            [
                *[(27, 32), (61, 66), (69, 77), (105, 112), (134, 139), (172, 177)],
                *[(294, 299), (391, 397), (421, 422)],
            ],
        ),
        (PETIT_2024, [(17, 21), (50, 55), (66, 68), (179, 188), (405, 413)]),
    ],
)
def test_the_cautions_at_road_atlanta(race, under):
    """Nine cautions in 2022 and five in 2024, by the leader's laps."""
    assert [(first, last) for _, _, first, last in cautions(race)] == under


def test_the_cautions_at_le_mans():
    """Eight cautions, of which five fall between two crossings of the leader."""
    given = cautions(LE_MANS)
    assert len(given) == 8
    assert sum(first is None for _, _, first, _ in given) == 5


def test_le_mans_crosses_midnight():
    """The 24 hours begin at 16:00:26.602 and run past midnight without a break in the clock."""
    laps = parse_laps(RACES[LE_MANS].read_text(encoding="utf-8"), LE_MANS)
    assert laps.start_of_day_ms == ms("16:00:26.602")
    ends = [own[-1] for own in completed(LE_MANS).values()]
    assert max(ends) > 86_400_000
    assert of(LE_MANS, ev.LinePassed)[-1].at > 86_400_000


def test_a_red_flag_is_reported():
    """COTA 2025 was stopped: its red flag stands on the crossings before the stop."""
    assert "red" in [event.flag for event in of(COTA, ev.FlagShown)]


def test_every_visit_to_the_lane_is_where_it_can_have_been(race):
    """Entry after the in-lap's S2, exit by the out-lap's S1, PIT_TIME between; none overlap."""
    lines = {(e.car, e.lap, e.line): e.at for e in of(race, ev.LinePassed)}
    passes = by_car(of(race, ev.PitEntered, ev.PitExited))
    for car, rows in laps_of(race).items():
        given = [(event.type, event.at) for event in passes.pop(car, [])]
        assert [kind for kind, _ in given] == ["pit_entered", "pit_exited"] * (len(given) // 2) + [
            "pit_entered"
        ] * (len(given) % 2)
        assert all(one <= other for (_, one), (_, other) in pairwise(given))
        pairs = [(given[i][1], given[i + 1][1]) for i in range(0, len(given) - 1, 2)]
        finishes = [ms(row["ELAPSED"]) for row in rows]
        for before, row, finish in zip(rows, rows[1:], finishes, strict=False):
            if before["CROSSING_FINISH_LINE_IN_PIT"] != "B" or not row["PIT_TIME"]:
                continue
            lap, pit_time = int(row["LAP_NUMBER"]), ms(row["PIT_TIME"])
            out = min(finish + pit_time, lines[car, lap, "S1"])
            pairs.remove((out - pit_time, out))
            assert lines[car, lap - 1, "S2"] < out - pit_time <= finish <= out
        # The others are inside a lap, or of no known length.
        for entered, exited in pairs:
            spans = [
                ms(row["PIT_TIME"])
                for start, row, end in zip([0, *finishes], rows, finishes, strict=False)
                if start <= entered and exited <= end
            ]
            assert spans[0] in (None, exited - entered)
        if len(given) % 2:
            assert rows[-1]["CROSSING_FINISH_LINE_IN_PIT"] == "B"
            assert given[-1] == ("pit_entered", finishes[-1])
    assert not passes


@pytest.mark.slow
def test_how_many_visits_there_are():
    """All 6,678 visits across the line and 93 inside a lap are told, and 3 of unknown length."""
    across = inside = lengths = 0
    for race in RACES:
        for rows in laps_of(race).values():
            for before, row in zip([{}, *rows], rows, strict=False):
                in_lane = before.get("CROSSING_FINISH_LINE_IN_PIT") == "B"
                across += in_lane and row["PIT_TIME"] != ""
                inside += not in_lane and row["PIT_TIME"] != ""
        given = by_car(of(race, ev.PitEntered, ev.PitExited)).values()
        lengths += sum(len(own) // 2 for own in given)
    unknown = 3
    assert (across, inside, lengths) == (6_678, 93, 6_678 + 93 + unknown)


def test_cars_brought_in_under_a_red_flag():
    """At the Glen in 2022 they stood in the lane for an hour, and came in once, not twice."""
    stood = [
        (own[i].at, own[i + 1].at)
        for own in by_car(of(GLEN_2022, ev.PitEntered, ev.PitExited)).values()
        for i in range(0, len(own) - 1, 2)
        if own[i + 1].at - own[i].at > 3_500_000 and own[i].at > 16_000_000
    ]
    assert len(stood) == 40
    cautioned = max(cautions(GLEN_2022), key=lambda caution: caution[1] - caution[0])
    assert all(cautioned[0] < entered < exited < cautioned[1] for entered, exited in stood)


def test_drivers_change_where_the_rows_do(race):
    """The driver at the wheel after each change is who the rows name, lap by lap."""
    changes = by_car(of(race, ev.DriverChanged))
    for car, rows in laps_of(race).items():
        expected: list[tuple[int, str]] = []
        start = 0
        for row in rows:
            if not expected or row["DRIVER_NAME"] != expected[-1][1]:
                expected.append((start, row["DRIVER_NAME"]))
            start = ms(row["ELAPSED"])
        assert [(event.at, event.driver) for event in changes[car]] == expected


def test_a_retirement_is_never_reported_early(race):
    """The cars that never took the flag, and no others, three median laps overdue."""
    chequered = of(race, ev.FlagShown)[-1].at
    classes: dict[str, list[int]] = defaultdict(list)
    for rows in laps_of(race).values():
        classes[rows[0]["CLASS"]] += [ms(row["LAP_TIME"]) for row in rows]
    retired = {event.car: event.at for event in of(race, ev.CarRetired)}
    expected = {}
    for car, rows in laps_of(race).items():
        last = ms(rows[-1]["ELAPSED"])
        if rows[-1]["FLAG_AT_FL"] != "FF":
            assert last < chequered
            expected[car] = last + ceil(4 * median(classes[rows[0]["CLASS"]]))
    assert retired == expected


def test_events_are_in_order_numbered_and_sound(race):
    """Events go by time, rank and car, numbered from 0; each reads back as it was written."""
    events = events_of(race)
    assert [event.source_seq for event in events] == list(range(len(events)))
    assert {event.source for event in events} == {"alkamel"}
    keys = [(event.at, RANK[type(event)], getattr(event, "car", "")) for event in events]
    assert all(one <= other for one, other in pairwise(keys))
    assert (events[0].type, events[-1].type) == ("session_opened", "session_ended")
    for event in events:
        written = encode(event)
        again = decode(written)
        assert again == event
        assert encode(again) == written


def test_both_ways_to_read_a_table_agree(race, monkeypatch):
    """The quick way through an even table gives what a csv reader gives."""
    text = RACES[race].read_bytes().decode()
    quick = parse_laps(text, race)
    monkeypatch.setattr(delimited, "_even_columns", lambda *_: None)
    assert parse_laps(text, race) == quick


@pytest.mark.parametrize("session", QUALIFYING or ["none"])
def test_qualifying_comes_through(session):
    """A qualifying file gives each car's best lap where the official result prints one."""
    path = QUALIFYING[session]
    results = results_path(path)
    events = import_alkamel(path, results)
    best: dict[str, int] = {}
    for event in events:
        if isinstance(event, ev.LapCompleted) and event.lap_time_ms is not None:
            best[event.car] = min(event.lap_time_ms, best.get(event.car, event.lap_time_ms))
    opened = events[0]
    assert isinstance(opened, ev.SessionOpened)
    assert opened.kind == "qualifying"
    assert not any(isinstance(event, ev.CarRetired) for event in events)
    printed = {row["NUMBER"]: ms(row["TIME"]) for row in rows_of(results) if row["TIME"]}
    # Laps are taken away from a car (track limits, causing a red flag), never given to it.
    assert all(best[car] <= time for car, time in printed.items())
    agreeing = sum(best[car] == time for car, time in printed.items())
    assert agreeing >= 0.8 * len(printed)
