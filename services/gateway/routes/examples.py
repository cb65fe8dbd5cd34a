"""Examples and schemas for the descriptions of the interface."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic_core import from_json, to_json

from services.gateway.views.flat_rows import SESSION_CELLS
from services.queries.tables.columns import Table

SESSION_LINE = {
    "title": "Petit Le Mans 2007",
    "kind": "race",
    "clock_ms": 31_500_000,
    "clock_running": True,
    "time_to_go_ms": 4_500_000,
    "laps_to_go": 22,
    "flag": "green",
    "flag_since_ms": 30_012_345,
    "sector_flags": {"2": {"flag": "yellow", "since_ms": 31_480_000}},
    "leader": "7",
    "leader_lap": 372,
    "position": "1760000000000-0",
    "learned_at_ms": 1_760_000_000_000,
    "age_ms": 120,
    "patience_ms": 30_000,
    "freshness": "fresh",
    "stale": False,
}


COMPONENTS: dict[str, Any] = {}
"""The schemas that rows of views refer to, by name."""


def install(app: FastAPI) -> None:
    """Add the schemas that rows refer to to the application's OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"] |= COMPONENTS
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _as_component(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its references as OpenAPI has them."""
    raw = to_json(schema).replace(b'"#/$defs/', b'"#/components/schemas/')
    placed: dict[str, Any] = from_json(raw)
    return placed


def of_view(table: Table) -> dict[str, Any]:
    """What OpenAPI says of a view's answer."""
    schema = table.schema()
    items = schema["items"]
    definitions = schema.get("$defs", {})
    row = sample({**items, "$defs": definitions})
    COMPONENTS.update({name: _as_component(one) for name, one in definitions.items()})
    flat = [*table.cells(None), *(f"session_{name}" for name in SESSION_CELLS)]
    whole = {
        "type": "object",
        "description": table.about,
        "properties": {
            "session": {"$ref": "#/components/schemas/SessionLine"},
            "rows": {"type": "array", "items": _as_component(items)},
        },
        "required": ["session", "rows"],
    }
    flat_rows = {
        "type": "array",
        "description": "Flat rows, where `rows` asks for them.",
        "items": {
            "type": "object",
            "properties": {key: {"type": "string"} for key in flat},
            "required": flat,
        },
    }
    return {
        "description": table.about,
        "content": {
            "application/json": {
                "schema": {"anyOf": [whole, flat_rows]},
                "example": {
                    "session": SESSION_LINE,
                    "rows": [row],
                },
            },
            "text/csv": {"schema": {"type": "string"}, "example": ",".join(flat) + "\n"},
        },
    }


_SAMPLES = {
    "car": "7",
    "class": "LMP2",
    "team": "Penske Motorsports",
    "driver": "Romain Dumas",
    "driver_short": "DUM",
    "vehicle": "Porsche RS Spyder",
    "reason": "speeding in the pit lane",
    "text": "Car 26: stop and hold 30 s",
}


def sample(schema: dict[str, Any]) -> dict[str, Any]:
    """An example of a row: a value for each member that its schema requires."""
    definitions = schema.get("$defs", {})
    return {
        name: _value(name, schema["properties"][name], definitions) for name in schema["required"]
    }


def _value(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in schema:
        of = definitions[schema["$ref"].rpartition("/")[2]]
        return sample({"required": [], **of, "$defs": definitions})
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "string")
    match kinds[0] if isinstance(kinds, list) else kinds:
        case "integer" | "number":
            return 70_412 if name.endswith("_ms") else 1
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return dict.fromkeys(schema.get("properties", {}))
        case _:
            return _SAMPLES.get(name, name)
