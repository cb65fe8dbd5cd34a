"""One process with projector, replayer, gateway and intake on one store.

Projector and replayer can run in other processes; any number of all of them share a store. A
shutdown loses nothing: requests in progress are answered, subscribers are disconnected (they resume
with their tokens), and the projector completes its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from events.errors import LapstreamError
from services.feeds.address import FeedTarget
from services.feeds.follower import Feed, run_feed
from services.gateway import create_app
from services.gateway.connections import ConnectionLimit
from services.gateway.http_protocol import LimitedProtocol
from services.gateway.live.websocket_transport import DirectProtocol
from services.gateway.origins import is_of_this_machine
from services.gateway.outputs.rmonitor_server import RMonitorServer
from services.gateway.routes import events as intake
from services.gateway.routes import pages
from services.gateway.state import Gateway
from services.projector.app import run_projector
from services.queries.race_cache import RaceCache
from services.replayer.app import run_replayer
from services.settings import GatewaySettings
from services.storage.client import Store
from services.storage.event_log import Log


def missing_screen() -> str | None:
    """Why there is no timing screen to serve; None if there is."""
    return None if pages.built() else pages.NOT_BUILT


LARGEST_MESSAGE = 1 << 16
"""Bytes of a message from a subscriber; such messages are ignored."""

MOST_DESCRIPTORS = 1 << 16
OTHER_DESCRIPTORS = 1200
"""Descriptors for the store's connections (``services.storage.connections.CONNECTIONS``) and
files."""

GRACE_SECONDS = 10
BACKLOG = 4096


class CannotListen(LapstreamError):
    """The address is in use, or is not one of this machine."""

    def __init__(self, host: str, port: int, reason: str, option: str = "--port") -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"cannot listen on {host} port {port}: {reason}; name another with {option}"
        )


class Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, and with an end to streaming responses."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call ``listening``."""
        await super().startup(sockets)
        if self.started:
            self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Disconnect the subscribers, then shut down gracefully."""
        gateway: Gateway | None = getattr(self.config.app.state, "gateway", None)  # type: ignore[union-attr]
        if gateway is not None:
            gateway.tail_pool.end()
            self.config.app.state.outputs.end()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def connection_limit() -> ConnectionLimit:
    """The connections that this process has descriptors for, of which it asks for all it may have.

    Some stay for the store and files, and a quarter of the rest for clients with a token.
    """
    try:
        import resource
    except ImportError:  # Windows, where sockets are not descriptors
        return ConnectionLimit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return ConnectionLimit()
    most = max(soft - min(OTHER_DESCRIPTORS, soft // 2), 1)
    return ConnectionLimit(most, most * 3 // 4)


def server_of(
    app: FastAPI,
    listening: Callable[[], None] = lambda: None,
    limit: ConnectionLimit | None = None,
) -> Server:
    """A server for the application, with lapstream's limits; ``limit`` is that of connections."""
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)  # INFO is a line for each connection
    return Server(
        uvicorn.Config(
            app,
            http=partial(LimitedProtocol, limit=ConnectionLimit() if limit is None else limit),  # type: ignore[arg-type]
            ws=DirectProtocol,
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,  # a frame is encoded once for all
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        listening,
    )


def whole_app(
    settings: GatewaySettings,
    store: Store,
    *,
    races: RaceCache | None = None,
    loopback: bool = False,
) -> FastAPI:
    """Gateway and intake as one application.

    ``races`` is the cache of folded races. ``loopback``: served on this machine alone.
    """
    app = create_app(settings, store, races=races, loopback=loopback)
    intake.attach(app, settings)
    return app


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A listening socket; port 0 chooses a free port. ``option`` is the one that named the port.

    Raises CannotListen.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotListen(host, port, reason, option) from None
    return listener


async def serve(
    store: Store,
    settings: GatewaySettings,
    listener: socket.socket,
    *,
    projector: bool = True,
    feeds: Sequence[FeedTarget] = (),
    rmonitor: Sequence[tuple[socket.socket, str]] = (),
    listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve until cancelled, then shut down gracefully. ``listening`` is called once.

    ``feeds`` are followed meanwhile, and ``rmonitor`` are the listening sockets and sources of
    RMonitor feeds to serve; a failure of one affects nothing else. Raises what ends the projector,
    the replayer or the server.
    """
    stop = asyncio.Event()
    races = RaceCache(Log(store))
    loopback = is_of_this_machine(listener.getsockname()[0])
    app = whole_app(settings, store, races=races, loopback=loopback)
    scoreboards: list[asyncio.Task[None]] = []

    def started() -> None:
        for one, source in rmonitor:
            feed = RMonitorServer(app.state.gateway, app.state.outputs, source)
            scoreboards.append(asyncio.create_task(feed.serve(one)))
        listening()

    server = server_of(app, started, connection_limit())
    projecting = asyncio.create_task(run_projector(store, stop) if projector else stop.wait())
    replaying = asyncio.create_task(run_replayer(store, stop, races) if projector else stop.wait())
    serving = asyncio.create_task(server.serve([listener]))
    following = [
        asyncio.create_task(run_feed(Feed(store, one.session, one.address), stop)) for one in feeds
    ]
    ends: set[asyncio.Future[Any]] = {projecting, replaying, serving}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for scoreboard in scoreboards:
            scoreboard.cancel()
        server.should_exit = True
        await asyncio.wait([serving, *scoreboards])
        stop.set()
        await asyncio.wait([projecting, replaying, *following])
        for task in ends:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
