"""The log on a real server: whole batches, each event once, everything read back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from events import AnyEvent, PenaltyImposed, RaceControlMessage, decode, encode
from events.errors import (
    AppendRefused,
    BadSessionId,
    IdentityTaken,
    PositionConflict,
    SessionNotEmpty,
    StoreUnfit,
    UndecodableEvent,
    UnfitName,
    UnknownSession,
)
from replay.archive import pack, read_archive, unpack, write_archive
from replay.entries import EVENT_FIELD, START, LogEntry, parse_position
from services.queries.listings import session_rows
from services.storage import identity_search, log_import
from services.storage.built_in import BUILT_IN
from services.storage.client import Store, open_store
from services.storage.event_log import Log, SessionSummary
from services.storage.keys import SESSIONS, log_key
from services.storage.log_import import LASTS_SECONDS, MOST_PARTS, LogImport
from tests.server.command import batch
from tests.server.conftest import StartCommand, StartServer
from tests.server.processes import Command, kill_server, server_of


async def entries_of(log: Log, session: str, **span: Any) -> list[LogEntry]:
    """All entries of a session."""
    return [entry async for entries in log.read(session, **span) for entry in entries]


async def identities(log: Log, session: str) -> list[tuple[str, int]]:
    """The identities of all events of a session, in the log's order."""
    return [decode(entry.payload).identity for entry in await entries_of(log, session)]


def messages(*numbers: int, source: str = "x") -> list[RaceControlMessage]:
    """Events with these numbers."""
    return [
        RaceControlMessage(at=0, source=source, source_seq=number, text="a") for number in numbers
    ]


# -- Appending -------------------------------------------------------------------------


async def test_events_come_back(log: Log, session: str):
    """What was appended is read back, byte for byte, at the positions that were told."""
    events = batch("x", 0, 3)
    result = await log.append(session, events)
    entries = await entries_of(log, session)
    assert [entry.payload for entry in entries] == [encode(event) for event in events]
    assert [entry.position for entry in entries] == list(result.positions)
    assert (result.added, result.duplicates) == (3, 0)
    assert result.position == entries[-1].position == await log.last_position(session)
    assert await log.length(session) == 3


async def test_an_entry_is_readable(log: Log, store: Store, session: str):
    """A program in any language finds one field with the event's JSON."""
    (event,) = messages(7)
    await log.append(session, [event])
    ((_, fields),) = await store.redis.xrange(log_key(session)) or []
    assert fields == {b"event": encode(event)}


async def test_a_position_is_when_it_was_learned(log: Log, store: Store, session: str):
    """Positions are the server's time in milliseconds, and they increase."""
    before = await store.redis.time()
    first = await log.append(session, messages(1))
    second = await log.append(session, messages(2))
    after = await store.redis.time()
    learned = [parse_position(result.position) for result in (first, second)]
    assert learned[0] < learned[1]
    clock = [seconds * 1000 + micros // 1000 for seconds, micros in (before, after)]
    assert clock[0] <= learned[0][0] <= learned[1][0] <= clock[1]


async def test_sent_again(log: Log, session: str):
    """A batch that is sent again adds nothing and says so."""
    first = await log.append(session, batch("x", 0, 5))
    again = await log.append(session, batch("x", 0, 5))
    assert again.positions == (None,) * 5
    assert (again.added, again.duplicates, again.position) == (0, 5, first.position)
    assert await log.length(session) == 5


async def test_partly_known(log: Log, session: str):
    """Of a batch that overlaps the log only the new events are added, in their order."""
    await log.append(session, messages(2, 3))
    result = await log.append(session, messages(4, 3, 1, 2, 5))
    assert [position is None for position in result.positions] == [False, True, False, True, False]
    assert [number for _, number in await identities(log, session)] == [2, 3, 4, 1, 5]


async def test_twice_in_one_batch(log: Log, session: str):
    """An event that stands twice in one batch is added once."""
    result = await log.append(session, messages(1, 2, 1, 2))
    assert (result.added, result.duplicates) == (2, 2)


async def test_sources_count_for_themselves(log: Log, session: str):
    """The same number of another source is another event."""
    await log.append(session, messages(1, source="loop"))
    events = [
        *messages(1, source="race control"),
        *messages(1, source="loop"),
        *messages(1, source="Ü}:*?"),
    ]
    assert (await log.append(session, events)).added == 2


async def test_sessions_count_for_themselves(log: Log, session: str):
    """The same identity in another session is another event."""
    await log.append(session, messages(1))
    assert (await log.append(f"{session}-b", messages(1))).added == 1


async def test_any_order_and_gaps(log: Log, store: Store, session: str):
    """Whatever the order, gaps and repeats of a producer's numbers, each is added once."""
    chance = random.Random(1909)
    seen: set[tuple[str, int]] = set()
    edges = [0, 1, 2**53, 2**53 - 1, 2**53 - 2]
    for _ in range(150):
        drawn = [
            (chance.choice("ab"), chance.choice([*edges, *range(40), 2**40 + chance.randrange(9)]))
            for _ in range(chance.randrange(1, 9))
        ]
        result = await log.append(session, [messages(n, source=s)[0] for s, n in drawn])
        new = list(dict.fromkeys(pair for pair in drawn if pair not in seen))
        assert result.added == len(new)
        seen.update(new)
    assert sorted(await identities(log, session)) == sorted(seen)
    for source in "ab":
        numbers = {number for of, number in seen if of == source}
        runs = sorted((n, n) for n in numbers if n - 1 not in numbers)
        kept: list[Any] = await store.redis.zrange(
            f"{{{session}}}:seen:{source}", 0, -1, withscores=True
        )
        assert sorted(int(first) for first, _ in kept) == [first for first, _ in runs]
        assert all({int(first), int(last)} <= numbers for first, last in kept)


async def test_a_counting_producer_takes_no_room(log: Log, store: Store, session: str):
    """What is kept of a producer that counts does not grow with the race."""
    for first in (0, 2000, 1000, 3000):
        await log.append(session, batch("x", first, 1000))
    kept = await store.redis.zrange(f"{{{session}}}:seen:x", 0, -1, withscores=True)
    assert kept in ([(b"0", 3999.0)], [[b"0", 3999.0]])


@pytest.mark.slow
async def test_an_import_of_many(log: Log, session: str):
    """A whole race is one batch: all of it stands together."""
    result = await log.append(session, batch("x", 0, 50_000))
    assert result.added == 50_000
    assert len({parse_position(position or "")[0] for position in result.positions}) == 1
    assert (await log.append(session, batch("x", 0, 50_000))).duplicates == 50_000


async def test_nothing_to_append(log: Log, session: str):
    """An empty batch does nothing, and lists no session."""
    result = await log.append(session, [])
    assert (result.added, result.position) == (0, START)
    assert not await log.exists(session)


# -- Identity --------------------------------------------------------------------------


async def taken(
    log: Log, session: str, events: Sequence[AnyEvent], **options: Any
) -> IdentityTaken:
    """Why a batch is refused; nothing of it is appended."""
    before = await log.length(session)
    with pytest.raises(IdentityTaken) as caught:
        await log.append(session, events, **options)
    assert await log.length(session) == before
    return caught.value


def other(number: int, text: str = "b", source: str = "x") -> RaceControlMessage:
    """Another event than that of `messages` with that number."""
    return RaceControlMessage(at=0, source=source, source_seq=number, text=text)


@pytest.mark.parametrize("behind", [0, 250])
async def test_another_event_of_a_used_identity(
    log: Log, session: str, behind: int, monkeypatch: pytest.MonkeyPatch
):
    """It is refused with its batch, however far back the first stands, and both are named."""
    monkeypatch.setattr(identity_search, "BLOCK", 20)
    first = await log.append(session, messages(0, 1, 2))
    if behind:
        await log.append(session, batch("y", 0, behind))
    error = await taken(log, session, [*messages(3, 0), other(1)])
    assert (error.position, error.source, error.source_seq) == (first.positions[1], "x", 1)
    assert (error.recorded, error.sent) == (encode(messages(1)[0]), encode(other(1)))
    assert error.index == 2
    assert str(first.positions[1]) in str(error)
    assert '"text":"a"' in str(error)
    assert '"text":"b"' in str(error)


async def test_twice_in_one_batch_with_other_content(log: Log, session: str):
    """Of two different events with one identity in one batch neither is appended."""
    error = await taken(log, session, [*messages(1, 2), other(2)])
    assert (error.position, error.index) == (None, 2)
    assert "earlier in the same batch" in str(error)


async def test_the_same_event_written_differently(log: Log, store: Store, session: str):
    """An event that another program wrote with blanks and another order is the same event."""
    (event,) = messages(7)
    text = '{"text": "a", "source_seq": 7, "source": "x", "at": 0, "type": "race_control_message"}'
    await log.append_at_positions(session, [LogEntry("1-0", (b"event", text.encode()))])
    assert (await log.append(session, [event])).duplicates == 1
    assert (await taken(log, session, [other(7)])).position == "1-0"


async def test_a_log_of_an_earlier_version(log: Log, store: Store, session: str):
    """Of the intervals nothing else is needed; a number whose event is lost stays a duplicate."""
    await store.redis.zadd(f"{{{session}}}:seen:x", {"0": 3})
    await store.redis.xadd(log_key(session), {"event": encode(messages(2)[0])})
    assert (await log.append(session, messages(1, 2))).duplicates == 2
    await taken(log, session, [other(2)])
    assert (await log.append(session, [other(3)])).duplicates == 1


async def test_a_raw_repeat_does_not_count(log: Log, store: Store, session: str):
    """Of two events of one identity, which only a raw append makes, the first counts."""
    first = await log.append(session, messages(1))
    await store.redis.xadd(log_key(session), {"event": encode(other(1))})
    assert (await log.append(session, messages(1))).duplicates == 1
    assert (await taken(log, session, [other(1, "c")])).position == first.position


async def test_a_whole_history_sent_again(log: Log, session: str, monkeypatch: pytest.MonkeyPatch):
    """Batch after batch is recognised, and so is another event in the midst of them."""
    monkeypatch.setattr(identity_search, "BLOCK", 20)
    events = batch("x", 0, 225)
    first = await log.append(session, events)
    for start in range(0, 225, 45):
        assert (await log.append(session, events[start : start + 45])).duplicates == 45
    error = await taken(log, session, [*events[70:90], other(123), *batch("x", 225, 1)])
    assert error.position == first.positions[123]
    await log.append(session, batch("x", 225, 2))
    assert (await taken(log, session, [other(226)])).sent == encode(other(226))
    assert (await log.append(session, batch("x", 220, 20))).duplicates == 7


async def test_a_history_that_is_gone(
    log: Log, store: Store, session: str, monkeypatch: pytest.MonkeyPatch
):
    """What is remembered of a log that was deleted misleads nobody."""
    monkeypatch.setattr(identity_search, "BLOCK", 20)
    await log.append(session, batch("x", 0, 125))
    assert (await log.append(session, batch("x", 0, 5))).duplicates == 5
    await store.redis.delete(log_key(session), f"{{{session}}}:seen:x")
    again = await log.append(session, [*batch("y", 0, 125), *messages(5)])
    await log.append(session, batch("y", 125, 125))
    assert (await taken(log, session, [other(5)])).position == again.positions[-1]


async def test_expected_position_is_checked_first(log: Log, session: str):
    """A writer that is behind learns so, not that its numbers are taken."""
    await log.append(session, messages(0))
    with pytest.raises(PositionConflict):
        await log.append(session, [other(0), *messages(1)], expected=START)
    await taken(log, session, [other(0)], expected=START)


async def test_next_free_number(log: Log, store: Store, session: str):
    """It follows what was appended, given out, and appended by other programs; none is reserved."""
    assert await log.next_free_number(session, "x") == 0
    await log.append(session, messages(0, 1, 7))
    assert [await log.next_free_number(session, source) for source in "xxy"] == [8, 8, 0]
    assert await log.next_number(session, "x", 3) == 8
    assert await log.next_free_number(session, "x") == 11
    await store.redis.xadd(log_key(session), {"event": encode(messages(20)[0])})
    await store.redis.xadd(log_key(session), {"event": "no event"})
    assert await log.next_free_number(session, "x") == 21


# -- Validation ------------------------------------------------------------------------


async def test_payloads_are_validated(log: Log, session: str):
    """A dictionary is appended as the event that it is."""
    payload = {"type": "pit_entered", "at": 5, "source": "x", "source_seq": 1, "car": "007"}
    await log.append(session, [payload])
    (entry,) = await entries_of(log, session)
    assert decode(entry.payload).model_dump(include=set(payload)) == payload


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "pit_entered", "at": 5, "source": "x", "source_seq": 1},
        {"type": "pit_entered", "at": "5", "source": "x", "source_seq": 1, "car": "7"},
        {"type": "pit_entered", "at": 5, "source": "x", "source_seq": -1, "car": "7"},
        {"type": "pit_entered", "at": 5, "source": "x", "source_seq": 1, "car": "7", "z": 1},
        {"type": "flux", "at": 5, "source": "x", "source_seq": 1},
    ],
)
async def test_a_wrong_payload_stops_the_batch(log: Log, session: str, wrong: dict[str, object]):
    """One wrong event, and nothing of its batch is appended."""
    with pytest.raises(UndecodableEvent):
        await log.append(session, [*messages(1), wrong])
    assert not await log.exists(session)


async def test_an_event_that_was_never_validated(log: Log, session: str):
    """What is written is what reading takes: a forged model is refused, too."""
    forged = messages(1)[0].model_copy(update={"source_seq": -5})
    with pytest.raises(UndecodableEvent):
        await log.append(session, [forged])
    with pytest.raises(ValidationError):
        messages(-5)
    assert not await log.exists(session)


@pytest.mark.parametrize("bad", ["", "Petit", "a b", "a}:log", "x" * 65, "*"])
async def test_bad_session_ids(log: Log, bad: str):
    """No method takes a name that could leave a session's keys."""
    with pytest.raises(BadSessionId):
        await log.append(bad, messages(1))
    with pytest.raises(BadSessionId):
        await entries_of(log, bad)
    with pytest.raises(BadSessionId):
        await anext(log.tail(bad))
    for ask in (log.length, log.last_position, log.exists, log.require):
        with pytest.raises(BadSessionId):
            await ask(bad)
    with pytest.raises(BadSessionId):
        await log.append_at_positions(bad, [LogEntry("1-0", (b"event", b""))])


# -- The expected position -------------------------------------------------------------


async def test_expected_position(log: Log, session: str):
    """A writer that knows the log's position appends; the next one there is refused."""
    first = await log.append(session, messages(1), expected=START)
    second = await log.append(session, messages(2), expected=first.position)
    with pytest.raises(PositionConflict) as conflict:
        await log.append(session, messages(3), expected=first.position)
    assert (conflict.value.expected, conflict.value.actual) == (first.position, second.position)
    with pytest.raises(PositionConflict):
        await log.append(session, messages(3), expected=START)
    assert await log.length(session) == 2


async def test_expected_position_of_a_batch_sent_again(log: Log, session: str):
    """A whole batch that is there already was sent twice: no conflict."""
    await log.append(session, messages(1, 2), expected=START)
    await log.append(session, messages(3))
    assert (await log.append(session, messages(1, 2), expected=START)).duplicates == 2
    with pytest.raises(PositionConflict):
        await log.append(session, messages(2, 4), expected=START)


async def test_expected_position_of_a_raw_append(log: Log, store: Store, session: str):
    """An entry of another program moves the log's position as any other."""
    await store.redis.xadd(log_key(session), {"lap": "1"}, "5-1")
    with pytest.raises(PositionConflict):
        await log.append(session, messages(1), expected=START)
    assert (await log.append(session, messages(1), expected="5-1")).added == 1


async def test_no_position(log: Log, session: str):
    """An expected position that is none is a mistake of the caller."""
    with pytest.raises(ValueError, match="is not a position"):
        await log.append(session, messages(1), expected="now")


async def test_racing_writers(store: Store, session: str):
    """Of many writers at one position one is let in at a time, and none is lost."""

    async def add_one(number: int) -> None:
        log = Log(store)
        while True:
            position = await log.last_position(session)
            with contextlib.suppress(PositionConflict):
                await log.append(session, messages(number), expected=position)
                return

    await asyncio.gather(*(add_one(number) for number in range(12)))
    assert sorted(number for _, number in await identities(Log(store), session)) == list(range(12))


# -- Lost answers, refusals, several processes -----------------------------------------


class LosingWire:
    """A way to the server on which the answer to a command gets lost, and the connection."""

    def __init__(self, server: Path, command: bytes) -> None:
        self._server = server
        self._command = command
        self.lost = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends, or until its answer is lost."""
        answers, commands = await asyncio.open_unix_connection(self._server)
        try:
            while sent := await reader.read(1 << 20):
                commands.write(sent)
                answer = await answers.read(1 << 20)
                if self._command in sent and not self.lost:
                    self.lost += 1
                    return
                writer.write(answer)
        finally:
            writer.close()
            commands.close()


@contextlib.asynccontextmanager
async def losing(
    store: Store, folder: Path, command: bytes
) -> AsyncIterator[tuple[Store, LosingWire]]:
    """The store over a wire that loses the answer to a command once."""
    assert store.socket is not None
    wire = LosingWire(store.socket, command)
    path = folder / "wire.sock"
    async with (
        await asyncio.start_unix_server(wire.carry, path),
        open_store(f"unix://{path}?db=0") as lossy,
    ):
        yield lossy, wire


async def test_a_lost_answer(store: Store, short_folder: Path, session: str):
    """The client library sends again after a lost answer: the batch is there once."""
    await Log(store).append(session, messages(0))
    async with losing(store, short_folder, b"hash-mark") as (lossy, wire):
        event = RaceControlMessage(at=0, source="x", source_seq=1, text="hash-mark")
        position = await Log(store).last_position(session)
        result = await Log(lossy).append(session, [event], expected=position)
        assert wire.lost == 1
    assert result.duplicates == 1
    assert await identities(Log(store), session) == [("x", 0), ("x", 1)]


async def test_a_lost_answer_to_an_import(store: Store, short_folder: Path, session: str):
    """An import that is sent again finds that it was itself that filled the session."""
    entries = [LogEntry("1-0", (b"event", b"hash-mark"))]
    async with losing(store, short_folder, b"hash-mark") as (lossy, wire):
        await Log(lossy).append_at_positions(session, entries)
        assert wire.lost == 1
    assert await Log(store).length(session) == 1


async def test_a_server_without_memory(start_server: StartServer, session: str):
    """A server that refuses to write says so in one line, and nothing of the batch is there."""
    async with open_store(start_server()) as store:
        log = Log(store)
        await log.append(session, batch("x", 0, 500))
        used = (await store.redis.info("memory"))["used_memory"]
        await store.redis.config_set("maxmemory", int(used) + 500_000)
        refused = None
        for first in range(500, 1_000_000, 500):
            try:
                await log.append(session, batch("x", first, 500))
            except StoreUnfit as error:
                refused = error
                break
        assert "used memory > 'maxmemory'" in str(refused)
        assert await identities(log, session) == [("x", number) for number in range(first)]


async def test_a_key_of_another_kind(log: Log, store: Store, session: str):
    """Where another program put something else, the refusal is one line."""
    await store.redis.set(log_key(session), "text")
    with pytest.raises(StoreUnfit, match="WRONGTYPE"):
        await log.append(session, messages(1))
    with pytest.raises(StoreUnfit, match="WRONGTYPE"):
        await entries_of(log, session)


def last_of(command: Command, batches: int) -> int:
    """The last number that a command saw acknowledged, once all its batches were."""
    return list(islice(command.acknowledged(), batches))[-1]


async def test_several_processes(tmp_path: Path, start_command: StartCommand):
    """Batches of several processes each stand together; no event is lost or there twice."""
    sources = ["a", "b", "c"]
    commands = [start_command(tmp_path, "race", source, 30, 7) for source in sources]
    async with open_store(data=tmp_path) as store:
        for command in commands:
            command.server()
            assert last_of(command, 30) == 209
        found = await identities(Log(store), "race")
        for command in commands:
            command.leave()
    for source in sources:
        assert [number for of, number in found if of == source] == list(range(210))
    lengths = [
        len(list(run)) for _, run in groupby(found, key=lambda pair: (pair[0], pair[1] // 7))
    ]
    assert lengths == [7] * 90


async def test_the_same_events_from_several_processes(tmp_path: Path, start_command: StartCommand):
    """Producers that send the same events at once add each of them once."""
    commands = [start_command(tmp_path, "race", "loop", 40, 5) for _ in range(3)]
    async with open_store(data=tmp_path) as store:
        for command in commands:
            command.server()
            assert last_of(command, 40) == 199
            command.leave()
        assert await identities(Log(store), "race") == [("loop", n) for n in range(200)]


# -- Reading ---------------------------------------------------------------------------


async def test_reading_in_batches(log: Log, session: str):
    """Reading gives batches of at most the size asked for, and all of the log."""
    await log.append(session, batch("x", 0, 25))
    sizes = [len(entries) async for entries in log.read(session, count=10)]
    assert sizes == [10, 10, 5]
    sizes = [len(entries) async for entries in log.read(session, count=5)]
    assert sizes == [5] * 5
    assert await entries_of(log, f"{session}-none") == []


async def test_reading_a_span(log: Log, session: str):
    """A span begins after a position and ends with one, or with a moment of wall-clock time."""
    entries = [LogEntry(f"{n}-{m}", (b"event", b"")) for n in (10, 20) for m in (0, 1)]
    await log.append_at_positions(session, entries)

    async def positions(**span: str) -> list[str]:
        return [entry.position for entry in await entries_of(log, session, **span)]

    assert await positions(after="10-0") == ["10-1", "20-0", "20-1"]
    assert await positions(after="10-0", upto="20-0") == ["10-1", "20-0"]
    assert await positions(upto="10") == ["10-0", "10-1"]
    assert await positions(upto="19") == ["10-0", "10-1"]
    assert await positions(after="20-1") == []


async def test_a_tail(log: Log, session: str):
    """A tail gives what is there, then what comes, and says when nothing does."""
    await log.append(session, messages(1, 2, 3))
    tail = log.tail(session, block_ms=1, count=2)
    assert [len(await anext(tail)) for _ in range(3)] == [2, 1, 0]
    coming = asyncio.create_task(anext(log.tail(session, await log.last_position(session))))
    await asyncio.sleep(0)
    await log.append(session, messages(4))
    (entry,) = await coming
    assert decode(entry.payload).source_seq == 4


async def test_a_tail_over_the_servers_end(tmp_path: Path):
    """A tail goes on when its server was killed and started again."""
    async with open_store(data=tmp_path) as store:
        log = Log(store)
        tail = log.tail("a")
        await log.append("a", messages(1))
        assert len(await anext(tail)) == 1
        waiting = asyncio.create_task(anext(tail))
        kill_server(tmp_path, await server_of(store))
        await log.append("a", messages(2))
        assert len(await waiting) == 1


GARBAGE: Sequence[tuple[bytes, ...]] = [
    (b"event", b"no JSON"),
    (b"lap", b"1"),
    (b"event", b"{}", b"event", b"{}"),
    (b"event", b'{ "spaced" : 1 }', b"more", b"\x00\xff\r\n"),
    (b"", b""),
]


async def test_raw_entries_are_handed_over(log: Log, store: Store, session: str):
    """What another program put into the stream is read as it is, repeated names and all."""
    for fields in GARBAGE:
        await store.redis.execute_command("XADD", log_key(session), "*", *fields)
    assert [tuple(entry.fields) for entry in await entries_of(log, session)] == list(GARBAGE)
    tailed = await anext(log.tail(session))
    assert [tuple(entry.fields) for entry in tailed] == list(GARBAGE)


# -- Sessions --------------------------------------------------------------------------


async def test_sessions_are_listed(tmp_path: Path):
    """Sessions are listed by name with the extent of their logs; nothing else is."""
    async with open_store(data=tmp_path) as store:
        log = Log(store)
        assert await log.sessions() == []
        with pytest.raises(UnknownSession, match="there are no sessions yet"):
            await log.require("petit")
        result = await log.append("petit", messages(1, 2))
        await store.redis.sadd(SESSIONS, "empty", "No Session", b"\xff")
        assert await log.sessions() == [
            SessionSummary("empty", 0, START, START),
            SessionSummary("petit", 2, result.positions[0] or "", result.position),
        ]
        await log.require("petit")
        await log.require("empty")
        with pytest.raises(UnknownSession, match="there is empty, petit"):
            await log.require("mosport")


async def test_a_log_that_is_not_listed(log: Log, store: Store, session: str):
    """A raw append makes a session that exists without being listed."""
    await store.redis.xadd(log_key(session), {"event": "{}"})
    assert await log.exists(session)
    assert session not in [listed.session for listed in await log.sessions()]


async def test_one_spoiled_session(tmp_path: Path):
    """A key that another program spoiled takes none of the other sessions with it."""
    async with open_store(data=tmp_path) as store:
        log = Log(store)
        await log.append("petit", messages(1))
        await store.redis.sadd(SESSIONS, "spoiled")
        await store.redis.set(log_key("spoiled"), "text")
        lengths = {listed.session: listed.length for listed in await log.sessions()}
        assert lengths == {"petit": 1, "spoiled": 0}
        listed = {row["session"]: row["entries"] for row in await session_rows(log)}
        assert listed == {"petit": 1, "spoiled": 0, **dict.fromkeys(BUILT_IN, 0)}


async def test_a_server_that_lost_its_data(log: Log, store: Store, session: str):
    """A session whose server lost its last second is listed again with its next append."""
    await log.append(session, messages(1))
    await store.redis.delete(log_key(session), f"{{{session}}}:seen:x")
    await store.redis.srem(SESSIONS, session)
    await log.append(session, messages(1))
    assert session in [listed.session for listed in await log.sessions()]


# -- Archives --------------------------------------------------------------------------


async def test_there_and_back_through_an_archive(
    log: Log, store: Store, session: str, tmp_path: Path
):
    """A log with garbage in it comes back from an archive byte for byte, and so does its file."""
    await log.append(session, batch("x", 0, 2500))
    for fields in GARBAGE:
        await store.redis.execute_command("XADD", log_key(session), "*", *fields)
    await store.redis.xadd(log_key(session), {"event": b'{ "type" :  "odd spaces" }'})
    entries = await entries_of(log, session)
    path = tmp_path / "race.jsonl.gz"
    write_archive(path, session, entries)
    manifest, archived = read_archive(path)
    copy = f"{session}-copy"
    await log.append_at_positions(copy, archived)
    imported = await entries_of(log, copy)
    assert [(e.position, tuple(e.fields)) for e in imported] == [
        (e.position, tuple(e.fields)) for e in entries
    ]
    assert pack(session, imported) == path.read_bytes()
    assert manifest.entries == 2506


async def test_an_import_knows_its_events(log: Log, session: str):
    """Events that came from an archive are not added again; later ones are."""
    entries = [
        LogEntry(f"{n}-0", (b"event", encode(event))) for n, event in enumerate(messages(1, 3), 1)
    ]
    await log.append_at_positions(session, [*entries, LogEntry("9-0", entries[0].fields)])
    result = await log.append(session, messages(1, 2, 3))
    assert [position is not None for position in result.positions] == [False, True, False]
    assert await log.length(session) == 4


async def test_an_import_needs_an_empty_session(log: Log, session: str):
    """Entries that keep their positions go into an empty session only, or not at all."""
    entries = [LogEntry("5-0", (b"event", b"{}"))]
    await log.append(session, messages(1))
    with pytest.raises(SessionNotEmpty):
        await log.append_at_positions(session, entries)
    assert await log.length(session) == 1
    other = f"{session}-b"
    await log.append_at_positions(other, entries)
    with pytest.raises(SessionNotEmpty):
        await log.append_at_positions(other, entries)


@pytest.mark.parametrize(
    "entries",
    [
        [LogEntry("5-0", (b"event", b"")), LogEntry("5-0", (b"event", b""))],
        [LogEntry("5-1", (b"event", b"")), LogEntry("5-0", (b"event", b""))],
        [LogEntry("0-0", (b"event", b""))],
        [LogEntry("5-0", ())],
        [LogEntry("5-0", (b"event",))],
        [LogEntry("5-0", (b"x",) * (MOST_PARTS + 2))],
    ],
)
async def test_entries_that_cannot_be_imported(log: Log, session: str, entries: list[LogEntry]):
    """Positions must increase and entries have fields; otherwise nothing is written."""
    with pytest.raises(AppendRefused):
        await log.append_at_positions(session, entries)
    assert not await log.exists(session)


async def test_the_largest_entry(log: Log, session: str):
    """An entry with as many fields as are allowed is imported whole."""
    entry = LogEntry("5-0", tuple(b"%d" % number for number in range(MOST_PARTS)))
    await log.append_at_positions(session, [entry])
    (found,) = await entries_of(log, session)
    assert tuple(found.fields) == entry.fields


async def test_an_empty_archive(log: Log, session: str):
    """An empty log goes through an archive, too: the session is listed, and empty."""
    _, entries = unpack(pack(session, []), "empty.jsonl.gz")
    await log.append_at_positions(session, entries)
    assert await log.exists(session)
    assert await log.last_position(session) == START
    assert (await log.append(session, messages(1), expected=START)).added == 1


async def test_names_that_nobody_can_see(log: Log, session: str) -> None:
    """A new source or penalty has none; what an older program appended is read as it is."""
    message = RaceControlMessage(at=0, source="race\0control", source_seq=1, text="Pit lane open")
    with pytest.raises(UnfitName, match=r"^source: .* with 'race\\x00control'$"):
        await log.append(session, [message])
    penalty = PenaltyImposed(
        at=0, source="stewards", source_seq=1, penalty_id="p\x7f", car="7", kind="drive_through"
    )
    with pytest.raises(UnfitName, match=r"^penalty_id: "):
        await log.append(session, [penalty])
    assert await log.length(session) == 0
    await log.append_at_positions(session, [LogEntry("1-0", (EVENT_FIELD, encode(message)))])
    [[entry]] = [batch async for batch in log.read(session)]
    assert decode(entry.payload) == message


async def stored_keys(store: Store, session: str) -> set[bytes]:
    """The keys of a session."""
    return {name async for name in store.redis.scan_iter(f"{{{session}}}:*")}


@pytest.mark.parametrize("position", ["2-0", "1-0"])
async def test_an_import_that_fails_half_way_leaves_nothing(
    store: Store, log: Log, session: str, position: str
):
    """What was written beside the log is removed, and the session is not listed."""
    good = [LogEntry("1-0", (EVENT_FIELD, encode(*messages(0)))), LogEntry("2-0", (b"x", b"y"))]
    with pytest.raises(AppendRefused, match="do not increase"):
        await log.append_batches(session, iter([good, [LogEntry(position, (b"x", b"y"))]]))
    assert await stored_keys(store, session) == set()
    assert not await log.exists(session)


async def test_an_import_in_pieces_is_seen_at_its_end(store: Store, log: Log, session: str):
    """Beside the log until then, with an expiry; then without, and its numbers are known."""
    events = [messages(number)[0] for number in range(3)]
    entries = [
        LogEntry(f"{number}-0", (EVENT_FIELD, encode(event)))
        for number, event in enumerate(events, start=1)
    ]
    importing = LogImport(store, session)
    await importing.write(iter([entries[:2], entries[2:]]))
    assert not await log.exists(session)
    for name in await stored_keys(store, session):
        assert 0 < await store.redis.ttl(name) <= LASTS_SECONDS
    assert await importing.finish() == 3
    for name in await stored_keys(store, session):
        assert await store.redis.ttl(name) == -1
    assert (await log.append(session, events)).duplicates == 3


async def test_an_import_does_not_replace_what_came_meanwhile(store: Store, log: Log, session: str):
    """A session that was begun while its archive was read keeps its log."""
    importing = LogImport(store, session)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(pytest.raises(SessionNotEmpty))
        await stack.enter_async_context(importing.undone_unless_finished())
        await importing.write(iter([[LogEntry("1-0", (b"x", b"y"))]]))
        await log.append(session, messages(0))
        await importing.finish()
    assert await log.length(session) == 1
    assert not any(b":import:" in name for name in await stored_keys(store, session))


async def test_an_import_has_so_many_sources(
    log: Log, session: str, monkeypatch: pytest.MonkeyPatch
):
    """Each takes a key, and memory here."""
    monkeypatch.setattr(log_import, "MOST_SOURCES", 2)
    events = [messages(0, source=f"s{number}")[0] for number in range(1, 4)]
    entries = [
        LogEntry(f"{number}-0", (EVENT_FIELD, encode(event)))
        for number, event in enumerate(events, start=1)
    ]
    with pytest.raises(AppendRefused, match="more than 2 sources"):
        await log.append_at_positions(session, entries)
