"""Events of outputs: freeze and release, as an audit trail."""

from __future__ import annotations

from typing import Literal

from events.base import Event, Name, Text


class OutputFrozen(Event):
    """An operator froze an output: its rows stay as they are."""

    type: Literal["output_frozen"] = "output_frozen"
    output: Name
    reason: Text | None = None


class OutputReleased(Event):
    """An operator released a frozen output."""

    type: Literal["output_released"] = "output_released"
    output: Name
    reason: Text | None = None
