"""The application: its commands and what they have in common."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli import (
    championships,
    explaining,
    feeds,
    outputs,
    pitwall,
    queries,
    regulations,
    replays,
    results,
    season,
    serving,
    showing,
    stewards,
    transfers,
)
from services.cli.shell import told_in_a_line


class Commands(TyperGroup):
    """The commands, none of which ends in a traceback for a user's error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with told_in_a_line():
            return super().invoke(ctx)


app = typer.Typer(
    name="lapstream",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 could not be done (one line says why), 2 wrong usage.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lapstream {version('lapstream')}")
        raise typer.Exit


@app.callback()
def lapstream(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log what happens inside, on stderr.")
    ] = False,
) -> None:
    """Live timing and standings from an event log: watch, ask, replay."""
    from services.logging import configure

    configure("DEBUG" if verbose else "ERROR")


showing.register(app)
queries.register(app)
results.register(app)
stewards.register(app)
explaining.register(app)
pitwall.register(app)
regulations.register(app)
championships.register(app)
season.register(app)
transfers.register(app)
feeds.register(app)
serving.register(app)
outputs.register(app)
replays.register(app)
