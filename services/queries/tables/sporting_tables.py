"""Tables of what is decided: results over time, rulings, rules, points, titles.

Members are only ever added, at the end: programs read these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from events import Contest
from projections.championship.clinch import Standing, Status
from services.formatting import spaced
from services.queries.tables.columns import (
    CLOCK,
    COUNT,
    MOMENT,
    POINTS,
    TEXT,
    TEXTS,
    TIME,
    YES,
    Column,
    Kind,
    Table,
    choice,
)
from services.queries.tables.race_tables import CAR, CLASS, CLASS_POSITION, OUTCOME, POSITION

# -- Kinds of values -----------------------------------------------------------------------


def _joined_names(names: Sequence[str]) -> str:
    return ", ".join(names)


def _show_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_by_round(points: Sequence[Any]) -> str:
    return " ".join("-" if one is None else str(one) for one in points)


def _show_against(tables: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{_joined_names(one['rival'])}: "
        + " ".join(f"{theirs}>{mine or '-'}" for theirs, mine in one["beats_from"].items())
        for one in tables
    )


def _show_behind(events: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(one["position"] or "" for one in events)


NAMES = Kind(
    {"type": "array", "items": {"type": "string"}},
    _joined_names,
    whole=False,
    spread=lambda name, names: {name: None if names is None else _joined_names(names)},
)
TIED = Kind({"type": "boolean"}, lambda tied: "=" if tied else "")
VALUE = Kind(
    {"description": "as the pack has it: a number, a word, yes or no, a list or a table"},
    _show_value,
    whole=False,
    spread=lambda name, value: {name: None if value is None else _show_value(value)},
)
FIGURE = Kind({"type": ["number", "string", "null"]}, lambda figure: str(figure), right=True)
BY_ROUND = Kind(
    {
        "type": "array",
        "items": {"type": ["number", "null"]},
        "description": "the points of round 1 and on, null where no place was scored",
    },
    _show_by_round,
    spread=lambda name, points: {name: None if points is None else _show_by_round(points)},
)
PLACE = Kind(
    {
        "type": ["integer", "string", "null"],
        "description": 'a place in the class, or "no_score"; null where there is none',
    },
    lambda place: spaced(str(place)),
    right=True,
)
BEHIND = Kind(
    {
        "type": "array",
        "description": "the events that it rests on, in the order of the log",
        "items": {
            "type": "object",
            "properties": {
                "position": {"type": ["string", "null"]},
                "source": {"type": "string"},
                "source_seq": {"type": "integer"},
            },
            "required": ["position", "source", "source_seq"],
            "additionalProperties": False,
        },
    },
    _show_behind,
    spread=lambda name, events: {name: None if events is None else _show_behind(events)},
)
_BY_OUTCOME = {
    "type": "object",
    "additionalProperties": PLACE.schema,
    "description": "by the rival's place the contender's worst that will do, null for none",
}
AGAINST = Kind(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "rival": {"type": "array", "items": {"type": "string"}},
                "beats_from": _BY_OUTCOME,
                "ties_from": _BY_OUTCOME,
            },
            "required": ["rival", "beats_from", "ties_from"],
            "additionalProperties": False,
        },
    },
    _show_against,
    spread=lambda name, tables: {name: None if tables is None else _show_against(tables)},
)
OF = choice(*get_args(Contest))
CLASS_OF = Column("class", TEXT, "Class")
NAME = Column("name", TEXT, "Name")
DECLARED = choice("provisional", "amended", "final")

# -- Results over time ---------------------------------------------------------------------

REVISIONS = Table(
    "revisions",
    "The results of a session as they followed each other. `position` is the log's, "
    "`declared` says that it is a result as the officials declared it, which nothing is "
    "computed from.",
    (
        Column("number", COUNT, "No."),
        Column("status", DECLARED, "Status"),
        Column("declared", YES, "Declared"),
        Column("rests_on", TEXT, "Rests on"),
        Column("position", TEXT, "Log position"),
        Column("learned_at", TEXT, "Learned at", rank=1),
        Column("cars", COUNT, "Cars", rank=2),
    ),
)

DIFFERENCES = Table(
    "differences",
    "The cars that two revisions of a result differ in, in the order of the later one; null "
    "where a car is not listed, or what is compared is not told.",
    (
        CAR,
        CLASS,
        Column("position_before", COUNT, "Was", null=True),
        Column("position_after", COUNT, "Is", null=True),
        Column("laps_before", COUNT, "Laps", null=True, rank=2),
        Column("laps_after", COUNT, "Laps now", null=True, rank=2),
        Column("total_ms_before", TIME, "Time", null=True, rank=1),
        Column("total_ms_after", TIME, "Time now", null=True, rank=1),
        Column("status_before", OUTCOME, "Status", null=True, rank=1),
        Column("status_after", OUTCOME, "Status now", null=True, rank=1),
        Column("points_before", POINTS, "Points", null=True),
        Column("points_after", POINTS, "Points now", null=True),
    ),
)

EXPLAIN = Table(
    "explain",
    "Why a car is where it is, a statement a row. `rule` is the key of the rule in the pack, "
    "or the rule in words; `rule_source` where the pack has it from, or that it is assumed.",
    (
        Column("about", TEXT, "About"),
        Column("text", TEXT, "Statement"),
        Column("rule", TEXT, "Rule", null=True, rank=1),
        Column("rule_source", TEXT, "Source", null=True, rank=2),
        Column("events", BEHIND),
    ),
)

WHATIF = Table(
    "whatif",
    "The classification as it would be beside the present one, in the order it would be. "
    "`gained` is positive for places won.",
    (
        CAR,
        CLASS,
        Column("position_now", COUNT, "Now", null=True),
        Column("position_then", COUNT, "Then", null=True),
        Column("gained", COUNT, "+/-", null=True),
        Column("class_position_now", COUNT, "In class", null=True),
        Column("class_position_then", COUNT, "then", null=True),
        Column("laps_now", COUNT, "Laps", null=True, rank=2),
        Column("laps_then", COUNT, "then", rank=2),
        Column("total_ms_now", TIME, "Time", null=True, rank=1),
        Column("total_ms_then", TIME, "then", null=True, rank=1),
        Column("status_now", OUTCOME, "Status", null=True, rank=2),
        Column("status_then", choice(*OUTCOME.schema["enum"], "not_listed"), "then", rank=2),
        Column("points_now", POINTS, "Points", null=True),
        Column("points_then", POINTS, "then", null=True),
    ),
)

WHATIF_TITLE = Table(
    "whatif-title",
    "The championship as it would stand beside how it stands.",
    (
        Column("rank_then", COUNT, "Rank"),
        Column("rank_now", COUNT, "now", null=True),
        NAME,
        Column("car", TEXT, "Car", null=True),
        CLASS_OF,
        Column("points_then", POINTS, "Points"),
        Column("points_now", POINTS, "now", null=True),
    ),
)

# -- Rules ---------------------------------------------------------------------------------

RULES = Table(
    "rules",
    "The regulation packs that are built in. `assumed` counts the rules without a source.",
    (
        Column("pack", TEXT, "Pack"),
        Column("version", COUNT, "Version"),
        Column("title", TEXT, "Title"),
        Column("rules", COUNT, "Rules"),
        Column("assumed", COUNT, "Assumed"),
    ),
)

RULES_SHOW = Table(
    "rules-show",
    "The rules of a pack, each with its source, or assumed.",
    (
        Column("key", TEXT, "Rule"),
        Column("value", VALUE, "Value", null=True),
        Column("source", TEXT, "Source"),
    ),
)

RULES_COMPARE = Table(
    "rules-compare",
    "The rules in which two packs differ; null where a pack has no such rule.",
    (
        Column("key", TEXT, "Rule"),
        Column("a", VALUE, "First", null=True),
        Column("b", VALUE, "Second", null=True),
    ),
)

# -- The pit wall --------------------------------------------------------------------------

REJOIN = Table(
    "rejoin",
    "Where each car would come back to if it stopped now, under green and under caution. "
    "`cost_ms` is the median of `stops` stops of the class `cost_of` (null: of all).",
    (
        CAR,
        CLASS,
        Column("under", choice("green", "caution"), "Under"),
        Column("cost_ms", TIME, "Cost"),
        Column("stops", COUNT, "Stops", rank=2),
        Column("cost_of", TEXT, null=True),
        POSITION,
        CLASS_POSITION,
        Column("ahead", TEXT, "Behind", null=True),
        Column("ahead_ms", TIME, "by", null=True),
        Column("behind", TEXT, "Ahead of", null=True),
        Column("behind_ms", TIME, "by", null=True),
        Column("class_ahead", TEXT, "In class", null=True, rank=1),
        Column("class_ahead_ms", TIME, "by", null=True, rank=1),
        Column("class_behind", TEXT, "ahead of", null=True, rank=1),
        Column("class_behind_ms", TIME, "by", null=True, rank=1),
    ),
)

DRIVE_TIMES = Table(
    "drive-times",
    "Each driver's time at the wheel against the limits of the pack, null where there is no "
    "limit. `alert` is short (the minimum can only just be reached, or no more), soon or over; "
    "`rule` is the key of the limit it is about.",
    (
        CAR,
        CLASS,
        Column("driver", TEXT, "Driver"),
        Column("at_wheel", YES, "At the wheel"),
        Column("total_ms", MOMENT, "Driven"),
        Column("in_window_ms", MOMENT, "In window", null=True, rank=2),
        Column("minimum_ms", MOMENT, "Minimum", null=True, rank=2),
        Column("to_minimum_ms", MOMENT, "To minimum", null=True),
        Column("to_maximum_ms", MOMENT, "To maximum", null=True),
        Column("to_window_ms", MOMENT, "To window", null=True),
        Column("alert", choice("short", "soon", "over"), "Alert", null=True),
        Column("rule", TEXT, null=True),
    ),
)

# -- Points and titles ---------------------------------------------------------------------

RANKED = (
    Column("rank", COUNT, "Rank"),
    Column("tied", TIED, "="),
    NAME,
    Column("car", TEXT, "Car", null=True),
    CLASS_OF,
    Column("points", POINTS, "Points"),
)

POINTS_TABLE = Table(
    "points",
    "What the session is worth as it stands, to drivers, teams or manufacturers.",
    RANKED,
)

CHAMPIONSHIP = Table(
    "championship",
    "A championship, each class for itself, best first.",
    (*RANKED, Column("by_round", BY_ROUND, "By round", rank=1)),
)

CLINCH = Table(
    "clinch",
    "Who can still win a title. `clinches_from` is the worst result that wins whatever the "
    "rivals do, `can_win_from` the worst with which it can still be won; `beaten` are the cars "
    "that can no longer pass it, and `against` has, by the rival's result, the worst that stays "
    "ahead of it. With several results left, qualifying included, `clinches_from` is the worst "
    "in the next of them that wins already, of the others only the status is told, and `open` "
    "may be out all the same.",
    (
        Column("names", NAMES, "Contender"),
        CLASS_OF,
        Column("of", OF),
        Column("points", POINTS, "Points"),
        Column(
            "status", choice(*dict.fromkeys((*get_args(Status), *get_args(Standing)))), "Status"
        ),
        Column("least", POINTS, "At least", null=True, rank=1),
        Column("most", POINTS, "At most", null=True, rank=1),
        Column("clinches_from", PLACE, "Clinches from", null=True),
        Column("can_win_from", PLACE, "Can win from", null=True),
        Column("sentence", TEXT, null=True),
        Column("beaten", TEXTS),
        Column("against", AGAINST),
        Column("left", TEXTS),
    ),
)

CLINCH_WHEN = Table(
    "clinch-when",
    "When each title was decided in the session: the moment, what happened then, and why that "
    "was enough.",
    (
        CLASS_OF,
        Column("of", OF, "Of"),
        Column("names", NAMES, "Champion"),
        Column("at_ms", CLOCK, "At"),
        Column("leader_lap", COUNT, "Leader's lap"),
        Column("happened", TEXT, "What happened"),
        Column("sentence", TEXT, null=True),
    ),
)

SEASONS = Table(
    "season-list",
    "The seasons of the store, and those that are built in. `last_round` is the last of which "
    "anything was scored.",
    (
        Column("season", TEXT, "Season"),
        Column("title", TEXT, "Title", null=True),
        Column("series", TEXT, "Series", null=True, rank=2),
        Column("rules", TEXT, "Rules", null=True),
        Column("classes", TEXTS, "Classes", rank=1),
        Column("rounds", COUNT, "Rounds"),
        Column("last_round", COUNT, "Scored"),
        Column("built_in", YES, "Built in"),
    ),
)

SEASON = Table(
    "season-show",
    "The rounds of a season and what of them was scored: in how many classes qualifying and "
    "the race, and how many segments of a cup. `changed` are the sessions that have another "
    "result now than was scored; with --known-at that is not looked into.",
    (
        Column("round", COUNT, "Round"),
        Column("name", TEXT, "Name"),
        Column("circuit", TEXT, "Circuit", null=True, rank=2),
        Column("date", TEXT, "Date", null=True),
        Column("time_limit_ms", MOMENT, "Length", null=True),
        Column("qualifying", COUNT, "Qualifying"),
        Column("race", COUNT, "Race"),
        Column("segments", COUNT, "Segments"),
        Column("sessions", TEXTS, "Sessions", rank=1),
        Column("changed", TEXTS),
    ),
)

CONTRADICTIONS = Table(
    "season-contradictions",
    "Where published tables differ from what was scored: both figures and their sources.",
    (
        Column("of", OF, "Of"),
        CLASS_OF,
        NAME,
        Column("figure", TEXT, "Figure"),
        Column("published", FIGURE, "Published"),
        Column("source", TEXT, "Source"),
        Column("scored", FIGURE, "Scored"),
        Column("scored_from", TEXT, "Scored from"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        REVISIONS,
        DIFFERENCES,
        EXPLAIN,
        WHATIF,
        WHATIF_TITLE,
        RULES,
        RULES_SHOW,
        RULES_COMPARE,
        REJOIN,
        DRIVE_TIMES,
        POINTS_TABLE,
        CHAMPIONSHIP,
        CLINCH,
        CLINCH_WHEN,
        SEASONS,
        SEASON,
        CONTRADICTIONS,
    )
}
"""Each of them by its name, which is its command's."""
