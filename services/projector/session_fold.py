"""One session's log in, its frames out: everything of the projector that neither waits nor
writes.

A ``SessionFold`` stands at a position of the log. ``take`` folds the entries behind it and
gives the ``Step`` they make: one frame, and the entries that are no events. What is to be
stored besides (snapshot, checkpoint) is made here, too; when, the projector decides.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events import AnyEvent, OutputFrozen, OutputReleased, decode
from events.errors import LapstreamError, UndecodableEvent, UnreadableEvent
from projections.engine.state import canonical, digest
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder, cars_of
from projections.views.merge_patch import State
from projections.views.session_line import clock_running
from replay.entries import EVENT_FIELD, START, entry_payload, parse_position
from services.storage.projection_store import Checkpoint, Parked

CHECKPOINT_VERSION = 2

AUDITS = (OutputFrozen, OutputReleased)
"""What somebody did to what is shown: no data, so that a silent source stays as old as it is."""

RawEntry = tuple[bytes, Sequence[bytes]] | tuple[str, Sequence[bytes]]
"""A position, and an entry's fields and values in turn."""


class CannotFold(LapstreamError):
    """An entry that stops its session: to skip it would be a wrong position on air."""

    def __init__(self, position: str, error: Exception) -> None:
        self.position = position
        self.error = error
        super().__init__(f"at {position}: {error}")


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch of entries led to.

    ``before`` is the token of the frame before, None before the first. ``fault`` is what
    stopped the fold within the batch: the step ends before that entry.
    """

    before: Token | None
    frame: Frame
    parked: tuple[Parked, ...]
    fault: CannotFold | None = None


class SessionFold:
    """The memory of one session: its timeline, and what its screens were told."""

    def __init__(self, timeline: Timeline | None = None, position: str = START) -> None:
        self.timeline = Timeline() if timeline is None else timeline
        self.position = position
        self.token: Token | None = None
        self.folded = 0
        """Entries folded since the last checkpoint."""
        self.learned = parse_position(position)[0]
        """When the newest entry that is no audit was learned (ms since 1970)."""
        self._frames = FrameBuilder()
        self._parked: tuple[Parked, ...] = ()

    @property
    def state(self) -> State:
        """What screens show at ``token``."""
        return self._frames.state

    # -- Coming to where the session was left ------------------------------------------

    def recall(self, entries: Sequence[RawEntry]) -> None:
        """Fold entries of which screens know already. Raises CannotFold, ForgottenPast."""
        events, parked, fault = _read(entries)
        if fault is not None:
            raise fault
        self._parked += parked
        self.timeline.add(events)
        self._moved_to(entries, events)

    def stand_at(self, token: Token, told: State | None) -> Step | None:
        """Stand where a frame was the last one; ``told`` is the state that screens hold.

        Where that is not the state of the race, or None for not known, or where the log
        ends before the token (it is another log by now), a new epoch has to begin:
        returned is the step that says so.
        """
        self._frames.advance(self.timeline.race)
        self.token = token
        if told == self.state and token.position == self.position:
            return None
        return self._new_epoch(token.epoch + 1, "told anew from the log", self._parked)

    # -- Going on ----------------------------------------------------------------------

    def take(self, entries: Sequence[RawEntry], first_epoch: int = 1) -> Step | None:
        """Fold the entries behind ``position``; None if there is nothing to be told.

        The first step of all begins the epoch ``first_epoch``. Raises ForgottenPast where
        only the whole log will do, and CannotFold if the very first entry is at fault.
        """
        entries = self._behind(entries)
        events, parked, fault = _read(entries)
        if fault is not None:
            entries = entries[: len(events) + len(parked)]
            if not entries:
                raise fault
        if not entries:
            return None
        folded_again = self.timeline.refolded
        self.timeline.add(events)
        self._moved_to(entries, events)
        if self.token is None:
            self._frames.advance(self.timeline.race)
            step = self._new_epoch(first_epoch, "the session's first frame", parked, fault)
        else:
            only_on = self.timeline.refolded == folded_again and self.timeline.resumable
            cars = cars_of(events) if only_on else None
            patch = self._frames.advance(self.timeline.race, cars)
            before, self.token = self.token, Token(self.token.epoch, self.position)
            step = Step(before, self._frame("delta", patch), parked, fault)
        return step

    def _behind(self, entries: Sequence[RawEntry]) -> Sequence[RawEntry]:
        """Without what was delivered a second time."""
        here = parse_position(self.position)
        if entries and parse_position(_text(entries[0][0])) > here:
            return entries
        return [entry for entry in entries if parse_position(_text(entry[0])) > here]

    def _moved_to(self, entries: Sequence[RawEntry], events: Sequence[AnyEvent]) -> None:
        if not entries:
            return
        self.position = _text(entries[-1][0])
        self.folded += len(entries)
        if len(events) < len(entries) or not isinstance(events[-1], AUDITS):
            self.learned = parse_position(self.position)[0]
            return
        for (position, _), event in zip(reversed(entries), reversed(events), strict=True):
            if not isinstance(event, AUDITS):
                self.learned = parse_position(_text(position))[0]
                return

    def _new_epoch(
        self,
        epoch: int,
        reason: str,
        parked: tuple[Parked, ...] = (),
        fault: CannotFold | None = None,
    ) -> Step:
        before, self.token = self.token, Token(epoch, self.position)
        return Step(before, self.snapshot(reason), parked, fault)

    def snapshot(self, reason: str | None = None) -> Frame:
        """The whole state as a frame."""
        return self._frame("snapshot", self.state, reason)

    def _frame(self, kind: Any, data: State, reason: str | None = None) -> Frame:
        assert self.token is not None  # noqa: S101 - a frame is made at a token
        race = self.timeline.race
        return Frame(self.token, self.learned, race.at, clock_running(race), kind, data, reason)

    # -- Checkpoints -------------------------------------------------------------------

    def checkpoint(self, stored: Iterable[str]) -> Checkpoint | None:
        """The state at ``position``, without the blocks that are ``stored`` already.

        None where a correction is in force: only the whole log tells what it corrects.
        """
        self.folded = 0
        if not self.timeline.resumable:
            return None
        race, known = self.timeline.race, frozenset(stored)
        blocks = race.blocks(known.__contains__)
        summary = canonical(race.summary())
        about = {
            "version": CHECKPOINT_VERSION,
            "position": self.position,
            "learned": self.learned,
            "hash": digest(summary).hex(),
            "identities": self.timeline.identities(),
        }
        data = b'{"about":%b,"race":%b}' % (canonical(about), summary)
        return Checkpoint(self.position, data, blocks)

    @classmethod
    def resumed(cls, data: bytes, blocks: Mapping[bytes, bytes]) -> SessionFold | None:
        """The fold that a stored checkpoint describes; None where it is of no use."""
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
            return None  # damaged, or another program's: the log is the truth
        fold = cls(timeline, about["position"])
        fold.learned = int(about.get("learned", fold.learned))  # older ones do not tell it
        return fold


def _text(position: bytes | str) -> str:
    return position if isinstance(position, str) else position.decode()


def _read(
    entries: Sequence[RawEntry],
) -> tuple[list[AnyEvent], tuple[Parked, ...], CannotFold | None]:
    """The events in order, the entries to park, and what stopped the reading, if anything."""
    if all(len(fields) == 2 and fields[0] == EVENT_FIELD for _, fields in entries):
        with contextlib.suppress(UndecodableEvent):
            return [decode(fields[1]) for _, fields in entries], (), None
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
