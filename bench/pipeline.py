"""From the log to committed frames, against reading and validating the same entries.

Ours is a projector with an embedded server: entries through FastStream, decoded, folded
by all projections, published as frames, committed, on disk. Against it stands a bare client:
XREAD with 1,000 entries at a time, and pydantic's validation of each. The ratio is of
events a second: ours/against.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import uvloop
from pydantic import Field, TypeAdapter

from bench.measure import in_turn, report
from bench.synthetic import synthetic_race
from events import AnyEvent
from projections.timeline import Timeline
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from services.projector.app import run_projector
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.frame_ids import frame_id
from services.storage.frame_reader import published_state
from services.storage.keys import EPOCHS, key, log_key

Run = Callable[[Coroutine[Any, Any, Any]], Any]
SESSION = "bench"
DERIVED = ("token", "frames", "snapshot", "checkpoint", "blocks", "parked", "health", "lease")


async def fill(store: Store, events: list[AnyEvent], session: str = SESSION) -> str:
    """Append the race. Returns the last position."""
    log = Log(store)
    for start in range(0, len(events), 1000):
        position = (await log.append(session, events[start : start + 1000])).position
    return position


async def project(store: Store, last: Mapping[str, str]) -> None:
    """Start a projector, let it come to the last position of each session, and stop it."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_projector(store, stop, list(last)))
    for session, position in last.items():
        first, _, number = frame_id(Token(1, position)).partition("-")
        before = f"{first}-{int(number) - 1}"
        while not await store.redis.xread({key(session, "frames"): before}, block=1000):
            assert not running.done()
    stop.set()
    await running


async def read_and_validate(store: Store) -> None:
    """The whole log with a bare client, every event validated."""
    validate = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")]).validate_json
    stream, after = log_key(SESSION), "0-0"
    while True:
        reply: Any = await store.redis.xread({stream: after}, count=1000)
        if not reply:
            return
        ((_, entries),) = dict(reply).items()
        for _, fields in entries:
            validate(fields[b"event"])
        after = entries[-1][0]


async def forget(store: Store, sessions: Iterable[str] = (SESSION,)) -> None:
    """Everything but the logs, the newest epochs included: the frames begin at the first again."""
    await store.redis.unlink(EPOCHS, *(key(one, name) for one in sessions for name in DERIVED))


async def check(store: Store, events: list[AnyEvent], session: str = SESSION) -> None:
    """The frames lead to the state of the race."""
    timeline = Timeline()
    timeline.add(events)
    printed = await published_state(store, session)
    assert printed is not None
    assert printed.state == frame_state(timeline.race)


def with_store(measure: Callable[[Run, Store], None]) -> None:
    """Measure in one event loop, on an embedded server of its own."""
    with (
        tempfile.TemporaryDirectory() as data,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        store_context = open_store(data=Path(data))
        store = runner.run(store_context.__aenter__())
        try:
            measure(runner.run, store)
        finally:
            runner.run(store_context.__aexit__(None, None, None))


def measure(run: Run, store: Store) -> None:
    """Both sides in turn."""
    events = synthetic_race()
    last = run(fill(store, events))

    def ours() -> None:
        run(forget(store))
        run(project(store, {SESSION: last}))

    mine, theirs, ratio = in_turn(ours, lambda: run(read_and_validate(store)))
    run(check(store, events))
    report(
        "pipeline",
        len(events) / mine,
        len(events) / theirs,
        1 / ratio,
        "events/s",
        events=len(events),
        log_bytes=run(store.redis.memory_usage(log_key(SESSION), samples=0)),  # type: ignore[arg-type]
    )


def main() -> None:
    """Measure, and print one line."""
    with_store(measure)


if __name__ == "__main__":
    main()
