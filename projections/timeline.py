"""The effective order: from events as they arrive to a race as it was.

State is the fold of the events that count, ordered by what they say, never by when they
came. An event behind the newest, a void or an amendment rewinds the race to a
checkpoint before it and folds again from there. Checkpoints thin out with distance: one
within about an eighth of the way back, so lateness n costs O(n).

Memory is O(events): every event that may still have to be folded again is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from events import AnyEvent, Correction
from events.errors import LapstreamError
from projections.corrections import CORRECTIONS, Corrections, effective_key
from projections.race import Race
from projections.state import Mark

CHECKPOINT_EVERY = 1024
BEFORE_ALL = -(2**63)


class Identities:
    """The sequence numbers of one source that have been seen: all up to ``upto``, and ``apart``."""

    __slots__ = ("apart", "upto")

    def __init__(self, upto: int = -1, apart: Iterable[int] = ()) -> None:
        self.upto = upto
        self.apart = set(apart)

    def add(self, seq: int) -> bool:
        """Note a number; False where it was seen before."""
        if seq <= self.upto or seq in self.apart:
            return False
        self.apart.add(seq)
        while self.upto + 1 in self.apart:
            self.upto += 1
            self.apart.remove(self.upto)
        return True

    def dump(self) -> list[Any]:
        """The last of the unbroken run from 0, and those apart from it."""
        return [self.upto, sorted(self.apart)]


class ForgottenPast(LapstreamError):
    """Something reaches behind the stored checkpoint that this timeline was resumed from.

    The caller folds the whole log again instead.
    """


class Timeline:
    """A race and the events it is folded from.

    ``add`` takes events in any order, repeats included; ``race`` is always the fold of
    all that were added.
    """

    def __init__(self, race: Race | None = None) -> None:
        self.race = race or Race()
        self.refolded = 0
        """How many events have been folded a second time, for late or corrected ones."""
        self._begins_after = BEFORE_ALL if race is None else race.at
        self._recorded: list[AnyEvent] | None = None  # as ``_events`` until one is corrected
        self._corrections: list[Correction] = []
        self._in_force = Corrections()
        self._outdated = False
        self._seen: dict[str, Identities] = {}
        self._times: list[int] = []
        self._events: list[AnyEvent] = []
        self._folded = 0
        self._valid = 0
        self._marks: list[tuple[int, Mark]] = [(0, self.race.mark())]

    def __len__(self) -> int:
        """How many events count."""
        return len(self._events)

    @property
    def events(self) -> list[AnyEvent]:
        """The events that count, in effective order. Not to be changed."""
        return self._events

    @property
    def recorded(self) -> list[AnyEvent]:
        """The events as they were recorded, voided ones included; corrections are not among
        them. Not to be changed."""
        return self._events if self._recorded is None else self._recorded

    @property
    def corrections(self) -> list[Correction]:
        """The corrections, voided ones included. Not to be changed."""
        return self._corrections

    @property
    def voided(self) -> set[tuple[str, int]]:
        """The identities that do not count. Not to be changed."""
        return self._in_force.voided

    # Taking events in

    def add(self, events: Iterable[AnyEvent]) -> int:
        """Take in events and bring ``race`` up to date; how many of them were new.

        Raises ForgottenPast, leaving the timeline useless, where an event or correction
        reaches behind the stored checkpoint that this timeline was resumed from.
        """
        times, effective = self._times, self._events
        newest = times[-1] if times else self._begins_after
        source, identities, new = None, Identities(), 0
        for event in events:
            if event.source != source:
                source = event.source
                identities = self._seen.setdefault(source, Identities())
            # Nearly every event is the next of its source, and the newest.
            if event.source_seq == identities.upto + 1 and not identities.apart:
                identities.upto += 1
            elif not identities.add(event.source_seq):
                continue
            new += 1
            if self._recorded is not None or type(event) in CORRECTIONS:
                self._add_corrected(event)
            elif event.at > newest:
                newest = event.at
                times.append(newest)
                effective.append(event)
            else:
                self._insert(event)
        if self._outdated:
            self._correct()
        self._settle()
        return new

    def _add_corrected(self, event: AnyEvent) -> None:
        """Take in a correction, or any event of a race in which something was corrected."""
        if self._recorded is None:
            self._recorded = list(self._events)
        if isinstance(event, CORRECTIONS):
            if self._begins_after != BEFORE_ALL:
                raise ForgottenPast
            self._corrections.append(event)
            self._outdated = True
            return
        self._recorded.append(event)
        counts = self._in_force.effective(event)
        if counts is not None:
            self._insert(counts)
        self._outdated |= self._in_force.outdated_by(event)

    def _insert(self, event: AnyEvent) -> None:
        if event.at <= self._begins_after:
            raise ForgottenPast
        index = self._place(event)
        self._times.insert(index, event.at)
        self._events.insert(index, event)
        self._valid = min(self._valid, index)

    def _place(self, event: AnyEvent) -> int:
        first = bisect_left(self._times, event.at)
        last = bisect_right(self._times, event.at, first)
        if first == last:
            return first
        return bisect_left(self._events, effective_key(event), first, last, key=effective_key)

    def _remove(self, event: AnyEvent) -> None:
        index = self._place(event)
        del self._times[index]
        del self._events[index]
        self._valid = min(self._valid, index)

    def _correct(self) -> None:
        """Bring the events that count in line with the corrections there are now."""
        recorded = self._recorded or []
        before = self._in_force
        after = self._in_force = Corrections(self._corrections, recorded)
        self._outdated = False
        for event in recorded:
            was, now = before.effective(event), after.effective(event)
            if was is now or was == now:
                continue
            if was is not None:
                self._remove(was)
            if now is not None:
                self._insert(now)

    # Folding

    def _settle(self) -> None:
        if self._valid < self._folded:
            self._rewind(self._valid)
        total = len(self._events)
        while self._folded < total:
            upto = min(total, (self._folded // CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY)
            self.race.apply_all(self._events[self._folded : upto])
            self._folded = upto
            if upto % CHECKPOINT_EVERY == 0:
                self._checkpoint()
        self._valid = total

    def _rewind(self, index: int) -> None:
        while self._marks[-1][0] > index:
            self._marks.pop()
        at, mark = self._marks[-1]
        self.race.rewind(mark)
        self.refolded += self._folded - at
        self._folded = at

    def _checkpoint(self) -> None:
        self._marks.append((self._folded, self.race.mark()))
        self._thin_out()

    def _thin_out(self) -> None:
        """Drop a checkpoint whose neighbours lie close together for how far back they are."""
        marks, now = self._marks, self._folded
        kept = [marks[0]]
        for mark, after in pairwise(marks[1:]):
            if (after[0] - kept[-1][0]) * 8 > now - after[0]:
                kept.append(mark)
        kept.extend(marks[1:][-1:])
        self._marks = kept

    # Other moments

    def race_at(self, at: int) -> Race:
        """The race as it stood at ``at`` (ms), with all that is known now."""
        index = bisect_right(self._times, at)
        if at < self._begins_after:
            raise ForgottenPast
        folded, mark = next(each for each in reversed(self._marks) if each[0] <= index)
        race = self.race.fork(mark)
        race.apply_all(self._events[folded:index])
        return race

    def fork(self) -> Timeline:
        """A timeline of its own that stands as this one does, to see what would be; O(n)."""
        fork = Timeline()
        fork.race = self.race.fork(self.race.mark())
        fork._begins_after = self._begins_after
        fork._recorded = None if self._recorded is None else list(self._recorded)
        fork._corrections = list(self._corrections)
        fork._in_force = self._in_force
        fork._seen = {source: Identities(*seen.dump()) for source, seen in self._seen.items()}
        fork._times = list(self._times)
        fork._events = list(self._events)
        fork._folded = self._folded
        fork._valid = self._valid
        fork._marks = list(self._marks)
        return fork

    # Being taken up again by another process

    def identities(self) -> dict[str, list[Any]]:
        """The identities seen so far, as plain values."""
        return {source: seen.dump() for source, seen in self._seen.items()}

    @property
    def resumable(self) -> bool:
        """Whether a stored checkpoint can stand for this timeline: no correction is in force."""
        return not self._corrections

    @classmethod
    def resumed(cls, race: Race, identities: Mapping[str, list[Any]]) -> Timeline:
        """A timeline that goes on from a stored checkpoint, its earlier events untold."""
        timeline = cls(race)
        timeline._seen = {source: Identities(*dump) for source, dump in identities.items()}
        return timeline
