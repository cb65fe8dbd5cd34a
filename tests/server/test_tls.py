"""A store that is reached over TLS: a server behind a proxy with a certificate of its own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.errors import StoreError
from services.client import subscribe
from services.storage.client import open_store
from services.storage.event_log import Log
from services.storage.monitor import StoreMonitor
from tests.builders import opened
from tests.server.conftest import StartServer
from tests.server.gateways import serving
from tests.server.projecting import append_and_wait, check_frames, state_of

SUBJECT = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine that nobody has signed, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no program openssl, which makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    found = folder / "certificate.pem", folder / "key.pem"
    new = (program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    files = ("-out", str(found[0]), "-keyout", str(found[1]))
    subprocess.run([*new, *files, *SUBJECT], check=True, capture_output=True)
    return found


@contextlib.asynccontextmanager
async def behind_tls(socket: str, certificate: tuple[Path, Path]) -> AsyncIterator[int]:
    """A proxy that takes TLS connections and passes them on; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_unix_connection(socket)
        await asyncio.gather(passed_on(reader, inner[1]), passed_on(inner[0], writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.slow
async def test_a_race_over_tls(start_server: StartServer, certificate: tuple[Path, Path]) -> None:
    """It is appended, folded and watched; the certificate is checked."""
    path = start_server("--appendfsync", "always").removeprefix("unix://").partition("?")[0]
    race = opened("7", "8").laps("7", 3).laps("8", 3, 61_000)
    async with behind_tls(path, certificate) as port:
        url = f"rediss://127.0.0.1:{port}"
        with pytest.raises(StoreError, match="certificate verify failed"):
            async with open_store(url):
                pass
        async with (
            open_store(f"{url}?ssl_ca_certs={certificate[0]}") as store,
            serving(store, projector=True) as gateway,
        ):
            assert (store.name, store.durability) == (url, "every acknowledged event is on disk")
            monitor = StoreMonitor(store)
            await monitor.check()
            await monitor.close()
            await append_and_wait(Log(store), store, "race", race.events)
            messages = subscribe(gateway, "race")
            async for update in messages:
                if update.state == state_of(race):
                    break
            await messages.aclose()
            await check_frames(store, "race", race)
