"""For those who run it: is it alive, is it ready, and what does it do."""

from __future__ import annotations

import contextlib
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

from events.errors import StoreError
from services.gateway.auth import authorize, requires
from services.gateway.errors import RequestRefused, responses
from services.gateway.live.session_tail import now_ms
from services.gateway.state import Gateway, TheGateway
from services.roles import Role
from services.storage.feed_store import FeedHealth, feed_health, feeds_health
from services.storage.projection_store import health

router = APIRouter(tags=["operations"])


class FeedTold(BaseModel):
    """How the live timing feed of a session fares."""

    state: Literal["connecting", "live", "silent", "down", "standby", "ended"]
    followed: bool = Field(description="Whether a process is at work on it.")
    age_ms: int | None = Field(description="How long ago it was heard; null if never.")
    reason: str | None = Field(description="Why it is down.")
    feed: str = Field(examples=["rmonitor 192.168.1.10:50000"])
    session: str = Field(description="The session that its present run goes into.")
    connections: int
    records: int
    unreadable: int = Field(description="Lines that are no records; each is kept.")
    refused: int = Field(description="Records that tell what no session can have.")
    events: int


class SessionHealth(BaseModel):
    """Who folds a session, or why it stands still, and how its feed fares."""

    session: str
    state: Literal["waiting", "folding", "stopped"] = Field(
        description="`waiting`: no projector has come to it yet. `stopped`: see the reason."
    )
    reason: str | None
    position: str | None = Field(description="Of the entry that cannot be folded.")
    projector: str | None
    parked: int = Field(description="Entries of the log that are no events.")
    feed: FeedTold | None


class Health(BaseModel):
    """How it fares."""

    status: str
    store: str | None = None
    promise: str | None = None


@router.get("/healthz", summary="Whether the process is alive")
async def healthz() -> Health:
    """Says nothing of the store."""
    return Health(status="ok")


@router.get("/readyz", summary="Whether requests can be answered", responses=responses(503))
async def readyz(request: Request, gateway: TheGateway) -> Health:
    """Asks the store; its promise says what an acknowledged event is worth. Where the store is,
    is told to whoever has a token."""
    known = _has_a_token(request, gateway)
    try:
        with gateway.store.translated_errors():
            await gateway.store.redis.ping()
    except StoreError as error:
        if known:
            raise
        raise RequestRefused(
            503, "the store does not answer", headers={"Retry-After": "1"}
        ) from error
    name = gateway.store.name if known else None
    return Health(status="ready", store=name, promise=gateway.store.durability)


def _has_a_token(request: Request, gateway: Gateway) -> bool:
    """Whether any token that counts was sent; without one the question is answered, too."""
    try:
        return authorize(request, Role.VIEWER, gateway.settings) is not None
    except RequestRefused:
        return False


@router.get(
    "/sessions/{session}/health",
    summary="Who folds a session, or why it stands still",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses=responses(401, 403, 404, 422, 503),
)
async def session_health(gateway: TheGateway, session: str) -> SessionHealth:
    """How the projection of a session fares, and its feed, where it has one."""
    feed = await _feed(gateway, session)
    if feed is None:  # one that was never heard has no session yet
        await gateway.require(session)
    told = await health(gateway.store, session)
    return SessionHealth(
        session=session,
        state=told.get("state", "waiting"),
        reason=told.get("reason"),
        position=told.get("position"),
        projector=told.get("projector"),
        parked=int(told.get("parked", 0)),
        feed=feed,
    )


@router.get(
    "/sessions/{session}/feed",
    summary="How a session's live timing feed fares",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses=responses(401, 403, 404, 422, 503),
)
async def session_feed(gateway: TheGateway, session: str) -> FeedTold:
    """Its state, and how long ago it was heard: 404 where the session has no feed."""
    told = await _feed(gateway, session)
    if told is None:
        await gateway.require(session)
        raise RequestRefused(404, f"session {session!r} has no feed")
    return told


async def _feed(gateway: Gateway, session: str) -> FeedTold | None:
    told = await feed_health(gateway.store, session, datetime.now(UTC))
    if told is None:
        return None
    age = None if told.age_s is None else int(told.age_s * 1000)
    return FeedTold.model_validate({**asdict(told), "age_ms": age})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    dependencies=[Depends(requires(Role.VIEWER))],
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses(401, 403),
    },
    response_class=Response,
)
async def metrics(gateway: TheGateway) -> Response:
    """In Prometheus's text format. They name sessions and feeds, so they need a token where
    reading does."""
    registry = CollectorRegistry()
    feeds: Mapping[str, FeedHealth] = {}
    with contextlib.suppress(StoreError):  # there are other figures
        sessions = [one.session for one in await gateway.log.sessions()]
        feeds = await feeds_health(gateway.store, sessions, datetime.now(UTC))
    registry.register(_Figures(gateway, feeds))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures:
    """The gateway's figures as they stand."""

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
        tails, now = gateway.tail_pool.all(), now_ms()
        for tail in tails:
            sent.add_metric([tail.session], tail.sent)
            frames.add_metric([tail.session], tail.buffer.count)
            newest = tail.buffer.newest
            if newest is not None:
                age.add_metric([tail.session], max(0.0, now - newest.at) / 1000)
                fresh = newest.freshness(now, silent=tail.silent)
                stale.add_metric([tail.session], fresh == "stale")
        up = GaugeMetricFamily("lapstream_up_seconds", "Since the gateway began.")
        up.add_metric([], time.monotonic() - gateway.started_at)
        watched = GaugeMetricFamily("lapstream_sessions_watched", "Sessions tailed here.")
        watched.add_metric([], len(tails))
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
        for session, told in self._feeds.items():
            live.add_metric([session, told.feed], told.followed and told.state == "live")
            if told.age_s is not None:
                age.add_metric([session, told.feed], told.age_s)
        return [live, age]
