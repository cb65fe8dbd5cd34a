"""Race control over HTTP: each decision once, by whom, refused where it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from events import AnyEvent, PenaltyImposed, SeasonOpened, SeasonRound, decode
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from tests.builders import Story
from tests.server.gateways import serving

SECRETS = {role: new_token(f"{role.name.lower()}-desk", role) for role in Role}
SETTINGS = GatewaySettings(tokens=Tokens([line for _, line in SECRETS.values()]))
OVER = 200_000


def bearer(role: Role) -> dict[str, str]:
    """The header of a token of this role."""
    return {"Authorization": f"Bearer {SECRETS[role][0]}"}


class Desk:
    """A desk at a gateway, with numbers of its own."""

    def __init__(self, client: httpx.AsyncClient, log: Log, session: str) -> None:
        self.client = client
        self.log = log
        self.session = session
        self.number = 0

    async def send(
        self, *decisions: dict[str, Any], status: int = 200, number: int | None = None, **more: Any
    ) -> dict[str, Any]:
        """The answer to what is decided; with no ``number`` a new one is taken."""
        if number is None:
            number, self.number = self.number, self.number + len(decisions)
        query = {"dry_run": True} if more.pop("dry_run", False) else {}
        answer = await self.client.post(
            f"/sessions/{self.session}/decisions",
            params=query,
            json={"source": "desk-a", "source_seq": number, "decisions": decisions, **more},
        )
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def refused(self, *decisions: dict[str, Any], status: int = 422, **more: Any) -> Any:
        """The first fault: its field, value and reason."""
        body = await self.send(*decisions, status=status, **more)
        fault = body["errors"][0]
        return fault["field"], fault.get("value"), fault["reason"]

    async def book(self) -> list[dict[str, Any]]:
        """What was decided, the newest first."""
        answer = await self.client.get(f"/sessions/{self.session}/decisions")
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    async def decided(self) -> list[AnyEvent]:
        """The desk's events in the log."""
        return [
            event
            async for batch in self.log.read(self.session)
            for event in (decode(entry.payload) for entry in batch)
            if event.source == "desk-a"
        ]

    async def order(self) -> list[str]:
        """The cars of the result."""
        rows = (await self.client.get(f"/sessions/{self.session}/results")).json()["rows"]
        return [row["car"] for row in rows]


@pytest.fixture
async def desk(store: Store, log: Log, session: str) -> AsyncIterator[Desk]:
    """A desk with a token of control, in a race of three cars a second apart that is over."""
    story = Story().opened("1", "2", "3", lines=("FL",), rules="imsa-2024")
    for place, car in enumerate(("1", "2", "3")):
        for lap in (1, 2, 3):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.flag("chequered", 170_000).ended(OVER)
    await log.append(session, list(story))
    async with (
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(
            base_url=url, headers=bearer(Role.CONTROL), trust_env=False, timeout=30
        ) as client,
    ):
        yield Desk(client, log, session)


FIVE = {"type": "penalty_imposed", "car": "1", "kind": "time", "amount": 5, "reason": "contact"}


async def test_a_decision_is_one_event_with_who_and_when(desk: Desk) -> None:
    """Who is the token's name; when is the session clock; the penalty's id is made here."""
    body = await desk.send(FIVE)
    assert (body["added"], body["by"]) == (True, "control-desk")
    assert await desk.decided() == [
        PenaltyImposed(
            at=OVER,
            source="desk-a",
            source_seq=0,
            by="control-desk",
            penalty_id="desk-a-0",
            car="1",
            kind="time",
            amount=5,
            reason="contact",
        )
    ]
    assert await desk.order() == ["2", "3", "1"]


async def test_sent_again_it_counts_once(desk: Desk) -> None:
    """A double click, and a retry after a lost answer, find what was decided."""
    answers = await asyncio.gather(*(desk.send(FIVE, number=0) for _ in range(8)))
    assert sum(answer["added"] for answer in answers) == 1
    assert len({str(answer["events"]) for answer in answers}) == 1
    assert len(await desk.decided()) == 1
    void = {"type": "event_voided", "car": "2", "lap": 3, "reason": "cut"}
    assert (await desk.send(void, number=1))["added"]
    assert not (await desk.send(void, number=1))["added"]
    fault = await desk.refused({**FIVE, "car": "2"}, number=0, status=409)
    assert fault == ("source_seq", "0", "this number is of another decision")


async def test_a_dry_run_reports_and_appends_nothing(desk: Desk) -> None:
    """The cars that would change, with their places before and after; also of a voided lap."""
    body = await desk.send(FIVE, dry_run=True)
    assert [(row["car"], row["position_now"], row["position_then"]) for row in body["changes"]] == [
        ("2", 2, 1),
        ("3", 3, 2),
        ("1", 1, 3),
    ]
    assert body["events"][0]["text"] == "#1: 5 s added to its time (contact)"
    (effect,) = body["effects"]
    assert effect.startswith("#1: 5 s added to its time")
    assert effect.endswith("changes the classified order only")
    void = {"type": "event_voided", "car": "1", "lap": 3, "reason": "cut"}
    body = await desk.send(void, dry_run=True)
    assert {row["car"]: row["laps_then"] for row in body["changes"]}["1"] == 2
    assert (await desk.decided(), await desk.order()) == ([], ["1", "2", "3"])


async def test_the_book_says_what_became_of_it(desk: Desk) -> None:
    """In force, served, rescinded, voided; by whom; and how each row is taken back.

    Added time counts without being served: it is never owed.
    """
    await desk.send(FIVE)
    served = {"type": "penalty_served", "penalty_id": "desk-a-0"}
    await desk.send(served)
    rows = await desk.book()
    assert [(row["type"], row["state"], row["by"]) for row in rows[:2]] == [
        ("penalty_served", "in force", "control-desk"),
        ("penalty_imposed", "served", "control-desk"),
    ]
    await desk.send({**rows[0]["undo"], "reason": "not yet"})
    rows = await desk.book()
    assert [row["state"] for row in rows[:3]] == ["in force", "voided", "in force"]
    assert rows[0]["text"] == "taken back: #1: 5 s added to its time served (not yet)"
    await desk.send({**rows[2]["undo"], "reason": "appeal"})
    rows = await desk.book()
    assert [(row["state"], row["undo"]) for row in rows if row["type"] == "penalty_imposed"] == [
        ("rescinded", None)
    ]
    assert await desk.order() == ["1", "2", "3"]


async def test_a_penalty_stays_in_the_book(desk: Desk) -> None:
    """However much was decided since, one that is owed is told: somebody has to take it back."""
    await desk.send({"type": "penalty_imposed", "car": "1", "kind": "drive_through"})
    for number in range(3):
        await desk.send({"type": "race_control_message", "text": f"Word {number}"})
    answer = await desk.client.get(f"/sessions/{desk.session}/decisions", params={"limit": 2})
    rows = answer.json()["rows"]
    assert [(row["type"], row["state"]) for row in rows] == [
        ("race_control_message", "in force"),
        ("race_control_message", "in force"),
        ("penalty_imposed", "owed"),
    ]
    assert answer.json()["total"] > len(rows)


async def test_the_book_is_not_repeated(desk: Desk) -> None:
    """A desk that has seen it is told that nothing changed, until something did."""
    path = f"/sessions/{desk.session}/decisions"
    etag = (await desk.client.get(path)).headers["ETag"]
    assert (await desk.client.get(path, headers={"If-None-Match": etag})).status_code == 304
    await desk.send(FIVE)
    assert (await desk.client.get(path, headers={"If-None-Match": etag})).status_code == 200


async def test_a_lap_is_voided_and_restored(desk: Desk) -> None:
    """By car and number; the void is voided in turn."""
    await desk.send({"type": "event_voided", "car": "1", "lap": 3, "reason": "short cut"})
    assert await desk.order() == ["2", "3", "1"]
    row = (await desk.book())[0]
    assert row["text"] == "#1: lap 3 voided (short cut)"
    await desk.send({**row["undo"], "reason": "it was within limits"})
    assert await desk.order() == ["1", "2", "3"]


async def test_several_stand_and_fall_together(desk: Desk) -> None:
    """A safety car is a flag and a car on the track; if one cannot be, none is."""
    car = {"type": "safety_car_deployed", "reason": "debris"}
    await desk.send({"type": "flag_shown", "flag": "safety_car"}, car)
    rows = await desk.book()
    assert {row["text"] for row in rows[:2]} == {"safety car flag", "safety car deployed"}
    assert rows[0]["learned_at_ms"] == rows[1]["learned_at_ms"]
    await desk.refused({"type": "pit_lane_closed"}, {"type": "pit_lane_opened", "classes": ["X"]})
    assert len(await desk.book()) == len(rows)


async def test_a_result_is_declared_as_it_stands(desk: Desk) -> None:
    """Its rows are the classification; what it rests on is said."""
    body = {"type": "result_declared", "status": "provisional", "rests_on": "the stewards"}
    await desk.send(body)
    (event,) = await desk.decided()
    assert event.type == "result_declared"
    assert [row.car for row in event.rows] == ["1", "2", "3"]
    assert event.rows_basis == "recorded"


async def test_texts_are_read_as_times(desk: Desk) -> None:
    """Moments and lap times as people write them."""
    await desk.send(
        {
            "type": "crossings_reassigned",
            "from_car": "1",
            "to_car": "3",
            "start": "lap:2",
            "swap": True,
            "reason": "transponders",
        },
        {
            "type": "lap_amended",
            "car": "2",
            "lap": 3,
            "lap_time_ms": "59.5",
            "completed_at": "3:00.250",
            "reason": "photo",
        },
        at="lap:3",
    )
    moved, amended = await desk.decided()
    assert moved.type == "crossings_reassigned"
    assert (moved.start, moved.end, moved.at) == (120_000, 2**53, 180_000)
    assert amended.type == "lap_amended"
    assert (amended.lap_time_ms, amended.completed_at) == (59_500, 180_250)


async def test_what_cannot_be_decided_is_named(desk: Desk) -> None:
    """Field, value and reason, in the words of the rule; and nothing is appended."""
    field, value, reason = await desk.refused({**FIVE, "car": "9"})
    assert (field, value) == ("car", "'9'")
    assert reason.startswith("no car '9' in this session; there are 1")
    assert (await desk.refused({**FIVE, "amount": None}))[0] == "amount"
    assert (await desk.refused({**FIVE, "amount": "x"}))[:2] == ("amount", "'x'")
    assert (await desk.refused({**FIVE, "kind": "fun"}))[0] == "kind"
    served = {"type": "penalty_served", "penalty_id": "p"}
    assert (await desk.refused(served))[0] == "penalty_id"
    deleted = {"type": "lap_time_deleted", "car": "1", "lap": 9}
    assert await desk.refused(deleted) == ("lap", "9", "car '1' has no lap 9; it completed 3")
    voided = {"type": "event_voided", "voided_source": "x", "voided_seq": 1, "reason": "y"}
    assert (await desk.refused(voided))[0] == "voided_seq"
    assert (await desk.refused({"type": "event_voided", "car": "1", "reason": "y"}))[0] == "lap"
    assert (await desk.refused({"type": "event_voided", "lap": 1, "reason": "y"}))[0] == "car"
    span = {"type": "crossings_reassigned", "from_car": "1", "to_car": "2", "reason": "y"}
    assert (await desk.refused({**span, "start": "noon"}))[0] == "start"
    assert (await desk.refused({**span, "to_car": "8"}))[0] == "to_car"
    amended = {"type": "lap_amended", "car": "1", "lap": 1, "reason": "y"}
    assert (await desk.refused({**amended, "lap_time_ms": "x"}))[0] == "lap_time_ms"
    assert (await desk.refused({"type": "lap_completed", "car": "1", "lap": 4}))[0] == "type"
    assert (await desk.refused({**FIVE, "type": []}))[:2] == ("type", "[]")
    assert (await desk.refused({**FIVE, "by": "somebody"}))[0] == "by"
    assert (await desk.refused(FIVE, at="9:00:00"))[0] == "at"
    assert (await desk.refused(FIVE, at_ms=OVER + 60_000))[0] == "at_ms"
    assert (await desk.refused(FIVE, expected="99999999999999999999-1"))[0] == "expected"
    lap = {"type": "event_voided", "car": "1", "lap": True, "reason": "y"}
    assert (await desk.refused(lap))[0] == "lap"
    body = await desk.send(FIVE, {**FIVE, "car": "9"}, status=422)
    assert body["errors"][0]["index"] == 1
    await desk.send(FIVE, status=409, expected="1-0")
    assert await desk.decided() == []


async def test_what_is_not_so_any_more(desk: Desk) -> None:
    """Served once, voided once: the second time it is a conflict, and says so."""
    await desk.send(FIVE)
    served = {"type": "penalty_served", "penalty_id": "desk-a-0"}
    await desk.send(served)
    field, _, reason = await desk.refused(served, status=409)
    assert (field, reason) == ("penalty_id", "penalty 'desk-a-0' is served already")


async def test_no_result_before_the_end(desk: Desk, log: Log) -> None:
    """While the race runs a result cannot be declared."""
    running = f"{desk.session}-running"
    await log.append(running, list(Story().opened("1")))
    desk.session = running
    body = {"type": "result_declared", "status": "final", "rests_on": "y"}
    field, _, reason = await desk.refused(body, status=409)
    assert field == "status"
    assert "the race is not over" in reason


async def test_nothing_is_decided_of_a_season(desk: Desk, log: Log) -> None:
    """A season has no flags; its rounds have sessions of their own."""
    season = SeasonOpened(
        at=0,
        source="test",
        source_seq=0,
        title="S",
        series="S",
        rules="imsa-2024",
        classes=("GT",),
        rounds=(SeasonRound(name="Sebring"),),
    )
    desk.session = f"{desk.session}-season"
    await log.append(desk.session, [season])
    body = await desk.send({"type": "flag_shown", "flag": "red"}, status=409)
    assert body["detail"].startswith("this is a season")


async def test_the_clock_has_run_on(desk: Desk, log: Log) -> None:
    """What is decided now happened now: later than the newest event, by as much as passed."""
    running = f"{desk.session}-running"
    await log.append(running, list(Story().opened("1").lap("1", 1, 60_000)))
    desk.session = running
    body = await desk.send({"type": "flag_shown", "flag": "red"})
    assert 60_000 <= body["events"][0]["at_ms"] < 70_000
    body = await desk.send({"type": "pit_lane_closed"}, at_ms=60_001)
    assert body["events"][0]["at_ms"] == 60_001


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OUTPUT])
async def test_only_race_control_decides(desk: Desk, role: Role | None) -> None:
    """A lesser token, or none, is refused, and told which it needs; also for a dry run."""
    if role is None:
        del desk.client.headers["Authorization"]
    else:
        desk.client.headers.update(bearer(role))
    body = await desk.send(FIVE, status=401 if role is None else 403, dry_run=role is None)
    wanted = "a token is needed" if role is None else "a token of the role control is needed"
    assert body["detail"].startswith(wanted)
    assert await desk.decided() == []


async def test_a_token_knows_its_owner(desk: Desk) -> None:
    """A desk can say whose token it was given, and that a viewer's is not enough."""
    for role in Role:
        answer = await desk.client.get("/whoami", headers=bearer(role))
        assert answer.json() == {"name": f"{role.name.lower()}-desk", "role": role.name.lower()}
    answer = await desk.client.get("/whoami", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    del desk.client.headers["Authorization"]
    assert (await desk.client.get("/whoami")).json() == {"name": None, "role": "viewer"}


async def test_another_site_cannot_decide(desk: Desk) -> None:
    """Nothing that a browser sends by itself lets anyone in, and other sites may not ask."""
    path = f"/sessions/{desk.session}/decisions"
    elsewhere = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = await desk.client.options(path, headers=elsewhere)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers
    del desk.client.headers["Authorization"]
    form = {"Origin": "https://elsewhere.example", "Content-Type": "text/plain"}
    form["Cookie"] = f"token={SECRETS[Role.CONTROL][0]}"
    assert (await desk.client.post(path, content=b"{}", headers=form)).status_code == 401
    assert await desk.decided() == []
