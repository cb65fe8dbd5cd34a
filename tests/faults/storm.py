"""A kill storm: gateways, projectors and the store killed with -9 while clients append.

Afterwards every acknowledged event has to be in the log once, as it was sent and in the order
in which its source sent it; the published state has to equal the fold of the log from its
beginning, also when it is made again from nothing; and every state that a subscriber had has to
be that of the log at its position. In a Cluster a replica takes over from a killed primary,
which may lose events that no replica confirmed: they are counted apart.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from events import decode, encode
from projections.timeline import Timeline
from projections.views.frame_builder import frame_state
from replay.entries import LogEntry
from services.roles import Role, new_token
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.frame_reader import published_state
from services.storage.keys import key
from services.storage.projection_store import health
from tests.faults.fleet import PROJECTOR, Fleet, Service, answers, gateway
from tests.faults.producers import Producer, parts_of_a_race
from tests.faults.reports import Report, percentile
from tests.faults.stores import OneServer, Replicated, replicated_cluster
from tests.faults.subscribers import Sample, Subscriber, digest, place
from tests.server.clusters import free_ports
from tests.server.projecting import all_frames, eventually, projecting, until_projected

SESSION = "storm"
PRODUCERS = 4
SUBSCRIBERS = 8
GATEWAYS = 2
PROJECTORS = 2
WEIGHTS = {"gateway": 3, "projector": 3, "store": 4}
OVERLAPPING = 0.2
"""The share of kills that do not wait until the service has recovered from those before."""

SETTLING_SECONDS = 120.0
DERIVED = ("token", "snapshot", "checkpoint", "blocks", "parked", "frames")


@dataclass
class Recovery:
    """A kill, and when an event that was sent after it reached a subscriber."""

    victim: str
    killed: float
    position: str | None = None
    seconds: float | None = None


@dataclass
class Storm:
    """One storm on one store."""

    store: OneServer | Replicated
    folder: Path
    seed: int
    kills: int
    pace: float
    recoveries: list[Recovery] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    confirmed: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.secret, line = new_token("timing", Role.CONTROL)
        environment = {
            **self.store.environment(),
            "LAPSTREAM_TOKENS": line,
            "LAPSTREAM_EVENTS_PER_SECOND": "100000",
            "LAPSTREAM_SESSIONS": SESSION,
        }
        ports = free_ports(GATEWAYS)
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.fleet = Fleet(
            [
                *(
                    gateway(f"gateway-{n}", port, environment, self.folder, "--no-projector")
                    for n, port in enumerate(ports)
                ),
                *(
                    Service(f"projector-{n}", PROJECTOR, environment, self.folder)
                    for n in range(PROJECTORS)
                ),
            ]
        )
        self.producers = [
            Producer(
                part,
                self.urls,
                f"/sessions/{SESSION}/events",
                self.secret,
                random.Random(self.seed + number),
                self._note_acknowledged,
            )
            for number, part in enumerate(parts_of_a_race(PRODUCERS))
        ]
        self.subscribers = [
            Subscriber(
                number,
                self.urls,
                SESSION,
                random.Random(self.seed - number),
                self._note_position,
                self.counts,
            )
            for number in range(SUBSCRIBERS)
        ]

    async def run(self) -> Report:
        """Let it rage, then count. The processes are gone afterwards."""
        began = time.monotonic()
        report = Report("kill storm", {"store": self.store.name, "seed": self.seed})
        stop = asyncio.Event()
        self.fleet.start()
        try:
            for url in self.urls:
                await _until_it_answers(url)
            producing = [asyncio.create_task(one.produce(stop)) for one in self.producers]
            following = [asyncio.create_task(one.follow()) for one in self.subscribers]
            try:
                await self._strike()
                await self._settle(report)
                stop.set()
                await asyncio.gather(*producing)
                await self._catch_up(report)
            finally:
                for task in (*producing, *following):
                    task.cancel()
                await asyncio.wait([*producing, *following])
        finally:
            self.fleet.kill()
        report.figures["seconds"] = round(time.monotonic() - began)
        tracebacks = self.fleet.tracebacks()
        report.require(not tracebacks, f"{len(tracebacks)} tracebacks, first: {tracebacks[:1]}")
        self._count(report)
        await self._verify(report)
        return report

    # -- The storm -----------------------------------------------------------------------

    async def _strike(self) -> None:
        restoring: asyncio.Task[None] | None = None
        while len(self.recoveries) < self.kills:
            await asyncio.sleep(self.chance.expovariate(1 / self.pace))
            if self.chance.random() > OVERLAPPING:
                await self._recover()
            self.fleet.restore()
            (victim,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            if victim == "store":
                if (killed := await self.store.strike()) is not None:
                    self.recoveries.append(Recovery("store", killed))
                    if restoring is not None:
                        await restoring
                    restoring = asyncio.create_task(self.store.restore())
                continue
            struck = self.chance.choice(
                [service for service in self.fleet.services if service.name.startswith(victim)]
            )
            struck.kill()
            self.recoveries.append(Recovery(victim, time.monotonic()))
            struck.start()
        if restoring is not None:
            await restoring

    async def _settle(self, report: Report) -> None:
        """Wait until the service has recovered from every kill."""
        if not await self._recover():
            count = sum(one.seconds is None for one in self.recoveries)
            report.faults.append(f"no recovery from {count} kills in {SETTLING_SECONDS:.0f} s")

    async def _recover(self) -> bool:
        """Wait until an event that was sent after the last kill has reached a subscriber.

        Returns whether that was so in time.
        """
        deadline = time.monotonic() + SETTLING_SECONDS
        while any(one.seconds is None for one in self.recoveries):
            if time.monotonic() > deadline:
                return False
            self.fleet.restore()
            await asyncio.sleep(0.05)
        return True

    async def _catch_up(self, report: Report) -> None:
        """Wait until each subscriber has the last position, and sample what it has."""
        async with self.store.opened() as store:
            last = await Log(store).last_position(SESSION)
        deadline = time.monotonic() + SETTLING_SECONDS
        behind = self.subscribers
        while behind and time.monotonic() < deadline:
            self.fleet.restore()
            await asyncio.sleep(0.2)
            behind = [one for one in behind if _position(one) != last]
        report.require(not behind, f"{len(behind)} subscribers did not come to the end")
        for subscriber in self.subscribers:
            subscriber.sample()

    async def _note_acknowledged(self, position: str, began: float) -> None:
        for one in self.recoveries:
            if one.position is None and one.killed <= began:
                one.position = position
        if isinstance(self.store, Replicated) and await self.store.confirmed(position):
            self.confirmed.add(place(position))

    def _note_position(self, position: str) -> None:
        now = time.monotonic()
        for one in self.recoveries:
            if one.seconds is None and one.position and place(position) >= place(one.position):
                one.seconds = now - one.killed

    # -- The count -----------------------------------------------------------------------

    def _count(self, report: Report) -> None:
        by_victim: defaultdict[str, list[Recovery]] = defaultdict(list)
        for one in self.recoveries:
            by_victim[one.victim].append(one)
            by_victim["all"].append(one)
        for victim in (*sorted(by_victim.keys() - {"all"}), "all"):
            seconds = [one.seconds for one in by_victim[victim] if one.seconds is not None]
            report.rows.append(
                {
                    "killed": victim,
                    "kills": len(by_victim[victim]),
                    "recovery p50 s": percentile(seconds, 0.5),
                    "p99 s": percentile(seconds, 0.99),
                    "longest s": percentile(seconds, 1),
                }
            )
        appends = [second for one in self.producers for second in one.seconds]
        answered = sum((one.answers for one in self.producers), Counter[str]())
        report.figures |= {
            "kills": len(self.recoveries),
            "recovery_p50_s": report.rows[-1]["recovery p50 s"],
            "recovery_p99_s": report.rows[-1]["p99 s"],
            "append_p50_s": percentile(appends, 0.5),
            "append_p99_s": percentile(appends, 0.99),
            "answers": dict(answered),
            "ended_by_themselves": dict(self.fleet.ended),
            "messages": dict(self.counts),
        }
        refusals = [text for one in self.producers for text in one.refusals]
        report.require(not refusals, f"{len(refusals)} refused appends, first: {refusals[:1]}")
        report.require(not self.counts["holes"], f"{self.counts['holes']} holes in subscriptions")

    async def _verify(self, report: Report) -> None:
        async with self.store.opened() as store:
            entries = [entry async for batch in Log(store).read(SESSION) for entry in batch]
            self._verify_log(report, entries)
            timeline = Timeline()
            timeline.add(decode(entry.payload) for entry in entries)
            await self._verify_projection(report, store, digest(frame_state(timeline.race)))
        self._verify_samples(report, entries)

    def _verify_log(self, report: Report, entries: Sequence[LogEntry]) -> None:
        positions: dict[tuple[str, int], list[str]] = defaultdict(list)
        changed = 0
        for entry in entries:
            event = decode(entry.payload)
            source, number = event.identity
            positions[event.identity].append(entry.position)
            sent = self.producers[int(source.rpartition("-")[2])].part[number]
            changed += encode(event) != encode(decode(sent))
        acknowledged = lost = disordered = 0
        for at, producer in enumerate(self.producers):
            identities = [(f"timing-{at}", number) for number in range(producer.acknowledged)]
            found = [place(positions[one][0]) for one in identities if one in positions]
            acknowledged += len(identities)
            lost += len(identities) - len(found)
            disordered += sum(a >= b for a, b in pairwise(found))
        doubled = sum(len(places) - 1 for places in positions.values())
        report.figures |= {
            "acknowledged": acknowledged,
            "logged": len(entries),
            "lost": lost,
            "doubled": doubled,
        }
        report.rows[-1] = {
            **report.rows[-1],
            "acknowledged": acknowledged,
            "lost": lost,
            "doubled": doubled,
        }
        report.require(not doubled, f"{doubled} events are in the log twice")
        report.require(not changed, f"{changed} events were changed on their way")
        report.require(not disordered, f"{disordered} events are out of order")
        if isinstance(self.store, Replicated):
            there = {place(entry.position) for entry in entries}
            gone = len(self.confirmed - there)
            report.figures |= {
                "confirmed_batches": len(self.confirmed),
                "confirmed_lost": gone,
                "wait_p50_s": percentile(self.store.wait_seconds, 0.5),
                "wait_p99_s": percentile(self.store.wait_seconds, 0.99),
                "takeovers": len(self.store.takeover_seconds),
                "takeover_p50_s": percentile(self.store.takeover_seconds, 0.5),
                "replica_cut_off": self.store.cuts,
            }
            report.require(not gone, f"{gone} batches that a replica confirmed are lost")
        if isinstance(self.store, OneServer) or self.store.confirming:
            report.require(not lost, f"{lost} acknowledged events are lost")

    async def _verify_projection(self, report: Report, store: Store, expected: str) -> None:
        """Compare the published state with the fold of the log, as it is and made from nothing."""
        published = await published_state(store, SESSION)
        same = published is not None and digest(published.state) == expected
        report.require(same, "the published state is not the fold of the log")
        report.require(
            (await health(store, SESSION)).get("state") != "stopped", "the session is stopped"
        )
        try:
            report.figures["frames"] = len(await all_frames(store, SESSION))
        except AssertionError:
            report.faults.append("frames are missing or twice in the stream")
        for name in DERIVED:
            await store.redis.delete(key(SESSION, name))
        last = await Log(store).last_position(SESSION)
        async with projecting(store, SESSION):
            await until_projected(store, SESSION, last)
        published = await published_state(store, SESSION)
        again = published is not None and digest(published.state) == expected
        report.require(again, "the state made from nothing is not the fold of the log")

    def _verify_samples(self, report: Report, entries: Sequence[LogEntry]) -> None:
        """Compare what subscribers had with the log at their positions."""
        samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for subscriber in self.subscribers:
            for sample in subscriber.samples:
                samples[sample.position].append(sample)
        timeline, begun, wrong = Timeline(), 0, 0
        for number, entry in enumerate(entries, start=1):
            if entry.position not in samples:
                continue
            timeline.add(decode(one.payload) for one in entries[begun:number])
            begun = number
            state = frame_state(timeline.race)
            wrong += sum(
                one.digest != digest(one.wanted.choose(state))
                for one in samples.pop(entry.position)
            )
        unknown = sum(map(len, samples.values()))  # of events that a failover lost
        checked = sum(len(one.samples) for one in self.subscribers) - unknown
        report.figures |= {"states_checked": checked, "states_of_lost_events": unknown}
        report.require(not wrong, f"{wrong} of {checked} states of subscribers were wrong")
        if isinstance(self.store, OneServer):
            report.require(not unknown, f"{unknown} states of positions that the log has not")


async def _until_it_answers(url: str) -> None:
    async def holds() -> bool:
        return await answers(url)

    await eventually(holds, f"{url} answers")


def _position(subscriber: Subscriber) -> str | None:
    token = subscriber.following.token
    return token and token.position


async def storm_on_one_server(folder: Path, seed: int, kills: int, pace: float) -> Report:
    """A storm on an embedded server in the folder."""
    return await Storm(OneServer(folder / "data"), folder, seed, kills, pace).run()


async def storm_on_a_cluster(
    folder: Path,
    seed: int,
    kills: int,
    pace: float,
    *,
    require_replicas: bool = False,
    confirming: bool = False,
) -> Report:
    """A storm on a Cluster with replicas; with ``require_replicas`` none writes without.

    With ``confirming`` an event is acknowledged once a replica has it.
    """
    async with replicated_cluster(folder) as cluster:
        store = Replicated(cluster, SESSION, random.Random(seed))
        if require_replicas:
            store.name += ", min-replicas-to-write 1"
            await store.require_replicas()
        if confirming:
            store.name += ", LAPSTREAM_REPLICAS=1"
            store.confirming = True
        return await Storm(store, folder, seed, kills, pace).run()
