"""Doubts about the data: values that contradict what is known, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from events import DataDoubted
from projections.engine.state import Handlers, History, Projection, model, of


@dataclass(slots=True)
class Doubts(Projection):
    """Every doubt, in effective order."""

    NAME: ClassVar[str] = "doubts"
    VERSION: ClassVar[int] = 1

    doubted: History[DataDoubted] = of(model(DataDoubted), History)

    def handlers(self) -> Handlers:
        return {DataDoubted: self._doubted}

    def _doubted(self, event: DataDoubted) -> None:
        self.doubted.append(event)
