"""Replays over HTTP: begun, steered and asked, and nothing told beyond the playhead."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from events import AnyEvent, PointsAdjusted, encode
from projections import views
from projections.results.provisional import own_pack
from projections.views import gaps
from projections.views.markers import markers
from projections.views.moments import moment_of
from replay.archive import pack
from replay.entries import EVENT_FIELD, LogEntry
from services.client import subscribe
from services.gateway import create_app
from services.gateway.routes import streams
from services.gateway.views import view_query
from services.queries.explanations import statements
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage import replay_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.replay_store import Replays
from tests.builders import opened
from tests.races import alms_2007, petit_le_mans_2007, petit_le_mans_2007_timeline
from tests.server.gateways import serving
from tests.server.test_replayer import RACE, forget, replaying

CONTROL, CONTROL_LINE = new_token("director", Role.CONTROL)
VIEWER, VIEWER_LINE = new_token("viewer", Role.VIEWER)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a replayer, and for its first frame, as long as a busy machine may take."""
    monkeypatch.setattr(replay_store, "OUTCOME_SECONDS", 60.0)
    monkeypatch.setattr(view_query, "FIRST_SNAPSHOT_SECONDS", 60.0)
    monkeypatch.setattr(streams, "FIRST_SNAPSHOT_SECONDS", 60.0)


@pytest.fixture
def impatience(patience: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no replayer: there is none in the test."""
    monkeypatch.setattr(replay_store, "OUTCOME_SECONDS", 0.0)
    monkeypatch.setattr(view_query, "FIRST_SNAPSHOT_SECONDS", 0.0)


@contextlib.asynccontextmanager
async def asking(store: Store, token: str | None = CONTROL) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway on this store."""
    app = create_app(GatewaySettings(tokens=Tokens([CONTROL_LINE, VIEWER_LINE])), store)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test", headers=headers
        ) as client,
    ):
        yield client


async def done(answer: httpx.Response, status: int = 200) -> Any:
    """The body of an answer of this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def numbered(events: list[AnyEvent]) -> list[tuple[str, AnyEvent]]:
    """Events with positions of a replay."""
    return [(f"{place}-0", event) for place, event in enumerate(events, start=1)]


async def test_a_director_steers_over_http(store: Store, session: str) -> None:
    """Begin, seek, step, change speed, ask, and end."""
    timeline = petit_le_mans_2007_timeline()
    lap = moment_of("lap:100", timeline.race)
    straight = timeline.race_at(lap)
    async with replaying(store), asking(store) as client:
        try:
            found = await done(
                await client.post(
                    "/replays",
                    json={"source": RACE, "from": "lap:100", "playing": False, "name": session},
                ),
                201,
            )
            assert found == await done(await client.get(f"/replays/{session}"))
            assert found in await done(await client.get("/replays"))
            assert (found["clock_ms"], found["playing"], found["ended"]) == (lap, False, False)

            shown = await done(await client.get(f"/sessions/{session}/standings"))
            assert shown["session"]["clock_ms"] == lap
            assert [row["car"] for row in shown["rows"]] == straight.order.cars()
            laps = await done(await client.get(f"/sessions/{session}/laps", params={"car": "7"}))
            assert laps["rows"] == views.laps(straight, "7")
            marked = await done(await client.get(f"/sessions/{session}/markers"))
            assert marked["rows"] == markers(straight)
            charted = await done(await client.get(f"/sessions/{session}/chart"))
            assert charted["rows"] == gaps.chart(straight)
            why = await done(await client.get(f"/sessions/{session}/explain?car=7"))
            own = [event for event in timeline.events if event.at <= lap]
            assert [row["text"] for row in why["rows"]] == [
                row["text"] for row in statements(straight, numbered(own), "7", own_pack(straight))
            ]
            assert (await done(await client.get(f"/sessions/{session}/revisions")))["rows"] == []
            before = await done(
                await client.get(f"/sessions/{session}/standings", params={"at": "lap:50"})
            )
            assert before["session"]["leader_lap"] == 50

            assert (
                await done(await client.post(f"/replays/{session}/seek", json={"to": "caution:9"}))
            )["clock_ms"] == moment_of("caution:9", timeline.race)
            stepped = await done(
                await client.post(f"/replays/{session}/step", json={"to": "lap", "back": True})
            )
            assert stepped["clock_ms"] == moment_of("lap:372", timeline.race)
            fast = await done(await client.post(f"/replays/{session}/speed", json={"speed": 0.1}))
            assert fast["speed"] == 0.1
            assert (await done(await client.post(f"/replays/{session}/play")))["playing"]
            assert not (await done(await client.post(f"/replays/{session}/pause")))["playing"]
            listed = await client.get(f"/sessions/{session}/edit-list", params={"fps": "29.97"})
            at = moment_of("lap:372", timeline.race)
            assert listed.text.count("* LOC:") == len(markers(timeline.race_at(at)))
            assert (await client.delete(f"/replays/{session}")).status_code == 204
            await done(await client.get(f"/replays/{session}"), 404)
        finally:
            await forget(store, session)


async def test_a_delayed_replay_waits_for_its_first_picture(store: Store, session: str) -> None:
    """Whoever watches a replay late sees what it showed, and not an empty race before."""
    async with replaying(store), serving(store) as url:
        try:
            await Replays(store).begin(RACE, name=session, begin="lap:100", playing=False)
            messages = subscribe(url, session, delay_ms=300)
            first = await anext(messages)
            await messages.aclose()
            assert first.state["session"]["leader_lap"] == 100
        finally:
            await forget(store, session)


@pytest.mark.slow
async def test_nothing_is_reported_beyond_the_playhead(store: Store, session: str) -> None:
    """A later moment is one that the race never reached; what the log knows is not asked."""
    async with replaying(store), asking(store) as client:
        try:
            wanted = {"source": RACE, "from": "1:00:00", "playing": False, "name": session}
            await done(await client.post("/replays", json=wanted), 201)
            for view in ("standings", "laps", "results", "cautions", "markers"):
                for moment in ("1:00:01", "lap:394", "caution:9"):
                    path = f"/sessions/{session}/{view}"
                    found = await done(await client.get(path, params={"at": moment}), 422)
                    assert "9:19" not in found["detail"]
                    assert "394" not in found["detail"].replace("lap:394", "")
                late = {"known_at": "2030-01-01T00:00:00Z"}
                await done(await client.get(path, params=late), 422)
            for moment in ("lap:9999", "caution:99", "99:00:00"):
                beyond = {"to": moment}
                found = await done(await client.post(f"/replays/{session}/seek", json=beyond), 422)
                assert found["detail"] == f"{moment!r}: there is no such moment in this race"
                wanted = {"source": RACE, "from": moment}
                assert found == await done(await client.post("/replays", json=wanted), 422)
            laps = await done(await client.get(f"/sessions/{session}/laps"))
            assert laps["rows"]
            assert all(row["at_ms"] <= 3_600_000 for row in laps["rows"])
            results = await done(await client.get(f"/sessions/{session}/results"))
            assert max(row["laps"] for row in results["rows"]) < 40
            edit = await client.get(f"/sessions/{session}/edit-list", params={"format": "csv"})
            assert "Caution 2" in edit.text
            assert "Caution 4" not in edit.text
        finally:
            await forget(store, session)


async def test_a_replay_counts_once_in_its_season(store: Store, log: Log, session: str) -> None:
    """What the season was told of the race that is played again is not told before its end."""
    source, season = f"{session}-race", f"{session}-season"
    await log.append(source, list(petit_le_mans_2007()))
    await log.append(season, list(alms_2007()))
    of_teams: dict[str, Any] = {
        "championship": "teams",
        "car_class": "LMP2",
        "name": "DHL Penske Racing",
    }
    reason = f"taken by the stewards from its car in {source}"
    taken: dict[str, Any] = {"round": 11, "points": -50, "reason": reason}
    counted: dict[str, Any] = {"at": 0, "source": "season", "source_seq": 9000}
    await log.append(season, [PointsAdjusted(**counted, **of_teams, **taken)])
    async with replaying(store), asking(store) as client:
        try:
            wanted = {"source": source, "from": "1:00:00", "playing": False, "name": session}
            await done(await client.post("/replays", json=wanted), 201)
            query = {"season": season, "of": "teams", "class": "LMP2"}
            path = "/sessions/{}/championship"
            shown = await client.get(path.format(session), params=query)
            alive = await client.get(path.format(source), params={**query, "at": "1:00:00"})
            assert (await done(shown))["rows"] == (await done(alive))["rows"]
        finally:
            await forget(store, session)


async def test_what_cannot_be_done(store: Store, session: str) -> None:
    """Each with its status and a line that says why; nothing is left behind."""
    async with replaying(store), asking(store) as client:

        async def refused(status: int, method: str, path: str, **body: Any) -> str:
            answer = await client.request(method, path, json=body or None)
            return str((await done(answer, status))["detail"])

        try:
            assert "no session" in await refused(404, "POST", "/replays", source="no-such")
            wrong = {"source": RACE, "name": session}
            assert "no such moment" in await refused(
                422, "POST", "/replays", **{**wrong, "from": "caution:12"}
            )
            assert "imported in one go" in await refused(
                409, "POST", "/replays", **wrong, as_shown=True
            )
            await refused(404, "GET", f"/replays/{session}")
            await refused(422, "POST", "/replays", **wrong, speed=0)
            await refused(422, "POST", "/replays", **wrong, speed="fast")
            await done(await client.post("/replays", json=wrong), 201)
            assert "already" in await refused(409, "POST", "/replays", **wrong)
            path = f"/replays/{session}/seek"
            assert "no such moment" in await refused(422, "POST", path, to="restart:40")
            await refused(422, "POST", path)
            await refused(422, "POST", f"/replays/{session}/step", to="moon")
            await refused(404, "POST", "/replays/no-such/play")
        finally:
            await forget(store, session)


@pytest.mark.parametrize(("known", "status"), [(False, 401), (True, 403)])
async def test_only_a_director_steers(store: Store, known: bool, status: int) -> None:
    """Everyone may look; steering needs the role."""
    async with asking(store, VIEWER if known else None) as client:
        await done(await client.get("/replays"))
        await done(await client.post("/replays", json={"source": RACE}), status)
        await done(await client.post("/replays/replay-1/pause"), status)
        await done(await client.delete("/replays/replay-1"), status)


async def test_an_archive_is_brought_in(store: Store, log: Log, session: str) -> None:
    """Once, however often it is sent; what is no archive is refused."""
    entries = [
        LogEntry(f"{index}-0", (EVENT_FIELD, encode(event)))
        for index, event in enumerate(opened("1", "2").laps("1", 3), start=1)
    ]
    packed = pack(session, entries)
    async with asking(store) as client:
        for _ in range(2):
            found = await done(await client.post("/archives", content=packed), 201)
            assert found == {"session": session, "entries": len(entries)}
        assert await log.length(session) == len(entries)
        await done(await client.post("/archives", content=packed[:-9]), 422)
        other = pack(session, entries[:-1])
        await done(await client.post("/archives", content=other), 409)


@pytest.mark.slow
async def test_a_replay_is_begun_once_by_its_key(store: Store, session: str) -> None:
    """Sent again it is the same; once stopped it is not begun anew; what failed can be tried."""
    async with replaying(store), asking(store) as client:
        key = {"Idempotency-Key": session}
        wanted = {"source": RACE, "from": "lap:3", "playing": False}
        try:
            found = [await client.post("/replays", json=wanted, headers=key) for _ in range(2)]
            first, again = [await done(one, 201) for one in found]
            assert first == again
            other = await done(await client.post("/replays", json=wanted), 201)
            assert other["replay"] != first["replay"]
            await client.delete(f"/replays/{other['replay']}")
            await client.delete(f"/replays/{first['replay']}")
            stopped = await done(await client.post("/replays", json=wanted, headers=key), 409)
            assert "stopped since" in stopped["detail"]
            wrong = {**wanted, "from": "lap:9999"}
            for _ in range(2):
                await done(await client.post("/replays", json=wrong, headers=key), 422)
            named = {**wanted, "name": session}
            await done(await client.post("/replays", json=named), 201)
            await done(await client.post("/replays", json=named, headers=key), 409)
        finally:
            await forget(store, session)


@pytest.mark.usefixtures("impatience")
async def test_json_whatever_it_is_called(store: Store, session: str) -> None:
    """As ``curl -d`` sends it; it lets nobody in who has no token."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.dumps({"source": RACE, "name": session})
    async with asking(store, None) as client:
        await done(await client.post("/replays", content=body, headers=form), 401)
        plain = {"Content-Type": "text/plain"}
        await done(await client.post("/replays", content=body, headers=plain), 401)
    async with asking(store) as client:
        try:
            await done(await client.post("/replays", content=body, headers=form), 202)
            sought = await client.post(f"/replays/{session}/seek", content='{"to": 3}')
            assert (await done(sought, 422))["errors"][0]["field"] == "to"
        finally:
            await forget(store, session)


async def test_an_edit_list_needs_the_time_of_day(store: Store, log: Log, session: str) -> None:
    """It can be said; a list is also of a moment, and of what was known then."""
    story = opened("1", "2").flag("fcy", 60_000).flag("green", 90_000).flag("fcy", 120_000)
    first, *others = [LogEntry(f"{n}-0", (EVENT_FIELD, encode(e))) for n, e in enumerate(story, 1)]
    await log.append_at_positions(session, [first, *others])
    path = f"/sessions/{session}/edit-list"
    async with asking(store) as client:
        faulty = await done(await client.get(path), 422)
        assert faulty["errors"][0]["field"] == "starts_at"
        assert "--starts-at" not in faulty["detail"]
        began = {"starts_at": "2007-10-06T11:15:00-04:00"}
        whole = (await client.get(path, params=began)).text
        assert "LOC: 11:16:00:00" in whole
        assert "LOC: 11:17:00:00" in whole
        then = await client.get(path, params={**began, "at": "0:01:40"})
        assert "LOC: 11:16:00:00" in then.text
        assert "LOC: 11:17:00:00" not in then.text
        known: dict[str, Any] = {"known_at": others[-2].position, "delay_ms": 1000}
        assert (await client.get(path, params={**began, **known})).text == then.text
        far = await client.get(path, params={"starts_at": "9999-12-31T23:59:59Z"})
        await done(far, 422)


async def test_a_season_is_not_played(store: Store, log: Log, session: str) -> None:
    """Neither one that is built in nor any other; it leaves no replay behind."""
    await log.append(session, list(alms_2007()))
    async with asking(store) as client:
        for source in ("alms-2007", session):
            found = await done(await client.post("/replays", json={"source": source}), 422)
            assert "is a season" in found["detail"]


@pytest.mark.usefixtures("impatience")
async def test_without_a_replayer_it_waits(store: Store, session: str) -> None:
    """What is asked is accepted, and done when a replayer comes."""
    async with asking(store) as client:
        try:
            wanted = {"source": RACE, "name": session, "from": "lap:3"}
            found = await done(await client.post("/replays", json=wanted), 202)
            assert (found["state"], found["clock_ms"]) == ("waiting", None)
            await done(await client.get(f"/sessions/{session}/laps"), 503)
        finally:
            await forget(store, session)
