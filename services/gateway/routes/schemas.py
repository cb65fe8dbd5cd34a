"""Machine-readable descriptions of the interface: AsyncAPI and JSON Schemas."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from pydantic_core import from_json, to_json

from events import json_schema
from projections.views.published import PublishedStandingsRow, SubscribedState
from projections.views.row_schema import json_schema as schema_of
from replay.steering import COMMANDS
from services.gateway.errors import RequestRefused, responses
from services.gateway.live.query import OutputQuery, SubscriptionQuery
from services.gateway.routes import examples, view_request
from services.gateway.views import view_query
from services.queries.tables import sporting_tables
from services.queries.tables.schemas import (
    DIALECT,
    FRAME,
    PATCH,
    POSITION,
    REASON,
    frame_schema,
)

router = APIRouter(prefix="", tags=["descriptions"])

Document = dict[str, Any]


def message_schemas() -> dict[str, Document]:
    """The JSON Schemas of subscription messages, by kind."""
    state = schema_of(SubscribedState)
    definitions = state.pop("$defs")
    forecast = schema_of(sporting_tables.ForecastTopic)
    rows = forecast.pop("$defs")
    token = {"type": "string", "description": "Resume with it: `<epoch>:<position>`."}
    base = {"token": token, **FRAME}
    more: dict[str, Document] = {
        "snapshot": {"data": state, "reason": REASON},
        "delta": {"data": PATCH},
        "heartbeat": {
            "age_ms": {"type": "integer", "description": "The age of the data."},
            "silent": {
                "const": True,
                "description": "The session has a live timing feed that is not heard: data that is "
                "older than ten seconds while the clock runs is stale.",
            },
        },
        "forecast": {
            "made_from": {
                **POSITION,
                "description": "The position of the newest event that the "
                "forecast was made from; it is at `position` or before it.",
            },
            "data": {"anyOf": [forecast, {"type": "null"}]},
            "reason": {"type": "string", "description": "Why there is no forecast."},
        },
    }
    optional = ("reason", "silent")
    defined = {"snapshot": definitions, "forecast": rows}
    return {
        kind: {
            "type": "object",
            "properties": {"kind": {"const": kind}, **base, **members},
            "required": ["kind", *base, *(name for name in members if name not in optional)],
            "additionalProperties": False,
            **({"$defs": defined[kind]} if kind in defined else {}),
        }
        for kind, members in more.items()
    }


_EXAMPLE: Document = {
    "token": "1:1760000000000-0",
    "epoch": 1,
    "position": "1760000000000-0",
    "at": 1_760_000_000_000,
    "clock": {"at": 31_500_000, "running": True},
}
_EXAMPLES: dict[str, Document] = {
    "snapshot": {"data": {"standings": {"7": examples.sample(schema_of(PublishedStandingsRow))}}},
    "delta": {"data": {"standings": {"7": {"laps": 373}}}},
    "heartbeat": {"age_ms": 1200},
    "forecast": {
        "made_from": "1759999999400-0",
        "data": examples.sample(schema_of(sporting_tables.ForecastTopic)),
    },
}


def _within(schema: Document, name: str) -> Document:
    """A schema with definitions as the payload of a message: its references begin at the
    document's root."""
    root = f"#/components/messages/{name}/payload/$defs/"
    placed: Document = from_json(to_json(schema).replace(b'"#/$defs/', f'"{root}'.encode()))
    return placed


def asyncapi() -> Document:
    """The AsyncAPI document: streams in the store, and subscriptions at the gateway."""
    query, output_query = (
        model.model_json_schema(by_alias=True) for model in (SubscriptionQuery, OutputQuery)
    )
    messages = {
        kind: {
            "name": kind,
            "contentType": "application/json",
            "payload": _within(schema, kind),
            "examples": [{"payload": {"kind": kind, **_EXAMPLE, **_EXAMPLES[kind]}}],
        }
        for kind, schema in message_schemas().items()
    }
    stored = {
        name: {"name": name, "contentType": "application/json", "payload": _within(schema, name)}
        for name, schema in (
            ("event", json_schema()),
            ("frame", frame_schema()),
            ("command", COMMANDS.json_schema()),
        )
    }
    parameters = {"session": {"description": "The session's id: 1 to 64 of a-z, 0-9 and -."}}

    def channel(address: str, about: str, names: list[str], **more: Any) -> Document:
        references = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
        parts = {"address": address, "description": about, "messages": references}
        return {**parts, "parameters": parameters, **more}

    def operation(action: str, of: str, about: str) -> Document:
        return {"action": action, "channel": {"$ref": f"#/channels/{of}"}, "summary": about}

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "lapstream",
            "version": version("lapstream"),
            "description": "Subscriptions: a snapshot, then deltas; a `forecast`, which is no part "
            "of the state, to those that named the topic. A client keeps the token of the last "
            "message, and resumes with it (`from`, or `Last-Event-ID`) without missing a "
            "change. A snapshot always replaces the whole state. After the close code 1012 a "
            "client reconnects; after 4404 it does not: the replay was ended. Unknown parameters "
            "are refused.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "live": channel(
                "/sessions/{session}/live",
                "Subscribe to a session or a replay by WebSocket.",
                list(messages),
                bindings={"ws": {"method": "GET", "query": query}},
            ),
            "stream": channel(
                "/sessions/{session}/stream",
                "Subscribe to a session or a replay by server-sent events; the id of each event is "
                "its token.",
                list(messages),
            ),
            "output": channel(
                "/outputs/{output}/stream",
                "Subscribe to a named output by server-sent events or WebSocket. The output's "
                "delay is added to `at`. The views `battle`, `championship` and `forecast` have "
                "a topic of that name besides.",
                [name for name in messages if name != "forecast"],
                parameters={"output": {"description": "The output's name."}},
                bindings={"ws": {"method": "GET", "query": output_query}},
            ),
            "log": channel("{{session}}:log", "The log: a stream in the store.", ["event"]),
            "frames": channel(
                "{{session}}:frames",
                "The frames of a session or a replay: a stream in the store.",
                ["frame"],
            ),
            "control": channel(
                "{{replay}}:control",
                "The commands to a replay: a stream in the store. An entry has two fields: `id`, "
                "by which a repeated command takes effect once, and `command`.",
                ["command"],
                parameters={"replay": {"description": "The replay's name."}},
            ),
        },
        "operations": {
            "live": operation("send", "live", "The gateway sends to subscribers"),
            "stream": operation("send", "stream", "The gateway sends to subscribers"),
            "output": operation("send", "output", "The gateway sends to an output's subscribers"),
            "append": operation("receive", "log", "Producers append events"),
            "project": operation("send", "frames", "Projectors and replayers append frames"),
            "steer": operation("receive", "control", "Directors control a replay"),
        },
        "components": {"messages": {**messages, **stored}},
    }


@router.get("/asyncapi.json", summary="Get the AsyncAPI document")
async def asyncapi_document() -> Document:
    """Streams in the store and subscriptions, as AsyncAPI 3.0."""
    return asyncapi()


@router.get("/schemas/{name}.json", summary="Get a JSON Schema", responses=responses(404))
async def schema(name: str) -> Document:
    """Get the JSON Schema of `events`, `frames`, subscription `messages`, or the rows of a view."""
    if name == "events":
        return json_schema()
    if name == "frames":
        return frame_schema()
    if name == "messages":
        kinds = message_schemas()
        definitions = kinds["snapshot"].pop("$defs") | kinds["forecast"].pop("$defs")
        return {"$schema": DIALECT, "oneOf": list(kinds.values()), "$defs": definitions}
    tables = {**view_query.TABLES, **view_request.TABLES}
    if name in tables:
        return tables[name].schema()
    known = ", ".join(["events", "frames", "messages", *tables])
    raise RequestRefused(404, f"there is no schema of {name!r}; there is {known}")
