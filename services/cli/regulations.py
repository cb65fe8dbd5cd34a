"""The commands for regulation packs: list, show and compare them."""

from __future__ import annotations

from typing import Annotated

import typer

from projections.rules.packs import (
    RegulationPack,
    builtin_names,
    builtin_pack,
    compare_packs,
    pack_rows,
    rules_of,
)
from services.cli.options import As, OutputFormat
from services.cli.output import print_rows
from services.queries.packs import pack_named
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row

regulations = typer.Typer(invoke_without_command=True)

Pack = Annotated[
    str,
    typer.Argument(metavar="PACK", help="A built-in pack's name, or the path of one of your own."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        regulations,
        name="rules",
        help="List the regulation packs, show one, compare two.",
        rich_help_panel="Ask",
    )


@regulations.callback()
def packs(context: typer.Context, form: As = OutputFormat.TABLE) -> None:
    """List the built-in regulation packs; show one, compare two."""
    if context.invoked_subcommand is None:
        rows = [_row(builtin_pack(name)) for name in builtin_names()]
        print_rows(sporting_tables.RULES, rows, form)


@regulations.command("show")
def show(pack: Pack, form: As = OutputFormat.TABLE) -> None:
    """Print every rule of a pack with its source, or as assumed."""
    chosen = pack_named(pack)
    heading = f"{chosen.title}: {chosen.name}, version {chosen.version}\n"
    print_rows(sporting_tables.RULES_SHOW, pack_rows(chosen), form, heading)


@regulations.command("compare")
def compare(a: Pack, b: Pack, form: As = OutputFormat.TABLE) -> None:
    """Print the rules in which two packs differ."""
    first, second = pack_named(a), pack_named(b)
    heading = f"{first.name} and {second.name}\n"
    print_rows(sporting_tables.RULES_COMPARE, compare_packs(first, second), form, heading)


def _row(pack: RegulationPack) -> Row:
    rules = rules_of(pack)
    return {
        "pack": pack.name,
        "version": pack.version,
        "title": pack.title,
        "rules": len(rules),
        "assumed": sum(source is None for _, source in rules.values()),
    }
