"""The views with a question of their own: between cars, why, between results, for whom."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio

from events import AnyEvent, PenaltyImposed, PointsAdjusted, encode
from projections.views import gaps
from replay.entries import EVENT_FIELD, LogEntry, parse_position
from services.client import StateFollower
from services.gateway.routes.view_request import TABLES
from services.gateway.views.flat_rows import flat_keys
from services.storage.client import Store, open_store
from services.storage.event_log import Log
from tests.builders import Story, opened
from tests.races import alms_2007, petit_le_mans_2007, petit_le_mans_2007_timeline
from tests.server.gateways import serving, sse

SEASON = "alms-2007"
QUESTIONS: dict[str, dict[str, Any]] = {
    "gaps": {"to": "7"},
    "chart": {"to": "7"},
    "explain": {"car": "7"},
    "whatif": {"penalty": "7 time 30"},
    "revisions": {},
    "differences": {"before": 1, "after": 1},
    "drive-times": {},
    "forecast": {},
    "points": {"of": "teams"},
    "championship": {"of": "drivers", "class": "LMP2"},
    "clinch": {"of": "drivers", "class": "LMP2"},
}

FAULTS = [
    ("gaps?to=999", 404, "car"),
    ("chart?since_ms=-1", 422, "since_ms"),
    ("explain", 422, "car"),
    ("explain?car=999", 404, "car"),
    ("whatif?penalty=7+time", 422, "penalty"),
    ("whatif?penalty=999+time+30", 404, "car"),
    ("whatif?retire=999", 404, "car"),
    ("whatif?retire=7", 422, "retire"),
    ("whatif?finish_now=true", 422, "finish_now"),
    ("differences?before=1&after=9", 404, "after"),
    ("points?of=cars", 422, "of"),
    ("points?class=GTE", 404, "class"),
    ("clinch?season=nowhere", 404, "season"),
    ("championship?class=GTE", 404, "class"),
]


def events() -> list[AnyEvent]:
    """The 2007 Petit Le Mans."""
    return list(petit_le_mans_2007())


@contextlib.asynccontextmanager
async def client_of(store: Store, session: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway of one session: the 2007 Petit Le Mans."""
    log = Log(store)
    if not await log.exists(session):
        await log.append(session, events())
    async with (
        serving(store) as url,
        httpx.AsyncClient(base_url=f"{url}/sessions/{session}/", timeout=30) as client,
    ):
        yield client


only_looked_at = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(shared_data: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client that only looks at the race, for all tests that do no more."""
    async with open_store(data=shared_data) as store, client_of(store, "only-looked-at") as client:
        yield client


@pytest.fixture
async def own(store: Store, session: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a race of its own."""
    async with client_of(store, session) as client:
        yield client


async def rows_of(client: httpx.AsyncClient, name: str, **params: Any) -> list[dict[str, Any]]:
    """The rows of a view, which keep to its schema."""
    answer = await client.get(name, params=params)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    jsonschema.validate(rows, TABLES[name].schema())
    return rows


@only_looked_at
@pytest.mark.slow
async def test_each_has_its_forms(client: httpx.AsyncClient) -> None:
    """Each has a schema, CSV, a fixed number of flat rows, moments, and an entity tag."""
    assert set(QUESTIONS) == set(TABLES)
    for name, params in QUESTIONS.items():
        rows = await rows_of(client, name, **params)
        if name not in {"differences", "revisions"}:
            assert await rows_of(client, name, **params, at="lap:300") != rows, name
        if name == "differences":  # has the forms of all, and reads the log each time
            continue
        answer = await client.get(name, params={**params, "format": "csv"})
        lines = list(csv.reader(io.StringIO(answer.text)))
        assert lines[0] == flat_keys(TABLES[name])
        assert len(lines) == 1 + len(rows)
        assert len((await client.get(name, params={**params, "rows": 7})).json()) == 7
        tag = {"If-None-Match": answer.headers["etag"]}
        again = await client.get(name, params={**params, "format": "csv"}, headers=tag)
        assert again.status_code == 304
        other = await client.get(name, params={**params, "at": "lap:301"}, headers=tag)
        assert other.status_code == 200


@only_looked_at
async def test_a_forecast(client: httpx.AsyncClient) -> None:
    """It is that of the command, of chosen cars, and says why there is none."""
    rows = await rows_of(client, "forecast", at="lap:300", **{"class": "GT2"})
    assert {row["car"] for row in rows} >= {"62", "71"}
    (chosen,) = await rows_of(client, "forecast", at="lap:300", car="62")
    assert chosen in rows
    early = await client.get("forecast", params={"at": "0:00:01"})
    assert early.status_code == 409
    assert "no car has crossed a line" in early.json()["detail"]


@only_looked_at
async def test_gaps_and_chart(client: httpx.AsyncClient) -> None:
    """They are those of the folded race, of chosen cars and since a time."""
    race = petit_le_mans_2007_timeline().race
    assert await rows_of(client, "gaps", to="5") == gaps.gaps(race, "5")
    expected = json.loads(json.dumps(gaps.chart(race, "1", 20_000_000)))
    assert await rows_of(client, "chart", to="1", since_ms=20_000_000) == expected
    assert [row["car"] for row in await rows_of(client, "chart", car="7,5")] == ["7", "5"]
    in_class = await rows_of(client, "gaps", **{"class": "GT1"})
    assert {row["class"] for row in in_class} == {"GT1"}


@only_looked_at
async def test_the_seasons_are_listed(client: httpx.AsyncClient) -> None:
    """Those of the store and those that are built in, with the classes that a page offers."""
    answer = await client.get(client.base_url.join("/seasons"))
    assert answer.status_code == 200
    listed = {row["season"]: row for row in answer.json()}
    assert "LMP2" in listed["alms-2007"]["classes"]


@only_looked_at
async def test_a_title_in_the_season_of_the_session(client: httpx.AsyncClient) -> None:
    """The season that the session names is asked, up to its round; each contender is told of."""
    rows = await rows_of(client, "championship", of="drivers", **{"class": "LMP2"})
    assert [row["points"] for row in rows[:4]] == [216, 216, 167, 167]
    assert len(rows[0]["by_round"]) == 11
    fight = await rows_of(client, "clinch", of="drivers", at="lap:300", **{"class": "LMP2"})
    assert {tuple(row["names"]) for row in fight[:2]} == {("Romain Dumas",), ("Timo Bernhard",)}
    out = [row for row in fight if row["status"] == "out"]
    assert all("out: at most" in row["sentence"] for row in out)
    assert out
    assert await rows_of(client, "clinch", season=SEASON, of="teams") != []


def recorded(events: Iterable[AnyEvent], at: int) -> list[LogEntry]:
    """Log entries that were recorded at a time (ms since 1970)."""
    return [
        LogEntry(f"{at}-{number}", (EVENT_FIELD, encode(event)))
        for number, event in enumerate(events)
    ]


@pytest.fixture
async def older(store: Store, session: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a race that was recorded six minutes ago."""
    await Log(store).append_at_positions(
        session, recorded(events(), int(time.time() * 1000) - 360_000)
    )
    async with client_of(store, session) as client:
        yield client


async def test_a_season_as_it_was_known(
    older: httpx.AsyncClient, store: Store, session: str
) -> None:
    """What was decided in a season since is not in it, with a moment or with a delay."""
    log, season = Log(store), f"{session}-season"
    entries = recorded(alms_2007(), int(time.time() * 1000) - 300_000)
    await log.append_at_positions(season, entries)
    position = entries[-1].position
    query = {"of": "teams", "class": "LMP2", "season": season}
    before = {name: await rows_of(older, name, **query) for name in ("championship", "clinch")}
    learned = datetime.fromtimestamp(parse_position(position)[0] / 1000, UTC)
    adjusted = PointsAdjusted(
        at=0,
        source="stewards",
        source_seq=1,
        championship="teams",
        car_class="LMP2",
        name="DHL Penske Racing",
        points=-50,
        reason="test",
    )
    await log.append(season, [adjusted])
    for name, rows in before.items():
        assert await rows_of(older, name, **query) != rows
        delay_ms = 240_000
        assert await rows_of(older, name, **query, delay_ms=delay_ms) == rows
        assert await rows_of(older, name, **query, known_at=position) == rows
        known_at = learned.isoformat()
        assert await rows_of(older, name, **query, known_at=known_at) == rows
        younger = await older.get(name, params={**query, "delay_ms": 600_000})
        assert younger.status_code == 404
        assert "nothing was recorded" in younger.text
        built_in: dict[str, Any] = {**query, "season": SEASON, "delay_ms": 600_000}
        assert (await older.get(name, params=built_in)).status_code == 200


async def test_results_that_followed_each_other(
    own: httpx.AsyncClient, store: Store, session: str
) -> None:
    """A penalty after the race is a revision, with what it changed and why."""
    members: dict[str, Any] = {"car": "1", "kind": "time", "amount": 90, "reason": "contact"}
    penalty = PenaltyImposed(
        at=40_000_000, source="stewards", source_seq=1, penalty_id="p1", **members
    )
    position = (await Log(store).append(session, [penalty])).position
    first, *_, last = await rows_of(own, "revisions")
    assert (first["number"], first["status"]) == (1, "provisional")
    assert (last["position"], last["status"]) == (position, "amended")
    changed = await rows_of(own, "differences", before=first["number"], after=last["number"])
    assert [(row["car"], row["position_before"], row["position_after"]) for row in changed] == [
        ("7", 2, 1),
        ("1", 1, 2),
    ]
    why = await rows_of(own, "explain", car="1")
    (behind,) = next(row["events"] for row in why if "had 90 s added" in row["text"])
    assert behind == {"position": position, "source": "stewards", "source_seq": 1}
    assert await rows_of(own, "revisions", at="lap:300") == []


@only_looked_at
async def test_what_would_be(client: httpx.AsyncClient) -> None:
    """Everybody's place now and then, also as the race stood; nothing is recorded."""
    rows = await rows_of(client, "whatif", penalty=["1 time 90", "7 disqualification"])
    places = {row["car"]: (row["position_now"], row["position_then"]) for row in rows}
    assert (places["1"], places["7"][0], rows[-1]["car"]) == ((1, 1), 2, "7")
    rows = await rows_of(client, "whatif", retire="7", at="lap:300", car=["1", "7"])
    assert {row["car"]: row["status_then"] for row in rows}["7"] == "retired"
    assert len(rows) == 2
    results = (await client.get("results")).json()["rows"]
    assert (results[1]["car"], results[1]["status"]) == ("7", "classified")


@only_looked_at
async def test_faults_are_named(client: httpx.AsyncClient) -> None:
    """What is wrong with a question is told with its field."""
    for path, status, field in FAULTS:
        answer = await client.get(path)
        assert answer.status_code == status, path
        assert [fault["field"] for fault in answer.json()["errors"]] == [field], path


async def test_a_session_without_rules_or_season(store: Store, session: str) -> None:
    """What follows from rules is not there without; what is timed is."""
    await Log(store).append(session, list(opened("1", "2").laps("1", 2)))
    async with serving(store) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        statuses = {
            name: (await client.get(f"/sessions/{session}/{name}", params=params)).status_code
            for name, params in (
                QUESTIONS | {"gaps": {}, "explain": {"car": "1"}, "whatif": {}}
            ).items()
            if name not in {"chart", "differences", "forecast"}
        }
    without = {"drive-times", "points", "championship", "clinch"}
    assert statuses == {name: 404 if name in without else 200 for name in statuses}


@only_looked_at
@pytest.mark.slow
async def test_forecasts_are_streamed(shared_data: Path) -> None:
    """Who names the topic is sent a forecast behind the state, and who does not is sent none."""
    async with open_store(data=shared_data) as store:
        log, name = Log(store), "streamed-forecast"
        cars = [f"{number}" for number in range(1, 4)]
        story = Story().opened(*cars, lines=("FL",), time_limit_ms=3_600_000)
        for place, car in enumerate(cars):
            for lap in range(1, 20):
                story.lap(car, lap, lap * 60_000 + place * 2_000)
        await log.append(name, story.events)
        async with serving(store, projector=True) as url, httpx.AsyncClient() as client:
            kinds = []
            following = StateFollower()
            async with (
                asyncio.timeout(20),
                contextlib.aclosing(
                    sse(client, url, name, following, topics=("forecast",))
                ) as updates,
            ):
                async for update in updates:
                    kinds.append(update.kind)
                    if update.forecast is not None:
                        break
            assert kinds[0] == "snapshot"
            assert update.forecast is not None
            assert set(update.forecast["cars"]) == set(cars)
            assert set(update.state) == {"session"}
