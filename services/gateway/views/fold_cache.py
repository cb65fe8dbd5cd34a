"""Races folded from the log, for questions that a picture cannot answer.

Those are views with a long past (laps, stints), moments of the past (``at``), what was
known at one (``known_at``), and delays that reach to before what this process has seen.
Folding takes its time, so it is done in a thread; a few folds are kept and brought up to
date when they are asked again.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, overload

from events import AnyEvent, decode
from events.errors import UnreadableEvent
from projections.race import Race
from projections.results.decisions import DECISIONS, HOLDS
from projections.timeline import Timeline
from replay.entries import START, Entry, parse_position
from services.projector.session_fold import AUDIT_EVENTS
from services.queries.sessions import race_at
from services.storage.event_log import Log

T = TypeVar("T")

KEPT = 12
"""Folds that are kept: a race of a day takes some 100 MB."""

AT_ONCE = 2
DECIDED = frozenset({*DECISIONS, *HOLDS})


class Folded(NamedTuple, Generic[T]):
    """An answer, and the log position up to which it was folded.

    ``learned`` is when the newest entry that is no audit was learned (ms since 1970).
    """

    answer: T
    position: str
    learned: int
    events: int
    unreadable: int


class Told(Sequence[tuple[str, AnyEvent]]):
    """The events of a log with their positions, in its order; 24 bytes an event more than
    the events themselves."""

    def __init__(self) -> None:
        self._events: list[AnyEvent] = []
        self._times = array("Q")
        self._numbers = array("Q")

    def append(self, position: str, event: AnyEvent) -> None:
        """The next event."""
        time, number = parse_position(position)
        self._events.append(event)
        self._times.append(time)
        self._numbers.append(number)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[tuple[str, AnyEvent]]:
        for time, number, event in zip(self._times, self._numbers, self._events, strict=True):
            yield f"{time}-{number}", event

    @overload
    def __getitem__(self, index: int) -> tuple[str, AnyEvent]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[str, AnyEvent]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> tuple[str, AnyEvent] | Sequence[tuple[str, AnyEvent]]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        return f"{self._times[index]}-{self._numbers[index]}", self._events[index]


class Stand(NamedTuple):
    """A race at a moment, and all that was recorded as far as it was known: events with their
    positions, in the order of the log."""

    race: Race
    told: Sequence[tuple[str, AnyEvent]]


class Known(NamedTuple):
    """All that is known of a session: its timeline, and what was decided, each with its
    position, in the order of the log. Neither is to be changed. ``learned`` is as in
    ``Folded``."""

    timeline: Timeline
    decided: Sequence[tuple[str, AnyEvent]]
    position: str
    learned: int


@dataclass
class _Fold:
    timeline: Timeline = field(default_factory=Timeline)
    told: Told = field(default_factory=Told)
    decided: list[tuple[str, AnyEvent]] = field(default_factory=list)
    position: str = START
    learned: int = 0
    unreadable: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, batches: list[list[Entry]]) -> None:
        """Fold entries; runs in a thread."""
        events: list[AnyEvent] = []
        for entry in (entry for batch in batches for entry in batch):
            try:
                event = decode(entry.payload)
            except UnreadableEvent:
                self.unreadable += 1
                self.learned, _ = parse_position(entry.position)
                continue
            if not isinstance(event, AUDIT_EVENTS) or not self.learned:
                self.learned, _ = parse_position(entry.position)
            events.append(event)
            self.told.append(entry.position, event)
            if type(event) in DECIDED:
                self.decided.append((entry.position, event))
        self.timeline.add(events)
        self.position = batches[-1][-1].position


class Folds:
    """The folds of this process. ``ask`` raises StoreError, BadMoment, UndecodableEvent."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[tuple[str, str], _Fold] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(
        self,
        session: str,
        view: Callable[[Race], T],
        *,
        at: str | None = None,
        upto: str | None = None,
        kept_as: str | None = None,
    ) -> Folded[T]:
        """What ``view`` says of the race, as `ask_stand` folds it."""
        return await self.ask_stand(
            session, lambda stand: view(stand.race), at=at, upto=upto, kept_as=kept_as
        )

    async def ask_stand(
        self,
        session: str,
        view: Callable[[Stand], T],
        *,
        at: str | None = None,
        upto: str | None = None,
        kept_as: str | None = None,
    ) -> Folded[T]:
        """What ``view`` says of a race as it stood, folded up to a log position or time (ms).

        ``kept_as`` names the fold where ``upto`` only ever grows, as a delayed one's.
        """
        return await self._ask(
            session, lambda fold: _asked(fold, view, at), upto, kept_as or upto or ""
        )

    async def ask_known(self, session: str, view: Callable[[Known], T]) -> T:
        """What ``view`` says of all that is known now. It must not raise."""

        def known(fold: _Fold) -> T:
            return view(Known(fold.timeline, fold.decided, fold.position, fold.learned))

        return await self._ask(session, known, None, "")

    async def _ask(
        self, session: str, view: Callable[[_Fold], T], upto: str | None, kept_as: str
    ) -> T:
        key = (session, kept_as)
        fold = self._kept.pop(key, None) or _Fold()
        self._kept[key] = fold
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        async with self._turns, fold.lock:
            try:
                await self._advance(session, fold, upto)
            except BaseException:
                if self._kept.get(key) is fold:  # it may have stopped half-way
                    del self._kept[key]
                raise
            return await asyncio.to_thread(view, fold)

    async def _advance(self, session: str, fold: _Fold, upto: str | None) -> None:
        if upto is not None and _is_behind(upto, fold.position):
            return
        batches = [batch async for batch in self._log.read(session, fold.position, upto)]
        if batches:
            await asyncio.to_thread(fold.take, batches)


def _asked(fold: _Fold, view: Callable[[Stand], T], at: str | None) -> Folded[T]:
    timeline = fold.timeline
    race = timeline.race if at is None else race_at(timeline, at)
    told = view(Stand(race, fold.told))
    return Folded(told, fold.position, fold.learned, len(timeline), fold.unreadable)


def _is_behind(upto: str, position: str) -> bool:
    """Whether a position or time asks for nothing behind this position."""
    if "-" in upto:
        return parse_position(upto) <= parse_position(position)
    return int(upto) < parse_position(position)[0]
