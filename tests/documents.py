"""What the documents show: the command lines in them."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMPOSE = "docker compose run --rm cli "


def commands_in(text: str) -> list[str]:
    """The lines of code blocks, then what stands between backticks, without their comments.

    ``docker compose run --rm cli sessions`` is given as ``lapstream sessions``.
    """
    lines = [line for block in _BLOCK.findall(text) for line in _joined(block).splitlines()]
    lines += re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
    return [_bare(line) for line in lines]


def _joined(block: str) -> str:
    return block.replace("\\\n", " ")


def _bare(line: str) -> str:
    line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
    if line.startswith(_COMPOSE):
        line = "lapstream " + line.removeprefix(_COMPOSE)
    return re.sub(r"\s+(#|\||>|2>|<|&&).*", "", line)
