"""The tokens of a store as rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from services.queries.tables.columns import Row
from services.storage.token_store import StoredToken


def token_rows(tokens: Iterable[StoredToken], now_ms: float) -> list[Row]:
    """A row for each token; ``now_ms`` decides which have ended."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "role": one.role,
            "sessions": list(one.sessions),
            "until": None if one.until_ms is None else _wall_clock(one.until_ms),
            "ended": one.until_ms is not None and one.until_ms <= now_ms,
            "added_at": _wall_clock(one.added_ms),
            "added_by": one.added_by,
        }
        for one in tokens
    ]


def _wall_clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
