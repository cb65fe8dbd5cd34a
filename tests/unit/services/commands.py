"""The command line on a store in memory, for tests of what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

import services.storage.client
import services.storage.event_log
from events import AnyEvent, decode, encode
from services.cli.app import app
from services.queries.tables import race_tables, sporting_tables
from tests.unit.services.memory import MemoryLog


class Commands:
    """``lapstream`` with a store of its own, in which every answer keeps to its schema."""

    def __init__(self) -> None:
        self.log = MemoryLog()

    def used_by(self, monkeypatch: pytest.MonkeyPatch) -> Commands:
        """The commands find this store wherever they look."""
        monkeypatch.setattr(services.storage.client, "open_store", self.log.opened)
        monkeypatch.setattr(services.storage.event_log, "Log", self.log)
        monkeypatch.setenv("LAPSTREAM_BY", "a steward")
        return self

    def hold(self, session: str, events: Iterable[AnyEvent]) -> None:
        """Put events into a session."""
        self.log.hold(session, map(encode, events))

    def events(self, session: str) -> list[AnyEvent]:
        """What a session's log holds, in its order."""
        return [decode(entry.payload) for entry in self.log.logs[session]]

    def run(self, *arguments: str) -> Result:
        """Run the command line."""
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    def output(self, *arguments: str) -> str:
        """Run what can be done; what it says."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def rows(self, table: str, *arguments: str) -> list[dict[str, Any]]:
        """Run a query for JSON; its rows, which keep to the schema of that table."""
        rows: list[dict[str, Any]] = json.loads(self.output(*arguments, "--format", "json"))
        jsonschema.validate(rows, {**race_tables.TABLES, **sporting_tables.TABLES}[table].schema())
        return rows

    def refused(self, *arguments: str) -> str:
        """Run what cannot be done; the one line that says why."""
        result = self.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        (line,) = result.stderr.splitlines()
        return line

    def misused(self, *arguments: str) -> str:
        """Run what is wrong usage; what it says on stderr, in one line."""
        result = self.run(*arguments)
        assert result.exit_code == 2, result.output
        return " ".join(result.stderr.replace("│", " ").split())
