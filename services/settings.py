"""What the gateway and the intake are told, by the environment or by whoever embeds them.

- ``LAPSTREAM_STORE``: URL of the server; without it the embedded one;
- ``LAPSTREAM_DATA``: the embedded server's data folder; without it the user's;
- ``LAPSTREAM_TOKENS_FILE``, ``LAPSTREAM_TOKENS``: the tokens (``services.roles``);
- ``LAPSTREAM_PRIVATE``: ``1`` where reading, too, needs a token (of any role);
- ``LAPSTREAM_ORIGINS``: web origins that browsers may read from, separated by commas;
  without it none but the gateway's own;
- ``LAPSTREAM_CONNECTIONS``: subscribers at once (10000);
- ``LAPSTREAM_EVENTS_PER_SECOND``: what one producer may append, on average (2000);
- ``LAPSTREAM_LOG_LEVEL``: ``INFO`` unless told otherwise.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from services.roles import Tokens


@dataclass(frozen=True, slots=True)
class Settings:
    """See the module."""

    store: str | None = None
    data: Path | None = None
    tokens: Tokens = field(default_factory=Tokens)
    private: bool = False
    origins: tuple[str, ...] = ()
    connections: int = 10_000
    events_per_second: float = 2000.0

    @classmethod
    def of_environment(cls, tokens_file: str | None = None) -> Settings:
        """As the environment tells it, but for a file of tokens. Raises BadTokens."""
        told = os.environ.get
        data = told("LAPSTREAM_DATA")
        return cls(
            store=told("LAPSTREAM_STORE") or None,
            data=Path(data) if data else None,
            tokens=Tokens.told(
                tokens_file or told("LAPSTREAM_TOKENS_FILE"), told("LAPSTREAM_TOKENS")
            ),
            private=told("LAPSTREAM_PRIVATE", "") not in ("", "0"),
            origins=tuple(filter(None, told("LAPSTREAM_ORIGINS", "").split(","))),
            connections=int(told("LAPSTREAM_CONNECTIONS", "10000")),
            events_per_second=float(told("LAPSTREAM_EVENTS_PER_SECOND", "2000")),
        )
