"""Al Kamel files in the small: what is read, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import BadTimingFile
from events.formats.alkamel import LAPS_COLUMNS, LapsFile, parse_laps
from events.formats.alkamel_results import parse_results
from events.formats.doubts import MOST_DOUBTS
from events.formats.table import parse_times
from tests.alkamel import HEADER, Lap, car, laps_text, result_row, result_text, written

TWO_CARS = laps_text(
    car("007", Lap(), Lap(b=True), Lap(s1=60_000, pit=50_000, driver=2)),
    car("7", Lap(20_500), Lap(20_500, flag="FCY"), car_class="PRO", team="Team B", make="Make B"),
)


def as_imsa_writes_it(text: str) -> str:
    """The same table with commas, LF and quotes where a value holds a comma."""
    lines = io.StringIO()
    rows = csv.reader(io.StringIO(text), delimiter=";")
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


def fault(text: str) -> BadTimingFile:
    """What is wrong with a laps file."""
    with pytest.raises(BadTimingFile) as raised:
        parse_laps(text, "laps.csv")
    assert "\n" not in str(raised.value)
    return raised.value


def result_fault(text: str) -> BadTimingFile:
    """What is wrong with a result."""
    with pytest.raises(BadTimingFile) as raised:
        parse_results(text, "result.csv")
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_car_has_its_laps():
    """A car's rows become its laps, with its class, team, make and crew."""
    run, other = parse_laps(TWO_CARS, "laps.csv").cars
    assert (run.car, run.car_class, run.team, run.manufacturer) == ("007", "GT", "Team A", "Make A")
    assert run.completed_at == [60_000, 120_000, 220_000]
    assert run.started_at == [0, 60_000, 120_000]
    assert run.lap_times == [60_000, 60_000, 100_000]
    assert run.sectors == ([20_000, 20_000, 60_000], [30_000] * 3, [10_000] * 3)
    assert run.in_pit_lane == [False, True, False]
    assert run.pit_times == [None, None, 50_000]
    assert run.drivers == ["Ann DE VRIES", "Ann DE VRIES", "Bo Čech"]
    assert run.crew == {1: "Ann DE VRIES", 2: "Bo Čech"}
    assert (other.car, other.car_class, other.flags) == ("7", "PRO", ["green", "fcy"])
    assert ([*run.lines], [*other.lines]) == ([2, 3, 4], [5, 6])


def test_both_dialects_are_the_same_file():
    """Semicolons with CRLF and commas with LF and quotes tell the same laps."""
    with_comma = TWO_CARS.replace("Team A", 'Team "A", Inc.').replace("Team B", "Team, B")
    with_comma = with_comma.replace('"', "")
    imsa = as_imsa_writes_it(with_comma)
    assert '"Team, B"' in imsa
    assert parse_laps(imsa, "laps.csv") == parse_laps(with_comma, "laps.csv")


def without_lines(text: str) -> LapsFile:
    """Return the laps without the numbers of their lines."""
    laps = parse_laps(text, "laps.csv")
    return replace(laps, cars=tuple(replace(run, lines=()) for run in laps.cars))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removeprefix("\ufeff"),
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.removesuffix("\r\n"),
        lambda text: text + "\r\n\r\n",
        lambda text: text.replace(";\r\n", "\r\n"),
        lambda text: text.replace("FLAG_AT_FL;\r\n", "FLAG_AT_FL\r\n"),
        lambda text: text.replace("Team A", '"Team A"'),
        lambda text: text.replace(";Team A", "; Team A "),
        lambda text: text.replace("\r\n7;", "\r\n 7;"),
        lambda text: text.replace("1:40.000", "1'40.000").replace("3:40.000", "3'40.000"),
        lambda text: text.replace(";", "\t"),
        lambda text: text.replace(";", "|"),
        lambda text: text.replace("\r\n", "\r"),
        lambda text: text.replace(".", ","),
        lambda text: re.sub(r"(\d)\.000;", r"\1;", text),
        lambda text: HEADER.lower().join(text.split(HEADER)),
        lambda text: HEADER.replace("_", " ").title().join(text.split(HEADER)),
        lambda text: HEADER.replace(" ", "  ").replace(";", " ;").join(text.split(HEADER)),
        lambda text: re.sub(r"([A-Z_\d]+);", r'"\1";', HEADER).join(text.split(HEADER)),
        lambda text: text.replace("\r\n", "\r\n\r\n"),
        lambda text: text + ";" * 25 + "\r\n",
        lambda text: text + "," * 25 + "\r\n",
        lambda text: text.replace("\r\n7;1;1;", f"\r\n{HEADER}\r\n7;1;1;"),
        lambda text: "sep=;\r\n" + text,
        lambda text: text.replace("GF", "gf ").replace("FCY", " Fcy"),
        lambda text: text.replace("007;1;1;", "007;1;01;").replace("7;1;2;", "7;1;2.0;"),
        lambda text: text.replace("007;2;3", "007;2.0;3.0"),
        lambda text: text.replace("007;", "#007;"),
        lambda text: text.replace("NUMBER; DRIVER_NUMBER; LAP_NUMBER", "No.; DRIVER_NUMBER; Lap"),
    ],
    ids=[
        "no byte-order mark",
        "LF",
        "no end of line at the end",
        "blank lines at the end",
        "no separator at the ends of lines",
        "a separator at the ends of rows only",
        "quotes without need",
        "blanks around a name",
        "a blank before a number",
        "apostrophes in times",
        "tabs",
        "bars",
        "CR",
        "decimal commas",
        "times without fractions",
        "headings in small letters",
        "headings in words",
        "blanks in headings",
        "quoted headings",
        "blank lines between",
        "a row of separators",
        "a row of other separators",
        "headings repeated",
        "the line of a spreadsheet that names the separator",
        "flags in small letters",
        "padded numbers of laps",
        "whole numbers with a fraction",
        "a sign before the car's number",
        "other headings",
    ],
)
def test_what_makes_no_difference(change):
    """Marks, blanks, line ends, quotes and the sign between minutes and seconds tell nothing."""
    changed = change(TWO_CARS)
    assert changed != TWO_CARS
    assert without_lines(changed) == without_lines(TWO_CARS)


@pytest.mark.parametrize(
    "footer",
    [
        "TOTAL",
        "Total:;5",
        "Total,,,",
        "Total" + ";" * 26,
        ";;5" + ";" * 24,
        "Printed by Al Kamel Systems",
    ],
)
def test_a_footer_is_no_lap(footer):
    """Totals and text below the last row are left out, with a doubt."""
    laps = parse_laps(TWO_CARS + footer, "laps.csv")
    sound = parse_laps(TWO_CARS, "laps.csv")
    assert laps.cars == sound.cars
    [doubt] = laps.doubts
    assert (doubt.line, doubt.reason, doubt.car) == (7, "not a row of the table", None)


@pytest.mark.parametrize(
    ("number", "lap", "lap_time", "driver"),
    [
        ("Startnummer", "Runde", "Rundenzeit", "Fahrer"),
        ("N°", "Tour", "Temps", "Pilote"),
        ("Número", "Vuelta", "Tiempo", "Piloto"),
        ("Numero", "Giro", "Tempo", "Pilota"),
    ],
    ids=["German", "French", "Spanish", "Italian"],
)
def test_headings_in_other_languages(number, lap, lap_time, driver):
    """The laps are found under the usual words of four languages."""
    names = {"NUMBER": number, "LAP_NUMBER": lap, "LAP_TIME": lap_time, "DRIVER_NAME": driver}
    header = ";".join(names.get(name.strip(), name) for name in HEADER.split(";"))
    assert without_lines(TWO_CARS.replace(HEADER, header)) == without_lines(TWO_CARS)


def test_the_same_laps_in_json():
    """Cars with their drivers and laps, as the JSON form has them; rows are counted from 1."""
    table = csv.DictReader(io.StringIO(TWO_CARS.removeprefix("\ufeff")), delimiter=";")
    rows = [{(name or "").strip(): cell for name, cell in row.items()} for row in table]
    cars = [
        {
            "number": number,
            "class": laps[0]["CLASS"],
            "team": laps[0]["TEAM"],
            "manufacturer": laps[0]["MANUFACTURER"],
            "drivers": [
                {"number": 1, "firstname": "Ann", "surname": "DE VRIES"},
                {"number": 2, "firstname": "Bo", "surname": "Čech"},
            ],
            "laps": [
                {
                    "number": int(lap["LAP_NUMBER"]),
                    "driver_number": lap["DRIVER_NUMBER"],
                    "time": lap["LAP_TIME"],
                    "session_elapsed": lap["ELAPSED"],
                    "hour": lap["HOUR"],
                    "crossing_pit_finish_lane": bool(lap["CROSSING_FINISH_LINE_IN_PIT"]),
                    "pit_time": lap["PIT_TIME"],
                    "flag": lap["FLAG_AT_FL"],
                    "sector_times": [{"index": n, "time": lap[f"S{n}"]} for n in (1, 2, 3)],
                }
                for lap in laps
            ],
        }
        for number, laps in (("007", rows[:3]), ("7", rows[3:]))
    ]
    text = json.dumps({"session": {"session_name": "Race"}, "participants": cars})
    assert without_lines(text) == without_lines(TWO_CARS)
    assert [[*run.lines] for run in parse_laps(text, "laps.json").cars] == [[1, 2, 3], [4, 5]]
    assert "laps file" in result_fault(text).reason


def test_columns_are_found_by_their_headings():
    """Columns may stand in any order."""
    rows = [line.split(";") for line in TWO_CARS.removeprefix("\ufeff").splitlines()]
    reversed_columns = "\n".join(";".join(cells[-2::-1]) for cells in rows)
    assert parse_laps(reversed_columns, "laps.csv") == parse_laps(TWO_CARS, "laps.csv")


def test_the_older_form_has_no_flags():
    """A file of 26 columns lacks FLAG_AT_FL, and is read without."""
    older = re.sub(r"(FLAG_AT_FL|GF|FCY);\r\n", "\r\n", TWO_CARS)
    assert older.splitlines()[0].count(";") == 25
    laps = parse_laps(older, "laps.csv")
    assert not laps.has_flags
    assert laps.cars[0].flags == [None, None, None]


def test_the_start_is_before_midnight_and_the_end_after():
    """HOUR wraps at midnight: the time of day at the start is what every row says it is."""
    late = laps_text(car("7", *[Lap()] * 3, start=86_400_000 - 90_000))
    assert "23:59:30.000" in late
    assert "00:00:30.000" in late
    assert parse_laps(late, "laps.csv").start_of_day_ms == 86_400_000 - 90_000


def test_summer_time_ends():
    """HOUR may fall back by an hour, ELAPSED does not."""
    text = laps_text(car("7", *[Lap()] * 3, start=9_000_000))
    text = text.replace("02:33:00.000", "01:33:00.000")
    assert parse_laps(text, "laps.csv").start_of_day_ms == 9_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("9.960", 9_960),
        ("59.999", 59_999),
        ("1:36.144", 96_144),
        ("1'36.144", 96_144),
        ("54:53.168", 3_293_168),
        ("4:00'04.690", 14_404_690),
        ("4:00:04.690", 14_404_690),
        ("24:01:55.856", 86_515_856),
        ("100:00:00.000", 360_000_000),
        ("", None),
        ("39.57", 39_570),
        ("40", 40_000),
        ("1:39.5", 99_500),
        ("12:01:40.0", 43_300_000),
        ("2:00", 120_000),
        ("1:02:03", 3_723_000),
        ("1:00,000", 60_000),
        ("39,5", 39_500),
        (" 1:00.000 ", 60_000),
    ],
)
def test_times_in_every_form(text, ms):
    """Apostrophes for colons, commas for points, zeros dropped from the end, blanks around."""
    assert parse_times([text]) == [ms]
    assert parse_times(["1:00.000", text, ""]) == [60_000, ms, None]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1:60.000",
            "60.000",
            "1:5.000",
            "60:00.000",
            "1:60:00.000",
            "1:60",
            "90",
            "60.5",
            "1:5.0",
            "-1.000",
        ),
        *(
            "1:00,0000",
            "1.0000",
            "x",
            "1:00.00x",
            "1::00.000",
            "1:00 .000",
            "٣٥.200",
            "1\n2",
            "+1.000",
        ),
        *("1_0.000", "1000:00:00.000", ":10.000", "1e3"),
    ],
)
def test_what_is_no_time(text):
    """Minutes and seconds past 59, longer fractions and other signs are refused."""
    assert parse_times(["1:00.000", text]) is None


@given(st.lists(st.none() | st.integers(0, 999 * 3_600_000)))
def test_times_written_are_times_read(times):
    """A column of times is read back as it was written."""
    assert parse_times([written(ms) for ms in times] or [""]) == (times or [None])


@pytest.mark.parametrize("column", LAPS_COLUMNS)
def test_a_missing_column_is_named(column):
    """Every column that is needed is missed by its name, on line 1."""
    names = [name.strip() for name in HEADER.split(";")]
    header = ";".join("X" if name == column else name for name in names)
    error = fault(TWO_CARS.replace(HEADER, header))
    assert (error.file, error.line, error.column) == ("laps.csv", 1, column)
    assert "no such column" in error.reason


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "value"),
    [
        ("007;1;1;", "007;1;x;", 2, "LAP_NUMBER", "x"),
        ("007;1;2;", "007;1;3;", 3, "LAP_NUMBER", "3"),
        ("007;2;3;", "007;2;2;", 4, "LAP_NUMBER", "2"),
        ("007;1;1;", "007;1;0;", 2, "LAP_NUMBER", "0"),
        (";2:00.000;", ";2:01.000;", 3, "ELAPSED", "2:01.000"),
        (";2:00.000;", ";1:00.000;", 3, "ELAPSED", "1:00.000"),
        (";2:00.000;", ";;", 3, "ELAPSED", ""),
        (";2:00.000;", ";2:00,0000;", 3, "ELAPSED", "2:00,0000"),
        ("\r\n7;1;1", "\r\n;1;1", 5, "NUMBER", ""),
        ("\r\n7;1;1", "\r\n12345678901234567;1;1", 5, "NUMBER", "12345678901234567"),
    ],
)
def test_a_bad_cell_is_named(old, new, line, column, value):
    """File, line, column and value of what is wrong stand in the one line of the error."""
    text = TWO_CARS.replace(old, new, 1)
    error = fault(text)
    assert (error.file, error.line, error.column, error.value) == ("laps.csv", line, column, value)
    assert all(part in str(error) for part in ("laps.csv", str(line), column, repr(value)))


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "value"),
    [
        ("007;1;1;1:00.000", "007;1;1;61.000", 2, "LAP_TIME", "61.000"),
        ("007;1;1;1:00.000", "007;1;1;", 2, "LAP_TIME", ""),
        ("007;1;1;1:00.000", "007;1;1;1:01.000", 2, "LAP_TIME", "1:01.000"),
        ("007;1;1;1:00.000", "007;1;1;0.000", 2, "LAP_TIME", "0.000"),
        (";20.000;", ";0.000;", 2, "S1", "0.000"),
        (";20.000;", ";twenty;", 2, "S1", "twenty"),
        (";20.000;", ";20.500;", 2, "S1", "20.500 + 30.000 + 10.000"),
        (";20.000;", ";1:20.000;", 2, "S1", "1:20.000 + 30.000 + 10.000"),
        (";12:02:00.000;", ";12:02:03.000;", 3, "HOUR", "12:02:03.000"),
        (";12:02:00.000;", ";24:02:60.000;", 3, "HOUR", "24:02:60.000"),
        (";12:01:00.000;", ";12:02:00.000;", 2, "HOUR", "12:02:00.000"),
        (";;20.000;0;30.000", ";X;20.000;0;30.000", 2, "CROSSING_FINISH_LINE_IN_PIT", "X"),
        (";50.000;GT", ";99;GT", 4, "PIT_TIME", "99"),
        ("FCY", "XX", 6, "FLAG_AT_FL", "XX"),
        ("FCY", "F C Y", 6, "FLAG_AT_FL", "F C Y"),
        ("007;2;3", "007;x;3", 4, "DRIVER_NUMBER", "x"),
        ("007;2;3", "007;12;3", 4, "DRIVER_NUMBER", "12"),
        ("Bo Čech", "B" * 100, 4, "DRIVER_NAME", "B" * 57 + "..."),
        ("GT;;Team A;Make A", "GTX;;Team A;Make A", 2, "CLASS", "GTX"),
        ("GT;;Team A;Make A", "GT;;Team X;Make A", 2, "TEAM", "Team X"),
    ],
)
def test_a_doubtful_cell_costs_no_race(old, new, line, column, value):
    """What the order does not rest on is left out or replaced, and recorded as a doubt."""
    sound = parse_laps(TWO_CARS, "laps.csv")
    laps = parse_laps(TWO_CARS.replace(old, new, 1), "laps.csv")
    [doubt] = laps.doubts
    assert (doubt.file, doubt.line, doubt.column, doubt.value) == ("laps.csv", line, column, value)
    assert (doubt.car, doubt.at) == {
        2: ("007", 60_000),
        3: ("007", 120_000),
        4: ("007", 220_000),
        6: ("7", 121_000),
    }[line]
    for run, other in zip(laps.cars, sound.cars, strict=True):
        assert (run.car, run.completed_at, run.lap_times) == (
            *(other.car, other.completed_at, other.lap_times),
        )
        assert (run.car_class, run.team) == (other.car_class, other.team)
    assert laps.start_of_day_ms == sound.start_of_day_ms


def test_a_lap_time_that_only_elapsed_contradicts():
    """HOUR or the sectors confirm ELAPSED; without both, nothing says which of the two is right."""
    text = TWO_CARS.replace("007;1;1;1:00.000", "007;1;1;1:01.000", 1)
    text = text.replace("HOUR", "X")
    assert [doubt.column for doubt in parse_laps(text, "laps.csv").doubts] == ["LAP_TIME"]
    error = fault(re.sub("S[123];", "X;", text))
    assert (error.line, error.column, error.value) == (2, "ELAPSED", "1:00.000")


def test_the_doubts_of_a_column_are_bounded():
    """A column that is wrong throughout gives a hundred doubts, the last of which counts on."""
    text = laps_text(car("7", *[Lap(flag="XX")] * 250))
    doubts = parse_laps(text, "laps.csv").doubts
    assert len(doubts) == MOST_DOUBTS
    assert doubts[-1].reason.startswith(f"{250 - MOST_DOUBTS + 1} more values")
    assert doubts[-1].line == MOST_DOUBTS + 1


NOT_NEEDED = {
    *("DRIVER_NUMBER", "CROSSING_FINISH_LINE_IN_PIT", "S1", "S2", "S3", "HOUR", "DRIVER_NAME"),
    *("PIT_TIME", "CLASS", "GROUP", "TEAM", "MANUFACTURER", "FLAG_AT_FL", "TOP_SPEED"),
}


@pytest.mark.parametrize("column", [*sorted(NOT_NEEDED), "all of them"])
def test_a_column_that_is_not_needed(column):
    """A file may lack what no race needs to be timed: names, teams, sectors, flags."""
    names = [name.strip() for name in HEADER.split(";")]
    absent = NOT_NEEDED if column == "all of them" else {column}
    header = ";".join("X" if name in absent else name for name in names)
    laps = parse_laps(TWO_CARS.replace(HEADER, header), "laps.csv")
    sound = parse_laps(TWO_CARS, "laps.csv")
    assert laps.doubts == ()
    assert [run.completed_at for run in laps.cars] == [run.completed_at for run in sound.cars]
    assert (laps.cars[0].crew == {}) is (absent >= {"DRIVER_NAME"})


def test_a_lap_left_out():
    """A row missing in the middle is a gap in the laps."""
    rows = TWO_CARS.splitlines(keepends=True)
    error = fault("".join(rows[:2] + rows[3:]))
    assert (error.line, error.column, error.value) == (3, "LAP_NUMBER", "3")
    assert "gap" in error.reason
    assert "lap 2" in error.reason


def test_a_repeated_lap():
    """A repeated row is named at its second occurrence."""
    rows = TWO_CARS.splitlines(keepends=True)
    error = fault("".join([*rows[:3], rows[2], *rows[3:]]))
    assert (error.line, error.column, error.value) == (4, "LAP_NUMBER", "2")
    assert "repeated" in error.reason


def test_laps_of_a_car_in_two_places():
    """Rows are grouped by car: a second block of a car's laps is refused."""
    rows = TWO_CARS.splitlines(keepends=True)
    error = fault("".join([*rows, *rows[1:4]]))
    assert (error.line, error.column, error.value) == (7, "LAP_NUMBER", "1")
    assert "007" in error.reason


def test_a_row_cut_short():
    """A file cut off in the middle of a row names the row and the last cell there is."""
    error = fault(TWO_CARS[: TWO_CARS.rindex(";Team B")])
    assert (error.line, error.column, error.value) == (6, "GROUP", "")
    assert "cut short" in error.reason
    row = TWO_CARS.index("Team B")
    error = fault(TWO_CARS[: row + 3] + "\r\n" + TWO_CARS[TWO_CARS.index("\r\n", row) + 2 :])
    assert (error.line, error.column, error.value) == (5, "TEAM", "Tea")


def test_a_row_with_a_separator_too_many():
    """A separator inside a name that is not quoted makes the row too wide."""
    error = fault(TWO_CARS.replace("Team B", "Team; B", 1))
    assert (error.line, error.column) == (5, "FLAG_AT_FL")
    assert "28 columns" in error.reason


def test_another_separator():
    """A table separated by something else says so on its first line."""
    error = fault(TWO_CARS.replace(" ", "").replace(";", " "))
    assert (error.line, error.column) == (1, "NUMBER")
    assert "; or , or tabs" in error.reason


def test_rows_with_another_separator_than_the_header():
    """The header decides; a row without its separators is cut short."""
    header, *rows = TWO_CARS.splitlines(keepends=True)
    error = fault(header + "".join(row.replace(";", ",") for row in rows))
    assert (error.line, error.column) == (2, "NUMBER")
    assert "1 of 26 columns" in error.reason


@pytest.mark.parametrize("text", ["", "\ufeff", "\r\n\r\n", "  \n"])
def test_an_empty_file(text):
    """A file with nothing in it is empty."""
    assert "empty" in fault(text).reason
    assert "empty" in result_fault(text).reason


@pytest.mark.parametrize("below", ["", "\nTotal", f"\n{HEADER}", "\n" + ";" * 26, "\n\n"])
def test_a_header_alone(below):
    """A header without a row below it is no race."""
    error = fault(HEADER + below)
    assert (error.line, error.reason) == (2, "no row below the header")


def test_binary_data():
    """Text with a NUL is no text."""
    error = fault(TWO_CARS.replace("Team B", "Team\0B"))
    assert (error.line, error.reason) == (5, "binary data, not a timing file")


@pytest.mark.parametrize(
    "name",
    ['"Team B', '"The" Team', 'Team "B"', '12" Racing'],
    ids=["open", "first", "last", "one"],
)
def test_quotation_marks_in_a_name(name):
    """They belong to the name where they enclose no cell, and cost no race."""
    laps = parse_laps(TWO_CARS.replace(";Team B", f";{name}"), "laps.csv")
    assert laps.cars[1].team == name
    assert laps.doubts == ()


def test_an_open_quote():
    """One before a separator is named where it opens: how the line is divided is not known."""
    error = fault(TWO_CARS.replace(";Team B", ';"Team;B', 1))
    assert error.line == 5


def test_a_quote_over_two_lines():
    """A value that holds an end of line is one value, and the lines after it keep their numbers."""
    text = TWO_CARS.replace(";Team B", ';"Team\nB"', 1).replace("FCY", "XX")
    laps = parse_laps(text, "laps.csv")
    assert [*laps.cars[1].lines] == [5, 7]
    assert laps.cars[1].team == "Team B"
    assert [(doubt.line, doubt.column) for doubt in laps.doubts] == [(7, "FLAG_AT_FL")]


def test_two_open_quotes_around_rows():
    """What stands between two stray marks is rows, not a value: named where it begins."""
    text = TWO_CARS.replace(";Team A", ';"Team A', 1).replace(";Make B", ';Make B"', 1)
    error = fault(text)
    assert error.line == 2


def test_a_result_is_no_laps_file():
    """A result given as laps, and laps given as a result, are told apart at the header."""
    result = result_text(result_row(1, "7", 3, 180_000))
    assert "result" in fault(result).reason
    assert "laps" in result_fault(TWO_CARS).reason


def test_something_else_that_is_a_table():
    """A table of another kind is missed its first column."""
    error = fault("Year;Winner;Class;Venue\r\n2024;50;Hypercar;Le Mans\r\n")
    assert (error.line, error.column) == (1, "NUMBER")
    assert result_fault("Year;Pos;Class;Venue\r\n2024;1;Hypercar;50\r\n").column == "NUMBER"


def test_a_race_result():
    """A row of a race result has its place, its status, its times and its crew."""
    text = result_text(
        result_row(1, "7", 3, 180_000, best=(2, 59_000)),
        result_row(None, "8", 0, None, status="Not started", crew=[("", "Solo")]),
    )
    first, second = parse_results(text, "result.csv").lines
    row = first.row
    assert (row.position, row.car, row.status, row.laps) == (1, "7", "classified", 3)
    assert (row.total_ms, row.best_lap, row.best_lap_ms) == (180_000, 2, 59_000)
    assert (first.team, first.vehicle, first.line) == ("Team A", "Car A", 2)
    assert [(driver.number, driver.name) for driver in first.crew] == [
        (1, "Ann DE VRIES"),
        (2, "Bo Čech"),
    ]
    assert (first.crew[0].rating, first.crew[0].country) == ("Gold", "NLD")
    row = second.row
    assert (row.position, row.status, row.laps, row.total_ms) == (2, "not_started", 0, None)
    assert (row.best_lap, row.best_lap_ms) == (None, None)
    assert [driver.name for driver in second.crew] == ["Solo"]


def test_a_qualifying_result():
    """A heading POS marks a result of qualifying: a best lap and no total."""
    text = "POS,NUMBER,LAP,TIME, LAPS,TEAM,CLASS,VEHICLE\n1,60,6,1:08.555,8,MSR,DPi,Acura\n"
    results = parse_results(text, "result.csv")
    row = results.lines[0].row
    assert results.kind == "qualifying"
    assert (row.laps, row.best_lap, row.best_lap_ms, row.total_ms) == (8, 6, 68_555, None)


@pytest.mark.parametrize(
    ("old", "new", "column", "value"),
    [
        (";3;3:00.000", ";three;3:00.000", "LAPS", "three"),
        ("1;7;", "x;7;", "POSITION", "x"),
        ("1;7;", "99999;7;", "POSITION", "99999"),
        ("1;7;", "1;;", "NUMBER", ""),
        ("1;7;", "1;8;", "NUMBER", "8"),
    ],
)
def test_a_bad_cell_of_a_result_is_named(old, new, column, value):
    """File, line, column and value, as for laps; a car cannot stand twice."""
    rows = result_row(1, "7", 3, 180_000), result_row(2, "8", 3, 181_000)
    text = result_text(*rows).replace(old, new, 1)
    error = result_fault(text)
    line = 3 if value == "8" else 2
    assert (error.file, error.line, error.column, error.value) == (
        "result.csv",
        line,
        column,
        value,
    )
