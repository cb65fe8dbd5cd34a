"""Grid, pit visits, race control and weather: read by their headings, in place of inferences."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import events as ev
from events.errors import BadTimingFile
from events.formats.alkamel import parse_laps
from events.formats.alkamel_companions import (
    Companions,
    parse_grid,
    parse_pits,
    parse_race_control,
    parse_weather,
)
from events.formats.alkamel_events import session_events
from tests.alkamel import Lap, car, laps_text

LAPS = laps_text(
    *(
        car(
            number,
            *[Lap(s1=20_000 + place)] * 3,
            Lap(s1=20_000 + place, b=True),
            Lap(s1=60_000 + place, pit=50_000),
            Lap(s1=20_000 + place, flag="FF"),
        )
        for place, number in enumerate(("7", "31"))
    )
)
CONTROL = "TIME;ELAPSED;REC_TYPE;FLAG;SECTOR;MESSAGE;FLAG_TIME;ACCUM_TIME;LAP\n"
START = datetime(2024, 10, 12, 16, tzinfo=UTC)


def events_of(text=LAPS, starts_at=START, **beside):
    """The events of the race with these files beside its laps."""
    parsers = {
        "grid": parse_grid,
        "pits": parse_pits,
        "race_control": parse_race_control,
        "weather": parse_weather,
    }
    parsed: dict[str, Any] = {
        name: parsers[name](content, f"{name}.csv") for name, content in beside.items()
    }
    laps = parse_laps(text, "laps.csv")
    return session_events(
        laps, title="A race", starts_at=starts_at, companions=Companions(**parsed)
    )


def of(model, events):
    """The events of one type."""
    return [event for event in events if isinstance(event, model)]


def doubts(events):
    """File, line, column and value of each doubt."""
    return [(one.file, one.line, one.column, one.value) for one in of(ev.DataDoubted, events)]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("POSITION;NUMBER;\n2;7;\n1;31;\n", ("31", "7")),
        ("NUMBER,TEAM\n31,A\n7,B\n", ("31", "7")),
        ("POS;NUMBER\n;7\n1;31\n", ("31", "7")),
        ("GRID_POSITION;NUMBER\n1;7\n2;31\n", ("7", "31")),
        ("Pos.;No.\n2nd;7\n1st;#31\n", ("31", "7")),
        ("Pos.\tCar\n2.\t7\n1.0\t31\n", ("31", "7")),
    ],
    ids=[
        *("by place", "by row", "from the pit lane", "other heading", "ordinals"),
        "whole numbers with a dot",
    ],
)
def test_the_grid(text, order):
    """The order is that of the places; a car without one starts behind the others."""
    events = events_of(grid=text)
    [grid] = of(ev.GridSet, events)
    assert (grid.at, grid.order, doubts(events)) == (0, order, [])


def test_a_car_on_the_grid_that_is_not_entered():
    """It is left out, with a doubt."""
    events = events_of(grid="POSITION;NUMBER\n1;99\n2;7\nx;31\n")
    assert of(ev.GridSet, events)[0].order == ("7", "31")
    assert doubts(events) == [("grid.csv", 4, "POSITION", "x"), ("grid.csv", 2, "NUMBER", "99")]


@pytest.mark.parametrize(
    ("text", "order", "doubt"),
    [
        ("POSITION;NUMBER\n1;7\n2;31\n3;7\n", "7 31", (4, "NUMBER", "7", "as on line 2")),
        ("POSITION;NUMBER\n2;7\n3;31\n1;7\n", "7 31", (2, "NUMBER", "7", "as on line 4")),
        ("NUMBER\n31\n7\n7\n31\n", "31 7", (4, "NUMBER", "7", "as on line 3")),
        ("POSITION;NUMBER\n1;31\n2;\n3;7\n", "31 7", None),
        (f"POSITION;NUMBER\n1;31\n2;{'7' * 20}\n3;7\n", "31 7", (3, "NUMBER", "7" * 20, "row")),
    ],
    ids=["last", "first", "both cars", "an empty slot", "no car number"],
)
def test_a_car_twice_on_the_grid(text, order, doubt):
    """It starts from the first of its places, and no slip of a grid costs the race."""
    grid = parse_grid(text, "grid.csv")
    assert " ".join(car for car, _ in grid.cars) == order
    found = [(one.line, one.column, one.value, one.treatment) for one in grid.doubts]
    assert [one[:3] for one in found[:1]] == ([doubt[:3]] if doubt else [])
    assert not doubt or found[0][3].endswith(doubt[3])


PITS_IN_JSON = {
    "session": {},
    "pit_stop_analysis": [
        {
            "number": "7",
            "drivers": [{"number": 1, "firstname": "Ann", "surname": "Driver"}],
            "pit_stops": [
                {"in_time": "12:03:55.000", "out_time": "12:04:40.000"},
                {"pit_stop_number": 2, "in_time": "12:13:55.000", "pit_time": "45.000"},
            ],
        },
        {"number": "007", "pit_stops": []},
        {
            "number": "31",
            "pit_stops": [{"in_time": "12:03:56.000", "out_time": None, "pit_time": "46.000"}],
        },
    ],
}
PITS = """NUMBER;IN_TIME;OUT_TIME;PIT_TIME
7;12:03:55.000;12:04:40.000;
7;12:13:55.000;;45.000
31;12:03:56.000;;46.000
"""
CONTROL_IN_JSON = {
    "session": {"session_name": "Race"},
    "flags": [
        {"time": "12:00:00.000", "elapsed": "-", "rec_type": "GF", "flag": "GREEN", "lap": 1},
        {"time": "12:02:40.000", "rec_type": "RCMessage", "message": "Car 31: ok"},
    ],
}
CONTROL_ROWS = "12:00:00.000;-;GF;GREEN;;;-;-;1\n12:02:40.000;;RCMessage;;;Car 31: ok;-;-;0\n"


@pytest.mark.parametrize(
    ("parse", "table", "content"),
    [
        (parse_race_control, CONTROL + CONTROL_ROWS, CONTROL_IN_JSON),
        (parse_pits, PITS, PITS_IN_JSON),
        (
            parse_grid,
            "POSITION;NUMBER\n1;007\n2;7\n",
            {"grid": [{"position": 2, "number": "7"}, {"position": 1, "number": "007"}]},
        ),
        (
            parse_weather,
            "TIME_UTC_SECONDS;AIR_TEMP;RAIN\n1728748800;21.5;0\n",
            [{"time_utc_seconds": 1728748800, "air_temp": 21.5, "rain": 0}],
        ),
    ],
    ids=["flags and messages", "pit visits", "grid", "weather"],
)
def test_the_same_in_json(parse, table, content):
    """The JSON form gives what the table gives; its rows are counted in place of lines."""
    expected = parse(table, "file")
    text = json.dumps(content)
    for found in (parse(text, "file"), parse(f"\ufeff{json.dumps(content, indent=1)}", "file")):
        assert found.doubts == expected.doubts == ()
        assert without_lines(found) == without_lines(expected)


def without_lines(parsed):
    """The rows of a file without their lines."""
    if hasattr(parsed, "cars"):
        return [car for car, _ in parsed.cars]
    return [row._replace(line=0) for row in parsed.rows]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"flags": [\n{"time": }]}', 2, "not JSON"),
        ('{"flags": []}', 1, "no list of rows"),
        ('{"flags": [{"time": "12:00:00"}]}', 1, "no such column"),
        ("[" * 100_000, 1, "not JSON"),
        ('["7", "31"]', 1, "no list of rows"),
    ],
    ids=["broken", "empty", "another", "deep", "texts"],
)
def test_json_that_is_no_such_file(text, line, reason):
    """One line says what is wrong with it."""
    with pytest.raises(BadTimingFile, match=reason) as raised:
        parse_race_control(text, "flags.json")
    assert raised.value.line == line


def test_flags_of_race_control_replace_those_at_the_line():
    """Flags are shown when race control showed them, and messages come with their car."""
    rows = (
        "11:58:00.000;;RCMessage;;;UNDER 5 MINUTES;-;-;0\n"
        "12:00:00.000;-;GF;GREEN FLAG;;;-;-;1\n"
        "12:02:30.000;2:30.000;FCY;FULL COURSE YELLOW;;;-;-;3\n"
        "12:02:40.000;;RCMessage;;;Car 31: Penalty - False Start - Drive Through;-;-;0\n"
        "12:03:10.000;3:10.000;GF;GREEN FLAG;;;-;-;3\n"
        "12:03:20.000;3:20.000;YF;YELLOW;2;;-;-;3\n"
        "12:06:39.999;6:39.999;FF;CHEQUERED FLAG;;;-;-;7\n"
    )
    events = events_of(race_control=CONTROL + rows)
    assert [(e.at, e.flag, e.sector, e.basis) for e in of(ev.FlagShown, events)] == [
        (0, "green", None, "recorded"),
        (150_000, "fcy", None, "recorded"),
        (190_000, "green", None, "recorded"),
        (200_000, "yellow", 2, "recorded"),
        (399_999, "chequered", None, "recorded"),
    ]
    messages = [(e.at, e.car, e.basis) for e in of(ev.RaceControlMessage, events)]
    assert messages == [(0, None, "reconstructed"), (160_000, "31", "recorded")]
    assert doubts(events) == []
    assert of(ev.CarRetired, events) == []


@pytest.mark.parametrize("at", ["6:41.000", "5:30.000"], ids=["too late", "too early"])
def test_a_chequered_flag_that_the_laps_refute(at):
    """The result rests on the flag: the crossing that took it first stays its time."""
    events = events_of(race_control=f"{CONTROL}12:0{at};{at};FF;CHEQUERED;;;-;-;7\n")
    assert [e.at for e in of(ev.FlagShown, events) if e.flag == "chequered"] == [400_000]
    assert [one[:3] for one in doubts(events)] == [("race_control.csv", 2, "ELAPSED")]


def test_race_control_without_a_chequered_flag():
    """A file cut off before the end leaves the end to the laps."""
    events = events_of(race_control=f"{CONTROL}12:01:00.000;1:00.000;RF;RED FLAG;;;-;-;1\n")
    flags = [(event.at, event.flag) for event in of(ev.FlagShown, events)]
    assert flags == [(60_000, "red"), (400_000, "chequered")]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("12:01:00.000;1:00.000;XX;;;;-;-;1", "REC_TYPE", "XX"),
        (";;RCMessage;;;Track clear;-;-;1", "TIME", "Track clear"),
        ("noon;1:00.000;RCMessage;;;Track clear;-;-;1", "TIME", "noon"),
        ("12:01:00.000;1:00.000;YF;;all;;-;-;1", "SECTOR", "all"),
        ("15:01:00.000;1:00.000;GF;;;;-;-;1", "TIME", "15:00:00.000"),
    ],
)
def test_doubtful_rows_of_race_control(row, column, value):
    """A record that cannot be understood costs itself only."""
    events = events_of(race_control=f"{CONTROL}{row}\n12:02:00.000;2:00.000;FCY;;;;-;-;1\n")
    lines = {one[1:3] for one in doubts(events)}
    assert (2, column) in lines
    assert any(value in (one[3] or "") for one in doubts(events))
    assert "fcy" in [event.flag for event in of(ev.FlagShown, events)]


def test_records_in_another_form():
    """Small letters, dates before times, values over two lines and missing columns are no doubt."""
    rows = (
        "2024-10-12T12:01:00.000,fcy,\n"
        '2024-10-12 12:02:00,rcmessage,"Car 7:\nPenalty, drive-through"\n'
    )
    text = f"Time,Rec Type,Message\n12:00:00,gf,\n{rows}"
    events = events_of(race_control=text)
    assert [(e.at, e.text) for e in of(ev.RaceControlMessage, events)] == [
        (120_000, "Car 7: Penalty, drive-through")
    ]
    flags = [(e.at, e.flag) for e in of(ev.FlagShown, events)]
    assert flags[:2] == [(0, "green"), (60_000, "fcy")]
    assert doubts(events) == []


@pytest.mark.parametrize(("cell", "rain"), [("No", False), ("wet", True), ("0", False), ("", None)])
def test_rain_in_words(cell, rain):
    """It rains or it does not, in digits or words."""
    weather = parse_weather(f"TIME_UTC_SECONDS;RAIN\n1728748800;{cell}\n", "weather.csv")
    assert (weather.rows[0].rain, weather.doubts) == (rain, ())


def test_flags_past_midnight():
    """Times of day run on after midnight, without a time since the start as well."""
    text = laps_text(car("7", *[Lap()] * 4, Lap(flag="FF"), start=86_400_000 - 90_000))
    rows = "23:58:30.000;-;GF;;;;;;1\n23:59:50.000;;RCMessage;;;A;;;1\n"
    events = events_of(text, race_control=f"{CONTROL}{rows}00:00:30.000;;RCMessage;;;B;;;1\n")
    assert [event.at for event in of(ev.RaceControlMessage, events)] == [80_000, 120_000]


def test_pit_visits_as_timed():
    """Recorded visits replace inferred ones; a car that the file lacks keeps its own."""
    text = "NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME;\n7;1;12:03:55.000;12:04:40.000;;\n"
    events = events_of(pits=text)
    found = [(e.car, e.type, e.at, e.basis) for e in of((ev.PitEntered, ev.PitExited), events)]
    assert found == [
        ("7", "pit_entered", 235_000, "recorded"),
        ("31", "pit_entered", 240_004, "reconstructed"),
        ("7", "pit_exited", 280_000, "recorded"),
        ("31", "pit_exited", 290_004, "reconstructed"),
    ]
    assert doubts(events) == []


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("99;1;12:03:55.000;12:04:40.000;", "NUMBER"),
        ("7;1;13:03:55.000;13:04:40.000;", "IN_TIME"),
        ("7;1;noon;12:04:40.000;", "IN_TIME"),
        ("7;1;12:03:55.000;12:03:40.000;", "OUT_TIME"),
    ],
)
def test_a_doubtful_visit_of_the_pit_file(row, column):
    """A visit of another car, or while the car was not running, leaves the inferred one."""
    events = events_of(pits=f"NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME\n{row}\n")
    assert [one[:3] for one in doubts(events)] == [("pits.csv", 2, column)]
    assert [event.at for event in of(ev.PitEntered, events)] == [240_000, 240_004]


def test_a_visit_before_the_start_of_a_race_of_24_hours():
    """It is not one at the end, after which no other could follow."""
    day = laps_text(car("7", *[Lap(s1=10_800_000)] * 8, Lap(flag="FF")))
    rows = ("7;1;11:40:00.000;11:59:00.000;", "7;2;13:00:00.000;13:01:00.000;")
    events = events_of(day, pits="NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME\n" + "\n".join(rows))
    assert [event.at for event in of(ev.PitEntered, events)] == [3_600_000]
    assert [one[:3] for one in doubts(events)] == [("pits.csv", 2, "IN_TIME")]


@pytest.mark.parametrize(
    ("out_time", "pit_time", "exited_at", "column"),
    [
        ("12:03:40.000", "45.000", 280_000, "OUT_TIME"),
        ("12:04:40.000", "12.000", 280_000, "PIT_TIME"),
        ("12:04:40.000", "45.7", 280_000, None),
    ],
    ids=["out before in", "another pit time", "rounded"],
)
def test_times_of_a_visit_that_contradict(out_time, pit_time, exited_at, column):
    """No visit lasts until the next day because the car left before it came."""
    text = "NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME\n"
    events = events_of(pits=f"{text}7;1;12:03:55.000;{out_time};{pit_time}\n")
    assert [event.at for event in of(ev.PitExited, events) if event.car == "7"] == [exited_at]
    assert [one[:3] for one in doubts(events)] == [("pits.csv", 2, column)] * (column is not None)


HEADINGS = "TIME_UTC_SECONDS;TIME_UTC_STR;AIR_TEMP;TRACK_TEMP;HUMIDITY;PRESSURE;WIND_SPEED;"
HEADINGS += "WIND_DIRECTION;RAIN;\n"


@pytest.mark.parametrize(
    ("cells", "air", "track", "pressure", "wind"),
    [
        ("21.5;30.0;56.75;992.9;10;342;0;", 21.5, 30.0, 992.9, 10),
        ("70.7;86;56.75;29.32;10;342;0;", 21.5, 30.0, 992.89, 16.09),
        ("21,5;0;56.75;;10;342;0;", 21.5, None, None, 10),
    ],
    ids=["metric", "US units", "no sensor on the track"],
)
def test_the_weather(cells, air, track, pressure, wind):
    """Measurements are in Celsius, hPa and km/h, at session times, within the session only."""
    first = int(START.timestamp())
    rows = "".join(f"{first + s};x;{cells}\n" for s in (-60, 60, 120, 3600))
    measured = of(ev.WeatherMeasured, events_of(weather=HEADINGS + rows))
    assert [one.at for one in measured] == [60_000, 120_000]
    one = measured[0]
    assert (one.air_c, one.track_c, one.pressure_hpa, one.wind_kph) == (air, track, pressure, wind)
    assert (one.humidity_percent, one.wind_direction_deg, one.rain) == (56.75, 342, False)


def test_weather_that_cannot_be():
    """A reading that cannot be read, or cannot be, is a doubt; so is weather without a date."""
    first = int((START + timedelta(seconds=60)).timestamp())
    events = events_of(weather=f"{HEADINGS}{first};x;warm;30;156;992.9;10;342;0;\n")
    assert [(column, value) for _, _, column, value in doubts(events)] == [
        ("AIR_TEMP", "warm"),
        ("HUMIDITY", "156.0"),
    ]
    [rest] = of(ev.WeatherMeasured, events)
    assert (rest.air_c, rest.humidity_percent, rest.pressure_hpa) == (None, None, 992.9)
    text = f"{HEADINGS}{first};x;21;30;56;992.9;10;342;0;\n"
    assert doubts(events_of(weather=text, starts_at=None)) == [
        ("weather.csv", 1, "TIME_UTC_SECONDS", "")
    ]


def test_files_of_another_session_give_few_doubts():
    """The last of a hundred of a column counts the others, whoever found them."""
    pits = "".join(f"99;{n};12:03:55.000;12:04:40.000;\n" for n in range(150))
    weather = "".join(
        f"{int(START.timestamp()) + 60 + n};x;21;30;156;992.9;10;342;0;\n" for n in range(150)
    )
    events = events_of(
        pits=f"NUMBER;PIT_STOP_NUMBER;IN_TIME;OUT_TIME;PIT_TIME\n{pits}",
        weather=f"{HEADINGS}{weather}",
    )
    reasons = [one.reason for one in of(ev.DataDoubted, events)]
    assert len(reasons) == 200
    assert sum(reason.startswith("51 more values") for reason in reasons) == 2
