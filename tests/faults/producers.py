"""Clients that append a race in parts, each batch until it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from bench.synthetic import synthetic_race
from events import encode

BATCHES = (1, 3, 8, 20)
PAUSE_SECONDS = 0.1
CORRECTED_EVERY = 37

Acknowledged = Callable[[str, float], Awaitable[None]]
"""Called with the position of an acknowledged batch, and when it was sent first."""


@cache
def parts_of_a_race(producers: int, hours: float = 30.0) -> tuple[tuple[bytes, ...], ...]:
    """A long race of 24 cars, divided among producers by car; some laps are corrected later."""
    parts: list[list[dict[str, Any]]] = [[] for _ in range(producers)]
    for event in synthetic_race(24, hours, 90_000):
        members = json.loads(encode(event))
        number = int(members.get("car", 0)) % producers
        part = parts[number]
        part.append({**members, "source": f"timing-{number}", "source_seq": len(part)})
        if len(part) % CORRECTED_EVERY == 0 and (correction := _correction(part)):
            part.append(correction)
    return tuple(tuple(json.dumps(members).encode() for members in part) for part in parts)


def _correction(part: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A correction of the event a dozen before the last, if that can be corrected."""
    corrected, last = part[-12], part[-1]
    members = {key: last[key] for key in ("at", "source")}
    members |= {"source_seq": len(part), "reason": "transponder", "by": "timing"}
    if corrected["type"] == "line_passed":
        voided = {"voided_source": corrected["source"], "voided_seq": corrected["source_seq"]}
        return {"type": "event_voided", **members, **voided}
    if corrected["type"] == "lap_completed":
        amended = {key: corrected[key] for key in ("car", "lap")}
        lap_time = corrected["lap_time_ms"] + 7
        return {"type": "lap_amended", **members, **amended, "lap_time_ms": lap_time}
    return None


@dataclass
class Producer:
    """A client with a part of the race; ``acknowledged`` counts its events in the log."""

    part: Sequence[bytes]
    urls: Sequence[str]
    url_path: str
    secret: str
    chance: random.Random
    on_acknowledged: Acknowledged
    rest_seconds: tuple[float, float] = (0.2, 0.9)
    acknowledged: int = 0
    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)

    async def produce(self, stop: asyncio.Event) -> None:
        """Append until the part ends, or until ``stop`` is set behind a whole batch."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        async with httpx.AsyncClient(headers=headers, timeout=20) as client:
            while self.acknowledged < len(self.part) and not stop.is_set():
                size = self.chance.choice(BATCHES)
                batch = self.part[self.acknowledged : self.acknowledged + size]
                began = time.monotonic()
                position = await self._append(client, batch)
                self.seconds.append(time.monotonic() - began)
                self.acknowledged += len(batch)
                await self.on_acknowledged(position, began)
                await asyncio.sleep(self.chance.uniform(*self.rest_seconds))

    async def _append(self, client: httpx.AsyncClient, batch: Sequence[bytes]) -> str:
        """Append a batch, trying again until it is acknowledged. Returns the log's position."""
        body = b"[" + b",".join(batch) + b"]"
        while True:
            try:
                url = self.chance.choice(self.urls) + self.url_path
                answer = await client.post(url, content=body)
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == 200:
                    return str(answer.json()["position"])
                if answer.status_code not in (429, 503):
                    self.refusals.append(f"{answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(PAUSE_SECONDS)
