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
        # exports of other systems, and other languages
        ("PILOT1", "Ann Driver", "Bob Racer"),
        ("Pilot", "Ann Driver", "Bob Racer"),
        ("NAME", "Ann Driver", "Bob Racer"),
        ("Name;First Name", "Driver;Ann", "Racer;Bob"),
        ("Fahrer", "Ann Driver", "Bob Racer"),
        ("Vorname;Nachname", "Ann;Driver", "Bob;Racer"),
        ("Prénom;Nom", "Ann;Driver", "Bob;Racer"),
        ("PILOTO_NOMBRE;PILOTO_APELLIDOS", "Ann;Driver", "Bob;Racer"),
        ("CREW", "Ann Driver", "Bob Racer"),
        ("COMPETITOR", "Ann Driver", "Bob Racer"),
        ("D1_FIRSTNAME;D1_SURNAME", "Ann;Driver", "Bob;Racer"),
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
        ("PILOT1;PILOT2;PILOT3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("Pilote 1;Pilote 2;Pilote 3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("DRIVER_A;DRIVER_B;DRIVER_C", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("1st Driver;2nd Driver;3rd Driver", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("FIRST_DRIVER;SECOND_DRIVER;THIRD_DRIVER", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("D1;D2;D3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("NAME1;NAME2;NAME3", "Ann DRIVER;Bob RACER;Cy O'NEIL"),
        ("PILOTS", "Ann DRIVER|Bob RACER|Cy O'NEIL"),
        ("Pilotes", '"Ann DRIVER\nBob RACER\nCy O\'NEIL"'),
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
    longest = f"{HEAD};DRIVER_{'ALPHA' * 50}\n{ONE};Ann Driver\n"
    assert result_events(parse_results(longest, "results.csv"), title="A race")
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


@pytest.mark.parametrize(
    ("row", "position", "status"),
    [
        ("DNF;7;5;9:00.000", 2, "retired"),
        ("NC;7;5;9:00.000", 2, "not_classified"),
        ("EX;7;5;9:00.000", 2, "disqualified"),
        ("dns;7;0;", 2, "not_started"),
        (";7;0;", 2, "not_started"),
        ("2.;7;5;9:00.000", 2, "classified"),
    ],
)
def test_a_status_in_place_of_a_place(row, position, status):
    """Public results print why a car has no place where its place would be."""
    text = f"Pos;No;Laps;Total Time\n1;31;9;8:00.000\n{row}\n"
    results = parse_results(text, "result.csv")
    found = results.lines[1].row
    assert (found.car, found.position, found.status) == ("7", position, status)
    assert (results.kind, results.doubts) == ("race", ())


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("POS;CAR;LAPS;TOTAL_TIME;FL_TIME", "1;7;3;3:00.000;59.000"),
        ("Pos.;No.;Name;Laps;Total Tm;Best Tm;In Lap", "1.;7;Ann Driver;3;3:00;59,0;2"),
        ("place;#;laps;elapsed time;best lap", "1;7;3.0;3:00.000;59"),
        ("Position\tCar No\tLaps\tElapsed\tBest Time", "1\t7\t3\t3:00.000\t59.0"),
        ("Results of the race\n\nPOS|NUMBER|LAPS|TOTAL_TIME|FL_TIME", "1|7|3|3:00.000|59.000"),
        ("Platz;Startnummer;Runden;Gesamtzeit;Bestzeit", "1;7;3;3:00,000;59,000"),
        ("Rang;N°;Tours;Temps total;Meilleur tour", "1;7;3;3:00.000;59.000"),
        ("Posición;Dorsal;Vueltas;Tiempo total;Mejor vuelta", "1;7;3;3:00.000;59.000"),
        ("Posizione;Numero;Giri;Tempo totale;Miglior giro", "1;7;3;3:00.000;59.000"),
    ],
    ids=[
        *("car", "with dots", "small letters", "tabs", "a title"),
        *("German", "French", "Spanish", "Italian"),
    ],
)
def test_results_of_other_systems(heading, cells):
    """The same facts under other headings."""
    results = parse_results(f"{heading}\n{cells}\n", "result.csv")
    row = results.lines[0].row
    assert (row.position, row.car, row.laps, row.total_ms, row.best_lap_ms) == (
        *(1, "7", 3, 180_000, 59_000),
    )
    assert (results.kind, results.doubts) == ("race", ())


def test_a_time_that_is_of_no_lap():
    """A ``TIME`` of hours is the time of the race, where a result has no other."""
    row = "2024;1;Hypercar;50;Ferrari;A B|C D;311;24:01:55.856"
    results = parse_results(f"Year;Pos;Class;No;Team;Drivers;Laps;Time\n{row}\n", "result.csv")
    assert (results.kind, results.lines[0].row.total_ms) == ("race", 86_515_856)
    assert [driver.name for driver in results.lines[0].crew] == ["A B", "C D"]


def test_a_result_in_json():
    """Facts and crews are those of the table; a car's drivers are a list of their own."""
    text = """{"session": {"name": "Race"}, "classification": [
        {"position": 1, "number": "007", "status": "Classified", "laps": 3, "class": "GT",
         "elapsed_time": "3:00.000", "fastest_lap_time": "59.000", "fastest_lap_number": 2,
         "group": "P/A", "team": "Team A", "drivers": [
            {"number": 1, "firstname": "Ann", "surname": "DRIVER", "country": "NLD"},
            {"number": 2, "firstname": "Bob", "surname": "RACER", "license": "Gold"}]},
        {"position": null, "number": "8", "status": "Not started", "laps": 0, "drivers": []}]}"""
    results = parse_results(text, "result.json")
    first, second = results.lines
    assert (first.row.car, first.row.total_ms, first.row.best_lap, first.row.best_lap_ms) == (
        *("007", 180_000, 2, 59_000),
    )
    assert (first.subclass, first.team) == ("P/A", "Team A")
    assert [(one.number, one.name, one.country, one.rating) for one in first.crew] == [
        (1, "Ann DRIVER", "NLD", None),
        (2, "Bob RACER", None, "Gold"),
    ]
    assert (second.row.status, second.row.position, results.doubts) == ("not_started", 2, ())


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
        *((cell, "disqualified") for cell in ("EX", "Exc.", "EXCL", "Excluded", "D.S.Q.", "DQ")),
        *((cell, "not_classified") for cell in ("N/C", "not-classified", "NOT_CLASSIFIED", "NC.")),
        *((cell, "retired") for cell in ("Ret.", "RETD", " dnf ", "Abandon", "Retirement")),
        *((cell, "withdrawn") for cell in ("WD", "W/D")),
        ("Disqualifié", "disqualified"),
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
        (";3;3:00.000", ";3;3:60", "TOTAL_TIME", "left out"),
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
