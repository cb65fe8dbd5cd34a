"""Examples and responses for the descriptions of the interface."""

from __future__ import annotations

from typing import Any

from projections.views.row_schema import json_schema
from services.gateway.errors import responses
from services.gateway.routes.view_models import SessionLine, flat_row_model, view_model
from services.gateway.views.flat_rows import flat_keys
from services.queries.tables.columns import Table


def of_view(table: Table) -> dict[str, Any]:
    """What OpenAPI says of a view: the arguments of its route."""
    rows: Any = list[flat_row_model(table)]  # type: ignore[misc]
    example = {
        "session": sample(json_schema(SessionLine)),
        "rows": [sample(json_schema(table.row))],
    }
    header = ",".join(flat_keys(table)) + "\n"
    return {
        "response_model": view_model(table) | rows,
        "responses": {
            200: {
                "description": f"{table.about} Flat rows where `rows` asks for them.",
                "content": {
                    "application/json": {"example": example},
                    "text/csv": {"schema": {"type": "string"}, "example": header},
                },
            },
            **responses(304, 401, 403, 404, 422, 429, 503),
        },
    }


_SAMPLES: dict[str, Any] = {
    "title": "Petit Le Mans 2007",
    "kind": "race",
    "clock_ms": 31_500_000,
    "time_to_go_ms": 4_500_000,
    "laps_to_go": 22,
    "flag": "green",
    "flag_since_ms": 30_012_345,
    "leader": "7",
    "leader_lap": 372,
    "position": "1760000000000-0",
    "learned_at_ms": 1_760_000_000_000,
    "age_ms": 120,
    "patience_ms": 30_000,
    "freshness": "fresh",
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
            found = _SAMPLES.get(name, 70_412 if name.endswith("_ms") else 1)
            return found if isinstance(found, int) else 1
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return {}
        case _:
            return _SAMPLES.get(name, name)
