"""One cache of folded races for everything in this process that asks about them.

A frame answers what screens show now. Other questions need the race itself: views with a
long past (laps, stints), moments of the past (``at``), what was known at one (``known_at``),
delays from before this process began, and replays. For these the log is read and folded, in
a thread, and the result is kept and brought up to date when it is asked again.

What is kept has a budget in bytes; beyond it the races that were asked about longest ago are
dropped. An event takes BYTES_PER_EVENT with all that is folded from it (measured with
``tracemalloc`` on a race of 29,000 events of 31 cars: 506 bytes the event, 115 the timeline).
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, overload

from events import AUDIT_EVENTS, AnyEvent, decode
from events.errors import LapstreamError, UndecodableEvent, UnreadableEvent
from projections.race import Race
from projections.results.decisions import DECISIONS, HOLDS
from projections.timeline import BYTES_PER_EVENT, Timeline
from replay.entries import START, LogEntry, parse_position
from replay.quarantine import NOTHING, CannotFold, Quarantine, first_fault
from replay.recording import Recording, RecordingAsHappened, RecordingAsShown
from services.clocks import known_ms
from services.queries.sessions import race_at
from services.storage.event_log import Log
from services.storage.quarantine_log import quarantine_of

T = TypeVar("T")

RECORDING_BYTES_PER_EVENT = 130
"""What a recording adds to the events: its marks and histories."""
SHOWN_RECORDING_BYTES_PER_EVENT = 300
"""What a recording as it was known adds: timelines along its way."""
BYTES_PER_RACE = 500_000
"""What even a race of few events takes, with the state that is published of it."""

BUDGET_BYTES = 128 * 2**20
"""Some six races of a day. The newest race asked about is kept whatever its size."""

CONCURRENT_FOLDS = 2
"""How many races are folded at the same time: folding is CPU-bound."""

DECIDED = frozenset({*DECISIONS, *HOLDS})


class QuarantineChanged(LapstreamError):
    """What was folded is in quarantine now, or is no longer: the log has to be folded anew."""


class FoldResult(NamedTuple, Generic[T]):
    """An answer, and the log position up to which was folded for it.

    ``learned`` is when the newest entry other than an audit event was recorded (ms since 1970),
    ``known_at`` when it became known here (``services.clocks``).
    """

    answer: T
    position: str
    learned: int
    events: int
    unreadable: int
    known_at: int


class RecordedEvents(Sequence[tuple[str, AnyEvent]]):
    """The events of a log with their positions, in its order; 24 bytes an event beside the
    events themselves."""

    def __init__(self) -> None:
        self._events: list[AnyEvent] = []
        self._times = array("Q")
        self._numbers = array("Q")

    def append(self, position: str, event: AnyEvent) -> None:
        """Add the next event."""
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


class RaceMoment(NamedTuple):
    """A race at a moment, and all events recorded as far as was known, in the log's order."""

    race: Race
    recorded: Sequence[tuple[str, AnyEvent]]


class KnownRace(NamedTuple):
    """All that is known of a session now. Nothing in it may be changed.

    ``decided`` has the decisions with their positions, in the log's order; ``learned`` and
    ``known_at`` are as in ``FoldResult``.
    """

    timeline: Timeline
    decided: Sequence[tuple[str, AnyEvent]]
    position: str
    learned: int
    known_at: int


@dataclass
class _Fold:
    """A log folded up to a position.

    ``quarantine`` follows from the entries up to there. ``held_later`` are the positions that
    were put into quarantine later, without which the log could not be folded.
    """

    timeline: Timeline = field(default_factory=Timeline)
    recorded: RecordedEvents = field(default_factory=RecordedEvents)
    decided: list[tuple[str, AnyEvent]] = field(default_factory=list)
    position: str = START
    learned: int = 0
    known_at: int = 0
    unreadable: int = 0
    quarantine: Quarantine = NOTHING
    held_later: frozenset[str] = frozenset()
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    broken: bool = False

    @property
    def memory(self) -> int:
        """About how much memory it takes."""
        return BYTES_PER_RACE + len(self.recorded) * BYTES_PER_EVENT

    def take(self, batches: list[list[LogEntry]]) -> None:
        """Fold entries; runs in a thread.

        Raises CannotFold, and QuarantineChanged where the log has to be folded anew.
        """
        entries = [entry for batch in batches for entry in batch]
        quarantine = self.quarantine.after(entries)
        if quarantine.positions != self.quarantine.positions and self.position != START:
            raise QuarantineChanged
        self.quarantine = quarantine
        held = quarantine.positions | self.held_later
        events: list[AnyEvent] = []
        news = False
        for entry in entries:
            if held and entry.position in held:
                continue
            try:
                event = decode(entry.payload)
            except UnreadableEvent:
                self.unreadable += 1
                news = True
                self.learned, _ = parse_position(entry.position)
                continue
            except UndecodableEvent as error:
                raise CannotFold(entry.position, error) from None
            if not isinstance(event, AUDIT_EVENTS) or not self.learned:
                news = True
                self.learned, _ = parse_position(entry.position)
            events.append(event)
            self.recorded.append(entry.position, event)
            if type(event) in DECIDED:
                self.decided.append((entry.position, event))
        try:
            if len(self.timeline):
                self.timeline.add(events)
            else:
                self.timeline = Timeline.of_recorded(events)
        except Exception as error:
            raise first_fault(self.recorded, error) from error
        self.position = entries[-1].position
        if news:
            self.known_at = max(self.known_at, known_ms(self.learned))


class _Loading(NamedTuple):
    """A recording that is being made, or that was: whoever asks meanwhile shares the work."""

    task: asyncio.Task[Recording]
    as_shown: bool

    @property
    def memory(self) -> int:
        """About how much memory it takes; nothing is known of it before it is made."""
        if not self.task.done() or self.task.cancelled() or self.task.exception() is not None:
            return 0
        more = SHOWN_RECORDING_BYTES_PER_EVENT if self.as_shown else RECORDING_BYTES_PER_EVENT
        return BYTES_PER_RACE + len(self.task.result().events) * (BYTES_PER_EVENT + more)


_Key = tuple[str, str, str]


class RaceCache:
    """The folded races of this process, within a budget in bytes.

    Its methods raise StoreError and UndecodableEvent, and those that take a moment BadMoment.
    """

    def __init__(self, log: Log, budget_bytes: int = BUDGET_BYTES) -> None:
        self._log = log
        self._budget = budget_bytes
        self._races: OrderedDict[_Key, _Fold | _Loading] = OrderedDict()
        self._turns = asyncio.Semaphore(CONCURRENT_FOLDS)
        self._held_later: dict[str, frozenset[str]] = {}
        self._waiting = 0
        self.admit: Callable[[int], None] = lambda _: None
        """Called before each question with how many are being answered; it may raise."""

    @property
    def memory(self) -> int:
        """About how much memory the races take that are kept."""
        return sum(race.memory for race in self._races.values())

    @property
    def races(self) -> int:
        """How many races are kept."""
        return len(self._races)

    async def ask(
        self,
        session: str,
        view: Callable[[Race], T],
        *,
        at: str | None = None,
        upto: str | None = None,
        kept_as: str | None = None,
    ) -> FoldResult[T]:
        """What ``view`` makes of the race, as for `ask_moment`."""
        return await self.ask_moment(
            session, lambda moment: view(moment.race), at=at, upto=upto, kept_as=kept_as
        )

    async def ask_moment(
        self,
        session: str,
        view: Callable[[RaceMoment], T],
        *,
        at: str | None = None,
        upto: str | None = None,
        kept_as: str | None = None,
    ) -> FoldResult[T]:
        """What ``view`` makes of the race as it stood ``at`` a moment; it runs in a thread.

        The log is folded up to ``upto``, a position or a wall-clock time (ms since 1970).
        ``kept_as`` is the cache key for a fold whose ``upto`` only increases, such as that of a
        delayed output; default: ``upto``.
        """

        def answer(fold: _Fold) -> FoldResult[T]:
            timeline = fold.timeline
            race = timeline.race if at is None else race_at(timeline, at)
            found = view(RaceMoment(race, fold.recorded))
            position, learned, known_at = fold.position, fold.learned, fold.known_at
            events, unreadable = len(timeline), fold.unreadable
            return FoldResult(found, position, learned, events, unreadable, known_at)

        return await self._ask(session, answer, upto, kept_as or upto or "")

    async def ask_known(self, session: str, view: Callable[[KnownRace], T]) -> T:
        """What ``view`` makes of all that is known now; it runs in a thread."""

        def answer(fold: _Fold) -> T:
            position, learned, known_at = fold.position, fold.learned, fold.known_at
            return view(KnownRace(fold.timeline, fold.decided, position, learned, known_at))

        return await self._ask(session, answer, None, "")

    async def recording(self, session: str, upto: str, *, as_shown: bool = False) -> Recording:
        """The session's log up to a position, to be replayed.

        ``as_shown`` replays it as it came to be known, late events late. Raises NotAsShown.
        """
        key = ("as shown" if as_shown else "as happened", session, upto)
        found = self._races.get(key)
        if not isinstance(found, _Loading):
            task = asyncio.create_task(self._record(session, upto, as_shown))
            found = self._races[key] = _Loading(task, as_shown)
            # Also where nobody waits for it any more.
            task.add_done_callback(lambda done: self._recorded(key, done))
        self._races.move_to_end(key)
        return await asyncio.shield(found.task)

    def _recorded(self, key: _Key, task: asyncio.Task[Recording]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._keep_budget(key)
            return
        kept = self._races.get(key)
        if isinstance(kept, _Loading) and kept.task is task:
            del self._races[key]

    async def _ask(
        self, session: str, answer: Callable[[_Fold], T], upto: str | None, kept_as: str
    ) -> T:
        key = ("fold", session, kept_as)
        self.admit(self._waiting)
        self._waiting += 1
        try:
            async with self._turns:
                while True:
                    fold = self._fold_of(key, bounded=upto is not None)
                    async with fold.lock:
                        if not fold.broken:
                            with contextlib.suppress(QuarantineChanged):
                                return await self._answer(key, fold, answer, upto)
        finally:
            self._waiting -= 1

    def _fold_of(self, key: _Key, *, bounded: bool) -> _Fold:
        fold = self._races.get(key)
        if not isinstance(fold, _Fold):
            fold = self._races[key] = self._empty_fold(key[1], bounded=bounded)
        self._races.move_to_end(key)
        return fold

    async def _answer(
        self, key: _Key, fold: _Fold, answer: Callable[[_Fold], T], upto: str | None
    ) -> T:
        """Bring the fold up to date and ask it; drop it where either may be half done.

        A thread goes on after the task that waits for it was cancelled: whoever waited for
        the same fold then begins another.
        """
        try:
            await self._advance(key[1], fold, upto)
        except BaseException:
            self._drop(key, fold)
            raise
        self._keep_budget(key)
        try:
            return await asyncio.to_thread(answer, fold)
        except asyncio.CancelledError:
            self._drop(key, fold)
            raise

    def _empty_fold(self, session: str, *, bounded: bool) -> _Fold:
        later = self._held_later.get(session) if bounded else None
        return _Fold(held_later=later or frozenset())

    def forget(self, session: str) -> None:
        """Drop all that is kept of a session, as when it was removed from the store."""
        for key in [key for key in self._races if key[1] == session]:
            del self._races[key]
        self._held_later.pop(session, None)

    def _drop(self, key: _Key, fold: _Fold) -> None:
        fold.broken = True
        if self._races.get(key) is fold:
            del self._races[key]

    async def _advance(self, session: str, fold: _Fold, upto: str | None) -> None:
        if upto is not None and _is_behind(upto, fold.position):
            return
        batches = [batch async for batch in self._log.read(session, fold.position, upto)]
        if batches:
            await self._take(session, fold, batches, bounded=upto is not None)

    async def _take(
        self, session: str, fold: _Fold, batches: list[list[LogEntry]], *, bounded: bool
    ) -> None:
        """Fold entries. Raises CannotFold and QuarantineChanged."""
        try:
            await asyncio.to_thread(fold.take, batches)
        except CannotFold as fault:
            fault.session = session
            if not bounded:
                raise
            # A quarantine decided later counts where the log cannot be folded without it.
            later = (await quarantine_of(self._log, session)).positions
            if fault.position not in later:
                raise
            self._held_later[session] = later
            raise QuarantineChanged from None

    async def _record(self, session: str, upto: str, as_shown: bool) -> Recording:
        batches = [batch async for batch in self._log.read(session, upto=upto)]
        while True:
            fold = self._empty_fold(session, bounded=True)
            try:
                if batches:
                    await self._take(session, fold, batches, bounded=True)
                break
            except QuarantineChanged:
                continue

        def record() -> Recording:
            if not as_shown:
                return RecordingAsHappened(fold.timeline.events)
            events = [event for _, event in fold.recorded]
            learned = [parse_position(position)[0] for position, _ in fold.recorded]
            return RecordingAsShown(session, events, learned)

        return await asyncio.to_thread(record)

    def _keep_budget(self, newest: _Key) -> None:
        """Drop the races asked about longest ago until the rest are within the budget.

        Whoever holds one that is dropped goes on with it.
        """
        taken = self.memory
        for key in list(self._races):
            if taken <= self._budget:
                return
            race = self._races[key]
            if key != newest and not (isinstance(race, _Loading) and not race.task.done()):
                del self._races[key]
                taken -= race.memory


def _is_behind(upto: str, position: str) -> bool:
    """Whether a position or time asks for nothing behind this position."""
    if "-" in upto:
        return parse_position(upto) <= parse_position(position)
    return int(upto) < parse_position(position)[0]
