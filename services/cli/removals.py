"""The commands that take a session out of the store: into an archive, or for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from events.errors import BadArchive
from replay.entries import LogEntry
from services.cli.console import echo
from services.cli.options import Data, Session, Store
from services.cli.session_group import session_commands
from services.cli.shell import with_log
from services.storage.event_log import Log
from services.storage.session_removal import SessionInUse, remove_session, uses_of

Force = Annotated[
    bool,
    typer.Option("--force", help="Also where a replay, an output or a season rests on it."),
]


def register(_: typer.Typer) -> None:
    """Do nothing: the commands are registered with the group ``session`` when this is loaded."""


@session_commands.command("archive")
def archive(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl.gz", help="Where to write it.")],
    force: Force = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Write the whole log to an archive, check the file, and take the session out of the store.

    `import archive` brings it back as it was.
    """
    from replay.archive import read_archive, write_archive

    if file.exists():
        raise typer.BadParameter(f"{file} exists already")

    async def take_out(log: Log) -> int:
        entries = await _entries(log, session)
        uses = await uses_of(log, session)
        with log.store.translated_errors():
            if await log.store.redis.exists(f"{{{session}}}:feed"):
                uses.append("its feed recording, which an archive does not hold")
        if uses and not force:
            raise SessionInUse(session, uses)
        write_archive(file, session, entries)
        manifest, kept = read_archive(file)
        if manifest.session != session or list(map(_plain, kept)) != list(map(_plain, entries)):
            raise BadArchive(str(file), "it does not hold what was written; nothing was removed")
        await remove_session(log, session, entries[-1].position)
        return len(entries)

    count = with_log(store, data, take_out)
    echo(f"{file}: {count} entries of {session}, which is no longer in the store")


@session_commands.command("remove")
def remove(
    session: Session,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    force: Force = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Remove a session for good, with its log and everything derived from it."""

    async def check(log: Log) -> tuple[int, str]:
        await log.require(session)
        uses = await uses_of(log, session)
        if uses and not force:
            raise SessionInUse(session, uses)
        summaries = {one.session: one for one in await log.sessions()}
        found = summaries.get(session)
        return (found.length, found.last) if found else (0, await log.last_position(session))

    entries, position = with_log(store, data, check)
    if not yes:
        typer.confirm(f"Remove {session} with its {entries} log entries for good?", abort=True)
    keys = with_log(store, data, lambda log: remove_session(log, session, position))
    echo(f"{session}: removed, with {entries} log entries and {keys} keys")


async def _entries(log: Log, session: str) -> list[LogEntry]:
    await log.require(session)
    entries = [entry async for batch in log.read(session) for entry in batch]
    if not entries:
        raise BadArchive(session, "its log is empty: there is nothing to archive")
    return entries


def _plain(entry: LogEntry) -> tuple[str, list[bytes]]:
    return entry.position, list(entry.fields)
