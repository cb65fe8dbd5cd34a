"""Race control's words, and the outputs an operator holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import (
    CarRetired,
    OutputFrozen,
    OutputReleased,
    PassAroundGiven,
    RaceControlMessage,
    WaveByGiven,
)
from projections.state import Handlers, History, Projection, of, row


class Message(NamedTuple):
    """What race control told everyone, and when (ms)."""

    at: int
    text: str
    car: str | None
    basis: str


@dataclass(slots=True)
class RaceControl(Projection):
    """Messages in order, retirements with their reasons, and frozen outputs."""

    NAME: ClassVar[str] = "control"
    VERSION: ClassVar[int] = 1

    messages: History[Message] = of(row(Message), History)
    frozen: dict[str, int] = field(default_factory=dict)

    def handlers(self) -> Handlers:
        return {
            RaceControlMessage: self._said,
            WaveByGiven: self._wave_by,
            PassAroundGiven: self._pass_around,
            CarRetired: self._retired,
            OutputFrozen: self._frozen,
            OutputReleased: self._released,
        }

    def _said(self, event: RaceControlMessage) -> None:
        self.messages.append(Message(event.at, event.text, event.car, event.basis))

    def _wave_by(self, event: WaveByGiven) -> None:
        text = "Wave-by: " + ", ".join(event.cars)
        self.messages.append(Message(event.at, text, None, event.basis))

    def _pass_around(self, event: PassAroundGiven) -> None:
        text = "Pass-around: " + ", ".join(event.cars)
        self.messages.append(Message(event.at, text, None, event.basis))

    def _retired(self, event: CarRetired) -> None:
        text = f"Car {event.car} retired" + (f": {event.reason}" if event.reason else "")
        self.messages.append(Message(event.at, text, event.car, event.basis))

    def _frozen(self, event: OutputFrozen) -> None:
        self.frozen[event.output] = event.at

    def _released(self, event: OutputReleased) -> None:
        self.frozen.pop(event.output, None)
