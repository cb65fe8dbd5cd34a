"""A Cluster of three nodes: every session on one of them, and a node that goes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest
from redis.crc import key_slot

from events import AnyEvent
from events.errors import (
    IdentityTaken,
    PositionConflict,
    SessionNotEmpty,
    StoreUnavailable,
    StoreUnfit,
)
from services.client import subscribe
from services.storage.client import Store, open_store
from services.storage.event_log import AppendResult, Log
from services.storage.keys import SESSIONS, log_key
from services.storage.replay_store import Replays
from tests.builders import Story, opened
from tests.faults.stores import command
from tests.server.clusters import Cluster, Node, running_cluster
from tests.server.command import batch
from tests.server.gateways import serving
from tests.server.projecting import (
    DEADLINE,
    check_every_frame,
    check_frames,
    eventually,
    projecting,
    state_of,
    until_projected,
)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three primaries on loopback."""
    async with running_cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
async def store(cluster: Cluster) -> AsyncIterator[Store]:
    """The Cluster, by the URL of one of its nodes."""
    async with open_store(cluster.url) as store:
        yield store


def a_race(laps: int = 5) -> Story:
    """Two cars, some laps each."""
    return opened("7", "8").laps("7", laps).laps("8", laps, 61_000)


@pytest.mark.slow
async def test_logs_lie_on_different_nodes(cluster: Cluster, store: Store):
    """Sessions are appended to, read, listed, tailed and imported wherever they lie."""
    assert store.cluster
    assert store.durability == "a Cluster of 3 nodes: every acknowledged event is on disk"
    log = Log(store)
    sessions = [cluster.session_on(node, "race") for node in cluster.nodes]
    for session in sessions:
        events = batch("x", 0, 30)
        first = await log.append(session, events[:20], expected="0-0")
        again = await log.append(session, events)
        assert (first.added, again.added, again.duplicates) == (20, 10, 20)
        with pytest.raises(PositionConflict):
            await log.append(session, batch("y", 0, 1), expected=first.position)
        different = [*batch("x", 30, 1), events[4].model_copy(update={"text": "another"})]
        with pytest.raises(IdentityTaken) as taken:
            await log.append(session, different)
        assert taken.value.position == first.positions[4]
        assert await log.next_free_number(session, "x") == 30
        assert await log.next_number(session, "x") == 30
        async with aclosing(log.tail(session)) as tail:
            entries = await anext(tail)
        assert [entry async for part in log.read(session) for entry in part] == entries
        copy = f"{session}-copy"
        await log.append_at_positions(copy, entries)
        assert [entry async for part in log.read(copy) for entry in part] == entries
        with pytest.raises(SessionNotEmpty):
            await log.append_at_positions(copy, entries)
    summaries = {summary.session: summary.length for summary in await log.sessions()}
    assert summaries == dict.fromkeys([*sessions, *(f"{s}-copy" for s in sessions)], 30)
    for node, session in zip(cluster.nodes, sessions, strict=True):
        assert await node.ask("XLEN", log_key(session)) == "30"


@pytest.mark.slow
async def test_a_node_of_a_cluster_without_an_append_only_file(cluster: Cluster):
    """One node that keeps nothing makes the Cluster unfit, and is named."""
    await cluster.nodes[2].ask("CONFIG", "SET", "appendonly", "no")
    with pytest.raises(StoreUnfit, match=rf"node 127.0.0.1:{cluster.nodes[2].port}.*appendonly"):
        async with open_store(cluster.url):
            pass


@pytest.mark.slow
async def test_two_projectors_share_the_sessions_of_all_nodes(cluster: Cluster, store: Store):
    """Each frame of each session leads to its log, whichever projector and node it has."""
    log, race = Log(store), a_race()
    sessions = [cluster.session_on(node, f"race-{n}") for node in cluster.nodes for n in "ab"]
    async with (
        open_store(cluster.url) as other,
        projecting(store, *sessions),
        projecting(other, *sessions),
    ):
        for part in (race.events[:6], race.events[6:]):
            for session in sessions:
                await until_projected(store, session, (await log.append(session, part)).position)
    for session in sessions:
        await check_frames(store, session, race)
        await check_every_frame(store, session)


@pytest.mark.slow
async def test_a_node_goes_and_comes_back(cluster: Cluster, store: Store):
    """The sessions on the others go on meanwhile; its own wait, and nothing is lost.

    Two projectors, two replayers and two gateways are at work. The node that goes also
    holds the list of the sessions.
    """
    gone = next(node for node in cluster.nodes if node.holds_key(SESSIONS))
    stays = next(node for node in cluster.nodes if node is not gone)
    lost, here = cluster.session_on(gone, "race"), cluster.session_on(stays, "race")
    log, race = Log(store), a_race()
    begun, rest = race.events[:6], race.events[6:]
    async with (
        open_store(cluster.url) as other,
        serving(store, projector=True) as one,
        serving(other, projector=True) as two,
    ):
        for session in (lost, here):
            await until_projected(store, session, (await log.append(session, begun)).position)
        watching = {
            session: [asyncio.create_task(watch(url, session, race)) for url in (one, two)]
            for session in (lost, here)
        }

        gone.kill()
        with pytest.raises(StoreUnavailable):
            await log.append(lost, rest)
        for event in rest:
            await until_projected(store, here, (await log.append(here, [event])).position)
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*watching[here])
        async with open_store(f"redis://127.0.0.1:{stays.port}") as late:
            assert late.durability.endswith("; 1 of the nodes did not answer")
            assert await Log(late).length(here) == len(race.events)
        assert not any(task.done() for task in watching[lost])

        gone.start()
        await cluster.whole()

        async def appended() -> bool:
            return (await log.append(lost, race.events)).duplicates >= len(begun)

        await eventually(appended, "the node takes appends again")
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*watching[lost])
        assert await log.length(lost) == len(race.events)
    for session in (lost, here):
        await check_frames(store, session, race)


@pytest.mark.slow
async def test_a_node_that_is_gone_stops_no_command_to_another(cluster: Cluster, store: Store):
    """Whatever fails beside them, commands to the other nodes are answered, each time.

    The node is the one of which the client would ask its way.
    """
    gone, stays = cluster.nodes[0], cluster.nodes[1]
    lost, here = cluster.session_on(gone, "race"), cluster.session_on(stays, "race")
    log = Log(store)
    await log.append(here, batch("x", 0, 1))
    await log.append(lost, batch("x", 0, 1))
    gone.kill()
    for number in range(1, 21):
        *failed, last = await asyncio.gather(
            *(log.last_position(lost) for _ in range(8)),
            log.append(here, batch("x", number, 1)),
            return_exceptions=True,
        )
        assert {type(error) for error in failed} == {StoreUnavailable}
        assert isinstance(last, AppendResult)
        assert last.added == 1


async def move(session: str, start: Node, end: Node) -> None:
    """Move the session's slot to another node, a key at a time."""
    slot = str(key_slot(log_key(session).encode()))
    ids = {node.port: await node.ask("CLUSTER", "MYID") for node in (start, end)}
    await end.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[start.port])
    await start.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[end.port])
    while names := await command(start, "CLUSTER", "GETKEYSINSLOT", slot, "1"):
        target = ("127.0.0.1", str(end.port), "", "0", "5000", "KEYS")
        await command(start, "MIGRATE", *target, *names)
        await asyncio.sleep(0.05)
    for node in (end, start):
        await node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[end.port])


@pytest.mark.slow
async def test_a_race_is_moved_to_another_node(cluster: Cluster, store: Store):
    """While it is appended to, folded and watched, there and back again; nothing is lost."""
    first, second, _ = cluster.nodes
    session = cluster.session_on(first, "race")
    log, race = Log(store), a_race(20)
    moved = 0

    async def append(event: AnyEvent) -> bool:
        return bool(await log.append(session, [event]))

    async def append_all() -> None:
        for event in race.events:
            await eventually(partial(append, event), "an append")
            await asyncio.sleep(0.02)

    async with (
        open_store(cluster.url) as other,
        serving(store, projector=True) as one,
        serving(other, projector=True) as two,
    ):
        await until_projected(store, session, (await log.append(session, race.events[:2])).position)
        watching = [asyncio.create_task(watch(url, session, race)) for url in (one, two)]
        appending = asyncio.create_task(append_all())
        while not appending.done() or moved < 2:
            await move(session, *((first, second) if moved % 2 == 0 else (second, first)))
            moved += 1
            await asyncio.sleep(0.3)
        await appending
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*watching)
    assert moved > 1
    assert await log.length(session) == len(race.events)
    await check_frames(store, session, race)


async def watch(url: str, session: str, race: Story) -> None:
    """Follow a session through a gateway until the whole race is shown."""
    wanted = state_of(race)
    async with aclosing(subscribe(url, session)) as shown:
        async for now in shown:
            if now.state == wanted:
                return


async def test_a_replay_lies_on_another_node_than_its_race(cluster: Cluster, store: Store):
    """A replay is paced on its own node from a log on another, to the same state."""
    source = cluster.session_on(cluster.nodes[0], "race")
    name = cluster.session_on(cluster.nodes[2], "replay")
    log, race = Log(store), a_race()
    await log.append(source, race.events)
    async with serving(store, projector=True) as url:
        await until_projected(store, source, await log.last_position(source))
        replay = await Replays(store).begin(source, name=name, speed="max")
        assert replay == name
        async with asyncio.timeout(DEADLINE):
            await watch(url, replay, race)
    assert await Replays(store).names() == [name]
