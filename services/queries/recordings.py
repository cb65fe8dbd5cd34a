"""What may be asked of a replay: the race as far as it was shown, and nothing beyond."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from events import AnyEvent
from projections.race import Race
from projections.views.frame import Token
from projections.views.moments import moment_of
from replay.entries import parse_position
from replay.recording import Recording
from services.queries.race_cache import RaceCache
from services.storage.replay_store import Replays


class ReplayedRaces:
    """The races of shared replays, as far as each was shown."""

    def __init__(self, replays: Replays, races: RaceCache) -> None:
        self._replays = replays
        self._races = races

    async def race(self, replay: str, shown: Token, clock_ms: int, at: str | None = None) -> Race:
        """The race at a frame of the replay, or as it stood ``at`` a moment before it.

        Raises BadMoment for a moment beyond the frame, as for one that the race never
        reached, NoSuchReplay, StoreError and what `RaceCache.recording` raises.
        """
        index, _ = parse_position(shown.position)
        return await asyncio.to_thread(_race, await self._recording(replay), index, clock_ms, at)

    async def recorded(self, replay: str, shown: Token) -> Sequence[tuple[str, AnyEvent]]:
        """The events that a replay has handed over by a frame, with their positions in it.

        Raises what `race` raises.
        """
        index, _ = parse_position(shown.position)
        events = (await self._recording(replay)).events[:index]
        return [(f"{place}-0", event) for place, event in enumerate(events, start=1)]

    async def _recording(self, replay: str) -> Recording:
        showing = await self._replays.state(replay)
        return await self._races.recording(showing.source, showing.upto, as_shown=showing.as_shown)


def _race(recording: Recording, index: int, clock_ms: int, at: str | None) -> Race:
    cursor = recording.cursor(index)
    if at is None:
        return cursor.race
    newest, cursor.race.at = cursor.race.at, clock_ms  # the clock has run on since
    moment = moment_of(at, cursor.race)
    cursor.race.at = newest
    race = cursor.race_at(moment)
    race.at = moment
    return race
