"""Results under the headings of every series that Al Kamel times, and what is doubtful in them."""

from __future__ import annotations

import pytest

import events as ev
from events.formats.alkamel_events import result_events
from events.formats.alkamel_results import parse_results
from tests.alkamel import result_row, result_text

HEAD = "POSITION;NUMBER;STATUS;LAPS;TOTAL_TIME;FL_LAPNUM;FL_TIME;TEAM;CLASS;VEHICLE"
ONE = "1;55;Classified;26;46:41.553;7;1:39.748;Team A;Am;Make X"
TWO = "2;2;Classified;26;46:41.723;4;1:40.305;Team B;Am;Make X"
BY_SEAT = ";".join(f"DRIVER{seat}_FIRSTNAME;DRIVER{seat}_SECONDNAME" for seat in (1, 2, 3))


def crews(text: str) -> list[list[tuple[int, str]]]:
    """The seat and name of each driver, by car, and no doubt about them."""
    results = parse_results(text, "results.csv")
    assert results.doubts == ()
    return [[(driver.number, driver.name) for driver in line.crew] for line in results.lines]


@pytest.mark.parametrize(
    ("heading", "first", "second"),
    [
        # GR Cup and Formula E
        ("DRIVER_FIRSTNAME;DRIVER_SECONDNAME", "Ann;Driver", "Bob;Racer"),
        ("DRIVER_FIRSTNAME;DRIVER_LASTNAME;DRIVER_COUNTRY", "Ann;Driver;USA", "Bob;Racer;GBR"),
        # IMSA and SRO, with one driver a car
        ("DRIVER1_FIRSTNAME;DRIVER1_SECONDNAME", "Ann;Driver", "Bob;Racer"),
        ("DRIVER1_FIRSTNAME;DRIVER1_SURNAME", "Ann;Driver", "Bob;Racer"),
        # WEC and ELMS
        ("DRIVER_1;DRIVER_2", "Ann Driver;", "Bob Racer;"),
        ("DRIVER1;DRIVER2", "Ann Driver;", "Bob Racer;"),
        ("DRIVER1_NAME", "Ann Driver", "Bob Racer"),
        ("DRIVERS", "Ann Driver", "Bob Racer"),
        ("DRIVER_NAME", "Ann  Driver ", "Bob Racer"),
        ("DRIVER", "Ann Driver", "Bob Racer"),
    ],
)
def test_one_driver_a_car(heading, first, second):
    """The one driver of each car is found under the headings of every series."""
    text = f"{HEAD};{heading}\n{ONE};{first}\n{TWO};{second}\n"
    assert crews(text) == [[(1, "Ann Driver")], [(1, "Bob Racer")]]


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("DRIVER_1;DRIVER_2;DRIVER_3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("DRIVER_1;DRIVER_2;VEHICLE_2;DRIVER_3", "Ann DRIVER;Bob RACER;;Cy O'NEIL"),
        ("DRIVER_2;DRIVER_1;DRIVER_3", "Bob RACER;Ann DRIVER;Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER / Bob RACER / Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER/Bob RACER/Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER, Bob RACER, Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER & Bob RACER & Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER - Bob RACER - Cy O'NEIL"),
        ("DRIVERS", "Ann DRIVER + Bob RACER + Cy O'NEIL"),
        ("DRIVERS", '"Ann DRIVER; Bob RACER; Cy O\'NEIL"'),
        (BY_SEAT, "Ann;DRIVER;Bob;RACER;Cy;O'NEIL"),
        ("driver 1;Driver 2;Driver3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        *(
            (";".join(head.format(seat) for seat in (1, 2, 3)), "Ann;DRIVER;Bob;RACER;Cy;O'NEIL")
            for head in (
                "DRIVER_{0}_FIRSTNAME;DRIVER_{0}_SECONDNAME",
                "DRIVER{0}_FIRST_NAME;DRIVER{0}_LAST_NAME",
                "DRIVER{0}_NAME;DRIVER{0}_SURNAME",
                "FIRSTNAME{0};LASTNAME{0}",
            )
        ),
    ],
)
def test_a_crew_of_three(heading, cells):
    """Seats are those of the headings, or the order of the names in one cell."""
    text = f"{HEAD};{heading}\n{ONE};{cells}\n"
    assert crews(text) == [[(1, "Ann DRIVER"), (2, "Bob RACER"), (3, "Cy O'NEIL")]]


def test_a_name_with_a_comma():
    """A family name before its first name is one driver, not two."""
    assert crews(f"{HEAD};DRIVERS\n{ONE};Driver, Ann\n") == [[(1, "Driver, Ann")]]


def test_drivers_under_unknown_headings():
    """A file that names its drivers in no known way is doubted, not silent."""
    text = f"{HEAD};DRIVER_ALPHA\n{ONE};Ann Driver\n"
    results = parse_results(text, "results.csv")
    [doubt] = results.doubts
    assert (doubt.line, doubt.column, doubt.treatment) == (1, "DRIVER_ALPHA", "no drivers")
    assert results.lines[0].crew == ()


BY_CLASS = "CLASS_TYPE;POS;PIC;NUMBER;TEAM;VEHICLE;DRIVERS;LAPS;ELAPSED;GAP_FIRST;GAP_PREVIOUS;"
BY_CLASS += "BEST_LAP_NUM;BEST_LAP_TIME;BEST_LAP_KPH;"


@pytest.mark.parametrize(
    ("am", "pro"),
    [(("2", "1"), ("1", "1")), (("1", "1"), ("1", "1")), (("1", ""), ("1", ""))],
    ids=["overall places", "places in class", "no PIC"],
)
def test_results_by_class(am, pro):
    """A result by class is a race's, in overall order; places may begin anew in each class."""
    rows = [
        f"Am;{am[0]};{am[1]};68;Team A;X;Ann Driver / Bob Racer;72;3:02:32.386;;;17;2:15.187;1;",
        f"Pro;{pro[0]};{pro[1]};7;Team B;Y;Cy O'Neil;72;3:01:32.386;;;16;2:14.187;1;",
    ]
    results = parse_results("\n".join([BY_CLASS, *rows]), "05_Results by Class.csv")
    assert results.kind == "race"
    first, second = results.lines
    assert (first.row.car, first.row.position, first.row.car_class) == ("7", 1, "Pro")
    assert (second.row.car, second.row.position, second.row.laps) == ("68", 2, 72)
    assert (first.row.total_ms, first.row.best_lap, first.row.best_lap_ms) == (
        *(10_892_386, 16, 134_187),
    )
    assert (first.row.status, first.line, second.line) == ("classified", 3, 2)
    assert [driver.name for driver in second.crew] == ["Ann Driver", "Bob Racer"]


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ([("1", "8", "", 10, 50), ("2", "9", "Disqualified", 10, 49)], "8 3 4 9"),
        ([("1", "8", "", 10, 50), ("2", "9", "", 10, 49)], "8 9 3 4"),
        ([("1", "8", "", 9, 49), ("2", "9", "", 10, 51)], "3 4 8 9"),
    ],
    ids=["disqualified", "a penalty that costs a place", "laps taken away"],
)
def test_places_of_a_class_hold(rows, order):
    """Results by class put together: what was decided in a class is not undone by the times."""
    others = [("1", "3", "", 9, 48), ("2", "4", "", 9, 48)]
    text = "POSITION;NUMBER;STATUS;LAPS;TOTAL_TIME;CLASS\n" + "".join(
        f"{place};{car};{status};{laps};{minutes}:00.000;{car_class}\n"
        for car_class, cars in (("GTP", rows), ("GT", others))
        for place, car, status, laps, minutes in cars
    )
    assert " ".join(line.row.car for line in parse_results(text, "05.csv").lines) == order


def test_a_subclass_of_a_result_without_laps():
    """GROUP is the sub-class of the entry."""
    text = result_text(result_row(1, "7", 3, 9, group="P/A"), result_row(2, "8", 3, 10))
    events = result_events(parse_results(text, "result.csv"), title="A race")
    entries = {one.car: one.subclass for one in events if isinstance(one, ev.EntryAdded)}
    assert entries == {"7": "P/A", "8": None}


def test_results_by_class_without_names():
    """An anonymised result has neither teams nor drivers."""
    text = "CLASS_TYPE;POS;PIC;NUMBER;VEHICLE;LAPS;ELAPSED;BEST_LAP_NUM;BEST_LAP_TIME;\n"
    text += "Am;1;1;13;Make X;23;45:30.694;13;1:40.747;\nAm;;;14;Make X;0;;;;\n"
    first, second = parse_results(text, "05.csv").lines
    assert (first.row.status, first.team, first.crew) == ("classified", None, ())
    assert (second.row.status, second.row.position) == ("not_started", 2)


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        ("Classified", "classified"),
        ("NOT CLASSIFIED", "not_classified"),
        ("DNF", "retired"),
        ("Did not finish", "retired"),
        ("DNS", "not_started"),
        ("DSQ", "disqualified"),
        ("Withdrawn", "withdrawn"),
        ("", "classified"),
    ],
)
def test_statuses(printed, status):
    """A status in words or as an abbreviation; without one a car with a lap is classified."""
    [line] = parse_results(result_text(result_row(1, "7", 3, 9, status=printed)), "r.csv").lines
    assert line.row.status == status


@pytest.mark.parametrize(
    ("old", "new", "column", "treatment"),
    [
        ("Classified", "Perhaps", "STATUS", "taken as classified"),
        (";3;3:00.000", ";3;3:00", "TOTAL_TIME", "left out"),
        (";2;59.000", ";two;59.000", "FL_LAPNUM", "left out"),
        (";2;59.000", ";2;fast", "FL_TIME", "left out"),
        (";3;3:00.000", ";0;", "STATUS", "kept as it is"),
    ],
    ids=["status", "total", "best lap", "best time", "classified without a lap"],
)
def test_a_doubtful_cell_of_a_result(old, new, column, treatment):
    """What no place rests on costs no result, and is pointed out with car and line."""
    text = result_text(result_row(1, "7", 3, 180_000, best=(2, 59_000)))
    assert old in text
    results = parse_results(text.replace(old, new, 1), "result.csv")
    [doubt] = results.doubts
    assert (doubt.line, doubt.column, doubt.car, doubt.treatment) == (2, column, "7", treatment)
    assert results.lines[0].row.position == 1
    events = result_events(results, title="A race")
    assert [event.column for event in events if isinstance(event, ev.DataDoubted)] == [column]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Mathieu Jaminet", "Matthieu Jaminet", True),
        ("Mathieu Jaminet", "Mathieu Jaminte", True),
        ("Nick Tandyson", "Nick Tandysen", True),
        ("Mathieu JAMINET", "Mathieu Jaminet", False),
        ("Mathieu Jaminet", "Matheus Jaminet", False),
        ("Bo Li", "Bo Le", False),
    ],
    ids=["a letter more", "changed places", "replaced", "case", "two letters", "short"],
)
def test_names_that_are_nearly_equal(one, other, alike):
    """One slip apart, two names may be one person's: pointed out, and both kept."""
    rows = (
        result_row(1, "7", 3, 9, crew=[tuple(one.split())]),
        result_row(2, "8", 3, 10, crew=[tuple(other.split())]),
    )
    events = result_events(parse_results(result_text(*rows), "result.csv"), title="A race")
    doubts = [event for event in events if isinstance(event, ev.DataDoubted)]
    expected = [("8", 3, other, f"nearly the name of {one}", "kept as it is")] if alike else []
    assert [(d.car, d.line, d.value, d.reason, d.treatment) for d in doubts] == expected
    names = [event.drivers[0].name for event in events if isinstance(event, ev.EntryAdded)]
    assert names == [one, other]
