"""The cache of folded races, and the events that it keeps with their positions."""

from __future__ import annotations

from typing import cast

from events import encode
from replay.entries import EVENT_FIELD, LogEntry
from services.queries.race_cache import RaceCache, RecordedEvents
from services.storage.event_log import Log
from tests.builders import opened
from tests.unit.services.memory import MemoryLog

LARGEST = 2**64 - 1


def test_recorded_events_are_a_sequence() -> None:
    """Events come back with their positions, one by one, from the end, and in slices."""
    events = list(opened("1", "2"))
    positions = [f"{1_760_000_000_000 + number}-{number % 2}" for number in range(len(events))]
    positions[-1] = f"{LARGEST}-{LARGEST}"
    pairs = list(zip(positions, events, strict=True))
    recorded = RecordedEvents()
    for position, event in pairs:
        recorded.append(position, event)
    assert list(recorded) == pairs
    assert len(recorded) == len(pairs)
    assert recorded[0] == pairs[0]
    assert recorded[-1] == pairs[-1]
    assert recorded[1:3] == pairs[1:3]
    assert recorded[:-1] == pairs[:-1]


async def test_the_first_of_a_repeated_identity_counts() -> None:
    """As for the projector, also where the repeat lies earlier on the session clock."""
    story = opened("7").laps("7", 2)
    first = story.last
    repeated = first.model_copy(update={"at": first.at - 1000})
    payloads = [encode(event) for event in [*story.events, repeated]]
    log = MemoryLog()
    log.logs["race"] = [
        LogEntry(f"{number}-0", (EVENT_FIELD, payload))
        for number, payload in enumerate(payloads, 1)
    ]
    found = await RaceCache(cast("Log", log)).ask("race", lambda race: race.at)
    assert found.answer == first.at
    assert found.events == len(story.events)
