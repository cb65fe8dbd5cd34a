"""Films of sessions for this process: read once, and shared by all who need them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter

from events import AnyEvent, decode
from events.errors import UnreadableEvent
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame import Token
from projections.views.moments import moment_of
from replay.entries import parse_position
from replay.recording import AnyFilm, AsShown, Film
from services.storage.event_log import Log
from services.storage.replay_store import Replays

KEPT_FILMS = 8


class Films:
    """The sources of replays, each read and folded once; the latest few are kept."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._films: OrderedDict[tuple[str, str, bool], asyncio.Task[AnyFilm]] = OrderedDict()

    async def film(self, source: str, upto: str, *, as_shown: bool = False) -> AnyFilm:
        """The source's log up to a position.

        Raises NotAsShown, and UndecodableEvent for a log of a newer lapstream.
        """
        wanted = (source, upto, as_shown)
        task = self._films.get(wanted)
        if task is None:
            task = self._films[wanted] = asyncio.create_task(self._load(*wanted))
            while len(self._films) > KEPT_FILMS:
                self._films.popitem(last=False)
        self._films.move_to_end(wanted)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():
                self._films.pop(wanted, None)
            raise

    async def _load(self, source: str, upto: str, as_shown: bool) -> AnyFilm:
        events: list[AnyEvent] = []
        learned: list[int] = []
        async for entries in self._log.read(source, upto=upto):
            for entry in entries:
                with contextlib.suppress(UnreadableEvent):
                    events.append(decode(entry.payload))
                    learned.append(parse_position(entry.position)[0])
        if as_shown:
            return await asyncio.to_thread(AsShown, source, events, learned)
        return await asyncio.to_thread(_film, events)


def _film(events: list[AnyEvent]) -> Film:
    timeline = Timeline()
    timeline.add(sorted(events, key=attrgetter("at")))  # in order it is quicker
    return Film(timeline.events)


class Playheads:
    """What may be asked of replays: the race as far as it was shown, and nothing beyond."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays
        self._films = Films(replays.log)

    async def race(self, replay: str, shown: Token, clock_ms: int, at: str | None = None) -> Race:
        """The race that a frame told of, or as it had stood ``at`` a moment before.

        A moment that lies beyond is one that the race never reached: BadMoment. Raises
        NoSuchReplay and StoreError, and what ``Films.film`` raises.
        """
        index, _ = parse_position(shown.position)
        return await asyncio.to_thread(_race, await self._film(replay), index, clock_ms, at)

    async def told(self, replay: str, shown: Token) -> Sequence[tuple[str, AnyEvent]]:
        """The events that a replay has shown by a frame, with their positions in the replay.

        Raises what `race` raises.
        """
        index, _ = parse_position(shown.position)
        film = await self._film(replay)
        return [(f"{place}-0", event) for place, event in enumerate(film.events[:index], start=1)]

    async def _film(self, replay: str) -> AnyFilm:
        showing = await self._replays.state(replay)
        return await self._films.film(showing.source, showing.upto, as_shown=showing.as_shown)


def _race(film: AnyFilm, index: int, clock_ms: int, at: str | None) -> Race:
    cut = film.cut(index)
    if at is None:
        return cut.race
    newest, cut.race.at = cut.race.at, clock_ms  # the clock has run on since
    moment = moment_of(at, cut.race)
    cut.race.at = newest
    race = cut.race_at(moment)
    race.at = moment
    return race
