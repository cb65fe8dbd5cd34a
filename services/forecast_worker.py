"""The process that computes forecasts beside a gateway: ``python -m services.forecast_worker``.

Reads tasks from stdin and writes forecasts to stdout, each behind its length. It ends with its
stdin, and so with the gateway, however that ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import BinaryIO

from pydantic_core import to_json

from services.queries.forecasts import forecast_topic

LENGTH_BYTES = 4
NICENESS = 5
"""Frames come first where processors are few."""


def serve(tasks: BinaryIO, forecasts: BinaryIO) -> None:
    """Answer each task with the JSON of its forecast, until there are no more."""
    while head := tasks.read(LENGTH_BYTES):
        # Written by the gateway that started this process, and by nobody else.
        task = pickle.loads(tasks.read(int.from_bytes(head, "big")))  # noqa: S301
        forecasts.write(framed(to_json(forecast_topic(task))))
        forecasts.flush()


def framed(content: bytes) -> bytes:
    """The content behind its length."""
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def main() -> None:
    """Serve the gateway that started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the gateway, which ends this
    os.nice(NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
