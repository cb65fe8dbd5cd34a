"""The commands for decisions: penalties, corrections and declared results.

A command folds the log, appends the decision as an event, and prints what it changes. Events
appended in between do not invalidate the decision, as it refers to nothing but itself.
"""

from __future__ import annotations

import functools
import getpass
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypedDict

import typer
from pydantic import ValidationError

from events import (
    AnyEvent,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
    ResultDeclared,
    SegmentStarted,
    SessionResumed,
    ShortestLapSet,
)
from events.clock import format_clock, parse_clock
from events.errors import BadDecision
from projections.results.classification import Convention
from projections.results.crossing_effects import CrossingsBefore
from projections.results.decisions import check, describe, find, in_force, result_rows
from projections.results.revisions import describe_decision
from projections.results.time_lost import effects, lost_on_road, penalties_in
from projections.results.whatif import WithdrawnTime, penalty_from, withdrawn_effects
from projections.views.moments import moment_of
from services.cli.console import echo
from services.cli.options import As, Data, OutputFormat, Rules, Session, Store
from services.cli.output import print_changes
from services.cli.session_group import session_commands
from services.cli.shell import with_log
from services.cli.store_queries import read_with_warning
from services.queries.explanations import ClassificationPoints, differing_rows
from services.queries.packs import pack_of
from services.queries.sessions import FoldedSession, SessionQuestion, require_session
from services.queries.tables.columns import Row
from services.storage import quarantine_log
from services.storage.decision_log import RACE_CONTROL, decide
from services.storage.event_log import Log

DECIDE = "Decide"
ALWAYS = 2**53
"""The end of a span without one."""

P = ParamSpec("P")

penalties = typer.Typer(no_args_is_help=True)
amendments = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        penalties,
        name="penalty",
        help="Impose a penalty, and say what became of it.",
        rich_help_panel=DECIDE,
    )
    app.add_typer(
        amendments,
        name="amend",
        help="Say what should have been recorded.",
        rich_help_panel=DECIDE,
    )
    app.command("delete-time", rich_help_panel=DECIDE)(delete_time)
    app.command("reassign", rich_help_panel=DECIDE)(reassign)
    app.command("void", rich_help_panel=DECIDE)(void)
    app.command("count", rich_help_panel=DECIDE)(count)
    app.command("declare", rich_help_panel=DECIDE)(declare)
    app.command("quarantine", rich_help_panel=DECIDE)(quarantine)


def parse_time(text: str | int) -> int:
    """``1:09.195`` in milliseconds. Raises BadParameter, which ends with 2."""
    try:
        return parse_clock(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Car = Annotated[str, typer.Argument(metavar="CAR", help="The car's number, as on the car.")]
PenaltyId = Annotated[
    str, typer.Argument(metavar="ID", help="The penalty's name, as `penalties` lists it.")
]
Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="drive-through, stop-and-go, stop-and-hold, time, laps, places, back-of-class, "
        "points, disqualification, fine, warning or reprimand.",
    ),
]
Amount = Annotated[
    str | None,
    typer.Argument(
        metavar="[AMOUNT]",
        help="Seconds of time and of stop-and-hold; the number of laps, places or points.",
    ),
]
Lap = Annotated[int, typer.Argument(metavar="LAP", min=1, max=100_000)]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]
GivenReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
By = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="NAME", envvar="LAPSTREAM_BY", help="Who decided. Default: your login."
    ),
]
When = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MOMENT",
        help="When it was decided: H:MM:SS[.mmm] on the session clock, lap:N or caution:N. "
        "Default: now, at the newest event.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would change; append nothing.")
]


class Declared(StrEnum):
    """What a declared result is."""

    PROVISIONAL = "provisional"
    AMENDED = "amended"
    FINAL = "final"


class EventHead(TypedDict):
    """The members that all decisions have."""

    at: int
    source: str
    source_seq: int
    by: str | None


Decision = Callable[[FoldedSession, EventHead], AnyEvent]
"""Makes the event of a decision from the folded session and the common members."""


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The common arguments of a decision: session, moment, person, and how to print it."""

    session: str
    at: str | None
    by: str | None
    dry_run: bool
    rules: str | None
    form: OutputFormat
    store: str | None
    data: Path | None

    def decide(self, decision: Decision) -> None:
        """Append the decision's event, and print what it changes."""
        with_log(self.store, self.data, lambda log: self._decide(log, decision))

    async def _decide(self, log: Log, decision: Decision) -> None:
        recorded = await read_with_warning(log, SessionQuestion(self.session))
        race = recorded.timeline.race
        pack = pack_of(race, self.rules)
        at = race.at if self.at is None else moment_of(self.at, race)
        by = self.by or login()

        def event(number: int) -> AnyEvent:
            head: EventHead = {"at": at, "source": RACE_CONTROL, "source_seq": number, "by": by}
            try:
                return decision(recorded, head)
            except ValidationError as invalid:
                fault = invalid.errors()[0]
                member = ".".join(map(str, fault["loc"]))
                raise BadDecision(member, f"{fault['msg']}, not {fault['input']!r:.80}") from None

        planned = event(_unused(recorded))
        check(recorded.timeline, planned)
        before = ClassificationPoints.of(race, pack)
        crossings = CrossingsBefore.of(race, planned)
        if self.dry_run:
            decided = planned
            summary = f"would be decided: {describe_decision(decided)}"
        else:
            (decided,), position = await decide(
                log, self.session, RACE_CONTROL, lambda n: [event(n)]
            )
            summary = (
                f"{RACE_CONTROL} {decided.source_seq} at {position}: {describe_decision(decided)}"
            )
        found = effects(race, Convention.of(pack).penalties, penalties_in(race, [decided]))
        if isinstance(decided, LapTimeDeleted):
            found += withdrawn_effects(race, [WithdrawnTime(decided.car, decided.lap)])
        notes = [*_voided(recorded, decided), *(effect.text for effect in found)]
        recorded.timeline.add([decided])
        notes += crossings.effects(recorded.timeline.race, decided)
        pack_then = pack_of(recorded.timeline.race, self.rules)  # a switch of rules is a decision
        then = ClassificationPoints.of(recorded.timeline.race, pack_then, lost_on_road(found))
        rows = differing_rows(before, then)
        summary = "\n".join([summary, *notes])
        if self.form is not OutputFormat.TABLE:
            print_changes(rows, self.form, summary)
        elif not rows:
            echo(f"{summary}\nnothing in the order changes")
        else:
            _print_changes(rows, summary, is_race=race.session.is_race)


def _voided(recorded: FoldedSession, event: AnyEvent) -> Iterator[str]:
    """Describe what is voided, which a decision names by its number only."""
    if not isinstance(event, EventVoided):
        return
    identity = (event.voided_source, event.voided_seq)
    voided = find(recorded.timeline, identity)
    if voided is not None:
        when = f" at {format_clock(voided.at)}" if isinstance(voided, LapCompleted) else ""
        yield f"{identity[0]} {identity[1]} is {describe(recorded.timeline, voided)}{when}"


def _options(
    *,
    at: When = None,
    by: By = None,
    dry_run: DryRun = False,
    rules: Rules = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The options of every decision, which `decision_command` puts into a DecisionContext."""


def decision_command(
    command: Callable[Concatenate[DecisionContext, P], None],
) -> Callable[..., None]:
    """Add a session and the options of every decision to a command.

    Its own arguments and options come between the two. It is called with the others as a
    DecisionContext.
    """

    @functools.wraps(command)
    def with_context(session: str, **given: Any) -> None:
        shared = {name: given.pop(name) for name in inspect.signature(_options).parameters}
        command(DecisionContext(session, **shared), **given)  # type: ignore[call-arg]

    session = inspect.Parameter(
        "session", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Session
    )
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = inspect.signature(_options, eval_str=True).parameters.values()
    with_context.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [session, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared))]
    )
    return with_context


def _print_changes(rows: Sequence[Row], summary: str, *, is_race: bool) -> None:
    """Print the cars that change, and the number of those that only change place overall."""
    alike = [(f"{name}_now", f"{name}_then") for name in _COMPARED]
    shown = [row for row in rows if any(row[now] != row[then] for now, then in alike)] or rows
    print_changes(shown, OutputFormat.TABLE, f"{summary}\n", is_race=is_race)
    others = len(rows) - len(shown)
    if others:
        echo(f"{others} more {'moves' if others == 1 else 'move'} overall, not in class")


_COMPARED = ("class_position", "laps", "total_ms", "status", "points", "best_lap_ms")


def login() -> str | None:
    """The login name of the user who runs the command; None if it is unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # neither in the environment nor in the password database
        return None


def _unused(recorded: FoldedSession) -> int:
    """A number that no decision in the log has."""
    taken = (event.source_seq for _, event in recorded.events if event.source == RACE_CONTROL)
    return max(taken, default=-1) + 1


# -- Penalties -----------------------------------------------------------------------------


@penalties.command("impose")
@decision_command
def impose(
    context: DecisionContext, car: Car, kind: Kind, amount: Amount = None, reason: Reason = None
) -> None:
    """Impose a penalty: 66 time 30, 7 drive-through, 45 places 3."""
    penalty = penalty_from(car, kind, amount)
    context.decide(
        lambda _, head: PenaltyImposed(
            **head,
            penalty_id=f"{RACE_CONTROL}-{head['source_seq']}",
            car=car,
            kind=penalty.kind,
            amount=penalty.amount,
            reason=reason,
        )
    )


@penalties.command("serve")
@decision_command
def serve(context: DecisionContext, penalty_id: PenaltyId) -> None:
    """Record that the car has served its penalty."""
    context.decide(lambda _, head: PenaltyServed(**head, penalty_id=penalty_id))


@penalties.command("convert")
@decision_command
def convert(
    context: DecisionContext,
    penalty_id: PenaltyId,
    kind: Kind,
    amount: Amount = None,
    reason: Reason = None,
) -> None:
    """Convert a penalty, such as a drive-through not served into time."""

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        penalty = penalty_from(in_force(recorded.timeline.race, penalty_id).car, kind, amount)
        return PenaltyConverted(
            **head,
            penalty_id=penalty_id,
            kind=penalty.kind,
            amount=penalty.amount,
            reason=reason,
        )

    context.decide(decision)


@penalties.command("rescind")
@decision_command
def rescind(context: DecisionContext, penalty_id: PenaltyId, reason: Reason = None) -> None:
    """Rescind a penalty, served or not."""
    context.decide(lambda _, head: PenaltyRescinded(**head, penalty_id=penalty_id, reason=reason))


# -- Corrections ---------------------------------------------------------------------------


@decision_command
def delete_time(context: DecisionContext, car: Car, lap: Lap, reason: Reason = None) -> None:
    """Delete a lap's time (track limits): the lap counts, its time does not."""
    context.decide(lambda _, head: LapTimeDeleted(**head, car=car, lap=lap, reason=reason))


@amendments.command("lap")
@decision_command
def amend_lap(
    context: DecisionContext,
    car: Car,
    lap: Lap,
    reason: GivenReason,
    completed_at: Annotated[
        int | None,
        typer.Option(
            "--completed-at",
            parser=parse_time,
            metavar="H:MM:SS.mmm",
            help="When it was completed, on the session clock.",
        ),
    ] = None,
    lap_time: Annotated[
        int | None,
        typer.Option("--time", parser=parse_time, metavar="M:SS.mmm", help="The lap time."),
    ] = None,
    driver: Annotated[str | None, typer.Option(metavar="NAME", help="Who drove it.")] = None,
    in_pit_lane: Annotated[
        bool | None,
        typer.Option("--in-pit-lane/--on-track", help="Where it crossed the finish line."),
    ] = None,
) -> None:
    """Correct a completed lap; what is left out stays as it was recorded."""
    if (completed_at, lap_time, driver, in_pit_lane) == (None,) * 4:
        raise typer.BadParameter(
            "nothing to amend: give --completed-at, --time, --driver, --in-pit-lane or --on-track"
        )
    context.decide(
        lambda _, head: LapAmended(
            **head,
            car=car,
            lap=lap,
            completed_at=completed_at,
            lap_time_ms=lap_time,
            driver=driver,
            in_pit_lane=in_pit_lane,
            reason=reason,
        )
    )


@amendments.command("crossing")
@decision_command
def amend_crossing(
    context: DecisionContext,
    car: Car,
    completed_at: Annotated[
        int,
        typer.Argument(
            parser=parse_time,
            metavar="H:MM:SS.mmm",
            help="When the car crossed the finish line, on the session clock.",
        ),
    ],
    reason: GivenReason,
    driver: Annotated[str | None, typer.Option(metavar="NAME", help="Who drove the lap.")] = None,
    in_pit_lane: Annotated[
        bool, typer.Option("--in-pit-lane", help="It crossed the line in the pit lane.")
    ] = False,
) -> None:
    """Put in a crossing that the timing missed: it splits a lap, and later laps move up by one."""
    context.decide(
        lambda _, head: CrossingInserted(
            **head,
            car=car,
            completed_at=completed_at,
            driver=driver,
            in_pit_lane=in_pit_lane,
            reason=reason,
        )
    )


@decision_command
def reassign(
    context: DecisionContext,
    from_car: Annotated[str, typer.Argument(metavar="FROM", help="The car it was timed for.")],
    to_car: Annotated[str, typer.Argument(metavar="TO", help="The car that it was.")],
    reason: GivenReason,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="MOMENT", help="From when on. Default: the start."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="MOMENT", help="Until when. Default: the end."),
    ] = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="Also give the crossings of TO to FROM.")
    ] = False,
) -> None:
    """Give one car's crossings to another (transponders swapped)."""

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        race = recorded.timeline.race
        first = -ALWAYS if start is None else moment_of(start, race)
        last = ALWAYS if end is None else moment_of(end, race)
        if from_car == to_car or last <= first:
            raise typer.BadParameter("FROM and TO must be two cars, and --from before --to")
        return CrossingsReassigned(
            **head,
            from_car=from_car,
            to_car=to_car,
            start=first,
            end=last,
            swap=swap,
            reason=reason,
        )

    context.decide(decision)


@decision_command
def void(
    context: DecisionContext,
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT", help="Its position in the log, or the source of it."),
    ],
    reason: GivenReason,
    number: Annotated[
        int | None,
        typer.Argument(metavar="[SEQ]", help="Its source_seq, after a source.", min=0),
    ] = None,
) -> None:
    """Take an event out of the count; it stays in the log.

    `explain` prints the positions in the log, and as JSON the sources with their numbers.
    """

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        source, seq = (event, number) if number is not None else _at_position(recorded, event)
        return EventVoided(**head, voided_source=source, voided_seq=seq, reason=reason)

    context.decide(decision)


@decision_command
def count(
    context: DecisionContext,
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT", help="Its position in the log, or the source of it."),
    ],
    reason: GivenReason,
    number: Annotated[
        int | None,
        typer.Argument(metavar="[SEQ]", help="Its source_seq, after a source.", min=0),
    ] = None,
) -> None:
    """Count a crossing that was counted out as a double read after all."""

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        source, seq = (event, number) if number is not None else _at_position(recorded, event)
        return CrossingCounted(**head, counted_source=source, counted_seq=seq, reason=reason)

    context.decide(decision)


def _at_position(recorded: FoldedSession, position: str) -> tuple[str, int]:
    """The identity of the event at a position. Raises BadDecision where there is none."""
    for there, event in recorded.events:
        if there == position:
            return event.identity
    raise BadDecision("event", f"no event at position {position!r}, and no SEQ after a source")


@session_commands.command("shortest-lap")
@decision_command
def shortest_lap(
    context: DecisionContext,
    lap_time: Annotated[
        int,
        typer.Argument(
            parser=parse_time, metavar="M:SS.mmm", help="No lap is shorter; 0 for no limit."
        ),
    ],
    reason: Reason = None,
) -> None:
    """Set the shortest possible lap: a crossing sooner is a double read, and counted out.

    It holds for the whole session, or from --at on.
    """

    def decision(_: FoldedSession, head: EventHead) -> AnyEvent:
        if context.at is None:
            head = {**head, "at": 0}
        return ShortestLapSet(**head, lap_time_ms=lap_time or None, reason=reason)

    context.decide(decision)


@session_commands.command("segment")
@decision_command
def segment(
    context: DecisionContext,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as Q2.")],
    car_class: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="CLASS", help="Only for this class; may be repeated."),
    ] = None,
) -> None:
    """Begin a segment of qualifying or practice (Q1, Q2, Hyperpole); every car runs again.

    Whether its times count anew, and how many cars go on to it, is a rule of the pack.
    """
    classes = tuple(car_class or ())

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        flagged_at = recorded.timeline.race.finish.chequered_at
        if flagged_at == head["at"]:  # of one millisecond the flag would count as the later
            head = {**head, "at": flagged_at + 1}
        return SegmentStarted(**head, name=name, classes=classes)

    context.decide(decision)


@session_commands.command("resume")
@decision_command
def resume(context: DecisionContext, reason: Reason = None) -> None:
    """Let a session go on after the chequered flag or its end; every car runs again.

    Laps that finished cars completed until then do not count. If the flag was shown by mistake,
    void it instead: then they do.
    """
    context.decide(lambda _, head: SessionResumed(**head, reason=reason))


# -- The log -------------------------------------------------------------------------------


def quarantine(
    session: Session,
    position: Annotated[
        str,
        typer.Argument(metavar="POSITION", help="Of the log entry, as `sessions` has it."),
    ],
    reason: Reason = None,
    lift: Annotated[
        bool, typer.Option("--lift", help="Fold the entry again: end its quarantine.")
    ] = False,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Leave a log entry out of the fold, so that a session that it stopped goes on.

    The entry stays in the log. Running projectors and replays go on by themselves. An event that
    is wrong but folds is voided instead (`void`).
    """
    if not lift and not reason:
        raise typer.BadParameter("a quarantine needs a --reason")

    async def decide_on(log: Log) -> tuple[str, str]:
        await require_session(log, session)
        return await quarantine_log.quarantine(
            log, session, position, by=by or login(), reason=reason, lift=lift
        )

    decided, what = with_log(store, data, decide_on)
    verb = "quarantine lifted" if lift else "quarantined"
    echo(f"{decided}: log entry {position} ({what}) {verb}")


# -- Results -------------------------------------------------------------------------------


@decision_command
def declare(
    context: DecisionContext,
    status: Annotated[
        Declared, typer.Argument(metavar="STATUS", help="provisional, amended or final.")
    ],
    rests_on: Annotated[
        str,
        typer.Option(
            "--rests-on", metavar="TEXT", help="What the result rests on, such as a bulletin."
        ),
    ],
) -> None:
    """Declare the result as it stands: it is kept as it is now, whatever is decided later."""

    def decision(recorded: FoldedSession, head: EventHead) -> AnyEvent:
        race = recorded.timeline.race
        rows = result_rows(race, Convention.of(pack_of(race, context.rules)))
        return ResultDeclared(
            **head, status=status.value, rows=rows, rests_on=rests_on, rows_basis="recorded"
        )

    context.decide(decision)
