"""Regulation packs: what is built in, and what is wrong with a bad one."""

from __future__ import annotations

import re

import pytest

from events.errors import BadRules, UnknownRules
from projections.rules.packs import (
    MS_PER_HOUR,
    RuleScope,
    builtin_names,
    builtin_pack,
    compare_packs,
    pack_rows,
    parse_pack,
    rules_of,
    tables,
)
from tests.rules import changed, text_of

NAMES = (
    *("alms-2007", "alms-2012", "club-template", "elms-2025", "formula-1-2025"),
    *("imsa-2020", "imsa-2023", "imsa-2024", "imsa-2025", "wec-2024", "wec-2025"),
)


def test_the_packs_that_come_with_the_program() -> None:
    """Eleven packs are built in, each under the name of its file."""
    assert builtin_names() == NAMES
    assert tuple(builtin_pack(name).name for name in NAMES) == NAMES


def test_an_unknown_pack_lists_those_there_are() -> None:
    """Who asks for a pack that is not there is told those that are."""
    with pytest.raises(UnknownRules, match=r"no regulation pack '\.\./x'; there are alms-2007, a"):
        builtin_pack("../x")


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_its_source_or_is_assumed(name: str) -> None:
    """No rule of a pack passes for a fact without a source."""
    for path, table in tables(builtin_pack(name)):
        for rule, _ in table.rules():
            assert (table.source_of(rule) is None) == (rule in table.assumed), f"{path}.{rule}"


def test_a_source_of_a_rule_goes_before_that_of_its_table() -> None:
    """A single rule can be from elsewhere than the rest of its table, or be assumed."""
    rules = rules_of(builtin_pack("alms-2007"))
    assert rules["classification.rounding"][1] == (
        "michelinracingusa.com, Keeping score: of 394 laps 276"
    )
    assert (rules["classification.retirements"][1] or "").startswith("Petit Le Mans 2007")
    assert rules["classification.no_laps"] == ("last", None)


def test_a_pack_as_rows() -> None:
    """A pack is shown with the source of each rule, or as assumed."""
    rows = {row["key"]: row for row in pack_rows(builtin_pack("alms-2007"))}
    assert rows["points.scales.long.points"]["value"] == [26, 22, 19, 16, 14, 12, 10, 9, 8, 7]
    assert rows["classification.no_laps"]["source"] == "assumed"


def test_packs_compared() -> None:
    """A comparison has the rules that differ, and None for a rule that one of them lacks."""
    rows = {
        row["key"]: (row["a"], row["b"])
        for row in compare_packs(builtin_pack("imsa-2020"), builtin_pack("imsa-2024"))
    }
    assert set(rows) == {
        "points.scales.race.points",
        "points.scales.race.rest",
        "points.qualifying.points",
        "points.qualifying.rest",
    }
    assert rows["points.scales.race.rest"] == (1, 10)
    assert rows["points.qualifying.rest"] == (None, 1)
    assert compare_packs(builtin_pack("wec-2024"), builtin_pack("wec-2024")) == []


@pytest.mark.parametrize(
    ("pack", "hours", "scale"),
    [
        ("alms-2007", 2.75, "short"),
        ("alms-2007", 4, "four_hour"),
        ("alms-2007", 10, "long"),
        ("alms-2007", 12, "long"),
        ("alms-2007", None, "short"),
        ("alms-2012", 2, "under_4h"),
        ("alms-2012", 4, "4h_to_8h"),
        ("alms-2012", 8, "4h_to_8h"),
        ("alms-2012", 10, "over_8h"),
        ("wec-2024", 6, "6h"),
        ("wec-2024", 8, "8h_10h"),
        ("wec-2024", 10, "8h_10h"),
        ("wec-2024", 24, "24h"),
        ("imsa-2024", 24, "race"),
    ],
)
def test_the_scale_of_a_race(pack: str, hours: float | None, scale: str) -> None:
    """The length of a race decides its scale."""
    limit = None if hours is None else round(hours * MS_PER_HOUR)
    assert builtin_pack(pack).points.scale(RuleScope(time_limit_ms=limit)).name == scale


@pytest.mark.parametrize(
    ("pack", "car_class", "laps", "required"),
    [
        ("alms-2007", "LMP1", 394, 276),  # as published for Petit Le Mans
        ("alms-2007", "LMP1", 30, 21),  # 0.7 * 30 is a little more than 21 as floats
        ("alms-2012", "LMP1", 394, 276),
        ("alms-2012", "GTC", 394, 197),
        ("imsa-2024", "GTP", 443, 0),
    ],
)
def test_laps_required(pack: str, car_class: str, laps: int, required: int) -> None:
    """The minimum distance is rounded up, exactly, and may differ by class."""
    assert builtin_pack(pack).points.required_laps(laps, car_class) == required


@pytest.mark.parametrize(("rounding", "required"), [("ceil", 8), ("floor", 7), ("nearest", 8)])
def test_rounding(rounding: str, required: int) -> None:
    """Seven and a half laps are eight, seven or eight, as the pack says."""
    pack = changed(
        "alms-2007", ('rounding = "ceil"', f'rounding = "{rounding}"'), ("= 0.70", "= 0.75")
    )
    assert pack.classification.required_laps(10) == required


def test_the_minimum_at_the_wheel() -> None:
    """Forty-five minutes, at Long Beach thirty: the later table prevails where it applies."""
    drive_time = builtin_pack("alms-2007").drive_time
    assert drive_time.limits_at(RuleScope(round=2)).minimum_s == 2700
    long_beach = drive_time.limits_at(RuleScope(round=3))
    assert (long_beach.minimum_s, long_beach.minimum_rule) == (
        1800,
        "drive_time.limits.1.minimum_s",
    )


def test_the_maximum_at_the_wheel() -> None:
    """At Le Mans four hours in any six and fourteen in all; in six-hour races nothing."""
    drive_time = builtin_pack("wec-2024").drive_time
    le_mans = drive_time.limits_at(RuleScope(time_limit_ms=24 * MS_PER_HOUR))
    assert (le_mans.maximum_s, le_mans.maximum_in_window_s, le_mans.window_s) == (
        14 * 3600,
        4 * 3600,
        6 * 3600,
    )
    assert drive_time.limits_at(RuleScope(time_limit_ms=6 * MS_PER_HOUR)).maximum_s is None


def test_the_marks_of_the_endurance_cup() -> None:
    """The cup takes stock at Petit Le Mans after four and eight hours and at the finish."""
    (cup,) = builtin_pack("imsa-2024").points.cups
    assert cup.marks_ms(10 * MS_PER_HOUR) == tuple(h * MS_PER_HOUR for h in (4, 8, 10))
    assert cup.marks_ms(2 * MS_PER_HOUR) == ()


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("format = 1", "format = 2", "format", "less than or equal to 1, with 2"),
        ("[ties]", "[tie]", "ties", "Field required"),
        ("countback = false", "", "ties.countback", "Field required"),
        ("countback = false", 'countback = "no"', "ties.countback", "valid boolean, with 'no'"),
        ("countback = false", "countback = false\nodd = 1", "ties.odd", "not permitted, with 1"),
        ("drops = 0", "drops = -1", "points.drops", "greater than or equal to 0, with -1"),
        ("minimum_distance = 0.70", "minimum_distance = 1.7", "classification.minimum_di", "1.7"),
        ("minimum_distance = 0.70", "minimum_distance = nan", "classification.minimum_di", "nan"),
        ("[20, 16,", "[20, true,", "points.scales.0.points.1", "True"),
        ("assumed = [\"ineligible\"]", 'assumed = ["drop"]', "points.drop", "is not there"),
        (
            'source = "Wikipedia, 2007 American Le Mans Series: most races"',
            "",
            "points.scales.short.points",
            "neither a source nor assumed: add `source` to [points.scales.short]",
        ),
        ('name = "long"', 'name = "short"', "points.scales", "two of them named 'short'"),
        ("[23, 19,", "[19, 23,", "points.scales.four_hour.points", "a worse place scores more"),
    ],
)  # fmt: skip
def test_a_bad_pack_is_named_by_file_and_key(old: str, new: str, key: str, reason: str) -> None:
    """Whoever writes a pack is told what is wrong, and where."""
    text = text_of("alms-2007")
    assert old in text
    with pytest.raises(BadRules, match=re.escape(reason)) as caught:
        parse_pack(text.replace(old, new, 1), "mine.toml")
    assert caught.value.file == "mine.toml"
    assert (caught.value.key or "").startswith(key)
    assert str(caught.value).startswith(f"mine.toml, {key}")


def test_a_reduction_to_a_scale_that_is_not_there() -> None:
    """A shortened race can only be scored on a scale of the pack."""
    with pytest.raises(BadRules, match="no scale 'half'; there are 6h, 8h_10h, 24h"):
        changed("wec-2024", ("factor = 0.5", 'scale = "half"'))


def test_two_cups_of_one_name() -> None:
    """A cup is asked for by its name, so that no two can share one."""
    text = text_of("imsa-2024")
    cup = """
[[points.cups]]
name = "endurance"
points = [1]
source = "a test"
"""
    with pytest.raises(BadRules, match="two of them named 'endurance'"):
        parse_pack(text.replace("[ties]", f"{cup}[ties]"), "mine.toml")


def test_a_pack_that_is_not_toml() -> None:
    """A file that is no TOML is said to be none, and where."""
    with pytest.raises(BadRules, match=r"mine\.toml: not TOML: .* \(at line 1, column 5\)"):
        parse_pack("What?", "mine.toml")


def test_a_pack_of_ones_own() -> None:
    """A user's file is a pack like the built-in ones, under its own name."""
    pack = changed("alms-2007", ('name = "alms-2007"', 'name = "club"'))
    assert pack.name == "club"
    assert rules_of(pack) == rules_of(builtin_pack("alms-2007"))
