"""JSON Schemas of the models of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import DefsRef, GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import WithDefaultSchema

Schema = dict[str, Any]


def json_schema(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a model, with those that it refers to as ``$defs``."""
    return model.model_json_schema(schema_generator=RowSchema)


class RowSchema(GenerateJsonSchema):
    """JSON Schema as people would write it: no title for each member, ``["integer", "null"]``."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (of pydantic's)
        """Never: a member's name says as much."""
        return False

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Without ``"default": null``: an absent member is not null."""
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found

    def generate_definitions(
        self, inputs: Sequence[tuple[Any, JsonSchemaMode, CoreSchema]]
    ) -> tuple[dict[tuple[Any, JsonSchemaMode], JsonSchemaValue], dict[DefsRef, Any]]:
        """The schemas of several models, and what they refer to."""
        schemas, definitions = super().generate_definitions(inputs)
        return schemas, _simplified(definitions)

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The schema."""
        found: JsonSchemaValue = _simplified(super().generate(schema, mode))
        return found


def _simplified(schema: Any) -> Any:
    """Unions of simple types as a list of types, at every depth."""
    if isinstance(schema, list):
        return [_simplified(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _simplified(one) for name, one in schema.items()}
    kinds = schema.get("anyOf")
    if not kinds or not all(isinstance(one.get("type"), str) for one in kinds):
        return schema
    detailed = [one for one in kinds if len(one) > 1]
    is_nullable = len(kinds) == 2 and {"type": "null"} in kinds
    if any("const" in one for one in kinds) or (detailed and not is_nullable):
        return schema
    inner = dict(detailed[0]) if detailed else {}
    types = [one["type"] for one in kinds]
    inner["type"] = [one for one in types if one != "integer" or "number" not in types]
    if len(inner["type"]) == 1:
        (inner["type"],) = inner["type"]
    if "enum" in inner:
        inner["enum"] = [*inner["enum"], None]
    del schema["anyOf"]
    return {**inner, **schema}
