"""The gateway and the intake on a real store, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import functools
import io
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from events import AnyEvent, FlagShown, OutputFrozen, RaceControlMessage, encode
from projections import views
from projections.timeline import Timeline
from projections.views.frame_builder import frame_state
from replay.entries import EVENT_FIELD, LogEntry, parse_position
from services.client import (
    NumberRefused,
    StateFollower,
    StateUpdate,
    SubscriptionRefused,
    next_number,
    stream_url,
    subscribe,
)
from services.gateway.live import tail_pool
from services.gateway.live.filters import Filter
from services.gateway.views.flat_rows import flat_keys
from services.gateway.views.view_query import TABLES
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.feed_store import FeedStore
from services.storage.frame_reader import HISTORY_IS_GONE
from services.storage.keys import key
from services.storage.projection_store import ProjectionStore
from tests.builders import opened
from tests.races import petit_le_mans_2007
from tests.server.gateways import GatewayProcess, Oracle, serving, sse
from tests.server.projecting import eventually, projecting, until_projected

SECRETS = {role: new_token(role.name.lower(), role) for role in Role}
WITH_TOKENS = GatewaySettings(tokens=Tokens(line for _, line in SECRETS.values()))
PATIENCE = 30.0
FARES: dict[str, Any] = {
    "feed": "rmonitor timing:50000",
    "state": "live",
    **dict.fromkeys(("records", "unreadable", "refused", "events", "connections"), 0),
}
"""What is told of a feed, but for the session and when it was heard."""


def events(start: int = 0, end: int = 3000) -> list[AnyEvent]:
    """Some of a race."""
    return list(_race()[start:end])


_race = functools.cache(petit_le_mans_2007)


def bearer(role: Role) -> dict[str, str]:
    """The header of a role's token."""
    return {"Authorization": f"Bearer {SECRETS[role][0]}"}


def message(number: int, text: str = "hello") -> RaceControlMessage:
    """Race control speaks."""
    return RaceControlMessage(at=number, source="rc", source_seq=number, text=text)


@pytest.fixture
async def projected(store: Store, session: str) -> AsyncIterator[str]:
    """A session with a part of a race, told to screens, a projector at work."""
    result = await Log(store).append(session, events())
    async with projecting(store, session):
        await until_projected(store, session, result.position)
        yield session


@pytest.fixture
async def looked_at(store: Store) -> str:
    """As ``projected``, made once for all tests that only look at it; nothing comes any more."""
    session, log = "gateway-looked-at", Log(store)
    if not await log.exists(session):
        result = await log.append(session, events())
        async with projecting(store, session):
            await until_projected(store, session, result.position)
    return session


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with tokens."""
    async with (
        serving(store, WITH_TOKENS) as url,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client,
    ):
        yield client


async def next_of(messages: AsyncIterator[StateUpdate], position: str) -> StateUpdate:
    """Read on to a position."""
    async with asyncio.timeout(PATIENCE):
        async for shown in messages:
            if shown.token.position == position:
                return shown
    raise AssertionError("the stream ended")


class TestViews:
    """Every view, now and at a moment."""

    @pytest.mark.parametrize("at", [None, "lap:20", "0:30:00"])
    async def test_every_view(
        self, client: httpx.AsyncClient, looked_at: str, at: str | None
    ) -> None:
        """Each view gives the rows of the folded race, in JSON and in CSV."""
        timeline = Timeline()
        timeline.add(events())
        race = timeline.race
        if at is not None:
            moment = {"lap:20": race.chart.leaders[19].at, "0:30:00": 1_800_000}[at]
            race = timeline.race_at(moment)
            race.at = moment
        for name in set(TABLES) & set(views.VIEWS):
            params = {"at": at} if at else {}
            answer = await client.get(f"/sessions/{looked_at}/{name}", params=params)
            assert answer.status_code == 200, answer.text
            rows = views.VIEWS[name](race)
            members = [column.name for column in TABLES[name].columns]
            expected = json.loads(json.dumps([{one: row[one] for one in members} for row in rows]))
            got = [{one: row[one] for one in members} for row in answer.json()["rows"]]
            assert got == expected, name
            leader = race.order.leader()
            assert leader is not None
            assert answer.json()["session"]["leader_lap"] == race.order.laps[leader]
            text = await client.get(
                f"/sessions/{looked_at}/{name}", params={**params, "format": "csv"}
            )
            read = list(csv.reader(io.StringIO(text.text)))
            assert read[0] == flat_keys(TABLES[name])
            assert len(read) == 1 + len(rows)

    async def test_known_at(self, client: httpx.AsyncClient, store: Store, session: str) -> None:
        """With `known_at` nothing counts that was learned later."""
        log = Log(store)
        before = await log.append(session, events(0, 1000))
        await log.append(session, events(1000, 2000))
        answer = await client.get(f"/sessions/{session}/laps", params={"known_at": before.position})
        timeline = Timeline()
        timeline.add(events(0, 1000))
        assert len(answer.json()["rows"]) == len(views.laps(timeline.race))
        assert answer.json()["session"]["position"] == before.position

    async def test_as_it_was_shown(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """`known_at=at` leaves out what was learned after the clock had shown that moment."""
        began = 1_790_000_000_000
        learned = {
            0: opened().events[0],
            1000: message(1000),
            6000: message(500),
            9000: message(9000),
        }
        entries = [
            LogEntry(f"{began + at}-0", (EVENT_FIELD, encode(event)))
            for at, event in learned.items()
        ]
        await Log(store).append_at_positions(session, entries)

        async def positions_at(**query: str) -> list[int]:
            answer = await client.get(f"/sessions/{session}/messages", params=query)
            assert answer.status_code == 200, answer.text
            return [row["at_ms"] for row in answer.json()["rows"]]

        assert await positions_at(at="0:00:02") == [500, 1000]
        assert await positions_at(at="0:00:02", known_at="at") == [1000]
        assert await positions_at(at="0:00:07", known_at="at") == [500, 1000]

    async def test_picture(self, client: httpx.AsyncClient, looked_at: str) -> None:
        """The picture of a moment is the snapshot that a screen would have been sent of it."""
        timeline = Timeline()
        timeline.add(events())
        race = timeline.race_at(timeline.race.chart.leaders[19].at)
        answer = await client.get(f"/sessions/{looked_at}/picture", params={"at": "lap:20"})
        found = answer.json()
        assert found["data"] == json.loads(json.dumps(frame_state(race)))
        assert found["clock"] == {"at": race.chart.leaders[19].at, "running": False}
        few = {"at": "lap:20", "topics": "standings"}
        chosen = (await client.get(f"/sessions/{looked_at}/picture", params=few)).json()["data"]
        assert set(chosen) == {"session", "standings"}

    async def test_an_audit_is_no_data(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """That somebody froze an output makes a table no younger than what was timed."""
        timed = (await Log(store).append(session, [message(1)])).position
        await asyncio.sleep(0.005)  # learned in another millisecond
        frozen = OutputFrozen(at=0, source="outputs", source_seq=1, output="tower")
        audited = (await Log(store).append(session, [frozen])).position
        line = (await client.get(f"/sessions/{session}/laps")).json()["session"]
        assert (line["position"], line["learned_at_ms"]) == (audited, parse_position(timed)[0])

    @pytest.mark.slow
    async def test_a_feed_that_is_not_heard(
        self,
        client: httpx.AsyncClient,
        store: Store,
        session: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where the field could still be silent, a feed that is makes the data stale; whoever
        asks is told so, until it is heard again."""
        monkeypatch.setattr(tail_pool, "FEED_SECONDS", 0.02)
        long_ago = int(time.time() * 1000) - 20_000
        started = [*events(0, 40), FlagShown(at=1, source="test", source_seq=1, flag="green")]
        entries = [
            LogEntry(f"{long_ago}-{number}", (EVENT_FIELD, encode(event)))
            for number, event in enumerate(started)
        ]
        await Log(store).append_at_positions(session, entries)
        feed = FeedStore(store, session, "a test", 5000)
        async with projecting(store, session):
            await until_projected(store, session, entries[-1].position)
            for silent_ms, printed in ((20_000, "stale"), (-60_000, "quiet")):
                heard = int(time.time() * 1000) - silent_ms
                await feed.report(session, {**FARES, "first": session, "received_at": heard})

                async def is_printed(printed: str = printed) -> bool:
                    line = (await client.get(f"/sessions/{session}")).json()
                    return bool(line["freshness"] == printed)

                await eventually(is_printed, f"that the data is {printed}")
                figures = (await client.get("/metrics")).text
                stale = float(printed == "stale")
                assert f'lapstream_data_stale{{session="{session}"}} {stale}\n' in figures

    async def test_graphics_poll(self, client: httpx.AsyncClient, looked_at: str) -> None:
        """A fixed number of flat rows, of a class, with the session line in each."""
        path = f"/sessions/{looked_at}/standings"
        rows = (await client.get(path, params={"class": "gt1", "rows": 10})).json()
        assert len(rows) == 10
        assert {tuple(row) for row in rows} == {tuple(flat_keys(TABLES["standings"]))}
        assert rows[0]["class"] == "GT1"
        assert rows[9]["car"] == ""
        assert rows[9]["session_flag"] == rows[0]["session_flag"] != ""

    async def test_not_modified(self, client: httpx.AsyncClient, looked_at: str) -> None:
        """Who has the picture already is not sent it again, but told its age."""
        path = f"/sessions/{looked_at}/standings"
        first = await client.get(path)
        tag = {"If-None-Match": first.headers["etag"]}
        again = await client.get(path, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        assert int(again.headers["lapstream-age-ms"]) >= int(first.headers["lapstream-age-ms"])
        other = await client.get(path, params={"format": "csv"}, headers=tag)
        assert other.status_code == 200

    @pytest.mark.parametrize(
        ("path", "status", "field"),
        [
            ("standings?at=lap:9999", 422, "at"),
            ("standings?at=tomorrow", 422, "at"),
            ("laps?known_at=yesterday", 422, "known_at"),
            ("laps?known_at=at", 422, "known_at"),
            ("laps?at=0:10:00&known_at=at", 422, "known_at"),
            ("picture?topics=weather", 422, "topics"),
            ("standings?class=LMP9", 404, "class"),
            ("standings?car=999", 404, "car"),
            ("standings?rows=0", 422, "rows"),
            ("standings?delay_ms=-1", 422, "delay_ms"),
            ("standings?format=xml", 422, "format"),
            ("stream?topics=weather", 422, "topics"),
            ("stream?from=here", 422, "from"),
            ("stream?max_hz=0", 422, "max_hz"),
        ],
    )
    async def test_faults_are_named(
        self, client: httpx.AsyncClient, looked_at: str, path: str, status: int, field: str
    ) -> None:
        """What is wrong with a question is told with its field and value."""
        answer = await client.get(f"/sessions/{looked_at}/{path}")
        assert answer.status_code == status
        assert [fault["field"] for fault in answer.json()["errors"]] == [field]

    async def test_no_such_session(self, client: httpx.AsyncClient) -> None:
        """A session that is not there is 404, and so is a name that none can have."""
        for name in ("nobody", "No%20body"):
            for path in ("", "/standings", "/stream"):
                assert (await client.get(f"/sessions/{name}{path}")).status_code == 404

    async def test_sessions_and_descriptions(
        self, client: httpx.AsyncClient, looked_at: str
    ) -> None:
        """The sessions are listed; what is described can be read."""
        listed = (await client.get("/sessions")).json()
        assert looked_at in [row["session"] for row in listed]
        for path in (
            "/openapi.json",
            "/asyncapi.json",
            "/schemas/events.json",
            "/schemas/frames.json",
            "/schemas/messages.json",
            "/schemas/standings.json",
            "/healthz",
            "/readyz",
        ):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.json()
        metrics = (await client.get("/metrics")).text
        assert 'lapstream_subscribers{over="sse"} 0.0' in metrics
        assert (await client.get("/schemas/nothing.json")).status_code == 404

    async def test_closed_to_other_origins(self, store: Store, client: httpx.AsyncClient) -> None:
        """A page of another site may not read, unless its origin is named."""
        origin = {"Origin": "https://graphics.example"}
        assert (
            "access-control-allow-origin"
            not in (await client.get("/sessions", headers=origin)).headers
        )
        open_to_it = GatewaySettings(origins=("https://graphics.example",))
        async with serving(store, open_to_it) as url, httpx.AsyncClient(timeout=60) as other:
            answer = await other.get(f"{url}/sessions", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://graphics.example"


class TestSubscriptions:
    """Snapshot and deltas, by both protocols."""

    @pytest.mark.parametrize(
        "wanted",
        [
            Filter(),
            Filter(topics=frozenset({"standings", "messages"})),
            Filter(classes=frozenset({"GT1", "GT2"})),
            Filter(cars=frozenset({"1", "7"})),
        ],
    )
    async def test_both_protocols(
        self, client: httpx.AsyncClient, store: Store, projected: str, wanted: Filter
    ) -> None:
        """Each state is the fold of the log at its position; at the end they are equal."""
        log, oracle = Log(store), Oracle(Log(store), projected)
        options: dict[str, Any] = {
            "topics": wanted.topics,
            "classes": wanted.classes,
            "cars": wanted.cars,
        }
        url = str(client.base_url)
        by_websocket = subscribe(url, projected, **options)
        by_sse = sse(client, url, projected, StateFollower(), **options)
        async with contextlib.aclosing(by_websocket), contextlib.aclosing(by_sse):
            firsts = [await anext(by_websocket), await anext(by_sse)]
            assert [first.kind for first in firsts] == ["snapshot"] * 2
            for start in range(3000, 3200, 20):
                position = (await log.append(projected, events(start, start + 20))).position
                shown = [await next_of(one, position) for one in (by_websocket, by_sse)]
                expected = await oracle.at(shown[0].token, wanted)
                assert [one.state for one in shown] == [expected, expected]

    async def test_resume(self, client: httpx.AsyncClient, store: Store, projected: str) -> None:
        """From a token on only what has changed comes; from one that is gone, everything."""
        url, log = str(client.base_url), Log(store)
        following = StateFollower()
        async with contextlib.aclosing(sse(client, url, projected, following)) as messages:
            await anext(messages)
        position = (await log.append(projected, events(3000, 3100))).position
        async with contextlib.aclosing(sse(client, url, projected, following)) as messages:
            shown = await anext(messages)
            assert shown.kind == "delta"
            last = await next_of(_then(shown, messages), position)
        assert last.state == await Oracle(log, projected).at(last.token)
        async with connect(stream_url(url, projected) + "?from=1:17-0", proxy=None) as connection:
            first = json.loads(await connection.recv())
        assert (first["kind"], first["reason"]) == ("snapshot", HISTORY_IS_GONE)

    async def test_a_new_epoch(self, client: httpx.AsyncClient, store: Store, session: str) -> None:
        """When a session is told anew its subscribers get a snapshot, and the reason."""
        log, url = Log(store), str(client.base_url)
        position = (await log.append(session, events(0, 500))).position
        messages = subscribe(url, session)
        async with projecting(store, session):
            await until_projected(store, session, position)
            assert (await anext(messages)).token.epoch == 1
        await store.redis.delete(key(session, "token"), key(session, "snapshot"))
        position = (await log.append(session, events(500, 600))).position
        async with projecting(store, session):
            shown = await next_of(messages, position)
        assert (shown.kind, shown.token.epoch) == ("snapshot", 2)
        assert shown.reason
        assert shown.state == await Oracle(log, session).at(shown.token)
        await messages.aclose()

    @pytest.mark.slow
    async def test_delay(self, client: httpx.AsyncClient, store: Store, session: str) -> None:
        """Nothing is shown before its time: not pushed, not polled, not after a restart."""
        log, delay = Log(store), 1500
        url = str(client.base_url)
        async with projecting(store, session):
            first = (await log.append(session, [message(1, "first")])).position
            await until_projected(store, session, first)
            await asyncio.sleep(delay / 1000)
            second = (await log.append(session, [message(2, "second")])).position
            await until_projected(store, session, second)
            learned = {"first": parse_position(first)[0], "second": parse_position(second)[0]}

            def due(at: float) -> list[str]:
                return [text for text, ms in learned.items() if ms + delay <= at]

            async with serving(store) as other:  # it has seen nothing of the past
                for place in (url, other):
                    messages = subscribe(place, session, delay_ms=delay)
                    sent = time.time() * 1000
                    polled = await client.get(
                        f"{place}/sessions/{session}/messages", params={"delay_ms": delay}
                    )
                    line = polled.json()["session"]  # whose clock runs on from what is shown
                    shown_at = line["learned_at_ms"] + line["age_ms"]
                    assert sent - 1 <= shown_at + delay <= time.time() * 1000
                    shown = await anext(messages)
                    texts = [row["text"] for row in shown.state["messages"].values()]
                    for mentioned in (texts, [row["text"] for row in polled.json()["rows"]]):
                        assert mentioned in (due(sent), due(time.time() * 1000))
                    await messages.aclose()
                late = subscribe(other, session, delay_ms=delay)
                shown = await next_of(late, second)
                loop_now = await store.redis.time()
                assert loop_now[0] * 1000 + loop_now[1] / 1000 >= shown.at - 50
                assert shown.at == parse_position(second)[0] + delay
                await late.aclose()

    @pytest.mark.slow
    async def test_a_slow_subscriber_is_conflated(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """Who does not read holds up nobody, and then comes to the newest in few messages."""
        log, url = Log(store), client.base_url
        await log.append(session, events(0, 500))
        async with projecting(store, session), contextlib.AsyncExitStack() as stack:
            quick = subscribe(str(url), session)
            await anext(quick)
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((url.host, url.port))
            slow.setblocking(False)
            request = f"/sessions/{session}/stream HTTP/1.1\r\nHost: localhost"
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(slow, f"GET {request}\r\n\r\n".encode())
            frames, size = 0, 0
            for number in range(60):
                batch = [message(100 * number + n, f"{number:05} " * 300) for n in range(40)]
                position = (await log.append(session, batch)).position
                shown = await next_of(quick, position)
                size += sum(len(encode(event)) for event in batch)
                frames += 1
            read = b""
            async with asyncio.timeout(PATIENCE):
                while position.encode() not in read[-1_000_000:] or not read.endswith(b"\r\n"):
                    more = await loop.sock_recv(slow, 1 << 20)
                    assert more, read
                    read += more
            following = StateFollower()
            datas = [line[6:] for line in _dechunked(read).split(b"\n") if line[:6] == b"data: "]
            for data in datas:
                following.apply(data)
            assert following.latest is not None
            assert following.latest.state == shown.state
            assert len(datas) < frames
            await quick.aclose()

    async def test_limit_of_subscribers(self, store: Store, projected: str) -> None:
        """There are as many subscribers as may be; the next is told to come again."""
        async with (
            serving(store, GatewaySettings(connections=1)) as url,
            httpx.AsyncClient(timeout=60) as client,
        ):
            messages = subscribe(url, projected)
            await anext(messages)
            answer = await client.get(f"{url}/sessions/{projected}/stream")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            with pytest.raises(InvalidStatus):
                async with connect(stream_url(url, projected), proxy=None):
                    pass
            await messages.aclose()

    async def test_long_messages_end_the_connection(
        self, client: httpx.AsyncClient, projected: str
    ) -> None:
        """A subscriber who sends much is sent away."""
        address = stream_url(str(client.base_url), projected)
        async with connect(address, proxy=None) as connection:
            await connection.send("x" * 100_000)
            await asyncio.wait_for(connection.wait_closed(), PATIENCE)
        assert connection.close_code in (1009, 1006)


async def _then(
    first: StateUpdate, messages: AsyncIterator[StateUpdate]
) -> AsyncIterator[StateUpdate]:
    yield first
    async for shown in messages:
        yield shown


def _dechunked(raw: bytes) -> bytes:
    """The body of an answer in chunks."""
    body, rest = b"", raw.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


class TestIntake:
    """Events over HTTP."""

    async def test_positions(self, client: httpx.AsyncClient, store: Store, session: str) -> None:
        """What is acknowledged is in the log, where the answer says; sent again, it is not."""
        body = b"[" + b",".join(encode(message(number)) for number in range(3)) + b"]"
        url = f"/sessions/{session}/events"
        first = (await client.post(url, content=body, headers=bearer(Role.CONTROL))).json()
        logged = [entry.position async for batch in Log(store).read(session) for entry in batch]
        assert first["positions"] == logged
        again = (await client.post(url, content=body, headers=bearer(Role.CONTROL))).json()
        assert (again["added"], again["duplicates"]) == (0, 3)
        assert await Log(store).length(session) == 3

    async def test_expected_position(self, client: httpx.AsyncClient, session: str) -> None:
        """With a position that the log has left nothing is appended, and the answer says where."""
        url = f"/sessions/{session}/events?expected=0-0"
        headers = bearer(Role.CONTROL)
        first = await client.post(url, content=encode(message(1)), headers=headers)
        assert first.status_code == 200
        second = await client.post(url, content=encode(message(2)), headers=headers)
        assert second.status_code == 409
        assert second.json()["position"] == first.json()["position"]

    async def test_another_event_of_a_used_identity(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """It is refused, with the position of the first and both events, and not lost silently."""
        url, headers = f"/sessions/{session}/events", bearer(Role.CONTROL)
        first = await client.post(url, content=encode(message(1)), headers=headers)
        body = b"[" + encode(message(2)) + b"," + encode(message(1, "bye")) + b"]"
        answer = await client.post(url, content=body, headers=headers)
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["position"] == first.json()["positions"][0]
        assert (problem["recorded"]["text"], problem["sent"]["text"]) == ("hello", "bye")
        [fault] = problem["errors"]
        assert (fault["index"], fault["field"], fault["value"]) == (1, "source_seq", "1")
        assert await Log(store).length(session) == 1

    async def test_the_next_number(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """A producer that lost its counter asks for its next number."""
        url, headers = f"/sessions/{session}/next-number", bearer(Role.CONTROL)
        sent: dict[str, Any] = {"params": {"source": "rc"}, "headers": headers}
        content = {"session": session, "source": "rc", "next_seq": 0}
        assert (await client.get(url, **sent)).json() == content
        await Log(store).append(session, [message(4)])
        assert (await client.get(url, **sent)).json() == {**content, "next_seq": 5}
        assert (await client.get(url, params={"source": "rc"})).status_code == 401
        assert (await client.get(url, headers=headers)).status_code == 422
        assert (await client.get("/sessions/A/next-number", **sent)).status_code == 404

    async def test_the_next_number_in_python(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """The Python client returns the same number, and raises what the gateway refuses."""
        await Log(store).append(session, [message(4)])
        url = str(client.base_url)
        token = bearer(Role.CONTROL)["Authorization"].removeprefix("Bearer ")
        assert await next_number(url, session, "rc", token=token) == 5
        with pytest.raises(NumberRefused, match="401"):
            await next_number(url, session, "rc")

    async def test_nothing_of_a_wrong_batch(
        self, client: httpx.AsyncClient, store: Store, session: str
    ) -> None:
        """One fault, and nothing is appended."""
        body = b"[" + encode(message(1)) + b',{"type":"pit_entered","at":1}]'
        url = f"/sessions/{session}/events"
        answer = await client.post(url, content=body, headers=bearer(Role.CONTROL))
        assert answer.status_code == 422
        fields = [(fault["index"], fault["field"]) for fault in answer.json()["errors"]]
        assert fields == [(1, "source"), (1, "source_seq"), (1, "car")]
        assert await Log(store).length(session) == 0

    async def test_too_large(self, client: httpx.AsyncClient, session: str) -> None:
        """A body that is too large is refused."""
        url = f"/sessions/{session}/events"
        answer = await client.post(url, content=b" " * (1 << 21), headers=bearer(Role.CONTROL))
        assert answer.status_code == 413

    async def test_too_fast(self, store: Store, session: str) -> None:
        """A producer that is too fast is told when to come again."""
        slow = GatewaySettings(tokens=WITH_TOKENS.tokens, events_per_second=0.001)
        body = b"[" + b",".join(encode(message(number)) for number in range(600)) + b"]"
        async with serving(store, slow) as url, httpx.AsyncClient(timeout=60) as client:
            answers = [
                await client.post(
                    f"{url}/sessions/{session}/events", content=body, headers=bearer(Role.CONTROL)
                )
                for _ in range(2)
            ]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert int(answers[1].headers["retry-after"]) > 0


class TestRoles:
    """Who may do what."""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 401),
            ({"Authorization": "Bearer nonsense"}, 401),
            ({"Authorization": "Basic bm9ib2R5"}, 401),
            (bearer(Role.VIEWER), 403),
            (bearer(Role.OUTPUT), 403),
            (bearer(Role.CONTROL), 200),
            (bearer(Role.ADMIN), 200),
        ],
    )
    async def test_writing(
        self, client: httpx.AsyncClient, session: str, headers: dict[str, str], status: int
    ) -> None:
        """Nothing is written without a token of the role for it."""
        url = f"/sessions/{session}/events"
        answer = await client.post(url, content=encode(message(1)), headers=headers)
        assert answer.status_code == status

    async def test_nothing_is_writable_without_tokens(self, store: Store, session: str) -> None:
        """Where no token is set nobody can write."""
        async with serving(store) as url, httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(
                f"{url}/sessions/{session}/events", content=encode(message(1))
            )
        assert answer.status_code == 401

    async def test_private(self, store: Store, projected: str) -> None:
        """Where reading is private, it needs a token, over every way."""
        private = GatewaySettings(tokens=WITH_TOKENS.tokens, private=True)
        secret = SECRETS[Role.VIEWER][0]
        async with serving(store, private) as url, httpx.AsyncClient(timeout=60) as client:
            for path in ("/sessions", f"/sessions/{projected}", f"/sessions/{projected}/stream"):
                assert (await client.get(url + path)).status_code == 401
            with pytest.raises(SubscriptionRefused) as refused:
                await anext(subscribe(url, projected))
            assert refused.value.status == 401
            assert (await client.get(f"{url}/sessions?access_token={secret}")).status_code == 200
            assert (await client.get(f"{url}/metrics")).status_code == 401
            token = {"Authorization": f"Bearer {secret}"}
            figures = await client.get(f"{url}/metrics", headers=token)
            assert "lapstream_up_seconds" in figures.text
            ready = await client.get(f"{url}/readyz")
            assert (ready.status_code, ready.json()["store"]) == (200, None)
            found = (await client.get(f"{url}/readyz", headers=token)).json()
            assert found["store"] == store.name
            messages = subscribe(url, projected, token=secret)
            assert (await anext(messages)).kind == "snapshot"
            await messages.aclose()


class TestServe:
    """``lapstream serve`` as its users run it."""

    async def test_ends_in_good_order(self, tmp_path: Path, session: str) -> None:
        """It says where it is; told to end it sends subscribers away, and nothing is lost."""
        async with open_store(data=tmp_path) as store:
            process = GatewayProcess(tmp_path, tokens=SECRETS[Role.CONTROL][1])
            port = await process.listening()
            url = f"http://127.0.0.1:{port}"
            assert str(tmp_path) in process.printed
            async with httpx.AsyncClient(timeout=60) as client, projecting(store, session):
                answer = await client.post(
                    f"{url}/sessions/{session}/events",
                    content=encode(message(1)),
                    headers=bearer(Role.CONTROL),
                )
                async with connect(stream_url(url, session), proxy=None) as connection:
                    await connection.recv()
                    assert await asyncio.to_thread(process.leave) == 0
                    with pytest.raises(ConnectionClosed) as closed:
                        await connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            token = await ProjectionStore(store, session).token()
            assert token is not None
            assert token.position == answer.json()["position"]
