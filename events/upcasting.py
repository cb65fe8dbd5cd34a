"""Older payloads become newer ones, one small pure step at a time.

A step is never removed: every log ever written must stay readable. Steps work on the
raw dictionary, before validation, so the models know only the newest version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Payload = dict[str, Any]
Upcast = Callable[[Payload], Payload]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""``(type, version)`` to the step that makes version + 1 of it. None has been needed
yet: every event is at its first version."""


def upcast(
    payload: Payload, newest: int, steps: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> Payload:
    """Bring a payload of an older version to version ``newest``.

    Raises LookupError where a step of the chain is missing (a mistake in this program).
    """
    version = payload.get("v", 1)
    while version < newest:
        payload = dict(steps[payload["type"], version](payload))
        version += 1
        payload["v"] = version
    return payload
