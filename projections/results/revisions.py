"""Revisions: the successive results of a session (provisional, amended, final).

A revision is the classification as known at a position of the log after the chequered flag.
The first is ``provisional``; each later decision or correction that changes the result makes
an ``amended`` one. A declared result is a revision with its own status, as declared. Earlier
revisions are never lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from events import (
    AnyEvent,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    EntryAmended,
    EventVoided,
    LapAmended,
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
    ResultDeclared,
    RulesSwitched,
    SegmentStarted,
    SessionResumed,
    ShortestLapSet,
)
from events.clock import format_clock, format_lap_time
from projections.engine.corrections import Identity
from projections.results.classification import (
    ON_LAPS,
    Classified,
    Convention,
    classify,
    is_as_published,
)
from projections.results.official_result import official_result
from projections.results.provisional import points_taken
from projections.timeline import Timeline
from projections.wording import penalty_noun

AMENDING = (
    EntryAmended,
    PenaltyImposed,
    PenaltyServed,
    PenaltyConverted,
    PenaltyRescinded,
    LapTimeDeleted,
    EventVoided,
    LapAmended,
    CrossingsReassigned,
    CrossingInserted,
    CrossingCounted,
    ShortestLapSet,
    RulesSwitched,
    SessionResumed,
)
"""The decisions that may change a result after the flag."""

BATCH = 5_000


class RevisionRow(NamedTuple):
    """A car in a revision; times in ms; ``points_taken`` are deducted by the stewards."""

    position: int
    car: str
    car_class: str | None
    status: str
    laps: int
    total_ms: int | None
    penalty_ms: int
    best_lap_ms: int | None = None
    points_taken: int = 0


class Revision(NamedTuple):
    """A result, the position from which it was known, and its basis in words."""

    number: int
    position: str
    status: str
    declared: bool
    rests_on: str
    rows: tuple[RevisionRow, ...]


class Difference(NamedTuple):
    """A car's change between two revisions; None where it was not listed."""

    car: str
    car_class: str | None
    position_before: int | None
    position_after: int | None
    laps_before: int | None
    laps_after: int | None
    total_ms_before: int | None
    total_ms_after: int | None
    status_before: str | None
    status_after: str | None


def revisions(
    log: Iterable[tuple[str, AnyEvent]], convention: Convention = ON_LAPS
) -> list[Revision]:
    """Return the revisions in the order in which they became known.

    ``log`` has (position, event) in the order of the log. Costs a fold of the log, and
    O(n log n) in the cars for each decision after the flag.
    """
    history = _RevisionLog(convention)
    for position, event in log:
        history.take(position, event)
    history.end()
    return history.found


class _RevisionLog:
    """The revisions found so far, and the events not folded yet."""

    def __init__(self, convention: Convention) -> None:
        self.found: list[Revision] = []
        self._convention = convention
        self._timeline = Timeline()
        self._waiting: list[AnyEvent] = []
        self._position = "0-0"
        self._decided: dict[Identity, AnyEvent] = {}
        self._declarations: dict[Identity, int] = {}

    def take(self, position: str, event: AnyEvent) -> None:
        """Process the next event of the log."""
        if isinstance(event, (*AMENDING, ResultDeclared)):
            self._look("the laps as timed")
            self._waiting.append(event)
            self._position = position
            self._decided.setdefault(event.identity, event)
            if isinstance(event, ResultDeclared):
                self._declared(event)
            else:
                self._look(self._describe(event))
            return
        self._waiting.append(event)
        self._position = position
        if len(self._waiting) >= BATCH:
            self._fold()

    def end(self) -> None:
        """Process the end of the log."""
        self._look("the laps as timed")
        for identity, index in self._declarations.items():
            if identity in self._timeline.voided:
                declared = self.found[index]
                self.found[index] = declared._replace(rests_on=f"{declared.rests_on} (voided)")

    def _describe(self, event: AnyEvent) -> str:
        """Describe a decision, with the car if it refers to another decision."""
        decision, reasons, seen = event, "", {event.identity}
        while isinstance(decision, EventVoided):
            voided = self._decided.get((decision.voided_source, decision.voided_seq))
            if voided is None or voided.identity in seen:  # voids may name each other
                break
            reasons = f", voided: {decision.reason}{reasons}"
            seen.add(voided.identity)
            decision = voided
        penalty = self._timeline.race.stewards.penalties.get(getattr(decision, "penalty_id", ""))
        of = "" if penalty is None or isinstance(decision, PenaltyImposed) else f"#{penalty.car}: "
        return f"{of}{describe_decision(decision)}{reasons}"

    def _fold(self) -> None:
        self._timeline.add(self._waiting)
        self._waiting = []

    def _look(self, rests_on: str) -> None:
        """Add a revision if the result changed."""
        self._fold()
        race = self._timeline.race
        if not race.finish.over:
            return
        official = official_result(race)
        if not race.order.passings and official is None:
            return
        taken = points_taken(race)
        rows = tuple(
            _revision_row(row, taken.get(row.car, 0)) for row in classify(race, self._convention)
        )
        computed = [one for one in self.found if not one.declared]
        if computed and computed[-1].rows == rows:
            return
        unchanged = official is not None and is_as_published(race, official, self._convention)
        if not computed and unchanged and not taken:
            return
        status = "amended" if computed or official is not None else "provisional"
        self._note(status, False, rests_on, rows)

    def _declared(self, event: ResultDeclared) -> None:
        rows = tuple(
            RevisionRow(
                row.position,
                row.car,
                row.car_class,
                row.status,
                row.laps,
                row.total_ms,
                penalty_ms=0,
                best_lap_ms=row.best_lap_ms,
            )
            for row in event.rows
        )
        self._declarations[event.identity] = len(self.found)
        self._note(event.status, True, event.rests_on, rows)

    def _note(
        self, status: str, declared: bool, rests_on: str, rows: tuple[RevisionRow, ...]
    ) -> None:
        number = len(self.found) + 1
        self.found.append(Revision(number, self._position, status, declared, rests_on, rows))


def _revision_row(row: Classified, taken: int) -> RevisionRow:
    return RevisionRow(
        row.position,
        row.car,
        row.car_class,
        row.status,
        row.laps,
        row.total_ms,
        row.penalty_ms,
        row.best_lap_ms,
        taken,
    )


def describe_decision(event: AnyEvent) -> str:  # noqa: C901, PLR0912 (an arm for each decision)
    """Describe one of ``AMENDING``, a declared result or a segment in a few words."""
    match event:
        case PenaltyImposed() | PenaltyConverted():
            what = penalty_noun(event.kind, event.amount)
            of = f"penalty {event.penalty_id} becomes "
            if isinstance(event, PenaltyImposed):
                of = f"#{event.car}: "
            reason = f" ({event.reason})" if event.reason else ""
            return f"{of}{what}{reason}"
        case PenaltyRescinded():
            reason = f" ({event.reason})" if event.reason else ""
            return f"penalty {event.penalty_id} rescinded{reason}"
        case PenaltyServed():
            return f"penalty {event.penalty_id} served"
        case EventVoided():
            return f"{event.voided_source} {event.voided_seq} voided: {event.reason}"
        case LapAmended():
            return f"#{event.car}: lap {event.lap} amended: {event.reason}"
        case LapTimeDeleted():
            return f"#{event.car}: time of lap {event.lap} deleted"
        case CrossingCounted():
            return f"{event.counted_source} {event.counted_seq} counts: {event.reason}"
        case RulesSwitched(rules=rules):
            return f"rules switched to {rules}" + (f": {event.reason}" if event.reason else "")
        case ShortestLapSet(lap_time_ms=ms):
            return f"shortest lap {'lifted' if ms is None else format_lap_time(ms)}"
        case CrossingInserted():
            at = format_clock(event.completed_at)
            return f"#{event.car}: crossing at {at} put in: {event.reason}"
        case CrossingsReassigned():
            moved = f"#{event.from_car} to #{event.to_car} from {format_clock(event.start)}"
            return f"crossings moved, {moved}: {event.reason}"
        case EntryAmended():
            return f"#{event.car}: entry amended"
        case ResultDeclared():
            return f"result declared {event.status}: {event.rests_on}"
        case SessionResumed():
            return "session resumed" + (f": {event.reason}" if event.reason else "")
        case SegmentStarted():
            classes = f" for {', '.join(event.classes)}" if event.classes else ""
            return f"{event.name} begun{classes}"
        case _:
            raise AssertionError(event.type)


def differences(
    before: Sequence[RevisionRow], after: Sequence[RevisionRow], others: Collection[str] = ()
) -> list[Difference]:
    """Return the cars whose position, laps, time or status differ, in the later order.

    ``others`` are cars to include in any case, as something else of them differs.
    """
    earlier, later = _by_car(before), _by_car(after)
    found = []
    for car in dict.fromkeys([*later, *earlier]):
        was, now = earlier.get(car), later.get(car)
        differ = was is None or now is None or _compared(was) != _compared(now)
        if differ or car in others:
            found.append(_difference(car, was, now))
    return found


def _by_car(rows: Sequence[RevisionRow]) -> Mapping[str, RevisionRow]:
    return {row.car: row for row in rows}


def _compared(row: RevisionRow) -> tuple[object, ...]:
    return (row.position, row.laps, row.total_ms or None, row.status)


def _difference(car: str, was: RevisionRow | None, now: RevisionRow | None) -> Difference:
    known = now or was
    return Difference(
        car,
        known.car_class if known else None,
        was.position if was else None,
        now.position if now else None,
        was.laps if was else None,
        now.laps if now else None,
        was.total_ms if was else None,
        now.total_ms if now else None,
        was.status if was else None,
        now.status if now else None,
    )
