"""Older payloads become newer ones, one small pure step at a time.

A step is never removed: every log ever written must stay readable. Steps work on the
raw dictionary, before validation, so the models know only the newest version.

To change an event: raise its ``VERSION`` and ``v``, add a step here, and store a payload
of the new version in ``tests/payloads/`` beside the older ones, which stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Payload = dict[str, Any]
Upcast = Callable[[Payload], Payload]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""``(type, version)`` to the step that makes version + 1 of it. None has been needed
yet: every event is at its first version."""


def upcast(payload: Payload, newest: int, steps: Mapping[tuple[str, int], Upcast]) -> Payload:
    """Bring a payload of an older version to version ``newest``.

    Raises whatever a step raises for a payload that is not as its version was.
    """
    for version in range(payload.get("v", 1), newest):
        payload = {**steps[payload["type"], version](payload), "v": version + 1}
    return payload
