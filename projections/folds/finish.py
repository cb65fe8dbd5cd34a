"""The end of the race: the chequered flag, and the cars that have finished.

Every projection asks this one for it. Rules:

- a car has finished when it completes a lap at or after the chequered flag, or the distance of
  a race by laps. What it does afterwards counts for nothing: no lap, best lap, stop, stint,
  visit to the lane or change of driver;
- a flag shown after the chequered flag does not start a race again: cars are on their way in.
  Only a void of the chequered flag or a decision (``session_resumed``) does;
- a green flag takes back a chequered flag that no car has taken yet. Feeds flicker around the
  flag, so that it is open for ``FLICKER_MS`` which of the two was the mistake: a car that
  completes a lap meanwhile has finished if the chequered flag is shown again in that time;
- practice and qualifying may have segments: there a green flag that stands for longer than
  that begins the next one, in which every car runs again, and so does ``segment_started``;
- nothing that is timed after the end of the session counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from events import FlagShown, SegmentStarted, SessionEnded, SessionOpened, SessionResumed
from events.running import MOST_LAPS
from projections.engine.state import Handlers, Projection

NO_LIMIT = MOST_LAPS + 1

FLICKER_MS = 10_000
"""How long a green flag after the chequered flag may be a slip of the feed (ms)."""


@dataclass(slots=True)
class Finish(Projection):
    """The chequered flag that stands, and when each car finished.

    ``withdrawn_at`` is the time of a chequered flag that a green flag, at ``green_at``, may have
    taken back; ``doubtful`` has the cars that completed a lap since.
    """

    NAME: ClassVar[str] = "finish"
    VERSION: ClassVar[int] = 1

    is_race: bool = True
    lap_limit: int = NO_LIMIT
    """The laps of a race by laps or distance."""
    chequered_at: int | None = None
    cars: dict[str, int] = field(default_factory=dict)
    """The session time (ms) at which each finished car finished."""
    withdrawn_at: int | None = None
    green_at: int | None = None
    doubtful: dict[str, int] = field(default_factory=dict)
    ending: bool = False
    """Whether there may be anything to decide: False from the start to the first sign of the end.
    Callers on hot paths look at it before they call ``has_finished`` or ``lap_completed``."""
    ended: bool = False

    def handlers(self) -> Handlers:
        return {
            FlagShown: self._flag_shown,
            SessionOpened: self._opened,
            SessionEnded: self._session_ended,
            SessionResumed: self._session_resumed,
            SegmentStarted: self._segment_started,
        }

    @property
    def over(self) -> bool:
        """Whether the session is over: the chequered flag stands, or nothing more is timed."""
        return self.chequered_at is not None or self.ended

    def has_finished(self, car: str, at: int) -> bool:
        """Whether what the car does at ``at`` (ms) comes after its finish or the session's end."""
        if self.green_at is not None:
            self._settle(at)
        return self.ended or car in self.cars

    def lap_completed(self, car: str, lap: int, at: int) -> None:
        """Fold a lap that counts."""
        if self.chequered_at is not None or lap >= self.lap_limit:
            self.cars[car] = at
            self.ending = True
        elif self.green_at is not None:
            self.doubtful[car] = at

    def finished_at(self, car: str, at: int) -> None:
        """Take a car as finished at ``at`` (ms), unless it has finished already."""
        self.cars.setdefault(car, at)
        self.ending = True

    def _flag_shown(self, event: FlagShown) -> None:
        if event.sector is not None:
            return
        if event.flag == "chequered":
            self._chequered(event.at)
        elif event.flag == "green" and self.chequered_at is not None and self._may_go_on():
            self.withdrawn_at, self.chequered_at = self.chequered_at, None
            self.green_at = event.at

    def _may_go_on(self) -> bool:
        return not self.cars or not self.is_race

    def _chequered(self, at: int) -> None:
        self.ending = True
        if self.green_at is not None:
            self._settle(at)
        if self.withdrawn_at is not None:
            self.chequered_at = self.withdrawn_at
            self.cars |= self.doubtful
            self._forget_withdrawn()
        elif self.chequered_at is None:
            self.chequered_at = at

    def _settle(self, at: int) -> None:
        """Let the race go on if the green flag has stood for longer than a flicker."""
        if self.green_at is not None and at - self.green_at > FLICKER_MS:
            self.cars = {}
            self._forget_withdrawn()

    def _forget_withdrawn(self) -> None:
        self.withdrawn_at = self.green_at = None
        self.doubtful = {}

    def _opened(self, event: SessionOpened) -> None:
        self.is_race = event.kind == "race"
        limit = laps_of_distance(event) if self.is_race else None
        before, self.lap_limit = self.lap_limit, limit or NO_LIMIT
        if self.lap_limit > before and self.chequered_at is None and self.withdrawn_at is None:
            self.cars = {}  # the race was extended: nobody has taken the flag

    def _session_ended(self, _: SessionEnded) -> None:
        self.ended = self.ending = True

    def _session_resumed(self, _: SessionResumed) -> None:
        self.chequered_at, self.ended, self.cars = None, False, {}
        self._forget_withdrawn()

    def _segment_started(self, _: SegmentStarted) -> None:
        if not self.is_race and not self.ended:
            self.chequered_at, self.cars = None, {}
            self._forget_withdrawn()


def laps_of_distance(opened: SessionOpened) -> int | None:
    """Return the laps of a session by laps or distance: that which completes the distance."""
    if opened.laps_limit is not None:
        return opened.laps_limit
    if opened.distance_limit_m and opened.circuit_length_m:
        return -(-opened.distance_limit_m // opened.circuit_length_m)
    return None
