"""The cache of folded races, and the events that it keeps with their positions."""

from __future__ import annotations

from services.queries.race_cache import RecordedEvents
from tests.builders import opened

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
