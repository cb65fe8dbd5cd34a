"""Forecasts for subscribers: messages of their own, beside the frames."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from pydantic_core import from_json, to_json

from events.errors import NoForecast
from services import forecast_worker
from services.client import StateFollower
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.forecast_feed import ForecastFeed, SessionForecast
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.subscription import Subscription, SubscriptionOptions
from services.gateway.routes.schemas import message_schemas
from services.queries.forecasts import forecast_task, forecast_topic
from tests.unit.projections.forecast.test_race_forecast import a_race
from tests.unit.services.gateway.short_race import BEGAN, STEP_MS, frames, snapshot

TOPIC = forecast_topic(forecast_task(a_race("1", "2", laps=20).race()))
BODY = to_json(TOPIC)
FORECASTS = Filter(topics=frozenset({"forecast"}))


class Feed:
    """A feed with forecasts that were made elsewhere."""

    def __init__(self, *made: SessionForecast) -> None:
        self.made = list(made)

    def newest(self, sent: Any) -> SessionForecast | None:
        """The newest that the subscriber may have."""
        return next((one for one in reversed(self.made) if one.known_to(sent)), None)


def position(number: int) -> str:
    """The position of a frame."""
    return frames()[number].token.position


def following(
    feed: Feed, shown: int, options: SubscriptionOptions
) -> tuple[Subscription, FrameBuffer]:
    """A subscription with so many frames in its buffer, and the buffer."""
    buffer = FrameBuffer()
    for frame in frames()[:shown]:
        buffer.apply(frame)
    found = Subscription(buffer, Channel(options.filter, options.delay_ms), options, BEGAN)
    found.follow(feed)  # type: ignore[arg-type]
    return found, buffer


def kinds(subscription: Subscription, now: float) -> list[str]:
    """What is due now."""
    found = []
    while (message := subscription.next(now)) is not None:
        found.append(message.kind)
    return found


class TestSubscription:
    """When a subscriber is sent a forecast."""

    def test_once_after_the_frames_it_was_made_from(self) -> None:
        """It waits for its position, follows the frame, and is not sent twice."""
        feed = Feed(SessionForecast(1, position(5), None, BODY))
        subscription, buffer = following(feed, 5, SubscriptionOptions(FORECASTS))
        assert kinds(subscription, BEGAN) == ["snapshot"]
        buffer.apply(frames()[5])
        assert kinds(subscription, BEGAN + 10) == ["delta", "forecast"]
        assert kinds(subscription, BEGAN + 20) == []

    def test_a_delay_is_never_overtaken(self) -> None:
        """Of two forecasts a delayed subscriber has the one of its own moment."""
        feed = Feed(
            SessionForecast(1, position(2), None, BODY), SessionForecast(2, position(8), None, BODY)
        )
        options = SubscriptionOptions(FORECASTS, delay_ms=500)
        subscription, _ = following(feed, 9, options)
        messages = []
        now = BEGAN + 3 * STEP_MS + 500
        while (message := subscription.next(now)) is not None:
            messages.append(json.loads(message.body))
        assert [one["kind"] for one in messages] == ["snapshot", "forecast"]
        assert messages[1]["made_from"] == position(2)
        assert messages[1]["at"] == messages[0]["at"]

    def test_the_rate_counts_forecasts_by_themselves(self) -> None:
        """Frames that always come do not keep forecasts away, and these keep to the rate."""
        feed = Feed(SessionForecast(1, position(0), None, BODY))
        subscription, buffer = following(feed, 1, SubscriptionOptions(FORECASTS, max_hz=1))
        assert kinds(subscription, BEGAN) == ["snapshot", "forecast"]
        feed.made.append(SessionForecast(2, position(0), None, BODY))
        buffer.apply(frames()[1])
        assert kinds(subscription, BEGAN + 500) == []
        assert kinds(subscription, BEGAN + 1000) == ["delta", "forecast"]

    def test_a_seek_leaves_forecasts_behind(self) -> None:
        """In a replay, a forecast of an epoch that is over is not sent."""
        feed = Feed(SessionForecast(1, position(3), 1, BODY))
        subscription, buffer = following(feed, 4, SubscriptionOptions(FORECASTS))
        assert kinds(subscription, BEGAN) == ["snapshot", "forecast"]
        feed.made.append(SessionForecast(2, position(3), 1, BODY))
        buffer.apply(snapshot(frames()[4], 2, "a seek"))
        assert kinds(subscription, BEGAN + 10) == ["snapshot"]


class TestMessage:
    """What a forecast looks like."""

    def message(self, wanted: Filter, body: bytes | None = BODY, reason: str | None = None) -> Any:
        """The message for a filter."""
        buffer = FrameBuffer()
        shown = buffer.apply(frames()[0])
        assert shown is not None
        made = SessionForecast(1, position(0), None, body, reason)
        return Channel(wanted).forecast(made, shown)

    @pytest.mark.parametrize(
        ("body", "reason"), [(BODY, None), (None, "the race has no scheduled length")]
    )
    def test_its_schema(self, body: bytes | None, reason: str | None) -> None:
        """It is as the gateway describes it, with a forecast or with the reason for none."""
        message = json.loads(self.message(FORECASTS, body, reason).body)
        jsonschema.validate(message, message_schemas()["forecast"])
        assert message["kind"] == "forecast"
        assert message.get("reason") == reason

    def test_rows_are_chosen(self) -> None:
        """A subscriber of some cars has the forecast of these."""
        wanted = Filter(topics=frozenset({"forecast"}), cars=frozenset({"2"}))
        assert set(json.loads(self.message(wanted).body)["data"]["cars"]) == {"2"}

    def test_states_have_none(self) -> None:
        """It changes no state, and a client has it beside; a new epoch begins without one."""
        buffer = FrameBuffer()
        first = buffer.apply(frames()[0])
        assert first is not None
        channel, follower = Channel(FORECASTS), StateFollower()
        state = follower.apply(channel.message(None, first).body).state
        update = follower.apply(self.message(FORECASTS).body)
        assert update.state is state
        assert update.forecast == from_json(BODY)
        assert follower.apply(channel.heartbeat(first, BEGAN).body).forecast == update.forecast
        assert follower.apply(channel.message(None, first).body).forecast is None


class TestFeed:
    """When a forecast is made."""

    async def made(self, make: Any, looks: int = 1) -> ForecastFeed:
        """A feed that was looked at, after its first turn."""
        buffer = FrameBuffer()
        shown = buffer.apply(frames()[0])
        assert shown is not None
        tail: Any = SimpleNamespace(buffer=buffer, ended=False, replay=False, session="s")
        feed = ForecastFeed(tail, make)
        for _ in range(looks):
            assert feed.newest(shown) is None
        for _ in range(5):
            await asyncio.sleep(0)
        self.newest = feed.newest(shown)
        await feed.close()
        return feed

    async def test_only_while_somebody_looks(self) -> None:
        """The first look starts it, and one forecast is made of one snapshot."""
        calls = []

        async def make(_: Any, shown: Any) -> SessionForecast:
            calls.append(shown)
            return SessionForecast(0, shown.token.position, None, BODY)

        await self.made(make, looks=3)
        assert len(calls) == 1
        assert self.newest is not None
        assert self.newest.number == 1

    async def test_no_forecast_has_a_reason(self) -> None:
        """What cannot be forecast is a message with the reason, not silence."""

        async def make(_: Any, __: Any) -> SessionForecast:
            raise NoForecast("the race has not begun")

        await self.made(make)
        assert self.newest is not None
        assert (self.newest.body, self.newest.reason) == (
            None,
            "no forecast: the race has not begun",
        )

    async def test_the_reason_is_given_again_after_a_seek(self) -> None:
        """A replay that went back begins another epoch, whose subscribers have no reason yet."""
        buffer = FrameBuffer()
        tail: Any = SimpleNamespace(buffer=buffer, ended=False, replay=True, session="s")

        async def make(_: Any, __: Any) -> SessionForecast:
            raise NoForecast("the race has not begun")

        feed = ForecastFeed(tail, make)
        buffer.apply(frames()[0])
        await feed._turn()
        shown = buffer.apply(snapshot(frames()[0], 2, "a seek"))
        await feed._turn()
        assert shown is not None
        made = feed.newest(shown)
        await feed.close()
        assert made is not None
        assert (made.number, made.epoch) == (2, 2)

    async def test_a_fault_is_no_forecast(self) -> None:
        """A fault leaves the subscriber without one, and the feed alive."""

        async def make(_: Any, __: Any) -> SessionForecast:
            raise ZeroDivisionError

        await self.made(make)
        assert self.newest is None


def test_the_worker_answers_each_task() -> None:
    """The worker's forecast is the one made here, and it ends with its input."""
    task = forecast_task(a_race("1", "2", laps=20).race())
    tasks = io.BytesIO(forecast_worker.framed(pickle.dumps(task)) * 2)
    answers = io.BytesIO()
    forecast_worker.serve(tasks, answers)
    assert answers.getvalue() == forecast_worker.framed(BODY) * 2


def test_the_last_lap_is_that_of_the_leader() -> None:
    """The leader's laps so far and to go make its last lap."""
    assert TOPIC["leader"] == "1"
    assert TOPIC["last_lap"]["p50"] == 20 + TOPIC["laps_to_go"]["p50"]
