"""Incremental parser for the RMonitor protocol: bytes in, records out.

A feed consists of lines ``$CMD,cell,cell...`` with text in quotes, in no defined order.
IMSA's enhanced form adds ``$L``, a line crossing; relays add ``$RM...`` records of their
own. A feed recording has additional lines ``##YYYY-MM-DD HH:MM:SS.mmm``, the UTC time at
which the following lines were received; ``connected`` after the time marks the beginning of
a connection, ``|rmonitor`` and ``|flags`` the system in a recording of several.

Malformed input never raises. A line that cannot be parsed becomes an ``Unreadable`` record
with the reason. Oddities of real feeds that are parsed:

- a byte-order mark; line ends CR LF, CR CR LF or LF; blank lines;
- text in UTF-8 or Windows-1252, with commas and quotes inside quoted text
  (``"BMW (Red, White, Blue)"``), blanks before a cell (``$I, "00:00:00", "0/0/0000"``);
- a line cut short by another (``$G,3,"70",1$F,9999,...``): the first part becomes
  ``Unreadable``, as what is missing is unknown, and the second is parsed;
- 00:59:59.999 for no time, 9999 for no lap limit, ``00:00:-47`` before the start, times of
  more than 24 hours, blank cells; -34 laps for a car that has more laps taken away than
  completed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from events.running import MOST_LAPS

LONGEST_LINE = 4096
NO_LIMIT = 9999
NO_TIME_MS = 3_599_999

_LINE_ENDS = re.compile(rb"[\r\n]+")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CELL = re.compile(r'[ \t]*(?:"(?P<text>.*?)"[ \t]*|(?P<bare>[^",]*))(?:,|$)')
_TIME = re.compile(
    r"(?P<hours>-?\d{1,4}):(?P<minutes>-?[0-5]?\d):(?P<seconds>-?[0-5]?\d)"
    r"(?:\.(?P<fraction>\d{1,3}))?",
    re.ASCII,
)
_RECEIVED = re.compile(
    r"##(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})(?: (connected)|\|\w{1,32})?",
    re.ASCII | re.IGNORECASE,
)


# -- Records -----------------------------------------------------------------------------


class Heartbeat(NamedTuple):
    """``$F``, sent each second: laps and time to go, the clocks, and the flag (may be blank)."""

    laps_to_go: int | None
    time_to_go_ms: int | None
    time_of_day_ms: int | None
    race_time_ms: int | None
    flag: str


class Competitor(NamedTuple):
    """``$A``: an entry. ``number`` is painted on the car; other records refer to ``reg``."""

    reg: str
    number: str
    transponder: str
    first: str
    last: str
    nationality: str
    class_id: str


class CompetitorDetails(NamedTuple):
    """``$COMP``: an entry as in ``$A``, with ``extra`` in place of the transponder."""

    reg: str
    number: str
    class_id: str
    first: str
    last: str
    nationality: str
    extra: str


class RunNamed(NamedTuple):
    """``$B``: the id and name of the current run."""

    run: str
    name: str


class ClassNamed(NamedTuple):
    """``$C``: a class. Its id is valid for this run only."""

    class_id: str
    name: str


class Setting(NamedTuple):
    """``$E``: ``TRACKNAME`` or ``TRACKLENGTH``."""

    name: str
    value: str


class RaceInformation(NamedTuple):
    """``$G``: a car's position in the race.

    ``laps`` excludes laps taken away and may be negative; None before the first lap.
    """

    position: int | None
    reg: str
    laps: int | None
    total_ms: int | None


class QualifyingInformation(NamedTuple):
    """``$H``: a car's position by best lap (practice and qualifying)."""

    position: int | None
    reg: str
    lap: int | None
    lap_time_ms: int | None


class BoardCleared(NamedTuple):
    """``$I``: the scoreboard is cleared and then filled again."""

    time_of_day_ms: int | None
    day: str


class Passing(NamedTuple):
    """``$J``: a car crossed the finish line. Sent once per crossing."""

    reg: str
    lap_time_ms: int | None
    total_ms: int | None


class CorrectedTime(NamedTuple):
    """``$COR``: a corrected total time. Sent once per correction."""

    reg: str
    number: str
    laps: int | None
    total_ms: int | None
    correction_ms: int | None


class Crossing(NamedTuple):
    """``$L``: a car crossed a line.

    ``kind`` is the line (SF start/finish, PO pit out, PI pit in) followed by T (on the track)
    or P (in the pit lane): ``SFP`` is the finish line crossed in the lane.
    """

    car: str
    line: str
    kind: str
    day: date | None
    time_of_day_ms: int | None
    driver: str
    car_class: str


class SortMode(NamedTuple):
    """``$RMS`` of a relay: ``race`` or ``qualifying``."""

    mode: str


class LastPassing(NamedTuple):
    """``$RMLT`` of a relay: a car's last passing (ms since 1970)."""

    reg: str
    passed_at: int | None


class RelayClock(NamedTuple):
    """``$RMCA`` of a relay: the relay's clock (ms since 1970)."""

    now: int | None


class PastLap(NamedTuple):
    """``$RMHL`` of a relay: an earlier lap of a car."""

    reg: str
    lap: int | None
    position: int | None
    lap_time_ms: int | None
    flag: str
    total_ms: int | None


class LapsKept(NamedTuple):
    """``$RMDTL`` of a relay: it stores laps and serves them on request."""

    note: str


class Received(NamedTuple):
    """A ``##`` line of a feed recording: the following lines were received ``at``."""

    at: datetime
    connected: bool = False


class Unreadable(NamedTuple):
    """A line, or a part of one, that could not be parsed."""

    line: str
    reason: str


Record = (
    Heartbeat
    | Competitor
    | CompetitorDetails
    | RunNamed
    | ClassNamed
    | Setting
    | RaceInformation
    | QualifyingInformation
    | BoardCleared
    | Passing
    | CorrectedTime
    | Crossing
    | SortMode
    | LastPassing
    | RelayClock
    | PastLap
    | LapsKept
    | Received
    | Unreadable
)


# -- Bytes to lines ----------------------------------------------------------------------


class Reader:
    """Parser of one connection, or of one feed recording, from its beginning."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[Record]:
        """Return the records completed by these bytes, independent of how the bytes are split."""
        *lines, rest = _LINE_ENDS.split(self._rest + data)
        records: list[Record] = []
        for line in lines:
            self._take(line, records, ended=True)
        self._rest = rest
        if len(rest) > LONGEST_LINE:
            self._too_long = True
            self._rest = rest[: LONGEST_LINE + 1]
        return records

    def end(self) -> list[Record]:
        """Return the records of an unterminated last line, and reset the reader."""
        records: list[Record] = []
        self._take(self._rest, records, ended=False)
        self._rest = b""
        return records

    def _take(self, line: bytes, records: list[Record], *, ended: bool) -> None:
        too_long, self._too_long = self._too_long, False
        if too_long or len(line) > LONGEST_LINE:
            text = _decode(line[:LONGEST_LINE])
            records.append(Unreadable(text, f"longer than {LONGEST_LINE} bytes"))
            return
        records += read_line(_decode(line), ended=ended)


def _decode(line: bytes) -> str:
    line = line.removeprefix(_BYTE_ORDER_MARK)
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


# -- Lines to records --------------------------------------------------------------------


def read_line(line: str, *, ended: bool = True) -> list[Record]:
    """Return the records of a line: several where lines were run together, none for a blank.

    ``ended`` is False for a line whose end was not received.
    """
    line = line.strip(" \t")
    if not line:
        return []
    starts = [0, *(found.start() for found in _SPLICE.finditer(line) if found.start())]
    records: list[Record] = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        part = line[start:end].strip(" \t")
        # A closing quote proves that the last cell is complete; an unquoted cell may be cut.
        whole = part.endswith('"') or (end is None and ended)
        records.append(_read(part) if whole else Unreadable(part, "cut short"))
    return records


def _read(line: str) -> Record:
    try:
        return _received(line) if line.startswith("##") else _command(line)
    except ValueError as error:
        return Unreadable(line, str(error))


def _received(line: str) -> Received:
    found = _RECEIVED.fullmatch(line)
    if found is None:
        raise ValueError("not a reception time")
    at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 (UTC below)
    return Received(at.replace(tzinfo=UTC), found[2] is not None)


def _command(line: str) -> Record:
    if _CONTROL.search(line):
        raise ValueError("control characters")
    name, *cells = _cells(line)
    command = _COMMANDS.get(name)
    if command is None:
        raise ValueError("not an RMonitor command")
    if len(cells) != command.cells:
        raise ValueError(f"{len(cells)} cells where {name} has {command.cells}")
    return command.read(cells)


def _cells(line: str) -> list[str]:
    cells: list[str] = []
    at = 0
    while True:
        found = _CELL.match(line, at)
        if found is None:
            raise ValueError("unterminated quote, or a quote that ends within a cell")
        text = found["text"]
        cells.append(found["bare"].strip() if text is None else text.replace('""', '"').strip())
        at = found.end()
        if at == len(line) and not found[0].endswith(","):
            return cells


def _count(cell: str) -> int | None:
    """Parse a whole number; None for a blank."""
    if not cell:
        return None
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 15):
        raise ValueError(f"{cell!r} is not a whole number")
    return int(cell)


def _laps(cell: str) -> int | None:
    laps = _count(cell)
    if laps is not None and laps > MOST_LAPS:
        raise ValueError(f"{laps} laps are more than {MOST_LAPS}")
    return laps


def _net_laps(cell: str) -> int | None:
    """Like ``_laps``, but may be negative."""
    if cell.startswith("-"):
        return -(_laps(cell[1:]) or 0)
    return _laps(cell)


def _laps_to_go(cell: str) -> int | None:
    laps = _laps(cell)
    return None if laps == NO_LIMIT else laps


def parse_time(cell: str) -> int | None:
    """Parse ``HH:MM:SS`` or ``HH:MM:SS.mmm`` to ms; None for a blank and for 00:59:59.999.

    Any of the three numbers may have a minus sign. Raises ValueError for anything else.
    """
    if not cell:
        return None
    found = _TIME.fullmatch(cell)
    if found is None:
        raise ValueError(f"{cell!r} is not a time such as 00:44:13.233")
    hours, minutes, seconds = (abs(int(found[part])) for part in ("hours", "minutes", "seconds"))
    ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
    ms += int((found["fraction"] or "0").ljust(3, "0"))
    if ms == NO_TIME_MS:
        return None
    return -ms if "-" in cell else ms


def _correction(cell: str) -> int | None:
    return parse_time(cell.removeprefix("+"))


def _day(cell: str) -> date | None:
    """Parse ``MM/DD/YYYY``; None for a blank."""
    if not cell:
        return None
    try:
        return datetime.strptime(cell, "%m/%d/%Y").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise ValueError(f"{cell!r} is not a day such as 10/06/2007") from None


def _named(cell: str) -> str:
    """Return an identifying cell (registration, number or id); raise ValueError for a blank."""
    if not cell:
        raise ValueError("the registration, number or id is blank")
    return cell


_KINDS = frozenset({"SFT", "SFP", "POT", "POP", "PIT", "PIP"})


def _kind(cell: str) -> str:
    if cell not in _KINDS:
        raise ValueError(f"{cell!r} is not a line; there are {', '.join(sorted(_KINDS))}")
    return cell


class _Command(NamedTuple):
    cells: int
    read: Callable[[list[str]], Record]


_COMMANDS: dict[str, _Command] = {
    "$F": _Command(
        5,
        lambda c: Heartbeat(
            _laps_to_go(c[0]), parse_time(c[1]), parse_time(c[2]), parse_time(c[3]), c[4]
        ),
    ),
    "$A": _Command(7, lambda c: Competitor(_named(c[0]), *c[1:])),
    "$COMP": _Command(7, lambda c: CompetitorDetails(_named(c[0]), *c[1:])),
    "$B": _Command(2, lambda c: RunNamed(_named(c[0]), c[1])),
    "$C": _Command(2, lambda c: ClassNamed(_named(c[0]), c[1])),
    "$E": _Command(2, lambda c: Setting(_named(c[0]), c[1])),
    "$G": _Command(
        4, lambda c: RaceInformation(_count(c[0]), _named(c[1]), _net_laps(c[2]), parse_time(c[3]))
    ),
    "$H": _Command(
        4,
        lambda c: QualifyingInformation(_count(c[0]), _named(c[1]), _laps(c[2]), parse_time(c[3])),
    ),
    "$I": _Command(2, lambda c: BoardCleared(parse_time(c[0]), c[1])),
    "$J": _Command(3, lambda c: Passing(_named(c[0]), parse_time(c[1]), parse_time(c[2]))),
    "$COR": _Command(
        5,
        lambda c: CorrectedTime(
            _named(c[0]), c[1], _net_laps(c[2]), parse_time(c[3]), _correction(c[4])
        ),
    ),
    "$L": _Command(
        7,
        lambda c: Crossing(
            _named(c[0]), c[1], _kind(c[2]), _day(c[3]), parse_time(c[4]), c[5], c[6]
        ),
    ),
    "$RMS": _Command(1, lambda c: SortMode(c[0])),
    "$RMLT": _Command(2, lambda c: LastPassing(_named(c[0]), _count(c[1]))),
    "$RMCA": _Command(1, lambda c: RelayClock(_count(c[0]))),
    "$RMHL": _Command(
        6,
        lambda c: PastLap(
            _named(c[0]), _laps(c[1]), _count(c[2]), parse_time(c[3]), c[4], parse_time(c[5])
        ),
    ),
    "$RMDTL": _Command(1, lambda c: LapsKept(c[0])),
}

_SPLICE = re.compile("|".join(re.escape(name) + "(?=,)" for name in _COMMANDS))
