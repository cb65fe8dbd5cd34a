"""The list of modules in ``docs/reference/modules.md``: one line for each, from its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from docs.generate.markdown import cell, table

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "modules.md"
PACKAGES = ("events", "projections", "replay", "services")
FIRST, LAST = "<!-- modules -->", "<!-- end of modules -->"


def modules() -> list[Path]:
    """Every module with code in it, relative to the project, packages before their modules."""
    return sorted(
        (
            path.relative_to(ROOT)
            for package in PACKAGES
            for path in (ROOT / package).rglob("*.py")
            if path.read_text("utf-8").strip() and _about(path)
        ),
        key=lambda path: (path.parent.parts, path.name != "__init__.py", path.name),
    )


def listed(text: str) -> list[str]:
    """The modules that the page lists, as paths."""
    section = text.partition(FIRST)[2].partition(LAST)[0]
    found = []
    for heading, body in re.findall(
        r"^#+ `([\w/]+)/`\n(.*?)(?=^#|\Z)", section, re.MULTILINE | re.DOTALL
    ):
        found += [
            f"{heading}/{name}" for name in re.findall(r"^\| `([\w.]+)` \|", body, re.MULTILINE)
        ]
    return found


def section() -> str:
    """The list as Markdown, a table for each folder."""
    return "\n".join(_section())


def _section() -> Iterator[str]:
    for folder, paths in groupby(modules(), key=lambda path: path.parent):
        yield f"## `{folder.as_posix()}/`\n"
        yield table(
            ["Module", "What it holds"], [(f"`{path.name}`", _about(ROOT / path)) for path in paths]
        )


def _about(path: Path) -> str:
    """The first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return cell(docstring.split("\n\n")[0])


def write() -> None:
    """Write the list into the page anew."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(FIRST)
    PAGE.write_text(f"{before}{FIRST}\n\n{section()}\n{LAST}{rest.partition(LAST)[2]}", "utf-8")
