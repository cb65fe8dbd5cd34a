"""The reference of the Python client, from its signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import code_block, plain, slug
from services import client

NAMES = (
    "subscribe",
    "subscribe_output",
    "next_number",
    "StateUpdate",
    "StateFollower",
    "stream_url",
    "output_url",
)
WIDTH = 72
STARS = {
    int(inspect.Parameter.VAR_POSITIONAL): "*",
    int(inspect.Parameter.VAR_KEYWORD): "**",
}


def page() -> str:
    """The generated part of the page."""
    return "".join(_page())


def _page() -> Iterator[str]:
    public = [name for name in NAMES if hasattr(client, name)]
    public += [
        name
        for name, value in vars(client).items()
        if inspect.isclass(value)
        and value.__module__ == client.__name__
        and not name.startswith("_")
        and name not in public
    ]
    for name in public:
        value = getattr(client, name)
        yield f"## {name} {{ #{slug(name)} }}\n\n"
        yield code_block(_signature(name, value), "python") + "\n"
        yield plain(inspect.getdoc(value) or "") + "\n\n"
        if inspect.isclass(value):
            yield from _methods(name, value)


def _methods(of: str, value: Any) -> Iterator[str]:
    for name, method in vars(value).items():
        if name.startswith("_") or not (inspect.isfunction(method) or isinstance(method, property)):
            continue
        yield f"### {of}.{name} {{ #{slug(of + name)} }}\n\n"
        if inspect.isfunction(method):
            yield code_block(_signature(name, method), "python") + "\n"
        yield plain(inspect.getdoc(method) or "") + "\n\n"


def _signature(name: str, value: Any) -> str:
    if hasattr(value, "_fields"):
        hints = value.__annotations__
        defaults = value._field_defaults
        members = [
            f"{field}: {_annotation(hints[field])}"
            + (f" = {defaults[field]!r}" if field in defaults else "")
            for field in value._fields
        ]
        return "class " + _broken(name, members)
    try:
        signature = inspect.signature(value)
    except ValueError:  # an exception with the constructor of its base
        return f"class {name}({value.__base__.__name__})"
    members = []
    keyword = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            members.append("*")
            keyword = True
        members.append(_parameter(parameter))
    result = signature.return_annotation
    arrow = "" if result is signature.empty or inspect.isclass(value) else f" -> {result}"
    kind = "class " if inspect.isclass(value) else "def "
    if inspect.isasyncgenfunction(value) or inspect.iscoroutinefunction(value):
        kind = "async def "
    return kind + _broken(name, members) + arrow


def _parameter(parameter: inspect.Parameter) -> str:
    stars = STARS.get(int(parameter.kind), "")
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{stars}{parameter.name}: {_annotation(parameter.annotation)}{default}"


def _annotation(hint: Any) -> str:
    if isinstance(hint, str):
        return hint
    return str(getattr(hint, "__forward_arg__", None) or getattr(hint, "__name__", hint))


def _broken(name: str, members: list[str]) -> str:
    """A signature, one member a line where it is long."""
    if not members:
        return name
    line = f"{name}({', '.join(members)})"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in members) + ")"
