"""The commands that ask: their formats, their schemas, their errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

import services.storage.client
import services.storage.event_log
from events import encode
from services.cli.app import app
from services.queries.tables.race_tables import TABLES
from tests.unit.services.memory import FIRST_LEARNED, MemoryLog
from tests.unit.services.tower_race import race_story

RACE = "short-le-mans"
QUERIES = sorted(set(TABLES) - {"sessions", "weather"})


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> MemoryLog:
    """A store with the short race in it."""
    log = MemoryLog()
    log.hold(RACE, map(encode, race_story()))
    monkeypatch.setattr(services.storage.client, "open_store", log.opened)
    monkeypatch.setattr(services.storage.event_log, "Log", log)
    return log


def run(*arguments: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(app, arguments)


def rows(*arguments: str) -> list[dict[str, Any]]:
    """Run a query and read its JSON."""
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def refused(*arguments: str) -> str:
    """Run what cannot be done; the one line that says why."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("query", QUERIES)
def test_json_keeps_to_its_schema(log: MemoryLog, query: str) -> None:
    """Every query prints an array that its own schema accepts, members in its order."""
    schema = json.loads(run("schema", query).stdout)
    found = rows(query, RACE)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    if query == "caution-places":  # nobody passed under the caution of this race
        assert found == []
        return
    assert found
    assert [*found[0]] == [*schema["items"]["properties"]]


@pytest.mark.parametrize("query", QUERIES)
def test_csv_is_flat_and_as_long(log: MemoryLog, query: str) -> None:
    """CSV has a line a row, and no cell that is a list or an object."""
    result = run(query, RACE, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(table) == len(rows(query, RACE))
    assert not [cell for row in table for cell in row.values() if cell[:1] in ("[", "{")]


@pytest.mark.parametrize("query", QUERIES)
def test_a_table_stands_under_the_title(log: MemoryLog, query: str) -> None:
    """Every table says what race it is of."""
    result = run(query, RACE)
    assert result.exit_code == 0
    assert "Short Le Mans, reconstructed" in result.stdout


def test_the_shape_of_standings(log: MemoryLog) -> None:
    """A row of standings, member by member."""
    row = rows("standings", RACE)[1]
    assert [*row][:22] == [
        *("position", "car", "class", "class_position", "team", "vehicle", "driver"),
        *("driver_short", "laps", "gap", "interval", "class_gap", "class_interval"),
        *("last_lap_ms", "best_lap_ms", "pace_ms", "status", "in_pit", "stops"),
        *("last_pit_lap", "stint_laps", "penalties"),
    ]
    assert row["gap"] == {"laps": None, "ms": row["gap"]["ms"]}
    assert (row["car"], row["driver_short"], row["best_lap_ms"]) == ("1", "CAP", 69_500)


def test_the_shape_of_results_and_cautions(log: MemoryLog) -> None:
    """The first members of the two other tables that programs rely on."""
    assert [*rows("results", RACE)[0]][:11] == [
        *("position", "car", "class", "class_position", "status", "laps", "total_ms"),
        *("penalty_ms", "best_lap_ms", "best_lap", "points"),
    ]
    (caution,) = rows("cautions", RACE)
    assert [*caution][:6] == ["number", "kind", "start_ms", "end_ms", "first_lap", "last_lap"]
    assert (caution["number"], caution["kind"], caution["end_ms"]) == (1, "safety_car", None)


def test_csv_spreads_gaps_over_columns(log: MemoryLog) -> None:
    """A gap becomes laps and milliseconds in columns of their own."""
    table = csv.DictReader(io.StringIO(run("standings", RACE, "--format", "csv").stdout))
    third = list(table)[2]
    assert (third["gap_laps"], third["gap_ms"]) == ("1", "")
    assert (third["in_pit"], third["class_gap_ms"]) == ("false", "0")


def test_as_it_stood(log: MemoryLog) -> None:
    """--at asks for a moment: by the clock, by the leader's lap, by caution."""
    by_clock = rows("session", RACE, "--at", "0:02:20")[0]
    assert (by_clock["clock_ms"], by_clock["leader_lap"]) == (140_000, 2)
    assert rows("session", RACE, "--at", "lap:2")[0]["state_hash"] == by_clock["state_hash"]
    assert rows("session", RACE, "--at", "caution:1")[0]["flag"] == "safety_car"


def test_as_it_was_known(log: MemoryLog) -> None:
    """--known-at asks with what was known then, by position or by wall-clock time."""
    events = len(log.logs[RACE])
    (now,) = rows("session", RACE)
    assert (now["events"], now["learned_at"]) == (events, "2023-11-14T22:14:06.000+00:00")
    (then,) = rows("session", RACE, "--known-at", f"{FIRST_LEARNED + 9000}-0")
    assert then["events"] == 10
    (same,) = rows("session", RACE, "--known-at", "2023-11-14T23:13:29+01:00")
    assert same == then


def test_only_some_cars(log: MemoryLog) -> None:
    """--class and --car narrow the rows; places stay those of the whole field."""
    assert [row["car"] for row in rows("standings", RACE, "--class", "gt2")] == ["45", "62", "007"]
    assert {row["car"] for row in rows("laps", RACE, "--car", "1", "--car", "7")} == {"1", "7"}
    assert rows("standings", RACE, "--class", "GT2", "--car", "1") == []
    assert rows("standings", RACE, "--car", "62")[0]["position"] == 4


def test_the_list_of_sessions(log: MemoryLog) -> None:
    """Sessions of the store, and those that are built in."""
    schema = json.loads(run("schema", "sessions").stdout)
    found = {row["session"]: row for row in rows("sessions")}
    jsonschema.validate([*found.values()], schema)
    assert found[RACE]["title"] == "Short Le Mans, reconstructed"
    assert found[RACE]["entries"] == len(log.logs[RACE])
    assert found["petit-le-mans-2007"]["built_in"] is True


def test_the_schema_of_events() -> None:
    """Programs in other languages get the JSON Schema of what they may append."""
    assert "oneOf" in json.loads(run("schema").stdout)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("standings", "short-le-man"), "no session 'short-le-man' in this store; there is short"),
        (("standings", "alms-200"), "in this store; there is petit-le-mans-2007"),
        (("championship", "alms-200"), "no session 'alms-200' in this store; there is alms-2007"),
        (("standings", "Le Mans"), "'Le Mans' is not a session id"),
        (("standings", RACE, "--at", "noon"), "write 5:00:00, 5:00:00.250, lap:372 or caution:9"),
        (("standings", RACE, "--at", "lap:99"), "the last was lap 10"),
        (("standings", RACE, "--at", "lap:x"), "lap: takes a number, as in lap:9"),
        (("standings", RACE, "--at", "caution:2"), "until 0:11:55.000 the last was caution 1"),
        (("standings", RACE, "--at", "1:00:00"), "the session has come to 0:11:55.000"),
        (("standings", RACE, "--known-at", "22:13"), "write 1728748800000-0 or 2024-10-12T15"),
        (("standings", RACE, "--known-at", "2023-11-14T22:14"), "a time with its zone"),
        (("standings", RACE, "--known-at", "1-0"), f"nothing was recorded of {RACE!r} by then"),
        (("standings", RACE, "--class", "GT3"), "no class 'GT3' in this session; there are LMP1"),
        (("laps", RACE, "--car", "07"), "no car '07' in this session; there are 7, 1, 45, 62, 007"),
    ],
)
def test_what_cannot_be_done_is_reported_in_a_line(
    log: MemoryLog, arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 1, nothing on stdout, one line that says what would be right."""
    line = refused(*arguments)
    assert line.startswith("lapstream: ")
    assert says in line


def test_a_path_to_check_that_is_not_there(tmp_path: Path) -> None:
    """It is named, and nothing else is checked: it may be the folder that was meant."""
    result = run("check", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "no such folder or archive" in result.output
    assert "whole" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("standing", RACE),
        ("standings",),
        ("standings", RACE, "--format", "xml"),
        ("standings", RACE, "--lap", "9"),
        ("schema", "wether"),
        ("replay", RACE, "--speed", "fast"),
        ("replay", RACE, "--speed", "0"),
        ("import", "alkamel", "laps.csv"),
    ],
)
def test_wrong_usage(log: MemoryLog, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_entries_that_are_no_events_are_counted(log: MemoryLog) -> None:
    """They do not count in the race, and are not hidden."""
    log.hold(RACE, [b"garbage", b"{}"])
    (session,) = rows("session", RACE)
    assert session["unreadable"] == 2
    assert session["events"] == len(log.logs[RACE]) - 2


def test_a_log_of_a_newer_lapstream_is_refused(log: MemoryLog) -> None:
    """Skipping an event of an unknown type would be a wrong position."""
    log.hold(RACE, [b'{"type":"lap_teleported","at":1,"source":"x","source_seq":1}'])
    assert "unknown event type 'lap_teleported'" in refused("standings", RACE)


def test_version_and_help() -> None:
    """--version names the program; --help its commands and exit codes."""
    assert run("--version").stdout.startswith("lapstream 0.")
    race_story = run("--help").stdout
    for word in ("standings", "import", "replay", "Exit codes"):
        assert word in race_story


def test_a_race_in_lines(log: MemoryLog) -> None:
    """Without a terminal a replay prints what happens, and how it ended."""
    result = run("replay", RACE, "--speed", "max")
    assert result.exit_code == 0
    assert "0:11:05  safety car, caution 1" in result.stdout
    assert "car 45: stop and hold 30 s imposed" in result.stdout
    assert "Fastest laps" in result.stdout
    assert "Cautions" in result.stdout


def test_a_part_of_a_race_in_lines(log: MemoryLog) -> None:
    """--from and --until choose the part; what was before is not told."""
    result = run("replay", RACE, "--speed", "max", "--from", "lap:9", "--until", "caution:1")
    assert result.exit_code == 0
    assert "caution 1" in result.stdout
    assert "imposed" not in result.stdout


def test_a_part_that_ends_before_it_begins(log: MemoryLog) -> None:
    """--until before --from is wrong usage."""
    assert run("replay", RACE, "--from", "lap:9", "--until", "lap:2").exit_code == 2
