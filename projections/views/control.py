"""Race control: its control items, and its messages."""

from typing import Annotated

from events import Basis
from projections.folds.control import ControlItem, ControlItemKind, ControlMessage
from projections.race import Race
from projections.views.rows import FlagName, Heading, MomentMs, Row, RowModel


class ControlRow(RowModel):
    """Something that race control did or wrote; `lap` is the leader's by then."""

    at_ms: Annotated[MomentMs, Heading("At")]
    kind: Annotated[ControlItemKind, Heading("Kind")]
    text: Annotated[str, Heading("What")]
    car: Annotated[str | None, Heading("Car")]
    flag: Annotated[FlagName | None, Heading("Flag")]
    sector: Annotated[int | None, Heading("Sector")]
    lap: Annotated[int, Heading("Lap")]
    basis: Annotated[Basis, Heading("Basis")]


def control(race: Race) -> list[Row]:
    """The control items, the newest first."""
    return [control_row(item) for item in reversed(race.control.items)]


def control_row(item: ControlItem) -> Row:
    """A control item."""
    return {
        "at_ms": item.at,
        "kind": item.kind,
        "text": item.text,
        "car": item.car,
        "flag": item.flag,
        "sector": item.sector,
        "lap": item.lap,
        "basis": item.basis,
    }


class MessagesRow(RowModel):
    """A race-control message."""

    at_ms: Annotated[MomentMs, Heading("At")]
    text: Annotated[str, Heading("Message")]
    car: Annotated[str | None, Heading("Car")]
    basis: Annotated[Basis, Heading("Basis")]


def messages(race: Race) -> list[Row]:
    """The race-control messages, in order."""
    return [message_row(message) for message in race.control.messages]


def message_row(message: ControlMessage) -> Row:
    """A race-control message."""
    return {
        "at_ms": message.at,
        "text": message.text,
        "car": message.car,
        "basis": message.basis,
    }
