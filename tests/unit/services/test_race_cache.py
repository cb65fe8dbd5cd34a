"""The cache of folded races, and the events that it keeps with their positions."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from events import encode
from replay.entries import EVENT_FIELD, LogEntry
from services.queries import race_cache
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


def held(*sessions: str) -> MemoryLog:
    """A log that holds the same race of two laps in each session."""
    log = MemoryLog()
    for session in sessions:
        log.hold(session, map(encode, opened("7").laps("7", 2).events))
    return log


async def test_a_fold_that_was_cancelled_half_way_is_not_requested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waited for it gets a fold of its own, although the thread still works on the old."""
    folds: list[Any] = []
    blocked, take = threading.Event(), race_cache._Fold.take

    def slow(fold: Any, batches: Any) -> None:
        folds.append(fold)
        if len(folds) == 1:
            blocked.wait(20)
        take(fold, batches)

    monkeypatch.setattr(race_cache._Fold, "take", slow)
    cache = RaceCache(cast("Log", held("race")))
    first = asyncio.create_task(cache.ask("race", lambda race: race.order.laps["7"]))
    while not folds:  # noqa: ASYNC110 - set by a thread
        await asyncio.sleep(0)
    second = asyncio.create_task(cache.ask("race", lambda race: race.order.laps["7"]))
    for _ in range(10):  # until it waits for the same fold
        await asyncio.sleep(0)
    first.cancel()
    found = await second
    blocked.set()
    assert found.answer == 2
    assert len(folds) == 2
    assert folds[0] is not folds[1]
    assert first.cancelled()


async def test_the_budget_keeps_the_races_requested_about_last() -> None:
    """Beyond the budget the race asked about longest ago goes, and is folded again if asked."""
    cache = RaceCache(cast("Log", held("one", "two", "three")), budget_bytes=1_100_000)
    for session in ("one", "two", "three"):
        found = await cache.ask(session, lambda race: race.order.laps["7"])
        assert found.answer == 2
    assert cache.races == 2
    assert cache.memory <= 1_100_000
    assert (await cache.ask("one", lambda race: race.order.laps["7"])).answer == 2


async def test_a_recording_counts_and_a_failed_one_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A recording that could not be read leaves nothing; made again, it is within the budget."""
    log = held("race")
    cache, read = RaceCache(cast("Log", log)), log.read

    def failing(*_: Any, **__: Any) -> Any:
        raise OSError("away")

    monkeypatch.setattr(log, "read", failing)
    with pytest.raises(OSError, match="away"):
        await cache.recording("race", "9999999999999-0")
    await asyncio.sleep(0)
    assert cache.races == 0
    monkeypatch.setattr(log, "read", read)
    recording = await cache.recording("race", "9999999999999-0")
    assert recording.whole.order.laps["7"] == 2
    assert cache.memory > 0
