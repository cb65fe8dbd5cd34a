"""The command ``session``: what a session is, and the decisions about the whole of it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class SessionGroup(TyperGroup):
    """``lapstream session SESSION`` is short for ``lapstream session show SESSION``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``show`` where no command of the group is named."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


session_commands = typer.Typer(cls=SessionGroup, no_args_is_help=True)
