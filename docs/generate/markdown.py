"""Markdown from JSON Schema: cells, tables, types and limits in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

EXACT_INTEGER = 2**53
"""The largest integer that JSON carries exactly: a limit that is not worth printing."""


def cell(text: str) -> str:
    """Text as one cell of a table; double backticks of docstrings become single ones."""
    return " ".join(plain(text).split()).replace("|", "\\|")


def plain(text: str) -> str:
    """A docstring as Markdown."""
    return text.replace("``", "`")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing if there are no rows; columns that are empty in all rows are left out."""
    body = [[cell(value) for value in row] for row in rows]
    used = [number for number in range(len(headings)) if any(row[number] for row in body)]
    if not used:
        return ""
    lines = [[headings[number] for number in used], ["---"] * len(used)]
    lines += [[row[number] for number in used] for row in body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def slug(text: str) -> str:
    """The anchor of a heading, in letters that need no escaping."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def code_block(text: str, language: str = "") -> str:
    """A fenced block."""
    return f"```{language}\n{text}\n```\n"


def json_block(value: Any) -> str:
    """A value as indented JSON; short arrays and objects stay on one line."""
    return code_block(_indented(value, ""), "json")


def _indented(value: Any, indent: str, width: int = 88) -> str:
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(short) <= width or not isinstance(value, dict | list) or not value:
        return short
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [
            f"{deeper}{json.dumps(name)}: {_indented(one, deeper)}" for name, one in value.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _indented(one, deeper) for one in value) + f"\n{indent}]"


class Types:
    """Names of types, with links to the headings of those that a page describes by itself.

    ``definitions`` are the schemas that a ``$ref`` can name, ``linked`` the names that have a
    heading with the anchor ``type-<name>``.
    """

    def __init__(self, definitions: Mapping[str, Schema], linked: Iterable[str]) -> None:
        self.definitions = definitions
        self.linked = frozenset(linked)

    def resolve(self, schema: Schema) -> Schema:
        """The schema itself, or the one that its ``$ref`` names."""
        return self.definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def name(self, schema: Schema) -> str:
        """The type in words, such as ``integer or null``."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in self.linked:
                return f"[{short(name)}](#type-{slug(short(name))})"
            return self.name(self.definitions[name])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return " or ".join(f"`{one}`" for one in schema["enum"])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return " or ".join(dict.fromkeys(self.name(one) for one in schema[several]))
        kind = schema.get("type", "any")
        if isinstance(kind, list):
            return " or ".join(dict.fromkeys(self.name({**schema, "type": one}) for one in kind))
        if kind == "array":
            items: Schema = schema.get("items") or next(iter(schema.get("prefixItems", [])), {})
            return f"array of {self.name(items)}"
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {self.name(schema['additionalProperties'])}"
        if kind == "object" and "properties" in schema:
            return f"object: {', '.join(f'`{name}`' for name in schema['properties'])}"
        return "text" if kind == "string" else str(kind)

    def limits(self, schema: Schema) -> str:
        """Bounds and default, such as ``1 to 500`` or ``default 0``."""
        schema = {**self.resolve(schema), **{k: v for k, v in schema.items() if k != "$ref"}}
        options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
        bounded = options[0] if len(options) == 1 and "$ref" not in options[0] else schema
        found = []
        low, high = bounded.get("minimum"), bounded.get("maximum")
        if low is not None and low <= -EXACT_INTEGER:
            low = None
        if high is not None and high >= EXACT_INTEGER:
            high = None
        if low is not None and high is not None:
            found.append(f"{low} to {high}" if low != high else f"{low}")
        elif low is not None:
            found.append(f"{low} or more")
        elif high is not None:
            found.append(f"at most {high}")
        if "exclusiveMinimum" in bounded:
            found.append(f"more than {bounded['exclusiveMinimum']}")
        if bounded.get("maxLength"):
            found.append(f"at most {bounded['maxLength']} characters")
        if bounded.get("maxItems"):
            found.append(f"at most {bounded['maxItems']}")
        default = schema.get("default")
        if default not in (None, [], {}) and "const" not in schema:
            found.append(f"default `{json.dumps(default)}`")
        return "; ".join(found)

    def members(self, schema: Schema) -> str:
        """The members of an object, as a table."""
        required = set(schema.get("required", ()))
        return table(
            ["Member", "Type", "Limits", "Meaning"],
            [
                (
                    f"`{name}`" + ("" if name in required else " (optional)"),
                    self.name(one),
                    self.limits(one),
                    one.get("description") or self._about(one),
                )
                for name, one in schema.get("properties", {}).items()
            ],
        )

    def _about(self, schema: Schema) -> str:
        """The description of a referenced schema, if it has no heading of its own."""
        if "$ref" in schema and schema["$ref"].rpartition("/")[2] not in self.linked:
            return str(self.resolve(schema).get("description", ""))
        return ""


def short(name: str) -> str:
    """A component's name without the module that makes it unique."""
    module, _, last = name.rpartition("__")
    return f"{last} ({module.rpartition('__')[2]})" if module else last
