"""Chance that is the same in every run: numbers drawn from a hash of what they are for."""

from __future__ import annotations

from hashlib import sha256


def draw(*what: object) -> float:
    """A number from -1 up to 1, the same for the same ``what``."""
    digest = sha256("|".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**47 - 1.0
