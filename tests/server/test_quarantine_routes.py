"""The quarantine, the archive and the removal of sessions over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from events import decode
from replay.archive import unpack
from replay.entries import LogEntry
from replay.quarantine import describe
from services.gateway import state as gateway_state
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage import session_removal
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.keys import key
from services.storage.output_store import Output, OutputStore
from services.storage.token_store import TokenStore
from tests.builders import opened
from tests.server.gateways import serving
from tests.server.projecting import eventually

SECRETS = {role: new_token(f"{role.name.lower()}-desk", role) for role in Role}
SETTINGS = GatewaySettings(tokens=Tokens([line for _, line in SECRETS.values()]))


def bearer(role: Role) -> dict[str, str]:
    """The header of a token of this role."""
    return {"Authorization": f"Bearer {SECRETS[role][0]}"}


CONTROL, ADMIN = bearer(Role.CONTROL), bearer(Role.ADMIN)


@pytest.fixture
async def client(
    store: Store, log: Log, session: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a short race."""
    monkeypatch.setattr(gateway_state, "REMOVED_SECONDS", 60)
    monkeypatch.setattr(session_removal, "LEASE_MS", 200)
    await log.append(session, opened("7").laps("7", 2).events)
    async with (
        serving(store, SETTINGS) as url,
        httpx.AsyncClient(base_url=f"{url}/sessions/{session}", timeout=30) as client,
    ):
        yield client


def whole(client: httpx.AsyncClient, path: str = "") -> str:
    """The address of the session, or of a path below it."""
    return str(client.base_url).rstrip("/") + path


async def last_entry(log: Log, session: str) -> LogEntry:
    """The last entry of the session's log."""
    return (await log.entries_before(session, await log.last_position(session), 1))[0]


async def test_quarantine(client: httpx.AsyncClient, log: Log, session: str) -> None:
    """Put in, listed with who and why, and lifted; each refused where it is so already."""
    entry = await last_entry(log, session)
    position = entry.position
    wanted = {"position": position, "reason": "stops the session"}
    put = await client.post("/quarantine", json=wanted, headers=CONTROL)
    assert (put.status_code, put.json()["by"]) == (200, "control-desk"), put.text
    assert put.json()["entry"] == describe(decode(entry.payload))
    (row,) = (await client.get("/quarantine")).json()
    assert (row["position"], row["by"], row["reason"]) == (
        position,
        "control-desk",
        "stops the session",
    )
    assert put.json()["decision"].endswith(row["decided_at"])
    again = await client.post("/quarantine", json=wanted, headers=CONTROL)
    assert (again.status_code, again.json()["errors"][0]["field"]) == (422, "position")
    lifted = await client.post("/quarantine/lift", json={"position": position}, headers=CONTROL)
    assert lifted.status_code == 200
    assert (await client.get("/quarantine")).json() == []
    again = await client.post("/quarantine/lift", json={"position": position}, headers=CONTROL)
    assert "not in quarantine" in again.json()["detail"]


@pytest.mark.parametrize("position", ["5", "5-5-5", "1-0", "9" * 30 + "-0"])
async def test_no_such_entry(client: httpx.AsyncClient, position: str) -> None:
    """Nothing is decided about an entry that there is not."""
    wanted = {"position": position, "reason": "x"}
    answer = await client.post("/quarantine", json=wanted, headers=CONTROL)
    assert answer.status_code == 422, answer.text


async def test_archive_and_removal(
    client: httpx.AsyncClient, log: Log, store: Store, session: str
) -> None:
    """The archive has the log; the session is removed at its position, and known no more."""
    answer = await client.get("/archive", headers=CONTROL)
    manifest, entries = unpack(answer.content, "the archive")
    kept = [entry async for batch in log.read(session) for entry in batch]
    assert manifest.session == session
    assert [(one.position, list(one.fields)) for one in entries] == [
        (one.position, list(one.fields)) for one in kept
    ]
    position = answer.headers["Lapstream-Position"]
    outputs = OutputStore(store)
    await outputs.put(Output(name=f"of-{session}"[:60], session=session, view="standings"))
    used = await client.delete(whole(client), params={"position": position}, headers=ADMIN)
    assert (used.status_code, "force=true removes it" in used.json()["detail"]) == (409, True)
    await outputs.remove(f"of-{session}"[:60])
    early = await client.delete(whole(client), params={"position": "1-0"}, headers=ADMIN)
    assert (early.status_code, early.json()["position"]) == (409, position)
    gone = await client.delete(whole(client), params={"position": position}, headers=ADMIN)
    assert (gone.status_code, gone.json()["entries"]) == (200, len(kept)), gone.text
    for path in ("/laps", "/quarantine", "/archive"):
        assert (await client.get(path, headers=ADMIN)).status_code == 404
    brought = await client.post(
        whole(client).partition("/sessions")[0] + "/archives",
        content=answer.content,
        headers=ADMIN,
    )
    assert (brought.status_code, brought.json()["session"]) == (201, session)


ROUTES = [
    ("POST", "/quarantine", Role.CONTROL),
    ("POST", "/quarantine/lift", Role.CONTROL),
    ("GET", "/archive", Role.CONTROL),
    ("DELETE", "", Role.ADMIN),
]


@pytest.mark.parametrize(("method", "path", "role"), ROUTES)
async def test_roles_and_scopes(
    client: httpx.AsyncClient, store: Store, method: str, path: str, role: Role
) -> None:
    """Each needs its role, and a token that is for the session."""
    assert (await client.request(method, whole(client, path))).status_code == 401
    lesser = bearer(Role(role - 1))
    more: dict[str, Any] = {"params": {"position": "1-0"}} if method == "DELETE" else {}
    if method == "POST":
        more = {"json": {"position": "1-0", "reason": "x"}}
    refused = await client.request(method, whole(client, path), headers=lesser, **more)
    assert refused.status_code == 403
    secret, _ = await TokenStore(store).add("desk", role, by="jo", sessions=["another-*"])
    headers = {"Authorization": f"Bearer {secret}"}

    async def is_known() -> bool:
        return (await client.get("/laps", headers=headers)).status_code != 401

    await eventually(is_known, "the gateway knows the token")
    refused = await client.request(method, whole(client, path), headers=headers, **more)
    assert (refused.status_code, "is for another-* only" in refused.text) == (403, True)


async def test_stopped_sessions_by_name(
    client: httpx.AsyncClient, store: Store, session: str
) -> None:
    """The readiness names them, and is not affected."""
    ready = whole(client).partition("/sessions")[0] + "/readyz"
    assert session not in (await client.get(ready)).json()["stopped"]
    await store.redis.hset(key(session, "health"), "state", "stopped")
    answer = await client.get(ready)
    assert (answer.status_code, session in answer.json()["stopped"]) == (200, True)
