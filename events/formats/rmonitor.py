"""RMonitor: bytes of a timing feed to records, in whatever pieces the bytes come.

The protocol, as feeds have it: lines ``$CMD,cell,cell...``, text in quotes, in no defined
order. IMSA's enhanced form adds ``$L``, a line crossing; relays add ``$RM...`` records of
their own. A recording has lines ``##YYYY-MM-DD HH:MM:SS.mmm`` in between: when that which
follows was received, in UTC; ``connected`` after it says that a connection began there.

Nothing in a feed is an error. A line that cannot be read becomes an ``Unreadable`` record
with the reason. Seen in real feeds, and read:

- a byte-order mark; lines ended CR LF, CR CR LF or LF, blank lines between them;
- text in UTF-8 or in Windows' Latin alphabet, with commas and quotes inside its quotes
  (``"BMW (Red, White, Blue)"``), blanks before a cell (``$I, "00:00:00", "0/0/0000"``);
- a line cut short by another (``$G,3,"70",1$F,9999,...``): its beginning is unreadable,
  as nobody knows what is missing, and the other is read;
- 00:59:59.999 for no time at all, 9999 for no limit of laps, ``00:00:-47`` before the
  start, more than 24 hours, a blank where there is nothing to say; -34 laps for a car that
  has more laps taken away than it has completed.
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
    r"##(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})(?: (connected))?", re.ASCII | re.IGNORECASE
)


# -- Records -----------------------------------------------------------------------------


class Heartbeat(NamedTuple):
    """``$F``, each second: what is left to run, the clocks, and the flag (may be blank)."""

    laps_to_go: int | None
    time_to_go_ms: int | None
    time_of_day_ms: int | None
    race_time_ms: int | None
    flag: str


class Competitor(NamedTuple):
    """``$A``: an entry. ``number`` is on the car; other records name it by ``reg``."""

    reg: str
    number: str
    transponder: str
    first: str
    last: str
    nationality: str
    class_id: str


class CompetitorMore(NamedTuple):
    """``$COMP``: the same entry, with ``extra`` in place of the transponder."""

    reg: str
    number: str
    class_id: str
    first: str
    last: str
    nationality: str
    extra: str


class RunNamed(NamedTuple):
    """``$B``: what is being run."""

    run: str
    name: str


class ClassNamed(NamedTuple):
    """``$C``: a class. Its id holds for this run alone."""

    class_id: str
    name: str


class Setting(NamedTuple):
    """``$E``: ``TRACKNAME`` or ``TRACKLENGTH``."""

    name: str
    value: str


class Standing(NamedTuple):
    """``$G``: where a car stands in the race.

    Laps taken away are left out of its ``laps``, which may be fewer than none; blank is
    before the first.
    """

    position: int | None
    reg: str
    laps: int | None
    total_ms: int | None


class BestLap(NamedTuple):
    """``$H``: where a car stands by best lap."""

    position: int | None
    reg: str
    lap: int | None
    lap_time_ms: int | None


class BoardCleared(NamedTuple):
    """``$I``: the scoreboard is cleared, and filled again."""

    time_of_day_ms: int | None
    day: str


class Passing(NamedTuple):
    """``$J``: a car crossed the finish line. Sent once."""

    reg: str
    lap_time_ms: int | None
    total_ms: int | None


class Corrected(NamedTuple):
    """``$COR``: a total time was corrected. Sent once."""

    reg: str
    number: str
    laps: int | None
    total_ms: int | None
    correction_ms: int | None


class Crossing(NamedTuple):
    """``$L``: a car crossed a line.

    ``kind`` is the line (SF start and finish, PO pit out, PI pit in) and then T for on
    the track, P for in the pit lane: ``SFP`` ends a lap in the lane.
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
    """``$RMLT`` of a relay: when a car passed last (ms since 1970)."""

    reg: str
    passed_at: int | None


class RelayClock(NamedTuple):
    """``$RMCA`` of a relay: its clock (ms since 1970)."""

    now: int | None


class PastLap(NamedTuple):
    """``$RMHL`` of a relay: a lap of a car as it was."""

    reg: str
    lap: int | None
    position: int | None
    lap_time_ms: int | None
    flag: str
    total_ms: int | None


class LapsKept(NamedTuple):
    """``$RMDTL`` of a relay: it keeps the laps, and can be asked for them."""

    note: str


class Received(NamedTuple):
    """A line of a recording: what follows was received ``at``; the connection may be new."""

    at: datetime
    connected: bool = False


class Unreadable(NamedTuple):
    """A line, or a part of one, of which nothing is known."""

    line: str
    reason: str


Record = (
    Heartbeat
    | Competitor
    | CompetitorMore
    | RunNamed
    | ClassNamed
    | Setting
    | Standing
    | BestLap
    | BoardCleared
    | Passing
    | Corrected
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
    """Reads one connection, or one recording, from its beginning."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[Record]:
        """The records that these bytes complete. However they are cut, the records are the same."""
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
        """The records of a last line that did not end; the reader begins anew."""
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
    """The records of a line: one, or as many as were run together in it, or none of a blank.

    ``ended`` says that the line was seen to its end.
    """
    line = line.strip(" \t")
    if not line:
        return []
    starts = [0, *(found.start() for found in _SPLICE.finditer(line) if found.start())]
    records: list[Record] = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        part = line[start:end].strip(" \t")
        # A last cell in quotes that are closed is whole; of any other, more may be missing.
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
        raise ValueError("not a time of reception")
    at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 (UTC below)
    return Received(at.replace(tzinfo=UTC), found[2] is not None)


def _command(line: str) -> Record:
    if _CONTROL.search(line):
        raise ValueError("control characters")
    name, *cells = _cells(line)
    command = _COMMANDS.get(name)
    if command is None:
        raise ValueError("no command of RMonitor")
    if len(cells) != command.cells:
        raise ValueError(f"{len(cells)} cells where {name} has {command.cells}")
    return command.read(cells)


def _cells(line: str) -> list[str]:
    cells: list[str] = []
    at = 0
    while True:
        found = _CELL.match(line, at)
        if found is None:
            raise ValueError("a quote that does not end, or ends within a cell")
        text = found["text"]
        cells.append(found["bare"].strip() if text is None else text.replace('""', '"').strip())
        at = found.end()
        if at == len(line) and not found[0].endswith(","):
            return cells


def _count(cell: str) -> int | None:
    """A whole number; None for a blank."""
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
    """Like ``_laps``, and fewer than none."""
    if cell.startswith("-"):
        return -(_laps(cell[1:]) or 0)
    return _laps(cell)


def _laps_to_go(cell: str) -> int | None:
    laps = _laps(cell)
    return None if laps == NO_LIMIT else laps


def parse_time(cell: str) -> int | None:
    """``HH:MM:SS`` or ``HH:MM:SS.mmm`` in ms; None for a blank, and for 00:59:59.999.

    A minus may stand at any of the three numbers. Raises ValueError for anything else.
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
    """``MM/DD/YYYY``; None for a blank."""
    if not cell:
        return None
    try:
        return datetime.strptime(cell, "%m/%d/%Y").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise ValueError(f"{cell!r} is not a day such as 10/06/2007") from None


def _named(cell: str) -> str:
    """What a car or a run is known by: never blank."""
    if not cell:
        raise ValueError("the registration, number or id is blank")
    return cell


_KINDS = frozenset({"SFT", "SFP", "POT", "POP", "PIT", "PIP"})


def _kind(cell: str) -> str:
    if cell not in _KINDS:
        raise ValueError(f"{cell!r} is no line; there are {', '.join(sorted(_KINDS))}")
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
    "$COMP": _Command(7, lambda c: CompetitorMore(_named(c[0]), *c[1:])),
    "$B": _Command(2, lambda c: RunNamed(_named(c[0]), c[1])),
    "$C": _Command(2, lambda c: ClassNamed(_named(c[0]), c[1])),
    "$E": _Command(2, lambda c: Setting(_named(c[0]), c[1])),
    "$G": _Command(
        4, lambda c: Standing(_count(c[0]), _named(c[1]), _net_laps(c[2]), parse_time(c[3]))
    ),
    "$H": _Command(4, lambda c: BestLap(_count(c[0]), _named(c[1]), _laps(c[2]), parse_time(c[3]))),
    "$I": _Command(2, lambda c: BoardCleared(parse_time(c[0]), c[1])),
    "$J": _Command(3, lambda c: Passing(_named(c[0]), parse_time(c[1]), parse_time(c[2]))),
    "$COR": _Command(
        5,
        lambda c: Corrected(
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
