"""The state of the track and the caution ledger.

Rules: a caution runs from the first flag for the whole track that is not green to the next
that is green or chequered; kinds that follow each other without green share its number, one
row each. After the chequered flag, and after the session's end, none begins: a yellow or red
flag is for cars on their way in, and the track state stays what the end made it (see
``projections.folds.finish``). Its first and last lap are the overall leader's laps that ended
under it, none if it fell between two crossings. A white flag (last lap) counts as green; shown
under a caution, it does not end the caution. A segment of qualifying begins under green if the one
before had its chequered flag.

A flag with a sector is local: it is not a caution, and stands until it is cleared by another
flag or a green flag in its sector, by a green flag for the whole track (all posts then show
green), or by the session's end. Other flags for the whole track do not clear it: under a
full-course yellow it still says where, and the white flag is shown at the line only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from events import (
    FlagShown,
    PitEntered,
    PitLaneClosed,
    PitLaneOpened,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    SegmentStarted,
    SessionEnded,
    SessionResumed,
    WaveByGiven,
)
from projections.engine.state import Handlers, History, Projection, of, row, sibling
from projections.folds.finish import Finish
from projections.folds.session import Session

EVERYONE = ""
"""The key of ``pit_lane_closed`` in a session without classes."""

RACING = frozenset({"green", "white"})


class Caution(NamedTuple):
    """A row of the caution ledger; session times in ms, ``end_ms`` None while it lasts."""

    number: int
    kind: str
    start_ms: int
    end_ms: int | None
    first_lap: int | None
    last_lap: int | None
    leader_before: str | None
    leader_after: str | None
    pitted: tuple[str, ...]


class LocalFlag(NamedTuple):
    """A flag in one sector; times in ms on the session clock, ``end_ms`` None while it stands."""

    sector: int
    flag: str
    start_ms: int
    end_ms: int | None


_caution = row(Caution)
_local = row(LocalFlag)


@dataclass(slots=True)
class Track(Projection):
    """The current flags, the cautions and the local flags."""

    NAME: ClassVar[str] = "track"
    VERSION: ClassVar[int] = 5

    session: Session = sibling()
    finish: Finish = sibling()
    flag: str | None = None
    since: int = 0
    green_since: int | None = None
    after_end: str | None = None
    """The flag shown last since the chequered flag or the session's end; a resumed session
    goes on under it."""
    number: int = 0
    current: Caution | None = of(_caution, lambda: None)
    closed: History[Caution] = of(_caution, History)
    local: dict[str, LocalFlag] = of(_local, dict)
    """The local flags that stand, by sector."""
    cleared: History[LocalFlag] = of(_local, History)
    safety_car_since: int | None = None
    pit_lane_closed: dict[str, int] = field(default_factory=dict)
    lap_leader: str | None = None
    red_at: int | None = None
    wave_by_at: int | None = None
    """When a wave-by was given last (ms)."""

    def handlers(self) -> Handlers:
        return {
            FlagShown: self._flag_shown,
            SafetyCarDeployed: self._safety_car_deployed,
            SafetyCarWithdrawn: self._safety_car_withdrawn,
            PitLaneOpened: self._pit_lane_opened,
            PitLaneClosed: self._pit_lane_closed,
            PitEntered: self._pit_entered,
            WaveByGiven: self._wave_by_given,
            SessionEnded: self._session_ended,
            SessionResumed: self._session_resumed,
            SegmentStarted: self._segment_started,
        }

    @property
    def ended_under_red_at(self) -> int | None:
        """The time of the red flag that ended the race (ms), or None."""
        return self.red_at if self.finish.over else None

    def cautions(self) -> list[Caution]:
        """Return the caution ledger, oldest first, including the current caution."""
        return [*self.closed, self.current] if self.current else list(self.closed)

    def local_flags(self) -> list[LocalFlag]:
        """Return the current local flags by sector."""
        return sorted(self.local.values())

    def changed_by(self, event: FlagShown) -> bool:
        """Whether the flag, before it is folded, changes any current flag."""
        if event.sector is None:
            shown = self.after_end or self.flag
            return event.flag != shown or (event.flag == "green" and bool(self.local))
        standing = self.local.get(str(event.sector))
        return event.flag != (standing.flag if standing else "green")

    def _flag_shown(self, event: FlagShown) -> None:
        if event.sector is not None:
            self._local_shown(event.sector, event.flag, event.at)
            return
        if event.flag == "green":
            self._clear_all(event.at)
        if event.flag == "chequered":
            self._chequered(event.at)
        elif self.finish.over:
            self.after_end = event.flag
        else:
            self._show(event.flag, event.at)

    def _chequered(self, at: int) -> None:
        """Show the chequered flag, since it was shown first if it has come back."""
        self.after_end = None
        if self.flag != "chequered":
            self.flag, self.since = "chequered", at
            self._close(at)
        if self.finish.chequered_at is not None:
            self.since = self.finish.chequered_at

    def _show(self, flag: str, at: int) -> None:
        if flag == self.flag:
            return
        if flag == "white" and self.current is not None:
            return  # the last lap begins under caution, which goes on
        racing = flag in RACING
        if racing and not (self.flag in RACING or self.flag is None):
            self.green_since = at
        self.red_at = at if flag == "red" else None
        self.flag = flag
        self.since = at
        if racing:
            self._close(at)
        else:
            self._begin(flag, at)

    def _local_shown(self, sector: int, flag: str, at: int) -> None:
        standing = self.local.get(str(sector))
        if standing is not None and standing.flag == flag:
            return
        self._clear(sector, at)
        if flag != "green":
            self.local[str(sector)] = LocalFlag(sector, flag, at, None)

    def _clear(self, sector: int, at: int) -> None:
        standing = self.local.pop(str(sector), None)
        if standing is not None:
            self.cleared.append(standing._replace(end_ms=at))

    def _clear_all(self, at: int) -> None:
        for standing in self.local_flags():
            self._clear(standing.sector, at)

    def _begin(self, kind: str, at: int) -> None:
        if self.current is None:
            self.number += 1
        else:
            self._close(at)
        self.current = Caution(self.number, kind, at, None, None, None, self.lap_leader, None, ())

    def _close(self, at: int) -> None:
        if self.current is not None:
            self.closed.append(self.current._replace(end_ms=at, leader_after=self.lap_leader))
            self.current = None

    def leader_completed(self, lap: int, car: str) -> None:
        """Fold a lap completed by the overall leader."""
        self.lap_leader = car
        if self.current is not None:
            first = self.current.first_lap
            self.current = self.current._replace(
                first_lap=lap if first is None else first, last_lap=lap
            )

    def _pit_entered(self, event: PitEntered) -> None:
        if self.current is not None and event.car not in self.current.pitted:
            self.current = self.current._replace(pitted=(*self.current.pitted, event.car))

    def _session_ended(self, event: SessionEnded) -> None:
        self._clear_all(event.at)

    def _session_resumed(self, event: SessionResumed) -> None:
        flag = self.after_end or ("green" if self.flag == "chequered" else self.flag)
        self.after_end = None
        if flag is not None:
            self._show(flag, event.at)

    def _segment_started(self, event: SegmentStarted) -> None:
        """Take back the chequered flag of the segment before: the next one begins under green."""
        if not self.finish.is_race and not self.finish.ended and self.flag == "chequered":
            flag, self.after_end = self.after_end or "green", None
            self._show(flag, event.at)

    def _wave_by_given(self, event: WaveByGiven) -> None:
        self.wave_by_at = event.at

    def _safety_car_deployed(self, event: SafetyCarDeployed) -> None:
        if not self.finish.over:
            self.safety_car_since = event.at

    def _safety_car_withdrawn(self, _: SafetyCarWithdrawn) -> None:
        self.safety_car_since = None

    def _pit_lane_closed(self, event: PitLaneClosed) -> None:
        for name in event.classes or self.session.opened.classes or (EVERYONE,):
            self.pit_lane_closed[name] = event.at

    def _pit_lane_opened(self, event: PitLaneOpened) -> None:
        if not event.classes:
            self.pit_lane_closed = {}
        for name in event.classes:
            self.pit_lane_closed.pop(name, None)
