"""Translation of redis-py's exceptions to StoreError."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from redis.exceptions import (
    AuthenticationError,
    ClusterError,
    InvalidResponse,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from events.errors import NotConfirmed, StoreUnavailable, StoreUnfit

WITHOUT_REPLICAS = ("NOREPLICAS", "UNBLOCKED")
"""Beginnings of replies to a write while there are too few replicas (min-replicas-to-write), and to
a WAIT while the server becomes a replica itself."""


@contextlib.contextmanager
def translated_errors(name: str) -> Iterator[None]:
    """Raise StoreUnavailable or StoreUnfit for what redis-py raises within the context.

    ``name`` identifies the server in the message. A task that is cancelled within the
    context ends cancelled: redis-py writes with ``asyncio.wait_for``, which up to Python
    3.11 swallows a cancellation that arrives just as the write completes, and whoever waits
    for the task would wait for ever.
    """
    before = _pending_cancellations()
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        # redis-py raises a wrong password as a ConnectionError caused by AuthenticationError.
        if isinstance(error.__cause__ or error, AuthenticationError):
            reason = "authentication failed: check the user and the password in its URL"
            raise StoreUnfit(name, reason) from error
        raise StoreUnavailable(name, _one_line(error)) from error
    except (RedisClusterException, ClusterError, TryAgainError) as error:
        raise StoreUnavailable(name, _one_line(error)) from error
    except InvalidResponse as error:
        raise StoreUnfit(name, "what listens there is neither Redis nor Valkey") from error
    except RedisError as error:
        if str(error).startswith(WITHOUT_REPLICAS):
            raise NotConfirmed(name, _one_line(error)) from error
        raise StoreUnfit(name, f"it rejected a command ({_one_line(error)})") from error
    finally:
        if _pending_cancellations() > before:
            raise asyncio.CancelledError


def _pending_cancellations() -> int:
    """The number of cancellations that the running task has not yet acted on."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop
        return 0
    return 0 if task is None else task.cancelling()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
