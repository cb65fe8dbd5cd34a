"""Formula One streams, made up: one of each kind of line and of each thing that goes wrong."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from events import (
    AnyEvent,
    DataDoubted,
    EntryAdded,
    FlagShown,
    GridSet,
    LapCompleted,
    LapTimeDeleted,
    LinePassed,
    PenaltyImposed,
    PenaltyServed,
    PitEntered,
    PitExited,
    SegmentStarted,
    SessionOpened,
    WeatherMeasured,
)
from events.errors import BadTimingFile
from events.formats.f1_events import session_events
from events.formats.f1_laps import milliseconds
from events.formats.f1_race_control import car_in, deletion_in, penalty_in
from events.formats.f1_stream import Stream, merge, parse_stream

START = 60_000


def stream(topic: str, *lines: tuple[int, dict[str, Any]]) -> Stream:
    """A stream of a topic, from times (ms) and patches."""
    text = "\ufeff" + "\r\n".join(f"{stamp(at)}{json.dumps(patch)}" for at, patch in lines)
    return parse_stream(text, f"{topic}.jsonStream")


def stamp(at: int) -> str:
    """``00:01:00.500`` of a time in ms."""
    seconds, part = divmod(at, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{part:03}"


def car(at: int, number: str, **values: object) -> tuple[int, dict[str, Any]]:
    """A line of timing data about one car."""
    return at, {"Lines": {number: values}}


def lap(at: int, number: str, count: int, time: str | None = None) -> tuple[int, dict[str, Any]]:
    """A line with a counted lap and, if given, its time."""
    last = {"LastLapTime": {"Value": time}} if time else {}
    return car(at, number, NumberOfLaps=count, **last)


def started(*more: tuple[int, str]) -> Stream:
    """The session's status: started at `START`, and what follows."""
    lines = ((START, "Started"), *more)
    return stream("SessionStatus", *((at, {"Status": status}) for at, status in lines))


def events_of(kind: str, *timing: tuple[int, dict[str, Any]], **topics: Stream) -> list[AnyEvent]:
    """The events of a session with this timing data."""
    topics = {"SessionStatus": started(), "TimingData": stream("TimingData", *timing), **topics}
    topics.setdefault("SessionInfo", stream("SessionInfo", (0, {"Type": kind})))
    return list(session_events(topics))


def of(events: list[AnyEvent], model: type) -> list[Any]:
    """The events of a type."""
    return [event for event in events if isinstance(event, model)]


def laps_of(events: list[AnyEvent], number: str) -> list[tuple[int, int, int | None]]:
    """The laps of a car: number, end, time."""
    laps = of(events, LapCompleted)
    return [(one.lap, one.at, one.lap_time_ms) for one in laps if one.car == number]


# Streams


def test_patches_nest_and_dictionaries_patch_lists() -> None:
    state: dict[str, Any] = {}
    merge(state, {"Lines": {"4": {"Sectors": [{"Value": ""}, {"Value": ""}], "Lap": 3}}})
    merge(state, {"Lines": {"4": {"Sectors": {"1": {"Value": "41.2"}}, "_deleted": ["Lap"]}}})
    assert state == {"Lines": {"4": {"Sectors": {"0": {"Value": ""}, "1": {"Value": "41.2"}}}}}


def test_a_broken_line_costs_its_patch_only() -> None:
    parsed = parse_stream('00:00:01.000{"a":1}\n00:00:02.000{"a":\n\n00:00:03.5{"b":2}\n', "a")
    assert [patch.at for patch in parsed.patches] == [1000, 3500]
    assert [(one.line, one.reason) for one in parsed.doubts] == [(2, "the line's JSON is broken")]


def test_a_clock_that_is_set_back_keeps_the_order_of_the_lines() -> None:
    parsed = parse_stream('00:00:05.000{"a":1}\n00:00:03.000{"a":2}\n00:00:06.000{"a":3}', "a")
    assert [patch.at for patch in parsed.patches] == [5000, 5000, 6000]
    assert [(one.line, one.column, one.value) for one in parsed.doubts] == [
        (2, "time", "00:00:03.000")
    ]


@pytest.mark.parametrize("text", ["", "hello\nworld", "00:00:01.000[1, 2]", "{}"])
def test_a_file_without_a_line_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadTimingFile, match=r"^x\.jsonStream:1: no line is a time and") as refused:
        parse_stream(text, "x.jsonStream")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1:45.412", 105_412),
        ("26.34", 26_340),
        ("1:00:00.001", 3_600_001),
        ("", None),
        ("1L", None),
    ],
)
def test_lap_times(text: str, ms: int | None) -> None:
    assert milliseconds(text) == ms


# Laps


def test_the_crossings_follow_from_the_lap_times_not_from_the_arrivals() -> None:
    events = events_of(
        "Race",
        lap(160_300, "4", 1),
        lap(260_100, "4", 2, "1:40.000"),
        car(359_900, "4", LastLapTime={"Value": "1:39.500"}),  # its lap is counted afterwards
        lap(360_900, "4", 3),
        lap(459_800, "4", 4),  # its time comes afterwards
        car(460_000, "4", LastLapTime={"Value": "1:40.000"}),
    )
    ends = [end for _, end, _ in laps_of(events, "4")]
    assert [time for _, _, time in laps_of(events, "4")] == [None, 100_000, 99_500, 100_000]
    assert [later - end for end, later in pairwise(ends)] == [*(100_000, 99_500, 100_000)]
    assert abs(ends[0] - (160_300 - START)) <= 300


def test_an_equal_lap_time_is_not_sent_again() -> None:
    sent = lap(160_000, "4", 1), lap(260_000, "4", 2, "1:40.000"), lap(360_050, "4", 3)
    assert [time for *_, time in laps_of(events_of("Race", *sent), "4")] == [None, 100_000, 100_000]


def test_laps_taken_back_are_doubted() -> None:
    events = events_of("Race", lap(160_000, "4", 1), lap(260_000, "4", 2), lap(261_000, "4", 1))
    assert [number for number, *_ in laps_of(events, "4")] == [1]
    assert [one.treatment for one in of(events, DataDoubted)] == [
        "the laps above it are taken back"
    ]


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"NumberOfLaps": "two"}, "NumberOfLaps"),
        ({"NumberOfLaps": -1}, "NumberOfLaps"),
        ({"LastLapTime": {"Value": "soon"}}, "LastLapTime"),
        ({"NumberOfLaps": 7}, "NumberOfLaps"),
    ],
)
def test_doubtful_values_are_recorded(values: dict[str, Any], column: str) -> None:
    doubts = of(events_of("Race", lap(160_000, "4", 1), car(170_000, "4", **values)), DataDoubted)
    assert [(one.file, one.line, one.column, one.car) for one in doubts] == [
        ("TimingData.jsonStream", 2, column, "4")
    ]


def test_timing_data_without_a_car_is_refused() -> None:
    with pytest.raises(BadTimingFile, match="it has no cars"):
        events_of("Race", (0, {"Withheld": False}))


def test_an_in_lap_ends_where_the_line_was_crossed_in_the_lane() -> None:
    events = events_of(
        "Practice",
        car(0, "4", InPit=True),
        car(70_000, "4", NumberOfLaps=1, InPit=False),
        lap(180_000, "4", 2),
        car(280_000, "4", InPit=True),
        car(281_000, "4", LastLapTime={"Value": "1:41.000"}),
        car(900_000, "4", NumberOfLaps=3, InPit=False),
    )
    laps = [(one.lap, one.at, one.in_pit_lane) for one in of(events, LapCompleted)]
    assert laps == [(1, 10_000, True), (2, 120_000, False), (3, 221_000, True)]
    assert [one.at for one in of(events, PitEntered)] == [0, 220_000]
    assert [one.at for one in of(events, PitExited)] == [10_000, 840_000]


@pytest.mark.parametrize(("kind", "time"), [("Race", 101_000), ("Qualifying", None)])
def test_a_lap_that_ends_in_the_lane_has_a_time_in_races_only(kind: str, time: int | None) -> None:
    sent = lap(160_000, "4", 1), car(255_000, "4", InPit=True), lap(261_000, "4", 2, "1:41.000")
    assert [one for *_, one in laps_of(events_of(kind, *sent), "4")] == [None, time]


def test_sectors_are_lines_of_the_lap_that_is_driven() -> None:
    events = events_of(
        "Race",
        lap(160_000, "4", 1),
        car(190_500, "4", Sectors={"0": {"Value": "30.000"}}),
        car(225_300, "4", Sectors={"1": {"Value": "35.000"}}),
        lap(260_000, "4", 2, "1:40.000"),
        car(260_010, "4", Sectors={"0": {"Value": ""}}),
    )
    passed = [(one.line, one.lap, one.at) for one in of(events, LinePassed)]
    assert passed == [("S1", 2, 130_000), ("S2", 2, 165_000)]


# The session


def test_entries_and_grid() -> None:
    driver = {"FirstName": "Ada", "LastName": "Bell", "Tla": "BEL", "TeamName": "North"}
    events = events_of(
        "Race",
        car(0, "4"),
        car(0, "44"),
        DriverList=stream("DriverList", (0, {"4": driver}), (9, {"4": {"TeamName": "South"}})),
        TimingAppData=stream(
            "TimingAppData", (0, {"Lines": {"4": {"GridPos": "2"}, "44": {"GridPos": "1"}}})
        ),
        LapCount=stream("LapCount", (0, {"TotalLaps": 51})),
        SessionInfo=stream(
            "SessionInfo",
            (
                0,
                {
                    "Meeting": {"Name": "Test Grand Prix"},
                    "Type": "Race",
                    "Name": "Sprint",
                    "StartDate": "2025-05-03T12:00:00",
                },
            ),
        ),
    )
    (opened,), entries = of(events, SessionOpened), of(events, EntryAdded)
    assert (opened.title, opened.kind) == ("Test Grand Prix 2025, Sprint", "race")
    assert (opened.laps_limit, opened.season) == (51, "2025")
    assert [(one.car, one.team) for one in entries] == [("4", "South"), ("44", None)]
    assert [(one.name, one.short) for one in entries[0].drivers] == [("Ada Bell", "BEL")]
    assert [(one.order, one.basis) for one in of(events, GridSet)] == [(("44", "4"), "recorded")]


def test_the_grid_is_reconstructed_from_the_positions_at_the_start() -> None:
    sent = car(0, "4", Position="2"), car(0, "44", Position="1"), car(90_000, "4", Position="1")
    grids = of(events_of("Race", *sent), GridSet)
    assert [(one.order, one.basis) for one in grids] == [(("44", "4"), "reconstructed")]


def test_parts_of_qualifying_are_segments_each_with_its_flags() -> None:
    events = events_of(
        "Qualifying",
        car(0, "4"),
        (800_000, {"SessionPart": 2}),
        SessionStatus=started(
            *((300_000, "Aborted"), (400_000, "Started"), (700_000, "Finished")),
            *((900_000, "Started"), (1_500_000, "Finished"), (1_600_000, "Ends")),
        ),
        TrackStatus=stream("TrackStatus", (299_000, {"Status": "5"}), (350_000, {"Status": "1"})),
    )
    assert [(one.at, one.name) for one in of(events, SegmentStarted)] == [
        (0, "Q1"),
        (740_000, "Q2"),
    ]
    assert [(one.at, one.flag) for one in of(events, FlagShown)] == [
        *((0, "green"), (239_000, "red"), (340_000, "green"), (640_000, "chequered")),
        *((840_000, "green"), (1_440_000, "chequered")),
    ]


# Anything at all

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    "",
    "x",
    "9" * 50,
    "٣",
    [],
    {},
    [1],
    {"a": {}},
    {"0": 5},
    1e308,
)
GOOD: dict[str, dict[str, Any]] = {
    "TimingData": {
        "Lines": {
            "4": {
                "NumberOfLaps": 1,
                "LastLapTime": {"Value": "1:40.000"},
                "InPit": True,
                "Position": "1",
                "Sectors": {"0": {"Value": "30.000"}},
            }
        },
        "SessionPart": 2,
    },
    "DriverList": {"4": {"FirstName": "Ada", "Tla": "BEL", "TeamName": "North"}},
    "SessionInfo": {"Type": "Race", "GmtOffset": "04:00:00", "Meeting": {"Name": "Test"}},
    "SessionStatus": {"Status": "Started"},
    "TrackStatus": {"Status": "4"},
    "RaceControlMessages": {
        "Messages": [
            {
                "Utc": "2025-05-03T12:00:00",
                "Message": "CAR 4 TIME 1:40.000 DELETED",
                "Flag": "YELLOW",
                "Scope": "Sector",
                "Sector": 3,
            }
        ]
    },
    "LapCount": {"TotalLaps": 3},
    "TimingAppData": {"Lines": {"4": {"GridPos": "1"}}},
    "WeatherData": {"AirTemp": "21.1", "WindDirection": "17"},
}


def mutations(value: Any) -> Iterator[Any]:
    """The value with one member, at any depth, replaced by each of the odd ones."""
    yield from ODD
    pairs = value.items() if isinstance(value, dict) else ()
    for key, member in pairs:
        yield from ({**value, key: changed} for changed in mutations(member))
        yield {**value, "٣": member}
    if isinstance(value, list):
        for changed in mutations(value[0]):
            yield [changed]


def has_cars(sent: dict[str, Stream]) -> bool:
    """Whether there is a line of timing data about a car."""
    lines = sent["TimingData"].patches[0].content.get("Lines")
    return isinstance(lines, dict) and isinstance(lines.get("4"), dict)


@pytest.mark.parametrize("topic", GOOD)
def test_no_value_whatever_stops_the_import(topic: str) -> None:
    for changed in mutations(GOOD[topic]):
        if not isinstance(changed, dict):
            continue
        sent = {name: stream(name, (START, patch)) for name, patch in GOOD.items()}
        sent[topic] = stream(topic, (START, changed), (START + 1, changed))
        with contextlib.nullcontext() if has_cars(sent) else pytest.raises(BadTimingFile):
            assert of(list(session_events(sent)), SessionOpened)


# Race control


def messages(*texts: tuple[int, str], **values: object) -> Stream:
    """Messages of race control, the first as a list and the others as its patches."""
    (at, text), *others = texts
    first = at, {"Messages": [{"Message": text, **values}]}
    rest = [
        (when, {"Messages": {str(place): {"Message": what, **values}}})
        for place, (when, what) in enumerate(others, 1)
    ]
    return stream("RaceControlMessages", first, *rest)


def test_flags_of_a_sector_are_local() -> None:
    sent = messages((70_000, "DOUBLE YELLOW"), Flag="DOUBLE YELLOW", Scope="Sector", Sector=3)
    flags = of(events_of("Race", car(0, "4"), RaceControlMessages=sent), FlagShown)
    assert [(one.flag, one.sector) for one in flags] == [("green", None), ("yellow", 3)]


@pytest.mark.parametrize(
    ("more", "basis"),
    [
        ([], "reconstructed"),
        ([(300_000, "FIA STEWARDS: PENALTY SERVED - 5 SECOND TIME PENALTY FOR CAR 4")], "recorded"),
    ],
)
def test_a_penalty_is_served_by_message_or_at_the_next_stop(
    more: list[tuple[int, str]], basis: str
) -> None:
    imposed = (170_000, "FIA STEWARDS: 5 SECOND TIME PENALTY FOR CAR 4 (BEL) - SPEEDING")
    events = events_of(
        "Race",
        lap(160_000, "4", 1),
        car(255_000, "4", InPit=True),
        lap(260_000, "4", 2, "1:40.000"),
        car(280_000, "4", InPit=False),
        lap(380_000, "4", 3, "2:00.000"),
        RaceControlMessages=messages(imposed, *more),
    )
    (penalty,), (served,) = of(events, PenaltyImposed), of(events, PenaltyServed)
    assert (penalty.kind, penalty.amount, penalty.reason) == ("time", 5, "SPEEDING")
    assert (served.penalty_id, served.basis) == (penalty.penalty_id, basis)


@pytest.mark.parametrize(
    ("text", "laps", "doubts"),
    [
        ("CAR 4 (BEL) TIME 1:40.000 DELETED - TRACK LIMITS AT TURN 1", [2], 0),
        ("CAR 4 (BEL) LAP DELETED - TRACK LIMITS AT TURN 1 LAP 1 12:52:34", [1], 0),
        ("CAR 4 (BEL) TIME 1:41.000 DELETED - TRACK LIMITS AT TURN 1", [], 1),
    ],
)
def test_deleted_laps(text: str, laps: list[int], doubts: int) -> None:
    driven = lap(160_000, "4", 1), lap(260_000, "4", 2, "1:40.000")
    events = events_of("Race", *driven, RaceControlMessages=messages((300_000, text)))
    assert [one.lap for one in of(events, LapTimeDeleted)] == laps
    assert len(of(events, DataDoubted)) == doubts


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("10 SECOND TIME PENALTY FOR CAR 9 (ERI) - CAUSING A COLLISION", "time", 10),
        ("10 SECOND STOP/GO PENALTY FOR CAR 9 (ERI)", "stop_and_hold", 10),
        ("DRIVE THROUGH PENALTY FOR CAR 9 (ERI) - SPEEDING", "drive_through", None),
        ("BLACK AND WHITE FLAG FOR CAR 9 (ERI) - TRACK LIMITS", "warning", None),
        ("CAR 9 (ERI) DISQUALIFIED", "disqualification", None),
    ],
)
def test_penalties_in_words(text: str, kind: str, amount: int | None) -> None:
    found = penalty_in(text)
    assert found is not None
    assert (found.car, found.kind, found.amount) == ("9", kind, amount)


@pytest.mark.parametrize(
    "text",
    [
        "5 PLACE GRID PENALTY FOR CAR 9 (ERI)",
        "TURN 2 INCIDENT INVOLVING CARS 9 (ERI) AND 20 (MAG) UNDER INVESTIGATION",
    ],
)
def test_words_that_impose_nothing(text: str) -> None:
    assert penalty_in(text) is None
    assert deletion_in(text) is None


def test_the_car_of_a_message() -> None:
    assert car_in("CAR 27 (HUL) STOPPED AT TURN 5") == "27"
    assert car_in("INCIDENT INVOLVING CARS 9 (ERI) AND 20 (MAG)") is None


def test_the_weather() -> None:
    sent = {"AirTemp": "21.1", "Rainfall": "0", "WindSpeed": "1.0", "WindDirection": "360"}
    events = events_of("Race", car(0, "4"), WeatherData=stream("WeatherData", (70_000, sent)))
    (weather,) = of(events, WeatherMeasured)
    assert (weather.air_c, weather.rain, weather.wind_kph) == (21.1, False, 3.6)
    assert weather.wind_direction_deg == 0


@pytest.mark.parametrize("figure", ["nan", "inf", "-inf", "1e400"])
def test_a_figure_of_the_weather_that_is_no_number_is_left_out(figure: str) -> None:
    sent = {"AirTemp": "21.1", "WindDirection": figure, "WindSpeed": figure}
    events = events_of("Race", car(0, "4"), WeatherData=stream("WeatherData", (70_000, sent)))
    (weather,) = of(events, WeatherMeasured)
    assert (weather.air_c, weather.wind_kph, weather.wind_direction_deg) == (21.1, None, None)


def test_a_doubt_stands_at_its_message() -> None:
    sent = messages((70_000, "YELLOW"), Flag="YELLOW", Scope="Sector", Sector=-1)
    weather = stream("WeatherData", (80_000, {"AirTemp": "999"}))
    events = events_of("Race", car(0, "4"), RaceControlMessages=sent, WeatherData=weather)
    doubts = {one.column: one.at for one in of(events, DataDoubted)}
    assert doubts == {"Sector": 70_000 - START, "weather": 80_000 - START}
