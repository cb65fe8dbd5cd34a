"""Folding one session's log into frames: the part of the projector without I/O.

``SessionFold.fold`` folds a batch of entries and returns a ``FoldStep``: one frame, and the
entries to park. Snapshots and checkpoints are made here too, when the projector asks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events import AUDIT_EVENTS, AnyEvent, RulesSwitched, decode
from events.errors import LapstreamError, UndecodableEvent, UnreadableEvent
from projections.engine.state import canonical, digest
from projections.race import Race
from projections.timeline import BYTES_PER_EVENT, ForgottenPast, Timeline
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder, cars_of
from projections.views.merge_patch import State
from projections.views.session_line import clock_running
from replay.entries import EVENT_FIELD, START, LogEntry, entry_payload, parse_position
from replay.quarantine import NOTHING, QUARANTINE_EVENTS, CannotFold, Quarantine, describe
from services.storage.projection_store import Checkpoint, Parked

CHECKPOINT_VERSION = 2

BYTES_PER_SESSION = 500_000
"""Of the published state."""

RawEntry = tuple[bytes, Sequence[bytes]] | tuple[str, Sequence[bytes]]
"""A position, and an entry's fields and values in turn."""


class FaultInBatch(LapstreamError):
    """A batch that cannot be folded. Folding its entries one by one finds the entry at fault."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class FoldStep:
    """The result of folding a batch of entries.

    ``before`` is the token of the frame before, None before the first. ``fault`` stopped the
    fold within the batch: the frame covers the entries before it.
    """

    before: Token | None
    frame: Frame
    parked: tuple[Parked, ...]
    fault: CannotFold | None = None
    rebuilt: bool = True
    """Whether a new epoch was folded from the whole log, so that what was parked is replaced."""


class SessionFold:
    """A session's timeline and published state, at a position of its log."""

    def __init__(
        self,
        timeline: Timeline | None = None,
        position: str = START,
        quarantine: Quarantine = NOTHING,
    ) -> None:
        self.quarantine = quarantine
        """The entries to leave out."""
        self.timeline = Timeline() if timeline is None else timeline
        self.position = position
        self.token: Token | None = None
        self.folded = 0
        """Entries folded since the last checkpoint."""
        self.recorded_ms = parse_position(position)[0]
        """The recorded time (ms since 1970) of the newest entry other than an audit event."""
        self._frames = FrameBuilder()
        self._parked: tuple[Parked, ...] = ()

    @property
    def over(self) -> bool:
        """Whether the session clock stands: the race is over, or has not begun."""
        return not clock_running(self.timeline.race)

    @property
    def memory(self) -> int:
        """About how much memory it takes, as measured with ``tracemalloc``."""
        return BYTES_PER_SESSION + len(self.timeline) * BYTES_PER_EVENT

    @property
    def state(self) -> State:
        """The published state at ``token``."""
        return self._frames.state

    @property
    def view_faults(self) -> Mapping[str, str]:
        """The topics that cannot be made of the race, and why."""
        return self._frames.faults

    # -- Resuming ----------------------------------------------------------------------

    def fold_published(self, entries: Sequence[RawEntry]) -> None:
        """Fold entries whose frames were published. Raises what `fold` raises."""
        events, parked, fault = self._read(entries)
        if fault is not None:
            raise fault
        self._parked += parked
        self._add(events, entries)
        self._moved_to(entries, events)

    def resume_at(self, token: Token, published: State | None) -> FoldStep | None:
        """Continue after the last frame; ``published`` is the state that subscribers have.

        The returned step begins a new epoch. It is needed if the published state differs from
        the folded one or is None (not known), or if the log ends before the token (it was
        replaced).
        """
        self._frames.advance(self.timeline.race)
        if published is not None and self._frames.faults:
            self._frames.keep(published)
        self.token = token
        if published == self.state and token.position == self.position:
            return None
        return self._new_epoch(token.epoch + 1, "rebuilt from the log", self._parked)

    # -- Folding -----------------------------------------------------------------------

    def fold(self, entries: Sequence[RawEntry], first_epoch: int = 1) -> FoldStep | None:
        """Fold the entries after ``position``; None if there are none.

        The session's first frame begins the epoch ``first_epoch``. Raises ForgottenPast if
        the whole log must be folded again, CannotFold if the first entry is at fault, and
        FaultInBatch where it may be any of several; the fold is unusable then.
        """
        entries = self._new(entries)
        events, parked, fault = self._read(entries)
        if fault is not None:
            stop = parse_position(fault.position)
            entries = [one for one in entries if parse_position(_text(one[0])) < stop]
            if not entries:
                raise fault
        if not entries:
            return None
        folded_again, rules = self.timeline.refolded, self.timeline.race.session.opened.rules
        self._add(events, entries)
        self._moved_to(entries, events)
        if self.token is None:
            self._frames.advance(self.timeline.race)
            step = self._new_epoch(first_epoch, "the session's first frame", parked, fault)
        elif rules != (now := self.timeline.race.session.opened.rules) and (
            rules is not None or any(isinstance(event, RulesSwitched) for event in events)
        ):
            self._frames.advance(self.timeline.race)
            reason = f"rules switched to {now}" if now else f"switch to {rules} taken back"
            step = self._new_epoch(self.token.epoch + 1, reason, parked, fault)
            step = dataclasses.replace(step, rebuilt=False)
        else:
            race = self.timeline.race
            in_order = self.timeline.refolded == folded_again
            # Only the cars of these events can have changed, also where some came late: as long
            # as the race does not end, what a car does changes nothing of the others.
            alone = in_order or (race.session.is_race and not race.finish.ending)
            cars = cars_of(events) if alone and self.timeline.resumable else None
            patch = self._frames.advance(race, cars)
            before, self.token = self.token, Token(self.token.epoch, self.position)
            step = FoldStep(before, self._frame("delta", patch), parked, fault)
        return step

    def _read(
        self, entries: Sequence[RawEntry]
    ) -> tuple[list[AnyEvent], tuple[Parked, ...], CannotFold | None]:
        """Read the entries that are not in quarantine."""
        held = self.quarantine.positions
        if held:
            entries = [entry for entry in entries if _text(entry[0]) not in held]
        return _read(entries)

    def _add(self, events: Sequence[AnyEvent], entries: Sequence[RawEntry]) -> None:
        """Add the events of these entries to the timeline."""
        if not QUARANTINE_EVENTS.isdisjoint(map(type, events)):
            self._check_quarantine(entries)
        try:
            self.timeline.add(events)
        except ForgottenPast:
            raise
        except Exception as error:
            if len(entries) == 1:
                raise CannotFold(_text(entries[-1][0]), error, events[0]) from error
            raise FaultInBatch(error) from error

    def _check_quarantine(self, entries: Sequence[RawEntry]) -> None:
        """Raise ForgottenPast for a decision that changes what was folded, or will be."""
        logged = [LogEntry(_text(position), fields) for position, fields in entries]
        now = self.quarantine.after(
            one
            for one in logged
            if parse_position(one.position) > parse_position(self.quarantine.upto)
        )
        if now.positions != self.quarantine.positions:
            raise ForgottenPast("the quarantine changed")

    def _new(self, entries: Sequence[RawEntry]) -> Sequence[RawEntry]:
        """The entries without those that were delivered before."""
        here = parse_position(self.position)
        if entries and parse_position(_text(entries[0][0])) > here:
            return entries
        return [entry for entry in entries if parse_position(_text(entry[0])) > here]

    def _moved_to(self, entries: Sequence[RawEntry], events: Sequence[AnyEvent]) -> None:
        if not entries:
            return
        self.position = _text(entries[-1][0])
        self.folded += len(entries)
        if len(events) < len(entries) or not isinstance(events[-1], AUDIT_EVENTS):
            self.recorded_ms = parse_position(self.position)[0]
            return
        for (position, _), event in zip(reversed(entries), reversed(events), strict=True):
            if not isinstance(event, AUDIT_EVENTS):
                self.recorded_ms = parse_position(_text(position))[0]
                return

    def _new_epoch(
        self,
        epoch: int,
        reason: str,
        parked: tuple[Parked, ...] = (),
        fault: CannotFold | None = None,
    ) -> FoldStep:
        before, self.token = self.token, Token(epoch, self.position)
        return FoldStep(before, self.snapshot(reason), parked, fault)

    def snapshot(self, reason: str | None = None) -> Frame:
        """The whole state as a frame."""
        return self._frame("snapshot", self.state, reason)

    def _frame(self, kind: Any, data: State, reason: str | None = None) -> Frame:
        assert self.token is not None  # noqa: S101 - a frame is made at a token
        race = self.timeline.race
        return Frame(self.token, self.recorded_ms, race.at, clock_running(race), kind, data, reason)

    # -- Checkpoints -------------------------------------------------------------------

    def checkpoint(self, stored: Iterable[str]) -> Checkpoint | None:
        """The state at ``position``, without the blocks in ``stored``.

        None while a correction or a quarantine is in force, as it has to be applied to the
        whole log.
        """
        self.folded = 0
        if not self.timeline.resumable or self.quarantine.positions:
            return None
        race, known = self.timeline.race, frozenset(stored)
        blocks = race.blocks(known.__contains__)
        summary = canonical(race.summary())
        about = {
            "version": CHECKPOINT_VERSION,
            "position": self.position,
            "learned": self.recorded_ms,
            "hash": digest(summary).hex(),
            "identities": self.timeline.identities(),
        }
        data = b'{"about":%b,"race":%b}' % (canonical(about), summary)
        return Checkpoint(self.position, data, blocks)

    @classmethod
    def from_checkpoint(cls, data: bytes, blocks: Mapping[bytes, bytes]) -> SessionFold | None:
        """The fold of a stored checkpoint; None if it is damaged or of another version."""
        try:
            stored = json.loads(data)
            about = stored["about"]
            if about["version"] != CHECKPOINT_VERSION:
                return None
            parse_position(about["position"])
            race = Race.restored(stored["race"], lambda name: json.loads(blocks[name.encode()]))
            if race is None or race.state_hash() != about["hash"]:
                return None
            timeline = Timeline.resumed(race, about["identities"])
        except (ValueError, LookupError, TypeError, AttributeError):
            return None  # damaged, or written by another program: fold the log instead
        fold = cls(timeline, about["position"])
        fold.recorded_ms = int(about.get("learned", fold.recorded_ms))  # older ones lack it
        return fold


def entry_described(entry: RawEntry) -> str:
    """The type and identity of an entry's event."""
    try:
        return describe(decode(entry_payload(entry[1])))
    except UndecodableEvent:
        return "undecodable"


def _text(position: bytes | str) -> str:
    return position if isinstance(position, str) else position.decode()


def _read(
    entries: Sequence[RawEntry],
) -> tuple[list[AnyEvent], tuple[Parked, ...], CannotFold | None]:
    """The events in order, the entries to park, and what stopped the reading, if anything."""
    with contextlib.suppress(UndecodableEvent, ValueError):  # for an entry of another shape
        events = [decode(payload) for _, (name, payload) in entries if name == EVENT_FIELD]
        if len(events) == len(entries):
            return events, (), None
    return _read_one_by_one(entries)


def _read_one_by_one(
    entries: Sequence[RawEntry],
) -> tuple[list[AnyEvent], tuple[Parked, ...], CannotFold | None]:
    events: list[AnyEvent] = []
    parked: list[Parked] = []
    for position, fields in entries:
        try:
            events.append(decode(entry_payload(fields)))
        except UnreadableEvent as error:
            parked.append(Parked(_text(position), error.reason, error.raw))
        except UndecodableEvent as error:
            return events, tuple(parked), CannotFold(_text(position), error)
    return events, tuple(parked), None
