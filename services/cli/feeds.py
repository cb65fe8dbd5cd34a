"""The commands for timing feeds: ``import rmonitor`` and ``feed``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from services.cli.console import echo
from services.cli.options import Data, NewSession, Session, Store
from services.cli.shell import configure_logging, run, with_log, with_store
from services.cli.transfers import SessionKind, append_whole, bring, import_summary

if TYPE_CHECKING:
    from events import AnyEvent
    from events.formats.rmonitor_entries import RunOptions
    from events.session import SessionKind as Kinds
    from services.storage import client as stores
    from services.storage.event_log import Log
    from services.storage.feed_store import FeedHealth

feed = typer.Typer(no_args_is_help=True)


class LengthUnit(StrEnum):
    """The unit of a track's length in a feed."""

    MILES = "mi"
    KILOMETRES = "km"


Recording = Annotated[Path, typer.Argument(metavar="FILE", help="A recorded feed.")]
Title = Annotated[str | None, typer.Option(help="The title. Default: the run's name.")]
Kind = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]KIND",
        help="The kind of all runs, or of those named NAME (with * and ?); repeatable. One of "
        "race, qualifying, practice. Default: what a run's name hints at, else its sort mode "
        "($RMS), else race.",
    ),
]
Rules = Annotated[
    str | None, typer.Option(metavar="PACK", help="The regulation pack it is run under.")
]
TrackUnit = Annotated[
    LengthUnit, typer.Option("--track-unit", help="The unit of the track's length in the feed.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    bring.command("rmonitor")(import_rmonitor)
    feed.command("rmonitor")(follow_rmonitor)
    feed.command("status")(status)
    feed.command("recording")(save_recording)
    feed.command("play")(play)
    app.add_typer(
        feed,
        name="feed",
        help="Follow a live timing feed; see how it fares; play a recorded one.",
        rich_help_panel="Bring in and take out",
    )


def _options(
    title: str | None, kind: list[str] | None, rules: str | None, track_unit: LengthUnit
) -> RunOptions:
    """What a feed does not say itself. Raises UnknownRules and BadParameter."""
    from events.formats.rmonitor_entries import RunOptions
    from services.queries.packs import pack_named

    pack = pack_named(rules).name if rules else None
    named, of_all = _kinds(kind or ())
    try:
        return RunOptions(title, of_all, pack, track_unit.value, named)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _kinds(given: Sequence[str]) -> tuple[tuple[tuple[str, Kinds], ...], Kinds | None]:
    """The kinds given for names of runs, and the one for all others. Raises BadParameter."""
    named: dict[str, Kinds] = {}
    of_all: list[Kinds] = []
    for text in given:
        name, equals, kind = text.rpartition("=")
        if kind not in set(SessionKind) or (equals and not name.strip()):
            kinds = ", ".join(SessionKind)
            reason = f"{text!r} is neither KIND nor NAME=KIND; kinds: {kinds}"
            raise typer.BadParameter(reason, param_hint="--kind")
        if equals:
            named[name] = SessionKind(kind).value
        else:
            of_all.append(SessionKind(kind).value)
    if len(of_all) > 1:
        reason = "give one kind for all runs, and others as NAME=KIND"
        raise typer.BadParameter(reason, param_hint="--kind")
    return tuple(named.items()), of_all[0] if of_all else None


def import_rmonitor(
    file: Recording,
    session: NewSession,
    title: Title = None,
    kind: Kind = None,
    rules: Rules = None,
    track_unit: TrackUnit = LengthUnit.MILES,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import a recorded RMonitor feed: its first run as ID, later ones as ID-2, ID-3...

    A recording holds the lines received; lines ##YYYY-MM-DD HH:MM:SS.mmm in between are the
    times of receipt in UTC.
    """
    from replay.rmonitor import import_rmonitor as runs_of
    from services.feeds.address import run_session

    configure_logging()

    options = _options(title, kind, rules, track_unit)
    runs = cast("list[list[AnyEvent]]", runs_of(file, options))

    async def append(log: Log) -> list[str]:
        lines = []
        for number, events in enumerate(runs):
            name = run_session(session, number)
            lines.append(import_summary(name, events, added=await append_whole(log, name, events)))
        return lines

    for line in with_log(store, data, append):
        echo(line)


def follow_rmonitor(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the feed is served.")],
    session: NewSession,
    title: Title = None,
    kind: Kind = None,
    rules: Rules = None,
    track_unit: TrackUnit = LengthUnit.MILES,
    store: Store = None,
    data: Data = None,
) -> None:
    """Follow a live RMonitor feed into a session, until Ctrl-C.

    Started again, it continues from the end of the log. A broken connection is made again;
    a new run of the feed becomes session ID-2, ID-3...
    """
    from services.feeds.address import Address
    from services.feeds.follower import Feed
    from services.logging import configure
    from services.settings import LogSettings

    configure(LogSettings.load().log_level)
    options = _options(title, kind, rules, track_unit)
    where = Address.parse(address)

    async def follow(opened: stores.Store) -> None:
        following = Feed(opened, session, where, options)
        await following.check()
        task = asyncio.create_task(following.follow())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            following.stop()
            await task
            raise

    with_store(store, data, follow)


def status(session: Session, store: Store = None, data: Data = None) -> None:
    """Print the health of a session's feed, and when it last sent anything."""
    from services.storage.feed_store import feed_health

    health = with_store(store, data, lambda opened: feed_health(opened, session, datetime.now(UTC)))
    echo(f"{session}: {_health_text(health) if health else 'has no feed'}")


def _health_text(health: FeedHealth) -> str:
    state = health.state if health.followed else "nobody follows it"
    if health.reason:
        state += f" ({health.reason})"
    heard = "never heard" if health.age_s is None else f"last heard {health.age_s:.1f} s ago"
    counts = f"{health.records} records, {health.unreadable} unreadable, {health.events} events"
    return f"{state}, {heard}; {health.feed} into {health.session}; {counts}"


def save_recording(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    store: Store = None,
    data: Data = None,
) -> None:
    """Write a session's feed recording to a file, which can be imported again."""
    from replay.archive import write_whole
    from services.storage.feed_store import NoRecording, recording

    async def parts(opened: stores.Store) -> bytes:
        return b"".join([part async for part in recording(opened, session)])

    raw = with_store(store, data, parts)
    if not raw:
        raise NoRecording(session)
    write_whole(file, raw)
    echo(f"{file}: {len(raw)} bytes of the feed of {session}")


def play(
    file: Recording,
    port: Annotated[int, typer.Option(help="0 finds a free one.", min=0, max=65535)] = 50000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    speed: Annotated[float, typer.Option(help="How many times as fast.", min=0.001)] = 1.0,
    longest_silence: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Shorten longer silences to this.", min=0.0),
    ] = None,
) -> None:
    """Serve a recorded feed as a timing system would, from the first connection on."""
    from services.feeds.player import FeedPlayer

    configure_logging()

    player = FeedPlayer(file.read_bytes(), speed, longest_silence)

    async def serve() -> int:
        async with player.serving(host, port) as address:
            echo(f"{file} at {address}")
            return await player.play()

    echo(f"played {run(serve())} parts")
