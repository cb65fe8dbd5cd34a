"""Many subscribers, random faults, and nobody is ever shown anything wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_core import to_json
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from events import AnyEvent, EventVoided, LapCompleted, PenaltyImposed, decode, encode
from services.client import (
    BrokenStream,
    StateFollower,
    StateUpdate,
    over_one_connection,
    stream_url,
)
from services.gateway.live.filters import Filter
from services.roles import Role, new_token
from services.storage.client import open_store
from services.storage.event_log import Log
from tests.conftest import PRINTED
from tests.races import petit_le_mans_2007
from tests.server.gateways import GatewayProcess, Oracle, sse
from tests.server.projecting import ProjectorProcess

SUBSCRIBERS = 200
SECONDS = 18.0
"""For so long the race goes on; then everyone has to come to its last position."""

BATCHES_A_SECOND = 5
BATCH = 25
DEADLINE = 55.0

FILTERS = (
    Filter(),
    Filter(topics=frozenset({"standings"})),
    Filter(classes=frozenset({"LMP2"})),
    Filter(topics=frozenset({"standings", "messages"}), cars=frozenset({"1", "7"})),
)
AWAY = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, httpx.HTTPError, BrokenStream)


class Soak:
    """One run of it."""

    def __init__(self, data: Path, oracle: Oracle, session: str) -> None:
        self.data = data
        self.oracle = oracle
        self.session = session
        self.draw = random.Random(2007)
        self.secret, self.token = new_token("timing", Role.CONTROL)
        self.port = 0
        self.last: str | None = None
        self.acknowledged: set[tuple[str, int]] = set()
        self.counts: Counter[str] = Counter()
        self.gateway: GatewayProcess | None = None
        self.projectors: list[ProjectorProcess] = []

    @property
    def url(self) -> str:
        """The gateway's."""
        return f"http://127.0.0.1:{self.port}"

    async def start_gateway(self) -> None:
        """Start it, at the port that it had; a port that is not free yet is waited for."""
        while True:
            self.gateway = GatewayProcess(self.data, self.port, tokens=self.token)
            port = await self.gateway.listening()
            if port:
                self.port = port
                return
            self.gateway.kill()
            await asyncio.sleep(0.1)

    def start_projector(self) -> None:
        """One more."""
        self.projectors.append(ProjectorProcess(self.data, self.session))

    async def faults(self) -> None:
        """Kill the gateway and the projector in turn, with -9."""
        for _ in range(2):
            await asyncio.sleep(self.draw.uniform(2.0, 3.5))
            assert self.gateway is not None
            self.gateway.kill()
            self.counts["gateways killed"] += 1
            await self.start_gateway()
            await asyncio.sleep(self.draw.uniform(2.0, 3.5))
            self.projectors.pop(0).kill()
            self.counts["projectors killed"] += 1
            self.start_projector()

    async def produce(self, events: list[AnyEvent]) -> None:
        """Post the race in batches for as long as it is set; some of it late, some twice."""
        ends = time.monotonic() + SECONDS
        held: list[AnyEvent] = []
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.secret}"}) as client:
            for start in range(0, len(events), BATCH):
                batch = events[start : start + BATCH]
                last = time.monotonic() > ends
                late = [] if last else [event for event in batch if self.draw.random() < 0.05]
                sent = [event for event in batch if event not in late] + held
                position = await self._post(client, [*sent, self.draw.choice(batch)])
                held = late
                if last:
                    break
                await asyncio.sleep(1 / BATCHES_A_SECOND)
        self.last = position

    async def _post(self, client: httpx.AsyncClient, events: list[AnyEvent]) -> str:
        """Post until it is acknowledged, however often the gateway is killed meanwhile."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = await client.post(
                    f"{self.url}/sessions/{self.session}/events",
                    content=b"[" + b",".join(map(encode, events)) + b"]",
                )
                if answer.status_code == 200:
                    self.acknowledged.update(event.identity for event in events)
                    return str(answer.json()["position"])
                assert answer.status_code >= 500, answer.text
            await asyncio.sleep(0.05)

    async def watch(self, number: int, client: httpx.AsyncClient) -> None:
        """One subscriber, to the end of the race: each message is checked."""
        draw = random.Random(number)
        wanted, sse_body, slow = FILTERS[number % 4], number % 5 < 2, number % 10 == 9
        following = StateFollower()
        while not self._done(following):
            leave_after = draw.randrange(5, 60)
            with contextlib.suppress(*AWAY):
                coming = self._messages(client, following, wanted, sse_body)
                async with contextlib.aclosing(coming) as messages:
                    async for shown in messages:
                        await self._check(shown, wanted)
                        leave_after -= 1
                        if self._done(following) or leave_after == 0:
                            break
                        if slow:
                            await asyncio.sleep(draw.uniform(0.1, 0.6))
            self.counts["connections"] += 1
            await asyncio.sleep(draw.uniform(0.0, 0.3))

    def _messages(
        self, client: httpx.AsyncClient, following: StateFollower, wanted: Filter, sse_body: bool
    ) -> AsyncGenerator[StateUpdate, None]:
        options: dict[str, Any] = {
            "topics": sorted(wanted.topics),
            "classes": sorted(wanted.classes),
            "cars": sorted(wanted.cars),
        }
        if sse_body:
            return sse(client, self.url, self.session, following, **options)
        return over_one_connection(stream_url(self.url, self.session, **options), {}, following)

    async def _check(self, shown: StateUpdate, wanted: Filter) -> None:
        self.counts[shown.kind] += 1
        assert shown.state == await self.oracle.at(shown.token, wanted)
        if shown.reason:
            self.counts[f"because {shown.reason}"] += 1

    def _done(self, following: StateFollower) -> bool:
        token = following.token
        return self.last is not None and token is not None and token.position == self.last


def race() -> list[AnyEvent]:
    """A part of a race, with stewards who impose and void on the way."""
    events = petit_le_mans_2007()[:4000]
    laps = [event for event in events if isinstance(event, LapCompleted)]
    found: list[AnyEvent] = []
    for number, lap in enumerate(laps[200::300]):
        found.append(
            PenaltyImposed(
                at=lap.at + 1,
                source="stewards",
                source_seq=2 * number,
                penalty_id=f"soak-{number}",
                car=lap.car,
                kind="drive_through",
            )
        )
        found.append(
            EventVoided(
                at=lap.at + 60_000,
                source="stewards",
                source_seq=2 * number + 1,
                voided_source=lap.source,
                voided_seq=lap.source_seq,
                reason="a soak",
            )
        )
    return sorted([*events, *found], key=lambda event: event.at)


@pytest.mark.slow
async def test_soak(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """200 subscribers over both protocols, faults of every kind: each folded state is right.

    Subscribers leave and resume at random, some read slowly; gateway and projector are
    killed with -9. At every message of every subscriber its state equals the fold of the
    log up to that position, through its filter.
    """
    session = "soak"
    began = time.monotonic()
    async with open_store(data=tmp_path) as store:
        soak = Soak(tmp_path, Oracle(Log(store), session), session)
        await Log(store).append(session, race()[:1])
        try:
            soak.start_projector()
            await soak.start_gateway()
            limits = httpx.Limits(max_connections=None)
            async with (
                httpx.AsyncClient(limits=limits) as client,
                asyncio.timeout(DEADLINE),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(soak.produce(race()))
                group.create_task(soak.faults())
                for number in range(SUBSCRIBERS):
                    group.create_task(soak.watch(number, client))
        finally:
            if soak.gateway is not None:
                soak.gateway.kill()
            for projector in soak.projectors:
                projector.kill()
        logged = [
            decode(entry.payload).identity
            async for batch in Log(store).read(session)
            for entry in batch
        ]
    assert len(logged) == len(set(logged))
    assert soak.acknowledged <= set(logged)
    checked = sum(soak.counts[kind] for kind in ("snapshot", "delta", "heartbeat"))
    found = to_json(soak.counts).decode()
    took = time.monotonic() - began
    record_property(PRINTED, f"soak: {checked} frames checked in {took:.0f} s: {found}")
    assert checked >= SUBSCRIBERS  # each was there at the end
