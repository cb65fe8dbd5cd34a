"""People's decisions on a real server: none lost, none doubled, whoever decides at once."""

from __future__ import annotations

import asyncio

from events import PenaltyImposed, decode, encode
from services.storage.client import Store
from services.storage.decision_log import RACE_CONTROL, decide
from services.storage.event_log import Log


def imposed(number: int, car: str = "7") -> list[PenaltyImposed]:
    """A penalty for the car, and nothing in it that tells it from another but its number."""
    penalty_id = f"{RACE_CONTROL}-{number}"
    return [
        PenaltyImposed(
            at=0,
            source=RACE_CONTROL,
            source_seq=number,
            penalty_id=penalty_id,
            car=car,
            kind="time",
            amount=5,
        )
    ]


async def recorded(log: Log, session: str) -> list[int]:
    """The numbers of all events in the log, in its order."""
    return [
        decode(entry.payload).source_seq async for batch in log.read(session) for entry in batch
    ]


async def test_numbers_count_on(log: Log, session: str) -> None:
    """They begin at 0 and go on after what the log holds of the source."""
    assert await log.next_number(session, RACE_CONTROL) == 0
    await log.append(session, imposed(6))
    assert await log.next_number(session, RACE_CONTROL, 3) == 7
    assert await log.next_number(session, RACE_CONTROL) == 10
    assert await log.next_number(session, "another") == 0


async def test_many_decide_at_once(store: Store, session: str) -> None:
    """Forty penalties that say the same, from forty commands, are forty penalties."""
    decisions = (decide(Log(store), session, RACE_CONTROL, imposed) for _ in range(40))
    found = [events for events, _ in await asyncio.gather(*decisions)]
    assert sorted(event.source_seq for (event,) in found) == list(range(40))
    assert sorted(await recorded(Log(store), session)) == list(range(40))


async def test_a_lost_answer_doubles_nothing(store: Store, session: str, monkeypatch) -> None:
    """Sent again after a lost answer, the decision is found where it stands."""
    log = Log(store)
    append = log.append

    async def sent_twice(*arguments, **options):
        await append(*arguments, **options)
        return await append(*arguments, **options)

    monkeypatch.setattr(log, "append", sent_twice)
    (event,), position = await decide(log, session, RACE_CONTROL, imposed)
    assert await recorded(log, session) == [event.source_seq]
    assert position == await log.last_position(session)


async def test_another_program_that_counts_itself(log: Log, session: str, monkeypatch) -> None:
    """Where the number was taken meanwhile, the decision takes the next one."""
    first = True
    number = log.next_number

    async def overtaken(*arguments):
        nonlocal first
        given = await number(*arguments)
        if first:
            first = False
            await log.append(session, imposed(given, car="8"))
        return given

    monkeypatch.setattr(log, "next_number", overtaken)
    (event,), _ = await decide(log, session, RACE_CONTROL, imposed)
    assert event.source_seq == 1
    payloads = [entry.payload async for batch in log.read(session) for entry in batch]
    assert payloads == [encode(one) for one in (*imposed(0, car="8"), *imposed(1))]
