"""What Al Kamel files in the small tell, as events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from events import RANK, decode, encode
from events.errors import BadTimingFile
from events.formats.alkamel import parse_laps
from events.formats.alkamel_events import session_events
from events.formats.alkamel_results import parse_results
from tests.alkamel import Lap, car, laps_text, result_row, result_text

IN_LANE = Lap(None, None, None, time=2_400_000, b=True)
"""Pushed over the finish line in the lane."""


def events_of(*cars, results=None, **members):
    """The events of a race of these cars."""
    laps = parse_laps(laps_text(*cars), "laps.csv")
    parsed = parse_results(results, "result.csv") if results else None
    return session_events(laps, parsed, **{"title": "A race", **members})


def of(model, events, car=None):
    """The events of one type, and of one car."""
    chosen = [event for event in events if isinstance(event, model)]
    return chosen if car is None else [event for event in chosen if event.car == car]


def lines(events, car="7"):
    """Every crossing of S1 and S2 as (lap, line, at, basis)."""
    passed = of(ev.LinePassed, events, car)
    return [(event.lap, event.line, event.at, event.basis) for event in passed]


def visits(events, car="7"):
    """The car's visits to the lane as (entered, exited) in turn."""
    passes = of((ev.PitEntered, ev.PitExited), events, car)
    assert {event.basis for event in passes} <= {"reconstructed"}
    return [(event.type.removeprefix("pit_"), event.at) for event in passes]


def flags(events):
    """Every flag as (at, flag, basis)."""
    return [(event.at, event.flag, event.basis) for event in of(ev.FlagShown, events)]


def test_a_lap_is_three_crossings():
    """A lap with all its sectors is S1, S2 and the finish line, as timed."""
    events = events_of(car("7", Lap(), Lap(driver=2)))
    assert lines(events) == [
        (1, "S1", 20_000, "recorded"),
        (1, "S2", 50_000, "recorded"),
        (2, "S1", 80_000, "recorded"),
        (2, "S2", 110_000, "recorded"),
    ]
    first, second = of(ev.LapCompleted, events)
    assert (first.lap, first.at, first.lap_time_ms, first.driver) == (
        1,
        60_000,
        60_000,
        "Ann DE VRIES",
    )
    assert (second.lap, second.at, second.driver, second.basis) == (
        2,
        120_000,
        "Bo Čech",
        "recorded",
    )


def test_the_session_is_reported_with_its_frame():
    """Title, kind, classes fastest first, lines, rules, start and files stand in the opening."""
    start = datetime(2024, 6, 15, 14, 0, 26, 602_000, UTC)
    events = events_of(
        car("7", Lap(), car_class="GT"),
        car("1", Lap(s1=5_000), car_class="PROTO"),
        results=result_text(
            result_row(1, "1", 1, 45_000),
            result_row(2, "7", 1, 60_000),
            result_row(3, "9", 0, None, car_class="CUP"),
        ),
        rules="wec-2024",
        starts_at=start,
        zone="Europe/Paris",
    )
    opened = events[0]
    assert (opened.type, opened.at, opened.title, opened.kind) == (
        "session_opened",
        0,
        "A race",
        "race",
    )
    assert opened.classes == ("PROTO", "GT", "CUP")
    assert opened.timing_lines == ("S1", "S2", "FL")
    assert (opened.rules, opened.starts_at, opened.zone) == ("wec-2024", start, "Europe/Paris")
    assert opened.provenance == "Al Kamel timing: laps.csv, result.csv"
    assert events[-1].type == "session_ended"


def test_entries_from_the_laps_alone():
    """Without a result, a car has the drivers who drove, and no vehicle."""
    [entry] = of(ev.EntryAdded, events_of(car("007", Lap(), Lap(driver=3))))
    assert (entry.car, entry.car_class, entry.team, entry.manufacturer) == (
        *("007", "GT", "Team A", "Make A"),
    )
    assert [(d.number, d.name) for d in entry.drivers] == [(1, "Ann DE VRIES"), (3, "Cy O'Neil")]
    assert entry.vehicle is None


def test_a_result_adds_cars_vehicles_and_drivers():
    """A result knows cars without laps, what the cars are, and drivers who did not drive."""
    result = result_text(
        result_row(1, "7", 1, 60_000, crew=[("Ann", "DeVries"), ("Bo", "Čech")]),
        result_row(None, "9", 0, None, status="Not started"),
    )
    first, second = of(ev.EntryAdded, events_of(car("7", Lap()), results=result))
    assert (first.vehicle, first.manufacturer) == ("Car A", "Make A")
    # The laps name the driver at the wheel, so theirs is the name.
    assert [(d.number, d.name, d.rating) for d in first.drivers] == [
        (1, "Ann DE VRIES", "Gold"),
        (2, "Bo Čech", "Gold"),
    ]
    assert (second.car, second.car_class, second.team, second.vehicle) == (
        "9",
        "GT",
        "Team A",
        "Car A",
    )


@pytest.mark.parametrize(
    ("laps", "result", "subclass"),
    [("P/A", "", "P/A"), ("", "B", "B"), ("P/A", "B", "P/A"), (" ", "", None)],
    ids=["laps", "result", "both", "neither"],
)
def test_a_group_is_a_subclass(laps, result, subclass):
    """GROUP is the sub-class of the entry, by the laps, else by the result."""
    results = result_text(result_row(1, "7", 1, 60_000, group=result))
    [entry] = of(ev.EntryAdded, events_of(car("7", Lap(), group=laps), results=results))
    assert entry.subclass == subclass


def test_the_official_result_is_reported_and_never_read():
    """The result is declared as published at the end; nothing else depends on it."""
    cars = car("7", Lap(), Lap(flag="FF")), car("8", Lap(20_500))
    rows = result_row(1, "7", 2, 120_000, best=(1, 60_000)), result_row(2, "8", 1, 60_500)
    swapped = (
        result_row(1, "8", 1, 160_500, status="Disqualified"),
        result_row(2, "7", 0, 90_000, status="Not classified"),
    )
    events, other = (events_of(*cars, results=result_text(*order)) for order in (rows, swapped))
    [declared] = of(ev.ResultDeclared, events)
    assert (declared.status, declared.rows_basis, declared.basis) == (
        "final",
        "published",
        "published",
    )
    assert declared.at == events[-1].at
    assert "result.csv" in declared.rests_on
    assert [row.car for row in declared.rows] == ["7", "8"]
    assert declared.rows[0].best_lap_ms == 60_000
    ignoring = ev.ResultDeclared, ev.EntryAdded
    assert [e for e in events if not isinstance(e, ignoring)] == [
        e for e in other if not isinstance(e, ignoring)
    ]


@pytest.mark.parametrize(
    ("lap", "expected"),
    [
        # S1 missed (S1 and S2 blank): S2 from the lap's end, S1 before it by the split.
        (Lap(None, None, 10_000, time=70_000), [("S1", 24_000, "r"), ("S2", 60_000, "t")]),
        # S2 missed (S2 and S3 blank): S2 between S1 and the end by the split.
        (Lap(25_000, None, None, time=65_000), [("S1", 25_000, "t"), ("S2", 55_000, "r")]),
        (Lap(None, None, None, time=120_000), [("S1", 40_000, "r"), ("S2", 100_000, "r")]),
        (Lap(None, 30_000, 10_000, time=60_000), [("S1", 20_000, "t"), ("S2", 50_000, "t")]),
        (Lap(20_000, 30_000, None, time=60_000), [("S1", 20_000, "t"), ("S2", 50_000, "t")]),
        (Lap(20_000, None, 10_000, time=60_000), [("S1", 20_000, "t"), ("S2", 50_000, "t")]),
    ],
    ids=["S1 and S2", "S2 and S3", "all", "S1", "S3", "S2"],
)
def test_a_missed_loop(lap, expected):
    """A crossing is timed where a sector or the lap's end gives it, else interpolated."""
    events = events_of(car("7", Lap(), Lap(), Lap(21_000), lap))
    basis = {"t": "recorded", "r": "reconstructed"}
    start = 60_000 + 60_000 + 61_000
    # The car's median split is 20/60 and 50/60 of a lap.
    assert lines(events)[-2:] == [(4, line, start + at, basis[how]) for line, at, how in expected]


def test_a_car_whose_loops_always_missed_it():
    """The field's median split serves a car without one of its own."""
    events = events_of(car("7", Lap(None, None, None, time=120_000)), car("8", Lap(), Lap()))
    assert lines(events) == [
        (1, "S1", 40_000, "reconstructed"),
        (1, "S2", 100_000, "reconstructed"),
    ]


def test_a_race_without_sectors():
    """Where no sector was ever timed there are laps alone."""
    events = events_of(car("7", Lap(None, None, None, time=60_000)))
    assert events[0].timing_lines == ("FL",)
    assert lines(events) == []
    assert len(of(ev.LapCompleted, events)) == 1


def test_a_pit_stop_that_is_over_before_s1():
    """The exit is at the finish crossing + PIT_TIME where that is before the out-lap's S1."""
    events = events_of(car("7", Lap(b=True), Lap(s1=50_000, pit=40_000)))
    assert visits(events) == [("entered", 60_000), ("exited", 100_000)]
    assert [event.in_pit_lane for event in of(ev.LapCompleted, events)] == [True, False]


def test_a_pit_stop_that_must_be_over_by_s1():
    """The exit is at the out-lap's S1 at the latest, the entry PIT_TIME before it."""
    events = events_of(car("7", Lap(s3=30_000, b=True), Lap(s1=25_000, pit=40_000)))
    assert visits(events) == [("entered", 65_000), ("exited", 105_000)]
    s2_of_the_in_lap = 50_000
    assert s2_of_the_in_lap < 65_000


def test_a_pit_stop_longer_than_a_lap():
    """A stop in the garage is as long as it is, and may exceed the laps around it."""
    events = events_of(car("7", Lap(s3=10_000, b=True), Lap(s1=3_600_000, pit=3_605_000), Lap()))
    assert visits(events) == [("entered", 55_000), ("exited", 3_660_000)]


def test_two_stops_on_successive_laps():
    """A B on an out-lap is a second visit."""
    out_in = Lap(s1=40_000, pit=30_000, b=True)
    events = events_of(car("7", Lap(b=True), out_in, Lap(s1=45_000, pit=20_000)))
    assert [at for _, at in visits(events)] == [60_000, 90_000, 140_000, 160_000]


def test_a_visit_of_unknown_length():
    """Without PIT_TIME a visit lasts from the finish crossing to the out-lap's S1 at most."""
    events = events_of(car("7", Lap(b=True), Lap()))
    assert visits(events) == [("entered", 60_000), ("exited", 80_000)]


def test_a_car_that_ends_in_the_lane():
    """A final B has an entry, at the finish crossing at the latest, and no exit."""
    assert visits(events_of(car("7", Lap(), Lap(b=True)))) == [("entered", 120_000)]


@pytest.mark.parametrize(
    ("laps", "expected"),
    [
        ([Lap(b=True), IN_LANE], [("entered", 60_000)]),
        ([Lap(b=True), IN_LANE, IN_LANE], [("entered", 60_000)]),
        ([Lap(b=True), IN_LANE, Lap()], [("entered", 60_000), ("exited", 2_480_000)]),
    ],
    ids=["to the end", "over three lines", "without PIT_TIME"],
)
def test_a_car_that_did_not_leave_the_lane(laps, expected):
    """Crossings in the lane without a sector between them are of one visit."""
    assert visits(events_of(car("7", *laps))) == expected


def test_a_start_from_the_pit_lane():
    """PIT_TIME on lap 1 is the time in the lane after the start."""
    events = events_of(car("7", Lap(s1=95_000, pit=34_848), Lap()))
    assert visits(events) == [("entered", 0), ("exited", 34_848)]


def test_a_start_from_the_pit_lane_and_a_stop():
    """A B on lap 1 after a start from the lane is a stop where a PIT_TIME follows."""
    events = events_of(car("7", Lap(s1=60_000, pit=45_000, b=True), Lap(s1=50_000, pit=30_000)))
    assert [at for _, at in visits(events)] == [0, 45_000, 100_000, 130_000]


@pytest.mark.parametrize("b", [False, True])
def test_a_visit_inside_a_lap(b):
    """Under a red flag cars stood in the lane between two lines; a B is of that visit."""
    red = Lap(s1=44_000, s2=3_881_845, s3=82_155, pit=3_574_362, b=b)
    events = events_of(car("01", Lap(), red, Lap()))
    entered, exited = (at for _, at in visits(events, "01"))
    assert exited - entered == 3_574_362
    middle = 60_000 + 44_000 + 3_881_845 // 2
    assert (entered + exited) // 2 == pytest.approx(middle, abs=1)
    assert [event.in_pit_lane for event in of(ev.LapCompleted, events)] == [False, b, False]


def test_a_visit_inside_a_lap_and_a_stop_after_it():
    """The B of a lap with a visit inside it is a stop of its own where a PIT_TIME follows."""
    red = Lap(s1=20_000, s2=1_000_000, s3=40_000, pit=900_000, b=True)
    events = events_of(car("7", red, Lap(s1=60_000, pit=50_000)))
    assert [kind for kind, _ in visits(events)] == ["entered", "exited"] * 2
    assert visits(events)[2:] == [("entered", 1_060_000), ("exited", 1_110_000)]


def test_a_visit_inside_a_lap_without_sectors():
    """A visit longer than every stretch between lines is in the middle of the lap."""
    lap = Lap(None, None, None, time=300_000, pit=150_000, b=True)
    events = events_of(car("7", Lap(), lap, Lap(s1=30_000, pit=26_000)))
    assert visits(events) == [
        ("entered", 135_000),
        ("exited", 285_000),
        ("entered", 360_000),
        ("exited", 386_000),
    ]


@pytest.mark.parametrize(
    ("laps", "line", "left"),
    [
        ([Lap(b=True), Lap(pit=90_000)], 3, [60_000, 80_000]),
        ([Lap(), Lap(pit=70_000)], 3, []),
        (
            [Lap(b=True), Lap(b=True, pit=15_000), Lap(s1=60_000, pit=130_000)],
            4,
            [60_000, 75_000, 120_000, 180_000],
        ),
        ([Lap(), Lap(b=True), Lap(pit=90_000)], 4, [120_000, 140_000]),
    ],
    ids=["before the start", "longer than its lap", "into the visit before", "into the lap before"],
)
def test_an_impossible_visit(laps, line, left):
    """A PIT_TIME that fits into no visit is a doubt; where there is a B, the visit stays."""
    events = events_of(car("7", *laps))
    [doubt] = of(ev.DataDoubted, events)
    assert (doubt.file, doubt.line, doubt.column, doubt.car) == ("laps.csv", line, "PIT_TIME", "7")
    assert doubt.value is not None
    assert doubt.at == of(ev.LapCompleted, events)[line - 2].at
    assert [at for _, at in visits(events)] == left


IN_LAP = Lap(s3=60_000, b=True)


@pytest.mark.parametrize(
    ("laps", "pit_time", "expected"),
    [
        # 41:40 over a lap of 40:00 in the lane: it began 0:50 before the first B.
        ([IN_LAP, IN_LANE], 2_500_000, (60_000, 2_560_000)),
        # The exit was before S1: the entry is at the first crossing in the lane.
        ([IN_LAP, IN_LANE], 2_430_000, (110_000, 2_540_000)),
        ([IN_LAP, IN_LANE, IN_LANE], 4_830_000, (110_000, 4_940_000)),
    ],
    ids=["two crossings", "out before S1", "three crossings"],
)
def test_a_visit_over_several_crossings(laps, pit_time, expected):
    """A car that is pushed over the finish line in the lane is there once, not twice."""
    events = events_of(car("7", *laps, Lap(s1=50_000, pit=pit_time), Lap(flag="FF")))
    assert of(ev.DataDoubted, events) == []
    assert tuple(at for _, at in visits(events)) == expected
    assert expected[1] - expected[0] == pit_time
    assert [at for _, _, at, basis in lines(events) if basis == "reconstructed"] == []


def test_a_crossing_missed_beside_the_lane():
    """Interpolated crossings stay before the entry and after the exit of a visit."""
    in_lap = Lap(20_000, None, None, time=3_000_000, b=True)
    out_lap = Lap(None, None, None, time=300_000, pit=3_100_000)
    events = events_of(car("7", Lap(), in_lap, out_lap))
    assert visits(events) == [("entered", 260_000), ("exited", 3_360_000)]
    assert lines(events)[3:] == [
        (2, "S2", 259_999, "reconstructed"),
        (3, "S1", 3_360_000, "reconstructed"),
        (3, "S2", 3_360_000, "reconstructed"),
    ]


def test_top_speeds():
    """Each lap on which a car is faster at the speed trap than before."""
    speeds = ("280.4", "", "279.9", "0", "301,5", "301.5", "x", "900")
    laps = parse_laps(laps_text(car("7", *(Lap(speed=speed) for speed in speeds))), "laps.csv")
    events = session_events(laps, title="A race")
    found = [(e.car, e.lap, e.at, e.speed_kph) for e in of(ev.TopSpeedMeasured, events)]
    assert found == [("7", 1, 60_000, 280.4), ("7", 5, 300_000, 301.5)]
    doubts = [(e.line, e.column, e.value) for e in of(ev.DataDoubted, events)]
    assert doubts == [(8, "TOP_SPEED", "x"), (9, "TOP_SPEED", "900")]


def test_drivers_change_where_the_laps_say():
    """A driver takes the wheel at the start of the first lap that names him."""
    events = events_of(
        car("7", Lap(), Lap(b=True), Lap(s1=60_000, pit=30_000, driver=2), Lap(driver=1))
    )
    changes = of(ev.DriverChanged, events)
    assert [(event.at, event.driver) for event in changes] == [
        (0, "Ann DE VRIES"),
        (120_000, "Bo Čech"),
        (220_000, "Ann DE VRIES"),
    ]
    assert {event.basis for event in changes} == {"reconstructed"}


def test_a_flag_is_shown_by_the_first_car_to_see_it():
    """A flag is stamped at the first crossing, by any car, that shows another."""
    events = events_of(
        car("7", Lap(), Lap(), Lap(flag="SF"), Lap(), Lap(flag="FF")),
        car("8", Lap(21_000), Lap(21_000, flag="FCY"), Lap(21_000, flag="SF"), Lap(21_000)),
    )
    assert flags(events) == [
        (0, "green", "reconstructed"),
        (122_000, "fcy", "recorded"),
        (180_000, "safety_car", "recorded"),
        (240_000, "green", "recorded"),
        (300_000, "chequered", "recorded"),
    ]


def test_a_race_that_starts_behind_the_safety_car():
    """No flag is told before the first crossing where that one is not green."""
    assert flags(events_of(car("7", Lap(flag="SF"), Lap(flag="RF")))) == [
        (60_000, "safety_car", "recorded"),
        (120_000, "red", "recorded"),
    ]


@pytest.mark.parametrize("first", ["7", "8"])
def test_two_cars_on_the_millisecond_of_a_change(first):
    """Of two cars on one millisecond, one may still show the flag before: no change back."""
    second = {"7": "8", "8": "7"}[first]
    laps = [Lap(flag="FCY")], [Lap()]
    events = events_of(
        car(first, Lap(), *laps[0], Lap(flag="FCY")),
        car(second, Lap(), *laps[1], Lap(21_000, flag="FCY")),
    )
    assert flags(events)[1:] == [(120_000, "fcy", "recorded")]


def test_nothing_follows_the_chequered_flag_of_a_race():
    """The first FF ends a race, whatever a later crossing shows."""
    events = events_of(car("7", Lap(flag="FF")), car("8", Lap(21_000), Lap(flag="FCY")))
    assert flags(events)[-1] == (60_000, "chequered", "recorded")


def test_qualifying_goes_on_after_a_chequered_flag():
    """In qualifying each class has its own chequered flag, and nobody retires."""
    events = events_of(
        car("7", Lap(flag="FF")),
        car("8", *[Lap(21_000)] * 9, Lap(flag="FF")),
        kind="qualifying",
    )
    assert [flag for _, flag, _ in flags(events)] == ["chequered", "green", "chequered"]
    assert of(ev.CarRetired, events) == []


def test_no_reading_of_the_flag():
    """A crossing without a flag changes nothing."""
    assert flags(events_of(car("7", Lap(), Lap(flag=""), Lap()))) == [(0, "green", "reconstructed")]


def test_the_older_form_ends_where_the_winner_does():
    """Without FLAG_AT_FL the chequered flag is where the most laps are first completed."""
    text = laps_text(car("7", Lap(), Lap()), car("8", Lap(), Lap(19_000)), car("9", Lap()))
    text = text.replace("FLAG_AT_FL;", "").replace("GF;", "")
    events = session_events(parse_laps(text, "laps.csv"), title="A race")
    assert flags(events) == [(119_000, "chequered", "reconstructed")]
    assert [event.car for event in of(ev.CarRetired, events)] == ["9"]


def test_a_car_that_never_takes_the_flag():
    """A retirement is told when the car is three median laps of its class overdue."""
    winner = car("1", *[Lap()] * 9, Lap(flag="FF"))
    slow = [car(number, *[Lap(50_000)] * 6, Lap(flag="FF"), car_class="SLOW") for number in "23"]
    stopped = car("4", Lap(50_000), Lap(50_000), car_class="SLOW")
    [retired] = of(ev.CarRetired, events_of(winner, *slow, stopped))
    last_seen, due_in, overdue = 180_000, 90_000, 3 * 90_000
    assert (retired.car, retired.at) == ("4", last_seen + due_in + overdue)
    assert retired.basis == "reconstructed"
    assert retired.reason == "not seen since it completed lap 2"


def test_a_car_stopped_on_the_last_lap():
    """A car that stops just before the end is known to have retired after it."""
    events = events_of(car("1", *[Lap()] * 5, Lap(flag="FF")), car("2", *[Lap(20_500)] * 5))
    [retired] = of(ev.CarRetired, events)
    assert retired.at == 302_500 + 4 * 60_000
    assert events[-1].at == retired.at


def test_a_file_cut_off_before_the_flag():
    """Without a chequered flag only a car overdue by the end of the file has retired."""
    events = events_of(car("1", *[Lap()] * 9), car("2", Lap(), Lap()), car("3", *[Lap()] * 7))
    assert [event.car for event in of(ev.CarRetired, events)] == ["2"]


def test_events_are_in_order_and_numbered():
    """Events go by time, rank of the type and car, numbered from 0 without a gap."""
    events = events_of(
        car("7", Lap(b=True), Lap(s1=60_000, pit=30_000), Lap(flag="FF")),
        car("08", Lap(), Lap(s1=60_000), Lap(flag="FF")),
        car("10", Lap()),
    )
    assert [event.source_seq for event in events] == list(range(len(events)))
    assert {event.source for event in events} == {"alkamel"}
    keys = [(event.at, RANK[type(event)], getattr(event, "car", "")) for event in events]
    assert all(one <= other for one, other in pairwise(keys))


def test_a_source_of_its_own():
    """Two feeds of one session have identities of their own."""
    events = events_of(car("7", Lap()), source="alkamel-2")
    assert {event.source for event in events} == {"alkamel-2"}


def test_every_event_is_what_its_model_would_make():
    """Events built from checked columns are, to the byte, those that a validated read gives."""
    events = events_of(
        car(
            "7", Lap(b=True), Lap(s1=60_000, pit=30_000, driver=2), Lap(None, 30_000, None, 70_000)
        ),
        car("8", Lap(flag="FF")),
        results=result_text(result_row(1, "7", 3, 230_000)),
    )
    for event in events:
        again = decode(encode(event))
        assert again == event
        assert encode(again) == encode(event)
        assert type(again) is type(event)
        assert hash(again) == hash(event)
        assert repr(again) == repr(event)
    changed = of(ev.LinePassed, events)[0].model_copy(update={"lap": 9})
    assert (changed.lap, of(ev.LinePassed, events)[0].lap) == (9, 1)


@pytest.mark.parametrize(
    ("result", "line", "column"),
    [
        (result_text(result_row(1, "7", 3, 180_000)), 2, "LAPS"),
        (result_text(result_row(1, "7", 2, 120_000), result_row(2, "9", 1, 60_000)), 3, "LAPS"),
        ("POS,NUMBER,LAP,TIME,LAPS,TEAM,CLASS,VEHICLE\n1,7,2,1:00.000,2,T,C,V\n", 1, None),
    ],
    ids=["more laps than there are", "laps of a car that has none", "of qualifying"],
)
def test_the_result_of_another_session(result, line, column):
    """A result takes laps away, never adds any: then it is refused, by line and column."""
    with pytest.raises(BadTimingFile) as raised:
        events_of(car("7", Lap(), Lap()), results=result)
    assert (raised.value.file, raised.value.line, raised.value.column) == (
        "result.csv",
        line,
        column,
    )


DAMAGED = laps_text(
    car("007", Lap(b=True), Lap(s1=60_000, pit=50_000), Lap(None, None, 10_000, time=70_000)),
    car("7", Lap(20_500, flag="FCY"), Lap(b=True, pit=10_000, flag="FF")),
)


@given(
    at=st.integers(0, len(DAMAGED)),
    cut=st.integers(0, 60),
    put=st.text(";,\"\r\n '0123456789.:BGF-x\0é\ufeff\u2028", max_size=3),
)
def test_a_damaged_file_is_read_or_refused(at, cut, put):
    """Whatever a file is turned into, it is told in sound events or refused in one line."""
    fault, events = None, []
    try:
        laps = parse_laps(DAMAGED[:at] + put + DAMAGED[at + cut :], "laps.csv")
        events = session_events(laps, title="A race")
    except BadTimingFile as error:
        fault = str(error)
    assert "\n" not in (fault or "")
    assert [decode(encode(event)) for event in events] == events


@pytest.mark.parametrize(
    ("shown_on_lap", "doubts"),
    [(1, 1), (3, 1), (4, 1), (5, 0), (6, 0)],
    ids=["first lap", "mid-race", "the lap before", "the end", "after the end"],
)
def test_a_chequered_flag_that_the_race_contradicts(shown_on_lap, doubts):
    """One car's FF among the green laps of all is a slip: the race ends as it ended."""
    cars = [
        [
            replace(Lap(s1=20_000 + (number if lap == 1 else 0)), flag="FF" if lap > 4 else "GF")
            for lap in range(1, 6)
        ]
        for number in range(1, 9)
    ]
    cars[0][4:] = [Lap(flag="FF"), Lap(flag="FF")]  # it goes on for a lap
    cars[0][shown_on_lap - 1] = replace(cars[0][shown_on_lap - 1], flag="FF")
    events = events_of(*(car(str(number), *laps) for number, laps in enumerate(cars, 1)))
    chequered = [event.at for event in of(ev.FlagShown, events) if event.flag == "chequered"]
    assert chequered == [300_001]
    doubted = [(one.car, one.column, one.value) for one in of(ev.DataDoubted, events)]
    assert doubted == [("1", "FLAG_AT_FL", "FF")] * doubts
