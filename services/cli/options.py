"""The options that commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.completion import season_names, session_names


class OutputFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Of(StrEnum):
    """Whose championship."""

    DRIVERS = "drivers"
    TEAMS = "teams"
    MANUFACTURERS = "manufacturers"


Session = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="The session's name.", autocompletion=session_names),
]
OptionalSession = Annotated[
    str | None,
    typer.Argument(metavar="SESSION", help="The session's name.", autocompletion=session_names),
]
Sessions = Annotated[
    list[str],
    typer.Argument(metavar="SESSION...", help="Their names.", autocompletion=session_names),
]
SeasonName = Annotated[
    str,
    typer.Argument(metavar="SEASON", help="The season's name.", autocompletion=season_names),
]
LiveSession = Annotated[
    str | None,
    typer.Option(
        "--session",
        metavar="SESSION",
        help="A session that runs, or is asked as it stood with --at, as a round of the season.",
        autocompletion=session_names,
    ),
]
NewSession = Annotated[
    str,
    typer.Option(
        "--session", metavar="ID", help="What to call the session: a-z, 0-9 and -, 64 at most."
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="LAPSTREAM_STORE",
        help="A Redis or Valkey server, as redis://HOST:PORT. Default: the embedded server.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="LAPSTREAM_DATA",
        file_okay=False,
        help="The embedded server's folder. Default: the user's data folder.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MOMENT",
        help="As it stood at H:MM:SS[.mmm] on the session clock, at lap:N (the leader "
        "completes lap N) or at caution:N (its start).",
    ),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        "--known-at",
        metavar="POSITION|TIME",
        help="With what was known then: a log position, or a wall-clock time such as "
        "2024-10-12T15:04:05-04:00.",
    ),
]
CarClass = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", help="Only the cars of this class.")
]
Cars = Annotated[
    list[str] | None,
    typer.Option("--car", metavar="NUMBER", help="Only this car; may be given several times."),
]
Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="PACK",
        help="Under these rules: a built-in pack's name, or the path of a pack of your own. "
        "Default: those that the session or season names.",
    ),
]
Whose = Annotated[Of, typer.Option("--of", help="Whose championship.")]
RoundNumber = Annotated[
    int | None,
    typer.Option(
        "--round",
        metavar="N",
        min=1,
        max=100,
        help="Which round of the season the session is. Default: as it says, else the first "
        "that was not run.",
    ),
]
As = Annotated[OutputFormat, typer.Option("--format", help="How to print the rows.")]
