"""Live feeds over real sockets into a real store: cut, silent, repeated, taken up again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from events import AnyEvent, Event, RaceControlMessage, decode, encode
from events.errors import AppendRefused, BadSessionId, StoreUnavailable
from events.formats.rmonitor_recorded import SOURCE
from replay.rmonitor import import_rmonitor
from services.feeds import follower
from services.feeds.address import Address, BadAddress, run_session
from services.feeds.connection import FeedTimeouts
from services.feeds.follower import Feed
from services.feeds.player import FeedPlayer, FeedState, parts_of
from services.feeds.writer import recorded_events
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.feed_store import (
    FeedHealth,
    FeedStore,
    ReceivedLines,
    feed_health,
    recording,
)
from services.storage.replay_store import Replays
from tests.builders import opened, race_of
from tests.data import DATA, needs_data
from tests.rmonitor import OPENING, beat, doubled, g, j, laps
from tests.server.projecting import check_frames, eventually, projecting, until_projected

QUICK = FeedTimeouts(connecting=5.0, silent=5.0, lost=30.0, first_pause=0.01, longest_pause=0.05)
DAY = datetime(2025, 4, 26, 15, 0, tzinfo=UTC)


def recorded(*parts: Sequence[str] | str) -> bytes:
    """A recording, a second to each part."""
    logged_events = []
    for second, part in enumerate(parts):
        lines = [part] if isinstance(part, str) else part
        logged_events.append(f"##2025-04-26 15:{second // 60:02}:{second % 60:02}.000")
        logged_events += lines
    return "".join(f"{line}\r\n" for line in logged_events).encode()


def race(cars: str = "789", rounds: int = 6) -> list[Sequence[str]]:
    """The parts of a race: the start, and a lap of each car in each part behind it."""
    parts: list[Sequence[str]] = [(*OPENING, beat(0), beat(1, "Green"))]
    parts.append([j(car, 0, 2000 + at) for at, car in enumerate(cars)])
    for lap in range(1, rounds + 1):
        part = [beat(90 * lap, "Yellow" if lap == 3 else "Green")]
        for at, car in enumerate(cars):
            total = 2000 + at + lap * (90_000 + 1000 * at)
            part += [j(car, 90_000 + 1000 * at, total), g(car, lap, total, at + 1)]
        parts.append(part)
    return parts


@contextlib.asynccontextmanager
async def following(
    store: Store,
    session: str,
    address: Address,
    timeouts: FeedTimeouts = QUICK,
    now: Callable[[], datetime] = lambda: DAY,
) -> AsyncIterator[Feed]:
    """A feed that is followed in this process."""
    feed = Feed(store, session, address, timeouts=timeouts, now=now)
    task = asyncio.create_task(feed.follow())
    try:
        yield feed
    finally:
        feed.stop()
        await task


async def logged_events(log: Log, session: str) -> list[AnyEvent]:
    """The events of a session's log."""
    return [decode(entry.payload) async for batch in log.read(session) for entry in batch]


async def until_logged(log: Log, session: str, events: Iterable[Event]) -> None:
    """Wait until the log holds so many events, as these are."""
    wanted = len(list(events))

    async def holds() -> bool:
        return await log.length(session) >= wanted

    await eventually(holds, f"{wanted} events in {session}")


async def until_lap(log: Log, session: str, car: str, lap: int) -> None:
    """Wait until that lap of a car is in the log."""

    async def holds() -> bool:
        return any(one[:2] == (car, lap) for one in laps(await logged_events(log, session)))

    await eventually(holds, f"lap {lap} of {car} in {session}")


async def until_health(
    store: Store, session: str, holds: Callable[[FeedHealth], bool], what: str
) -> FeedHealth:
    """Wait until the feed fares so."""
    found: list[FeedHealth] = []

    async def fares() -> bool:
        health = await feed_health(store, session, DAY)
        found[:] = [health] if health else []
        return bool(health and holds(health))

    await eventually(fares, what)
    return found[0]


def imported(tmp_path: Path, raw: bytes) -> list[list[Event]]:
    """The runs of a recording, as it is imported."""
    file = tmp_path / "recording.txt"
    file.write_bytes(raw)
    return import_rmonitor(file)


class TestFollowing:
    """A feed that works."""

    async def test_live_is_as_imported(
        self, store: Store, log: Log, session: str, tmp_path: Path
    ) -> None:
        """A feed that is followed tells the very events that its recording does."""
        raw = recorded(*race())
        [expected] = imported(tmp_path, raw)
        player = FeedPlayer(raw, speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play()
            await until_logged(log, session, expected)
        live = await logged_events(log, session)
        assert race_of(live).state_hash() == race_of(expected).state_hash()  # type: ignore[arg-type]
        assert [event.source_seq for event in live] == list(range(len(expected)))

    async def test_runs(self, store: Store, log: Log, session: str) -> None:
        """A second run becomes a session of its own."""
        second = ["$I,,", *OPENING[1:], '$B,95,"Sunday"', beat(0), beat(1), g("7", 1, 90_000)]
        player = FeedPlayer(recorded(*race(), second), speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play()
            await until_lap(log, f"{session}-2", "7", 1)
            for name in (session, f"{session}-2"):
                health = await until_health(
                    store, name, lambda health: health.session == f"{session}-2", "second run"
                )
                assert health.followed
        assert len(laps(await logged_events(log, session))) == 18

    async def test_beside_other_programs(self, store: Store, log: Log, session: str) -> None:
        """Race control may append to the session before and meanwhile."""
        message = RaceControlMessage(at=0, source="race-control", source_seq=0, text="Go")
        await log.append(session, [message])
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play(4)
            await until_lap(log, session, "9", 2)
            await log.append(session, [message.model_copy(update={"source_seq": 1})])
            await player.play()
            await until_lap(log, session, "9", 6)
        assert doubled(await logged_events(log, session)) == []

    async def test_paced_by_its_times(self, store: Store, log: Log, session: str) -> None:
        """A recording is played by its receive times; long silences are shortened on request."""
        raw = recorded(*race()) + b"##2025-04-26 19:00:00.000\r\n" + g("7", 7, 999_000).encode()
        player = FeedPlayer(raw + b"\r\n", speed=100.0, longest_silence=2.0)
        loop = asyncio.get_running_loop()
        async with player.serving() as address, following(store, session, address):
            began = loop.time()
            await player.play()
            assert loop.time() - began >= (7 + 2) / 100.0
            await until_lap(log, session, "7", 7)

    async def test_on_screens(self, store: Store, log: Log, session: str) -> None:
        """What a feed tells, corrections and all, reaches the frames."""
        parts = race()
        parts.insert(4, [j("7", 89_970, 181_970), g("8", 1, 184_001)])  # put right, laps taken
        player = FeedPlayer(recorded(*parts), speed=None)
        async with (
            projecting(store, session),
            player.serving() as address,
            following(store, session, address),
        ):
            await player.play()
            await until_lap(log, session, "9", 6)
            await until_projected(store, session, await log.last_position(session))
        events = await logged_events(log, session)
        assert {"lap_amended", "penalty_imposed"} <= {event.type for event in events}
        await check_frames(store, session, events)

    async def test_stopping_loses_nothing(self, store: Store, log: Log, session: str) -> None:
        """What was received before the end is in the log."""
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address:
            async with following(store, session, address):
                await player.play()
                await until_health(store, session, lambda health: health.records > 40, "read")
            assert len(laps(await logged_events(log, session))) == 18
        health = await feed_health(store, session, DAY)
        assert health is not None
        assert (health.state, health.followed) == ("ended", False)


class TestFaults:
    """A feed that does not work."""

    async def test_cut_in_the_middle_of_a_line(
        self, store: Store, log: Log, session: str, tmp_path: Path
    ) -> None:
        """A connection cut within a line is made anew, and no lap is lost, or told twice."""
        raw = recorded(*race())
        player = FeedPlayer(raw, speed=None)
        async with player.serving() as address, following(store, session, address):
            for lap in range(1, 6):
                await player.play(1 if lap > 1 else 3)
                await until_lap(log, session, "9", lap)
                player.disconnect(last=g("7", 77, 9_000_000).encode()[: 9 + lap])
            await player.play()
            await until_lap(log, session, "9", 6)
        live = await logged_events(log, session)
        [expected] = imported(tmp_path, raw)
        assert doubled(live) == []
        assert sorted(laps(live)) == sorted(laps(expected))
        assert race_of(live).state_hash() == race_of(expected).state_hash()  # type: ignore[arg-type]

    async def test_laps_while_it_was_gone(self, store: Store, log: Log, session: str) -> None:
        """Laps that were completed while nobody listened are made good by the next refresh."""
        player = FeedPlayer(recorded(*race(rounds=9)), speed=None)
        board = FeedState()
        async with player.serving() as address, following(store, session, address):
            await player.play(4)
            await until_lap(log, session, "9", 2)
            player.disconnect()
            for part in parts_of(recorded(*race(rounds=8))):
                for line in part.raw.splitlines(keepends=True):
                    board.note(line)
            player.state = board
            await player.play(0)
            await until_lap(log, session, "9", 8)
        live = await logged_events(log, session)
        assert doubled(live) == []
        assert race_of(live).order.laps == {"7": 8, "8": 8, "9": 8}

    async def test_reset(self, store: Store, log: Log, session: str, tmp_path: Path) -> None:
        """Boards cleared and filled again, three times in a row, change nothing."""
        parts = race()
        state = [g(car, 3, 2000 + at + 3 * (90_000 + 1000 * at)) for at, car in enumerate("789")]
        blank = [g(car, "", 0) for car in "789"]
        parts[5:5] = [["$I,,", "$I,,", "$I,,", *OPENING, *blank, *state, beat(280, "Yellow")]] * 3
        player = FeedPlayer(recorded(*parts), speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play()
            await until_lap(log, session, "9", 6)
        [expected] = imported(tmp_path, recorded(*race()))
        live = await logged_events(log, session)
        assert race_of(live).state_hash() == race_of(expected).state_hash()  # type: ignore[arg-type]

    async def test_silent(self, store: Store, log: Log, session: str) -> None:
        """A feed that says nothing is told to be silent, and connected to anew."""
        timeouts = FeedTimeouts(silent=0.05, lost=0.3, first_pause=0.01, longest_pause=0.05)
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address, following(store, session, address, timeouts):
            await player.play(4)
            await until_lap(log, session, "9", 2)
            silent = await until_health(
                store, session, lambda health: health.connections > 2, "connected anew"
            )
            assert silent.age_s is not None
            await player.play()
            await until_lap(log, session, "9", 6)
        assert doubled(await logged_events(log, session)) == []

    async def test_not_there_yet(self, store: Store, log: Log, session: str) -> None:
        """A feed that is not served yet is waited for, and it is said why."""
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address:
            pass
        async with following(store, session, address):
            health = await until_health(
                store, session, lambda health: health.state == "down", "down"
            )
            assert health.age_s is None
            assert health.reason
            async with player.serving(port=address.port):
                await player.play()
                await until_lap(log, session, "9", 6)

    async def test_nonsense(self, store: Store, log: Log, session: str) -> None:
        """Bytes that are no feed are counted, and what follows them is read."""
        player = FeedPlayer(
            recorded(*race(), "no", "$G,what", "\x00\xff", g("7", 7, 700_000)), None
        )
        async with player.serving() as address, following(store, session, address):
            await player.play()
            await until_lap(log, session, "7", 7)
            health = await until_health(
                store, session, lambda health: health.unreadable == 3, "counted"
            )
        assert health.records > 40

    async def test_a_store_that_does_not_answer(
        self, store: Store, log: Log, session: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be appended now is appended as soon as it can be, once."""
        append, failures = Log.append, iter([True, False, True, True])

        async def failing(self: Log, *arguments: Any, **options: Any) -> Any:
            failed = next(failures, False)
            if not failed or arguments[0] != session:
                result = await append(self, *arguments, **options)
            if failed and arguments[0] == session:
                raise StoreUnavailable("the store", "a test")
            return result

        monkeypatch.setattr(Log, "append", failing)
        monkeypatch.setattr(follower, "RETRY_SECONDS", 0.01)
        player = FeedPlayer(recorded(*race()), speed=None)
        with capture_logs() as logged:
            async with player.serving() as address, following(store, session, address):
                await player.play()
                await until_lap(log, session, "9", 6)
        assert doubled(await logged_events(log, session)) == []
        assert {"store unavailable, feed not written"} <= {line["event"] for line in logged}


class TestHostile:
    """A feed that floods: it is cut off, and followed again once it sends what it should."""

    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            pytest.param([b"$Q,1,2\r\n" * 10_000], "without an RMonitor record", id="lines"),
            pytest.param([b"x" * 80_000], "without an RMonitor record", id="endless"),
            pytest.param([b"\r\n" * 40_000], "without an RMonitor record", id="blanks"),
            pytest.param(
                [
                    "\r\n".join(
                        [f'$B,{n},"R{n}"', *OPENING[1:], beat(1), g("7", 1, 9000), ""]
                    ).encode()
                    + f"{beat(2)}\r\n{beat(3)}\r\n".encode()
                    for n in range(40)
                ],
                "more than 20 runs within 10 minutes",
                id="runs",
            ),
        ],
    )
    async def test_cut_off(
        self, store: Store, log: Log, session: str, sent: list[bytes], reason: str
    ) -> None:
        good = "\r\n".join([*OPENING, beat(1), beat(2), g("7", 1, 92_000), beat(93), ""]).encode()
        connections, over = 0, asyncio.Event()

        async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            with contextlib.suppress(ConnectionError):
                for part in sent if connections == 1 else [good]:
                    writer.write(part)
                    await writer.drain()
                await over.wait()
            writer.close()

        server = await asyncio.start_server(send, "127.0.0.1", 0)
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        with capture_logs() as lines:
            async with following(store, session, address):
                await until_health(
                    store, session, lambda one: reason in (one.reason or ""), "cut off"
                )
                await until_health(store, session, lambda one: one.state == "live", "live again")
        over.set()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        assert any(line["event"] == "feed cut off" and reason in line["reason"] for line in lines)
        runs = [one async for one in _sessions(log, session)]
        assert len(runs) <= 21


async def _sessions(log: Log, session: str) -> AsyncIterator[str]:
    for summary in await log.sessions():
        if summary.session.startswith(session):
            yield summary.session


class TestTakenUp:
    """Another process goes on where one has stopped."""

    async def test_begun_again(self, store: Store, log: Log, session: str, tmp_path: Path) -> None:
        """A client that is started again in the middle of a race doubles no lap."""
        raw = recorded(*race())
        player = FeedPlayer(raw, speed=None)
        async with player.serving() as address:
            for lap in range(1, 6):
                async with following(store, session, address):
                    await player.play(1 if lap > 1 else 3)
                    await until_lap(log, session, "9", lap)
                player.disconnect()
            async with following(store, session, address):
                await player.play()
                await until_lap(log, session, "9", 6)
        live = await logged_events(log, session)
        [expected] = imported(tmp_path, raw)
        assert doubled(live) == []
        assert [event.source_seq for event in live] == list(range(len(live)))
        assert race_of(live).order.cars() == race_of(expected).order.cars()  # type: ignore[arg-type]
        assert sorted(laps(live)) == sorted(laps(expected))

    async def test_standing_by(
        self, store: Store, log: Log, session: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A second client stands by, and goes on when the first is gone without a word."""
        monkeypatch.setattr(follower, "RENEW_SECONDS", 0.05)
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address:
            killed = Feed(store, session, address, timeouts=QUICK, now=lambda: DAY)
            first = asyncio.create_task(killed.follow())
            await player.play(4)
            await until_lap(log, session, "9", 2)
            async with following(store, session, address):
                first.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await first
                player.disconnect()
                await player.play()
                await until_lap(log, session, "9", 6)
        assert doubled(await logged_events(log, session)) == []

    async def test_never_two_at_once(self, store: Store, log: Log, session: str) -> None:
        """Where another program counts the same numbers, the feed is taken up anew behind it."""
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play(4)
            await until_lap(log, session, "9", 2)
            next_seq = len(await recorded_events(log, session))
            await log.append(
                session,
                [
                    RaceControlMessage(at=0, source=SOURCE, source_seq=next_seq + n, text="Boo")
                    for n in range(3)
                ],
            )
            with capture_logs() as logged:
                await player.play()
                await until_lap(log, session, "9", 6)
        live = await logged_events(log, session)
        assert doubled(live) == []
        assert race_of(live).order.laps == {"7": 6, "8": 6, "9": 6}
        assert {"reloading feed"} <= {line["event"] for line in logged}

    async def test_not_into_a_replay(self, store: Store, log: Log, session: str) -> None:
        """It is refused before it is followed; of one that begins meanwhile it is said why."""
        await log.append(f"{session}-race", list(opened("1").laps("1", 2)))
        replays = Replays(store)
        name = await replays.start(f"{session}-race", name=session)
        player = FeedPlayer(recorded(*race()), speed=None)
        try:
            with pytest.raises(AppendRefused, match="is a replay"):
                await Feed(store, session, Address("127.0.0.1", 1)).check()
            with capture_logs() as logged:
                async with player.serving() as address, following(store, session, address):
                    await player.play()

                    async def printed() -> bool:
                        return any("session takes no feed" in line["event"] for line in logged)

                    await eventually(printed, "why it is not followed")
            assert not any(line.get("exc_info") for line in logged)
        finally:
            await replays.stop(name)


class TestKept:
    """What was received, beside the log."""

    async def test_can_be_read_again(
        self, store: Store, log: Log, session: str, tmp_path: Path
    ) -> None:
        """The recording that is kept tells the same events, through all connections."""
        player = FeedPlayer(recorded(*race()), speed=None)
        async with player.serving() as address, following(store, session, address):
            await player.play(4)
            await until_lap(log, session, "9", 2)
            player.disconnect(last=b'$G,1,"7"')
            await player.play()
            await until_lap(log, session, "9", 6)
        raw = b"".join([part async for part in recording(store, session)])
        assert raw.count(b" connected\n") == 2
        [again] = imported(tmp_path, raw)
        assert [encode(event) for event in again] == [
            encode(event) for event in await logged_events(log, session)
        ]

    async def test_sent_twice(self, store: Store, session: str) -> None:
        """What is sent again after a lost answer is kept once; a clock set back loses nothing."""
        kept = FeedStore(store, session, "a test", 5000)
        logged_events = [ReceivedLines(DAY, 0, b"one\n"), ReceivedLines(DAY, 1, b"two\n")]
        await kept.save(logged_events)
        await kept.save(logged_events)
        await kept.save([ReceivedLines(datetime(2020, 1, 1, tzinfo=UTC), 0, b"three\n")])
        raw = b"".join([part async for part in recording(store, session)])
        assert [line for line in raw.split(b"\n") if not line.startswith(b"##")] == [
            b"one",
            b"two",
            b"three",
            b"",
        ]


class TestAddresses:
    """Where feeds are."""

    @pytest.mark.parametrize(
        ("text", "host", "port"),
        [("127.0.0.1:50000", "127.0.0.1", 50000), ("[::1]:50000", "::1", 50000)],
    )
    def test_addresses(self, text: str, host: str, port: int) -> None:
        """Host and port, as people write them."""
        assert Address.parse(text) == (host, port)
        assert str(Address.parse(text)) == text

    @pytest.mark.parametrize(
        "text", ["", "timing", "timing:", ":50000", "timing:0", "timing:70000", "a..b:5000"]
    )
    def test_no_addresses(self, text: str) -> None:
        """Anything else is refused."""
        with pytest.raises(BadAddress, match="HOST:PORT"):
            Address.parse(text)

    def test_sessions_of_runs(self) -> None:
        """Runs are numbered from the second on; a name without room for that is refused."""
        assert [run_session("petit", run) for run in range(3)] == ["petit", "petit-2", "petit-3"]
        with pytest.raises(BadSessionId):
            run_session("x" * 63, 1)


LONG_CAPTURES = {"event-finish-with-reset", "TestMissingLaps"}
CAPTURES = {path.stem: path for path in sorted((DATA / "rmonitor").glob("*.*"))}


@needs_data
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LONG_CAPTURES else [])
        for name in CAPTURES
    ],
)
async def test_captures(store: Store, log: Log, session: str, name: str) -> None:
    """Each real capture, played over a socket, gives the same races as its import."""
    expected = import_rmonitor(CAPTURES[name])
    player = FeedPlayer(CAPTURES[name].read_bytes(), speed=None)
    now = next(part.at for part in parts_of(CAPTURES[name].read_bytes()) if part.at)
    async with (
        player.serving() as address,
        following(store, session, address, now=lambda: now),
    ):
        await player.play()
        for number, events in enumerate(expected):
            if len(events) > 100:  # one capture ends before its session opens
                await until_logged(log, run_session(session, number), events)
    for number, events in enumerate(expected):
        live = await logged_events(log, run_session(session, number))
        if len(events) > 100:
            assert race_of(live).state_hash() == race_of(events).state_hash()  # type: ignore[arg-type]
