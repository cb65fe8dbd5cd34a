"""The command ``serve``."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from events.errors import LapstreamError
from services.cli.console import echo
from services.cli.options import Data, Store
from services.cli.shell import run

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from services.feeds.address import FeedTarget
    from services.settings import GatewaySettings
    from services.storage import client as stores

SERVE = "Serve"
PORT = 8000


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve", rich_help_panel=SERVE)(serve)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on. Beyond loopback, others can read.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 finds a free one.", min=0, max=65535)] = PORT,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="LAPSTREAM_TOKENS_FILE",
            help="The valid tokens, as written by `lapstream token`. Without any, nothing can be "
            "written.",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Require a token for reading, too.")
    ] = False,
    projector: Annotated[
        bool,
        typer.Option(
            "--projector/--no-projector",
            help="Run a projector here, or leave that to other processes.",
        ),
    ] = True,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="rmonitor:HOST:PORT=ID",
            envvar="LAPSTREAM_FEEDS",
            help="A live timing feed to follow into a session; may be given several times.",
        ),
    ] = None,
    rmonitor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PORT=SOURCE",
            help="Serve a session or replay ID, or the output `output:NAME` with its delay and "
            "hold, as an RMonitor feed for scoreboards; may be given several times.",
        ),
    ] = None,
    replicas: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="LAPSTREAM_REPLICAS",
            min=0,
            max=99,
            help="Acknowledge an event only once so many replicas of the store have it.",
        ),
    ] = 0,
    store: Store = None,
    data: Data = None,
) -> None:
    """Run it all: the store, the projector, the gateway and the intake, until Ctrl-C."""
    import uvloop

    from services.feeds.address import FeedTarget
    from services.logging import configure
    from services.serving import listen
    from services.settings import GatewaySettings, LogSettings
    from services.startup import refuse_to_start

    logs = LogSettings.load()
    try:
        settings = GatewaySettings.load(
            store=store,
            data=data,
            replicas=replicas,
            **({"tokens_file": str(tokens)} if tokens else {}),
        )
        if private:  # not an argument of `load`: a bad LAPSTREAM_PRIVATE is refused all the same
            settings = settings.model_copy(update={"private": True})
        feeds = [FeedTarget.parse(one) for one in feed or ()]
        configure(settings.log_level, settings.log_format)
        wanted = [_rmonitor(one) for one in rmonitor or ()]
        if wanted and settings.private:
            reason = "the RMonitor protocol has no tokens, which a private gateway requires"
            raise typer.BadParameter(reason, param_hint="--rmonitor")
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(contextlib.closing(listen(host, port)))
            served = []
            for number, source in wanted:
                opened = stack.enter_context(contextlib.closing(listen(host, number, "--rmonitor")))
                served.append((opened, source))
            run(_serve(settings, listener, projector, feeds, served), uvloop.new_event_loop)
    except LapstreamError as error:
        if logs.log_format != "json":
            raise
        refuse_to_start(error)


def _rmonitor(text: str) -> tuple[int, str]:
    """The port and the source of an RMonitor feed to serve. Raises BadParameter."""
    port, equals, source = text.partition("=")
    if not equals or not source or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        reason = f"{text!r} names no port and source: write PORT=SESSION or PORT=output:NAME"
        raise typer.BadParameter(reason, param_hint="--rmonitor")
    return int(port), source


async def _serve(
    settings: GatewaySettings,
    listener: socket.socket,
    projector: bool,
    feeds: Sequence[FeedTarget],
    rmonitor: Sequence[tuple[socket.socket, str]],
) -> None:
    from services.serving import serve as serve_until_cancelled
    from services.startup import service_store
    from services.storage.event_log import Log
    from services.storage.token_store import TokenStore

    service = "gateway" if settings.log_format == "json" else None
    async with service_store(settings, service) as store:
        stored = len(await TokenStore(store).all())
        for one in feeds:
            await Log(store).refuse_replay(one.session)
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C and SIGTERM
            await serve_until_cancelled(
                store,
                settings,
                listener,
                projector=projector,
                feeds=feeds,
                rmonitor=rmonitor,
                listening=lambda: _announce(
                    settings, _addresses(store, settings, listener, feeds, rmonitor, stored)
                ),
            )


def _announce(settings: GatewaySettings, text: str) -> None:
    """Say that the gateway can be used: on stdout, or where all is to be JSON, in the log."""
    if settings.log_format != "json":
        echo(text)
        return
    import structlog

    structlog.get_logger(__name__).info(
        "gateway is listening", description=text.replace("\n", "; ")
    )


def _addresses(
    store: stores.Store,
    settings: GatewaySettings,
    listener: socket.socket,
    feeds: Sequence[FeedTarget],
    rmonitor: Sequence[tuple[socket.socket, str]],
    stored_tokens: int,
) -> str:
    """What is served where, and who may use it, in short lines."""
    from services.serving import missing_screen

    host, port = listener.getsockname()[:2]
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    reading = "with a token" if settings.private else "by everyone"
    if not settings.private and ipaddress.ip_address(host).is_loopback:
        reading = "on this machine"
    pages = "no timing screen: it was not built; " if missing_screen() else ""
    tokens = len(settings.tokens) + stored_tokens
    writing = f"with one of {tokens} tokens" if tokens else "by nobody"
    lines = [
        f"lapstream is at http://{at} ({pages}interface: /docs, /asyncapi.json)",
        f"subscriptions: ws://{at}/sessions/ID/live, http://{at}/sessions/ID/stream",
        f"access: read {reading}, written {writing}",
        *(f"feed: {one} is followed" for one in feeds),
        *(f"RMonitor: {source} on port {one.getsockname()[1]}" for one, source in rmonitor),
        f"log: {store.name}",
        f"durability: {store.durability}",
    ]
    return "\n".join(lines)
