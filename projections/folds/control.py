"""Control items: what race control did and wrote, in effective order; and frozen outputs.

Rules: the items are flags (a repeated flag is none), the safety car, the pit lane, penalties
and their changes, deleted lap times, corrections that a person decided, declared results,
retirements and messages, the session resumed, and log entries in quarantine. A car that parks
after it has finished has not retired. A voided event is not listed, but its void is. A penalty's
change names the penalty as it was before. Each item has the lap that the overall leader had
completed by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, get_args

from events import (
    CarRetired,
    CarReturned,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    Event,
    EventQuarantined,
    FlagShown,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
    OutputFrozen,
    OutputReleased,
    PassAroundGiven,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
    PitLaneClosed,
    PitLaneOpened,
    QuarantineLifted,
    RaceControlMessage,
    ResultDeclared,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    SegmentStarted,
    SessionResumed,
    ShortestLapSet,
    WaveByGiven,
)
from events.clock import format_clock, format_lap_time
from projections.engine.corrections import CorrectionApplied
from projections.engine.double_reads import CrossingCountedOut
from projections.engine.state import Handlers, History, Projection, of, row, sibling
from projections.folds.finish import Finish
from projections.folds.lap_chart import LapChart
from projections.folds.running_order import RunningOrder, apart
from projections.folds.session import Session
from projections.folds.stewards import Stewards
from projections.folds.track import Track
from projections.wording import FLAGS, penalty_noun, plain

ControlItemKind = Literal[
    "flag",
    "local_flag",
    "safety_car",
    "pit_lane",
    "penalty",
    "lap",
    "correction",
    "result",
    "retirement",
    "message",
]
KINDS: tuple[ControlItemKind, ...] = get_args(ControlItemKind)


class ControlMessage(NamedTuple):
    """A race-control message, with its session time (ms)."""

    at: int
    text: str
    car: str | None
    basis: str


class ControlItem(NamedTuple):
    """A control item; ``at`` in ms, ``lap`` of the overall leader, 0 before the first.

    Flags have ``flag`` and, if local, ``sector``.
    """

    at: int
    kind: ControlItemKind
    text: str
    car: str | None
    flag: str | None
    sector: int | None
    lap: int
    basis: str


@dataclass(slots=True)
class RaceControl(Projection):
    """The control items, the messages among them, and the frozen outputs."""

    NAME: ClassVar[str] = "control"
    VERSION: ClassVar[int] = 4

    session: Session = sibling()
    finish: Finish = sibling()
    order: RunningOrder = sibling()
    track: Track = sibling()
    chart: LapChart = sibling()
    stewards: Stewards = sibling()
    items: History[ControlItem] = of(row(ControlItem), History)
    messages: History[ControlMessage] = of(row(ControlMessage), History)
    frozen: dict[str, int] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {
            FlagShown: self._flag,
            SafetyCarDeployed: self._safety_car_deployed,
            SafetyCarWithdrawn: self._safety_car_withdrawn,
            PitLaneOpened: self._pit_lane,
            PitLaneClosed: self._pit_lane,
            PenaltyImposed: self._imposed,
            PenaltyServed: self._served,
            PenaltyConverted: self._converted,
            PenaltyRescinded: self._rescinded,
            LapTimeDeleted: self._time_deleted,
            CorrectionApplied: self._corrected,
            CrossingCountedOut: self._inserted_counted_out,
            ResultDeclared: self._declared,
            RaceControlMessage: self._race_control_message,
            WaveByGiven: self._wave_by,
            PassAroundGiven: self._pass_around,
            CarRetired: self._retired,
            CarReturned: self._returned,
            SessionResumed: self._resumed,
            ShortestLapSet: self._shortest_lap_set,
            SegmentStarted: self._segment_started,
            OutputFrozen: self._frozen,
            OutputReleased: self._released,
            EventQuarantined: self._quarantined,
            QuarantineLifted: self._lifted,
        }

    def _add(
        self,
        event: Event,
        kind: ControlItemKind,
        text: str,
        car: str | None = None,
        flag: str | None = None,
        sector: int | None = None,
    ) -> None:
        lap = self.chart.leader_lap()
        self.items.append(ControlItem(event.at, kind, text, car, flag, sector, lap, event.basis))

    # The track

    def _flag(self, event: FlagShown) -> None:
        if not self.track.changed_by(event):
            return
        flag, sector = event.flag, event.sector
        if sector is None:
            self._add(event, "flag", FLAGS[flag]["message"], flag=flag)
        else:
            self._add(event, "local_flag", _local(flag, sector), flag=flag, sector=sector)

    def _safety_car_deployed(self, event: SafetyCarDeployed) -> None:
        because = f": {event.reason}" if event.reason else ""
        self._add(event, "safety_car", f"Safety car deployed{because}")

    def _safety_car_withdrawn(self, event: SafetyCarWithdrawn) -> None:
        self._add(event, "safety_car", "Safety car is in")

    def _pit_lane(self, event: PitLaneOpened | PitLaneClosed) -> None:
        self._add(event, "pit_lane", _pit_lane(event))

    # The stewards

    def _imposed(self, event: PenaltyImposed) -> None:
        if event.penalty_id not in self.stewards.penalties:
            text = f"{_imposed(event)}{_because(event.reason)}"
            self._add(event, "penalty", text, event.car)

    def _served(self, event: PenaltyServed) -> None:
        self._became(event, event.penalty_id, "served")

    def _converted(self, event: PenaltyConverted) -> None:
        to = penalty_noun(event.kind, event.amount)
        self._became(event, event.penalty_id, f"becomes {to}{_because(event.reason)}")

    def _rescinded(self, event: PenaltyRescinded) -> None:
        self._became(event, event.penalty_id, f"rescinded{_because(event.reason)}")

    def _became(self, event: Event, penalty_id: str, what: str) -> None:
        penalty = self.stewards.penalties.get(penalty_id)
        if penalty is not None:
            text = f"Car {penalty.car}: {penalty_noun(penalty.kind, penalty.amount)}, {what}"
            self._add(event, "penalty", text, penalty.car)

    def _time_deleted(self, event: LapTimeDeleted) -> None:
        text = f"{_time_deleted(event)}{_because(event.reason)}"
        self._add(event, "lap", text, event.car)

    def _declared(self, event: ResultDeclared) -> None:
        on = f": {event.rests_on}" if event.rests_on else ""
        self._add(event, "result", f"Result declared {event.status}{on}")

    def _corrected(self, event: CorrectionApplied) -> None:
        match event.correction:
            case LapAmended(car=car, lap=lap, reason=reason):
                text = f"Car {car}: lap {lap} amended{_because(reason)}"
                self._add(event, "correction", text, car)
            case CrossingsReassigned() as moved:
                self._add(event, "correction", _reassigned(moved))
            case CrossingCounted(reason=reason):
                text = f"A crossing counted out counts{_because(reason)}"
                self._add(event, "correction", text)
            case CrossingInserted(car=car, reason=reason) as crossing:
                self._add(event, "correction", f"{_inserted(crossing)}{_because(reason)}", car)
            case void:
                self._voided(event, _because(getattr(void, "reason", None)))

    def _voided(self, event: CorrectionApplied, because: str) -> None:
        voided = event.of
        what = "counts again" if event.restores else "voided"
        if isinstance(voided, LapCompleted):
            text = f"Car {voided.car}: lap {voided.lap} {what}{because}"
            self._add(event, "lap", text, voided.car)
            return
        if not event.restores:
            what = "taken back"
        text = f"{self._what(voided)}, {what}{because}"
        self._add(event, "correction", text, getattr(voided, "car", None))

    def _what(self, event: Event | None) -> str:  # noqa: C901, PLR0912 (an arm for each event)
        """Describe an event as its control item does, or would."""
        match event:
            case FlagShown(flag=flag, sector=None):
                return FLAGS[flag]["message"]
            case FlagShown(flag=flag, sector=int(sector)):
                return _local(flag, sector)
            case PitLaneOpened() | PitLaneClosed():
                return _pit_lane(event)
            case PenaltyImposed():
                return _imposed(event)
            case PenaltyServed() | PenaltyConverted() | PenaltyRescinded():
                penalty = self.stewards.penalties.get(event.penalty_id)
                car = f"Car {penalty.car}" if penalty else event.penalty_id
                return f"{car}: penalty {event.type.removeprefix('penalty_')}"
            case LapTimeDeleted():
                return _time_deleted(event)
            case LapAmended(car=car, lap=lap):
                return f"Car {car}: lap {lap} amended"
            case CrossingsReassigned():
                return _reassigned(event)
            case CrossingInserted():
                return _inserted(event)
            case CrossingCounted():
                return "A crossing counted out counts"
            case RaceControlMessage(text=text):
                return f"Message “{text}”"
            case ResultDeclared(status=status):
                return f"Result declared {status}"
            case None:
                raise AssertionError("a CorrectionApplied void has its event")
            case _:
                of_car: str | None = getattr(event, "car", None)
                name = plain(event.type)
                return f"Car {of_car}: {name}" if of_car else name.capitalize()

    # Words, and cars

    def _add_message(self, event: Event, kind: ControlItemKind, text: str, car: str | None) -> None:
        self._add(event, kind, text, car)
        self.messages.append(ControlMessage(event.at, text, car, event.basis))

    def _race_control_message(self, event: RaceControlMessage) -> None:
        self._add_message(event, "message", event.text, event.car)

    def _wave_by(self, event: WaveByGiven) -> None:
        self._add_message(event, "message", "Wave-by: " + ", ".join(event.cars), None)

    def _pass_around(self, event: PassAroundGiven) -> None:
        self._add_message(event, "message", "Pass-around: " + ", ".join(event.cars), None)

    def _retired(self, event: CarRetired) -> None:
        if self.finish.has_finished(event.car, event.at):
            return
        text = f"Car {event.car} retired" + (f": {event.reason}" if event.reason else "")
        self._add_message(event, "retirement", text, event.car)

    def _returned(self, event: CarReturned) -> None:
        if event.car in self.order.retired:
            self._add(event, "retirement", f"Car {event.car} is back", event.car)

    def lap_after_retirement(self, event: LapCompleted) -> None:
        """Fold a lap of a car that was retired."""
        text = f"Car {event.car} is running again: it completed lap {event.lap}"
        self._add(event, "retirement", text, event.car)

    def _inserted_counted_out(self, event: CrossingCountedOut) -> None:
        if event.car not in self.session.apart and not self.finish.has_finished(
            event.car, event.at
        ):
            self.counted_out(event, event.after_ms)

    def counted_out(self, event: LapCompleted | CrossingCountedOut, after_ms: int) -> None:
        """Fold a crossing that is a double read."""
        shortest = format_lap_time(self.session.shortest_lap_ms)
        text = f"Car {event.car}: crossing at {format_clock(event.at)} counted out, "
        text += f"{apart(after_ms)}; no lap is shorter than {shortest}"
        self._add(event, "lap", text, event.car)

    def _shortest_lap_set(self, event: ShortestLapSet) -> None:
        limit = "is lifted"
        if event.lap_time_ms is not None:
            limit = f"is set to {format_lap_time(event.lap_time_ms)}"
        self._add(event, "message", f"Shortest possible lap {limit}{_because(event.reason)}")

    def _resumed(self, event: SessionResumed) -> None:
        if self.finish.over:
            self._add(event, "flag", f"Session resumed{_because(event.reason)}")

    def _segment_started(self, event: SegmentStarted) -> None:
        if not self.session.is_race:
            of = f" ({', '.join(event.classes)})" if event.classes else ""
            self._add(event, "flag", f"{event.name} begins{of}")

    def _frozen(self, event: OutputFrozen) -> None:
        self.frozen[event.output] = event.at

    def _released(self, event: OutputReleased) -> None:
        self.frozen.pop(event.output, None)

    def _quarantined(self, event: EventQuarantined) -> None:
        text = f"Log entry {event.position} quarantined{_because(event.reason)}"
        self._add(event, "correction", text)

    def _lifted(self, event: QuarantineLifted) -> None:
        text = f"Quarantine of log entry {event.position} lifted{_because(event.reason)}"
        self._add(event, "correction", text)


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _local(flag: str, sector: int) -> str:
    return f"Sector {sector}: {FLAGS[flag]['local']}"


def _pit_lane(event: PitLaneOpened | PitLaneClosed) -> str:
    state = "open" if isinstance(event, PitLaneOpened) else "closed"
    return f"Pit lane {state}" + (f": {', '.join(event.classes)}" if event.classes else "")


def _imposed(event: PenaltyImposed) -> str:
    return f"Car {event.car}: {penalty_noun(event.kind, event.amount)}"


def _time_deleted(event: LapTimeDeleted) -> str:
    return f"Car {event.car}: time of lap {event.lap} deleted"


def _inserted(event: CrossingInserted) -> str:
    return f"Car {event.car}: crossing at {format_clock(event.completed_at)} put in"


def _reassigned(event: CrossingsReassigned) -> str:
    moved = f"car {event.from_car} moved to car {event.to_car}"
    if event.swap:
        moved = f"cars {event.from_car} and {event.to_car} swapped"
    since = format_clock(event.start).split(".")[0]
    return f"Crossings of {moved} from {since}{_because(event.reason)}"
