"""What was recorded, as the gateway keeps it beside a fold."""

from __future__ import annotations

from services.gateway.views.fold_cache import Told
from tests.builders import opened

LARGEST = 2**64 - 1


def test_told_is_what_was_told() -> None:
    """Events come back with their positions, one by one, from the end, and in slices."""
    events = list(opened("1", "2"))
    positions = [f"{1_760_000_000_000 + number}-{number % 2}" for number in range(len(events))]
    positions[-1] = f"{LARGEST}-{LARGEST}"
    pairs = list(zip(positions, events, strict=True))
    told = Told()
    for position, event in pairs:
        told.append(position, event)
    assert list(told) == pairs
    assert len(told) == len(pairs)
    assert told[0] == pairs[0]
    assert told[-1] == pairs[-1]
    assert told[1:3] == pairs[1:3]
    assert told[:-1] == pairs[:-1]
