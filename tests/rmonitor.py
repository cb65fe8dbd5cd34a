"""Feeds for tests: lines of RMonitor, and what they tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from events import Event, LapCompleted
from events.formats.rmonitor import Reader, Record
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import RunEvent, Translator

OPENING = (
    '$B,36,"Saturday 8 Hour"',
    '$C,1,"GTO"',
    '$C,2,"GTU"',
    '$E,"TRACKNAME","Road America"',
    '$E,"TRACKLENGTH","4.048"',
    '$A,"7","7",101,"Team Seven","","",1',
    '$A,"8","8",102,"Team Eight","","",1',
    '$A,"9","9",103,"Team Nine","","",2',
)
BEAT = '$F,9999,"08:00:00","10:00:00","00:00:00","      "'


def clock(ms: int) -> str:
    """A time as feeds write it."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def beat(seconds: int, flag: str = "", laps_to_go: int = 9999) -> str:
    """A heartbeat of an eight-hour race that began at 10:00:00."""
    left, day = clock((28_800 - seconds) * 1000)[:8], clock((36_000 + seconds) * 1000)[:8]
    return f'$F,{laps_to_go},"{left}","{day}","{clock(seconds * 1000)[:8]}","{flag:6}"'


def j(car: str, lap_time: int, total: int) -> str:
    """A crossing; times in ms."""
    return f'$J,"{car}","{clock(lap_time)}","{clock(total)}"'


def g(car: str, laps: int | str, total: int, position: int = 1) -> str:
    """A standing; the total in ms."""
    return f'$G,{position},"{car}",{laps},"{clock(total)}"'


def records(lines: Iterable[str]) -> list[Record]:
    """The records of these lines."""
    return Reader().feed("".join(f"{line}\r\n" for line in lines).encode())


class Feed:
    """A feed that says one thing after the other. It has opened its session already."""

    def __init__(
        self,
        *lines: str,
        opening: Sequence[str] = (*OPENING, BEAT, BEAT),
        options: RunOptions | None = None,
        logs: Sequence[Iterable[Event]] = (),
    ) -> None:
        self.translator = Translator(options, logs)
        self.news: list[RunEvent] = []
        self.opened = self.say(*opening)
        self.say(*lines)

    def say(self, *lines: str) -> list[Event]:
        """The events that these lines tell, those that are new."""
        news = self.translator.take(records(lines))
        self.news += news
        return [one.event for one in news]

    def events(self, run: int = 0) -> list[Event]:
        """All events of a run so far."""
        return [one.event for one in self.news if one.run == run]


def laps(events: Iterable[Event]) -> list[tuple[str, int, int, int | None]]:
    """Car, lap, time at the line and lap time of each lap that was told."""
    return [
        (event.car, event.lap, event.at, event.lap_time_ms)
        for event in events
        if isinstance(event, LapCompleted)
    ]


def doubled(events: Iterable[Event]) -> list[tuple[str, int]]:
    """The laps that were told twice."""
    found = Counter((event.car, event.lap) for event in events if isinstance(event, LapCompleted))
    return [lap for lap, times in found.items() if times > 1]


def kinds(events: Iterable[Event]) -> list[str]:
    """The types of events."""
    return [event.type for event in events]
