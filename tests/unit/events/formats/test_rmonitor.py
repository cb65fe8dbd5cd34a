"""RMonitor's bytes to records: each kind, each oddity, each way to cut them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.formats.rmonitor import (
    LONGEST_LINE,
    BoardCleared,
    ClassNamed,
    Competitor,
    CompetitorDetails,
    CorrectedTime,
    Crossing,
    Heartbeat,
    LapsKept,
    LastPassing,
    Passing,
    PastLap,
    QualifyingInformation,
    RaceInformation,
    Reader,
    Received,
    RelayClock,
    RunNamed,
    Setting,
    SortMode,
    Unreadable,
    parse_time,
    read_line,
)
from tests.data import DATA, needs_data

RECORDS = {
    '$F,14,"00:12:45","13:34:23","00:09:47","Green "': Heartbeat(
        14, 765_000, 48_863_000, 587_000, "Green"
    ),
    '$F,9999,"08:00:00","08:58:48","00:00:00","      "': Heartbeat(
        None, 28_800_000, 32_328_000, 0, ""
    ),
    '$F,9999,"08:00:47","08:59:12","00:00:-47","      "': Heartbeat(
        None, 28_847_000, 32_352_000, -47_000, ""
    ),
    '$A,"1234BE","12X",52474,"John","Johnson","USA",5': Competitor(
        "1234BE", "12X", "52474", "John", "Johnson", "USA", "5"
    ),
    '$A,"55","55",,"AOA Racing","","",4': Competitor("55", "55", "", "AOA Racing", "", "", "4"),
    '$COMP,"1234BE","12X",5,"John","Johnson","USA","CAMEL"': CompetitorDetails(
        "1234BE", "12X", "5", "John", "Johnson", "USA", "CAMEL"
    ),
    '$B,5,"Friday free practice"': RunNamed("5", "Friday free practice"),
    '$C,5,"Formula 300"': ClassNamed("5", "Formula 300"),
    '$C,6,""': ClassNamed("6", ""),
    '$E,"TRACKNAME","Indianapolis Motor Speedway"': Setting(
        "TRACKNAME", "Indianapolis Motor Speedway"
    ),
    '$G,3,"1234BE",14,"01:12:47.872"': RaceInformation(3, "1234BE", 14, 4_367_872),
    '$G,3,"70",,"00:00:55.099"': RaceInformation(3, "70", None, 55_099),
    '$G,75,"29",-34,"00:00:35.420"': RaceInformation(75, "29", -34, 35_420),
    '$H,2,"1234BE",3,"00:02:17.872"': QualifyingInformation(2, "1234BE", 3, 137_872),
    '$I,"16:36:08.000","12 jan 01"': BoardCleared(59_768_000, "12 jan 01"),
    '$I, "00:00:00", "0/0/0000"': BoardCleared(0, "0/0/0000"),
    '$J,"1234BE","00:02:03.826","01:42:17.672"': Passing("1234BE", 123_826, 6_137_672),
    '$J,"70","00:00:00.000","00:00:55.099"': Passing("70", 0, 55_099),
    '$COR,"123BE","658",2,"00:00:35.272","+00:00:00.012"': CorrectedTime(
        "123BE", "658", 2, 35_272, 12
    ),
    '$COR,"123BE","658",2,"00:00:35.272","-00:00:00.012"': CorrectedTime(
        "123BE", "658", 2, 35_272, -12
    ),
    '$L,"13","T1","SFT","10/06/2007","11:16:23.345",1,"GT2"': Crossing(
        "13", "T1", "SFT", date(2007, 10, 6), 40_583_345, "1", "GT2"
    ),
    '$L,"13","P1","SFP","","","",""': Crossing("13", "P1", "SFP", None, None, "", ""),
    '$RMS,"race"': SortMode("race"),
    "$RMLT,181,1610909938000": LastPassing("181", 1_610_909_938_000),
    "$RMCA,1610910893000": RelayClock(1_610_910_893_000),
    '$RMHL,"181","2","1","00:17:00.746","Green ","02:15:39.231"': PastLap(
        "181", 2, 1, 1_020_746, "Green", 8_139_231
    ),
    '$RMDTL,""': LapsKept(""),
    "##2025-04-26 13:58:48.222": Received(
        datetime(2025, 4, 26, 13, 58, 48, 222_000, tzinfo=UTC), connected=False
    ),
    "##2025-04-26 13:58:48.222 connected": Received(
        datetime(2025, 4, 26, 13, 58, 48, 222_000, tzinfo=UTC), connected=True
    ),
}


@pytest.mark.parametrize(("line", "record"), RECORDS.items())
def test_each_kind_of_record(line: str, record: object) -> None:
    """Every record of the protocol, of IMSA's form and of relays is read into its fields."""
    assert read_line(line) == [record]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("", None),
        ("00:44:13.233", 2_653_233),
        ("00:44:13.2", 2_653_200),
        ("26:13:45.123", 94_425_123),
        ("0:5:1", 301_000),
        ("-00:00:47", -47_000),
        ("00:00:-47", -47_000),
        ("00:59:59.999", None),
        ("00:59:59.998", 3_599_998),
    ],
)
def test_times(text: str, ms: int | None) -> None:
    """Times run past a day and before the start; a blank and 00:59:59.999 are none."""
    assert parse_time(text) == ms


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("What is this", "not an RMonitor command"),
        ('$XYZ,"1"', "not an RMonitor command"),
        ('$G,1,"70",16', "3 cells where $G has 4"),
        ('$G,1,"70",16,"00:44:13.233","x"', "5 cells"),
        ('$G,1,"70",16,"00:61:13.233"', "not a time"),
        ('$G,1,"70",16,"44 min"', "not a time"),
        ('$G,one,"70",16,"00:44:13.233"', "not a whole number"),
        ('$G,1,"70",9999999,"00:44:13.233"', "laps are more than"),
        ('$G,1,"",16,"00:44:13.233"', "blank"),
        ('$G,1,"70,16,"00:44:13.233"', "cells"),
        ('$B,36,"Barber', "unterminated quote"),
        ('$B,36,Bar"ber"', "a quote"),
        ('$L,"13","T1","XXX","10/06/2007","11:16:23.345",1,"GT2"', "not a line"),
        ('$L,"13","T1","SFT","31/31/2007","11:16:23.345",1,"GT2"', "not a day"),
        ('$C,1,"G\x00TO"', "control characters"),
        ("##2025-13-99 13:58:48.222", "time data"),
        ("##yesterday", "not a reception time"),
    ],
)
def test_what_cannot_be_read(line: str, reason: str) -> None:
    """A bad line is a record of its own that says what is wrong with it, never an error."""
    [unreadable] = read_line(line)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.line == line
    assert reason in unreadable.reason


class TestText:
    """Text as it comes: quotes, commas, blanks, alphabets."""

    def test_commas_in_quotes(self) -> None:
        """A comma within quotes belongs to the text (a real entry)."""
        line = '$A,"65","65",1,"EC - Open Throttle Racing","BMW (Red, White, Blue)","",5'
        [entry] = read_line(line)
        assert isinstance(entry, Competitor)
        assert entry.last == "BMW (Red, White, Blue)"

    def test_quotes_in_quotes(self) -> None:
        """Quotes within a text are read whether or not they are doubled."""
        assert read_line('$C,1,"The "Fast" ones"') == [ClassNamed("1", 'The "Fast" ones')]
        assert read_line('$C,1,"The ""Fast"" ones"') == [ClassNamed("1", 'The "Fast" ones')]

    def test_blanks(self) -> None:
        """Blanks around a cell, quoted or not, do not count."""
        assert read_line(' $C, 1 , " GTO " ') == [ClassNamed("1", "GTO")]

    def test_alphabets(self) -> None:
        """Text is UTF-8, or else Windows' Latin alphabet; nothing is refused for its bytes."""
        reader = Reader()
        assert reader.feed('$C,1,"Müller"\r\n'.encode()) == [ClassNamed("1", "Müller")]
        assert reader.feed('$C,1,"Müller"\r\n'.encode("cp1252")) == [ClassNamed("1", "Müller")]
        [record] = reader.feed(b'$C,1,"M\x81ller"\r\n')  # a byte that stands for nothing there
        assert record == ClassNamed("1", "M\ufffdller")

    def test_a_dollar_is_no_command(self) -> None:
        """A text that only looks like a command is left in its place."""
        assert read_line('$C,1,"3$H"') == [ClassNamed("1", "3$H")]


class TestLines:
    """Lines as they come: their ends, their lengths, those run together or cut short."""

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\r", b"\n\n\n"])
    def test_line_ends(self, end: bytes) -> None:
        """Any of the line ends that feeds have ends a line; blank lines are nothing."""
        reader = Reader()
        assert reader.feed(end + b'$C,1,"GTO"' + end + b'$C,2,"GTU"' + end) == [
            ClassNamed("1", "GTO"),
            ClassNamed("2", "GTU"),
        ]
        assert reader.end() == []

    def test_byte_order_mark(self) -> None:
        """A byte-order mark before a line is skipped."""
        assert Reader().feed(b'\xef\xbb\xbf$C,1,"GTO"\n') == [ClassNamed("1", "GTO")]

    def test_cut_short_by_another(self) -> None:
        """Of two lines run together the first is unreadable, and the other read."""
        assert read_line('$G,3,"70",1$B,36,"Barber"') == [
            Unreadable('$G,3,"70",1', "cut short"),
            RunNamed("36", "Barber"),
        ]

    def test_cut_short_within_quotes(self) -> None:
        """A line that is cut within a text does not swallow the next."""
        assert read_line('$C,1,"GT$B,36,"Barber"')[1:] == [RunNamed("36", "Barber")]

    def test_without_a_line_end_between(self) -> None:
        """Lines that only lack the line end between them are both read."""
        assert read_line('$C,1,"GTO"$C,2,"GTU"$C,3,"GP1"') == [
            ClassNamed("1", "GTO"),
            ClassNamed("2", "GTU"),
            ClassNamed("3", "GP1"),
        ]

    def test_a_number_may_have_been_longer(self) -> None:
        """A cut line whose last cell is a bare number looks whole and is not trusted."""
        entry = '$A,"1","1",7,"a","b","",1'
        assert read_line(entry + '$C,1,"GTO"')[0] == Unreadable(entry, "cut short")
        reader = Reader()
        assert reader.feed(entry.encode()) == []
        assert reader.end() == [Unreadable(entry, "cut short")]

    def test_the_end_of_a_recording(self) -> None:
        """A last line without a line end is read if its last cell is closed."""
        reader = Reader()
        assert reader.feed(b'$C,1,"GTO"') == []
        assert reader.end() == [ClassNamed("1", "GTO")]
        assert reader.feed(b'$C,1,"GT') == []
        assert reader.end() == [Unreadable('$C,1,"GT', "cut short")]
        assert reader.end() == []

    def test_too_long(self) -> None:
        """A line beyond all measure is one unreadable record, and takes no memory."""
        reader = Reader()
        records = [record for _ in range(100) for record in reader.feed(b"x" * 10_000)]
        records += reader.feed(b'\n$C,1,"GTO"\n')
        reason = f"longer than {LONGEST_LINE} bytes"
        assert records == [Unreadable("x" * LONGEST_LINE, reason), ClassNamed("1", "GTO")]


FEED = b"\xef\xbb\xbf" + b"\r\r\n".join(
    [
        *(line.encode() for line in RECORDS),
        b'$G,3,"70",1$B,36,"Barber"',
        b'$C,1,"M\xfcller"',
        b"y" * (LONGEST_LINE - 1),
        b"z" * (LONGEST_LINE + 1),
        b"z" * (LONGEST_LINE + 2),
        b"",
        b'$C,1,"the end',
    ]
)


@given(st.lists(st.integers(0, len(FEED)), max_size=20))
def test_any_chunks_give_the_same_records(cuts: list[int]) -> None:
    """However the bytes are cut, the records are the same."""
    whole = Reader()
    expected = whole.feed(FEED) + whole.end()
    reader, records = Reader(), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(FEED)], strict=True):
        records += reader.feed(FEED[start:end])
    assert records + reader.end() == expected
    assert [record for record in expected if not isinstance(record, Unreadable)][:-2] == list(
        RECORDS.values()
    )


PIECES = st.sampled_from([line.encode() for line in RECORDS]) | st.binary(max_size=40)


@given(st.lists(PIECES, max_size=30), st.sampled_from([b"\n", b"\r\n", b"", b'"', b","]))
def test_no_bytes_are_an_error(pieces: list[bytes], between: bytes) -> None:
    """Whatever is in a feed, the reader goes on and reads the next whole line."""
    reader = Reader()
    reader.feed(between.join(pieces))
    assert reader.feed(b'\n$C,1,"GTO"\n')[-1] == ClassNamed("1", "GTO")


CAPTURES = sorted((DATA / "rmonitor").glob("*.*")) if DATA.is_dir() else []


@needs_data
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_captures(path) -> None:
    """Every line of every real capture is read, and at any size of chunk."""
    data = path.read_bytes()
    reader = Reader()
    records = reader.feed(data) + reader.end()
    assert not [record for record in records if isinstance(record, Unreadable)]
    lines = data.decode("utf-8-sig").replace("\r", "\n").split("\n")
    assert len(records) == sum(1 for line in lines if line.strip())
    again = Reader()
    chunks = [record for at in range(0, len(data), 37) for record in again.feed(data[at : at + 37])]
    assert chunks + again.end() == records
