"""What the documents show: the command lines in them, and what they print."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMPOSE = "docker compose run --rm cli "


def commands_in(text: str) -> list[str]:
    """The lines of code blocks, then what stands between backticks, without their comments.

    ``docker compose run --rm cli sessions`` is given as ``lapstream sessions``.
    """
    lines = [line for block in _BLOCK.findall(text) for line in _joined(block).splitlines()]
    lines += re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
    return [_bare(line) for line in lines]


def conversations_in(text: str) -> list[tuple[str, str]]:
    """The commands of ``console`` blocks, each with what is shown to come of it."""
    printed = []
    for block in _CONSOLE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            printed.append((command, output.strip("\n")))
    return printed


def without_places_in_time(text: str) -> str:
    """The text with a mask for log positions and times of day, which differ from log to log.

    Columns are no wider than one blank, as their widths differ with them.
    """
    text = re.sub(r"\b\d{13}-\d+\b", "POSITION", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _joined(block: str) -> str:
    return block.replace("\\\n", " ")


def _bare(line: str) -> str:
    line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
    if line.startswith(_COMPOSE):
        line = "lapstream " + line.removeprefix(_COMPOSE)
    return re.sub(r"\s+(#|\||>|2>|<|&&).*", "", line)
