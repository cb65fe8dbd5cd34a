"""``lapstream check``: what is missing of a log or of an archive is named."""

from __future__ import annotations

import io

import pytest

from events import encode
from events.errors import BadArchive
from replay.archive import ArchiveFile, pack
from replay.entries import EVENT_FIELD, LogEntry
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import SESSIONS, key, log_key, seen_key
from services.storage.log_check import check_archive, check_log, logs_of
from tests.builders import opened

EVENTS = opened("7", "1").laps("7", 3).events


@pytest.fixture
async def race(log: Log, session: str) -> str:
    """A session with a log."""
    await log.append(session, EVENTS)
    return session


async def faults(store: Store, session: str) -> list[str]:
    checked = await check_log(store, session)
    return list(checked.faults)


async def test_a_whole_log(store: Store, race: str) -> None:
    """It has its entries, and no fault; nor has a session without any."""
    checked = await check_log(store, race)
    assert (checked.entries, list(checked.faults)) == (len(EVENTS), [])
    assert await check_log(store, f"{race}-2") == (f"{race}-2", 0, [], True)


async def test_entries_that_were_taken_out(store: Store, log: Log, race: str) -> None:
    """They were acknowledged, so their numbers are known."""
    entries = [entry async for batch in log.read(race) for entry in batch]
    await store.redis.xdel(log_key(race), entries[1].position, entries[2].position)
    numbers = sorted(EVENTS[index].source_seq for index in (1, 2))
    source = EVENTS[1].source
    assert await faults(store, race) == [
        "2 entries were taken out of its log",
        f"2 acknowledged events of {source} are missing: numbers {numbers[0]}-{numbers[1]}",
    ]


@pytest.mark.parametrize("lost", [[0], [1, 2, 4], [len(EVENTS) - 1], list(range(len(EVENTS)))])
async def test_what_is_missing_is_accepted_again(
    store: Store, log: Log, race: str, lost: list[int]
) -> None:
    """After a repair, a producer that sends everything again fills up what was lost."""
    entries = [entry async for batch in log.read(race) for entry in batch]
    await store.redis.xdel(log_key(race), *(entries[index].position for index in lost))
    assert (await log.append(race, EVENTS)).added == 0
    checked = await check_log(store, race, accept_missing=True)
    assert checked.faults[1].endswith("; they are accepted if they are sent again")
    assert (await log.append(race, EVENTS)).added == len(lost)
    assert await faults(store, race) == [f"{len(lost)} entries were taken out of its log"]
    assert (await log.append(race, EVENTS)).added == 0


async def test_an_event_of_a_newer_version_is_not_missing(store: Store, race: str) -> None:
    """It has its number, though it cannot be read."""
    newer = b'{"v":99,"type":"pit_entered","at":1,"source":"newer","source_seq":7}'
    await store.redis.xadd(log_key(race), {"event": newer})
    await store.redis.zadd(key(race, "seen:newer"), {"7": 7})
    (message,) = await faults(store, race)
    assert message.startswith("1 entries are no events")


async def test_a_log_that_is_gone(store: Store, race: str) -> None:
    """Every event of it is missing; one that is no stream is another fault."""
    await store.redis.delete(log_key(race))
    (message,) = await faults(store, race)
    assert message.startswith(f"{len(EVENTS)} acknowledged events of ")
    await store.redis.delete(seen_key(race, EVENTS[0].source))
    (message,) = await faults(store, race)
    assert message.startswith("it is listed as a session, but has no log")
    await store.redis.set(log_key(race), "x")
    (message,) = await faults(store, race)
    assert message.startswith("its log is no stream")


async def test_entries_that_do_not_count(store: Store, race: str) -> None:
    """What another program appended past the check of numbers, and what is no event."""
    repeated = encode(EVENTS[-1].model_copy(update={"at": 5}))
    await store.redis.xadd(log_key(race), {"event": repeated})
    await store.redis.xadd(log_key(race), {"event": "no JSON"})
    unreadable, again = await faults(store, race)
    assert unreadable.startswith("1 entries are no events, the first at ")
    assert again.startswith("1 events have the number of one before them")


async def test_a_log_that_is_not_listed(store: Store, race: str) -> None:
    """It is found all the same."""
    assert race in (await logs_of(store))[0]
    await store.redis.srem(SESSIONS, race)
    listed, unlisted = await logs_of(store)
    assert race in listed
    assert race in unlisted
    await store.redis.sadd(SESSIONS, race)


async def test_an_archive(store: Store, log: Log, race: str) -> None:
    """It is checked, and compared with the log where the store has one."""
    entries = [entry async for batch in log.read(race) for entry in batch]

    async def check(content: list[LogEntry], session: str = race) -> list[str]:
        archive = ArchiveFile(io.BytesIO(pack(session, content)), "archive")
        return list((await check_archive(store, archive)).faults)

    assert await check(entries) == []
    assert await check(entries[:2]) == []
    assert await check(entries, f"{race}-2") == []
    elsewhere = ArchiveFile(io.BytesIO(pack(f"{race}-2", entries)), "archive")
    assert not (await check_archive(store, elsewhere)).is_stored
    more = [*entries, LogEntry("9999999999999-0", (EVENT_FIELD, b"{}"))]
    (message,) = await check(more)
    assert message == (
        f"1 of its {len(more)} entries are not in the log of the store, the first at "
        "9999999999999-0"
    )
    (message,) = await check([entries[0], LogEntry(entries[1].position, (EVENT_FIELD, b"{}"))])
    assert message.startswith("1 of its 2 entries are others in the log of the store")
    with pytest.raises(BadArchive):
        await check_archive(store, ArchiveFile(io.BytesIO(pack(race, entries)[:-9]), "cut"))


async def test_numbers_given_out_are_not_missed(store: Store, log: Log, race: str) -> None:
    """A number that was reserved and not used is no event."""
    await log.next_number(race, "race-control", 3)
    assert await faults(store, race) == []
    assert await store.redis.exists(key(race, "next:race-control"))
