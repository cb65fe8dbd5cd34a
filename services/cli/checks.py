"""The command ``check``: whether what a store holds is whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from events.errors import BadArchive, StoreError
from services.cli.console import echo
from services.cli.options import Data, Store
from services.cli.shell import with_store

if TYPE_CHECKING:
    from services.storage.client import Store as OpenStore
    from services.storage.log_check import LogCheck


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("check", rich_help_panel="Bring in and take out")(check)


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DATA_FOLDER | ARCHIVE]...",
            help="A data folder, and archives to compare with it. Without a folder: the store.",
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Keep what is intact of the folder's damaged files."),
    ] = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Check that nothing is missing: files, logs and archives. Exit code 1 if anything is.

    Of each log: that no entry was taken out, every entry is an event, no number of a source is
    repeated, and every event that was acknowledged is there.
    """
    for path in paths or ():
        if not path.exists():
            raise typer.BadParameter(f"no such folder or archive: {path}")
    folders = [path for path in paths or () if path.is_dir()]
    archives = [path for path in paths or () if not path.is_dir()]
    if len(folders) > 1:
        raise typer.BadParameter("name one data folder")
    if folders and store is None:
        data = folders[0]
    if store is None:
        _check_files(data, repair=repair)
    elif repair:
        raise typer.BadParameter("--repair is for a data folder, not for a store of its own")
    found = with_store(store, data, lambda opened: _found(opened, archives, repair=repair))
    for name, one in found:
        for fault in one.faults:
            echo(f"{name}: {fault}")
        if not one.faults:
            absent = "" if one.is_stored else f"; the store has no session {one.session}"
            echo(f"{name}: {one.entries} entries, whole{absent}")
    faulty = [name for name, one in found if one.faults]
    if faulty:
        echo(f"lapstream: not whole: {', '.join(faulty)}", err=True)
        raise typer.Exit(1)


def _check_files(data: Path | None, *, repair: bool) -> None:
    """Check the files of a folder that is not in use, which its server would refuse."""
    from services.storage.append_only_files import file_faults
    from services.storage.append_only_files import repair as repaired
    from services.storage.client import default_folder
    from services.storage.embedded import is_in_use

    folder = data or default_folder()
    if is_in_use(folder):
        if repair:
            raise typer.BadParameter(f"{folder} is in use: end what uses it first")
        return
    if repair:
        for line in repaired(folder):
            echo(f"{folder}: {line}")
    faults = file_faults(folder)
    for line in faults:
        echo(f"{folder}: {line}")
    if faults:
        echo(f"lapstream: keep what is intact with lapstream check --repair {folder}", err=True)
        raise typer.Exit(1)


async def _found(
    store: OpenStore, archives: Sequence[Path], *, repair: bool
) -> list[tuple[str, LogCheck]]:
    from replay.archive import open_archive
    from services.storage.log_check import LogCheck, check_archive, check_log, logs_of

    found = []
    sessions, unlisted = await logs_of(store)
    for session in sessions:
        try:
            checked = await check_log(store, session, accept_missing=repair)
        except StoreError as error:
            checked = LogCheck(session, 0, [str(error)])
        if session in unlisted:
            faults = [*checked.faults, "it has a log, but is not listed as a session"]
            checked = checked._replace(faults=faults)
        found.append((session, checked))
    for path in archives:
        try:
            with open_archive(path) as archive:
                found.append((str(path), await check_archive(store, archive)))
        except BadArchive as error:
            found.append((str(path), LogCheck("", 0, [error.reason])))
    return found
