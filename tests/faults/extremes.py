"""Valid events with extreme values, many of them: whatever a log accepts is folded and shown.

Hypothesis draws a pool of events, as for the unit tests; sequences are then put together from
the pool by chance, which is many times as fast as drawing each event anew.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings

from events import AnyEvent, encode
from tests.faults.reports import Report
from tests.unit.services.test_extreme_events import (
    check_answers,
    check_folds,
    check_tables,
    none_in_quarantine,
    sequences,
)

POOL_DRAWS = 150
"""Draws of Hypothesis for a pool, each of some dozen events."""

POOL_LASTS = 25_000
"""Events that are tried from one pool."""

SIZES = (2, 5, 12, 40, 40, 100)


def extreme_events(first_seed: int, events: int) -> Report:
    """Try sequences until so many events were folded and shown, or one of them fails."""
    report = Report("extreme events", {"seed": first_seed})
    chance, began = random.Random(first_seed), time.monotonic()
    pool: list[AnyEvent] = []
    tried, tried_of_pool, sequences_tried = 0, POOL_LASTS, 0
    while tried < events and not report.faults:
        if tried_of_pool >= POOL_LASTS:
            pool, tried_of_pool = _pool(chance.randrange(1 << 30)), 0
        sequence = _sequence(pool, chance)
        if not none_in_quarantine(sequence):
            continue
        tried += len(sequence)
        tried_of_pool += len(sequence)
        sequences_tried += 1
        if (error := _error_of(sequence)) is not None:
            smallest = _smallest(sequence, lambda some: type(_error_of(some)) is type(error))
            payloads = [json.loads(encode(event)) for event in smallest]
            kind = type(error).__name__
            report.faults.append(f"{kind}: {error}; the events: {json.dumps(payloads)}")
    report.figures |= {
        "events": tried,
        "sequences": sequences_tried,
        "seconds": round(time.monotonic() - began),
    }
    return report


def _pool(number: int) -> list[AnyEvent]:
    """Events that Hypothesis draws from a seed."""
    pool: list[AnyEvent] = []

    @seed(number)
    @settings(
        max_examples=POOL_DRAWS,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(sequences)
    def draw(drawn: list[AnyEvent]) -> None:
        pool.extend(drawn)

    draw()
    return pool


def _sequence(pool: Sequence[AnyEvent], chance: random.Random) -> list[AnyEvent]:
    """Some events of the pool; each identity once, and now and then several at one time."""
    chosen: dict[tuple[str, int], AnyEvent] = {}
    times = [event.at for event in chance.choices(pool, k=3)]
    for event in chance.choices(pool, k=chance.choice(SIZES)):
        if chance.random() < 0.2:
            event = event.model_copy(update={"at": chance.choice(times)})
        chosen.setdefault(event.identity, event)
    return list(chosen.values())


def _error_of(events: Sequence[AnyEvent]) -> Exception | None:
    """The fault of a sequence, if there is one."""
    try:
        timeline = check_folds(list(events), random.Random(len(events)))
        check_tables(timeline.race)
        check_answers(timeline, list(events))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the suite looks for
        return error
    return None


def _smallest(
    events: list[AnyEvent], fails: Callable[[Sequence[AnyEvent]], bool]
) -> list[AnyEvent]:
    """The sequence without the events that its fault does not need."""
    size = len(events) // 2
    while size:
        for start in range(len(events) - size, -1, -size):
            rest = events[:start] + events[start + size :]
            if fails(rest):
                events = rest
        size //= 2
    return events
