"""Importing by command: what is inferred, what stays unexplained, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import events as ev
from services.queries.tables import race_tables
from tests.alkamel import Lap, car, laps_text, result_row, result_text
from tests.unit.services.commands import Commands

FLAGS = ("GF", "GF", "GF", "FF")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Laps of three cars half a second apart, and the folder that they lie in."""
    cars = [
        car(number, *(Lap(s3=10_000 + 125 * place, flag=flag) for flag in FLAGS))
        for place, number in enumerate(("7", "31", "60"))
    ]
    (tmp_path / "laps.csv").write_text(laps_text(*cars))
    return tmp_path


def bring_in(
    lapstream: Commands, folder: Path, *results: tuple[str, int, int | None], rules: str = ""
) -> list[str]:
    """Import the race with this official result (car, laps, total); the lines it prints."""
    rows = [result_row(place, *row) for place, row in enumerate(results, start=1)]
    (folder / "results.csv").write_text(result_text(*rows))
    arguments = ["--results", str(folder / "results.csv"), "--session", "race", "--title", "Race"]
    if rules:
        arguments += ["--rules", rules]
    return lapstream.output("import", "alkamel", str(folder / "laps.csv"), *arguments).splitlines()


def test_penalties_come_with_the_race(lapstream: Commands, folder: Path) -> None:
    """They are appended with it, published, and told in one line."""
    first, inferred = bring_in(
        lapstream, folder, ("31", 4, 240_500), ("60", 4, 241_000), ("7", 4, 245_000)
    )
    assert first.startswith("race: Race; 3 cars, ")
    assert inferred == "inferred from the official result: #7: 5 s added to its time"
    decision = lapstream.events("race")[-1]
    assert isinstance(decision, ev.PenaltyImposed)
    assert (decision.car, decision.amount, decision.basis) == ("7", 5, "published")
    assert "inferred" in (decision.reason or "")
    rows = lapstream.rows("results", "results", "race")
    assert [row["car"] for row in rows] == ["31", "60", "7"]


def test_what_the_laps_explain_needs_nothing(lapstream: Commands, folder: Path) -> None:
    """A result that follows from the laps says nothing more."""
    printed = bring_in(lapstream, folder, ("7", 4, 240_000), ("31", 4, 240_500), ("60", 4, 241_000))
    assert len(printed) == 1


def test_what_cannot_be_explained_is_listed(lapstream: Commands, folder: Path) -> None:
    """A fraction of a second is no penalty; the laps stand, and the difference is told."""
    printed = bring_in(lapstream, folder, ("7", 4, 240_250), ("31", 4, 240_500), ("60", 4, 241_000))
    assert printed[1:] == ["not explained: #7, total 4:00.000 by the laps, 4:00.250 in the result"]


def test_sent_to_the_back_by_the_pack_s_convention(lapstream: Commands, folder: Path) -> None:
    """Where retirements follow the finishers, that is no decision about them."""
    short = car("7", *(Lap(flag="GF") for _ in range(3)))
    others = [
        car(number, *(Lap(s3=30_000 + place, flag=flag) for flag in FLAGS[:2] + FLAGS[3:]))
        for place, number in enumerate(("31", "60"))
    ]
    (folder / "laps.csv").write_text(laps_text(short, *others))
    results = (("31", 3, 240_000), ("60", 3, 240_003), ("7", 3, 180_000))
    printed = bring_in(lapstream, folder, *results, rules="wec-2024")
    assert len(printed) == 1


def test_the_same_files_again(lapstream: Commands, folder: Path) -> None:
    """They are no error, and append nothing, the decisions included."""
    results = (("31", 4, 240_500), ("60", 4, 241_000), ("7", 4, 245_000))
    bring_in(lapstream, folder, *results)
    before = lapstream.events("race")
    assert bring_in(lapstream, folder, *results)[0] == "race has this race already: Race"
    assert lapstream.events("race") == before


def test_what_the_files_do_not_report(lapstream: Commands, folder: Path) -> None:
    """Series, round and length are given by hand."""
    lapstream.output(
        *("import", "alkamel", str(folder / "laps.csv"), "--session", "race"),
        *("--series", "IMSA", "--round", "11", "--length", "10:00", "--rules", "imsa-2024"),
    )
    opened = lapstream.events("race")[0]
    assert isinstance(opened, ev.SessionOpened)
    assert (opened.series, opened.round, opened.time_limit_ms, opened.rules) == (
        *("IMSA", 11, 36_000_000),
        "imsa-2024",
    )


def test_a_result_without_laps(lapstream: Commands, folder: Path) -> None:
    """The session stands by the declared result, and penalties change it."""
    (folder / "results.csv").write_text(result_text(result_row(1, "7", 791, 86_000_000)))
    arguments = ("--results", str(folder / "results.csv"), "--session", "race", "--title", "Rolex")
    printed = lapstream.output("import", "alkamel", *arguments, "--rules", "imsa-2024")
    assert printed == "race: Rolex; 1 car, 4 events\n"
    (row,) = lapstream.rows("results", "results", "race")
    assert (row["car"], row["laps"], row["points"]) == ("7", 791, 350)
    lapstream.output("penalty", "impose", "race", "7", "disqualification", "--reason", "weight")
    (row,) = lapstream.rows("results", "results", "race")
    assert (row["status"], row["points"]) == ("disqualified", 0)
    (row,) = lapstream.rows("results", "results", "race", "--revision", "1")
    assert (row["car"], row["laps"], row["points"]) == ("7", 791, 350)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give LAPS.csv, or --results"),
        (("LAPS", "--length", "3"), "'3' is not a length: write hours and minutes, as in 2:40"),
        (("LAPS", "--length", "x:y"), "is not a length"),
        (("LAPS", "--round", "0"), "0 is not in the range"),
    ],
)
def test_wrong_usage(
    lapstream: Commands, folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2; nothing is appended."""
    paths = [str(folder / "laps.csv") if one == "LAPS" else one for one in arguments]
    assert says in lapstream.misused("import", "alkamel", *paths, "--session", "race")
    assert lapstream.log.logs == {}


def test_an_unknown_pack_is_refused_first(lapstream: Commands, folder: Path) -> None:
    """Before the file is read."""
    printed = lapstream.refused(
        *("import", "alkamel", str(folder / "laps.csv"), "--session", "race", "--rules", "x")
    )
    assert "no regulation pack 'x'" in printed
    assert lapstream.log.logs == {}


def test_next_number(lapstream: Commands) -> None:
    """A program that lost its counter is told the number that follows its source's last."""
    message = ev.RaceControlMessage(at=0, source="desk", source_seq=4, text="a")
    lapstream.hold("race", [message])
    assert lapstream.output("next-number", "race", "--source", "desk") == "5\n"
    assert lapstream.output("next-number", "race", "--source", "loop") == "0\n"


def test_doubts_are_printed_counted_and_listed(lapstream: Commands, folder: Path) -> None:
    """A doubtful value is printed at import, counted in the session, and refused if strict."""
    text = (folder / "laps.csv").read_text()
    (folder / "laps.csv").write_text(text.replace(";20.000;", ";20.500;", 1))
    laps = str(folder / "laps.csv")
    line = lapstream.refused("import", "alkamel", laps, "--session", "race", "--strict")
    assert f"{laps}:2, column S1, value '20.500 + 30.000 + 10.000': " in line
    first, doubt = lapstream.output("import", "alkamel", laps, "--session", "race").splitlines()
    assert first.startswith("race: ")
    assert doubt == (
        "doubt: laps.csv:2, column S1, value '20.500 + 30.000 + 10.000': the sectors do not make "
        "up the lap of 1:00.000; all sectors of the lap are left out"
    )
    [row] = json.loads(lapstream.output("session", "race", "--doubts", "--format", "json"))
    assert list(row.values())[:5] == [60_000, "laps.csv", 2, "S1", "7"]
    assert list(row) == list(race_tables.DOUBTS.members)
    assert lapstream.rows("session", "session", "race")[0]["doubts"] == 1
    assert "Doubts" in lapstream.output("session", "race")
    assert lapstream.rows("laps", "laps", "race", "--car", "7")[0]["sectors_ms"] == [
        20_000,
        30_000,
        10_000,
    ]


def test_a_sound_file_has_no_doubts(lapstream: Commands, folder: Path) -> None:
    """Nothing is printed of doubts, and strictness changes nothing."""
    laps = str(folder / "laps.csv")
    (line,) = lapstream.output("import", "alkamel", laps, "--session", "a", "--strict").splitlines()
    assert line.startswith("a: ")
    assert "no doubts" in lapstream.output("session", "a", "--doubts")
    assert lapstream.rows("session", "session", "a")[0]["doubts"] is None


def test_what_is_published_beside_the_laps(lapstream: Commands, folder: Path) -> None:
    """Grid, flags, visits and weather come in with the laps; a wrong kind of file is named."""
    (folder / "grid.csv").write_text("POSITION;NUMBER\n1;60\n2;7\n3;31\n")
    (folder / "flags.csv").write_text(
        "TIME;ELAPSED;REC_TYPE;FLAG;SECTOR;MESSAGE\n12:01:30.000;1:30.000;FCY;;;\n"
    )
    (folder / "weather.csv").write_text("TIME_UTC_SECONDS;AIR_TEMP\n1728748860;21.5\n")
    options = ("--session", "race", "--date", "2024-10-12", "--zone", "America/New_York")
    beside = [
        part
        for name in ("grid", "flags", "weather")
        for part in (f"--{name}", str(folder / f"{name}.csv"))
    ]
    lapstream.output("import", "alkamel", str(folder / "laps.csv"), *options, *beside)
    assert lapstream.rows("weather", "weather", "race")[0]["air_c"] == 21.5
    assert lapstream.rows("cautions", "cautions", "race")[0]["start_ms"] == 90_000
    flags = str(folder / "flags.csv")
    line = lapstream.refused("import", "alkamel", flags, "--session", "other")
    assert f"{flags}:1: this is a file of flags and messages" in line
    assert "need LAPS.csv" in lapstream.misused(
        "import", "alkamel", "--results", flags, "--flags", flags, "--session", "other"
    )


def test_a_round_of_a_season(lapstream: Commands, folder: Path) -> None:
    """The session names its season and round, so that `season add` needs no more."""
    lapstream.output(
        *("season", "new", "s", "--title", "S", "--series", "S", "--rules", "imsa-2024"),
        *("--classes", "GT", "--rounds", "R1 2:40, R2 2:40"),
    )
    laps = ("import", "alkamel", str(folder / "laps.csv"), "--title", "Race", "--season")
    assert "t" in lapstream.refused(*laps, "t", "--session", "race")
    assert "3" in lapstream.refused(*laps, "s", "--round", "3", "--session", "race")
    lapstream.output(*laps, "s", "--round", "2", "--session", "race")
    opened = next(one for one in lapstream.events("race") if isinstance(one, ev.SessionOpened))
    assert (opened.season, opened.round) == ("s", 2)
    assert "round 2, race, from race: GT" in lapstream.output("season", "add", "s", "race")
