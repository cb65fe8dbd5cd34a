"""Tables of a race, of sessions and of replays.

Members are only ever added, at the end: programs read these.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from events.session import SessionKind
from projections import views
from projections.views.gaps import ChartRow, GapsRow
from projections.views.rows import (
    DisplayFormat,
    Heading,
    Identifier,
    MomentMs,
    RowModel,
    Title,
    WallClock,
    fields_of,
    row_model,
)
from services.queries.tables.columns import Table

STANDINGS = Table(
    "standings",
    "The running order, leader first.",
    views.StandingsRow,
)

RESULTS = Table(
    "results",
    "The classification by the pack of the session, or another; winner first. `points` are what "
    "the car's place is worth, null without a pack.",
    views.ResultsRow,
)

LAPS_TABLE = Table(
    "laps",
    "Every lap, by car in the running order. `position` is the overall place in which the car "
    "completed that lap; `pit` says that it was in the lane during it.",
    views.LapsRow,
)

PITS = Table(
    "pits",
    "Every visit to the pit lane, in the order they began. `lap` is the lap the car was on.",
    views.PitsRow,
)

STINTS = Table(
    "stints",
    "Laps from the start or a stop to the next stop. The stint a car is in has no end.",
    views.StintsRow,
)

DRIVERS = Table(
    "drivers",
    "Each driver's laps and time at the wheel, by car in the running order.",
    views.DriversRow,
)

CAUTIONS = Table(
    "cautions",
    "The caution ledger. Kinds that follow each other without green share a number, a row each; "
    "laps are the overall leader's, null where the caution fell between two of them.",
    views.CautionsRow,
)

CAUTION_PLACES = Table(
    "caution-places",
    "The cars that won or lost places under a caution, overall or in their class, in the order "
    "after it. The net winners are those that gained the most places in their class.",
    views.CautionPlacesRow,
)

QUEUE = Table(
    "queue",
    "The queue behind the safety car, and who is eligible for the pass-around and the wave-by "
    "under the session's rules; empty under green. `pit_lane` is its state for the car's class.",
    views.QueueRow,
)

PROGRESS = Table(
    "progress",
    "Laps led and places gained since the start, overall and in class, in the order of the race. "
    "`since` says whether the start is the grid or, where that is unknown, the end of lap 1.",
    views.ProgressRow,
)

MARKERS = Table(
    "markers",
    "The moments that people go to, in the order of time: cautions, restarts, lead changes, "
    "flags, local flags, penalties, retirements. A replay seeks them by kind and number, as in "
    "caution:9.",
    views.MarkersRow,
)

PENALTIES_TABLE = Table(
    "penalties",
    "The stewards' book, in the order the penalties were imposed; times on the session clock.",
    views.PenaltiesRow,
)

LEADERS = Table(
    "leaders",
    "Who led from which lap to which; `at_ms` is the end of the first of them.",
    views.LeadersRow,
)

FASTEST_LAPS = Table(
    "fastest-laps",
    "Each car's best lap, the quickest first.",
    views.FastestLapsRow,
)

MESSAGES = Table(
    "messages",
    "What race control announced, in order.",
    views.MessagesRow,
)

CONTROL = Table(
    "control",
    "Race control's feed, the newest first: flags, safety car, pit lane, penalties and what "
    "becomes of them, deleted and voided laps, corrections, declared results, retirements, "
    "messages. `lap` is the leader's by then. Pictures have its newest entries as a topic.",
    views.ControlRow,
)

DOUBTS = Table(
    "doubts",
    "The values of the source that contradict what is known: where each is, what it says, and "
    "what was made of it. Nothing that the order rests on is among them.",
    views.DoubtsRow,
)

WEATHER = Table(
    "weather",
    "The weather as it was measured, in order of time.",
    views.WeatherMeasuredRow,
)

GAPS = Table(
    "gaps",
    "The gap of every car to one of them, in the running order. `side` is where the car is, "
    "seen from that one (`to`); `gap` is compared where the one behind last crossed a line.",
    GapsRow,
)

CHART = Table(
    "chart",
    "The laps of each car as columns, for charts, a row a car in the running order. The columns "
    "begin with `first_lap`. `positions` are the places in which the laps were completed; "
    "`behind_ms` is how much later than `to` (null: than whoever was first) each was, negative "
    "for earlier; `behind_laps` the whole laps between both then. `pit_laps` are the numbers of "
    "the laps on which the car was in the lane.",
    ChartRow,
)


def _session_details() -> type[RowModel]:
    """The session line, and what the log holds; newer members of the line come last."""
    line = fields_of(views.SessionRow)
    newer = ("patience_ms", *list(line)[list(line).index("patience_ms") + 1 :])
    log: dict[str, Any] = {
        "cars": Annotated[int, Heading("Cars")],
        "events": Annotated[int, Heading("Events")],
        "unreadable": Annotated[int, Heading("Unreadable entries")],
        "position": Annotated[str, Heading("Log position")],
        "learned_at": Annotated[str | None, Heading("Last learned at")],
        "state_hash": Annotated[str, Heading("State hash")],
    }
    return row_model(
        "SessionDetailsRow",
        "A session: how it stands, and what its log holds.",
        __name__,
        session=Annotated[str, Heading("Session")],
        **{name: field for name, field in line.items() if name not in newer},
        **log,
        **{name: line[name] for name in newer},
    )


SESSION = Table(
    "session",
    "The session: what is run, how it stands, and what its log holds. `position` is the log's "
    "last as far as was asked, `learned_at` its wall-clock time; `state_hash` is equal for "
    "equal races; `patience_ms` is how long the field can be silent while the clock runs.",
    _session_details(),
    upright=True,
)


class SessionsRow(RowModel):
    """A session of the store, or a race that is built in."""

    session: Annotated[Identifier, Heading("Session")]
    title: Annotated[Title | None, Heading("Title")]
    kind: Annotated[SessionKind | None, Heading("Kind")]
    entries: Annotated[int, Heading("Entries", rank=2)]
    first_learned_at: str | None
    last_learned_at: Annotated[WallClock | None, Heading("Last learned at", rank=1)]
    built_in: Annotated[bool, Heading("Built in", rank=3)]
    fault: Annotated[
        str | None, Field(description="why the session is stopped or waits, if it does")
    ]


SESSIONS = Table(
    "sessions",
    "The sessions of the store, and the races that are built in, which are put there when "
    "they are first asked for.",
    SessionsRow,
)

Speed = Annotated[
    float | Literal["max"], Field(description="times real time"), DisplayFormat("speed")
]


class ReplaysRow(RowModel):
    """A replay, and how it stands."""

    replay: Annotated[str, Heading("Replay")]
    source: Annotated[str, Heading("Of")]
    as_shown: Annotated[bool, Heading("As shown")]
    playing: Annotated[bool, Heading("Playing")]
    speed: Annotated[Speed, Heading("Speed")]
    clock_ms: Annotated[MomentMs | None, Heading("Clock")]
    ended: Annotated[bool, Heading("Ended")]
    state: Annotated[str, Heading("State")]
    reason: Annotated[str | None, Heading("Reason")]


REPLAYS = Table(
    "replays",
    "The replays that are shared, and how they stand; nothing beyond their playheads.",
    ReplaysRow,
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
        PROGRESS,
        CAUTION_PLACES,
        QUEUE,
        FASTEST_LAPS,
        PITS,
        STINTS,
        DRIVERS,
        CAUTIONS,
        PENALTIES_TABLE,
        MARKERS,
        WEATHER,
    )
}
"""Every table by its name, which is its command's."""
