"""Which of the recorded events count, and as what.

Rules:

- an event that a valid EventVoided names does not count. A void can itself be voided, and
  is valid unless a valid void names it, whatever the times of the two: a decision and its
  undoing may share a millisecond. Of voids that name each other in a circle, the last in
  effective order is valid. Nothing depends on the order of arrival;
- CrossingsReassigned moves crossings to the other car, and renumbers their laps: the
  laps that car had completed before, plus those since. LapAmended then speaks of the lap
  as it now stands. Of several corrections of one thing the last in effective order
  prevails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from events import (
    RANK,
    AnyEvent,
    Correction,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
    encode,
)

CORRECTIONS = (EventVoided, LapAmended, CrossingsReassigned)
CROSSINGS = (LinePassed, LapCompleted, PitEntered, PitStopped, PitExited)

EffectiveKey = tuple[int, int, str, str, int, bytes]
Identity = tuple[str, int]


def effective_key(event: AnyEvent) -> EffectiveKey:
    """What orders events: time, rank of the type, car, identity, content; never arrival.

    Decisions after the flag share the millisecond of the newest event: the number that the
    source gave them says which was later, as a number (10 after 9).
    """
    car = getattr(event, "car", "")
    return (event.at, RANK[type(event)], car, event.source, event.source_seq, encode(event))


class Corrections:
    """The corrections that are valid among those given, and what they make of an event."""

    def __init__(
        self, corrections: Iterable[Correction] = (), recorded: Sequence[AnyEvent] = ()
    ) -> None:
        self.voided: set[Identity] = set()
        valid = self._settle(sorted(corrections, key=effective_key))
        self._amended: dict[tuple[str, int], dict[str, Any]] = {}
        self.reassigned: list[tuple[CrossingsReassigned, dict[str, int]]] = []
        for correction in valid:
            match correction:
                case LapAmended():
                    self._amend(correction)
                case CrossingsReassigned():
                    counted = (one for one in recorded if one.identity not in self.voided)
                    counts = _laps_before(correction, counted)
                    self.reassigned.append((correction, counts))
                case EventVoided():
                    pass

    def __bool__(self) -> bool:
        return bool(self.voided or self._amended or self.reassigned)

    def _settle(self, in_order: list[Correction]) -> list[Correction]:
        """The valid corrections, in effective order; notes what is voided on the way."""
        self.voided = _voided([one for one in in_order if isinstance(one, EventVoided)])
        return [one for one in in_order if one.identity not in self.voided]

    def _amend(self, amended: LapAmended) -> None:
        changes = self._amended.setdefault((amended.car, amended.lap), {})
        if amended.completed_at is not None:
            changes["at"] = amended.completed_at
        for member in ("lap_time_ms", "driver", "in_pit_lane"):
            value = getattr(amended, member)
            if value is not None:
                changes[member] = value

    def effective(self, event: AnyEvent) -> AnyEvent | None:
        """The event as it counts, or None where it does not."""
        if (event.source, event.source_seq) in self.voided:
            return None
        if self.reassigned and isinstance(event, CROSSINGS):
            event = self._reassign(event)
        if self._amended and isinstance(event, LapCompleted):
            changes = self._amended.get((event.car, event.lap))
            if changes:
                event = event.model_copy(update=changes)
        return event

    def outdated_by(self, event: AnyEvent) -> bool:
        """Whether this event, newly recorded, changes what these corrections come to.

        A late lap can change how many laps a car had before its crossings moved.
        """
        return isinstance(event, LapCompleted) and any(
            event.at < moved.start and event.lap > laps_before.get(event.car, event.lap)
            for moved, laps_before in self.reassigned
        )

    def _reassign(self, event: AnyEvent) -> AnyEvent:
        for moved, laps_before in self.reassigned:
            if not moved.start <= event.at < moved.end:
                continue
            car: str = getattr(event, "car")  # noqa: B009 - every crossing has a car
            if car == moved.from_car:
                other = moved.to_car
            elif car == moved.to_car and moved.swap:
                other = moved.from_car
            else:
                continue
            changes: dict[str, Any] = {"car": other}
            if isinstance(event, LinePassed | LapCompleted):
                changes["lap"] = event.lap - laps_before[car] + laps_before[other]
            event = event.model_copy(update=changes)
        return event


def _voided(voids: Sequence[EventVoided]) -> set[Identity]:
    """What the valid ones of these voids (in effective order) name; O(n).

    A void is settled once all that name it are: it is valid if none of those is. What is
    left then are circles, each entered at its last void, which is taken for valid.
    """
    names = {void.identity: (void.voided_source, void.voided_seq) for void in voids}
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


def _laps_before(moved: CrossingsReassigned, recorded: Iterable[AnyEvent]) -> dict[str, int]:
    """How many laps each of the two cars was timed for before the crossings moved."""
    laps = {moved.from_car: 0, moved.to_car: 0}
    for event in recorded:
        if isinstance(event, LapCompleted) and event.at < moved.start and event.car in laps:
            laps[event.car] = max(laps[event.car], event.lap)
    return laps
