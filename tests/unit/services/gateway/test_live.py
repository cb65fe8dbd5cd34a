"""Subscriptions: filters, frame buffers, channels, and when messages are due."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.views.frame import ClientState, Token
from projections.views.merge_patch import State
from services.client import StateFollower
from services.gateway.live.channel import Channel, SubscriptionMessage
from services.gateway.live.filters import Filter, unknown_topics
from services.gateway.live.frame_buffer import FrameBuffer
from services.gateway.live.subscription import (
    CATCH_UP_MS,
    HEARTBEAT_MS,
    Subscription,
    SubscriptionOptions,
)
from services.storage.frame_reader import HISTORY_IS_GONE
from tests.profiles import examples
from tests.unit.services.gateway.short_race import BEGAN, STEP_MS, frames, snapshot

COMMITTED = frames()[30].token
GT2 = Filter(classes=frozenset({"GT2"}))
FILTERS = (
    Filter(),
    Filter(topics=frozenset({"standings"})),
    GT2,
    Filter(topics=frozenset({"standings", "pits", "messages"}), cars=frozenset({"7", "1"})),
    Filter(classes=frozenset({"LMP1"}), cars=frozenset({"1", "7"})),
)


def states() -> list[State]:
    """The state after each frame."""
    update, content = ClientState(), []
    for frame in frames():
        update.apply(frame)
        content.append(update.state)
    return content


def buffer_of(count: int) -> FrameBuffer:
    """A buffer of the first so many frames."""
    buffer = FrameBuffer()
    for frame in frames()[:count]:
        buffer.apply(frame)
    return buffer


def subscription(
    buffer: FrameBuffer, options: SubscriptionOptions, now: float = BEGAN
) -> Subscription:
    """A subscription with a channel of its own."""
    return Subscription(buffer, Channel(options.filter, options.delay_ms), options, now)


def content(message: SubscriptionMessage) -> dict[str, object]:
    """What a message says."""
    parsed: dict[str, object] = json.loads(message.body)
    return parsed


class TestFilter:
    """Topics, classes and cars."""

    def test_nothing_wanted_is_everything(self) -> None:
        """A filter of nothing leaves nothing out."""
        assert Filter().choose(states()[-1]) == states()[-1]

    def test_topics_and_the_session(self) -> None:
        """Of the topics those that are named stay, and the session's own always."""
        chosen = Filter(topics=frozenset({"pits"})).choose(states()[-1])
        assert set(chosen) == {"pits", "session"}

    def test_rows_of_a_class(self) -> None:
        """Rows of other classes' cars are left out of every topic."""
        state = states()[-1]
        cars = {car for car, row in state["standings"].items() if row["class"] == "GT2"}
        chosen = GT2.choose(state)
        assert set(chosen["standings"]) == cars
        assert set(chosen["pits"]) <= cars
        assert set(chosen["fastest"]["classes"]) <= {"GT2"}
        assert chosen["cautions"] is state["cautions"]

    def test_class_and_car_must_both_fit(self) -> None:
        """A car of another class is not wanted, though it is named."""
        wanted = Filter(classes=frozenset({"LMP1"}), cars=frozenset({"1", "7"}))
        assert set(wanted.choose(states()[-1])["standings"]) == {"1"}

    def test_unknown_topics(self) -> None:
        """Topics that no frame has are found."""
        assert unknown_topics(frozenset({"standings", "weather"})) == ["weather"]


class TestChannel:
    """Messages lead from any snapshot to any later one."""

    @settings(max_examples=examples(60), deadline=None)
    @given(
        st.lists(st.integers(0, len(frames()) - 1), min_size=1, max_size=12).map(sorted),
        st.sampled_from(FILTERS),
    )
    def test_any_steps_lead_to_the_same_state(self, stops: list[int], wanted: Filter) -> None:
        """Whichever frames are skipped, the folded state is the newest, through the filter."""
        buffer, channel, following, before = FrameBuffer(), Channel(wanted), StateFollower(), None
        snapshots = [buffer.apply(frame) for frame in frames()]
        for stop in stops:
            after = snapshots[stop]
            assert after is not None
            update = following.apply(channel.message(before, after).body)
            before = after
            assert update.state == wanted.choose(states()[stop])
            assert update.token == after.token

    def test_made_once_for_all(self) -> None:
        """Subscribers of a channel share one message."""
        buffer, channel = buffer_of(3), Channel(Filter())
        newest = buffer.newest
        assert newest is not None
        assert channel.message(None, newest) is channel.message(None, newest)
        message = channel.message(None, newest)
        assert channel.websocket_frame(message) is channel.websocket_frame(message)

    def test_made_anew_where_it_stands(self) -> None:
        """A picture that was made anew at its token is told to those who have the other."""
        buffer, channel = FrameBuffer(), Channel(Filter())
        first = buffer_of(3).newest
        assert first is not None
        update = buffer.append(first)
        channel.message(None, update)
        anew = buffer.append(first._replace(state={**first.state, "battle": {"7": {}}}))
        following = StateFollower()
        following.apply(channel.message(None, update).body)
        assert following.apply(channel.message(update, anew).body).state == anew.state
        assert StateFollower().apply(channel.message(None, anew).body).state == anew.state

    def test_a_new_epoch_is_a_snapshot_with_its_reason(self) -> None:
        """Between epochs there is no delta."""
        buffer = buffer_of(5)
        before = buffer.newest
        after = buffer.apply(snapshot(frames()[5], 2, "rebuilt from the log"))
        assert after is not None
        message = content(Channel(Filter()).message(before, after))
        assert (message["kind"], message["reason"]) == ("snapshot", "rebuilt from the log")

    @pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536])
    def test_websocket_frames(self, size: int) -> None:
        """A frame has the length that RFC 6455 wants."""
        frame = SubscriptionMessage("delta", Token(1, "1-0"), b"x" * size).as_websocket()
        assert frame[0] == 0x81
        short = frame[1]
        long = {126: (2, 4), 127: (2, 10)}.get(short)
        length = int.from_bytes(frame[long[0] : long[1]], "big") if long else short
        assert length == size
        assert frame.endswith(b"x" * size)
        assert len(frame) == size + (long[1] if long else 2)

    def test_server_sent_events(self) -> None:
        """The id of an event is its token."""
        message = SubscriptionMessage("delta", Token(3, "17-1"), b"{}")
        assert message.as_sse() == b"id: 3:17-1\nevent: delta\ndata: {}\n\n"


class TestRecording:
    """The last pictures of a session."""

    def test_finds_by_time_and_token(self) -> None:
        """A picture is found by the time at which it was shown, and by its token."""
        buffer = buffer_of(10)
        snapshot = buffer.at(BEGAN + 3 * STEP_MS + 50)
        assert snapshot is not None
        assert snapshot.token == frames()[3].token
        assert buffer.find(frames()[3].token) is snapshot
        assert buffer.at(BEGAN - 1) is None
        following = buffer.after(snapshot)
        assert following is not None
        assert following.token == frames()[4].token

    def test_never_goes_back(self) -> None:
        """An older snapshot, as after a store lost its newest, is not shown."""
        buffer = buffer_of(5)
        assert buffer.apply(frames()[0]) is None
        assert [buffer.apply(frame) is None for frame in frames()[1:7]] == [True] * 4 + [False] * 2
        newest = buffer.newest
        assert newest is not None
        assert newest.state == states()[6]

    def test_keeps_what_delays_need(self) -> None:
        """Shots are dropped when there are many, but for those a delay still wants."""
        short, long = FrameBuffer(), FrameBuffer()
        long.retain_ms = 10**9
        first, *_ = frames()
        for number in range(3000):
            at = BEGAN + number
            for buffer in (short, long):
                frame = first if number == 0 else frames()[1]._replace(data={})
                buffer.apply(frame._replace(token=Token(1, f"{at}-0"), at=at))
        assert long.at(BEGAN) is not None
        assert short.at(BEGAN) is None
        assert short.count == long.count == 3000


class TestSubscription:
    """Who is sent what, and when."""

    def test_snapshot_then_nothing(self) -> None:
        """A newcomer gets the whole picture, once."""
        buffer = buffer_of(5)
        one = subscription(buffer, SubscriptionOptions())
        message = one.next(BEGAN)
        assert message is not None
        assert content(message)["kind"] == "snapshot"
        assert "reason" not in content(message)
        assert one.next(BEGAN) is None

    @pytest.mark.parametrize(
        "options",
        [
            SubscriptionOptions(),
            SubscriptionOptions(delay_ms=50),
            SubscriptionOptions(resume=COMMITTED),
        ],
    )
    def test_nothing_on_the_way_to_what_was_reported(self, options: SubscriptionOptions) -> None:
        """While a buffer is behind nobody is sent anything, nor asks again all the time."""
        buffer = buffer_of(10)
        buffer.behind = True
        one, now = subscription(buffer, options), BEGAN + 60 * STEP_MS
        assert one.next(now) is None
        assert one.idle_until(now) == now + HEARTBEAT_MS
        for frame in frames()[10:]:
            buffer.apply(frame)
        buffer.behind = False
        message = one.next(now)
        assert message is not None
        assert message.token == frames()[-1].token
        assert message.kind == ("delta" if options.resume else "snapshot")

    def test_conflated_to_the_newest(self) -> None:
        """Who was away for many frames is sent one message, to the newest."""
        buffer, following = buffer_of(5), StateFollower()
        one = subscription(buffer, SubscriptionOptions(GT2))
        for count in (5, 40, 60):
            for frame in frames()[:count]:
                buffer.apply(frame)
            message = one.next(BEGAN)
            assert message is not None
            assert following.apply(message.body).state == GT2.choose(states()[count - 1])
            assert one.next(BEGAN) is None

    def test_every_frame_gives_its_position(self) -> None:
        """A filtered subscriber is told positions where nothing of his changed."""
        buffer = buffer_of(1)
        one = subscription(buffer, SubscriptionOptions(Filter(frozenset({"penalties"}))))
        tokens = []
        for frame in frames()[1:]:
            one.next(BEGAN)
            buffer.apply(frame)
            message = one.next(BEGAN)
            assert message is not None
            tokens.append(message.token)
        assert tokens == [frame.token for frame in frames()[1:]]

    def test_resumes_without_hole_or_repeat(self) -> None:
        """With a token that is known what has changed since comes, and only that."""
        buffer, following = buffer_of(30), StateFollower()
        first = subscription(buffer_of(10), SubscriptionOptions())
        message = first.next(BEGAN)
        assert message is not None
        following.apply(message.body)
        again = subscription(buffer, SubscriptionOptions(resume=following.token))
        message = again.next(BEGAN)
        assert message is not None
        assert message.kind == "delta"
        assert following.apply(message.body).state == states()[29]
        up_to_date = subscription(buffer, SubscriptionOptions(resume=following.token))
        assert up_to_date.next(BEGAN) is None

    def test_history_that_is_gone(self) -> None:
        """With a token that nobody knows any more everything comes, and the reason."""
        one = subscription(buffer_of(5), SubscriptionOptions(resume=Token(1, "17-0")))
        message = one.next(BEGAN)
        assert message is not None
        assert content(message)["kind"] == "snapshot"
        assert content(message)["reason"] == HISTORY_IS_GONE

    def test_a_subscriber_that_is_further_than_we(self) -> None:
        """One that another gateway served already waits for what he has, for a while."""
        buffer, ahead = buffer_of(5), frames()[20].token
        one = subscription(buffer, SubscriptionOptions(resume=ahead))
        assert one.next(BEGAN) is None
        assert BEGAN < one.idle_until(BEGAN) <= BEGAN + CATCH_UP_MS
        for frame in frames()[5:22]:
            buffer.apply(frame)
        message = one.next(BEGAN + 100)
        assert message is not None
        assert (message.kind, message.token) == ("delta", frames()[21].token)
        lost = subscription(buffer_of(5), SubscriptionOptions(resume=ahead))
        message = lost.next(BEGAN + CATCH_UP_MS)
        assert message is not None
        assert content(message)["reason"] == HISTORY_IS_GONE

    def test_rate(self) -> None:
        """No message comes sooner than the rate allows, and then the newest."""
        buffer = buffer_of(1)
        one = subscription(buffer, SubscriptionOptions(max_hz=2.0))
        assert one.next(BEGAN) is not None
        for frame in frames()[1:4]:
            buffer.apply(frame)
        assert one.next(BEGAN + 499) is None
        assert one.idle_until(BEGAN + 499) == BEGAN + 500
        message = one.next(BEGAN + 500)
        assert message is not None
        assert message.token == frames()[3].token

    @given(st.integers(1, 20_000), st.integers(0, 30_000))
    def test_delay(self, delay_ms: int, elapsed: int) -> None:
        """Nothing is shown before its time, and all that is due is shown, of every topic."""
        buffer = buffer_of(60)
        one = subscription(buffer, SubscriptionOptions(delay_ms=delay_ms))
        now = BEGAN + elapsed
        message = one.next(now)
        due = [frame for frame in frames() if frame.at + delay_ms <= now]
        assert (message is not None) == bool(due)
        if message is not None:
            assert message.token == due[-1].token
            following = StateFollower()
            assert following.apply(message.body).state == states()[len(due) - 1]

    def test_delay_wakes_in_time(self) -> None:
        """A delayed subscription asks to be asked when the next picture is due."""
        buffer = buffer_of(3)
        one = subscription(buffer, SubscriptionOptions(delay_ms=1000))
        assert one.idle_until(BEGAN) == BEGAN + 1000
        assert one.next(BEGAN + 1000) is not None
        assert one.idle_until(BEGAN + 1000) == BEGAN + 1000 + STEP_MS

    def test_delay_from_before_the_recording(self) -> None:
        """A picture from before this process began is the first; the buffer takes over in time."""
        buffer = FrameBuffer()
        for frame in frames()[20:40]:
            buffer.apply(snapshot(frame, 1, "") if buffer.newest is None else frame)
        one = subscription(buffer, SubscriptionOptions(delay_ms=1000))
        first = buffer_of(10).newest
        assert first is not None
        one.start_from(first._replace(number=0))
        message = one.next(BEGAN + 20 * STEP_MS)
        assert message is not None
        assert (message.kind, message.token) == ("snapshot", frames()[9].token)
        message = one.next(BEGAN + 20 * STEP_MS + 1000)
        assert message is not None
        assert (message.kind, message.token) == ("delta", frames()[20].token)

    def test_a_delay_is_no_age(self) -> None:
        """What is shown late by choice came on air when it was shown, and is as old since:
        a clock that runs on from there shows what it showed on the day."""
        buffer, delay = buffer_of(3), 60_000
        one = subscription(buffer, SubscriptionOptions(delay_ms=delay))
        newest = frames()[2]
        message = one.next(newest.at + delay)
        assert message is not None
        heartbeat = content(message)
        assert (heartbeat["at"], heartbeat["position"]) == (
            newest.at + delay,
            newest.token.position,
        )
        message = one.next(newest.at + delay + HEARTBEAT_MS)
        assert message is not None
        heartbeat = content(message)
        assert (heartbeat["at"], heartbeat["age_ms"]) == (newest.at + delay, HEARTBEAT_MS)

    def test_a_heartbeat_of_a_silent_feed(self) -> None:
        """It says so, as long as the feed is not heard."""
        snapshot, silent = buffer_of(1).newest, [False]
        assert snapshot is not None
        channel = Channel(Filter(), silent=lambda: silent[0])
        assert "silent" not in content(channel.heartbeat(snapshot, snapshot.at))
        silent[0] = True
        assert content(channel.heartbeat(snapshot, snapshot.at))["silent"] is True
        following = StateFollower()
        assert not following.apply(channel.message(None, snapshot).body).silent
        assert following.apply(channel.heartbeat(snapshot, snapshot.at).body).silent

    def test_heartbeat(self) -> None:
        """While nothing changes there is a sign of life, with the age of the data."""
        one = subscription(buffer_of(1), SubscriptionOptions())
        assert one.next(BEGAN) is not None
        assert one.idle_until(BEGAN) == BEGAN + HEARTBEAT_MS
        assert one.next(BEGAN + HEARTBEAT_MS - 1) is None
        message = one.next(BEGAN + HEARTBEAT_MS)
        assert message is not None
        assert content(message)["kind"] == "heartbeat"
        assert content(message)["age_ms"] == HEARTBEAT_MS
        assert message.token == frames()[0].token
        assert one.next(BEGAN + HEARTBEAT_MS) is None
