"""Whose pages may open a WebSocket, and by which names a gateway of this machine is called."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.client import stream_url
from services.gateway.origins import is_of_this_machine
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.output_store import Output, OutputStore
from tests.builders import opened
from tests.server.gateways import serving
from tests.server.projecting import projecting, until_projected

PAGE = "https://graphics.example"


@pytest.fixture
async def watched(store: Store, session: str) -> AsyncIterator[str]:
    """A session with frames, and an output of its name."""
    appended = await Log(store).append(session, list(opened("7").laps("7", 2)))
    await OutputStore(store).put(Output(name=session, session=session, view="standings"))
    async with projecting(store, session):
        await until_projected(store, session, appended.position)
        yield session


async def handshake(address: str, **headers: str) -> int:
    """The status of a WebSocket's handshake with these headers."""
    try:
        async with connect(
            address, proxy=None, additional_headers=headers, origin=None
        ) as connection:
            await connection.recv()
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://{host}", 101),
        ("https://{host}", 101),  # behind a proxy
        (PAGE, 403),
        ("http://127.0.0.1:1", 403),
        ("http://{host}.evil.example", 403),
        ("null", 403),
        ("file://", 403),
    ],
)
@pytest.mark.parametrize("path", ["/sessions/{}/live", "/outputs/{}/stream"])
async def test_websockets_of_other_pages(
    store: Store, watched: str, path: str, origin: str | None, status: int
) -> None:
    """They are refused; those of programs and of our own pages are not."""
    async with serving(store) as url:
        host = url.removeprefix("http://")
        headers = {"Origin": origin.format(host=host)} if origin else {}
        assert await handshake(f"ws://{host}{path.format(watched)}", **headers) == status


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ((PAGE,), PAGE, 101),
        ((PAGE,), f"{PAGE}:8443", 403),
        ((PAGE,), "null", 403),
        (("null", "file://"), "null", 101),
        (("null", "file://"), "file://", 101),
        (("*",), PAGE, 101),
    ],
)
async def test_origins_that_are_named(
    store: Store, watched: str, origins: tuple[str, ...], origin: str, status: int
) -> None:
    """They may, and no others: pages from a disk only where that is said."""
    async with serving(store, GatewaySettings(origins=origins)) as url:
        assert await handshake(stream_url(url, watched), Origin=origin) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("[::1]:8000", 200),
        ("timing.localhost", 200),
        ("graphics.example", 200),  # as a proxy hands it on
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("[", 403),
    ],
)
async def test_a_gateway_of_this_machine_has_its_names(
    store: Store, watched: str, host: str, status: int
) -> None:
    """A page that makes its own name lead to this machine is not answered under it."""
    async with (
        serving(store, GatewaySettings(origins=(PAGE,))) as url,
        httpx.AsyncClient(timeout=60) as client,
    ):
        answer = await client.get(f"{url}/sessions", headers={"Host": host})
        assert answer.status_code == status, answer.text
        address = stream_url(url, watched)
        parts = {"Host": host, "Origin": f"http://{host}"}
        if status == 403:
            assert [one["field"] for one in answer.json()["errors"]] == ["Host"]
            assert await raw_handshake(url, address, parts) == 403


async def raw_handshake(url: str, address: str, headers: dict[str, str]) -> int:
    """The status of a handshake under another name."""
    wanted = {
        **headers,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(address.replace("ws://", "http://"), headers=wanted)
    return answer.status_code


async def test_a_gateway_for_others_is_called_by_any_name(store: Store) -> None:
    """One that listens beyond this machine cannot know its names."""
    everywhere = "0.0.0.0"  # noqa: S104 - that is what is tried
    async with serving(store, host=everywhere) as url, httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{url}/sessions", headers={"Host": "timing.example"})
    assert answer.status_code == 200


def test_names_of_this_machine() -> None:
    """Those that mean it everywhere, and no other."""
    assert all(map(is_of_this_machine, ("localhost", "127.0.0.1", "127.8.0.1", "::1")))
    assert not any(map(is_of_this_machine, ("::", "10.0.0.1", "timing", "localhost.example")))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("timing.example", 200),
        ("TIMING.example:8000", 200),
        ("localhost:8000", 200),
        ("evil.example", 403),
        ("timing.example.evil.example", 403),
    ],
)
async def test_a_gateway_for_others_that_knows_its_names(
    store: Store, host: str, status: int
) -> None:
    """Behind a published port or a proxy, a page with a name of its own is kept out as well."""
    everywhere = "0.0.0.0"  # noqa: S104 - that is what is tried
    settings = GatewaySettings(hosts=("timing.example", "gateway"))
    async with (
        serving(store, settings, host=everywhere) as url,
        httpx.AsyncClient(timeout=60) as client,
    ):
        answer = await client.get(f"{url}/sessions", headers={"Host": host})
    assert answer.status_code == status
    if status == 403:
        assert "LAPSTREAM_HOSTS" in answer.json()["detail"]
