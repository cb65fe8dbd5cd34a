"""Tokens of the store: for some sessions, with an end, revoked while a gateway runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from events import PenaltyImposed, encode
from events.errors import StoreUnavailable
from replay.archive import pack
from services import clocks
from services.client import stream_url
from services.gateway import stored_tokens
from services.gateway.auth import check_scope
from services.gateway.errors import RequestRefused
from services.queries.audit import read_audit
from services.roles import Grant, Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import SESSIONS, log_key
from services.storage.output_store import OUTPUTS, NoSuchOutput
from services.storage.token_store import TOKENS, BadToken, TokenStore
from tests.builders import opened
from tests.server.gateways import serving
from tests.server.projecting import eventually, projecting

ADMIN, ADMIN_LINE = new_token("chief", Role.ADMIN)
Client = httpx.AsyncClient


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def event(number: int) -> bytes:
    return encode(opened("7").laps("7", 9).events[number])


@pytest.fixture
def tokens(store: Store) -> TokenStore:
    """The tokens of the shared store."""
    return TokenStore(store)


@pytest.fixture(params=[False, True], ids=["open", "private"])
async def gateway(
    store: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A gateway with one token of its own, which reads those of the store quickly."""
    monkeypatch.setattr(stored_tokens, "READ_SECONDS", 0.01)
    settings = GatewaySettings(tokens=Tokens([ADMIN_LINE]), private=request.param)
    async with serving(store, settings) as url, Client(base_url=url) as client:
        yield client


async def status(client: Client, token: str, method: str, path: str, **more: Any) -> int:
    return (await client.request(method, path, headers=bearer(token), **more)).status_code


async def known(client: Client, token: str, *, is_known: bool = True) -> None:
    """Wait until the gateway knows the token, or knows it no more."""

    async def holds() -> bool:
        return (await status(client, token, "GET", "/whoami") == 401) is not is_known

    await eventually(holds, "the token is known" if is_known else "the token is revoked")


async def test_added_and_revoked_while_it_runs(
    gateway: Client, tokens: TokenStore, session: str
) -> None:
    """A token is valid soon after it was added, and refused soon after it was revoked."""
    secret, token = await tokens.add("desk", Role.CONTROL, by="jo")
    await known(gateway, secret)
    path = f"/sessions/{session}/events"
    assert await status(gateway, secret, "POST", path, content=event(0)) == 200
    assert (await gateway.get("/whoami", headers=bearer(secret))).json()["name"] == "desk"
    listed = (await gateway.get("/tokens", headers=bearer(ADMIN))).json()
    assert token.id in [one["id"] for one in listed]
    assert secret not in str(listed)
    assert token.sha256 not in str(listed)
    await tokens.revoke(token.id, by="jo")
    await known(gateway, secret, is_known=False)
    assert await status(gateway, secret, "POST", path, content=event(1)) == 401
    assert await status(gateway, ADMIN, "POST", path, content=event(1)) == 200


async def test_a_token_for_some_sessions(
    gateway: Client, store: Store, tokens: TokenStore, log: Log, session: str
) -> None:
    """It writes to these alone, whatever the route; what is open to all it may read."""
    secret, _ = await tokens.add("desk", Role.CONTROL, by="jo", sessions=[f"{session}-a*"])
    await known(gateway, secret)
    ours, other = f"{session}-a1", f"{session}-b1"
    for name in (ours, other):
        await log.append(name, opened("7").laps("7", 2).events)
    private = (await gateway.get("/sessions")).status_code == 401
    reading = 403 if private else 200
    for method, path, more, covered, not_covered in (
        ("POST", "/sessions/{}/events", {"content": event(5)}, 200, 403),
        ("POST", "/sessions/{}/decisions", {"json": {}}, 422, 403),
        ("GET", "/sessions/{}/next-number?source=x", {}, 200, 403),
        ("GET", "/sessions/{}/laps", {}, 200, reading),
    ):
        found = [
            await status(gateway, secret, method, path.format(name), **more)
            for name in (ours, other)
        ]
        assert found == [covered, not_covered], path
    assert await status(gateway, secret, "GET", "/sessions") == reading
    archive = pack(ours, [])
    assert await status(gateway, secret, "POST", "/archives", content=archive) == 403
    assert await status(gateway, secret, "POST", "/replays", json={"source": other}) == 403
    output = {"session": ours, "view": "standings"}
    name = f"{session}-o"[-60:].strip("-")
    assert await status(gateway, secret, "PUT", f"/outputs/{name}", json=output) == 200
    output["session"] = other
    assert await status(gateway, secret, "PUT", f"/outputs/{name}", json=output) == 403
    assert await status(gateway, ADMIN, "PUT", f"/outputs/{name}", json=output) == 200
    output["session"] = ours
    assert await status(gateway, secret, "PUT", f"/outputs/{name}", json=output) == 403
    assert await status(gateway, secret, "DELETE", f"/outputs/{name}") == 403
    await store.redis.hset(OUTPUTS, name, "{}")  # cannot be read: it may be of any session
    assert await status(gateway, secret, "PUT", f"/outputs/{name}", json=output) == 403
    assert await status(gateway, ADMIN, "DELETE", f"/outputs/{name}") == 204
    if private:
        address = stream_url(str(gateway.base_url), other, access_token=secret)
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address, proxy=None):
                pass
        assert refused.value.response.status_code == 403


async def test_a_token_ends(
    gateway: Client, tokens: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its time, without anybody's doing."""
    end = round(clocks.wall_ms()) + 60_000
    secret, token = await tokens.add("guest", Role.VIEWER, by="jo", until_ms=end)
    await known(gateway, secret)
    monkeypatch.setattr(stored_tokens, "now_ms", lambda: end)
    assert await status(gateway, secret, "GET", "/whoami") == 401
    assert token.grant == Grant("guest", Role.VIEWER, (), end, token.id)


REFUSED: dict[str, tuple[str, Callable[[TokenStore], Any]]] = {
    "name": ("is no name", lambda one: one.add("a b", Role.VIEWER, by="jo")),
    "pattern": ("no session", lambda one: one.add("a", Role.VIEWER, by="jo", sessions=["A"])),
    "end": ("has passed", lambda one: one.add("a", Role.VIEWER, by="jo", until_ms=1)),
    "late": ("after the year", lambda one: one.add("a", Role.VIEWER, by="jo", until_ms=10**15)),
    "unknown": ("see lapstream token list", lambda one: one.revoke("nobody-at-all", by="jo")),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be(tokens: TokenStore, name: str) -> None:
    """One clear line."""
    message, act = REFUSED[name]
    with pytest.raises(BadToken, match=message):
        await act(tokens)


KEPT = {"name": "x", "role": "viewer", "sha256": "0" * 64, "added_ms": 1, "added_by": "jo"}


@pytest.mark.parametrize(
    "damage", [{"role": "emperor"}, {"sha256": "zz"}, {"added_ms": 10**20}, {"until_ms": -1}]
)
async def test_a_token_that_cannot_be_read(
    gateway: Client, store: Store, tokens: TokenStore, damage: dict[str, Any]
) -> None:
    """One of a newer version, or damaged, grants nothing; others can be added and revoked."""
    await store.redis.hset(TOKENS, "ffffffffffff", json.dumps(KEPT | damage))
    try:
        secret, token = await tokens.add("plain", Role.VIEWER, by="jo")
        await known(gateway, secret)
        assert token in await tokens.all()
        assert "x" not in [one.name for one in await tokens.all()]
        assert (await gateway.get("/tokens", headers=bearer(ADMIN))).status_code == 200
        await tokens.revoke(token.id, by="jo")
        await known(gateway, secret, is_known=False)
    finally:
        await store.redis.hdel(TOKENS, "ffffffffffff")


async def test_the_audit(
    gateway: Client, store: Store, log: Log, tokens: TokenStore, session: str
) -> None:
    """Who did what, the newest first; for administrators."""
    penalty = PenaltyImposed(
        at=5,
        source="race-control",
        source_seq=0,
        by="Jo",
        penalty_id="p1",
        car="7",
        kind="drive_through",
    )
    await log.append(session, [*opened("7").events, penalty])
    await tokens.add("auditor", Role.VIEWER, by="Kim", sessions=["spa-*"])
    rows = (await read_audit(log, tokens, [session])).rows
    assert [(row["by"], row["what"], row["type"]) for row in rows] == [
        ("Jo", "#7: a drive-through", "penalty_imposed")
    ]
    everything = (await gateway.get("/audit", headers=bearer(ADMIN))).json()
    found = [(row["session"], row["by"], row["what"]) for row in everything]
    assert (session, "Jo", "#7: a drive-through") in found
    (added,) = [what for _, by, what in found if by == "Kim"][:1]
    assert added.startswith("token added: viewer auditor ")
    assert added.endswith(" for spa-*")
    mine = (await gateway.get(f"/audit?session={session}", headers=bearer(ADMIN))).json()
    assert len(mine) == 1
    assert (await gateway.get("/audit")).status_code == 401
    assert (await gateway.get("/tokens")).status_code == 401


async def test_the_audit_without_a_log_that_cannot_be_read(
    gateway: Client, store: Store, log: Log, tokens: TokenStore, session: str
) -> None:
    """It is left out and named; the newest acts of the others are listed, up to the limit."""
    damaged = f"{session}-damaged"
    await log.append(session, opened("7").laps("7", 2).events)
    decided = [_note(number) for number in range(4)]
    await log.append(session, decided)
    await log.append(damaged, opened("7").events)
    await store.redis.set(log_key(damaged), "x")
    try:
        answer = await gateway.get("/audit", headers=bearer(ADMIN))
        assert answer.status_code == 200
        assert damaged in answer.headers["Lapstream-Left-Out"].split(", ")
        assert session in [row["session"] for row in answer.json()]
        found = await read_audit(log, tokens, [damaged, session], 3)
    finally:
        await store.redis.delete(log_key(damaged))
        await store.redis.srem(SESSIONS, damaged)
    assert list(found.left_out) == [damaged]
    assert len(found.rows) == 3
    whole = (await read_audit(log, tokens, [session])).rows
    assert len(whole) == 4
    assert found.rows == whole[:3]


def _note(number: int) -> PenaltyImposed:
    return PenaltyImposed(
        at=5 + number,
        source="race-control",
        source_seq=number,
        by="Jo",
        penalty_id=f"p{number}",
        car="7",
        kind="drive_through",
    )


async def test_revoking_one_that_cannot_be_read(store: Store, tokens: TokenStore) -> None:
    """By its id, and it is in the audit."""
    await store.redis.hset(TOKENS, "eeeeeeeeeeee", "no JSON")
    done = await tokens.revoke("eeeeeeeeeeee", by="jo")
    assert done == ({"eeeeeeeeeeee": None}, [])
    assert not await store.redis.hexists(TOKENS, "eeeeeeeeeeee")
    assert "eeeeeeeeeeee, which could not be read" in [
        change.token for change in await tokens.changes(1)
    ]


async def test_a_name_that_is_the_id_of_another(tokens: TokenStore) -> None:
    """The id wins, and the other is named; by its own id it is revoked."""
    _, first = await tokens.add("first", Role.VIEWER, by="jo")
    _, second = await tokens.add(first.id, Role.VIEWER, by="jo")
    done = await tokens.revoke(first.id, by="jo")
    assert done == ({first.id: first}, [second.id])
    assert second in await tokens.all()
    assert list((await tokens.revoke(first.id, by="jo")).revoked) == [second.id]


async def test_a_scope_behind_a_proxy_and_without_the_store(session: str) -> None:
    """The route says what a path is about, whatever its prefix; without the store it is refused."""
    found = SimpleNamespace(output=SimpleNamespace(session=session))

    async def stored(_: str) -> Any:
        if fault is not None:
            raise fault
        return found

    async def scored_as(name: str) -> str:
        return name

    state = SimpleNamespace(
        settings=GatewaySettings(),
        gateway=SimpleNamespace(scored_as=scored_as),
        outputs=SimpleNamespace(stored=stored),
    )
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/timing/outputs/o1",
        "root_path": "/timing",
        "headers": [],
        "query_string": b"",
        "path_params": {"name": "o1"},
        "route": SimpleNamespace(path="/outputs/{name}"),
        "app": SimpleNamespace(state=state),
    }
    other = Grant("desk", Role.OUTPUT, ("other",))
    fault: Exception | None = None
    with pytest.raises(RequestRefused, match="other only"):
        await check_scope(HTTPConnection(scope), other, Role.OUTPUT, in_body=True)
    fault = NoSuchOutput("o1", [])
    await check_scope(HTTPConnection(scope), other, Role.OUTPUT, in_body=True)
    fault = StoreUnavailable("redis", "refused")
    with pytest.raises(StoreUnavailable):
        await check_scope(HTTPConnection(scope), other, Role.OUTPUT, in_body=True)


@pytest.mark.parametrize("over", ["live", "stream"])
async def test_subscriptions_end_with_the_token(
    gateway: Client, store: Store, log: Log, tokens: TokenStore, session: str, over: str
) -> None:
    """Those of a revoked token; those of others go on."""
    await log.append(session, opened("7").laps("7", 2).events)
    secret, token = await tokens.add("guest", Role.VIEWER, by="jo")
    await known(gateway, secret)
    path = f"/sessions/{session}/{over}"
    async with projecting(store, session), asyncio.timeout(30):
        if over == "live":
            base = str(gateway.base_url)
            async with (
                connect(stream_url(base, session, access_token=secret), proxy=None) as ended,
                connect(stream_url(base, session, access_token=ADMIN), proxy=None) as open_still,
            ):
                await ended.recv()
                await open_still.recv()
                await tokens.revoke(token.id, by="jo")
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        await ended.recv()
                assert ended.close_code == 1008
                assert open_still.close_code is None
        else:
            async with gateway.stream("GET", path, headers=bearer(secret)) as answer:
                assert answer.status_code == 200
                await tokens.revoke(token.id, by="jo")
                lines = [line async for line in answer.aiter_lines()]
                assert all(not line.startswith("error") for line in lines)
