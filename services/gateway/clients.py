"""Whether the client that is being served has a token.

Where memory or time run short, those without one are refused first.
"""

from __future__ import annotations

from contextvars import ContextVar

from services.gateway.errors import RequestRefused

_KNOWN: ContextVar[bool] = ContextVar("known_client", default=True)


def note_client(*, known: bool) -> None:
    """Note for the running task whether its client has a token; work of our own counts as such."""
    _KNOWN.set(known)


def is_known() -> bool:
    """Whether the client of the running task has a token."""
    return _KNOWN.get()


def refuse_anonymous(detail: str, retry_seconds: int) -> None:
    """Raise RequestRefused (429) unless the client of the running task has a token."""
    if not is_known():
        reason = f"{detail}; try again, or send a token"
        raise RequestRefused(429, reason, headers={"Retry-After": str(retry_seconds)})
