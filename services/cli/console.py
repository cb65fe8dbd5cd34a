"""Printing text that holds what others wrote: names, reasons, messages.

A control character would move the cursor, set the title of the window, or reverse the line; so it
is written as a blank, and in JSON as its escape, which any program reads as the character.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import typer


def echo(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print lines on stdout, or on stderr; ``style`` as of ``typer.style``."""
    typer.secho(_cleaned(text, lambda _: " "), err=err, nl=nl, **style)


def echo_json(text: str) -> None:
    """Print a JSON document on stdout."""
    typer.echo(_cleaned(text, lambda sign: json.dumps(sign)[1:-1]))


def _cleaned(text: str, replacement: Callable[[str], str]) -> str:
    return "".join(
        sign if sign.isprintable() or sign == "\n" else replacement(sign) for sign in text
    )
