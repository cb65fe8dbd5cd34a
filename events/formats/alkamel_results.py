"""Parser of Al Kamel results: races (``03_*``), results by class (``05_*``), qualifying, practice.

The series that Al Kamel times publish the same facts under different headings. Each fact is
looked for under all of them; a crew is named in one of these ways:

- ``DRIVER1_FIRSTNAME``, ``DRIVER1_SECONDNAME``, ... by seat (IMSA, SRO);
- ``DRIVER_FIRSTNAME``, ``DRIVER_SECONDNAME``, one driver a car (GR Cup, Formula E);
- ``DRIVER_1``, ``DRIVER_2``, ... full names by seat (WEC, ELMS), or ``DRIVER1``, ``DRIVER1_NAME``;
- ``DRIVERS``, full names separated by ``/`` (results by class), ``,``, ``&`` and the like;
- ``DRIVER_NAME``, ``DRIVER`` or ``NAME``, one full name.

Blanks, underscores and case make no difference between these headings, nor does the place of the
seat (``DRIVER_1_FIRSTNAME``, ``FIRSTNAME1``, ``1ST_DRIVER``, ``DRIVER_A``). A driver is also a
``PILOT``, ``PILOTE``, ``FAHRER`` and so on, the parts of a name are also ``VORNAME`` or ``NOM``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from events.errors import BadTimingFile
from events.formats.doubts import Doubt, bounded
from events.formats.headings import CAR_HEADINGS, without_accents
from events.formats.table import TimingTable, car_number, headings_of, parse_times, read_table
from events.running import MOST_LAPS
from events.session import Driver, ResultRow, ResultStatus, SessionKind

MOST_CARS = 1000
MOST_SEATS = 9
HEADINGS: dict[str, tuple[str, ...]] = {
    "position": ("POSITION", "POS", "PLACE", "RANK"),
    "laps": ("LAPS", "LAPS_COMPLETED", "TOTAL_LAPS", "LAP_COUNT"),
    "status": ("STATUS", "STATE"),
    "total_time": ("TOTAL_TIME", "ELAPSED", "ELAPSED_TIME", "RACE_TIME", "TOTAL_TM"),
    "best_lap": ("FL_LAPNUM", "BEST_LAP_NUM", "FASTEST_LAP_NUMBER", "IN_LAP", "LAP"),
    "best_time": (
        *("FL_TIME", "BEST_LAP_TIME", "FASTEST_LAP_TIME", "BEST_TIME", "BEST_TM", "BEST_LAP"),
        "TIME",
    ),
    "team": ("TEAM", "TEAM_NAME", "ENTRANT"),
    "class": ("CLASS", "CLASS_TYPE", "CATEGORY"),
    "subclass": ("GROUP", "SUBCLASS", "SUB_CLASS"),
    "vehicle": ("VEHICLE", "CAR", "MODEL"),
    "manufacturer": ("MANUFACTURER", "MAKE", "BRAND"),
}
"""Each fact with the headings under which it is published; the car's are `CAR_HEADINGS`."""
NEEDED = ("position", "laps")
LONGEST_LAP_MS = 20 * 60_000
"""A ``TIME`` longer than this is no best lap, but the time of the whole race."""
STATUSES: dict[str, ResultStatus] = {
    **dict.fromkeys(("classified", "finished", "running", "clasificado", "classe"), "classified"),
    **dict.fromkeys(("gewertet", "classificato"), "classified"),
    **dict.fromkeys(("not classified", "nc", "ncl", "non classe"), "not_classified"),
    **dict.fromkeys(("retired", "retirement", "dnf", "ret", "retd", "did not finish"), "retired"),
    **dict.fromkeys(("abandoned", "abandon", "abandono", "abd", "ausgefallen"), "retired"),
    **dict.fromkeys(("not started", "did not start", "dns", "dnst"), "not_started"),
    **dict.fromkeys(("disqualified", "dsq", "dq", "disq", "disqualifie"), "disqualified"),
    **dict.fromkeys(("excluded", "excl", "exc", "ex", "exclu", "excluido"), "disqualified"),
    **dict.fromkeys(("descalificado", "disqualifiziert"), "disqualified"),
    **dict.fromkeys(("withdrawn", "wd", "wdn", "withdrew"), "withdrawn"),
}
"""Statuses without case, accents, dots and dashes."""
PARTS = {
    **dict.fromkeys(("FIRSTNAME", "FIRST", "FORENAME", "GIVENNAME"), "first"),
    **dict.fromkeys(("PRENOM", "NOMBRE", "VORNAME", "NOME"), "first"),
    **dict.fromkeys(("SECONDNAME", "SURNAME", "LASTNAME", "LAST", "FAMILYNAME"), "last"),
    **dict.fromkeys(("NOM", "APELLIDO", "APELLIDOS", "NACHNAME", "COGNOME"), "last"),
    **dict.fromkeys(("SHORTNAME", "SHORT", "TLA", "ABBREVIATION"), "short"),
    **dict.fromkeys(("COUNTRY", "NATIONALITY", "NAT"), "country"),
    **dict.fromkeys(("LICENSE", "LICENCE", "RATING"), "rating"),
    **dict.fromkeys(("", "NAME", "FULLNAME"), "name"),
    **dict.fromkeys(("S", "ES", "I", "NAMES"), "crew"),
}
"""What a heading calls each part of a driver's name, or a whole one."""
PARTS_IN_ORDER = ("first", "last", "short", "country", "rating")
DRIVER_WORDS = (
    *("DRIVER", "PILOTE", "PILOTO", "PILOTA", "PILOTI", "PILOT", "FAHRER", "RIDER"),
    *("COMPETITOR", "CREW", "D"),
)
ORDINALS = {"FIRST": "1", "SECOND": "2", "THIRD": "3", "FOURTH": "4"}
_ORDINAL = re.compile(rf"([1-9])(ST|ND|RD|TH)(?=[A-Z])|({'|'.join(ORDINALS)})(?=DRIVER|PILOT)")
_CREW_HEADING = re.compile(
    rf"([1-9])?({'|'.join(DRIVER_WORDS)})?([1-9]|(?<=DRIVER)[A-F])?({'|'.join(PARTS)})([1-9])?"
)
SEPARATORS = ("/", "\n", "|", ";", "&", "+", " - ", " – ")
"""Between the names in one cell; a comma only where there is none of these."""
SEATS = range(MOST_SEATS + 1)
"""The seats in headings; 0 for one without (DRIVER_FIRSTNAME)."""

_CrewColumns = dict[tuple[int, str], str]
_Crews = list[list[Driver]]


class ResultFileRow(NamedTuple):
    """One car of a result file, with the facts about the car that only this file has."""

    row: ResultRow
    line: int
    team: str | None
    vehicle: str | None
    crew: tuple[Driver, ...]
    subclass: str | None = None
    manufacturer: str | None = None


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """An official result in finishing order; ``kind`` is a race's, or qualifying for any other."""

    file: str
    kind: SessionKind
    lines: tuple[ResultFileRow, ...]
    doubts: tuple[Doubt, ...] = ()


def parse_results(text: str, file: str) -> ResultsFile:
    """Parse an official result of any of these forms.

    A result with total times is a race's. ``file`` is the name given in errors. Raises
    BadTimingFile for text that is not such a file, and for a place, number or count of laps
    that cannot be read, or a car that is listed twice. Anything else is a doubt.
    """
    headings = headings_of(text)
    if "LAP_TIME" in headings or "LAP_NUMBER" in headings:
        raise BadTimingFile(file, "this is a laps file; a result file is expected here", line=1)
    columns = _columns(headings)
    table = read_table(
        text,
        file,
        required=["NUMBER", *(columns[fact] for fact in NEEDED)],
        optional=[column for fact, column in columns.items() if fact not in NEEDED],
        beyond=sorted(
            {
                *(name for name in headings if name.startswith("DRIVER")),
                *_crew_columns(headings).values(),
            }
        ),
        aliases={"NUMBER": CAR_HEADINGS},
    )
    _sort_times(table, columns)
    rows = _rows(table, columns)
    is_race = columns["total_time"] in table
    lines = _in_order(_lines(table, columns, rows, _crews(table)))
    return ResultsFile(file, "race" if is_race else "qualifying", lines, _with_cars(table, rows))


def _columns(headings: set[str]) -> dict[str, str]:
    """Return the heading of each fact: the first of its names that the file has, else the first."""
    of_the_car = next((name for name in ("NUMBER", *CAR_HEADINGS) if name in headings), "")
    others = headings - {of_the_car}
    return {
        fact: next((name for name in names if name in others), names[0])
        for fact, names in HEADINGS.items()
    }


def _sort_times(table: TimingTable, columns: dict[str, str]) -> None:
    """Take ``TIME`` for the total time where it cannot be the time of a lap."""
    if columns["best_time"] != "TIME" or columns["total_time"] in table or "TIME" not in table:
        return
    times = (ms or 0 for cell in table["TIME"] for ms in parse_times([cell]) or ())
    if max(times, default=0) > LONGEST_LAP_MS:
        columns["total_time"], columns["best_time"] = "TIME", "FL_TIME"


def _rows(table: TimingTable, columns: dict[str, str]) -> list[ResultRow]:
    totals = table.doubtful_times(columns["total_time"], zero=True)
    bests = table.doubtful_times(columns["best_time"], zero=True)
    classes = table.doubtful_names(columns["class"])
    best_laps = table.doubtful_counts(columns["best_lap"], MOST_LAPS)
    rows: list[ResultRow] = []
    seen: set[str] = set()
    for row in range(table.rows):
        car = car_number(table, row)
        if car in seen:
            raise table.fault(row, "NUMBER", "this car is listed twice in the result")
        seen.add(car)
        laps = table.count(row, columns["laps"], MOST_LAPS)
        rows.append(
            ResultRow(
                # A car that did not start is listed last, without a position.
                position=_position(table, row, columns["position"]) or row + 1,
                car=car,
                car_class=classes[row],
                status=_status(table, row, columns, laps, is_timed=bests[row] is not None),
                laps=laps,
                total_ms=totals[row],
                best_lap_ms=bests[row],
                best_lap=best_laps[row] or None,
            )
        )
    return rows


def _position(table: TimingTable, row: int, column: str) -> int:
    """Return the place, 0 where the cell is empty or has a status in place of one (``DNF``)."""
    return 0 if _status_of(table[column][row]) else table.count(row, column, MOST_CARS)


def _status_of(cell: str) -> ResultStatus | None:
    words = re.sub(r"[\s_-]+", " ", re.sub(r"[./]", "", without_accents(cell).strip())).casefold()
    return STATUSES.get(words)


def _status(
    table: TimingTable, row: int, columns: dict[str, str], laps: int, *, is_timed: bool
) -> ResultStatus:
    """Return the status as printed; without one, a car with a lap is classified."""
    is_race = columns["total_time"] in table
    column = columns["status"]
    cell = table[column][row].strip() if column in table else ""
    if not cell:
        in_place = _status_of(table[columns["position"]][row])
        by_laps: ResultStatus = "classified" if laps or is_timed or not is_race else "not_started"
        return in_place or by_laps
    status = _status_of(cell)
    if status is None:
        reason = f"unknown status; expected {', '.join(sorted(set(STATUSES.values())))}"
        table.doubt(row, column, reason, "taken as classified")
        return "classified"
    if status == "classified" and not laps:
        table.doubt(row, column, "classified without a lap", "kept as it is")
    return status


def _lines(
    table: TimingTable, columns: dict[str, str], rows: Sequence[ResultRow], crews: _Crews
) -> list[ResultFileRow]:
    teams, vehicles = (table.doubtful_names(columns[fact]) for fact in ("team", "vehicle"))
    subclasses = table.doubtful_names(columns["subclass"])
    makes = table.doubtful_names(columns["manufacturer"])
    facts = zip(rows, teams, vehicles, crews, subclasses, makes, strict=True)
    return [
        ResultFileRow(row, line, team, vehicle, tuple(crew), subclass, make)
        for line, (row, team, vehicle, crew, subclass, make) in zip(table.lines, facts, strict=True)
    ]


def _in_order(lines: Sequence[ResultFileRow]) -> tuple[ResultFileRow, ...]:
    """Return the lines by place.

    Results by class count in each class anew where they have no overall place; then the
    overall order is that of laps and total times, without those of best laps.
    """
    places = [line.row.position for line in lines]
    if len(set(places)) == len(places):
        return tuple(sorted(lines, key=lambda line: line.row.position))
    is_race = any(line.row.total_ms for line in lines)
    classes: dict[str | None, deque[ResultFileRow]] = {}
    for line in sorted(lines, key=lambda line: line.row.position):
        classes.setdefault(line.row.car_class, deque()).append(line)
    ordered: list[ResultFileRow] = []
    while classes:  # the places of each class hold, whatever was decided about its cars
        next_one = min(classes, key=lambda one: _merit(classes[one][0].row, is_race=is_race))
        ordered.append(classes[next_one].popleft())
        if not classes[next_one]:
            del classes[next_one]
    return tuple(
        line._replace(row=line.row.model_copy(update={"position": place}))
        for place, line in enumerate(ordered, 1)
    )


def _merit(row: ResultRow, *, is_race: bool) -> tuple[bool, int, int, int]:
    is_out = row.status in ("disqualified", "not_started", "withdrawn")
    if is_race:
        return (is_out, -row.laps, row.total_ms or 0, row.position)
    return (is_out, row.best_lap_ms is None, row.best_lap_ms or 0, row.position)


def _with_cars(table: TimingTable, rows: Sequence[ResultRow]) -> tuple[Doubt, ...]:
    cars = {line: row.car for line, row in zip(table.lines, rows, strict=True)}
    return bounded(
        replace(doubt, car=cars.get(doubt.line))
        for doubt in sorted(table.doubts, key=lambda doubt: doubt.line)
    )


# --- Crews ---------------------------------------------------------------------------------


def _crew_columns(headings: Iterable[str]) -> _CrewColumns:
    """Return the columns that name crews, by seat and part; seat 0 is of no seat."""
    found: _CrewColumns = {}
    for heading in sorted(headings):
        plain = _ORDINAL.sub(_digit, heading.replace("_", ""))
        parsed = _CREW_HEADING.fullmatch(plain)
        if parsed is None:
            continue
        seat_before, driver, seat_within, name, seat_behind = parsed.groups()
        seat = seat_before or seat_within or seat_behind or "0"
        part = PARTS[name]
        # NAME and FIRSTNAME are a driver's, COUNTRY can be a team's.
        is_name = part in ("first", "last") or name in ("NAME", "NAMES", "FULLNAME")
        if (driver == "D" and seat != "0") or (driver and driver != "D") or is_name:
            number = int(seat) if seat.isdigit() else ord(seat) - ord("A") + 1
            found.setdefault((number, part), heading)
    return found


def _digit(ordinal: re.Match[str]) -> str:
    return ordinal[1] or ORDINALS[ordinal[3]]


def _crews(table: TimingTable) -> _Crews:
    """Return the crew of each row, by the first way in which the file names any driver."""
    columns = _crew_columns(table.columns)
    for way in (_by_parts, _by_full_names, _in_one_cell):
        crews = way(table, columns)
        if any(crews):
            return crews
    unknown = sorted(name for name in table.columns if name.startswith("DRIVER"))
    if unknown and any(any(map(str.strip, table[name])) for name in unknown):
        reason = "no known way to name a crew"
        table.doubts.append(
            Doubt(table.file, 1, unknown[0], ", ".join(unknown)[:60], reason, "no drivers")
        )
    return [[] for _ in range(table.rows)]


def _by_parts(table: TimingTable, columns: _CrewColumns) -> _Crews:
    crews: _Crews = [[] for _ in range(table.rows)]
    for seat in SEATS:
        of_seat = {part: columns.get((seat, part), "") for part in PARTS_IN_ORDER}
        whole = columns.get((seat, "name"), "")
        if of_seat["last"] and not of_seat["first"]:
            of_seat["first"] = whole
        elif of_seat["first"] and not of_seat["last"]:
            of_seat["last"] = whole
        parts = [table.doubtful_names(of_seat[part]) for part in PARTS_IN_ORDER]
        for crew, (first, second, short, country, rating) in zip(
            crews, zip(*parts, strict=True), strict=True
        ):
            name = " ".join(filter(None, (first, second)))
            if name:
                driver = Driver(
                    number=seat or 1,
                    name=name,
                    short=short if short and len(short) <= 8 else None,
                    # Nearly always "AUS", but also "Australia".
                    country=country if country and len(country) <= 3 else None,
                    rating=rating if rating and len(rating) <= 16 else None,
                )
                crew.append(driver)
    return crews


def _by_full_names(table: TimingTable, columns: _CrewColumns) -> _Crews:
    crews: _Crews = [[] for _ in range(table.rows)]
    for seat in SEATS[1:]:
        names = table.doubtful_names(columns.get((seat, "name"), ""))
        for crew, name in zip(crews, names, strict=True):
            if name:
                crew.append(Driver(number=seat, name=name))
    return crews


def _in_one_cell(table: TimingTable, columns: _CrewColumns) -> _Crews:
    column = columns.get((0, "crew")) or columns.get((0, "name"))
    cells = table[column] if column else [""] * table.rows
    return [
        [
            Driver(number=seat, name=name[:200])
            for seat, name in enumerate(_names_in(cell)[:MOST_SEATS], 1)
        ]
        for cell in cells
    ]


def _names_in(cell: str) -> list[str]:
    """Return the names in a cell: ``Ann Driver / Bob Racer``.

    A comma separates names of two words each; ``Racer, Bob`` is one name.
    """
    separator = next((sign for sign in SEPARATORS if sign in cell), ",")
    parts = [" ".join(part.split()) for part in cell.split(separator)]
    if separator == "," and any(part and " " not in part for part in parts):
        parts = [" ".join(cell.split())]
    return [part for part in parts if part]
