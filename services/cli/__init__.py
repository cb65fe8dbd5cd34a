"""The command line: ``lapstream``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

INTERRUPTED = 130


def main() -> None:
    """Run the command line; ends the process with 0 (done), 1 (not done) or 2 (wrong usage)."""
    _open_what_is_closed()
    try:
        from services.cli.app import app

        app(prog_name="lapstream")
    except KeyboardInterrupt:  # while its modules were loaded
        sys.stderr.write("lapstream: stopped\n")
        raise SystemExit(INTERRUPTED) from None


def _open_what_is_closed() -> None:
    """Have standard streams, also where whoever started us closed them (``>&-``).

    Python has None for those, and a file or socket opened next would get their number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode)  # noqa: SIM115 - as long as the process
            setattr(sys, name, stream)
