"""Foreign servers: what is checked before anything is written there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from events.errors import StoreUnavailable, StoreUnfit
from services.storage.client import Store, open_store
from services.storage.connections import CONNECTIONS
from services.storage.event_log import Log
from tests.server.command import batch
from tests.server.conftest import StartServer


async def refusal(url: str, error: type[Exception]) -> str:
    """The line that says why the store cannot be opened."""
    with pytest.raises(error) as refused:
        async with open_store(url):
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of this machine that nobody listens on, and nobody else is given."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_fit_server(start_server: StartServer):
    """A server with every write on disk is used, and says so."""
    url = start_server("--appendfsync", "always")
    async with open_store(url) as store:
        assert store.durability == "every acknowledged event is on disk"
        assert store.socket is None
        await Log(store).append("a", batch("x", 0, 3))
        assert await Log(store).length("a") == 3


async def test_a_foreign_server_stays(start_server: StartServer):
    """Leaving a foreign server does not end it."""
    url = start_server()
    for _ in range(2):
        async with open_store(url) as store:
            assert "within a second" in store.durability


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--appendonly", "no"), "set appendonly yes"),
        (("--appendfsync", "no"), "set appendfsync always"),
        (("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"), "it evicts logs"),
        (("--requirepass", "secret"), "authentication failed"),
        (("--replicaof", "127.0.0.1 1"), "it is a replica"),
    ],
)
async def test_an_unfit_server(start_server: StartServer, options: tuple[str, ...], says: str):
    """A server that may lose events is refused in one line."""
    assert says in await refusal(start_server(*options), StoreUnfit)


async def test_a_password(start_server: StartServer):
    """A password is taken from the URL and shown nowhere."""
    url = start_server("--requirepass", "secret")
    async with open_store(f"{url}&password=secret") as store:
        assert "secret" not in store.name
    printed = await refusal(f"{url}&password=wrong", StoreUnfit)
    assert "wrong" not in printed


async def test_config_denied(start_server: StartServer):
    """A server that denies CONFIG is used, and the durability says what is not known."""
    async with open_store(start_server("--rename-command", "CONFIG", "")) as store:
        assert store.durability.startswith("it keeps an append-only file; how soon")


async def test_a_network_port(start_server: StartServer):
    """A server is found by host and port."""
    for _ in range(10):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        url = start_server("--bind", "127.0.0.1", "--port", str(port))
        async with Redis.from_url(url) as client:
            if str((await client.info("server"))["tcp_port"]) == str(port):
                break
    async with open_store(f"redis://127.0.0.1:{port}/0") as store:
        assert store.name == f"redis://127.0.0.1:{port}/0"
        await Log(store).append("a", batch("x", 0, 1))


async def test_nobody_there(free_port: int, tmp_path: Path):
    """A server that does not answer is named with its reason."""
    printed = await refusal(f"redis://me:secret@127.0.0.1:{free_port}/0", StoreUnavailable)
    assert f"no answer from the store at redis://127.0.0.1:{free_port}/0" in printed
    assert "secret" not in printed
    assert str(tmp_path) in await refusal(f"unix://{tmp_path}/s.sock", StoreUnavailable)


async def test_something_else_there():
    """A server of another kind is no store."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        printed = await refusal(f"redis://127.0.0.1:{port}", StoreUnfit)
        assert "neither Redis nor Valkey" in printed


@pytest.mark.parametrize(
    "url", ["localhost:6379", "http://localhost", "redis://localhost:port", ""]
)
async def test_no_url(url: str):
    """What is no URL of a store says how to write one."""
    assert "write redis://HOST:PORT" in await refusal(url, StoreUnavailable)


async def test_more_readers_than_the_client_library_allows(store: Store):
    """Each of many sessions can have a blocking reader of its own."""
    log = Log(store)

    async def wait_for_one(session: str) -> int:
        async for entries in log.tail(session):
            if entries:
                return len(entries)
        raise AssertionError

    sessions = [f"reader-{number}" for number in range(150)]
    readers = [asyncio.create_task(wait_for_one(session)) for session in sessions]
    for session in sessions:
        await log.append(session, batch("x", 0, 2))
    assert await asyncio.gather(*readers) == [2] * 150
    assert CONNECTIONS > 150


async def test_a_cancelled_command_ends_cancelled(store: Store):
    """Wherever within a command a cancellation falls, the task that was to end ends."""

    async def work():
        for _ in range(100):
            with store.translated_errors():
                await store.redis.ping()

    await store.redis.ping()
    for steps in range(60):
        task = asyncio.create_task(work())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_command_takes_no_task(store: Store):
    """A command is written where it is sent, not by a task whose turn comes later."""
    loop = asyncio.get_running_loop()
    begun: list[str] = []
    await store.redis.ping()

    def counted(loop, coroutine, **options):
        begun.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(counted)
    try:
        assert await store.redis.ping()
    finally:
        loop.set_task_factory(None)
    assert begun == []
