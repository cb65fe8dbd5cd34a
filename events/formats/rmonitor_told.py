"""What has been told of a run: the fold of its own events.

A run is told by comparing its feed with this, so nothing is told twice, however often a
feed repeats itself. Folded from a log it takes up a run in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from events.base import Event
from events.corrections import EventVoided, LapAmended
from events.running import CarRetired, CarReturned, LapCompleted, PitEntered, PitExited
from events.session import EntryAdded, EntryAmended, GridSet, SessionEnded, SessionOpened
from events.stewards import PenaltyConverted, PenaltyImposed, PenaltyRescinded
from events.track import FlagShown

SOURCE = "rmonitor"

AT_THE_LINE_MS = 2000
"""What a feed tells in two ways, in whole seconds at worst, is one if it lies so close."""


class ToldLap(NamedTuple):
    """A lap as it was told; ``seq`` is of the event that told it first."""

    lap: int
    at: int
    lap_time_ms: int | None
    in_pit_lane: bool
    seq: int


@dataclass(slots=True)
class Told:
    """The run as it was told so far, by events of source ``rmonitor``.

    Those are numbered 0, 1, 2... in the order they are told. A feed that is played again
    from its beginning tells the same facts in the same order and so gives the same
    numbers; one that is taken up again goes on counting.
    """

    next_seq: int = 0
    opened: SessionOpened | None = None
    ended: bool = False
    entries: dict[str, EntryAdded] = field(default_factory=dict)
    flags: list[FlagShown] = field(default_factory=list)
    grid: tuple[str, ...] = ()
    laps: dict[str, list[ToldLap]] = field(default_factory=dict)
    in_lane: set[str] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)
    excluded: dict[str, str] = field(default_factory=dict)
    laps_taken: dict[str, dict[str, int]] = field(default_factory=dict)
    penalties: int = 0
    newest: int = 0
    """The time of the newest crossing, in ms on the session clock."""
    clock: int = 0
    """The race time by the feed's last heartbeat, in ms; before 0 as it counts down."""
    news: list[Event] = field(default_factory=list)
    """The events that were told since they were last taken."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Told:
        """What the events of a log tell; those of other sources are others' business."""
        told = cls()
        for event in events:
            if event.source == SOURCE:
                told.apply(event)
        return told

    # Telling

    def tell(self, model: type[Event], at: int, **values: object) -> None:
        """Tell an event. Raises pydantic's ValidationError, and then tells nothing."""
        identity = {"source": SOURCE, "source_seq": self.next_seq}
        event = model.model_validate({"at": max(0, at), **identity, **values})
        self.apply(event)
        self.news.append(event)

    def tell_now(self, model: type[Event], **values: object) -> None:
        """Tell an event of this moment."""
        self.tell(model, self.now, **values)

    def impose(self, car: str, kind: str, amount: int | None, reason: str) -> None:
        """Tell a penalty."""
        name = f"rmonitor-{self.penalties + 1}"
        values = {"car": car, "kind": kind, "amount": amount, "reason": reason}
        self.tell_now(PenaltyImposed, penalty_id=name, **values)

    def void(self, seq: int, reason: str) -> None:
        """Tell that an event told before does not count."""
        self.tell_now(EventVoided, voided_source=SOURCE, voided_seq=seq, reason=reason)

    def take_news(self) -> list[Event]:
        """What was told since this was last asked."""
        news, self.news = self.news, []
        return news

    # What can be asked

    @property
    def now(self) -> int:
        """The race time as far as it is known, in ms."""
        return max(0, self.clock, self.newest)

    @property
    def flag(self) -> str | None:
        """The flag shown last."""
        return self.flags[-1].flag if self.flags else None

    def last(self, car: str) -> ToldLap | None:
        """The car's last lap."""
        laps = self.laps.get(car)
        return laps[-1] if laps else None

    def lap(self, car: str, lap: int) -> ToldLap | None:
        """That lap of the car."""
        return next((told for told in reversed(self.laps.get(car, ())) if told.lap == lap), None)

    def before(self, car: str, lap: int) -> ToldLap | None:
        """The last lap told before that one."""
        return next((told for told in reversed(self.laps.get(car, ())) if told.lap < lap), None)

    def taken(self, car: str) -> int:
        """How many laps were taken away from the car."""
        return sum(self.laps_taken.get(car, {}).values())

    def leader(self) -> ToldLap | None:
        """The last lap of the car that leads."""
        last = (laps[-1] for laps in self.laps.values() if laps)
        return min(last, key=lambda told: (-told.lap, told.at), default=None)

    # Folding

    def apply(self, event: Event) -> None:
        """Fold one event."""
        self.next_seq = max(self.next_seq, event.source_seq + 1)
        match event:
            case SessionOpened():
                self.opened = event
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
                lap_told = ToldLap(lap, at, event.lap_time_ms, event.in_pit_lane, event.source_seq)
                self._lap_told(car, lap, lap_told)
            case LapAmended():
                self._lap_amended(event)
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
            told = {name: getattr(event, name) for name in changes}
            self.entries[event.car] = entry.model_copy(update=told)

    def _lap_told(self, car: str, lap: int, told: ToldLap) -> None:
        laps = self.laps.setdefault(car, [])
        laps.append(told)
        if len(laps) > 1 and laps[-2].lap > lap:
            laps.sort()
        self.newest = max(self.newest, told.at)

    def _lap_amended(self, event: LapAmended) -> None:
        laps = self.laps.get(event.car, [])
        for index in range(len(laps) - 1, -1, -1):
            told = laps[index]
            if told.lap == event.lap:
                laps[index] = told._replace(
                    at=told.at if event.completed_at is None else event.completed_at,
                    lap_time_ms=event.lap_time_ms or told.lap_time_ms,
                    in_pit_lane=told.in_pit_lane if event.in_pit_lane is None else True,
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
            self.laps[car] = [told for told in laps if told.seq != seq]


ENTRY_MEMBERS = ("car_class", "team", "vehicle", "drivers")
"""What a feed tells of an entry."""
