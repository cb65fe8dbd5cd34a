"""A session that stops names the entry at fault, and goes on when it is put into quarantine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

import events as ev
from events import AnyEvent, decode, encode
from events.errors import BadDecision
from projections.folds.control import RaceControl
from projections.views.frame import ClientState
from projections.views.frame_builder import frame_state
from replay.quarantine import CannotFold
from services.cli.app import app
from services.projector import app as projector_app
from services.projector import faststream_adapter
from services.queries.listings import session_rows
from services.queries.race_cache import RaceCache
from services.queries.sessions import SessionQuestion, read_session
from services.replayer import app as replayer_app
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.keys import log_key
from services.storage.projection_store import health
from services.storage.quarantine_log import quarantine
from services.storage.replay_store import Replays
from tests.builders import Story, opened
from tests.server.projecting import (
    all_frames,
    append_and_wait,
    eventually,
    projecting,
    state_of,
    stopped,
    until_projected,
)
from tests.server.test_replayer import replaying

ABDUCTED = b'{"type":"car_abducted","at":1,"source":"x","source_seq":1}'
NEWER = b'{"v":9,"type":"pit_entered","at":1,"source":"x","source_seq":1}'


def a_race(laps: int = 5) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let projectors and replayers look every few milliseconds."""
    for module in (projector_app, replayer_app):
        monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(faststream_adapter, "BLOCK_MS", 20)


@pytest.fixture(autouse=True)
def _curse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fold fail at a message of this text, as at an event that it has a mistake for."""
    fold = RaceControl._race_control_message

    def mistaken(self: RaceControl, event: ev.RaceControlMessage) -> None:
        if event.text == "cursed":
            raise ZeroDivisionError("a mistake")
        fold(self, event)

    monkeypatch.setattr(RaceControl, "_race_control_message", mistaken)


def cursed(at: int = 200_000) -> bytes:
    """An event that the fold fails at."""
    return encode(Story("desk").add(ev.RaceControlMessage, at, text="cursed"))


async def add(store: Store, session: str, raw: bytes) -> str:
    """Append an entry as another program would. Returns its position."""
    position: Any = await store.redis.xadd(log_key(session), {"event": raw})
    return str(position.decode())


async def without(log: Log, session: str, *positions: str) -> list[AnyEvent]:
    """The log's events but those at these positions."""
    return [
        decode(entry.payload)
        async for entries in log.read(session)
        for entry in entries
        if entry.position not in positions
    ]


async def shown(store: Store, session: str) -> Any:
    """What a subscriber of the frames has in the end."""
    client = ClientState()
    for frame in await all_frames(store, session):
        client.apply(frame)
    return client.state


@pytest.mark.parametrize(
    ("raw", "event", "says"),
    [
        pytest.param(cursed(), "race_control_message 0 of 'desk'", "a mistake", id="fold"),
        pytest.param(ABDUCTED, None, "car_abducted", id="unknown"),
        pytest.param(NEWER, None, "version 9", id="newer"),
    ],
)
async def test_a_stopped_session_goes_on_behind_a_quarantine(store, log, session, raw, event, says):
    """The entry is named, the session listed; after the quarantine it goes on by itself."""
    story, other = a_race(), f"{session}-other"
    with capture_logs() as lines:
        async with projecting(store, session, other):
            last_good = (await log.append(session, story.events[:7])).position
            at_fault = await add(store, session, raw)
            await log.append(session, story.events[7:])
            found = await stopped(store, session)
            assert found["position"] == at_fault
            assert found.get("event") == event
            assert says in found["reason"]
            assert await shown(store, session) == state_of(story.events[:7])
            (row,) = [one for one in await session_rows(log) if one["session"] == session]
            assert at_fault in row["fault"]
            await append_and_wait(log, store, other, story.events)
            decided, what = await quarantine(log, session, at_fault, by="Jo", reason="stops it")
            await until_projected(store, session, decided.split()[-1])
            assert what == (event or "undecodable")
    assert await shown(store, session) == state_of(await without(log, session, at_fault))
    (line,) = [one for one in lines if one["event"] == "session stopped"]
    assert (line["session"], line["position"]) == (session, at_fault)
    found = await health(store, session)
    assert (found["state"], found["quarantined"]) == ("folding", at_fault)
    assert last_good < at_fault
    recorded = await read_session(log, SessionQuestion(session))
    assert frame_state(recorded.timeline.race) == await shown(store, session)
    assert recorded.timeline.race.control.items[-1].text.endswith("(stops it)")


async def test_a_restart_leaves_the_entry_out_too(store, log, session):
    """Projectors that begin later, and those that have lost the frames, come to the same."""
    async with projecting(store, session):
        await log.append(session, a_race().events)
        at_fault = await add(store, session, cursed())
        await stopped(store, session)
        decided, _ = await quarantine(log, session, at_fault, by="Jo", reason="stops it")
        await until_projected(store, session, decided.split()[-1])
    before = await shown(store, session)
    again = Story("again").add(ev.RaceControlMessage, 300_000, text="again")
    for gone in ((), ("token",), ("token", "frames", "snapshot")):
        for name in gone:
            await store.redis.delete(f"{{{session}}}:{name}")
        async with projecting(store, session):
            await append_and_wait(log, store, session, [again])
            again = again.model_copy(update={"source_seq": again.source_seq + 1})
    assert len((await shown(store, session))["messages"]) == len(before["messages"]) + 3


async def test_a_lifted_quarantine_folds_the_entry_again(store, log, session):
    """An entry that does fold is left out, and is back when its quarantine is lifted."""
    story = a_race()
    async with projecting(store, session):
        await append_and_wait(log, store, session, story.events)
        lap = (await log.last_position(session), story.last)
        decided, _ = await quarantine(log, session, lap[0], by="Jo", reason="doubtful")
        await until_projected(store, session, decided.split()[-1])
        assert (await shown(store, session))["standings"]["8"]["laps"] == 4
        races = RaceCache(log)
        laps = lambda race: race.order.laps["8"]  # noqa: E731
        assert (await races.ask(session, laps)).answer == 4
        decided, _ = await quarantine(log, session, lap[0], by="Jo", reason=None, lift=True)
        await until_projected(store, session, decided.split()[-1])
        assert (await shown(store, session))["standings"]["8"]["laps"] == 5
        assert (await races.ask(session, laps)).answer == 5
        assert (await races.ask(session, laps, upto=lap[0])).answer == 5
    assert "quarantined" not in await health(store, session)


async def test_questions_name_the_entry_until_it_is_in_quarantine(store, log, session):
    """Of the command line and of the gateway; also as known before the decision."""
    await log.append(session, a_race().events)
    at_fault = await add(store, session, cursed())
    races = RaceCache(log)
    clock = lambda race: race.at  # noqa: E731
    says = rf"session '{session}' cannot be folded at {at_fault} \(race_control_message 0 of 'desk'"
    for question in (
        read_session(log, SessionQuestion(session)),
        races.ask(session, clock),
        races.recording(session, at_fault),
    ):
        with pytest.raises(CannotFold, match=says):
            await question
    await quarantine(log, session, at_fault, by="Jo", reason="stops it")
    assert (await races.ask(session, clock)).answer == 305_000
    assert (await races.ask(session, clock, upto=at_fault)).answer == 305_000
    assert await races.recording(session, at_fault)
    await read_session(log, SessionQuestion(session))


async def test_a_replay_goes_on_behind_a_quarantine(store, log, session):
    """A replay of a session that cannot be folded says so, and plays after the quarantine."""
    await log.append(session, a_race().events)
    at_fault = await add(store, session, cursed())
    replays = Replays(store)
    replay = await replays.start(session, playing=False)
    async with replaying(store):
        assert at_fault in (await stopped(store, replay))["reason"]
        await quarantine(log, session, at_fault, by="Jo", reason="stops it")

        async def plays() -> bool:
            return (await health(store, replay)).get("state") == "folding"

        await eventually(plays, "the replay plays")
    await replays.stop(replay)


async def test_what_cannot_be_put_into_quarantine(store, log, session):
    """A position without an entry, a decision on a quarantine, and what is there already."""
    position = (await log.append(session, a_race().events)).position

    async def refused(at: str, **how: Any) -> str:
        with pytest.raises(BadDecision) as caught:
            await quarantine(log, session, at, by="Jo", reason="doubtful", **how)
        return str(caught.value)

    assert "no entry" in await refused("5-5")
    assert "not a position" in await refused("now")
    assert "not in quarantine" in await refused(position, lift=True)
    decided, _ = await quarantine(log, session, position, by="Jo", reason="doubtful")
    assert "already" in await refused(position)
    assert "use --lift" in await refused(decided.split()[-1])


def test_the_command(shared_data: Path, session: str) -> None:
    """The command names what was decided; `sessions` and queries name the entry at fault."""

    async def make() -> str:
        async with open_store(data=shared_data) as store:
            await Log(store).append(session, a_race().events)
            return await add(store, session, cursed())

    at_fault = asyncio.run(make())
    run = CliRunner()

    def lapstream(*arguments: str) -> Any:
        return run.invoke(app, [*arguments, "--data", str(shared_data)])

    failed = lapstream("standings", session)
    assert failed.exit_code == 1
    assert f"at {at_fault} (race_control_message 0 of 'desk')" in failed.stderr
    assert lapstream("quarantine", session, at_fault).exit_code == 2  # no reason
    done = lapstream("quarantine", session, at_fault, "--reason", "stops it", "--by", "Jo")
    assert done.exit_code == 0, done.output
    assert f"log entry {at_fault} (race_control_message 0 of 'desk') quarantined" in done.stdout
    rows = json.loads(lapstream("standings", session, "--format", "json").stdout)
    assert len(rows) == 2
    assert lapstream("quarantine", session, at_fault, "--lift", "--by", "Jo").exit_code == 0
    assert lapstream("standings", session).exit_code == 1
