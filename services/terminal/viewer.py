"""A viewer's choices, and what the keys do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from replay.playhead import Playhead, RacePlayback
from services.terminal.tower_state import Movements, TowerOptions, TowerState

MINUTE_MS = 60_000

_ESCAPES: Mapping[bytes, str] = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
}


def keys_in(typed: bytes) -> list[str]:
    """The keys in a terminal's bytes: characters as they are, arrows by name."""
    keys: list[str] = []
    while typed:
        arrow = _ESCAPES.get(typed[:3])
        if arrow:
            keys.append(arrow)
        elif 32 <= typed[0] < 127:
            keys.append(chr(typed[0]))
        elif typed[0] == 3:
            keys.append("q")  # Ctrl-C, where the terminal does not make a signal of it
        typed = typed[3 if arrow else 1 :]
    return keys


@dataclass
class Viewer:
    """The choices made with the keys. ``replay`` is None where seeking is not possible."""

    playhead: Playhead | None = None
    replay: RacePlayback | None = None
    watched: frozenset[str] = frozenset()
    car_class: str | None = None
    top: int = 0
    help: bool = False
    address: str | None = None
    """The address of the same race's page for browsers."""
    gone: bool = False
    """Whether the viewer is done."""
    movements: Movements = field(default_factory=Movements)

    def options(self, state: TowerState, now_ms: float, age_ms: int | None = None) -> TowerOptions:
        """The options for drawing the state at a time of the viewer's clock."""
        self.top = max(0, min(self.top, len(state.rows) - 1))
        moved = self.movements.see([row["car"] for row in state.rows], now_ms)
        playhead = self.playhead
        return TowerOptions(
            car_class=self.car_class,
            top=self.top,
            help=self.help,
            watched=self.watched,
            moved=moved,
            speed=playhead.speed if playhead else None,
            paused=playhead.paused if playhead else False,
            ended=playhead.ended if playhead else False,
            age_ms=age_ms,
            address=self.address,
        )

    def press(self, key: str, state: TowerState) -> None:
        """Act on a key; other keys do nothing."""
        match key:
            case "q" | "Q":
                self.gone = True
            case "?" | "h":
                self.help = not self.help
            case "c":
                self._next_class(state)
            case "up" | "k":
                self.top -= 1
            case "down" | "j":
                self.top += 1
            case _:
                self._pace(key)

    def _next_class(self, state: TowerState) -> None:
        classes = [None, *(state.session.get("classes") or ())]
        place = classes.index(self.car_class) if self.car_class in classes else 0
        self.car_class = classes[(place + 1) % len(classes)]
        self.top = 0

    def _pace(self, key: str) -> None:
        playhead = self.playhead
        if playhead is None:
            return
        match key:
            case " ":
                playhead.toggle()
            case "+" | "=":
                playhead.faster()
            case "-":
                playhead.slower()
            case _ if self.replay is not None:
                self._seek(key, playhead, self.replay)

    def _seek(self, key: str, playhead: Playhead, replay: RacePlayback) -> None:
        match key:
            case "left" | "[":
                playhead.skip(-MINUTE_MS)
            case "right" | "]":
                playhead.skip(MINUTE_MS)
            case "n":
                playhead.seek(_or(replay.next_caution(playhead.at), playhead.at))
            case "p":
                playhead.seek(_or(replay.previous_caution(playhead.at), playhead.at))
            case "0":
                playhead.seek(-math.inf)


def _or(place: int | None, here: float) -> float:
    return here if place is None else place
