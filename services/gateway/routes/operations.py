"""Operation: liveness, readiness, health of sessions and feeds, metrics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from events.errors import NotConfirmed, StoreError, StoreUnfit
from services.clocks import now_ms
from services.gateway.auth import authorize, requires
from services.gateway.errors import RequestRefused, responses
from services.gateway.state import Gateway, TheGateway
from services.gateway.store_deadline import availability_of
from services.roles import Role
from services.storage.feed_store import FeedHealth, feed_health, feeds_health
from services.storage.projection_store import health, stopped_sessions

STATES = frozenset({"waiting", "folding", "stopped"})

STOPPED_SECONDS = 0.5
"""How long the readiness looks for sessions that are stopped."""

router = APIRouter(tags=["operations"])


class FeedStatus(BaseModel):
    """The state of the live timing feed of a session."""

    state: Literal["connecting", "live", "silent", "down", "standby", "ended"]
    followed: bool = Field(description="Whether a process follows it.")
    age_ms: int | None = Field(description="Time since it was last heard (ms); null if never.")
    reason: str | None = Field(description="Why the feed is down.")
    feed: str = Field(examples=["rmonitor 192.168.1.10:50000"])
    session: str = Field(description="The session of its present run.")
    connections: int
    records: int
    unreadable: int = Field(description="Lines that are not records; each is kept.")
    refused: int = Field(description="Records with values that no session can have.")
    events: int


class SessionHealth(BaseModel):
    """The projector of a session, why it is stopped if it is, and its feed."""

    session: str
    state: Literal["waiting", "folding", "stopped"] = Field(
        description="`waiting`: no projector has begun with it. `stopped`: see the reason."
    )
    reason: str | None
    position: str | None = Field(description="The log entry that cannot be folded.")
    projector: str | None
    parked: int = Field(description="Log entries that are not events.")
    feed: FeedStatus | None
    event: str | None = Field(
        default=None,
        description="The event of that entry: its type, number and source; null if it cannot be "
        "decoded.",
        examples=["lap_completed 12 of 'rmonitor'"],
    )
    quarantined: list[str] = Field(
        default=[], description="The positions that are left out (`lapstream quarantine`)."
    )
    views: dict[str, str] = Field(
        default={},
        description="Topics of the frames that cannot be made, and stay as they were: why, and "
        "since which event.",
    )


class GatewayHealth(BaseModel):
    """The state of the gateway."""

    status: str
    store: str | None = None
    promise: str | None = None
    stopped: list[str] | None = Field(
        default=None,
        description="The sessions that are stopped, by name; `GET /sessions` says why each is. "
        "Null where it is not known, or needs a token to be known.",
    )


@router.get("/healthz", summary="Check that the process is alive")
async def healthz() -> GatewayHealth:
    """Check that the process is alive, whatever the state of the store."""
    return GatewayHealth(status="ok")


@router.get("/readyz", summary="Check that requests can be answered", responses=responses(503))
async def readyz(request: Request, gateway: TheGateway) -> GatewayHealth:
    """Check that the store answers, takes events and keeps them; else it is said why not (503),
    within two seconds. `promise` says how durable an acknowledged event is; `store`, for requests
    with a token, where the store is; `stopped` lists sessions that need attention, which keep no
    other one from being served."""
    known = _has_a_token(request, gateway)
    try:
        await availability_of(request).monitor.check()
    except StoreError as error:
        if known:
            raise
        # Without a token, the answer does not name the store.
        reason = "the store does not answer"
        if isinstance(error, NotConfirmed):
            reason = f"the store has too few replicas: {error.reason}"
        elif isinstance(error, StoreUnfit):
            reason = f"the store is unfit: {error.reason}"
        raise RequestRefused(503, reason, headers={"Retry-After": "1"}) from error
    name = gateway.store.name if known else None
    promise = gateway.store.durability
    stopped = None
    if known or not gateway.settings.private:
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(STOPPED_SECONDS):
                names = sorted(await gateway.log.listed())
                stopped = await stopped_sessions(gateway.store, names)
    return GatewayHealth(status="ready", store=name, promise=promise, stopped=stopped)


def _has_a_token(request: Request, gateway: Gateway) -> bool:
    """Whether a valid token was sent; the route answers without one too."""
    try:
        return authorize(request, Role.VIEWER, gateway.settings) is not None
    except RequestRefused:
        return False


@router.get(
    "/sessions/{session}/health",
    summary="Get the health of a session",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses=responses(401, 403, 404, 422, 429, 503),
)
async def session_health(gateway: TheGateway, session: str) -> SessionHealth:
    """Get the state of a session's projection, and of its feed if it has one."""
    feed = await _feed(gateway, session)
    if feed is None:  # a feed that was never heard has no session yet
        await gateway.require(session)
    found = await health(gateway.store, session)
    return SessionHealth(
        session=session,
        state=found["state"] if found.get("state") in STATES else "waiting",
        reason=found.get("reason"),
        position=found.get("position"),
        projector=found.get("projector"),
        parked=_count(found.get("parked")),
        feed=feed,
        event=found.get("event"),
        quarantined=found.get("quarantined", "").split(),
        views=_views(found.get("views")),
    )


def _count(stored: str | None) -> int:
    return int(stored) if stored and stored.isdecimal() else 0


def _views(stored: str | None) -> dict[str, str]:
    try:
        found = json.loads(stored or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@router.get(
    "/sessions/{session}/feed",
    summary="Get the state of a session's feed",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses=responses(401, 403, 404, 422, 429, 503),
)
async def session_feed(gateway: TheGateway, session: str) -> FeedStatus:
    """Get the state of the live timing feed, and when it was last heard; 404 without one."""
    found = await _feed(gateway, session)
    if found is None:
        await gateway.require(session)
        raise RequestRefused(404, f"session {session!r} has no feed")
    return found


async def _feed(gateway: Gateway, session: str) -> FeedStatus | None:
    found = await feed_health(gateway.store, session, datetime.now(UTC))
    if found is None:
        return None
    age = None if found.age_s is None else int(found.age_s * 1000)
    return FeedStatus.model_validate({**asdict(found), "age_ms": age})


@router.get(
    "/metrics",
    summary="Get metrics for Prometheus",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses(401, 403),
    },
    response_class=Response,
)
async def metrics(gateway: TheGateway) -> Response:
    """Metrics in Prometheus's text format. They name sessions and feeds, so they require a token if
    reading does."""
    registry = CollectorRegistry()
    feeds: Mapping[str, FeedHealth] = {}
    with contextlib.suppress(StoreError):  # the other metrics do not need the store
        sessions = [one.session for one in await gateway.log.sessions()]
        feeds = await feeds_health(gateway.store, sessions, datetime.now(UTC))
    registry.register(_Metrics(gateway, feeds))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Metrics:
    """A collector of the gateway's metrics."""

    def __init__(self, gateway: Gateway, feeds: Mapping[str, FeedHealth]) -> None:
        self._gateway = gateway
        self._feeds = feeds

    def collect(self) -> Iterable[Metric]:
        gateway = self._gateway
        subscribers = GaugeMetricFamily(
            "lapstream_subscribers", "Subscribers at this gateway.", labels=["over"]
        )
        for over, count in gateway.subscribers.items():
            subscribers.add_metric([over], count)
        sent = CounterMetricFamily(
            "lapstream_messages_sent", "Messages sent to subscribers.", labels=["session"]
        )
        frames = CounterMetricFamily(
            "lapstream_frames", "Frames that came from the projector.", labels=["session"]
        )
        age = GaugeMetricFamily(
            "lapstream_data_age_seconds", "Since the newest event shown.", labels=["session"]
        )
        stale = GaugeMetricFamily(
            "lapstream_data_stale",
            "1 where nothing came for longer than the field can be silent.",
            labels=["session"],
        )
        running, now = gateway.tail_pool.all(), now_ms()
        for tail in running:
            sent.add_metric([tail.session], tail.sent)
            frames.add_metric([tail.session], tail.buffer.count)
            newest = tail.buffer.newest
            if newest is not None:
                age.add_metric([tail.session], newest.age_ms(now) / 1000)
                fresh = newest.freshness(now, silent=tail.silent)
                stale.add_metric([tail.session], fresh == "stale")
        up = GaugeMetricFamily("lapstream_up_seconds", "Since the gateway began.")
        up.add_metric([], time.monotonic() - gateway.started_at)
        watched = GaugeMetricFamily("lapstream_sessions_watched", "Sessions tailed here.")
        watched.add_metric([], len(running))
        return [subscribers, sent, frames, age, stale, up, watched, *self._of_feeds()]

    def _of_feeds(self) -> Iterable[Metric]:
        live = GaugeMetricFamily(
            "lapstream_feed_live",
            "1 where a feed is followed and heard.",
            labels=["session", "feed"],
        )
        age = GaugeMetricFamily(
            "lapstream_feed_age_seconds", "Since a feed was heard.", labels=["session", "feed"]
        )
        for session, found in self._feeds.items():
            live.add_metric([session, found.feed], found.followed and found.state == "live")
            if found.age_s is not None:
                age.add_metric([session, found.feed], found.age_s)
        return [live, age]
