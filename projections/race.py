"""A race: every projection of one session, fed from one sequence of events.

``apply`` costs O(1) for an event, whatever the cars and laps so far (finding a best lap
again after its time was deleted costs O(laps) of that car). State is O(cars) plus
histories that only grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from events import EVENT_TYPES, Event, LapCompleted
from projections.engine.corrections import CorrectionApplied
from projections.engine.state import Handler, Mark, Projection, canonical, digest, stored_block
from projections.folds.control import RaceControl
from projections.folds.drivers import Drivers
from projections.folds.lap_chart import LapChart
from projections.folds.laps import Laps
from projections.folds.pits import Pits
from projections.folds.running_order import RunningOrder
from projections.folds.session import Session
from projections.folds.stewards import Stewards
from projections.folds.track import Track


class Race:
    """The projections of one session. ``at`` is the newest event's time, in ms."""

    def __init__(self) -> None:
        self.session = Session()
        self.order = RunningOrder(session=self.session)
        self.track = Track(session=self.session)
        self.pits = Pits(session=self.session, order=self.order, track=self.track)
        self.laps = Laps(track=self.track, pits=self.pits)
        self.chart = LapChart(session=self.session)
        self.drivers = Drivers(order=self.order)
        self.stewards = Stewards()
        self.control = RaceControl(
            session=self.session,
            order=self.order,
            track=self.track,
            chart=self.chart,
            stewards=self.stewards,
        )
        self.at = 0
        self.projections: tuple[Projection, ...] = (
            self.control,  # it is told first: it says what an event changes of the others
            self.session,
            self.order,
            self.track,
            self.pits,
            self.laps,
            self.chart,
            self.drivers,
            self.stewards,
        )
        self._handlers = self._dispatch()

    def _dispatch(self) -> dict[type[Event], tuple[Handler, ...]]:
        """For each type of event, what folds it, in the order of ``projections``."""
        tables = [projection.handlers() for projection in self.projections]
        kinds: list[type[Event]] = [*EVENT_TYPES.values(), CorrectionApplied]
        handlers = {kind: tuple(table[kind] for table in tables if kind in table) for kind in kinds}
        handlers[LapCompleted] = (self._lap_handler(),)
        return handlers

    def _lap_handler(self) -> Handler:
        """What folds a lap: it counts for all projections or for none, as the order decides.

        It holds the projections and not the race, so that a race that nobody holds is
        gone at once: each fork has lists as long as the race.
        """
        order, track, pits = self.order, self.track, self.pits
        laps, chart, drivers = self.laps, self.chart, self.drivers

        def lap_completed(event: LapCompleted) -> None:
            if not order.lap_completed(event):
                return
            if chart.lap_completed(event):
                track.leader_completed(event.lap, event.car)
            if event.in_pit_lane:
                pits.lap_in_lane(event)
            laps.lap_completed(event)
            if not event.in_pit_lane:
                pits.lap_on_track(event)
            drivers.lap_completed(event)

        return lap_completed

    def apply(self, event: Event) -> None:
        """Fold one event. Events come in effective order."""
        self.apply_all([event])

    def apply_all(self, events: Iterable[Event]) -> None:
        """Fold events that are in effective order.

        A correction does not move the clock: one that takes back an event from far ahead
        brings it back.
        """
        handlers = self._handlers
        events = events if isinstance(events, list) else list(events)
        for event in events:
            for handle in handlers[type(event)]:
                handle(event)
        for event in reversed(events):
            if type(event) is not CorrectionApplied:
                self.at = event.at
                break

    # Moments

    def mark(self) -> Mark:
        """This moment, to rewind to or to fork from; O(cars)."""
        return (self.at, *(projection.mark() for projection in self.projections))

    def rewind(self, mark: Mark) -> None:
        """Go back to an earlier moment."""
        self.at = mark[0]
        for projection, marked in zip(self.projections, mark[1:], strict=True):
            projection.rewind(marked)

    def fork(self, mark: Mark) -> Race:
        """A race of its own, standing as this one stood at ``mark``."""
        fork = Race()
        fork.become(self, mark)
        return fork

    def become(self, other: Race, mark: Mark) -> None:
        """Stand as another race stood at ``mark``, sharing nothing that changes.

        Both are folds of the same events, of which this one may have folded none yet.
        """
        self.at = mark[0]
        for mine, theirs, marked in zip(self.projections, other.projections, mark[1:], strict=True):
            mine.take_from(theirs, marked)

    # Checkpoints that outlive the process

    def summary(self) -> dict[str, Any]:
        """The state as plain values: O(cars), histories by their hashes."""
        state = {projection.NAME: projection.summary() for projection in self.projections}
        return {"at": self.at, "versions": VERSIONS, "state": state}

    def state_hash(self) -> str:
        """The hash of the state: equal for equal sets of events, however they arrived."""
        return digest(canonical(self.summary())).hex()

    def blocks(self, known: Callable[[str], bool]) -> dict[str, bytes]:
        """The full blocks of all histories that are not ``known`` yet, by hash, as JSON."""
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
        """A race from its summary, or None where another version of the code made it.

        ``block`` gives the parsed block of a hash. Raises KeyError where something is
        missing.
        """
        if summary["versions"] != VERSIONS:
            return None
        race = cls()
        race.at = summary["at"]
        for projection in race.projections:
            projection.restore(summary["state"][projection.NAME], block)
        return race


VERSIONS: dict[str, int] = {
    projection.NAME: projection.VERSION for projection in Race().projections
}
