"""The application: the commands by name, each loaded when it is run.

Python loads a module for some tenths of a second of models, folds and client libraries.
So the application knows its commands by this table alone, ``lapstream --help`` loads none
of them, and a command loads what it needs. A test holds the table to the commands.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from services.cli import shell


class LazyCommand(NamedTuple):
    """A command by its panel in the help, its summary there, and the modules that register it."""

    panel: str
    summary: str
    modules: tuple[str, ...]


COMMANDS: Mapping[str, LazyCommand] = {
    "demo": LazyCommand(
        "Watch",
        "Run the 2007 Petit Le Mans through the log into a tower.",
        ("towers",),
    ),
    "replay": LazyCommand(
        "Watch",
        "Play a recorded race again: a tower on a terminal, else what happens in lines.",
        ("towers",),
    ),
    "tower": LazyCommand(
        "Watch",
        "Print the tower once, as it stood.",
        ("towers",),
    ),
    "replays": LazyCommand(
        "Watch",
        "Replays that everyone watches and steers together (`lapstream serve` plays them).",
        ("replays",),
    ),
    "sessions": LazyCommand(
        "Ask",
        "The sessions of the store, and the races that are built in.",
        ("queries",),
    ),
    "session": LazyCommand(
        "Ask",
        "The session itself: what is run, how it stands, what its log holds; resuming it.",
        ("queries", "decisions", "removals"),
    ),
    "standings": LazyCommand(
        "Ask",
        "The running order, with gaps in time or laps.",
        ("queries",),
    ),
    "laps": LazyCommand(
        "Ask",
        "Every lap, with its sectors.",
        ("queries",),
    ),
    "leaders": LazyCommand(
        "Ask",
        "Who led from which lap to which.",
        ("queries",),
    ),
    "progress": LazyCommand(
        "Ask",
        "Laps led, and places gained since the start.",
        ("queries",),
    ),
    "caution-places": LazyCommand(
        "Ask",
        "Places won and lost under each caution.",
        ("queries",),
    ),
    "queue": LazyCommand(
        "Ask",
        "The queue under caution: pass-around and wave-by.",
        ("queries",),
    ),
    "fastest-laps": LazyCommand(
        "Ask",
        "Each car's best lap, the quickest first.",
        ("queries",),
    ),
    "pits": LazyCommand(
        "Ask",
        "Every visit to the pit lane.",
        ("queries",),
    ),
    "stints": LazyCommand(
        "Ask",
        "Laps from stop to stop.",
        ("queries",),
    ),
    "drivers": LazyCommand(
        "Ask",
        "Each driver's laps and time at the wheel.",
        ("queries",),
    ),
    "penalties": LazyCommand(
        "Ask",
        "The penalties and what became of them.",
        ("queries",),
    ),
    "cautions": LazyCommand(
        "Ask",
        "The caution ledger: kinds, times, the leader's laps, who pitted.",
        ("queries",),
    ),
    "weather": LazyCommand(
        "Ask",
        "The weather as it was measured.",
        ("queries",),
    ),
    "schema": LazyCommand(
        "Ask",
        "The JSON Schema of an event in the log, of a frame, or of a command's --format json.",
        ("queries",),
    ),
    "results": LazyCommand(
        "Ask",
        "The classification, by the rules of the session or by others, with points.",
        ("results",),
    ),
    "revisions": LazyCommand(
        "Ask",
        "The results as they followed each other: provisional, amended, declared.",
        ("results",),
    ),
    "explain": LazyCommand(
        "Ask",
        "Why a car has its position, its gap, its result and its points, in sentences.",
        ("explanations",),
    ),
    "whatif": LazyCommand(
        "Ask",
        "What the order, the points and the title would be if. Nothing is appended.",
        ("explanations",),
    ),
    "markers": LazyCommand(
        "Ask",
        "The moments to go to: cautions, restarts, lead changes, flags, penalties, retirements.",
        ("replays",),
    ),
    "rules": LazyCommand(
        "Ask",
        "List the regulation packs, show, compare and switch them.",
        ("regulations",),
    ),
    "delete-time": LazyCommand(
        "Decide",
        "Delete a lap's time (track limits): the lap counts, its time does not.",
        ("decisions",),
    ),
    "reassign": LazyCommand(
        "Decide",
        "Give one car's crossings to another (transponders swapped).",
        ("decisions",),
    ),
    "count": LazyCommand(
        "Decide",
        "Count a crossing that was counted out as a double read after all.",
        ("decisions",),
    ),
    "void": LazyCommand(
        "Decide",
        "Take an event out of the count; it stays in the log.",
        ("decisions",),
    ),
    "declare": LazyCommand(
        "Decide",
        "Declare the result as it stands: it is kept as it is now, whatever is decided later.",
        ("decisions",),
    ),
    "quarantine": LazyCommand(
        "Decide",
        "Leave a log entry out of the fold, so that a session that it stopped goes on.",
        ("decisions",),
    ),
    "penalty": LazyCommand(
        "Decide",
        "Impose a penalty, and say what became of it.",
        ("decisions",),
    ),
    "amend": LazyCommand(
        "Decide",
        "Say what should have been recorded.",
        ("decisions",),
    ),
    "rejoin": LazyCommand(
        "On the pit wall",
        "Where a car would come back to if it stopped now, under green and under caution.",
        ("pitwall",),
    ),
    "predict": LazyCommand(
        "On the pit wall",
        "Forecast how each car may end: places, laps to the flag, stops.",
        ("pitwall",),
    ),
    "drive-times": LazyCommand(
        "On the pit wall",
        "Each driver's time at the wheel against the limits of the pack, with alerts.",
        ("pitwall",),
    ),
    "points": LazyCommand(
        "Points and titles",
        "What the session is worth, as it stands, to drivers, teams or manufacturers.",
        ("championships",),
    ),
    "championship": LazyCommand(
        "Points and titles",
        "A championship: now, after any round, or as it stands in a session that runs.",
        ("championships",),
    ),
    "clinch": LazyCommand(
        "Points and titles",
        "Who can still win each title, and with which result: before a race, and during it.",
        ("championships",),
    ),
    "season": LazyCommand(
        "Points and titles",
        "Keep a season: open it, score its sessions, adjust its points.",
        ("season",),
    ),
    "export": LazyCommand(
        "Bring in and take out",
        "Write a session's whole log to one file, from which it can be imported again.",
        ("transfers",),
    ),
    "check": LazyCommand(
        "Bring in and take out",
        "Check that nothing is missing: files, logs and archives. Exit code 1 if anything is.",
        ("checks",),
    ),
    "next-number": LazyCommand(
        "Bring in and take out",
        "Print the number with which a source continues, for a program that lost its counter.",
        ("transfers",),
    ),
    "import": LazyCommand(
        "Bring in and take out",
        "Bring a race in from a timing file or an archive.",
        ("transfers", "feeds"),
    ),
    "feed": LazyCommand(
        "Bring in and take out",
        "Follow a live timing feed; see how it fares; play a recorded one.",
        ("transfers", "feeds"),
    ),
    "serve": LazyCommand(
        "Serve",
        "Run it all: the store, the projector, the gateway and the intake, until Ctrl-C.",
        ("server",),
    ),
    "token": LazyCommand(
        "Serve",
        "Make tokens: lines to keep (`token ROLE`), or in the store, with a scope and an end.",
        ("tokens",),
    ),
    "audit": LazyCommand(
        "Serve",
        "List who did what, the newest first: decisions, freezes, tokens added and revoked.",
        ("tokens",),
    ),
    "output": LazyCommand(
        "Serve",
        "What graphics show: arrange it, hold it, let it go (of a gateway, over HTTP).",
        ("outputs",),
    ),
}
"""The commands in the order of the help."""


class Commands(TyperGroup):
    """The commands, none of which ends in a traceback for a user's error."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listing = False
        for name, lazy in COMMANDS.items():
            self.commands[name] = _summary(name, lazy)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with shell.reported_errors():
            return super().invoke(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (of click's)
        """The command of that name, loaded; as listed in the help, its summary alone."""
        command = self.commands.get(cmd_name)
        if command is None or self._listing:
            return command
        if isinstance(command, _Summary):
            command = self.commands[cmd_name] = _load(cmd_name)
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, for which no command is loaded."""
        with self._listed():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a command's name, for which none is loaded."""
        with self._listed():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _listed(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


class _Summary(TyperCommand):
    """What the help shows of a command that was not loaded."""


def _summary(name: str, lazy: LazyCommand) -> _Summary:
    return _Summary(name, help=lazy.summary, rich_help_panel=lazy.panel)


def _load(name: str) -> Any:
    """The command with its options, from the modules that register it."""
    part = typer.Typer(name="lapstream")
    gc.disable()  # what is loaded stays: looking through it again and again takes a tenth
    try:
        for module in COMMANDS[name].modules:
            import_module(f"services.cli.{module}").register(part)
    finally:
        gc.freeze()
        gc.enable()
    # One command alone would become the application itself.
    part.callback()(lambda: None)
    group: Any = typer.main.get_command(part)
    return group.commands[name]


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
    version: Annotated[  # noqa: ARG001 (its callback prints)
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log what happens inside, on stderr.")
    ] = False,
) -> None:
    """Live timing and standings from an event log: watch, ask, replay."""
    shell.log_level = "DEBUG" if verbose else "ERROR"
    if verbose:
        shell.configure_logging()
    else:  # for the standard library's loggers; what logs by itself configures the rest
        import logging

        logging.getLogger().setLevel(logging.ERROR)


def command_tree() -> Commands:
    """The application with all commands loaded: for documentation and tests."""
    group = typer.main.get_command(app)
    assert isinstance(group, Commands)  # noqa: S101 - the class that was given above
    for name in COMMANDS:
        group.get_command(None, name)
    return group
