"""What the gateway and the intake are told, by the environment or by whoever embeds them.

- ``LAPSTREAM_STORE``: URL of the server; without it the embedded one;
- ``LAPSTREAM_DATA``: the embedded server's data folder; without it the user's;
- ``LAPSTREAM_TOKENS_FILE``, ``LAPSTREAM_TOKENS``: the tokens (``services.roles``);
- ``LAPSTREAM_PRIVATE``: ``1`` where reading, too, needs a token (of any role);
- ``LAPSTREAM_ORIGINS``: web origins whose pages may read, separated by commas (``*``: any,
  ``null,file://``: those from a disk); without it none but the gateway's own. Where it
  listens on this machine alone, it answers to their names, too (``services.gateway.origins``);
- ``LAPSTREAM_CONNECTIONS``: subscribers at once (10000);
- ``LAPSTREAM_EVENTS_PER_SECOND``: what one producer may append, on average (2000);
- ``LAPSTREAM_LOG_LEVEL``: ``INFO`` unless told otherwise.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from events.errors import BadSetting
from services.roles import Tokens

CONNECTIONS = 10_000
EVENTS_PER_SECOND = 2000.0

_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """See the module."""

    store: str | None = None
    data: Path | None = None
    tokens: Tokens = field(default_factory=Tokens)
    private: bool = False
    origins: tuple[str, ...] = ()
    connections: int = CONNECTIONS
    events_per_second: float = EVENTS_PER_SECOND

    @classmethod
    def of_environment(cls, tokens_file: str | None = None) -> Settings:
        """As the environment tells it, but for a file of tokens.

        Raises BadTokens and BadSetting.
        """
        told = os.environ.get
        data = told("LAPSTREAM_DATA")
        return cls(
            store=told("LAPSTREAM_STORE") or None,
            data=Path(data) if data else None,
            tokens=Tokens.told(
                tokens_file or told("LAPSTREAM_TOKENS_FILE"), told("LAPSTREAM_TOKENS")
            ),
            private=_whether("LAPSTREAM_PRIVATE"),
            origins=tuple(filter(None, map(str.strip, told("LAPSTREAM_ORIGINS", "").split(",")))),
            connections=_count("LAPSTREAM_CONNECTIONS", CONNECTIONS),
            events_per_second=_rate("LAPSTREAM_EVENTS_PER_SECOND", EVENTS_PER_SECOND),
        )


def _whether(name: str) -> bool:
    text = os.environ.get(name, "")
    if text.lower() not in (*_YES, *_NO):
        raise BadSetting(name, text, "1 or 0")
    return text.lower() in _YES


def _count(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise BadSetting(name, text, "a whole number from 1 on")
    return int(text)


def _rate(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise BadSetting(name, text, "a number greater than 0")
    return rate
