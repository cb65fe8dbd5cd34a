"""Shell completion of the names of sessions and seasons."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def session_names(incomplete: str) -> list[str]:
    """The sessions that begin like this: those of the store, and those that are built in.

    ``--store`` and ``--data`` are not known here, their environment variables are.
    """
    from services.storage.built_in import BUILT_IN

    names = set(BUILT_IN)
    with contextlib.suppress(Exception):  # completion must not print errors
        names.update(_names_in_store())
    return sorted(name for name in names if name.startswith(incomplete))


def season_names(incomplete: str) -> list[str]:
    """The names that begin like this: those of the store, and the seasons that are built in.

    What is a season is not looked up: completing has to be quick.
    """
    from services.storage.built_in import SEASONS

    names = set(SEASONS)
    with contextlib.suppress(Exception):  # as above
        names.update(_names_in_store())
    return sorted(name for name in names if name.startswith(incomplete))


def _names_in_store() -> list[str]:
    from services.cli.shell import with_log
    from services.storage.event_log import Log

    async def names(log: Log) -> list[str]:
        return [summary.session for summary in await log.sessions()]

    data = os.environ.get("LAPSTREAM_DATA")
    return with_log(os.environ.get("LAPSTREAM_STORE"), Path(data) if data else None, names)
