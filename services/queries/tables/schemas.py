"""JSON Schemas made from the models of rows.

``python -m services.queries.tables.schemas`` prints one document with all of them as ``$defs``,
for generators of types in other languages.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from projections.views import MODELS, MessagesRow, SessionRow
from projections.views.gaps import ChartRow, GapsRow
from projections.views.published import PublishedState, SubscribedState
from projections.views.row_schema import RowSchema, Schema, json_schema
from projections.views.rows import RowModel
from services.queries.tables import race_tables, sporting_tables

DIALECT = "https://json-schema.org/draft/2020-12/schema"
POSITION: Schema = {
    "type": "string",
    "pattern": r"^\d+-\d+$",
    "description": "A position in the log.",
}
CLOCK: Schema = {
    "type": "object",
    "description": "The session clock of the newest event (ms), and whether it has run on since.",
    "properties": {"at": {"type": "integer"}, "running": {"type": "boolean"}},
    "required": ["at", "running"],
    "additionalProperties": False,
}
FRAME: Schema = {
    "epoch": {"type": "integer", "minimum": 1},
    "position": POSITION,
    "at": {
        "type": "integer",
        "description": "When the newest event was recorded, ms since 1970; with a delay, the "
        "delay is added.",
    },
    "clock": CLOCK,
}
"""The members that every frame and every subscription message has."""

REASON: Schema = {"type": "string", "description": "Why a new epoch begins."}
PATCH: Schema = {
    "type": "object",
    "description": "A JSON Merge Patch (RFC 7396) on the state before.",
}


def frame_schema() -> Schema:
    """The JSON Schema of the frames in a session's stream ``{session}:frames``."""
    state = json_schema(PublishedState)
    definitions = state.pop("$defs")
    kinds = [
        _frame({"kind": {"const": "snapshot"}, "data": {"$ref": "#/$defs/PublishedState"}}),
        _frame({"kind": {"const": "delta"}, "data": PATCH}),
    ]
    return {
        "$schema": DIALECT,
        "title": "A lapstream frame",
        "oneOf": kinds,
        "$defs": {**definitions, "PublishedState": state},
    }


def _frame(members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**FRAME, **members, "reason": REASON},
        "required": [*FRAME, *members],
        "additionalProperties": False,
    }


def all_models() -> Schema:
    """Every model of a row, and the published state, as the definitions of one document."""
    tables = (*race_tables.TABLES.values(), *sporting_tables.TABLES.values())
    models: list[type[RowModel]] = [
        *MODELS.values(),
        *(table.row for table in tables),
        GapsRow,
        ChartRow,
        MessagesRow,
        SessionRow,
        PublishedState,
        SubscribedState,
        sporting_tables.ForecastTopic,
    ]
    _, document = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], schema_generator=RowSchema
    )
    return {"$schema": DIALECT, "title": "lapstream", **document}


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    _print(all_models())
