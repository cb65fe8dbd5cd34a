"""For those who run it: is it alive, is it ready, and what does it do."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from services.gateway.gate import Gateway, TheGateway
from services.gateway.problems import responses
from services.gateway.tails import now_ms

router = APIRouter(tags=["operations"])


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
async def readyz(gateway: TheGateway) -> Health:
    """Asks the store; its promise says what an acknowledged event is worth."""
    with gateway.store.speaking():
        await gateway.store.redis.ping()
    return Health(status="ready", store=gateway.store.name, promise=gateway.store.promise)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def metrics(gateway: TheGateway) -> Response:
    """In Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(gateway))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures:
    """The gateway's figures as they stand."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

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
        tails, now = gateway.tails.all(), now_ms()
        for tail in tails:
            sent.add_metric([tail.session], tail.sent)
            frames.add_metric([tail.session], tail.reel.count)
            newest = tail.reel.newest
            if newest is not None:
                age.add_metric([tail.session], max(0.0, now - newest.at) / 1000)
                stale.add_metric([tail.session], newest.freshness(now) == "stale")
        up = GaugeMetricFamily("lapstream_up_seconds", "Since the gateway began.")
        up.add_metric([], time.monotonic() - gateway.began)
        watched = GaugeMetricFamily("lapstream_sessions_watched", "Sessions tailed here.")
        watched.add_metric([], len(tails))
        return [subscribers, sent, frames, age, stale, up, watched]
