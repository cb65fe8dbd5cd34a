"""The command line: ``lapstream``."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; ends the process with 0 (done), 1 (not done) or 2 (wrong usage)."""
    try:
        from services.cli.app import app

        app(prog_name="lapstream")
    except KeyboardInterrupt:  # while its modules were loaded
        sys.stderr.write("lapstream: stopped\n")
        raise SystemExit(INTERRUPTED) from None
