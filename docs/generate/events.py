"""The reference of events, from the JSON Schema of their models and the stored payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.generate.markdown import Types, json_block, plain, slug, table
from events import json_schema
from events.base import Event
from events.catalogue import EVENT_TYPES

PAYLOADS = Path(__file__).resolve().parents[2] / "tests" / "payloads"
COMMON = tuple(Event.model_fields)
MODULES = {
    "session": "Session and entries",
    "track": "Track and race control",
    "running": "Cars on the track and in the pits",
    "stewards": "Stewards",
    "corrections": "Corrections",
    "outputs": "Outputs",
    "season": "Season",
}


def page() -> str:
    """The generated part of the page."""
    return "".join(_page(json_schema()))


def _page(schema: Mapping[str, Any]) -> Iterator[str]:
    definitions = schema["$defs"]
    models = {_type_name(definitions[model.__name__]): model for model in EVENT_TYPES.values()}
    parts = [name for name in definitions if name not in {m.__name__ for m in models.values()}]
    types = Types(definitions, parts)
    sections: dict[str, list[tuple[str, Mapping[str, Any]]]] = {module: [] for module in MODULES}
    for name, model in models.items():
        module = model.__module__.rpartition(".")[2]
        sections.setdefault(module, []).append((name, definitions[model.__name__]))

    yield "## Members of every event\n\n"
    first = definitions[next(iter(models.values())).__name__]
    about = {
        "v": "Schema version of the type; may be left out for the newest.",
        "type": "The name of the event.",
        "at": "When it happened: milliseconds on the session clock, 0 at the start.",
        "source": "Who produced it; part of the identity.",
        "source_seq": "Its number among the events of that source; part of the identity.",
        "by": "Who decided, if a person did.",
        "basis": "How it is known.",
    }
    common = {name: {**first["properties"][name], "description": about[name]} for name in COMMON}
    common["type"] = {"type": "string", "description": about["type"]}
    yield types.members({"properties": common, "required": first["required"]}) + "\n"
    for module, found in sections.items():
        if not found:
            continue
        yield f"## {MODULES.get(module, module.capitalize())}\n\n"
        yield table(
            ["Event", "Meaning"],
            [(f"[`{name}`](#{slug(name)})", _summary(one)) for name, one in found],
        )
        yield "\n"
        for name, one in found:
            yield from _event(name, one, types)
    yield "## Parts\n\n"
    for name in sorted(parts):
        yield f"### {name} {{ #type-{slug(name)} }}\n\n"
        yield plain(definitions[name].get("description", "")) + "\n\n"
        yield types.members(definitions[name]) + "\n"


def _event(name: str, schema: Mapping[str, Any], types: Types) -> Iterator[str]:
    yield f"### {name} {{ #{slug(name)} }}\n\n"
    yield plain(schema.get("description", "")) + "\n\n"
    own = {key: one for key, one in schema["properties"].items() if key not in COMMON}
    yield types.members({"properties": own, "required": schema["required"]}) + "\n"
    stored = sorted(PAYLOADS.glob(f"{name}.v*.json"))
    if stored:
        yield json_block(json.loads(stored[-1].read_text("utf-8"))) + "\n"


def _type_name(schema: Mapping[str, Any]) -> str:
    return str(schema["properties"]["type"]["const"])


def _summary(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "")).split("\n\n")[0]
