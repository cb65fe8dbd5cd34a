"""The streaming reference, from the AsyncAPI document of the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docs.generate.markdown import Types, json_block, plain, slug, table
from services.gateway.routes.schemas import asyncapi

MESSAGES = ("snapshot", "delta", "heartbeat", "forecast")


def page() -> str:
    """The generated part of the page."""
    return "".join(_page(asyncapi()))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    messages = document["components"]["messages"]
    channels = document["channels"]
    yield "## Channels\n\n"
    yield table(
        ["Address", "Messages", "Use"],
        [
            (
                f"`{one['address']}`".replace("{{", "{").replace("}}", "}"),
                ", ".join(
                    f"[{name}](#message-{name})" if name in MESSAGES else name
                    for name in one["messages"]
                ),
                one["description"],
            )
            for one in channels.values()
        ],
    )
    for name, title in (("live", "Parameters of a session"), ("output", "Parameters of an output")):
        query = channels[name]["bindings"]["ws"]["query"]
        types = Types(query.get("$defs", {}), ())
        yield f"\n## {title} {{ #{slug(title)} }}\n\n"
        yield table(
            ["Parameter", "Type", "Limits", "Meaning"],
            [
                (
                    f"`{parameter}`",
                    types.name(schema).removesuffix(" or null"),
                    types.limits(schema),
                    schema.get("description", ""),
                )
                for parameter, schema in query["properties"].items()
            ],
        )
    yield "\n## Messages\n"
    for name in MESSAGES:
        payload = messages[name]["payload"]
        yield f"\n### {name} {{ #message-{name} }}\n\n"
        yield Types({}, ()).members(payload)
        yield "\n" + json_block(messages[name]["examples"][0]["payload"])
    command = messages["command"]["payload"]
    yield "\n## Commands to a replay { #replay-commands }\n\n"
    definitions = command.get("$defs", {})
    yield table(
        ["Command", "Members", "Meaning"],
        [
            (
                f"`{_constant(schema)}`",
                ", ".join(
                    f"`{member}`"
                    for member in schema["properties"]
                    if _constant(schema) != schema["properties"][member].get("const")
                ),
                plain(schema.get("description", "")).replace("\n", " "),
            )
            for schema in definitions.values()
            if _constant(schema)
        ],
    )


def _constant(schema: Mapping[str, Any]) -> str:
    """The value of the member that names the command."""
    return next(
        (str(one["const"]) for one in schema.get("properties", {}).values() if "const" in one), ""
    )
