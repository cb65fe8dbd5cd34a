"""Upcasting: older payloads to newer versions, one small pure step each.

Steps are never removed: every log ever written must stay readable. They work on the raw
dictionary, before validation, so the models know only the newest version.

To change an event: raise its ``VERSION`` and ``v``, add a step here, and store a payload
of the new version in ``tests/payloads/`` beside the older ones, which stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Payload = dict[str, Any]
Upcast = Callable[[Payload], Payload]


def _unchanged(payload: Payload) -> Payload:
    """The step to a version that only allows more."""
    return payload


UPCASTS: Mapping[tuple[str, int], Upcast] = {
    ("entry_added", 1): _unchanged,  # 2: subclass
    ("entry_amended", 1): _unchanged,  # 2: subclass
    ("points_adjusted", 1): _unchanged,  # 2: fractions of points
    ("round_scored", 1): _unchanged,  # 2: several races of a round, best laps, laps led
    ("season_opened", 1): _unchanged,  # 2: several races of a round
}
"""``(type, version)`` to the step that gives version + 1."""


def upcast(payload: Payload, newest: int, steps: Mapping[tuple[str, int], Upcast]) -> Payload:
    """Upcast a payload of an older version to version ``newest``.

    Propagates any error of a step for a payload that is invalid in its own version.
    """
    for version in range(payload.get("v", 1), newest):
        payload = {**steps[payload["type"], version](payload), "v": version + 1}
    return payload
