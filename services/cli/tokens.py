"""The commands ``token`` and ``audit``."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli.console import echo
from services.cli.decisions import By, login
from services.cli.options import As, Data, OutputFormat, Store
from services.cli.output import print_rows
from services.cli.shell import with_store
from services.queries.tables import administration_tables
from services.roles import Role, Tokens, new_token

SERVE = "Serve"
ROLES = "viewer, output, control or admin"
UNITS = {"m": 60, "h": 3600, "d": 86_400}


class TokenGroup(TyperGroup):
    """``lapstream token ROLE`` is short for ``lapstream token make ROLE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``make`` where no command of the group is named."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


tokens = typer.Typer(cls=TokenGroup, no_args_is_help=True)
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help=f"{ROLES.capitalize()}.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        tokens,
        name="token",
        help="Make tokens: lines to keep (`token ROLE`), or in the store, with a scope and an end.",
        rich_help_panel=SERVE,
    )
    app.command("audit", rich_help_panel=SERVE)(audit)


def _role(name: str) -> Role:
    if name not in [one.name.lower() for one in Role]:
        raise typer.BadParameter(f"{name!r} is not a role: {ROLES}")
    return Role[name.upper()]


@tokens.command()
def make(
    role: RoleName,
    name: Annotated[str, typer.Option(help="The holder's name, without blanks.")] = "somebody",
) -> None:
    """Make a token. The first line is the token; the second is what to keep of it."""
    secret, line = new_token(name, _role(role))
    Tokens([line])
    echo(f"{secret}\n{line}")


@tokens.command()
def add(
    role: RoleName,
    name: Annotated[str, typer.Option(help="The holder's name, without blanks.")],
    session: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only for this session, or those of a pattern such as spa-*; may be repeated.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Its end: 30m, 8h or 3d from now, or a time such as 2026-12-01T20:00:00+01:00.",
        ),
    ] = None,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Add a token to the store. It is valid within a second; the line is the token itself."""
    from services.storage.token_store import TokenStore

    wanted, end = _role(role), None if until is None else _end(until)
    secret, token = with_store(
        store,
        data,
        lambda opened: TokenStore(opened).add(
            name, wanted, by=by or login() or "unknown", sessions=session or (), until_ms=end
        ),
    )
    echo(secret)
    echo(f"lapstream: the token {token.id} is in the store; it is not shown again", err=True)


@tokens.command("list")
def list_tokens(form: As = OutputFormat.TABLE, store: Store = None, data: Data = None) -> None:
    """List the tokens of the store, without their secrets."""
    from services.queries.tokens import token_rows
    from services.storage.token_store import TokenStore

    found = with_store(store, data, lambda opened: TokenStore(opened).all())
    rows = token_rows(found, time.time() * 1000)
    print_rows(administration_tables.TOKENS, rows, form)


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID|NAME", help="As listed.")],
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Revoke a token by its id, or else all of a name. It is refused within a second."""
    from services.storage.token_store import TokenStore

    done = with_store(
        store,
        data,
        lambda opened: TokenStore(opened).revoke(token, by=by or login() or "unknown"),
    )
    for token_id, one in done.revoked.items():
        what = f"{one.role} {one.name}" if one is not None else "which could not be read"
        echo(f"revoked: {token_id}, {what}")
    if done.namesakes:
        others = ", ".join(done.namesakes)
        echo(f"{token} is an id, and also a name: not revoked: {others}", err=True)


def audit(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SESSION]...", help="Only these sessions. Default: all, and tokens."
        ),
    ] = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """List who did what, the newest first: decisions, freezes, tokens added and revoked."""
    from services.queries.audit import read_audit
    from services.storage.event_log import Log
    from services.storage.token_store import TokenStore

    found = with_store(
        store,
        data,
        lambda opened: read_audit(Log(opened), TokenStore(opened), sessions or ()),
    )
    for name, reason in found.left_out.items():
        echo(f"left out: {name}: {reason}", err=True)
    print_rows(administration_tables.AUDIT, found.rows, form)


def _end(text: str) -> int:
    """The end of a token (ms since 1970). Raises BadParameter."""
    lasts = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if lasts is not None:
        return round((time.time() + int(lasts[1]) * UNITS[lasts[2]]) * 1000)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        reason = "write 30m, 8h or 3d, or a time with its zone as in 2026-12-01T20:00:00+01:00"
        raise typer.BadParameter(f"{text!r} is no end of a token: {reason}")
    return round(when.timestamp() * 1000)
