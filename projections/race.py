"""A race: all projections of one session, folded from one sequence of events.

Folding an event costs O(1), whatever the number of cars and laps (except for finding a best
lap again after its time was deleted: O(laps) of that car). State is O(cars) plus histories
that only grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from events import (
    EVENT_TYPES,
    CrossingCounted,
    Event,
    EventQuarantined,
    LapCompleted,
    QuarantineLifted,
)
from projections.engine.corrections import CorrectionApplied
from projections.engine.double_reads import CrossingCountedOut
from projections.engine.state import Handler, Mark, Projection, canonical, digest, stored_block
from projections.folds.control import RaceControl
from projections.folds.doubts import Doubts
from projections.folds.drivers import Drivers
from projections.folds.finish import Finish
from projections.folds.lap_chart import LapChart
from projections.folds.laps import Laps
from projections.folds.pits import Pits
from projections.folds.running_order import RunningOrder
from projections.folds.segments import Segments
from projections.folds.session import Session
from projections.folds.speeds import Speeds
from projections.folds.stewards import Stewards
from projections.folds.track import Track
from projections.folds.weather import Weather


def _all_of(handlers: Sequence[Handler]) -> Handler:
    """Return one handler that calls these in turn; most types of event have one alone."""
    if len(handlers) == 1:
        return handlers[0]

    def handle(event: Any) -> None:
        for one in handlers:
            one(event)

    return handle


class Race:
    """The projections of one session. ``at`` is the newest event's time, in ms."""

    def __init__(self) -> None:
        self.session = Session()
        self.finish = Finish()
        self.order = RunningOrder(session=self.session, finish=self.finish)
        self.track = Track(session=self.session, finish=self.finish)
        self.pits = Pits(
            session=self.session, finish=self.finish, order=self.order, track=self.track
        )
        self.laps = Laps(session=self.session, track=self.track, pits=self.pits)
        self.segments = Segments(session=self.session, laps=self.laps)
        self.chart = LapChart(session=self.session, order=self.order)
        self.drivers = Drivers(finish=self.finish, order=self.order)
        self.speeds = Speeds(finish=self.finish)
        self.stewards = Stewards()
        self.doubts = Doubts()
        self.weather = Weather()
        self.control = RaceControl(
            session=self.session,
            finish=self.finish,
            order=self.order,
            track=self.track,
            chart=self.chart,
            stewards=self.stewards,
        )
        self.at = 0
        self.projections: tuple[Projection, ...] = (
            self.control,  # first, as it compares an event with the state before it
            self.session,
            self.finish,
            self.order,
            self.track,
            self.pits,
            self.laps,
            self.segments,  # after the laps, whose times it reads
            self.chart,
            self.drivers,
            self.speeds,
            self.stewards,
            self.doubts,
            self.weather,
        )
        self._handlers = self._dispatch()

    def _dispatch(self) -> dict[type[Event], Handler]:
        """Return the handler of each event type: those of ``projections``, in their order."""
        tables = [projection.handlers() for projection in self.projections]
        kinds: list[type[Event]] = [*EVENT_TYPES.values(), CorrectionApplied, CrossingCountedOut]
        handlers = {kind: _all_of([t[kind] for t in tables if kind in t]) for kind in kinds}
        handlers[LapCompleted] = self._lap_handler()
        return handlers

    def _lap_handler(self) -> Handler:
        """Return the handler of laps: a lap counts for all projections or for none.

        The closure holds the projections instead of the race. A reference cycle would keep an
        unused race, with lists as long as its history, until the next garbage collection.
        """
        order, track, pits = self.order, self.track, self.pits
        laps, chart, drivers, control = self.laps, self.chart, self.drivers, self.control
        segments = self.segments

        def lap_completed(event: LapCompleted) -> None:
            counted = order.lap_completed(event)
            if counted is None:
                if order.double_reads and order.double_reads[-1][3:] == event.identity:
                    control.counted_out(event, order.double_reads[-1].after_ms)
                return
            event = counted
            car, in_pit_lane = event.car, event.in_pit_lane
            if car in order.retired:
                order.runs_again(car)
                control.lap_after_retirement(event)
            if chart.lap_completed(event):
                track.leader_completed(event.lap, car)
            if in_pit_lane:
                pits.lap_in_lane(event)
            laps.lap_completed(event)
            if segments.started:
                segments.lap_completed(car)
            if car in pits.current and not in_pit_lane:
                pits.lap_on_track(event)
            drivers.lap_completed(event)

        return lap_completed

    def apply(self, event: Event) -> None:
        """Fold one event. Events come in effective order."""
        self.apply_all([event])

    def apply_all(self, events: Iterable[Event]) -> None:
        """Fold events that are in effective order.

        Corrections and quarantines do not advance ``at``: voiding an event far ahead sets it
        back.
        """
        handlers = self._handlers
        events = events if isinstance(events, list) else list(events)
        for event in events:
            handlers[type(event)](event)
        for event in reversed(events):
            if type(event) not in _WITHOUT_TIME:
                self.at = event.at
                break

    # Marks and forks

    def mark(self) -> Mark:
        """Return a mark of the current state, to rewind to or fork from; O(cars)."""
        return (self.at, *(projection.mark() for projection in self.projections))

    def rewind(self, mark: Mark) -> None:
        """Return to an earlier state."""
        self.at = mark[0]
        for projection, marked in zip(self.projections, mark[1:], strict=True):
            projection.rewind(marked)

    def fork(self, mark: Mark) -> Race:
        """Return an independent race with this race's state at ``mark``."""
        fork = Race()
        fork.copy_from(self, mark)
        return fork

    def copy_from(self, other: Race, mark: Mark) -> None:
        """Copy another race's state at ``mark``, sharing no mutable objects.

        Both must be folds of the same events, of which this one may have folded none yet.
        """
        self.at = mark[0]
        for mine, theirs, marked in zip(self.projections, other.projections, mark[1:], strict=True):
            mine.take_from(theirs, marked)

    # Stored checkpoints

    def summary(self) -> dict[str, Any]:
        """Return the state as plain values, histories by their hashes; O(cars)."""
        state = {projection.NAME: projection.summary() for projection in self.projections}
        return {"at": self.at, "versions": VERSIONS, "state": state}

    def state_hash(self) -> str:
        """Return the hash of the state: equal for equal sets of events in any order of arrival."""
        return digest(canonical(self.summary())).hex()

    def blocks(self, known: Callable[[str], bool]) -> dict[str, bytes]:
        """Return the full blocks of all histories that are not ``known``, by hash, as JSON."""
        found: dict[str, bytes] = {}
        for projection in self.projections:
            for history in projection.histories():
                for index in range(len(history.chain()) - 1, -1, -1):
                    if known(history.chain()[index].hex()):
                        break
                    name, block = stored_block(history, index)
                    found[name] = canonical(block)
        return found

    @classmethod
    def restored(cls, summary: Mapping[str, Any], block: Callable[[str], Any]) -> Race | None:
        """Restore a race from its summary; None if other versions of projections wrote it.

        ``block`` returns the parsed block of a hash. Raises KeyError if a member or block is
        missing.
        """
        if summary["versions"] != VERSIONS:
            return None
        race = cls()
        race.at = summary["at"]
        for projection in race.projections:
            projection.restore(summary["state"][projection.NAME], block)
        return race


_WITHOUT_TIME = frozenset(
    {CorrectionApplied, CrossingCounted, CrossingCountedOut, EventQuarantined, QuarantineLifted}
)
"""What does not advance the session clock."""

VERSIONS: dict[str, int] = {
    projection.NAME: projection.VERSION for projection in Race().projections
}
