"""Lua scripts that the server runs as one command, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError


class Script:
    """A Lua script, sent by its hash.

    Where the server does not know the hash, as after each start, the text is sent instead.
    (``register_script`` loads the text and then sends the hash again, which fails if the
    server restarts in between.) Calling it returns the raw reply and raises what redis-py
    raises.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(
        self, redis: Redis, keys: Sequence[str], arguments: Sequence[bytes | str | int]
    ) -> Any:
        """Run the script; all keys must be in one slot, that is, belong to one session."""
        try:
            return await redis.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await redis.eval(self._text, len(keys), *keys, *arguments)
