"""The timeline: events in any order of arrival, folded in effective order.

State is the fold of the events that count, ordered by their content, never by arrival. An
event earlier than the newest, a void or an amendment rewinds the race to a checkpoint before
it and folds again from there. Checkpoints thin out with distance, with one within about an
eighth of the way back, so an event n events late costs O(n). A rewind leaves a checkpoint
where it went back to: in a feed that is repeatedly a little late, each late event costs a
checkpoint and the events since the last one, not the way back to a distant one.

A correction costs the search for the events it concerns (``projections.engine.corrections``)
and the refold from there: about 2 ms for one near the newest of 48,000 events of 60 cars.

Memory is O(events), as any event may have to be folded again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from itertools import pairwise
from operator import attrgetter

from events import AnyEvent, Correction
from events.errors import LapstreamError
from projections.engine.corrections import CORRECTIONS, Corrections, Identity, effective_key
from projections.engine.state import Mark
from projections.race import Race

BYTES_PER_EVENT = 650
"""What an event takes with all that is folded from it, as measured with ``tracemalloc`` on a
race of 29,000 events of 31 cars: 506 bytes the event, 115 the timeline, the rest its position."""

CHECKPOINT_EVERY = 1024
CLOSEST = 32
"""The minimum distance of checkpoints for late events, in events; a checkpoint costs as much
as folding about twenty events."""

BEFORE_ALL = -(2**63)

_CORRECTION_TYPES = frozenset(CORRECTIONS)  # asked of every event: a tuple takes twice as long


class Identities:
    """The known sequence numbers of one source, as ranges; O(gaps) in memory."""

    __slots__ = ("firsts", "lasts")

    def __init__(self, ranges: Iterable[Sequence[int]] = ()) -> None:
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        for first, last in ranges:
            self.firsts.append(first)
            self.lasts.append(last)

    def add(self, seq: int) -> bool:
        """Add a number; return False if it is known already."""
        firsts, lasts = self.firsts, self.lasts
        behind = bisect_right(firsts, seq)
        if behind and seq <= lasts[behind - 1]:
            return False
        goes_on = behind > 0 and lasts[behind - 1] == seq - 1
        leads_up = behind < len(firsts) and firsts[behind] == seq + 1
        if goes_on and leads_up:
            del firsts[behind], lasts[behind - 1]
        elif goes_on:
            lasts[behind - 1] = seq
        elif leads_up:
            firsts[behind] = seq
        else:
            firsts.insert(behind, seq)
            lasts.insert(behind, seq)
        return True

    def dump(self) -> list[list[int]]:
        """Return the first and last number of each range, in order."""
        return [list(ends) for ends in zip(self.firsts, self.lasts, strict=True)]


class ForgottenPast(LapstreamError):
    """An event or correction lies before the checkpoint that this timeline was resumed from.

    The caller has to fold the whole log again.
    """


class Timeline:
    """A race and the events it is folded from.

    ``add`` takes events in any order, repeats included; ``race`` is always the fold of
    all that were added.
    """

    def __init__(self, race: Race | None = None) -> None:
        self.race = race or Race()
        self.refolded = 0
        """The number of events folded again because of late events and corrections."""
        self._begins_after = BEFORE_ALL if race is None else race.at
        self._corrections: Corrections | None = None  # as there are none in most races
        self._seen: dict[str, Identities] = {}
        self._times: list[int] = []
        self._events: list[AnyEvent] = []
        self._folded = 0
        self._valid = 0  # how many leading events are folded and unchanged
        self._marks: list[tuple[int, Mark]] = [(0, self.race.mark())]

    def __len__(self) -> int:
        """How many events count."""
        return len(self._events)

    @property
    def events(self) -> list[AnyEvent]:
        """The events that count, in effective order. Read-only."""
        return self._events

    @property
    def recorded(self) -> Collection[AnyEvent]:
        """The events as recorded, including voided ones, without corrections. Read-only."""
        return self._events if self._corrections is None else self._corrections.recorded

    @property
    def corrections(self) -> Collection[Correction]:
        """The corrections, voided ones included."""
        return () if self._corrections is None else self._corrections.given

    @property
    def voided(self) -> Set[Identity]:
        """The identities that do not count. Read-only."""
        return frozenset() if self._corrections is None else self._corrections.voided

    # Adding events

    def add(self, events: Iterable[AnyEvent]) -> int:
        """Add events and bring ``race`` up to date; return the number of new ones.

        Raises ForgottenPast if an event or correction lies before the stored checkpoint that
        this timeline was resumed from; the timeline is unusable then.
        """
        times, effective = self._times, self._events
        newest = times[-1] if times else self._begins_after
        source, identities, lasts, new = None, Identities(), [-1], 0
        for event in events:
            if event.source != source:
                source = event.source
                identities = self._identities(source)
                lasts = identities.lasts
            seq = event.source_seq
            # Fast path: nearly every event is the next of its source, and the newest.
            if lasts and seq == lasts[-1] + 1:
                lasts[-1] = seq
            elif not identities.add(seq):
                continue
            new += 1
            if self._corrections is not None or type(event) in _CORRECTION_TYPES:
                counts = self._corrected(event)
                if counts is None:
                    continue
                event = counts
            if event.at > newest:
                newest = event.at
                times.append(newest)
                effective.append(event)
            else:
                self._insert(event)
        if self._corrections is not None:
            self._correct(self._corrections)
        self._settle()
        return new

    def _identities(self, source: str) -> Identities:
        identities = self._seen.get(source)
        if identities is None:
            identities = self._seen[source] = Identities()
        return identities

    def _corrected(self, event: AnyEvent) -> AnyEvent | None:
        """Return the event as it counts under the corrections, or None."""
        if self._corrections is None:
            self._corrections = Corrections(self._events)
        if self._begins_after != BEFORE_ALL and isinstance(event, CORRECTIONS):
            raise ForgottenPast
        return self._corrections.take(event)

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

    def _index(self, event: AnyEvent) -> int:
        """Return where an event is that counts."""
        index = bisect_left(self._times, event.at)
        return index if self._events[index] is event else self._place(event)

    def _remove(self, event: AnyEvent) -> None:
        index = self._index(event)
        del self._times[index]
        del self._events[index]
        self._valid = min(self._valid, index)

    def _replace(self, event: AnyEvent, now: AnyEvent) -> None:
        index = self._index(event)
        self._events[index] = now
        self._valid = min(self._valid, index)

    def _correct(self, corrections: Corrections) -> None:
        """Update the events that count after the corrections changed."""
        for was, now in corrections.settle():
            if was is not None and now is not None and _same_place(was, now):
                self._replace(was, now)
                continue
            if was is not None:
                self._remove(was)
            if now is not None:
                self._insert(now)

    # Folding

    def _settle(self) -> None:
        if self._valid < self._folded:
            self._rewind(self._valid)
            # A late source stays late, so leave a checkpoint for its next event.
            if self._valid - self._folded >= CLOSEST:
                self._fold(self._valid)
                self._checkpoint()
        total = len(self._events)
        while self._folded < total:
            self._fold(min(total, (self._folded // CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY))
            if self._folded % CHECKPOINT_EVERY == 0:
                self._checkpoint()
        self._valid = total

    def _fold(self, upto: int) -> None:
        self.race.apply_all(self._events[self._folded : upto])
        self._folded = upto

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
        """Drop checkpoints whose neighbours are close together relative to their distance."""
        marks, now = self._marks, self._folded
        kept = [marks[0]]
        for mark, after in pairwise(marks[1:]):
            if (after[0] - kept[-1][0]) * 8 > now - after[0]:
                kept.append(mark)
        kept.extend(marks[1:][-1:])
        self._marks = kept

    # States at other times

    def race_at(self, at: int) -> Race:
        """Return the race as it stood at session time ``at`` (ms), with all events known now."""
        index = bisect_right(self._times, at)
        if at < self._begins_after:
            raise ForgottenPast
        folded, mark = next(each for each in reversed(self._marks) if each[0] <= index)
        race = self.race.fork(mark)
        race.apply_all(self._events[folded:index])
        return race

    def fork(self) -> Timeline:
        """Return an independent copy of this timeline; O(n)."""
        fork = Timeline()
        fork.race = self.race.fork(self.race.mark())
        fork._begins_after = self._begins_after
        if self._corrections is not None:
            fork._corrections = Corrections([*self.recorded, *self.corrections])
        fork._seen = {source: Identities(seen.dump()) for source, seen in self._seen.items()}
        fork._times = list(self._times)
        fork._events = list(self._events)
        fork._folded = self._folded
        fork._valid = self._valid
        fork._marks = list(self._marks)
        return fork

    # Resuming in another process

    def identities(self) -> dict[str, list[list[int]]]:
        """Return the known identities as plain values."""
        return {source: seen.dump() for source, seen in self._seen.items()}

    @property
    def resumable(self) -> bool:
        """Whether a checkpoint can represent this timeline: it has no corrections."""
        return self._corrections is None

    @classmethod
    def of_recorded(cls, events: Sequence[AnyEvent]) -> Timeline:
        """Return the timeline of events in the order of the log, folded as quickly as possible."""
        # What is in order is folded quicker. The order does not matter, but that of a repeated
        # identity the first counts: an imported log may have repeats.
        counted = {event.identity: event for event in reversed(events)}
        timeline = cls()
        timeline.add(sorted(counted.values(), key=attrgetter("at")))
        return timeline

    @classmethod
    def resumed(cls, race: Race, identities: Mapping[str, Sequence[Sequence[int]]]) -> Timeline:
        """Return a timeline that continues from a stored checkpoint, without earlier events."""
        timeline = cls(race)
        timeline._seen = {source: Identities(dump) for source, dump in identities.items()}
        return timeline


def _same_place(was: AnyEvent, now: AnyEvent) -> bool:
    """Whether two versions of one event have the same place in the effective order."""
    return (
        was.at == now.at
        and was.source_seq == now.source_seq
        and was.source == now.source
        and type(was) is type(now)
        and getattr(was, "car", None) == getattr(now, "car", None)
    )
