"""Corrections: which recorded events count, and as what.

Rules:

- an event named by a valid EventVoided does not count. A void can itself be voided, and is
  valid unless a valid void names it, whatever the times of the two: a decision and its
  reversal may share a millisecond. Of voids that name each other in a cycle, the last in
  effective order is valid. Nothing depends on the order of arrival;
- CrossingsReassigned moves crossings to the other car and renumbers their laps: the laps
  that car had completed before, plus those since. LapAmended then refers to the renumbered
  lap. Of several corrections of the same thing the last in effective order prevails;
- where a crossing of the finish line is voided, put in (CrossingInserted) or amended to another
  time, the numbers and times of the car's other laps follow (``projections.engine.lap_sequence``).
  Amendments and deleted lap times name laps by the numbers that result;
- a crossing that CrossingCounted names counts however soon it came: the race folds that event
  too, in the millisecond before the crossing.

A correction reconsiders only the events that it concerns:

- a void: the event of that identity, and the voids connected with it;
- an amendment: those of the car's crossings that count as that lap;
- reassigned crossings: the crossings of all cars named by any reassignment;
- a crossing voided, put in or amended to another time: the crossings of its car.

A correction that a person decided (``by``) is also folded into the race, at its own time, as
``CorrectionApplied``, so that the control items list it. A timing feed's correction of its own
events is not.

A correction costs O(crossings of a car), however many cars and events there are. The first
correction of a race builds the indexes over all events recorded before it once, O(n).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeVar, cast

from pydantic import SerializeAsAny

from events import (
    RANK,
    AnyEvent,
    Correction,
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    Event,
    EventVoided,
    LapAmended,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
    SessionOpened,
    ShortestLapSet,
    encode,
)
from projections.engine.double_reads import CrossingCountedOut, ShortestLaps
from projections.engine.lap_sequence import LapSequence, lap_sequence

NOTHING_ALTERED = LapSequence(lambda _: {})

CORRECTIONS = (EventVoided, LapAmended, CrossingsReassigned, CrossingInserted, CrossingCounted)
LINES = (LinePassed, LapCompleted)
LIMITS = (SessionOpened, ShortestLapSet)
CROSSINGS = (LinePassed, LapCompleted, PitEntered, PitStopped, PitExited)

M = TypeVar("M", bound=Correction)
EffectiveKey = tuple[int, int, str, str, int, bytes]
Identity = tuple[str, int]
LapOfCar = tuple[str, int]
Inserted = LapCompleted | CrossingCountedOut


class CorrectionApplied(Event):
    """A valid correction that a person decided, as an event for the fold.

    It is never in a log; its identity is the correction's. ``of`` is the event that a void
    removes or, as a void of a void, restores (``restores``); None for other corrections.
    """

    type: Literal["corrected"] = "corrected"
    correction: SerializeAsAny[Event]
    of: SerializeAsAny[Event] | None = None
    restores: bool = False


_RANK: dict[type[Event], int] = {
    **RANK,
    CorrectionApplied: len(RANK),
    CrossingCountedOut: len(RANK) + 1,
}


def effective_key(event: AnyEvent) -> EffectiveKey:
    """Return the sort key of the effective order: time, type rank, car, identity, content.

    Decisions after the flag share the millisecond of the newest event; ``source_seq`` orders
    them, as a number (10 after 9).
    """
    car = getattr(event, "car", None) or ""  # a message of race control may be about no car
    return (event.at, _RANK[type(event)], car, event.source, event.source_seq, encode(event))


class EffectiveChange(NamedTuple):
    """The event that counted before, and the one that counts now; None where none does."""

    was: AnyEvent | None
    now: AnyEvent | None


class Corrections:
    """The corrections of a session, and the events as they count under the valid ones.

    ``take`` accepts events of any type; corrections among them take effect on ``settle``.
    """

    def __init__(self, events: Iterable[AnyEvent] = ()) -> None:
        events = list(events)
        self._voids = _Voids()
        self._given: dict[Identity, Correction] = {}
        self._amendments: dict[LapOfCar, list[LapAmended]] = {}
        self._amended: dict[LapOfCar, dict[str, Any]] = {}
        self._moves: list[CrossingsReassigned] = []
        self._moved: list[_Moved] = []
        self._insertions: dict[str, list[CrossingInserted]] = {}
        self._sequences: dict[str, LapSequence] = {}
        """By car, the laps as they count where they follow from corrected crossings."""
        self._confirmations: dict[Identity, CrossingCounted] = {}
        self._confirmed: dict[Identity, CrossingCounted] = {}
        self._named_laps: set[Identity] = set()
        self._recount = False
        self._moved_laps: set[str] = set()
        """The cars whose laps have to be worked out again."""
        self._recorded = _Recorded(each for each in events if type(each) not in CORRECTIONS)
        self._limits = [each for each in events if isinstance(each, LIMITS)]
        """The events that set the shortest possible lap."""
        self._altered: dict[Identity, AnyEvent | None] = {}
        """By identity, the events that count otherwise than recorded; None: not at all."""
        self._new: list[Correction] = []
        self._miscounted = False
        self._applied_before: dict[Identity, CorrectionApplied] = {}
        self._named_now: list[Identity] = []
        """Identities named by voids, of events that arrived after the void."""
        for each in events:
            if type(each) in CORRECTIONS:
                self.take(each)
        self.settle()

    @property
    def voided(self) -> set[Identity]:
        """The identities that do not count. Read-only."""
        return self._voids.voided

    @property
    def recorded(self) -> Collection[AnyEvent]:
        """The events as recorded, without corrections. Read-only."""
        return self._recorded.events

    @property
    def given(self) -> Collection[Correction]:
        """The corrections, voided ones included."""
        return self._given.values()

    @property
    def inserted(self) -> Collection[LapCompleted]:
        """The laps that end with a crossing that was put in."""
        return [lap for one in self._sequences.values() for lap in one.inserted.values()]

    # Adding events

    def take(self, event: AnyEvent) -> AnyEvent | None:
        """Add a new event; return it as it counts, or None if it does not.

        Corrections return None, and take effect on the next ``settle``.
        """
        if isinstance(event, CORRECTIONS):
            self._given[event.identity] = event
            self._new.append(event)
            return None
        self._recorded.events.append(event)
        if self._confirmations and event.identity in self._named_laps:
            self._recount = True
            self._moved_laps |= self._insertions.keys()
        if type(event) in LIMITS:
            self._limits.append(cast("SessionOpened | ShortestLapSet", event))
            self._moved_laps |= self._insertions.keys()
        if self._voids.names(event.identity):
            self._named_now.append(event.identity)
        if self._moved and isinstance(event, LapCompleted):
            self._miscounted |= any(moved.miscounts(event) for moved in self._moved)
        counts = self.effective(event)
        if counts is None:
            self._lap_moves(event)
        elif self._sequences and isinstance(counts, LinePassed | LapCompleted):
            counts = self._extended(counts)
        if counts is not event:
            self._altered[event.identity] = counts
        return counts

    def _extended(self, event: LinePassed | LapCompleted) -> AnyEvent:
        """Return a new crossing as it counts after the car's other crossings."""
        sequence = self._sequences.get(event.car)
        if sequence is None:
            return event
        counts = None if event.car in self._moved_laps else sequence.extend(event)
        if counts is None:
            self._moved_laps.add(event.car)
        return counts or event

    def effective(self, event: AnyEvent) -> AnyEvent | None:
        """The event as it counts, or None where it does not."""
        if (event.source, event.source_seq) in self._voids.voided:
            return None
        if self._moved and isinstance(event, CROSSINGS):
            event = self._reassign(event)
        if self._sequences and isinstance(event, LinePassed | LapCompleted):
            sequence = self._sequences.get(event.car)
            if sequence is not None:
                return sequence.altered.get(event.identity, event)
        if self._amended and isinstance(event, LapCompleted):
            changes = self._amended.get((event.car, event.lap))
            if changes:
                event = event.model_copy(update=changes)
        return event

    def _reassign(self, event: AnyEvent) -> AnyEvent:
        for moved in self._moved:
            event = moved.applied(event)
        return event

    # Applying corrections

    def settle(self) -> list[EffectiveChange]:
        """Apply the corrections added since the last call; return the changed events."""
        if not (self._new or self._miscounted or self._named_now or self._moved_laps):
            return self._confirm() if self._recount else []
        new, self._new = self._new, []
        affected: list[Correction] = list(new)  # with those voided or restored by the new ones
        concerned: list[AnyEvent] = []
        for identity in self._voids.add([one for one in new if isinstance(one, EventVoided)]):
            event = self._recorded.named(identity)
            if event is not None:
                concerned.append(event)
                self._lap_moves(event)
                if type(event) in LIMITS:
                    self._moved_laps |= self._insertions.keys()
            elif identity in self._given:
                affected.append(self._given[identity])
        self._keep(new)
        self._moved_laps |= {one.car for one in affected if isinstance(one, CrossingInserted)}
        if any(isinstance(one, CrossingCounted) for one in affected):
            self._moved_laps |= self._insertions.keys()
        for lap in {(one.car, one.lap) for one in affected if isinstance(one, LapAmended)}:
            concerned += self._standing_as(lap)
            moved = "at" in self._amended.get(lap, {})
            self._amend(lap)
            if moved or "at" in self._amended[lap] or lap[0] in self._sequences:
                self._moved_laps.add(lap[0])
        if self._miscounted or any(isinstance(one, CrossingsReassigned) for one in affected):
            self._moved_laps |= self._cars_moved()
            concerned += self._move()
            self._moved_laps |= self._cars_moved()
            self._miscounted = False
        before, after = self._follow_through(concerned)
        named = [*self._named_now, *(one.identity for one in new)]
        self._named_now = []
        affected += self._voids.reaching(named)
        return [
            *self._reconsidered(concerned),
            *_differences(before, after),
            *self._confirm(),
            *self._applied_changes(affected),
        ]

    def _keep(self, new: Iterable[Correction]) -> None:
        """Keep new corrections by what they concern."""
        for one in new:
            if isinstance(one, LapAmended):
                self._amendments.setdefault((one.car, one.lap), []).append(one)
            elif isinstance(one, CrossingsReassigned):
                self._moves.append(one)
            elif isinstance(one, CrossingCounted):
                self._confirmations[one.identity] = one
                self._named_laps.add((one.counted_source, one.counted_seq))
            elif isinstance(one, CrossingInserted):
                self._insertions.setdefault(one.car, []).append(one)

    def _confirm(self) -> list[EffectiveChange]:
        """Return the changes of the CrossingCounted events that the race folds."""
        self._recount = False
        if not self._confirmations:
            return []
        before, self._confirmed = self._confirmed, {}
        for name, one in self._confirmations.items():
            counts = self._counts_as((one.counted_source, one.counted_seq))
            if name not in self._voids.voided and isinstance(counts, LapCompleted):
                self._confirmed[name] = one.model_copy(update={"at": counts.at - 1})
        changes = []
        for name in self._confirmations:
            was, now = before.get(name), self._confirmed.get(name)
            if was != now:
                changes.append(EffectiveChange(was, now))
        return changes

    def _counts_as(self, identity: Identity) -> AnyEvent | None:
        """Return what a recorded event or a crossing put in counts as."""
        event = self._recorded.named(identity)
        if event is not None:
            return self.effective(event)
        inserted = self._given.get(identity)
        if not isinstance(inserted, CrossingInserted) or inserted.car not in self._sequences:
            return None
        return self._sequences[inserted.car].inserted.get(identity)

    # Laps that follow from corrected crossings

    def _lap_moves(self, event: AnyEvent) -> None:
        """Note the cars whose laps follow from a crossing that was voided or restored."""
        if isinstance(event, LapCompleted):
            self._miscounted = True
            self._moved_laps |= {event.car, getattr(self._reassign(event), "car", event.car)}

    def _follow_through(
        self, concerned: list[AnyEvent]
    ) -> tuple[dict[Identity, Inserted], dict[Identity, Inserted]]:
        """Work out the laps of the cars noted; add their crossings to those ``concerned``.

        Returns the crossings put in, before and after.
        """
        cars, self._moved_laps = self._moved_laps, set()
        before = self._inserted_laps(cars)
        for car in cars:
            concerned += self._work_out(car)
        return before, self._inserted_laps(cars)

    def _inserted_laps(self, cars: Iterable[str]) -> dict[Identity, Inserted]:
        sequences = (self._sequences[car] for car in cars if car in self._sequences)
        inserted: dict[Identity, Inserted] = {}
        for one in sequences:
            inserted |= {**one.inserted, **one.counted_out}
        return inserted

    def _work_out(self, car: str) -> list[AnyEvent]:
        """Work out the laps of a car; return the crossings that may count otherwise."""
        voided = self._voids.voided
        insertions = [one for one in self._insertions.get(car, ()) if one.identity not in voided]
        amended = {lap: changes for (of, lap), changes in self._amended.items() if of == car}
        crossings = self._crossings_of(car)
        before = self._sequences.pop(car, NOTHING_ALTERED)
        if (
            insertions
            or any("at" in changes for changes in amended.values())
            or any(type(one) is LapCompleted and one.identity in voided for one in crossings)
        ):
            self._sequences[car] = lap_sequence(
                crossings,
                insertions,
                voided,
                lambda lap: amended.get(lap, {}),
                self._shortest_laps() if insertions else None,
            )
        after = self._sequences.get(car, NOTHING_ALTERED)
        names = before.altered.keys() | after.altered.keys()
        if before.altered and after.altered:
            names = {name for name in names if before.altered.get(name) != after.altered.get(name)}
        if (before is NOTHING_ALTERED) != (after is NOTHING_ALTERED):  # amended otherwise
            names |= {one.identity for one in crossings if one.identity in self._altered}
        recorded = (self._recorded.named(name) for name in sorted(names))
        return [one for one in recorded if one is not None]

    def _shortest_laps(self) -> ShortestLaps:
        """Return the shortest possible laps, and the crossings that count by decision."""
        voided = self._voids.voided
        limits = [one for one in self._limits if one.identity not in voided]
        counted = {
            (one.counted_source, one.counted_seq)
            for one in self._confirmations.values()
            if one.identity not in voided
        }
        return ShortestLaps(sorted(limits, key=effective_key), counted)

    def _crossings_of(self, car: str) -> list[AnyEvent]:
        """Return the lines and laps of a car after reassignments, voided ones included."""
        if not self._moved:
            return [event for event in self._recorded.crossings(car) if type(event) in LINES]
        cars = {car} | self._cars_moved()
        timed = (self._reassign(event) for of in cars for event in self._recorded.crossings(of))
        return [
            event
            for event in timed
            if isinstance(event, LinePassed | LapCompleted) and event.car == car
        ]

    def _applied_changes(self, corrections: Iterable[Correction]) -> list[EffectiveChange]:
        """Return the changes of CorrectionApplied events for these corrections."""
        changes = []
        for identity, correction in {one.identity: one for one in corrections}.items():
            was, now = self._applied_before.pop(identity, None), self._applied(correction)
            if now is not None:
                self._applied_before[identity] = now
            if was != now:
                before, after = cast("AnyEvent | None", was), cast("AnyEvent | None", now)
                changes.append(EffectiveChange(before, after))
        return changes

    def _applied(self, correction: Correction) -> CorrectionApplied | None:
        if correction.by is None or correction.identity in self._voids.voided:
            return None
        members: dict[str, Any] = {
            "at": correction.at,
            "source": correction.source,
            "source_seq": correction.source_seq,
            "by": correction.by,
            "basis": correction.basis,
            "correction": correction,
        }
        if not isinstance(correction, EventVoided):
            return CorrectionApplied(**members)
        identity, restores = self._voids.at_bottom_of(correction)
        of = self._given.get(identity) or self._recorded.named(identity)
        if of is None or isinstance(of, EventVoided):
            return None
        return CorrectionApplied(**members, of=of, restores=restores)

    def _reconsidered(self, events: Iterable[AnyEvent]) -> list[EffectiveChange]:
        changes = []
        for identity, event in {event.identity: event for event in events}.items():
            was, now = self._altered.pop(identity, event), self.effective(event)
            if now is not event:
                self._altered[identity] = now
            if was != now:
                changes.append(EffectiveChange(was, now))
        return changes

    def _standing_as(self, lap: LapOfCar) -> list[AnyEvent]:
        """Return the recorded events that count as this lap so far."""
        if not self._moved:
            return [event for event in self._recorded.laps(lap[0]) if event.lap == lap[1]]
        cars = {lap[0], *(car for moved in self._moved for car in moved.laps_before)}
        events = (event for car in cars for event in self._recorded.laps(car))
        return [event for event in events if self._stands_as(event, lap)]

    def _stands_as(self, event: LapCompleted, lap: LapOfCar) -> bool:
        counts = self._altered.get(event.identity, event)
        return isinstance(counts, LapCompleted) and (counts.car, counts.lap) == lap

    def _valid(self, corrections: Iterable[M]) -> list[M]:
        """Return the corrections that are not voided, in effective order."""
        valid = [one for one in corrections if one.identity not in self._voids.voided]
        return sorted(valid, key=effective_key)

    def _amend(self, lap: LapOfCar) -> None:
        """Recompute the amendments of a lap."""
        changes: dict[str, Any] = {}
        for amended in self._valid(self._amendments.get(lap, ())):
            if amended.completed_at is not None:
                changes["at"] = amended.completed_at
            for member in ("lap_time_ms", "driver", "in_pit_lane"):
                value = getattr(amended, member)
                if value is not None:
                    changes[member] = value
        self._amended[lap] = changes

    def _cars_moved(self) -> set[str]:
        return {car for moved in self._moved for car in moved.laps_before}

    def _move(self) -> list[AnyEvent]:
        """Recompute the reassignments; return the crossings that they concern."""
        before = self._moved
        self._moved = [self._moved_by(one) for one in self._valid(self._moves)]
        differ = [one for one in before if one not in self._moved]
        differ += [one for one in self._moved if one not in before]
        cars = {car: True for moved in (*before, *self._moved) for car in moved.laps_before}
        return [
            event
            for car in cars
            for event in self._recorded.crossings(car)
            if any(moved.move.start <= event.at < moved.move.end for moved in differ)
        ]

    def _moved_by(self, move: CrossingsReassigned) -> _Moved:
        laps = {move.from_car: 0, move.to_car: 0}
        for car in laps:
            before = [
                one.lap
                for one in self._recorded.laps(car)
                if one.at < move.start and one.identity not in self._voids.voided
            ]
            laps[car] = max(before, default=0)
        return _Moved(move, laps)


def _differences(
    before: dict[Identity, Inserted], after: dict[Identity, Inserted]
) -> list[EffectiveChange]:
    """Return the changes from one set of crossings put in to another."""
    names = before.keys() | after.keys()
    changes = []
    for name in sorted(names):
        # As for CorrectionApplied: an event for the fold, of no type that a log holds.
        was, now = (cast("AnyEvent | None", each.get(name)) for each in (before, after))
        if was != now:
            changes.append(EffectiveChange(was, now))
    return changes


class _Recorded:
    """The recorded events, indexed by identity and by car.

    An index is built on first use, and extended on later uses.
    """

    def __init__(self, events: Iterable[AnyEvent]) -> None:
        self.events: list[AnyEvent] = list(events)
        self._by_identity: dict[Identity, AnyEvent] = {}
        self._by_car: dict[str, list[AnyEvent]] = {}
        self._put_by_car = 0

    def named(self, identity: Identity) -> AnyEvent | None:
        """The event of that identity."""
        new = self.events[len(self._by_identity) :]
        self._by_identity.update(zip(map(_identity, new), new, strict=True))
        return self._by_identity.get(identity)

    def crossings(self, of_car: str) -> Sequence[AnyEvent]:
        """Return the crossings timed for the car."""
        for event in self.events[self._put_by_car :]:
            if type(event) in CROSSINGS:
                car: str = getattr(event, "car")  # noqa: B009 - every crossing has a car
                self._by_car.setdefault(car, []).append(event)
        self._put_by_car = len(self.events)
        return self._by_car.get(of_car, ())

    def laps(self, car: str) -> Iterator[LapCompleted]:
        """Return the laps timed for the car."""
        return (event for event in self.crossings(car) if type(event) is LapCompleted)


_identity = attrgetter("source", "source_seq")


class _Moved(NamedTuple):
    """A reassignment, with the number of laps timed for each car before it."""

    move: CrossingsReassigned
    laps_before: dict[str, int]

    def miscounts(self, lap: LapCompleted) -> bool:
        """Whether this newly recorded lap changes the number of laps before the reassignment."""
        return lap.at < self.move.start and lap.lap > self.laps_before.get(lap.car, lap.lap)

    def applied(self, event: AnyEvent) -> AnyEvent:
        """Return the crossing, moved to the other car if the reassignment covers it."""
        move, laps = self
        if not move.start <= event.at < move.end:
            return event
        car: str = getattr(event, "car")  # noqa: B009 - every crossing has a car
        if car == move.from_car:
            other = move.to_car
        elif car == move.to_car and move.swap:
            other = move.from_car
        else:
            return event
        changes: dict[str, Any] = {"car": other}
        if isinstance(event, LinePassed | LapCompleted):
            changes["lap"] = event.lap - laps[car] + laps[other]
        return event.model_copy(update=changes)


class _Voids:
    """All voids, and the identities voided by the valid ones."""

    def __init__(self) -> None:
        self.voided: set[Identity] = set()
        self._voids: dict[Identity, EventVoided] = {}
        self._naming: dict[Identity, list[EventVoided]] = {}

    def add(self, voids: Sequence[EventVoided]) -> set[Identity]:
        """Add voids; return the identities whose status changed.

        Only connected voids are resolved again: those that name the new ones, are named by
        them, or name the same event.
        """
        for void in voids:
            self._voids[void.identity] = void
            self._naming.setdefault(_named(void), []).append(void)
        together = self._together_with(voids)
        before = {_named(void) for void in together} & self.voided
        after = _voided(sorted(together, key=effective_key))
        self.voided -= before
        self.voided |= after
        return before ^ after

    def names(self, identity: Identity) -> bool:
        """Whether any void, valid or not, names the identity."""
        return identity in self._naming

    def reaching(self, identities: Iterable[Identity]) -> list[EventVoided]:
        """Return the voids that name these identities, directly or through other voids."""
        found: dict[Identity, EventVoided] = {}
        ahead = deque(identities)
        while ahead:
            for void in self._naming.get(ahead.popleft(), ()):
                if void.identity not in found:
                    found[void.identity] = void
                    ahead.append(void.identity)
        return list(found.values())

    def at_bottom_of(self, void: EventVoided) -> tuple[Identity, bool]:
        """Follow voids of voids to the event; return it, and whether the void restores it."""
        restores, seen = False, {void.identity}
        while (named := _named(void)) in self._voids and named not in seen:
            seen.add(named)
            void, restores = self._voids[named], not restores
        return named, restores

    def _together_with(self, voids: Iterable[EventVoided]) -> list[EventVoided]:
        reached = [void.identity for void in voids]
        seen: set[Identity] = set()
        while reached:
            identity = reached.pop()
            if identity not in seen:
                seen.add(identity)
                reached += [void.identity for void in self._naming.get(identity, ())]
                if identity in self._voids:
                    reached.append(_named(self._voids[identity]))
        return [self._voids[identity] for identity in seen if identity in self._voids]


def _named(void: EventVoided) -> Identity:
    return (void.voided_source, void.voided_seq)


def _voided(voids: Sequence[EventVoided]) -> set[Identity]:
    """Return the identities named by the valid ones of these voids (in effective order); O(n).

    A void is resolved once all voids naming it are: it is valid if none of those is. The
    remaining voids form cycles; each is entered at its last void, which is taken as valid.
    """
    names = {void.identity: _named(void) for void in voids}
    unsettled = Counter(names.values())
    voided: set[Identity] = set()
    settled: set[Identity] = set()
    unnamed = [identity for identity in names if not unsettled[identity]]
    for void in (*unnamed, *reversed(names)):
        while void in names and void not in settled:
            settled.add(void)
            named = names[void]
            if void not in voided:
                voided.add(named)
            unsettled[named] -= 1
            if unsettled[named]:
                break
            void = named
    return voided
