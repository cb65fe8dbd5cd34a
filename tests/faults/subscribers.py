"""Subscribers that resume wherever they can, and keep samples of their state for the check."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from projections.views.frame import Token
from services.client import (
    BrokenStream,
    StateFollower,
    StateUpdate,
    over_one_connection,
    stream_url,
)
from services.gateway.live.filters import Filter
from tests.server.gateways import sse

FILTERS = (
    Filter(),
    Filter(topics=frozenset({"standings"})),
    Filter(classes=frozenset({"P"})),
    Filter(topics=frozenset({"standings", "messages"}), cars=frozenset({"1", "7"})),
)
AWAY = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, httpx.HTTPError)
SAMPLED = 25
"""Of so many messages the state of one is compared with the log."""


class Sample(NamedTuple):
    """A subscriber's state at a position of the log, as a digest."""

    position: str
    wanted: Filter
    digest: str


def digest(state: object) -> str:
    """A digest of a state, whatever the order of its members."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def place(position: str) -> tuple[int, int]:
    """A position of the log as numbers."""
    time, _, number = position.partition("-")
    return int(time), int(number)


@dataclass
class Subscriber:
    """A subscriber of one session at any of several gateways."""

    number: int
    urls: Sequence[str]
    session: str
    chance: random.Random
    on_position: Callable[[str], None]
    counts: Counter[str]
    samples: list[Sample] = field(default_factory=list)
    following: StateFollower = field(default_factory=StateFollower)
    _newest: Token | None = None

    @property
    def wanted(self) -> Filter:
        """The filter of this subscriber."""
        return FILTERS[self.number % len(FILTERS)]

    async def follow(self) -> None:
        """Subscribe until cancelled; each lost connection is resumed at some gateway."""
        async with httpx.AsyncClient() as client:
            while True:
                self.counts["connections"] += 1
                try:
                    async with contextlib.aclosing(self._messages(client)) as messages:
                        async for update in messages:
                            self._take(update)
                except BrokenStream:
                    self.counts["holes"] += 1
                    self.following = StateFollower()
                except AWAY:
                    pass
                await asyncio.sleep(self.chance.uniform(0.1, 0.5))

    def sample(self) -> None:
        """Keep the state as it is now."""
        if (latest := self.following.latest) is not None:
            of = digest(latest.state)
            self.samples.append(Sample(latest.token.position, self.wanted, of))

    def _messages(self, client: httpx.AsyncClient) -> AsyncGenerator[StateUpdate, None]:
        url = self.chance.choice(self.urls)
        options: dict[str, Any] = {
            "topics": sorted(self.wanted.topics),
            "classes": sorted(self.wanted.classes),
            "cars": sorted(self.wanted.cars),
        }
        if self.number % 3 == 2:
            return sse(client, url, self.session, self.following, **options)
        address = stream_url(url, self.session, **options)
        return over_one_connection(address, {}, self.following)

    def _take(self, update: StateUpdate) -> None:
        self.counts[update.kind] += 1
        if update.kind != "heartbeat":
            if self._newest is not None and _order(update.token) < _order(self._newest):
                self.counts["backwards"] += 1
            self._newest = update.token
        self.on_position(update.token.position)
        if self.chance.randrange(SAMPLED) == 0:
            self.sample()


def _order(token: Token) -> tuple[int, tuple[int, int]]:
    return token.epoch, place(token.position)
