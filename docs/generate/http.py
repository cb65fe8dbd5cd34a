"""The HTTP reference, from the OpenAPI description of the gateway and the intake."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from docs.generate.markdown import (
    Types,
    cell,
    code_block,
    json_block,
    plain,
    short,
    slug,
    table,
)
from services.gateway.app import create_app
from services.gateway.routes import events
from services.settings import GatewaySettings

BASE = "http://127.0.0.1:8000"
EXAMPLES = {
    "session": "petit-le-mans-2007",
    "replay": "replay-1",
    "name": "tower",
}
SHARED_BY = 5
"""A parameter that so many routes have, with one meaning, is described once."""

TITLES = {
    "views": "Views",
    "subscriptions": "Subscriptions",
    "race control": "Race control",
    "intake": "Intake",
    "outputs": "Outputs",
    "replays": "Replays and archives",
    "operations": "Operations",
    "descriptions": "Machine-readable descriptions",
}
LEFT_OUT = frozenset({"HTTPValidationError", "ValidationError"})


def openapi() -> dict[str, Any]:
    """The description of every route that ``lapstream serve`` has."""
    settings = GatewaySettings()
    app = create_app(settings)
    events.attach(app, settings)
    return app.openapi()


def page() -> str:
    """The generated part of the page."""
    document = openapi()
    return "".join(Reference(document).page())


class Reference:
    """The routes and types of one OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.components = {
            name: schema
            for name, schema in document["components"]["schemas"].items()
            if name not in LEFT_OUT
        }
        self.types = Types(document["components"]["schemas"], self.components)
        self.shared = self._shared_parameters()

    def routes(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Method, path and operation of each route."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                yield method.upper(), path, operation

    def page(self) -> Iterator[str]:
        """The sections, one for each tag, then the types."""
        yield self._shared_section()
        tags = list(TITLES)
        by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {tag: [] for tag in tags}
        for route in self.routes():
            by_tag.setdefault(route[2].get("tags", ["operations"])[0], []).append(route)
        for tag, routes in by_tag.items():
            if not routes:
                continue
            yield f"## {TITLES.get(tag, tag.capitalize())}\n\n"
            yield table(
                ["Route", "Answer"],
                [
                    (f"[`{method} {path}`](#{slug(method + path)})", operation["summary"])
                    for method, path, operation in routes
                ],
            )
            yield "\n"
            for method, path, operation in routes:
                yield from self.route(method, path, operation)
        yield "## Types\n\n"
        for name, schema in sorted(self.components.items(), key=lambda one: short(one[0])):
            yield f"### {short(name)} {{ #type-{slug(short(name))} }}\n\n"
            if schema.get("description"):
                yield plain(schema["description"]) + "\n\n"
            yield self.types.members(schema) + "\n"

    def route(self, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
        """One route: what it does, its parameters, its body, its answer, an example."""
        label = f"{method} {path.replace('/sessions/{session}/', '…/')}"
        yield f'### {method} {path} {{ #{slug(method + path)} data-toc-label="{label}" }}\n\n'
        yield plain(operation.get("description") or operation["summary"]).strip() + "\n\n"
        own: list[Mapping[str, Any]] = []
        shared: list[Mapping[str, Any]] = []
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                continue
            (shared if self._key(parameter) in self.shared else own).append(parameter)
        yield self._parameters(own)
        if shared:
            names = ", ".join(f"[`{one['name']}`](#shared-parameters)" for one in shared)
            yield f"\n{'Shared parameters' if own else 'Parameters'}: {names}.\n"
        yield "\n"
        yield from self._body(operation)
        yield from self._answer(operation)
        yield from self._example(method, path, operation)

    def _body(self, operation: Mapping[str, Any]) -> Iterator[str]:
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = content["schema"]
            if media != "application/json":
                yield f"Body: `{media}`.\n\n"
            elif "$ref" in schema or "anyOf" in schema:
                yield f"Body: {self.types.name(schema)}.\n\n"

    def _answer(self, operation: Mapping[str, Any]) -> Iterator[str]:
        success = next(code for code in operation["responses"] if code.startswith("2"))
        content = operation["responses"][success].get("content", {})
        codes = ", ".join(f"`{code}`" for code in operation["responses"])
        schema = content.get("application/json", {}).get("schema", {})
        rows = self._rows(schema)
        if rows is not None:
            yield f'??? note "Members of a row"\n\n{_indent(self.types.members(rows))}\n'
        elif schema and self.types.name(schema) != "any":
            yield f"Answer: {self.types.name(schema)}.\n\n"
        elif content and not schema:
            yield f"Answer: {', '.join(f'`{media}`' for media in content)}.\n\n"
        yield f"Status: {codes}.\n\n"

    def _rows(self, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The schema of a row, where the answer is a table."""
        for option in (schema, *schema.get("anyOf", [])):
            rows = self.types.resolve(option).get("properties", {}).get("rows", {})
            if "items" in rows and "properties" in self.types.resolve(rows["items"]):
                return self.types.resolve(rows["items"])
        return None

    def _example(self, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
        query = "&".join(
            f"{one['name']}={quote(str(one['schema']['examples'][0]), safe=':,')}"
            for one in operation.get("parameters", [])
            if one["in"] == "query" and one.get("required") and one["schema"].get("examples")
        )
        for name, value in EXAMPLES.items():
            path = path.replace(f"{{{name}}}", value)
        if "{" in path:
            return
        words = ["curl", "-s"]
        if method != "GET":
            words += ["-X", method, "-H", "Authorization: Bearer $TOKEN"]
        body = self._example_body(operation)
        lines = [" ".join(_quoted(word) for word in words)]
        lines[0] += f" '{BASE}{path}{'?' + query if query else ''}'"
        if body is not None:
            lines += ["-H 'Content-Type: application/json'", f"-d {_quoted(_compact(body))}"]
        yield code_block(" \\\n  ".join(lines), "sh") + "\n"

    def _example_body(self, operation: Mapping[str, Any]) -> Any:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            return example["value"]
        schema = self.types.resolve(content.get("schema", {}))
        if schema.get("examples"):
            return schema["examples"][0]
        members = {
            name: one["examples"][0]
            for name, one in schema.get("properties", {}).items()
            if one.get("examples")
        }
        return members if members.keys() >= set(schema.get("required", ())) and members else None

    # -- Parameters that many routes share -------------------------------------------------

    def _key(self, parameter: Mapping[str, Any]) -> tuple[str, str]:
        return parameter["name"], cell(parameter.get("description", ""))

    def _shared_parameters(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        counted: Counter[tuple[str, str]] = Counter()
        for _, _, operation in self.routes():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "path":
                    found.setdefault(self._key(parameter), parameter)
                    counted[self._key(parameter)] += 1
        often = {key: one for key, one in found.items() if counted[key] >= SHARED_BY}
        names = Counter(name for name, _ in often)
        return {key: one for key, one in often.items() if names[key[0]] == 1}

    def _shared_section(self) -> str:
        return "## Shared parameters\n\n" + self._parameters(list(self.shared.values())) + "\n"

    def _parameters(self, parameters: list[Mapping[str, Any]]) -> str:
        return table(
            ["Parameter", "Type", "Limits", "Meaning"],
            [
                (
                    f"`{one['name']}`"
                    + (" (required)" if one.get("required") else "")
                    + (" (header)" if one["in"] == "header" else ""),
                    _without_null(self.types.name(one["schema"])),
                    self.types.limits(one["schema"]),
                    one.get("description", ""),
                )
                for one in parameters
            ],
        )


def _without_null(name: str) -> str:
    return name.removesuffix(" or null")


def _quoted(word: str) -> str:
    return f'"{word}"' if "$" in word else shlex.quote(word)


def _compact(value: Any) -> str:
    return json_block(value).removeprefix("```json\n").removesuffix("\n```\n")


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
