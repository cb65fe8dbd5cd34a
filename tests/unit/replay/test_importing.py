"""Timing files by their paths: what the names tell, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from events import DataDoubted, EntryAdded, ResultDeclared, SessionOpened
from events.catalogue import RaceEvent
from events.errors import BadTimingFile
from replay.importing import (
    import_alkamel,
    import_alkamel_result,
    kind_of,
    title_of,
    zone_of,
)
from tests.alkamel import Lap, car, laps_text, result_row, result_text

LAPS = laps_text(car("7", Lap(), Lap(flag="FF"), start=43_846_185))
RESULT = result_text(result_row(1, "7", 2, 120_000), result_row(None, "8", 0, None))


@pytest.fixture
def folder(tmp_path):
    """A folder named as IMSA names an event's."""
    folder = tmp_path / "19-road-atlanta"
    folder.mkdir()
    return folder


def opening(events: list[RaceEvent]) -> SessionOpened:
    """The event that opens a session."""
    opened = events[0]
    assert isinstance(opened, SessionOpened)
    return opened


def put(folder, name, text):
    """A file of this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_names_say_what_the_file_does_not(folder):
    """Title, kind, day and zone come from the names of file and folder."""
    path = put(folder, "202210011210-race-laps.csv", LAPS)
    opened = opening(import_alkamel(path, rules="imsa-2020"))
    assert (opened.title, opened.kind) == ("Road Atlanta 2022, race", "race")
    assert (opened.rules, opened.zone) == ("imsa-2020", "America/New_York")
    assert opened.starts_at == datetime(2022, 10, 1, 16, 10, 46, 185_000, UTC)
    assert opened.starts_at is not None
    assert opened.starts_at.isoformat() == "2022-10-01T12:10:46.185000-04:00"


def test_what_is_given_counts_more(folder):
    """What is given is taken before what the names tell."""
    path = put(folder, "202210011210-race-laps.csv", LAPS)
    opened = opening(
        import_alkamel(
            path, title="Petit", kind="practice", day=date(2022, 12, 1), zone="Europe/Paris"
        )
    )
    assert (opened.title, opened.kind, opened.zone) == ("Petit", "practice", "Europe/Paris")
    assert opened.starts_at is not None
    assert opened.starts_at.isoformat() == "2022-12-01T12:10:46.185000+01:00"


@pytest.mark.parametrize("name", ["fuji-laps.csv", "209913450000-race-laps.csv"])
def test_a_name_without_a_day(tmp_path, name):
    """Without a day there is no start on the wall clock, but a race all the same."""
    opened = opening(import_alkamel(put(tmp_path, name, LAPS)))
    assert (opened.kind, opened.starts_at) == ("race", None)


def test_a_race_that_starts_after_midnight(folder):
    """A race due at five to midnight that starts at five past is a day later than its name."""
    late = laps_text(car("7", Lap(), start=300_000))
    opened = opening(import_alkamel(put(folder, "202210012355-race-laps.csv", late)))
    assert opened.starts_at is not None
    assert opened.starts_at.isoformat() == "2022-10-02T00:05:00-04:00"


def test_a_result_beside_the_laps(folder):
    """A result adds its cars, and is told as declared."""
    laps, result = put(folder, "laps.csv", LAPS), put(folder, "results.csv", RESULT)
    events = import_alkamel(laps, result)
    assert [event.car for event in events if isinstance(event, EntryAdded)] == ["7", "8"]
    assert sum(isinstance(event, ResultDeclared) for event in events) == 1


def test_the_same_files_give_the_same_events(folder):
    """Reading a file twice, by a path or its text, gives equal events."""
    laps, result = put(folder, "laps.csv", LAPS), put(folder, "results.csv", RESULT)
    assert import_alkamel(laps, result) == import_alkamel(str(laps), str(result))


def test_progress_is_reported(folder):
    """Each step is told as it begins, and the end."""
    steps = []
    laps, result = put(folder, "laps.csv", LAPS), put(folder, "results.csv", RESULT)
    import_alkamel(laps, result, progress=lambda *step: steps.append(step))
    assert steps == [
        ("read laps.csv", 0, 3),
        ("read results.csv", 1, 3),
        ("make the events", 2, 3),
        ("done", 3, 3),
    ]


@pytest.mark.parametrize(
    ("path", "title", "kind", "zone"),
    [
        (
            "2024/06-long-beach-street-circuit/202404191700-qualifying-laps.csv",
            "Long Beach Street Circuit 2024, qualifying",
            "qualifying",
            "America/Los_Angeles",
        ),
        ("wec/2024-le-mans-24h-laps.csv", "2024 Le Mans 24h", "race", "Europe/Paris"),
        ("petit-le-mans/x.csv", "X", "race", "America/New_York"),
        ("x/23_Time Cards_Race.CSV", "23 Time Cards Race", "race", None),
        ("x/202404191700.csv", "X 2024", "race", None),
        ("x/Practice 2.csv", "Practice 2", "practice", None),
        ("x/laps.csv", "laps.csv", "race", None),
    ],
)
def test_what_names_say(path, title, kind, zone):
    """Titles in words; the kind by a word of the name; the zone by the longest circuit."""
    path = Path("/races") / path
    assert (title_of(path), kind_of(path), zone_of(path)) == (title, kind, zone)
    assert len(title_of(Path("/races") / ("x" * 250))) == 200


def fault(path, result=None):
    """What is wrong with a file, in one line with its path."""
    with pytest.raises(BadTimingFile) as raised:
        import_alkamel(path, result)
    assert "\n" not in str(raised.value)
    assert str(result or path) in str(raised.value)
    return raised.value


def test_no_such_file(tmp_path):
    """A path without a file says so."""
    assert "No such file" in fault(tmp_path / "laps.csv").reason
    assert "directory" in fault(tmp_path).reason


def test_a_fault_names_the_path_as_given(folder):
    """Line, column and value of a fault follow the path."""
    path = put(folder, "laps.csv", LAPS.replace(";2:00.000;", ";??;"))
    assert str(fault(path)).startswith(f"{path}:3, column ELAPSED, value '??': ")


def test_doubts_are_kept_or_refused(folder):
    """A doubtful value is an event; under ``strict`` it refuses the file, by its path as given."""
    path = put(folder, "laps.csv", LAPS.replace("FF", "??"))
    doubts = [event for event in import_alkamel(path) if isinstance(event, DataDoubted)]
    assert [(one.file, one.line, one.column, one.value) for one in doubts] == [
        ("laps.csv", 3, "FLAG_AT_FL", "??")
    ]
    with pytest.raises(BadTimingFile) as raised:
        import_alkamel(path, strict=True)
    assert str(raised.value).startswith(f"{path}:3, column FLAG_AT_FL, value '??': unknown code")
    assert import_alkamel(put(folder, "sound.csv", LAPS), strict=True)


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 3, "binary data"),
        (b"PK\x03\x04\x14\x00\x06\x00", 1, "binary data"),
        (LAPS[1:].encode("utf-16-le"), 1, "binary data"),
        (LAPS.encode("utf-16")[:-1], 1, "binary data"),
        (LAPS.encode().replace(b"Ann", b"Ren\x81"), 2, "neither UTF-8 nor Windows-1252"),
        (b"\x1f\x8b\x08", 1, "binary data"),
        (b"", 1, "empty"),
    ],
    ids=["PNG", "ZIP", "UTF-16 without a mark", "half of UTF-16", "no encoding", "gzip", "empty"],
)
def test_a_file_that_is_no_text(tmp_path, raw, line, reason):
    """Binary files and unknown encodings are named for what they are, by line."""
    path = tmp_path / "laps.csv"
    path.write_bytes(raw)
    error = fault(path)
    assert error.line == line
    assert reason in error.reason


@pytest.mark.parametrize(
    ("names", "encoding", "doubt"),
    [
        (["René"], "cp1252", (2, "René DE VRIES", "not UTF-8 (as on 2 lines)")),
        (["René"], "latin-1", (2, "René DE VRIES", "not UTF-8 (as on 2 lines)")),
        (["Ann", "“Bo” Œil"], "cp1252", (3, "“Bo” Œil DE VRIES", "not UTF-8")),
        (["René"], "utf-8", None),
        (["René"], "utf-8-sig", None),
        (["René"], "utf-16", None),
    ],
    ids=["Windows-1252", "Latin-1", "a single line", "UTF-8", "with a mark", "UTF-16"],
)
def test_a_file_in_another_encoding(folder, names, encoding, doubt):
    """What is not UTF-8 is read as Windows-1252, with a doubt; only ``strict`` refuses it."""
    first, *others = LAPS.removeprefix("\ufeff").split("Ann")
    text = first + "".join(name + rest for name, rest in zip(names * 2, others, strict=False))
    path = folder / "laps.csv"
    path.write_bytes(text.encode(encoding))
    events = import_alkamel(path)
    [entry] = [event for event in events if isinstance(event, EntryAdded)]
    assert [driver.name for driver in entry.drivers] == [f"{names[-1]} DE VRIES"]
    doubts = [event for event in events if isinstance(event, DataDoubted) and not event.car]
    assert [(one.line, one.value, one.reason) for one in doubts] == ([doubt] if doubt else [])
    if doubt:
        assert (doubts[0].column, doubts[0].treatment) == (None, "read as Windows-1252")
        with pytest.raises(BadTimingFile, match="not UTF-8") as raised:
            import_alkamel(path, strict=True)
        assert raised.value.line == doubt[0]


def test_a_result_in_another_encoding(folder):
    """Results are read so as well."""
    path = folder / "results.csv"
    text = RESULT.removeprefix("\ufeff").replace("Ann", "René").replace("Č", "C")
    path.write_bytes(text.encode("cp1252"))
    events = import_alkamel_result(path)
    entries = [event for event in events if isinstance(event, EntryAdded)]
    assert entries[0].drivers[0].name == "René DE VRIES"
    assert [event.line for event in events if isinstance(event, DataDoubted)][:1] == [2]


def test_a_bad_result_is_named(folder):
    """A fault in the result names the result."""
    laps = put(folder, "laps.csv", LAPS)
    result = put(folder, "results.csv", RESULT.replace(";2;2:00.000", ";two;2:00.000"))
    assert fault(laps, result).column == "LAPS"
    assert "laps" in fault(laps, laps).reason
    assert "result" in fault(put(folder, "r.csv", RESULT)).reason


@pytest.mark.parametrize(
    ("given", "found"),
    [({"zone": "Mars"}, "Mars"), ({"title": "x" * 201}, "title"), ({"rules": "x" * 65}, "rules")],
)
def test_what_no_session_can_have(folder, given, found):
    """A zone that is not known, a title or rules too long: one line that names them."""
    path = put(folder, "laps.csv", LAPS)
    with pytest.raises(ValueError, match=found) as raised:
        import_alkamel(path, **given)
    assert "\n" not in str(raised.value)


def test_a_result_without_laps(folder):
    """A session of the result alone: its cars, crews and makes, and what was declared."""
    path = put(folder, "202401271340-race-results.csv", RESULT)
    events = import_alkamel_result(path, rules="imsa-2024", round_number=1, length_ms=86_400_000)
    opened = opening(events)
    assert (opened.title, opened.kind, opened.round) == ("Road Atlanta 2024, race", "race", 1)
    assert (opened.time_limit_ms, opened.basis) == (86_400_000, "published")
    cars = {event.car: event for event in events if isinstance(event, EntryAdded)}
    assert set(cars) == {"7", "8"}
    assert (cars["7"].vehicle or "").split()[0] == cars["7"].manufacturer
    (declared,) = [event for event in events if isinstance(event, ResultDeclared)]
    assert [row.car for row in declared.rows] == ["7", "8"]
    assert [event.source_seq for event in events] == list(range(len(events)))


def test_what_the_files_do_not_report_of_a_session(folder):
    """Series, round and length are taken as they are given."""
    path = put(folder, "202210011210-race-laps.csv", LAPS)
    opened = opening(import_alkamel(path, series="IMSA", round_number=11, length_ms=36_000_000))
    assert (opened.series, opened.round, opened.time_limit_ms) == ("IMSA", 11, 36_000_000)
