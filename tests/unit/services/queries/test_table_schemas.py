"""JSON Schemas of tables and of the published state, made from the models of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from services.cli.outputs import OUTPUTS
from services.queries.tables import race_tables, sporting_tables
from services.queries.tables.columns import Table
from services.queries.tables.displays import DISPLAYS
from services.queries.tables.schemas import all_models, frame_schema

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *race_tables.TABLES.values(),
        *sporting_tables.TABLES.values(),
        race_tables.REPLAYS,
        race_tables.MESSAGES,
        race_tables.CONTROL,
        race_tables.GAPS,
        race_tables.CHART,
        OUTPUTS,
    )
}
GOLDEN = Path(__file__).parents[3] / "golden" / "members_0_1.json"
MEMBERS: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())
"""The members of each table as version 0.1 described them.

It holds names, order and types. New members come behind these, an enumeration may gain values:
neither changes the file.
"""


def _plain(schema: Any, definitions: dict[str, Any]) -> Any:
    """A schema without what makes no difference: descriptions, references, order of types."""
    if isinstance(schema, list):
        return [_plain(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    found = {
        name: (
            {key: _plain(one, definitions) for key, one in value.items()}
            if name == "properties"
            else _plain(value, definitions)
        )
        for name, value in schema.items()
        if name not in ("title", "description")
    }
    if "enum" in found:
        return {"enum": sorted(map(str, found["enum"]))}
    if "const" in found:
        return {"const": found["const"]}
    if isinstance(found.get("type"), list):
        found["type"] = sorted(found["type"])
    return found


def _without_new_values(now: Any, before: Any) -> Any:
    """A plain schema without the values that its enumerations have gained."""
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [_without_new_values(*pair) for pair in zip(now, before, strict=True)]
    if not isinstance(now, dict) or not isinstance(before, dict):
        return now
    return {
        key: [one for one in value if one in before["enum"]]
        if key == "enum" and "enum" in before
        else _without_new_values(value, before.get(key))
        for key, value in now.items()
    }


def test_new_values_are_accepted() -> None:
    """An enumeration may gain values, but loses none."""
    before = {"anyOf": [{"enum": ["green", "red"]}, {"type": "null"}]}
    more = {"anyOf": [{"enum": ["fcy", "green", "red"]}, {"type": "null"}]}
    fewer = {"anyOf": [{"enum": ["green"]}, {"type": "null"}]}
    assert _without_new_values(more, before) == before
    assert _without_new_values(fewer, before) != before


@pytest.mark.parametrize("name", MEMBERS)
def test_members_are_those_of_0_1(name: str) -> None:
    """Programs read them: names, order and types stay, and new members come last."""
    schema = TABLES[name].schema()
    row, definitions = schema["items"], schema.get("$defs", {})
    before = MEMBERS[name]
    assert list(row["properties"])[: len(before)] == list(before)
    for member, types in before.items():
        now, then = _plain(row["properties"][member], definitions), _plain(types, {})
        assert _without_new_values(now, then) == then, member


@pytest.mark.parametrize("name", TABLES)
def test_rows_have_every_member_and_no_other(name: str) -> None:
    """A row lists all its members, in the order of its columns."""
    schema = TABLES[name].schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    row = schema["items"]
    assert row["required"] == list(row["properties"]) == list(TABLES[name].members)
    assert row["additionalProperties"] is False


def test_every_format_has_a_display() -> None:
    """And no display is left over."""
    used = {column.display for table in TABLES.values() for column in table.columns}
    assert used <= set(DISPLAYS.values())


def test_the_document_for_generators() -> None:
    """It has every row and the published state, and refers to nothing that it does not have."""
    document = all_models()
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.Draft202012Validator.check_schema(frame_schema())
    assert {"StandingsRow", "SessionRow", "PublishedState"} <= set(document["$defs"])
    assert _references(document) <= {f"#/$defs/{name}" for name in document["$defs"]}


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema))
    if not isinstance(schema, dict):
        return set()
    here = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return here.union(*map(_references, schema.values()))
