"""Replays on the real server: shared by all who watch, steered both ways, taken over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from events import AnyEvent, encode
from events.clock import format_clock
from events.errors import AppendRefused, BadMoment, SessionNotEmpty, UnknownSession
from projections.timeline import Timeline
from projections.views.frame import ClientState, Frame, Token
from projections.views.frame_builder import frame_state
from projections.views.moments import moment_of
from replay.entries import EVENT_FIELD, LogEntry, parse_position
from replay.steering import Command, Pause, Play, Seek, SetSpeed, Step
from services.cli.app import app
from services.queries.race_cache import RaceCache
from services.queries.recordings import ReplayedRaces
from services.replayer.app import run_replayer
from services.replayer.runner import ReplayRunner
from services.storage import replay_store
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.frame_reader import frames, published_state
from services.storage.keys import key
from services.storage.projection_store import TakenOver
from services.storage.replay_errors import (
    CommandRefused,
    NoReplayer,
    NoSuchReplay,
    ReplayExists,
    ReplayStopped,
)
from services.storage.replay_store import Replays
from tests.builders import Story, opened, race_of
from tests.races import petit_le_mans_2007_timeline
from tests.server.processes import ROOT
from tests.server.projecting import all_frames, eventually

RACE = "petit-le-mans-2007"
MINUTE = 60_000


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Deck:
    """A replay paced by hand: each ``turn`` lets so many seconds pass, and obeys."""

    def __init__(self, store: Store, replay: str, clock: Clock | None = None) -> None:
        self.store, self.replay = store, replay
        self.clock = clock or Clock()
        self.replays = Replays(store)
        self.runner = ReplayRunner(
            self.replays, RACES(store), replay, clock=self.clock, wall_clock=self.clock
        )

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and obey."""
        self.clock.now += seconds
        await self.runner.turn(await self.runner.commands())

    async def do(self, command: Command) -> None:
        """Ask for something, and have it done."""
        await self.replays.command(self.replay, command)
        await self.turn()

    async def newest(self) -> Frame:
        """The frame told last."""
        shown = await published_state(self.store, self.replay)
        assert shown is not None
        assert shown.newest is not None
        return shown.newest


_races: dict[int, RaceCache] = {}


def RACES(store: Store) -> RaceCache:  # noqa: N802 - reads as the one there is
    """The recordings of a store."""
    return _races.setdefault(id(store), RaceCache(Log(store)))


class Client:
    """One of those who watch and steer, on a connection of its own."""

    def __init__(self, store: Store, replay: str) -> None:
        self.replays = Replays(store)
        self.shown = ClientState()
        self.replay = replay
        self._store = store
        self.frames: list[Frame] = []

    async def ask(self, command: Command) -> None:
        """Ask for something."""
        await self.replays.command(self.replay, command)

    async def watch(self, token: Token) -> None:
        """Take in frames until the one of this token, resuming behind the last."""
        after = self.frames[-1].token if self.frames else None
        if after == token:
            return
        async for frame in frames(self._store, self.replay, after):
            self.shown.apply(frame)
            self.frames.append(frame)
            if frame.token == token:
                return


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """The built-in race, folded straight."""
    return petit_le_mans_2007_timeline()


@pytest.fixture
async def deck(store: Store) -> AsyncIterator[Deck]:
    """A replay of the built-in race, told up to its first frame."""
    deck = Deck(store, await Replays(store).start(RACE))
    await deck.runner.load()
    yield deck
    await forget(store, deck.replay)


async def forget(store: Store, replay: str) -> None:
    """Stop a replay if it is there still."""
    with contextlib.suppress(NoSuchReplay):
        await Replays(store).stop(replay)


@contextlib.asynccontextmanager
async def replaying(store: Store) -> AsyncIterator[None]:
    """A replayer in this process."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_replayer(store, stop))
    try:
        yield
    finally:
        stop.set()
        await running


def check_frames(given: list[Frame], timeline: Timeline) -> None:
    """Each frame leads to the fold of the events handed over, none of which lies ahead of it."""
    shown, straight, index = ClientState(), Timeline(), 0
    for frame in given:
        shown.apply(frame)
        upto, _ = parse_position(frame.token.position)
        if upto < index:
            straight, index = Timeline(), 0
        straight.add(timeline.events[index:upto])
        index = upto
        assert straight.race.at <= frame.clock_at
        assert shown.state == frame_state(straight.race)


# -- Steering --------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [10, pytest.param(60, marks=pytest.mark.slow)])
async def test_two_clients_steer_one_replay(
    deck: Deck, shared_data: Path, timeline: Timeline, turns: int
) -> None:
    """Pause, seek to caution 9, back to lap 100, 20x: both see the same, the straight fold."""
    async with open_store(data=shared_data) as one, open_store(data=shared_data) as two:
        first, second = Client(one, deck.replay), Client(two, deck.replay)
        replayed = ReplayedRaces(Replays(one), RACES(one))

        async def both_see(at: int) -> None:
            await deck.turn()
            token = (await deck.newest()).token
            await first.watch(token)
            await second.watch(token)
            straight = timeline.race_at(at)
            assert first.frames == second.frames
            assert first.shown.state == second.shown.state == frame_state(straight)
            assert first.frames[-1].clock_at == at
            assert deck.runner.player.race.state_hash() == straight.state_hash()
            known = await replayed.race(deck.replay, token, at)
            assert known.state_hash() == straight.state_hash()
            with pytest.raises(BadMoment):
                await replayed.race(deck.replay, token, at, format_clock(at + 1))

        await both_see(0)
        await deck.turn(600)
        await first.ask(Pause())
        await both_see(600_000)
        assert not first.frames[-1].clock_running
        await deck.turn(30)
        await both_see(600_000)

        await second.ask(Seek(to="caution:9"))
        caution = moment_of("caution:9", timeline.race)
        await both_see(caution)
        assert second.frames[-1].reason == "seek to caution 9"
        assert second.frames[-1].kind == "snapshot"

        await first.ask(Seek(to="lap:100"))
        lap = moment_of("lap:100", timeline.race)
        await both_see(lap)
        assert second.frames[-1].reason == "seek to lap 100"

        await second.ask(SetSpeed(speed=20))
        await first.ask(Play())
        await both_see(lap)
        for turn in range(1, turns + 1):
            await deck.turn(0.5)
            await both_see(lap + turn * 10_000)
        assert second.frames[-1].clock_running
    given = await all_frames(deck.store, deck.replay)
    assert [frame.reason for frame in given if frame.kind == "snapshot"] == [
        f"replay of {RACE}",
        "seek to caution 9",
        "seek to lap 100",
    ]
    check_frames(given, timeline)


async def test_no_frame_is_ahead_of_the_playhead(deck: Deck, timeline: Timeline) -> None:
    """At 600 times, with steps and seeks both ways, no frame knows what has not been shown."""
    await deck.do(SetSpeed(speed=600))
    for to in ("5:00:00", "restart:9", "lead-change:3", "+10:00", "-1:00:00", "penalty:1"):
        await deck.do(Seek(to=to))
        for _ in range(5):
            await deck.turn(0.1)
    given = await all_frames(deck.store, deck.replay)
    check_frames(given, timeline)
    assert len({frame.token.epoch for frame in given}) == 7


async def test_steps(deck: Deck, timeline: Timeline) -> None:
    """A step pauses; the next event, lap or marker is gone to, and the one before."""
    times = [event.at for event in timeline.events]
    await deck.do(Seek(to="lap:10"))
    index = deck.runner.player.index
    for expected in (index + 1, index + 2):
        await deck.do(Step())
        assert deck.runner.player.index == expected
        assert (await deck.newest()).clock_at == times[expected - 1]
        assert (await deck.newest()).kind == "delta"
    await deck.do(Step(back=True))
    assert deck.runner.player.index == index + 1
    assert (await deck.replays.state(deck.replay)).playing is False
    for step, moment in (
        (Step(to="lap"), "lap:11"),
        (Step(to="lap", back=True), "lap:10"),
        (Step(to="caution"), "caution:1"),
        (Step(to="restart"), "restart:1"),
        (Step(to="lead_change"), "lead-change:2"),
        (Step(to="caution", back=True), "caution:1"),
    ):
        await deck.do(step)
        at = moment_of(moment, timeline.race)
        assert (await deck.newest()).clock_at == at
        assert deck.runner.player.race.state_hash() == timeline.race_at(at).state_hash()
    check_frames(await all_frames(deck.store, deck.replay), timeline)


async def test_a_command_sent_twice_counts_once(deck: Deck) -> None:
    """The id of a command is what tells whether it is the same."""
    step = Step(to="lap")
    once = await deck.replays.command(deck.replay, step, "one")
    assert await deck.replays.command(deck.replay, step, "one") == once
    assert await deck.replays.command(deck.replay, step, "two") > once
    await deck.turn()
    assert deck.runner.player.race.order.laps[deck.runner.player.race.chart.leaders[-1].car] == 2


async def test_what_there_is_not_changes_nothing(deck: Deck) -> None:
    """A seek to a caution that there never was is refused, and so is a step off the end."""
    before = await deck.newest()
    for command, reason in (
        (Seek(to="caution:12"), "no such moment"),
        (Seek(to="sometime"), "not an instant"),
        (Seek(to="+sometime"), "not a span of time"),
        (Step(to="lap", back=True), "no lap before"),
    ):
        position = await deck.replays.command(deck.replay, command)
        await deck.turn()
        with pytest.raises(CommandRefused, match=reason):
            await deck.replays.outcome(deck.replay, position)
    after = await deck.newest()
    assert (after.token.epoch, after.clock_at) == (before.token.epoch, before.clock_at)
    await deck.store.redis.xadd(key(deck.replay, "control"), {"stop": "it"})
    await deck.turn()
    assert "not a command" in (await deck.replays.state(deck.replay)).refused.values()


async def test_the_end(deck: Deck, timeline: Timeline) -> None:
    """As fast as possible it comes to the end, stays there, and can be taken back."""
    await deck.do(SetSpeed(speed="max"))
    while not deck.runner.player.ended:
        await deck.turn(0.001)
    assert (await deck.replays.describe(deck.replay))["ended"] is True
    end = await deck.newest()
    await deck.turn(60)
    assert await deck.newest() == end
    assert not end.clock_running
    shown = await published_state(deck.store, deck.replay)
    assert shown is not None
    assert shown.state == frame_state(timeline.race)
    await deck.do(SetSpeed(speed=1))
    await deck.do(Seek(to="lap:1"))
    await deck.turn(1)
    assert (await deck.newest()).clock_at == moment_of("lap:1", timeline.race) + 1000


# -- Beginning and ending ----------------------------------------------------------------


async def test_names(store: Store, log: Log, session: str) -> None:
    """A replay has a number for a name, or the one it is given if that is free."""
    replays = Replays(store)
    try:
        numbered = await replays.start(RACE)
        assert numbered.startswith("replay-")
        assert await replays.start(RACE, name=session) == session
        assert {numbered, session} <= set(await replays.names())
        with pytest.raises(ReplayExists):
            await replays.start(RACE, name=session)
        with pytest.raises(SessionNotEmpty):
            await replays.start(RACE, name=RACE)
        with pytest.raises(UnknownSession):
            await replays.start("no-such-race")
        assert not await log.exists(session)
    finally:
        await forget(store, numbered)
        await forget(store, session)
    with pytest.raises(NoSuchReplay):
        await replays.command(session, Play())
    assert session not in await replays.names()


async def test_nothing_is_appended_to_a_replay(deck: Deck, log: Log) -> None:
    """It has no log; its name is no session for a projector to fold."""
    with pytest.raises(AppendRefused, match="append to the session that it plays"):
        await log.append(deck.replay, opened("1").events)
    with pytest.raises(AppendRefused):
        await log.append_at_positions(deck.replay, [LogEntry("1-0", (EVENT_FIELD, b"{}"))])
    assert not await log.exists(deck.replay)


async def test_a_stopped_replay_is_forgotten(deck: Deck) -> None:
    """Nothing of it stays; another of its name tells in a later epoch."""
    await deck.do(Seek(to="lap:3"))
    await deck.replays.stop(deck.replay)
    with pytest.raises(NoSuchReplay):
        await deck.turn(5)
    assert [key async for key in deck.store.redis.scan_iter(f"{{{deck.replay}}}:*")] == []
    await deck.replays.start(RACE, name=deck.replay)
    again = Deck(deck.store, deck.replay)
    await again.runner.load()
    assert (await again.newest()).token == Token(3, f"{again.runner.player.index}-0")


async def test_without_a_replayer_a_command_waits(store: Store, session: str) -> None:
    """Whoever asks is told that nobody is there to obey."""
    replays = Replays(store)
    with pytest.raises(NoReplayer):
        await replays.begin(RACE, name=session, begin="lap:100", seconds=0)
    replay = session
    try:
        with pytest.raises(NoReplayer):
            await replays.outcome(replay, await replays.command(replay, Pause()), seconds=0)
        deck = Deck(store, replay)
        await deck.runner.load()
        await deck.turn()
        assert (await deck.newest()).reason == "seek to lap 100"
        assert (await deck.replays.state(replay)).playing is False
    finally:
        await forget(store, replay)


def test_from_the_command_line(shared_data: Path, session: str) -> None:
    """Begin, steer, list and stop, each a command of its own."""

    def lapstream(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--data", str(shared_data)])
        assert (result.exit_code == 0) is not result.output.startswith("lapstream:"), result.output
        return result.output

    with replaying_in_a_thread(shared_data):
        wanted = ("--from", "lap:100", "--paused", "--name", session)
        assert "folding" in lapstream("replays", "start", RACE, *wanted)
        assert "8:50:13" in lapstream("replays", "seek", session, "caution:9")
        assert "8:49:13" in lapstream("replays", "seek", session, "-1:00")
        assert "8:50:13" in lapstream("replays", "step", session, "caution")
        assert "max" in lapstream("replays", "speed", session, "max")
        listed = lapstream("replays", "list", "--format", "json")
        (row,) = [row for row in json.loads(listed) if row["replay"] == session]
        assert (row["clock_ms"], row["speed"], row["playing"]) == (31_813_273, "max", False)
        assert "no such moment" in lapstream("replays", "seek", session, "caution:12")
        assert lapstream("replays", "stop", session) == ""
        assert "no replay" in lapstream("replays", "play", session)


@contextlib.contextmanager
def replaying_in_a_thread(data: Path) -> Iterator[None]:
    """A replayer in this process, for a test whose commands run in the main thread."""
    stop = asyncio.Event()
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def replay() -> None:
        async with open_store(data=data) as store:
            started.set_result(asyncio.get_running_loop())
            await run_replayer(store, stop)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(lambda: asyncio.run(replay()))
        try:
            yield
        finally:
            started.result(60).call_soon_threadsafe(stop.set)
            running.result(60)


# -- As it was shown -------------------------------------------------------------------------


def learned_live(story: Story, late: int) -> list[LogEntry]:
    """Each event learned as it happens, the one at index ``late`` a minute after."""
    at = [
        1_700_000_000_000 + event.at + (MINUTE if index == late else 0)
        for index, event in enumerate(story.events)
    ]
    order = sorted(range(len(at)), key=lambda index: (at[index], index))
    return [
        LogEntry(f"{at[index]}-{place}", (EVENT_FIELD, encode(story.events[index])))
        for place, index in enumerate(order, start=1)
    ]


async def test_as_it_was_shown(
    store: Store, log: Log, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late lap comes late, and what was known before it is shown without it."""
    story = opened("1", "2", lines=("FL",)).laps("1", 10)
    story.laps("2", 10, ms=MINUTE + 500)
    late = next(i for i, e in enumerate(story.events) if e.at == 3 * MINUTE)
    entries = learned_live(story, late)
    await log.append_at_positions(session, entries)
    replays = Replays(store)
    replay = await replays.start(session, as_shown=True)
    deck = Deck(store, replay)
    folding: set[int] = set()  # whoever else is served must not wait for it
    add = Timeline.add

    def noted(timeline: Timeline, events: Iterable[AnyEvent]) -> int:
        folding.add(threading.get_ident())
        return add(timeline, events)

    monkeypatch.setattr(Timeline, "add", noted)
    try:
        await deck.runner.load()
        await deck.turn(3 * 60 + 10)
        assert deck.runner.player.race.order.laps == {"1": 2, "2": 3}
        assert (await deck.newest()).clock_at == 3 * MINUTE + 10_000
        await deck.turn(60)
        assert deck.runner.player.race.order.laps == {"1": 4, "2": 4}
        await deck.do(Seek(to="0:03:05"))
        assert deck.runner.player.race.order.laps == {"1": 2, "2": 3}
        assert threading.get_ident() not in folding
        await deck.do(SetSpeed(speed="max"))
        await deck.turn(1)
        shown = await published_state(store, replay)
        assert shown is not None
        assert shown.state == frame_state(race_of(story))
    finally:
        await forget(store, replay)


async def test_an_imported_log_cannot_be_replayed_as_it_was_shown(store: Store) -> None:
    """Nobody knows when its events were learned; the replay says so and stands still."""
    async with replaying(store):
        replays = Replays(store)
        replay = await replays.start(RACE, as_shown=True)
        try:
            position = await replays.command(replay, Play())
            with pytest.raises(ReplayStopped, match="imported in one go"):
                await replays.outcome(replay, position)
            assert (await replays.describe(replay))["state"] == "stopped"
        finally:
            await forget(store, replay)


# -- Who paces -------------------------------------------------------------------------------


async def test_another_goes_on_where_the_last_frame_stands(deck: Deck, timeline: Timeline) -> None:
    """Same epoch, same speed, same place; the one before is refused."""
    await deck.do(SetSpeed(speed=60))
    await deck.do(Seek(to="1:00:00"))
    await deck.turn(2)
    before = await deck.newest()
    another = Deck(deck.store, deck.replay, deck.clock)
    await another.runner.load()
    assert await another.newest() == before
    await another.turn(1)
    after = await another.newest()
    assert after.token.epoch == before.token.epoch
    assert after.clock_at == before.clock_at + MINUTE
    with pytest.raises(TakenOver):
        await deck.turn(2)
    check_frames(await all_frames(deck.store, deck.replay), timeline)


async def test_frames_that_were_lost_are_made_anew(deck: Deck) -> None:
    """Without a snapshot to trust, a takeover begins a new epoch."""
    await deck.turn(100)
    before = await deck.newest()
    await deck.store.redis.delete(key(deck.replay, "snapshot"))
    another = Deck(deck.store, deck.replay, deck.clock)
    await another.runner.load()
    after = await another.newest()
    assert (after.token.epoch, after.reason) == (before.token.epoch + 1, "rebuilt")
    assert after.clock_at == before.clock_at


async def test_several_at_once(
    store: Store, timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replays side by side in one process do not disturb each other."""
    monkeypatch.setattr(replay_store, "OUTCOME_SECONDS", 60.0)  # three whole races are folded
    replays = Replays(store)
    names = [await replays.start(RACE, speed="max") for _ in range(3)]
    try:
        async with replaying(store):
            await replays.steer(names[0], Step(to="caution"))
            await replays.steer(names[0], Seek(to="lap:100"))

            async def ended() -> bool:
                return all([(await replays.state(name)).ended for name in names[1:]])

            await eventually(ended, "the replays at their ends")
        states: list[Any] = [await published_state(store, name) for name in names]
        lap = moment_of("lap:100", timeline.race)
        assert states[0].state == frame_state(timeline.race_at(lap))
        assert states[1].state == states[2].state == frame_state(timeline.race)
    finally:
        for name in names:
            await forget(store, name)


Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_replayer(shared_data: Path) -> Iterator[Start]:
    """``faststream run services.replayer:build_app --factory``, killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        program = Path(sys.executable).with_name("faststream")
        started.append(
            subprocess.Popen(
                [str(program), "run", "services.replayer:build_app", "--factory"],
                cwd=ROOT,
                env={
                    **os.environ,
                    "LAPSTREAM_DATA": str(shared_data),
                    "LAPSTREAM_LOG_LEVEL": "ERROR",
                },
                stdin=subprocess.DEVNULL,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


async def at_work(store: Store, replay: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until this very process paces the replay."""

    async def works() -> bool:
        assert process.poll() is None, "the replayer ended"
        holder: Any = await store.redis.get(key(replay, "lease"))
        return holder is not None and holder.decode().startswith(f"{process.pid}-")

    await eventually(works, f"replayer {process.pid} at work")


async def moves(store: Store, replay: str, beyond: Frame | None) -> Frame:
    """Wait for a frame beyond this one; the newest there is."""
    found: list[Frame] = []

    async def moved() -> bool:
        shown = await published_state(store, replay)
        if shown is None or shown.newest is None:
            return False
        if beyond is None or shown.newest.clock_at > beyond.clock_at:
            found.append(shown.newest)
        return bool(found)

    await eventually(moved, "the replay goes on")
    return found[-1]


@pytest.mark.slow
async def test_takeover_after_a_kill(
    store: Store, start_replayer: Start, timeline: Timeline
) -> None:
    """Another process goes on from the last frame at the same speed; no frame is missing."""
    replays = Replays(store)
    replay = await replays.start(RACE, speed=60)
    try:
        first = start_replayer()
        await at_work(store, replay, first)
        await moves(store, replay, await moves(store, replay, None))
        second = start_replayer()
        first.kill()
        first.wait()
        before = (await published_state(store, replay)).newest  # type: ignore[union-attr]
        assert before is not None
        await at_work(store, replay, second)
        after = await moves(store, replay, before)
        assert after.token.epoch == before.token.epoch
        showing = await replays.steer(replay, Pause())
        assert (showing.speed, showing.playing) == (60, False)
        second.terminate()
        assert second.wait(30) == 0
        check_frames(await all_frames(store, replay), timeline)
    finally:
        await forget(store, replay)
