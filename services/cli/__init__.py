"""The command line: ``lapstream``."""

from __future__ import annotations


def main() -> None:
    """Run the command line; ends the process with 0 (done), 1 (not done) or 2 (wrong usage)."""
    from services.cli.app import app

    app(prog_name="lapstream")
