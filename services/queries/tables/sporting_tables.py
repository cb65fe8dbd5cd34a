"""Tables of what is decided: results over time, decisions, rules, points, titles.

Each has the model of its rows above it. Members are only ever added, at the end: programs read
these.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from events import Contest
from projections.championship.clinch import TitleStanding, TitleStatus
from projections.views.rows import (
    ClockMs,
    DisplayFormat,
    Heading,
    MomentMs,
    Outcome,
    Points,
    RowModel,
    TimeMs,
    fields_of,
    row_model,
)
from services.queries.tables.columns import Table

# -- Kinds of values -----------------------------------------------------------------------

Names = Annotated[list[str], DisplayFormat("names")]
Tied = Annotated[bool, DisplayFormat("tied")]
Value = Annotated[
    Any,
    Field(description="as the pack has it: a number, a word, yes or no, a list or a table"),
    DisplayFormat("value"),
]
Figure = Annotated[int | float | str | None, DisplayFormat("number")]
ByRound = Annotated[
    list[int | float | None],
    Field(description="the points of round 1 and on, null where no place was scored"),
    DisplayFormat("by_round"),
]
ResultPlace = Annotated[
    int | str | None,
    Field(description='a place in the class, or "no_score"; null where there is none'),
    DisplayFormat("place"),
]
ByOutcome = Annotated[
    dict[str, ResultPlace],
    Field(description="by the rival's place the contender's worst that will do, null for none"),
]
DeclaredStatus = Literal["provisional", "amended", "final"]


class EvidenceRow(RowModel):
    """An event that a statement rests on."""

    position: str | None
    source: str
    source_seq: int


Evidence = Annotated[
    list[EvidenceRow],
    Field(description="the events that it rests on, in the order of the log"),
    DisplayFormat("evidence"),
]


class RivalRow(RowModel):
    """What a contender needs against a rival."""

    rival: list[str]
    beats_from: ByOutcome
    ties_from: ByOutcome


Rivals = Annotated[list[RivalRow], DisplayFormat("rivals")]


# -- Results over time --------------------------------------------------------------------


class RevisionsRow(RowModel):
    """A result of a session, one of those that followed each other."""

    number: Annotated[int, Heading("No.")]
    status: Annotated[DeclaredStatus, Heading("Status")]
    declared: Annotated[bool, Heading("Declared")]
    rests_on: Annotated[str, Heading("Rests on")]
    position: Annotated[str, Heading("Log position")]
    learned_at: Annotated[str, Heading("Learned at", rank=1)]
    cars: Annotated[int, Heading("Cars", rank=2)]


REVISIONS = Table(
    "revisions",
    "The results of a session as they followed each other. `position` is the log's, "
    "`declared` says that it is a result as the officials declared it, which nothing is "
    "computed from.",
    RevisionsRow,
)


class DifferencesRow(RowModel):
    """A car that two revisions of a result differ in."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    position_before: Annotated[int | None, Heading("Was")]
    position_after: Annotated[int | None, Heading("Is")]
    laps_before: Annotated[int | None, Heading("Laps", rank=2)]
    laps_after: Annotated[int | None, Heading("Laps now", rank=2)]
    total_ms_before: Annotated[TimeMs | None, Heading("Time", rank=1)]
    total_ms_after: Annotated[TimeMs | None, Heading("Time now", rank=1)]
    status_before: Annotated[Outcome | None, Heading("Status", rank=1)]
    status_after: Annotated[Outcome | None, Heading("Status now", rank=1)]
    points_before: Annotated[Points | None, Heading("Points")]
    points_after: Annotated[Points | None, Heading("Points now")]


DIFFERENCES = Table(
    "differences",
    "The cars that two revisions of a result differ in, in the order of the later one; null "
    "where a car is not listed, or the compared value is unknown.",
    DifferencesRow,
)


class ExplainRow(RowModel):
    """A statement about a car, and what it rests on."""

    about: Annotated[str, Heading("About")]
    text: Annotated[str, Heading("Statement")]
    rule: Annotated[str | None, Heading("Rule", rank=1)]
    rule_source: Annotated[str | None, Heading("Source", rank=2)]
    events: Evidence


EXPLAIN = Table(
    "explain",
    "Why a car is where it is, a statement a row. `rule` is the key of the rule in the pack, "
    "or the rule in words; `rule_source` where the pack has it from, or that it is assumed.",
    ExplainRow,
)


class WhatIfRow(RowModel):
    """A car as it would be classified, beside the present."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    position_now: Annotated[int | None, Heading("Now")]
    position_then: Annotated[int | None, Heading("Then")]
    gained: Annotated[int | None, Heading("+/-")]
    class_position_now: Annotated[int | None, Heading("In class")]
    class_position_then: Annotated[int | None, Heading("then")]
    laps_now: Annotated[int | None, Heading("Laps", rank=2)]
    laps_then: Annotated[int, Heading("then", rank=2)]
    total_ms_now: Annotated[TimeMs | None, Heading("Time", rank=1)]
    total_ms_then: Annotated[TimeMs | None, Heading("then", rank=1)]
    status_now: Annotated[Outcome | None, Heading("Status", rank=2)]
    status_then: Annotated[Literal[Outcome, "not_listed"], Heading("then", rank=2)]
    points_now: Annotated[Points | None, Heading("Points")]
    points_then: Annotated[Points | None, Heading("then")]
    road_position_now: int | None
    road_position_then: int | None
    best_lap_ms_now: TimeMs | None
    best_lap_ms_then: TimeMs | None


WHATIF = Table(
    "whatif",
    "The classification as it would be beside the present one, in the order it would be. "
    "`gained` is positive for places won. The road positions are those of the running order, which "
    "added time never changes and a penalty to be served does.",
    WhatIfRow,
)

WHATIF_BY_TIME = Table(
    WHATIF.name,
    WHATIF.about,
    row_model(
        "WhatIfByTimeRow",
        "The same of qualifying and practice, with best laps in place of laps and time.",
        __name__,
        **fields_of(
            WhatIfRow,
            *("car", "class", "position_now", "position_then", "gained"),
            *("class_position_now", "class_position_then"),
        ),
        **fields_of(WhatIfRow, "best_lap_ms_now", best_lap_ms_now="Best"),
        **fields_of(WhatIfRow, "best_lap_ms_then", best_lap_ms_then="then"),
        **fields_of(WhatIfRow, "status_now", "status_then", "points_now", "points_then"),
    ),
)
"""``WHATIF`` of qualifying and practice, for people."""


class WhatIfTitleRow(RowModel):
    """A contender as the championship would stand, beside how it stands."""

    rank_then: Annotated[int, Heading("Then")]
    rank_now: Annotated[int | None, Heading("Now")]
    name: Annotated[str, Heading("Name")]
    car: Annotated[str | None, Heading("Car")]
    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    points_then: Annotated[Points, Heading("Points then")]
    points_now: Annotated[Points | None, Heading("Points now")]


WHATIF_TITLE = Table(
    "whatif-title",
    "The championship as it would stand beside how it stands.",
    WhatIfTitleRow,
)


# -- Rules --------------------------------------------------------------------------------


class RulesRow(RowModel):
    """A regulation pack."""

    pack: Annotated[str, Heading("Pack")]
    version: Annotated[int, Heading("Version")]
    title: Annotated[str, Heading("Title")]
    rules: Annotated[int, Heading("Rules")]
    assumed: Annotated[int, Heading("Assumed")]


RULES = Table(
    "rules",
    "The regulation packs that are built in. `assumed` counts the rules without a source.",
    RulesRow,
)


class RuleRow(RowModel):
    """A rule of a pack."""

    key: Annotated[str, Heading("Rule")]
    value: Annotated[Value, Heading("Value")]
    source: Annotated[str, Heading("Source")]


RULES_SHOW = Table(
    "rules-show",
    "The rules of a pack, each with its source, or assumed.",
    RuleRow,
)


class RuleDifferenceRow(RowModel):
    """A rule in which two packs differ."""

    key: Annotated[str, Heading("Rule")]
    a: Annotated[Value, Heading("First")]
    b: Annotated[Value, Heading("Second")]


RULES_COMPARE = Table(
    "rules-compare",
    "The rules in which two packs differ; null where a pack has no such rule.",
    RuleDifferenceRow,
)


# -- The pit wall -------------------------------------------------------------------------


class RejoinRow(RowModel):
    """Where a car would come back to if it stopped now."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    under: Annotated[Literal["green", "caution"], Heading("Under")]
    cost_ms: Annotated[TimeMs, Heading("Cost")]
    stops: Annotated[int, Heading("Stops", rank=2)]
    cost_of: str | None
    position: Annotated[int, Heading("Pos")]
    class_position: Annotated[int, Heading("Cl")]
    ahead: Annotated[str | None, Heading("Behind")]
    ahead_ms: Annotated[TimeMs | None, Heading("by")]
    behind: Annotated[str | None, Heading("Ahead of")]
    behind_ms: Annotated[TimeMs | None, Heading("by")]
    class_ahead: Annotated[str | None, Heading("In class", rank=1)]
    class_ahead_ms: Annotated[TimeMs | None, Heading("by", rank=1)]
    class_behind: Annotated[str | None, Heading("ahead of", rank=1)]
    class_behind_ms: Annotated[TimeMs | None, Heading("by", rank=1)]


REJOIN = Table(
    "rejoin",
    "Where each car would come back to if it stopped now, under green and under caution. "
    "`cost_ms` is the median of `stops` stops of the class `cost_of` (null: of all).",
    RejoinRow,
)


class QuantilesValue(RowModel):
    """Of ten runs of the race one is at most `p10`, five `p50`, nine `p90`."""

    p10: float
    p50: float
    p90: float


Probability = Annotated[
    float, Field(ge=0, le=1, description="a forecast probability"), DisplayFormat("probability")
]
Laps = Annotated[QuantilesValue, Field(description="laps"), DisplayFormat("quantiles")]


class PredictRow(RowModel):
    """How a car may end: a forecast."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    class_position: Annotated[int, Heading("Cl")]
    expected_place: Annotated[float, Heading("Expected"), DisplayFormat("mean")]
    place_p10: Annotated[int, Heading("From")]
    place_p90: Annotated[int, Heading("To")]
    win: Annotated[Probability, Heading("Win")]
    podium: Annotated[Probability, Heading("Podium")]
    gains: Annotated[float, Heading("Gains", rank=2), DisplayFormat("change")]
    laps_left: Annotated[Laps, Heading("Laps left")]
    stops_left: Annotated[int, Heading("Stops", rank=1)]
    next_stop: Annotated[Laps | None, Heading("Next stop in", rank=1)]
    latest_stop: Annotated[int | None, Heading("at most", rank=2)]
    net_position: Annotated[int, Heading("Net", rank=1)]
    gap_at_flag_ms: Annotated[TimeMs, Heading("At the flag", rank=2)]
    places: Annotated[
        list[float],
        Field(description="probabilities of the places in class"),
        DisplayFormat("probabilities"),
    ]


PREDICT = Table(
    "predict",
    "How each car may end, in its class: a forecast from many runs of the rest of the race. "
    "`places` are the probabilities of the places, the first one first; of ten runs nine end at "
    "`place_p10` or behind and nine at `place_p90` or ahead. `laps_left` are laps that a car still "
    "completes, `next_stop` in how many of its laps it comes in (null: probably not again), "
    "`latest_stop` in how many it must (null: it can reach the flag). `net_position` is its place "
    "if all had made the stops they owe, `gains` how many places it is expected to win.",
    PredictRow,
)


FORECAST = replace(PREDICT, name="forecast")
"""The same, as the gateway names it."""


class ForecastTopic(RowModel):
    """A forecast of the whole race, as subscribers receive it."""

    at_ms: Annotated[ClockMs, Field(description="the moment that it was made at")]
    left_ms: Annotated[TimeMs, Field(description="what was left of the race then")]
    fitted_on: Annotated[str, Field(description="the races that its model was fitted on")]
    leader: Annotated[str, Field(description="the car that led")]
    laps_to_go: Annotated[QuantilesValue, Field(description="laps that the leader still completes")]
    last_lap: Annotated[
        QuantilesValue, Field(description="the leader's last lap, which begins at the white flag")
    ]
    cars: Annotated[dict[str, PredictRow], Field(description="by car")]


Score = Annotated[float, DisplayFormat("score")]


class PredictScoreRow(RowModel):
    """How good the forecasts of a race were, at a share of its length."""

    share: Annotated[float | None, Heading("Run"), DisplayFormat("probability")]
    at_ms: Annotated[MomentMs | None, Heading("At")]
    forecasts: int
    skill: Annotated[Score | None, Heading("Skill")]
    winner: Annotated[Probability | None, Heading("Winner")]
    calibration_error: Annotated[Score | None, Heading("Calibration error")]
    held: Annotated[Probability | None, Heading("Held")]
    claimed: Annotated[Probability | None, Heading("of")]
    laps_within_1: Annotated[Probability | None, Heading("Laps within 1")]
    stop_error: Annotated[Score | None, Heading("Stop off by")]


PREDICT_SCORE = Table(
    "predict-score",
    "How good the forecasts of a race were. `skill`: 1 is perfect, 0 no better than the order at "
    "that moment. `winner`: the geometric mean of the probabilities of those that won their class. "
    "`calibration_error`: by how much wins happened more or less often than forecast. `held`: the "
    "share of cars within intervals that claimed `claimed`. `laps_within_1`: the share of class "
    "leaders whose laps to the flag were within one; `stop_error`: the mean error (laps) of next "
    "stops at most ten laps away. The last row, without a share, is of all of them.",
    PredictScoreRow,
)


class PredictScorecardRow(RowModel):
    """How good the forecasts of a race were; of all races in the last row."""

    session: Annotated[str | None, Heading("Session")]
    title: Annotated[str | None, Heading("Title", rank=1)]
    forecasts: int
    skill: Annotated[Score | None, Heading("Skill")]
    winner: Annotated[Probability | None, Heading("Winner")]
    calibration_error: Annotated[Score | None, Heading("Calibration error")]
    held: Annotated[Probability | None, Heading("Held")]
    claimed: Annotated[Probability | None, Heading("of")]
    laps_within_1: Annotated[Probability | None, Heading("Laps within 1")]
    stop_error: Annotated[Score | None, Heading("Stop off by")]


PREDICT_SCORECARD = Table(
    "predict-scorecard",
    "How good the forecasts of each race of the store were that is over, and of all together in "
    "the last row, which has no session. The members are those of `predict-score`.",
    PredictScorecardRow,
)


class PredictCalibrationRow(RowModel):
    """The wins that were forecast with a probability within a range."""

    low: Annotated[Probability, Heading("From")]
    high: Annotated[Probability, Heading("to")]
    forecasts: Annotated[int, Heading("Forecasts")]
    forecast: Annotated[Probability, Heading("Forecast")]
    won: Annotated[Probability, Heading("Won")]


PREDICT_CALIBRATION = Table(
    "predict-calibration",
    "Whether the probabilities of wins hold: of those forecast from `low` to `high` the mean was "
    "`forecast`, and a share `won` was won.",
    PredictCalibrationRow,
)


class DriveTimesRow(RowModel):
    """A driver's time at the wheel against the limits of the pack."""

    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    driver: Annotated[str, Heading("Driver")]
    at_wheel: Annotated[bool, Heading("At the wheel")]
    total_ms: Annotated[MomentMs, Heading("Driven")]
    in_window_ms: Annotated[MomentMs | None, Heading("In window", rank=2)]
    minimum_ms: Annotated[MomentMs | None, Heading("Minimum", rank=2)]
    to_minimum_ms: Annotated[MomentMs | None, Heading("To minimum")]
    to_maximum_ms: Annotated[MomentMs | None, Heading("To maximum")]
    to_window_ms: Annotated[MomentMs | None, Heading("To window")]
    alert: Annotated[Literal["short", "soon", "over"] | None, Heading("Alert")]
    rule: str | None
    most_in_window_ms: Annotated[MomentMs | None, Heading("Most in window", rank=2)]
    window_exceeded_at: Annotated[MomentMs | None, Heading("Exceeded at")]
    no_limits: str | None
    length_note: Annotated[
        str | None,
        Field(description="from what the length is reconstructed, on which limits can depend"),
    ]


DRIVE_TIMES = Table(
    "drive-times",
    "Each driver's time at the wheel against the limits of the pack, null where there is no "
    "limit. `alert` is short (the minimum can only just be reached, or no more), soon or over; "
    "`rule` is the key of the limit it is about. A limit that was exceeded stays over: "
    "`window_exceeded_at` is when the rolling one first was. `no_limits` says why limits are "
    "missing.",
    DriveTimesRow,
)


# -- Points and titles --------------------------------------------------------------------


class ContenderRow(RowModel):
    """A contender and its points."""

    rank: Annotated[int, Heading("Rank")]
    tied: Annotated[Tied, Heading("=")]
    name: Annotated[str, Heading("Name")]
    car: Annotated[str | None, Heading("Car")]
    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    points: Annotated[Points, Heading("Points")]


class PointsRow(ContenderRow):
    """A contender by what the session is worth."""

    length_note: Annotated[
        str | None,
        Field(description="that the points depend on a length that is unknown or reconstructed"),
    ]


POINTS_TABLE = Table(
    "points",
    "What the session is worth as it stands, to drivers, teams or manufacturers.",
    PointsRow,
)


class ChampionshipRow(ContenderRow):
    """A contender in a championship."""

    by_round: Annotated[ByRound, Heading("By round", rank=1)]
    dropped: Annotated[
        list[int],
        Field(description="the rounds whose points do not count, by the pack's rule"),
        DisplayFormat("rounds"),
    ]
    length_note: Annotated[
        str | None,
        Field(description="that points depend on the lengths of races that are unknown"),
    ]


CHAMPIONSHIP = Table(
    "championship",
    "A championship, each class for itself, best first. In the printed table the points of "
    "dropped rounds are in parentheses.",
    ChampionshipRow,
)


class ClinchRow(RowModel):
    """A contender for a title, and what it needs."""

    names: Annotated[Names, Heading("Contender")]
    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    of: Contest
    points: Annotated[Points, Heading("Points")]
    status: Annotated[Literal[TitleStatus, TitleStanding], Heading("Status")]
    least: Annotated[Points | None, Heading("At least", rank=1)]
    most: Annotated[Points | None, Heading("At most", rank=1)]
    clinches_from: Annotated[ResultPlace, Heading("Clinches from")]
    can_win_from: Annotated[ResultPlace, Heading("Can win from")]
    sentence: str | None
    beaten: list[str]
    against: Rivals
    left: list[str]
    length_note: Annotated[
        str | None,
        Field(description="that points depend on lengths of races that are unknown"),
    ]
    bounds_note: Annotated[
        str | None,
        Field(description="why the figures are bounds, or for which length of race they are"),
    ]


CLINCH = Table(
    "clinch",
    "Who can still win a title. `clinches_from` is the worst result that wins whatever the "
    "rivals do, `can_win_from` the worst with which it can still be won; `beaten` are the cars "
    "that can no longer pass it, and `against` has, by the rival's result, the worst that stays "
    "ahead of it. With several results left, qualifying included, `clinches_from` is the worst "
    "in the next of them that wins already, of the others only the status is given, and `open` "
    "may be out all the same.",
    ClinchRow,
)


class ClinchWhenRow(RowModel):
    """A title, and when it was decided."""

    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    of: Annotated[Contest, Heading("Of")]
    names: Annotated[Names, Heading("Champion")]
    at_ms: Annotated[ClockMs, Heading("At")]
    leader_lap: Annotated[int, Heading("Leader's lap")]
    happened: Annotated[str, Heading("What happened")]
    sentence: str | None
    length_note: Annotated[
        str | None,
        Field(description="that points depend on lengths of races that are unknown"),
    ]


CLINCH_WHEN = Table(
    "clinch-when",
    "When each title was decided in the session: the moment, what happened then, and why that "
    "was enough.",
    ClinchWhenRow,
)


class SeasonsRow(RowModel):
    """A season of the store, or one that is built in."""

    season: Annotated[str, Heading("Season")]
    title: Annotated[str | None, Heading("Title")]
    series: Annotated[str | None, Heading("Series", rank=2)]
    rules: Annotated[str | None, Heading("Rules")]
    classes: Annotated[list[str], Heading("Classes", rank=1)]
    rounds: Annotated[int, Heading("Rounds")]
    last_round: Annotated[int, Heading("Scored")]
    built_in: Annotated[bool, Heading("Built in")]
    fault: Annotated[str | None, Field(description="why the season cannot be read, if it cannot")]


SEASONS = Table(
    "season-list",
    "The seasons of the store, and those that are built in. `last_round` is the last of which "
    "anything was scored.",
    SeasonsRow,
)


class SeasonRow(RowModel):
    """A round of a season, and what of it was scored."""

    round: Annotated[int, Heading("Round")]
    name: Annotated[str, Heading("Name")]
    circuit: Annotated[str | None, Heading("Circuit", rank=2)]
    date: Annotated[str | None, Heading("Date")]
    time_limit_ms: Annotated[MomentMs | None, Heading("Length")]
    qualifying: Annotated[int, Heading("Qualifying")]
    race: Annotated[int, Heading("Race")]
    segments: Annotated[int, Heading("Segments")]
    sessions: Annotated[list[str], Heading("Sessions", rank=1)]
    changed: list[str]
    cancelled: bool
    classes: list[str]


SEASON = Table(
    "season-show",
    "The rounds of a season and what of them was scored: in how many classes qualifying and "
    "the race, and how many segments of a cup. `changed` are the sessions that have another "
    "result now than was scored; with --known-at that is not looked into. `classes` are those "
    "that run, where not all do. A cancelled round is marked behind its name when printed.",
    SeasonRow,
)


class ContradictionsRow(RowModel):
    """A figure in which a published table differs from what was scored."""

    of: Annotated[Contest, Heading("Of")]
    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    name: Annotated[str, Heading("Name")]
    figure: Annotated[str, Heading("Figure")]
    published: Annotated[Figure, Heading("Published")]
    source: Annotated[str, Heading("Source")]
    scored: Annotated[Figure, Heading("Scored")]
    scored_from: Annotated[str, Heading("Scored from")]


CONTRADICTIONS = Table(
    "season-contradictions",
    "Where published tables differ from what was scored: both figures and their sources.",
    ContradictionsRow,
)


class SeasonCheckRow(RowModel):
    """Two names in a season that may be one contender's."""

    of: Annotated[Contest, Heading("Of")]
    name: Annotated[str, Heading("Name")]
    results: Annotated[int, Heading("Results")]
    meant: Annotated[str, Heading("Perhaps")]
    meant_results: Annotated[int, Heading("Results")]
    why: Annotated[str, Heading("Why")]
    command: str


SEASON_CHECK = Table(
    "season-check",
    "Near-equal names that never stand in one result and may be one contender's: the name that "
    "looks like a slip, the one perhaps meant, in how many results each stands, and the "
    "`command` that joins them.",
    SeasonCheckRow,
)


class RulesSwitchRow(RowModel):
    """A contender whose rank or points are others under the rules switched to."""

    of: Annotated[Contest, Heading("Of")]
    car_class: Annotated[str, Heading("Class"), Field(alias="class")]
    name: Annotated[str, Heading("Name")]
    rank_now: Annotated[int | None, Heading("Rank")]
    rank_then: Annotated[int | None, Heading("then")]
    points_now: Annotated[Points | None, Heading("Points")]
    points_then: Annotated[Points | None, Heading("then")]


RULES_SWITCH = Table(
    "rules-switch",
    "What a switch of a season's rules changes, over all its championships: the contenders whose "
    "rank or points differ.",
    RulesSwitchRow,
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
        PREDICT,
        PREDICT_SCORE,
        PREDICT_SCORECARD,
        PREDICT_CALIBRATION,
        DRIVE_TIMES,
        POINTS_TABLE,
        CHAMPIONSHIP,
        CLINCH,
        CLINCH_WHEN,
        SEASONS,
        SEASON,
        CONTRADICTIONS,
        SEASON_CHECK,
        RULES_SWITCH,
    )
}
"""Each of them by its name, which is its command's."""
