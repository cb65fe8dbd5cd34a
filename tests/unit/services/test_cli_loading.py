"""Commands are loaded when they run; the help is written without loading any."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.app import COMMANDS, app, command_tree


def test_the_table_is_what_the_commands_say() -> None:
    """The help lists each command under its panel, with the first line of its own help."""
    tree: Any = command_tree()
    described = {
        name: (command.rich_help_panel, command.help.split("\n")[0])
        for name, command in tree.commands.items()
    }
    assert described == {name: (one.panel, one.summary) for name, one in COMMANDS.items()}


def test_help_loads_no_command() -> None:
    """Neither models nor the client library are imported for ``--help``."""
    program = (
        "import sys; from typer.testing import CliRunner; from services.cli.app import app; "
        "result = CliRunner().invoke(app, ['--help']); "
        "print(result.exit_code, sorted({'redis', 'pydantic', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0 []\n", "")


def test_a_query_loads_no_service() -> None:
    """A query of a race needs neither FastStream nor the gateway, nor a logging library."""
    program = (
        "import sys; from services.cli.app import app; import typer.main; "
        "typer.main.get_command(app).get_command(None, 'standings'); "
        "print(sorted({'faststream', 'fastapi', 'uvicorn', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_misspelled_command_is_named_with_those_like_it() -> None:
    """The names are known without the commands."""
    result = CliRunner().invoke(app, ["standing"])
    assert result.exit_code == 2
    assert "standings" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_loads_on_its_own(name: str) -> None:
    """In a fresh process nothing that another command imports hides a missing import."""
    program = "from services.cli.app import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", program, name, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
