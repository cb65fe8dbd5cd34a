"""The commands that bring races in and out: ``import`` and ``export``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from events import EntryAdded, RaceEvent, SessionOpened, encode
from events.errors import PositionConflict, SessionNotEmpty
from replay.entries import START, Entry
from services.cli.asking import find
from services.cli.options import Data, NewSession, Session, Store
from services.cli.shell import with_log
from services.log import Log

bring = typer.Typer(no_args_is_help=True)
IN_AND_OUT = "Bring in and take out"


class SessionKind(StrEnum):
    """What a session is."""

    RACE = "race"
    QUALIFYING = "qualifying"
    PRACTICE = "practice"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        bring,
        name="import",
        help="Bring a race in from a timing file or an archive.",
        rich_help_panel=IN_AND_OUT,
    )
    app.command("export", rich_help_panel=IN_AND_OUT)(export)


@bring.command("alkamel")
def import_alkamel(
    laps: Annotated[Path, typer.Argument(metavar="LAPS.csv", help="The laps of every car.")],
    session: NewSession,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="RESULTS.csv", help="The official result: vehicles, cars without a lap."
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The title. Default: from the names of file and folder.")
    ] = None,
    kind: Annotated[
        SessionKind | None, typer.Option(help="Default: what the file's name says, else race.")
    ] = None,
    rules: Annotated[
        str | None, typer.Option(metavar="PACK", help="The regulation pack it is run under.")
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of the start, if the name lacks it."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="The circuit's time zone, such as America/New_York.")
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import an official Al Kamel laps file (23_*, as IMSA and the WEC publish them).

    The file is checked to its end first: from a bad file nothing is appended.
    """
    from replay import importing

    with _progress() as progress:
        try:
            events = importing.import_alkamel(
                laps,
                results,
                title=title,
                kind=kind.value if kind else None,
                rules=rules,
                day=date.date() if date else None,
                zone=zone,
                progress=progress,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        progress("append to the log", 0, 1)
        added = with_log(store, data, lambda log: _append_whole(log, session, events))
        progress("done", 1, 1)
    typer.echo(_told(session, events, added=added))


async def _append_whole(log: Log, session: str, events: Sequence[RaceEvent]) -> bool:
    """Append a race to an empty session; False where it is there already.

    Raises SessionNotEmpty where something else is there.
    """
    try:
        result = await log.append(session, events, expected=START)
    except PositionConflict:
        result = None
    if result is not None and result.added:
        return True
    there = [entry.fields[1] async for batch in log.read(session) for entry in batch]
    if there != [encode(event) for event in events]:
        raise SessionNotEmpty(session)
    return False


def _told(session: str, events: Sequence[RaceEvent], *, added: bool) -> str:
    title = next(event.title for event in events if isinstance(event, SessionOpened))
    cars = sum(isinstance(event, EntryAdded) for event in events)
    if not added:
        return f"{session} has this race already: {title}"
    return f"{session}: {title}; {cars} cars, {len(events)} events"


@bring.command("archive")
def import_archive(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `lapstream export` wrote.")],
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Default: its name as exported.")
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import an archive: every entry keeps its position, so the session must be empty."""
    from replay.archive import read_archive

    manifest, entries = read_archive(file)
    name = session or manifest.session
    with_log(store, data, lambda log: log.append_at_positions(name, entries))
    typer.echo(f"{name}: {len(entries)} entries")


def export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl.gz", help="Where to write it.")],
    store: Store = None,
    data: Data = None,
) -> None:
    """Write a session's whole log to one file, from which it can be imported again."""
    from replay.archive import write_archive

    async def entries(log: Log) -> list[Entry]:
        await find(log, session)
        return [entry async for batch in log.read(session) for entry in batch]

    log_entries = with_log(store, data, entries)
    write_archive(file, session, log_entries)
    typer.echo(f"{file}: {len(log_entries)} entries of {session}")


# -- Progress ------------------------------------------------------------------------------

Progress = Callable[[str, int, int], None]


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda step, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bar

    columns: tuple[Any, ...] = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, done, total: bar.update(
            task, description=step, completed=done, total=total
        )
