"""Named outputs: fixed rows, one delay and one hold for all, and no blank picture."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any

import httpx
import pytest
from redis.exceptions import RedisError
from websockets.asyncio.client import connect

from events import AnyEvent, OutputFrozen, OutputReleased, decode
from replay.steering import Seek
from services.client import StateFollower, StateUpdate, subscribe_output
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from services.storage.output_store import OUTPUTS
from services.storage.replay_store import Replays
from tests.builders import Story
from tests.server.conftest import StartServer
from tests.server.gateways import serving
from tests.server.projecting import eventually, projecting, until_projected
from tests.server.test_replayer import RACE, forget, replaying

OPERATOR, OPERATOR_LINE = new_token("graphics", Role.OUTPUT)
VIEWER, VIEWER_LINE = new_token("viewer", Role.VIEWER)
SETTINGS = GatewaySettings(tokens=Tokens([OPERATOR_LINE, VIEWER_LINE]))
Rows = list[dict[str, str]]


class Desk:
    """An operator at a gateway."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.client = client
        self.path = f"/outputs/{name}"

    async def ask(self, method: str, path: str = "", status: int = 200, **more: Any) -> Any:
        """The body of an answer of this status."""
        answer = await self.client.request(method, self.path + path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def rows(self) -> Rows:
        """What the output shows."""
        found: Rows = await self.ask("GET", "/rows")
        return found

    async def shows(self, laps: int) -> None:
        """Wait until the leader has so many laps."""

        async def does() -> bool:
            answer = await self.client.get(self.path + "/rows")
            assert answer.status_code in (200, 503), answer.text  # it may not show anything yet
            return answer.status_code == 200 and answer.json()[0]["laps"] == str(laps)

        await eventually(does, f"{laps} laps shown")

    async def pushed(self) -> AsyncGenerator[StateUpdate, None]:
        """What is pushed, over server-sent events."""
        following = StateFollower()
        async with self.client.stream("GET", self.path + "/stream") as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield following.apply(line.removeprefix("data: "))


SHORT_LIVED = httpx.Limits(keepalive_expiry=1.0)
"""Connections are given up before the gateway closes them: a test may be slow between requests."""


@contextlib.asynccontextmanager
async def at_desk(
    store: Store, name: str, token: str | None = OPERATOR
) -> AsyncIterator[tuple[Desk, str]]:
    """A gateway of this process with an operator at it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=SHORT_LIVED) as client,
    ):
        yield Desk(client, name), url


async def append(store: Store, session: str, story: Iterable[AnyEvent]) -> None:
    """Append what is new of a story, and wait until it is told."""
    result = await Log(store).append(session, list(story))
    await until_projected(store, session, result.position)


def three_laps() -> Story:
    """A car that leads, and one that has not begun."""
    return Story().opened("7", car_class="LMP2").entry("1", "LMP1").laps("7", 3)


def steady(rows: Rows) -> Rows:
    """The rows without what time alone changes."""
    ticking = ("session_age_ms", "session_clock", "session_time_to_go")
    return [{name: row[name] for name in row if name not in ticking} for row in rows]


def but_for_age(rows: Rows) -> Rows:
    """The rows without their age, which is all of a frozen output that goes on."""
    return [{name: row[name] for name in row if name != "session_age_ms"} for row in rows]


async def audit(store: Store, session: str) -> list[tuple[str, str | None]]:
    """What the log has of freezes and releases, and by whom."""
    events = [decode(entry.payload) async for batch in Log(store).read(session) for entry in batch]
    return [
        (event.type, event.by)
        for event in events
        if isinstance(event, OutputFrozen | OutputReleased)
    ]


async def test_rows_are_fixed_and_filtered(store: Store, session: str) -> None:
    """Always as many rows with the same keys, those beyond the field empty; ETag and CSV."""
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, three_laps())
        made = await desk.ask(
            "PUT", json={"session": session, "classes": ["LMP2"], "rows": 4, "delay_ms": 0}
        )
        assert (made["name"], made["hold"]) == (session, None)
        await desk.shows(3)
        rows = await desk.rows()
        assert [row["car"] for row in rows] == ["7", "", "", ""]
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
        assert {row["session_leader"] for row in rows} == {"7"}
        answer = await desk.client.get(desk.path + "/rows?format=csv")
        assert answer.text.splitlines()[0].split(",") == list(rows[0])
        assert len(answer.text.splitlines()) == 5
        again = await desk.client.get(
            desk.path + "/rows?format=csv", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code in (200, 304)  # the clock may have gone on a second
        listed = (await desk.client.get("/outputs")).json()
        assert session in [one["name"] for one in listed]
        await desk.ask("PUT", json={"session": session, "rows": 2})
        assert [row["car"] for row in await desk.rows()] == ["7", "1"]
        await desk.ask("DELETE", status=204)
        await desk.ask("GET", "/rows", 404)


async def test_a_freeze_holds(store: Store, session: str) -> None:
    """Through updates, for new subscribers and pollers, and after a restart; with an audit."""
    story = three_laps()
    async with projecting(store, session):
        async with at_desk(store, session) as (desk, url):
            await append(store, session, story)
            await desk.ask("PUT", json={"session": session, "rows": 2})
            await desk.shows(3)
            pushed = desk.pushed()
            before = await anext(pushed)
            assert before.clock_running
            frozen = await desk.ask("POST", "/freeze", json={"reason": "check"})
            assert (frozen["hold"]["by"], frozen["hold"]["reason"]) == ("graphics", "check")
            on_hold = but_for_age(await desk.rows())
            held = await anext(pushed)
            assert (held.kind, held.reason) == ("snapshot", "frozen by graphics")
            assert (held.state, held.clock_running) == (before.state, False)
            await append(store, session, story.laps("7", 5, first=4))
            assert but_for_age(await desk.rows()) == on_hold
            assert (await desk.ask("POST", "/freeze"))["hold"] == frozen["hold"]
            await desk.ask("DELETE", status=409)
            async with connect(f"ws{url[4:]}/outputs/{session}/stream", proxy=None) as late:
                first = StateFollower().apply(await late.recv())
            assert (first.state, first.token) == (held.state, held.token)
            await pushed.aclose()
        async with at_desk(store, session) as (desk, _):  # another process, as it were
            assert but_for_age(await desk.rows()) == on_hold
            pushed = desk.pushed()
            again = await anext(pushed)
            assert (again.state, again.token) == (held.state, held.token)
            await desk.ask("PUT", json={"session": session, "rows": 3})
            assert but_for_age(await desk.rows()) == on_hold
            await desk.ask("POST", "/release")
            await desk.shows(5)
            assert len(await desk.rows()) == 3
            assert (await desk.ask("GET"))["hold"] is None
            await desk.ask("POST", "/release")
            await pushed.aclose()
    assert await audit(store, session) == [
        ("output_frozen", "graphics"),
        ("output_released", "graphics"),
    ]


@pytest.mark.slow
async def test_a_battle_and_the_points_as_they_stand(store: Store, session: str) -> None:
    """What no frame tells is made of the race for the picture, and held with it."""
    story = Story().opened(rules="alms-2007")
    for car, ms in (("1", 60_000), ("2", 61_000), ("3", 62_000)):
        story.entry(car, "GT", team=f"Team {car}").laps(car, 3, ms)
    battle, points = f"{session}-battle", f"{session}-points"
    async with projecting(store, session), at_desk(store, battle) as (desk, url):
        await append(store, session, story)
        await desk.ask("PUT", status=422, json={"session": session, "view": "battle"})
        wanted = {"session": session, "view": "battle", "cars": ["3", "1"], "rows": 2}
        await desk.ask("PUT", json=wanted)
        await desk.shows(3)
        assert [(row["car"], row["gap_ms"]) for row in await desk.rows()] == [
            ("1", ""),
            ("3", "6000"),
        ]
        shown = await anext(subscribe_output(url, battle))
        assert shown.state["battle"]["3"]["interval"] == {"ms": 6000}
        assert set(shown.state["standings"]) == {"1", "3"}
        await desk.ask("POST", "/freeze")
        on_hold = but_for_age(await desk.rows())
        await append(store, session, story.laps("3", 4, 55_000, first=4))
        assert but_for_age(await desk.rows()) == on_hold
        await desk.ask("POST", "/release")
        await desk.shows(4)
        assert [row["car"] for row in await desk.rows()] == ["3", "1"]
        await eventually(lambda: store.redis.hexists(f"{OUTPUTS}:shown", battle), "remembered")
        changed = {"session": session, "view": "battle", "cars": ["3", "2"], "rows": 2}
        await desk.ask("PUT", json=changed)
        assert [row["car"] for row in await desk.rows()] == ["3", "2"]
        other = Desk(desk.client, points)
        wanted = {"session": session, "view": "championship", "of": "teams", "rows": 1}
        await other.ask("PUT", status=404, json={**wanted, "season": "no-such"})
        await other.ask("PUT", json=wanted)
        assert [(row["name"], row["points"]) for row in await other.rows()] == [("Team 3", "20")]


async def test_an_audit_makes_no_data_younger(store: Store, session: str) -> None:
    """A silent source stays as old as it is when an output is held and released."""
    story = three_laps()
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, story)
        await desk.ask("PUT", json={"session": session, "rows": 1})
        await desk.shows(3)
        learned = int((await Log(store).last_position(session)).partition("-")[0])
        await desk.ask("POST", "/freeze")
        await desk.ask("POST", "/release")
        await until_projected(store, session, await Log(store).last_position(session))
        requested_at = time.time() * 1000
        answer = await desk.client.get(f"/sessions/{session}/standings")
        assert answer.json()["session"]["learned_at_ms"] == learned
        assert int((await desk.rows())[0]["session_age_ms"]) >= requested_at - learned - 1


async def test_gateways_agree(store: Store, session: str) -> None:
    """What one freezes and releases, another holds and lets go, for its subscribers too."""
    story = three_laps()
    async with (
        projecting(store, session),
        at_desk(store, session) as (here, _),
        at_desk(store, session) as (there, _),
    ):
        await append(store, session, story)
        await here.ask("PUT", json={"session": session, "rows": 1})

        async def is_known() -> bool:
            return (await there.client.get(there.path)).status_code == 200

        await eventually(is_known, "the output known at both")
        await there.shows(3)
        await here.shows(3)
        pushed = there.pushed()
        await anext(pushed)
        await here.ask("POST", "/freeze")
        held = await anext(pushed)
        assert held.reason == "frozen by graphics"
        await append(store, session, story.laps("7", 4, first=4))
        assert but_for_age(await there.rows()) == but_for_age(await here.rows())
        await here.ask("POST", "/release")
        released = await anext(pushed)
        assert released.reason == "released"
        assert released.state["standings"]["7"]["laps"] == 4
        await pushed.aclose()


@pytest.mark.slow
async def test_the_delay_is_one_for_all(store: Store, session: str) -> None:
    """Rows and pushes show nothing before its time, the session line included, also when the
    gateway was not there at that time."""
    delay, story = 3000, three_laps()
    async with projecting(store, session):
        await append(store, session, story)
        learned = int((await Log(store).last_position(session)).partition("-")[0])
        async with at_desk(store, session) as (desk, _):
            await desk.ask("PUT", json={"session": session, "rows": 1, "delay_ms": delay})
            await desk.shows(3)
            assert time.time() * 1000 >= learned + delay
            await append(store, session, story.laps("7", 4, first=4))
            later = int((await Log(store).last_position(session)).partition("-")[0])
            row = (await desk.rows())[0]
            if time.time() * 1000 < later + delay:
                assert (row["laps"], row["session_leader_lap"]) == ("3", "3")
            pushed = desk.pushed()
            async for shown in pushed:
                laps_shown = shown.state["standings"]["7"]["laps"]
                assert shown.state["session"]["leader_lap"] == laps_shown
                if laps_shown == 4:
                    break
                assert laps_shown == 3
            assert time.time() * 1000 >= later + delay
            await desk.shows(4)
            await pushed.aclose()


@pytest.mark.slow
async def test_a_session_younger_than_the_delay(store: Store, session: str) -> None:
    """Its output has shown nothing yet, and does not show an empty race of 1970."""
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, three_laps())
        found = await desk.ask("PUT", json={"session": session, "delay_ms": 600_000})
        assert (found["position"], found["age_ms"]) == (None, None)
        await desk.ask("GET", "/rows", 503)


@pytest.mark.slow
async def test_a_failed_source_keeps_its_picture(store: Store, session: str) -> None:
    """With its frames gone and the gateway begun anew, the last good picture stays, and a
    silent one says that it is stale and how old it is."""
    story = three_laps()
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, story)
        await desk.ask("PUT", json={"session": session, "rows": 1})
        await desk.shows(3)
        good = steady(await desk.rows())

        async def is_remembered() -> bool:
            return bool(await store.redis.hexists(f"{OUTPUTS}:shown", session))

        await eventually(is_remembered, "the picture in the store")
    await store.redis.delete(
        *(f"{{{session}}}:{name}" for name in ("log", "frames", "snapshot", "token"))
    )
    await store.redis.srem("lapstream:sessions", session)
    async with at_desk(store, session) as (desk, _):

        async def is_stale() -> bool:
            return (await desk.rows())[0]["session_stale"] == "true"

        await eventually(is_stale, "the picture marked as stale")
        rows = await desk.rows()
        assert int(rows[0]["session_age_ms"]) > 0
        assert steady(rows) == [{**good[0], "session_stale": "true"}]
        assert (await desk.ask("GET"))["stale"]


@pytest.mark.slow
async def test_the_store_may_go(start_server: StartServer, session: str) -> None:
    """While the store does not answer, rows are as they were, and say so."""
    options = ("--appendfsync", "always")
    async with open_store(start_server(*options)) as store, at_desk(store, session) as (desk, _):
        async with projecting(store, session):
            await append(store, session, three_laps())
            await desk.ask("PUT", json={"session": session, "rows": 1})
            await desk.shows(3)
        good = steady(await desk.rows())
        with contextlib.suppress(RedisError):
            await store.redis.execute_command("SHUTDOWN", "NOSAVE")

        async def is_stale() -> bool:
            return (await desk.rows())[0]["session_stale"] == "true"

        await eventually(is_stale, "the picture marked as stale")
        assert steady(await desk.rows()) == [{**good[0], "session_stale": "true"}]
        assert [one["stale"] for one in (await desk.client.get("/outputs")).json()] == [True]


UNREADABLE = {
    "of a newer version": {"name": "bad", "session": "s", "view": "hologram"},
    "no settings": {"name": "bad"},
    "not JSON": "junk",
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_one_unreadable_output_blocks_no_other(
    store: Store, session: str, raw: object
) -> None:
    """It is listed with the reason, can be replaced and removed, and the others go on."""
    stored = raw if isinstance(raw, str) else json.dumps(raw)
    name = f"{session}-bad"
    try:
        await store.redis.hset(OUTPUTS, name, stored)
        async with projecting(store, session), at_desk(store, session) as (desk, _):
            await append(store, session, three_laps())
            await desk.ask("PUT", json={"session": session, "rows": 2})
            await desk.shows(3)
            listed = {one["name"]: one for one in (await desk.client.get("/outputs")).json()}
            assert f"output '{name}' cannot be read" in listed[name]["error"]
            assert "error" not in listed[session]
            await desk.ask("POST", "/freeze")
            await desk.ask("POST", "/release")
            bad = Desk(desk.client, name)
            assert "cannot be read" in (await bad.ask("GET", status=409))["detail"]
            await bad.ask("GET", "/rows", 409)
            await bad.ask("POST", "/freeze", 409)
            await bad.ask("PUT", json={"session": session})
            await bad.ask("GET")
            await store.redis.hset(OUTPUTS, name, stored)
            await bad.ask("DELETE", status=204)
    finally:
        await store.redis.hdel(OUTPUTS, name)


async def test_an_unreadable_last_picture_is_none(store: Store, session: str) -> None:
    """It would only have been shown while the source is gone."""
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, three_laps())
        await desk.ask("PUT", json={"session": session})
    await store.redis.hset(f"{OUTPUTS}:shown", session, "junk")
    async with at_desk(store, session) as (desk, _):
        await desk.shows(3)


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), (VIEWER, 403)], ids=["nobody", "viewer"]
)
async def test_roles(store: Store, session: str, token: str | None, status: int) -> None:
    """Whoever may look may not arrange, freeze, release or remove."""
    async with at_desk(store, session, token) as (desk, _):
        await desk.ask("PUT", status=status, json={"session": session})
        await desk.ask("POST", "/freeze", status)
        await desk.ask("POST", "/release", status)
        await desk.ask("DELETE", status=status)
        await desk.ask("GET", "/rows", 404)
        assert (await desk.client.get("/outputs")).status_code == 200


@pytest.mark.slow
async def test_what_cannot_be_done(store: Store, log: Log, session: str) -> None:
    """Each with its field and its value; nothing is left behind."""
    async with at_desk(store, session) as (desk, _):

        async def refused(status: int, **wanted: Any) -> Mapping[str, Any]:
            found = await desk.ask("PUT", status=status, json=wanted)
            error: Mapping[str, Any] = found["errors"][0]
            return error

        assert (await refused(404, session="no-such"))["field"] == "session"
        assert (await refused(422, session=session, view="moon"))["field"] == "view"
        assert (await refused(422, session=session, rows=0))["value"] == "0"
        await desk.ask("POST", "/freeze", 404)
        await log.append(session, list(Story().opened("7")))
        await desk.ask("PUT", json={"session": session})
        await desk.ask("POST", "/freeze", 409)
        await desk.ask("GET", "/rows", 503)
        await desk.ask("GET", "/stream?from=moon", 422)


async def test_an_output_of_a_replay(store: Store, session: str) -> None:
    """It is shown and held as any other, and keeps its picture when the replay is ended; a
    replay has no log, and gets none by being frozen."""
    async with replaying(store), at_desk(store, session) as (desk, _):
        try:
            replays = Replays(store)
            await replays.begin(RACE, name=session, begin="lap:100", playing=False, seconds=60)
            await desk.ask("PUT", json={"session": session, "rows": 1})
            await desk.shows(100)
            frozen = await desk.ask("POST", "/freeze")
            assert frozen["hold"]["by"] == "graphics"
            on_hold = but_for_age(await desk.rows())
            await replays.steer(session, Seek(to="lap:200"))
            assert but_for_age(await desk.rows()) == on_hold
            await desk.ask("POST", "/release")
            await desk.shows(200)
        finally:
            await forget(store, session)
        assert (await desk.rows())[0]["laps"] == "200"
        assert not await Log(store).exists(session)
