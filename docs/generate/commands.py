"""The reference of the command line, from the Typer tree."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import cell, code_block, plain, slug, table
from services.cli.app import COMMANDS, command_tree

SHARED_BY = 8
"""An option that so many commands have, with one meaning, is described once."""


def page() -> str:
    """The generated part of the page."""
    root = command_tree()
    commands = list(_commands(root, ("lapstream",)))
    counted = Counter(
        (_name(option), _help(option)) for _, command in commands for option in _options(command)
    )
    often = {key for key, number in counted.items() if number >= SHARED_BY}
    names = Counter(name for name, _ in often)
    shared = {key for key in often if names[key[0]] == 1}
    return "".join(_page(commands, shared))


def _page(
    commands: list[tuple[tuple[str, ...], Any]], shared: set[tuple[str, str]]
) -> Iterator[str]:
    described = {
        (_name(option), _help(option)): option
        for _, command in commands
        for option in _options(command)
        if (_name(option), _help(option)) in shared
    }
    yield "## Shared options\n\n" + _table(list(described.values())) + "\n"
    panels: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for path, command in commands:
        panels.setdefault(COMMANDS[path[1]].panel, []).append((path, command))
    for panel, found in panels.items():
        yield f"## {panel}\n\n"
        yield table(
            ["Command", "Use"],
            [
                (f"[`{' '.join(path)}`](#{slug(' '.join(path))})", _first(one))
                for path, one in found
            ],
        )
        yield "\n"
        for path, command in found:
            yield from _command(path, command, shared)


def _command(path: tuple[str, ...], command: Any, shared: set[tuple[str, str]]) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = list(_options(command))
    own = [one for one in options if (_name(one), _help(one)) not in shared]
    common = [one for one in options if (_name(one), _help(one)) in shared]
    yield f"### {' '.join(path)} {{ #{slug(' '.join(path))} }}\n\n"
    yield plain(command.help or "").replace("\b", "").strip() + "\n\n"
    usage = [*path, *(_usage(one) for one in arguments)]
    usage += [f"{_name(one)} {_value(one)}".strip() for one in options if one.required]
    if any(not one.required for one in options):
        usage.append("[OPTIONS]")
    yield code_block(" ".join(usage), "text") + "\n"
    yield _table([*arguments, *own])
    if common:
        names = ", ".join(f"[`{_name(one)}`](#shared-options)" for one in common)
        yield f"\nShared options: {names}.\n"
    yield "\n"


def _table(params: list[Any]) -> str:
    return table(
        ["Name", "Value", "Default", "Meaning"],
        [
            (
                f"`{_name(one)}`" + (" (required)" if one.required else ""),
                _choices(one),
                _default(one),
                _help(one) + (f" Environment: `{one.envvar}`." if one.envvar else ""),
            )
            for one in params
        ],
    )


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words, those of groups behind the group."""
    for name, inner in getattr(command, "commands", {}).items():
        if getattr(inner, "hidden", False):
            continue
        if hasattr(inner, "commands"):
            yield from _commands(inner, (*path, name))
        else:
            yield (*path, name), inner


def _options(command: Any) -> Iterator[Any]:
    for param in command.params:
        if param.param_type_name == "option" and not getattr(param, "hidden", False):
            yield param


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.human_readable_name or param.name).upper().strip("[]")
    return ", ".join((*param.opts, *param.secondary_opts))


def _usage(param: Any) -> str:
    name = _name(param)
    several = "..." if param.nargs == -1 or getattr(param, "multiple", False) else ""
    return f"{name}{several}" if param.required else f"[{name}]{several}"


def _value(param: Any) -> str:
    if getattr(param, "is_flag", False):
        return ""
    return str(param.metavar or param.type.name).upper()


def _choices(param: Any) -> str:
    choices = getattr(param.type, "choices", None)
    if choices:
        return " or ".join(f"`{getattr(one, 'value', one)}`" for one in choices)
    if getattr(param, "is_flag", False):
        return "flag"
    return {"str": "text", "int range": "integer", "float range": "number"}.get(
        param.type.name, param.metavar or "text"
    )


def _default(param: Any) -> str:
    default = param.default
    if callable(default) or default in (None, False, "", ()):
        return ""
    return f"`{default.value if isinstance(default, enum.Enum) else default}`"


def _help(param: Any) -> str:
    return cell(str(getattr(param, "help", "") or "")).replace("\\|", "|")


def _first(command: Any) -> str:
    return (command.help or "").strip().split("\n\n")[0]
