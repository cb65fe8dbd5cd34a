"""Events with defaults, so that a test shows only what matters to it.

Every builder takes ``at`` in ms on the session clock as its keyword; identities count up
from 0 within a ``Story``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import events as ev
from events import AnyEvent
from projections.race import Race
from projections.timeline import Timeline

LINES = ("S1", "S2", "FL")


class Story:
    """Events in the order they are told, each with the next identity of ``source``."""

    def __init__(self, source: str = "test") -> None:
        self.source = source
        self.events: list[AnyEvent] = []

    def __iter__(self) -> Iterator[AnyEvent]:
        return iter(self.events)

    def add(self, model: type[ev.Event], at: int, /, **members: Any) -> AnyEvent:
        """Add an event of this kind."""
        event = model(at=at, source=self.source, source_seq=len(self.events), **members)
        self.events.append(event)  # type: ignore[arg-type]
        return event  # type: ignore[return-value]

    def opened(
        self, *cars: str, lines: tuple[str, ...] = LINES, car_class: str = "GT", **members: Any
    ) -> Story:
        """The session, its cars (all of one class) and a green flag, all at 0."""
        found = {"title": "A race", "kind": "race", "classes": (car_class,), **members}
        self.add(ev.SessionOpened, 0, timing_lines=lines, **found)
        for car in cars:
            self.entry(car, car_class)
        self.flag("green", 0)
        return self

    def entry(self, car: str, car_class: str | None = "GT", **members: Any) -> Story:
        """A car of the entry list."""
        self.add(ev.EntryAdded, 0, car=car, car_class=car_class, **members)
        return self

    def flag(self, flag: str, at: int, sector: int | None = None) -> Story:
        """A flag for the whole track, or for a sector."""
        self.add(ev.FlagShown, at, flag=flag, sector=sector)
        return self

    def line(self, car: str, line: str, lap: int, at: int) -> Story:
        """An intermediate line."""
        self.add(ev.LinePassed, at, car=car, line=line, lap=lap)
        return self

    def lap(self, car: str, lap: int, at: int, ms: int | None = 60_000, **members: Any) -> Story:
        """The finish line."""
        self.add(ev.LapCompleted, at, car=car, lap=lap, lap_time_ms=ms, **members)
        return self

    def laps(self, car: str, upto: int, ms: int = 60_000, first: int = 1) -> Story:
        """Laps ``first`` to ``upto``, each of ``ms``, from the start."""
        for lap in range(first, upto + 1):
            self.lap(car, lap, lap * ms, ms)
        return self

    def pit(self, car: str, entered: int, exited: int | None = None) -> Story:
        """A way through the pit lane."""
        self.add(ev.PitEntered, entered, car=car)
        if exited is not None:
            self.add(ev.PitExited, exited, car=car)
        return self

    def retired(self, car: str, at: int) -> Story:
        """The car takes no further part."""
        self.add(ev.CarRetired, at, car=car)
        return self

    def ended(self, at: int) -> Story:
        """Nothing more is timed."""
        self.add(ev.SessionEnded, at)
        return self

    def void(self, event: AnyEvent, at: int = 10**9) -> AnyEvent:
        """The event does not count."""
        return self.add(
            ev.EventVoided,
            at,
            voided_source=event.source,
            voided_seq=event.source_seq,
            reason="a test",
        )

    @property
    def last(self) -> AnyEvent:
        """The event told last."""
        return self.events[-1]

    def race(self) -> Race:
        """The race that this story is."""
        return race_of(self.events)


def race_of(events: Iterable[AnyEvent]) -> Race:
    """The fold of events in any order."""
    timeline = Timeline()
    timeline.add(events)
    return timeline.race


def opened(*cars: str, **members: Any) -> Story:
    """A story that begins with its session, its cars and a green flag."""
    return Story().opened(*cars, **members)
