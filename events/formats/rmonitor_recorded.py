"""The recorded part of an RMonitor run: a fold of the run's own events.

New events are found by comparing the feed with this state, so nothing is recorded twice,
however often a feed repeats itself. Folding a log resumes a run in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from events.base import Event
from events.corrections import EventVoided, LapAmended
from events.running import (
    BestLapReported,
    CarRetired,
    CarReturned,
    LapCompleted,
    PitEntered,
    PitExited,
)
from events.session import EntryAdded, EntryAmended, GridSet, SessionEnded, SessionOpened
from events.stewards import (
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
)
from events.track import FlagShown

SOURCE = "rmonitor"

AT_THE_LINE_MS = 2000
"""Two reports of one crossing, in whole seconds at worst, lie at most this far apart."""


ROUNDING_MS = 2
"""Tolerance between a lap time and the race time, each of which was rounded on its own."""


class RecordedLap(NamedTuple):
    """A recorded lap; ``seq`` is the number of the event that recorded it first."""

    lap: int
    at: int
    lap_time_ms: int | None
    in_pit_lane: bool
    seq: int


class RecordedDeletion(NamedTuple):
    """A deleted lap time; ``seq`` is the number of the event that deleted it."""

    seq: int
    reason: str | None


class ReportedLap(NamedTuple):
    """A reported best lap; ``seq`` is the number of the event that reported it."""

    lap: int
    ms: int
    seq: int


@dataclass(slots=True)
class RecordedRun:
    """The run as recorded so far by events of source ``rmonitor``.

    The events are numbered 0, 1, 2... in the order they are recorded. A feed played again from
    its beginning gives the same events with the same numbers; a resumed one continues the
    numbers.
    """

    next_seq: int = 0
    opened: SessionOpened | None = None
    ended: bool = False
    entries: dict[str, EntryAdded] = field(default_factory=dict)
    flags: list[FlagShown] = field(default_factory=list)
    grid: tuple[str, ...] = ()
    laps: dict[str, list[RecordedLap]] = field(default_factory=dict)
    deleted: dict[str, dict[int, RecordedDeletion]] = field(default_factory=dict)
    reported: dict[str, list[ReportedLap]] = field(default_factory=dict)
    in_lane: set[str] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)
    excluded: dict[str, str] = field(default_factory=dict)
    laps_taken: dict[str, dict[str, int]] = field(default_factory=dict)
    penalties: int = 0
    newest: int = 0
    """The time of the newest crossing, in ms on the session clock."""
    clock: int = 0
    """The race time of the feed's last heartbeat, in ms; negative during a countdown."""
    new_events: list[Event] = field(default_factory=list)
    """The events recorded since the last ``take_events``."""
    _bests: dict[str, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> RecordedRun:
        """Fold the events of a log; those of other sources are ignored."""
        recorded = cls()
        for event in events:
            if event.source == SOURCE:
                recorded.apply(event)
        return recorded

    # Recording

    def record(self, model: type[Event], at: int, **values: object) -> None:
        """Record an event. Raises pydantic's ValidationError, and then records nothing."""
        identity = {"source": SOURCE, "source_seq": self.next_seq}
        event = model.model_validate({"at": max(0, at), **identity, **values})
        self.apply(event)
        self.new_events.append(event)

    def record_now(self, model: type[Event], **values: object) -> None:
        """Record an event at the current race time."""
        self.record(model, self.now, **values)

    def impose(self, car: str, kind: str, amount: int | None, reason: str) -> None:
        """Record a penalty."""
        name = f"rmonitor-{self.penalties + 1}"
        values = {"car": car, "kind": kind, "amount": amount, "reason": reason}
        self.record_now(PenaltyImposed, penalty_id=name, **values)

    def void(self, seq: int, reason: str) -> None:
        """Void a recorded event."""
        self.record_now(EventVoided, voided_source=SOURCE, voided_seq=seq, reason=reason)

    def take_events(self) -> list[Event]:
        """Return the events recorded since the last call."""
        events, self.new_events = self.new_events, []
        return events

    # Queries

    @property
    def now(self) -> int:
        """The current race time in ms, as far as it is known."""
        return max(0, self.clock, self.newest)

    @property
    def flag(self) -> str | None:
        """The flag shown last."""
        return self.flags[-1].flag if self.flags else None

    @property
    def over(self) -> bool:
        """Whether the chequered flag stands: a later one does not start the race again.

        A green flag takes it back if no car has taken it.
        """
        shown: int | None = None
        for flag in self.flags:
            if flag.flag == "chequered" and shown is None:
                shown = flag.at
            elif flag.flag == "green" and shown is not None and not self._crossed(shown, flag.at):
                shown = None
        return shown is not None

    def _crossed(self, since: int, until: int) -> bool:
        return any(since <= lap.at <= until for laps in self.laps.values() for lap in laps)

    def last(self, car: str) -> RecordedLap | None:
        """The car's last lap."""
        laps = self.laps.get(car)
        return laps[-1] if laps else None

    def lap(self, car: str, lap: int) -> RecordedLap | None:
        """That lap of the car."""
        return next((known for known in reversed(self.laps.get(car, ())) if known.lap == lap), None)

    def before(self, car: str, lap: int) -> RecordedLap | None:
        """The last recorded lap before that one."""
        return next((known for known in reversed(self.laps.get(car, ())) if known.lap < lap), None)

    def timed_laps(self, car: str) -> list[RecordedLap]:
        """The laps whose times count, as in the car's best lap (``projections.folds.laps``)."""
        deleted = self.deleted.get(car, {})
        return [
            lap
            for lap in self.laps.get(car, ())
            if lap.lap_time_ms and lap.lap not in deleted and not self._from_the_start(lap)
        ]

    def _from_the_start(self, lap: RecordedLap) -> bool:
        """Whether it is the first lap of a race, and began at the start, not at the line."""
        is_race = self.opened is not None and self.opened.kind == "race"
        return is_race and lap.lap == 1 and lap.at - (lap.lap_time_ms or 0) <= ROUNDING_MS

    def best(self, car: str) -> int | None:
        """The car's best lap time (ms) of those that count."""
        if car not in self._bests:
            deleted = self.deleted.get(car, {})
            reported = [one.ms for one in self.reported.get(car, ()) if one.lap not in deleted]
            timed = [lap.lap_time_ms or 0 for lap in self.timed_laps(car)]
            self._bests[car] = min(timed + reported, default=None)
        return self._bests[car]

    def taken(self, car: str) -> int:
        """How many laps were taken away from the car."""
        return sum(self.laps_taken.get(car, {}).values())

    def leader(self) -> RecordedLap | None:
        """The last lap of the car that leads."""
        last = (laps[-1] for laps in self.laps.values() if laps)
        return min(last, key=lambda lap: (-lap.lap, lap.at), default=None)

    # Folding

    def apply(self, event: Event) -> None:  # noqa: C901, PLR0912 (an arm for each event)
        """Fold one event."""
        self.next_seq = max(self.next_seq, event.source_seq + 1)
        match event:
            case SessionOpened():
                self.opened = event
                self._bests.clear()
            case SessionEnded():
                self.ended = True
            case EntryAdded(car=car):
                self.entries[car] = event
            case EntryAmended():
                self._entry_amended(event)
            case GridSet(order=order):
                self.grid = order
            case FlagShown():
                self.flags.append(event)
            case LapCompleted(car=car, lap=lap, at=at):
                lap_time, in_lane = event.lap_time_ms, event.in_pit_lane
                self._add_lap(car, RecordedLap(lap, at, lap_time, in_lane, event.source_seq))
            case LapAmended(car=car):
                self._lap_amended(event)
                self._bests.pop(car, None)
            case LapTimeDeleted(car=car, lap=lap, reason=reason):
                deletion = RecordedDeletion(event.source_seq, reason)
                self.deleted.setdefault(car, {})[lap] = deletion
                self._bests.pop(car, None)
            case BestLapReported(car=car, lap=lap, lap_time_ms=ms):
                self.reported.setdefault(car, []).append(ReportedLap(lap, ms, event.source_seq))
                self._bests.pop(car, None)
            case PitEntered(car=car):
                self.in_lane.add(car)
            case PitExited(car=car):
                self.in_lane.discard(car)
            case CarRetired(car=car):
                self.retired.add(car)
            case CarReturned(car=car):
                self.retired.discard(car)
            case PenaltyImposed():
                self._penalty_imposed(event)
            case PenaltyConverted(penalty_id=penalty_id):
                self._laps_now_taken(penalty_id, event.amount or 0)
            case PenaltyRescinded(penalty_id=penalty_id):
                self._laps_now_taken(penalty_id, 0)
                self.excluded = {
                    car: other for car, other in self.excluded.items() if other != penalty_id
                }
            case EventVoided(voided_source=source, voided_seq=seq) if source == SOURCE:
                self._voided(seq)
            case _:
                pass

    def _entry_amended(self, event: EntryAmended) -> None:
        entry = self.entries.get(event.car)
        if entry is not None:
            changes = event.model_dump(exclude_none=True, include=set(ENTRY_MEMBERS))
            values = {name: getattr(event, name) for name in changes}
            self.entries[event.car] = entry.model_copy(update=values)

    def _add_lap(self, car: str, lap: RecordedLap) -> None:
        laps = self.laps.setdefault(car, [])
        laps.append(lap)
        if len(laps) > 1 and laps[-2].lap > lap.lap:
            laps.sort()
        self.newest = max(self.newest, lap.at)
        best = self._bests.get(car)
        if best is None or not lap.lap_time_ms or lap.lap_time_ms < best:
            self._bests.pop(car, None)

    def _lap_amended(self, event: LapAmended) -> None:
        laps = self.laps.get(event.car, [])
        for index in range(len(laps) - 1, -1, -1):
            lap = laps[index]
            if lap.lap == event.lap:
                laps[index] = lap._replace(
                    at=lap.at if event.completed_at is None else event.completed_at,
                    lap_time_ms=event.lap_time_ms or lap.lap_time_ms,
                    in_pit_lane=lap.in_pit_lane if event.in_pit_lane is None else True,
                )
                self.newest = max(self.newest, laps[index].at)
                break

    def _penalty_imposed(self, event: PenaltyImposed) -> None:
        self.penalties += 1
        if event.kind == "laps":
            self.laps_taken.setdefault(event.car, {})[event.penalty_id] = event.amount or 0
        elif event.kind == "disqualification":
            self.excluded[event.car] = event.penalty_id

    def _laps_now_taken(self, penalty_id: str, amount: int) -> None:
        for taken in self.laps_taken.values():
            if penalty_id in taken:
                taken[penalty_id] = amount

    def _voided(self, seq: int) -> None:
        self.flags = [flag for flag in self.flags if flag.source_seq != seq]
        for car, laps in self.laps.items():
            self.laps[car] = [lap for lap in laps if lap.seq != seq]
        for car, deleted in self.deleted.items():
            self.deleted[car] = {lap: one for lap, one in deleted.items() if one.seq != seq}
        for car, reported in self.reported.items():
            self.reported[car] = [one for one in reported if one.seq != seq]
        self._bests.clear()


ENTRY_MEMBERS = ("car_class", "team", "vehicle", "drivers")
"""The members of an entry that feeds send."""
