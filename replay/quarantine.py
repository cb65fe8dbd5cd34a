"""Which entries of a log are in quarantine, and which entry a fold fails at.

The events ``event_quarantined`` and ``quarantine_lifted`` of a log decide, in its own order, which
of its entries are left out of the fold. As the fold cannot reach a decision that is recorded
behind the entry it fails at, a log is searched for the decisions before it is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events import AnyEvent, Event, EventQuarantined, QuarantineLifted, decode
from events.errors import UndecodableEvent
from projections.timeline import ForgottenPast, Timeline
from replay.entries import EVENT_FIELD, START, LogEntry, parse_position

QUARANTINE_EVENTS = frozenset({EventQuarantined, QuarantineLifted})

_MARK = b"quarantine"  # in the type of both events
_AT_ONCE = 500


class CannotFold(UndecodableEvent):
    """A log entry that cannot be folded: leaving it out unasked would give a wrong order.

    ``event`` describes the event of the entry, None for one that cannot be decoded.
    """

    def __init__(self, position: str, error: BaseException, event: Event | None = None) -> None:
        self.position = position
        self.error = error
        self.event = None if event is None else describe(event)
        self.session: str | None = None
        """The session of the log, where it is known."""
        super().__init__(position)

    def __str__(self) -> str:
        of = "" if self.session is None else f"session {self.session!r} cannot be folded "
        what = "" if self.event is None else f" ({self.event})"
        why = str(self.error)
        if not isinstance(self.error, UndecodableEvent):
            why = f"{type(self.error).__name__}: {why}"
        return f"{of}at {self.position}{what}: {why}"


def describe(event: Event) -> str:
    """The type of an event, and its identity."""
    return f"{event.type} {event.source_seq} of {event.source!r}"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The positions in quarantine, by the decisions of a log up to the position ``upto``."""

    positions: frozenset[str] = frozenset()
    upto: str = START

    def after(self, entries: Iterable[LogEntry]) -> Quarantine:
        """The quarantine after the next entries of the log."""
        positions, upto = self.positions, self.upto
        for entry in entries:
            upto = entry.position
            decision = decision_of(entry)
            if decision is not None and _is_before(decision.position, upto):
                positions = decided(positions, decision)
        return Quarantine(positions, upto)


NOTHING = Quarantine()
"""No entry in quarantine, at the beginning of a log."""


def decided(
    positions: frozenset[str], decision: EventQuarantined | QuarantineLifted
) -> frozenset[str]:
    """The positions in quarantine after a decision."""
    if isinstance(decision, EventQuarantined):
        return positions | {decision.position}
    return positions - {decision.position}


def _is_before(position: str, other: str) -> bool:
    """Whether the position a decision names is one, and earlier than the decision itself."""
    try:
        return parse_position(position) < parse_position(other)
    except ValueError:
        return False


def decision_of(entry: LogEntry) -> EventQuarantined | QuarantineLifted | None:
    """The decision on a quarantine that a log entry is, None for any other entry."""
    fields = entry.fields
    if len(fields) != 2 or fields[0] != EVENT_FIELD or _MARK not in fields[1]:
        return None
    try:
        event = decode(fields[1])
    except UndecodableEvent:
        return None
    return event if isinstance(event, EventQuarantined | QuarantineLifted) else None


def first_fault(recorded: Iterable[tuple[str, AnyEvent]], error: Exception) -> CannotFold:
    """The event that a timeline of these events fails at, found by adding them one by one.

    ``recorded`` are events with their positions in the order of the log; ``error`` is what
    folding all of them raised, returned for the last one where no single one raises.
    """
    events = list(recorded)
    timeline, start = Timeline(), 0
    while start < len(events):
        part = events[start : start + _AT_ONCE]
        if _fault_of(timeline, part) is not None:
            timeline = Timeline()
            timeline.add(event for _, event in events[:start])
            for position, event in part:
                if (fault := _fault_of(timeline, [(position, event)])) is not None:
                    return CannotFold(position, fault, event)
        start += _AT_ONCE
    position, event = events[-1]
    return CannotFold(position, error, event)


def _fault_of(timeline: Timeline, part: Sequence[tuple[str, AnyEvent]]) -> Exception | None:
    try:
        timeline.add([event for _, event in part])
    except ForgottenPast:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what stops the fold
        return error
    return None
