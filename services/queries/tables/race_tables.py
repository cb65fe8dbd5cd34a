"""Every table of the command line: its columns, in the order in which they are given out.

Members are only ever added, at the end: programs read these.
"""

from __future__ import annotations

from projections.views.markers import KINDS
from services.queries.tables.columns import (
    CLOCK,
    COUNT,
    FLAG,
    GAP,
    MOMENT,
    NAME,
    PENALTIES,
    POINTS,
    SECTORS,
    TEXT,
    TEXTS,
    TIME,
    TIMES,
    TITLE,
    WALL_CLOCK,
    YES,
    Column,
    Kind,
    Table,
    choice,
)

CAR = Column("car", TEXT, "Car")
CLASS = Column("class", TEXT, "Class", null=True)
POSITION = Column("position", COUNT, "Pos")
CLASS_POSITION = Column("class_position", COUNT, "Cl")
LAPS = Column("laps", COUNT, "Laps")
OUTCOME = choice(
    *("classified", "not_classified", "retired", "running"),
    *("not_started", "disqualified", "withdrawn"),
)

SPEED = Kind(
    {"anyOf": [{"type": "number"}, {"const": "max"}], "description": "times real time"},
    lambda speed: speed if speed == "max" else f"{speed:g}x",
    right=True,
)

STANDINGS = Table(
    "standings",
    "The running order, leader first.",
    (
        POSITION,
        CAR,
        CLASS,
        CLASS_POSITION,
        Column("team", TEXT, "Team", null=True),
        Column("vehicle", TEXT, null=True),
        Column("driver", TEXT, "Driver", null=True),
        Column("driver_short", TEXT, null=True),
        LAPS,
        Column("gap", GAP, "Gap"),
        Column("interval", GAP, "Int", rank=1),
        Column("class_gap", GAP, "Class gap", rank=2),
        Column("class_interval", GAP),
        Column("last_lap_ms", TIME, "Last", null=True),
        Column("best_lap_ms", TIME, "Best", null=True, rank=1),
        Column("pace_ms", TIME, "Pace", null=True, rank=2),
        Column("status", choice("not_started", "running", "pit", "retired", "finished"), "Status"),
        Column("in_pit", YES),
        Column("stops", COUNT, "Stops", rank=1),
        Column("last_pit_lap", COUNT, null=True),
        Column("stint_laps", COUNT, "Stint", rank=2),
        Column("penalties", PENALTIES, "Penalties", rank=2),
        Column("manufacturer", TEXT, null=True),
        Column("best_lap", COUNT, null=True),
        Column("last_sectors_ms", TIMES),
        Column("best_sectors_ms", TIMES),
        Column("sectors_done", COUNT),
        Column("in_pit_since_ms", CLOCK, null=True),
        Column("last_seen_ms", CLOCK, null=True),
    ),
)

RESULTS = Table(
    "results",
    "The classification by the pack of the session, or another; winner first. `points` are what "
    "the car's place is worth, null without a pack.",
    (
        POSITION,
        CAR,
        CLASS,
        CLASS_POSITION,
        Column("status", OUTCOME, "Status"),
        LAPS,
        Column("total_ms", CLOCK, "Time", null=True),
        Column("penalty_ms", TIME, rank=2),
        Column("best_lap_ms", TIME, "Best", null=True, rank=1),
        Column("best_lap", COUNT, "Lap", null=True, rank=1),
        Column("points", POINTS, "Points", null=True, rank=1),
        Column("gap", GAP, "Gap"),
        Column("team", TEXT, "Team", null=True),
        Column("vehicle", TEXT, "Vehicle", null=True, rank=2),
        Column("penalty_laps", COUNT, rank=2),
    ),
)

LAPS_TABLE = Table(
    "laps",
    "Every lap, by car in the running order. `position` is the overall place in which the car "
    "completed that lap; `pit` says that it was in the lane during it.",
    (
        CAR,
        Column("lap", COUNT, "Lap"),
        Column("at_ms", CLOCK, "At"),
        Column("lap_time_ms", TIME, "Time", null=True),
        Column("sectors_ms", TIMES, "Sectors", rank=1),
        Column("driver", TEXT, "Driver", null=True),
        Column("position", COUNT, "Pos"),
        Column("in_pit_lane", YES),
        Column("pit", YES, "Pit"),
        Column("flag", FLAG, "Flag", null=True, rank=1),
        Column("deleted", YES, "Deleted", rank=2),
    ),
)

PITS = Table(
    "pits",
    "Every visit to the pit lane, in the order they began. `lap` is the lap the car was on.",
    (
        CAR,
        CLASS,
        Column("visit", COUNT, "Visit"),
        Column("lap", COUNT, "Lap"),
        Column("entered_ms", MOMENT, "In"),
        Column("exited_ms", MOMENT, "Out", null=True),
        Column("lane_ms", TIME, "In the lane", null=True),
        Column("stationary_ms", TIME, "Standing", null=True, rank=2),
        Column("kind", choice("stop", "drive_through", "stoppage"), "Kind"),
        Column("flag", FLAG, "Flag", null=True),
        Column("driver_changed", YES, "New driver"),
    ),
)

STINTS = Table(
    "stints",
    "Laps from the start or a stop to the next stop. The stint a car is in has no end.",
    (
        CAR,
        Column("number", COUNT, "Stint"),
        Column("first_lap", COUNT, "From"),
        Column("last_lap", COUNT, "To"),
        Column("start_ms", MOMENT, "Start"),
        Column("end_ms", MOMENT, "End", null=True),
        LAPS,
    ),
)

DRIVERS = Table(
    "drivers",
    "Each driver's laps and time at the wheel, by car in the running order.",
    (
        CAR,
        CLASS,
        Column("driver", TEXT, "Driver"),
        Column("drive_time_ms", CLOCK, "Drive time"),
        LAPS,
        Column("at_wheel", YES, "At the wheel"),
    ),
)

CAUTIONS = Table(
    "cautions",
    "The caution ledger. Kinds that follow each other without green share a number, a row each; "
    "laps are the overall leader's, null where the caution fell between two of them.",
    (
        Column("number", COUNT, "No."),
        Column("kind", FLAG, "Kind"),
        Column("start_ms", MOMENT, "Start"),
        Column("end_ms", MOMENT, "End", null=True),
        Column("first_lap", COUNT, "From", null=True),
        Column("last_lap", COUNT, "To", null=True),
        Column("laps", COUNT, "Laps"),
        Column("duration_ms", TIME, "Duration", null=True),
        Column("leader_before", TEXT, "Leader", null=True),
        Column("leader_after", TEXT, "After", null=True),
        Column("pitted", TEXTS, "Pitted", rank=2),
    ),
)

MARKERS = Table(
    "markers",
    "The moments that people go to, in the order of time: cautions, restarts, lead changes, "
    "flags, local flags, penalties, retirements. A replay seeks them by kind and number, as in "
    "caution:9.",
    (
        Column("kind", choice(*KINDS), "Kind"),
        Column("number", COUNT, "No."),
        Column("at_ms", MOMENT, "At"),
        Column("end_ms", MOMENT, "End", null=True),
        Column("lap", COUNT, "Lap"),
        Column("car", TEXT, null=True),
        Column("label", TEXT, "What"),
        Column("wall_clock", TEXT, "Wall clock", null=True, rank=1),
        Column("end_wall_clock", TEXT, null=True),
    ),
)

PENALTIES_TABLE = Table(
    "penalties",
    "The stewards' book, in the order the penalties were imposed; times on the session clock.",
    (
        Column("penalty_id", TEXT, "Penalty"),
        CAR,
        Column("kind", TEXT, "Kind"),
        Column("amount", COUNT, "Amount", null=True),
        Column("reason", TEXT, "Reason", null=True),
        Column("status", choice("imposed", "served", "converted", "rescinded"), "Status"),
        Column("imposed_at", MOMENT, "Imposed"),
        Column("changed_at", MOMENT, "Changed", rank=1),
        Column("by", TEXT, "By", null=True, rank=2),
        Column("basis", choice("recorded", "published", "reconstructed"), "Basis", rank=2),
    ),
)

LEADERS = Table(
    "leaders",
    "Who led from which lap to which; `at_ms` is the end of the first of them.",
    (
        CAR,
        Column("team", TEXT, "Team", null=True),
        Column("first_lap", COUNT, "From"),
        Column("last_lap", COUNT, "To"),
        Column("at_ms", MOMENT, "First led at"),
    ),
)

FASTEST_LAPS = Table(
    "fastest-laps",
    "Each car's best lap, the quickest first.",
    (
        Column("rank", COUNT, "Rank"),
        CAR,
        CLASS,
        Column("lap_time_ms", TIME, "Time"),
        Column("lap", COUNT, "Lap"),
        Column("driver", TEXT, "Driver", null=True),
    ),
)

SESSION = Table(
    "session",
    "The session: what is run, how it stands, and what its log holds. `position` is the log's "
    "last as far as was asked, `learned_at` its wall-clock time; `state_hash` is equal for "
    "equal races; `patience_ms` is how long the field can be silent while the clock runs.",
    (
        Column("session", TEXT, "Session"),
        Column("title", TEXT, "Title"),
        Column("series", TEXT, "Series", null=True),
        Column("circuit", TEXT, "Circuit", null=True),
        Column("kind", choice("race", "qualifying", "practice"), "Kind"),
        Column("classes", TEXTS, "Classes"),
        Column("timing_lines", TEXTS, "Timing lines"),
        Column("rules", TEXT, "Rules", null=True),
        Column("starts_at", TEXT, "Starts at", null=True),
        Column("provenance", TEXT, "Provenance", null=True),
        Column("clock_ms", CLOCK, "Clock"),
        Column("time_to_go_ms", CLOCK, "Time to go", null=True),
        Column("laps_to_go", COUNT, "Laps to go", null=True),
        Column("flag", FLAG, "Flag", null=True),
        Column("flag_since_ms", CLOCK, "since", null=True),
        Column("caution", COUNT, "Caution", null=True),
        Column("caution_since_ms", CLOCK, "since", null=True),
        Column("safety_car_since_ms", CLOCK, "Safety car since", null=True),
        Column("pit_lane_closed", TEXTS, "Pit lane closed for", null=True),
        Column("leader", TEXT, "Leader", null=True),
        Column("leader_lap", COUNT, "Leader's laps"),
        Column("lead_changes", COUNT, "Lead changes"),
        Column("ended_ms", CLOCK, "Ended", null=True),
        Column("cars", COUNT, "Cars"),
        Column("events", COUNT, "Events"),
        Column("unreadable", COUNT, "Unreadable entries"),
        Column("position", TEXT, "Log position"),
        Column("learned_at", TEXT, "Last learned at", null=True),
        Column("state_hash", TEXT, "State hash"),
        Column("patience_ms", TIME),
        Column("sector_flags", SECTORS, "Local flags", null=True),
    ),
    upright=True,
)

SESSIONS = Table(
    "sessions",
    "The sessions of the store, and the races that are built in, which are put there when "
    "they are first asked for.",
    (
        Column("session", NAME, "Session"),
        Column("title", TITLE, "Title", null=True),
        Column("kind", choice("race", "qualifying", "practice"), "Kind", null=True),
        Column("entries", COUNT, "Entries", rank=2),
        Column("first_learned_at", TEXT, null=True),
        Column("last_learned_at", WALL_CLOCK, "Last learned at", null=True, rank=1),
        Column("built_in", YES, "Built in", rank=3),
    ),
)

REPLAYS = Table(
    "replays",
    "The replays that are shared, and how they stand; nothing beyond their playheads.",
    (
        Column("replay", TEXT, "Replay"),
        Column("source", TEXT, "Of"),
        Column("as_shown", YES, "As shown"),
        Column("playing", YES, "Playing"),
        Column("speed", SPEED, "Speed"),
        Column("clock_ms", MOMENT, "Clock", null=True),
        Column("ended", YES, "Ended"),
        Column("state", TEXT, "State"),
        Column("reason", TEXT, "Reason", null=True),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SESSIONS,
        SESSION,
        STANDINGS,
        RESULTS,
        LAPS_TABLE,
        LEADERS,
        FASTEST_LAPS,
        PITS,
        STINTS,
        DRIVERS,
        CAUTIONS,
        PENALTIES_TABLE,
        MARKERS,
    )
}
"""Every table by its name, which is its command's."""
