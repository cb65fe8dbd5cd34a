"""Packs and the pit wall by command; and what all the new tables have in common."""

from __future__ import annotations

import csv
import io

import jsonschema
import pytest

import events as ev
from projections.rules.packs import builtin_names
from services.queries.tables.sporting_tables import TABLES
from tests.builders import Story
from tests.rules import text_of
from tests.unit.services.commands import Commands

RACE = "short"

# -- Packs ---------------------------------------------------------------------------------


def test_the_packs_that_are_built_in(lapstream: Commands) -> None:
    """Each with how many rules it has, and how many of those are assumed."""
    rows = lapstream.rows("rules", "rules")
    assert tuple(row["pack"] for row in rows) == builtin_names()
    assert all(0 < row["assumed"] < row["rules"] for row in rows)


def test_a_pack_rule_by_rule(lapstream: Commands, tmp_path) -> None:
    """With the source of each; one of one's own as well."""
    rows = {row["key"]: row for row in lapstream.rows("rules-show", "rules", "show", "wec-2024")}
    assert rows["classification.minimum_distance"]["value"] == 0.7
    assert rows["classification.minimum_distance"]["source"].startswith("fiawec.com")
    assert rows["classification.rounding"]["source"] == "assumed"
    own = tmp_path / "club.toml"
    own.write_text(text_of("wec-2024").replace("minimum_distance = 0.70", "minimum_distance = 0.5"))
    (changed, *_) = lapstream.rows("rules-compare", "rules", "compare", "wec-2024", str(own))
    assert changed == {"key": "classification.minimum_distance", "a": 0.7, "b": 0.5}
    assert "there are alms-2007, alms-2012" in lapstream.refused("rules", "show", "nascar")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("drops = 0", "drops = -1", "drops = -1", "points.drops"),
        ("points = [1]", "points = [1, 2]", "points = [1, 2]", "a worse place"),
        (
            '["below_percent", "factor"]',
            '["below_percent", "factor", "scale"]\nscale = "x"',
            'scale = "x"',
            "no scale 'x'",
        ),
        ('assumed = ["points", "statuses", "passed_on"]', "", "points = 1", "neither"),
        ("format = 1", "format = ", "format = ", "not TOML"),
        ("wave_by = false", "wave_buy = false", "[cautions]", "cautions.wave_by: Field required"),
    ],
)
def test_a_pack_with_a_fault(
    lapstream: Commands, tmp_path, old: str, new: str, line: str, says: str
) -> None:
    """The first error is named with its line."""
    own = tmp_path / "own.toml"
    text = text_of("club-template").replace(old, new, 1)
    own.write_text(text)
    printed = lapstream.refused("rules", "check", str(own))
    assert says in printed
    number = 1 + text.splitlines().index(line)
    assert f"own.toml:{number}" in printed or f"line {number}," in printed


def test_a_pack_without_faults(lapstream: Commands, tmp_path) -> None:
    """What it assumes is listed."""
    own = tmp_path / "own.toml"
    own.write_text(text_of("club-template"))
    first, *others = lapstream.output("rules", "check", str(own)).splitlines()
    assert "valid, 45 rules, 44 of them assumed" in first
    assert len(others) == 44


# -- The pit wall --------------------------------------------------------------------------


@pytest.fixture
def race(lapstream: Commands) -> Commands:
    """Two cars of a two-hour race, of which one has stopped under green."""
    story = Story()
    story.opened(lines=("FL",), rules="alms-2007", time_limit_ms=2 * 3_600_000)
    for car in ("1", "2"):
        names = (ev.Driver(number=1, name=f"A{car}"), ev.Driver(number=2, name=f"B{car}"))
        story.entry(car, drivers=names)
    for place, car in enumerate(("1", "2")):
        for lap in range(1, 21):
            lost = 15_000 * min(2, max(0, lap - 9)) if car == "2" else 0
            ms = 75_000 if car == "2" and lap in (10, 11) else 60_000
            story.lap(car, lap, lap * 60_000 + place * 500 + lost, ms, driver=f"A{car}")
    story.pit("2", 595_000, 640_000)
    lapstream.hold(RACE, story)
    return lapstream


def test_where_a_stop_leads_to(race: Commands) -> None:
    """The cost of this race's own stops, and the cars that a car would come out between."""
    (row,) = race.rows("rejoin", "rejoin", RACE, "1")
    assert (row["under"], row["cost_ms"], row["stops"], row["cost_of"]) == (
        *("green", 30_000, 1),
        None,
    )
    assert (row["position"], row["ahead"], row["behind"], row["behind_ms"]) == (1, None, "2", 500)
    both = race.rows("rejoin", "rejoin", RACE, "--class", "GT")
    assert {row["car"] for row in both} == {"1", "2"}
    assert "no car '9'" in race.refused("rejoin", RACE, "9")


def test_how_a_race_may_end(race: Commands) -> None:
    """A row for each car, marked as a forecast where people read it."""
    first, second = race.rows("predict", "predict", RACE)
    assert (first["car"], first["class_position"]) == ("1", 1)
    assert first["win"] + second["win"] == pytest.approx(1, abs=1e-3)
    assert first["laps_left"]["p10"] <= first["laps_left"]["p50"] <= first["laps_left"]["p90"]
    assert "Forecast, with the model fitted on" in race.output("predict", RACE)
    (only,) = race.rows("predict", "predict", RACE, "2")
    assert only["car"] == "2"
    assert "when the race is over" in race.refused("predict", RACE, "--score")
    assert "--score is of the whole race" in race.misused("predict", RACE, "1", "--score")
    story = Story().opened("1", "2", "3", lines=("FL",), time_limit_ms=20 * 60_000)
    for place, car in enumerate(("1", "2", "3")):
        story.laps(car, 20, ms=60_000 + place * 100)
    race.hold("over", story.flag("chequered", 20 * 60_000 - 1))
    *rows, whole = race.rows("predict-score", "predict", "over", "--score")
    assert [row["share"] for row in rows] == [0.1, 0.25, 0.5, 0.75, 0.9]
    assert (whole["share"], whole["forecasts"]) == (None, 5)
    race.hold("untimed", Story().opened("1").laps("1", 3))
    assert "scheduled length" in race.refused("predict", "untimed")


def test_who_must_still_drive(race: Commands) -> None:
    """Time driven, what is left to the minimum, and an alert where that gets short."""
    rows = race.rows("drive-times", "drive-times", RACE, "--car", "1")
    assert [
        (row["driver"], row["total_ms"], row["to_minimum_ms"], row["alert"]) for row in rows
    ] == [
        ("A1", 1_230_500, 1_469_500, None),
        ("B1", 0, 2_700_000, None),
    ]
    race.hold("bare", Story().opened("1", lines=("FL",)).laps("1", 1))
    assert "names no regulation pack" in race.refused("drive-times", "bare")


# -- All tables ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_schema(lapstream: Commands, name: str) -> None:
    """`schema` prints it, and it is one; each column is required, in order."""
    schema = TABLES[name].schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["items"]["required"] == [column.name for column in TABLES[name].columns]
    assert f"lapstream {name} --format json" in lapstream.output("schema", name)


@pytest.mark.parametrize(
    "arguments",
    [
        ("championship", "alms-2007", "--class", "GT1"),
        ("clinch", "alms-2007", "--after", "11", "--class", "GT2"),
        ("season", "contradictions", "alms-2007"),
        ("season", "list"),
        ("season", "show", "alms-2007"),
        ("rules",),
        ("rules", "show", "imsa-2024"),
        ("rules", "compare", "imsa-2020", "imsa-2024"),
        ("explain", RACE, "1"),
        ("whatif", RACE, "--penalty", "1 time 5"),
        ("rejoin", RACE),
        ("predict", RACE),
        ("drive-times", RACE),
        ("points", RACE),
        ("revisions", RACE),
    ],
)
def test_csv_is_flat_and_a_table_has_lines(race: Commands, arguments: tuple[str, ...]) -> None:
    """No cell of the CSV is a list or an object of JSON, but for values of a pack."""
    table = list(csv.DictReader(io.StringIO(race.output(*arguments, "--format", "csv"))))
    assert table or arguments[0] == "revisions"
    if arguments[0] != "rules":
        assert not [cell for row in table for cell in row.values() if cell[:1] in ("[", "{")]
    assert race.output(*arguments).strip()
